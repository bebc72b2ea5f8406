package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/modtier/modtier/config"
)

// guide returns ATHENS.md, and the content of its blocks in a language.
func guide(t *testing.T, language string) (text string, blocks []string) {
	t.Helper()
	b, err := os.ReadFile("ATHENS.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, rest := range strings.Split(string(b), "```"+language+"\n")[1:] {
		block, _, ok := strings.Cut(rest, "```")
		if !ok {
			t.Fatalf("ATHENS.md: a block in %s has no end", language)
		}
		blocks = append(blocks, block)
	}
	return string(b), blocks
}

// The keys and variables that the guide names are those of the table.
func TestTheGuideNamesOnlyKeysThatThereAre(t *testing.T) {
	text, _ := guide(t, "toml")
	var variables []string
	for _, k := range config.Keys() {
		variables = append(variables, k.Env...)
	}
	named := regexp.MustCompile(`\b(MODTIER|ATHENS)_[A-Z_]+`).FindAllString(text, -1)
	for _, name := range named {
		if !slices.Contains(variables, name) {
			t.Errorf("there is no variable %s", name)
		}
	}
	// Words between backticks that begin as a key does, and are of HTTP.
	others := []string{"ETag", "Range", "Location"}
	keys := 0
	for _, m := range regexp.MustCompile("`([A-Z][a-zA-Z]*[a-z][a-zA-Z]*(\\.[A-Z0-9][A-Za-z0-9]*)*)(=| = [^`]*)?`").FindAllStringSubmatch(text, -1) {
		if slices.Contains(others, m[1]) {
			continue
		}
		keys++
		if verdicts := judge(t, m[1]+" = 1\n"); len(verdicts) == 0 || slices.Contains(verdicts, config.Unknown) {
			t.Errorf("there is no key %s", m[1])
		}
	}
	if keys < 20 || len(named) < 4 {
		t.Errorf("found %d keys and %d variables: does this look in the right places?", keys, len(named))
	}
}

// judge returns the verdicts on the keys of a file.
func judge(t *testing.T, content string) (verdicts []config.Verdict) {
	t.Helper()
	report, err := config.Survey(config.Options{File: configFile(t, content)})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range report.Entries() {
		if e.From != "" {
			verdicts = append(verdicts, e.Verdict)
		}
	}
	return verdicts
}

// What the guide shows is what the command prints for the file that it shows.
func TestTheGuideShowsWhatCheckPrints(t *testing.T) {
	text, files := guide(t, "toml")
	_, outputs := guide(t, "text")
	if len(files) != 1 || len(outputs) != 1 {
		t.Fatalf("got %d files and %d outputs, want one of each", len(files), len(outputs))
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("config.toml", []byte(files[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	got := sayConfig(config.Options{}, "--check", "config.toml")
	if got.err == nil || !strings.Contains(got.out, "unknown") {
		t.Fatalf("got %v, want a file that has something of each", got.err)
	}
	want := got.out + "modtier: " + got.err.Error() + "\n"
	if outputs[0] == want {
		return
	}
	if !*update {
		t.Fatalf("ATHENS.md does not show what config --check prints; go test -run Guide . -update writes it:\n%s", want)
	}
	text = strings.Replace(text, "```text\n"+outputs[0], "```text\n"+want, 1)
	if err := os.WriteFile(filepath.Join(here, "ATHENS.md"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The files for Compose and Kubernetes are YAML in which all that is referred to is
// there, and configurations that start.
func TestTheGuideHasFilesThatAreWhole(t *testing.T) {
	text, blocks := guide(t, "yaml")
	if len(blocks) != 2 {
		t.Fatalf("got %d blocks, want one for Compose and one for Kubernetes", len(blocks))
	}
	compose := documents(t, blocks[0])
	services, _ := compose[0]["services"].(map[string]any)
	volumes, _ := compose[0]["volumes"].(map[string]any)
	if len(compose) != 1 || len(services) != 1 || len(volumes) != 1 || !strings.Contains(blocks[0], "image: modtier\n") {
		t.Errorf("Compose: got %v", compose)
	}
	for name := range volumes {
		if !strings.Contains(blocks[0], "- "+name+":/") {
			t.Errorf("Compose: nobody mounts the volume %s", name)
		}
	}

	there := make(map[string]bool) // by kind and name
	for _, d := range documents(t, blocks[1]) {
		meta, _ := d["metadata"].(map[string]any)
		kind, _ := d["kind"].(string)
		name, _ := meta["name"].(string)
		there[kind+" "+name] = d["apiVersion"] != nil
		if data, ok := d["data"].(map[string]any); ok && kind == "ConfigMap" {
			for _, v := range judge(t, data["config.toml"].(string)) {
				if v == config.Unknown {
					t.Errorf("the file in the ConfigMap has an unknown key")
				}
			}
		}
	}
	for _, name := range regexp.MustCompile(`create\s+secret generic (\S+)`).FindAllStringSubmatch(text, -1) {
		there["Secret "+name[1]] = true
	}
	for kind, pattern := range map[string]string{
		"PersistentVolumeClaim": `claimName: (\S+)`, "ConfigMap": `configMap:\n\s+name: (\S+)`,
		"Secret": `(?:secretName: |secretRef:\n\s+name: )(\S+)`,
	} {
		names := regexp.MustCompile(pattern).FindAllStringSubmatch(blocks[1], -1)
		if len(names) == 0 {
			t.Errorf("Kubernetes: no %s is used", kind)
		}
		for _, name := range names {
			if !there[kind+" "+name[1]] {
				t.Errorf("Kubernetes: there is no %s %s", kind, name[1])
			}
		}
	}
	if !there["Deployment modtier"] || !there["Service modtier"] {
		t.Errorf("Kubernetes: got %v", there)
	}
}

func documents(t *testing.T, text string) (all []map[string]any) {
	t.Helper()
	for d := yaml.NewDecoder(strings.NewReader(text)); ; {
		var one map[string]any
		err := d.Decode(&one)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		all = append(all, one)
	}
}

func TestTheGuideHasAUnitOfSystemd(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	_, blocks := guide(t, "ini")
	if len(blocks) != 1 {
		t.Fatalf("got %d units, want one", len(blocks))
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(blocks[0], "ExecStart=/usr/local/bin/modtier --config ") {
		t.Error("the unit starts something else")
	}
	unit := filepath.Join(t.TempDir(), "modtier.service")
	if err := os.WriteFile(unit, []byte(strings.ReplaceAll(blocks[0], "/usr/local/bin/modtier", self)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", unit).CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("modtier.service")) {
		t.Errorf("got %v\n%s", err, out)
	}
}
