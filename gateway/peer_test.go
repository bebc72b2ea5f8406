package gateway_test

import (
	"errors"
	"io"
	"io/fs"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/gateway"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/peer"
	"github.com/modtier/modtier/tiers/tierstest"
)

const peerSecret = "0123456789abcdef"

// newPeer is newSite with a gateway that lets other instances in, and a client
// as one of these has it.
func newPeer(t *testing.T, change ...func(*site)) (*site, *peer.Client) {
	gate := &peer.Gate{Secret: peerSecret}
	s := newSite(t, append(change, func(s *site) {
		s.gateway.Peers = &gateway.Peers{Prefix: peer.Prefix, Files: s.stack.Here(), Check: gate.Check}
	})...)
	gate.URL = s.URL + s.gateway.Prefix
	c := &peer.Client{URL: "http://this.example", Secret: peerSecret}
	t.Cleanup(func() { c.Close() })
	return s, c
}

func TestAPeerReadsWhatIsHere(t *testing.T) {
	for _, prefix := range []string{"", "/go/proxy"} {
		s, c := newPeer(t, func(s *site) {
			s.gateway.Prefix = prefix
			s.gateway.User, s.gateway.Pass = "user", "password" // of which peers need none
		})
		v := module.Version{Path: "github.com/Azure/Thing", Version: "v2.0.0+incompatible"}
		files := s.origin.add(v)
		r := tierstest.Ref(v, tiers.Zip)
		for _, u := range []string{s.URL + prefix, s.URL + prefix + "/"} {
			if _, err := c.Open(t.Context(), u, r); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("got %v, want that it is not here", err)
			}
		}
		if got := s.origin.requests(); len(got) > 0 {
			t.Errorf("a peer's request made us ask the upstream for %q", got)
		}
		s.get(t, prefix+filePath(v, tiers.Zip), "Authorization", "Basic dXNlcjpwYXNzd29yZA==").is(t, 200)
		s.settle(t)
		o, err := c.Open(t.Context(), s.URL+prefix, r)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(o.Body)
		o.Body.Close()
		if want := tierstest.Bytes(files, tiers.Zip); err != nil || string(b) != string(want) {
			t.Errorf("got %d bytes, %v, want %d", len(b), err, len(want))
		}
	}
}

func TestAPeerReadsWhatIsOnItsWay(t *testing.T) {
	s, c := newPeer(t)
	want := string(tierstest.Bytes(hotFiles, tiers.Zip))
	page, goOn := speakInParts(t, want)
	s.origin.set(hotZip, page)
	first := s.begin(t, "GET", hotZip)
	o, err := c.Open(t.Context(), s.URL, tierstest.Ref(hot, tiers.Zip))
	if err != nil {
		t.Fatal(err)
	}
	defer o.Body.Close()
	half := make([]byte, len(want)/2)
	if _, err := io.ReadFull(o.Body, half); err != nil || string(half) != want[:len(half)] {
		t.Fatalf("got %q, %v, want the first half while the rest is still to come", half, err)
	}
	goOn()
	rest, err := io.ReadAll(o.Body)
	if err != nil || string(rest) != want[len(half):] {
		t.Errorf("got %d bytes, %v, want the other half", len(rest), err)
	}
	io.Copy(io.Discard, first.Body)
	if n := s.origin.count(hotZip); n != 1 {
		t.Errorf("the upstream was asked %d times, want once", n)
	}
}

func TestWhoIsNoPeerGetsNothing(t *testing.T) {
	s, _ := newPeer(t)
	s.warm(t)
	asked := len(s.origin.requests())
	path := "/.modtier/peer" + hotZip
	s.get(t, path).is(t, 403).tells(t, "not signed")
	s.get(t, path, "Authorization", "Modtier-Peer 1 "+"00").is(t, 403)
	s.ask(t, "POST", path).is(t, 405)
	s.ask(t, "HEAD", path).is(t, 405)
	other := &peer.Client{URL: "http://this.example", Secret: "fedcba9876543210"}
	defer other.Close()
	if _, err := other.Open(t.Context(), s.URL, tierstest.Ref(hot, tiers.Zip)); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want a refusal", err)
	}
	if got := s.origin.requests()[asked:]; len(got) > 0 {
		t.Errorf("the upstream was asked for %q", got)
	}
	alone := newSite(t)
	alone.get(t, path).is(t, 404)
}
