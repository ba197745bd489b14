package render

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"

	"golang.org/x/image/bmp"
)

// The BMP library reads pictures that are not packed. Runs of pixels and fields
// of bits are read here.

// bmpHeader is what the two headers of a BMP say.
type bmpHeader struct {
	w, h    int
	upsided bool // rows from the top down
	bits    int
	packing int
	palette color.Palette
	pixels  int       // where they begin
	masks   [3]uint32 // of red, green and blue
}

// The packings of BMP.
const (
	bmpPlain  = 0
	bmpRLE8   = 1
	bmpRLE4   = 2
	bmpFields = 3
)

// errBMP is the error of what neither reader reads.
var errBMP = bmp.ErrUnsupported

// parseBMP reads the headers.
func parseBMP(d []byte) (bmpHeader, error) {
	const file, info = 14, 40
	if len(d) < file+info {
		return bmpHeader{}, errBMP
	}
	le := binary.LittleEndian
	size := int64(le.Uint32(d[file:]))
	h := bmpHeader{w: int(int32(le.Uint32(d[18:]))), h: int(int32(le.Uint32(d[22:]))), bits: int(le.Uint16(d[28:])),
		packing: int(le.Uint32(d[30:])), pixels: int(le.Uint32(d[10:])), masks: [3]uint32{0x7c00, 0x3e0, 0x1f}}
	if h.h < 0 {
		h.h, h.upsided = -h.h, true
	}
	if size < info || h.w <= 0 || h.h <= 0 || h.h > 1<<30 || h.pixels < file+info || h.pixels > len(d) {
		return h, errBMP
	}
	switch {
	case h.packing == bmpRLE8 && h.bits == 8, h.packing == bmpRLE4 && h.bits == 4:
	case h.packing == bmpFields && (h.bits == 16 || h.bits == 32):
		if len(d) < 66 {
			return h, errBMP
		}
		for i := range h.masks {
			h.masks[i] = le.Uint32(d[54+4*i:])
		}
	case h.packing == bmpPlain && h.bits == 16:
	default:
		return h, errBMP
	}
	if h.bits <= 8 {
		n := int(min(le.Uint32(d[46:]), 256))
		if n == 0 {
			n = 1 << h.bits
		}
		for at := file + size; n > 0 && at+4 <= int64(h.pixels); n, at = n-1, at+4 {
			h.palette = append(h.palette, color.RGBA{d[at+2], d[at+1], d[at], 255})
		}
		if len(h.palette) == 0 {
			return h, errBMP
		}
	}
	return h, nil
}

// bmpConfig is the library's, or ours where it refuses.
func bmpConfig(r *bytes.Reader) (image.Config, error) {
	data := make([]byte, r.Len())
	r.Read(data)
	c, err := bmp.DecodeConfig(bytes.NewReader(data))
	if err == nil || !errors.Is(err, bmp.ErrUnsupported) {
		return c, err
	}
	h, err := parseBMP(data)
	return image.Config{Width: h.w, Height: h.h}, err
}

// bmpDecode is the library's, or ours where it refuses.
func bmpDecode(r *bytes.Reader) (image.Image, error) {
	data := make([]byte, r.Len())
	r.Read(data)
	m, err := bmp.Decode(bytes.NewReader(data))
	if err == nil || !errors.Is(err, bmp.ErrUnsupported) {
		return m, err
	}
	h, err := parseBMP(data)
	if err != nil {
		return nil, err
	}
	if h.packing == bmpRLE8 || h.packing == bmpRLE4 {
		return h.runs(data[h.pixels:])
	}
	return h.fields(data[h.pixels:])
}

// row is where row y, counted from the bottom, lies in the picture.
func (h bmpHeader) row(y int) int {
	if h.upsided {
		return y
	}
	return h.h - 1 - y
}

// runs unpacks runs of pixels. Pixels that no run reaches have the first
// colour; what a run says beyond the picture is dropped. A file cut off shows
// what it has, as long as that is something.
func (h bmpHeader) runs(d []byte) (image.Image, error) {
	m := image.NewPaletted(image.Rect(0, 0, h.w, h.h), h.palette)
	x, y := 0, 0
	put := func(v uint8) {
		if x < h.w && y < h.h {
			m.Pix[h.row(y)*m.Stride+x] = min(v, uint8(len(h.palette)-1))
		}
		x++
	}
	// nibbles puts n pixels from the bytes of a run, of four or eight bits.
	nibbles := func(n int, of func(i int) byte) {
		for i := range n {
			switch {
			case h.packing == bmpRLE8:
				put(of(i))
			case i%2 == 0:
				put(of(i/2) >> 4)
			default:
				put(of(i/2) & 15)
			}
		}
	}
	for first := true; len(d) >= 2 && y < h.h; first = false {
		n, v := int(d[0]), d[1]
		d = d[2:]
		switch {
		case n > 0:
			nibbles(n, func(int) byte { return v })
		case v == 0:
			x, y = 0, y+1
		case v == 1:
			return m, nil
		case v == 2:
			if len(d) < 2 {
				return m, nil
			}
			x, y, d = x+int(d[0]), y+int(d[1]), d[2:]
		default:
			size := int(v)
			if h.packing == bmpRLE4 {
				size = (size + 1) / 2
			}
			if len(d) < size {
				if first {
					return nil, errors.New("the pixels are cut off")
				}
				return m, nil
			}
			run := d[:size]
			nibbles(int(v), func(i int) byte { return run[i] })
			d = d[min(size+size%2, len(d)):]
		}
	}
	return m, nil
}

// fields unpacks pixels of 16 or 32 bits by their masks.
func (h bmpHeader) fields(d []byte) (image.Image, error) {
	bytesOf := h.bits / 8
	stride := (h.w*bytesOf + 3) / 4 * 4
	if int64(len(d)) < int64(stride)*int64(h.h) {
		return nil, errors.New("the pixels are cut off")
	}
	m := image.NewRGBA(image.Rect(0, 0, h.w, h.h))
	for y := range h.h {
		for x := range h.w {
			p := d[y*stride+x*bytesOf:]
			v := uint32(p[0]) | uint32(p[1])<<8
			if bytesOf == 4 {
				v |= uint32(p[2])<<16 | uint32(p[3])<<24
			}
			o := m.PixOffset(x, h.row(y))
			for i, mask := range h.masks {
				if mask != 0 {
					low := mask & -mask
					m.Pix[o+i] = uint8(uint64((v&mask)/low) * 255 / uint64(mask/low))
				}
			}
			m.Pix[o+3] = 255
		}
	}
	return m, nil
}
