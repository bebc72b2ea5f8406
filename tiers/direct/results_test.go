package direct

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/module"
)

func TestSmallFilesThatComeLateLeaveTheZip(t *testing.T) {
	v := module.Version{Path: "example.com/a", Version: "v1.0.0"}
	zip := filepath.Join(t.TempDir(), "zip")
	if err := os.WriteFile(zip, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := new(results)
	defer s.clear()
	s.put(v, &files{zip: zip})
	s.put(v, &files{info: []byte("{}")})
	if _, err := os.Stat(zip); err != nil || s.get(v).zip != zip {
		t.Errorf("got %+v, %v; want the zip", s.get(v), err)
	}
}
