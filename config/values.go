package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"time"
)

// A kind turns a value as the sources have it, a string or what TOML made of
// it, into the value of a field. Its error says what would be right, and not
// what was wrong, for that may be a secret.
type kind func(raw any) (any, error)

func text(raw any) (any, error) {
	if s, ok := raw.(string); ok {
		return s, nil
	}
	return nil, errors.New("want text in quotes")
}

// oneOf returns the kind of a few names. Case does not matter.
func oneOf(names ...string) kind {
	return func(raw any) (any, error) {
		for _, name := range names {
			if s, ok := raw.(string); ok && strings.EqualFold(s, name) {
				return name, nil
			}
		}
		return nil, fmt.Errorf("want one of %s", strings.Join(names, ", "))
	}
}

// statsExporter takes nothing for none, as Athens does.
func statsExporter(raw any) (any, error) {
	if raw == "" {
		return "none", nil
	}
	return oneOf("prometheus", "none")(raw)
}

// level takes the names of logrus too, which Athens had before.
func level(raw any) (any, error) {
	s, _ := raw.(string)
	switch strings.ToLower(s) {
	case "trace", "debug":
		return "debug", nil
	case "info":
		return "info", nil
	case "warn", "warning":
		return "warn", nil
	case "error", "fatal", "panic":
		return "error", nil
	}
	return nil, errors.New("want one of debug, info, warn, error")
}

// list returns the kind of a list that is written with sep in a variable. A
// list that is set is never nil.
func list(sep string) kind {
	return func(raw any) (any, error) {
		items := []string{}
		switch raw := raw.(type) {
		case string:
			items = strings.Split(raw, sep)
		case []any:
			for _, item := range raw {
				s, ok := item.(string)
				if !ok {
					return nil, errors.New("want a list of texts in quotes")
				}
				items = append(items, s)
			}
		default:
			return nil, errors.New(`want a list, as ["a", "b"]`)
		}
		kept := []string{}
		for _, item := range items {
			if item = strings.TrimSpace(item); item != "" {
				kept = append(kept, item)
			}
		}
		return kept, nil
	}
}

// address takes a bare port as Athens does, and a port by name.
func address(raw any) (any, error) {
	s := fmt.Sprint(raw)
	if _, err := strconv.Atoi(s); err == nil {
		s = ":" + s
	}
	_, port, err := net.SplitHostPort(s)
	if err == nil && port != "" {
		if _, err := net.LookupPort("tcp", port); err == nil {
			return s, nil
		}
	}
	return nil, errors.New(`want a port up to 65535, as "3000" or "host:3000"`)
}

func count(raw any) (any, error) {
	n, err := strconv.Atoi(fmt.Sprint(raw))
	if err != nil || n < 1 {
		return nil, errors.New("want a whole number, 1 or more")
	}
	return n, nil
}

// seconds is a duration where Athens has whole seconds.
func seconds(raw any) (any, error) {
	s := fmt.Sprint(raw)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 && n <= math.MaxInt64/int64(time.Second) {
		return time.Duration(n) * time.Second, nil
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 && strings.ContainsAny(s, "hms") {
		return d, nil
	}
	return nil, errors.New(`want whole seconds or a duration, 0 or more, as 90 or "90s"`)
}

// moreThanZero returns k without its zero.
func moreThanZero(k kind) kind {
	return func(raw any) (any, error) {
		v, err := k(raw)
		if err == nil && v == time.Duration(0) {
			return nil, errors.New("want more than 0")
		}
		return v, err
	}
}

// span is a duration that says its unit, for ours have no history of seconds.
func span(raw any) (any, error) {
	d, err := time.ParseDuration(fmt.Sprint(raw))
	if err != nil || d < 0 {
		return nil, errors.New(`want a duration with its unit, 0 or more, as "90s", "10m" or "168h"`)
	}
	return d, nil
}

// size is a number of bytes. Units of 1000 and of 1024 look different, so K, M
// and G alone are not taken.
func size(raw any) (any, error) {
	wrong := errors.New(`want a size, 0 or more, as "10GiB", "512KB" or 1048576 (bytes)`)
	s := strings.TrimSpace(fmt.Sprint(raw))
	digits := strings.TrimRight(s, "BKMGTibkmgt ")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 {
		return nil, wrong
	}
	var unit int64
	switch strings.ToLower(strings.TrimSpace(s[len(digits):])) {
	case "", "b":
		unit = 1
	case "kb":
		unit = 1e3
	case "mb":
		unit = 1e6
	case "gb":
		unit = 1e9
	case "tb":
		unit = 1e12
	case "kib":
		unit = 1 << 10
	case "mib":
		unit = 1 << 20
	case "gib":
		unit = 1 << 30
	case "tib":
		unit = 1 << 40
	default:
		return nil, wrong
	}
	if n > math.MaxInt64/unit {
		return nil, wrong
	}
	return n * unit, nil
}
