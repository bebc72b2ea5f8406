package metrics_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/modtier/modtier/metrics"
	"github.com/modtier/modtier/tiers"
)

// A selector names series in an expression of PromQL.
type selector struct {
	name     string
	matchers []matcher
}

type matcher struct{ label, op, value string }

var (
	tokens   = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\$\w+|[a-zA-Z_:][\w:]*|[0-9][\w.]*|[=!]~|[=!<>]=|[-+*/%^<>=(){},\[\]]|\S`)
	name     = regexp.MustCompile(`^[a-zA-Z_:][\w:]*$`)
	grouping = []string{"by", "without", "on", "ignoring", "group_left", "group_right"}
	words    = []string{"and", "or", "unless", "offset", "bool"}
)

// selectors returns what an expression reads, and the labels that its results have
// as far as it says so. It is no parser: whether the expression is right is for
// promtool and Prometheus to say.
func selectors(expr string) (all []selector, by []string) {
	ts := tokens.FindAllString(expr, -1)
	next := func(i int) string {
		if i+1 < len(ts) {
			return ts[i+1]
		}
		return ""
	}
	for i := 0; i < len(ts); i++ {
		switch {
		case slices.Contains(grouping, ts[i]):
			keeps := ts[i] == "by" || ts[i] == "on"
			for i += 2; i < len(ts) && ts[i] != ")"; i++ {
				if keeps && ts[i] != "," {
					by = append(by, ts[i])
				}
			}
		case !name.MatchString(ts[i]), slices.Contains(words, ts[i]), next(i) == "(", next(i) == "by":
		default:
			s := selector{name: ts[i]}
			if next(i) == "{" {
				for i += 2; i+2 < len(ts) && ts[i] != "}"; i++ {
					if ts[i] != "," {
						s.matchers = append(s.matchers, matcher{ts[i], ts[i+1], strings.Trim(ts[i+2], `"`)})
						i += 2
					}
				}
			}
			all = append(all, s)
		}
	}
	return all, by
}

func TestSelectorsAreFound(t *testing.T) {
	all, by := selectors(`sum by (job, le) (rate(a_total{x="1",y!~"b|c"}[5m])) / ignoring(z) 2 * b:c{} and job:d offset 1d or histogram_quantile(0.9, e) > 1e3`)
	got := fmt.Sprint(all, by)
	if want := `[{a_total [{x = 1} {y !~ b|c}]} {b:c []} {job:d []} {e []}] [job le]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// exported is every series that a binary can have: the values of each label by name.
type exported map[string]map[string][]string

// exports returns what a gateway with everything exports.
func exports(t *testing.T) exported {
	t.Helper()
	m, _ := open(t, "s3")
	m.Store(nil, "s3")
	m.State("s3", func() (tiers.State, error) { return tiers.OK, nil })
	m.Queue(new(tiers.Queue))
	m.Locker(nil, "redis")
	m.Peers(metrics.PeerSource(nil))
	all := make(exported)
	for name, f := range scrape(t, m) {
		names := []string{name}
		if strings.HasPrefix(f.GetType().String(), "HISTOGRAM") {
			names = []string{name + "_bucket", name + "_sum", name + "_count"}
		}
		for _, name := range names {
			labels := map[string][]string{"job": nil, "instance": nil} // which Prometheus adds
			if strings.HasSuffix(name, "_bucket") {
				labels["le"] = nil
			}
			for _, series := range f.Metric {
				for _, l := range series.Label {
					labels[l.GetName()] = append(labels[l.GetName()], l.GetValue())
				}
			}
			all[name] = labels
		}
	}
	return all
}

// lacks returns what an expression names that is not exported, and the labels that
// its results may have.
func (e exported) lacks(expr string) (problems, labels []string) {
	all, by := selectors(expr)
	for _, s := range all {
		has, ok := e[s.name]
		if !ok {
			problems = append(problems, "no series is called "+s.name)
			continue
		}
		for l := range has {
			labels = append(labels, l)
		}
		for _, m := range s.matchers {
			values, ok := has[m.label]
			if !ok {
				problems = append(problems, s.name+" has no label "+m.label)
			} else if m.label != "job" && m.label != "instance" {
				problems = append(problems, m.lacks(s.name, values)...)
			}
		}
	}
	for _, l := range by {
		if !slices.Contains(labels, l) {
			problems = append(problems, "nothing has the label "+l)
		}
	}
	if len(by) > 0 {
		labels = by
	}
	return problems, labels
}

// lacks says which alternatives of a matcher match no value.
func (m matcher) lacks(name string, values []string) (problems []string) {
	alternatives := []string{regexp.QuoteMeta(m.value)}
	if strings.HasSuffix(m.op, "~") {
		alternatives = strings.Split(m.value, "|")
	}
	for _, a := range alternatives {
		is, err := regexp.Compile("^(?:" + a + ")$")
		if err != nil || !slices.ContainsFunc(values, is.MatchString) {
			problems = append(problems, fmt.Sprintf("no %s has %s%s%q", name, m.label, m.op, a))
		}
	}
	return problems
}

func TestWhatIsNotExportedIsFound(t *testing.T) {
	e := exports(t)
	for expr, want := range map[string]string{
		`sum by (tier) (rate(modtier_tier_lookups_total{job=~"$job",result="hit"}[5m]))`: ``,
		`modtier_request_duration_seconds_bucket{le="+Inf",kind=~"info|mod"}`:            `no modtier_request_duration_seconds_bucket has le="\\+Inf"`,
		`modtier_tier_lookup_total`:                   `no series is called modtier_tier_lookup_total`,
		`modtier_tier_bytes{kind="zip"}`:              `modtier_tier_bytes has no label kind`,
		`modtier_tier_state{state=~"ok|broken"}`:      `no modtier_tier_state has state=~"broken"`,
		`sum by (kind) (modtier_tier_bytes)`:          `nothing has the label kind`,
		`modtier_fill_followers`:                      `no series is called modtier_fill_followers`,
		`modtier_requests_total{code=~"5..|6.."}`:     `no modtier_requests_total has code=~"6.."`,
		`modtier_locks_total{outcome!="failed_shut"}`: `no modtier_locks_total has outcome!="failed_shut"`,
	} {
		problems, _ := e.lacks(expr)
		if got := strings.Join(problems, "; "); got != want {
			t.Errorf("%s: got %q, want %q", expr, got, want)
		}
	}
}
