package layout

import "sort"

// What a component must be to count as a letter or a word, in pixels and
// ratios.
const (
	minLetter  = 4 // height
	minArea    = 6 // pixels
	maxHeight  = 3 // letters are at most the page's height over this
	minFill    = 0.06
	maxAspect  = 30 // width to height of a whole word in one piece
	thinRule   = 12 // this many times longer than thick is a rule
	maxLetters = 60_000
)

// letter is a component seen upright, sideways or upside down: its box after
// turning, and the component itself.
type letter struct {
	x0, y0, x1, y1 int
	c              *comp
}

func (l *letter) w() int { return l.x1 - l.x0 }
func (l *letter) h() int { return l.y1 - l.y0 }

// selectLetters picks the components that may be letters or words.
func selectLetters(comps []comp, w, h int) []letter {
	var out []letter
	for i := range comps {
		c := &comps[i]
		if isLetter(c, w, h) {
			out = append(out, letter{int(c.x0), int(c.y0), int(c.x1), int(c.y1), c})
		}
	}
	if len(out) > maxLetters {
		// Noise or a halftone: the bigger ones are likelier to be letters.
		sort.SliceStable(out, func(a, b int) bool { return out[a].c.area > out[b].c.area })
		out = out[:maxLetters]
	}
	return out
}

// isLetter judges one component by its shape alone, alike for text that runs
// across and text that runs down.
func isLetter(c *comp, w, h int) bool {
	cw, ch := c.w(), c.h()
	short, long := min(cw, ch), max(cw, ch)
	edge := c.x0 == 0 || c.y0 == 0 || int(c.x1) == w || int(c.y1) == h
	switch {
	case long < minLetter || int(c.area) < minArea:
		return false
	case ch > h/maxHeight && ch > 64 && ch > cw || cw > w*9/10 && ch > h/maxHeight:
		return false
	case long > maxAspect*short:
		return false
	case long > thinRule*short && long > 60 && c.fill() > 0.5:
		return false
	case c.fill() < minFill:
		return false
	case cw < 2*ch && len(c.runs) > 6*ch: // a drawing or a screen, not a letter
		return false
	case edge && (ch > h/12 || cw > w/8):
		return false
	}
	return true
}

// turned returns the letters as they lie after the page was turned clockwise by
// quarters of a full turn.
func turned(in []letter, w, h, quarters int) []letter {
	out := make([]letter, len(in))
	for i, l := range in {
		switch quarters & 3 {
		case 1:
			l.x0, l.y0, l.x1, l.y1 = h-l.y1, l.x0, h-l.y0, l.x1
		case 2:
			l.x0, l.y0, l.x1, l.y1 = w-l.x1, h-l.y1, w-l.x0, h-l.y0
		case 3:
			l.x0, l.y0, l.x1, l.y1 = l.y0, w-l.x1, l.y1, w-l.x0
		}
		out[i] = l
	}
	return out
}

// grid finds letters near a place.
type grid struct {
	cell, w, h int
	at         [][]int32
}

// newGrid puts letters into the cells that their left edges pass through.
func newGrid(ls []letter, w, h int) *grid {
	const cell = 48
	g := &grid{cell: cell, w: w/cell + 1, h: h/cell + 1}
	g.at = make([][]int32, g.w*g.h)
	for i := range ls {
		l := &ls[i]
		for y := l.y0 / cell; y <= (l.y1-1)/cell; y++ {
			k := y*g.w + l.x0/cell
			g.at[k] = append(g.at[k], int32(i))
		}
	}
	return g
}

// each calls f for letters whose left edge lies in [x0, x1] and that touch rows
// [y0, y1); some more than once.
func (g *grid) each(x0, x1, y0, y1 int, f func(i int32)) {
	for y := max(y0/g.cell, 0); y <= min((y1-1)/g.cell, g.h-1); y++ {
		for x := max(x0/g.cell, 0); x <= min(x1/g.cell, g.w-1); x++ {
			for _, i := range g.at[y*g.w+x] {
				f(i)
			}
		}
	}
}
