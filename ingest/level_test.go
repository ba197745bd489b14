package ingest

import (
	"context"
	"image"
	"image/draw"
	"math"
	"testing"

	"palimpsest.dev/engine"
	"palimpsest.dev/render"
	"palimpsest.dev/task"
)

// TestSlopingPagesAreCutAlongTheirLines shows the model a page with one sloping
// row of strokes: in the view it lies level, and the transform leads back to
// the slope.
func TestSlopingPagesAreCutAlongTheirLines(t *testing.T) {
	t.Parallel()
	const degrees = 2.0
	slope := math.Tan(degrees * math.Pi / 180)
	page := Page{Page: task.Page{Document: "d", Number: 1, Width: 800, Height: 600}, Image: image.NewRGBA(image.Rect(0, 0, 800, 600))}
	draw.Draw(page.Image, page.Image.Rect, image.White, image.Point{}, draw.Src)
	for x := 50; x < 750; x++ {
		if x%10 > 5 {
			continue
		}
		for k := range 9 {
			o := page.Image.PixOffset(x, int(300+slope*float64(x-400))+k-4)
			copy(page.Image.Pix[o:], []byte{0, 0, 0, 255})
		}
	}
	for skew, level := range map[float64]bool{degrees: true, 0: false, levelAt - 0.01: false} {
		page.Skew = skew
		var first, last float64 // heights of the row at both sides of the view
		model := &scriptModel{size: side, answer: func(_ context.Context, r engine.Request) (engine.Answer, error) {
			first, last = darkest(r.Image, 10), darkest(r.Image, side-10)
			return engine.Answer{Text: "row", Stop: engine.StopEnd}, nil
		}}
		region := task.Box{X0: 500, Y0: 200, X1: 700, Y1: 400}
		var got task.Answer
		script := oneWordEach(region)
		script.read = func(_ task.Page, answers []task.Answer) (task.Reading, error) {
			got = answers[0]
			return task.Reading{}, nil
		}
		if _, err := ReadPage(t.Context(), model, script, page, recipe); err != nil {
			t.Fatal(err)
		}
		if straight := math.Abs(first-last) < 1.5; straight != level {
			t.Errorf("skew %v: the row goes from %v to %v in the view", skew, first, last)
		}
		for _, x := range []float64{10, side - 10} {
			y := first
			if x > side/2 {
				y = last
			}
			p := got.ToPage.Apply(task.Point{X: x / side, Y: y / side})
			if want := 300.5 + slope*(p.X-400); math.Abs(p.Y-want) > 1.5 {
				t.Errorf("skew %v: (%v, %v) of the view is said to be %v, the row is at %v", skew, x, y, p, want)
			}
		}
		if c := got.ToPage.Apply(task.Point{X: 0.5, Y: 0.5}); math.Hypot(c.X-600, c.Y-300) > 1e-6 {
			t.Errorf("skew %v: the middle of the view is %v", skew, c)
		}
	}
}

// darkest is the middle of the dark pixels around a column.
func darkest(m *image.RGBA, x int) float64 {
	sum, n := 0.0, 0.0
	for y := range m.Rect.Dy() {
		for k := x - 10; k < x+10; k++ {
			dark := 255 - float64(m.Pix[m.PixOffset(k, y)])
			sum, n = sum+dark*(float64(y)+0.5), n+dark
		}
	}
	return sum / n
}

func TestSkewIsKeptWithThePage(t *testing.T) {
	t.Parallel()
	text := textOf(&render.Page{Skew: -1.5, Image: image.NewRGBA(image.Rect(0, 0, 1, 1))})
	if text.Skew != -1.5 || PageOf(&render.Page{Skew: 2, Image: image.NewRGBA(image.Rect(0, 0, 1, 1))}, "d", "r", nil).Skew != 2 {
		t.Errorf("%+v", text)
	}
	if old, err := decodePageText([]byte(`{"format":1}`)); err != nil || old.Skew != 0 {
		t.Errorf("pages stored before have none: %+v, %v", old, err)
	}
}
