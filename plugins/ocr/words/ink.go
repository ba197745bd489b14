package words

import (
	"math"

	"palimpsest.dev/task"
)

// Ink answers which line found in the pixels lies under a box.
type Ink struct {
	lines []task.Line
	rows  map[int][]int // by height, in bands of rowHeight pixels
}

const rowHeight = 64

// NewInk prepares the lines of a page.
func NewInk(page task.Page) *Ink {
	k := &Ink{rows: map[int][]int{}}
	for _, l := range page.Lines {
		b := l.Box.Intersect(page.Bounds())
		if !l.Box.Finite() || b.Empty() {
			continue
		}
		k.lines = append(k.lines, task.Line{Box: b, XHeight: l.XHeight})
		for r := int(b.Y0) / rowHeight; r <= int(b.Y1)/rowHeight; r++ {
			k.rows[r] = append(k.rows[r], len(k.lines)-1)
		}
	}
	return k
}

// Under returns the line that a word's box mostly lies on. It reports false when the box lies on none; on a page
// without lines every place may hold text, and the line is empty.
func (k *Ink) Under(b task.Box) (line task.Line, on bool) {
	const enough = 0.2 // share of the box's area
	if len(k.lines) == 0 {
		return task.Line{}, true
	}
	most, mostBeside := enough*b.Area(), enough*b.Area()
	var beside task.Line
	for r := int(b.Y0) / rowHeight; r <= int(b.Y1)/rowHeight; r++ {
		for _, i := range k.rows[r] {
			l := k.lines[i]
			// Accents, commas and a box drawn a little off reach beyond the line.
			high := max(1, l.XHeight/2)
			near := task.Box{X0: l.Box.X0 - high, Y0: l.Box.Y0 - high, X1: l.Box.X1 + high, Y1: l.Box.Y1 + high}
			if a := near.Intersect(b).Area(); a > most {
				most, line, on = a, l, true
			}
			// A bullet or a sign beside a line is not always taken for its part.
			wide := max(1, 3*l.XHeight)
			near.X0, near.X1 = l.Box.X0-wide, l.Box.X1+wide
			if a := near.Intersect(b).Area(); a > mostBeside {
				mostBeside, beside = a, l
			}
		}
	}
	if !on {
		line, on = beside, !beside.Box.Empty()
	}
	return line, on
}

// XHeight is the x-height of a word on a line, 0 when that cannot be the word's: a word's box is between 1.45 and
// 2.3 times as high as its x, and a line whose x-height is far from that was measured on something else.
func XHeight(line task.Line, b task.Box) float64 {
	if h := b.Height(); line.XHeight < h/3 || line.XHeight > h/1.2 {
		return 0
	}
	return line.XHeight
}

// settle moves a word's box up or down onto the line it lies on, whose place is known from its ink: a model that sees
// the page through small tiles tells words apart better than it measures them. The box takes the line's height where
// the line is one of letters and not of, say, a drawing. settle also returns how far the box was moved, in x-heights.
func settle(b task.Box, line task.Line) (task.Box, float64) {
	const slack = 0.25 // x-heights by which a word may reach beyond its line
	x, height := line.XHeight, line.Box.Height()
	top, bottom := line.Box.Y0-slack*x, line.Box.Y1+slack*x
	if x <= 0 || height > 4*x || b.Height() > 1.25*(bottom-top) {
		return b, 0
	}
	by := max(0, top-b.Y0)
	if by == 0 {
		by = min(0, bottom-b.Y1)
	}
	b.Y0, b.Y1 = b.Y0+by, b.Y1+by
	if on := (task.Box{X0: max(b.X0, line.Box.X0-slack*x), Y0: b.Y0, X1: min(b.X1, line.Box.X1+slack*x), Y1: b.Y1}); 2*on.Width() > b.Width() {
		b = on // the white beside a line belongs to no word
	}
	if height > 1.3*x && height < 3*x {
		b.Y0, b.Y1 = line.Box.Y0, line.Box.Y1
	}
	return b, math.Abs(by) / x
}
