package layout

// minInk is how many pixels of ink, in components big enough to be strokes, a
// view must hold to be worth a question.
const minInk = 12

// Empty reports that a view, a piece of a page scaled to what a model looks at,
// shows no stroke.
func Empty(g *Gray) bool {
	if g.W < 8 || g.H < 8 {
		return true
	}
	b := binarise(g)
	if len(b.boxes(g)) > 0 {
		return false
	}
	b.clearColumns()
	n := 0
	for _, c := range b.components() {
		if c.area >= minArea && c.h() >= 3 {
			n += int(c.area)
		}
	}
	return n < minInk
}
