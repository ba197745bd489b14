package eval

import (
	"cmp"
	"slices"
	"strings"
)

// RadGraphEntity is an entity of a report as RadGraph annotates it (Jain and
// others 2021): words, a label such as OBS-DP, and relations to other entities
// of the report by their keys.
type RadGraphEntity struct {
	Tokens    string      `json:"tokens"`
	Label     string      `json:"label"`
	Relations [][2]string `json:"relations"` // kind, key of the other entity
}

// RadGraphScore is the F1 of one pair of reports at three depths.
type RadGraphScore struct {
	Simple   float64 // words and label agree
	Partial  float64 // and whether the entity has relations
	Complete float64 // and each relation with its kind and the other's words
}

// RadGraphF1 compares the entities of two annotated reports as the published
// reward does: as sets, words in lower case, 0 when either has none. It is
// F1 over given annotations; it finds no entities itself.
func RadGraphF1(read, truth map[string]RadGraphEntity) RadGraphScore {
	return RadGraphScore{
		Simple: setF1(radGraphSet(read, func(e RadGraphEntity) [][]string { return [][]string{nil} }),
			radGraphSet(truth, func(e RadGraphEntity) [][]string { return [][]string{nil} })),
		Partial:  setF1(radGraphSet(read, hasRelations), radGraphSet(truth, hasRelations)),
		Complete: setF1(radGraphSet(read, relationsOf(read)), radGraphSet(truth, relationsOf(truth))),
	}
}

func hasRelations(e RadGraphEntity) [][]string {
	if len(e.Relations) > 0 {
		return [][]string{{"related"}}
	}
	return [][]string{nil}
}

// relationsOf gives an entity one member of the set for each relation; a
// relation to an entity that is not there keeps its kind alone.
func relationsOf(report map[string]RadGraphEntity) func(RadGraphEntity) [][]string {
	return func(e RadGraphEntity) (out [][]string) {
		if len(e.Relations) == 0 {
			return [][]string{nil}
		}
		for _, r := range e.Relations {
			out = append(out, []string{r[0], strings.ToLower(report[r[1]].Tokens)})
		}
		return out
	}
}

func radGraphSet(report map[string]RadGraphEntity, more func(RadGraphEntity) [][]string) map[string]bool {
	set := map[string]bool{}
	for _, e := range report {
		for _, m := range more(e) {
			set[strings.Join(append([]string{strings.ToLower(e.Tokens), e.Label}, m...), "\x00")] = true
		}
	}
	return set
}

// setF1 is the F1 of two sets, 0 when either is empty.
func setF1[K comparable](read, truth map[K]bool) float64 {
	hits := 0
	for k := range read {
		if truth[k] {
			hits++
		}
	}
	if len(read) == 0 || len(truth) == 0 {
		return 0
	}
	f, _, _ := shares(float64(hits), float64(len(read)), float64(len(truth)))
	return f
}

// ClassF1 is how well one class of finding was coded over a set of reports.
type ClassF1 struct {
	Class                string
	Hits, Read, All      int
	Precision, Recall, F float64
}

// ClassF1s compares the classes coded in each report with the true ones: the
// figures of each class by name, and the pooled ones under "micro". They are
// figures of coded findings, no RadGraph F1.
func ClassF1s(read, truth [][]string) []ClassF1 {
	by := map[string]*ClassF1{"micro": {Class: "micro"}}
	of := func(class string) *ClassF1 {
		if by[class] == nil {
			by[class] = &ClassF1{Class: class}
		}
		return by[class]
	}
	for i := range max(len(read), len(truth)) {
		said, real := map[string]bool{}, map[string]bool{}
		if i < len(read) {
			for _, c := range read[i] {
				said[c] = true
			}
		}
		if i < len(truth) {
			for _, c := range truth[i] {
				real[c] = true
			}
		}
		for _, sum := range []func(string) *ClassF1{of, func(string) *ClassF1 { return by["micro"] }} {
			for c := range said {
				sum(c).Read++
				if real[c] {
					sum(c).Hits++
				}
			}
			for c := range real {
				sum(c).All++
			}
		}
	}
	out := make([]ClassF1, 0, len(by))
	for _, c := range by {
		c.F, c.Precision, c.Recall = shares(float64(c.Hits), float64(c.Read), float64(c.All))
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b ClassF1) int { return cmp.Compare(a.Class, b.Class) })
	return out
}
