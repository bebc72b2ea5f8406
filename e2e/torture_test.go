package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestTortureLosesNothing has clients fill a gateway that is killed 100 times, over a
// store whose road flaps, and then looks for all that they were given: in the store,
// with the upstream gone.
//
// The gateway is killed at the n-th piece that moves, from the upstream or to the
// store, for an n that is drawn.
func TestTortureLosesNothing(t *testing.T) {
	t.Parallel()
	kills := 100
	if testing.Short() {
		kills = 10
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed: %d", seed)
	x := newTorture(t, kills, seed)

	stopFlapping := x.flap()
	x.watch()
	for n := range kills {
		x.live(n, false)
		if t.Failed() {
			break
		}
	}
	stopFlapping()
	x.road.cut()
	x.live(kills, true) // without the store, so that something waits in the end
	x.road.open()
	if t.Failed() {
		return
	}
	x.last()
	t.Logf("versions acknowledged: %d; waiting after the last kill: %d; saves seen half done: %d", len(x.whole), x.left, x.torn.Load())
	if len(x.whole) < 2*kills || x.left == 0 || x.torn.Load() == 0 && !testing.Short() {
		t.Error("this test has shown little")
	}
}

// A torture is what the parts of the test share.
type torture struct {
	t      *testing.T
	vs     []version
	files  map[string][]byte // by the key in the store
	u      *upstream
	store  *s3Server
	road   *storeRoad
	tap    string
	dir    string
	random *rand.Rand

	pieces atomic.Int64 // until the kill
	victim atomic.Pointer[gateway]
	fresh  atomic.Int64 // of vs, the first that nobody has asked for
	torn   atomic.Int64 // zips that were seen in the store without an info
	left   int          // versions that waited when the upstream was gone

	mu      sync.Mutex // guards all below
	mods    map[version]bool
	whole   map[version]bool // a client has the zip
	settled map[version]bool // and all else that a save needs, which is on disk
}

func newTorture(t *testing.T, kills int, seed uint64) *torture {
	x := &torture{
		t: t, files: make(map[string][]byte), dir: filepath.Join(t.TempDir(), "disk"),
		random: rand.New(rand.NewPCG(seed, 0)),
		mods:   make(map[version]bool), whole: make(map[version]bool), settled: make(map[version]bool),
	}
	x.store = newS3Server(t)
	x.road = newStoreRoad(t, x.store.addr)
	for i := range 10*kills + lastNew {
		v := version{path: fmt.Sprintf("example.com/Torture%d", i/4), version: fmt.Sprintf("v1.0.%d", i%4), size: x.random.Int64N(10_000)}
		if i%100 == 0 {
			v.size = 1 << 20
		}
		x.vs = append(x.vs, v)
	}
	x.u = newUpstream(t, x.vs...)
	for _, v := range x.vs {
		for _, kind := range kinds {
			b := v.file(kind)
			x.files[v.path+"/@v/"+v.version+"."+kind] = b
			x.u.files[v.url(kind)] = func() []byte { return b }
		}
	}
	piece := func() {
		if x.pieces.Add(-1) == 0 {
			x.victim.Load().cmd.Process.Kill()
		}
	}
	x.u.sent, x.tap = piece, tap(t, x.road.addr, piece)
	return x
}

// start starts the gateway over what the one before has left.
func (x *torture) start(upstream string) *gateway {
	return start(x.t, options{upstream: upstream, dir: x.dir, env: x.store.env(x.tap,
		"MODTIER_DISK_SIZE=8MiB", "MODTIER_HEALTH_TIMEOUT=200ms", "MODTIER_HEALTH_PROBE=50ms", "ATHENS_TIMEOUT=10s")})
}

// lastNew is how many versions are left for the last life.
const lastNew = 50

// live is one life of the gateway.
func (x *torture) live(n int, last bool) {
	x.pieces.Store(1 << 40)
	g := x.start(x.u.URL)
	x.victim.Store(g)
	x.pieces.Store(1 + x.random.Int64N(300))
	var all sync.WaitGroup
	// More than the disk tier may hold cannot wait for a save: then it is served
	// and not kept.
	known := len(x.vs)
	if !last {
		known -= lastNew
	}
	if waiting(x.t, x.dir) > 150 {
		known = min(known, int(x.fresh.Load()))
	}
	for range 6 {
		seed := x.random.Uint64()
		all.Go(func() { x.write(g, x.vs[:known], rand.New(rand.NewPCG(seed, uint64(n)))) })
	}
	all.Wait()
	g.kill() // if the pieces did not suffice
}

// write is a client that asks for versions, new ones and old ones, until the gateway
// dies. While it lives every answer is a good one, however the store is.
func (x *torture) write(g *gateway, vs []version, random *rand.Rand) {
	for range 30 {
		known := int(x.fresh.Load())
		var err error
		if known == 0 || known < len(vs) && random.IntN(4) == 0 {
			if i := int(x.fresh.Add(1)) - 1; i < len(vs) {
				err = x.writeAll(g, vs[i])
			}
		} else {
			v := vs[random.IntN(min(known, len(vs)))]
			_, err = x.ask(g, v, kinds[random.IntN(len(kinds))])
		}
		if err != nil {
			if errors.As(err, new(*statusError)) {
				x.t.Error(err) // it answered, so it was alive
			}
			return
		}
	}
}

// writeAll has the gateway fetch all of v. The zip comes first: from then on nothing
// of v may be evicted before it is saved.
func (x *torture) writeAll(g *gateway, v version) error {
	for _, kind := range []string{"zip", "mod", "info", "info"} {
		status, err := x.ask(g, v, kind)
		if err != nil {
			return err
		}
		// The last byte of an info does not wait until it is on disk. The second
		// answer says that it is.
		if kind == "info" && (strings.HasPrefix(status, "memory; hit") || strings.HasPrefix(status, "disk; hit")) {
			x.mu.Lock()
			x.settled[v] = true
			x.mu.Unlock()
		}
	}
	return nil
}

// ask gets a file and notes what is owed from then on. It returns who answered.
func (x *torture) ask(g *gateway, v version, kind string) (status string, err error) {
	d, err := g.begin(v.url(kind))
	if err != nil {
		return "", err
	}
	if err := d.finish(); err != nil {
		return "", err
	}
	if err := d.is(x.files[v.path+"/@v/"+v.version+"."+kind]); err != nil {
		x.t.Error(err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	switch kind {
	case "mod":
		x.mods[v] = true
	case "zip":
		x.whole[v] = true
	}
	return d.resp.Header.Get("Cache-Status"), nil
}

// flap changes the road to the store at random moments, until it is stopped.
func (x *torture) flap() (stop func()) {
	random := rand.New(rand.NewPCG(x.random.Uint64(), 0))
	return during(x.t, func(stopped <-chan struct{}) {
		for {
			x.road.open()
			switch random.IntN(8) {
			case 0:
				x.road.cut()
			case 1:
				x.road.hang()
			case 2:
				x.road.breakAfter(random.Int64N(40_000))
			}
			select {
			case <-time.After(time.Duration(20+random.IntN(200)) * time.Millisecond):
			case <-stopped:
				return
			}
		}
	})
}

// watch looks into the store all the time: each object is whole from the moment it
// is there, and an info, by which a version is listed, comes after the others. It
// looks until the test ends.
func (x *torture) watch() {
	during(x.t, func(stopped <-chan struct{}) {
		seen := make(map[string]os.FileInfo)
		for {
			x.look(seen)
			select {
			case <-time.After(10 * time.Millisecond):
			case <-stopped:
				x.look(make(map[string]os.FileInfo))
				return
			}
		}
	})
}

// look looks once, at all that is not as it was seen before.
func (x *torture) look(seen map[string]os.FileInfo) {
	keys := x.store.objects()
	for _, key := range keys {
		if strings.HasPrefix(key, ".modtier/") {
			continue // the gateway asks whether it may write
		}
		want, ours := x.files[key]
		if !ours {
			x.t.Errorf("stored: %s is no file of a module", key)
			continue
		}
		name := filepath.Join(x.store.dir, filepath.FromSlash(key))
		info, err := os.Stat(name)
		if err != nil {
			x.t.Errorf("stored and gone: %v", err)
			continue
		}
		if old := seen[key]; old != nil && os.SameFile(old, info) && old.ModTime().Equal(info.ModTime()) && old.Size() == info.Size() {
			continue
		}
		seen[key] = info
		if got, err := os.ReadFile(name); err != nil || string(got) != string(want) {
			x.t.Errorf("stored: %s: got %d bytes, %v, want %d other ones", key, len(got), err, len(want))
		}
		base, kind := strings.TrimSuffix(key, filepath.Ext(key)), filepath.Ext(key)
		switch kind {
		case ".zip":
			if !x.store.exists(base + ".info") {
				x.torn.Add(1)
			}
		case ".info":
			if !x.store.exists(base+".mod") || !x.store.exists(base+".zip") {
				x.t.Errorf("%s is listed in part", base)
			}
		}
	}
}

// last is the end: what can be saved is saved without an upstream, and the rest
// with one that gives no zip.
func (x *torture) last() {
	x.pieces.Store(1 << 40)
	x.left = waiting(x.t, x.dir)
	g := x.start("http://" + vacant(x.t))
	eventually(x.t, "all that is on disk is in the store", func() bool {
		for v := range x.settled {
			if _, err := os.Stat(x.store.file(v, "info")); err != nil {
				return false
			}
		}
		return true
	})
	for v := range x.settled {
		if err := x.store.has(v); err != nil {
			x.t.Error(err)
		}
	}
	g.kill() // while it tries to complete what it cannot

	for _, v := range x.vs {
		x.u.mu.Lock()
		delete(x.u.files, v.url("zip"))
		x.u.mu.Unlock()
	}
	g = x.start(x.u.URL)
	eventually(x.t, "nothing waits", func() bool { return g.metric("modtier_queue_versions") == 0 })
	if n := waiting(x.t, x.dir); n != 0 || g.metric("modtier_queue_bytes") != 0 {
		x.t.Errorf("the queue: got %d entries on disk and %v bytes, want none", n, g.metric("modtier_queue_bytes"))
	}
	for v := range x.whole {
		if err := x.store.has(v); err != nil {
			x.t.Errorf("a client has %s@%s: %v", v.path, v.version, err)
		}
	}
	for v := range x.mods {
		if err := x.store.has(v, "mod"); err != nil {
			x.t.Errorf("a client has the go.mod of %s@%s: %v", v.path, v.version, err)
		}
	}
}

// during runs f beside the test, until stop is called or the test ends.
func during(t testing.TB, f func(stopped <-chan struct{})) (stop func()) {
	stopped, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		f(stopped)
	}()
	stop = sync.OnceFunc(func() {
		close(stopped)
		<-ended
	})
	t.Cleanup(stop)
	return stop
}
