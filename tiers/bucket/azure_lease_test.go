package bucket

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/lease"
	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers/tierstest"
)

const (
	leaseKey = "lease/github.com/Azure/Foo@v1.0.1-RC1"
	someID   = "a0d0a4b6-0d1e-4c55-8c7e-0a1d2c3b4f51"
	otherID  = "b1d0a4b6-0d1e-4c55-8c7e-0a1d2c3b4f52"
)

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

// endLease takes the lease on leaseKey away from its holder.
func (s azureServer) endLease(t *testing.T, name string) {
	t.Helper()
	l, err := lease.NewBlobClient(s.api(t, name).NewBlobClient(leaseKey), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.BreakLease(t.Context(), &lease.BlobBreakOptions{BreakPeriod: to.Ptr(int32(0))}); err != nil {
		t.Fatal(err)
	}
}

func TestALeaseHasOneHolder(t *testing.T) {
	t.Parallel()
	s := azureServerFor(t)
	name := s.container(t)
	b, ctx := s.open(t, name), t.Context()
	wantErr(t, "renew without an object", b.RenewLease(ctx, leaseKey, someID), fs.ErrNotExist)
	wantErr(t, "release without an object", b.ReleaseLease(ctx, leaseKey, someID), fs.ErrNotExist)
	for range 2 {
		wantErr(t, "acquire", b.AcquireLease(ctx, leaseKey, someID, 15*time.Second), nil)
	}
	wantErr(t, "acquire by another", b.AcquireLease(ctx, leaseKey, otherID, 15*time.Second), fs.ErrExist)
	wantErr(t, "renew by another", b.RenewLease(ctx, leaseKey, otherID), fs.ErrExist)
	wantErr(t, "name by another", b.SetLeaseHolder(ctx, leaseKey, otherID, "other"), fs.ErrExist)
	wantErr(t, "release by another", b.ReleaseLease(ctx, leaseKey, otherID), fs.ErrExist)
	wantErr(t, "renew", b.RenewLease(ctx, leaseKey, someID), nil)
	wantErr(t, "release", b.ReleaseLease(ctx, leaseKey, someID), nil)
	wantErr(t, "renew what was released", b.RenewLease(ctx, leaseKey, someID), fs.ErrExist)
	wantErr(t, "name what was released", b.SetLeaseHolder(ctx, leaseKey, someID, "some"), fs.ErrExist)
	wantErr(t, "release again", b.ReleaseLease(ctx, leaseKey, someID), fs.ErrExist)
	wantErr(t, "acquire by another", b.AcquireLease(ctx, leaseKey, otherID, 14*time.Second+1), nil)
	s.endLease(t, name)
	wantErr(t, "renew what was broken", b.RenewLease(ctx, leaseKey, otherID), fs.ErrExist)
}

func TestALeasedObjectIsAsAthensMakesIt(t *testing.T) {
	t.Parallel()
	s := azureServerFor(t)
	name := s.container(t)
	b := s.open(t, name)
	wantErr(t, "acquire", b.AcquireLease(t.Context(), leaseKey, someID, time.Minute), nil)
	r, err := s.api(t, name).NewBlobClient(leaseKey).DownloadStream(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	got, err := io.ReadAll(r.Body)
	if err != nil || string(got) != "\x01" || *r.ContentType != "application/octet-stream" || *r.BlobType != "BlockBlob" || len(r.Metadata) > 0 {
		t.Errorf("got %q, error %v, a %s of %s with %v, want the byte 1 and nothing else", got, err, *r.BlobType, *r.ContentType, r.Metadata)
	}
	if *r.LeaseState != lease.StateTypeLeased || *r.LeaseDuration != lease.DurationTypeFixed {
		t.Errorf("it is %s for a %s time, want leased for a fixed one", *r.LeaseState, *r.LeaseDuration)
	}
}

func TestLeasedObjectsAreNoVersions(t *testing.T) {
	t.Parallel()
	s := azureServerFor(t)
	b := s.open(t, s.container(t))
	if err := b.Save(t.Context(), cased, tierstest.Version(cased, "a")); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{leaseKey, "lease/github.com/Azure/Foo@v1.3.0", "before/lease/github.com/Azure/Foo@v1.3.0"} {
		wantErr(t, "acquire", b.AcquireLease(t.Context(), key, someID, 15*time.Second), nil)
	}
	tierstest.Lists(t, b, cased.Path, cased.Version)
	tierstest.Lists(t, b, "lease/"+cased.Path)
	tierstest.Catalogs(t, b, 1, []module.Version{cased})
}

func TestAHolderIsBelievedUnderItsOwnLeaseOnly(t *testing.T) {
	t.Parallel()
	s := azureServerFor(t)
	name := s.container(t)
	b, ctx := s.open(t, name), t.Context()
	want := func(when, holder string) {
		t.Helper()
		if got, err := b.LeaseHolder(ctx, leaseKey); err != nil || got != holder {
			t.Errorf("%s: the holder is %q, error %v, want %q", when, got, err, holder)
		}
	}
	want("without an object", "")
	wantErr(t, "acquire", b.AcquireLease(ctx, leaseKey, someID, 15*time.Second), nil)
	want("before it has said anything", "")
	wantErr(t, "name", b.SetLeaseHolder(ctx, leaseKey, someID, "http://[::1]:3000/a?b=c"), nil)
	want("when it has", "http://[::1]:3000/a?b=c")
	wantErr(t, "renew", b.RenewLease(ctx, leaseKey, someID), nil)
	want("after a renewal", "http://[::1]:3000/a?b=c")
	s.endLease(t, name)
	want("after its end", "")
	wantErr(t, "acquire by another", b.AcquireLease(ctx, leaseKey, otherID, 15*time.Second), nil)
	want("while one that says nothing has it", "")
	wantErr(t, "name", b.SetLeaseHolder(ctx, leaseKey, otherID, "other"), nil)
	want("when that says something", "other")
	wantErr(t, "release", b.ReleaseLease(ctx, leaseKey, otherID), nil)
	want("after the release", "")
}

func TestAnAcquiredLeaseWhoseAnswerIsLostIsAskedForAgain(t *testing.T) {
	t.Parallel()
	s := azureServerFor(t)
	name := s.container(t)
	at, err := url.Parse(s.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	var granted atomic.Int32
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = at.Scheme, at.Host },
		ModifyResponse: func(r *http.Response) error {
			if r.Request.Header.Get("X-Ms-Lease-Action") == "acquire" && r.StatusCode == http.StatusCreated && granted.Add(1) == 1 {
				panic(http.ErrAbortHandler)
			}
			return nil
		},
	})
	t.Cleanup(proxy.Close)
	a := s.azure(name)
	a.Endpoint = proxy.URL + at.Path
	b, err := OpenAzure(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	wantErr(t, "acquire", b.AcquireLease(t.Context(), leaseKey, someID, 15*time.Second), nil)
	if n := granted.Load(); n != 2 {
		t.Errorf("it was granted %d times, want 2", n)
	}
	wantErr(t, "acquire by another", b.AcquireLease(t.Context(), leaseKey, otherID, 15*time.Second), fs.ErrExist)
}

// leaseCalls are all calls about leases, by name.
func leaseCalls(b *Bucket) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"acquire": func(ctx context.Context) error { return b.AcquireLease(ctx, leaseKey, someID, 15*time.Second) },
		"renew":   func(ctx context.Context) error { return b.RenewLease(ctx, leaseKey, someID) },
		"release": func(ctx context.Context) error { return b.ReleaseLease(ctx, leaseKey, someID) },
		"name":    func(ctx context.Context) error { return b.SetLeaseHolder(ctx, leaseKey, someID, "me") },
		"read":    func(ctx context.Context) error { _, err := b.LeaseHolder(ctx, leaseKey); return err },
	}
}

func TestAzureAnswersAboutLeasesMeanWhatTheySay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code int
		word string
		want error // nil: one that is neither an absence nor a presence
	}{
		{404, "BlobNotFound", fs.ErrNotExist},
		{404, "ContainerNotFound", nil},
		{404, "", nil},
		{403, "AuthorizationPermissionMismatch", nil},
		{400, "InvalidHeaderValue", nil},
		{409, "LeaseAlreadyPresent", fs.ErrExist},
		{409, "LeaseIsBreakingAndCannotBeAcquired", fs.ErrExist},
		{409, "LeaseIsBrokenAndCannotBeRenewed", fs.ErrExist},
		{409, "LeaseIdMismatchWithLeaseOperation", fs.ErrExist},
		{409, "LeaseIdMismatchWithBlobOperation", fs.ErrExist},
		{409, "LeaseNotPresentWithLeaseOperation", fs.ErrExist},
		{412, "LeaseNotPresentWithBlobOperation", fs.ErrExist},
		{412, "LeaseLost", fs.ErrExist},
		{409, "ContainerBeingDeleted", nil},
	} {
		b := azureSaying(t, azureStatus(c.code, c.word))
		for name, call := range leaseCalls(b) {
			err := call(t.Context())
			switch {
			case name == "read" && c.want != nil: // then there is nobody to believe
				wantErr(t, name+" "+c.word, err, nil)
			case name == "acquire" && c.want == fs.ErrNotExist: // also after it was made
				wantErr(t, name+" "+c.word, err, fs.ErrNotExist)
			case c.want != nil:
				wantErr(t, name+" "+c.word, err, c.want)
			case err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "\n"):
				t.Errorf("%s, %d %s: got error %v, want a line that is no answer", name, c.code, c.word, err)
			}
		}
	}
}

func TestACallAboutALeaseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 1)
	b := azureSaying(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	})
	for name, call := range leaseCalls(b) {
		ctx, cancel := context.WithCancel(t.Context())
		answer := make(chan error)
		go func() { answer <- call(ctx) }()
		<-asked
		cancel()
		wantErr(t, name, <-answer, context.Canceled)
	}
}

func TestOnlyAzureKnowsLeases(t *testing.T) {
	t.Parallel()
	for name, call := range leaseCalls(open(&memory{}, layout{}, Options{Name: "s3"})) {
		wantErr(t, name, call(t.Context()), errors.ErrUnsupported)
	}
}
