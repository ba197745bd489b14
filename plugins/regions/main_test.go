package main

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"palimpsest.dev/task"
	"palimpsest.dev/task/tasktest"
)

var program = tasktest.NewProgram("regions")

func TestMain(m *testing.M) { os.Exit(program.Main(m)) }

// usual is how a model is asked for regions.
var usual = task.Profile{Prompt: "detect text ; table ; molecule ; staff ; film ; picture", View: task.ViewPage, Fit: task.FitLetterbox, Box: task.BoxYXYXBefore,
	Size: 896, LocBins: 1024, MinConfidence: 0.3, MaxTokens: 1024, Grammar: "detect"}

// conformance is what the suite needs to know: a profile, three that this task
// refuses, and answers that it can read.
func conformance() tasktest.Config {
	tiles, crops, placeless := usual, usual, usual
	tiles.View, tiles.XHeight, tiles.XHeightMin, tiles.XHeightMax = task.ViewTiles, 9, 7, 13
	crops.View = task.ViewRegion
	placeless.Box = task.BoxNone
	return tasktest.Config{
		Profiles: []task.Profile{usual, tiles, crops, placeless},
		Answers: []string{
			"<loc0100><loc0100><loc0300><loc0900> table ; <loc0500><loc0100><loc0800><loc0900> staff",
			"<loc0100><loc0100><loc0300><loc0300>molecule ; <loc0101><loc0100><loc0300><loc0300>molecule ; <loc0100><loc0500><loc0300><loc0800>text",
		},
	}
}

func TestConformanceInProcess(t *testing.T) {
	t.Parallel()
	c := conformance()
	c.Open = func(testing.TB) task.Task { return regions{} }
	tasktest.Run(t, c)
}

func TestConformanceAsProgram(t *testing.T) {
	t.Parallel()
	tasktest.RunProgram(t, "regions", program.Path(t), conformance())
}

func TestTheProfileSaysHowToAsk(t *testing.T) {
	t.Parallel()
	page := task.Page{Number: 1, Width: 600, Height: 800}
	asks, err := regions{}.Plan(t.Context(), page, usual)
	if err != nil || len(asks) != 1 || asks[0].Prompt != usual.Prompt || asks[0].Grammar != "detect" || asks[0].Region != page.Bounds() || asks[0].MaxTokens != 1024 {
		t.Errorf("%+v, %v", asks, err)
	}
}

// readAnswer reads one answer about a page, held to the task's description.
func readAnswer(t *testing.T, page task.Page, text string, stop task.Stop) task.Reading {
	t.Helper()
	asks, err := regions{}.Plan(t.Context(), page, usual)
	if err != nil {
		t.Fatal(err)
	}
	a := task.Answer{Ask: asks[0], Text: text, Stop: stop, ToPage: task.Affine{800, 0, -100, 0, 800, 0}}
	r, err := regions{}.Read(t.Context(), page, []task.Answer{a})
	if err == nil {
		err = regions{}.Info().CheckReading(page, 1, r)
	}
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	for i, x := range r.Records {
		for _, y := range r.Records[:i] {
			if x.Values["kind"] == y.Values["kind"] && x.Box.IoU(y.Box) >= task.SameRegion {
				t.Fatalf("%q: one region twice: %v %v", text, x.Box, y.Box)
			}
		}
	}
	return r
}

// A model of random weights may write anything; what comes of it holds the
// task's description, and no region stands there twice.
func TestNonsenseIsReadWithoutPanic(t *testing.T) {
	t.Parallel()
	answers := 100_000
	if testing.Short() {
		answers = 2_000
	}
	words := []string{"<loc0000>", "<loc0100>", "<loc0200>", "<loc0900>", "<loc1023>", "<loc0100><loc0100><loc0900><loc0900>", "<loc0100><loc0100><loc0890><loc0900>",
		"text", "table", "Table", "molecule", "staff", "film", "picture", "cat", " ; ", ";", " ", "\n", "é", "\xff", "\x00", ".", "<loc"}
	r := rand.New(rand.NewPCG(3, 5))
	page := task.Page{Document: "a.pdf", Number: 1, Width: 600, Height: 800}
	found := 0
	for range answers {
		var b strings.Builder
		for range r.IntN(60) {
			b.WriteString(words[r.IntN(len(words))])
		}
		found += len(readAnswer(t, page, b.String(), []task.Stop{task.StopEnd, task.StopLength, task.StopLoop}[r.IntN(3)]).Records)
	}
	t.Logf("%d answers, %d regions", answers, found)
	if found == 0 {
		t.Error("no region came of any")
	}
}

// A crowd of regions stays within the bounds.
func TestTooManyRegions(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 1000 {
		b.WriteString(boxOf(i%30*30, i/30*20, i%30*30+25, i/30*20+15) + " text ; ")
	}
	r := readAnswer(t, task.Page{Number: 1, Width: 600, Height: 800}, b.String(), task.StopEnd)
	if len(r.Records) != task.MaxRegions || !strings.Contains(strings.Join(r.Notes, "\n"), "beyond the 512th") {
		t.Errorf("%d regions, notes %q", len(r.Records), r.Notes)
	}
}

// FuzzRead: whatever the model writes, what comes of it holds the task's own
// description.
func FuzzRead(f *testing.F) {
	for _, a := range conformance().Answers {
		f.Add(a, "end")
		f.Add(a, "length")
	}
	f.Add("<loc0100><loc0100><loc0300><loc0300>staff ; staff ;; ", "loop")
	f.Fuzz(func(t *testing.T, text, stop string) {
		readAnswer(t, task.Page{Document: "a.pdf", Number: 1, Width: 600, Height: 800}, text, task.Stop(stop))
	})
}
