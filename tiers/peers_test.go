package tiers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestPeers(t *testing.T) {
	half := content(zip)[:len(content(zip))/2]
	rest := content(zip)[len(half):]

	// trio returns three stacks, as of three processes, over one store and one lock
	// service, which may read from each other. The upstream of the first is d.
	trio := func(t *testing.T) (s [3]*stack, d *drip, l *table, f *fleet, store *level) {
		l, store = newTable(), newLevel(t, "s3")
		d = newDrip(int64(len(content(zip))))
		f = &fleet{at: make(map[string]*stack), gone: make(map[string]bool)}
		for i := range s {
			s[i] = newStack(t, has)
			s[i].withStores(t, &tiers.Queue{}, store)
			holder := fmt.Sprintf("http://instance-%d", i)
			s[i].Locker, s[i].Peers = seat{l, holder}, f
			f.at[holder] = s[i]
		}
		s[0].origin.answer = func(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
			if r == zip {
				return d.answer(ctx, r)
			}
			return has(ctx, r)
		}
		return s, d, l, f, store
	}
	// led has the first fetch the first half, and asks the others.
	led := func(t *testing.T, s [3]*stack, d *drip) (clients []*client) {
		clients = append(clients, s[0].ask(t, zip))
		synctest.Wait()
		d.send(t, half)
		for _, other := range s[1:] {
			clients = append(clients, other.ask(t, zip))
		}
		time.Sleep(time.Second)
		return clients
	}
	whole := func(t *testing.T, clients []*client) {
		t.Helper()
		for _, c := range clients {
			c.gotAll(t, content(zip))
		}
	}

	claim(t, "others read from the holder of the lock while it fetches", func(t *testing.T) {
		s, d, l, f, store := trio(t)
		store.hold = make(chan struct{})
		clients := led(t, s, d)
		for _, c := range clients {
			c.has(t, half)
		}
		d.send(t, rest)
		d.end(nil)
		whole(t, clients)
		close(store.hold)
		for _, one := range s {
			one.settles(t)
		}
		s[1].asked(t, 0)
		s[2].asked(t, 0)
		tierstest.Holds(t, store.Store, version, files)
		if n := len(store.saved()); n != 1 {
			t.Errorf("saves: got %d, want the holder's", n)
		}
		if got := f.outcomes(); !slices.Equal(got, []error{nil, nil}) {
			t.Errorf("outcomes: got %v, want two whole", got)
		}
		synctest.Wait()
		if !l.isFree() {
			t.Error("a lock is held though all is saved")
		}
	})

	claim(t, "if the holder dies they go on at the same byte, and one of them asks the upstream", func(t *testing.T) {
		s, d, l, f, store := trio(t)
		clients := led(t, s, d)
		f.kill("http://instance-0")
		l.expire(version.String())
		d.end(errGone)
		time.Sleep(20 * time.Second)
		whole(t, clients[1:])
		if n := s[1].origin.opens.Load() + s[2].origin.opens.Load(); n > 4 { // zip, and the two of the save
			t.Errorf("the others asked the upstream %d times, want one zip, one info and one go.mod", n)
		}
		s[1].settles(t)
		s[2].settles(t)
		tierstest.Holds(t, store.Store, version, files)
	})

	claim(t, "a holder that dies before its save leaves it to them, and it is work of their fills", func(t *testing.T) {
		s, d, _, f, store := trio(t)
		store.hold = make(chan struct{})
		type mark struct{}
		causes := make(chan any, 10)
		for _, one := range s[1:] {
			one.Watch = tiers.Watch{
				Fill: func(ctx context.Context, r tiers.Ref) (context.Context, func(tiers.Fill)) {
					return context.WithValue(ctx, mark{}, r.Kind), nil
				},
				Cause: func(fill context.Context) any { return fill.Value(mark{}) },
				Save: func(ctx context.Context, _ module.Version, cause any) (context.Context, func(error)) {
					causes <- cause
					return ctx, nil
				},
			}
		}
		clients := led(t, s, d)
		d.send(t, rest)
		d.end(nil)
		whole(t, clients)
		s[0].Queue.Close() // it saves no more
		f.kill("http://instance-0")
		close(store.hold)
		s[1].settles(t)
		s[2].settles(t)
		tierstest.Holds(t, store.Store, version, files)
		if got := <-causes; got != tiers.Zip {
			t.Errorf("the save's cause: got %v, want the fill of the zip", got)
		}
	})

	claim(t, "what a holder sends is not believed: the version is verified before it is saved from here", func(t *testing.T) {
		s, d, l, f, store := trio(t)
		store.hold = make(chan struct{})
		lines := sumsOf(t, version, tierstest.Version(version, "other"))
		for _, one := range s[1:] {
			one.Queue.Verify = &tiers.Verifier{Sums: func(context.Context, module.Version) ([]string, error) { return lines, nil }}
		}
		clients := led(t, s, d)
		d.send(t, rest)
		d.end(nil)
		whole(t, clients)
		s[0].Queue.Close()
		f.kill("http://instance-0")
		close(store.hold)
		s[1].settles(t)
		s[2].settles(t)
		if _, err := store.Store.Open(t.Context(), zip); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the store has what was not verified: %v", err)
		}
		if _, err := s[1].Here().Open(t.Context(), zip); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it is here though it was found to be wrong: %v", err)
		}
		synctest.Wait()
		if !l.isFree() {
			t.Error("a lock is held")
		}
	})

	claim(t, "a holder that breaks off and comes back is not asked twice", func(t *testing.T) {
		s, d, _, f, _ := trio(t)
		s[1].LockWait = 5 * time.Second
		var log bytes.Buffer
		s[1].Log = slog.New(slog.NewTextHandler(&log, nil))
		first := s[0].ask(t, zip)
		synctest.Wait()
		d.send(t, half)
		c := s[1].ask(t, zip)
		time.Sleep(time.Second)
		f.kill("http://instance-0")
		d.send(t, rest[:1])
		time.Sleep(time.Minute) // the lock is not let go of: it waits so long and no longer
		c.gotAll(t, content(zip))
		s[1].asked(t, 3)
		if !slices.Equal(f.asked, []string{"http://instance-0"}) {
			t.Errorf("asked %v, want the holder once", f.asked)
		}
		if got := f.outcomes(); len(got) != 1 || !errors.Is(got[0], errGone) {
			t.Errorf("outcomes: got %v, want one that failed", got)
		}
		if n := strings.Count(log.String(), errGone.Error()); n != 1 {
			t.Errorf("the log tells of it %d times, want once: %s", n, &log)
		}
		d.send(t, rest[1:])
		d.end(nil)
		first.gotAll(t, content(zip))
	})

	claim(t, "a holder that does not answer is waited for no longer than its lock", func(t *testing.T) {
		s, d, _, f, _ := trio(t)
		s[1].LockWait = 5 * time.Second
		s[0].origin.answer = hangs
		s[0].ask(t, zip)
		synctest.Wait()
		c := s[1].ask(t, zip)
		time.Sleep(4 * time.Second)
		c.has(t, nil)
		time.Sleep(2 * time.Second)
		c.gotAll(t, content(zip))
		d.end(errGone)
		time.Sleep(time.Minute)
		if got := f.outcomes(); len(got) != 1 || got[0] == nil {
			t.Errorf("outcomes: got %v, want one that is none", got)
		}
	})

	claim(t, "what a peer asks for begins no fill, and asks no store", func(t *testing.T) {
		s, d, _, _, store := trio(t)
		if err := store.Store.Save(t.Context(), version, files); err != nil {
			t.Fatal(err)
		}
		if _, err := s[1].Here().Open(t.Context(), zip); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v, want that it is not here", err)
		}
		if n := store.opened(); n != 0 {
			t.Errorf("the store was asked %d times", n)
		}
		s[1].asked(t, 0)
		d.end(nil)
	})
}
