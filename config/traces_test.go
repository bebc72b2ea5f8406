package config

import (
	"strings"
	"testing"
)

func TestTraces(t *testing.T) {
	t.Run("what Athens had before is a warning with what to do, and no traces", func(t *testing.T) {
		for _, old := range []string{"jaeger", "datadog", "Stackdriver"} {
			c, warnings, err := Load(Options{File: write(t, ""), Environ: []string{"ATHENS_TRACE_EXPORTER=" + old, "ATHENS_TRACE_EXPORTER_URL=my-project"}})
			if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "set otlp, and TraceExporterURL") {
				t.Fatalf("%s: got %q, %v; want one warning", old, warnings, err)
			}
			if c.TraceExporter != "" {
				t.Errorf("%s: got exporter %q, want none", old, c.TraceExporter)
			}
		}
	})
	t.Run("what nobody knows is a warning", func(t *testing.T) {
		c, warnings, err := Load(Options{File: write(t, `TraceExporter = "zipkin"`)})
		if err != nil || len(warnings) != 1 || c.TraceExporter != "" {
			t.Errorf("got %q, %v, exporter %q", warnings, err, c.TraceExporter)
		}
	})
	t.Run("otlp is taken whatever its case", func(t *testing.T) {
		if c := load(t, Options{File: write(t, `TraceExporter = "OTLP"`)}); c.TraceExporter != "otlp" {
			t.Errorf("got %q", c.TraceExporter)
		}
	})
	for _, tt := range []struct{ claim, content, want string }{
		{"a collector that is no URL", "TraceExporter = \"otlp\"\nTraceExporterURL = \"sesame:4317\"", `want a URL, as "http://localhost:4317"`},
		{"more than all", "TraceSamplingFraction = 1.5", "want a number from 0 to 1"},
		{"no number", `TraceSamplingFraction = "half"`, "want a number from 0 to 1"},
		{"less than nothing", "TraceSamplingFraction = -1", "want a number from 0 to 1"},
	} {
		t.Run(tt.claim+" is refused", func(t *testing.T) {
			_, _, err := Load(Options{File: write(t, tt.content)})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "sesame") {
				t.Errorf("got %v; want %s", err, tt.want)
			}
		})
	}
}
