package kernel

import (
	"fmt"
	"math"
)

// Format says how the numbers of a Matrix are stored.
type Format string

// The formats. Sums are float32 over the first three, and exact in int32 over the last two, whose inputs are
// rounded to 8 bits row by row (see quantise in inputs.go).
const (
	Float32Format  Format = "float32"
	BFloat16Format Format = "bf16"
	SFPFormat      Format = "sfp"  // 8-bit switched floating point, see sfp.go
	Int8Format     Format = "int8" // one scale per output
	Int4Format     Format = "int4" // one scale per output and one small whole step per 32 inputs
)

const (
	// cellK inputs of sixteen outputs lie side by side in a cell of int8 codes, 64 bytes: what one
	// instruction that multiplies bytes and adds up four of them takes.
	cellK = 4
	// stepK inputs of one output share a step in int4: eight cells, whose sums of pairs fit 16 bits.
	stepK = 32
	// maxIntK bounds the inputs of an int8 or int4 matrix, so that no int32 sum can overflow:
	// 65,536 · 255 · 127 < 2^31.
	maxIntK = 1 << 16
)

// Sizes is how many bytes the three parts of a stored matrix take: codes, steps, and scales.
type Sizes struct{ Codes, Steps, Scales int64 }

// Total is the sum of the parts.
func (s Sizes) Total() int64 { return s.Codes + s.Steps + s.Scales }

// FormatSizes is the memory of a matrix of n outputs and k inputs in a format, padding included. It refuses
// what the format cannot hold.
func FormatSizes(f Format, n, k int) (Sizes, error) {
	if n <= 0 || k <= 0 || n > math.MaxInt32 || k > math.MaxInt32 {
		return Sizes{}, fmt.Errorf("kernel: a matrix of %d outputs x %d inputs", n, k)
	}
	outputs, inputs := int64(paddedN(n)), int64(k)
	switch f {
	case Float32Format:
		return Sizes{Codes: outputs * inputs * 4}, nil
	case BFloat16Format:
		return Sizes{Codes: outputs * inputs * 2}, nil
	case SFPFormat:
		return Sizes{Codes: outputs * inputs, Scales: outputs * 4}, nil
	case Int8Format, Int4Format:
		if k > maxIntK {
			return Sizes{}, fmt.Errorf("kernel: %d inputs in %s, of which at most %d can be summed exactly", k, f, maxIntK)
		}
		if f == Int8Format {
			return Sizes{Codes: outputs * int64(roundUp(k, cellK)), Scales: outputs * 4}, nil
		}
		groups := int64(roundUp(k, stepK) / stepK)
		return Sizes{Codes: outputs * groups * stepK / 2, Steps: outputs * groups, Scales: outputs * 4}, nil
	}
	return Sizes{}, fmt.Errorf("kernel: format %q; there are %v", f, Formats())
}

// Formats lists the formats, the widest first.
func Formats() []Format {
	return []Format{Float32Format, BFloat16Format, SFPFormat, Int8Format, Int4Format}
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// Pack packs w [N, K], row-major, in a format. A row with a number that is
// not finite becomes zeros in the formats that need a scale.
func Pack(f Format, w []float32, n, k int) (*Matrix, error) {
	sizes, err := FormatSizes(f, n, k)
	if err != nil {
		return nil, err
	}
	checkMatrix("Pack", len(w), n, k)
	m := &Matrix{n: n, k: k, format: f}
	switch f {
	case Float32Format:
		return PackFloat32(w, n, k), nil
	case BFloat16Format:
		m.bf16 = make([]uint16, sizes.Codes/2)
		half := make([]uint16, len(w))
		for i, x := range w {
			half[i] = RoundBFloat16(x)
		}
		packPanels(m.bf16, half, n, k)
		return m, nil
	}
	m.codes, m.steps, m.scales = alignedBytes(int(sizes.Codes)), make([]int8, sizes.Steps), make([]float32, paddedN(n))
	m.clearPadding()
	for row := range n {
		x := w[row*k : (row+1)*k]
		switch f {
		case SFPFormat:
			m.packSFP(row, x)
		case Int8Format:
			m.packInt8(row, x)
		default:
			m.packInt4(row, x)
		}
	}
	return m, nil
}

// Stored makes a matrix over packed memory, such as a mapped file, as Parts of another matrix returned it. The
// memory must stay as it is while the matrix is used.
func Stored(f Format, n, k int, codes []byte, steps []int8, scales []float32) (*Matrix, error) {
	sizes, err := FormatSizes(f, n, k)
	if err != nil {
		return nil, err
	}
	if int64(len(codes)) != sizes.Codes || int64(len(steps)) != sizes.Steps || int64(len(scales))*4 != sizes.Scales {
		return nil, fmt.Errorf("kernel: %d bytes of codes, %d steps and %d scales for %d outputs x %d inputs in %s, want %+v",
			len(codes), len(steps), len(scales), n, k, f, sizes)
	}
	m := &Matrix{n: n, k: k, format: f, steps: steps, scales: scales}
	switch f {
	case Float32Format:
		m.f32 = castBytes[float32](codes)
	case BFloat16Format:
		m.bf16 = castBytes[uint16](codes)
	default:
		m.codes = codes
	}
	return m, nil
}

// Parts returns the memory of the matrix: what Stored takes. It must not be written.
func (m *Matrix) Parts() (codes []byte, steps []int8, scales []float32) {
	switch {
	case m.f32 != nil:
		codes = asBytes(m.f32)
	case m.bf16 != nil:
		codes = asBytes(m.bf16)
	default:
		codes = m.codes
	}
	return codes, m.steps, m.scales
}

// Format says how the numbers are stored.
func (m *Matrix) Format() Format { return m.format }

// clearPadding gives codes that belong to no weight the value zero.
func (m *Matrix) clearPadding() {
	zero := map[Format]byte{Int8Format: int8Offset, Int4Format: int4Offset | int4Offset<<4}[m.format]
	if zero != 0 {
		for i := range m.codes {
			m.codes[i] = zero
		}
	}
}
