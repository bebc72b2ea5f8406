package config

import (
	"slices"
	"testing"
)

func TestServers(t *testing.T) {
	for _, in := range []string{"r:1", "r.example:6379", "127.0.0.1:65535", "[::1]:6379", "my_redis:6379"} {
		if !isServer(in) {
			t.Errorf("%s is one", in)
		}
	}
	for _, in := range []string{"", ":", "r", ":6379", "r:", "r:0", "r:65536", "r:x", "::1:6379", "u@r:1", "r:1/0", "r:1,s:2", "r,s:2", "a b:1", "r:1?x", "redis://r:1"} {
		if isServer(in) {
			t.Errorf("%s is none", in)
		}
	}
}

func TestEtcdEndpoints(t *testing.T) {
	for in, want := range map[string]string{
		"e:1": "e:1", " e:1 ,, f:2 ": "e:1,f:2", "http://e:1,f:2": "http://e:1,f:2", "HTTPS://e:1/,https://[::1]:2": "https://e:1,https://[::1]:2",
	} {
		if got, err := etcdEndpoints(in); err != nil || got != want {
			t.Errorf("%q: got %v, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []any{"", ",", "e", "e:1,f", "https://e", "https://e:1,e:1", "http://e:1/v3", "unix://e:1", "://e:1", "http://http://e:1", 7, []any{"e:1"}} {
		if got, err := etcdEndpoints(in); err == nil {
			t.Errorf("%v: got %v, want an error", in, got)
		}
	}
}

func TestSentinels(t *testing.T) {
	for _, in := range []any{"a:1,[::1]:2", []any{"a:1", " [::1]:2 "}} {
		got, err := sentinels(in)
		if items, _ := got.([]string); err != nil || !slices.Equal(items, []string{"a:1", "[::1]:2"}) {
			t.Errorf("%v: got %v, %v", in, got, err)
		}
	}
	for _, in := range []any{"", []any{}, "a", []any{"a:1", ""}[1:], []any{1}, 7} {
		if got, err := sentinels(in); err == nil {
			t.Errorf("%v: got %v, want an error", in, got)
		}
	}
}

func TestRedisServers(t *testing.T) {
	for _, in := range []string{"r:1", "redis://r", "rediss://u:p@r:1/", "REDIS://:p@[::1]/15", "redis://r?db=3"} {
		if _, err := parseRedis(in); err != nil {
			t.Errorf("%s: %v", in, err)
		}
	}
	for _, in := range []string{"", "r", "redis:r:1", "redis://", "redis://:1", "redis:///0", "redis://r:x", "redis://r:99999", "redis://r/a", "redis://r/1/2", "redis://r/-1", "http://r:1", "unix:///r", "redis://p#q@r:1"} {
		if _, err := parseRedis(in); err == nil {
			t.Errorf("%s: got no error", in)
		}
	}
}

func TestLongSecrets(t *testing.T) {
	for in, ok := range map[any]bool{"0123456789abcdef": true, "ööööööööööööööö": false, "0123456789abcde": false, "": false, int64(1234567890123456): false} {
		if _, err := longSecret(in); (err == nil) != ok {
			t.Errorf("%v: got %v", in, err)
		}
	}
}
