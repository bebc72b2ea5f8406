package e2e

import (
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// newMinio starts a MinIO, which ends with the test, and returns what a gateway
// needs to have it as its store minio.
func newMinio(t testing.TB) (env []string) {
	t.Helper()
	const key, secret = "minioaccess", "miniosecret123"
	addr := vacant(t)
	cmd := exec.Command(fromMake(t, "MODTIER_TEST_MINIO_BIN"), "server", t.TempDir(), "--address", addr, "--console-address", vacant(t))
	cmd.Env = append(environ(t), "MINIO_ROOT_USER="+key, "MINIO_ROOT_PASSWORD="+secret, "MINIO_BROWSER=off", "MINIO_UPDATE=off")
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
	})
	eventually(t, "MinIO answers", func() bool {
		select {
		case <-exited:
			t.Fatal("MinIO has ended")
		default:
		}
		// It says that it is ready before it answers: 503, until it knows whom to let in.
		resp, err := http.Get("http://" + addr + "/")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusForbidden
	})
	return []string{
		"ATHENS_MINIO_ENDPOINT=" + addr, "ATHENS_MINIO_ACCESS_KEY_ID=" + key, "ATHENS_MINIO_SECRET_ACCESS_KEY=" + secret,
		"ATHENS_MINIO_BUCKET_NAME=" + s3Bucket,
	}
}

// hasOnly checks that all files of vs are stored as they are, and nothing else is.
func (s *s3Server) hasOnly(vs ...version) {
	s.t.Helper()
	var want []string
	for _, v := range vs {
		if err := s.has(v); err != nil {
			s.t.Error(err)
		}
		for _, kind := range kinds {
			want = append(want, v.key(kind))
		}
	}
	for _, key := range s.objects() {
		if !slices.Contains(want, key) && !strings.HasPrefix(key, ".modtier/") {
			s.t.Errorf("stored: %s is of no version that is to be there", key)
		}
	}
}

// key returns the key of a file in the store s3.
func (v version) key(kind string) string { return v.path + "/@v/" + v.version + "." + kind }

// saved waits until nothing waits for a save.
func (g *gateway) saved() {
	g.t.Helper()
	g.rest()
	eventually(g.t, "all is saved", func() bool { return g.metric("modtier_queue_versions") == 0 })
}

// lacks checks that a file of v is not to be had.
func (g *gateway) lacks(v version, kind string) {
	g.t.Helper()
	if status, body, err := g.get(v.url(kind)); err != nil || status != http.StatusNotFound {
		g.t.Errorf("%s: got status %d, %q, %v, want 404", v.url(kind), status, body, err)
	}
}

// logs waits for a line of the log that has all parts, and returns it.
func (g *gateway) logs(parts ...string) (found string) {
	g.t.Helper()
	eventually(g.t, fmt.Sprintf("the log has %q in a line", parts), func() bool {
	lines:
		for line := range strings.Lines(g.log.String()) {
			for _, p := range parts {
				if !strings.Contains(line, p) {
					continue lines
				}
			}
			found = line
			return true
		}
		return false
	})
	return found
}

// TestTwoStores has a regional MinIO over a central bucket.
func TestTwoStores(t *testing.T) {
	t.Parallel()
	near, far := newMinio(t), newS3Server(t)
	nearly := append(near, "MODTIER_STACK=memory,disk,minio", "ATHENS_SUM_DBS=")
	farther := far.env("")
	both := append(slices.Concat(nearly, farther), "MODTIER_STACK=memory,disk,minio,s3", "MODTIER_HEALTH_PROBE=200ms")
	old := version{path: "example.com/Old/v2", version: "v2.1.0", size: 100_000}
	vs := many(5, "example.com/new", 50_000)
	late := many(3, "example.com/late", 50_000)

	// reader shows what a store has: it has nowhere else to take it from.
	reader := func(t *testing.T, env []string) *gateway {
		t.Helper()
		return start(t, options{env: append(slices.Clip(env), "MODTIER_WRITE=none")})
	}
	filler := start(t, options{upstream: newUpstream(t, old).URL, env: farther})
	filler.serves(old)
	filler.saved()
	filler.stop()
	far.hasOnly(old)

	u := newUpstream(t, append(vs, late...)...)
	g := start(t, options{upstream: u.URL, env: both})
	t.Run("a version that the slower one has is served, and then the faster one has it", func(t *testing.T) {
		r := reader(t, nearly)
		g.saved()
		r.lacks(old, "info")
		g.serves(old)
		if n := len(u.requests(old.url("zip"))); n != 0 {
			t.Errorf("upstream was asked for it: got %d requests, want 0", n)
		}
		g.saved()
		r.serves(old)
	})
	t.Run("a version from upstream ends in both", func(t *testing.T) {
		for _, v := range vs {
			g.serves(v)
		}
		g.saved()
		far.hasOnly(append(vs, old)...)
		r := reader(t, nearly)
		for _, v := range vs {
			r.serves(v)
		}
	})
	t.Run("what one store cannot take now, the other one has at once, and it later", func(t *testing.T) {
		far.stop()
		for _, v := range late {
			g.serves(v)
		}
		g.rest()
		r := reader(t, nearly)
		for _, v := range late {
			eventually(t, "the faster store has "+v.path, func() bool {
				status, _, err := r.get(v.url("info"))
				return err == nil && status == http.StatusOK
			})
			r.serves(v)
		}
		if got := g.metric("modtier_queue_versions"); got != float64(len(late)) {
			t.Errorf("versions that wait for a store: got %v, want %d", got, len(late))
		}
		if status, text, err := g.get("/readyz"); err != nil || status != http.StatusOK || !strings.Contains(string(text), "s3: ") {
			t.Errorf("/readyz: got %d, %q, %v, want 200 and s3 among the degraded", status, text, err)
		}
		far.start()
		g.saved()
		far.hasOnly(append(append(vs, old), late...)...)
		if got := g.metric("modtier_saves_total", `store="s3"`, `result="ok"`); got < float64(len(vs)+len(late)) {
			t.Errorf("saves into s3: got %v, want %d at least", got, len(vs)+len(late))
		}
		if status, text, err := g.get("/readyz"); err != nil || status != http.StatusOK || strings.Contains(string(text), "degraded") {
			t.Errorf("/readyz: got %d, %q, %v, want 200 and nothing degraded", status, text, err)
		}
	})
	t.Run("with an empty disk all comes from the stores", func(t *testing.T) {
		r := reader(t, both)
		for _, v := range append(append(vs, old), late...) {
			r.serves(v)
		}
		r.rest()
		if got, want := r.metric("modtier_fills_total", `outcome="ok"`), 3*(len(vs)+1+len(late)); got != float64(want) {
			t.Errorf("fills: got %v, want %d, one a file", got, want)
		}
	})
}
