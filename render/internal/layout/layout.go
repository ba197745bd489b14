// Package layout finds what looks like text in the pixels of a page, without
// reading any of it: dark connected components on a normalised background,
// linked into lines by their size and place, the height of a lower-case x in
// each line, whether the page lies sideways or upside down, its skew, and
// whether there is anything to read at all.
//
// It prefers reporting too much to missing something: what is reported is
// looked at by a model, what is not is never read. Everything is linear in the
// number of pixels and components, and integers decide wherever they can.
package layout

import (
	"math"
	"sort"
)

// Gray is a page in 8-bit grey, rows without gaps.
type Gray struct {
	Pix  []uint8
	W, H int
}

// NewGray converts opaque RGBA rows, stride bytes apart.
func NewGray(pix []uint8, stride, w, h int) *Gray {
	g := &Gray{Pix: make([]uint8, w*h), W: w, H: h}
	for y := range h {
		row := pix[y*stride : y*stride+4*w]
		out := g.Pix[y*w : (y+1)*w]
		for x := range out {
			p := row[4*x : 4*x+3 : 4*x+3]
			out[x] = uint8((77*uint32(p[0]) + 150*uint32(p[1]) + 29*uint32(p[2]) + 128) >> 8)
		}
	}
	return g
}

// Line is something that looks like a line of text, or a piece of one.
type Line struct {
	Box     [4]float64 // x0, y0, x1, y1
	XHeight float64    // estimated height of a lower-case x, in pixels
	Glyphs  int        // components it is made of
}

// Page is what was found.
type Page struct {
	w, h    int
	ink     float64
	comps   []comp
	letters []letter
	lines   []Line
	skew    float64 // slope
}

// Scan analyses a page.
func Scan(g *Gray) *Page {
	p := &Page{w: g.W, h: g.H}
	if g.W < 8 || g.H < 8 {
		return p
	}
	b := binarise(g)
	p.ink = float64(b.ink) / float64(g.W*g.H)
	boxes := b.boxes(g)
	b.clearColumns()
	p.comps = withBoxes(b.components(), boxes)
	p.letters = selectLetters(p.comps, g.W, g.H)
	groups := link(p.letters, g.W, g.H)
	p.skew = skewOf(groups)
	measure(groups, p.skew)
	xh := typical(groups)
	refine(groups, xh)
	groups, small := keep(groups, xh)
	attach(groups, p.comps, g.H)
	for _, s := range small {
		if !s.ls[0].c.used {
			groups = append(groups, s)
		}
	}
	p.lines = toLines(join(merge(groups)), g.W, g.H)
	return p
}

// Lines returns the lines from top to bottom, then left to right.
func (p *Page) Lines() []Line { return p.lines }

// Ink is the share of pixels that are dark against their surroundings.
func (p *Page) Ink() float64 { return p.ink }

// Skew is the angle of the lines in degrees, clockwise; 0 when there are too
// few to tell.
func (p *Page) Skew() float64 { return math.Atan(p.skew) * 180 / math.Pi }

// Blank reports that there is nothing to read.
func (p *Page) Blank() bool { return len(p.lines) == 0 }

// MedianXHeight is the median x-height of lines, each weighing its width.
func MedianXHeight(lines []Line) float64 {
	v := make([]weighted, len(lines))
	for i, l := range lines {
		v[i] = weighted{l.XHeight, l.Box[2] - l.Box[0]}
	}
	return weightedMedian(v)
}

// weighted is a value that counts for more or less.
type weighted struct{ v, w float64 }

// weightedMedian sorts its argument; it is 0 for none.
func weightedMedian(v []weighted) float64 {
	sort.Slice(v, func(i, j int) bool { return v[i].v < v[j].v })
	total := 0.0
	for _, e := range v {
		total += e.w
	}
	for _, e := range v {
		if total -= 2 * e.w; total <= -0 && e.w > 0 || total < 0 {
			return e.v
		}
	}
	return 0
}
