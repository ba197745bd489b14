package weights

import (
	"encoding/binary"
	"fmt"
	"math"

	"palimpsest.dev/engine/kernel"
)

// Float32s copies the tensor's numbers, widened to float32, which is exact for every type the engine reads. An
// adapter's change is added in float32.
func (t Tensor) Float32s() ([]float32, error) {
	dst := make([]float32, t.Len())
	return dst, t.read(dst, 0)
}

// read copies len(dst) numbers of the tensor, those from number first on, widened to float32. Of a tensor that an
// adapter changes, they are whole rows.
func (t Tensor) read(dst []float32, first int) error {
	switch t.DType {
	case F32:
		data := t.Data[4*first:]
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
	case BF16:
		data := t.Data[2*first:]
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(data[2*i:])) << 16)
		}
	case F16:
		data := t.Data[2*first:]
		for i := range dst {
			dst[i] = halfToFloat32(binary.LittleEndian.Uint16(data[2*i:]))
		}
	default:
		return fmt.Errorf("weights: tensor %q is stored as %s; the engine reads F32, BF16 and F16", t.Name, t.DType)
	}
	if t.update != nil {
		if err := t.update.addTo(dst, first/t.Shape[1]); err != nil {
			return err
		}
		if t.DType == BF16 {
			for i, x := range dst {
				dst[i] = kernel.BFloat16(kernel.RoundBFloat16(x))
			}
		}
	}
	return nil
}

// BFloat16s copies the tensor's numbers as bfloat16, rounded to nearest even where the tensor has more.
func (t Tensor) BFloat16s() ([]uint16, error) {
	dst := make([]uint16, t.Len())
	if t.DType == BF16 && t.update == nil {
		for i := range dst {
			dst[i] = binary.LittleEndian.Uint16(t.Data[2*i:])
		}
		return dst, nil
	}
	wide, err := t.Float32s()
	if err != nil {
		return nil, err
	}
	for i, x := range wide {
		dst[i] = kernel.RoundBFloat16(x)
	}
	return dst, nil
}

// halfToFloat32 widens an IEEE 754 binary16.
func halfToFloat32(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exponent, fraction := uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch exponent {
	case 0: // zero or subnormal: fraction · 2^-24
		x := float32(fraction) * 0x1p-24
		return math.Float32frombits(math.Float32bits(x) | sign)
	case 0x1f: // infinity or NaN
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}
