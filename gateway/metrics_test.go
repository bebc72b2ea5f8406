package gateway_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// counted returns the counters, and how often the histograms were told of
// something. Requests for no module, such as this one, are left out.
func (s *site) counted(t *testing.T) map[string]float64 {
	t.Helper()
	all := make(map[string]float64)
	for line := range strings.Lines(s.get(t, s.gateway.Prefix+"/metrics").is(t, 200).body) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, _, _ := strings.Cut(series, "{")
		if !strings.HasPrefix(name, "modtier_") || strings.Contains(series, `kind="other"`) ||
			name == "modtier_response_bytes_total" || // which has a test of its own
			!strings.HasSuffix(name, "_total") && !strings.HasSuffix(name, "_count") && name != "modtier_fill_followers_sum" {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all[strings.TrimPrefix(series, "modtier_")] = n
	}
	return all
}

// counts checks by how much the series differ after do; those not named must
// not.
func (s *site) counts(t *testing.T, do func(), want ...string) {
	t.Helper()
	before := s.counted(t)
	do()
	s.settle(t)
	var got []string
	for series, n := range s.counted(t) {
		if d := n - before[series]; d != 0 {
			got = append(got, fmt.Sprintf("%s %v", series, d))
		}
		if _, ok := before[series]; !ok {
			t.Errorf("%s was not there from the start", series)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("counted\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestWhatIsCounted(t *testing.T) {
	zip := string(tierstest.Bytes(hotFiles, tiers.Zip))
	mods, zips := len(hotFiles.Mod), len(zip)
	lookup := func(tier, kind, result string, n int) string {
		return fmt.Sprintf(`tier_lookups_total{kind="%s",result="%s",tier="%s"} %d`, kind, result, tier, n)
	}
	operation := func(tier, op string, n int) string {
		return fmt.Sprintf(`tier_operation_duration_seconds_count{op="%s",tier="%s"} %d`, op, tier, n)
	}
	request := func(kind string, code int, servedBy string, n int) string {
		return fmt.Sprintf(`requests_total{code="%d",kind="%s"} %d`, code, kind, n) + "\n" +
			fmt.Sprintf(`request_duration_seconds_count{kind="%s",served_by="%s"} %d`, kind, servedBy, n)
	}
	read := func(tier string, n int) string { return fmt.Sprintf(`tier_read_bytes_total{tier="%s"} %d`, tier, n) }
	answer := func(kind, state string) string {
		return fmt.Sprintf(`answers_total{kind="%s",state="%s"} 1`, kind, state)
	}
	// missed is a lookup in all tiers, in the last of which it ends with result.
	missed := func(kind, result string) string {
		return strings.Join([]string{lookup("memory", kind, "miss", 1), lookup("disk", kind, "miss", 1), lookup("upstream", kind, result, 1),
			operation("memory", "open", 1), operation("disk", "open", 1), operation("upstream", "open", 1)}, "\n")
	}
	filled := func(outcome string, followers int) string {
		s := fmt.Sprintf("fills_total{outcome=\"%s\",source=\"upstream\"} 1\nfill_followers_count 1\nfill_followers_sum %d", outcome, followers)
		if outcome == "ok" || outcome == "corrupt" || outcome == "broken" {
			s += "\nfill_first_byte_seconds_count 1"
		}
		if outcome == "ok" {
			s += "\nfill_duration_seconds_count 1"
		}
		return s
	}
	cold := func(t *testing.T) *site { return newSite(t) }
	warm := func(t *testing.T) *site { return newSite(t).warm(t) }
	get := func(path string, status int, header ...string) func(*testing.T, *site) {
		return func(t *testing.T, s *site) { s.get(t, path, header...).is(t, status) }
	}
	for _, test := range []struct {
		name  string
		begin func(*testing.T) *site
		do    func(*testing.T, *site)
		want  []string
	}{
		{"a hit in memory", warm, get(hotMod, 200),
			[]string{lookup("memory", "mod", "hit", 1), operation("memory", "open", 1), read("memory", mods), request("mod", 200, "memory", 1)}},
		{"a hit on disk", warm, get(hotZip, 200),
			[]string{lookup("memory", "zip", "miss", 1), lookup("disk", "zip", "hit", 1), operation("memory", "open", 1),
				operation("disk", "open", 1), read("disk", zips), request("zip", 200, "disk", 1)}},
		{"a part of a file", warm, get(hotZip, 206, "Range", "bytes=0-1"),
			[]string{lookup("memory", "zip", "miss", 1), lookup("disk", "zip", "hit", 1), operation("memory", "open", 1),
				operation("disk", "open", 1), read("disk", zips), request("zip", 206, "disk", 1)}},
		{"a hit on disk that is promoted", func(t *testing.T) *site {
			s := warm(t)
			s.close()
			return openSite(t, s.dir, s.origin)
		}, get(hotMod, 200),
			[]string{lookup("memory", "mod", "miss", 1), lookup("disk", "mod", "hit", 1), operation("memory", "open", 1), operation("disk", "open", 1),
				operation("memory", "put", 1), read("disk", mods), request("mod", 200, "disk", 1)}},
		{"a cold miss", cold, get(hotMod, 200),
			[]string{missed("mod", "hit"), operation("memory", "put", 1), read("upstream", mods), filled("ok", 1), request("mod", 200, "upstream", 1)}},
		{"an absence", cold, get("/example.com/hot/@v/v1.9.0.mod", 404),
			[]string{missed("mod", "miss"), filled("absent", 1), request("mod", 404, "none", 1)}},
		{"a miss in what is held", cold, get(hotMod, 404, "Disable-Module-Fetch", "true"),
			[]string{lookup("memory", "mod", "miss", 1), lookup("disk", "mod", "miss", 1), operation("memory", "open", 1),
				operation("disk", "open", 1), request("mod", 404, "none", 1)}},
		{"an upstream that refuses", cold, func(t *testing.T, s *site) {
			s.origin.set(hotMod, speak(403, "no"))
			s.get(t, hotMod).is(t, 403)
		}, []string{missed("mod", "error"), filled("error", 1), request("mod", 403, "none", 1)}},
		{"an upstream that says nothing", func(t *testing.T) *site {
			return newSite(t, func(s *site) { s.list.Timeout = time.Millisecond })
		}, func(t *testing.T, s *site) {
			s.origin.set(hotMod, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			s.get(t, hotMod).is(t, 504)
		}, []string{missed("mod", "error"), filled("timeout", 1), request("mod", 504, "none", 1)}},
		{"a file that is no go.mod", cold, func(t *testing.T, s *site) {
			s.origin.set(filePath(hot, tiers.Info), speak(200, "<html>"))
			s.get(t, filePath(hot, tiers.Info)).is(t, 502)
		}, []string{missed("info", "hit"), read("upstream", 6), filled("corrupt", 1), request("info", 502, "none", 1)}},
		{"a disk that cannot be read", cold, func(t *testing.T, s *site) {
			if err := os.MkdirAll(filepath.Join(s.dir, "example.com/hot/v1.0.0/go.mod"), 0o777); err != nil {
				t.Fatal(err)
			}
			s.get(t, hotMod, "Disable-Module-Fetch", "true").is(t, 500)
		}, []string{lookup("memory", "mod", "miss", 1), lookup("disk", "mod", "error", 1), operation("memory", "open", 1),
			operation("disk", "open", 1), request("mod", 500, "none", 1)}},
		{"two followers beside the first", cold, func(t *testing.T, s *site) {
			page, goOn := speakInParts(t, zip)
			s.origin.set(hotZip, page)
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() { s.get(t, hotZip).is(t, 200).says(t, zip) })
			}
			await(t, func() bool { return s.stack.Collapsed() == 2 })
			goOn()
			wg.Wait()
		}, []string{lookup("memory", "zip", "miss", 3), lookup("disk", "zip", "miss", 3), lookup("upstream", "zip", "hit", 1),
			operation("memory", "open", 3), operation("disk", "open", 3), operation("upstream", "open", 1), read("upstream", zips),
			filled("ok", 3), "collapsed_requests_total 2", request("zip", 200, "upstream", 3)}},
		{"a download that breaks and goes on", cold, func(t *testing.T, s *site) {
			s.origin.set(hotZip, func(w http.ResponseWriter, r *http.Request) {
				s.origin.set(hotZip, speak(200, zip))
				cut(zip, zips/2)(w, r)
			})
			s.get(t, hotZip).is(t, 200).says(t, zip)
		}, []string{missed("zip", "hit"), read("upstream", zips), filled("ok", 1), "fill_resumes_total 1", request("zip", 200, "upstream", 1)}},
		{"a new answer", cold, get("/example.com/hot/@v/list", 200), []string{answer("list", "refreshed"), request("list", 200, "upstream", 1)}},
		{"an answer that is known", func(t *testing.T) *site {
			s := cold(t)
			s.get(t, "/example.com/hot/@latest")
			return s
		}, get("/example.com/hot/@latest", 200), []string{answer("latest", "fresh"), request("latest", 200, "answers", 1)}},
		{"an absent answer", cold, get("/example.com/hot/@v/nowhere.info", 404), []string{answer("query", "refreshed"), request("query", 404, "none", 1)}},
		{"an answer from what is held", warm, get("/example.com/hot/@v/list", 200, "Disable-Module-Fetch", "true"),
			[]string{answer("list", "stale"), request("list", 200, "held", 1)}},
		{"no answer from what is held", cold, get("/example.com/hot/@v/list", 404, "Disable-Module-Fetch", "true"),
			[]string{answer("list", "stale"), request("list", 404, "none", 1)}},
		{"an answer in an outage", cold, func(t *testing.T, s *site) {
			s.origin.set("/example.com/hot/@latest", speak(403, "no"))
			s.get(t, "/example.com/hot/@latest").is(t, 403)
		}, []string{answer("latest", "error"), request("latest", 403, "none", 1)}},
		{"a checksum database", func(t *testing.T) *site {
			s := cold(t)
			newDatabase(t, s.origin, "sum.example.com")
			return s
		}, get("/sumdb/sum.example.com/lookup/example.com/hot@v1.0.0", 200), []string{answer("sumdb", "refreshed"), request("sumdb", 200, "upstream", 1)}},
		{"a lookup that is kept", func(t *testing.T) *site {
			s := cold(t)
			newDatabase(t, s.origin, "sum.example.com")
			s.get(t, "/sumdb/sum.example.com/lookup/example.com/hot@v1.0.0").is(t, 200)
			return s
		}, get("/sumdb/sum.example.com/lookup/example.com/hot@v1.0.0", 200), []string{answer("sumdb", "fresh"), request("sumdb", 200, "notes", 1)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := test.begin(t)
			var want []string
			for _, w := range test.want {
				want = append(want, strings.Split(w, "\n")...)
			}
			s.counts(t, func() { test.do(t, s) }, want...)
		})
	}
}

func TestBytesOfBodiesAreCounted(t *testing.T) {
	s := newSite(t).warm(t)
	bytes := func(kind, servedBy string) float64 {
		s.settle(t)
		return s.bodies(t)[fmt.Sprintf("kind=%q,served_by=%q", kind, servedBy)]
	}
	for _, test := range []struct {
		name, path, kind, servedBy string
		status                     int
		header                     []string
		want                       int
	}{
		{"a file in memory", hotMod, "mod", "memory", 200, nil, len(hotFiles.Mod)},
		{"a file on disk", hotZip, "zip", "disk", 200, nil, len(tierstest.Bytes(hotFiles, tiers.Zip))},
		{"a part of a file", hotZip, "zip", "disk", 206, []string{"Range", "bytes=0-1"}, 2},
	} {
		before := bytes(test.kind, test.servedBy)
		s.get(t, test.path, test.header...).is(t, test.status)
		if got := bytes(test.kind, test.servedBy) - before; got != float64(test.want) {
			t.Errorf("%s: got %v bytes, want %d", test.name, got, test.want)
		}
	}
}

// bodies returns how many bytes of bodies were sent, by kind and tier.
func (s *site) bodies(t *testing.T) map[string]float64 {
	t.Helper()
	all := make(map[string]float64)
	for line := range strings.Lines(s.get(t, s.gateway.Prefix+"/metrics").is(t, 200).body) {
		labels, ok := strings.CutPrefix(strings.TrimSpace(line), "modtier_response_bytes_total{")
		if !ok {
			continue
		}
		labels, value, _ := strings.Cut(labels, "} ")
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all[labels] = n
	}
	return all
}
