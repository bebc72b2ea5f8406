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

func (s *sayer) say(ctx context.Context) error {
	if s.err != nil {
		return s.err
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

func (s *sayer) Open(ctx context.Context, _ tiers.Ref) (*tiers.Object, error) {
	return nil, s.say(ctx)
}
func (s *sayer) Versions(ctx context.Context, _ string) ([]string, error) { return nil, s.say(ctx) }
func (s *sayer) Latest(ctx context.Context, _ string) ([]byte, error)     { return nil, s.say(ctx) }
func (s *sayer) Query(ctx context.Context, _, _ string) ([]byte, error)   { return nil, s.say(ctx) }
func (s *sayer) SumDB(ctx context.Context, _, _ string) ([]byte, error)   { return nil, s.say(ctx) }

// questions are what says how an upstream is.
var questions = map[string]func(context.Context, *watchedUpstream){
	"a file":   func(ctx context.Context, u *watchedUpstream) { u.Open(ctx, tiers.Ref{}) },
	"a list":   func(ctx context.Context, u *watchedUpstream) { u.Versions(ctx, "m") },
	"@latest":  func(ctx context.Context, u *watchedUpstream) { u.Latest(ctx, "m") },
	"a branch": func(ctx context.Context, u *watchedUpstream) { u.Query(ctx, "m", "main") },
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
		for asked, ask := range questions {
			t.Run(claim+", asked for "+asked, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					says := &sayer{tt.says}
					u, begun := &watchedUpstream{Source: says, Upstream: says}, time.Now()
					for range tt.times {
						ctx, cancel := context.WithTimeout(t.Context(), time.Second)
						ask(ctx, u)
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
	}
	says := new(sayer)
	u := &watchedUpstream{Source: says, Upstream: says}
	t.Run("who leaves says nothing of it", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, ask := range questions {
			ask(ctx, u)
		}
		if c := u.Condition(); c.Last != nil {
			t.Errorf("got %+v", c)
		}
	})
	t.Run("a checksum database is another server", func(t *testing.T) {
		says.err = errors.New("reset")
		u.SumDB(t.Context(), "sum.example", "latest")
		if c := u.Condition(); c.Last != nil {
			t.Errorf("got %+v", c)
		}
	})
}
