package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modtier/modtier/tiers"
)

const (
	listPath = "/example.com/hot/@v/list"
	listOf   = "list example.com/hot"
)

var outage = &tiers.UpstreamError{Upstream: "proxy.example.com", Status: 503, Text: "out of order"}

// withList makes the upstream list one version.
func withList(b *bubble) { b.voice.set(listOf, "v1.0.0") }

func TestAnswersAge(t *testing.T) {
	claim(t, "fresh, the upstream is not asked", func(t *testing.T) {
		b := newBubble(t, withList)
		b.get(t, listPath).is(t, 200).says(t, "v1.0.0\n").has(t, "Cache-Control", "public, max-age=60")
		b.gave(t, "list refreshed")
		b.voice.set(listOf, "v1.0.0 v1.1.0")
		time.Sleep(59 * time.Second)
		got := b.get(t, listPath).is(t, 200).says(t, "v1.0.0\n").has(t, "Cache-Control", "public, max-age=1")
		got.has(t, "Cache-Status", "answers; hit; ttl=1")
		b.gave(t, "list fresh")
		b.asked(t, listOf, 1)
	})
	claim(t, "then it is asked while what it said is given", func(t *testing.T) {
		b := newBubble(t, withList)
		b.get(t, listPath)
		for _, age := range []time.Duration{time.Minute, 10*time.Minute + 59*time.Second} {
			b.gave(t, "list refreshed")
			b.voice.set(listOf, "v1.0.0 v1.1.0")
			time.Sleep(age)
			resume := b.voice.pause()
			for range 3 {
				got := b.get(t, listPath).is(t, 200).says(t, "v1.0.0\n").has(t, "Cache-Control", "public, max-age=0")
				got.has(t, "Cache-Status", fmt.Sprintf("answers; hit; ttl=%d", (time.Minute-age)/time.Second))
			}
			b.gave(t, "list stale", "list stale", "list stale")
			b.asked(t, listOf, 2)
			resume()
			synctest.Wait()
			b.get(t, listPath).is(t, 200).says(t, "v1.0.0\nv1.1.0\n").has(t, "Cache-Status", "answers; hit; ttl=60")
			b.gave(t, "list fresh")
			b.asked(t, listOf, 2)
			b = newBubble(t, withList)
			b.get(t, listPath)
		}
	})
	claim(t, "then it is asked first", func(t *testing.T) {
		b := newBubble(t, withList)
		b.get(t, listPath)
		b.voice.set(listOf, "v1.1.0")
		time.Sleep(11 * time.Minute)
		b.get(t, listPath).is(t, 200).says(t, "v1.1.0\n").has(t, "Cache-Status", "answers; fwd=miss; fwd-status=200; stored")
		b.gave(t, "list refreshed", "list refreshed")
	})
	claim(t, "if it cannot be asked, what it said is given until that is too old", func(t *testing.T) {
		b := newBubble(t, withList)
		b.get(t, listPath)
		b.voice.fail(outage)
		for _, age := range []time.Duration{11 * time.Minute, time.Hour, 168*time.Hour - time.Second} {
			time.Sleep(age - b.age())
			got := b.get(t, listPath).is(t, 200).says(t, "v1.0.0\n").has(t, "Cache-Control", "public, max-age=0")
			got.has(t, "Proxy-Status", `modtier; next-hop="proxy.example.com"; received-status=503`)
		}
		b.gave(t, "list refreshed", "list stale", "list stale", "list stale")
		time.Sleep(168*time.Hour - b.age())
		b.get(t, listPath).is(t, 502).tells(t, "answered 503: out of order").has(t, "Cache-Control", "no-store")
		b.gave(t, "list error")
	})
	claim(t, "a branch and the latest version age in the same way", func(t *testing.T) {
		for path, question := range map[string]string{"/example.com/hot/@latest": "latest example.com/hot", "/example.com/hot/@v/main.info": "example.com/hot@main"} {
			b := newBubble(t)
			b.voice.set(question, `{"Version":"v1.0.0"}`)
			b.get(t, path).is(t, 200)
			b.voice.set(question, `{"Version":"v1.1.0"}`)
			time.Sleep(59 * time.Second)
			b.get(t, path).says(t, `{"Version":"v1.0.0"}`)
			b.asked(t, question, 1)
			time.Sleep(time.Second)
			b.get(t, path).says(t, `{"Version":"v1.0.0"}`)
			b.asked(t, question, 2)
			b.get(t, path).says(t, `{"Version":"v1.1.0"}`)
			b.voice.fail(outage)
			time.Sleep(time.Hour)
			b.get(t, path).is(t, 200).says(t, `{"Version":"v1.1.0"}`)
			time.Sleep(168 * time.Hour)
			b.get(t, path).is(t, 502)
		}
	})
}

// age returns for how long the bubble has been there.
func (b *bubble) age() time.Duration {
	return time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
}

func TestAnOutageIsFoundOutOncePerWindow(t *testing.T) {
	for name, age := range map[string]time.Duration{"soon": 2 * time.Minute, "late": time.Hour} {
		claim(t, name, func(t *testing.T) {
			b := newBubble(t, withList)
			b.get(t, listPath)
			time.Sleep(age)
			b.voice.fail(outage)
			for window := range 3 {
				for range 10 {
					b.get(t, listPath).is(t, 200).says(t, "v1.0.0\n")
					b.asked(t, listOf, 2+window)
					time.Sleep(3 * time.Second)
				}
			}
			b.voice.fail(nil)
			b.get(t, listPath)
			b.asked(t, listOf, 5)
			b.get(t, listPath).is(t, 200).has(t, "Cache-Status", "answers; hit; ttl=60").has(t, "Proxy-Status", "")
		})
	}
	claim(t, "every answer in it is of one kind", func(t *testing.T) {
		b := newBubble(t, withList)
		b.get(t, listPath)
		b.hold(t, "example.com/hot", "v1.5.0")
		b.voice.fail(outage)
		time.Sleep(time.Hour)
		for range 3 {
			got := b.get(t, listPath).is(t, 200).says(t, "v1.0.0\nv1.5.0\n")
			got.has(t, "Proxy-Status", `modtier; next-hop="proxy.example.com"; received-status=503`)
		}
		b.asked(t, listOf, 2)
	})
}

func TestAbsenceIsRememberedForAMoment(t *testing.T) {
	claim(t, "for as long as it says", func(t *testing.T) {
		b := newBubble(t)
		b.get(t, listPath).is(t, 404).tells(t, "nobody knows "+listOf).has(t, "Cache-Control", "public, max-age=30")
		time.Sleep(29 * time.Second)
		b.voice.set(listOf, "v1.0.0")
		got := b.get(t, listPath).is(t, 404).tells(t, "nobody knows "+listOf).has(t, "Cache-Control", "public, max-age=1")
		got.has(t, "Cache-Status", "answers; hit; ttl=1")
		b.asked(t, listOf, 1)
		time.Sleep(time.Second)
		b.get(t, listPath).is(t, 200).says(t, "v1.0.0\n")
		b.asked(t, listOf, 2)
		b.gave(t, "list refreshed", "list fresh", "list refreshed")
	})
	claim(t, "it is never stale", func(t *testing.T) {
		for _, path := range []string{listPath, "/sumdb/sum.example.com/lookup/example.com/hot@v1.0.0"} {
			b := newBubble(t)
			b.get(t, path).is(t, 404)
			b.voice.fail(outage)
			time.Sleep(30 * time.Second)
			b.get(t, path).is(t, 502)
		}
	})
	claim(t, "it does not outlive a restart", func(t *testing.T) {
		b := newBubble(t)
		b.get(t, listPath).is(t, 404)
		b.restart()
		b.voice.set(listOf, "v1.0.0")
		b.get(t, listPath).is(t, 200)
	})
}

func TestAnErrorThatIsNoUpstreamsIsAnError(t *testing.T) {
	for _, err := range []error{context.Canceled, errors.New("something else")} {
		claim(t, err.Error(), func(t *testing.T) {
			b := newBubble(t)
			b.voice.fail(err)
			b.get(t, listPath).is(t, 500).tells(t, err.Error())
		})
	}
}

func TestStrictTakesTheUpstreamsWordOnly(t *testing.T) {
	claim(t, "what it said is given while that is fresh, and then never", func(t *testing.T) {
		b := newBubble(t, withList, func(b *bubble) { b.Strict = true })
		b.hold(t, "example.com/hot", "v1.5.0")
		b.get(t, listPath).is(t, 200).says(t, "v1.0.0\nv1.5.0\n")
		b.voice.fail(outage)
		time.Sleep(59 * time.Second)
		b.get(t, listPath).is(t, 200)
		time.Sleep(time.Second)
		b.get(t, listPath).is(t, 502).tells(t, "out of order")
		b.get(t, "/example.com/hot/@latest").is(t, 502)
		b.voice.fail(nil)
		b.voice.set(listOf, "v1.1.0")
		b.get(t, listPath).is(t, 200).says(t, "v1.1.0\nv1.5.0\n")
		b.gave(t, "list refreshed", "list fresh", "list error", "latest error", "list refreshed")
	})
}

func TestQuestionsAreBounded(t *testing.T) {
	claim(t, "some wait for others, and what is known waits for none", func(t *testing.T) {
		b := newBubble(t, withList, func(b *bubble) { b.Questions = 2 })
		b.get(t, listPath)
		resume := b.voice.pause()
		for i := range 5 {
			go b.get(t, fmt.Sprintf("/example.com/m%d/@latest", i))
		}
		asked := func() (n int) {
			synctest.Wait()
			b.voice.mu.Lock()
			defer b.voice.mu.Unlock()
			for i := range 5 {
				n += b.voice.asked[fmt.Sprintf("latest example.com/m%d", i)]
			}
			return n
		}
		if n := asked(); n != 2 {
			t.Errorf("%d questions at once, want 2", n)
		}
		b.get(t, listPath).is(t, 200).says(t, "v1.0.0\n")
		resume()
		if n := asked(); n != 5 {
			t.Errorf("%d questions in all, want 5", n)
		}
	})
}

func TestMemoryForAnswersIsBounded(t *testing.T) {
	claim(t, "the least recently used go", func(t *testing.T) {
		b := newBubble(t)
		const n = 40 // of a megabyte each; the bound is 32
		path := func(i int) string { return fmt.Sprintf("/example.com/m%d/@v/main.info", i) }
		question := func(i int) string { return fmt.Sprintf("example.com/m%d@main", i) }
		for i := range n {
			b.voice.set(question(i), strings.Repeat("x", 1<<20))
			b.get(t, path(i)).is(t, 200)
			b.get(t, path(0)).is(t, 200)
			clear(b.notes)
		}
		for i, want := range map[int]int{0: 1, 1: 2, 5: 2, n - 20: 1, n - 1: 1} {
			b.get(t, path(i)).is(t, 200)
			b.asked(t, question(i), want)
		}
	})
}
