package live

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"
)

// functions are what the templates write numbers with.
var functions = template.FuncMap{
	"bytes": bytesOf, "rate": rateText, "percent": percent, "seconds": secondsText,
	"age": age, "span": span, "number": numberOf, "part": part, "color": color, "chart": newChart,
	"stamp": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"clock": func(t time.Time) string { return t.UTC().Format("15:04:05") },
}

// bytesOf is byteText for a count or a rate.
func bytesOf(n any) string {
	if count, ok := n.(int64); ok {
		return byteText(float64(count))
	}
	return byteText(n.(float64))
}

// numberOf is number for a count of any type.
func numberOf(n any) string {
	if count, ok := n.(int); ok {
		return number(int64(count))
	}
	return number(n.(int64))
}

// byteText returns a number of bytes in three digits.
func byteText(n float64) string {
	unit := "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if n < 1000 {
			break
		}
		n, unit = n/1024, next
	}
	if unit == "B" {
		return strconv.FormatFloat(math.Round(n), 'f', -1, 64) + " B"
	}
	return digits(n) + " " + unit
}

func rateText(n float64) string { return digits(n) }

// digits returns n in three digits or, if it is larger, whole.
func digits(n float64) string {
	switch {
	case n == 0:
		return "0"
	case n < 10:
		return strconv.FormatFloat(n, 'f', 2, 64)
	case n < 100:
		return strconv.FormatFloat(n, 'f', 1, 64)
	}
	return number(int64(math.Round(n)))
}

// number returns n with its thousands apart.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

// percent never rounds up to 100, nor down to 0.
func percent(part float64) string {
	p := part * 100
	switch {
	case p == 0 || p == 100:
		return strconv.Itoa(int(p)) + " %"
	case p > 99.9:
		return "> 99.9 %"
	case p < .1:
		return "< 0.1 %"
	}
	return strconv.FormatFloat(p, 'f', 1, 64) + " %"
}

// secondsText returns a time until something was done. The finest bucket says only
// that it was less.
func secondsText(s *float64) string {
	switch {
	case s == nil:
		return "–"
	case *s < .0001:
		return "< 0.1 ms"
	case *s < 1:
		return digits(*s*1000) + " ms"
	}
	return digits(*s) + " s"
}

// age returns how long before now t was.
func age(now, t time.Time) string { return span(max(now.Sub(t), 0)) }

// span returns d in its largest unit.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%s days", number(int64(d.Hours()/24)))
}

// part returns n as a part of all, for a meter.
func part(n, all int64) string {
	if all <= 0 {
		return "0"
	}
	return strconv.FormatFloat(min(float64(n)/float64(all), 1), 'f', 4, 64)
}

// colors are the classes of the tiers in the chart, by their place in the stack.
const colors = 8

func color(i int) string { return "c" + strconv.Itoa(i%colors) }

// Summary says in a sentence what is wrong, or that nothing is.
func (s *Status) Summary() string {
	var down, unstable []string
	for _, t := range s.Tiers {
		switch t.State {
		case "down":
			down = append(down, t.Name)
		case "unstable":
			unstable = append(unstable, t.Name)
		}
	}
	var parts []string
	if len(down) > 0 {
		parts = append(parts, "Down: "+strings.Join(down, ", ")+".")
	}
	if len(unstable) > 0 {
		parts = append(parts, "Unstable: "+strings.Join(unstable, ", ")+".")
	}
	if len(parts) == 0 {
		return "All tiers are well."
	}
	return strings.Join(parts, " ")
}

// Worst returns the worst state of a tier.
func (s *Status) Worst() string {
	worst := "ok"
	for _, t := range s.Tiers {
		if t.State == "down" || t.State == "unstable" && worst == "ok" {
			worst = t.State
		}
	}
	return worst
}

// Windows are those that the page offers.
func (s *Status) Windows() []Window {
	all := []Window{{"1m", "1 min", false}, {"5m", "5 min", false}, {"15m", "15 min", false}}
	for i, seconds := range []float64{60, 300, 900} {
		all[i].Current = s.Asked == seconds
	}
	return all
}

// A Window is one that the page offers.
type Window struct {
	Query, Text string
	Current     bool
}
