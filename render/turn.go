package render

import (
	"image"
	"math"
)

// Turn returns a picture turned clockwise by a small angle, on a canvas that
// holds all of it, with white around. The Affine maps its pixels to src's. It is
// the level view of a page whose lines slope: turned by minus Page.Skew, they
// run straight.
func Turn(src *image.RGBA, degrees float64) (*image.RGBA, Affine) {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	b := src.Bounds()
	w, h := float64(b.Dx()), float64(b.Dy())
	nw := int(math.Ceil(w*math.Abs(cos) + h*math.Abs(sin)))
	nh := int(math.Ceil(w*math.Abs(sin) + h*math.Abs(cos)))
	// Centre to centre, turned back.
	m := Affine{cos, sin, 0, -sin, cos, 0}
	cx, cy := m.Apply(float64(nw)/2, float64(nh)/2)
	m[2], m[5] = w/2-cx, h/2-cy
	dst := image.NewRGBA(image.Rect(0, 0, nw, nh))
	for y := range nh {
		row := dst.Pix[y*dst.Stride : y*dst.Stride+4*nw]
		x0, y0 := m.Apply(0.5, float64(y)+0.5)
		for x := range nw {
			mix(row[4*x:4*x+4:4*x+4], src, x0+m[0]*float64(x)-0.5, y0+m[3]*float64(x)-0.5)
		}
	}
	return dst, m
}

// mix sets a pixel to the bilinear mean around a place, whose whole numbers are
// the centres of src's pixels. Outside is white.
func mix(out []uint8, src *image.RGBA, x, y float64) {
	fx, fy := math.Floor(x), math.Floor(y)
	// In 1/256: 16 bits hold the product of both directions.
	ax, ay := uint32((x-fx)*256), uint32((y-fy)*256)
	ix, iy := int(fx), int(fy)
	w, h := src.Rect.Dx(), src.Rect.Dy()
	if ix >= 0 && iy >= 0 && ix+1 < w && iy+1 < h {
		o := iy*src.Stride + 4*ix
		a, b := src.Pix[o:o+8:o+8], src.Pix[o+src.Stride:o+src.Stride+8:o+src.Stride+8]
		for c := range 3 {
			top := uint32(a[c])*(256-ax) + uint32(a[c+4])*ax
			low := uint32(b[c])*(256-ax) + uint32(b[c+4])*ax
			out[c] = uint8((top*(256-ay) + low*ay + 1<<15) >> 16)
		}
		out[3] = 255
		return
	}
	at := func(x, y, c int) uint32 {
		if x < 0 || y < 0 || x >= w || y >= h {
			return 255
		}
		return uint32(src.Pix[y*src.Stride+4*x+c])
	}
	for c := range 3 {
		top := at(ix, iy, c)*(256-ax) + at(ix+1, iy, c)*ax
		low := at(ix, iy+1, c)*(256-ax) + at(ix+1, iy+1, c)*ax
		out[c] = uint8((top*(256-ay) + low*ay + 1<<15) >> 16)
	}
	out[3] = 255
}
