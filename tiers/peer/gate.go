package peer

import (
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"net/http"
	"sync"
	"time"
)

// A Gate lets in the requests of other instances and nobody else's. Fill in the
// exported fields before first use.
type Gate struct {
	URL    string // by which others reach this instance, as their locks name it
	Secret string // which all share

	mu    sync.Mutex    // guards what follows
	seen  map[mac]int64 // requests of the window, and their times: a signature is good once
	swept time.Time
}

// maxSeen bounds the requests in the window: some 8 MB of memory.
const maxSeen = 1 << 16

// The reasons for which a request is refused, for the one who runs the other
// instance.
var (
	errExpired  = errors.New("the request was signed more than 30s ago, or ahead: are the clocks of both instances right?")
	errForged   = errors.New("the signature is not right: have both instances the same Tiers.Peers.Secret, and is Tiers.Peers.URL what this one says of itself?")
	errReplayed = errors.New("the request was answered once already")
	errMany     = errors.New("there are too many requests of other instances")
)

// Check refuses r if it is not another instance's request for path, which is below
// URL. Else it puts into h what shows the other that the answer is this one's.
func (g *Gate) Check(h http.Header, r *http.Request, path string) error {
	nanos, got, err := signature(r.Header)
	if err != nil {
		return err
	}
	want := signRequest(g.Secret, r.Method, trimmed(g.URL), path, nanos)
	if !hmac.Equal(got[:], want[:]) {
		return errForged
	}
	now := time.Now()
	if d := now.Sub(time.Unix(0, nanos)); d > window || d < -window {
		return errExpired
	}
	if err := g.once(want, nanos, now); err != nil {
		return err
	}
	proof := signAnswer(g.Secret, want)
	h.Set(proofHeader, hex.EncodeToString(proof[:]))
	return nil
}

// once refuses what has been seen. Only who knows the secret comes as far.
func (g *Gate) once(m mac, nanos int64, now time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.seen) >= maxSeen/2 && now.Sub(g.swept) > time.Second {
		g.swept = now
		for m, nanos := range g.seen {
			if now.Sub(time.Unix(0, nanos)) > window {
				delete(g.seen, m) // it is refused for its age
			}
		}
	}
	if _, ok := g.seen[m]; ok {
		return errReplayed
	}
	if len(g.seen) >= maxSeen {
		return errMany
	}
	if g.seen == nil {
		g.seen = make(map[mac]int64)
	}
	g.seen[m] = nanos
	return nil
}
