package kernel

import (
	"fmt"
	"math"
	"unsafe"
)

// Matrix holds the weights of a linear map from K inputs to N outputs, packed for MatMul and
// read-only after that: panels of 16 outputs, in each panel input by input the 16 weights side by
// side. Codes of int8 lie in cells of four inputs by sixteen outputs, [panels, K/4, 16, 4], those of
// int4 in cells of twice as many inputs, [panels, K/8, 16, 4], the later four in the high halves.
type Matrix struct {
	n, k   int
	format Format
	f32    []float32 // [panels, K, 16]; of f32, bf16 and codes one is not nil
	bf16   []uint16  // the same
	codes  []byte    // sfp: the same; int8 and int4: cells
	steps  []int8    // int4: [panels, K/32, 16]
	scales []float32 // sfp, int8, int4: [16 x panels]
}

// PackFloat32 packs w [N, K] (row-major, as a PyTorch Linear stores it).
func PackFloat32(w []float32, n, k int) *Matrix {
	checkMatrix("PackFloat32", len(w), n, k)
	m := &Matrix{n: n, k: k, format: Float32Format, f32: alignedFloats(paddedN(n) * k)}
	packPanels(m.f32, w, n, k)
	return m
}

// PackBFloat16 packs w [N, K] of bfloat16 bit patterns.
func PackBFloat16(w []uint16, n, k int) *Matrix {
	checkMatrix("PackBFloat16", len(w), n, k)
	m := &Matrix{n: n, k: k, format: BFloat16Format, bf16: make([]uint16, paddedN(n)*k)}
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
func (m *Matrix) Bytes() int64 {
	return int64(len(m.f32))*4 + int64(len(m.bf16))*2 + int64(len(m.codes)) + int64(len(m.steps)) + int64(len(m.scales))*4
}

// BFloat16 tells whether the weights are stored as bfloat16.
func (m *Matrix) BFloat16() bool { return m.bf16 != nil }

// Row copies the K weights of output i into dst: an embedding look-up.
func (m *Matrix) Row(i int, dst []float32) {
	if i < 0 || i >= m.n || len(dst) != m.k {
		panic(fmt.Sprintf("kernel.Row: row %d of %d into %d floats, want %d", i, m.n, len(dst), m.k))
	}
	at := i/panelWidth*panelWidth*m.k + i%panelWidth
	for j := range dst {
		switch m.format {
		case Float32Format:
			dst[j] = m.f32[at]
		case BFloat16Format:
			dst[j] = BFloat16(m.bf16[at])
		case SFPFormat:
			dst[j] = sfpTable[m.codes[at]] * m.scales[i]
		case Int8Format:
			dst[j] = float32(m.int8Code(i, j)) * m.scales[i]
		case Int4Format:
			dst[j] = float32(m.int4Code(i, j)) * m.scales[i]
		}
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

// alignedBytes returns n bytes that begin at a 64-byte boundary.
func alignedBytes(n int) []byte { return asBytes(alignedFloats((n + 3) / 4))[:n:n] }

// asBytes is the memory of x, in this machine's byte order.
func asBytes[E float32 | uint16](x []E) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*int(unsafe.Sizeof(x[0])))
}

// castBytes is the reverse of asBytes; x begins where an E may.
func castBytes[E float32 | uint16](x []byte) []E {
	var e E
	if uintptr(unsafe.Pointer(unsafe.SliceData(x)))%unsafe.Sizeof(e) != 0 {
		panic("kernel: packed weights in memory that is not aligned")
	}
	return unsafe.Slice((*E)(unsafe.Pointer(unsafe.SliceData(x))), len(x)/int(unsafe.Sizeof(e)))
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
