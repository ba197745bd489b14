package render

import (
	"image"
	"math"
	"testing"
)

// TestTurnMakesLinesLevel draws a slanted line, turns the picture back, and
// finds the line where the transform says.
func TestTurnMakesLinesLevel(t *testing.T) {
	t.Parallel()
	for _, degrees := range []float64{-3, -1, 0, 0.5, 2, 5} {
		src := image.NewRGBA(image.Rect(0, 0, 400, 300))
		for i := range src.Pix {
			src.Pix[i] = 255
		}
		slope := math.Tan(degrees * math.Pi / 180)
		for x := 50; x < 350; x++ {
			y := int(150 + slope*float64(x-200))
			for k := range 6 {
				o := src.PixOffset(x, y+k-3)
				src.Pix[o], src.Pix[o+1], src.Pix[o+2] = 0, 0, 0
			}
		}
		got, to := Turn(src, -degrees)
		for x := 60; x < 340; x += 20 {
			// The middle of the dark pixels of a column lies on the line.
			sum, n := 0.0, 0.0
			for y := range got.Rect.Dy() {
				dark := 255 - float64(got.Pix[got.PixOffset(x+(got.Rect.Dx()-400)/2, y)])
				sum, n = sum+dark*(float64(y)+0.5), n+dark
			}
			middle := sum / n
			if math.Abs(middle-float64(got.Rect.Dy())/2) > 1.5 {
				t.Errorf("%v degrees: at %d the line stands at %.1f of %d", degrees, x, middle, got.Rect.Dy())
			}
			px, py := to.Apply(float64(x+(got.Rect.Dx()-400)/2)+0.5, middle)
			if want := 150 + slope*(px-200); math.Abs(py-want) > 1.5 {
				t.Errorf("%v degrees: (%d, %.1f) is said to be (%.1f, %.1f), the line is at %.1f", degrees, x, middle, px, py, want)
			}
		}
		if a := got.Pix[3]; a != 255 || got.Pix[0] != 255 {
			t.Errorf("%v degrees: the corner is %v", degrees, got.Pix[:4])
		}
	}
}
