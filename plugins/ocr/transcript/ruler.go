package transcript

import (
	"slices"
	"strings"
	"unicode"

	"palimpsest.dev/task"
)

// ruler finds the size of a line's type.
type ruler struct {
	page task.Box
	rows map[int][]task.Line // lines found in the pixels, by bands of bandHeight pixels
}

const bandHeight = 64

// newRuler sorts the lines that were found in the pixels.
func newRuler(p task.Page) ruler {
	r := ruler{page: p.Bounds(), rows: map[int][]task.Line{}}
	for _, l := range p.Lines {
		b := l.Box.Intersect(p.Bounds())
		if !l.Box.Finite() || b.Empty() || l.XHeight <= 0 {
			continue
		}
		for y := int(b.Y0) / bandHeight; y <= int(b.Y1)/bandHeight; y++ {
			r.rows[y] = append(r.rows[y], task.Line{Box: b, XHeight: l.XHeight})
		}
	}
	return r
}

// measure returns the x-height of a line: that of the line found in the pixels
// that it covers most, if that can be its own, or else what its words' boxes
// and letters make likely.
func (r ruler) measure(l Line) float64 {
	place := l.Box.Intersect(r.page)
	if !place.Finite() || place.Empty() {
		return 0
	}
	most, x := 0.3*place.Area(), 0.0
	for y := int(place.Y0) / bandHeight; y <= int(place.Y1)/bandHeight; y++ {
		for _, found := range r.rows[y] {
			if a := found.Box.Intersect(place).Area(); a > most {
				most, x = a, found.XHeight
			}
		}
	}
	// A word's box is between 1.45 and 2.3 times as high as its x: an x-height
	// far from that was measured on something else.
	var heights []float64
	for _, w := range l.Words {
		heights = append(heights, w.Box.Height())
	}
	if h := median(heights); x > h/3 && x < h/1.2 {
		return x
	}
	return estimate(l, median(heights))
}

// estimate is the x-height that boxes and letters speak for: the median of
// what each word says, but no more than what the usual box would say if every
// box were as high as the line's letters, as those of some models are.
func estimate(l Line, height float64) float64 {
	var each []float64
	for _, w := range l.Words {
		each = append(each, w.Box.Height()/stretch(w))
	}
	return min(median(each), height/stretch(Word{Text: l.Text(), Source: l.Source}))
}

// median is the middle one, 0 of none.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return v[len(v)/2]
}

// stretch is how many x-heights a word's box is high: what was read has a box
// around its ink, a text layer one from the font's ascent to its descent.
func stretch(w Word) float64 {
	if w.Source == task.SourceTextLayer {
		return 2.2
	}
	up, down := 0.0, 0.0
	for _, c := range w.Text {
		if unicode.IsUpper(c) || unicode.IsDigit(c) || strings.ContainsRune("bdfhijklt!?()[]{}'\"/", c) || c > 0x7f {
			up = 0.45
		}
		if strings.ContainsRune("gjpqy,;()[]{}/Q", c) {
			down = 0.4
		}
	}
	return 1 + up + down
}
