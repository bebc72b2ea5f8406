package config

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

func boolean(raw any) (any, error) {
	b, err := strconv.ParseBool(fmt.Sprint(raw))
	if err != nil {
		return nil, errors.New("want true or false")
	}
	return b, nil
}

// webURL is the URL of a server that paths are added to. It may hold a user and
// a password.
func webURL(raw any) (any, error) {
	u, err := parseURL(raw)
	if err != nil {
		return nil, err
	}
	if u.RawQuery != "" || u.ForceQuery {
		return nil, errors.New("want a URL without a query")
	}
	return raw, nil
}

// endpoint is a webURL of a service with credentials of its own.
func endpoint(raw any) (any, error) {
	if _, err := credentialsURL(raw); err != nil {
		return nil, err
	}
	return webURL(raw)
}

func credentialsURL(raw any) (any, error) {
	u, err := parseURL(raw)
	if err != nil {
		return nil, err
	}
	if u.User != nil {
		return nil, errors.New("want a URL without credentials")
	}
	return raw, nil
}

func parseURL(raw any) (*url.URL, error) {
	s, _ := raw.(string)
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.Contains(s, "#") {
		return nil, errors.New(`want an http or https URL, as "https://host:8080"`)
	}
	return u, nil
}

// hostPort is the address of a server. A scheme is dropped, as Athens does.
func hostPort(raw any) (any, error) {
	s, _ := raw.(string)
	if scheme, rest, ok := strings.Cut(s, "://"); ok && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")) {
		s = rest
	}
	s = strings.TrimSuffix(s, "/")
	u, err := url.Parse("//" + s)
	if err != nil || u.Host != s || u.Hostname() == "" {
		return nil, errors.New(`want a host, or host:port, without a path, as "minio.example:9000"`)
	}
	return s, nil
}

func mongoURL(raw any) (any, error) {
	s, _ := raw.(string)
	if !strings.HasPrefix(s, "mongodb://") && !strings.HasPrefix(s, "mongodb+srv://") {
		return nil, errors.New("want a URL that begins with mongodb:// or mongodb+srv://")
	}
	return s, nil
}

// jsonKey is a JSON object in base64. It stays as it is written: whoever uses
// it decodes it, and until then it is one word less likely to be shown.
func jsonKey(raw any) (any, error) {
	s, _ := raw.(string)
	var object map[string]any
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || json.Unmarshal(b, &object) != nil || object == nil {
		return nil, errors.New("want a JSON object in base64")
	}
	return s, nil
}
