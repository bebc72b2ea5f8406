package direct_test

import (
	"os"
	"strconv"
	"testing"

	"github.com/modtier/modtier/tiers"
)

// megabytes is the size of a large repository: 200, or MODTIER_BENCH_REPO_MB.
func megabytes() int {
	if n, err := strconv.Atoi(os.Getenv("MODTIER_BENCH_REPO_MB")); err == nil {
		return n
	}
	return 200
}

// A repository the tree of which is large: its first version, and then one after
// the other that differs by a line. The zip is made anew for each by git and by the
// go command, whatever was sent.
func BenchmarkLargeTree(b *testing.B) {
	f := newForge(b)
	r := f.large("big", megabytes())
	n := 0
	benchmark(b, f, []tiers.Kind{tiers.Mod, tiers.Zip}, func() string {
		if n++; n == 1 {
			return "v1.0.0"
		}
		v := "v1." + strconv.Itoa(n) + ".0"
		r.commit(v, "small.go", "package a // "+v+"\n")
		return v
	})
}

// A repository the history of which is large: commits that are no tips, for which
// the go command fetches all of it.
func BenchmarkLargeHistory(b *testing.B) {
	f := newForge(b)
	r := f.large("big", megabytes())
	r.git("rm", "-q", "-r", "data")
	n := 0
	benchmark(b, f, []tiers.Kind{tiers.Zip}, func() string {
		n++
		hash := r.commit("", "small.go", "package a // "+strconv.Itoa(n)+"\n")
		r.commit("", "smaller.go", "package a // "+strconv.Itoa(n)+"\n")
		return r.pseudo("v1.1.1-0.", hash)
	})
}

// benchmark fetches a version with nothing kept, and then others.
func benchmark(b *testing.B, f *forge, kinds []tiers.Kind, next func() string) {
	for _, k := range kinds {
		d := f.fetcher()
		for _, name := range []string{"first", "later"} {
			b.Run(name+"/"+k.String(), func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					if name == "first" {
						d.Close()
						d = f.fetcher()
					}
					v := next()
					f.sent.Store(0)
					b.StartTimer()
					if err := open(within(b), d, "github.com/acme/big", v, k); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(f.sent.Load()), "sent-B")
			})
		}
		d.Close()
	}
}
