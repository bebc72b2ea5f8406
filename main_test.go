package main

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestAthensFlagsAreOurs(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"", ""},
		{"-config_file=athens.toml", "--config=athens.toml"},
		{"-config_file athens.toml", "--config athens.toml"},
		{"--config_file=a=b.toml", "--config=a=b.toml"},
		{"-version", "version"},
		{"--version", "version"},
		{"serve --config modtier.toml --listen :3000", "serve --config modtier.toml --listen :3000"},
		{"--upstream=https://proxy.example.com,direct", "--upstream=https://proxy.example.com,direct"},
		{"version", "version"},
	} {
		want := strings.Fields(test.want)
		if got := athensArgs(strings.Fields(test.args)); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", test.args, got, want)
		}
	}
}

func TestTheVersionIsSaid(t *testing.T) {
	for _, arg := range []string{"version", "-version"} {
		saved := os.Args
		os.Args = []string{"modtier", arg}
		cmd := command()
		os.Args = saved
		var out bytes.Buffer
		cmd.SetOut(&out)
		if err := cmd.Execute(); err != nil || !strings.HasPrefix(out.String(), "modtier ") || !strings.Contains(out.String(), "go1.") {
			t.Errorf("%s: got %q, error %v", arg, out.String(), err)
		}
	}
	var v map[string]string
	if err := json.Unmarshal(buildVersion().json(), &v); err != nil || v["version"] == "" || v["go"] == "" {
		t.Errorf("in JSON: got %v, error %v", v, err)
	}
}

func TestSizesReadAsAPersonWouldWriteThem(t *testing.T) {
	for n, want := range map[int64]string{
		0: "unbounded", 1: "1B", 1023: "1023B", 1 << 10: "1KiB", 512 << 10: "512KiB", 256 << 20: "256MiB", 1<<30 - 1: "1024MiB",
		10 << 30: "10GiB", 3 << 29: "1.5GiB", 15000 << 20: "14.65GiB", 20_000_000_000: "18.63GiB", 10 << 40: "10TiB", 1 << 60: "1048576TiB",
	} {
		if got := sizeText(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}
