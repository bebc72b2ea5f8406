package e2e

import "testing"

func modeRows(t *testing.T) []surfaceRow {
	up := newUpstream(t, held, version{path: "example.com/missing", version: "v1.0.0"}, version{path: "example.com/Missing", version: "v1.0.0"})
	const (
		elsewhere = "https://elsewhere.example"
		info      = "/example.com/missing/@v/v1.0.0.info"
		upper     = "/@v/v1.0.0.info"
		mutable   = "`list` and `@latest` in the modes `none`, `redirect` and `async_redirect`"
		mark      = "`!` in a `Location`"
	)
	in := func(mode string) *gateway {
		return holding(t, up.URL, "ATHENS_DOWNLOAD_MODE="+mode, "ATHENS_DOWNLOAD_URL="+elsewhere)
	}
	none, async, redirect, both := in("none"), in("async"), in("redirect"), in("async_redirect")
	file := in("file:" + rules(t, "mode = \"none\"\ndownloadURL = \""+elsewhere+"\"\ndownload \"example.com/miss*\" {\n  mode = \"redirect\"\n}\n"))
	rows := []surfaceRow{
		{none, "GET " + info, "404", "", ""},
		{none, "GET /example.com/missing/@v/list", "200", "404", mutable},
		{none, "GET /example.com/missing/@latest", "200", "404", mutable},
		{async, "GET " + info, "404", "", ""},
		{redirect, "GET /example.com/missing/@v/list", "200", "301", mutable},
		{file, "GET " + info, "301 | Location: " + elsewhere + info, "", ""},
		{file, "GET /example.com/other/@v/v1.0.0.info", "404", "", ""},
	}
	for _, g := range []*gateway{redirect, both} {
		rows = append(rows,
			surfaceRow{g, "GET " + info, "301 | Location: " + elsewhere + info, "", ""},
			surfaceRow{g, "GET /example.com/!missing" + upper, "301 | Location: " + elsewhere + "/example.com/%21missing" + upper,
				"301 | Location: " + elsewhere + "/example.com/!missing" + upper, mark})
	}
	for _, g := range []*gateway{none, async, redirect, both, file} {
		for _, kind := range kinds {
			rows = append(rows, surfaceRow{g, "GET " + held.url(kind), "200", "", ""})
		}
	}
	return rows
}

func networkRows(t *testing.T) []surfaceRow {
	const list, latest = "GET /example.com/!held/@v/list", "GET /example.com/!held/@latest"
	const outage = "An upstream that is down, or answers 5xx"
	nobody := "http://" + vacant(t)
	offline, fallback, strict := holding(t, nobody, "ATHENS_NETWORK_MODE=offline"), holding(t, nobody, "ATHENS_NETWORK_MODE=fallback"), holding(t, nobody, "ATHENS_NETWORK_MODE=strict")
	rows := []surfaceRow{
		{offline, list, "200 | Body: v1.0.0*", "", ""},
		{offline, "GET /example.com/pseudo/@v/list", "200 | Body: " + pseudo.version + "*", "200 | Body: empty", "Pseudo-versions in `list`"},
		{offline, latest, "404", "200", "`@latest` offline"},
		{fallback, list, "200 | Body: v1.0.0*", "", ""},
		{strict, list, "404", "502", outage},
		{strict, latest, "404", "502", outage},
	}
	for _, kind := range kinds {
		rows = append(rows, surfaceRow{strict, "GET /example.com/missing/@v/v1.0.0." + kind, "404", "502", outage})
		for _, g := range []*gateway{offline, fallback, strict} {
			rows = append(rows, surfaceRow{g, "GET " + held.url(kind), "200", "", ""})
		}
	}
	return rows
}
