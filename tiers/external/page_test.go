package external_test

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestAWebPageIsNoFile(t *testing.T) {
	t.Parallel()
	c := dial(t, serve(t, says(200, "<!DOCTYPE html><title>Log in</title>", "Content-Type", "text/html; charset=utf-8")))
	for _, k := range tierstest.Kinds {
		o, err := c.Open(t.Context(), tierstest.Ref(azure, k))
		if err == nil {
			o.Body.Close()
		}
		if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, tiers.ErrCorrupt) {
			t.Errorf("open %s: got error %v, want one of the server", k, err)
		}
	}
}
