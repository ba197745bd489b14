package render

import (
	"image"
	"image/color"
	"math"
)

// coarse reports samples whose colours are packed in units of several pixels.
func (l *rasterLayout) coarse() bool {
	return l.subX*l.subY > 1 && l.packing != packJPEG && l.packing != packOldJPEG
}

// row spreads one row of a block into the picture's row: all samples, or those
// of one plane.
func (l *rasterLayout) row(dst []uint8, x0 int, data []byte, plane, perRow int) {
	bit := 0
	next := func() uint32 {
		v := uint32(0)
		switch l.bits {
		case 8:
			v = uint32(data[bit/8])
		default:
			for left := l.bits; left > 0; {
				have := 8 - bit%8
				take := min(have, left)
				part := uint32(data[bit/8]) >> (have - take) & (1<<take - 1)
				v, left, bit = v<<take|part, left-take, bit+take
			}
			return v
		}
		bit += l.bits
		return v
	}
	for x := range min(l.blockW, l.w-x0) {
		for s := range perRow {
			v := next()
			at := s
			if plane >= 0 {
				at = plane
			}
			if at < l.kept {
				dst[(x0+x)*l.kept+at] = l.byteOf(v)
			}
		}
	}
}

// byteOf scales a sample to eight bits; an index into a palette stays.
func (l *rasterLayout) byteOf(v uint32) uint8 {
	switch {
	case l.color == colorPalette, l.bits == 8:
		return uint8(v)
	case l.float: // black is 0 and white 1
		return uint8(255*max(0, min(1, math.Float32frombits(v))) + 0.5)
	case l.bits > 8:
		return uint8(v >> (l.bits - 8))
	}
	return uint8(v * 255 / (1<<l.bits - 1))
}

// undoDifferences adds to each sample its left neighbour. Samples of 16 bits
// are big-endian here: see ordered.
func undoDifferences(data []byte, stride, samples, bits int) {
	step := samples * bits / 8
	for row := data; len(row) >= stride && stride > 0; row = row[stride:] {
		for i := step; i+bits/8 <= stride; i += bits / 8 {
			if bits == 8 {
				row[i] += row[i-step]
				continue
			}
			v := uint16(row[i])<<8 + uint16(row[i+1]) + uint16(row[i-step])<<8 + uint16(row[i-step+1])
			row[i], row[i+1] = byte(v>>8), byte(v)
		}
	}
}

// ordered makes whole-byte samples big-endian.
func ordered(data []byte, bits int) {
	n := bits / 8
	for i := 0; i+n <= len(data); i += n {
		for a, b := i, i+n-1; a < b; a, b = a+1, b-1 {
			data[a], data[b] = data[b], data[a]
		}
	}
}

// subsampled spreads YCbCr whose colours are coarser than its brightness:
// section 21 of TIFF 6.0.
func (l *rasterLayout) subsampled(pix []uint8, x0, y0, rows int, data []byte) {
	unit := l.subX*l.subY + 2
	unitsX := (l.blockW + l.subX - 1) / l.subX
	for y := range min(rows, l.h-y0) {
		for x := range min(l.blockW, l.w-x0) {
			u := data[(y/l.subY*unitsX+x/l.subX)*unit:]
			p := pix[((y0+y)*l.w+x0+x)*3:]
			p[0], p[1], p[2] = u[y%l.subY*l.subX+x%l.subX], u[unit-2], u[unit-1]
		}
	}
}

// paint turns samples into colours on white.
func (l *rasterLayout) paint(pix []uint8) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, l.w, l.h))
	for i := range l.w * l.h {
		s := pix[i*l.kept : (i+1)*l.kept]
		r, g, b := l.colorOf(s)
		if l.alpha > 0 {
			r, g, b = onWhite(r, g, b, s[l.kept-1], l.alpha == 1)
		}
		d := img.Pix[4*i : 4*i+4 : 4*i+4]
		d[0], d[1], d[2], d[3] = r, g, b, 255
	}
	return img
}

// colorOf turns one pixel's samples into a colour.
func (l *rasterLayout) colorOf(s []uint8) (r, g, b uint8) {
	switch l.color {
	case colorWhiteIsZero:
		return 255 - s[0], 255 - s[0], 255 - s[0]
	case colorRGB:
		return s[0], s[1], s[2]
	case colorPalette:
		n := len(l.colors) / 3
		i := min(int(s[0]), n-1)
		return uint8(l.colors[i] >> 8), uint8(l.colors[n+i] >> 8), uint8(l.colors[2*n+i] >> 8)
	case colorCMYK:
		return color.CMYKToRGB(s[0], s[1], s[2], s[3])
	case colorYCbCr:
		if l.packing == packJPEG || l.packing == packOldJPEG {
			return s[0], s[1], s[2] // its decoder has done so
		}
		return color.YCbCrToRGB(s[0], s[1], s[2])
	}
	return s[0], s[0], s[0] // grey, a mask, and the lightness of Lab
}

// onWhite lays a colour with alpha onto white paper.
func onWhite(r, g, b, a uint8, premultiplied bool) (uint8, uint8, uint8) {
	lay := func(v uint8) uint8 {
		c := int(v)
		if !premultiplied {
			c = c * int(a) / 255
		}
		return uint8(min(c+255-int(a), 255))
	}
	return lay(r), lay(g), lay(b)
}
