package config

import (
	"strings"
	"testing"
)

func TestProfilesAreForThisMachineAlone(t *testing.T) {
	for _, c := range []struct{ port, want string }{
		{"3001", "localhost:3001"},
		{":3001", "localhost:3001"},
		{"localhost:1", "localhost:1"},
		{"127.0.0.2:1", "127.0.0.2:1"},
		{"[::1]:1", "[::1]:1"},
	} {
		got := load(t, Options{Environ: []string{"ATHENS_ENABLE_PPROF=true", "ATHENS_PPROF_PORT=" + c.port}})
		if got.PprofPort != c.want {
			t.Errorf("%s: got %s, want %s", c.port, got.PprofPort, c.want)
		}
	}
	for _, port := range []string{"0.0.0.0:3001", "[::]:3001", "192.0.2.1:3001", "build.example:3001"} {
		environ := []string{"ATHENS_ENABLE_PPROF=true", "ATHENS_PPROF_PORT=" + port}
		if _, _, err := Load(Options{Environ: environ}); err == nil || !strings.Contains(err.Error(), "PprofPort") {
			t.Errorf("%s: got %v, want an error that names PprofPort", port, err)
		}
		load(t, Options{Environ: environ[1:]}) // nobody listens there
	}
}
