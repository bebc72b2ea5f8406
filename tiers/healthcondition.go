package tiers

import "time"

// A Condition tells how a store is, and how it came to be so.
type Condition struct {
	State  State
	Since  time.Time // when it came to be so; zero if it was so from the start
	Last   error     // the last failure, also of a store that is well again; nil if there was none
	Failed time.Time // when that was
}

// Condition returns how the store is.
func (h *Health) Condition() Condition {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Condition{h.state, h.since, h.last, h.failed}
}
