package seams

import (
	"slices"
	"strings"
	"testing"

	"palimpsest.dev/task"
)

// Two tiles of 200 page pixels at scale 1, overlapping by 60, in the middle
// of a page.
var (
	page  = task.Page{Width: 1000, Height: 1000}
	left  = Tile{Region: task.Box{X0: 100, Y0: 100, X1: 300, Y1: 300}, Scale: 1, Whole: true}
	right = Tile{Region: task.Box{X0: 240, Y0: 100, X1: 440, Y1: 300}, Scale: 1, Whole: true}
	fit   = Range{Min: 7, Max: 14}
)

func see(text string, tile int, x0, x1, confidence float64) Word {
	return Word{Text: text, Box: task.Box{X0: x0, Y0: 150, X1: x1, Y1: 165}, Confidence: confidence, XHeight: 9, Tile: tile}
}

func texts(words []Word) string {
	var out []string
	for _, w := range words {
		out = append(out, w.Text)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestMerge(t *testing.T) {
	t.Parallel()
	cut := left
	cut.Whole = false
	for _, c := range []struct {
		name  string
		tiles []Tile
		words []Word
		want  string
	}{
		{"neighbouring words stay", []Tile{left}, []Word{see("a", 0, 150, 180, 1), see("b", 0, 185, 220, 1)}, "a b"},
		{"seen twice alike", []Tile{left, right}, []Word{see("word", 0, 250, 280, 0.9), see("word", 1, 250, 280, 0.9)}, "word"},
		{"seen twice, read differently: the more confident", []Tile{left, right},
			[]Word{see("wcrd", 0, 256, 284, 0.5), see("word", 1, 257, 285, 0.9)}, "word"},
		{"seen twice, read differently: the one farther from an edge", []Tile{left, right},
			[]Word{see("word", 0, 246, 280, 0.9), see("vvord", 1, 246, 280, 0.9)}, "word"},
		{"cut by the left tile, whole in the right", []Tile{left, right},
			[]Word{see("data", 0, 262, 299.5, 0.99), see("database", 1, 262, 330, 0.6)}, "database"},
		{"cut word that the neighbour read as nothing", []Tile{left, right}, []Word{see("data", 0, 262, 299.5, 0.99)}, ""},
		{"cut word where the neighbour's answer ended early", []Tile{cut, right}, []Word{see("base", 1, 240.5, 270, 0.9)}, "base"},
		{"cut word that no other tile shows", []Tile{left}, []Word{see("data", 0, 262, 299.5, 0.9)}, "data"},
		{"part of a word, away from edges", []Tile{left, right},
			[]Word{see("base", 0, 270, 290, 0.3), see("database", 1, 245, 291, 0.9)}, "database"},
		{"the same place twice in one answer", []Tile{left}, []Word{see("a", 0, 150, 180, 0.9), see("b", 0, 152, 181, 0.8)}, "a"},
		{"empty and endless boxes", []Tile{left}, []Word{see("a", 0, 180, 150, 0.9), {Text: "b", Box: task.Box{X0: -1e300, Y0: 0, X1: 1e300, Y1: 1}, Tile: 0}, see("c", 7, 150, 180, 1)}, "b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := texts(Merge(page, c.tiles, c.words, fit)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestWordsAtThePagesOwnEdgeAreNotCut(t *testing.T) {
	t.Parallel()
	corner := Tile{Region: task.Box{X0: -20, Y0: 100, X1: 180, Y1: 300}, Scale: 1, Whole: true}
	inner := Tile{Region: task.Box{X0: 0, Y0: 100, X1: 200, Y1: 300}, Scale: 1, Whole: true}
	for _, tile := range []Tile{corner, inner} {
		if got := texts(Merge(page, []Tile{tile, left}, []Word{see("edge", 0, 0, 30, 0.9)}, fit)); got != "edge" {
			t.Errorf("tile %v: got %q", tile.Region, got)
		}
	}
}

// A tile made for headings shows body text too small to be read; what it says
// about it does not count where a tile of the right scale looked.
func TestTheTileOfTheRightScaleWins(t *testing.T) {
	t.Parallel()
	headings := Tile{Region: task.Box{X0: 0, Y0: 0, X1: 900, Y1: 900}, Scale: 0.25, Whole: true}
	small := see("tcxt", 0, 150, 180, 0.99)
	good := see("text", 1, 150, 181, 0.5)
	big := Word{Text: "Title", Box: task.Box{X0: 150, Y0: 200, X1: 250, Y1: 260}, Confidence: 0.6, XHeight: 40, Tile: 0}
	bigTooNear := Word{Text: "Tit", Box: task.Box{X0: 150, Y0: 200, X1: 210, Y1: 260}, Confidence: 0.9, XHeight: 40, Tile: 1}
	if got := texts(Merge(page, []Tile{headings, left}, []Word{small, good, big, bigTooNear}, fit)); got != "Title text" {
		t.Errorf("got %q", got)
	}
	// What only the wrong scale saw is gone where the right one found nothing,
	// and kept where the right one did not look.
	elsewhere := see("far", 0, 600, 640, 0.5)
	if got := texts(Merge(page, []Tile{headings, left}, []Word{small, elsewhere}, fit)); got != "far" {
		t.Errorf("got %q", got)
	}
}

func FuzzMerge(f *testing.F) {
	f.Add(100.0, 100.0, 10.0, 0.5, 9.0, 0.25)
	f.Fuzz(func(t *testing.T, x, y, side, confidence, xHeight, scale float64) {
		tiles := []Tile{left, right, {Region: task.Box{X0: x, Y0: y, X1: x + side, Y1: y + side}, Scale: scale, Whole: true}}
		var words []Word
		for i := range 30 {
			d := float64(i) * side / 3
			words = append(words, Word{Text: "w", Box: task.Box{X0: x + d, Y0: y, X1: x + d + side, Y1: y + side/2}, Confidence: confidence, XHeight: xHeight, Tile: i % 4})
		}
		out := Merge(page, tiles, words, fit)
		for i := range out {
			for j := range i {
				if overlaps(out[i], out[j]) {
					t.Fatalf("%+v and %+v both stay", out[i], out[j])
				}
			}
		}
	})
}
