package etcd

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/modtier/modtier/locks"
)

// A claim is a session's key below a lock's prefix.
type claim struct {
	*session
	prefix   string
	holder   string // the key's value
	doubt    func() // says that the key may stay behind
	key      string // empty until it may be there
	revision int64  // the key's creation; 0 if that is not known
}

// within returns ctx with the end of the session as another end.
func (c *claim) within(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(c.life, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// win puts the key and waits until it is the oldest.
func (c *claim) win(ctx context.Context) error {
	ctx, done := c.within(ctx)
	defer done()
	err := c.put(ctx)
	for err == nil {
		var older string
		var now int64
		if older, now, err = c.look(ctx); older == "" {
			break
		}
		err = c.watch(ctx, older, now)
	}
	if c.life.Err() != nil {
		return context.Cause(c.life)
	}
	return err
}

func (c *claim) put(ctx context.Context) error {
	try, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c.key = c.prefix + strconv.FormatInt(int64(c.lease), 16)
	r, err := c.client.Txn(try).
		If(clientv3.Compare(clientv3.CreateRevision(c.key), "=", 0)).
		Then(clientv3.OpPut(c.key, c.holder, clientv3.WithLease(c.lease))).
		Commit()
	switch {
	case err != nil:
		c.doubt() // it may yet be put, and after it was deleted
		return err
	case !r.Succeeded:
		c.doubt()
		return errors.New("the key of this session is there already")
	}
	c.revision = r.Header.Revision
	return nil
}

// look returns the youngest key that is older than this one, if there is one, and
// the revision at which that was so. Without this key, the lock is lost.
func (c *claim) look(ctx context.Context) (older string, now int64, err error) {
	try, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := c.client.Get(try, c.prefix, clientv3.WithPrefix(), clientv3.WithKeysOnly(),
		clientv3.WithMaxCreateRev(c.revision))
	if err != nil {
		return "", 0, err
	}
	here, youngest := false, int64(0)
	for _, kv := range r.Kvs {
		key := string(kv.Key)
		switch {
		case key == c.key:
			here = kv.CreateRevision == c.revision
		case strings.Contains(key[len(c.prefix):], "/"): // of a longer name
		case kv.CreateRevision > youngest:
			older, youngest = key, kv.CreateRevision
		}
	}
	if !here {
		return "", 0, fmt.Errorf("%w: etcd: its key is gone", locks.ErrLost)
	}
	return older, r.Header.Revision, nil
}

// watch waits until key is deleted, or may have been, after a revision.
func (c *claim) watch(ctx context.Context, key string, after int64) error {
	watching, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	events := c.client.Watch(watching, key, clientv3.WithRev(after+1), clientv3.WithFilterPut())
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case r, ok := <-events:
			if !ok || r.Err() != nil {
				pause(ctx)
				return nil
			}
			if len(r.Events) > 0 {
				return nil
			}
		}
	}
}

// keep keeps watch over the key, which etcd keeps with the session.
func (c *claim) keep(ctx context.Context) error {
	both, done := c.within(ctx)
	defer done()
	now := c.revision
	for c.watch(both, c.key, now) == nil {
		_, seen, err := c.look(both)
		switch {
		case errors.Is(err, locks.ErrLost):
			return err
		case err != nil:
			pause(both) // the session says when it is too late
		default:
			now = seen
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(c.life)
}

// drop deletes the key.
func (c *claim) drop(ctx context.Context) {
	if c.key == "" {
		return
	}
	var ours []clientv3.Cmp // without the revision: whatever is there
	if c.revision != 0 {
		ours = append(ours, clientv3.Compare(clientv3.CreateRevision(c.key), "=", c.revision))
	}
	if _, err := c.client.Txn(ctx).If(ours...).Then(clientv3.OpDelete(c.key)).Commit(); err != nil {
		c.doubt()
	}
}
