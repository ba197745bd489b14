package kernel

import (
	"fmt"
	"os"
)

// Runner runs f(0) ... f(n-1), in any order and on any number of goroutines, and returns when all
// have ended. A nil Runner means the caller's goroutine.
type Runner interface {
	Run(n int, f func(i int))
}

// tile is one micro-kernel: it computes rows x panels*panelWidth outputs over k inputs.
type tile struct {
	rows, panels int
	f32          tileF32
	bf16         tileBF16
	pairs        tilePairs // nil where nothing multiplies pairs
}

// tileF32 computes dst[r][p*16+j] = sum_k a[r][k]*b[p][k][j] (+ add[r][p*16+j] where add is not
// nil) for one tile. Strides are in elements: ldd, lda and ldadd between rows (ldadd may be 0: a
// bias), ldb between panels (0: the same panel again).
type tileF32 func(dst *float32, ldd int, a *float32, lda int, b *float32, ldb int, k int, add *float32, ldadd int)

// tileBF16 is tileF32 over bfloat16 weights.
type tileBF16 func(dst *float32, ldd int, a *float32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)

// implementation is one complete set of kernels.
type implementation struct {
	name  string
	tiles []tile // tallest first; the last has one row
	// widen turns bfloat16 weights into float32, whole panel rows of them.
	widen func(dst []float32, src []uint16)
	// roundPairs rounds inputs to pairs of bfloat16, see tilePairs.
	roundPairs func(dst []uint32, x []float32)
	// widenSFP turns the sfp codes of one panel into float32, times the scales of its outputs.
	widenSFP func(dst []float32, src []byte, scales *[panelWidth]float32)
	// Products over whole numbers, see intmul.go and inputs.go.
	int8Tiles  []intTile // tallest first; the last has one row
	int4Tiles  []intTile // the same
	int8Row    intTile   // one row by a whole group, for products of one row; none where rows is 0
	int4Row    intTile   // the same
	wideInputs bool      // whether int8Tiles take 16-bit inputs
	noOffset   bool      // whether the sums of int8Tiles are without the codes' offset
	sum8       func(x []int8) int32
	absMax     func(x []float32) float32
	round8     func(dst []int8, x []float32, by float32)
	widen8     func(dst []int16, src []int8) (sum int32)
	finish8    func(dst []float32, acc []int32, scales, bias []float32, scale float32, offset int32)
	// What MeasureCeilings runs; ceilings is nil where there are no loops for it.
	ceilings    *loops
	readStreams func(x []byte, stride, n int)
	// Element-wise functions; all slices of one call have equal length, n >= 0.
	dot        func(a, b []float32) float32
	axpy       func(alpha float32, x, y []float32)
	add, mul   func(dst, a, b []float32)
	scale      func(x []float32, s float32)
	exp        func(x []float32)
	tanh       func(x []float32, in, out float32) // out*tanh(in*x)
	gelu       func(x []float32)
	geluMul    func(dst, gate, up []float32)
	max        func(x []float32) float32                // -Inf for none
	expSum     func(x []float32, shift float32) float32 // x = exp(x-shift), returns the sum
	sum        func(x []float32) float32
	sumSquares func(x []float32, mean float32) float32  // of x-mean
	norm       func(dst, x, w []float32, scale float32) // x*scale*(1+w)
	affine     func(dst, x, w, b []float32, mean, scale float32)
	rotate     func(lo, hi, cos, sin []float32)
}

// available lists the implementations this machine can run, best first. The Go one is the last.
var available = append(archImplementations(), &goImplementation)

// active is the implementation in use.
var active = choose(os.Getenv("PALIMPSEST_KERNEL"))

func choose(name string) *implementation {
	if name == "" {
		return available[0]
	}
	for _, im := range available {
		if im.name == name {
			return im
		}
	}
	panic(fmt.Sprintf("kernel: PALIMPSEST_KERNEL=%s: this machine and build run only %v", name, Implementations()))
}

// Name tells which implementation is in use: "avx512bf16", "avx512vnni", "avx512", "avx2", "neon" or "go".
func Name() string { return active.name }

// Implementations lists what this machine and build can run, best first.
func Implementations() []string {
	var names []string
	for _, im := range available {
		names = append(names, im.name)
	}
	return names
}

// Use switches to the named implementation and returns the name of the one before. It is for
// tests and comparisons: nothing else may be computing meanwhile.
func Use(name string) (before string, err error) {
	before = active.name
	for _, im := range available {
		if im.name == name {
			active = im
			return before, nil
		}
	}
	return before, fmt.Errorf("kernel: no implementation %q here, only %v", name, Implementations())
}
