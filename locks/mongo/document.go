package mongo

import (
	"context"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/modtier/modtier/locks/internal/lease"
)

// patience is how long an answer to a waiter may take: the driver itself would look
// for a server for half a minute.
const patience = 3 * time.Second

// A document is a gate or a beat.
type document struct {
	ID string `bson:"_id"`

	// Of a gate.
	Token  string    `bson:"token,omitempty"`
	Holder string    `bson:"holder,omitempty"`
	Lease  int64     `bson:"lease,omitempty"` // in milliseconds
	Since  time.Time `bson:"since,omitempty"` // for a person who looks; no clock is believed

	// Of a beat: the token of who inserted it.
	By string `bson:"by,omitempty"`
}

// beatID is the _id of a gate's nth beat, from 1 on.
func beatID(gate, token string, n int) string { return gate + " " + token + " " + strconv.Itoa(n) }

// insert reports whether it has inserted d, or else there is one of that _id.
func (l *Locker) insert(ctx context.Context, d document) (bool, error) {
	_, err := l.docs.InsertOne(ctx, d)
	if driver.IsDuplicateKeyError(err) {
		return false, nil
	}
	return err == nil, err
}

// insertBeat inserts a beat, and else says whose is there. It is "" if that has
// gone meanwhile, as beats do with their gate.
func (l *Locker) insertBeat(ctx context.Context, gate, token string, n int, by string) (inserted bool, whose string, err error) {
	id := beatID(gate, token, n)
	inserted, err = l.insert(ctx, document{ID: id, By: by})
	if inserted || err != nil {
		return inserted, by, err
	}
	docs, err := l.find(ctx, id)
	return false, docs[id].By, err
}

// find returns those documents that there are.
func (l *Locker) find(ctx context.Context, ids ...string) (map[string]document, error) {
	byID := make(map[string]document)
	err := l.ask(ctx, func(ctx context.Context) error {
		var docs []document
		found, err := l.docs.Find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}})
		if err == nil {
			err = found.All(ctx, &docs)
		}
		for _, d := range docs {
			byID[d.ID] = d
		}
		return err
	})
	if err != nil {
		return nil, err // and not byID, which may be in use yet
	}
	return byID, nil
}

// ask asks the database, and waits for the answer until ctx is done, and no longer
// than patience. The question goes on without ctx: the driver fails before the end
// of one if it expects no answer in time, which would read as the database's
// failure, and closes the connection of one that is cancelled.
func (l *Locker) ask(ctx context.Context, question func(context.Context) error) error {
	answer := make(chan error, 1)
	l.leases.Go(func() {
		try, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		answer <- question(try)
	})
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// deleteGate deletes the gate that has token. There are servers that look for it
// and then delete what has its _id by then, so two must not do it at once: a holder
// does in its lease, and out of it who has the next beat.
func (l *Locker) deleteGate(ctx context.Context, id, token string) error {
	_, err := l.docs.DeleteOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "token", Value: token}})
	return err
}

// deleteBeats deletes n beats of a gate that is no more. One that stays because of
// an error, or comes later, means nothing to anybody.
func (l *Locker) deleteBeats(ctx context.Context, gate, token string, n int) {
	l.leases.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lease.Moment)
		defer cancel()
		for first := 1; first <= n; first += 1000 {
			var ids []string
			for i := first; i <= min(n, first+999); i++ {
				ids = append(ids, beatID(gate, token, i))
			}
			l.docs.DeleteMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}})
		}
	})
}
