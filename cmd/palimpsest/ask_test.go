package main

import (
	"bufio"
	"context"
	"encoding/json"
	"image"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"palimpsest.dev/engine"
	"palimpsest.dev/task"
)

// parrot answers everything with the same text and remembers what it was shown.
type parrot struct {
	text   string
	scores []float64
	shown  int
}

func (p *parrot) Submit(_ context.Context, r engine.Request) (engine.Answer, error) {
	p.shown = 1 + len(r.More)
	a := engine.Answer{Text: p.text, Stop: engine.StopEnd}
	for _, part := range strings.SplitAfter(p.text, ">") {
		if part != "" {
			a.Tokens = append(a.Tokens, engine.Token{Text: part, LogProb: float32(math.Log(0.5))})
		}
	}
	return a, nil
}

func (p *parrot) Score(_ context.Context, r engine.ScoreRequest) (all []engine.Score, err error) {
	p.shown = 1 + len(r.More)
	for i, text := range r.Continuations {
		all = append(all, engine.Score{Text: text, LogProb: p.scores[i], Tokens: make([]engine.Token, 2)})
	}
	return all, nil
}

func (p *parrot) Info() engine.Info { return engine.Info{Name: "parrot", ImageSize: 224} }

// shownPage is a part of a page of 400 x 800 pixels, stretched into the model's square.
var shownPage = askedPage{file: "a.png", number: 1, width: 400, height: 800, region: task.Box{X0: 100, Y0: 200, X1: 300, Y1: 600},
	view: image.NewRGBA(image.Rect(0, 0, 224, 224)), toPage: task.Affine{200, 0, 100, 0, 400, 200}}

func TestAskMapsPlacesToThePage(t *testing.T) {
	t.Parallel()
	codes := strings.Repeat("<seg001>", 15) + "<seg127>"
	sixteen := []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 127}
	for _, c := range []struct {
		name, text string
		items      []askItem
		note       string
	}{
		{"a caption", "a cat on a mat", nil, ""},
		{"a table", "<loc0000><loc0000><loc0512><loc0512><table><tbody><tr><td><loc0000><loc0000><loc0512><loc0512>cat</td></tr></tbody></table>", nil, ""},
		{"two things", "<loc0000><loc0000><loc0512><loc0512> cat ; <loc0256><loc0512><loc1023><loc1023> black dog", []askItem{
			{Label: "cat", Box: [4]float64{100, 200, 200, 400}, Confidence: 0.5},
			{Label: "black dog", Box: [4]float64{200, 300, 299.8, 599.61}, Confidence: 0.5}}, ""},
		{"a box inside out", "<loc0512><loc0000><loc0000><loc0512> cat", nil, "impossible"},
		{"a mask", "<loc0000><loc0000><loc0512><loc0512>" + codes + " cat ; ", []askItem{
			{Label: "cat", Box: [4]float64{100, 200, 200, 400}, Confidence: 0.5, Codes: sixteen}}, "no vae-oid.npz"},
	} {
		line := (&askCmd{Prompt: "detect cat ; dog"}).ask(t.Context(), &parrot{text: c.text}, &maskDrawer{}, []askedPage{shownPage})
		if diff := cmp.Diff(c.items, line.Items); diff != "" || line.Error != nil || line.Text != c.text {
			t.Errorf("%s: %v\n%s", c.name, line.Error, diff)
		}
		if notes := strings.Join(line.Notes, "; "); c.note == "" && notes != "" || !strings.Contains(notes, c.note) {
			t.Errorf("%s: notes %q", c.name, notes)
		}
	}
}

func TestAskAboutSeveralImages(t *testing.T) {
	t.Parallel()
	p := &parrot{text: "<loc0000><loc0000><loc0512><loc0512> cat"}
	line := (&askCmd{Prompt: "detect cat", Together: true}).ask(t.Context(), p, &maskDrawer{}, []askedPage{shownPage, shownPage})
	if p.shown != 2 || len(line.Images) != 2 || len(line.Items) != 0 || len(line.Notes) != 1 {
		t.Errorf("%d images shown: %+v", p.shown, line)
	}
}

func TestAskComparesAnswers(t *testing.T) {
	t.Parallel()
	p := &parrot{scores: []float64{math.Log(0.01), math.Log(0.03)}}
	line := (&askCmd{Prompt: "answer en is the stamp above the date?", Score: []string{"False", "True"}}).ask(t.Context(), p, &maskDrawer{}, []askedPage{shownPage})
	want := []askScore{{Text: "False", LogProb: -4.60517, Share: 0.25, Tokens: 2}, {Text: "True", LogProb: -3.506558, Share: 0.75, Tokens: 2}}
	if diff := cmp.Diff(want, line.Scores); diff != "" || line.Text != "True" {
		t.Errorf("%q\n%s", line.Text, diff)
	}
}

// A statement about several pages is true or false as well.
func TestAskComparesAnswersAboutSeveralImages(t *testing.T) {
	t.Parallel()
	p := &parrot{scores: []float64{-1, -2}}
	line := (&askCmd{Prompt: "answer en both have the same letterhead", Together: true, Score: []string{"True", "False"}}).ask(t.Context(), p, &maskDrawer{}, []askedPage{shownPage, shownPage, shownPage})
	if p.shown != 3 || len(line.Images) != 3 || line.Text != "True" || len(line.Scores) != 2 {
		t.Errorf("%d images shown: %+v", p.shown, line)
	}
}

func TestRegionsOfTheCommandLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]task.Box{"": {}, "1,2,3,4.5": {X0: 1, Y0: 2, X1: 3, Y1: 4.5}, " 1, 2, 3, 4": {X0: 1, Y0: 2, X1: 3, Y1: 4}} {
		if got, err := parseRegion(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"1,2,3", "1,2,3,4,5", "3,2,1,4", "a,b,c,d", "0,0,NaN,1", "0,0,1,Inf"} {
		if got, err := parseRegion(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// What the trainer writes about pictures is read as it was meant.
func TestPictureTargets(t *testing.T) {
	t.Parallel()
	f, err := os.Open("../../training/testdata/picture_targets.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	type thing struct {
		Label string     `json:"label"`
		Box   [4]float64 `json:"box"`
	}
	square := askedPage{width: 224, height: 224, toPage: task.Affine{224, 0, 0, 0, 224, 0}}
	read := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var example struct {
			Name, Answer string
			Things, Read []thing
		}
		if err := json.Unmarshal(lines.Bytes(), &example); err != nil {
			t.Fatal(err)
		}
		var line askLine
		if err := line.answer(engine.Answer{Text: example.Answer, Stop: engine.StopEnd}, []askedPage{square}, nil); err != nil {
			t.Fatal(err)
		}
		want := append(example.Things, example.Read...)
		if len(line.Items) != len(want) {
			t.Errorf("%s: %+v, want %+v", example.Name, line.Items, want)
			continue
		}
		for i, item := range line.Items {
			read++
			if item.Label != want[i].Label {
				t.Errorf("%s: %q, want %q", example.Name, item.Label, want[i].Label)
			}
			for k, v := range item.Box {
				if math.Abs(v-want[i].Box[k]) > 0.45 { // half a step of the places, and the last one
					t.Errorf("%s: %v, want %v", example.Name, item.Box, want[i].Box)
				}
			}
		}
	}
	if read < 5 {
		t.Errorf("%d things were read", read)
	}
}
