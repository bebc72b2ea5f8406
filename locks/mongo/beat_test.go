package mongo

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/modtier/modtier/internal/servertest"
)

// newClaim returns a wish for a lock in a database of the test's own.
func newClaim(t *testing.T) *claim {
	t.Helper()
	client, err := driver.Connect(options.Client().ApplyURI(servertest.Server(t, "MODTIER_TEST_MONGO_URI")))
	if err != nil {
		t.Fatal(err)
	}
	db := client.Database("modtier_test_" + bson.NewObjectID().Hex())
	l, err := Open(t.Context(), Config{Database: db})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := errors.Join(l.Close(), db.Drop(ctx), client.Disconnect(ctx)); err != nil {
			t.Error(err)
		}
	})
	return l.claim("a")
}

// The driver sends an insert again whose answer it did not get.
func TestAGateThatIsOursAlreadyIsGranted(t *testing.T) {
	c := newClaim(t)
	if ok, err := c.insert(t.Context(), document{ID: "a", Token: c.token}); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if granted, err := c.wait(t.Context()); err != nil || time.Since(granted) < 0 {
		t.Errorf("got %v, %v", granted, err)
	}
}

// Others may have seen that beat when it came, and have counted the lease from
// then on: only the next one renews it.
func TestABeatWhoseAnswerWasLostIsFollowedByAnother(t *testing.T) {
	c := newClaim(t)
	if _, ok, err := c.obtain(t.Context()); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if ok, _, err := c.insertBeat(t.Context(), c.id, c.token, 1, c.token); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := c.beat(t.Context()); err != nil || c.beats != 2 {
		t.Errorf("got %d beats, %v, want 2", c.beats, err)
	}
	docs, err := c.find(t.Context(), beatID(c.id, c.token, 2))
	if err != nil || len(docs) != 1 {
		t.Errorf("found %v, %v, want the second beat", docs, err)
	}
}
