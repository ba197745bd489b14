// Package seams makes one reading of a page out of the readings of its
// overlapping tiles. A word that two tiles saw is kept once: the sighting
// farther from a tile's edge, at the better scale, in the better
// place on its line and with the higher confidence wins. A word that touches an edge inside the page is probably cut
// and yields to the neighbour that shows the place whole.
package seams

import (
	"cmp"
	"math"
	"slices"

	"palimpsest.dev/task"
)

// Tile is a view that was asked and answered.
type Tile struct {
	Region task.Box
	Scale  float64 // model pixels per page pixel
	Whole  bool    // the answer was not cut short, so a word it lacks is not there
}

// Word is one sighting of a word.
type Word struct {
	Text       string
	Box        task.Box // page pixels
	Confidence float64  // of the text and its place
	Reading    float64  // of the text alone
	XHeight    float64  // of the line it stands on, page pixels; 0 unknown
	Tile       int      // index of the tile that saw it
	Moved      float64  // how far it was moved onto its line, in x-heights
}

// Range is the x-heights, in model pixels, that the model reads well.
type Range struct{ Min, Max float64 }

const (
	touch    = 2.0  // model pixels from an edge at which a word counts as cut
	clear    = 3.0  // model pixels from an edge at which a place counts as shown whole
	safe     = 16.0 // model pixels from an edge beyond which more distance is no better
	same     = 0.35 // intersection over union above which two boxes are one word
	inside   = 0.65 // share of the smaller box above which it is part of the other
	sharp    = 0.8  // how far out of Range a size may be and still be believed
	maxWords = 100_000
)

// Merge returns the words of the page, in no particular order: of sightings
// that overlap only the best.
func Merge(page task.Page, tiles []Tile, words []Word, fit Range) []Word {
	if len(words) > maxWords {
		words = words[:maxWords]
	}
	m := merger{page: page.Bounds(), tiles: tiles, fit: fit}
	kept := make([]rated, 0, len(words))
	for i, w := range words {
		if w.Tile < 0 || w.Tile >= len(tiles) || w.Box.Empty() || !w.Box.Finite() || m.yields(w) {
			continue
		}
		kept = append(kept, rated{w, m.rate(w), i})
	}
	slices.SortFunc(kept, func(a, b rated) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.index, b.index))
	})
	return suppress(kept, page)
}

// rated is a sighting with its worth; the index settles ties.
type rated struct {
	Word
	score float64
	index int
}

type merger struct {
	page  task.Box
	tiles []Tile
	fit   Range
}

// yields reports whether a sighting is to be dropped for another tile's sake:
// it touches an edge inside the page, or its size is out of range, and another
// tile shows the place better.
func (m *merger) yields(w Word) bool {
	t := m.tiles[w.Tile]
	cut := m.distance(w.Box, t) < touch
	bad := m.misfit(w, t) > 0
	if !cut && !bad {
		return false
	}
	for i, o := range m.tiles {
		if i == w.Tile || !o.Whole || m.distance(w.Box, o) < clear {
			continue
		}
		if other := m.misfit(w, o); other == 0 || (cut && other <= m.misfit(w, t)) {
			return true
		}
	}
	return false
}

// Cut reports whether a word touches an edge of the tile that saw it, inside
// the page: what it says is probably a part of a word.
func Cut(page task.Page, t Tile, w Word) bool {
	m := merger{page: page.Bounds()}
	return m.distance(w.Box, t) < touch
}

// distance is how many model pixels of a tile lie between a box and the
// nearest of the tile's edges that lie inside the page; negative when the box
// sticks out.
func (m *merger) distance(b task.Box, t Tile) float64 {
	d := math.Inf(1)
	if t.Region.X0 > m.page.X0 {
		d = min(d, b.X0-t.Region.X0)
	}
	if t.Region.Y0 > m.page.Y0 {
		d = min(d, b.Y0-t.Region.Y0)
	}
	if t.Region.X1 < m.page.X1 {
		d = min(d, t.Region.X1-b.X1)
	}
	if t.Region.Y1 < m.page.Y1 {
		d = min(d, t.Region.Y1-b.Y1)
	}
	return d * t.Scale
}

// misfit is how far, as a logarithm, the word's x-height in the tile lies
// outside the range that the model reads well; 0 inside or when unknown.
func (m *merger) misfit(w Word, t Tile) float64 {
	x := w.XHeight * t.Scale
	switch {
	case x <= 0 || m.fit.Max <= 0:
		return 0
	case x < m.fit.Min*sharp:
		return math.Log(m.fit.Min * sharp / x)
	case x > m.fit.Max/sharp:
		return math.Log(x / (m.fit.Max / sharp))
	}
	return 0
}

// rate is the worth of a sighting among those of one place.
func (m *merger) rate(w Word) float64 {
	t := m.tiles[w.Tile]
	edge := max(0, min(1, m.distance(w.Box, t)/safe))
	return w.Confidence * (0.4 + 0.6*edge) * math.Exp(-m.misfit(w, t)-w.Moved)
}

// suppress keeps, best first, every sighting that none of those kept before
// covers.
func suppress(in []rated, page task.Page) []Word {
	cells := newCells(page)
	var out []Word
	for _, w := range in {
		if cells.taken(w.Word, out) {
			continue
		}
		cells.add(len(out), w.Box)
		out = append(out, w.Word)
	}
	return out
}

// overlaps reports whether two sightings are of one word or of a part of it.
func overlaps(a, b Word) bool {
	i := a.Box.Intersect(b.Box).Area()
	if i == 0 {
		return false
	}
	small, large := a, b
	if a.Box.Area() > b.Box.Area() {
		small, large = b, a
	}
	if i/(a.Box.Area()+b.Box.Area()-i) > same {
		return true
	}
	if i/small.Box.Area() <= inside {
		return false
	}
	// A small box inside a large one is a part of that word, unless they stand
	// on different lines of which one box is drawn too high.
	return small.Box.Height() > 0.4*large.Box.Height()
}
