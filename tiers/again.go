package tiers

import "context"

type againKey struct{}

// askAgain returns a context for asking the stores for a file that they have just
// been asked for by the same fill, since somebody else may save it meanwhile.
func askAgain(ctx context.Context) context.Context {
	return context.WithValue(ctx, againKey{}, true)
}

// AskedAgain reports whether a tier is asked for a file that the same fill has asked
// it for before. That the file is still not there is no second miss.
func AskedAgain(ctx context.Context) bool { return ctx.Value(againKey{}) != nil }
