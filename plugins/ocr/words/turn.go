package words

import (
	"math"

	"palimpsest.dev/plugins/ocr/seams"
	"palimpsest.dev/task"
)

// Turn is the turn that the views of a page were cut with, because its lines
// slope. Seams and lines are looked for where everything is level: on the page
// turned back about its middle. Of a page whose views are upright nothing is
// changed, and a nil Turn is such a page's.
type Turn struct {
	sin, cos float64    // of the lines' angle, clockwise
	middle   task.Point // of the page
}

// leastTurn is the sine of an angle that is none.
const leastTurn = 1e-4

// TurnOf reads the turn off an answer's transform, whose first column is the
// way across the view.
func TurnOf(page task.Page, a task.Answer) *Turn {
	x, y := a.ToPage[0], a.ToPage[3]
	length := math.Hypot(x, y)
	if length == 0 || math.IsNaN(length) || math.IsInf(length, 0) || x <= 0 || math.Abs(y/length) < leastTurn {
		return &Turn{cos: 1}
	}
	return &Turn{sin: y / length, cos: x / length, middle: task.Point{X: float64(page.Width) / 2, Y: float64(page.Height) / 2}}
}

// Upright says that there is no turn.
func (t *Turn) Upright() bool { return t == nil || t.sin == 0 }

// level maps a transform to the page on to the level page.
func (t *Turn) level(m task.Affine) task.Affine {
	if t.Upright() {
		return m
	}
	x, y := m[2]-t.middle.X, m[5]-t.middle.Y
	return task.Affine{
		t.cos*m[0] + t.sin*m[3], t.cos*m[1] + t.sin*m[4], t.cos*x + t.sin*y + t.middle.X,
		-t.sin*m[0] + t.cos*m[3], -t.sin*m[1] + t.cos*m[4], -t.sin*x + t.cos*y + t.middle.Y,
	}
}

// Box maps a box in a view's unit square to the level page.
func (t *Turn) Box(page task.Page, toPage task.Affine, b task.Box) task.Box {
	b = t.level(toPage).ApplyBox(b)
	if t.Upright() {
		b = b.Intersect(page.Bounds())
	}
	return b
}

// view describes what the model saw, on the level page.
func (t *Turn) view(a task.Answer) seams.Tile {
	v := view(a)
	if t.Upright() {
		return v
	}
	// The region keeps its size: it was turned about its middle.
	c := task.Point{X: (v.Region.X0 + v.Region.X1) / 2, Y: (v.Region.Y0 + v.Region.Y1) / 2}
	c = t.level(task.Affine{1, 0, 0, 0, 1, 0}).Apply(c)
	w, h := v.Region.Width()/2, v.Region.Height()/2
	v.Region = task.Box{X0: c.X - w, Y0: c.Y - h, X1: c.X + w, Y1: c.Y + h}
	return v
}

// back maps the level page to the page.
func (t *Turn) back() task.Affine {
	m := t.middle
	return task.Affine{t.cos, -t.sin, m.X - t.cos*m.X + t.sin*m.Y, t.sin, t.cos, m.Y - t.sin*m.X - t.cos*m.Y}
}

// ToPage is the upright box on the page around a box of the level page.
func (t *Turn) ToPage(page task.Page, b task.Box) task.Box {
	if !t.Upright() {
		b = t.back().ApplyBox(b)
	}
	return b.Intersect(page.Bounds())
}

// Corners are those of a word on the page, clockwise from where its text begins
// at its top; none where they say no more than the box.
func (t *Turn) Corners(page task.Page, b task.Box) []task.Point {
	if t.Upright() {
		return nil
	}
	var out []task.Point
	for _, c := range [4]task.Point{{X: b.X0, Y: b.Y0}, {X: b.X1, Y: b.Y0}, {X: b.X1, Y: b.Y1}, {X: b.X0, Y: b.Y1}} {
		p := t.back().Apply(c)
		out = append(out, task.Point{X: max(0, min(float64(page.Width), p.X)), Y: max(0, min(float64(page.Height), p.Y))})
	}
	return out
}
