package kernel

import (
	"math"
	"sync"
)

// inputs are the rows of one product in 8 bits: every row a [K] becomes round(a / scale) in -127 ... 127, scale
// being the row's largest magnitude over 127. A row does not depend on the others.
type inputs struct {
	stride int       // codes per row: K rounded up to whole groups of int4; the rest are zeros
	codes  []int8    // [R, stride]
	wide   []int16   // the same, where the implementation multiplies 16 bits; else empty
	starts []int16   // [R, stride/32, 2]: what takes the offset out of int4 codes, see setStarts
	scales []float32 // [R]
	sums   []int32   // [R]: of the codes
}

var inputsPool = sync.Pool{New: func() any { return new(inputs) }}

// prepare reserves room for rows of k inputs for a matrix of that format.
func (in *inputs) prepare(im *implementation, f Format, rows, k int) {
	in.stride = roundUp(k, stepK)
	rows = roundUp(rows, im.tilesOf(f)[0].rows) // tiles may read beyond the last row, whatever stands there
	in.codes = room(in.codes, rows*in.stride)
	in.wide, in.starts = in.wide[:0], in.starts[:0]
	if f == Int8Format && im.wideInputs {
		in.wide = room(in.wide, rows*in.stride)
	}
	if f == Int4Format {
		in.starts = room(in.starts, rows*in.stride/stepK*2)
	}
	in.scales, in.sums = room(in.scales, rows), room(in.sums, rows)
}

// room returns n elements of x, newly made where it has too few; they hold anything.
func room[E any](x []E, n int) []E {
	if cap(x) < n {
		return make([]E, n)
	}
	return x[:n]
}

// set rounds row i.
func (in *inputs) set(im *implementation, i int, a []float32) {
	codes := in.codes[i*in.stride : (i+1)*in.stride]
	clear(codes[len(a):])
	top := im.absMax(a)
	in.scales[i] = top / 127
	switch {
	case top < 1e-30: // its inverse may have no float32, and no sum would notice it
		clear(codes)
	case math.IsInf(float64(top), 0) || top != top: // the scale makes all outputs of the row infinite or NaN
		clear(codes)
	default:
		im.round8(codes[:len(a)], a, 127/top)
	}
	if len(in.starts) > 0 {
		starts := in.starts[i*in.stride/stepK*2:]
		for g := range in.stride / stepK {
			starts[2*g], starts[2*g+1] = groupStarts((*[stepK]int8)(codes[g*stepK:]))
		}
		return
	}
	if len(in.wide) > 0 {
		in.sums[i] = im.widen8(in.wide[i*in.stride:(i+1)*in.stride], codes)
		return
	}
	in.sums[i] = im.sum8(codes)
}

// groupStarts is what the sums over a group of 32 int4 codes begin with, so that they end without the codes'
// offset: -8 times the sum of the first and second inputs of every cell, and of the third and fourth. Apart,
// because a sum of 16 bits is kept for each such pair.
func groupStarts(codes *[stepK]int8) (first, second int16) {
	for k := 0; k < stepK; k += cellK {
		first += int16(codes[k]) + int16(codes[k+1])
		second += int16(codes[k+2]) + int16(codes[k+3])
	}
	return -int4Offset * first, -int4Offset * second
}
