package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestPartsAndConditions(t *testing.T) {
	zip := string(tierstest.Bytes(hotFiles, tiers.Zip))
	t.Run("in memory", func(t *testing.T) {
		s := newSite(t).warm(t)
		partsAndConditions(t, s, hotMod, string(hotFiles.Mod), s.get(t, hotMod).header)
	})
	t.Run("on disk", func(t *testing.T) {
		s := newSite(t).warm(t)
		partsAndConditions(t, s, hotZip, zip, s.get(t, hotZip).header)
	})
	t.Run("in a fill", func(t *testing.T) {
		s := newSite(t)
		page, goOn := speakInParts(t, zip)
		s.origin.set(hotZip, page)
		first := s.begin(t, "GET", hotZip)
		onlyBeginning := zip[:len(zip)/2]
		partsAndConditions(t, s, hotZip, onlyBeginning, first.Header)
		goOn()
		s.get(t, hotZip, "Range", "bytes=-4").is(t, 206).says(t, zip[len(zip)-4:])
		if n := s.origin.count(hotZip); n != 1 {
			t.Errorf("the origin was asked %d times, want once", n)
		}
	})
}

// partsAndConditions asks for parts of a file that begins with body, and for
// it under conditions. The header is that of the file as a whole.
func partsAndConditions(t *testing.T, s *site, path, body string, header http.Header) {
	tag, date, size := header.Get("ETag"), header.Get("Last-Modified"), header.Get("Content-Length")
	modified, err := http.ParseTime(date)
	if tag == "" || err != nil || size == "" {
		t.Fatalf("ETag %q, Last-Modified %q, Content-Length %q: want all three", tag, date, size)
	}
	before := modified.Add(-time.Hour).Format(http.TimeFormat)
	part := func(t *testing.T, r reply, first, last int) {
		t.Helper()
		r.is(t, 206).says(t, body[first:last+1])
		r.has(t, "Content-Range", fmt.Sprintf("bytes %d-%d/%s", first, last, size)).has(t, "ETag", tag)
	}
	unchanged := func(t *testing.T, r reply) {
		t.Helper()
		r.is(t, 304).says(t, "").has(t, "ETag", tag).has(t, "Cache-Control", forEver).has(t, "Content-Length", "")
	}
	t.Run("a range is sent alone", func(t *testing.T) {
		part(t, s.get(t, path, "Range", "bytes=2-5"), 2, 5)
		part(t, s.get(t, path, "Range", "bytes=0-0"), 0, 0)
	})
	t.Run("HEAD with a range has its header", func(t *testing.T) {
		s.ask(t, "HEAD", path, "Range", "bytes=2-5").is(t, 206).says(t, "").has(t, "Content-Length", "4")
	})
	t.Run("several ranges come in one response", func(t *testing.T) {
		got := s.get(t, path, "Range", "bytes=0-3,6-9").is(t, 206)
		if !strings.HasPrefix(got.header.Get("Content-Type"), "multipart/byteranges") ||
			!strings.Contains(got.body, body[0:4]) || !strings.Contains(got.body, body[6:10]) {
			t.Errorf("got %v %q, want both parts", got.header, got.body)
		}
	})
	t.Run("a range beyond the end is 416", func(t *testing.T) {
		s.get(t, path, "Range", "bytes=99999999-").is(t, 416).has(t, "Content-Range", "bytes */"+size)
	})
	t.Run("If-Range with the file's ETag or date sends the range", func(t *testing.T) {
		part(t, s.get(t, path, "Range", "bytes=2-5", "If-Range", tag), 2, 5)
		part(t, s.get(t, path, "Range", "bytes=2-5", "If-Range", date), 2, 5)
	})
	t.Run("If-Range with another sends the whole file", func(t *testing.T) {
		for _, other := range []string{`"other"`, "W/" + tag, before} {
			resp := s.ask(t, "HEAD", path, "Range", "bytes=2-5", "If-Range", other)
			resp.is(t, 200).has(t, "Content-Length", size).has(t, "Content-Range", "")
		}
	})
	t.Run("If-None-Match with the file's ETag is 304", func(t *testing.T) {
		unchanged(t, s.get(t, path, "If-None-Match", tag))
		unchanged(t, s.get(t, path, "If-None-Match", `"other", `+tag))
		unchanged(t, s.get(t, path, "If-None-Match", "*"))
	})
	t.Run("If-Modified-Since at its date is 304", func(t *testing.T) {
		unchanged(t, s.get(t, path, "If-Modified-Since", date))
	})
	t.Run("a condition that fails sends the file", func(t *testing.T) {
		s.ask(t, "HEAD", path, "If-None-Match", `"other"`).is(t, 200).has(t, "Content-Length", size)
		s.ask(t, "HEAD", path, "If-Modified-Since", before).is(t, 200).has(t, "Content-Length", size)
		s.ask(t, "HEAD", path, "If-None-Match", `"other"`, "If-Modified-Since", date).is(t, 200)
	})
	t.Run("If-Match with another ETag is 412", func(t *testing.T) {
		s.get(t, path, "If-Match", `"other"`).is(t, 412)
	})
}

func TestAnswersHaveConditionsToo(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/example.com/hot/@v/list", "/example.com/hot/@latest", "/example.com/hot/@v/main.info"} {
		tag := s.get(t, path).is(t, 200).header.Get("ETag")
		s.get(t, path).is(t, 200).has(t, "ETag", tag)
		s.get(t, path, "If-None-Match", tag).is(t, 304).says(t, "")
		s.get(t, path, "If-None-Match", `"other"`).is(t, 200)
	}
}
