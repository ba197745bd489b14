package main

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"palimpsest.dev/task"
	"palimpsest.dev/task/loc"
)

// sight is what the answers about a page come to.
type sight struct {
	found []task.Region
	count tally
}

// tally counts what was left out, for the page's notes.
type tally struct {
	asked, loops, cuts                int
	unknown, off, unsure, twice, many int
	problems                          loc.Problems
}

func stateOf(a task.Answer) state {
	s := state{Bins: loc.Bins}
	if err := json.Unmarshal(a.Ask.State, &s); err != nil {
		return state{Bins: loc.Bins} // an ask of another program: the usual form
	}
	return s
}

// look reads an answer: four locations and a kind, joined by semicolons.
func (s *sight) look(page task.Page, a task.Answer) {
	if a.Stop == task.StopBlank {
		return
	}
	how := stateOf(a)
	s.count.asked++
	switch a.Stop {
	case task.StopLoop:
		s.count.loops++
	case task.StopLength:
		s.count.cuts++
	}
	items, problems := loc.Parse(a.Text, a.Tokens, how.Bins)
	s.count.problems.Add(problems)
	for _, it := range items {
		kind, more := label(it.Text)
		s.count.problems.Stray += more
		r := task.Region{Kind: kind, Confidence: probability(it.Confidence), Source: task.SourceModel,
			Box: a.ToPage.ApplyBox(task.Box{X0: it.Box[0], Y0: it.Box[1], X1: it.Box[2], Y1: it.Box[3]}).Intersect(page.Bounds())}
		switch {
		case !slices.Contains(task.RegionKinds(), kind):
			s.count.unknown++
		case !r.Box.Finite() || r.Box.Empty():
			s.count.off++
		case r.Confidence < how.Sure:
			s.count.unsure++
		default:
			s.keep(r)
		}
	}
}

// label is the kind that an item's text names, and how many texts without a
// place follow it.
func label(text string) (kind string, more int) {
	kind, rest, _ := strings.Cut(text, ";")
	for other := range strings.SplitSeq(rest, ";") {
		if strings.TrimSpace(other) != "" {
			more++
		}
	}
	return strings.ToLower(strings.TrimSpace(kind)), more
}

// keep adds a region. Of two of a kind that overlap by task.SameRegion or more,
// the one the model was surer of stays, as it is; no box is made of the two.
func (s *sight) keep(r task.Region) {
	same := func(o task.Region) bool { return o.Kind == r.Kind && o.Box.IoU(r.Box) >= task.SameRegion }
	if i := slices.IndexFunc(s.found, same); i >= 0 {
		s.count.twice++
		if r.Confidence <= s.found[i].Confidence {
			return
		}
		// The surer one may be the same as others that were kept, too.
		before := len(s.found)
		s.found = slices.DeleteFunc(s.found, same)
		s.count.twice += before - len(s.found) - 1
	}
	if len(s.found) >= task.MaxRegions {
		s.count.many++
		return
	}
	s.found = append(s.found, r)
}

func probability(p float64) float64 {
	if math.IsNaN(p) {
		return 0
	}
	return max(0, min(1, p))
}

// reading is the page's rows and notes. A page of which the model only repeated
// itself is unreadable: nobody knows what is on it.
func (s *sight) reading() task.Reading {
	c := s.count
	if c.loops > 0 && len(s.found) == 0 {
		return task.Reading{Unreadable: "the model repeated itself and found no regions"}
	}
	var out task.Reading
	task.SortDown(s.found, func(r task.Region) task.Box { return r.Box })
	for i, r := range s.found {
		out.Records = append(out.Records, task.Record{Relation: task.RegionRelation, Box: r.Box, Confidence: r.Confidence, Source: r.Source,
			Values: map[string]any{"seq": int64(i), task.KindColumn: r.Kind}})
	}
	note := func(n int, format string, args ...any) {
		if n > 0 {
			out.Notes = append(out.Notes, fmt.Sprintf(format, args...))
		}
	}
	note(c.loops, "the model repeated itself and was stopped")
	note(c.cuts, "the answer reached the token limit: regions may be missing")
	if c.problems.Any() {
		note(1, "left out of the answer: %s", c.problems)
	}
	note(c.unknown, "left out: %d regions of a kind that is none of %s", c.unknown, strings.Join(task.RegionKinds(), ", "))
	note(c.off, "left out: %d regions off the page", c.off)
	note(c.unsure, "left out: %d regions the model was too unsure of", c.unsure)
	note(c.twice, "left out: %d regions found twice", c.twice)
	note(c.many, "left out: %d regions beyond the %dth", c.many, task.MaxRegions)
	return out
}
