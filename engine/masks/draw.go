package masks

import (
	"image"
	"math"
)

// Draw stretches the mask over a box x0, y0, x1, y1 and gives the part of it within clip: 255 where a pixel's middle
// lies in the box and the mask there is above zero, else 0. The result's bounds are that part. Between the mask's
// places it interpolates linearly, and where the box is smaller than the mask it averages, as Pillow's bilinear filter
// does, which the published evaluation uses.
func (m *Mask) Draw(box [4]float64, clip image.Rectangle) *image.Gray {
	within := func(lo, hi float64, from, to int) (int, int) {
		a := math.Max(math.Ceil(lo-0.5), float64(from))
		b := math.Min(math.Ceil(hi-0.5), float64(to))
		if !(a < b) {
			return from, from
		}
		return int(a), int(b)
	}
	x0, x1 := within(box[0], box[2], clip.Min.X, clip.Max.X)
	y0, y1 := within(box[1], box[3], clip.Min.Y, clip.Max.Y)
	out := image.NewGray(image.Rect(x0, y0, x1, y1))
	columns := tapsOf(box[0], box[2], x0, x1)
	wide := make([]float64, Side*(x1-x0)) // stretched along x alone
	for y := range Side {
		row := m[y*Side : (y+1)*Side]
		for x, t := range columns {
			sum := 0.0
			for k, w := range t.weights {
				sum += w * float64(row[t.first+k])
			}
			wide[y*len(columns)+x] = sum
		}
	}
	for y, t := range tapsOf(box[1], box[3], y0, y1) {
		line := out.Pix[y*out.Stride:][:len(columns)]
		for x := range line {
			sum := 0.0
			for k, w := range t.weights {
				sum += w * wide[(t.first+k)*len(columns)+x]
			}
			if sum > 0 {
				line[x] = 255
			}
		}
	}
	return out
}

// taps are the places of the mask that a pixel is made of.
type taps struct {
	first   int
	weights []float64
}

// tapsOf gives those of the pixels from to to, the mask lying between lo and hi: a triangle around each pixel's middle,
// as wide as the larger of the two's pixels.
func tapsOf(lo, hi float64, from, to int) []taps {
	all := make([]taps, to-from)
	step := Side / (hi - lo) // places for one pixel
	reach := math.Max(step, 1)
	for n := range all {
		middle := (float64(from+n) + 0.5 - lo) * step
		first := max(int(middle-reach+0.5), 0)
		last := min(int(middle+reach+0.5), Side)
		t := taps{first: first}
		sum := 0.0
		for k := first; k < last; k++ {
			w := math.Max(0, 1-math.Abs(float64(k)+0.5-middle)/reach)
			t.weights = append(t.weights, w)
			sum += w
		}
		for k := range t.weights {
			t.weights[k] /= sum
		}
		all[n] = t
	}
	return all
}
