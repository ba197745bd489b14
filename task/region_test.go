package task

import (
	"errors"
	"strings"
	"testing"
)

// A task is shown each region with its margin, the whole page without, and no
// more than it declares.
func TestAskingAboutRegions(t *testing.T) {
	t.Parallel()
	in := Info{Name: "fake", MaxAsks: 2}
	page := Page{Number: 1, Width: 1000, Height: 500}
	how := Profile{Prompt: "table", View: ViewRegion, Fit: FitLetterbox, Size: 448, MaxTokens: 9, Grammar: "html_table"}
	tenth := func(b Box) float64 { return b.Width() / 10 }
	box := Box{0, 100, 200, 300}
	for name, c := range map[string]struct {
		regions []Region
		asks    []Ask
		note    string
	}{
		"nothing was found": {},
		"nobody looked":     {[]Region{page.Whole(RegionTable)}, []Ask{{ID: "page", Region: Box{0, 0, 1000, 500}}}, ""},
		"one was found":     {[]Region{{RegionTable, box, 1, SourceModel, nil}}, []Ask{{ID: "r0", Region: Box{0, 80, 220, 320}}}, ""},
		"too many":          {[]Region{{RegionTable, box, 1, SourceModel, nil}, {RegionTable, box, 1, SourcePerson, nil}, {RegionTable, box, 1, SourceModel, nil}}, []Ask{{ID: "r0", Region: Box{0, 80, 220, 320}}, {ID: "r1", Region: Box{0, 80, 220, 320}}}, "3 regions"},
		"a tiny one":        {[]Region{{RegionTable, Box{10, 10, 12, 12}, 1, SourceModel, nil}}, []Ask{{ID: "r0", Region: Box{9, 9, 13, 13}}}, ""},
	} {
		page.Regions = c.regions
		asks, err := in.AskRegions(page, how, tenth, []byte("state"))
		if err != nil || len(asks) != len(c.asks) || !strings.HasPrefix(in.LeftOut(page), c.note) || c.note == "" && in.LeftOut(page) != "" {
			t.Errorf("%s: %+v, %v, %q", name, asks, err, in.LeftOut(page))
			continue
		}
		for i, a := range asks {
			if a.ID != c.asks[i].ID || a.Region != c.asks[i].Region || a.Prompt != "table" || a.Grammar != "html_table" || a.Size != 448 || string(a.State) != "state" {
				t.Errorf("%s: ask %d is %+v", name, i, a)
			}
		}
	}
	how.View = ViewTiles
	if _, err := in.AskRegions(page, how, tenth, nil); !errors.Is(err, ErrInvalid) {
		t.Errorf("tiles of a region: %v", err)
	}
}

func TestImpossibleRegionsAreRefused(t *testing.T) {
	t.Parallel()
	how := Profile{View: ViewPage, Fit: FitStretch, Box: BoxNone, Size: 224, LocBins: 1024, MaxTokens: 9}
	good := Region{RegionStaff, Box{0, 0, 10, 10}, 1, SourceModel, nil}
	for want, change := range map[string]func(*Region){
		"":       func(*Region) {},
		"kind":   func(r *Region) { r.Kind = "cat" },
		"empty":  func(r *Region) { r.Box.X1 = 0 },
		"not on": func(r *Region) { r.Box.Y1 = 300 },
		"source": func(r *Region) { r.Source = "gossip" },
	} {
		r := good
		change(&r)
		err := Info{Name: "fake"}.CheckPlan(Page{Number: 1, Width: 100, Height: 100, Regions: []Region{r}}, how)
		if want == "" && err != nil || want != "" && (!errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", want, err)
		}
	}
	page := Page{Number: 1, Width: 100, Height: 100}
	for range MaxRegions + 1 {
		page.Regions = append(page.Regions, good)
	}
	if err := (Info{}).CheckPlan(page, how); !errors.Is(err, ErrInvalid) {
		t.Errorf("too many regions: %v", err)
	}
	for _, kinds := range [][]string{{"cat"}, {RegionTable, RegionTable}} {
		in := goodInfo()
		in.Regions = kinds
		if err := in.Check(); err == nil {
			t.Errorf("kinds %q pass", kinds)
		}
	}
}
