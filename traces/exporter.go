package traces

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// openExporter returns what sends spans, or nil if nobody is to have them. Endpoint,
// headers, certificates, compression and timeout it takes from the environment by
// itself: of endpoints, the one for all signals is a base and the one for traces whole.
// Athens' URL may be either.
func openExporter(ctx context.Context, c Config) (sdk.SpanExporter, error) {
	endpoint := first("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
	wanted := endpoint != "" || c.Exporter == "otlp"
	switch kind := strings.TrimSpace(os.Getenv("OTEL_TRACES_EXPORTER")); kind {
	case "":
	case "otlp":
		wanted = true
	case "none":
		wanted = false
	default:
		c.Log.Warn("requests are not traced: of OTEL_TRACES_EXPORTER otlp and none are known", "value", kind)
		wanted = false
	}
	if !wanted || strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return nil, nil
	}
	// Before anything reads the variables: what the SDK writes of those that are wrong,
	// past the log, may quote the headers.
	otel.SetLogger(logr.Discard())
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { c.Log.Warn("tracing is not as it was asked for", "err", err) }))
	protocol, base := first("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"), ""
	if endpoint == "" && c.Exporter == "otlp" {
		base = c.URL
	}
	if protocol == "" {
		protocol = protocolOf(base)
	}
	switch protocol {
	case "grpc":
		o := []otlptracegrpc.Option{otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig(retry))}
		if base != "" {
			o = append(o, otlptracegrpc.WithEndpointURL(base))
		}
		return otlptracegrpc.New(ctx, o...)
	case "http/protobuf":
		o := []otlptracehttp.Option{otlptracehttp.WithRetry(otlptracehttp.RetryConfig(retry))}
		if base != "" {
			o = append(o, otlptracehttp.WithEndpointURL(strings.TrimSuffix(strings.TrimSuffix(base, "/"), tracesPath)+tracesPath))
		}
		return otlptracehttp.New(ctx, o...)
	}
	return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL: want grpc or http/protobuf")
}

// protocolOf returns what is spoken where nothing says so: to an endpoint of the
// standard's variables what the standard says; to Athens' URL gRPC, as Athens does,
// but at the port or the path that is for the other.
func protocolOf(base string) string {
	u, err := url.Parse(base)
	if base == "" || err == nil && (u.Port() == "4318" || strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), tracesPath)) {
		return "http/protobuf"
	}
	return "grpc"
}

// tracesPath is where a collector takes traces over HTTP.
const tracesPath = "/v1/traces"

// retry is for a collector that is restarted. To hold on for longer, as the SDK does
// by itself, would hold up the end of the process, and drop the spans that come
// meanwhile.
var retry = struct {
	Enabled                                      bool
	InitialInterval, MaxInterval, MaxElapsedTime time.Duration
}{true, 300 * time.Millisecond, time.Second, 2 * time.Second}

// first returns the first of these variables that is set.
func first(names ...string) string {
	for _, name := range names {
		if value := strings.TrimSpace(os.Getenv(name)); value != "" {
			return value
		}
	}
	return ""
}

// A patient exporter does without a collector that does not answer, and says so once.
// The spans of that time are lost: to keep them would cost what they are to measure.
type patient struct {
	sdk.SpanExporter
	log  *slog.Logger
	down atomic.Bool
}

func (p *patient) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := p.SpanExporter.ExportSpans(ctx, spans)
	if err != nil {
		p.lose(err)
	} else if p.down.CompareAndSwap(true, false) {
		p.log.Info("traces can be sent again")
	}
	return nil
}

// lose says that spans are lost, unless that is known.
func (p *patient) lose(err error) {
	if p.down.CompareAndSwap(false, true) {
		p.log.Warn("traces cannot be sent, and are lost until they can; nothing else is", "err", text(err.Error()))
	}
}
