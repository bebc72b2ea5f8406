package e2e

import (
	"context"
	"io"
	"maps"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// A surfaceRow is one thing to ask, what Athens answers and what is answered here.
//
// An answer is a status and headers with " | " between. A header is "none" or a
// pattern of path.Match without its slashes, and "Body" is one: "empty", "text" for
// some, or all of it. Only what matters in the row is in it.
type surfaceRow struct {
	on     *gateway
	ask    string // method, path, and perhaps a header
	athens string
	here   string // "" for the same
	mended string // if it is another: the first cell of the guide's row about it
}

// TestEveryStatusAndHeaderOfAthens asks for all that Athens answers in its way. What
// is answered here is the same, or stands in the guide with the reason.
func TestEveryStatusAndHeaderOfAthens(t *testing.T) {
	t.Parallel()
	guide := mendedCells(t)
	groups := map[string]func(*testing.T) []surfaceRow{
		"pages": pageRows, "files": fileRows, "checksum databases": sumDBRows, "prefix and password": doorRows,
		"filter and hook": policyRows, "download modes": modeRows, "network modes": networkRows,
		"upstream in trouble": upstreamRows, "version control in trouble": directRows, "store in trouble": storeRows,
	}
	var shown sync.Map // cells of the guide
	var asked atomic.Int64
	t.Run("asked", func(t *testing.T) {
		for name, rows := range groups {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for _, row := range rows(t) {
					row.check(t)
					if row.mended != "" && !slices.Contains(guide, row.mended) {
						t.Errorf("%s: ATHENS.md has no row that begins with | %s |", row.ask, row.mended)
					}
					shown.Store(row.mended, true)
				}
				asked.Add(1)
			})
		}
	})
	if asked.Load() < int64(len(groups)) {
		return // some failed, or were not to run
	}
	for _, cell := range guide {
		if _, ok := shown.Load(cell); !ok {
			t.Errorf("ATHENS.md: nothing here shows %q", cell)
		}
	}
}

// mendedCells returns the first cells of the guide's table of answers.
func mendedCells(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile("../ATHENS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(b), "<!-- answers -->\n")
	table, _, ok2 := strings.Cut(table, "<!-- /answers -->")
	if !ok || !ok2 {
		t.Fatal("ATHENS.md has no table of answers")
	}
	var cells []string
	for i, line := range slices.Collect(strings.Lines(table)) {
		if cell, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |"); i >= 2 { // below the head
			cells = append(cells, cell)
		}
	}
	return cells
}

// check asks, and compares.
func (row surfaceRow) check(t *testing.T) {
	t.Helper()
	want := row.athens
	if row.here != "" {
		want = row.here
	}
	if (row.here == "") != (row.mended == "") || row.here == row.athens || !slices.Equal(named(row.athens), named(want)) {
		t.Errorf("%s: Athens %q, here %q, mended %q: want another answer about the same and its row, or neither", row.ask, row.athens, row.here, row.mended)
	}
	status, header, body := row.answer(t)
	if got, want, _ := strings.Cut(want, " | "); got != status {
		t.Errorf("%s: got status %s and %q, want %s | %s", row.ask, status, body, got, want)
		return
	}
	for name, want := range parts(want) {
		got := header.Get(name)
		switch {
		case name == "Body" && (want == "empty" || want == "text"):
			if (body == "") != (want == "empty") {
				t.Errorf("%s: got a body of %d bytes, want %s", row.ask, len(body), want)
			}
			continue
		case name == "Body":
			got = body
		case want == "none" && header.Values(name) == nil:
			continue
		}
		// Neither has a slash then, which an asterisk would not pass.
		plain := strings.NewReplacer("/", "_", "\n", " ")
		if ok, err := path.Match(plain.Replace(want), plain.Replace(got)); !ok || err != nil {
			t.Errorf("%s: %s: got %q, want %q", row.ask, name, got, want)
		}
	}
}

// answer asks once, and goes nowhere that it is sent.
func (row surfaceRow) answer(t *testing.T) (status string, header http.Header, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	method, rest, _ := strings.Cut(row.ask, " ")
	urlPath, field, _ := strings.Cut(rest, " ")
	req, err := http.NewRequestWithContext(ctx, method, row.on.url+urlPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	if name, value, ok := strings.Cut(field, ": "); ok {
		req.Header.Set(name, value)
	}
	resp, err := row.on.client.Transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: %v", row.ask, err)
	}
	status, _, _ = strings.Cut(resp.Status, " ")
	return status, resp.Header, string(b)
}

// parts returns the headers of an answer as a row has it.
func parts(answer string) map[string]string {
	m := make(map[string]string)
	for _, part := range strings.Split(answer, " | ")[1:] {
		name, value, _ := strings.Cut(part, ": ")
		m[name] = value
	}
	return m
}

func named(answer string) []string { return slices.Sorted(maps.Keys(parts(answer))) }
