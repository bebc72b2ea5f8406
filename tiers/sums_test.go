package tiers_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// fake returns the lines of any version but those of modules called private.
func fake(v module.Version) (string, error) {
	if strings.Contains(v.Path, "private") {
		return "", fs.ErrNotExist
	}
	return fmt.Sprintf("%s %s h1:zip\n%[1]s %[2]s/go.mod h1:mod\n", v.Path, v.Version), nil
}

func openSums(t *testing.T, db string, read tiers.SumsReader, d *tiers.Disk) *tiers.Sums {
	t.Helper()
	s, err := tiers.OpenSums(db, read, d, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func wantLines(t *testing.T, s *tiers.Sums, v module.Version) {
	t.Helper()
	got, err := s.Lookup(t.Context(), v)
	want, _ := fake(v)
	if err != nil || strings.Join(got, "\n")+"\n" != want {
		t.Errorf("lookup %s: got %q, error %v, want %q", v, got, err, want)
	}
}

// number returns one of many versions.
func number(n int) module.Version {
	return module.Version{Path: "github.com/Azure/many", Version: fmt.Sprintf("v1.%d.0", n)}
}

func TestSums(t *testing.T) {
	t.Parallel()
	// Each with a proof, and on the word of the database.
	both := func(t *testing.T, test func(t *testing.T, d *database, s *tiers.Sums)) {
		for _, proved := range []bool{true, false} {
			t.Run(fmt.Sprintf("proved %v", proved), func(t *testing.T) {
				d := newDatabase(t, fake)
				db := d.key
				if !proved {
					db = d.name
				}
				s := openSums(t, db, d.read, openDisk(t, t.TempDir(), tiers.DiskLimits{}))
				if s.Name() != d.name || s.Proved() != proved {
					t.Errorf("got %s, proved %v, want %s, %v", s.Name(), s.Proved(), d.name, proved)
				}
				test(t, d, s)
			})
		}
	}
	t.Run("the lines of a version are those of its zip and its go.mod", func(t *testing.T) {
		both(t, func(t *testing.T, _ *database, s *tiers.Sums) {
			for n := range 20 {
				wantLines(t, s, number(n))
			}
			wantLines(t, s, module.Version{Path: "example.com/a", Version: "v1.0.0-RC1"})
		})
	})
	t.Run("many may ask at the same time", func(t *testing.T) {
		both(t, func(t *testing.T, _ *database, s *tiers.Sums) {
			var all sync.WaitGroup
			for n := range 32 {
				all.Go(func() { wantLines(t, s, number(n%24)) })
			}
			all.Wait()
		})
	})
	t.Run("a version that it does not have is unknown", func(t *testing.T) {
		both(t, func(t *testing.T, d *database, s *tiers.Sums) {
			wantLines(t, s, number(1))
			v := module.Version{Path: "example.com/private", Version: "v1.0.0"}
			for _, code := range []int{0, 404, 410} {
				d.answers(func(string, []byte) (int, []byte) { return code, []byte("gone") })
				if got, err := s.Lookup(t.Context(), v); !errors.Is(err, tiers.ErrUnknown) || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), d.name) {
					t.Errorf("lookup, with status %d: got %q, error %v, want ErrUnknown that names the database", code, got, err)
				}
			}
			d.answers(nil)
			wantLines(t, s, number(2))
		})
	})
	t.Run("an outage says nothing, and passes", func(t *testing.T) {
		both(t, func(t *testing.T, d *database, s *tiers.Sums) {
			for _, part := range []string{"lookup/", "tile/"} {
				if part == "tile/" && !s.Proved() {
					continue
				}
				d.answers(func(path string, b []byte) (int, []byte) {
					if strings.HasPrefix(path, part) {
						return 503, nil
					}
					return 0, nil
				})
				v := module.Version{Path: "example.com/" + part + "m", Version: "v1.0.0"}
				_, err := s.Lookup(t.Context(), v)
				if up, ok := errors.AsType[*tiers.UpstreamError](err); !ok || up.Status != 503 || errors.Is(err, tiers.ErrUnknown) || !strings.Contains(err.Error(), d.name) {
					t.Errorf("%s: got error %v, want the database's 503", part, err)
				}
				d.answers(nil)
				wantLines(t, s, v)
			}
		})
	})
	t.Run("a caller that leaves is not waited for", func(t *testing.T) {
		both(t, func(t *testing.T, d *database, s *tiers.Sums) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := s.Lookup(ctx, number(1)); !errors.Is(err, context.Canceled) {
				t.Errorf("got error %v, want context.Canceled", err)
			}
			wantLines(t, s, number(1))
		})
	})
	t.Run("what is no record, or too large for one, is an error", func(t *testing.T) {
		both(t, func(t *testing.T, d *database, s *tiers.Sums) {
			for _, b := range []string{"", "<html>", strings.Repeat("x", 1<<20+1)} {
				d.answers(func(string, []byte) (int, []byte) { return 200, []byte(b) })
				if got, err := s.Lookup(t.Context(), number(1)); err == nil || errors.Is(err, tiers.ErrUnknown) {
					t.Errorf("got %q, error %v, want one that says nothing", got, err)
				}
			}
		})
	})
	t.Run("a name or a key that is none is refused", func(t *testing.T) {
		d := newDatabase(t, fake)
		for _, db := range []string{"", ".", "../x", "/x", d.name + "+", d.name + "+12345678+abc", "other.example.com" + strings.TrimPrefix(d.key, d.name)} {
			if _, err := tiers.OpenSums(db, d.read, nil, testLog(t)); err == nil {
				t.Errorf("%q: got no error, want one", db)
			}
		}
	})
	t.Run("the go command's own database is proved", func(t *testing.T) {
		cmd := exec.Command("go", "env", "GOSUMDB")
		cmd.Env = append(cmd.Environ(), "GOSUMDB=", "GOENV=off", "GOTOOLCHAIN=local")
		out, err := cmd.Output()
		name := strings.TrimSpace(string(out))
		if err != nil || name == "" || name == "off" {
			t.Skipf("the go command has none: %q, error %v", name, err)
		}
		if s := openSums(t, name, nil, nil); !s.Proved() {
			t.Errorf("the key of %s is not known", s.Name())
		}
	})
}
