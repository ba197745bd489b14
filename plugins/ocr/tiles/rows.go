package tiles

import (
	"cmp"
	"slices"

	"palimpsest.dev/task"
)

// span is a stretch of a row that text fills.
type span struct{ from, to float64 }

// cover lays rows of tiles over the lines of a class, from top to bottom. A
// row begins at the highest line that no row holds whole yet and takes every
// line that fits. It stops soon after the limit is passed.
func cover(page task.Page, c class, how task.Profile, limit int) []Tile {
	side, overlap := float64(how.Size)/c.scale, float64(how.Overlap)/c.scale
	room := min(margin*how.XHeight/c.scale, side/8)
	rest := slices.Clone(c.lines)
	slices.SortFunc(rest, func(a, b task.Line) int {
		return cmp.Or(cmp.Compare(a.Box.Y0, b.Box.Y0), cmp.Compare(a.Box.X0, b.Box.X0))
	})
	var out []Tile
	for len(rest) > 0 && len(out) <= limit {
		top := rest[0].Box.Y0
		height := side - 2*room // of what a row holds whole
		var spans []span
		reached := top
		keep := rest[:0]
		for _, l := range rest {
			tall := l.Box.Y1-top > height
			if tall && l.Box.Y0 > top {
				keep = append(keep, l)
				continue
			}
			spans = append(spans, span{l.Box.X0, l.Box.X1})
			if tall { // higher than a tile: the rest of it needs further rows
				reached = top + height
				l.Box.Y0 = top + max(height-overlap, height/8)
				keep = append(keep, l)
				continue
			}
			reached = max(reached, l.Box.Y1)
		}
		rest = keep
		slices.SortFunc(rest, func(a, b task.Line) int {
			return cmp.Or(cmp.Compare(a.Box.Y0, b.Box.Y0), cmp.Compare(a.Box.X0, b.Box.X0))
		})
		y := settle(page, top-room, reached+room, side)
		for _, x := range columns(spans, page, side, overlap, room, limit) {
			out = append(out, Tile{task.Box{X0: x, Y0: y, X1: x + side, Y1: y + side}, c.scale})
		}
	}
	return out
}

// settle chooses where a row of height side begins that must show [from, to):
// among a few places the one whose edges cut least text, and of those the one
// that stays on the page and has its text in the middle.
func settle(page task.Page, from, to, side float64) float64 {
	const places = 13
	slack := max(0, side-(to-from))
	best, least := from-slack/2, -1.0
	for i := range places {
		// From the middle outwards.
		step := float64((i+1)/2) / float64(places-1)
		if i%2 == 1 {
			step = -step
		}
		y := from - slack*(0.5+step)
		cost := cut(page.Lines, y) + cut(page.Lines, y+side)
		if y < 0 || y+side > float64(page.Height) {
			cost += 1 // paper reads better than the white outside it
		}
		if least < 0 || cost < least-1e-9 {
			best, least = y, cost
		}
	}
	return best
}

// cut is the width of the lines that a horizontal edge goes through.
func cut(lines []task.Line, y float64) float64 {
	var w float64
	for _, l := range lines {
		if l.Box.Y0+1 < y && y < l.Box.Y1-1 {
			w += l.Box.Width()
		}
	}
	return w
}

// columns says where the tiles of a row begin. Stretches of text closer than
// a tile's overlap are one; a stretch longer than a tile gets several at even
// distances.
func columns(spans []span, page task.Page, side, overlap, room float64, limit int) []float64 {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var out []float64
	for i := 0; i < len(spans) && len(out) <= limit; {
		run := span{spans[i].from - room, spans[i].to + room}
		for i++; i < len(spans); i++ {
			next := spans[i]
			// Text further right joins when it begins on the tiles that are
			// needed anyway, or so near that a tile of its own would mostly
			// show what those show.
			if next.from-room > run.to && next.to+room > end(run, side, overlap) {
				break
			}
			run.to = max(run.to, next.to+room)
		}
		for _, x := range spread(run.from, run.to, side, overlap, limit) {
			out = append(out, inside(x, side, float64(page.Width)))
		}
	}
	return out
}

// end is how far the tiles of a run reach.
func end(run span, side, overlap float64) float64 {
	reach := run.from + side
	for reach < run.to && side > overlap {
		reach += side - overlap
	}
	return reach
}

// inside moves a tile that sticks out of the page back onto it as far as it
// fits: paper reads better than the white outside it, and no text is lost,
// for there is none out there.
func inside(x, side, width float64) float64 {
	if side >= width {
		return (width - side) / 2
	}
	return max(0, min(x, width-side))
}
