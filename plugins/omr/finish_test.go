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
	p := page()
	p.Regions = []task.Region{p.Whole(task.RegionStaff)}
	asks, err := omr{}.Plan(t.Context(), p, profile(task.ViewPage))
	if err != nil || len(asks) != 1 || asks[0].Prompt != "omr" || asks[0].Region != p.Bounds() || asks[0].MaxTokens != 900 {
		t.Fatalf("%+v, %v", asks, err)
	}
	tiled := profile(task.ViewTiles)
	tiled.XHeight, tiled.XHeightMin, tiled.XHeightMax = 9, 7, 13
	if _, err := (omr{}).Plan(t.Context(), p, tiled); !errors.Is(err, task.ErrInvalid) {
		t.Errorf("tiles: %v", err)
	}
	// A box of 750 x 175 pixels at 125, 175, shown with 15 % of its height around it.
	p.Regions = []task.Region{{Kind: task.RegionStaff, Box: task.Box{X0: 125, Y0: 175, X1: 875, Y1: 350}, Confidence: 1, Source: task.SourceModel},
		{Kind: task.RegionStaff, Box: task.Box{X0: 0, Y0: 1300, X1: 1000, Y1: 1400}, Confidence: 1, Source: task.SourcePerson}}
	how := profile(task.ViewRegion)
	how.Grammar = "kern"
	asks, err = omr{}.Plan(t.Context(), p, how)
	if err != nil || len(asks) != 2 || asks[0].Region != (task.Box{X0: 98.75, Y0: 148.75, X1: 901.25, Y1: 376.25}) ||
		asks[1].Region != (task.Box{X0: 0, Y0: 1285, X1: 1000, Y1: 1400}) || asks[0].Prompt != "omr" || asks[0].Grammar != "kern" {
		t.Fatalf("%+v, %v", asks, err)
	}
	var answers []task.Answer
	for _, a := range asks {
		w, h := a.Region.Width(), a.Region.Height()
		answers = append(answers, task.Answer{Ask: a, Text: "4c\n*-", Stop: task.StopEnd, ToPage: task.Affine{w, 0, a.Region.X0, 0, h, a.Region.Y0}})
	}
	r, err := omr{}.Read(t.Context(), p, answers)
	if err != nil || len(r.Records) != 4 || r.Records[0].Box != answers[0].Ask.Region {
		t.Errorf("%+v, %v", r, err)
	}
	p.Regions = []task.Region{}
	if asks, err := (omr{}).Plan(t.Context(), p, how); err != nil || len(asks) != 0 {
		t.Errorf("a page without music: %+v, %v", asks, err)
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
