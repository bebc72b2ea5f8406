package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/modtier/modtier/config"
)

// A remote is a running gateway that a command asks.
type remote struct {
	base       *url.URL // of its paths, the prefix included; without credentials
	user, pass string   // both "" if it asks for none
	inside     bool     // it is reached inside of the proxy that ends TLS for it
	client     *http.Client
}

// maxRemote is the longest answer that is read, in bytes.
const maxRemote = 16 << 20

// remoteAt returns the gateway at an address: a URL, with a user and a password if it
// wants them. Without an address it is the one that runs with the configuration of o
// on this machine.
func remoteAt(address string, o config.Options) (*remote, error) {
	if address != "" {
		return remoteOf(address)
	}
	c, _, err := config.Load(o)
	if err != nil {
		return nil, fmt.Errorf("the configuration does not say where the gateway is, and neither does --gateway (MODTIER_GATEWAY): %w", err)
	}
	r := &remote{user: c.BasicAuthUser, pass: c.BasicAuthPass, inside: c.ForceSSL}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil // it is here
	r.base = &url.URL{Scheme: "http", Path: c.PathPrefix}
	network, listen := c.Listen()
	if network == "unix" {
		r.base.Host = "localhost"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, listen)
		}
	} else {
		host, port, err := net.SplitHostPort(listen)
		if err != nil {
			return nil, fmt.Errorf("Port: %w", err)
		}
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			host = "localhost"
		}
		r.base.Host = net.JoinHostPort(host, port)
	}
	if c.TLSCertFile != "" {
		r.base.Scheme = "https"
		if transport.TLSClientConfig, err = pinned(c.TLSCertFile); err != nil {
			return nil, fmt.Errorf("TLSCertFile: %w", err)
		}
	}
	r.client = &http.Client{Transport: transport}
	return r, nil
}

func remoteOf(address string) (*remote, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("--gateway (MODTIER_GATEWAY): want a URL, as http://localhost:3000 or https://USER:PASSWORD@host/prefix")
	}
	r := &remote{client: http.DefaultClient}
	if u.User != nil {
		r.user = u.User.Username()
		r.pass, _ = u.User.Password()
	}
	r.base = &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimRight(u.Path, "/")}
	return r, nil
}

// pinned trusts the certificate in a file and no other, whatever name it is for: it is
// the gateway's own, and localhost is seldom in it.
func pinned(file string) (*tls.Config, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("%s begins with no certificate", file)
	}
	return &tls.Config{
		InsecureSkipVerify: true, // what follows is stricter
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 || !bytes.Equal(s.PeerCertificates[0].Raw, block.Bytes) {
				return x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign, Detail: "it is not the one of " + file}
			}
			return nil
		},
	}, nil
}

func query(name, value string) string { return url.Values{name: {value}}.Encode() }

// get asks for a path below the gateway's own, and decodes the JSON that it answers.
func (r *remote) get(ctx context.Context, path string, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base.String()+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	if r.inside {
		req.Header.Set("X-Forwarded-Proto", "https") // or we are redirected to that proxy, which is not here
	}
	if r.user != "" {
		req.SetBasicAuth(r.user, r.pass)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return fmt.Errorf("no gateway answers at %s: %w; name another with --gateway URL (MODTIER_GATEWAY)", r.base, errors.Unwrap(err))
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxRemote+1))
	if err != nil {
		return fmt.Errorf("%s: %w", r.base, err)
	}
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		wants := "wants a user and a password"
		if r.user != "" {
			wants = "does not let " + r.user + " in with this password"
		}
		return fmt.Errorf("%s %s: --gateway %s://USER:PASSWORD@%s (MODTIER_GATEWAY)", r.base, wants, r.base.Scheme, r.base.Host+r.base.Path)
	case resp.StatusCode != http.StatusOK:
		text, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
		return fmt.Errorf("%s answers %s: %.300q", r.base, resp.Status, text)
	case len(b) > maxRemote:
		return fmt.Errorf("%s answers with more than %d bytes", r.base, maxRemote)
	}
	if err := json.Unmarshal(b, answer); err != nil {
		return fmt.Errorf("%s is no gateway that can be asked: %w", r.base, err)
	}
	return nil
}
