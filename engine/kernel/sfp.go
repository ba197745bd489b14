package kernel

import "math"

// Switched floating point, the 8-bit format of gemma.cpp (compression/types.h there): a sign and seven bits b.
// From 0x40 on, b is four bits of exponent and three of mantissa, (1+M/8)·2^(E-15); below, four of exponent and
// two of mantissa, (1+M/4)·2^(E-23), with 0 for zero. 0x80 is never written. So weights near the usual size have
// three bits behind the leading one, and smaller ones reach down to 2^-23 with two.

// sfpLimit is the largest magnitude there is. A row of weights with a larger one, which gemma.cpp refuses, is stored in
// units of its largest weight over this limit; all other rows have a scale of one.
const sfpLimit = 1.875

// sfpSwitch is 1.1111 (binary) · 2^-8, from which on three bits of mantissa round up to 2^-7, the smallest
// magnitude that has three.
const sfpSwitch = 0.007568359375

// sfpTable decodes a byte.
var sfpTable = func() (t [256]float32) {
	for b := 1; b < 0x80; b++ {
		v := math.Ldexp(1+float64(b&3)/4, b>>2-23)
		if b >= 0x40 {
			v = math.Ldexp(1+float64(b&7)/8, b>>3-15)
		}
		t[b], t[b|0x80] = float32(v), float32(-v)
	}
	return t
}()

// SFP decodes the byte b.
func SFP(b byte) float32 { return sfpTable[b] }

// RoundSFP encodes x: nearest, ties to even. Magnitudes over 1.875 become 1.875, those under 2^-23 zero, and 2^-23
// itself, whose code would be that of zero, the next above it. A NaN becomes zero.
func RoundSFP(x float32) byte {
	bits := math.Float32bits(x)
	sign, magnitude := byte(bits>>24&0x80), bits&0x7fffffff
	abs := math.Float32frombits(magnitude)
	switch {
	case !(abs >= 0x1p-23):
		return 0
	case abs >= sfpLimit:
		return sign | 0x7f
	case abs >= sfpSwitch:
		return sign | byte(roundMantissa(magnitude, 3)-(127-15)<<3)
	}
	small := roundMantissa(magnitude, 2) - (127-23)<<2
	if small == 0 {
		small = 1
	}
	return sign | byte(small) // 0x40, 2^-7, where rounding reaches it
}

// roundMantissa keeps that many bits of a float32's mantissa, ties to even, and returns them with the exponent
// above them.
func roundMantissa(magnitude uint32, keep int) uint32 {
	drop := 23 - keep
	return (magnitude + 1<<(drop-1) - 1 + magnitude>>drop&1) >> drop
}

// packSFP stores row i.
func (m *Matrix) packSFP(i int, x []float32) {
	scale := float32(1)
	if top := absMaxRef(x); top > sfpLimit && !math.IsInf(float64(top), 0) && top == top {
		scale = top / sfpLimit
	}
	m.scales[i] = scale
	at := i/panelWidth*panelWidth*m.k + i%panelWidth
	for _, v := range x {
		m.codes[at] = RoundSFP(v / scale)
		at += panelWidth
	}
}

// widenSFPRef turns k inputs of one panel into float32.
func widenSFPRef(dst []float32, src []byte, scales *[panelWidth]float32) {
	for i, b := range src {
		dst[i] = sfpTable[b] * scales[i%panelWidth]
	}
}
