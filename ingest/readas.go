package ingest

import (
	"context"
	"errors"
	"fmt"

	"palimpsest.dev/store"
	"palimpsest.dev/task"
)

// ErrNoAnswer says that nothing could be made of what a person wrote.
var ErrNoAnswer = errors.New("nothing was read in it")

// squareOfAnswers is the side of the view that a person's answer is about. It has no pixels: nobody looks at it.
const squareOfAnswers = 896

// AnswerRelation is the relation whose rows are a task's answers: one row, and what follows from it, for each region.
// The word of a text is none, and neither is a region.
func AnswerRelation(info task.Info) (string, bool) {
	if len(info.Regions) == 0 || len(info.Relations) == 0 {
		return "", false
	}
	return info.Relations[0].Name, true
}

// ReadAs gives the rows that a task makes of an answer about a box of a page, as if a model that writes the answer and
// nothing else (HTML, SMILES, **kern, a report) had given it. So cells, formulas and notes follow from what a person wrote
// just as they do from what a model wrote. The error wraps ErrNoAnswer where the task finds nothing in it.
func ReadAs(ctx context.Context, t task.Task, page task.Page, box [4]float64, text string) ([]store.Row, error) {
	info := t.Info()
	main, ok := AnswerRelation(info)
	if !ok {
		return nil, fmt.Errorf("task %s reads no regions: correct its rows one by one: %w", info.Name, ErrNoAnswer)
	}
	region := task.Region{Kind: info.Regions[0], Box: taskBox(box), Confidence: 1, Source: task.SourcePerson}
	if region.Box.Empty() || !page.Bounds().Contains(region.Box, 1) {
		return nil, fmt.Errorf("box %v is empty or not on the page of %d x %d: %w", box, page.Width, page.Height, ErrNoAnswer)
	}
	page.Regions = []task.Region{region}
	how := task.Profile{Prompt: info.Name, View: task.ViewRegion, Fit: task.FitStretch, Box: task.BoxNone, Size: squareOfAnswers, LocBins: 1024, MaxTokens: task.MaxTokens}
	asks, err := t.Plan(ctx, page, how)
	if err != nil {
		return nil, err
	}
	if len(asks) != 1 {
		return nil, fmt.Errorf("task %s asks %d questions about one region: its answers cannot be written by hand: %w", info.Name, len(asks), ErrNoAnswer)
	}
	ask := asks[0]
	ask.Region = region.Box // without the margin that a model is shown
	answer := task.Answer{Ask: ask, Text: text, Stop: task.StopEnd,
		ToPage: task.Affine{region.Box.Width(), 0, region.Box.X0, 0, region.Box.Height(), region.Box.Y0}}
	reading, err := t.Read(ctx, page, []task.Answer{answer})
	if err != nil {
		return nil, err
	}
	if err := info.CheckReading(page, 1, reading); err != nil {
		return nil, err
	}
	rows := rowsOf(reading.Records)
	found := false
	for i := range rows {
		rows[i].Source, rows[i].Confidence = task.SourcePerson, 1
		if rows[i].Relation == main {
			rows[i].Box, rows[i].Polygon = box, nil
			found = true
		}
	}
	if !found {
		return nil, fmt.Errorf("task %s: %w", info.Name, ErrNoAnswer)
	}
	return rows, nil
}
