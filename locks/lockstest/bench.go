package lockstest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/modtier/modtier/locks"
)

// Benchmark measures how long a release takes to reach the next of 8 instances that
// wait, and prints the mean and the maximum, beside what looking once a second
// would give.
func Benchmark(b *testing.B, s Service) {
	const waiters = 8
	name := name(b)
	lockers := make([]locks.Locker, waiters)
	for i := range lockers {
		lockers[i] = s.Open(b)
		_, unlock, err := lockers[i].Lock(b.Context(), name) // they have their connections
		if err != nil {
			b.Fatal(err)
		}
		unlock()
	}
	var mu sync.Mutex // guards what follows
	var released time.Time
	var sum, most time.Duration
	var n int
	for b.Loop() {
		released = time.Time{}
		_, unlock, err := lockers[0].Lock(b.Context(), name)
		if err != nil {
			b.Fatal(err)
		}
		var wg sync.WaitGroup
		for _, l := range lockers[1:] {
			wg.Go(func() {
				_, unlock, err := l.Lock(context.WithoutCancel(b.Context()), name)
				got := time.Now()
				if err != nil {
					b.Error(err)
					return
				}
				time.Sleep(20 * time.Millisecond) // the work
				mu.Lock()
				d := got.Sub(released)
				sum, most, n = sum+d, max(most, d), n+1
				released = time.Now()
				mu.Unlock()
				unlock()
			})
		}
		time.Sleep(100 * time.Millisecond) // all wait
		mu.Lock()
		released = time.Now()
		mu.Unlock()
		unlock()
		wg.Wait()
	}
	b.ReportMetric(float64(sum.Microseconds())/float64(n)/1000, "ms-mean")
	b.ReportMetric(float64(most.Microseconds())/1000, "ms-max")
	b.ReportMetric(500, "ms-mean-of-a-1s-poll")
}
