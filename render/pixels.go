package render

import (
	"image"
	"image/draw"
	"strings"
	"unicode"
	"unicode/utf8"
)

// rotated returns the picture turned clockwise by quarters of a full turn, with
// its origin at 0,0. It works in tiles so that both sides stay in cache.
func rotated(src *image.RGBA, quarters int) *image.RGBA {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	nw, nh := w, h
	if quarters&1 == 1 {
		nw, nh = h, w
	}
	dst := image.NewRGBA(image.Rect(0, 0, nw, nh))
	const tile = 32
	for ty := 0; ty < h; ty += tile {
		for tx := 0; tx < w; tx += tile {
			for y := ty; y < min(ty+tile, h); y++ {
				s := src.Pix[src.PixOffset(src.Rect.Min.X+tx, src.Rect.Min.Y+y):]
				for x := tx; x < min(tx+tile, w); x++ {
					var d int
					switch quarters & 3 {
					case 0:
						d = y*dst.Stride + 4*x
					case 1:
						d = x*dst.Stride + 4*(h-1-y)
					case 2:
						d = (h-1-y)*dst.Stride + 4*(w-1-x)
					case 3:
						d = (w-1-x)*dst.Stride + 4*y
					}
					copy(dst.Pix[d:d+4:d+4], s[4*(x-tx):4*(x-tx)+4])
				}
			}
		}
	}
	return dst
}

// flatten draws any picture on white, with its origin at 0,0 and alpha 255. The
// common kinds have their own loops: this runs on every page.
func flatten(src image.Image) *image.RGBA {
	b := src.Bounds()
	dst := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	switch m := src.(type) {
	case *image.YCbCr:
		draw.Draw(dst, dst.Rect, m, b.Min, draw.Src) // opaque, and quick in the library
	case *image.Gray:
		for y := range b.Dy() {
			row := m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):]
			fillGray(dst.Pix[y*dst.Stride:], row[:b.Dx()], 1)
		}
	case *image.Gray16:
		for y := range b.Dy() {
			row := m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):]
			fillGray(dst.Pix[y*dst.Stride:], row[:2*b.Dx()], 2)
		}
	case *image.Paletted:
		flattenPaletted(dst, m)
	default:
		draw.Draw(dst, dst.Rect, image.White, image.Point{}, draw.Src)
		draw.Draw(dst, dst.Rect, src, b.Min, draw.Over)
	}
	return dst
}

// fillGray spreads one row of grey samples, step bytes apart.
func fillGray(dst, row []uint8, step int) {
	for x := 0; x*step < len(row); x++ {
		v := row[x*step]
		d := dst[4*x : 4*x+4 : 4*x+4]
		d[0], d[1], d[2], d[3] = v, v, v, 255
	}
}

// flattenPaletted looks every colour up once.
func flattenPaletted(dst *image.RGBA, m *image.Paletted) {
	var table [256][3]uint8
	for i := range table {
		table[i] = [3]uint8{255, 255, 255}
		if i < len(m.Palette) {
			r, g, b, a := m.Palette[i].RGBA()
			white := 0xffff - a
			table[i] = [3]uint8{uint8((r + white) >> 8), uint8((g + white) >> 8), uint8((b + white) >> 8)}
		}
	}
	b := m.Rect
	for y := range b.Dy() {
		row := m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):]
		d := dst.Pix[y*dst.Stride:]
		for x, i := range row[:b.Dx()] {
			c := &table[i]
			p := d[4*x : 4*x+4 : 4*x+4]
			p[0], p[1], p[2], p[3] = c[0], c[1], c[2], 255
		}
	}
}

// clip makes untrusted text fit to be printed: valid UTF-8, no control
// characters, at most n bytes.
func clip(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
