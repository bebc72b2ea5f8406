package gateway_test

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// An item is a member of a list of structured fields, with its parameters.
// Tokens and strings are told apart by their quotes.
type item struct {
	name   string
	params map[string]any // bool, int64, or a string: a token or a quoted string
}

var (
	sfToken  = regexp.MustCompile("^[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*")
	sfString = regexp.MustCompile(`^"(?:[ !#-\[\]-~]|\\["\\])*"`)
	sfKey    = regexp.MustCompile(`^[a-z*][a-z0-9_.*-]*`)
	sfInt    = regexp.MustCompile(`^-?[0-9]{1,15}`)
)

// parseItems reads a list of items as RFC 8941, section 4.2.1, has it, less the
// kinds of item that RFC 9211 and RFC 9209 do not use.
func parseItems(s string) ([]item, error) {
	take := func(re *regexp.Regexp) string {
		m := re.FindString(s)
		s = s[len(m):]
		return m
	}
	var items []item
	for {
		it := item{params: make(map[string]any)}
		if it.name = take(sfToken); it.name == "" {
			if it.name = take(sfString); it.name == "" {
				return nil, fmt.Errorf("no item at %q", s)
			}
		}
		for strings.HasPrefix(s, ";") {
			s = strings.TrimLeft(s[1:], " ")
			key := take(sfKey)
			if key == "" {
				return nil, fmt.Errorf("no parameter at %q", s)
			}
			it.params[key] = true
			if rest, ok := strings.CutPrefix(s, "="); ok {
				s = rest
				if n := take(sfInt); n != "" {
					it.params[key], _ = strconv.ParseInt(n, 10, 64)
				} else if v := take(sfToken); v != "" {
					it.params[key] = v
				} else if v := take(sfString); v != "" {
					it.params[key] = v
				} else {
					return nil, fmt.Errorf("no value at %q", s)
				}
			}
		}
		items = append(items, it)
		if s = strings.TrimLeft(s, " \t"); s == "" {
			return items, nil
		}
		rest, ok := strings.CutPrefix(s, ",")
		if s = strings.TrimLeft(rest, " \t"); !ok || s == "" {
			return nil, errors.New("no comma between members, or one at the end")
		}
	}
}

// The values that RFC 9211, section 2.2, and RFC 9209, section 2.3, define.
var (
	fwdReasons = []string{"bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial"}
	errorTypes = []string{
		"dns_timeout", "dns_error", "destination_not_found", "destination_unavailable", "destination_ip_prohibited",
		"destination_ip_unroutable", "connection_refused", "connection_terminated", "connection_timeout",
		"connection_read_timeout", "connection_write_timeout", "connection_limit_reached", "tls_protocol_error",
		"tls_certificate_error", "tls_alert_received", "http_request_error", "http_request_denied",
		"http_response_incomplete", "http_response_header_section_size", "http_response_timeout",
		"proxy_internal_response", "proxy_internal_error", "proxy_configuration_error", "proxy_loop_detected",
	}
)

// checkStatusFields checks Cache-Status and Proxy-Status, if they are there.
func checkStatusFields(t *testing.T, h http.Header) {
	t.Helper()
	for _, name := range []string{"Cache-Status", "Proxy-Status"} {
		values, ok := h[name]
		if !ok {
			continue
		}
		items, err := parseItems(strings.Join(values, ", "))
		if err != nil {
			t.Errorf("%s: %q is no list: %v", name, values, err)
		}
		for _, it := range items {
			check := checkCache
			if name == "Proxy-Status" {
				check = checkProxy
			}
			if err := check(it); err != nil {
				t.Errorf("%s: %q: member %s: %v", name, values, it.name, err)
			}
		}
	}
}

func checkCache(it item) error {
	for key, v := range it.params {
		ok := false
		switch key {
		case "hit", "stored", "collapsed":
			ok = v == true
		case "fwd":
			reason, isToken := v.(string)
			ok = isToken && slices.Contains(fwdReasons, reason)
		case "fwd-status", "ttl":
			_, ok = v.(int64)
		case "key", "detail":
			_, ok = v.(string)
		}
		if !ok {
			return fmt.Errorf("%s=%v", key, v)
		}
	}
	if hit, fwd := it.params["hit"] != nil, it.params["fwd"] != nil; hit == fwd {
		return errors.New("it must be either a hit or forwarded")
	}
	return nil
}

func checkProxy(it item) error {
	for key, v := range it.params {
		ok := false
		switch key {
		case "next-hop", "details":
			_, ok = v.(string)
		case "received-status":
			_, ok = v.(int64)
		case "error":
			name, isToken := v.(string)
			ok = isToken && slices.Contains(errorTypes, name)
		}
		if !ok {
			return fmt.Errorf("%s=%v", key, v)
		}
	}
	return nil
}

func TestParseItemsIsStrict(t *testing.T) {
	for _, bad := range []string{"", "a;", "a; =1", "a,", "a b", "a; k=", `"a`, "1a", "a; K=1", `a; k="é"`} {
		if items, err := parseItems(bad); err == nil {
			t.Errorf("%q: got %v, want an error", bad, items)
		}
	}
}
