package tiers_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

type watchKey struct{}

// watched is the context of a fill, and what that was made for.
func watched(ctx context.Context, r tiers.Ref) context.Context {
	return context.WithValue(ctx, watchKey{}, r.Kind.String())
}

func kindOf(ctx context.Context) string { kind, _ := ctx.Value(watchKey{}).(string); return kind }

func TestWatch(t *testing.T) {
	claim(t, "a fill is seen from its start, joined, seen to its end and counted, in its own context", func(t *testing.T) {
		all := content(zip)
		d := newDrip(int64(len(all)))
		s := newStack(t, d.answer)
		var seen []string // by one at a time: the leader, or followers while it waits
		s.Watch = tiers.Watch{
			Fill: func(ctx context.Context, r tiers.Ref) (context.Context, func(tiers.Fill)) {
				seen = append(seen, "begun")
				return watched(ctx, r), func(f tiers.Fill) { seen = append(seen, "ended by "+f.Source) }
			},
			Joined: func(_, fill context.Context) { seen = append(seen, "joined "+kindOf(fill)) },
		}
		s.Filled = func(ctx context.Context, f tiers.Fill) { seen = append(seen, "counted "+kindOf(ctx)) }
		clients := s.asks(t, zip, 1)
		synctest.Wait()
		clients = append(clients, s.asks(t, zip, 1)...)
		d.send(t, all)
		d.end(nil)
		for _, c := range clients {
			c.gotAll(t, all)
		}
		s.settles(t)
		want := []string{"begun", "joined zip", "ended by upstream", "counted zip"}
		if !slices.Equal(seen, want) {
			t.Errorf("got %q, want %q", seen, want)
		}
	})

	claim(t, "a save is seen with what is kept of the fill that caused it", func(t *testing.T) {
		s := newStack(t, serves).withStores(t, &tiers.Queue{}, newLevel(t, "s3"))
		var causes []any
		ended := 0
		s.Watch = tiers.Watch{
			Fill: func(ctx context.Context, r tiers.Ref) (context.Context, func(tiers.Fill)) {
				return watched(ctx, r), nil
			},
			Cause: func(fill context.Context) any { return kindOf(fill) },
			Save: func(ctx context.Context, _ module.Version, cause any) (context.Context, func(error)) {
				causes = append(causes, cause)
				return ctx, func(error) { ended++ }
			},
		}
		s.ask(t, tierstest.Ref(nth(0), tiers.Zip))
		synctest.Wait()
		s.settles(t)
		if !slices.Equal(causes, []any{"zip"}) || ended != 1 {
			t.Errorf("got saves caused by %v, %d of which ended; want one, by the zip", causes, ended)
		}
	})
}
