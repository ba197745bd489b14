package dicom

import (
	"encoding/binary"
	"fmt"

	"palimpsest.dev/render/internal/rle"
)

// Pixels are the values of a frame as stored: Components of them for each pixel,
// side by side, row by row.
type Pixels struct {
	Width, Height, Components int
	Bits                      int // precision the codec gave, 0 where the file's word counts
	Samples                   []uint16
	// Photometric is what the values mean where that differs from the file's word,
	// because the codec knew or has changed it.
	Photometric string
}

// Frame decodes a frame, counted from 0.
func (f *File) Frame(n int) (Pixels, error) {
	i := f.Image
	p := Pixels{Width: i.Columns, Height: i.Rows, Components: i.Samples, Photometric: i.Photometric}
	switch f.Syntax.Codec {
	case Native:
		return f.nativeFrame(n, p)
	case RLE:
		return f.rleFrame(n, p)
	}
	return f.compressed(n)
}

// nativeFrame reads uncompressed values.
func (f *File) nativeFrame(n int, p Pixels) (Pixels, error) {
	i := f.Image
	if i.Allocated == 1 {
		return f.bits(n, p)
	}
	data, err := f.native(n)
	if err != nil {
		return p, err
	}
	cells := f.cells(data)
	switch {
	case f.subsampled():
		p.Samples = spread422(cells, i.Columns, i.Rows)
		if i.Photometric == YBRFull422 {
			p.Photometric = YBRFull
		}
	case i.Planar && i.Samples > 1:
		p.Samples = interleave(cells, i.Samples)
	default:
		p.Samples = cells
	}
	return p, nil
}

// cells reads values of 8 or 16 bits and moves them down to bit 0.
func (f *File) cells(data []byte) []uint16 {
	i := f.Image
	down := i.High + 1 - i.Stored
	if i.Allocated == 8 {
		out := make([]uint16, len(data))
		for k, v := range data {
			out[k] = uint16(v) >> down
		}
		return out
	}
	out := make([]uint16, len(data)/2)
	if f.pixels.order == binary.BigEndian {
		for k := range out {
			out[k] = binary.BigEndian.Uint16(data[2*k:]) >> down
		}
		return out
	}
	for k := range out {
		out[k] = binary.LittleEndian.Uint16(data[2*k:]) >> down
	}
	return out
}

// bits reads values of one bit, the lowest first; frames follow one another
// without a gap.
func (f *File) bits(n int, p Pixels) (Pixels, error) {
	size := p.Width * p.Height
	at := n * size
	if have := 8*len(f.pixels.value) - at; have < size {
		return p, fmt.Errorf("the frame is cut off: %d of %d bits are there", max(have, 0), size)
	}
	p.Samples = unpackBits(f.pixels.value, at, size)
	return p, nil
}

// unpackBits spreads n bits from the at-th.
func unpackBits(data []byte, at, n int) []uint16 {
	out := make([]uint16, n)
	for k := range out {
		b := at + k
		out[k] = uint16(data[b>>3]>>(b&7)) & 1
	}
	return out
}

// interleave turns planes into pixels.
func interleave(planes []uint16, samples int) []uint16 {
	out := make([]uint16, len(planes))
	n := len(planes) / samples
	for c := range samples {
		plane := planes[c*n : (c+1)*n]
		for k, v := range plane {
			out[k*samples+c] = v
		}
	}
	return out
}

// spread422 turns Y Y Cb Cr into Y Cb Cr for each pixel.
func spread422(cells []uint16, w, h int) []uint16 {
	out := make([]uint16, 3*w*h)
	pairs := (w + 1) / 2
	for y := range h {
		row := cells[y*pairs*4 : (y+1)*pairs*4]
		for x := range w {
			q := row[x/2*4 : x/2*4+4]
			o := out[3*(y*w+x) : 3*(y*w+x)+3]
			o[0], o[1], o[2] = q[x&1], q[2], q[3]
		}
	}
	return out
}

// rleFrame decodes run lengths: a segment for each byte of each colour, the
// highest byte first (PS3.5 annex G).
func (f *File) rleFrame(n int, p Pixels) (Pixels, error) {
	i := f.Image
	size := p.Width * p.Height
	if i.Allocated == 1 {
		planes, err := rle.Decode(f.stream(n), 1, (size+7)/8)
		if err != nil {
			return p, err
		}
		p.Samples = unpackBits(planes[0], 0, size)
		return p, nil
	}
	bytes := i.Allocated / 8
	planes, err := rle.Decode(f.stream(n), i.Samples*bytes, size)
	if err != nil {
		return p, err
	}
	down := i.High + 1 - i.Stored
	p.Samples = make([]uint16, size*i.Samples)
	for c := range i.Samples {
		high, low := planes[c*bytes], planes[c*bytes+bytes-1]
		for k := range size {
			v := uint16(low[k])
			if bytes == 2 {
				v |= uint16(high[k]) << 8
			}
			p.Samples[k*i.Samples+c] = v >> down
		}
	}
	return p, nil
}
