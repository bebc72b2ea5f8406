package external_test

import (
	"log"
	"log/slog"
	"net/http"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/external"
)

// Any store becomes a server of the protocol; here it is a directory.
func ExampleHandler() {
	disk, err := tiers.OpenDisk("/var/lib/modules", tiers.DiskLimits{}, slog.Default())
	if err != nil {
		log.Fatal(err)
	}
	handler := &external.Handler{Store: disk}
	log.Fatal(http.ListenAndServe(":3001", handler))
}
