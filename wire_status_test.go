package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/gateway/live"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// serves is an upstream that has any version but those of example.com/absent, and
// fails while it is sick.
func serves(t *testing.T, sick *atomic.Bool) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sick.Load() {
			http.Error(w, "out of order", http.StatusServiceUnavailable)
			return
		}
		path, file, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/@v/")
		for _, kind := range tierstest.Kinds {
			if version, ok := strings.CutSuffix(file, "."+kind.String()); ok && path != "example.com/absent" {
				w.Write(tierstest.Bytes(tierstest.Version(module.Version{Path: path, Version: version}, "a"), kind))
				return
			}
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// answers asks a gateway in this process, and returns the status and the body.
func answers(t *testing.T, h http.Handler, path string) (*http.Response, []byte) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	b, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), b
}

func decode[T any](t *testing.T, h http.Handler, path string) (v T) {
	t.Helper()
	resp, b := answers(t, h, path)
	if err := json.Unmarshal(b, &v); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v: %.200q", path, resp.StatusCode, err, b)
	}
	return v
}

// What the page says of a known load is what the clients saw, to the last request.
func TestThePageAgreesWithCacheStatus(t *testing.T) {
	var sick atomic.Bool
	s, err := open(t, load(t, "MODTIER_UPSTREAM="+serves(t, &sick)))
	if err != nil {
		t.Fatal(err)
	}
	h := s.gateway.Handler()
	hits, asked := map[string]int64{}, map[string]int64{}
	for i := range 300 {
		path := "/example.com/m" + string(rune('a'+i%7)) + "/@v/v1.0.0." + []string{"info", "mod", "zip"}[i%3]
		if i%50 == 0 {
			path = "/example.com/absent/@v/v1.0.0.mod"
		}
		resp, _ := answers(t, h, path)
		for member := range strings.SplitSeq(resp.Header.Get("Cache-Status"), ", ") {
			tier, says, _ := strings.Cut(member, "; ")
			if says == "hit" {
				hits[tier]++
			}
			if !strings.HasPrefix(says, "fwd=bypass") {
				asked[tier]++
			}
		}
		if i%21 == 20 {
			s.stack.Drain(t.Context())
		}
	}
	status := decode[live.Status](t, h, "/status.json")
	if len(status.Tiers) != 3 || status.Requests.Total != 300 {
		t.Fatalf("got %d tiers and %d requests", len(status.Tiers), status.Requests.Total)
	}
	for _, tier := range status.Tiers[:2] {
		if tier.Total.Hits != hits[tier.Name] || tier.Total.Hits+tier.Total.Misses != asked[tier.Name] || tier.Total.Answers != hits[tier.Name] {
			t.Errorf("%s: the page has %+v, and the clients saw %d hits of %d", tier.Name, tier.Total, hits[tier.Name], asked[tier.Name])
		}
		if want := float64(hits[tier.Name]) / float64(asked[tier.Name]); tier.HitRate == nil || *tier.HitRate != want {
			t.Errorf("%s: hit rate: got %v, want %v", tier.Name, tier.HitRate, want)
		}
	}
	if none := status.Others; len(none) != 1 || none[0].Name != "none" || none[0].Total != 6 {
		t.Errorf("others: got %+v, want 6 of none", none)
	}
	if again := decode[live.Status](t, h, "/status.json"); again.Tiers[0].Total != status.Tiers[0].Total {
		t.Errorf("to look changes it: %+v, then %+v", status.Tiers[0].Total, again.Tiers[0].Total)
	}
}

// says returns what each tier says of the files of a version, as h for held, - for not,
// and ? for what it cannot say.
func says(e live.Explanation) string {
	var parts []string
	for _, tier := range e.Tiers {
		text := tier.Tier + " "
		for _, f := range tier.Files {
			switch {
			case f.Held:
				text += "h"
			case f.Error != "":
				text += "?"
			default:
				text += "-"
			}
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func TestExplainInEachState(t *testing.T) {
	var sick atomic.Bool
	settings := append(storeSettings["minio"], "ATHENS_STORAGE_TYPE=minio", "MODTIER_UPSTREAM="+serves(t, &sick))
	s, err := open(t, load(t, settings...))
	if err != nil {
		t.Fatal(err)
	}
	s.stack.Start()
	h := s.gateway.Handler()
	const path = "/explain/example.com/m@v1.0.0"
	e := decode[live.Explanation](t, h, path)
	if got := says(e); got != "memory ---, disk ---, minio ???" || e.Pending != nil {
		t.Errorf("nowhere: got %s, queued %v", got, e.Pending)
	}
	before := decode[live.Status](t, h, "/status.json")
	if resp, b := answers(t, h, "/example.com/m/@v/v1.0.0.mod"); resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %s", resp.StatusCode, b)
	}
	e = decode[live.Explanation](t, h, path)
	if got := says(e); got != "memory -h-, disk -h-, minio ???" && got != "memory ---, disk -h-, minio ???" {
		t.Errorf("after a fill: got %s", got)
	}
	if e.Pending == nil || e.Pending.Stores[0] != "minio" {
		t.Errorf("it waits for a save: got %+v", e.Pending)
	}
	after := decode[live.Status](t, h, "/status.json")
	if n := after.Tiers[0].Total.Hits + after.Tiers[0].Total.Misses - before.Tiers[0].Total.Hits - before.Tiers[0].Total.Misses; n != 1 {
		t.Errorf("memory was looked up %d times, want once, by the request alone", n)
	}
	if after.Queue == nil || after.Queue.Versions != 1 || after.Queue.Oldest == nil || after.Queue.Oldest.Module != "example.com/m" {
		t.Errorf("queue: got %+v", after.Queue)
	}
	for _, tier := range after.Tiers {
		if tier.Name == "minio" && (tier.State == "ok" || tier.Last == nil || secretIn(tier.Last.Text)) {
			t.Errorf("minio: got state %s, last %+v", tier.State, tier.Last)
		}
	}
}

func TestAnUpstreamThatFailsShows(t *testing.T) {
	var sick atomic.Bool
	sick.Store(true)
	s, err := open(t, load(t, "MODTIER_UPSTREAM="+serves(t, &sick)))
	if err != nil {
		t.Fatal(err)
	}
	up := func() live.Tier { tiers := s.status(1e9).Tiers; return tiers[len(tiers)-1] }
	if got := up(); got.State != "ok" || got.Last != nil {
		t.Errorf("at first: got %+v", got)
	}
	ask := func(path string) error {
		o, err := s.stack.Open(t.Context(), tiers.Ref{Path: path, Version: "v1.0.0", Kind: tiers.Mod})
		if err == nil {
			o.Body.Close()
		}
		return err
	}
	for i, want := range []string{"unstable", "unstable", "down"} {
		if err := ask("example.com/m" + string(rune('a'+i))); err == nil {
			t.Fatal("it answered")
		}
		if got := up(); got.State != want || got.Last == nil {
			t.Errorf("after %d failures: got %+v, want %s", i+1, got, want)
		}
	}
	sick.Store(false)
	if err := ask("example.com/absent"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if got := up(); got.State != "unstable" || got.Last == nil {
		t.Errorf("once it answers: got %+v, want unstable for a minute", got)
	}
}

func TestADiskThatKeepsNothingShows(t *testing.T) {
	var sick atomic.Bool
	c := load(t, "MODTIER_UPSTREAM="+serves(t, &sick))
	s, err := open(t, c)
	if err != nil {
		t.Fatal(err)
	}
	h := s.gateway.Handler()
	disk := func() live.Tier { return decode[live.Status](t, h, "/status.json").Tiers[1] }
	ask := func(path string) {
		t.Helper()
		if resp, b := answers(t, h, path); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d: %s", path, resp.StatusCode, b)
		}
		s.stack.Drain(t.Context())
	}
	ask("/example.com/before/@v/v1.0.0.mod")
	if got := disk(); got.State != "ok" || got.Last != nil {
		t.Errorf("at first: got %+v", got)
	}
	spool := filepath.Join(c.Tiers.Disk.Path, ".modtier", "spool")
	if err := errors.Join(os.RemoveAll(spool), os.WriteFile(spool, nil, 0o666)); err != nil { // so none can be made
		t.Fatal(err)
	}
	for _, path := range []string{"a", "b", "c", "d"} {
		ask("/example.com/" + path + "/@v/v1.0.0.mod")
		if got := disk(); got.State != "unstable" || got.Last == nil || !strings.Contains(got.Last.Text, "no spool") {
			t.Errorf("while there can be no spool: got %+v, want it unstable, and why", got)
		}
	}
	_, text := answers(t, h, "/metrics")
	for _, want := range []string{"modtier_fills_unkept_total 4", `modtier_fills_total{outcome="error",source="upstream"} 0`} {
		if !strings.Contains(string(text), want+"\n") {
			t.Errorf("no %s in /metrics: that there is no spool is not the upstream's doing", want)
		}
	}
}
