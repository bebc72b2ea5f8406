package main

import (
	"testing"
)

func TestLockersAreWired(t *testing.T) {
	store := append(storeSettings["gcp"], "ATHENS_STORAGE_TYPE=gcp", "ATHENS_NETWORK_MODE=offline")
	for kind, settings := range map[string][]string{
		"etcd":           {"ATHENS_ETCD_ENDPOINTS=127.0.0.1:1"},
		"redis":          {"ATHENS_REDIS_ENDPOINT=127.0.0.1:1", "ATHENS_REDIS_PASSWORD=SECRET"},
		"redis-sentinel": {"ATHENS_REDIS_SENTINEL_ENDPOINTS=127.0.0.1:1"},
	} {
		t.Run(kind, func(t *testing.T) {
			settings := append(settings, "ATHENS_SINGLE_FLIGHT_TYPE="+kind)
			s, err := open(t, load(t, append(settings, store...)...))
			if err != nil {
				t.Fatal(err)
			}
			if s.stack.Locker == nil {
				t.Error("there is no locker")
			}
			s, err = open(t, load(t, append(settings, append(store, "MODTIER_WRITE=none")...)...))
			if err != nil {
				t.Fatal(err)
			}
			if s.stack.Locker != nil {
				t.Error("there is a locker, though nothing is saved that another could read")
			}
		})
	}
	s, err := open(t, load(t, store...))
	if err != nil {
		t.Fatal(err)
	}
	if s.stack.Locker != nil {
		t.Error("there is a locker, though none was asked for")
	}
}
