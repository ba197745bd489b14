package seams

import "palimpsest.dev/task"

// cells finds the words near a place without looking at all of them: a coarse
// grid over the page whose cells list what touches them.
type cells struct {
	side float64
	w, h int
	at   map[int][]int
}

func newCells(page task.Page) *cells {
	const across = 64
	side := max(1, float64(max(page.Width, page.Height))/across)
	return &cells{side: side, w: int(float64(page.Width)/side) + 1, h: int(float64(page.Height)/side) + 1, at: map[int][]int{}}
}

// each calls visit with every cell that the box touches; what lies outside
// the page belongs to the cells at its edge.
func (c *cells) each(b task.Box, visit func(cell int)) {
	clip := func(v float64, n int) int { return int(max(0, min(float64(n-1), v/c.side))) }
	for y := clip(b.Y0, c.h); y <= clip(b.Y1, c.h); y++ {
		for x := clip(b.X0, c.w); x <= clip(b.X1, c.w); x++ {
			visit(y*c.w + x)
		}
	}
}

func (c *cells) add(word int, b task.Box) {
	c.each(b, func(cell int) { c.at[cell] = append(c.at[cell], word) })
}

// taken reports whether a kept word stands where this one does.
func (c *cells) taken(w Word, kept []Word) bool {
	found := false
	c.each(w.Box, func(cell int) {
		for _, i := range c.at[cell] {
			found = found || overlaps(w, kept[i])
		}
	})
	return found
}
