package main

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/modtier/modtier/config"
)

var update = flag.Bool("update", false, "write the table of keys into README.md")

// The README's table of keys is the one that the program obeys.
func TestReadmeListsEveryKey(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), "<!-- keys -->\n")
	old, after, ok2 := strings.Cut(rest, "<!-- /keys -->")
	if !ok || !ok2 {
		t.Fatal("README.md has no place for the table of keys")
	}
	var table bytes.Buffer
	if err := config.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	if old == table.String() {
		return
	}
	if !*update {
		t.Fatal("README.md's table of keys is out of date; go test -run Readme . -update writes it")
	}
	text := before + "<!-- keys -->\n" + table.String() + "<!-- /keys -->" + after
	if err := os.WriteFile("README.md", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
