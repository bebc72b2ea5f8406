package bucket_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/lease"

	"github.com/modtier/modtier/internal/servertest"
	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/bucket"
	"github.com/modtier/modtier/locks/lockstest"
	store "github.com/modtier/modtier/tiers/bucket"
)

// An azure is a container on what stands for Azure.
type azure struct {
	store.Azure
	api *container.Client // the bare SDK
}

// newAzure makes a container for the time of a test.
func newAzure(t testing.TB) azure {
	t.Helper()
	u, err := url.Parse(servertest.Server(t, "MODTIER_TEST_AZURE_URL"))
	if err != nil || u.User == nil {
		t.Fatal("the address of the server is no URL with an account and its key")
	}
	var a azure
	a.AccountName = u.User.Username()
	a.AccountKey, _ = u.User.Password()
	u.User = nil
	a.Endpoint = u.String()
	credential, err := container.NewSharedKeyCredential(a.AccountName, a.AccountKey)
	if err != nil {
		t.Fatal(err)
	}
	api := func(name string) *container.Client {
		c, err := container.NewClientWithSharedKeyCredential(a.Endpoint+"/"+name, credential, nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	a.ContainerName = newBucket(t, func(name string) error {
		_, err := api(name).Create(context.Background(), nil)
		return err
	}, func(name string) error {
		_, err := api(name).Delete(context.Background(), nil)
		return err
	})
	a.api = api(a.ContainerName)
	return a
}

// locker opens a Locker of its own.
func (a azure) locker(t testing.TB, c bucket.Config) locks.Locker {
	t.Helper()
	b, err := store.OpenAzure(t.Context(), a.Azure)
	if err != nil {
		t.Fatal(err)
	}
	l, err := bucket.OpenLeases(t.Context(), b, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// behind returns a with between in the place of what asks its server. After an error
// there is no answer.
func (a azure) behind(t testing.TB, between func(*http.Request, http.RoundTripper) (*http.Response, error)) azure {
	t.Helper()
	at, err := url.Parse(a.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = at.Scheme, at.Host },
		Transport:    roundTripper(func(r *http.Request) (*http.Response, error) { return between(r, transport) }),
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	})
	t.Cleanup(func() {
		proxy.Close()
		transport.CloseIdleConnections()
	})
	a.Endpoint = proxy.URL + at.Path
	return a
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// lease returns the bare client of the lease on key, with a new id of its own.
func (a azure) lease(t testing.TB, key string) *lease.BlobClient {
	t.Helper()
	l, err := lease.NewBlobClient(a.api.NewBlobClient(key), nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// end takes the lease on key away from its holder.
func (a azure) end(t testing.TB, key string) {
	t.Helper()
	o := &lease.BlobBreakOptions{BreakPeriod: to.Ptr(int32(0))}
	if _, err := a.lease(t, key).BreakLease(context.Background(), o); err != nil {
		t.Fatal(err)
	}
}

// put writes the object of key over whatever is there, as Athens does before it
// asks for the lease, and says whether a lease kept it out.
func (a azure) put(t testing.TB, key string) (kept bool) {
	t.Helper()
	body := streaming.NopCloser(strings.NewReader("\x01"))
	_, err := a.api.NewBlockBlobClient(key).Upload(t.Context(), body, nil)
	if err != nil && !bloberror.HasCode(err, bloberror.LeaseIDMissing) {
		t.Fatal(err)
	}
	return err != nil
}

// take asks for the lease on key as Athens does, and says whether it got it.
func (a azure) take(t testing.TB, l *lease.BlobClient) bool {
	t.Helper()
	_, err := l.AcquireLease(t.Context(), 15, nil)
	if err != nil && !bloberror.HasCode(err, bloberror.LeaseAlreadyPresent) {
		t.Fatal(err)
	}
	return err == nil
}

func (a azure) service() lockstest.Service {
	return lockstest.Service{
		Open:    func(t testing.TB) locks.Locker { return a.locker(t, bucket.Config{}) },
		Steal:   func(t testing.TB, name string) { a.end(t, "lease/"+name) },
		Limited: func(t testing.TB) locks.Locker { return a.locker(t, bucket.Config{TTL: time.Second}) },
		Named: func(t testing.TB, holder string) locks.Locker {
			return a.locker(t, bucket.Config{Holder: holder})
		},
		At: func(t testing.TB, addr string) locks.Locker {
			a := a
			a.Endpoint = "http://" + addr + "/" + a.AccountName
			return a.locker(t, bucket.Config{})
		},
	}
}
