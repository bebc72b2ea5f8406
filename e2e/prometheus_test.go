package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestEveryExpressionReturnsData has a real Prometheus scrape a fleet of two over one
// store and one lock service, and a third gateway to which all happens that an alert
// is for. In the end each expression of the dashboard and of the rules has data.
func TestEveryExpressionReturnsData(t *testing.T) {
	long(t)
	t.Parallel()
	x := newWatched(t)

	x.load()
	x.tamper()
	x.conflict()
	x.sicken()
	x.failUpstream()

	pending := x.expressions()
	eventually(t, "each expression has had data", func() bool {
		for name, expr := range pending {
			if len(x.prometheus.values(expr)) > 0 {
				delete(pending, name)
			}
		}
		if late := time.Now().After(x.until); late && len(pending) > 0 {
			for name, expr := range pending {
				t.Errorf("%s: no data: %s", name, expr)
			}
			return true
		}
		return len(pending) == 0
	})
	for _, r := range x.prometheus.rules() {
		if r.Health != "ok" {
			t.Errorf("%s: %s: %s", r.Name, r.Health, r.LastError)
		}
	}
	for _, a := range x.prometheus.alerts() {
		for name, text := range a.Annotations {
			if strings.Contains(text, "<error") || strings.Contains(text, "<no value>") {
				t.Errorf("%s: %s: %s", a.Labels["alertname"], name, text)
			}
		}
	}
}

// TestPromtoolTakesTheMetrics has promtool look at what the binary exports.
func TestPromtoolTakesTheMetrics(t *testing.T) {
	t.Parallel()
	g := start(t, options{})
	_, text, err := g.get("/metrics")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(fromMake(t, "MODTIER_TEST_PROMTOOL_BIN"), "check", "metrics")
	cmd.Stdin = bytes.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// A watched fleet is two gateways that are well, one that is not, and the Prometheus
// that scrapes them.
type watched struct {
	t          *testing.T
	prometheus *prometheusServer
	u          *upstream
	store      *s3Server
	database   *checksumDatabase
	a, b       *gateway
	sick       *gateway
	sickAddr   string
	sickDir    string
	locked     string // the address of its store
	cold       []version
	zipped     version // upstream has another zip than the database says
	informed   version // upstream has an info that is another version's
	twice      version // the store gets other content than a gateway has
	queued     version // waits for its save
	until      time.Time
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	x := &watched{
		t: t, until: time.Now().Add(patience * 3 / 4),
		cold:     many(30, "example.com/Cold", 100_000),
		zipped:   version{path: "example.com/zipped", version: "v1.0.0", size: 10_000},
		informed: version{path: "example.com/informed", version: "v1.0.0", size: 10_000},
		twice:    version{path: "example.com/twice", version: "v1.0.0", size: 10_000},
		queued:   version{path: "example.com/queued", version: "v1.0.0", size: 10_000},
	}
	all := append(slices.Clone(x.cold), x.zipped, x.informed, x.twice, x.queued)
	x.u, x.database, x.store = newUpstream(t, all...), newChecksumDatabase(t, all...), newS3Server(t)
	fleet := newPeers(t, 2, x.u.URL, x.env(x.store.addr, newRedis(t).addr)...)
	x.a, x.b = fleet.all[0], fleet.all[1]
	locked := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(locked.Close)
	x.locked = host(locked.URL)
	x.sickAddr, x.sickDir = vacant(t), filepath.Join(t.TempDir(), "disk")
	x.sick = x.startSick()
	x.prometheus = newPrometheus(t, yesterday(), host(x.a.url), host(x.b.url), x.sickAddr)
	// What is counted now is counted from nought for Prometheus too.
	eventually(t, "all are scraped", func() bool { return x.prometheus.is("count(modtier_config_info)", 3) })
	return x
}

// env returns the settings of a gateway over that store and that lock service, with
// caches that are too small for what is asked of them.
func (x *watched) env(store, locks string) []string {
	return x.store.env(store, "ATHENS_SINGLE_FLIGHT_TYPE=redis", "ATHENS_REDIS_ENDPOINT="+locks,
		"ATHENS_SUM_DBS="+x.database.key+" "+x.database.URL,
		"MODTIER_DISK_SIZE=2MiB", "MODTIER_MEMORY_SIZE=64KiB",
		"MODTIER_HEALTH_TIMEOUT=1m", "MODTIER_HEALTH_PROBE=200ms")
}

// startSick starts the gateway whose store lets nobody in, and that has no locks.
func (x *watched) startSick(env ...string) *gateway {
	x.t.Helper()
	cmd := exec.Command(binary(x.t), "--listen", x.sickAddr, "--upstream", x.u.URL)
	cmd.Env = append(environ(x.t, sealed...), "MODTIER_DISK_PATH="+x.sickDir, "MODTIER_DISK_FREE=0")
	cmd.Env = append(cmd.Env, x.env(x.locked, vacant(x.t))...)
	cmd.Env = append(cmd.Env, env...)
	return launch(x.t, cmd)
}

func host(url string) string { return strings.TrimPrefix(url, "http://") }

// load asks the one for all there is, then the other, and both for a part of it again.
func (x *watched) load() {
	x.t.Helper()
	for _, g := range []*gateway{x.a, x.b} {
		x.each(x.cold, func(v version) {
			g.serves(v)
			if status, _, err := g.get("/" + escape(v.path) + "/@v/list"); err != nil || status != http.StatusOK {
				x.t.Errorf("list of %s: got status %d, %v, want 200", v.path, status, err)
			}
		})
		g.saved()
	}
	for _, g := range []*gateway{x.a, x.b} {
		for range 5 {
			x.each(x.cold[len(x.cold)-10:], func(v version) { g.serves(v) })
		}
	}
}

// each calls do for each of vs, for a few at once.
func (x *watched) each(vs []version, do func(version)) {
	next := make(chan version)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for v := range next {
				do(v)
			}
		})
	}
	for _, v := range vs {
		next <- v
	}
	close(next)
	all.Wait()
}

// tamper has the upstream send what a version is not.
func (x *watched) tamper() {
	x.t.Helper()
	other := x.zipped
	other.copy = "tampered"
	x.u.tamper(x.zipped, "zip", other.file("zip"))
	x.u.tamper(x.informed, "info", []byte(`{"Version":"v1.0.1","Time":"2026-01-02T03:04:05Z"}`))
	x.a.get(x.zipped.url("zip"))
	for range 8 {
		x.a.get(x.informed.url("info"))
	}
	eventually(x.t, "the tampered zip is found out", func() bool {
		return x.a.metric("modtier_verifications_total", `result="corrupt"`) > 0
	})
}

// conflict has a version come to the store, with other content, while a gateway that
// is to save it cannot.
func (x *watched) conflict() {
	x.t.Helper()
	other := x.twice
	other.copy = "other"
	first := start(x.t, options{upstream: newUpstream(x.t, other).URL, env: x.store.env("")})
	first.serves(other)
	first.saved()
	// The server keeps beside a file what makes an object of it, so the file is moved.
	object, aside := filepath.Dir(x.store.file(x.twice, "zip")), filepath.Join(filepath.Dir(filepath.Dir(x.store.dir)), "aside")
	x.store.stop()
	move(x.t, object, aside)
	x.a.serves(x.twice)
	move(x.t, aside, object)
	x.store.start()
	eventually(x.t, "the store has kept out what came second", func() bool {
		return x.a.metric("modtier_saves_total", `result="conflict"`) > 0
	})
}

func move(t testing.TB, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// sicken leaves the third gateway with a version that has waited for its save since
// long before, a file system that it takes for full, and zips to lock.
func (x *watched) sicken() {
	x.t.Helper()
	x.sick.serves(x.queued)
	eventually(x.t, "it waits for its save, and Prometheus knows", func() bool {
		return waiting(x.t, x.sickDir) == 1 && len(x.prometheus.values("modtier_queue_versions == 1")) == 1
	})
	x.sick.kill()
	names, err := filepath.Glob(filepath.Join(x.sickDir, ".modtier", "queue", "*"))
	if err != nil || len(names) != 1 {
		x.t.Fatalf("the queue: got %q, %v, want one entry", names, err)
	}
	entry := make(map[string]any)
	b, err := os.ReadFile(names[0])
	if err == nil {
		err = json.Unmarshal(b, &entry)
	}
	if err != nil {
		x.t.Fatal(err)
	}
	entry["Added"] = time.Now().Add(-time.Hour)
	if b, err = json.Marshal(entry); err != nil {
		x.t.Fatal(err)
	}
	put(x.t, names[0], b)
	x.sick = x.startSick("MODTIER_DISK_FREE=1000TiB")
	x.each(x.cold[:20], func(v version) { x.sick.serves(v, "zip") })
}

// failUpstream cuts the upstream off, and asks for what nobody has.
func (x *watched) failUpstream() {
	x.u.cut()
	x.each(many(60, "example.com/Late", 1), func(v version) {
		if status, _, err := x.a.get(v.url("mod")); err != nil || status != http.StatusBadGateway {
			x.t.Errorf("%s: got status %d, %v, want 502", v.url("mod"), status, err)
		}
	})
}

// yesterday is what Prometheus is to know of the same time a day ago: memory and disk
// answered everything.
func yesterday() string {
	var b strings.Builder
	b.WriteString("# TYPE job:modtier_cache_hits:ratio_rate1h gauge\n")
	from := time.Now().Add(-24*time.Hour - 5*time.Minute)
	for at := from; at.Before(from.Add(time.Hour)); at = at.Add(30 * time.Second) {
		fmt.Fprintf(&b, "job:modtier_cache_hits:ratio_rate1h{job=\"modtier\"} 1 %d\n", at.Unix())
	}
	return b.String() + "# EOF\n"
}

// expressions returns those of the dashboard, with its variables filled in, and those
// of the rules, with the series that they record.
func (x *watched) expressions() map[string]string {
	x.t.Helper()
	var dashboard struct {
		Annotations struct{ List []struct{ Name, Expr string } }
		Panels      []struct {
			Title   string
			Targets []struct{ RefID, Expr string }
		}
	}
	b, err := os.ReadFile("../metrics/grafana/modtier.json")
	if err == nil {
		err = json.Unmarshal(b, &dashboard)
	}
	if err != nil {
		x.t.Fatal(err)
	}
	// The interval is long enough for all that this test does.
	variables := strings.NewReplacer("$__rate_interval", "10m", "[1m]", "[10m]", "$job", "modtier", "$instance", ".*")
	all := make(map[string]string)
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			all["panel "+p.Title+" "+target.RefID] = variables.Replace(target.Expr)
		}
	}
	for _, a := range dashboard.Annotations.List {
		all["annotation "+a.Name] = variables.Replace(a.Expr)
	}
	panels := len(all)
	for i, r := range x.prometheus.rules() {
		all[fmt.Sprint("rule ", i, " ", r.Name)] = r.Query
		if r.Type == "recording" {
			all["series "+r.Name] = r.Name
		}
	}
	if rules := len(all) - panels; panels < 50 || rules < 25 {
		x.t.Fatalf("got %d expressions of the dashboard and %d of the rules, so this test shows nothing", panels, rules)
	}
	return all
}
