package mongo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"
)

// Check asks the database whether it can be used, and makes the indexes. Its errors
// are for the person who wrote the configuration: they name the key to mend.
func (s *Store) Check(ctx context.Context) error {
	err := s.ask(ctx)
	if err == nil {
		err = s.ensureIndexes(ctx)
	}
	if err == nil {
		return nil
	}
	if advice := advise(err); advice != "" {
		return fmt.Errorf("%s: %s: %w", s.name, advice, readable{err})
	}
	return fmt.Errorf("%s: check: %w", s.name, readable{err})
}

// A readable error is one of the driver's, in the words of the servers that were
// tried: the driver itself tells the state of all of the deployment.
type readable struct{ error }

func (r readable) Unwrap() error { return r.error }

func (r readable) Error() string {
	last := lastErrors(r.error)[1:]
	if len(last) == 0 {
		return r.error.Error()
	}
	var words []string
	for _, err := range last {
		words = append(words, err.Error())
	}
	slices.Sort(words)
	return strings.Join(slices.Compact(words), "; ")
}

func (s *Store) ask(ctx context.Context) error {
	ctx, cancel := s.within(ctx)
	defer cancel()
	err := s.docs.FindOne(ctx, bson.D{}).Err()
	if errors.Is(err, driver.ErrNoDocuments) {
		return nil
	}
	return err
}

// The codes by which servers refuse a user
// (https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml).
const (
	unauthorized         = 13
	authenticationFailed = 18
	atlasError           = 8000
)

func advise(err error) string {
	for e := err; e != nil; e = errors.Unwrap(e) {
		c, ok := e.(driver.CommandError)
		switch {
		case !ok:
		case c.Code == unauthorized:
			return "the user of " + keyURL + " may not do this, or there is none in it"
		case c.Code == authenticationFailed, c.Code == atlasError:
			return "the user or the password of " + keyURL + " is refused"
		}
	}
	for _, e := range lastErrors(err) {
		if _, ok := errors.AsType[*tls.CertificateVerificationError](e); ok {
			return "the server's certificate is not trusted; its authority belongs in " + keyCert
		}
		if _, ok := errors.AsType[x509.UnknownAuthorityError](e); ok {
			return "the server's certificate is not trusted; its authority belongs in " + keyCert
		}
		if _, ok := errors.AsType[*net.DNSError](e); ok {
			return "a host of " + keyURL + " is not known"
		}
	}
	if _, ok := errors.AsType[topology.ServerSelectionError](err); ok {
		return "no server of " + keyURL + " can be used"
	}
	return ""
}

// lastErrors returns what the servers that were tried last answered with. It is no
// part of the chain of an error.
func lastErrors(err error) []error {
	all := []error{err}
	if e, ok := errors.AsType[topology.ServerSelectionError](err); ok {
		for _, s := range e.Desc.Servers {
			if s.LastError != nil {
				all = append(all, s.LastError)
			}
		}
	}
	return all
}
