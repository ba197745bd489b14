// Program palimpsest-task-regions is the task that finds what a page is made of:
// running text, tables, drawn molecules, systems of music, films and other
// pictures. It shows the model the whole page, with PaliGemma's own prompt for
// finding things, and keeps each region with its kind, box and confidence. Other
// tasks wait for it and read the regions of their kinds.
package main

import (
	"context"
	"encoding/json"
	"fmt"

	"palimpsest.dev/task"
)

// version changes whenever the same answers would give other records.
const version = "1"

func main() { task.Serve(regions{}) }

// regions is the task. It has no state.
type regions struct{}

// Info implements task.Task.
func (regions) Info() task.Info {
	return task.Info{
		Name:    task.RegionsTask,
		Version: version,
		Summary: "finds what a page is made of: text, tables, molecules, staves of music, films and pictures",
		Rounds:  1,
		MaxAsks: 1,
		Relations: []task.Relation{{Name: task.RegionRelation, Summary: "regions from top to bottom, those beside one another from left to right", Columns: []task.Column{
			{Name: "seq", Type: task.Integer, Summary: "place on the page, from 0"},
			{Name: task.KindColumn, Type: task.Text, Summary: "text, table, molecule, staff, film or picture"},
		}}},
	}
}

// state is what an ask carries to its answer.
type state struct {
	Bins int     `json:"bins"`
	Sure float64 `json:"sure,omitempty"` // least confidence of a region that is kept
}

// Plan implements task.Task. What a tile cuts in two would be found as two, so a
// page is never shown in tiles.
func (t regions) Plan(_ context.Context, page task.Page, how task.Profile) ([]task.Ask, error) {
	if err := t.Info().CheckPlan(page, how); err != nil {
		return nil, err
	}
	if how.View != task.ViewPage || how.Box != task.BoxYXYXBefore {
		return nil, fmt.Errorf("%w: profile: view %q, box %q: regions are found on whole pages by their places, which is %s and %s",
			task.ErrInvalid, how.View, how.Box, task.ViewPage, task.BoxYXYXBefore)
	}
	note, err := json.Marshal(state{Bins: how.LocBins, Sure: how.MinConfidence})
	if err != nil {
		return nil, err
	}
	return []task.Ask{{ID: "page", Region: page.Bounds(), Size: how.Size, Fit: how.Fit, Prompt: how.Prompt, MaxTokens: how.MaxTokens,
		Grammar: how.Grammar, State: note}}, nil
}

// Read implements task.Task.
func (t regions) Read(ctx context.Context, page task.Page, answers []task.Answer) (task.Reading, error) {
	if err := t.Info().CheckOptions(page.Options); err != nil {
		return task.Reading{}, err
	}
	var s sight
	for _, a := range answers {
		if err := ctx.Err(); err != nil {
			return task.Reading{}, err
		}
		s.look(page, a)
	}
	return s.reading(), nil
}
