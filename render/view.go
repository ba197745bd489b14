package render

import (
	"image"
	"image/draw"
	"math"

	"palimpsest.dev/render/internal/resample"
)

// The ways a region is made square.
const (
	FitStretch   = "stretch"   // width and height scaled apart
	FitLetterbox = "letterbox" // scaled alike, centred, the rest white
)

// Resize scales the region [x0, y0, x1, y1] of src, in pixels counted from its
// top left corner, to w x h as Pillow's resize((w, h), BICUBIC, box=region)
// does. The region may stick out of the picture: outside is white. The alpha
// of src is taken as 255.
func Resize(src *image.RGBA, region [4]float64, w, h int) *image.RGBA {
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	place(dst, dst.Rect, src, region)
	return dst
}

// Letterbox fits the whole of src into a square of side pixels, centred on
// white, keeping its shape. The Affine maps pixels of the square to src's,
// counted from its top left corner.
func Letterbox(src image.Image, side int) (*image.RGBA, Affine) {
	rgba := toRGBA(src)
	b := rgba.Bounds()
	img, to := View(rgba, [4]float64{0, 0, float64(b.Dx()), float64(b.Dy())}, side, FitLetterbox)
	s := 1 / float64(side)
	return img, Affine{s, 0, 0, 0, s, 0}.Then(to)
}

// View cuts a region of src, in pixels counted from its top left corner, and
// makes it side x side. The region may be fractional and may stick out of the
// page, where it is white. Fit is FitStretch or FitLetterbox (centred); any
// other value stretches. The Affine maps the view's unit square, 0..1 from its
// top left, to src's pixels exactly.
func View(src *image.RGBA, region [4]float64, side int, fit string) (*image.RGBA, Affine) {
	w, h := region[2]-region[0], region[3]-region[1]
	at := image.Rect(0, 0, side, side)
	if fit == FitLetterbox && w > 0 && h > 0 {
		scale := float64(side) / math.Max(w, h)
		nw := min(max(int(math.Round(w*scale)), 1), side)
		nh := min(max(int(math.Round(h*scale)), 1), side)
		at = image.Rect(0, 0, nw, nh).Add(image.Pt((side-nw)/2, (side-nh)/2))
	}
	dst := image.NewRGBA(image.Rect(0, 0, side, side))
	if at != dst.Rect {
		draw.Draw(dst, dst.Rect, image.White, image.Point{}, draw.Src)
	}
	place(dst, at, src, region)
	sx, sy := w/float64(at.Dx()), h/float64(at.Dy())
	return dst, Affine{
		sx * float64(side), 0, region[0] - sx*float64(at.Min.X),
		0, sy * float64(side), region[1] - sy*float64(at.Min.Y),
	}
}

// place scales the region of src into the rectangle at of dst. Output pixels
// whose centre lies outside src are white.
func place(dst *image.RGBA, at image.Rectangle, src *image.RGBA, region [4]float64) {
	b := src.Bounds()
	w, h := at.Dx(), at.Dy()
	if w <= 0 || h <= 0 {
		return
	}
	part := dst.SubImage(at).(*image.RGBA)
	left, right := inside(region[0], region[2], w, b.Dx())
	top, bottom := inside(region[1], region[3], h, b.Dy())
	if left > 0 || top > 0 || right < w || bottom < h {
		draw.Draw(part, at, image.White, image.Point{}, draw.Src)
	}
	if left >= right || top >= bottom {
		return
	}
	resample.RGBA(part.Pix, part.Stride,
		resample.Source{Pix: src.Pix[src.PixOffset(b.Min.X, b.Min.Y):], Stride: src.Stride, Width: b.Dx(), Height: b.Dy()},
		resample.Window{X0: region[0], Y0: region[1], X1: region[2], Y1: region[3], Width: w, Height: h,
			Left: left, Top: top, Right: right, Bottom: bottom})
}

// inside returns the range of n outputs over [lo, hi) whose centres lie in
// [0, size).
func inside(lo, hi float64, n, size int) (int, int) {
	step := (hi - lo) / float64(n)
	if !(step > 0) || math.IsInf(step, 0) || math.IsNaN(lo) {
		return 0, 0
	}
	// centre i is lo + (i+0.5)*step
	first := math.Ceil(-lo/step - 0.5)
	past := math.Ceil((float64(size)-lo)/step - 0.5)
	return int(min(max(first, 0), float64(n))), int(min(max(past, 0), float64(n)))
}

// toRGBA returns src as opaque RGBA with its origin at 0,0; transparent parts
// become white. An *image.RGBA is returned as it is.
func toRGBA(src image.Image) *image.RGBA {
	if m, ok := src.(*image.RGBA); ok {
		return m
	}
	return flatten(src)
}
