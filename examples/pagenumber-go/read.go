package main

import (
	"context"
	"encoding/json"
	"fmt"

	"palimpsest.dev/task"
	"palimpsest.dev/task/loc"
)

// found is a number that may be the page's.
type found struct {
	number
	place      string
	box        task.Box
	confidence float64
}

// Read implements task.Task. Whatever the model wrote, what comes of it are
// numbers with a place on the page; the rest is counted in the notes.
func (t pagenumber) Read(ctx context.Context, page task.Page, answers []task.Answer) (task.Reading, error) {
	if err := t.Info().CheckOptions(page.Options); err != nil {
		return task.Reading{}, err
	}
	var all []found
	var problems loc.Problems
	loops, others, unsure := 0, 0, 0
	for _, a := range answers {
		if err := ctx.Err(); err != nil {
			return task.Reading{}, err
		}
		if a.Stop == task.StopLoop {
			loops++
		}
		how := state{Place: top, Bins: loc.Bins}
		if err := json.Unmarshal(a.Ask.State, &how); err != nil {
			return task.Reading{}, fmt.Errorf("%w: ask %s is none of this task: %w", task.ErrInvalid, a.Ask.ID, err)
		}
		items := whole(a)
		if how.Placed {
			var left loc.Problems
			items, left = loc.Parse(a.Text, a.Tokens, how.Bins)
			problems.Add(left)
		}
		for _, it := range items {
			n, ok := parse(it.Text)
			box := a.ToPage.ApplyBox(task.Box{X0: it.Box[0], Y0: it.Box[1], X1: it.Box[2], Y1: it.Box[3]}).Intersect(page.Bounds()).Intersect(a.Ask.Region)
			if !ok || !box.Finite() || box.Empty() {
				others++
				continue
			}
			if it.Confidence < how.Sure {
				unsure++
				continue
			}
			all = keep(all, found{n, how.Place, box, it.Confidence})
		}
	}
	return reading(all, problems, loops, others, unsure), nil
}

// whole is an answer without places: its text stands somewhere in the view.
func whole(a task.Answer) []loc.Item {
	if a.Text == "" {
		return nil
	}
	return []loc.Item{{Text: a.Text, Box: [4]float64{0, 0, 1, 1}, Confidence: loc.NewCertainty(a.Text, a.Tokens).Between(0, len(a.Text))}}
}

// maxNumbers bounds the numbers that are kept of one page.
const maxNumbers = 64

// keep adds a number, unless it is one that a neighbouring part showed, too;
// of two that cover half of one another the surer one stays.
func keep(all []found, f found) []found {
	for i, o := range all {
		if 2*o.box.Intersect(f.box).Area() >= min(o.box.Area(), f.box.Area()) {
			if f.confidence > o.confidence {
				all[i] = f
			}
			return all
		}
	}
	if len(all) >= maxNumbers {
		return all
	}
	return append(all, f)
}

func reading(all []found, problems loc.Problems, loops, others, unsure int) task.Reading {
	if loops > 0 && len(all) == 0 {
		return task.Reading{Unreadable: "the model repeated itself and wrote no page number"}
	}
	var out task.Reading
	task.SortDown(all, func(f found) task.Box { return f.box })
	for _, f := range all {
		out.Records = append(out.Records, task.Record{Relation: "page_number", Box: f.box, Confidence: f.confidence, Source: task.SourceModel,
			Values: map[string]any{"value": f.value, "style": f.style, "text": f.text, "place": f.place}})
	}
	if problems.Any() {
		out.Notes = append(out.Notes, "left out of the answers: "+problems.String())
	}
	if others > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("%d texts are no page numbers", others))
	}
	if unsure > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("%d numbers the model was too unsure of", unsure))
	}
	return out
}
