package layout

import (
	"math"
	"sort"
)

// How letters are linked, in heights of the greater one.
const (
	linkGap     = 1.3 // gap to the next letter
	linkOverlap = 0.5 // vertical overlap with it
	linkRatio   = 3.2 // heights at most this much apart
)

// group is a chain of letters: a line of text or a piece of one.
type group struct {
	ls             []letter
	x0, y0, x1, y1 int
	base           float64 // y of the baseline at the left edge
	xh             float64
	height         float64 // baseline to top of the tall letters
	sure           bool    // both heights of letters were seen
	like           bool    // all letters are of one height
}

// link chains every letter to its nearest neighbour on the right.
func link(ls []letter, w, h int) []group {
	g := newGrid(ls, w, h)
	sets := singletons(len(ls))
	for i := range ls {
		if j := next(ls, g, i); j >= 0 {
			sets.join(int32(i), j)
		}
	}
	index := map[int32]int{}
	var out []group
	for i := range ls {
		r := sets.root(int32(i))
		k, ok := index[r]
		if !ok {
			k = len(out)
			index[r] = k
			out = append(out, group{x0: ls[i].x0, y0: ls[i].y0, x1: ls[i].x1, y1: ls[i].y1})
		}
		out[k].ls = append(out[k].ls, ls[i])
		out[k].cover(ls[i].x0, ls[i].y0, ls[i].x1, ls[i].y1)
	}
	for i := range out {
		l := out[i].ls
		sort.Slice(l, func(a, b int) bool { return l[a].x0 < l[b].x0 })
	}
	return out
}

// cover grows the box.
func (g *group) cover(x0, y0, x1, y1 int) {
	g.x0, g.y0, g.x1, g.y1 = min(g.x0, x0), min(g.y0, y0), max(g.x1, x1), max(g.y1, y1)
}

// next finds the letter that follows letter i in its line, or -1.
func next(ls []letter, g *grid, i int) int32 {
	a := &ls[i]
	// A neighbour may be up to linkRatio times as high, and so may the gap be.
	reach := int(linkGap*float64(a.h())*2) + 2
	best, bestGap := int32(-1), math.MaxInt
	g.each(a.x0, a.x1+reach, a.y0, a.y1, func(j int32) {
		b := &ls[j]
		if int(j) == i || b.x0+b.x1 <= a.x0+a.x1 {
			return
		}
		high, low := max(a.h(), b.h()), min(a.h(), b.h())
		gap := b.x0 - a.x1
		overlap := min(a.y1, b.y1) - max(a.y0, b.y0)
		if gap >= bestGap || float64(gap) > linkGap*float64(high)+2 || gap < -max(a.w(), b.w()) ||
			float64(overlap) < linkOverlap*float64(high) || float64(high) > linkRatio*float64(low) {
			return
		}
		best, bestGap = j, gap
	})
	return best
}

// skewOf returns the median slope of the long chains.
func skewOf(groups []group) float64 {
	const minGlyphs, minLength = 8, 10
	var v []weighted
	for i := range groups {
		g := &groups[i]
		if len(g.ls) < minGlyphs {
			continue
		}
		h := 0
		var sx, sy, sxx, sxy, n float64
		for _, l := range g.ls {
			h += l.h()
			x, y := float64(l.x0+l.x1)/2, float64(l.y0+l.y1)/2
			sx, sy, sxx, sxy, n = sx+x, sy+y, sxx+x*x, sxy+x*y, n+1
		}
		if d := n*sxx - sx*sx; d > 0 && g.x1-g.x0 > minLength*h/len(g.ls) {
			v = append(v, weighted{(n*sxy - sx*sy) / d, float64(g.x1 - g.x0)})
		}
	}
	s := weightedMedian(v)
	if math.Abs(s) > 0.18 { // ten degrees: this is no skew but something else
		return 0
	}
	return s
}

// typical is the page's x-height by those chains that showed it.
func typical(groups []group) float64 {
	var v []weighted
	for i := range groups {
		if g := &groups[i]; g.sure {
			v = append(v, weighted{g.xh, float64(g.x1 - g.x0)})
		}
	}
	return weightedMedian(v)
}

// keep drops what is hardly text: specks, blobs, punched holes, and what is
// far smaller than the page's text. Lone small letters come apart: beside a
// line they are its commas, alone they are a number or a mark.
func keep(groups []group, xh float64) (lines, small []group) {
	for _, g := range groups {
		switch {
		case !g.textual(xh):
			continue
		case len(g.ls) == 1 && float64(g.ls[0].h()) < 0.9*xh:
			small = append(small, g)
			continue
		}
		for k := range g.ls {
			g.ls[k].c.used = true
		}
		lines = append(lines, g)
	}
	return lines, small
}

// Shapes of lone components that are kept.
const (
	minAlone    = 7    // height of a letter standing alone, in pixels
	solidFill   = 0.70 // a speck, a punched hole or a bullet is this full
	minRelative = 0.35 // of the page's x-height
)

// textual judges one chain.
func (g *group) textual(xh float64) bool {
	tall := 0
	for i := range g.ls {
		tall = max(tall, g.ls[i].h())
	}
	if xh > 0 && float64(tall) < minRelative*xh || tall < 5 {
		return false
	}
	if len(g.ls) >= 3 {
		return true
	}
	solid := 0
	for i := range g.ls {
		l := &g.ls[i]
		aspect := float64(l.w()) / float64(l.h())
		switch {
		case aspect > 0.55 && l.c.fill() > solidFill: // speck, hole, dash
			solid++
		case l.h() < minAlone && aspect < 2:
			solid++
		case float64(l.h()) < 0.6*xh:
			solid++
		}
	}
	return solid < len(g.ls)
}

// attach extends lines over the dots, accents, commas and dashes in and beside
// them, which are no letters by themselves.
func attach(groups []group, comps []comp, h int) {
	const band = 32
	rows := make([][]int32, h/band+1)
	for i := range groups {
		g := &groups[i]
		m := int(g.xh/2) + 1
		for y := max(g.y0-m, 0) / band; y <= min(g.y1+m, h-1)/band; y++ {
			rows[y] = append(rows[y], int32(i))
		}
	}
	grown := make([]group, len(groups)) // boxes only
	copy(grown, groups)
	for k := range comps {
		c := &comps[k]
		if c.area < 2 || c.used {
			continue
		}
		cx, cy := int(c.x0+c.x1)/2, int(c.y0+c.y1)/2
		for _, i := range rows[cy/band] {
			g := &groups[i]
			m, side := g.xh*0.6, g.xh*1.2
			if float64(c.h()) > 0.4*g.xh {
				side = g.xh * 2.5 // a broken digit rather than a dot
			}
			if float64(c.h()) > 2.4*g.xh || float64(c.w()) > 3*g.xh ||
				float64(cx) < float64(g.x0)-side || float64(cx) > float64(g.x1)+side ||
				float64(c.y0) < float64(g.y0)-m || float64(c.y1) > float64(g.y1)+m {
				continue
			}
			c.used = true
			grown[i].cover(int(c.x0), int(c.y0), int(c.x1), int(c.y1))
		}
	}
	for i, b := range grown {
		groups[i].cover(b.x0, b.y0, b.x1, b.y1)
	}
}

// merge joins chains that lie in one another. Much smaller print stays by
// itself: it lies in the loop of a drawing, not in a line.
func merge(groups []group) []group {
	sort.Slice(groups, func(a, b int) bool {
		return (groups[a].x1-groups[a].x0)*(groups[a].y1-groups[a].y0) > (groups[b].x1-groups[b].x0)*(groups[b].y1-groups[b].y0)
	})
	const band = 64
	rows := map[int][]int{}
	var out []group
next:
	for _, g := range groups {
		for _, i := range rows[(g.y0+g.y1)/2/band] {
			o := &out[i]
			ix := min(g.x1, o.x1) - max(g.x0, o.x0)
			iy := min(g.y1, o.y1) - max(g.y0, o.y0)
			if ix > 0 && iy > 0 && g.xh > 0.45*o.xh && 10*ix*iy > 7*(g.x1-g.x0)*(g.y1-g.y0) && float64(o.y1-o.y0) < 2.6*math.Max(o.height, float64(g.y1-g.y0)) {
				o.ls = append(o.ls, g.ls...)
				o.cover(g.x0, g.y0, g.x1, g.y1)
				continue next
			}
		}
		for y := g.y0 / band; y <= (g.y1-1)/band; y++ {
			rows[y] = append(rows[y], len(out))
		}
		out = append(out, g)
	}
	return out
}

// join makes one line of pieces that stand side by side: broken print leaves
// several. It looks from the widest piece outwards.
func join(groups []group) []group {
	sort.SliceStable(groups, func(a, b int) bool { return groups[a].x1-groups[a].x0 > groups[b].x1-groups[b].x0 })
	const band = 32
	rows := map[int][]int{}
	gone := make([]bool, len(groups))
	enter := func(i int) {
		for y := groups[i].y0 / band; y <= (groups[i].y1-1)/band; y++ {
			rows[y] = append(rows[y], i)
		}
	}
	for i := range groups {
		enter(i)
	}
	for i := range groups {
		if gone[i] {
			continue
		}
		for changed := true; changed; {
			changed = false
			g := &groups[i]
			for y := g.y0 / band; y <= (g.y1-1)/band; y++ {
				for _, j := range rows[y] {
					if j <= i || gone[j] || !g.beside(&groups[j]) {
						continue
					}
					g.take(&groups[j])
					gone[j], changed = true, true
				}
			}
		}
	}
	out := groups[:0]
	for i := range groups {
		if !gone[i] {
			out = append(out, groups[i])
		}
	}
	return out
}

// beside reports that o continues g's line.
func (g *group) beside(o *group) bool {
	high, low := max(g.y1-g.y0, o.y1-o.y0), min(g.y1-g.y0, o.y1-o.y0)
	gap := max(g.x0-o.x1, o.x0-g.x1)
	overlap := min(g.y1, o.y1) - max(g.y0, o.y0)
	union := max(g.y1, o.y1) - min(g.y0, o.y0)
	return float64(gap) < 0.5*float64(high) && 5*overlap > 3*low && 4*union < 5*high && 3*low > high &&
		(o.xh < 1.6*g.xh && g.xh < 1.6*o.xh || len(o.ls) <= 3)
}

// take swallows o, keeping the x-height of the one with more letters.
func (g *group) take(o *group) {
	if len(o.ls) > len(g.ls) {
		g.xh, g.height, g.base = o.xh, o.height, o.base
	}
	g.ls = append(g.ls, o.ls...)
	g.cover(o.x0, o.y0, o.x1, o.y1)
}

// maxLines bounds the answer; no page of text has more.
const maxLines = 10_000

// toLines sorts and converts.
func toLines(groups []group, w, h int) []Line {
	sort.Slice(groups, func(a, b int) bool {
		if groups[a].y0 != groups[b].y0 {
			return groups[a].y0 < groups[b].y0
		}
		return groups[a].x0 < groups[b].x0
	})
	out := make([]Line, 0, min(len(groups), maxLines))
	for _, g := range groups[:min(len(groups), maxLines)] {
		out = append(out, Line{
			Box:     [4]float64{float64(max(g.x0-1, 0)), float64(max(g.y0-1, 0)), float64(min(g.x1+1, w)), float64(min(g.y1+1, h))},
			XHeight: math.Round(g.xh*10) / 10, Glyphs: len(g.ls),
		})
	}
	return out
}
