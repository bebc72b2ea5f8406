package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// ownKeys are those in which instances of one fleet may differ: addresses, paths, and
// how they log. Their upstream is given to [Config.Fingerprint] as it was found.
func ownKeys() []string {
	return []string{
		"Port", "UnixSocket", "PprofPort", "TLSCertFile", "TLSKeyFile", "LogLevel", "LogFormat",
		"RobotsFile", "HomeTemplatePath", "FilterFile", "GoEnv", "GoBinary", "GoGetDir", "NETRCPath", "HGRCPath",
		"Storage.Disk.RootPath", "Storage.Mongo.CertPath", "Tiers.Disk.Path", "Tiers.Upstream",
		"Tiers.Locks.EtcdCA", "Tiers.Locks.EtcdCert", "Tiers.Locks.EtcdKey",
		"Tiers.Peers.URL", "Tiers.Serve.Listen", "Tiers.Serve.TLSCertFile", "Tiers.Serve.TLSKeyFile",
	}
}

// Fingerprint returns a hash that is the same for all instances of a fleet if they are
// set up alike. Of a secret, all it tells is whether there is one, and of an address
// that may hold one, the address. What else is to be the same goes in as more.
func (c *Config) Fingerprint(more ...string) string {
	h := sha256.New()
	for _, r := range table() {
		if r.as != honoured || slices.Contains(ownKeys(), r.key) {
			continue
		}
		if store := r.store(); store != "" && !slices.Contains(c.Tiers.Stack, store) {
			continue // a key of a store that is not there
		}
		if locker := r.locker(); locker != "" && locker != c.SingleFlightType {
			continue
		}
		value := fieldOf(c, r.key)
		if value.IsZero() {
			continue // so that a new key, unset, changes nothing
		}
		fmt.Fprintf(h, "%s=%q\n", r.key, r.public(value.Interface()))
	}
	for _, s := range more {
		fmt.Fprintf(h, "%q\n", place(s))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// public is what of a value may be known, and is the same for all.
func (r row) public(value any) string {
	switch {
	case r.key == "DownloadMode" && strings.HasPrefix(value.(string), "file:"):
		return "file"
	case r.hides(value) && isAddress(r.key):
		return place(strings.Trim(fmt.Sprint(value), "[]"))
	case r.hides(value):
		return "set"
	}
	value, _ = withoutCredentials(value)
	text := fmt.Sprint(value)
	if strings.Contains(text, "://") {
		return place(text)
	}
	return text
}

func isAddress(key string) bool {
	return strings.HasSuffix(key, "Endpoint") || strings.HasSuffix(key, "Endpoints") || strings.HasSuffix(key, ".URL") ||
		key == "DownloadURL" || key == "ValidatorHook"
}

// place is what of an address is no secret: what comes behind the last @, for a
// password may hold any character, and before a query.
func place(s string) string {
	s, _, _ = strings.Cut(s[strings.LastIndexByte(s, '@')+1:], "?")
	return s
}
