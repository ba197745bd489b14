package main

import (
	"math"
	"strings"
	"testing"

	"palimpsest.dev/task"
	"palimpsest.dev/task/tasktest"
)

// usual is how a model may be asked for page numbers.
var usual = task.Profile{Prompt: "ocr", View: task.ViewRegion, Fit: task.FitLetterbox, Box: task.BoxYXYXBefore, Size: 448, LocBins: 1024, MaxTokens: 64}

func TestConformance(t *testing.T) {
	t.Parallel()
	tasktest.Run(t, tasktest.Config{Open: func(testing.TB) task.Task { return pagenumber{} },
		Answers: []string{"<loc0100><loc0500><loc0200><loc0540>xiv", "12", "<loc0100><loc0500><loc0200><loc0540>12<loc0100><loc0500><loc0200><loc0541>13"}})
}

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]number{
		"12": {12, arabic, "12"}, "- 7 -": {7, arabic, "7"}, "[403]": {403, arabic, "403"}, "007.": {7, arabic, "007"},
		"xiv": {14, roman, "xiv"}, "— IV —": {4, roman, "IV"}, "ccclxxxix": {389, roman, "ccclxxxix"},
	} {
		if got, ok := parse(text); !ok || got != want {
			t.Errorf("%q: %+v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", " - ", "0", "-", "123456", "12a", "Xiv", "iiii", "mix", "page", "1 2", "１２", "\xff", "\x00"} {
		if got, ok := parse(text); ok {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

// The strips lie on the page, cover their whole width, and overlap.
func TestPlanCutsStrips(t *testing.T) {
	t.Parallel()
	tiles := usual
	tiles.View, tiles.XHeight, tiles.XHeightMin, tiles.XHeightMax, tiles.Overlap = task.ViewTiles, 10, 7, 13, 112
	for _, page := range []task.Page{{Width: 1000, Height: 1400}, {Width: 100, Height: 4000}, {Width: 60000, Height: 50}, {Width: 1, Height: 1}} {
		asks, err := pagenumber{}.Plan(t.Context(), page, tiles)
		if err != nil {
			t.Fatal(err)
		}
		reach := map[string]float64{}
		for _, a := range asks {
			place, _, _ := strings.Cut(a.ID, " ")
			if a.Region.X0 > reach[place]+1e-6 || !page.Bounds().Contains(a.Region, 1e-6) || a.Region.Height() > 0.121*float64(page.Height) {
				t.Errorf("%d x %d: %s shows %v, the strip is seen up to %g", page.Width, page.Height, a.ID, a.Region, reach[place])
			}
			reach[place] = a.Region.X1
		}
		if w := float64(page.Width) - 1e-6; reach[top] < w || reach[bottom] < w || len(asks) > 2*maxParts {
			t.Errorf("%d x %d: %d asks up to %v", page.Width, page.Height, len(asks), reach)
		}
	}
	asks, err := pagenumber{}.Plan(t.Context(), task.Page{Width: 1000, Height: 1400, Options: map[string]string{"strip": "20"}}, usual)
	if err != nil || len(asks) != 2 || asks[0].Region != (task.Box{X1: 1000, Y1: 280}) || asks[1].Region != (task.Box{Y0: 1120, X1: 1000, Y1: 1400}) {
		t.Errorf("%+v, %v", asks, err)
	}
}

// What the model is too unsure of is told, not taken over.
func TestUnsureNumbersAreLeftOut(t *testing.T) {
	t.Parallel()
	how, page := usual, task.Page{Number: 1, Width: 600, Height: 800}
	how.Box, how.MinConfidence = task.BoxNone, 0.5
	asks, err := pagenumber{}.Plan(t.Context(), page, how)
	if err != nil {
		t.Fatal(err)
	}
	for probability, want := range map[float64]int{0.4: 0, 0.6: 1} {
		a := task.Answer{Ask: asks[0], Text: "12", Stop: task.StopEnd, ToPage: task.Affine{600, 0, 0, 0, 96, 0}, Tokens: []task.Token{{Text: "12", LogProb: math.Log(probability)}}}
		r, err := pagenumber{}.Read(t.Context(), page, []task.Answer{a})
		if err != nil || len(r.Records) != want || len(r.Notes) != 1-want {
			t.Errorf("%g: %+v, %v", probability, r, err)
		}
	}
}

// FuzzRead: whatever the model writes, what comes of it holds the task's own
// description.
func FuzzRead(f *testing.F) {
	f.Add("<loc0100><loc0500><loc0200><loc0540>12", true)
	f.Add("- xiv -", false)
	f.Fuzz(func(t *testing.T, text string, placed bool) {
		how, page := usual, task.Page{Document: "a.pdf", Number: 1, Width: 600, Height: 800}
		if !placed {
			how.Box = task.BoxNone
		}
		asks, err := pagenumber{}.Plan(t.Context(), page, how)
		if err != nil {
			t.Fatal(err)
		}
		r, err := pagenumber{}.Read(t.Context(), page, []task.Answer{{Ask: asks[0], Text: text, Stop: task.StopEnd, ToPage: task.Affine{600, 0, 0, 0, 600, -250}}})
		if err == nil {
			err = pagenumber{}.Info().CheckReading(page, 1, r)
		}
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
