package external

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/modtier/modtier/tiers"
)

// A StatusError is an answer that is neither what was asked for nor an absence:
// nothing is known about what the server has.
type StatusError struct {
	Status int    // of HTTP
	Text   string // what the server said with it, shortened; may be empty
}

func (e *StatusError) Error() string {
	s := fmt.Sprintf("the server answered %d", e.Status)
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}

// tooLarge adds to an answer to a save what it means. The protocol has no status
// for a body that is too large: Athens' server says 400 to every error of a save,
// so only the text tells this one, which lasts, from an outage of its storage.
func tooLarge(err error) error {
	e, ok := errors.AsType[*StatusError](err)
	switch {
	case !ok:
		return err
	case e.Status == http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%w: %w", tiers.ErrTooLarge, err)
	case e.Status == http.StatusBadRequest && strings.Contains(e.Text, "request body too large"):
		return fmt.Errorf("%w: %w (Athens' own server takes 1 MiB, zip and all, since v0.17.0)", tiers.ErrTooLarge, err)
	}
	return err
}
