package live

import (
	"slices"
	"strings"
)

// Anywhere reports whether a tier holds a file of it.
func (e *Explanation) Anywhere() bool { return len(e.holders()) > 0 }

// Summary says in a sentence who holds it.
func (e *Explanation) Summary() string {
	var sick []string
	for _, t := range e.Tiers {
		if len(t.Errors()) > 0 {
			sick = append(sick, t.Tier)
		}
	}
	text := "No tier holds it."
	if holders := e.holders(); len(holders) > 0 {
		text = "Held by " + strings.Join(holders, ", ") + "."
	} else if len(sick) > 0 {
		text = "No tier that could be asked holds it."
	}
	if len(sick) > 0 {
		text += " Not known: " + strings.Join(sick, ", ") + "."
	}
	return text
}

func (e *Explanation) holders() (names []string) {
	for _, t := range e.Tiers {
		if slices.ContainsFunc(t.Files, func(f File) bool { return f.Held }) {
			names = append(names, t.Tier)
		}
	}
	return names
}

// Errors returns why the tier could not say, each once.
func (h Held) Errors() (all []string) {
	for _, f := range h.Files {
		if f.Error != "" && !slices.Contains(all, f.Error) {
			all = append(all, f.Error)
		}
	}
	return all
}
