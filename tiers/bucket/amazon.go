package bucket

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/modtier/modtier/tiers/internal/web"
)

// What follows is what S3 and MinIO have in common: the answers of the protocol
// that Amazon made, and of the many that speak it more or less.

// maxList is how many keys come in one request.
const maxList = 1000

// large is the size, in bytes, from which on it pays to ask before sending: a service
// that refuses what is still being sent closes the connection, its answer may be lost,
// and the SDKs try again.
const large = 1 << 20

// A service is one that speaks S3's protocol, with what it takes to say what is
// wrong with it.
type service struct {
	bucket, region, endpoint string
	keys                     settings

	// said returns the status and the code of an answer that is an error, or 0
	// if there was no answer.
	said func(error) (status int, code, text string)

	name  string
	log   *slog.Logger
	plain atomic.Bool // it does not know If-None-Match
}

// settings are where the site's settings come from.
type settings struct{ bucket, region, endpoint, credentials string }

// create creates an object by put, with If-None-Match if its argument is true.
// A service that does not know the condition is asked first whether the object is
// there; then of two that save at one moment the last wins, unseen.
func (s *service) create(ctx context.Context, size int64, put func(unlessThere bool) error, there func() (bool, error)) error {
	if size > large {
		if ok, err := there(); err == nil && ok {
			return fs.ErrExist
		}
	}
	for try := 1; ; try++ {
		if s.plain.Load() {
			return putIfLacking(put, there)
		}
		err := put(true)
		if err == nil || ctx.Err() != nil {
			return err
		}
		status, code, _ := s.said(err)
		switch {
		case status == http.StatusPreconditionFailed:
			return fs.ErrExist
		case status == http.StatusConflict && try < 5:
			// Somebody else is creating it at this moment, and may fail to.
			if err := pause(ctx, try); err != nil {
				return err
			}
			continue
		case status == http.StatusNotImplemented, code == "NotImplemented":
			if perr := putIfLacking(put, there); perr != nil {
				return perr
			}
			if !s.plain.Swap(true) {
				s.log.Warn("the store does not know create-only writes: when two gateways save a version at one moment, the last may win",
					"store", s.name)
			}
			return nil
		case status == 0:
			// A service that refuses early closes the connection on what is
			// still being sent, and the answer can be lost with it. Or it was
			// lost after all was done.
			if ok, terr := there(); terr == nil && ok {
				return fs.ErrExist
			}
		}
		return err
	}
}

func putIfLacking(put func(unlessThere bool) error, there func() (bool, error)) error {
	ok, err := there()
	if err != nil {
		return err
	}
	if ok {
		return fs.ErrExist
	}
	return put(false)
}

func pause(ctx context.Context, try int) error {
	timer := time.NewTimer(jittered(50 * time.Millisecond << try))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// jittered returns some of d, so that many do not come back as one.
func jittered(d time.Duration) time.Duration { return d/2 + rand.N(d/2) }

// A refusal is an answer that is an error, or none, in words that name what may
// have to be mended.
type refusal struct {
	text string
	err  error // what the SDK said, which may be long; or nil
}

func (e *refusal) Error() string { return e.text }
func (e *refusal) Unwrap() error { return e.err }

// refused returns err for a person.
func (s *service) refused(err error) error {
	if err == nil || err == fs.ErrExist {
		return err
	}
	status, code, text := s.said(err)
	if status == 0 {
		return s.silent(err)
	}
	answer := web.OneLine(fmt.Sprintf("%d %s", status, code))
	switch code {
	case "NoSuchBucket":
		text = fmt.Sprintf("bucket %q does not exist: mend %s", s.bucket, s.keys.bucket)
	case "InvalidBucketName":
		text = fmt.Sprintf("%q is no valid name of a bucket: mend %s", s.bucket, s.keys.bucket)
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "TokenRefreshRequired", "InvalidSecurity",
		"XAdminUserNotFound": // versitygw's
		text = fmt.Sprintf("the credentials are refused (%s): mend %s", answer, s.keys.credentials)
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "InvalidRegion":
		text = fmt.Sprintf("bucket %q is not in region %q (%s): mend %s", s.bucket, s.region, answer, s.keys.region)
	case "RequestTimeTooSkewed":
		text = fmt.Sprintf("the clock of this machine is wrong, says the service (%s)", answer)
	default:
		switch {
		case status == http.StatusMovedPermanently:
			text = fmt.Sprintf("bucket %q is not in region %q (%s): mend %s", s.bucket, s.region, answer, s.keys.region)
		case status == http.StatusForbidden, status == http.StatusUnauthorized:
			text = fmt.Sprintf("access to bucket %q is denied (%s): allow listing, reading, writing and deleting there, or mend %s",
				s.bucket, answer, s.keys.credentials)
		default:
			text = strings.TrimSuffix(fmt.Sprintf("the service answered %s: %s", answer, web.OneLine(text)), ": ")
		}
	}
	return &refusal{text, err}
}

// silent returns an error of a request that nobody answered, for a person.
func (s *service) silent(err error) error {
	if c, ok := errors.AsType[*credentialsError](err); ok {
		return &refusal{fmt.Sprintf("there are no credentials: %s: mend %s", c, s.keys.credentials), nil}
	}
	_, sent := errors.AsType[*url.Error](err)
	err = web.Scrub(err)
	text := err.Error()
	if sent {
		text = fmt.Sprintf("no answer from %s: %s", s.endpoint, err)
	}
	if unreachable(err) {
		text += ": is it up? Else mend " + s.keys.endpoint
	}
	return &refusal{text, err}
}

// unreachable reports whether it may be the endpoint that is wrong.
func unreachable(err error) bool {
	_, isNet := errors.AsType[*net.OpError](err)
	_, isTLS := errors.AsType[*tls.CertificateVerificationError](err)
	_, isPlain := errors.AsType[tls.RecordHeaderError](err)
	// Of a server without TLS, net/http has an error that it does not export.
	return isNet || isTLS || isPlain || errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "HTTP response to HTTPS client")
}

// endpointURL checks an endpoint. Errors do not repeat it, for it may hold credentials.
func endpointURL(s, key string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("mend %s: it has to be a URL that begins with http:// or https://", key)
	}
	if u.User != nil {
		return nil, fmt.Errorf("mend %s: credentials do not belong into it", key)
	}
	return u, nil
}
