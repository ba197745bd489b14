package layout

import (
	"math"
	"sort"
)

// capsRatio is the x-height to cap height of common faces.
const capsRatio = 0.70

// measure finds baseline and x-height of every chain at the page's slope.
func measure(groups []group, slope float64) {
	for i := range groups {
		groups[i].measure(slope)
	}
}

// measure looks at the tops and bottoms of the letters along the baseline.
//
// Bottoms gather on the baseline, tops at the x-height and at the height of
// ascenders and capitals. Where letters touch, so that components are words,
// the rows' ink decides instead.
func (g *group) measure(slope float64) {
	n := len(g.ls)
	tops, bottoms, heights := make([]float64, n), make([]float64, n), make([]float64, n)
	wide := 0
	for i := range g.ls {
		l := &g.ls[i]
		drift := slope * (float64(l.x0+l.x1)/2 - float64(g.x0))
		tops[i], bottoms[i], heights[i] = float64(l.y0)-drift, float64(l.y1)-drift, float64(l.h())
		if 2*l.w() > 3*l.h() {
			wide++
		}
	}
	tall := quantile(heights, 0.9)
	g.base = mode(bottoms, math.Max(1, 0.12*tall))
	up := make([]float64, 0, n)
	for i := range tops {
		if d := g.base - tops[i]; d > 0.3*tall && bottoms[i] > g.base-0.25*tall {
			up = append(up, d)
		}
	}
	if len(up) == 0 {
		up = append(up, tall)
	}
	if 2*wide >= n {
		g.profile(slope, tall)
		return
	}
	g.height = quantile(up, 0.93)
	g.fromTops(up)
}

// fromTops splits the letters' heights above the baseline into low and tall.
func (g *group) fromTops(up []float64) {
	const split = 0.84
	var low, high []float64
	for _, d := range up {
		if d <= split*g.height {
			if d >= 0.45*g.height {
				low = append(low, d)
			}
		} else {
			high = append(high, d)
		}
	}
	switch {
	case len(low) >= 2 && 5*len(low) >= len(low)+len(high):
		g.xh = trim(quantile(low, 0.25))
		g.sure = len(low)+len(high) >= 6
	default:
		g.like = true
		g.xh = capsRatio * trim(quantile(high, 0.25))
	}
}

// trim takes off what round letters overshoot and what blurred edges add:
// measured on standard faces from 5 to 24 points, the rest is within 7 %.
func trim(h float64) float64 { return math.Max(0.95*h-0.4, 1) }

// profile measures chains of whole words by how much ink each row holds: rows
// between baseline and x-height hold most.
func (g *group) profile(slope, tall float64) {
	off := g.y0 - 2
	rows := make([]float64, g.y1-g.y0+5)
	for i := range g.ls {
		for _, r := range g.ls[i].c.runs {
			y := float64(r.y) - slope*(float64(r.x0+r.x1)/2-float64(g.x0)) - float64(off)
			if k := int(math.Round(y)); k >= 0 && k < len(rows) {
				rows[k] += float64(r.x1 - r.x0)
			}
		}
	}
	peak := 0.0
	for k := range rows {
		s := rows[k]
		if k > 0 && k+1 < len(rows) {
			s = (rows[k-1] + rows[k] + rows[k+1]) / 3
		}
		peak = math.Max(peak, s)
	}
	lo, hi := g.core(rows, 0.42*peak)
	first, last := ends(rows, 0.04*peak)
	g.base = float64(off + hi)
	zone := float64(hi - lo)
	g.height = math.Max(float64(hi-first), zone)
	_ = last
	if zone > 0.86*g.height {
		g.like = true
		g.xh = capsRatio * zone
		return
	}
	g.xh = zone
	g.sure = g.x1-g.x0 > int(6*tall)
}

// core returns the longest stretch of rows of at least limit, forgiving single
// rows below it.
func (g *group) core(rows []float64, limit float64) (lo, hi int) {
	start := -1
	for k := 0; k <= len(rows); k++ {
		in := k < len(rows) && (rows[k] >= limit || k > 0 && k+1 < len(rows) && rows[k-1] >= limit && rows[k+1] >= limit)
		switch {
		case in && start < 0:
			start = k
		case !in && start >= 0:
			if k-start > hi-lo {
				lo, hi = start, k
			}
			start = -1
		}
	}
	return lo, hi
}

// ends returns the first and past-the-last row above limit.
func ends(rows []float64, limit float64) (first, last int) {
	first = len(rows)
	for k, v := range rows {
		if v > limit {
			first, last = min(first, k), k+1
		}
	}
	return first, last
}

// refine decides about chains whose letters are all of one height: small
// letters, or capitals and digits. Small ones are about as high as the page's
// own x-height.
func refine(groups []group, xh float64) {
	if xh <= 0 {
		return
	}
	for i := range groups {
		g := &groups[i]
		if !g.like {
			continue
		}
		full := g.xh / capsRatio
		if math.Abs(math.Log(full/xh)) < math.Abs(math.Log(full*capsRatio/xh)) && math.Abs(math.Log(full/xh)) < 0.12 {
			g.xh = full
		}
	}
}

// quantile sorts a copy.
func quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := append([]float64(nil), v...)
	sort.Float64s(s)
	return s[min(int(q*float64(len(s))), len(s)-1)]
}

// mode is the middle of the window of the given width that holds most values.
func mode(v []float64, width float64) float64 {
	s := append([]float64(nil), v...)
	sort.Float64s(s)
	best, at := 0, 0.0
	for i, j := 0, 0; i < len(s); i++ {
		for j < len(s) && s[j] <= s[i]+width {
			j++
		}
		if j-i > best {
			best, at = j-i, s[i+(j-i)/2]
		}
	}
	return at
}
