package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/modtier/modtier/config"
)

func TestProfilesAreServedApart(t *testing.T) {
	var out bytes.Buffer
	server, err := servePprof("localhost:0", slog.New(slog.NewTextHandler(&out, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	_, url, _ := strings.Cut(strings.TrimSpace(out.String()), "url=")
	if code, body := fetch(t, http.DefaultClient, url+"heap?debug=1"); code != 200 || !strings.HasPrefix(body, "heap profile") {
		t.Errorf("%s: got %d %.80s", url, code, body)
	}
	host, _, err := net.SplitHostPort(strings.Split(url, "/")[2])
	if ip := net.ParseIP(host); err != nil || !ip.IsLoopback() {
		t.Errorf("it listens on %s", host)
	}
	r := run(t, load(t, "MODTIER_UPSTREAM=off", "ATHENS_ENABLE_PPROF=true"))
	if code, _ := fetch(t, http.DefaultClient, r.base.String()+"/debug/pprof/"); code != 404 {
		t.Errorf("the gateway itself answers %d", code)
	}
}

func TestMetricsAreServedUnlessTheyAreOff(t *testing.T) {
	for exporter, want := range map[string]int{"prometheus": 200, "": 404, "none": 404} {
		r := run(t, load(t, "MODTIER_UPSTREAM=off", "ATHENS_STATS_EXPORTER="+exporter))
		if code, _ := fetch(t, http.DefaultClient, r.base.String()+"/metrics"); code != want {
			t.Errorf("StatsExporter %q: got %d, want %d", exporter, code, want)
		}
	}
}

func TestLinesForGoogleCloud(t *testing.T) {
	var out bytes.Buffer
	log := newLog(&out, &config.Config{LogLevel: "info", CloudRuntime: "GCP"})
	log.Warn("a store is down", "tier", "s3", slog.Group("of", "level", "its own"))
	var line struct {
		Severity, Message, Time, Tier string
		Of                            map[string]string
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line.Severity != "WARNING" || line.Message != "a store is down" || line.Time == "" || line.Tier != "s3" || line.Of["level"] != "its own" {
		t.Errorf("got %s", out.String())
	}
}
