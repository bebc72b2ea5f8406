package bucket

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/modtier/modtier/locks/internal/lease"
)

// Objects are small objects of a bucket that change on condition. A tag stands for
// the content that an object had at some time: other content has another tag.
type Objects interface {
	// ReadObject reads an object, of a large one at least the first 8 KiB. Its
	// age is since it was written, by the clock of the service alone, or -1
	// where that does not say. If there is none, the error matches
	// fs.ErrNotExist.
	ReadObject(ctx context.Context, key string) (content []byte, tag string, age time.Duration, err error)

	// WriteObject makes content the object, if that still has tag, or if there
	// is none and tag is "", and returns its new tag. Else the error matches
	// fs.ErrExist, as it also may if this very call wrote it and then asked
	// again. It matches errors.ErrUnsupported if the service says that it does
	// not know the condition; one that says nothing is found out here.
	WriteObject(ctx context.Context, key string, content []byte, tag string) (newTag string, err error)

	// RemoveObject removes an object if it still has tag, or whatever it has if
	// tag is "". Else the error matches fs.ErrExist; that there is none is no
	// error. It matches errors.ErrUnsupported if there is no way to ask for
	// that: then nothing was done.
	RemoveObject(ctx context.Context, key, tag string) error
}

// OpenObjects makes a Locker of c that writes objects of o. It asks nobody: that
// something is wrong with the bucket shows with the first lock, which also tries
// out whether the service honours the conditions. If it does not, every lock is an
// error that matches [errors.ErrUnsupported].
//
// A lock that was given back leaves nothing, also where the service looks at no
// condition of a removal: then giving it back takes one more request. That of a holder
// that died stays as an object of some hundred bytes until the next one takes it
// over. A bucket that keeps old versions of its objects keeps one for each lock and for
// each renewal, until its own rules remove them.
func OpenObjects(ctx context.Context, o Objects, c Config) (*Locker, error) {
	c, err := c.checked()
	if err != nil {
		return nil, err
	}
	seen, err := lru.New[string, sighting](maxSeen)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return open(ctx, &objects{Objects: o, Config: c, seen: seen, probe: probe{turn: make(chan struct{}, 1)}}, c), nil
}

// objects is a service of locks that are objects.
type objects struct {
	Objects
	Config
	seen *lru.Cache[string, sighting] // what others hold, by key

	probe probe
}

// A sighting is when an object was first seen to have a tag, by the monotonic clock.
// It is kept between waits: a wait is often shorter than a lease.
type sighting struct {
	tag   string
	since time.Time
}

const maxSeen = 1 << 10

// A state is what there is of a lock.
type state struct {
	there bool
	tag   string // "" if nothing is there
	text  text
	over  bool // the holder had its time
}

func (s *objects) take(ctx context.Context, key, holder string) (grant, error) {
	start := time.Now()
	blind, err := s.probe.of(ctx, s)
	if err != nil {
		return nil, err
	}
	if time.Since(start) > s.Lease/15 {
		return nil, nil // a lease counts from when it was asked for: that is to be now
	}
	g := &held{objects: s, blind: blind, key: key, text: text{token: rand.Text(), lease: s.Lease, holder: holder}}
	var now state
	if s.seen.Contains(key) { // a look is cheaper than a write, which some allow once a second
		if now, err = s.look(ctx, key); err != nil {
			return nil, err
		}
	}
	for range 2 {
		if now.there && !now.over {
			return nil, nil
		}
		g.tag, err = s.WriteObject(ctx, key, g.text.bytes(), now.tag)
		if err == nil {
			s.seen.Remove(key)
			return g, nil
		}
		if errors.Is(err, errors.ErrUnsupported) {
			return nil, err
		}
		// Somebody else was first, or the answer was lost.
		var lerr error
		if now, lerr = s.lookAfter(ctx, key); lerr == nil && now.text.token == g.text.token {
			g.tag = now.tag
			return g, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if lerr != nil {
			return nil, lerr
		}
	}
	return nil, nil // and at the next poll it is looked at
}

// look reads what there is of a lock, and remembers it.
func (s *objects) look(ctx context.Context, key string) (state, error) {
	asked := time.Now()
	content, tag, age, err := s.ReadObject(ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		s.seen.Remove(key)
		return state{}, nil
	}
	if err != nil {
		return state{}, err
	}
	now := state{there: true, tag: tag, text: parse(content)}
	first, ok := s.seen.Get(key)
	if !ok || first.tag != tag {
		first = sighting{tag, time.Now()}
		s.seen.Add(key, first)
	}
	// An age is the difference of two times in whole seconds.
	now.over = age > now.text.lease+time.Second || asked.Sub(first.since) > now.text.lease
	return now, nil
}

// lookAfter looks after a request whose outcome is not known, also when ctx is done.
func (s *objects) lookAfter(ctx context.Context, key string) (state, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lease.Moment)
	defer cancel()
	return s.look(ctx, key)
}

func (s *objects) holder(ctx context.Context, key string) (string, error) {
	now, err := s.look(ctx, key)
	if err != nil || now.over {
		return "", err
	}
	return now.text.holder, nil
}
