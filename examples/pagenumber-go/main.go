// Program palimpsest-task-pagenumber is an example of a plugin: it reads the
// page numbers at the head and foot of pages, printed or written by hand, and
// says at the end of a document which of them do not fit the others. It
// imports nothing of Palimpsest but package task and its sub-package for
// location tokens, as a plugin in a repository of its own would.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"palimpsest.dev/task"
)

// version changes whenever the same answers would give other records.
const version = "1"

func main() { task.Serve(pagenumber{}) }

// pagenumber is the task. It has no state: what Read must know of the plan
// travels in the asks.
type pagenumber struct{}

var _ task.Finisher = pagenumber{}

// The ends of a page.
const (
	top    = "top"
	bottom = "bottom"
)

// maxParts bounds into how many parts one strip is cut.
const maxParts = 48

// Info implements task.Task.
func (pagenumber) Info() task.Info {
	return task.Info{
		Name:    "pagenumber",
		Version: version,
		Summary: "page numbers at the head and foot of pages, and which of them do not fit the others",
		Rounds:  1,
		MaxAsks: 2 * maxParts,
		Relations: []task.Relation{{Name: "page_number", Summary: "numbers that may be the page's, from top to bottom", Columns: []task.Column{
			{Name: "value", Type: task.Integer, Summary: "the number"},
			{Name: "style", Type: task.Text, Summary: "arabic or roman"},
			{Name: "text", Type: task.Text, Summary: "the digits or letters as they were read"},
			{Name: "place", Type: task.Text, Summary: "top or bottom"},
		}}},
		Options: []task.Option{{Name: "strip", Summary: "percent of the page's height that is looked at, at either end", Default: "12", Values: []string{"8", "12", "20"}}},
	}
}

// state is what an ask carries to its answer.
type state struct {
	Place  string  `json:"place"`
	Bins   int     `json:"bins"`
	Placed bool    `json:"placed"` // the model writes where a word stands
	Sure   float64 `json:"sure"`   // least confidence of a number that is kept
}

// Plan implements task.Task: two strips, each as one picture, or, where the
// profile wants text at a certain scale, in parts as wide as they are high.
func (t pagenumber) Plan(_ context.Context, page task.Page, how task.Profile) ([]task.Ask, error) {
	if err := t.Info().CheckPlan(page, how); err != nil {
		return nil, err
	}
	percent, err := strconv.Atoi(page.OptionOr("strip", "12"))
	if err != nil {
		return nil, fmt.Errorf("%w: option strip: %w", task.ErrInvalid, err)
	}
	w, h := float64(page.Width), float64(page.Height)
	high := h * float64(percent) / 100
	var asks []task.Ask
	for _, strip := range []struct {
		place string
		box   task.Box
	}{{top, task.Box{X1: w, Y1: high}}, {bottom, task.Box{Y0: h - high, X1: w, Y1: h}}} {
		note, err := json.Marshal(state{Place: strip.place, Bins: how.LocBins, Placed: how.Box != task.BoxNone, Sure: how.MinConfidence})
		if err != nil {
			return nil, err
		}
		for i, part := range cut(strip.box, how) {
			asks = append(asks, task.Ask{ID: fmt.Sprintf("%s %d", strip.place, i), Region: part, Size: how.Size, Fit: how.Fit, Prompt: how.Prompt,
				MaxTokens: how.MaxTokens, Grammar: how.Grammar, State: note})
		}
	}
	return asks, nil
}

// cut cuts a strip into what the profile wants the model to see at once.
// Neighbours overlap by the profile's share, so that a number which one cuts
// in two is whole in the next.
func cut(strip task.Box, how task.Profile) []task.Box {
	side := max(strip.Height(), strip.Width()/(maxParts/2)) // of a part
	rest := strip.Width() - side
	if how.View != task.ViewTiles || rest <= 0 {
		return []task.Box{strip}
	}
	step := side * (1 - float64(how.Overlap)/float64(how.Size))
	n := int(math.Ceil(rest / step))
	var parts []task.Box
	for i := range n + 1 {
		x := rest * float64(i) / float64(n)
		parts = append(parts, task.Box{X0: x, Y0: strip.Y0, X1: x + side, Y1: strip.Y1})
	}
	return parts
}
