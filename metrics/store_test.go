package metrics_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/metrics"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// A moody store answers to a save with what it is told to.
type moody struct {
	tiers.Store
	answer error
}

func (s *moody) Save(ctx context.Context, v module.Version, f tiers.Files) error {
	if s.answer != nil {
		return s.answer
	}
	return s.Store.Save(ctx, v, f)
}

// overStore returns the metrics of a gateway over a store.
func overStore(t *testing.T) (*metrics.Metrics, *moody, tiers.Store) {
	t.Helper()
	m := metrics.New("v1.2.3", "s3")
	d, err := tiers.OpenDisk(t.TempDir(), tiers.DiskLimits{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	s := &moody{Store: d}
	return m, s, m.Store(s, "s3")
}

func TestSavesAreCountedByHowTheyEnd(t *testing.T) {
	m, inner, s := overStore(t)
	save := func() { s.Save(t.Context(), version, files) }
	counts(t, m, save, `saves_total{result="ok",store="s3"} 1`, `save_duration_seconds{store="s3"} 1`)
	inner.answer = tiers.ErrWhole
	counts(t, m, save, `saves_total{result="whole",store="s3"} 1`)
	inner.answer = errors.New("connection refused")
	counts(t, m, save, `saves_total{result="error",store="s3"} 1`)
	counts(t, m, func() { m.Differs(tiers.Difference{Store: "s3"}) }, `saves_total{result="conflict",store="s3"} 1`)
}

func TestAStoreIsCountedAsATier(t *testing.T) {
	m, _, s := overStore(t)
	counts(t, m, func() { s.Open(t.Context(), tierstest.Ref(version, tiers.Mod)) },
		`tier_lookups_total{kind="mod",result="miss",tier="s3"} 1`, `tier_operation_duration_seconds{op="open",tier="s3"} 1`)
	counts(t, m, func() { s.Versions(t.Context(), version.Path) }, `tier_operation_duration_seconds{op="list",tier="s3"} 1`)
	counts(t, m, func() { s.Catalog(t.Context(), "", 10) }, `tier_operation_duration_seconds{op="list",tier="s3"} 1`)
	counts(t, m, func() { s.Delete(t.Context(), version) }, `tier_operation_duration_seconds{op="delete",tier="s3"} 1`)
}

func TestAZipThatALockIsTakenForIsOneMiss(t *testing.T) {
	m, _, s := overStore(t)
	_, stack := open(t)
	stack.Stores = []tiers.Level{{Name: "s3", Store: s}}
	stack.Locker = new(locks.Local)
	counts(t, m, func() {
		if _, err := stack.Open(t.Context(), tierstest.Ref(version, tiers.Zip)); err == nil {
			t.Error("got no error, though nobody has it")
		}
	}, `tier_lookups_total{kind="zip",result="miss",tier="s3"} 1`, `tier_operation_duration_seconds{op="open",tier="s3"} 2`)
}

func TestStateAndVerificationsAreTold(t *testing.T) {
	m, _, _ := overStore(t)
	state := tiers.OK
	m.State("s3", func() (tiers.State, error) { return state, nil })
	counts(t, m, func() { state = tiers.Down }, `tier_state{state="ok",tier="s3"} -1`, `tier_state{state="down",tier="s3"} 1`)
	counts(t, m, func() { state = tiers.Unstable }, `tier_state{state="down",tier="s3"} -1`, `tier_state{state="unstable",tier="s3"} 1`)
	counts(t, m, func() { m.Verified("corrupt") }, `verifications_total{result="corrupt"} 1`)
}

func TestTheQueueIsTold(t *testing.T) {
	m, inner, s := overStore(t)
	_, stack := open(t)
	stack.Upstream = nil
	stack.Stores = []tiers.Level{{Name: "s3", Store: s}}
	stack.Queue = &tiers.Queue{Size: 1 << 30, Age: time.Hour}
	defer stack.Queue.Close()
	stack.Start()
	m.Queue(stack.Queue)
	inner.answer = errors.New("connection refused")
	if err := stack.Save(t.Context(), version, files); err != nil {
		t.Fatal(err)
	}
	all := values(t, m)
	if size, age := all["queue_limit_bytes{}"], all["queue_limit_seconds{}"]; size != 1<<30 || age != 3600 {
		t.Errorf("limits of the queue: got %v bytes and %v seconds, want 1 GiB and an hour", size, age)
	}
	if all["queue_versions{}"] != 1 || all["queue_bytes{}"] == 0 || all["queue_oldest_seconds{}"] <= 0 || all["queue_recovered_total{}"] != 0 {
		t.Errorf("got %v versions, %v bytes, oldest %v, recovered %v; want one version, its bytes and its age",
			all["queue_versions{}"], all["queue_bytes{}"], all["queue_oldest_seconds{}"], all["queue_recovered_total{}"])
	}
}

// A scripted locker answers as it is told to.
type scripted struct {
	err    error
	cancel context.CancelCauseFunc
}

func (s *scripted) Lock(ctx context.Context, name string) (context.Context, func(), error) {
	if s.err != nil {
		return nil, nil, s.err
	}
	held, cancel := context.WithCancelCause(ctx)
	s.cancel = cancel
	return held, func() { cancel(nil) }, nil
}

func (s *scripted) Holder(context.Context, string) (string, error) { return "", s.err }

func TestReadsFromPeersAreCountedByTheirOutcome(t *testing.T) {
	m := metrics.New("v1.2.3")
	p := m.Peers(nil)
	for outcome, err := range map[string]error{
		"whole": nil, "absent": fs.ErrNotExist, "late": context.Canceled, "failed": errors.New("connection refused"),
	} {
		counts(t, m, func() { p.Done(err) }, `peer_reads_total{outcome="`+outcome+`"} 1`)
	}
}

func TestLocksAreCountedByTheirOutcome(t *testing.T) {
	m := metrics.New("v1.2.3")
	s := new(scripted)
	l := m.Locker(s, "redis")
	var unlock func()
	lock := func() { _, unlock, _ = l.Lock(t.Context(), "a") }
	const waited = `lock_wait_seconds{type="redis"} 1`
	counts(t, m, lock, waited, `locks_total{outcome="acquired",type="redis"} 1`, `locks_held{type="redis"} 1`)
	counts(t, m, func() { unlock(); unlock() }, `locks_held{type="redis"} -1`)
	for outcome, err := range map[string]error{
		"timeout": context.DeadlineExceeded, "waited": context.Canceled, "failed_open": errors.New("connection refused"),
	} {
		s.err = err
		counts(t, m, lock, waited, `locks_total{outcome="`+outcome+`",type="redis"} 1`)
	}
	s.err = nil
	lock()
	counts(t, m, func() {
		s.cancel(locks.ErrLost)
		for deadline := time.Now().Add(time.Minute); values(t, m)[`locks_total{outcome="lost",type="redis"}`] == 0 && time.Now().Before(deadline); {
		}
	}, `locks_total{outcome="lost",type="redis"} 1`)
	counts(t, m, func() { unlock() }, `locks_held{type="redis"} -1`)
}
