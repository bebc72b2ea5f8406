package tiers

import "context"

type viaKey struct{}

// WithVia returns a context that carries the Via chain (RFC 9110, section
// 7.6.3) of the request that caused the work, so that an upstream can pass it
// on and a gateway that is its own upstream, directly or over others, is found
// out.
func WithVia(ctx context.Context, chain string) context.Context {
	return context.WithValue(ctx, viaKey{}, chain)
}

// Via returns the chain that ctx carries, or "".
func Via(ctx context.Context) string {
	chain, _ := ctx.Value(viaKey{}).(string)
	return chain
}
