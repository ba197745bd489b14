package tiles

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"palimpsest.dev/task"
)

// mini is the profile of the default model.
var mini = task.Profile{Prompt: "ocr", View: task.ViewTiles, Fit: task.FitStretch, Box: task.BoxYXYXBefore, Size: 224, XHeight: 9,
	XHeightMin: 6.75, XHeightMax: 13.5, MinScale: 0.2, MaxScale: 2, Overlap: 72, LocBins: 1024, MaxTokens: 640}

const limit = 400

// randomPage lays out text of a few sizes without regard for sense.
func randomPage(seed uint64) task.Page {
	r := rand.New(rand.NewPCG(seed, 1))
	p := task.Page{Width: 200 + r.IntN(3000), Height: 200 + r.IntN(4000), DPI: 200}
	sizes := []float64{6 + 20*r.Float64(), 6 + 40*r.Float64(), 5 + 10*r.Float64()}
	for range r.IntN(150) {
		x := sizes[r.IntN(len(sizes))] * (0.9 + 0.2*r.Float64())
		x0, y0 := r.Float64()*float64(p.Width), r.Float64()*float64(p.Height)
		w := (0.02 + r.Float64()) * float64(p.Width)
		p.Lines = append(p.Lines, task.Line{Box: task.Box{X0: x0, Y0: y0, X1: x0 + w, Y1: y0 + 1.4*x + 0.8*x*r.Float64()}, XHeight: x})
	}
	return p
}

// TestEveryWordIsWholeInSomeTile is what the planner is for: every piece of a
// line that is shorter than the overlap lies in one tile, with the height of
// the line, at a scale that the model reads well.
func TestEveryWordIsWholeInSomeTile(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			page := randomPage(seed)
			plan := Plan(page, mini, limit)
			if len(plan) > limit {
				t.Fatalf("%d tiles", len(plan))
			}
			if len(plan) > limit*3/4 {
				t.Skip("so many that the tiles may have been enlarged")
			}
			for _, l := range usable(page) {
				checkLine(t, plan, l)
			}
		})
	}
}

func checkLine(t *testing.T, plan []Tile, l task.Line) {
	t.Helper()
	step := l.XHeight
	for x := l.Box.X0; x < l.Box.X1; x += step {
		found := false
		for _, tile := range plan {
			shown := l.XHeight * tile.Scale
			if clamped := tile.Scale >= mini.MaxScale-1e-9 || tile.Scale <= mini.MinScale+1e-9; !clamped && (shown < mini.XHeightMin-1e-6 || shown > mini.XHeightMax+1e-6) {
				continue
			}
			word := task.Box{X0: x, Y0: l.Box.Y0, X1: min(l.Box.X1, x+float64(mini.Overlap)/tile.Scale), Y1: l.Box.Y1}
			if tile.Region.Contains(word, 1e-6) {
				found = true
				break
			}
		}
		if !found {
			t.Fatalf("line %+v: the word at %.1f is whole in no tile", l, x)
		}
	}
}

func TestPlanAsksNoMoreThanItMust(t *testing.T) {
	t.Parallel()
	line := func(x0, x1, y, x float64) task.Line {
		return task.Line{Box: task.Box{X0: x0, Y0: y - 0.8*x, X1: x1, Y1: y + 1.2*x}, XHeight: x}
	}
	page := task.Page{Width: 1654, Height: 2339, DPI: 200}
	with := func(lines ...task.Line) task.Page { p := page; p.Lines = lines; return p }
	var body []task.Line
	for i := range 45 {
		body = append(body, line(200, 1450, 200+45*float64(i), 13))
	}
	for _, c := range []struct {
		name string
		page task.Page
		most int
	}{
		{"a short line", with(line(300, 500, 400, 13)), 1},
		{"a page number and a title far apart", with(line(800, 830, 2300, 13), line(600, 900, 100, 13)), 2},
		{"two cells of a row, far apart", with(line(100, 200, 400, 13), line(1400, 1500, 400, 13)), 2},
		{"lines of one paragraph", with(line(100, 350, 400, 13), line(100, 350, 440, 13), line(100, 300, 480, 13)), 1},
		{"a page of text", with(body...), 70},
		{"text of two sizes", with(line(100, 350, 400, 13), line(100, 350, 440, 40)), 2},
		{"slightly different sizes", with(line(100, 350, 400, 12), line(100, 350, 440, 15)), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if plan := Plan(c.page, mini, limit); len(plan) > c.most || len(plan) == 0 {
				t.Errorf("%d tiles, want at most %d", len(plan), c.most)
			}
		})
	}
}

func TestTilesDoNotCutLinesWhereTheyNeedNot(t *testing.T) {
	t.Parallel()
	page := task.Page{Width: 1654, Height: 2339, DPI: 200}
	for i := range 45 {
		y := 200 + 45*float64(i)
		page.Lines = append(page.Lines, task.Line{Box: task.Box{X0: 200, Y0: y - 12, X1: 1450, Y1: y + 14}, XHeight: 13})
	}
	cuts := 0
	plan := Plan(page, mini, limit)
	for _, tile := range plan {
		if cut(page.Lines, tile.Region.Y0)+cut(page.Lines, tile.Region.Y1) > 0 {
			cuts++
		}
	}
	if cuts > len(plan)/10 {
		t.Errorf("%d of %d tiles cut a line", cuts, len(plan))
	}
}

func TestPageWithoutLinesIsCoveredWhole(t *testing.T) {
	t.Parallel()
	for _, page := range []task.Page{{Width: 1654, Height: 2339, DPI: 200}, {Width: 900, Height: 300}, {Width: 1, Height: 1}} {
		plan := Plan(page, mini, limit)
		for y := 0.5; y < float64(page.Height); y += 20 {
			for x := 0.5; x < float64(page.Width); x += 20 {
				found := false
				for _, tile := range plan {
					found = found || tile.Region.Contains(task.Box{X0: x, Y0: y, X1: x, Y1: y}, 0)
				}
				if !found {
					t.Fatalf("%d x %d: nothing shows %g, %g", page.Width, page.Height, x, y)
				}
			}
		}
	}
}

func TestPlanStaysWithinItsLimit(t *testing.T) {
	t.Parallel()
	page := task.Page{Width: 20000, Height: 20000}
	for i := range 1500 {
		y := 13 * float64(i)
		page.Lines = append(page.Lines, task.Line{Box: task.Box{X0: 0, Y0: y, X1: 20000, Y1: y + 10}, XHeight: 5})
	}
	for _, n := range []int{1, 7, limit} {
		plan := Plan(page, mini, n)
		if len(plan) == 0 || len(plan) > n {
			t.Errorf("limit %d: %d tiles", n, len(plan))
		}
		for _, l := range page.Lines { // larger tiles, but nothing forgotten
			found := false
			for _, tile := range plan {
				found = found || tile.Region.Contains(task.Box{X0: 10000, Y0: l.Box.Y0, X1: 10000, Y1: l.Box.Y1}, 0)
			}
			if !found {
				t.Fatalf("limit %d: line at %g is in no tile", n, l.Box.Y0)
			}
		}
	}
}

func FuzzPlan(f *testing.F) {
	f.Add(1000, 1000, 9.0, 72, 100.0, 100.0, 500.0, 120.0, 13.0)
	f.Add(1, 1, 100.0, 112, -5.0, -5.0, 1e9, 1e9, 0.0)
	f.Fuzz(func(t *testing.T, w, h int, x float64, overlap int, x0, y0, x1, y1, lx float64) {
		how := mini
		how.XHeight, how.XHeightMin, how.XHeightMax, how.Overlap = x, 0.75*x, 1.5*x, overlap
		page := task.Page{Width: w % 20000, Height: h % 20000}
		if how.Check() != nil || page.Width < 1 || page.Height < 1 {
			return
		}
		for n := range 20 {
			i := float64(n)
			page.Lines = append(page.Lines, task.Line{Box: task.Box{X0: x0 + i, Y0: y0 + i*y1, X1: x1 + i, Y1: y1 + i*y1}, XHeight: lx})
		}
		plan := Plan(page, how, limit)
		if len(plan) == 0 || len(plan) > limit || !reflect.DeepEqual(plan, Plan(page, how, limit)) {
			t.Fatalf("%d tiles", len(plan))
		}
		for _, tile := range plan {
			if !tile.Region.Finite() || tile.Region.Intersect(page.Bounds()).Empty() || math.Abs(tile.Region.Width()-tile.Region.Height()) > 1e-6*tile.Region.Width() {
				t.Fatalf("tile %+v on a page of %d x %d", tile, page.Width, page.Height)
			}
		}
	})
}

func BenchmarkPlan(b *testing.B) {
	page := randomPage(3)
	for b.Loop() {
		Plan(page, mini, limit)
	}
}

// A page with more sizes of text than tiles are allowed is planned all the same.
func TestFewerTilesThanSizes(t *testing.T) {
	page := task.Page{Number: 1, Width: 1000, Height: 1000}
	for i, x := range []float64{4, 12, 40, 120} {
		y := 200 * float64(i)
		page.Lines = append(page.Lines, task.Line{Box: task.Box{X0: 0, Y0: y, X1: 900, Y1: y + 150}, XHeight: x})
	}
	how := task.Profile{Prompt: "ocr", View: task.ViewTiles, Fit: task.FitStretch, Box: task.BoxYXYXBefore, Size: 224,
		XHeight: 9, XHeightMin: 6, XHeightMax: 13, MinScale: 0.01, MaxScale: 10, Overlap: 72, LocBins: 1024, MaxTokens: 640}
	if got := Plan(page, how, 2); len(got) == 0 || len(got) > 2 {
		t.Errorf("%d tiles, at most 2 are allowed", len(got))
	}
}
