package gateway_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/modtier/modtier/gateway"
)

func TestAnswersOutliveARestart(t *testing.T) {
	questions := map[string]string{
		listPath:                        listOf,
		"/example.com/hot/@latest":      "latest example.com/hot",
		"/example.com/hot/@v/main.info": "example.com/hot@main",
		"/sumdb/sum.example.com/latest": "sumdb sum.example.com/latest",
	}
	answer := func(path string) string {
		switch {
		case path == listPath:
			return "v1.0.0\n"
		case strings.HasPrefix(path, "/sumdb/"):
			return signed
		}
		return `{"Version":"v1.0.0"}`
	}
	said := func(b *bubble) {
		for path, question := range questions {
			b.voice.set(question, answer(path))
		}
	}
	claim(t, "with their age", func(t *testing.T) {
		for path, question := range questions {
			b := newBubble(t, said)
			b.get(t, path).is(t, 200)
			time.Sleep(50 * time.Second)
			b.restart()
			b.get(t, path).is(t, 200).says(t, answer(path)).has(t, "Cache-Status", "answers; hit; ttl=10")
			b.asked(t, question, 1)
			time.Sleep(10 * time.Second)
			b.get(t, path).is(t, 200)
			b.asked(t, question, 2)
		}
	})
	claim(t, "and serve in an outage", func(t *testing.T) {
		for path := range questions {
			b := newBubble(t, said)
			b.get(t, path).is(t, 200)
			b.restart()
			b.voice.fail(outage)
			time.Sleep(100 * time.Hour)
			b.get(t, path).is(t, 200).says(t, answer(path))
			time.Sleep(68 * time.Hour)
			b.get(t, path).is(t, 502)
		}
	})
	claim(t, "and serve without an upstream, however old", func(t *testing.T) {
		for path := range questions {
			b := newBubble(t, said)
			b.get(t, path).is(t, 200)
			b.Gateway.Upstream = nil
			b.restart()
			time.Sleep(1000 * time.Hour)
			b.get(t, path).is(t, 200).says(t, answer(path))
		}
	})
	claim(t, "unless their note is not whole", func(t *testing.T) {
		for path := range questions {
			b := newBubble(t, said)
			b.get(t, path).is(t, 200)
			if len(b.notes) != 1 {
				t.Fatalf("%s: got %d notes, want 1", path, len(b.notes))
			}
			for name, whole := range b.notes {
				for n := range whole.content {
					b.notes[name] = kept{whole.content[:n], whole.written}
					b.restart()
					b.voice.fail(outage)
					b.get(t, path).is(t, 502)
					zeroed := append([]byte(nil), whole.content...)
					clear(zeroed[n:])
					b.notes[name] = kept{zeroed, whole.written}
					b.restart()
					b.get(t, path).is(t, 502)
				}
			}
			b.voice.fail(nil)
			b.get(t, path).is(t, 200).says(t, answer(path))
		}
	})
	claim(t, "also in a second", func(t *testing.T) { // a failure and a refresh in a row keep the newest
		b := newBubble(t, withList)
		b.get(t, listPath)
		time.Sleep(time.Hour)
		b.voice.fail(outage)
		b.get(t, listPath)
		b.voice.fail(nil)
		b.voice.set(listOf, "v1.1.0")
		time.Sleep(time.Hour)
		b.get(t, listPath).says(t, "v1.1.0\n")
		b.restart()
		b.get(t, listPath).says(t, "v1.1.0\n").has(t, "Cache-Status", "answers; hit; ttl=60")
	})
}

// A full disk keeps no notes, and serves.
type noMemo struct{}

func (noMemo) WriteNote(string, []byte) error { return errors.New("no room") }

func (noMemo) ReadNote(string) ([]byte, time.Time, error) {
	return nil, time.Time{}, errors.New("cannot be read")
}

func TestAnswersDoNotNeedTheirNotes(t *testing.T) {
	claim(t, "lists", func(t *testing.T) {
		b := newBubble(t, withList, func(b *bubble) { b.Gateway.Notes = noMemo{} })
		b.get(t, listPath).is(t, 200).says(t, "v1.0.0\n")
		b.get(t, listPath).is(t, 200).says(t, "v1.0.0\n")
		b.asked(t, listOf, 1)
	})
	claim(t, "checksum databases", func(t *testing.T) {
		const lookup = "lookup/example.com/hot@v1.0.0"
		b := newBubble(t, func(b *bubble) { b.Gateway.Notes = noMemo{} })
		b.voice.set("sumdb sum.example.com/"+lookup, record)
		b.get(t, "/sumdb/sum.example.com/"+lookup).is(t, 200).says(t, record)
		b.get(t, "/sumdb/sum.example.com/"+lookup).is(t, 200).says(t, record)
		b.asked(t, "sumdb sum.example.com/"+lookup, 1)
	})
}

// Over a real disk, in real time, the same holds.
func TestAnswersOutliveARestartOnDisk(t *testing.T) {
	s := newSite(t, withSumDB)
	var paths []string
	for _, route := range routes {
		if strings.HasPrefix(route.cacheable, "public") {
			paths = append(paths, route.path)
		}
	}
	s.warm(t)
	want := make(map[string]string)
	for _, path := range paths {
		want[path] = s.get(t, path).is(t, 200).body
	}
	s.close()
	s.origin.Close()
	// Nothing is fresh, so the upstream is asked.
	for _, times := range []gateway.Times{{Stale: time.Hour}, {}} {
		s = openSite(t, s.dir, s.origin, func(s *site) {
			s.gateway.Times = times
			if times.Stale == 0 {
				offline(s)
			}
		})
		for _, path := range paths {
			s.get(t, path).is(t, 200).says(t, want[path])
		}
		s.close()
	}
}
