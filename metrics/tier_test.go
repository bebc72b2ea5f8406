package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/metrics"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

var (
	version = module.Version{Path: "example.com/m", Version: "v1.0.0"}
	files   = tierstest.Version(version, "a")
)

// counts checks by how much the series differ after do; durations need no
// naming.
func counts(t *testing.T, m *metrics.Metrics, do func(), want ...string) {
	t.Helper()
	before := values(t, m)
	do()
	var got []string
	for s, n := range values(t, m) {
		if d := n - before[s]; d != 0 && s != "filesystem_free_bytes{}" { // others write there too
			got = append(got, fmt.Sprintf("%s %d", s, int64(d)))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("counted\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestATierIsCountedUnderItsOwnName(t *testing.T) {
	m, s := open(t)
	memory, disk := s.Caches[0], s.Caches[1]
	ctx, mod, zip := t.Context(), tierstest.Ref(version, tiers.Mod), tierstest.Ref(version, tiers.Zip)
	content := tierstest.Bytes(files, tiers.Zip)
	read := func(c tiers.Cache, r tiers.Ref) {
		if o, err := c.Open(ctx, r); err == nil {
			o.Body.Close()
		}
	}
	counts(t, m, func() { read(memory, mod) },
		`tier_lookups_total{kind="mod",result="miss",tier="memory"} 1`, `tier_operation_duration_seconds{op="open",tier="memory"} 1`)
	counts(t, m, func() {
		if err := disk.Put(ctx, zip, content, time.Now()); err != nil {
			t.Error(err)
		}
	}, `tier_operation_duration_seconds{op="put",tier="disk"} 1`, `tier_files{tier="disk"} 1`, fmt.Sprintf(`tier_bytes{tier="disk"} %d`, len(content)))
	counts(t, m, func() { read(disk, zip); read(disk, zip) },
		`tier_lookups_total{kind="zip",result="hit",tier="disk"} 2`, `tier_operation_duration_seconds{op="open",tier="disk"} 2`,
		fmt.Sprintf(`tier_read_bytes_total{tier="disk"} %d`, 2*len(content)))
	counts(t, m, func() {
		if _, err := s.Upstream.Open(ctx, mod); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got error %v, want one that is no absence", err)
		}
	}, `tier_lookups_total{kind="mod",result="error",tier="upstream"} 1`, `tier_operation_duration_seconds{op="open",tier="upstream"} 1`)
	counts(t, m, func() {
		if err := disk.Delete(ctx, version); err != nil {
			t.Error(err)
		}
	}, `tier_operation_duration_seconds{op="delete",tier="disk"} 1`, `tier_files{tier="disk"} -1`, fmt.Sprintf(`tier_bytes{tier="disk"} -%d`, len(content)))
}

func TestACountedTierIsATier(t *testing.T) {
	tierstest.TestCache(t, func(t *testing.T) tiers.Cache {
		_, s := open(t)
		return s.Caches[1]
	})
}

// With a reader around the file, there would be no sendfile.
func TestABodyIsNotWrapped(t *testing.T) {
	_, s := open(t)
	zip := tierstest.Ref(version, tiers.Zip)
	if err := s.Disk.Put(t.Context(), zip, tierstest.Bytes(files, tiers.Zip), time.Now()); err != nil {
		t.Fatal(err)
	}
	o, err := s.Caches[1].Open(t.Context(), zip)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Body.Close()
	if _, ok := o.Body.(*os.File); !ok {
		t.Errorf("got a %T, want an *os.File", o.Body)
	}
}

func TestEvictionsAreCounted(t *testing.T) {
	m, s := open(t)
	big := []byte("module example.com/m\n" + strings.Repeat("// x\n", 200<<10/5))
	counts(t, m, func() {
		for i := range 7 { // of 200 KiB each in 1 MiB
			r := tiers.Ref{Path: "example.com/m", Version: fmt.Sprintf("v1.0.%d", i), Kind: tiers.Mod}
			if err := s.Caches[1].Put(t.Context(), r, big, time.Now()); err != nil {
				t.Error(err)
			}
		}
		// Until the directory has been read, nothing is evicted.
		for _, files := s.Disk.Usage(); files > 5; _, files = s.Disk.Usage() {
			runtime.Gosched()
		}
	}, `tier_evictions_total{reason="size",tier="disk"} 2`, `tier_operation_duration_seconds{op="put",tier="disk"} 7`,
		`tier_eviction_age_seconds{tier="disk"} 2`, `tier_files{tier="disk"} 5`, fmt.Sprintf(`tier_bytes{tier="disk"} %d`, 5*len(big)))
}

func TestFillsAreCountedByHowTheyEnd(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{nil, "ok"},
		{fs.ErrNotExist, "absent"},
		{&tiers.AbsentError{Gone: true}, "absent"},
		{fmt.Errorf("the upstream sent a %w", tiers.ErrCorrupt), "corrupt"},
		{&tiers.UpstreamError{Err: fmt.Errorf("no answer for 1s: %w", os.ErrDeadlineExceeded)}, "timeout"},
		{fmt.Errorf("waiting: %w", context.DeadlineExceeded), "timeout"},
		{&tiers.UpstreamError{Status: 503}, "error"},
		{io.ErrUnexpectedEOF, "error"},
	} {
		m, _ := open(t)
		want := []string{`fill_followers{} 1`, fmt.Sprintf(`fills_total{outcome=%q,source="upstream"} 1`, test.want)}
		fill := tiers.Fill{Err: test.err, Followers: 3, Duration: time.Second}
		if test.err == nil {
			fill.Source, fill.FirstByte = "upstream", time.Millisecond
			want = append(want, "fill_duration_seconds{} 1", "fill_first_byte_seconds{} 1")
		}
		counts(t, m, func() { m.Filled(t.Context(), fill) }, want...)
	}
	m, _ := open(t)
	full := fmt.Errorf("spooling: %w", syscall.ENOSPC)
	counts(t, m, func() { m.Filled(t.Context(), tiers.Fill{Err: full, Unkept: full, Followers: 3}) }, "fills_unkept_total{} 1")
}
