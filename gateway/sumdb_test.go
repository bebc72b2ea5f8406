package gateway_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// What a database sends: the head of its tree, and a record.
const (
	signed = "go.sum database tree\n6\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— sum.example.com c2ln\n"
	record = "5\nexample.com/hot v1.0.0 h1:AAAA=\nexample.com/hot v1.0.0/go.mod h1:BBBB=\n\n" + signed
)

func TestABuildPassesAgainWithoutTheDatabase(t *testing.T) {
	for _, name := range []string{"sum.example.com", "sum.example.com/with/path"} {
		t.Run(name, func(t *testing.T) {
			o := newOrigin(t)
			db := newDatabase(t, o, name)
			serves := func(s *site) {
				s.gateway.SumDBs = []string{"other.example.com", "sum.example.com", name}
				s.list.SumDBs = s.gateway.SumDBs
			}
			s := openSite(t, t.TempDir(), o, serves)
			for _, n := range []int{1, 2, 5, 11, 23} { // each build sees a larger tree than the last
				build(t, s, db, n)
			}
			asked := db.count()
			build(t, s, db, 23)
			if db.count() != asked {
				t.Errorf("the database was asked for %q again", db.asked[asked:])
			}
			s.close()
			o.Close()
			for _, how := range []func(*site){func(*site) {}, offline} {
				s = openSite(t, s.dir, o, serves, how)
				build(t, s, db, 23)
				s.close()
			}
		})
	}
}

func TestSumDBIsProtocol(t *testing.T) {
	s := newSite(t)
	newDatabase(t, s.origin, "sum.example.com")
	const base = "/sumdb/sum.example.com/"
	t.Run("supported", func(t *testing.T) {
		s.get(t, base+"supported").is(t, 200).says(t, "")
		if n := s.origin.count(base + "supported"); n != 0 {
			t.Error("the origin was asked whether we support it")
		}
	})
	t.Run("a lookup never changes", func(t *testing.T) {
		first := s.get(t, base+"lookup/example.com/hot@v1.0.0").is(t, 200).tells(t, "example.com/hot v1.0.0/go.mod h1:BBBB=")
		first.has(t, "Cache-Status", "answers; fwd=miss; fwd-status=200; stored")
		again := s.get(t, base+"lookup/example.com/hot@v1.0.0").is(t, 200).says(t, first.body)
		again.has(t, "Cache-Status", "notes; hit").has(t, "Cache-Control", forEver).has(t, "ETag", first.header.Get("ETag"))
		s.get(t, base+"lookup/example.com/hot@v1.0.0", "If-None-Match", first.header.Get("ETag")).is(t, 304)
		s.ask(t, "HEAD", base+"lookup/example.com/hot@v1.0.0").is(t, 200).says(t, "")
	})
	t.Run("what it does not know is absent", func(t *testing.T) {
		s.get(t, base+"lookup/example.com/unknown@v1.0.0").is(t, 404)
	})
	t.Run("another database is none of ours", func(t *testing.T) {
		for _, path := range []string{"other.example.com/latest", "sum.example.com.evil.com/latest", "sum.example.co/latest"} {
			s.get(t, "/sumdb/"+path).is(t, 404).tells(t, "does not serve")
		}
		s.get(t, "/sumdb/other.example.com/supported").is(t, 404).tells(t, `does not serve the checksum database "other.example.com"`)
	})
	t.Run("no module that matches NoSumPatterns is looked up", func(t *testing.T) {
		s := newSite(t, func(s *site) { s.gateway.NoSumPatterns = []string{"secret.example.com", "example.com/*/secret"} })
		newDatabase(t, s.origin, "sum.example.com")
		for _, mod := range []string{"secret.example.com/a", "secret.example.com/a/b", "example.com/x/secret", "example.com/!x/secret/sub"} {
			s.get(t, base+"lookup/"+mod+"@v1.0.0").is(t, 403).tells(t, "matches NoSumPatterns").has(t, "Cache-Control", "no-store")
		}
		if got := s.origin.requests(); len(got) > 0 {
			t.Errorf("the origin was asked for %q", got)
		}
		s.get(t, base+"lookup/example.com/secret@v1.0.0").is(t, 200)
		s.get(t, base+"lookup/notsecret.example.com/a@v1.0.0").is(t, 200)
	})
}

func TestWhatIsNoAnswerOfADatabaseIsNotKept(t *testing.T) {
	const page = "<html>please log in</html>\n\n"
	tile := strings.Repeat("x", 5*32)
	for path, bad := range map[string][]string{
		"latest": {"", page, signed[:30]},
		"lookup/example.com/hot@v1.0.0": {"", page, record[:len(record)-len(signed)], strings.Replace(record, "example.com/hot", "example.com/cold", 2),
			strings.Replace(record, "5\n", "five\n", 1), strings.Replace(record, "v1.0.0", "v1.0.1", 2), "5\n" + page + signed},
		"tile/8/0/000.p/5":    {"", page, tile[1:], tile + "x"},
		"tile/8/data/000.p/2": {"", page, "a v1 h1:x=\n\n", "a v1 h1:x=\n\nb v1 h1:x=\n", "a v1 h1:x=\n\nb v1 h1:x=\n\nc v1 h1:x=\n\n"},
	} {
		good := map[string]string{"latest": signed, "lookup/example.com/hot@v1.0.0": record,
			"tile/8/0/000.p/5": tile, "tile/8/data/000.p/2": "a v1 h1:x=\n\nb v1 h1:x=\n\n"}[path]
		claim(t, path, func(t *testing.T) {
			b, question := newBubble(t), "sumdb sum.example.com/"+path
			for i, text := range bad {
				b.voice.set(question, text)
				b.get(t, "/sumdb/sum.example.com/"+path).is(t, 502).tells(t, "something else than "+path)
				b.asked(t, question, i+1)
			}
			if len(b.notes) > 0 {
				t.Errorf("kept %v", b.notes)
			}
			b.voice.set(question, good)
			b.get(t, "/sumdb/sum.example.com/"+path).is(t, 200).says(t, good)
			b.voice.fail(outage)
			b.restart()
			b.get(t, "/sumdb/sum.example.com/"+path).is(t, 200).says(t, good)
			for name, n := range b.notes {
				n.content = n.content[:len(n.content)-1]
				b.notes[name] = n
			}
			b.restart()
			b.get(t, "/sumdb/sum.example.com/"+path).is(t, 502)
		})
	}
}

func TestAWiderTileServesNarrowerOnes(t *testing.T) {
	tile := make([]byte, 256*32)
	for i := range tile {
		tile[i] = byte(i / 32)
	}
	path := func(width int) string {
		if width == 256 {
			return "tile/8/1/x001/002"
		}
		return fmt.Sprintf("tile/8/1/x001/002.p/%d", width)
	}
	withTiles := func(b *bubble) {
		for width := 1; width <= 256; width++ {
			b.voice.set("sumdb sum.example.com/"+path(width), string(tile[:width*32]))
		}
	}
	get := func(t *testing.T, b *bubble, width int) reply {
		return b.get(t, "/sumdb/sum.example.com/"+path(width)).is(t, 200).says(t, string(tile[:width*32]))
	}
	claim(t, "without a question", func(t *testing.T) {
		b := newBubble(t, withTiles)
		get(t, b, 7).has(t, "Cache-Status", "answers; fwd=miss; fwd-status=200; stored")
		get(t, b, 200)
		for _, width := range []int{200, 7, 1, 199} {
			get(t, b, width).has(t, "Cache-Status", "notes; hit")
			b.asked(t, "sumdb sum.example.com/"+path(1), 0)
		}
		get(t, b, 256)
		get(t, b, 256).has(t, "Cache-Status", "notes; hit")
		if len(b.notes) != 1 {
			t.Errorf("got %d notes for one tile, want 1", len(b.notes))
		}
	})
	claim(t, "and is not lost to one that comes late", func(t *testing.T) {
		b := newBubble(t, withTiles)
		resume := b.voice.pause()
		var wg sync.WaitGroup
		wg.Go(func() { get(t, b, 7) })
		b.asked(t, "sumdb sum.example.com/"+path(7), 1)
		b.voice.mu.Lock()
		b.voice.hold = nil // only the first question waits
		b.voice.mu.Unlock()
		get(t, b, 200)
		resume()
		wg.Wait()
		b.voice.fail(outage)
		b.restart()
		get(t, b, 200)
		get(t, b, 7)
	})
	claim(t, "a data tile of another width is another file", func(t *testing.T) {
		b := newBubble(t)
		b.voice.set("sumdb sum.example.com/tile/8/data/000.p/1", "a v1 h1:x=\n\n")
		b.voice.set("sumdb sum.example.com/tile/8/data/000.p/2", "a v1 h1:x=\n\nb v1 h1:x=\n\n")
		for range 2 {
			b.get(t, "/sumdb/sum.example.com/tile/8/data/000.p/1").is(t, 200).says(t, "a v1 h1:x=\n\n")
			b.get(t, "/sumdb/sum.example.com/tile/8/data/000.p/2").is(t, 200).says(t, "a v1 h1:x=\n\nb v1 h1:x=\n\n")
		}
		b.asked(t, "sumdb sum.example.com/tile/8/data/000.p/1", 1)
		b.gave(t, "sumdb refreshed", "sumdb refreshed", "sumdb fresh", "sumdb fresh")
	})
}

func TestTheHeadOfATreeAges(t *testing.T) {
	claim(t, "as lists do", func(t *testing.T) {
		b := newBubble(t)
		b.voice.set("sumdb sum.example.com/latest", signed)
		b.get(t, "/sumdb/sum.example.com/latest").is(t, 200).says(t, signed).has(t, "Cache-Control", "public, max-age=60")
		newer := strings.Replace(signed, "\n6\n", "\n7\n", 1)
		b.voice.set("sumdb sum.example.com/latest", newer)
		time.Sleep(time.Hour)
		b.get(t, "/sumdb/sum.example.com/latest").is(t, 200).says(t, newer)
		b.voice.fail(outage)
		time.Sleep(time.Hour)
		b.get(t, "/sumdb/sum.example.com/latest").is(t, 200).says(t, newer)
	})
}
