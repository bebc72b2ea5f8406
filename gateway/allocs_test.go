package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestAHitInMemoryAllocatesLittle(t *testing.T) {
	const most = 40
	handler := warmGateway(t, nil)
	r := httptest.NewRequest("GET", "/example.com/hot/@v/v1.0.0.mod", nil)
	w := &discard{header: make(http.Header)}
	n := testing.AllocsPerRun(1000, func() {
		clear(w.header)
		handler.ServeHTTP(w, r)
	})
	if status := w.header.Get("Cache-Status"); w.status != http.StatusOK || status != "memory; hit" {
		t.Errorf("got status %d, Cache-Status %q, want a hit in memory", w.status, status)
	}
	if n > most {
		t.Errorf("got %v allocations, want at most %d", n, most)
	}
}
