package weights

import (
	"math"
	"math/rand/v2"

	"palimpsest.dev/engine/kernel"
)

// AddNoise adds to one output's weights normal errors as large as what storing them in format f costs, by definition of the
// format, whatever packs it: the measure of what a packed model may be off by, as how much a model makes of an error in its
// weights is its own affair. A number rounded to multiples of a step is off by up to half of it, evenly: a deviation of
// step/√12. The steps:
//
//	bf16  2^-7 of the power of two below the weight, or below it: at most 2^-7 · |w|
//	sfp   2^-3 of the power of two below it from 2^-7 on, 2^-2 under that
//	int8  the output's largest weight over 127; and the inputs' largest over 127, which counts the same again
//	int4  the largest of 32 weights over 8; and the inputs as for int8
func AddNoise(random *rand.Rand, f kernel.Format, row []float32) {
	const even = 3.4641 // √12
	all := largest(row)
	for from := 0; from < len(row); from += 32 {
		group := row[from:min(from+32, len(row))]
		step := largest(group) / 8
		for i, w := range group {
			magnitude := math.Abs(float64(w))
			deviation := 0.0
			switch f {
			case kernel.BFloat16Format:
				deviation = magnitude / 128 / even
			case kernel.SFPFormat:
				deviation = magnitude / 8 / even
				if magnitude < 0x1p-7 {
					deviation *= 2
				}
			case kernel.Int8Format:
				deviation = math.Sqrt2 * all / 127 / even
			case kernel.Int4Format:
				deviation = math.Hypot(step/even, all/127/even)
			}
			group[i] += float32(deviation * random.NormFloat64())
		}
	}
}

// largest is the largest magnitude.
func largest(x []float32) float64 {
	top := 0.0
	for _, v := range x {
		top = max(top, math.Abs(float64(v)))
	}
	return top
}
