package gateway_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestManyClientsAskOnce(t *testing.T) {
	claim(t, "and get one answer", func(t *testing.T) {
		b := newBubble(t, withList)
		resume := b.voice.pause()
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				got := b.get(t, listPath).is(t, 200).says(t, "v1.0.0\n")
				got.has(t, "Cache-Status", "answers; fwd=miss; fwd-status=200; stored; collapsed")
			})
		}
		b.asked(t, listOf, 1)
		resume()
		wg.Wait()
		b.asked(t, listOf, 1)
	})
	claim(t, "and share an error", func(t *testing.T) {
		b := newBubble(t)
		b.voice.fail(outage)
		resume := b.voice.pause()
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { b.get(t, listPath).is(t, 502) })
		}
		b.asked(t, listOf, 1)
		resume()
		wg.Wait()
	})
	claim(t, "also when the first of them leaves", func(t *testing.T) {
		b := newBubble(t, withList)
		resume := b.voice.pause()
		ctx, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { b.ask(t, ctx, listPath).is(t, 0) })
		synctest.Wait()
		wg.Go(func() { b.get(t, listPath).is(t, 200).says(t, "v1.0.0\n") })
		synctest.Wait()
		leave()
		synctest.Wait()
		resume()
		wg.Wait()
		b.asked(t, listOf, 1)
	})
	claim(t, "also when all of them leave", func(t *testing.T) {
		b := newBubble(t, withList)
		resume := b.voice.pause()
		ctx, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { b.ask(t, ctx, listPath).is(t, 0) })
		}
		synctest.Wait()
		leave()
		wg.Wait()
		resume()
		synctest.Wait()
		b.get(t, listPath).is(t, 200).has(t, "Cache-Status", "answers; hit; ttl=60")
		b.asked(t, listOf, 1)
	})
	claim(t, "and do not wait for ever", func(t *testing.T) {
		b := newBubble(t, withList)
		b.voice.pause()
		b.get(t, listPath).is(t, 504)
		if b.age() > 5*time.Minute {
			t.Errorf("that took %v", b.age())
		}
	})
}
