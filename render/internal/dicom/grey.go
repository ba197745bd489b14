package dicom

import (
	"math"
)

// greys makes the table from stored values to what is shown (PS3.3 C.11.1 and
// C.11.2): the modality's scale, then the table or window of the values of
// interest, then MONOCHROME1 turned over.
//
// A table of values of interest comes before a window, because it says more; of
// several windows the first is the one the file means. Without either, or where
// the window shows nothing but one grey of an image that has more, the range of
// the values is shown: that of all values possible where they are unsigned and
// have at most 8 bits, so that plain pictures stay as they are, and otherwise
// from the smallest to the largest that the frame holds. Padding is black and
// does not count.
func (f *File) greys(n int, p Pixels, bits int) ([]uint8, error) {
	size := 1 << bits
	padding := f.padding(bits)
	present := make([]bool, size)
	for _, v := range p.Samples {
		present[int(v)&(size-1)] = true
	}
	values, err := f.modality(n, bits)
	if err != nil {
		return nil, err
	}
	shown, err := f.interest(n, values.signed)
	if err != nil {
		return nil, err
	}
	table := make([]uint8, size)
	fill := func(show func(float64) float64) (greys int) {
		var seen [256]bool
		for raw := range table {
			g := clamp8(255 * show(values.of[raw]))
			if p.Photometric == Monochrome1 {
				g = 255 - g
			}
			if padding[raw] {
				g = 0
			}
			if table[raw] = g; present[raw] && !padding[raw] && !seen[g] {
				seen[g] = true
				greys++
			}
		}
		return greys
	}
	if shown != nil && (fill(shown) > 1 || distinct(present, padding) < 2) {
		return table, nil
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for raw, v := range values.of {
		if present[raw] && !padding[raw] || bits <= 8 && !f.Image.Signed {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	fill(func(v float64) float64 {
		if hi <= lo {
			return 0
		}
		return (v - lo) / (hi - lo)
	})
	return table, nil
}

// distinct counts the values that are there.
func distinct(present, padding []bool) (n int) {
	for raw, ok := range present {
		if ok && !padding[raw] {
			n++
		}
	}
	return n
}

// padding marks the stored values that only fill up the frame.
func (f *File) padding(bits int) []bool {
	out := make([]bool, 1<<bits)
	if !f.Set.has(tagPadding) {
		return out
	}
	read := func(t Tag) int {
		v := f.Set.word(t, 0)
		if f.Image.Signed {
			v = int(int16(v))
		}
		return v
	}
	lo := read(tagPadding)
	hi := lo
	if f.Set.has(tagPaddingLimit) {
		if hi = read(tagPaddingLimit); hi < lo {
			lo, hi = hi, lo
		}
	}
	for raw := range out {
		v := extend(raw, bits, f.Image.Signed)
		out[raw] = v >= lo && v <= hi
	}
	return out
}

// scale is what stored values stand for.
type scale struct {
	of     []float64 // by stored value
	signed bool
}

// modality applies the rescale slope and intercept or the modality's table.
func (f *File) modality(n, bits int) (scale, error) {
	s := scale{of: make([]float64, 1<<bits), signed: f.Image.Signed}
	tables, err := f.Set.items(tagModalityLUTs)
	if err != nil {
		return s, err
	}
	if len(tables) > 0 {
		l, err := tables[0].ownLUT(f.Image.Signed)
		if err != nil {
			return s, err
		}
		for raw := range s.of {
			s.of[raw] = float64(l.at(extend(raw, bits, f.Image.Signed)))
		}
		s.signed = false
		return s, nil
	}
	slope, intercept := 1.0, 0.0
	for _, from := range []Set{f.Set, f.macro(n, tagPixelTransform)} {
		if v := from.floats(tagRescaleSlope); len(v) > 0 && v[0] != 0 {
			slope = v[0]
			if b := from.floats(tagRescaleIntercept); len(b) > 0 {
				intercept = b[0]
			}
		}
	}
	for raw := range s.of {
		s.of[raw] = slope*float64(extend(raw, bits, f.Image.Signed)) + intercept
	}
	s.signed = s.signed || intercept < 0 || slope < 0
	return s, nil
}

// ownLUT reads the table of an item of a sequence of tables.
func (s Set) ownLUT(signed bool) (lut, error) {
	d, err := s.words(tagLUTDescriptor)
	if err != nil {
		return lut{}, err
	}
	return s.lut(d, tagLUTData, signed)
}

// interest returns what maps values to a share of white, or nil when the file
// names neither table nor window.
func (f *File) interest(n int, signed bool) (func(float64) float64, error) {
	voi := f.Set
	if own := f.macro(n, tagFrameVOI); len(own.elements) > 0 {
		voi = own
	}
	tables, err := voi.items(tagVOILUTs)
	if err != nil {
		return nil, err
	}
	if len(tables) > 0 {
		l, err := tables[0].ownLUT(signed)
		if err != nil {
			return nil, err
		}
		most := float64(int(1)<<l.bits - 1)
		return func(v float64) float64 { return float64(l.at(int(math.Floor(v+0.5)))) / most }, nil
	}
	centers, widths := voi.floats(tagWindowCenter), voi.floats(tagWindowWidth)
	if len(centers) == 0 || len(widths) == 0 {
		return nil, nil
	}
	return window(voi.Text(tagVOIFunction), centers[0], widths[0]), nil
}

// window is one of the three functions of PS3.3 C.11.2.1; a width that its
// function does not allow gives none.
func window(function string, c, w float64) func(float64) float64 {
	switch {
	case function == "SIGMOID" && w > 0:
		return func(v float64) float64 { return 1 / (1 + math.Exp(-4*(v-c)/w)) }
	case function == "LINEAR_EXACT" && w > 0:
		return func(v float64) float64 { return max(0, min(1, (v-c)/w+0.5)) }
	case function != "SIGMOID" && function != "LINEAR_EXACT" && w >= 1:
		return func(v float64) float64 {
			switch {
			case v <= c-0.5-(w-1)/2:
				return 0
			case v > c-0.5+(w-1)/2:
				return 1
			}
			return (v-(c-0.5))/(w-1) + 0.5
		}
	}
	return nil
}
