package tiles

import (
	"cmp"
	"slices"

	"palimpsest.dev/task"
)

// leastGap is the width, in x-heights, from which a stretch of a line without
// a word is one that was overlooked: a letter and the spaces around it.
const leastGap = 2.2

// Gaps plans a second look: tiles over those stretches of the page's lines
// where no word was read. The model overlooked them, or two neighbouring tiles
// both cut the word that stands there. Each tile has such stretches in its
// middle, so it shows them otherwise than the first look did. Tiles that mend
// most come first, and there are at most limit of them.
//
// The views are those of the first look, the words what was read in them, all
// in page pixels; fit is the range of x-heights, in model pixels, that the
// model reads well.
func Gaps(page task.Page, views []Tile, words []task.Box, overlap float64, fit [2]float64, limit int) []Tile {
	var all []gap
	rows := byHeight(words)
	for _, l := range usable(page) {
		v, ok := viewOf(l, views, fit)
		if !ok {
			continue
		}
		side := v.Region.Width()
		for _, free := range freeStretches(l, rows.near(l.Box)) {
			if free.to-free.from < leastGap*l.XHeight {
				continue
			}
			// A stretch wider than a tile takes several, which overlap like those of the first look.
			room := min(2/v.Scale, side/8)
			for _, x := range spread(free.from, free.to, side-2*room, overlap/v.Scale, limit) {
				all = append(all, gap{side: side, scale: v.Scale, xHeight: l.XHeight,
					box: task.Box{X0: max(free.from, x), Y0: l.Box.Y0, X1: min(free.to, x+side-2*room), Y1: l.Box.Y1}})
			}
			if len(all) > maxGaps {
				return group(page, all, limit)
			}
		}
	}
	return group(page, all, limit)
}

// maxGaps bounds the stretches that are looked at again: a page has fewer words.
const maxGaps = 20_000

// gap is a stretch of a line without a word, no wider than a tile.
type gap struct {
	box         task.Box
	scale, side float64 // of the tile to be laid over it
	xHeight     float64
}

// viewOf finds, of the views that show a line at a readable size, one that
// shows most of it.
func viewOf(l task.Line, views []Tile, fit [2]float64) (Tile, bool) {
	var best Tile
	most := 0.0
	for _, v := range views {
		x := l.XHeight * v.Scale
		if fit[1] > 0 && (x < 0.8*fit[0] || x > fit[1]/0.8) {
			continue
		}
		if a := v.Region.Intersect(l.Box).Area(); a > most {
			best, most = v, a
		}
	}
	return best, most > 0
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

// group lays tiles over the gaps, each over as many near ones as it shows.
func group(page task.Page, all []gap, limit int) []Tile {
	slices.SortFunc(all, func(a, b gap) int {
		return cmp.Or(cmp.Compare(a.scale, b.scale), cmp.Compare(a.box.Y0, b.box.Y0), cmp.Compare(a.box.X0, b.box.X0))
	})
	type mended struct {
		tile  Tile
		width float64 // of what it mends, in x-heights
	}
	var out []mended
	for len(all) > 0 && len(out) < 4*limit {
		first := all[0]
		side := first.side
		room := min(2/first.scale, side/8)
		most := side - 2*room
		union, width := task.Box{}, 0.0
		rest := all[:0]
		for i, g := range all {
			u := union.Union(g.box)
			if i > 0 && (g.scale != first.scale || u.Width() > most || u.Height() > most) {
				rest = append(rest, g)
				continue
			}
			union = u
			width += g.box.Width() / g.xHeight
		}
		all = rest
		x, y := (union.X0+union.X1-side)/2, settle(page, union.Y0-room, union.Y1+room, side)
		out = append(out, mended{Tile{task.Box{X0: x, Y0: y, X1: x + side, Y1: y + side}, first.scale}, width})
	}
	slices.SortStableFunc(out, func(a, b mended) int { return cmp.Compare(b.width, a.width) })
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
