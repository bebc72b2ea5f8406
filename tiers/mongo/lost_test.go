package mongo_test

import (
	"bytes"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/mongo"
	"github.com/modtier/modtier/tiers/tierstest"
)

// breaking puts a line before the test's server, which breaks where a document of
// ours is inserted: behind the server's answer, or before the server has it.
func breaking(t *testing.T, behind bool) (addr string) {
	t.Helper()
	var broken atomic.Bool // once is enough
	return listen(t, func(c net.Conn) {
		back, err := dial(t)
		if err != nil {
			t.Error(err)
			return
		}
		defer back.Close()
		var cut atomic.Bool
		go func() {
			defer back.Close()
			b := make([]byte, 1<<20)
			for {
				n, err := c.Read(b)
				if err != nil {
					return
				}
				if bytes.Contains(b[:n], []byte("zip_file")) && bytes.Contains(b[:n], []byte("insert")) && broken.CompareAndSwap(false, true) {
					if !behind {
						c.Close()
						return
					}
					cut.Store(true)
				}
				if _, err := back.Write(b[:n]); err != nil {
					return
				}
			}
		}()
		b := make([]byte, 1<<20)
		for {
			n, err := back.Read(b)
			if err != nil || cut.Load() {
				return
			}
			if _, err := c.Write(b[:n]); err != nil {
				return
			}
		}
	})
}

func TestAnInsertWhoseAnswerIsLostIsASave(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	s := open(t, mongo.Config{URL: via(t, breaking(t, true)), Database: db.Name(), Timeout: time.Minute})
	f := tierstest.Version(one, "a")
	save(t, s, one, f)
	tierstest.Holds(t, s, one, f)
	wantCount(t, db, "fs.files", 1)
}

func TestAnInsertThatMayYetBeDoneKeepsItsZip(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	s := open(t, mongo.Config{URL: via(t, breaking(t, false), "retryWrites=false"), Database: db.Name(), Timeout: time.Minute})
	f := tierstest.Version(one, "a")
	if err := s.Save(t.Context(), one, f); err == nil {
		t.Error("got no error")
	}
	tierstest.Lists(t, s, one.Path)
	tierstest.Lacks(t, s, one)
	wantCount(t, db, "fs.files", 1)
	save(t, s, one, f)
	tierstest.Holds(t, s, one, f)
}

func TestALineThatBreaksInAZipIsAnErrorAndNoEnd(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	f := tierstest.Large(one, "a", 8<<20)
	save(t, openOn(t, db), one, f)
	addr := listen(t, func(c net.Conn) {
		back, err := dial(t)
		if err != nil {
			t.Error(err)
			return
		}
		defer back.Close()
		go func() {
			io.Copy(back, c)
			back.Close()
		}()
		io.CopyN(c, back, 5<<20)
	})
	s := open(t, mongo.Config{URL: via(t, addr, "retryReads=false"), Database: db.Name(), Timeout: time.Minute})
	b, err := tierstest.ReadFile(t.Context(), s, tierstest.Ref(one, tiers.Zip))
	if err == nil || len(b) == 0 || int64(len(b)) >= f.Zip.Size() {
		t.Errorf("got %d bytes and error %v, want a part of %d and an error", len(b), err, f.Zip.Size())
	}
}
