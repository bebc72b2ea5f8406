package gateway

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"github.com/modtier/modtier/tiers"
)

// answersSize bounds the answers in memory, in bytes. The longest lists that
// exist have some 100 KB, the usual ones less than one.
const answersSize = 32 << 20

// askTimeout bounds the asking of an upstream on behalf of all who wait.
const askTimeout = 2 * time.Minute

// answers is the one cache of answers that change: lists, @latest, branches and
// the head of a checksum database.
//
// An answer is fresh at first; then it is given at once and asked for again in
// the background; then it is asked for again, and given only if the upstream
// cannot be asked; then it is worth nothing. What an upstream said is kept in
// notes, so that an outage does not become total with a restart.
type answers struct {
	times Times
	notes Notes
	log   *slog.Logger
	group singleflight.Group
	slots *semaphore.Weighted // of questions

	mu    sync.Mutex // guards all below
	known *simplelru.LRU[string, *answer]
	size  int64
}

// An answer is what an upstream said, and when.
type answer struct {
	body   []byte
	absent error     // it said that there is nothing; body is empty
	at     time.Time // when it was last heard
	failed time.Time // when it could not be asked after that; zero if it could
	why    error     // and why not
}

func (a *answer) cost() int64 { return int64(len(a.body)) + 512 }

// The states of an answer that was given.
const (
	fresh     = "fresh"
	stale     = "stale"
	refreshed = "refreshed"
	failed    = "error"
)

// given is an answer as it is given to a client.
type given struct {
	*answer
	state     string
	collapsed bool
	trouble   error // why a stale answer could not be refreshed; nil if it was not tried
}

func newAnswers(times Times, questions int64, notes Notes, log *slog.Logger) *answers {
	a := &answers{times: times, notes: notes, log: log, slots: semaphore.NewWeighted(cmp.Or(questions, 256))}
	a.known, _ = simplelru.NewLRU(1<<30, func(_ string, e *answer) { a.size -= e.cost() })
	return a
}

// get answers key, with ask where what is known is not enough. An absence is an
// answer; the error is never one.
//
// What is asked for under a key that begins with a slash is not noted: somebody
// else keeps it.
func (a *answers) get(ctx context.Context, key string, ask func(context.Context) ([]byte, error)) (given, error) {
	known := a.lookup(key)
	if known != nil {
		age := time.Since(known.at)
		switch {
		case known.absent != nil:
			if age < a.times.Negative {
				return given{answer: known, state: fresh}, nil
			}
			known = nil // an absence is never stale
		case age < a.times.Fresh:
			return given{answer: known, state: fresh}, nil
		case age < a.times.Stale && time.Since(known.failed) < a.times.Negative:
			// During an outage, not every client has to find out for itself.
			return given{answer: known, state: stale, trouble: known.why}, nil
		case age < a.times.Fresh+a.times.Revalidate:
			a.refresh(ctx, key, ask)
			return given{answer: known, state: stale}, nil
		}
	}
	select {
	case res := <-a.refresh(ctx, key, ask):
		if res.Err == nil {
			return given{answer: res.Val.(*answer), state: refreshed, collapsed: res.Shared}, nil
		}
		if known != nil && time.Since(known.at) < a.times.Stale {
			return given{answer: known, state: stale, trouble: res.Err}, nil
		}
		return given{}, res.Err
	case <-ctx.Done():
		return given{}, context.Cause(ctx)
	}
}

// refresh asks, once for all who want to know, and however many of them leave.
func (a *answers) refresh(ctx context.Context, key string, ask func(context.Context) ([]byte, error)) <-chan singleflight.Result {
	return a.group.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
		defer cancel()
		body, err := a.ask(ctx, ask)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			a.fail(key, err)
			return nil, err
		}
		e := &answer{body: body, absent: err, at: time.Now()}
		a.store(key, e)
		if err == nil && !strings.HasPrefix(key, "/") {
			a.write(key, e)
		}
		return e, nil
	})
}

// ask asks once there are few enough who do.
func (a *answers) ask(ctx context.Context, ask func(context.Context) ([]byte, error)) ([]byte, error) {
	if err := a.slots.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("waiting for other questions to the upstream to be answered: %w", err)
	}
	defer a.slots.Release(1)
	return ask(ctx)
}

// lookup returns what is known, be it from before a restart, or nil.
func (a *answers) lookup(key string) *answer {
	a.mu.Lock()
	e, ok := a.known.Get(key)
	a.mu.Unlock()
	if ok {
		return e
	}
	if strings.HasPrefix(key, "/") {
		return nil
	}
	b, at, err := a.notes.ReadNote(noteName(key))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			a.log.Warn("reading an answer from before", "err", err) // it is asked for anew
		}
		return nil
	}
	body, ok := unseal(key, b)
	if !ok {
		return nil
	}
	e = &answer{body: body, at: at}
	a.store(key, e)
	return e
}

// store keeps e in memory, and forgets what was used least recently.
func (a *answers) store(key string, e *answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known.Remove(key)
	a.known.Add(key, e)
	for a.size += e.cost(); a.size > answersSize && a.known.Len() > 1; {
		a.known.RemoveOldest()
	}
}

// fail records that key could not be asked for.
func (a *answers) fail(key string, why error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e, ok := a.known.Peek(key); ok && e.absent == nil {
		failed := *e // answers are shared by those who were given them
		failed.failed, failed.why = time.Now(), why
		a.size += failed.cost() - e.cost()
		a.known.Add(key, &failed)
	}
}

// write keeps e for after a restart.
func (a *answers) write(key string, e *answer) {
	if err := a.notes.WriteNote(noteName(key), seal(key, e.body)); err != nil {
		a.log.Warn("an answer will not outlive a restart", "err", err)
	}
}

// seal makes a note of body. It begins with its key, for the hashes of names
// could collide, and with a checksum, for a note that a power cut left in part
// must not pass for a whole one.
func seal(key string, body []byte) []byte {
	return append([]byte(key+" "+contentTag(body)+"\n"), body...)
}

// unseal returns the body of a note, and whether it is the whole one of key.
func unseal(key string, note []byte) (body []byte, ok bool) {
	head, body, _ := bytes.Cut(note, []byte("\n"))
	return body, string(head) == key+" "+contentTag(body)
}

// noteName returns where the answer to key is kept.
func noteName(key string) string {
	h := sha256.Sum256([]byte(key))
	s := hex.EncodeToString(h[:16])
	return "answers/" + s[:2] + "/" + s[2:]
}

// absence returns why there is nothing, with the words of who said so.
func (a *answer) absence() error {
	if a.absent == nil || errors.As(a.absent, new(*tiers.AbsentError)) {
		return a.absent
	}
	return fs.ErrNotExist
}
