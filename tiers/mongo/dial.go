package mongo

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// A ConfigError says which key of the configuration is to be mended. It has no
// secrets in it.
type ConfigError struct {
	store string
	err   error
}

func (e *ConfigError) Error() string { return e.store + ": " + e.err.Error() }
func (e *ConfigError) Unwrap() error { return e.err }

// The keys, as a person finds them in a file or in the environment.
const (
	keyURL  = "Storage.Mongo.URL (ATHENS_MONGO_STORAGE_URL)"
	keyCert = "Storage.Mongo.CertPath (ATHENS_MONGO_CERT_PATH)"
)

// defaultDial is the driver's default for finding a server: an election in a
// replica set may take half of it.
const defaultDial = 30 * time.Second

func clientOptions(c Config) (*options.ClientOptions, error) {
	if c.URL == "" {
		return nil, errors.New(keyURL + " is not set")
	}
	o := options.Client().ApplyURI(c.URL)
	if err := o.Validate(); err != nil {
		return nil, urlError(c.URL)
	}
	t := timeout(c)
	if o.ServerSelectionTimeout == nil || *o.ServerSelectionTimeout > t {
		o.SetServerSelectionTimeout(min(t, defaultDial))
	}
	if o.ConnectTimeout == nil || *o.ConnectTimeout > t || *o.ConnectTimeout == 0 {
		o.SetConnectTimeout(min(t, defaultDial))
	}
	switch {
	case o.WriteConcern == nil:
		o.SetWriteConcern(writeconcern.Majority()) // what is acknowledged outlives one server
	case !o.WriteConcern.Acknowledged():
		return nil, errors.New(keyURL + " has w=0: a save must be answered, or none is known to be kept")
	}
	if o.AppName == nil {
		o.SetAppName("modtier")
	}
	return o, trust(o, c)
}

// trust makes CertPath and Insecure part of what the URL says of TLS.
func trust(o *options.ClientOptions, c Config) error {
	config := o.TLSConfig
	if c.CertPath != "" {
		pem, err := os.ReadFile(c.CertPath)
		if err != nil {
			return fmt.Errorf("%s: %w", keyCert, err)
		}
		if config == nil {
			config = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		if config.RootCAs == nil {
			if config.RootCAs, err = x509.SystemCertPool(); err != nil {
				config.RootCAs = x509.NewCertPool()
			}
		}
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("%s: %s has no certificate in PEM", keyCert, c.CertPath)
		}
	}
	if config == nil {
		return nil
	}
	if c.Insecure {
		config.InsecureSkipVerify = true
	}
	o.SetTLSConfig(config)
	return nil
}

// urlError says what is wrong with a connection string that the driver refuses,
// in the driver's words only if they cannot quote a user, a password or an option.
func urlError(url string) error {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok || scheme != "mongodb" && scheme != "mongodb+srv" {
		return errors.New(keyURL + " does not begin with mongodb:// or mongodb+srv://")
	}
	hosts, tail := rest[strings.LastIndexByte(rest, '@')+1:], ""
	if i := strings.IndexAny(hosts, "/?"); i >= 0 {
		hosts, tail = hosts[:i], hosts[i:]
	}
	o := options.Client().ApplyURI(scheme + "://" + hosts)
	if err := o.Validate(); err != nil {
		return fmt.Errorf("%s: %w", keyURL, err)
	}
	if options.Client().ApplyURI(scheme+"://"+hosts+tail).Validate() != nil {
		return errors.New(keyURL + ": its database or its options cannot be understood")
	}
	return errors.New(keyURL + ": its user and password, which must be %-escaped, or how they are to be used, cannot be understood")
}
