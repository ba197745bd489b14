package main

import (
	"os"
	"testing"

	"palimpsest.dev/task"
	"palimpsest.dev/task/tasktest"
)

var program = tasktest.NewProgram("molecule")

func TestMain(m *testing.M) { os.Exit(program.Main(m)) }

// profiles are how a model may be asked for molecules.
var profiles = map[string]task.Profile{
	"page":   {Prompt: "molecule", View: task.ViewPage, Fit: task.FitLetterbox, Box: task.BoxYXYXBefore, Size: 896, LocBins: 1024, MaxTokens: 1024},
	"region": {Prompt: "molecule", View: task.ViewRegion, Fit: task.FitLetterbox, Box: task.BoxYXYXBefore, Size: 448, LocBins: 1024, MinConfidence: 0.3, MaxTokens: 512},
	"plain":  {Prompt: "molecule", View: task.ViewRegion, Fit: task.FitLetterbox, Box: task.BoxNone, Size: 448, LocBins: 1024, MaxTokens: 512},
	"atoms":  {Prompt: "molecule", View: task.ViewRegion, Fit: task.FitLetterbox, Box: task.BoxAtoms, Size: 224, LocBins: 1024, MaxTokens: 512, Grammar: "atoms"},
}

// conformance is what the suite needs to know: profiles with and without
// places, one that this task refuses, and answers that it can read.
func conformance() tasktest.Config {
	return tasktest.Config{
		Profiles: []task.Profile{profiles["page"], profiles["region"], profiles["plain"], profiles["atoms"],
			{Prompt: "molecule", View: task.ViewTiles, Fit: task.FitStretch, Box: task.BoxYXYXBefore, Size: 224, XHeight: 9, XHeightMin: 7, XHeightMax: 13, LocBins: 1024, MaxTokens: 512},
		},
		Answers: []string{
			"<loc0100><loc0100><loc0300><loc0300>CC(=O)Oc1ccccc1C(=O)O aspirin<loc0400><loc0100><loc0600><loc0300>C1CC",
			"<loc0100><loc0100><loc0300><loc0900>molecule ; <loc0500><loc0100><loc0800><loc0900>molecule",
			"C[C@H](N)C(=O)O 3a",
			"<loc0504><loc0092>C<loc0396><loc0276>C<loc0504><loc0456>O <loc0688><loc0276>3a",
		},
	}
}

func TestConformanceInProcess(t *testing.T) {
	t.Parallel()
	c := conformance()
	c.Open = func(testing.TB) task.Task { return molecule{} }
	tasktest.Run(t, c)
}

func TestConformanceAsProgram(t *testing.T) {
	t.Parallel()
	tasktest.RunProgram(t, "molecule", program.Path(t), conformance())
}

// The profile's grammar keeps each answer.
func TestAsksCarryTheGrammar(t *testing.T) {
	t.Parallel()
	page := task.Page{Number: 1, Width: 100, Height: 100}
	page.Regions = []task.Region{page.Whole(task.RegionMolecule)}
	for _, language := range []string{"molecules", ""} {
		how := profiles["region"]
		how.Grammar = language
		if asks, err := (molecule{}).Plan(t.Context(), page, how); err != nil || len(asks) != 1 || asks[0].Grammar != language {
			t.Errorf("%q: %+v, %v", language, asks, err)
		}
	}
}

// FuzzRead: whatever the model writes, what comes of it holds the task's own
// description and gives files.
func FuzzRead(f *testing.F) {
	for _, a := range conformance().Answers {
		f.Add(a, false, "end")
		f.Add(a, true, "length")
	}
	f.Add("<loc0000><loc0000><loc1023><loc1023>[R1]c1ccccc1 [X]", false, "loop")
	f.Add("<loc0000><loc0000><loc1023><loc1023>C%(12345)\x00C", false, "end")
	page := task.Page{Document: "a.pdf", Number: 1, Width: 600, Height: 800}
	page.Regions = []task.Region{page.Whole(task.RegionMolecule)}
	f.Fuzz(func(t *testing.T, text string, plain bool, stop string) {
		how := profiles["page"]
		if plain {
			how.Box = task.BoxNone
		}
		asks, err := molecule{}.Plan(t.Context(), page, how)
		if err != nil {
			t.Fatal(err)
		}
		a := task.Answer{Ask: asks[0], Text: text, Stop: task.Stop(stop), ToPage: task.Affine{800, 0, -100, 0, 800, 0}}
		r, err := molecule{}.Read(t.Context(), page, []task.Answer{a})
		if err != nil {
			t.Fatal(err)
		}
		if err := (molecule{}).Info().CheckReading(page, 1, r); err != nil {
			t.Fatal(err)
		}
		for _, rec := range r.Records {
			if valid := rec.Values["valid"].(bool); valid == (rec.Values["smiles"] == nil) || valid == (rec.Values["reason"] != nil) {
				t.Errorf("%v", rec.Values)
			}
		}
		doc := task.Document{Name: "a.pdf", Pages: []task.DocumentPage{{Page: page, State: "done", Records: r.Records}}}
		out, err := molecule{}.Finish(t.Context(), doc)
		if err != nil {
			t.Fatal(err)
		}
		if err := (molecule{}).Info().CheckDocumentReading(out); err != nil {
			t.Fatal(err)
		}
	})
}
