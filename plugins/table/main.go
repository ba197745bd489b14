// Program palimpsest-task-table is the task that reads tables: their cells
// with spans, headings, texts and boxes. It shows the model each region of a
// page that holds a table, or the whole page, reads the HTML that
// the model writes, repairs what does not fit together or reports it, and
// writes HTML, CSV, JSON and spreadsheets. Of a model that reads the text of
// cells in a step of its own it asks for the structure of tables and for words, and puts one into the other. Of a finished document it joins the
// tables that go on on the next page.
package main

import (
	"context"
	"encoding/json"
	"fmt"

	"palimpsest.dev/task"
)

// version changes whenever the same answers would give other records.
const version = "2"

// maxAsks bounds what of one page is shown to the model: tables, and where their text is a step of its own, tiles.
const (
	maxTables = 64
	maxTiles  = 400
	maxAsks   = maxTables + maxTiles
)

// The values of the option join.
const (
	joinOption = "join"
	joinAgree  = "agree"
	joinNever  = "never"
)

func main() { task.Serve(table{}) }

// table is the task. It has no state.
type table struct{}

var _ task.Finisher = table{}

// Info implements task.Task.
func (table) Info() task.Info {
	return task.Info{
		Name:    "table",
		Version: version,
		Summary: "reads tables: cells with row, column, spans, headings, text and box; HTML, CSV, JSON and spreadsheets",
		Rounds:  1,
		MaxAsks: maxAsks,
		Regions: []string{task.RegionTable},
		Options: []task.Option{{
			Name:    joinOption,
			Summary: "whether the files of a document join a table that goes on on the next page: where the columns agree, or never",
			Default: joinAgree,
			Values:  []string{joinAgree, joinNever},
		}},
		Relations: []task.Relation{
			{Name: "table", Summary: "tables from top to bottom", Columns: []task.Column{
				{Name: "seq", Type: task.Integer, Summary: "place on the page, from 0"},
				{Name: "rows", Type: task.Integer, Summary: "rows of the grid"},
				{Name: "cols", Type: task.Integer, Summary: "columns of the grid"},
				{Name: "head_rows", Type: task.Integer, Summary: "rows of column headings at the top"},
				{Name: "html", Type: task.Text, Summary: "the table as HTML"},
				{Name: "problems", Type: task.Text, Summary: "what had to be repaired or is missing; null when nothing"},
			}},
			{Name: "cell", Summary: "cells by row, then column", Columns: []task.Column{
				{Name: "table_seq", Type: task.Integer, Summary: "seq of the table it belongs to"},
				{Name: "row", Type: task.Integer, Summary: "first row it covers, from 0"},
				{Name: "col", Type: task.Integer, Summary: "first column it covers, from 0"},
				{Name: "rowspan", Type: task.Integer, Summary: "rows it covers"},
				{Name: "colspan", Type: task.Integer, Summary: "columns it covers"},
				{Name: "section", Type: task.Text, Summary: "thead, tbody or tfoot"},
				{Name: "header", Type: task.Boolean, Summary: "whether it names its column or row"},
				{Name: "text", Type: task.Text, Summary: "what it says, without marks"},
				{Name: "html", Type: task.Text, Summary: "what it says, with bold, italic, underlined, struck, raised and lowered parts as HTML"},
				{Name: "placed", Type: task.Boolean, Summary: "whether the model said where its text stands; otherwise the box is the table's"},
			}},
		},
	}
}

// state is what an ask carries to its answer.
type state struct {
	Bins int     `json:"bins"`
	Sure float64 `json:"sure,omitempty"` // least confidence of a table that is kept
	// Shape says that the answer is a table's structure, and that its text is read by further asks.
	Shape bool `json:"shape,omitempty"`
}

// margin is what is shown around a region, as a share of its longer side: a
// box that is a little tight would cut off rules and letters.
const margin = 0.02

// Plan implements task.Task.
func (t table) Plan(_ context.Context, page task.Page, how task.Profile) ([]task.Ask, error) {
	if err := t.Info().CheckPlan(page, how); err != nil {
		return nil, err
	}
	text, steps := how.Steps[textStep]
	note, err := json.Marshal(state{Bins: how.LocBins, Sure: how.MinConfidence, Shape: steps})
	if err != nil {
		return nil, err
	}
	shown := page
	shown.Regions = page.Regions[:min(len(page.Regions), maxTables)]
	asks, err := t.Info().AskRegions(shown, how, func(b task.Box) float64 { return margin * max(b.Width(), b.Height()) }, note)
	if err != nil || !steps || len(asks) == 0 {
		return asks, err
	}
	words, err := textPlan(shown, text)
	return append(asks, words...), err
}

// Read implements task.Task.
func (t table) Read(ctx context.Context, page task.Page, answers []task.Answer) (task.Reading, error) {
	if err := t.Info().CheckOptions(page.Options); err != nil {
		return task.Reading{}, err
	}
	look := sight
	if len(answers) > 0 && stateOf(answers[0]).Shape {
		look = sightSteps
	}
	s, err := look(ctx, page, answers)
	if err != nil {
		return task.Reading{}, err
	}
	if n := len(page.Regions); n > maxTables {
		s.notes = append([]string{fmt.Sprintf("%d regions were found, the first %d are read", n, maxTables)}, s.notes...)
	}
	r, err := write(page, s.tables, s.notes)
	r.Unreadable = s.unreadable
	return r, err
}
