package gateway

import (
	"math/rand/v2"
	"net/http"
	"sync"
)

// maxRequestID is the longest identifier that is taken from a client, in bytes.
const maxRequestID = 128

// ids are names for requests: random, for numbers would tell anybody how busy we are.
// They are made some at a time, as a hit allocates little else.
type ids struct{ batches sync.Pool }

const (
	idLength = 13 // characters of 5 bits
	idBatch  = 64 // made at once
)

// next returns a name that nobody else has.
func (i *ids) next() string {
	b, _ := i.batches.Get().(*string)
	if b == nil {
		b = new(string)
	}
	if *b == "" {
		*b = newIDs()
	}
	id := (*b)[:idLength]
	*b = (*b)[idLength:]
	i.batches.Put(b)
	return id
}

func newIDs() string {
	var text [idBatch * idLength]byte
	for i := 0; i < len(text); i += idLength {
		n := rand.Uint64()
		for j := range idLength {
			text[i+j] = "0123456789abcdefghijklmnopqrstuv"[n%32]
			n /= 32
		}
	}
	return string(text[:])
}

// identify gives the request its name: the one that the client or a proxy before us
// has given it, if that is fit for a log and a header, else one of ours. The response
// has it too, so that whoever reports an error can say which one.
func (w *response) identify(r *http.Request, made *ids) {
	for _, name := range [...]string{"X-Request-Id", "Athens-Request-Id"} {
		if h := r.Header[name]; len(h) == 1 && sane(h[0]) {
			w.id[0] = h[0]
			break
		}
	}
	if w.id[0] == "" {
		w.id[0] = made.next()
	}
	w.Header()["X-Request-Id"] = w.id[:]
}

// sane reports whether an identifier of a client is short, and of characters that
// mean nothing to whoever reads a log or a header.
func sane(id string) bool {
	for i := range len(id) {
		c := id[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '_', c == '.', c == ':', c == '/', c == '+', c == '=', c == '@', c == '~':
		default:
			return false
		}
	}
	return id != "" && len(id) <= maxRequestID
}
