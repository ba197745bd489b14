package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"palimpsest.dev/task"
)

const (
	// margin is how much paper is shown around a system, as a share of its height:
	// boxes are drawn around the staves, and ledger lines reach beyond.
	margin = 0.15
	// same is the overlap from which two boxes are taken for one system.
	same = 0.5
)

// regions turns the answer of the first round, boxes with the word staff behind
// each, into a question about each system, from the top down.
func regions(page task.Page, a task.Answer) (task.Reading, error) {
	how := stateOf(a)
	var count tally
	if a.Stop == task.StopBlank {
		return task.Reading{}, nil
	}
	count.add(a)
	var boxes []task.Box
	bad := 0
	for _, run := range locations.FindAllString(a.Text, 4*maxAsks) {
		box, ok := boxOf(run, how.Bins, a, page)
		switch {
		case !ok:
			bad++
		case !slices.ContainsFunc(boxes, func(o task.Box) bool { return o.IoU(box) > same }):
			boxes = append(boxes, box)
		}
	}
	var out task.Reading
	if count.loops > 0 && len(boxes) == 0 {
		out.Unreadable = "the model repeated itself and found no music"
	}
	if bad > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("left out: %d regions without a sound box", bad))
	}
	if more := len(boxes) - maxAsks; more > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("left out: %d systems beyond the %dth", more, maxAsks))
		boxes = boxes[:maxAsks]
	}
	slices.SortStableFunc(boxes, func(x, y task.Box) int { return cmp.Compare(x.Y0+x.Y1, y.Y0+y.Y1) })
	prompt := how.Prompt
	how.Prompt = ""
	note, err := json.Marshal(how)
	if err != nil {
		return task.Reading{}, err
	}
	for i, b := range boxes {
		more := margin * b.Height()
		ask := a.Ask
		ask.ID, ask.Prompt, ask.State = fmt.Sprintf("staff%d", i), prompt, note
		ask.Region = task.Box{X0: b.X0 - more, Y0: b.Y0 - more, X1: b.X1 + more, Y1: b.Y1 + more}.Intersect(page.Bounds())
		out.Asks = append(out.Asks, ask)
	}
	return out, nil
}
