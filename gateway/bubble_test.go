package gateway_test

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/gateway"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// claim runs a test in a bubble, where time stands still while anybody works.
func claim(t *testing.T, name string, test func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

// A voice is an upstream for bubbles, in which sockets do not work. Each
// answer is a text by the name of its question: "list PATH", "latest PATH",
// "PATH@QUERY" or "sumdb NAME/PATH"; what has no text is absent.
type voice struct {
	mu    sync.Mutex // guards all below
	texts map[string]string
	asked map[string]int
	fails error         // of every answer, if it is not nil
	hold  chan struct{} // which every answer waits for, if it is not nil
}

func (v *voice) say(ctx context.Context, question string) ([]byte, error) {
	v.mu.Lock()
	v.asked[question]++
	hold := v.hold
	v.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	text, ok := v.texts[question]
	switch {
	case v.fails != nil:
		return nil, v.fails
	case !ok:
		return nil, &tiers.AbsentError{Text: "nobody knows " + question}
	}
	return []byte(text), nil
}

func (v *voice) Versions(ctx context.Context, path string) ([]string, error) {
	b, err := v.say(ctx, "list "+path)
	return strings.Fields(string(b)), err
}

func (v *voice) Latest(ctx context.Context, path string) ([]byte, error) {
	return v.say(ctx, "latest "+path)
}

func (v *voice) Query(ctx context.Context, path, query string) ([]byte, error) {
	return v.say(ctx, path+"@"+query)
}

func (v *voice) SumDB(ctx context.Context, name, path string) ([]byte, error) {
	return v.say(ctx, "sumdb "+name+"/"+path)
}

func (v *voice) set(question, text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.texts[question] = text
}

// fail makes all answers fail with err; nil makes them good again.
func (v *voice) fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.fails = err
}

// pause makes all answers wait until the function it returns is called.
func (v *voice) pause() (resume func()) {
	hold := make(chan struct{})
	v.mu.Lock()
	defer v.mu.Unlock()
	v.hold = hold
	return func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.hold = nil
		close(hold)
	}
}

// memo keeps notes. Those of a disk tier bear the time of the machine, not that
// of the bubble.
type memo map[string]kept

type kept struct {
	content []byte
	written time.Time
}

func (m memo) ReadNote(name string) ([]byte, time.Time, error) {
	n, ok := m[name]
	if !ok {
		return nil, time.Time{}, fs.ErrNotExist
	}
	return n.content, n.written, nil
}

func (m memo) WriteNote(name string, b []byte) error {
	m[name] = kept{bytes.Clone(b), time.Now()}
	return nil
}

// A bubble is a gateway in a bubble.
type bubble struct {
	*gateway.Gateway
	handler http.Handler
	voice   *voice
	notes   memo
	stack   *tiers.Stack

	mu     sync.Mutex // guards states
	states []string   // of the answers given since the last look
}

func newBubble(t *testing.T, change ...func(*bubble)) *bubble {
	t.Helper()
	disk, err := tiers.OpenDisk(t.TempDir(), tiers.DiskLimits{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	b := &bubble{
		voice: &voice{texts: make(map[string]string), asked: make(map[string]int)},
		notes: make(memo),
		stack: &tiers.Stack{Caches: []tiers.Cache{disk}, Disk: disk},
	}
	b.Gateway = &gateway.Gateway{
		Files:    b.stack,
		Held:     b.stack,
		Upstream: b.voice,
		Notes:    b.notes,
		Caches:   []string{"disk"},
		Times:    gateway.Times{Fresh: time.Minute, Revalidate: 10 * time.Minute, Stale: 168 * time.Hour, Negative: 30 * time.Second},
		SumDBs:   []string{"sum.example.com"},
		Answer: func(kind, state string) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.states = append(b.states, kind+" "+state)
		},
		Log: slog.New(slog.DiscardHandler),
	}
	for _, do := range change {
		do(b)
	}
	b.handler = b.Handler()
	return b
}

// restart begins a gateway that knows of the last one only what is noted.
func (b *bubble) restart() { b.handler = b.Handler() }

// hold makes the stack hold versions of a module.
func (b *bubble) hold(t *testing.T, path string, versions ...string) {
	t.Helper()
	for _, version := range versions {
		v := module.Version{Path: path, Version: version}
		if err := b.stack.Save(t.Context(), v, tierstest.Version(v, "a")); err != nil {
			t.Fatal(err)
		}
	}
}

// get asks for path. A client that leaves has status 0.
func (b *bubble) get(t *testing.T, path string, header ...string) reply {
	t.Helper()
	return b.ask(t, t.Context(), path, header...)
}

func (b *bubble) ask(t *testing.T, ctx context.Context, path string, header ...string) (got reply) {
	t.Helper()
	defer func() {
		if v := recover(); v != nil && v != http.ErrAbortHandler {
			panic(v)
		}
	}()
	r := httptest.NewRequestWithContext(ctx, "GET", path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	checkStatusFields(t, w.Header())
	return reply{w.Code, w.Header(), w.Body.String()}
}

// gave checks the states of the answers given since the last look.
func (b *bubble) gave(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if got := strings.Join(b.states, ", "); got != strings.Join(want, ", ") {
		t.Errorf("gave answers %q, want %q", got, want)
	}
	b.states = nil
}

// asked checks how often a question came since the start.
func (b *bubble) asked(t *testing.T, question string, want int) {
	t.Helper()
	synctest.Wait()
	b.voice.mu.Lock()
	defer b.voice.mu.Unlock()
	if got := b.voice.asked[question]; got != want {
		t.Errorf("%s: asked %d times, want %d", question, got, want)
	}
}
