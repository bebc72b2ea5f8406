package bucket_test

import (
	"flag"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/bucket"
	"github.com/modtier/modtier/locks/lockstest"
)

func TestMain(m *testing.M) {
	flag.Set("test.parallel", "4") // they wait more than they work
	goleak.VerifyTestMain(m,
		// Connections that wait for the next request: a tier lives as long as
		// its process, and has nothing that closes them.
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
		goleak.IgnoreAnyFunction("net/http.(*http2ClientConn).readLoop"),
	)
}

func openObjects(t testing.TB, o bucket.Objects, c bucket.Config) *bucket.Locker {
	t.Helper()
	l, err := bucket.OpenObjects(t.Context(), o, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// service is the locks of objects at p.
func (p place) service() lockstest.Service {
	var c bucket.Config
	return lockstest.Service{
		Open:  func(t testing.TB) locks.Locker { return openObjects(t, p.open(t, p.addr), c) },
		Steal: func(t testing.TB, name string) { p.remove(t, "lease/"+name) },
		Limited: func(t testing.TB) locks.Locker {
			c := c
			c.TTL = time.Second
			return openObjects(t, p.open(t, p.addr), c)
		},
		Named: func(t testing.TB, holder string) locks.Locker {
			c := c
			c.Holder = holder
			return openObjects(t, p.open(t, p.addr), c)
		},
		At: func(t testing.TB, addr string) locks.Locker { return openObjects(t, p.open(t, addr), c) },
	}
}
