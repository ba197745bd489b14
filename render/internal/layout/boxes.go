package layout

import "sort"

// Print on a dark or tinted box drowns in the box's own ink. Boxes are found as
// solid areas on a coarse grid whose outline is ink nearly all around; inside
// them the box's own shade is the paper.
const (
	coarse      = 4  // pixels of a cell of the coarse grid
	boxMinW     = 24 // smallest box
	boxMinH     = 12
	boxOutline  = 0.85 // share of the outline that is ink
	boxContrast = 0.30 // of the box's shade, or of what is left to white
	boxNoise    = 30   // grey levels that grain may differ from the shade
	maxBoxes    = 400
)

// box is one tinted area and the components found in it.
type box struct {
	x0, y0, x1, y1 int
	comps          []comp
}

// boxes looks for tinted areas with print in them.
func (b *bitmap) boxes(g *Gray) []box {
	cw, ch := b.w/coarse, b.h/coarse
	if cw == 0 || ch == 0 {
		return nil
	}
	solid := &bitmap{pix: make([]uint8, cw*ch), w: cw, h: ch}
	n := 0
	for y := range ch {
		for x := range cw {
			full := uint8(1)
			for k := range coarse {
				r := b.pix[(y*coarse+k)*b.w+x*coarse:]
				full &= r[0] & r[1] & r[2] & r[3]
			}
			solid.pix[y*cw+x] = full
			n += int(full)
		}
	}
	if n == 0 {
		return nil
	}
	var out []box
	runs, rows := solid.allRuns(cw + 1)
	for _, c := range joined(runs, rows) {
		x0, y0, x1, y1 := int(c.x0)*coarse, int(c.y0)*coarse, int(c.x1)*coarse, int(c.y1)*coarse
		if x1-x0 < boxMinW || y1-y0 < boxMinH || !b.outlined(x0, y0, x1, y1) {
			continue
		}
		if o := inside(g, x0, y0, x1, y1); len(o.comps) >= 2 {
			out = append(out, o)
		}
	}
	if len(out) > maxBoxes {
		sort.Slice(out, func(i, j int) bool { return len(out[i].comps) > len(out[j].comps) })
		out = out[:maxBoxes]
	}
	return out
}

// outlined reports that the outline of a rectangle is mostly ink.
func (b *bitmap) outlined(x0, y0, x1, y1 int) bool {
	n := 0
	for x := x0; x < x1; x++ {
		n += int(b.pix[y0*b.w+x]) + int(b.pix[(y1-1)*b.w+x])
	}
	for y := y0; y < y1; y++ {
		n += int(b.pix[y*b.w+x0]) + int(b.pix[y*b.w+x1-1])
	}
	return float64(n) >= boxOutline*float64(2*(x1-x0+y1-y0))
}

// inside takes the commonest shade of the box for its paper and looks for
// letters darker or lighter than that, whichever there are more of while being
// the lesser part.
func inside(g *Gray, x0, y0, x1, y1 int) box {
	var hist [256]int
	for y := y0; y < y1; y++ {
		for _, v := range g.Pix[y*g.W+x0 : y*g.W+x1] {
			hist[v]++
		}
	}
	shade, best := 0, 0
	for v := range hist {
		n := hist[v]
		for k := 1; k <= 4; k++ {
			if v-k >= 0 {
				n += hist[v-k]
			}
			if v+k < 256 {
				n += hist[v+k]
			}
		}
		if n > best {
			shade, best = v, n
		}
	}
	low := min(int(float64(shade)*(1-boxContrast)), shade-boxNoise)
	high := max(shade+int(float64(255-shade)*boxContrast), shade+boxNoise)
	dark, light := 0, 0
	for v, n := range hist {
		switch {
		case v < low:
			dark += n
		case v > high && high < 250:
			light += n
		}
	}
	area := (x1 - x0) * (y1 - y0)
	o := box{x0: x0, y0: y0, x1: x1, y1: y1}
	usable := func(n int) bool { return 100*n > area && 2*n < area }
	in := &bitmap{pix: make([]uint8, area), w: x1 - x0, h: y1 - y0}
	switch {
	case usable(light) && (light >= dark || !usable(dark)):
		in.mark(g, x0, y0, func(v uint8) bool { return int(v) > high })
	case usable(dark):
		in.mark(g, x0, y0, func(v uint8) bool { return int(v) < low })
	default:
		return o
	}
	runs, rows := in.allRuns(in.w)
	for _, c := range joined(runs, rows) {
		if c.x0 == 0 || c.y0 == 0 || int(c.x1) == in.w || int(c.y1) == in.h || !isLetter(&c, in.w*3, in.h*3) {
			continue
		}
		c.move(int32(x0), int32(y0))
		o.comps = append(o.comps, c)
	}
	return o
}

// mark fills the bitmap from the page.
func (b *bitmap) mark(g *Gray, x0, y0 int, ink func(uint8) bool) {
	for y := range b.h {
		row := g.Pix[(y0+y)*g.W+x0:]
		out := b.pix[y*b.w : (y+1)*b.w]
		for x := range out {
			if ink(row[x]) {
				out[x] = 1
			}
		}
	}
}

// move shifts a component.
func (c *comp) move(dx, dy int32) {
	c.x0, c.x1, c.y0, c.y1 = c.x0+dx, c.x1+dx, c.y0+dy, c.y1+dy
	for i := range c.runs {
		r := &c.runs[i]
		r.x0, r.x1, r.y = r.x0+dx, r.x1+dx, r.y+dy
	}
}

// withBoxes puts the boxes' print in place of the fragments of the boxes.
func withBoxes(comps []comp, boxes []box) []comp {
	if len(boxes) == 0 {
		return comps
	}
	out := comps[:0]
next:
	for _, c := range comps {
		for _, o := range boxes {
			const slack = 3
			if int(c.x0) >= o.x0-slack && int(c.y0) >= o.y0-slack && int(c.x1) <= o.x1+slack && int(c.y1) <= o.y1+slack {
				continue next
			}
		}
		out = append(out, c)
	}
	for _, o := range boxes {
		out = append(out, o.comps...)
	}
	return out
}
