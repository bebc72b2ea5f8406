package tiers_test

import (
	"context"
	"errors"
	"io/fs"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestPending(t *testing.T) {
	claim(t, "the oldest that waits is told with its tries and its last error", func(t *testing.T) {
		l := newLevel(t, "s3")
		l.be(errSick)
		s := newStack(t, serves).withStores(t, &tiers.Queue{}, l)
		if p, ok := s.Queue.First(); ok {
			t.Errorf("before anything waits: got %+v", p)
		}
		begun := time.Now()
		for i := range 2 {
			s.ask(t, tierstest.Ref(nth(i), tiers.Zip))
			synctest.Wait()
			time.Sleep(time.Minute)
		}
		first, ok := s.Queue.First()
		if !ok || first.Version != nth(0) || !first.Whole || first.Added.Before(begun) || first.Bytes == 0 || first.Tries < 2 || !errors.Is(first.Err, errSick) {
			t.Errorf("first: got %+v, %t; want %v with its bytes and more than one try", first, ok, nth(0))
		}
		if len(first.Stores) != 1 || first.Stores[0] != "s3" {
			t.Errorf("stores that lack it: got %v, want s3", first.Stores)
		}
		if second, ok := s.Queue.Pending(nth(1)); !ok || second.Version != nth(1) {
			t.Errorf("the second: got %+v, %t", second, ok)
		}
		if other, ok := s.Queue.Pending(module.Version{Path: "example.com/other", Version: "v1.0.0"}); ok {
			t.Errorf("one that does not wait: got %+v", other)
		}
		l.be(nil)
		s.settles(t)
		if p, ok := s.Queue.First(); ok {
			t.Errorf("once all is saved: got %+v", p)
		}
	})
}

func TestConditionOfAStore(t *testing.T) {
	claim(t, "it tells since when the store is how it is, and what was wrong last", func(t *testing.T) {
		w := newWard(t)
		if c := w.Condition(); c != (tiers.Condition{}) {
			t.Errorf("at the start: got %+v, want well", c)
		}
		time.Sleep(time.Minute)
		var well atomic.Bool
		w.patient.answer = func(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
			if well.Load() {
				return nil, fs.ErrNotExist
			}
			return nil, errSick
		}
		w.opens(t, 1, errSick)
		time.Sleep(time.Second)
		w.opens(t, 2, errSick)
		down := time.Now()
		if c := w.Condition(); c.State != tiers.Down || !c.Since.Equal(down) || !errors.Is(c.Last, errSick) || !c.Failed.Equal(down) {
			t.Errorf("down: got %+v, want since %v", c, down)
		}
		well.Store(true)
		time.Sleep(time.Minute)
		if c := w.Condition(); c.State != tiers.OK || !c.Since.After(down) || !errors.Is(c.Last, errSick) {
			t.Errorf("well again: got %+v, want since after %v, and the error still told", c, down)
		}
	})
}
