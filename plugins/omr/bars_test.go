package main

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"palimpsest.dev/task"
	"palimpsest.dev/task/loc"
	"palimpsest.dev/task/tasktest"
)

// byBars is a profile that reads systems bar by bar.
func byBars() task.Profile {
	return task.Profile{Prompt: "omr", View: task.ViewRegion, Fit: task.FitLetterbox, Box: task.BoxNone, Size: 224, LocBins: 1024, MaxTokens: 512, Grammar: "omr_bar",
		Steps: map[string]task.Profile{measuresStep: {Prompt: "detect measure", View: task.ViewRegion, Fit: task.FitLetterbox, Box: task.BoxYXYXBefore, Size: 224, LocBins: 1024, MaxTokens: 128}}}
}

// played lets a scripted model answer all rounds and gives the last reading.
func played(t *testing.T, p task.Page, how task.Profile, answer func(task.Ask) task.Answer) (task.Reading, [][]task.Ask) {
	t.Helper()
	asks, err := omr{}.Plan(t.Context(), p, how)
	if err != nil {
		t.Fatal(err)
	}
	var rounds [][]task.Ask
	var r task.Reading
	for round := 1; ; round++ {
		rounds = append(rounds, asks)
		var answers []task.Answer
		for _, ask := range asks {
			answers = append(answers, answer(ask))
		}
		if r, err = (omr{}).Read(t.Context(), p, answers); err != nil {
			t.Fatal(err)
		}
		if err := (omr{}).Info().CheckReading(p, round, r); err != nil {
			t.Fatal(err)
		}
		if len(r.Asks) == 0 {
			return r, rounds
		}
		asks = r.Asks
	}
}

// said is an answer whose tokens, one a character, are all as likely.
func said(ask task.Ask, text string, likely float64) task.Answer {
	side := max(ask.Region.Width(), ask.Region.Height())
	x, y := ask.Region.X0-(side-ask.Region.Width())/2, ask.Region.Y0-(side-ask.Region.Height())/2
	a := task.Answer{Ask: ask, Text: text, Stop: task.StopEnd, ToPage: task.Affine{side, 0, x, 0, side, y}}
	for _, c := range text {
		a.Tokens = append(a.Tokens, task.Token{Text: string(c), LogProb: math.Log(likely)})
	}
	return a
}

// places writes boxes of the page as an answer about a view, each with a label.
func places(ask task.Ask, label string, boxes ...task.Box) string {
	side := max(ask.Region.Width(), ask.Region.Height())
	x, y := ask.Region.X0-(side-ask.Region.Width())/2, ask.Region.Y0-(side-ask.Region.Height())/2
	var items []loc.Item
	for _, b := range boxes {
		items = append(items, loc.Item{Text: label, Box: [4]float64{(b.X0 - x) / side, (b.Y0 - y) / side, (b.X1 - x) / side, (b.Y1 - y) / side}})
	}
	return loc.Encode(items, loc.Bins, 1)
}

func staffPage(boxes ...task.Box) task.Page {
	p := page()
	for _, b := range boxes {
		p.Regions = append(p.Regions, task.Region{Kind: task.RegionStaff, Box: b, Confidence: 1, Source: task.SourceModel})
	}
	return p
}

// wholePage is a page on which nobody looked for systems.
func wholePage() task.Page {
	p := page()
	p.Regions = []task.Region{p.Whole(task.RegionStaff)}
	return p
}

// TestSystemsAreReadBarByBar: the first round finds the bars, the second asks about each, and what they say is one system.
func TestSystemsAreReadBarByBar(t *testing.T) {
	t.Parallel()
	p := staffPage(task.Box{X0: 100, Y0: 100, X1: 900, Y1: 300}, task.Box{X0: 100, Y0: 400, X1: 900, Y1: 600})
	bars := []string{"<loc0008>*F4|*G2\n<loc0040>*--|*--\n<loc0100>2<loc0600>e|4<loc0300>h[\n<loc0500>|4<loc0310>g#\n<loc0900>=", "<loc0100>2<loc0600>e|2<loc0300>g\n<loc0900>=="}
	r, rounds := played(t, p, byBars(), func(ask task.Ask) task.Answer {
		switch {
		case ask.Prompt == "omr":
			n := 0
			if ask.Region.X0 > 400 {
				n = 1
			}
			return said(ask, bars[n], []float64{0.9, 0.5}[n])
		case ask.Region.Y0 < 200:
			return said(ask, places(ask, "2", task.Box{X0: 110, Y0: 150, X1: 500, Y1: 250}, task.Box{X0: 500, Y0: 150, X1: 890, Y1: 250}), 0.9)
		}
		return said(ask, "", 1) // no music in the second
	})
	if len(rounds) != 2 || len(rounds[0]) != 2 || len(rounds[1]) != 2 {
		t.Fatalf("rounds %v", rounds)
	}
	for i, ask := range rounds[1] {
		space := 100.0 / 14
		want := task.Box{X0: 110 + 390*float64(i) - 1.2*space, Y0: 150 - 7*space, X1: 500 + 390*float64(i) + 1.2*space, Y1: 250 + 7*space}
		if !ask.Region.Contains(want.Intersect(rounds[0][0].Region), 1.5) || !want.Contains(ask.Region, 1.5) || ask.Grammar != "omr_bar" || ask.Fit != task.FitLetterbox {
			t.Errorf("bar %d is shown as %+v, want %v", i, ask, want)
		}
	}
	var scores, notes []task.Record
	for _, rec := range r.Records {
		if rec.Relation == scoreRelation {
			scores = append(scores, rec)
		} else {
			notes = append(notes, rec)
		}
	}
	want := "**kern\t**kern\n*clefF4\t*clefG2\n*k[b-e-]\t*k[b-e-]\n=\t=\n2D\t[4ee-\n.\t4dd#\n=\t=\n2D\t2dd\n==\t==\n*-\t*-\n"
	if len(scores) != 1 || scores[0].Values["kern"] != want {
		t.Fatalf("scores %v, want %q", scores, want)
	}
	if s := scores[0]; s.Values["valid"] == true || s.Values["measures"] != int64(2) || s.Box.Width() < 700 {
		t.Errorf("score %+v: a tie leads nowhere", s)
	}
	if len(notes) != 5 || math.Abs(notes[0].Confidence-0.9) > 1e-9 || math.Abs(notes[4].Confidence-0.5) > 1e-9 || notes[0].Box.X1 > 510 || notes[4].Box.X0 < 490 {
		t.Errorf("notes %+v", notes)
	}
}

// TestBarsOfAWholePage: bars of an answer about a page are grouped into systems, a bar found twice counts once, and labels are
// outvoted.
func TestBarsOfAWholePage(t *testing.T) {
	t.Parallel()
	var labels []string
	r, rounds := played(t, wholePage(), byBars(), func(ask task.Ask) task.Answer {
		if ask.Prompt == "omr" {
			labels = append(labels, string(ask.State))
			return said(ask, "<loc0008>4<loc0500>a", 0.9)
		}
		text := places(ask, "1", task.Box{X0: 100, Y0: 100, X1: 400, Y1: 150}, task.Box{X0: 400, Y0: 101, X1: 900, Y1: 151}, task.Box{X0: 410, Y0: 100, X1: 900, Y1: 150})
		text += places(ask, "2x", task.Box{X0: 100, Y0: 300, X1: 300, Y1: 400}, task.Box{X0: 300, Y0: 300, X1: 600, Y1: 400}) + places(ask, "1", task.Box{X0: 600, Y0: 300, X1: 900, Y1: 400})
		return said(ask, text+"<loc0001>stray", 0.9)
	})
	if len(rounds[1]) != 5 || strings.Count(strings.Join(labels, ""), `"system":1,"staves":2,"explicit":true`) != 3 {
		t.Errorf("asks %d, states %v", len(rounds[1]), labels)
	}
	if len(r.Records) == 0 || !strings.Contains(fmt.Sprint(r.Notes), "no clef") {
		t.Errorf("reading %+v", r)
	}
}

// TestModelThatRepeatsBars: a model that only repeats itself makes the page unreadable in either round.
func TestModelThatRepeatsBars(t *testing.T) {
	t.Parallel()
	for _, second := range []bool{false, true} {
		r, _ := played(t, wholePage(), byBars(), func(ask task.Ask) task.Answer {
			var a task.Answer
			switch {
			case ask.Prompt == "omr":
				a = said(ask, strings.Repeat("4,", 50), 0.9)
			case second:
				return said(ask, places(ask, "1", task.Box{X0: 100, Y0: 100, X1: 400, Y1: 150}), 0.9)
			default:
				a = said(ask, strings.Repeat("<loc0000>", 50), 0.9)
			}
			a.Stop = task.StopLoop
			return a
		})
		if r.Unreadable == "" || len(r.Records) > 0 {
			t.Errorf("second round %v: %+v", second, r)
		}
	}
}

func TestConformanceBarByBar(t *testing.T) {
	t.Parallel()
	tasktest.Run(t, tasktest.Config{Open: func(testing.TB) task.Task { return omr{} }, Profiles: []task.Profile{byBars()}, Answers: []string{
		"<loc0100><loc0040><loc0300><loc0980>2<loc0400><loc0040><loc0600><loc0500>2", "<loc0008>*F4|*G2\n<loc0040>4<loc0500>a|4<loc0300>b\n<loc0900>="}})
}
