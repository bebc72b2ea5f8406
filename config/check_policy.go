package config

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
)

// checkPolicy is for the keys of what is refused and what a miss does. What the
// files say, whoever reads them checks.
func (l *loader) checkPolicy(c *Config) {
	if c.GoEnv == "production" && c.FilterFile != "" {
		l.checkMode(c.FilterFile)
	}
	if (c.DownloadMode == "redirect" || c.DownloadMode == "async_redirect") && c.DownloadURL == "" && l.wrong["downloadurl"] == "" {
		l.fail("downloadmode", "set without "+l.about("downloadurl")+"; want the URL to redirect to")
	}
}

// hookURL is the URL of a service that is asked at no other path. It may hold
// credentials anywhere.
func hookURL(raw any) (any, error) {
	if _, err := parseURL(raw); err != nil {
		return nil, err
	}
	return raw, nil
}

// downloadMode is the name of a mode, or where there are more of them.
func downloadMode(raw any) (any, error) {
	s, _ := raw.(string)
	if name, ok := strings.CutPrefix(s, "file:"); ok && name != "" {
		return s, nil
	}
	if encoded, ok := strings.CutPrefix(s, "custom:"); ok {
		if _, err := base64.StdEncoding.DecodeString(encoded); err != nil || encoded == "" {
			return nil, errors.New("want base64 after custom:")
		}
		return s, nil
	}
	if slices.Contains([]string{"sync", "async", "redirect", "async_redirect", "none"}, s) {
		return s, nil
	}
	return nil, errors.New("want one of sync, async, redirect, async_redirect, none, or file: and a path, or custom: and base64")
}
