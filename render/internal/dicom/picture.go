package dicom

import (
	"errors"
	"image"
)

// Picture shows a frame, counted from 0, as the file says it is to be shown.
func (f *File) Picture(n int) (*image.RGBA, error) {
	f.Set.budget.used = 0 // each frame has the whole of it: opening has bounded what there is
	p, err := f.Frame(n)
	if err != nil {
		return nil, err
	}
	return f.Show(n, p)
}

// Show turns the values of a frame into a picture.
func (f *File) Show(n int, p Pixels) (*image.RGBA, error) {
	dst := image.NewRGBA(image.Rect(0, 0, p.Width, p.Height))
	bits := f.depth(p)
	switch p.Photometric {
	case Monochrome1, Monochrome2:
		table, err := f.greys(n, p, bits)
		if err != nil {
			return nil, err
		}
		mask := uint16(1<<bits - 1)
		for k, v := range p.Samples {
			g := table[v&mask]
			d := dst.Pix[4*k : 4*k+4 : 4*k+4]
			d[0], d[1], d[2], d[3] = g, g, g, 255
		}
	case PaletteColor:
		table, err := f.palette(bits)
		if err != nil {
			return nil, err
		}
		mask := uint16(1<<bits - 1)
		for k, v := range p.Samples {
			copy(dst.Pix[4*k:4*k+4:4*k+4], table[v&mask][:])
		}
	case YBRPartial420, YBRICT, YBRRCT:
		return nil, UnsupportedError(p.Photometric + " is not read of frames in this transfer syntax")
	default:
		colours(dst, p, bits)
	}
	return dst, nil
}

// depth is how many bits of a value count: those stored, or fewer where a codec
// wrote with less precision.
func (f *File) depth(p Pixels) int {
	bits := f.Image.Stored
	if p.Bits > 0 && p.Bits < bits {
		bits = p.Bits
	}
	return bits
}

// colours fills the picture from three values to the pixel, scaled to 8 bits.
func colours(dst *image.RGBA, p Pixels, bits int) {
	mask := uint32(1<<bits - 1)
	scale := make([]uint8, mask+1)
	for v := range scale {
		scale[v] = uint8((2*255*uint32(v) + mask) / (2 * mask))
	}
	convert := func(a, b, c uint8) (uint8, uint8, uint8) { return a, b, c }
	switch p.Photometric {
	case YBRFull, YBRFull422:
		convert = fullRange
	case YBRPartial422:
		convert = partialRange
	}
	for k := 0; 3*k+2 < len(p.Samples); k++ {
		s := p.Samples[3*k : 3*k+3 : 3*k+3]
		d := dst.Pix[4*k : 4*k+4 : 4*k+4]
		d[0], d[1], d[2] = convert(scale[uint32(s[0])&mask], scale[uint32(s[1])&mask], scale[uint32(s[2])&mask])
		d[3] = 255
	}
}

// clamp8 rounds to a byte.
func clamp8(v float64) uint8 { return uint8(max(0, min(255, v+0.5))) }

// fullRange turns luma and chroma of the full range into colours (PS3.3
// C.7.6.3.1.2, the matrix of ITU-R BT.601).
func fullRange(y, cb, cr uint8) (r, g, b uint8) {
	l, u, v := float64(y), float64(cb)-128, float64(cr)-128
	return clamp8(l + 1.402*v), clamp8(l - 0.344136*u - 0.714136*v), clamp8(l + 1.772*u)
}

// partialRange does so for luma of 16 to 235 and chroma of 16 to 240.
func partialRange(y, cb, cr uint8) (r, g, b uint8) {
	l, u, v := 1.164384*(float64(y)-16), float64(cb)-128, float64(cr)-128
	return clamp8(l + 1.596027*v), clamp8(l - 0.391762*u - 0.812968*v), clamp8(l + 2.017232*u)
}

// palette looks up the colours of all values (PS3.3 C.7.6.3.1.5, C.7.9).
func (f *File) palette(bits int) ([][4]uint8, error) {
	var tables [3]lut
	for c := range Tag(3) {
		d, err := f.Set.words(tagPaletteDescriptor + c)
		if err != nil {
			return nil, err
		}
		if len(d) < 3 {
			return nil, errors.New("a descriptor of the palette is missing")
		}
		if f.Set.has(tagPaletteData + c) {
			tables[c], err = f.Set.lut(d, tagPaletteData+c, f.Image.Signed)
		} else {
			tables[c], err = f.Set.segmented(d, tagSegmentedPalette+c, f.Image.Signed)
		}
		if err != nil {
			return nil, err
		}
	}
	out := make([][4]uint8, 1<<bits)
	for raw := range out {
		v := extend(raw, bits, f.Image.Signed)
		out[raw] = [4]uint8{tables[0].byte(v), tables[1].byte(v), tables[2].byte(v), 255}
	}
	return out, nil
}

// extend reads the sign of a value of so many bits.
func extend(raw, bits int, signed bool) int {
	if signed && raw>>(bits-1) == 1 {
		return raw - 1<<bits
	}
	return raw
}
