package main

import (
	"cmp"
	"slices"

	"palimpsest.dev/task"
)

// maxMade bounds the lines that textLines makes up for a page.
const maxMade = 4000

// textLines are where text is read: the lines of the page that stand in its tables and, because a lonely digit or sign in a
// cell is often not taken for a line, what is left of the tables beside and between those. Such places have no x-height: words there are
// not moved on to them.
func textLines(page task.Page) (out []task.Line) {
	for _, r := range page.Regions[:min(len(page.Regions), maxTables)] {
		var own []task.Line
		for _, l := range page.Lines {
			on := r.Box.Intersect(l.Box)
			if l.Box.Finite() && !l.Box.Empty() && on.Height() > 0.5*l.Box.Height() && on.Width() > 0.5*min(l.Box.Width(), r.Box.Width()) {
				own = append(own, l)
			}
		}
		out = append(out, own...)
		if len(own) > 0 {
			out = append(out, between(own, r.Box, maxMade-len(out))...)
		}
	}
	return out
}

// level is lines that stand beside one another.
type level struct {
	lines       []task.Line
	top, bottom float64
}

// between covers what lines leave of a box by places of their size, at most limit of them. Where no line is far and wide, there is
// nothing to read.
func between(lines []task.Line, box task.Box, limit int) (out []task.Line) {
	x := typical(lines)
	levels := levelsOf(lines, 4*x)
	add := func(x0, x1, middle float64) {
		if len(out) < limit && x1-x0 > 1.2*x {
			out = append(out, task.Line{Box: task.Box{X0: x0, Y0: middle - x, X1: x1, Y1: middle + x}})
		}
	}
	fill := func(top, bottom float64) {
		const (
			pitch = 2.4 // x-heights
			empty = 14  // x-heights from which nothing is thought to stand there
		)
		if bottom-top > empty*x {
			return
		}
		n := min(int((bottom-top)/(pitch*x)), limit-len(out))
		for i := range n {
			add(box.X0, box.X1, top+(bottom-top)*(float64(i)+0.5)/float64(n))
		}
	}
	bottom := box.Y0
	for _, l := range levels {
		fill(bottom, l.top)
		bottom = max(bottom, l.bottom)
		slices.SortFunc(l.lines, func(a, b task.Line) int { return cmp.Compare(a.Box.X0, b.Box.X0) })
		from := box.X0
		for _, line := range l.lines {
			add(from, line.Box.X0, (l.top+l.bottom)/2)
			from = max(from, line.Box.X1)
		}
		add(from, box.X1, (l.top+l.bottom)/2)
	}
	fill(bottom, box.Y1)
	return out
}

// typical is the x-height that half of the lines do not reach, at least a pixel.
func typical(lines []task.Line) float64 {
	var all []float64
	for _, l := range lines {
		x := l.XHeight
		if !(x > 0 && x <= l.Box.Height()) {
			x = l.Box.Height() / 2
		}
		all = append(all, x)
	}
	slices.Sort(all)
	return max(1, all[len(all)/2])
}

// levelsOf puts lines beside one another together, none higher than most.
func levelsOf(lines []task.Line, most float64) (out []level) {
	lines = slices.Clone(lines)
	slices.SortFunc(lines, func(a, b task.Line) int { return cmp.Compare(a.Box.Y0+a.Box.Y1, b.Box.Y0+b.Box.Y1) })
	for _, l := range lines {
		if n := len(out); n > 0 {
			on := &out[n-1]
			shared := min(on.bottom, l.Box.Y1) - max(on.top, l.Box.Y0)
			if shared > 0.4*min(on.bottom-on.top, l.Box.Height()) && max(on.bottom, l.Box.Y1)-min(on.top, l.Box.Y0) <= max(most, l.Box.Height()) {
				on.lines, on.top, on.bottom = append(on.lines, l), min(on.top, l.Box.Y0), max(on.bottom, l.Box.Y1)
				continue
			}
		}
		out = append(out, level{[]task.Line{l}, l.Box.Y0, l.Box.Y1})
	}
	return out
}
