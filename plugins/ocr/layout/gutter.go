package layout

import (
	"cmp"
	"math"
	"slices"

	"palimpsest.dev/task"
)

const (
	gutterWidth = 0.85   // least width of a gutter, in ems
	minLines    = 3      // least lines on either side of a gutter
	minExtent   = 5.0    // median extent of those lines, in ems: about twelve characters
	maxSearched = 20_000 // words; more are no page that anybody printed
	minFill     = 0.62   // median share of a line's extent that its words fill
)

// gap is an empty strip between two columns of running text.
type gap struct{ x0, x1, y0, y1 float64 }

// gutter finds the strip with most lines of running text beside it. It tries
// the right edge of every word, thinned to half an em, as the left edge of a
// strip, and for each the stretches of height that no word crosses.
func (o *orderer) gutter(words []int) (gap, bool) {
	if len(words) < 2*minLines || len(words) > maxSearched {
		return gap{}, false
	}
	size := o.median(words, func(i int) float64 { return o.em[i] })
	byY := slices.Clone(words)
	slices.SortFunc(byY, func(a, b int) int {
		return cmp.Or(cmp.Compare(o.words[a].Box.Y0, o.words[b].Box.Y0), cmp.Compare(a, b))
	})
	var best gap
	most := 0.0
	for _, x := range o.edges(words, size) {
		width := gutterWidth * size
		for _, g := range o.stretches(byY, x, width) {
			if g.y1-g.y0 <= max(most, minLines*size) {
				continue
			}
			if lines := o.columns(byY, &g, size); lines > most {
				best, most = g, lines
			}
		}
	}
	return best, most > 0
}

// edges lists where a gutter may begin.
func (o *orderer) edges(words []int, size float64) []float64 {
	xs := make([]float64, 0, len(words))
	for _, i := range words {
		xs = append(xs, o.words[i].Box.X1)
	}
	slices.Sort(xs)
	const most = 400 // strips tried; a page is some two hundred half ems wide
	step := max(size/2, (xs[len(xs)-1]-xs[0])/most)
	// The last of each group, for it clears all the words that end there.
	out := xs[:0]
	for i, x := range xs {
		if i == len(xs)-1 || xs[i+1]-x > 0.01 && math.Floor(xs[i+1]/step) != math.Floor(x/step) {
			out = append(out, x)
		}
	}
	return out
}

// stretches lists the empty stretches of the strip [x, x+width), between the
// words that reach into it.
func (o *orderer) stretches(byY []int, x, width float64) []gap {
	var out []gap
	from := math.Inf(-1)
	for _, i := range byY {
		b := o.words[i].Box
		if b.X0 >= x+width || b.X1 <= x {
			continue
		}
		if b.Y0 > from {
			out = append(out, gap{x, x + width, from, b.Y0})
		}
		from = max(from, b.Y1)
	}
	return append(out, gap{x, x + width, from, math.Inf(1)})
}

// columns measures the running text on both sides of a strip. It returns the
// height over which both sides have lines, 0 when they are no columns, and
// shrinks the gap's height to the stretch that the columns fill.
func (o *orderer) columns(byY []int, g *gap, size float64) float64 {
	var left, right []int
	for _, i := range byY {
		b := o.words[i].Box
		if mid := (b.Y0 + b.Y1) / 2; mid < g.y0 || mid > g.y1 {
			continue
		}
		if b.X1 <= g.x0+1e-6 {
			left = append(left, i)
		} else if b.X0 >= g.x1-1e-6 {
			right = append(right, i)
		}
	}
	if len(left) < minLines || len(right) < minLines || !o.runs(left, g.x0, -1, size) || !o.runs(right, g.x1, 1, size) {
		return 0
	}
	l, r := o.bounds(left), o.bounds(right)
	shared := min(l.Y1, r.Y1) - max(l.Y0, r.Y0)
	if shared < float64(minLines)*size {
		return 0
	}
	g.y0, g.y1 = min(l.Y0, r.Y0), max(l.Y1, r.Y1)
	return shared
}

// runs reports whether words are running text: at least three lines, long
// enough and mostly filled, that reach towards the gutter.
func (o *orderer) runs(words []int, edge float64, side int, size float64) bool {
	rows := o.rows(words)
	if len(rows) < minLines {
		return false
	}
	var extents, fills, distances []float64
	for _, row := range rows {
		b, filled := task.Box{}, 0.0
		for _, i := range row {
			b = b.Union(o.words[i].Box)
			filled += o.words[i].Box.Width()
		}
		// A space of running text is some third of an em.
		filled += 0.33 * size * float64(len(row)-1)
		extents = append(extents, b.Width()/size)
		fills = append(fills, filled/b.Width())
		if side < 0 {
			distances = append(distances, edge-b.X1)
		} else {
			distances = append(distances, b.X0-edge)
		}
	}
	return middle(extents) >= minExtent && middle(fills) >= minFill && middle(distances) < 0.5*middle(extents)*size+8*size
}

// divide splits words by a gutter: what lies beside it, and what above and
// below. A word across the strip is above or below.
func (o *orderer) divide(words []int, g gap) (above, left, right, below []int) {
	for _, i := range words {
		b := o.words[i].Box
		switch mid := (b.Y0 + b.Y1) / 2; {
		case mid < g.y0:
			above = append(above, i)
		case mid > g.y1:
			below = append(below, i)
		case b.X1 <= g.x0+1e-6:
			left = append(left, i)
		case b.X0 >= g.x1-1e-6:
			right = append(right, i)
		case mid < (g.y0+g.y1)/2:
			above = append(above, i)
		default:
			below = append(below, i)
		}
	}
	return above, left, right, below
}

func (o *orderer) bounds(words []int) task.Box {
	var b task.Box
	for _, i := range words {
		b = b.Union(o.words[i].Box)
	}
	return b
}

func (o *orderer) median(words []int, of func(int) float64) float64 {
	v := make([]float64, len(words))
	for k, i := range words {
		v[k] = of(i)
	}
	return middle(v)
}

// middle is the median of values; it sorts them.
func middle(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
