// Package servertest gives tests the real servers that make test starts.
package servertest

import (
	"fmt"
	"os"
	"testing"
)

// Server returns the address of a real server, or the path of its program, which
// the environment variable of that name holds. Without one the test is skipped,
// and its name goes to the file that MODTIER_TEST_SKIPS names; with
// MODTIER_E2E=require it fails.
func Server(t testing.TB, variable string) string {
	t.Helper()
	if s := os.Getenv(variable); s != "" {
		return s
	}
	if os.Getenv("MODTIER_E2E") == "require" {
		t.Fatalf("%s is not set, and MODTIER_E2E=require allows no skip", variable)
	}
	if name := os.Getenv("MODTIER_TEST_SKIPS"); name != "" {
		f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := fmt.Fprintf(f, "%s: %s is not set\n", t.Name(), variable); err != nil {
			t.Fatal(err)
		}
	}
	t.Skipf("%s is not set: make test starts the servers and sets it", variable)
	return ""
}
