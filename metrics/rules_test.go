package metrics_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/modtier/modtier/internal/servertest"
)

// A rule is an alert, or records a series.
type rule struct {
	Alert, Record, Expr, For string
	Labels, Annotations      map[string]string
}

func readRules(t *testing.T, file string) (all []rule) {
	t.Helper()
	b, err := os.ReadFile(file)
	var content struct{ Groups []struct{ Rules []rule } }
	if err == nil {
		err = yaml.Unmarshal(b, &content)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	for _, g := range content.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatalf("%s has no rules", file)
	}
	return all
}

const alertsFile, recordingFile = "rules/alerts.yaml", "rules/recording.yaml"

// withRecorded returns what is exported and what is recorded. What goes before the
// first colon of a recorded name is its labels.
func withRecorded(t *testing.T) exported {
	t.Helper()
	e := exports(t)
	for _, r := range readRules(t, recordingFile) {
		labels := make(map[string][]string)
		before, _, _ := strings.Cut(r.Record, ":")
		for l := range strings.SplitSeq(before, "_") {
			labels[l] = nil
		}
		e[r.Record] = labels
	}
	return e
}

func TestTheRulesNameOnlyWhatIsExported(t *testing.T) {
	e := withRecorded(t)
	for _, r := range append(readRules(t, recordingFile), readRules(t, alertsFile)...) {
		problems, labels := e.lacks(r.Expr)
		for _, problem := range problems {
			t.Errorf("%s%s: %s", r.Record, r.Alert, problem)
		}
		for l := range e[r.Record] {
			if !slices.Contains(labels, l) {
				t.Errorf("%s: has no label %s", r.Record, l)
			}
		}
		for name, text := range r.Annotations {
			for _, l := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(text, -1) {
				if !slices.Contains(labels, l[1]) {
					t.Errorf("%s: %s tells the label %s, which it has not", r.Alert, name, l[1])
				}
			}
		}
	}
}

func TestEachAlertSaysWhatItMeansAndWhatToDo(t *testing.T) {
	d, text := readDashboard(t)
	var titles []string
	for _, p := range d.Panels {
		titles = append(titles, p.Title)
	}
	alerts := readRules(t, alertsFile)
	known := func(text, by string) {
		for _, name := range regexp.MustCompile(`\bModtier\w+`).FindAllString(text, -1) {
			if !slices.ContainsFunc(alerts, func(r rule) bool { return r.Alert == name }) {
				t.Errorf("%s tells of %s, which is no alert", by, name)
			}
		}
		for _, title := range regexp.MustCompile(`(?:^|\W)'([A-Z][^']*)'`).FindAllStringSubmatch(text, -1) {
			if !slices.ContainsFunc(titles, func(s string) bool { return strings.HasPrefix(s, title[1]) }) {
				t.Errorf("%s tells of the panel %q, which is not there", by, title[1])
			}
		}
	}
	for _, r := range alerts {
		for _, name := range []string{"summary", "description", "runbook"} {
			if len(r.Annotations[name]) < 20 {
				t.Errorf("%s has no %s", r.Alert, name)
			}
			known(r.Annotations[name], r.Alert)
		}
		if s := r.Labels["severity"]; s != "critical" && s != "warning" {
			t.Errorf("%s: severity %q, want critical or warning", r.Alert, s)
		}
	}
	known(string(text), dashboardFile)
}

func TestEachAlertHasATestOfPromtool(t *testing.T) {
	var tests []byte
	for _, file := range ruleTests(t) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tests = append(tests, b...)
	}
	for _, r := range readRules(t, alertsFile) {
		fires := regexp.MustCompile(`labels: 'ALERTS{alertname="` + r.Alert + `",alertstate="firing",[^}]*job="sick[^}]*severity="` + r.Labels["severity"] + `"`)
		if !fires.Match(tests) {
			t.Errorf("%s of severity %s fires in no test", r.Alert, r.Labels["severity"])
		}
	}
}

func ruleTests(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("rules/*_test.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("tests of the rules: got %q, %v", files, err)
	}
	return files
}

func TestPromtool(t *testing.T) {
	promtool := servertest.Server(t, "MODTIER_TEST_PROMTOOL_BIN")
	says := func(t *testing.T, stdin []byte, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Stdin = bytes.NewReader(stdin)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	t.Run("takes the rules", func(t *testing.T) { says(t, nil, "check", "rules", alertsFile, recordingFile) })
	t.Run("sees each alert fire when it should and not else", func(t *testing.T) {
		says(t, nil, append([]string{"test", "rules"}, ruleTests(t)...)...)
	})
	t.Run("has nothing to say of the metrics", func(t *testing.T) {
		m, _ := open(t, "s3")
		says(t, get(m, "").Body.Bytes(), "check", "metrics")
	})
}
