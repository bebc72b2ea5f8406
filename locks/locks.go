// Package locks keeps others from work on a name while somebody does it: in this
// process, and with the packages below this one in a fleet.
//
// A lock here is for economy, never for truth. Every lock service can grant a lock
// twice: a lease runs out under a process that was paused, a replica is promoted
// that never heard of it. Whoever does work under a lock must do it so that doing it
// twice is harmless, and must not fail because a lock cannot be had.
//
// Start reading at [Locker]. The package knows nothing of modules.
package locks

import (
	"context"
	"errors"
)

// A Locker excludes others from work on a name, in this process and, except for
// [Local], in others.
type Locker interface {
	// Lock waits until it holds name. If ctx is done before, the error matches
	// ctx's; any other says that the lock service cannot be asked. How long to
	// wait is the caller's to say, by ctx.
	//
	// The context it returns is derived from ctx without its end. It is done
	// when the lock is lost, and then its cause matches [ErrLost]: the service
	// says so, the lease could not be renewed in time, or it was held for longer
	// than anybody may. unlock ends it too and gives the lock back; it may be
	// called more than once, and also after a loss. It does not wait for the
	// service longer than a moment.
	//
	// Holding it, check that the work is still to be done: whoever held it
	// before may have done it.
	Lock(ctx context.Context, name string) (held context.Context, unlock func(), err error)

	// Holder returns what the holder of name says of itself to others, such as
	// an address: "" if it says nothing, or if nobody holds name. It may be out
	// of date at once, and whoever can write to the lock service can say
	// anything.
	Holder(ctx context.Context, name string) (string, error)
}

// ErrLost is the cause of the end of a held context whose lock was lost.
var ErrLost = errors.New("the lock was lost")
