package tiers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"golang.org/x/mod/module"
)

// An Explainer says which tier holds which file of a version. It asks each tier by
// itself, where a Stack would stop at the first that answers, and changes nothing by
// it: nothing is filled, promoted or fetched, no use of a file on disk is recorded, and
// if its tiers are those below the metrics, no lookup is counted.
//
// Fill in the exported fields before first use.
type Explainer struct {
	Tiers   []Asked
	Timeout time.Duration // for the answer of a tier; 0 is 5 seconds
	Most    int           // explanations at once; 0 is 4

	once  sync.Once
	slots chan struct{}
}

// An Asked is a tier that an Explainer asks.
type Asked struct {
	Name      string
	Look      Look
	Condition func() Condition // nil if it is always well; it is not asked while it is down
}

// A Look returns the size, or -1, and the modification time, or zero, of the file that
// r names. Its errors are those of [Source].
type Look func(ctx context.Context, r Ref) (size int64, modTime time.Time, err error)

// A Where says whether a tier holds a file.
type Where struct {
	Tier    string
	Kind    Kind
	Size    int64     // -1 if it is not known
	ModTime time.Time // zero if it is not known
	Err     error     // nil if it is held; matches fs.ErrNotExist if it is not; else the tier could not say
}

// ErrBusy says that too many ask at once.
var ErrBusy = errors.New("too many explanations are under way; ask again in a moment")

// Explain returns what each tier says of each file of v, in the order of the tiers. The
// error matches ErrBusy, or is nil.
func (e *Explainer) Explain(ctx context.Context, v module.Version) ([]Where, error) {
	e.once.Do(func() {
		if e.Most <= 0 {
			e.Most = 4
		}
		if e.Timeout <= 0 {
			e.Timeout = 5 * time.Second
		}
		e.slots = make(chan struct{}, e.Most)
	})
	select {
	case e.slots <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	ctx, cancel := context.WithTimeoutCause(ctx, e.Timeout,
		fmt.Errorf("no answer for %v: %w", e.Timeout, context.DeadlineExceeded))
	all := make([]Where, 3*len(e.Tiers))
	var asking, answering sync.WaitGroup
	for i := range all {
		t, r := e.Tiers[i/3], Ref{v.Path, v.Version, Kind(i % 3)}
		asking.Go(func() { all[i] = t.where(ctx, r, &answering) })
	}
	asking.Wait()
	cancel()
	go func() { // a tier that does not heed its context has the slot for as long as it hangs
		answering.Wait()
		<-e.slots
	}()
	return all, nil
}

// where asks t for r until ctx is done. What still runs then, answering counts.
func (t Asked) where(ctx context.Context, r Ref, answering *sync.WaitGroup) Where {
	if t.Condition != nil {
		if c := t.Condition(); c.State == Down {
			return Where{Tier: t.Name, Kind: r.Kind, Size: -1, Err: fmt.Errorf("%s: %w: %v", t.Name, ErrDown, c.Last)}
		}
	}
	got := make(chan Where, 1)
	answering.Go(func() {
		size, modTime, err := t.Look(ctx, r)
		got <- Where{t.Name, r.Kind, size, modTime, err}
	})
	select {
	case w := <-got:
		return w
	case <-ctx.Done():
		return Where{Tier: t.Name, Kind: r.Kind, Size: -1, Err: fmt.Errorf("%s: open %s: %w", t.Name, r, context.Cause(ctx))}
	}
}

// LookInto returns what looks for a file by opening it. It reads nothing of it.
func LookInto(s Source) Look {
	return func(ctx context.Context, r Ref) (int64, time.Time, error) {
		o, err := s.Open(ctx, r)
		if err != nil {
			return -1, time.Time{}, err
		}
		o.Body.Close()
		return o.Size, o.ModTime, nil
	}
}

// Look looks for a file without opening it, so that it is no use of it.
func (d *Disk) Look(ctx context.Context, r Ref) (size int64, modTime time.Time, err error) {
	info, err := d.root.Lstat(d.layout.name(r))
	switch {
	case err != nil && cannotExist(err):
		return -1, time.Time{}, fs.ErrNotExist
	case err != nil:
		return -1, time.Time{}, fmt.Errorf("disk: open %s: %w", r, err)
	case !info.Mode().IsRegular():
		return -1, time.Time{}, fmt.Errorf("disk: open %s: it is no regular file", r)
	}
	return info.Size(), info.ModTime(), nil
}
