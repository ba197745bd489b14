package main

import (
	"errors"
	"strings"
	"testing"

	"palimpsest.dev/task"
	"palimpsest.dev/task/loc"
)

func linePage() task.Page {
	return task.Page{Document: "p.png", Number: 1, Width: 1000, Height: 500,
		Lines: []task.Line{{Box: task.Box{X0: 100, Y0: 100, X1: 400, Y1: 120}, XHeight: 9}}}
}

func TestTheProfileDecidesWhatIsAsked(t *testing.T) {
	t.Parallel()
	whole := mini
	whole.View, whole.Fit, whole.Size = task.ViewPage, task.FitLetterbox, 896
	asks, err := ocr{}.Plan(t.Context(), linePage(), whole)
	if err != nil || len(asks) != 1 {
		t.Fatalf("%d asks, %v", len(asks), err)
	}
	if a := asks[0]; a.Region != linePage().Bounds() || a.Size != 896 || a.Fit != task.FitLetterbox || a.Prompt != "ocr" || a.MaxTokens != 640 {
		t.Errorf("ask %+v", a)
	}
	asks, err = ocr{}.Plan(t.Context(), linePage(), mini)
	if err != nil || len(asks) != 2 {
		t.Fatalf("%d asks, %v", len(asks), err)
	}
	for _, a := range asks {
		if a.Size != 224 || a.Fit != task.FitStretch || a.Region.Width() != 224 || a.Region.Height() != 224 {
			t.Errorf("ask %+v", a)
		}
	}
	regions := mini
	regions.View = task.ViewRegion
	if _, err := (ocr{}).Plan(t.Context(), linePage(), regions); !errors.Is(err, task.ErrInvalid) {
		t.Errorf("regions: %v", err)
	}
}

// A letterboxed view maps back through the transform that comes with the
// answer, not through the region.
func TestPlacesGoThroughTheAnswersTransform(t *testing.T) {
	t.Parallel()
	page := linePage()
	a := task.Answer{Ask: task.Ask{ID: "a", Region: page.Bounds(), Size: 896}, Stop: task.StopEnd,
		ToPage: task.Affine{1000, 0, 0, 0, 1000, -250}, // 1000 x 500 in the middle of a square
		Text:   loc.Encode([]loc.Item{{Text: "there", Box: [4]float64{0.1, 0.35, 0.2, 0.37}}}, loc.Bins, 1)}
	r, err := ocr{}.Read(t.Context(), page, []task.Answer{a})
	if err != nil || len(r.Records) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	if got, want := r.Records[0].Box, (task.Box{X0: 100, Y0: 100, X1: 200, Y1: 120}); got.IoU(want) < 0.9 {
		t.Errorf("stands at %v, want %v", got, want)
	}
}

func TestWordsTheModelIsUnsureOfAreLeftOut(t *testing.T) {
	t.Parallel()
	how := mini
	how.MinConfidence = 0.5
	page := linePage()
	asks, err := ocr{}.Plan(t.Context(), page, how)
	if err != nil {
		t.Fatal(err)
	}
	var answers []task.Answer
	for _, a := range asks {
		r := a.Region
		answers = append(answers, task.Answer{Ask: a, Stop: task.StopEnd, ToPage: task.Affine{r.Width(), 0, r.X0, 0, r.Height(), r.Y0}})
	}
	say := func(text string, x0, x1, p float64) {
		r := asks[0].Region
		s := loc.Encode([]loc.Item{{Text: text, Box: [4]float64{(x0 - r.X0) / 224, (100 - r.Y0) / 224, (x1 - r.X0) / 224, (120 - r.Y0) / 224}}}, loc.Bins, 4)
		answers[0].Text += s
		for _, c := range pieces(s) {
			answers[0].Tokens = append(answers[0].Tokens, task.Token{Text: c, LogProb: logOf(p)})
		}
	}
	say("sure", 110, 150, 0.9)
	say("maybe", 160, 210, 0.3)
	r, err := ocr{}.Read(t.Context(), page, answers)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Asks) > 0 {
		var more []task.Answer
		for _, a := range r.Asks {
			more = append(more, task.Answer{Ask: a, Stop: task.StopBlank})
		}
		if r, err = (ocr{}).Read(t.Context(), page, more); err != nil {
			t.Fatal(err)
		}
	}
	if got := string(r.Artifacts[1].Content); got != "sure\n" || !strings.Contains(strings.Join(r.Notes, "|"), "1 words the model was too unsure of") {
		t.Errorf("got %q, notes %q", got, r.Notes)
	}
}
