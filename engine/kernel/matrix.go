package kernel

import (
	"fmt"
	"math"
	"unsafe"
)

// Matrix holds the weights of a linear map from K inputs to N outputs, packed for MatMul and
// read-only after that: panels of 16 outputs, in each panel input by input the 16 weights side by
// side. Storage is float32 or bfloat16; arithmetic is float32 either way.
type Matrix struct {
	n, k int
	f32  []float32 // [panels, K, 16]
	bf16 []uint16  // the same, of bfloat16; one of the two is nil
}

// PackFloat32 packs w [N, K] (row-major, as a PyTorch Linear stores it).
func PackFloat32(w []float32, n, k int) *Matrix {
	checkMatrix("PackFloat32", len(w), n, k)
	m := &Matrix{n: n, k: k, f32: alignedFloats(paddedN(n) * k)}
	packPanels(m.f32, w, n, k)
	return m
}

// PackBFloat16 packs w [N, K] of bfloat16 bit patterns.
func PackBFloat16(w []uint16, n, k int) *Matrix {
	checkMatrix("PackBFloat16", len(w), n, k)
	m := &Matrix{n: n, k: k, bf16: make([]uint16, paddedN(n)*k)}
	packPanels(m.bf16, w, n, k)
	return m
}

func checkMatrix(op string, have, n, k int) {
	if n <= 0 || k <= 0 || n > math.MaxInt/k || have != n*k {
		panic(fmt.Sprintf("kernel.%s: %d weights given for a matrix of %d outputs x %d inputs", op, have, n, k))
	}
}

// paddedN rounds n up to whole groups, so that every tile may read whole panels.
func paddedN(n int) int { return (n + groupWidth - 1) / groupWidth * groupWidth }

// packPanels writes w [N, K] as panels. Rows that only pad stay zero.
func packPanels[E float32 | uint16](dst, w []E, n, k int) {
	for row := range n {
		panel := dst[row/panelWidth*panelWidth*k:]
		at := row % panelWidth
		for _, v := range w[row*k : (row+1)*k] {
			panel[at] = v
			at += panelWidth
		}
	}
}

// N is the number of outputs.
func (m *Matrix) N() int { return m.n }

// K is the number of inputs.
func (m *Matrix) K() int { return m.k }

// Bytes is the memory the packed weights take.
func (m *Matrix) Bytes() int64 { return int64(len(m.f32))*4 + int64(len(m.bf16))*2 }

// BFloat16 tells whether the weights are stored as bfloat16.
func (m *Matrix) BFloat16() bool { return m.bf16 != nil }

// Row copies the K weights of output i into dst: an embedding look-up.
func (m *Matrix) Row(i int, dst []float32) {
	if i < 0 || i >= m.n || len(dst) != m.k {
		panic(fmt.Sprintf("kernel.Row: row %d of %d into %d floats, want %d", i, m.n, len(dst), m.k))
	}
	at := i/panelWidth*panelWidth*m.k + i%panelWidth
	if m.bf16 != nil {
		for j := range dst {
			dst[j] = BFloat16(m.bf16[at])
			at += panelWidth
		}
		return
	}
	for j := range dst {
		dst[j] = m.f32[at]
		at += panelWidth
	}
}

// BFloat16 widens the bfloat16 bit pattern v.
func BFloat16(v uint16) float32 { return math.Float32frombits(uint32(v) << 16) }

// RoundBFloat16 rounds x to the nearest bfloat16 (ties to even) and returns its bit pattern.
func RoundBFloat16(x float32) uint16 {
	u := math.Float32bits(x)
	if u&0x7fffffff > 0x7f800000 {
		return uint16(u>>16) | 0x40 // a NaN stays one
	}
	return uint16((u + 0x7fff + u>>16&1) >> 16)
}

// alignedFloats returns n zeros that begin at a 64-byte boundary, so that no panel row straddles
// cache lines.
func alignedFloats(n int) []float32 {
	const line = 64 / 4
	x := make([]float32, n+line-1)
	skip := 0
	if r := int(uintptr(unsafe.Pointer(unsafe.SliceData(x))) % 64); r != 0 {
		skip = (64 - r) / 4
	}
	return x[skip : skip+n : skip+n]
}
