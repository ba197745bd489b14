package tiles

import (
	"cmp"
	"slices"

	"palimpsest.dev/task"
)

// longestWord is the width, in x-heights, up to which the space between two
// words may be a word that no tile showed whole. What is wider is a gap.
const longestWord = 30

// Gaps plans a second look. Words longer than the overlap of two tiles may be
// cut by both, and so be read by neither. Wherever the words read on a line
// leave a stretch free that holds a whole seam, a tile is laid over it; tiles
// at the same seam of neighbouring lines are one. Those that mend most come
// first, and there are at most limit of them.
//
// The views are those of the first look, the words what was read in them, all
// in page pixels; fit is the range of x-heights, in model pixels, that the
// model reads well.
func Gaps(page task.Page, views []Tile, words []task.Box, overlap float64, fit [2]float64, limit int) []Tile {
	var all []window
	rows := byHeight(words)
	for _, l := range usable(page) {
		seams := seamsOf(l, views, fit)
		if len(seams) == 0 {
			continue
		}
		for _, free := range freeStretches(l, rows.near(l.Box)) {
			for _, s := range seams {
				long := free.to - free.from
				if long < 0.8*overlap/s.scale || long > longestWord*l.XHeight || s.from < free.from || s.to > free.to {
					continue
				}
				// More than one word may be missing; the one on the seam is near it.
				half, middle := 0.45*s.side, (s.from+s.to)/2
				all = append(all, window{task.Box{X0: max(free.from, middle-half), Y0: l.Box.Y0, X1: min(free.to, middle+half), Y1: l.Box.Y1}, s})
			}
		}
	}
	return group(page, all, limit)
}

// seam is a stretch of a line that two neighbouring tiles share.
type seam struct {
	span
	scale, side float64
}

// window is a stretch that may hold a word cut by both tiles of a seam.
type window struct {
	box  task.Box
	seam seam
}

// seamsOf finds the seams of the tiles that show a line in full height at a
// readable size.
func seamsOf(l task.Line, views []Tile, fit [2]float64) []seam {
	var show []Tile
	slack := l.XHeight / 4
	for _, v := range views {
		x := l.XHeight * v.Scale
		if (fit[1] <= 0 || x >= 0.8*fit[0] && x <= fit[1]/0.8) && v.Region.Y0 <= l.Box.Y0+slack && v.Region.Y1 >= l.Box.Y1-slack &&
			v.Region.X0 < l.Box.X1 && v.Region.X1 > l.Box.X0 {
			show = append(show, v)
		}
	}
	slices.SortFunc(show, func(a, b Tile) int { return cmp.Compare(a.Region.X0, b.Region.X0) })
	var out []seam
	reach := 0 // of those so far, the tile that reaches furthest right
	for i := 1; i < len(show); i++ {
		a, b := show[reach].Region, show[i].Region
		if b.X1 <= a.X1 {
			continue
		}
		if b.X0 <= a.X1 {
			out = append(out, seam{span{b.X0, a.X1}, show[i].Scale, b.Width()})
		}
		reach = i
	}
	return out
}

// freeStretches lists what the words leave of a line.
func freeStretches(l task.Line, words []task.Box) []span {
	var on []span
	for _, w := range words {
		shared := min(w.Y1, l.Box.Y1) - max(w.Y0, l.Box.Y0)
		if shared > 0.4*min(w.Height(), l.Box.Height()) && w.X1 > l.Box.X0 && w.X0 < l.Box.X1 {
			on = append(on, span{w.X0, w.X1})
		}
	}
	slices.SortFunc(on, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var out []span
	from := l.Box.X0
	for _, w := range append(on, span{l.Box.X1, l.Box.X1}) {
		if w.from > from {
			out = append(out, span{from, w.from})
		}
		from = max(from, w.to)
	}
	return out
}

// group joins windows that one tile shows.
func group(page task.Page, all []window, limit int) []Tile {
	slices.SortFunc(all, func(a, b window) int {
		return cmp.Or(cmp.Compare(a.seam.scale, b.seam.scale), cmp.Compare(a.box.Y0, b.box.Y0), cmp.Compare(a.box.X0, b.box.X0))
	})
	type mended struct {
		tile Tile
		n    int
	}
	var out []mended
	for len(all) > 0 && len(out) < 4*limit {
		first := all[0]
		side := first.seam.side
		middle := (first.seam.from + first.seam.to) / 2 // neighbouring lines share it
		from, to, n := first.box.Y0, first.box.Y1, 0
		room := min(2/first.seam.scale, side/8)
		rest := all[:0]
		for i, w := range all {
			fits := w.seam.scale == first.seam.scale && w.box.X0 >= middle-side/2+room && w.box.X1 <= middle+side/2-room &&
				max(to, w.box.Y1)-from <= side-2*room
			if i > 0 && !fits {
				rest = append(rest, w)
				continue
			}
			to = max(to, w.box.Y1)
			n++
		}
		all = rest
		y := settle(page, from-room, to+room, side)
		out = append(out, mended{Tile{task.Box{X0: middle - side/2, Y0: y, X1: middle + side/2, Y1: y + side}, first.seam.scale}, n})
	}
	slices.SortStableFunc(out, func(a, b mended) int { return cmp.Compare(b.n, a.n) })
	var tiles []Tile
	for _, m := range out[:min(len(out), limit)] {
		tiles = append(tiles, m.tile)
	}
	return tiles
}

// bands finds the words near a line.
type bands map[int][]task.Box

const bandHeight = 64

func byHeight(words []task.Box) bands {
	b := bands{}
	for _, w := range words {
		for r := int(w.Y0) / bandHeight; r <= int(w.Y1)/bandHeight; r++ {
			b[r] = append(b[r], w)
		}
	}
	return b
}

// near lists the words that may touch a box, some more than once.
func (b bands) near(box task.Box) []task.Box {
	var out []task.Box
	for r := int(box.Y0) / bandHeight; r <= int(box.Y1)/bandHeight; r++ {
		out = append(out, b[r]...)
	}
	return out
}
