package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// recording gives a site a record, which is its index.
func recording(t *testing.T) func(*site) {
	return func(s *site) {
		r, err := s.stack.Disk.OpenRecord(0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			s.close()
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		})
		s.stack.Record, s.gateway.Index = r, r
	}
}

// nth returns version i of a module.
func nth(i int) module.Version {
	return module.Version{Path: "example.com/Many", Version: fmt.Sprintf("v1.%d.0", i)}
}

// saved makes a site record n versions.
func (s *site) saved(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		if err := s.stack.Record.Add(nth(i)); err != nil {
			t.Fatal(err)
		}
	}
}

// An indexLine is a line of an index, as its readers know it.
type indexLine struct{ Path, Version, Timestamp string }

// lines returns those of an index.
func (r reply) lines(t *testing.T) (all []indexLine) {
	t.Helper()
	for line := range strings.Lines(r.body) {
		var l indexLine
		d := json.NewDecoder(strings.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&l); err != nil || !strings.HasSuffix(line, "}\n") {
			t.Fatalf("line %q: %v", line, err)
		}
		all = append(all, l)
	}
	return all
}

func TestIndexTellsWhatWasFilled(t *testing.T) {
	s := newSite(t, recording(t))
	s.get(t, "/index").is(t, 200).says(t, "")
	s.get(t, hotMod).is(t, 200)
	s.settle(t)
	s.get(t, "/index").is(t, 200).says(t, "")
	s.warm(t)
	got := s.get(t, "/index").is(t, 200)
	got.has(t, "Content-Type", "text/plain; charset=utf-8").has(t, "Cache-Control", "no-store").has(t, "X-Content-Type-Options", "nosniff")
	lines := got.lines(t)
	if len(lines) != 1 || lines[0].Path != hot.Path || lines[0].Version != hot.Version {
		t.Fatalf("got %+v, want %s", lines, hot)
	}
	at, err := time.Parse(time.RFC3339Nano, lines[0].Timestamp)
	if err != nil || !strings.HasSuffix(lines[0].Timestamp, "Z") || time.Since(at) < 0 {
		t.Errorf("Timestamp: got %q, %v, want a time in UTC that is past", lines[0].Timestamp, err)
	}
	head := s.ask(t, "HEAD", "/index").is(t, 200).says(t, "")
	head.has(t, "Content-Type", "text/plain; charset=utf-8").has(t, "Cache-Control", "no-store")
}

func TestIndexIsReadInPages(t *testing.T) {
	s := newSite(t, recording(t), func(s *site) { s.gateway.Prefix = "/go" })
	s.saved(t, 2500)
	all := s.get(t, "/go/index?limit=9999999").is(t, 200).lines(t)
	if len(all) != 2500 {
		t.Fatalf("got %d lines, want 2500", len(all))
	}
	for i, l := range all {
		if v := nth(i); l.Path != v.Path || l.Version != v.Version {
			t.Fatalf("line %d: got %+v, want %s", i, l, v)
		}
	}
	if got := s.get(t, "/go/index").is(t, 200).lines(t); !slices.Equal(got, all[:2000]) {
		t.Errorf("without a limit: got %d lines, want the first 2000", len(got))
	}
	if got := s.get(t, "/go/index?limit=&since=").is(t, 200).lines(t); !slices.Equal(got, all[:2000]) {
		t.Errorf("with an empty limit: got %d lines, want the first 2000", len(got))
	}
	for _, limit := range []int{2, 7, 1000, 3000} {
		var got []indexLine
		since := ""
		for pages := 0; ; pages++ {
			if pages > 3000 {
				t.Fatal("it has no end")
			}
			page := s.get(t, fmt.Sprintf("/go/index?limit=%d&since=%s", limit, url.QueryEscape(since))).is(t, 200).lines(t)
			full := len(page) == limit
			if len(page) > limit {
				t.Fatalf("got %d lines, want %d at most", len(page), limit)
			}
			if since != "" { // it has the last one again
				if page[0] != got[len(got)-1] {
					t.Fatalf("a page begins with %+v, want %+v", page[0], got[len(got)-1])
				}
				page = page[1:]
			}
			got = append(got, page...)
			since = got[len(got)-1].Timestamp
			if !full {
				break
			}
		}
		if !slices.Equal(got, all) {
			t.Errorf("in pages of %d: got %d lines, want %d", limit, len(got), len(all))
		}
	}
	at, err := time.Parse(time.RFC3339Nano, all[1234].Timestamp)
	if err != nil {
		t.Fatal(err)
	}
	for _, since := range []string{
		all[1234].Timestamp, at.In(time.FixedZone("", 2*3600)).Format(time.RFC3339Nano), at.Add(-time.Nanosecond).Format(time.RFC3339Nano),
	} {
		if got := s.get(t, "/go/index?limit=1&since="+url.QueryEscape(since)).is(t, 200).lines(t); !slices.Equal(got, all[1234:1235]) {
			t.Errorf("since %s: got %+v, want %+v", since, got, all[1234])
		}
	}
	s.get(t, "/go/index?since=2999-01-01T00:00:00Z").is(t, 200).says(t, "")
	s.get(t, "/index").is(t, 404)
}

func TestIndexRefusesWhatItDoesNotUnderstand(t *testing.T) {
	for _, change := range []func(*site){recording(t), func(*site) {}} {
		s := newSite(t, change)
		for _, limit := range []string{"0", "-1", "x", "1.5", "1e3", "99999999999999999999", "0x10"} {
			s.get(t, "/index?limit="+limit).is(t, 400).tells(t, "limit: a number of versions, 1 or more")
		}
		for _, since := range []string{"yesterday", "2026-01-02", "1767366245", "2026-13-02T15:04:05Z", "2026-01-02T15:04:05"} {
			s.get(t, "/index?since="+since).is(t, 400).tells(t, "since: a time as in RFC 3339")
		}
		s.ask(t, "POST", "/index").is(t, 405)
	}
}

func TestWithoutARecordTheIndexIsEmpty(t *testing.T) {
	s := newSite(t).warm(t)
	s.get(t, "/index").is(t, 200).says(t, "").has(t, "Content-Length", "0").has(t, "Cache-Control", "no-store")
	s.ask(t, "HEAD", "/index?since=2026-01-02T15:04:05Z&limit=5").is(t, 200)
}

func TestIndexListsNothingThatTheFilterExcludes(t *testing.T) {
	s := newSite(t, recording(t), withFilter(t, "- example.com/Many v1.1.0,v1.3.0\nD example.com/hot\n"))
	s.saved(t, 6)
	if err := s.stack.Record.Add(hot); err != nil {
		t.Fatal(err)
	}
	versions := func(r reply) (vs []string) {
		for _, l := range r.is(t, 200).lines(t) {
			vs = append(vs, l.Path+" "+l.Version)
		}
		return vs
	}
	want := []string{"example.com/Many v1.0.0", "example.com/Many v1.2.0", "example.com/Many v1.4.0", "example.com/Many v1.5.0", "example.com/hot v1.0.0"}
	if got := versions(s.get(t, "/index")); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := versions(s.get(t, "/index?limit=2")); !slices.Equal(got, want[:2]) {
		t.Errorf("got %q, want %q", got, want[:2])
	}
}

func TestIndexNeedsThePassword(t *testing.T) {
	s := newSite(t, recording(t), func(s *site) { s.gateway.User, s.gateway.Pass = "ci", "secret" })
	s.saved(t, 1)
	if got := s.get(t, "/index").is(t, 401); strings.Contains(got.body, nth(0).Path) {
		t.Errorf("it says %q", got.body)
	}
	if got := s.get(t, "/index", "Authorization", basic("ci", "secret")).is(t, 200).lines(t); len(got) != 1 {
		t.Errorf("got %+v, want a line", got)
	}
}

// A brokenIndex has n lines, and then an error.
type brokenIndex int

func (n brokenIndex) Since(context.Context, time.Time) iter.Seq2[tiers.Saved, error] {
	return func(yield func(tiers.Saved, error) bool) {
		for i := range int(n) {
			if !yield(tiers.Saved{Path: nth(i).Path, Version: nth(i).Version, Timestamp: time.Unix(int64(i), 0)}, nil) {
				return
			}
		}
		yield(tiers.Saved{}, errors.New("the disk is sick"))
	}
}

func TestIndexThatCannotBeReadIsNoShorterOne(t *testing.T) {
	for _, n := range []int{0, 10, 9000} {
		s := newSite(t, func(s *site) { s.gateway.Index = brokenIndex(n) })
		resp, err := s.Client().Get(s.URL + "/index?limit=10000")
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if n < 100 {
			if err != nil || resp.StatusCode != 500 {
				t.Errorf("after %d lines: got %v, want status 500", n, err)
			}
		} else if err == nil {
			t.Errorf("after %d lines: got the end of the body, want it broken off", n)
		}
	}
}
