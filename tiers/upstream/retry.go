package upstream

import (
	"context"
	"math/rand/v2"
	"time"
)

// A passing error may be gone when the same is asked again.
type passing struct {
	error
	after time.Duration // the wait that the upstream asked for
}

const (
	maxTries = 4                      // of one question
	firstGap = 100 * time.Millisecond // the longest gap after the first try; it doubles
	maxGap   = 2 * time.Second
	// An upstream that wants to be left alone for longer is left alone: its
	// answer stands.
	maxRetryAfter = 5 * time.Second
)

// try asks again while the error is a passing one. What it returns never is.
func try(ctx context.Context, once func() error) error {
	for n := 1; ; n++ {
		err := once()
		p, ok := err.(passing)
		if !ok {
			return err
		}
		if n == maxTries || p.after > maxRetryAfter || pause(ctx, n, p.after) != nil {
			return p.error
		}
	}
}

// pause waits after the n-th failure in a row. All of a random gap, and not
// only its end, is random: clients that failed together come back apart.
func pause(ctx context.Context, n int, atLeast time.Duration) error {
	gap := rand.N(min(firstGap<<min(n-1, 8), maxGap))
	t := time.NewTimer(max(gap, atLeast))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
