package main

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modtier/modtier/tiers"
)

// A sayer is an upstream that says what it is told to, or nothing until ctx is done.
type sayer struct{ err error }

func (s *sayer) Open(ctx context.Context, _ tiers.Ref) (*tiers.Object, error) {
	if s.err != nil {
		return nil, s.err
	}
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

func TestHowAnUpstreamIs(t *testing.T) {
	for claim, tt := range map[string]struct {
		says  error
		times int
		later time.Duration
		want  tiers.State
		since time.Duration // of the state, from the first question on
	}{
		"what it does not have is no failure": {fs.ErrNotExist, 5, 0, tiers.OK, 0},
		"one failure is unstable":             {errors.New("reset"), 1, 0, tiers.Unstable, 0},
		"and forgotten after a minute":        {errors.New("reset"), 1, time.Minute, tiers.OK, time.Minute},
		"some in a row are down":              {errors.New("reset"), 3, time.Minute, tiers.Down, 0},
		"which lasts for five minutes":        {errors.New("reset"), 3, 5 * time.Minute, tiers.OK, 5 * time.Minute},
		"to say nothing in time is a failure": {nil, 3, 0, tiers.Down, 3 * time.Second},
	} {
		t.Run(claim, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u, begun := &watchedUpstream{Source: &sayer{tt.says}}, time.Now()
				for range tt.times {
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					u.Open(ctx, tiers.Ref{})
					cancel()
				}
				time.Sleep(tt.later)
				c := u.Condition()
				if c.State != tt.want {
					t.Errorf("got %v, want %v", c.State, tt.want)
				}
				if !c.Since.IsZero() && c.Since.Sub(begun) != tt.since {
					t.Errorf("since: got %v after the first question, want %v", c.Since.Sub(begun), tt.since)
				}
			})
		})
	}
	t.Run("who leaves says nothing of it", func(t *testing.T) {
		u := &watchedUpstream{Source: new(sayer)}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		u.Open(ctx, tiers.Ref{})
		if c := u.Condition(); c.Last != nil {
			t.Errorf("got %+v", c)
		}
	})
}
