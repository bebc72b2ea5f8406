package peer

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// scheme is how a signed request names itself in its Authorization header, before
// the time of the request, in nanoseconds since 1970, and the signature in hex.
const scheme = "Modtier-Peer"

// proofHeader is where an answer shows that it is one of a peer.
const proofHeader = "Modtier-Peer-Proof"

// window is how far the clocks of two instances may be apart, and for how long a
// request is good.
const window = 30 * time.Second

type mac = [sha256.Size]byte

// sign signs the parts of a message. Its first part says what it is, so that a
// signature is good for nothing else.
func sign(secret string, parts ...string) (m mac) {
	h := hmac.New(sha256.New, []byte(secret))
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s\n", len(p), p)
	}
	h.Sum(m[:0])
	return m
}

// signRequest signs a request to the instance at base, so that no other takes it.
func signRequest(secret, method, base, path string, nanos int64) mac {
	return sign(secret, "request", method, base, path, strconv.FormatInt(nanos, 10))
}

// signAnswer signs that the request of that signature was answered.
func signAnswer(secret string, request mac) mac {
	return sign(secret, "answer", string(request[:]))
}

// authorization returns the header of a request that was signed.
func authorization(nanos int64, m mac) string {
	return fmt.Sprintf("%s %d %x", scheme, nanos, m)
}

var errUnsigned = errors.New("the request is not signed as by another instance")

// signature returns what the header of a request says.
func signature(h http.Header) (nanos int64, m mac, err error) {
	values := h.Values("Authorization")
	if len(values) != 1 {
		return 0, m, errUnsigned
	}
	fields := strings.Fields(values[0])
	if len(fields) != 3 || fields[0] != scheme {
		return 0, m, errUnsigned
	}
	nanos, err = strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0, m, errUnsigned
	}
	b, err := hex.DecodeString(fields[2])
	if err != nil || len(b) != len(m) {
		return 0, m, errUnsigned
	}
	return nanos, mac(b), nil
}

// isProof reports whether the header of an answer proves that whoever sent it
// knows the secret and answered the request of that signature.
func isProof(h http.Header, secret string, request mac) bool {
	b, err := hex.DecodeString(h.Get(proofHeader))
	want := signAnswer(secret, request)
	return err == nil && hmac.Equal(b, want[:])
}
