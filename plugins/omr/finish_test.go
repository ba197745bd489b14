package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"palimpsest.dev/plugins/omr/kern"
	"palimpsest.dev/task"
)

func profile(view string) task.Profile {
	return task.Profile{Prompt: "omr", View: view, Fit: task.FitLetterbox, Box: task.BoxNone, Size: 448, LocBins: 1024, MaxTokens: 900}
}

func TestThePageIsShownWholeOrSystemBySystem(t *testing.T) {
	t.Parallel()
	asks, err := omr{}.Plan(t.Context(), page(), profile(task.ViewPage))
	if err != nil || len(asks) != 1 || asks[0].Prompt != "omr" || asks[0].Region != page().Bounds() || asks[0].MaxTokens != 900 {
		t.Fatalf("%+v, %v", asks, err)
	}
	tiled := profile(task.ViewTiles)
	tiled.XHeight, tiled.XHeightMin, tiled.XHeightMax = 9, 7, 13
	if _, err := (omr{}).Plan(t.Context(), page(), tiled); !errors.Is(err, task.ErrInvalid) {
		t.Errorf("tiles: %v", err)
	}
	asks, err = omr{}.Plan(t.Context(), page(), profile(task.ViewRegion))
	if err != nil || len(asks) != 1 || asks[0].Prompt != "detect staff" {
		t.Fatalf("%+v, %v", asks, err)
	}
	found := answerOf("<loc0512><loc0128><loc0640><loc0896> staff ; <loc0128><loc0128><loc0256><loc0896> staff ; " +
		"<loc0130><loc0128><loc0258><loc0896> staff ; <loc0300><loc0128><loc0256><loc0896> staff")
	found.Ask = asks[0]
	r, err := omr{}.Read(t.Context(), page(), []task.Answer{found})
	if err != nil || len(r.Asks) != 2 || len(r.Records) != 0 || len(r.Notes) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := (omr{}).Info().CheckReading(page(), 1, r); err != nil {
		t.Error(err)
	}
	// A box of 750 x 175 pixels at 125, 175, shown with 15 % of its height around it.
	if got, want := r.Asks[0].Region, (task.Box{X0: 98.75, Y0: 148.75, X1: 901.25, Y1: 376.25}); got != want || r.Asks[0].Prompt != "omr" {
		t.Errorf("first system %+v, want %v", r.Asks[0], want)
	}
	var answers []task.Answer
	for _, a := range r.Asks {
		w, h := a.Region.Width(), a.Region.Height()
		answers = append(answers, task.Answer{Ask: a, Text: "4c\n*-", Stop: task.StopEnd, ToPage: task.Affine{w, 0, a.Region.X0, 0, h, a.Region.Y0}})
	}
	r, err = omr{}.Read(t.Context(), page(), answers)
	if err != nil || len(r.Asks) != 0 || len(r.Records) != 4 || r.Records[0].Box != answers[0].Ask.Region {
		t.Errorf("%+v, %v", r, err)
	}
}

// score is a stored row of a system.
func score(text string) task.Record {
	return task.Record{Relation: scoreRelation, Box: task.Box{X1: 10, Y1: 10}, Confidence: 1, Source: task.SourceModel,
		Values: map[string]any{"kern": "**kern\n" + strings.ReplaceAll(text, " ", "\n") + "\n*-\n"}}
}

// scored is a page with systems.
func scored(n int, state string, systems ...string) task.DocumentPage {
	p := task.DocumentPage{Page: task.Page{Number: n, Width: 10, Height: 10}, State: state}
	for _, s := range systems {
		p.Records = append(p.Records, score(s))
	}
	return p
}

// names are those of the **kern files of a reading, with their bars.
func names(t *testing.T, r task.Reading) string {
	t.Helper()
	var out []string
	for _, f := range r.Artifacts {
		if name, ok := strings.CutSuffix(f.Name, ".krn"); ok {
			s := kern.Read(string(f.Content), kern.Options{})
			out = append(out, fmt.Sprintf("%s %d", strings.TrimPrefix(name, "movement-"), len(s.Measures)))
		}
	}
	return strings.Join(out, ", ")
}

func TestMovements(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pages []task.DocumentPage
		want  string
	}{
		"over pages": {[]task.DocumentPage{scored(1, "done", "*clefG2 *M2/4 =1 2c =2 2d", "*clefG2 =3 2e"), scored(2, "blank"),
			scored(3, "done", "*clefG2 =4 2f ==")}, "p0001-s01 4"},
		"a final bar line":             {[]task.DocumentPage{scored(1, "done", "*M2/4 2c ==", "*M2/4 2d ==")}, "p0001-s01 1, p0001-s02 1"},
		"bars from 1 again":            {[]task.DocumentPage{scored(1, "done", "=1 2c =2 2d", "=1 2e =2 2f")}, "p0001-s01 2, p0001-s02 2"},
		"a page that failed":           {[]task.DocumentPage{scored(1, "done", "=1 2c"), scored(2, "failed"), scored(3, "done", "=3 2e")}, "p0001-s01 1, p0003-s01 1"},
		"a system that cannot be read": {[]task.DocumentPage{scored(4, "done", "=1 2c", "=2 2?", "=3 2e", "=4 2f")}, "p0004-s01 1, p0004-s03 2"},
		"nothing":                      {nil, ""},
	} {
		r, err := omr{}.Finish(t.Context(), task.Document{ID: "1", Name: "d.pdf", Pages: c.pages})
		if err == nil {
			err = omr{}.Info().CheckDocumentReading(r)
		}
		if got := names(t, r); err != nil || got != c.want {
			t.Errorf("%s: %v, %s; want %s", name, err, got, c.want)
		}
	}
}

// A movement that is broken off at the end of a part of a document goes on in
// files of its own, whose names no other part gives.
func TestPartsDoNotShareFiles(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for part := 1; part <= 2; part++ {
		r, err := omr{}.Finish(t.Context(), task.Document{ID: "1", Name: "d.pdf", Part: part, Parts: 2,
			Pages: []task.DocumentPage{scored(32*part, "done", "=1 2c =2 2d")}})
		if err != nil || len(r.Artifacts) != 3 {
			t.Fatalf("%+v, %v", r, err)
		}
		for _, f := range r.Artifacts {
			if seen[f.Name]++; seen[f.Name] > 1 {
				t.Errorf("%s is in both parts", f.Name)
			}
		}
	}
}

func TestManyMovementsShareAZip(t *testing.T) {
	t.Parallel()
	var systems []string
	for range maxMovements + 1 {
		systems = append(systems, "*M2/4 2c ==")
	}
	r, err := omr{}.Finish(t.Context(), task.Document{ID: "1", Name: "d.pdf", Pages: []task.DocumentPage{scored(7, "done", systems...)}})
	if err != nil || len(r.Artifacts) != 1 || r.Artifacts[0].Name != "movements-p0007.zip" {
		t.Fatalf("%+v, %v", r.Notes, err)
	}
	content := r.Artifacts[0].Content
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil || len(z.File) != 3*len(systems) {
		t.Fatalf("%v", err)
	}
	f, err := z.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(f); err != nil || !strings.HasPrefix(string(text), "**kern\n*M2/4\n") {
		t.Errorf("%q, %v", text, err)
	}
}
