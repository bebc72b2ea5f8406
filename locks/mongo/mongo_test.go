package mongo_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/lockstest"
	"github.com/modtier/modtier/locks/mongo"
)

func TestLocker(t *testing.T) {
	t.Parallel()
	lockstest.Test(t, newSite(t, uri(t)).service(mongo.Config{}))
}

func TestProcesses(t *testing.T) {
	t.Parallel()
	lockstest.Processes(t, openShared)
}

func TestAPausedHolder(t *testing.T) {
	t.Parallel()
	lockstest.Paused(t, openShared)
}

// openShared opens a locker in the database of t.
func openShared(t testing.TB) locks.Locker {
	name := lockstest.Shared(t, func() string { return newSite(t, uri(t)).name })
	return openAt(t, uri(t), name, mongo.Config{Lease: lockstest.Lease})
}

func TestTheGateIsNamedAsTheLockBehindThePrefix(t *testing.T) {
	s := newSite(t, uri(t))
	const name = "test.example/Key@v1.0.0"
	_, unlock, err := s.open(t, mongo.Config{Holder: "http://10.0.0.1"}).Lock(lockstest.Within(t), name)
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := s.open(t, mongo.Config{Prefix: "staging:", Lease: time.Minute}).Lock(lockstest.Within(t), name)
	if err != nil {
		t.Fatal(err)
	}
	docs := s.stored(t)
	if d := docs[name]; len(docs) != 2 || len(d["token"].(string)) < 22 || d["holder"] != "http://10.0.0.1" || d["lease"] != int64(15000) {
		t.Errorf("stored %v, want the name, a token, the holder and 15 s", docs)
	}
	if d := docs["staging:"+name]; d["holder"] != nil || d["lease"] != int64(60000) {
		t.Errorf("stored %v, want the prefix and 60 s", docs)
	}
	unlock()
	other()
	if docs := s.stored(t); len(docs) != 0 {
		t.Errorf("after the unlock there are %v", docs)
	}
}

func TestTheCollectionIsThatOfTheConfiguration(t *testing.T) {
	s := newSite(t, uri(t))
	_, unlock, err := s.open(t, mongo.Config{Collection: "other"}).Lock(lockstest.Within(t), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if n, err := s.db.Collection("other").CountDocuments(t.Context(), bson.D{}); n != 1 || err != nil {
		t.Errorf("%d documents are there: %v", n, err)
	}
}

func TestADocumentThatIsNoLockIsAnError(t *testing.T) {
	s := newSite(t, uri(t))
	s.insert(t, bson.M{"_id": "a", "x": 1})
	if _, _, err := s.open(t, mongo.Config{}).Lock(lockstest.Within(t), "a"); err == nil {
		t.Error("got the lock")
	}
	if docs := s.stored(t); len(docs) != 1 {
		t.Errorf("it has gone: %v", docs)
	}
}

func TestOutage(t *testing.T) {
	t.Parallel()
	server, uri := start(t)
	lockstest.Outage(t, server, openAt(t, uri, "a", mongo.Config{Lease: lockstest.Lease}))
}

func TestAnErrorHasNoPassword(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	l := openAt(t, "mongodb://user:"+secret+"@127.0.0.1:1/?authMechanism=PLAIN", "a", mongo.Config{})
	_, _, err := l.Lock(lockstest.Within(t), "a")
	if err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("got %v, want an error without the password", err)
	}
}

func TestAWrongConfigurationIsRefused(t *testing.T) {
	db := connect(t, "mongodb://127.0.0.1:1/").Database("a")
	for want, c := range map[string]mongo.Config{
		"database": {},
		"TTL":      {Database: db, TTL: -1},
		"lease":    {Database: db, Lease: time.Millisecond},
	} {
		if _, err := mongo.Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error about the %s", err, want)
		}
	}
}

// A wait that is cut off while the gate is inserted gives it back.
func TestAWaitThatIsCutOffLeavesNoDocument(t *testing.T) {
	s := newSite(t, uri(t))
	l := s.open(t, mongo.Config{})
	for i := range 30 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*100*time.Microsecond)
		_, unlock, err := l.Lock(ctx, "a")
		if err == nil {
			unlock()
		} else if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		cancel()
	}
	s.empties(t)
}
