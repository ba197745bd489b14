package weights

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"palimpsest.dev/engine/kernel"
)

// Arithmetic says how the weights are kept and what is multiplied.
type Arithmetic string

// The two kinds of arithmetic. Sums are float32 in both.
const (
	Float32  Arithmetic = "float32"  // weights as stored: bfloat16 stays bfloat16, which loses nothing
	BFloat16 Arithmetic = "bfloat16" // weights, and the inputs of every matrix product, rounded to bfloat16
)

// Part names a tensor [N, k] that becomes N outputs of a packed matrix.
type Part struct {
	Name string
	N    int
}

// Matrix packs tensors of k columns, stacked on one another, for multiplication. A tensor may have more
// than two dimensions where only the first counts outputs, as that of a convolution does.
//
// From a packed file, the matrix is as it was packed, whatever the arithmetic.
func (c *Checkpoint) Matrix(a Arithmetic, k int, parts ...Part) (*kernel.Matrix, error) {
	if c.from != nil {
		return c.from.matrix(k, parts)
	}
	tensors, rows, err := c.parts(k, parts)
	if err != nil {
		return nil, err
	}
	narrow, exact := a == BFloat16, true // exact: all parts are stored as bfloat16
	for _, t := range tensors {
		exact = exact && t.DType == BF16
	}
	if narrow || exact {
		w, err := gather(tensors, BF16, Tensor.BFloat16s)
		if err != nil {
			return nil, err
		}
		return kernel.PackBFloat16(w, rows, k), nil
	}
	w, err := gather(tensors, F32, Tensor.Float32s)
	if err != nil {
		return nil, err
	}
	return kernel.PackFloat32(w, rows, k), nil
}

// parts finds the tensors of a matrix and counts its outputs.
func (c *Checkpoint) parts(k int, parts []Part) (tensors []Tensor, rows int, err error) {
	for _, p := range parts {
		t, ok := c.tensors[p.Name]
		if !ok || len(t.Shape) < 2 || t.Shape[0] != p.N || t.Len() != p.N*k {
			if _, err := c.Tensor(p.Name, p.N, k); err != nil {
				return nil, 0, err
			}
		}
		tensors = append(tensors, t)
		rows += p.N
	}
	if rows == 0 {
		return nil, 0, fmt.Errorf("weights: a matrix without outputs")
	}
	return tensors, rows, nil
}

// gather joins the numbers of several tensors. A single tensor that is stored as needed is not copied: what
// is returned then lies in the mapped file and must not be written.
func gather[E uint16 | float32](tensors []Tensor, stored DType, numbers func(Tensor) ([]E, error)) ([]E, error) {
	if len(tensors) == 1 {
		if t := tensors[0]; t.DType == stored && t.update == nil {
			if w, ok := view[E](t.Data); ok {
				return w, nil
			}
		}
		return numbers(tensors[0])
	}
	total := 0
	for _, t := range tensors {
		total += t.Len()
	}
	all := make([]E, 0, total)
	for _, t := range tensors {
		w, err := numbers(t)
		if err != nil {
			return nil, err
		}
		all = append(all, w...)
	}
	return all, nil
}

// view is data as numbers without a copy. It is possible where this machine stores numbers as the files do,
// low byte first, and the data begin at a multiple of a number's size, which nothing in the format promises.
func view[E uint16 | float32](data []byte) ([]E, bool) {
	var one E
	size := int(unsafe.Sizeof(one))
	if len(data) == 0 || binary.NativeEndian.Uint16([]byte{1, 0}) != 1 || uintptr(unsafe.Pointer(&data[0]))%uintptr(size) != 0 {
		return nil, false
	}
	return unsafe.Slice((*E)(unsafe.Pointer(&data[0])), len(data)/size), true
}
