package metrics_test

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A dashboard is what the tests look at of one.
type dashboard struct {
	Refresh       string
	SchemaVersion int
	Annotations   struct{ List []struct{ Expr string } }
	Templating    struct{ List []struct{ Name, Type string } }
	Panels        []panel
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               struct{ UID string }
	GridPos                  struct{ X, Y, W, H int }
	Targets                  []struct {
		Datasource         struct{ UID string }
		Expr, LegendFormat string
	}
}

const dashboardFile = "grafana/modtier.json"

func readDashboard(t *testing.T) (d dashboard, text []byte) {
	t.Helper()
	text, err := os.ReadFile(dashboardFile)
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d, text
}

var legendLabel = regexp.MustCompile(`{{(\w+)}}`)

func TestTheDashboardNamesOnlyWhatIsExported(t *testing.T) {
	d, _ := readDashboard(t)
	e := exports(t)
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			problems, labels := e.lacks(target.Expr)
			for _, problem := range problems {
				t.Errorf("%s: %s: %s", p.Title, problem, target.Expr)
			}
			for _, l := range legendLabel.FindAllStringSubmatch(target.LegendFormat, -1) {
				if !slices.Contains(labels, l[1]) {
					t.Errorf("%s: the legend has %s, of which the result has none: %s", p.Title, l[0], target.Expr)
				}
			}
		}
	}
	for _, a := range d.Annotations.List {
		problems, _ := e.lacks(a.Expr)
		for _, problem := range problems {
			t.Errorf("annotation: %s: %s", problem, a.Expr)
		}
	}
}

func TestTheDashboardHasARowForEachQuestion(t *testing.T) {
	d, _ := readDashboard(t)
	var rows []string
	for _, p := range d.Panels {
		if p.Type == "row" {
			rows = append(rows, p.Title)
		}
	}
	want := []string{"Service", "Who answered", "Hit ratio of each tier", "Tiers", "Fills, collapse and upstream",
		"Capacity and eviction", "Write-back", "Locks", "Integrity", "Process"}
	if !slices.Equal(rows, want) {
		t.Errorf("got rows %q, want %q", rows, want)
	}
}

func TestEachPanelSaysWhatItMeansAndFollowsTheVariables(t *testing.T) {
	d, _ := readDashboard(t)
	ids := make(map[int]bool)
	for i, p := range d.Panels {
		if ids[p.ID] || p.ID == 0 {
			t.Errorf("%s: id %d is another panel's", p.Title, p.ID)
		}
		ids[p.ID] = true
		for _, other := range d.Panels[:i] {
			a, b := p.GridPos, other.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H || a.X+a.W > 24 {
				t.Errorf("%s lies over %s", p.Title, other.Title)
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Type != "timeseries" && p.Type != "stat" {
			t.Errorf("%s: is a %s, which may need a plugin", p.Title, p.Type)
		}
		if len(p.Description) < 80 {
			t.Errorf("%s: says %q, want what it means and what to do", p.Title, p.Description)
		}
		if len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" {
			t.Errorf("%s: %d expressions, of %s", p.Title, len(p.Targets), p.Datasource.UID)
		}
		for _, target := range p.Targets {
			if target.Datasource.UID != "${datasource}" {
				t.Errorf("%s: asks %s", p.Title, target.Datasource.UID)
			}
			all, _ := selectors(target.Expr)
			for _, s := range all {
				if !slices.Contains(s.matchers, matcher{"job", "=~", "$job"}) || !slices.Contains(s.matchers, matcher{"instance", "=~", "$instance"}) {
					t.Errorf("%s: %s is not bound to $job and $instance", p.Title, s.name)
				}
			}
		}
	}
}

func TestTheDashboardIsAsGrafanaTakesIt(t *testing.T) {
	d, text := readDashboard(t)
	var formatted bytes.Buffer
	if err := json.Indent(&formatted, text, "", "  "); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(formatted.Bytes(), text) {
		t.Errorf("%s is not indented by two spaces", dashboardFile)
	}
	var variables []string
	for _, v := range d.Templating.List {
		variables = append(variables, v.Type+" "+v.Name)
	}
	if got, want := strings.Join(variables, ", "), "datasource datasource, query job, query instance"; got != want {
		t.Errorf("variables: got %s, want %s", got, want)
	}
	if d.Refresh != "10s" || d.SchemaVersion < 39 {
		t.Errorf("refresh %q, schema %d, want 10s and 39 or later", d.Refresh, d.SchemaVersion)
	}
}
