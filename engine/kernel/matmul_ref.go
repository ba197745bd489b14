package kernel

import "unsafe"

// The reference micro-kernel: one row by one panel, each output summed from k = 0 upwards.

var goTiles = []tile{{rows: 1, panels: 1, f32: tileRefF32, bf16: tileRefBF16, pairs: tileRefPairs}}

func tileRefF32(dst *float32, _ int, a *float32, _ int, b *float32, _ int, k int, add *float32, _ int) {
	var sum [panelWidth]float32
	weights := unsafe.Slice(b, k*panelWidth)
	for i, v := range unsafe.Slice(a, k) {
		w := (*[panelWidth]float32)(weights[i*panelWidth:])
		for j := range sum {
			sum[j] += v * w[j]
		}
	}
	storeRef(dst, &sum, add)
}

func tileRefBF16(dst *float32, _ int, a *float32, _ int, b *uint16, _ int, k int, add *float32, _ int) {
	var sum [panelWidth]float32
	weights := unsafe.Slice(b, k*panelWidth)
	for i, v := range unsafe.Slice(a, k) {
		w := (*[panelWidth]uint16)(weights[i*panelWidth:])
		for j := range sum {
			sum[j] += v * BFloat16(w[j])
		}
	}
	storeRef(dst, &sum, add)
}

func tileRefPairs(dst *float32, _ int, a *uint32, _ int, b *uint16, _ int, k int, add *float32, _ int) {
	var sum [panelWidth]float32
	weights := unsafe.Slice(b, k*panelWidth)
	inputs := unsafe.Slice(a, (k+1)/2)
	for i := range k {
		half := inputs[i/2] >> 16 // the earlier input of a pair stands in the upper half
		if i%2 == 1 {
			half = inputs[i/2]
		}
		v, w := BFloat16(uint16(half)), (*[panelWidth]uint16)(weights[i*panelWidth:])
		for j := range sum {
			sum[j] += v * BFloat16(w[j])
		}
	}
	storeRef(dst, &sum, add)
}

func storeRef(dst *float32, sum *[panelWidth]float32, add *float32) {
	if add != nil {
		for j, v := range unsafe.Slice(add, panelWidth) {
			sum[j] += v
		}
	}
	copy(unsafe.Slice(dst, panelWidth), sum[:])
}

func widenRef(dst []float32, src []uint16) {
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] = BFloat16(v)
	}
}
