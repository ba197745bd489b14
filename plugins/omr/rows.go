package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"palimpsest.dev/plugins/omr/kern"
	"palimpsest.dev/task"
)

// The relations of the task.
const (
	scoreRelation = "score"
	noteRelation  = "note"
)

// Bounds on a page's rows.
const (
	maxNotes     = 100_000
	maxCellBytes = 512 << 10 // of a system's text
)

// tally counts what went wrong, for the page's notes.
type tally struct {
	asked, loops, cuts, unplaced, empty, overflow, unsure, invalid int
}

func (c *tally) add(a task.Answer) {
	c.asked++
	switch a.Stop {
	case task.StopLoop:
		c.loops++
	case task.StopLength:
		c.cuts++
	}
}

// rows are the records of a page while they are gathered.
type rows struct {
	scores, notes []task.Record
	valid         int
	count         tally
}

// add makes records of a system and of what is certain in it.
func (r *rows) add(s system) {
	text := clean(s.kern)
	raw := clean(s.raw)
	score := kern.Read(text, kern.Options{Fragment: true})
	seq := int64(len(r.scores))
	values := map[string]any{"seq": seq, "kern": text, "valid": score.Valid(), "whole": score.Whole(),
		"faults": int64(len(score.Problems)), "staves": int64(score.KernSpines()), "measures": int64(len(score.Measures))}
	if score.Valid() {
		r.valid++
	} else {
		first := score.Problems[0]
		r.count.invalid++
		values["fault"], values["fault_line"], values["reason"], values["raw"] = string(first.Kind), int64(first.Line), first.Reason, raw
	}
	before := len(r.notes)
	for _, e := range score.Events {
		r.event(s, score, e, seq)
	}
	values["notes"] = int64(len(r.notes) - before)
	r.scores = append(r.scores, task.Record{Relation: scoreRelation, Box: s.box, Confidence: s.confidence, Source: task.SourceModel, Values: values})
}

// event makes records of the notes of an event.
func (r *rows) event(s system, score *kern.Score, e kern.Event, seq int64) {
	within, number, measure := e.Onset, "", int64(e.Measure+1)
	if e.Measure < len(score.Measures) {
		m := score.Measures[e.Measure]
		number = m.Number
		if d, ok := e.Onset.Minus(m.Onset); ok {
			within = d
		}
	} else if n := len(score.Measures); n > 0 { // grace notes behind the last bar
		measure, number = int64(n), score.Measures[n-1].Number
		within, _ = e.Onset.Minus(score.Measures[n-1].Onset)
	}
	for _, p := range e.Pitches {
		if len(r.notes) >= maxNotes {
			return
		}
		values := map[string]any{"seq": int64(len(r.notes)), "score": seq, "measure": measure, "staff": int64(e.Staff), "voice": int64(e.Voice),
			"onset": e.Onset.String(), "in_measure": within.String(), "duration": p.Duration.String(), "pitch": p.Name(), "midi": int64(p.MIDI()),
			"grace": e.Grace != kern.NotGrace, "line": int64(e.Line)}
		if number != "" {
			values["number"] = number
		}
		if p.Tie != kern.NoTie {
			values["tie"] = string(p.Tie)
		}
		r.notes = append(r.notes, task.Record{Relation: noteRelation, Box: s.at(e.Line), Confidence: s.sure(e.Line, e.Column), Source: task.SourceModel, Values: values})
	}
}

// clean makes a text fit for a row; what **kern itself forbids is left for its
// reader to report.
func clean(s string) string {
	if len(s) > maxCellBytes {
		s = s[:maxCellBytes]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, string(utf8.RuneError)), "\x00", string(utf8.RuneError))
}

// reading puts the records and remarks together. A page on which the model only
// repeated itself is unreadable: what it wrote is not to be trusted.
func (r *rows) reading() task.Reading {
	var out task.Reading
	c := r.count
	say := func(n int, format string, args ...any) {
		if n > 0 {
			out.Notes = append(out.Notes, fmt.Sprintf(format, args...))
		}
	}
	if c.loops > 0 && r.valid == 0 {
		out.Unreadable = fmt.Sprintf("the model repeated itself in %d of %d views", c.loops, c.asked)
		return out
	}
	say(c.loops, "the model repeated itself in %d of %d views", c.loops, c.asked)
	say(c.cuts, "%d of %d answers reached the token limit", c.cuts, c.asked)
	say(c.invalid, "%d of %d systems are no sound **kern", c.invalid, len(r.scores))
	say(c.unplaced, "%d systems have no box of their own", c.unplaced)
	say(c.empty, "left out: %d boxes without music", c.empty)
	say(c.overflow, "left out: what follows the %dth system of an answer", maxSystems)
	say(c.unsure, "left out: %d systems the model was too unsure of", c.unsure)
	if len(r.notes) >= maxNotes {
		say(1, "left out: notes beyond the %dth", maxNotes)
	}
	out.Records = append(r.scores, r.notes...)
	return out
}
