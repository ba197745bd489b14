// Program palimpsest-task-table is the task that reads tables: their cells
// with spans, headings, texts and boxes. It shows the model each region of a
// page that holds a table, or the whole page, reads the HTML that
// the model writes, repairs what does not fit together or reports it, and
// writes HTML, CSV, JSON and spreadsheets. Of a finished document it joins the
// tables that go on on the next page.
package main

import (
	"context"
	"encoding/json"

	"palimpsest.dev/task"
)

// version changes whenever the same answers would give other records.
const version = "2"

// maxAsks bounds how many tables of one page are shown to the model.
const maxAsks = 64

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
}

// margin is what is shown around a region, as a share of its longer side: a
// box that is a little tight would cut off rules and letters.
const margin = 0.02

// Plan implements task.Task.
func (t table) Plan(_ context.Context, page task.Page, how task.Profile) ([]task.Ask, error) {
	if err := t.Info().CheckPlan(page, how); err != nil {
		return nil, err
	}
	note, err := json.Marshal(state{Bins: how.LocBins, Sure: how.MinConfidence})
	if err != nil {
		return nil, err
	}
	return t.Info().AskRegions(page, how, func(b task.Box) float64 { return margin * max(b.Width(), b.Height()) }, note)
}

// Read implements task.Task.
func (t table) Read(ctx context.Context, page task.Page, answers []task.Answer) (task.Reading, error) {
	if err := t.Info().CheckOptions(page.Options); err != nil {
		return task.Reading{}, err
	}
	s, err := sight(ctx, page, answers)
	if err != nil {
		return task.Reading{}, err
	}
	if note := t.Info().LeftOut(page); note != "" {
		s.notes = append([]string{note}, s.notes...)
	}
	r, err := write(page, s.tables, s.notes)
	r.Unreadable = s.unreadable
	return r, err
}
