package main

import (
	"log/slog"
	"strings"
	"testing"
)

func TestLockersAreWired(t *testing.T) {
	const offline = "ATHENS_NETWORK_MODE=offline"
	at := func(store string, settings ...string) []string {
		return append(append(append([]string(nil), storeSettings[store]...), "ATHENS_STORAGE_TYPE="+store, offline), settings...)
	}
	locked := func(t *testing.T, settings []string) *service {
		t.Helper()
		s, err := open(t, load(t, settings...))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	kinds := map[string][]string{
		"etcd":           at("gcp", "ATHENS_ETCD_ENDPOINTS=127.0.0.1:1"),
		"redis":          at("gcp", "ATHENS_REDIS_ENDPOINT=127.0.0.1:1", "ATHENS_REDIS_PASSWORD=SECRET"),
		"redis-sentinel": at("gcp", "ATHENS_REDIS_SENTINEL_ENDPOINTS=127.0.0.1:1"),
	}
	for _, store := range []string{"gcp", "s3", "minio", "azureblob", "mongo"} {
		kinds[store] = at(store)
	}
	for kind, settings := range kinds {
		t.Run(kind, func(t *testing.T) {
			settings = append(settings, "ATHENS_SINGLE_FLIGHT_TYPE="+kind)
			if s := locked(t, settings); s.stack.Locker == nil || s.stack.Peers != nil {
				t.Errorf("locker %v, peers %v: want a locker and no peers", s.stack.Locker, s.stack.Peers)
			}
			if s := locked(t, append(settings, "MODTIER_WRITE=none")); s.stack.Locker != nil {
				t.Error("there is a locker, though nothing is saved that another could read")
			}
			s := locked(t, append(settings, "MODTIER_WRITE=none", "MODTIER_PEERS_URL=http://127.0.0.1:1", "MODTIER_PEERS_SECRET=0123456789abcdef"))
			if s.stack.Locker == nil || s.stack.Peers == nil || s.gateway.Peers == nil {
				t.Error("there is no locker, though instances can read from each other what they fetch")
			}
		})
	}
	t.Run("store", func(t *testing.T) {
		if s := locked(t, at("minio", "ATHENS_SINGLE_FLIGHT_TYPE=store")); s.stack.Locker == nil {
			t.Error("there is no locker")
		}
	})
	t.Run("memory", func(t *testing.T) {
		if s := locked(t, at("gcp")); s.stack.Locker != nil || s.gateway.Peers != nil {
			t.Error("there is a locker, though none was asked for")
		}
	})
}

func TestALockServiceThatDoesNotAnswerIsTold(t *testing.T) {
	c := load(t, append(append([]string(nil), storeSettings["gcp"]...), "ATHENS_STORAGE_TYPE=gcp", "ATHENS_NETWORK_MODE=offline",
		"ATHENS_SINGLE_FLIGHT_TYPE=redis", "ATHENS_REDIS_ENDPOINT=127.0.0.1:1")...)
	lines := make(lineLog, 100)
	s, err := wire(t.Context(), c, slog.New(slog.NewTextHandler(lines, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	for !strings.Contains(<-lines, "the lock service fails") { // or the test never ends
	}
}

type lineLog chan string

func (l lineLog) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}
