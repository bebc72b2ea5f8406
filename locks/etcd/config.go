package etcd

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
)

// A Config says where the locks are.
type Config struct {
	// Endpoints are the members, with commas: host:port, http:// or https://,
	// and no mixture. Athens' SingleFlight.Etcd.Endpoints, or
	// ATHENS_ETCD_ENDPOINTS.
	Endpoints string

	// Username and Password are what the cluster asks for; both or none.
	Username, Password string

	// CAFile has the certificates, in PEM, that the members' are checked
	// against. Empty are the system's.
	CAFile string

	// CertFile and KeyFile have what the members know this process by, in PEM;
	// both or none.
	CertFile, KeyFile string

	// TTL is how long one holder may hold a lock at all. 0 is 15 minutes.
	TTL time.Duration

	// Lease is how long a lock outlives a process that died, in whole seconds.
	// 0 is 15 seconds; the cluster may demand more than a second or two.
	Lease time.Duration

	// Holder is what [Locker.Holder] tells others of a lock's holder; it may be
	// empty.
	Holder string

	// Prefix goes before the name of a lock. Athens has none: with one, the
	// two do not exclude each other.
	Prefix string
}

// patience is how long an answer of the cluster may take.
const patience = 5 * time.Second

// Open makes a Locker of c. It asks nobody: a cluster that is not there shows with
// the first lock.
func Open(ctx context.Context, c Config) (*Locker, error) {
	if c.TTL < 0 {
		return nil, errors.New("etcd: the TTL of a lock is not above 0")
	}
	if c.Lease != 0 && c.Lease < time.Second {
		return nil, errors.New("etcd: the lease of a lock is shorter than a second")
	}
	if (c.Username == "") != (c.Password == "") {
		return nil, errors.New("etcd: there is a user without a password, or a password without a user")
	}
	endpoints, secure, err := c.endpoints()
	if err != nil {
		return nil, err
	}
	var security *tls.Config
	if secure {
		if security, err = c.tls(); err != nil {
			return nil, err
		}
	}
	l := &Locker{
		prefix:  c.Prefix,
		holder:  c.Holder,
		limit:   cmp.Or(c.TTL, 15*time.Minute),
		seconds: int64((cmp.Or(c.Lease, 15*time.Second) + time.Second - 1) / time.Second),
	}
	l.life, l.end = context.WithCancelCause(context.WithoutCancel(ctx))
	l.config = clientv3.Config{
		Context:              l.life,
		Endpoints:            endpoints,
		TLS:                  security,
		Username:             c.Username,
		Password:             c.Password,
		DialTimeout:          patience,
		DialKeepAliveTime:    10 * time.Second, // no less, or members of default settings hang up
		DialKeepAliveTimeout: 3 * time.Second,
		DialOptions:          []grpc.DialOption{grpc.WithChainUnaryInterceptor(impatient)},
		Logger:               zap.NewNop(), // it is all said again in an error
	}
	return l, nil
}

// impatient has a call fail, and say why, if there is no connection. By default the
// client has it wait for one until its deadline, and then tells only of that.
func impatient(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
	invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	return invoke(ctx, method, req, reply, cc, append(opts, grpc.WaitForReady(false))...)
}

// endpoints takes the list apart, and says whether it is to be asked over TLS.
func (c Config) endpoints() (list []string, secure bool, err error) {
	files := c.CAFile != "" || c.CertFile != "" || c.KeyFile != ""
	https, http := 0, 0
	for _, e := range strings.Split(c.Endpoints, ",") {
		e = strings.TrimSpace(e)
		switch scheme, rest, ok := strings.Cut(e, "://"); {
		case e == "":
			continue
		case strings.ContainsAny(e, "@ "):
			return nil, false, endpointsError("has more than a scheme, a host and a port in one")
		case ok && rest != "" && scheme == "https":
			https++
		case ok && rest != "" && scheme == "http":
			http++
		case ok:
			return nil, false, endpointsError("has one that is neither host:port nor http:// nor https://")
		}
		list = append(list, e)
	}
	switch {
	case len(list) == 0:
		return nil, false, endpointsError("is empty")
	case https > 0 && https < len(list):
		return nil, false, endpointsError("has https:// for some and not for all")
	case http > 0 && files:
		return nil, false, endpointsError("has http://, and there are files for TLS")
	}
	return list, https > 0 || files, nil
}

func endpointsError(what string) error {
	return fmt.Errorf("etcd: SingleFlight.Etcd.Endpoints (ATHENS_ETCD_ENDPOINTS) %s", what)
}

func (c Config) tls() (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("etcd: the CA: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("etcd: the CA: no certificate in %s", c.CAFile)
		}
	}
	if c.CertFile != "" || c.KeyFile != "" {
		cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("etcd: the client's certificate and key: %w", err)
		}
		t.Certificates = []tls.Certificate{cert}
	}
	return t, nil
}
