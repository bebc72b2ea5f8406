package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A prometheusServer is a real Prometheus that scrapes gateways and has our rules.
type prometheusServer struct {
	t   testing.TB
	url string
}

// newPrometheus starts one, which ends with the test. Recorded is what it is to know
// from before, as OpenMetrics.
func newPrometheus(t testing.TB, recorded string, gateways ...string) *prometheusServer {
	t.Helper()
	program, promtool := fromMake(t, "MODTIER_TEST_PROMETHEUS_BIN"), fromMake(t, "MODTIER_TEST_PROMTOOL_BIN")
	dir := t.TempDir()
	put(t, filepath.Join(dir, "before"), []byte(recorded))
	data := filepath.Join(dir, "data")
	if out, err := exec.Command(promtool, "tsdb", "create-blocks-from", "openmetrics", filepath.Join(dir, "before"), data).CombinedOutput(); err != nil {
		t.Fatalf("promtool: %v\n%s", err, out)
	}
	rules, err := filepath.Abs("../metrics/rules")
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "prometheus.yml")
	put(t, conf, fmt.Appendf(nil, `
global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 1s}
rule_files: [%q, %q]
scrape_configs:
  - {job_name: modtier, static_configs: [{targets: ["%s"]}]}
`, rules+"/recording.yaml", rules+"/alerts.yaml", strings.Join(gateways, `", "`)))
	p := &prometheusServer{t: t}
	cmd := exec.Command(program, "--config.file="+conf, "--storage.tsdb.path="+data,
		"--web.listen-address=127.0.0.1:0", "--log.format=json")
	var log journal
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		cmd.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-exited
		if t.Failed() {
			t.Logf("Prometheus says:\n%s", &log)
		}
	})
	listening, ok := log.await("Listening on", exited)
	if !ok {
		t.Fatal("Prometheus does not listen")
	}
	p.url = "http://" + listening["address"].(string)
	eventually(t, "Prometheus is ready", func() bool {
		select {
		case <-exited:
			t.Fatal("Prometheus has ended")
		default:
		}
		resp, err := http.Get(p.url + "/-/ready")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusOK
	})
	return p
}

// call asks the API at path.
func (p *prometheusServer) call(path string, data any) {
	p.t.Helper()
	client := &http.Client{Timeout: time.Minute}
	resp, err := client.Get(p.url + "/api/v1/" + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Status != "success" {
		p.t.Fatalf("Prometheus: %s: %s %s, %v", path, answer.Status, answer.Error, err)
	}
}

// values returns what an expression comes to now, without what is not a number.
func (p *prometheusServer) values(expr string) (all []float64) {
	p.t.Helper()
	var data struct{ Result []struct{ Value [2]any } }
	p.call("query?query="+url.QueryEscape(expr), &data)
	for _, r := range data.Result {
		v, err := strconv.ParseFloat(r.Value[1].(string), 64)
		if err != nil {
			p.t.Fatalf("%s: %v", expr, err)
		}
		if v == v {
			all = append(all, v)
		}
	}
	return all
}

// is reports whether an expression comes to that one number now.
func (p *prometheusServer) is(expr string, want float64) bool {
	got := p.values(expr)
	return len(got) == 1 && got[0] == want
}

// A promRule is a rule as Prometheus has read it.
type promRule struct{ Name, Type, Query, Health, LastError string }

func (p *prometheusServer) rules() (all []promRule) {
	p.t.Helper()
	var data struct{ Groups []struct{ Rules []promRule } }
	p.call("rules", &data)
	for _, g := range data.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// A promAlert is one that is pending or firing.
type promAlert struct{ Labels, Annotations map[string]string }

func (p *prometheusServer) alerts() []promAlert {
	p.t.Helper()
	var data struct{ Alerts []promAlert }
	p.call("alerts", &data)
	return data.Alerts
}
