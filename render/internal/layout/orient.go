package layout

import "math"

// Turning a page is worse than leaving it when in doubt, so every test here
// asks for a clear majority of many letters.
const (
	minVotes      = 60   // letters with a clear nearest neighbour
	sidewaysRatio = 3.0  // neighbours below or above to neighbours beside
	minEvidence   = 25   // ascenders and descenders together
	flipRatio     = 2.0  // descenders to ascenders of an upright guess
	latinShare    = 0.25 // rising and hanging letters to those that do neither
	countedShare  = 0.5  // letters in such chains to all that have neighbours
	minFlip       = -4   // score of the page as it is
	minSideways   = 2.5  // score of the better of the two ways
)

// Quarter returns by how many quarters of a full turn clockwise the page must
// be turned to stand upright; 0 also when that is unclear.
//
// In every script the letters of a line stand closer than the lines, so the
// nearest neighbour tells sideways. Latin text has three to four times as many
// ascenders as descenders, so counting both tells up from down.
func (p *Page) Quarter() int {
	across, along := p.neighbours()
	if across+along < minVotes {
		return 0
	}
	switch {
	case float64(along) > sidewaysRatio*float64(across):
		// Chinese and Japanese may run down the page and stand upright: only
		// text that is surely Latin is turned.
		cw, ccw := p.upness(1), p.upness(3)
		if best := max(cw.score(), ccw.score()); best < minSideways || !cw.latin() && !ccw.latin() {
			return 0
		} else if best == cw.score() {
			return 1
		}
		return 3
	case float64(across) > sidewaysRatio*float64(along):
		if e := p.upness(0); e.flipped() && float64(e.ascend+e.descend+e.fill) > countedShare*float64(across) {
			return 2
		}
	}
	return 0
}

// neighbours counts letters whose nearest like-sized neighbour lies beside
// them, and letters for which it lies above or below.
func (p *Page) neighbours() (across, along int) {
	ls := p.letters
	g := newGrid(ls, p.w, p.h)
	for i := range ls {
		a := &ls[i]
		size := max(a.w(), a.h())
		best, side := math.MaxInt, 0
		reach := 2 * size
		g.each(a.x0-reach-3*size, a.x1+reach, a.y0-reach, a.y1+reach, func(j int32) {
			b := &ls[j]
			other := max(b.w(), b.h())
			if int(j) == i || other > 3*size || size > 3*other {
				return
			}
			ox := min(a.x1, b.x1) - max(a.x0, b.x0)
			oy := min(a.y1, b.y1) - max(a.y0, b.y0)
			switch {
			case ox > 0 && oy > 0:
			case 2*oy > min(a.h(), b.h()) && -ox < best:
				best, side = -ox, 1
			case 2*ox > min(a.w(), b.w()) && -oy < best:
				best, side = -oy, 2
			}
		})
		switch {
		case best > reach:
		case side == 1:
			across++
		case side == 2:
			along++
		}
	}
	return across, along
}

// evidence counts, in chains of mixed letters, those that rise above the zone
// between x-height and baseline, those that hang below it, and those that just
// fill it.
type evidence struct{ ascend, descend, fill int }

// score is positive when the page stands upright, in standard deviations.
func (e evidence) score() float64 {
	n := float64(e.ascend + e.descend)
	if n == 0 {
		return 0
	}
	return float64(e.ascend-e.descend) / math.Sqrt(n)
}

// latin reports that letters are spread over the zone as Latin text spreads
// them: most fill it, a good part rises or hangs. Other scripts' counts say
// nothing about up and down.
func (e evidence) latin() bool {
	n := float64(e.ascend + e.descend)
	return n >= latinShare*float64(e.fill) && n <= float64(e.fill)
}

// flipped is true only for strong evidence.
func (e evidence) flipped() bool {
	return e.latin() && e.ascend+e.descend >= minEvidence && float64(e.descend) > flipRatio*float64(e.ascend) && e.score() < minFlip
}

// upness gathers the evidence for the page turned by quarters.
func (p *Page) upness(quarters int) evidence {
	w, h := p.w, p.h
	if quarters&1 == 1 {
		w, h = h, w
	}
	ls := turned(p.letters, p.w, p.h, quarters)
	groups := link(ls, w, h)
	slope := skewOf(groups)
	var e evidence
	for i := range groups {
		if g := &groups[i]; len(g.ls) >= 6 {
			g.count(slope, &e)
		}
	}
	return e
}

// count adds one chain. The x-zone is found without knowing which way is up:
// most tops gather on one of its edges, most bottoms on the other.
func (g *group) count(slope float64, e *evidence) {
	n := len(g.ls)
	tops, bottoms, heights := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range g.ls {
		l := &g.ls[i]
		drift := slope * (float64(l.x0+l.x1)/2 - float64(g.x0))
		tops[i], bottoms[i], heights[i] = float64(l.y0)-drift, float64(l.y1)-drift, float64(l.h())
	}
	tall := quantile(heights, 0.9)
	low := quantile(heights, 0.3)
	if low > 0.85*tall {
		return // one height: capitals or digits say nothing
	}
	width := math.Max(1, 0.12*tall)
	top, bottom := mode(tops, width), mode(bottoms, width)
	zone := bottom - top
	if zone < 0.4*tall || zone > 0.85*tall {
		return
	}
	for i := range tops {
		above, below := top-tops[i], bottoms[i]-bottom
		switch {
		case above > 0.2*zone && math.Abs(below) < 0.15*zone:
			e.ascend++
		case below > 0.2*zone && math.Abs(above) < 0.15*zone:
			e.descend++
		case math.Abs(above) <= 0.15*zone && math.Abs(below) <= 0.15*zone:
			e.fill++
		}
	}
}
