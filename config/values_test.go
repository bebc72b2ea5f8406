package config

import (
	"strings"
	"testing"
	"time"
)

func TestSizes(t *testing.T) {
	for in, want := range map[any]int64{
		"0": 0, "1": 1, "17B": 17, "512KB": 512e3, "3MB": 3e6, "2gb": 2e9, "1TB": 1e12,
		"512KiB": 512 << 10, "256MiB": 256 << 20, "10 GiB": 10 << 30, " 1tib ": 1 << 40,
		int64(99): 99, "8388607TiB": 8388607 << 40,
	} {
		if got, err := size(in); err != nil || got != want {
			t.Errorf("size(%q) = %v, %v; want %d", in, got, err, want)
		}
	}
	for _, in := range []any{"", "-1", "-1GiB", "10G", "10K", "1.5GiB", "GiB", "1GiBB", "1BiG", "8388608TiB", "9223372036854775808", 1.5, true, int64(-1)} {
		if got, err := size(in); err == nil || !strings.Contains(err.Error(), `"10GiB"`) {
			t.Errorf("size(%v) = %v, %v; want an error that says what is right", in, got, err)
		}
	}
}

func TestSeconds(t *testing.T) {
	for in, want := range map[any]time.Duration{
		"0": 0, "90": 90 * time.Second, int64(300): 5 * time.Minute, "90s": 90 * time.Second, "1h30m": 90 * time.Minute, "250ms": 250 * time.Millisecond,
	} {
		if got, err := seconds(in); err != nil || got != want {
			t.Errorf("seconds(%v) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []any{"", "-1", "-1s", "1d", "1.5", 1.5, "soon", int64(-3), "9223372037", true} {
		if got, err := seconds(in); err == nil || !strings.Contains(err.Error(), "want") {
			t.Errorf("seconds(%v) = %v, %v; want an error", in, got, err)
		}
	}
}

func TestSpans(t *testing.T) {
	for in, want := range map[any]time.Duration{"0": 0, int64(0): 0, "60s": time.Minute, "168h": 7 * 24 * time.Hour} {
		if got, err := span(in); err != nil || got != want {
			t.Errorf("span(%v) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []any{"", "60", int64(60), "-1s", "7d", 1.5} {
		if got, err := span(in); err == nil || !strings.Contains(err.Error(), `"90s"`) {
			t.Errorf("span(%v) = %v, %v; want an error that says what is right", in, got, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for in, want := range map[any]string{
		"3000": ":3000", int64(80): ":80", ":0": ":0", "localhost:1": "localhost:1", "[::1]:65535": "[::1]:65535",
	} {
		if got, err := address(in); err != nil || got != want {
			t.Errorf("address(%v) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []any{"", ":", "localhost", ":65536", "70000", "-1", "tcp://10.0.0.1:80", "a:b:1", true} {
		if got, err := address(in); err == nil {
			t.Errorf("address(%v) = %v, want an error", in, got)
		}
	}
}

func TestHostPorts(t *testing.T) {
	for in, want := range map[string]string{
		"m.example": "m.example", "127.0.0.1:9001": "127.0.0.1:9001", "[::1]:9000": "[::1]:9000", "MY_PLACE.example": "MY_PLACE.example",
		"http://m.example": "m.example", "HTTPS://m.example:1/": "m.example:1", "m.example/": "m.example",
	} {
		if got, err := hostPort(in); err != nil || got != want {
			t.Errorf("hostPort(%q) = %v, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []any{"", "/", ":9000", "m.example/a", "m.example?a", "m.example#a", "u@m.example", "a b", "m.example:x", "s3://m.example", "http://http://m", 7, nil} {
		if got, err := hostPort(in); err == nil {
			t.Errorf("hostPort(%v) = %v, want an error", in, got)
		}
	}
}

func TestWrongValues(t *testing.T) {
	for _, tt := range []struct{ key, literal, want string }{
		{"Port", "true", `Port = true: want a port`},
		{"PathPrefix", "1", `PathPrefix = 1: want text in quotes`},
		{"LogLevel", `"loud"`, `LogLevel = "loud": want one of debug, info, warn, error`},
		{"LogFormat", `"xml"`, `LogFormat = "xml": want one of plain, json`},
		{"NetworkMode", `"lenient"`, `want one of strict, offline, fallback`},
		{"IndexType", `"redis"`, `want one of none, memory, disk, mysql, postgres`},
		{"Timeout", "0", `Timeout = 0: want more than 0`},
		{"StashTimeout", `"0s"`, `want more than 0`},
		{"ShutdownTimeout", "-1", `want whole seconds or a duration, 0 or more`},
		{"StorageType", `"tape"`, `want one of memory, disk, mongo, gcp, minio, s3, azureblob, external`},
		{"SumDBs", `[1]`, `want a list of texts in quotes`},
		{"SumDBs", `3`, `want a list, as ["a", "b"]`},
		{"ProtocolWorkers", "0", `ProtocolWorkers = 0: want a whole number, 1 or more`},
		{"ProtocolWorkers", "1.5", `want a whole number, 1 or more`},
		{"Tiers.Memory.Size", `"1G"`, `Tiers.Memory.Size = "1G": want a size`},
		{"Tiers.Disk.Free", `-1`, `Tiers.Disk.Free = -1: want a size, 0 or more`},
		{"Tiers.Write", `"behind"`, `Tiers.Write = "behind": want one of back, through, none`},
		{"Tiers.Queue.Workers", `0`, `want a whole number, 1 or more`},
		{"Tiers.Queue.Size", `"2G"`, `want a size`},
		{"Tiers.Queue.Age", `3600`, `want a duration with its unit`},
		{"Tiers.Health.Timeout", `"0s"`, `want more than 0`},
		{"Tiers.Health.Probe", `0`, `want more than 0`},
		{"Tiers.Serve.Listen", `"nowhere"`, `want a port`},
		{"SingleFlightType", `"zookeeper"`, `want one of memory, etcd, redis, redis-sentinel, mongo, gcp, minio, s3, azureblob, store`},
		{"Tiers.Locks.Lease", `"999ms"`, `Tiers.Locks.Lease = "999ms": want 1s or more`},
		{"Tiers.Locks.Lease", `15`, `want a duration with its unit`},
		{"Tiers.Locks.Wait", `"0s"`, `Tiers.Locks.Wait = "0s": want more than 0`},
		{"Tiers.Answers.Fresh", `60`, `want a duration with its unit`},
	} {
		t.Run(tt.key+" = "+tt.literal+" is an error with file, line and remedy", func(t *testing.T) {
			file := write(t, "\n"+toml(tt.key, tt.literal))
			_, _, err := Load(Options{File: file})
			if err == nil || !strings.HasPrefix(err.Error(), file+":") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("got more than one error: %v", err)
			}
		})
	}
	t.Run("credentials in a value are not shown", func(t *testing.T) {
		for _, literal := range []string{`"https://u:sesame@a.example"`, `"u:se same@a.example"`, `["https://u:sesame@a.example"]`} {
			_, _, err := Load(Options{File: write(t, toml("LogFormat", literal))})
			if err == nil || strings.Contains(err.Error(), "same@") || strings.Contains(err.Error(), "u:") {
				t.Errorf("got %v", err)
			}
		}
	})
	t.Run("levels of logrus have ours", func(t *testing.T) {
		for in, want := range map[string]string{"trace": "debug", "Debug": "debug", "INFO": "info", "fatal": "error", "panic": "error", "error": "error"} {
			if c := load(t, Options{File: write(t, ""), Environ: []string{"ATHENS_LOG_LEVEL=" + in}}); c.LogLevel != want {
				t.Errorf("%s: got %s, want %s", in, c.LogLevel, want)
			}
		}
	})
}
