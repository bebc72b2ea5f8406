package config

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// traceRows holds the keys of traces. The variables of OpenTelemetry's own standard,
// OTEL_*, go before them and are none of ours.
func traceRows() []row {
	return []row{
		{key: "TraceExporter", env: "ATHENS_TRACE_EXPORTER", kind: text, blank: true,
			doc: "`otlp` to send traces to `TraceExporterURL`; the `OTEL_*` variables of OpenTelemetry go first, and do without it."},
		{key: "TraceExporterURL", env: "ATHENS_TRACE_EXPORTER_URL", def: "http://localhost:4317", kind: text, blank: true, secret: true,
			doc: "URL of the collector: OTLP over gRPC, or over HTTP at port 4318 or the path `/v1/traces`; `OTEL_EXPORTER_OTLP_PROTOCOL` says otherwise."},
		{key: "TraceSamplingFraction", env: "ATHENS_TRACE_SAMPLING_FRACTION", def: "1.0", kind: fraction,
			doc: "Share of the traces that begin here which are recorded, from `0` to `1`; others follow their caller."},
		{key: "Tiers.Traces.Upstream", def: "false", kind: boolean,
			doc: "Whether requests to upstream say which trace they are of (`traceparent`); those to peers and external stores do."},
	}
}

// fraction is a share of a whole.
func fraction(raw any) (any, error) {
	f, err := strconv.ParseFloat(strings.TrimSpace(fmt.Sprint(raw)), 64)
	if err != nil || !(f >= 0 && f <= 1) {
		return nil, errors.New("want a number from 0 to 1, as 0.1")
	}
	return f, nil
}

// checkTraces leaves off what cannot be sent, as Athens does: who starts without
// traces serves the same.
func (l *loader) checkTraces(c *Config) {
	kind := strings.ToLower(strings.TrimSpace(c.TraceExporter))
	c.TraceExporter = ""
	switch kind {
	case "", "none":
	case "otlp":
		c.TraceExporter = kind
		u, err := url.Parse(c.TraceExporterURL)
		if c.TraceExporterURL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
			l.fail("traceexporterurl", `want a URL, as "http://localhost:4317"`)
		}
	case "jaeger", "datadog", "stackdriver":
		l.ignore("traceexporter", "nothing is traced, for this is Athens' from before it spoke OpenTelemetry; set otlp, and TraceExporterURL (ATHENS_TRACE_EXPORTER_URL) to where a collector or an agent for it takes OTLP")
	default:
		l.ignore("traceexporter", "nothing is traced, for only otlp is known")
	}
}
