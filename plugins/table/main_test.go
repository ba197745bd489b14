package main

import (
	"os"
	"strings"
	"testing"

	"palimpsest.dev/task"
	"palimpsest.dev/task/tasktest"
)

var program = tasktest.NewProgram("table")

func TestMain(m *testing.M) { os.Exit(program.Main(m)) }

// conformance is what the suite needs to know: profiles that show whole pages,
// one that shows regions, one that this task refuses, and answers that it can
// read.
func conformance() tasktest.Config {
	return tasktest.Config{
		Profiles: []task.Profile{
			profiles["page"], profiles["region"], profiles["steps"],
			{Prompt: "table", View: task.ViewPage, Fit: task.FitStretch, Box: task.BoxNone, Size: 448, LocBins: 1024, MaxTokens: 512},
			{Prompt: "table", View: task.ViewTiles, Fit: task.FitStretch, Box: task.BoxYXYXBefore, Size: 224, XHeight: 9, XHeightMin: 7, XHeightMax: 13, LocBins: 1024, MaxTokens: 512},
		},
		Answers: []string{
			`<loc0100><loc0100><loc0900><loc0900><table><thead><tr><th><loc0110><loc0110><loc0130><loc0300>A</th><th>B</th></tr></thead><tbody><tr><td rowspan="9">1</td><td colspan="0">2</td></tr></tbody></table>`,
			"<loc0100><loc0100><loc0300><loc0900>table ; <loc0500><loc0100><loc0800><loc0900>table",
			"<table>" + strings.Repeat("<tr><td>a<td colspan=100>b", 40),
			"h<loc0010><loc0030>b<loc0100><loc0300><loc0500><loc0990>c<loc0000><loc0300><loc0500><loc1020>s<loc0010><loc0000><loc0030><loc1020>",
			"<loc0100><loc0100><loc0150><loc0300>word<loc0100><loc0310><loc0150><loc0500>more",
		},
	}
}

func TestConformanceInProcess(t *testing.T) {
	t.Parallel()
	c := conformance()
	c.Open = func(testing.TB) task.Task { return table{} }
	tasktest.Run(t, c)
}

func TestConformanceAsProgram(t *testing.T) {
	t.Parallel()
	tasktest.RunProgram(t, "table", program.Path(t), conformance())
}

// FuzzRead holds the plugin to its own description whatever the model writes
// about regions, and at the document's end.
func FuzzRead(f *testing.F) {
	for _, s := range conformance().Answers {
		f.Add(s, s, uint8(0))
		f.Add(s, "", uint8(1))
	}
	f.Add("<loc0001><loc0001><loc0002><loc0002>table", "<td>\xff&#0;<tr></td>", uint8(2))
	f.Add("h<loc0010><loc0030>b<loc0100><loc0300><loc0310><loc0300>c<loc0000><loc0300>", "<loc0100><loc0100><loc0150><loc0300>word<loc0600><loc0310><loc0650><loc0500>more", uint8(0))
	f.Fuzz(func(t *testing.T, first, second string, stop uint8) {
		page := task.Page{Document: "fuzz.pdf", Number: 1, Width: 1000, Height: 700}
		doc := task.Document{Name: "fuzz.pdf"}
		for i, how := range []task.Profile{profiles["page"], profiles["region"], profiles["steps"]} {
			page.Number = i + 1
			page.Regions = []task.Region{page.Whole(task.RegionTable)}
			if i > 0 {
				page.Regions = []task.Region{{Kind: task.RegionTable, Box: task.Box{X0: 1, Y0: 1, X1: 900, Y1: 300}, Source: task.SourceModel},
					{Kind: task.RegionTable, Box: task.Box{X0: 100, Y0: 400, X1: 500, Y1: 700}, Source: task.SourcePerson}}
			}
			asks, err := table{}.Plan(t.Context(), page, how)
			if err != nil {
				t.Fatal(err)
			}
			var answers []task.Answer
			for k, a := range asks {
				text := []string{first, second}[k%2]
				answers = append(answers, task.Answer{Ask: a, Text: text, Stop: []task.Stop{task.StopEnd, task.StopLength, task.StopLoop, task.StopBlank}[stop%4],
					Tokens: []task.Token{{Text: text, LogProb: -0.1}}, ToPage: task.Affine{1000, 0, 0, 0, 1000, -150}})
			}
			r, err := table{}.Read(t.Context(), page, answers)
			if err == nil {
				err = table{}.Info().CheckReading(page, 1, r)
			}
			if err != nil {
				t.Fatal(err)
			}
			doc.Pages = append(doc.Pages, task.DocumentPage{Page: page, State: "done", Records: r.Records})
		}
		r, err := table{}.Finish(t.Context(), doc)
		if err == nil {
			err = table{}.Info().CheckDocumentReading(r)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}
