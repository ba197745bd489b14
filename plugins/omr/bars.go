package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"palimpsest.dev/plugins/omr/printed"
	"palimpsest.dev/task"
	"palimpsest.dev/task/loc"
)

// measuresStep is the further question of a profile that reads systems bar by bar: where the bars of a system are. Its entry's
// own question is then asked about every bar.
const measuresStep = "measures"

// What is shown of a bar beyond its staves, in spaces between two staff lines: enough for ledger lines above and below, and for
// the bar lines at its sides.
const (
	spacesAbove  = 7
	spacesBeside = 1.2
)

// barAsk is how a bar is to be asked about.
type barAsk struct {
	Prompt    string `json:"prompt"`
	Size      int    `json:"size"`
	Fit       string `json:"fit"`
	MaxTokens int    `json:"max_tokens"`
	Grammar   string `json:"grammar,omitempty"`
	Bins      int    `json:"bins"` // of the answer about the system
}

// barOf says which bar a view shows.
type barOf struct {
	System   int      `json:"system"` // of the page, from 0
	Staves   int      `json:"staves"`
	Explicit bool     `json:"explicit,omitempty"` // see printed.Options
	Box      task.Box `json:"box"`                // the bar's staves on the page
}

// measure is a bar as the model found it.
type measure struct {
	box      task.Box
	staves   int
	explicit bool
}

// askBars turns the answers about systems into a question about each of their bars.
func askBars(ctx context.Context, page task.Page, answers []task.Answer) (task.Reading, error) {
	var out task.Reading
	var count tally
	var wrong loc.Problems
	systems, left := 0, 0
	for _, a := range answers {
		if err := ctx.Err(); err != nil {
			return task.Reading{}, err
		}
		how := stateOf(a)
		if how.Measures == nil || a.Stop == task.StopBlank {
			continue
		}
		count.add(a)
		items, problems := loc.Parse(a.Text, a.Tokens, how.Measures.Bins)
		wrong.Add(problems)
		if a.Stop == task.StopLoop {
			items = loc.Unloop(items)
		}
		for _, bars := range systemsFound(a, page, items) {
			staves, explicit := manner(bars)
			for _, b := range bars {
				if len(out.Asks) >= maxAsks {
					left++
					continue
				}
				of := barOf{System: systems, Staves: staves, Explicit: explicit, Box: b.box}
				note, err := json.Marshal(state{Box: how.Box, Bins: how.Bins, Sure: how.Sure, Bar: &of})
				if err != nil {
					return task.Reading{}, err
				}
				m := how.Measures
				out.Asks = append(out.Asks, task.Ask{ID: fmt.Sprintf("s%d b%d", systems, len(out.Asks)), Region: shown(b.box, staves, a.Ask.Region.Intersect(page.Bounds())),
					Size: m.Size, Fit: m.Fit, Prompt: m.Prompt, MaxTokens: m.MaxTokens, Grammar: m.Grammar, State: note})
			}
			systems++
		}
	}
	if count.loops > 0 && len(out.Asks) == 0 {
		out.Unreadable = fmt.Sprintf("the model repeated itself in %d of %d views", count.loops, count.asked)
		return out, nil
	}
	if note := bounded().LeftOut(page); note != "" {
		out.Notes = append(out.Notes, note)
	}
	if wrong.Any() {
		out.Notes = append(out.Notes, "left out of the answers about systems: "+wrong.String())
	}
	if left > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("left out: %d bars beyond the %dth", left, maxAsks))
	}
	return out, nil
}

// systemsFound groups the bars of an answer: a bar that does not stand to the right of the one before it, at the same height,
// begins another system. A bar found twice counts once.
func systemsFound(a task.Answer, page task.Page, items []loc.Item) [][]measure {
	var out [][]measure
	var last task.Box
	for _, item := range items {
		b := item.Box
		box := a.ToPage.ApplyBox(task.Box{X0: b[0], Y0: b[1], X1: b[2], Y1: b[3]}).Intersect(page.Bounds())
		if !box.Finite() || box.Empty() {
			continue
		}
		m := measure{box: box, staves: 1}
		label := strings.TrimSpace(item.Text)
		if len(label) > 0 && label[0] >= '1' && label[0] <= '0'+printed.MaxStaves {
			m.staves = int(label[0] - '0')
		}
		m.explicit = strings.HasSuffix(label, "x")
		beside := len(out) > 0 && min(box.Y1, last.Y1)-max(box.Y0, last.Y0) > 0.5*min(box.Height(), last.Height())
		middle := (box.X0 + box.X1) / 2
		switch {
		case beside && middle > last.X1:
			out[len(out)-1] = append(out[len(out)-1], m)
		case beside && middle > last.X0:
			continue
		default:
			out = append(out, []measure{m})
		}
		last = box
	}
	return out
}

// manner is what most bars of a system say of it.
func manner(bars []measure) (staves int, explicit bool) {
	votes := map[int]int{}
	marked := 0
	for _, b := range bars {
		votes[b.staves]++
		if b.explicit {
			marked++
		}
	}
	for n := range votes {
		if votes[n] > votes[staves] || votes[n] == votes[staves] && n > staves {
			staves = n
		}
	}
	return staves, 2*marked > len(bars)
}

// shown is what the model is shown of a bar.
func shown(bar task.Box, staves int, view task.Box) task.Box {
	space := bar.Height() / float64(4+10*(staves-1)) // staves stand about six spaces apart
	around := task.Box{X0: bar.X0 - spacesBeside*space, Y0: bar.Y0 - spacesAbove*space, X1: bar.X1 + spacesBeside*space, Y1: bar.Y1 + spacesAbove*space}.Intersect(view)
	if around.Empty() {
		return bar
	}
	return around
}

// readBars joins the answers about bars into systems.
func readBars(ctx context.Context, page task.Page, answers []task.Answer) (task.Reading, error) {
	var r rows
	silent, assumed := 0, 0
	for from := 0; from < len(answers); {
		if err := ctx.Err(); err != nil {
			return task.Reading{}, err
		}
		first := stateOf(answers[from])
		to := from + 1
		for to < len(answers) && sameSystem(first, stateOf(answers[to])) {
			to++
		}
		part := answers[from:to]
		from = to
		for _, a := range part {
			r.count.add(a)
			if strings.TrimSpace(a.Text) == "" {
				silent++
			}
		}
		s, clefs, ok := joined(part, page)
		if !ok {
			continue
		}
		assumed += clefs
		if s.confidence < first.Sure {
			r.count.unsure++
			continue
		}
		r.add(s)
	}
	out := r.reading()
	if out.Unreadable == "" {
		if silent > 0 {
			out.Notes = append(out.Notes, fmt.Sprintf("nothing was read in %d of %d bars", silent, len(answers)))
		}
		if assumed > 0 {
			out.Notes = append(out.Notes, fmt.Sprintf("%d staves show no clef; the usual was taken", assumed))
		}
	}
	return out, nil
}

func sameSystem(a, b state) bool { return a.Bar != nil && b.Bar != nil && a.Bar.System == b.Bar.System }

// joined makes a system of the answers about its bars; false when they say nothing.
func joined(answers []task.Answer, page task.Page) (s system, assumed int, ok bool) {
	how := stateOf(answers[0])
	if how.Bar == nil {
		return s, 0, false
	}
	texts := make([]string, len(answers))
	boxes := make([]task.Box, len(answers))
	certain := make([]loc.Certainty, len(answers))
	weight, total := 0.0, 0.0
	for i, a := range answers {
		texts[i] = a.Text
		certain[i] = loc.NewCertainty(a.Text, a.Tokens)
		boxes[i] = a.Ask.Region
		if of := stateOf(a).Bar; of != nil && of.Box.Finite() && !of.Box.Empty() {
			boxes[i] = of.Box
		}
		boxes[i] = boxes[i].Intersect(page.Bounds())
		if strings.TrimSpace(a.Text) != "" {
			n := float64(len(a.Text))
			weight, total = weight+n, total+n*certain[i].Between(0, len(a.Text))
			ok = true
		}
		if s.box.Empty() {
			s.box = boxes[i]
		} else if !boxes[i].Empty() {
			s.box = s.box.Union(boxes[i])
		}
	}
	if !ok {
		return s, 0, false
	}
	score := printed.Kern(texts, printed.Options{Staves: how.Bar.Staves, Explicit: how.Bar.Explicit})
	s.kern, s.raw, s.confidence = score.Text, strings.Join(texts, "\n"), total/weight
	s.sure = func(line, column int) float64 {
		if line < 1 || line > len(score.Origins) || column < 0 || column >= len(score.Origins[line-1]) {
			return s.confidence
		}
		at := score.Origins[line-1][column]
		if at.Bar < 0 || at.To <= at.From {
			return s.confidence
		}
		return certain[at.Bar].Between(at.From, at.To)
	}
	s.where = func(line int) task.Box {
		if line >= 1 && line <= len(score.Origins) {
			for _, at := range slices.Backward(score.Origins[line-1]) {
				if at.Bar >= 0 && !boxes[at.Bar].Empty() {
					return boxes[at.Bar]
				}
			}
		}
		return s.box
	}
	return s, len(score.Assumed), true
}
