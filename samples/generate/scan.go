package main

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"math/rand/v2"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// draw puts a sheet on white paper with black ink.
func (s *sheet) draw(dpi float64) (*image.Gray, error) {
	w, h := s.pixels(dpi)
	img := image.NewGray(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	k := dpi / 72
	for _, r := range s.rules {
		half := math.Max(r.weight*k/2, 0.5)
		x0, y0, x1, y1 := r.x0*k, r.y0*k, r.x1*k, r.y1*k
		if y0 == y1 {
			y0, y1 = y0-half, y1+half
		} else {
			x0, x1 = x0-half, x1+half
		}
		box := image.Rect(int(x0), int(y0), int(math.Ceil(x1)), int(math.Ceil(y1)))
		draw.Draw(img, box, image.NewUniform(color.Gray{40}), image.Point{}, draw.Src)
	}
	type key struct {
		face *typeface
		size float64
	}
	cache := map[key]font.Face{}
	for _, word := range s.words {
		id := key{word.style.face, word.style.size}
		face := cache[id]
		if face == nil {
			var err error
			face, err = opentype.NewFace(word.style.face.font, &opentype.FaceOptions{Size: word.style.size, DPI: dpi, Hinting: font.HintingNone})
			if err != nil {
				return nil, err
			}
			cache[id] = face
		}
		d := font.Drawer{Dst: img, Src: image.Black, Face: face}
		pen := word.x
		for _, r := range word.text {
			d.Dot = fixed.Point26_6{X: fixed.Int26_6(pen*k*64 + 0.5), Y: fixed.Int26_6(word.baseline*k*64 + 0.5)}
			d.DrawString(string(r))
			pen += word.style.face.advance(r) * word.style.size
		}
	}
	return img, nil
}

// each replaces every grey level by f of it and its place.
func each(img *image.Gray, f func(x, y int, v float64) float64) {
	b := img.Bounds()
	for y := range b.Dy() {
		row := img.Pix[y*img.Stride:]
		for x := range b.Dx() {
			row[x] = level(f(x, y, float64(row[x])))
		}
	}
}

func level(v float64) uint8 { return uint8(math.Min(255, math.Max(0, math.Round(v)))) }

// tone maps black to ink and white to paper.
func tone(img *image.Gray, ink, paper float64) {
	each(img, func(_, _ int, v float64) float64 { return ink + (paper-ink)*v/255 })
}

// skew turns the page clockwise about its middle; what comes in from outside is paper.
func skew(img *image.Gray, degrees float64, paper float64) *image.Gray {
	b := img.Bounds()
	out := image.NewGray(b)
	back := about(float64(b.Dx())/2, float64(b.Dy())/2, -degrees)
	at := func(x, y int) float64 {
		if x < 0 || y < 0 || x >= b.Dx() || y >= b.Dy() {
			return paper
		}
		return float64(img.Pix[y*img.Stride+x])
	}
	for y := range b.Dy() {
		for x := range b.Dx() {
			sx, sy := back.apply(float64(x)+0.5, float64(y)+0.5)
			sx, sy = sx-0.5, sy-0.5
			ix, iy := int(math.Floor(sx)), int(math.Floor(sy))
			fx, fy := sx-float64(ix), sy-float64(iy)
			v := (at(ix, iy)*(1-fx)+at(ix+1, iy)*fx)*(1-fy) + (at(ix, iy+1)*(1-fx)+at(ix+1, iy+1)*fx)*fy
			out.Pix[y*out.Stride+x] = level(v)
		}
	}
	return out
}

// blur is a Gaussian of the given radius in pixels.
func blur(img *image.Gray, sigma float64) {
	n := int(math.Ceil(3 * sigma))
	kernel := make([]float64, 2*n+1)
	sum := 0.0
	for i := range kernel {
		d := float64(i - n)
		kernel[i] = math.Exp(-d * d / (2 * sigma * sigma))
		sum += kernel[i]
	}
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	mid := make([]float64, w*h)
	for y := range h {
		for x := range w {
			v := 0.0
			for i, k := range kernel {
				v += k * float64(img.Pix[y*img.Stride+min(w-1, max(0, x+i-n))])
			}
			mid[y*w+x] = v / sum
		}
	}
	for y := range h {
		for x := range w {
			v := 0.0
			for i, k := range kernel {
				v += k * mid[min(h-1, max(0, y+i-n))*w+x]
			}
			img.Pix[y*img.Stride+x] = level(v / sum)
		}
	}
}

// shade darkens the page towards one corner and along the left edge, where the lid of a
// scanner did not close.
func shade(img *image.Gray, strength float64) {
	b := img.Bounds()
	w, h := float64(b.Dx()), float64(b.Dy())
	each(img, func(x, y int, v float64) float64 {
		slope := strength * (0.6*float64(x)/w + 0.4*float64(y)/h)
		gutter := strength * 1.6 * math.Exp(-float64(x)/(0.02*w))
		return v * (1 - math.Min(0.8, slope+gutter))
	})
}

// noise adds grain.
func noise(img *image.Gray, sigma float64, rng *rand.Rand) {
	each(img, func(_, _ int, v float64) float64 { return v + sigma*rng.NormFloat64() })
}

// speckle drops small dark and light spots.
func speckle(img *image.Gray, count int, rng *rand.Rand) {
	b := img.Bounds()
	for range count {
		cx, cy := rng.IntN(b.Dx()), rng.IntN(b.Dy())
		r := 0.5 + 1.3*rng.Float64()
		v := uint8(30 + rng.IntN(90))
		if rng.IntN(3) == 0 {
			v = 245
		}
		disc(img, float64(cx), float64(cy), r, v)
	}
}

func disc(img *image.Gray, cx, cy, r float64, v uint8) {
	for y := int(cy - r); y <= int(cy+r); y++ {
		for x := int(cx - r); x <= int(cx+r); x++ {
			if math.Hypot(float64(x)-cx, float64(y)-cy) <= r && image.Pt(x, y).In(img.Bounds()) {
				img.SetGray(x, y, color.Gray{v})
			}
		}
	}
}

// fold draws the shadow and the shine of a crease across the page.
func fold(img *image.Gray, y0 int, depth float64) {
	each(img, func(x, y int, v float64) float64 {
		d := float64(y) - float64(y0) - 6*math.Sin(float64(x)/190)
		return v - depth*math.Exp(-d*d/40) + depth*0.6*math.Exp(-(d-9)*(d-9)/30)
	})
}

// quarter turns an image by 90 degrees counter-clockwise, as a page lies that was put on
// the glass sideways.
func quarter(img *image.Gray) *image.Gray {
	b := img.Bounds()
	out := image.NewGray(image.Rect(0, 0, b.Dy(), b.Dx()))
	for y := range b.Dy() {
		for x := range b.Dx() {
			out.Pix[(b.Dx()-1-x)*out.Stride+y] = img.Pix[y*img.Stride+x]
		}
	}
	return out
}
