package e2e

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// answering starts a server that answers with the status that a path ends with
// before its @, as /example.com/410/@v/list; 0 is none at all.
func answering(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, _ := strings.Cut(r.URL.Path, "/@")
		status, _ := strconv.Atoi(filepath.Base(name))
		if status == 0 {
			<-r.Context().Done()
			return
		}
		http.Error(w, "this says upstream", status)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func upstreamRows(t *testing.T) []surfaceRow {
	url := answering(t)
	g := start(t, options{upstream: url, env: []string{"ATHENS_SUM_DBS="}})
	hurried := start(t, options{upstream: url, env: []string{"ATHENS_SUM_DBS=", "ATHENS_TIMEOUT=1", "ATHENS_STASH_TIMEOUT=1"}})
	const (
		outage  = "An upstream that is down, or answers 5xx"
		refuses = "An upstream that refuses: 401, 403, 429"
		gone    = "An upstream that answers 410"
		late    = "A fetch that takes too long"
	)
	rows := []surfaceRow{
		{hurried, "GET /example.com/0/@v/v1.0.0.info", "500", "504", late},
		{hurried, "GET /example.com/0/@v/list", "504", "", ""},
		{hurried, "GET /example.com/0/@latest", "504", "", ""},
	}
	for _, file := range []string{"v1.0.0.info", "v1.0.0.mod", "v1.0.0.zip", "list"} {
		rows = append(rows,
			surfaceRow{g, "GET /example.com/404/@v/" + file, "404", "", ""},
			surfaceRow{g, "GET /example.com/410/@v/" + file, "404", "410", gone},
			surfaceRow{g, "GET /example.com/401/@v/" + file, "404", "502", refuses},
			surfaceRow{g, "GET /example.com/403/@v/" + file, "404", "403", refuses},
			surfaceRow{g, "GET /example.com/429/@v/" + file, "404", "502", refuses},
			surfaceRow{g, "GET /example.com/500/@v/" + file, "404", "502", outage})
	}
	return rows
}

// directRows has a go command that fails in the ways that Athens tells apart.
func directRows(t *testing.T) []surfaceRow {
	script := filepath.Join(t.TempDir(), "go")
	put(t, script, []byte(`#!/bin/sh
case "$*" in
*env*) exit 1 ;;
*example.com/limited*) text='reading https://api.github.com/x: 403 response from api.github.com' ;;
*example.com/changed*) text='verifying module: checksum mismatch' ;;
*example.com/refused*) text='dial tcp 127.0.0.1:1: connect: connection refused' ;;
*example.com/unknown*) text='invalid version: unknown revision v1.0.0' ;;
*) echo 'no JSON' >&2; exit 2 ;;
esac
echo '{"Path":"x","Version":"v1.0.0","Error":"'"$text"'"}'
exit 1
`))
	if err := os.Chmod(script, 0o755); err != nil {
		t.Fatal(err)
	}
	g := start(t, options{upstream: "direct", env: []string{"GO_BINARY_PATH=" + script, "ATHENS_SUM_DBS="}})
	const outage, limited, broken = "A version control system that cannot be asked", "A limit of the GitHub API", "A `go` command that fails"
	const file = "/@v/v1.0.0.info"
	return []surfaceRow{
		{g, "GET /example.com/unknown" + file, "404", "", ""},
		{g, "GET /example.com/refused" + file, "404", "502", outage},
		{g, "GET /example.com/changed" + file, "404", "502", outage},
		{g, "GET /example.com/limited" + file, "429", "502", limited},
		{g, "GET /example.com/other" + file, "500", "502", broken},
	}
}

// storeRows has stores that answer 503 to all, or 409 to each save.
func storeRows(t *testing.T) []surfaceRow {
	up := newUpstream(t, held)
	store := func(status, save int) *gateway {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.HasSuffix(r.URL.Path, ".save"):
				w.WriteHeader(save)
			case strings.HasSuffix(r.URL.Path, "/@v/list") && status == http.StatusNotFound: // it has none
			default:
				w.WriteHeader(status)
			}
		}))
		t.Cleanup(s.Close)
		return start(t, options{upstream: up.URL, env: []string{
			"ATHENS_STORAGE_TYPE=external", "ATHENS_EXTERNAL_STORAGE_URL=" + s.URL, "ATHENS_SUM_DBS=", "ATHENS_SHUTDOWN_TIMEOUT=1",
			"ATHENS_SINGLE_FLIGHT_TYPE=redis", "ATHENS_REDIS_ENDPOINT=" + vacant(t), "MODTIER_LOCKS_WAIT=100ms",
		}})
	}
	down, twice, locked := store(503, 503), store(404, 409), store(404, 200)
	const outage, conflict, lock = "A store that is down", "A version that another one has saved meanwhile", "A lock that cannot be had"
	const info = "GET /example.com/!held/@v/v1.0.0."
	return []surfaceRow{
		{down, info + "info", "503", "200", outage},
		{down, info + "mod", "503", "200", outage},
		{down, info + "zip", "503", "200", outage},
		{down, "GET /example.com/!held/@v/list", "503", "200", outage},
		{down, "GET /readyz", "500", "200", "`/readyz` while a store is down"},
		{locked, "GET /catalog", "501", "", ""},
		{twice, info + "zip", "409", "200", conflict},
		{locked, info + "zip", "500", "200", lock},
	}
}
