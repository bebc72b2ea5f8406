package smallfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	write := func(content string) string {
		name := filepath.Join(dir, "file")
		if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for claim, c := range map[string]struct{ content, want string }{
		"what fits is read":                {"12345678", "12345678"},
		"an empty file is none that lacks": {"", ""},
		"the mark before UTF-8 is skipped": {"\ufeffab", "ab"},
	} {
		if got, err := Read(write(c.content), 8); err != nil || string(got) != c.want {
			t.Errorf("%s: got %q, %v, want %q", claim, got, err, c.want)
		}
	}
	name := write("123456789")
	if _, err := Read(name, 8); err == nil || !strings.HasPrefix(err.Error(), name+": ") {
		t.Errorf("a byte too many: got error %v, want one with the name", err)
	}
	if _, err := Read("/dev/zero", 8); err == nil {
		t.Error("a file without an end: got no error")
	}
	if _, err := Read(dir, 8); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("a directory: got error %v, want one with the name", err)
	}
	if _, err := Read(filepath.Join(dir, "none"), 8); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: got error %v, want fs.ErrNotExist", err)
	}
}
