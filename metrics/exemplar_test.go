package metrics_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/modtier/modtier/metrics"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

type traceKey struct{}

func TestADurationOfATraceHasItAsItsExemplar(t *testing.T) {
	m := metrics.New("v1.2.3", "s3")
	m.TraceID = func(ctx context.Context) string {
		id, _ := ctx.Value(traceKey{}).(string)
		return id
	}
	_, inner, _ := overStore(t)
	store := m.Store(inner, "s3")
	locker := m.Locker(new(scripted), "redis")
	traced := context.WithValue(t.Context(), traceKey{}, "abc")
	m.Request("zip", 200, "disk", time.Second, 1, "abc")
	m.Request("mod", 200, "memory", time.Second, 1, "")
	m.Filled(traced, tiers.Fill{Source: "upstream", FirstByte: time.Second, Duration: time.Second})
	store.Save(traced, version, files)
	if o, err := store.Open(traced, tierstest.Ref(version, tiers.Mod)); err == nil {
		o.Body.Close()
	}
	if _, unlock, err := locker.Lock(traced, "a"); err == nil {
		unlock()
	}
	exemplars := make(map[string]bool)
	for line := range strings.Lines(get(m, "application/openmetrics-text;version=1.0.0").Body.String()) {
		if series, _, ok := strings.Cut(line, ` # {trace_id="abc"}`); ok {
			name, _, _ := strings.Cut(series, "_bucket{")
			exemplars[name] = true
			if strings.Contains(line, `kind="mod"`) {
				t.Errorf("an untraced request has an exemplar: %s", line)
			}
		}
	}
	for _, name := range []string{"request_duration", "fill_duration", "fill_first_byte", "save_duration", "tier_operation_duration", "lock_wait"} {
		if !exemplars["modtier_"+name+"_seconds"] {
			t.Errorf("%s has no exemplar", name)
		}
	}
	if text := get(m, "text/plain").Body.String(); strings.Contains(text, "abc") {
		t.Error("exemplars in a format that has none")
	}
}
