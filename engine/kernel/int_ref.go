package kernel

import (
	"math"
	"unsafe"
)

// The reference for products over whole numbers: one row by one panel.

var goIntTiles = []intTile{{rows: 1, cols: panelWidth, int8: tileRef8, int4: tileRef4}}

func tileRef8(acc *int32, _ int, a *int8, _ int, b *byte, _, cells int, more bool) {
	var sum [panelWidth]int32
	weights := unsafe.Slice(b, cells*cellK*panelWidth)
	for k, v := range unsafe.Slice(a, cells*cellK) {
		cell := weights[k/cellK*cellK*panelWidth+k%cellK:]
		for j := range sum {
			sum[j] += int32(cell[j*cellK]) * int32(v)
		}
	}
	storeRef32(acc, &sum, more)
}

func tileRef4(acc *int32, _ int, a *int8, _ int, starts *int16, _ int, b *byte, _ int, steps *int8, _, groups int, more bool) {
	var sum [panelWidth]int32
	inputs, begin := unsafe.Slice(a, groups*stepK), unsafe.Slice(starts, groups*2)
	weights, whole := unsafe.Slice(b, groups*stepK*panelWidth/2), unsafe.Slice(steps, groups*panelWidth)
	for g := range groups {
		for j := range sum {
			s := int32(begin[2*g]) + int32(begin[2*g+1])
			for k := range stepK {
				cell := weights[(g*stepK+k)/(2*cellK)*cellK*panelWidth:]
				s += int32(cell[j*cellK+k%cellK]>>(k%(2*cellK)/cellK*4)&15) * int32(inputs[g*stepK+k])
			}
			sum[j] += s * int32(whole[g*panelWidth+j])
		}
	}
	storeRef32(acc, &sum, more)
}

func storeRef32(acc *int32, sum *[panelWidth]int32, more bool) {
	for j, out := 0, unsafe.Slice(acc, panelWidth); j < panelWidth; j++ {
		if more {
			sum[j] += out[j]
		}
		out[j] = sum[j]
	}
}

// absMaxRef is the largest magnitude in x, 0 for none; a NaN counts as larger than anything.
func absMaxRef(x []float32) float32 {
	top := uint32(0)
	for _, v := range x {
		top = max(top, math.Float32bits(v)&0x7fffffff)
	}
	return math.Float32frombits(top)
}

// round8Ref sets dst to x · by, rounded to the nearest whole number, ties to even; by makes all of them fit.
func round8Ref(dst []int8, x []float32, by float32) {
	dst = dst[:len(x)]
	const magic = 1.5 * (1 << 23)
	for i, v := range x {
		dst[i] = int8(float32(v*by) + magic - magic)
	}
}

func sumRef8(x []int8) (sum int32) {
	for _, v := range x {
		sum += int32(v)
	}
	return sum
}

// widen8Ref copies codes to 16 bits and returns their sum.
func widen8Ref(dst []int16, src []int8) (sum int32) {
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] = int16(v)
		sum += int32(v)
	}
	return sum
}

// finish8Ref turns sums into outputs: (acc - offset) · (scale · scales) + bias. bias may be nil. Each step is
// rounded by itself, so that every implementation does the same.
func finish8Ref(dst []float32, acc []int32, scales, bias []float32, scale float32, offset int32) {
	acc, scales = acc[:len(dst)], scales[:len(dst)]
	for i := range dst {
		v := float32(float32(acc[i]-offset) * float32(scale*scales[i]))
		if bias != nil {
			v += bias[i]
		}
		dst[i] = v
	}
}
