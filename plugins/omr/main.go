// Program palimpsest-task-omr is the task that reads printed music: systems as
// **kern with what is wrong with them, and their notes as rows. Systems of a
// document that follow one another are joined into movements and written as
// **kern, MusicXML and MIDI.
//
// What the model wrote is never mended: a system that is no sound **kern is kept
// as it is, with the line and the reason, and only what is certain in it becomes
// notes.
package main

import (
	"context"
	"encoding/json"

	"palimpsest.dev/task"
)

// version changes whenever the same answers would give other records.
const version = "3"

// software names the program in files.
const software = "palimpsest-task-omr " + version

// Bounds on how much of a page the model is shown.
const (
	maxRegions = 64  // systems
	maxAsks    = 512 // their bars, where it is asked about each
)

// margin is how much paper is shown around a system, as a share of its height:
// boxes are drawn around the staves, and ledger lines reach beyond.
const margin = 0.15

func main() { task.Serve(omr{}) }

// omr is the task. It has no state.
type omr struct{}

var (
	_ task.Task     = omr{}
	_ task.Finisher = omr{}
)

// Info implements task.Task.
func (omr) Info() task.Info {
	return task.Info{
		Name:    "omr",
		Version: version,
		Summary: "reads printed music: systems as **kern, notes, MusicXML and MIDI",
		Rounds:  2, // where systems are read bar by bar, the first finds the bars
		MaxAsks: maxAsks,
		Regions: []string{task.RegionStaff},
		Relations: []task.Relation{
			{Name: scoreRelation, Summary: "systems of music in reading order", Columns: []task.Column{
				{Name: "seq", Type: task.Integer, Summary: "place in the page's reading order, from 0"},
				{Name: "kern", Type: task.Text, Summary: "the system as **kern"},
				{Name: "valid", Type: task.Boolean, Summary: "whether nothing is wrong with it; ties may cross its ends"},
				{Name: "whole", Type: task.Boolean, Summary: "whether every line was understood, so that all its notes are rows"},
				{Name: "fault", Type: task.Text, Summary: "kind of the first fault, null when valid"},
				{Name: "fault_line", Type: task.Integer, Summary: "line of kern where it is, from 1"},
				{Name: "reason", Type: task.Text, Summary: "what is wrong there, in words"},
				{Name: "faults", Type: task.Integer, Summary: "number of faults"},
				{Name: "raw", Type: task.Text, Summary: "the model's own text, null when valid"},
				{Name: "staves", Type: task.Integer, Summary: "number of **kern columns it begins with"},
				{Name: "measures", Type: task.Integer, Summary: "number of bars"},
				{Name: "notes", Type: task.Integer, Summary: "number of notes"},
			}},
			{Name: noteRelation, Summary: "notes of the systems, by time", Columns: []task.Column{
				{Name: "seq", Type: task.Integer, Summary: "place among the page's notes, from 0"},
				{Name: "score", Type: task.Integer, Summary: "seq of the system it stands in"},
				{Name: "measure", Type: task.Integer, Summary: "bar of the system, from 1"},
				{Name: "number", Type: task.Text, Summary: "number that the bar's line carries, null without one"},
				{Name: "staff", Type: task.Integer, Summary: "staff, 1 is the highest"},
				{Name: "voice", Type: task.Integer, Summary: "voice of the staff, from 1"},
				{Name: "onset", Type: task.Text, Summary: "quarter notes from the beginning of the system, as a fraction such as 7/2"},
				{Name: "in_measure", Type: task.Text, Summary: "quarter notes from the beginning of the bar, as a fraction"},
				{Name: "duration", Type: task.Text, Summary: "quarter notes, as a fraction; 0 for grace notes"},
				{Name: "pitch", Type: task.Text, Summary: "name such as C4, F##4 or B-3, C4 being middle C and - a flat"},
				{Name: "midi", Type: task.Integer, Summary: "key number, 60 is middle C"},
				{Name: "tie", Type: task.Text, Summary: "start, continue or stop, null when not tied"},
				{Name: "grace", Type: task.Boolean, Summary: "whether it is a grace note"},
				{Name: "line", Type: task.Integer, Summary: "line of kern where it stands, from 1"},
			}},
		},
	}
}

// state is what an ask carries to its answer.
type state struct {
	Box  string  `json:"box"`
	Bins int     `json:"bins"`
	Sure float64 `json:"sure,omitempty"` // least confidence of a system that is kept

	Measures *barAsk `json:"measures,omitempty"` // the view was asked for its bars; each is to be asked about so
	Bar      *barOf  `json:"bar,omitempty"`      // the view is one bar
}

// Plan implements task.Task. A system cut in two is two that cannot be read, so
// music is never shown in tiles.
func (t omr) Plan(_ context.Context, page task.Page, how task.Profile) ([]task.Ask, error) {
	if err := t.Info().CheckPlan(page, how); err != nil {
		return nil, err
	}
	asks := state{Box: how.Box, Bins: how.LocBins, Sure: how.MinConfidence}
	if step, ok := how.Steps[measuresStep]; ok {
		asks.Measures = &barAsk{Prompt: how.Prompt, Size: how.Size, Fit: how.Fit, MaxTokens: how.MaxTokens, Grammar: how.Grammar, Bins: step.LocBins}
		how = step
	}
	note, err := json.Marshal(asks)
	if err != nil {
		return nil, err
	}
	return bounded().AskRegions(page, how, func(b task.Box) float64 { return margin * b.Height() }, note)
}

// bounded is what the task says of itself, with the number of systems that it reads of a page.
func bounded() task.Info {
	in := omr{}.Info()
	in.MaxAsks = maxRegions
	return in
}

// Read implements task.Task.
func (t omr) Read(ctx context.Context, page task.Page, answers []task.Answer) (task.Reading, error) {
	if err := t.Info().CheckOptions(page.Options); err != nil {
		return task.Reading{}, err
	}
	if len(answers) > 0 {
		switch how := stateOf(answers[0]); {
		case how.Measures != nil:
			return askBars(ctx, page, answers)
		case how.Bar != nil:
			return readBars(ctx, page, answers)
		}
	}
	var r rows
	for _, a := range answers {
		if err := ctx.Err(); err != nil {
			return task.Reading{}, err
		}
		how := stateOf(a)
		for _, s := range systemsOf(a, how, page, &r.count) {
			if s.confidence < how.Sure {
				r.count.unsure++
				continue
			}
			r.add(s)
		}
	}
	out := r.reading()
	if note := bounded().LeftOut(page); note != "" {
		out.Notes = append([]string{note}, out.Notes...)
	}
	return out, nil
}

func stateOf(a task.Answer) state {
	s := state{Box: task.BoxYXYXBefore, Bins: 1024}
	if err := json.Unmarshal(a.Ask.State, &s); err != nil || s.Bins < 2 {
		return state{Box: task.BoxYXYXBefore, Bins: 1024} // an ask of another program: the usual form
	}
	return s
}
