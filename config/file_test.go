package config

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestFile(t *testing.T) {
	put := func(t *testing.T, name, content string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("an explicit file must exist", func(t *testing.T) {
		_, _, err := Load(Options{File: "no/such.toml"})
		if err == nil || !strings.Contains(err.Error(), "no/such.toml") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a mark before UTF-8 is none of its content", func(t *testing.T) {
		if c := load(t, Options{File: write(t, "\ufeffPort = 1")}); c.Port != ":1" {
			t.Errorf("Port = %q, want :1", c.Port)
		}
	})
	t.Run("athens.toml is found", func(t *testing.T) {
		t.Chdir(t.TempDir())
		put(t, "athens.toml", "Port = 1")
		if c := load(t, Options{}); c.Port != ":1" {
			t.Errorf("Port = %q, want :1", c.Port)
		}
	})
	t.Run("modtier.toml is found first, and the other is not passed over in silence", func(t *testing.T) {
		t.Chdir(t.TempDir())
		put(t, "athens.toml", "Port = 1")
		put(t, "modtier.toml", "Port = 2")
		c, warnings, err := Load(Options{})
		if err != nil || c.Port != ":2" {
			t.Fatalf("got %+v, %v; want port :2", c, err)
		}
		if want := []string{"athens.toml: not read, for there is modtier.toml"}; !reflect.DeepEqual(warnings, want) {
			t.Errorf("got %q, want %q", warnings, want)
		}
	})
	t.Run("a file that cannot be read is an error", func(t *testing.T) {
		t.Chdir(t.TempDir())
		if err := os.Mkdir("modtier.toml", 0o700); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Load(Options{}); err == nil {
			t.Error("got no error")
		}
	})
	t.Run("wrong TOML is an error with line and reason", func(t *testing.T) {
		file := write(t, "Port = 1\n\nLogLevel = debug\n")
		_, _, err := Load(Options{File: file})
		if err == nil || !strings.HasPrefix(err.Error(), file+":3:") || !strings.Contains(err.Error(), "not TOML: ") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a number that is none is not quoted, for it may be a secret", func(t *testing.T) {
		for _, line := range []string{"BasicAuthPass = 0x12345678901234567", "password = 99999999999999999999"} {
			file := write(t, "[SingleFlight.Redis]\n"+line+"\n")
			_, _, err := Load(Options{File: file})
			if err == nil || !strings.HasPrefix(err.Error(), file+":2:") {
				t.Errorf("%s: got %v", line, err)
			}
			if err != nil && (strings.Contains(err.Error(), "999") || strings.Contains(err.Error(), "123456")) {
				t.Errorf("a secret in %v", err)
			}
		}
	})
	t.Run("tables that differ in case are one", func(t *testing.T) {
		for range 20 { // a map's order decides if this is wrong
			c := load(t, Options{File: write(t, "[Tiers.Disk]\nSize = 1\n[tiers.disk]\nFree = 2\n[TIERS]\nWrite = \"none\"\n")})
			if c.Tiers.Disk.Size != 1 || c.Tiers.Disk.Free != 2 || c.Tiers.Write != "none" {
				t.Fatalf("got %+v", c.Tiers)
			}
		}
	})
	t.Run("keys that differ in case are an error", func(t *testing.T) {
		_, _, err := Load(Options{File: write(t, "BasicAuthUser = \"a\"\nbasicauthuser = \"b\"\n")})
		if err == nil || !strings.Contains(err.Error(), "basicauthuser: here twice, also as BasicAuthUser") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("dotted keys and inline tables are tables", func(t *testing.T) {
		c := load(t, Options{File: write(t, "Tiers.Write = \"none\"\n[Storage]\nDisk = { RootPath = \"/f\" }\n")})
		if c.Tiers.Write != "none" || c.Storage.Disk.RootPath != "/f" {
			t.Errorf("got %+v", c)
		}
	})
	t.Run("all that is wrong is said at once", func(t *testing.T) {
		file := write(t, "Port = \"x\"\nTimeout = -1\n[Tiers.Disk]\nSize = \"1X\"\n")
		_, _, err := Load(Options{File: file, Environ: []string{"ATHENS_PROTOCOL_WORKERS=none"}})
		if err == nil {
			t.Fatal("got no error")
		}
		for _, want := range []string{
			file + `:1: Port = "x": `, file + `:2: Timeout = -1: `, file + `:4: Tiers.Disk.Size = "1X": `, `ATHENS_PROTOCOL_WORKERS: ProtocolWorkers = "none": `,
		} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("no %q in\n%v", want, err)
			}
		}
		if got := strings.Count(err.Error(), "\n") + 1; got != 4 {
			t.Errorf("got %d errors, want 4:\n%v", got, err)
		}
	})
	t.Run("production refuses a file that others may change", func(t *testing.T) {
		for mode, ok := range map[os.FileMode]bool{0o600: true, 0o644: true, 0o664: false, 0o610: false, 0o602: false, 0o601: false} {
			file := write(t, "Port = 1")
			if err := os.Chmod(file, mode); err != nil {
				t.Fatal(err)
			}
			_, _, err := Load(Options{File: file, Environ: []string{"GO_ENV=production"}})
			if ok != (err == nil) {
				t.Errorf("mode %o: got %v", mode, err)
			}
			if err != nil && !strings.Contains(err.Error(), "chmod go-wx "+file) {
				t.Errorf("mode %o: no remedy in %v", mode, err)
			}
			load(t, Options{File: file, Environ: []string{"GO_ENV=development"}})
		}
	})
}
