// Package resample scales 8-bit images as Pillow's resize(BICUBIC) does, to the
// last rounding step: the support of the filter grows with the scale (so that
// shrinking is antialiased), coefficients are 22-bit fixed point, and each of
// the two passes, first across, then down, rounds to 8 bits. The filter is
// Keys' cubic with a = -0.5. Written from the published method, not copied.
package resample

import "math"

const (
	precisionBits = 32 - 8 - 2
	half          = 1 << (precisionBits - 1)
	support       = 2.0
)

// bicubic is Keys' cubic convolution kernel with a = -0.5.
func bicubic(x float64) float64 {
	const a = -0.5
	x = math.Abs(x)
	switch {
	case x < 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return (((x-5)*x+8)*x - 4) * a
	}
	return 0
}

// taps are the coefficients of one axis: output i is the sum over k of
// coeff[i*size+k] * input[start[i]+k], for k < count[i].
type taps struct {
	size  int
	start []int
	count []int
	coeff []int32
}

// newTaps maps the interval [in0, in1) of an axis with n samples to outputs
// lo..hi-1 of out evenly spaced ones. Windows are cut at the axis' ends and
// their weights normalised.
func newTaps(n int, in0, in1 float64, out, lo, hi int) taps {
	scale := (in1 - in0) / float64(out)
	fs := math.Max(scale, 1)
	sup := support * fs
	size := min(int(math.Min(math.Ceil(sup), 1<<30))*2+1, n) // windows are cut to the axis
	t := taps{size: size, start: make([]int, hi-lo), count: make([]int, hi-lo), coeff: make([]int32, (hi-lo)*size)}
	w := make([]float64, size)
	for i := range t.start {
		center := in0 + (float64(i+lo)+0.5)*scale
		x0 := max(int(center-sup+0.5), 0)
		x1 := min(int(center+sup+0.5), n)
		if x1 <= x0 { // only where the region lies wholly outside
			x0 = min(max(x0, 0), n-1)
			x1 = x0 + 1
		}
		sum := 0.0
		for k := range x1 - x0 {
			w[k] = bicubic((float64(k+x0) - center + 0.5) / fs)
			sum += w[k]
		}
		if sum == 0 {
			w[0], sum = 1, 1
		}
		c := t.coeff[i*size : (i+1)*size]
		for k := range x1 - x0 {
			c[k] = int32(math.Round(w[k] / sum * (1 << precisionBits)))
		}
		t.start[i], t.count[i] = x0, x1-x0
	}
	return t
}

// clip8 rounds an accumulator to 8 bits.
func clip8(v int32) uint8 {
	v >>= precisionBits
	if v < 0 {
		return 0
	}
	if v > 255 {
		return 255
	}
	return uint8(v)
}

// Source is an opaque RGBA image: 4 bytes per pixel, rows Stride apart.
type Source struct {
	Pix           []uint8
	Stride        int
	Width, Height int
}

// Window says which part of the source becomes which part of the output: the
// region [X0,X1) x [Y0,Y1) fills Width x Height outputs, of which columns
// [Left,Right) and rows [Top,Bottom) are made.
type Window struct {
	X0, Y0, X1, Y1           float64
	Width, Height            int
	Left, Top, Right, Bottom int
}

// RGBA writes the window of src into dst at (Left, Top), with alpha 255.
func RGBA(dst []uint8, stride int, src Source, w Window) {
	if w.Right <= w.Left || w.Bottom <= w.Top {
		return
	}
	hx := newTaps(src.Width, w.X0, w.X1, w.Width, w.Left, w.Right)
	vy := newTaps(src.Height, w.Y0, w.Y1, w.Height, w.Top, w.Bottom)
	y0, y1 := src.Height, 0
	for i, s := range vy.start {
		y0, y1 = min(y0, s), max(y1, s+vy.count[i])
	}
	if gray(src, hx, y0, y1) {
		grayPasses(dst, stride, src, w, hx, vy, y0, y1)
		return
	}
	cols := w.Right - w.Left
	tmp := make([]uint8, (y1-y0)*cols*3)
	for y := y0; y < y1; y++ {
		across3(tmp[(y-y0)*cols*3:(y-y0+1)*cols*3], src.Pix[y*src.Stride:], hx)
	}
	acc := make([]int32, cols*3)
	for i := range vy.start {
		down(acc, tmp[(vy.start[i]-y0)*cols*3:], cols*3, vy.coeff[i*vy.size:i*vy.size+vy.count[i]])
		row := dst[(w.Top+i)*stride+w.Left*4 : (w.Top+i)*stride+w.Right*4]
		for x := range cols {
			row[4*x] = clip8(acc[3*x])
			row[4*x+1] = clip8(acc[3*x+1])
			row[4*x+2] = clip8(acc[3*x+2])
			row[4*x+3] = 255
		}
	}
}

// across3 makes one row of the first pass, three channels.
func across3(dst, row []uint8, t taps) {
	for i, s := range t.start {
		n := t.count[i]
		c := t.coeff[i*t.size : i*t.size+n]
		p := row[s*4 : (s+n)*4]
		r, g, b := int32(half), int32(half), int32(half)
		for k, f := range c {
			q := p[4*k : 4*k+4 : 4*k+4]
			r += int32(q[0]) * f
			g += int32(q[1]) * f
			b += int32(q[2]) * f
		}
		d := dst[3*i : 3*i+3 : 3*i+3]
		d[0], d[1], d[2] = clip8(r), clip8(g), clip8(b)
	}
}

// down sums rows of the first pass with their coefficients into acc.
func down(acc []int32, rows []uint8, n int, c []int32) {
	for i := range acc {
		acc[i] = half
	}
	for k, f := range c {
		row := rows[k*n : (k+1)*n]
		row = row[:len(acc)]
		for i, v := range row {
			acc[i] += int32(v) * f
		}
	}
}

// gray reports whether every source pixel the window reads is grey.
func gray(src Source, hx taps, y0, y1 int) bool {
	last := len(hx.start) - 1
	x0, x1 := hx.start[0], hx.start[last]+hx.count[last]
	for y := y0; y < y1; y++ {
		p := src.Pix[y*src.Stride+4*x0 : y*src.Stride+4*x1]
		for len(p) >= 4 {
			if p[0] != p[1] || p[1] != p[2] {
				return false
			}
			p = p[4:]
		}
	}
	return true
}

// grayPasses is the three-channel way with one channel.
func grayPasses(dst []uint8, stride int, src Source, w Window, hx, vy taps, y0, y1 int) {
	cols := w.Right - w.Left
	tmp := make([]uint8, (y1-y0)*cols)
	line := make([]uint8, src.Width)
	for y := y0; y < y1; y++ {
		row := src.Pix[y*src.Stride : y*src.Stride+4*src.Width]
		for x := range line {
			line[x] = row[4*x]
		}
		out := tmp[(y-y0)*cols : (y-y0+1)*cols]
		for i, s := range hx.start {
			n := hx.count[i]
			c := hx.coeff[i*hx.size : i*hx.size+n]
			p := line[s : s+n]
			v := int32(half)
			for k, f := range c {
				v += int32(p[k]) * f
			}
			out[i] = clip8(v)
		}
	}
	acc := make([]int32, cols)
	for i := range vy.start {
		down(acc, tmp[(vy.start[i]-y0)*cols:], cols, vy.coeff[i*vy.size:i*vy.size+vy.count[i]])
		row := dst[(w.Top+i)*stride+w.Left*4 : (w.Top+i)*stride+w.Right*4]
		for x, v := range acc {
			g := clip8(v)
			row[4*x], row[4*x+1], row[4*x+2], row[4*x+3] = g, g, g, 255
		}
	}
}
