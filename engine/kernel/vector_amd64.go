//go:build amd64 && !purego

package kernel

import "unsafe"

//go:noescape
func dotAVX2(a, b *float32, n int) float32

//go:noescape
func axpyAVX2(y, x *float32, n int, alpha float32)

//go:noescape
func addAVX2(dst, a, b *float32, n int)

//go:noescape
func mulAVX2(dst, a, b *float32, n int)

//go:noescape
func scaleAVX2(x *float32, n int, s float32)

//go:noescape
func expAVX2(x *float32, n int)

//go:noescape
func tanhAVX2(x *float32, n int, in, out float32)

//go:noescape
func geluAVX2(x *float32, n int)

//go:noescape
func geluMulAVX2(dst, gate, up *float32, n int)

//go:noescape
func maxAVX2(x *float32, n int) float32

//go:noescape
func expSumAVX2(x *float32, n int, shift float32) float32

//go:noescape
func sumAVX2(x *float32, n int) float32

//go:noescape
func sumSquaresAVX2(x *float32, n int, mean float32) float32

//go:noescape
func normAVX2(dst, x, w *float32, n int, scale float32)

//go:noescape
func affineAVX2(dst, x, w, b *float32, n int, mean, scale float32)

//go:noescape
func rotateAVX2(lo, hi, cos, sin *float32, n int)

// at is where a slice begins; an empty slice may begin anywhere, since nothing is read.
func at(x []float32) *float32 { return unsafe.SliceData(x) }

// withAVX2 is the reference with everything that has AVX2 assembly replaced.
func withAVX2() *implementation {
	im := goImplementation
	im.name = "avx2"
	im.tiles = avx2Tiles
	im.intsWithAVX2()
	im.widen = func(dst []float32, src []uint16) {
		if len(src) > 0 && len(src)%panelWidth == 0 {
			widenAVX2(at(dst[:len(src)]), unsafe.SliceData(src), len(src))
		}
	}
	im.dot = func(a, b []float32) float32 { return dotAVX2(at(a), at(b), len(a)) }
	im.axpy = func(alpha float32, x, y []float32) { axpyAVX2(at(y), at(x), len(y), alpha) }
	im.add = func(dst, a, b []float32) { addAVX2(at(dst), at(a), at(b), len(dst)) }
	im.mul = func(dst, a, b []float32) { mulAVX2(at(dst), at(a), at(b), len(dst)) }
	im.scale = func(x []float32, s float32) { scaleAVX2(at(x), len(x), s) }
	im.exp = func(x []float32) { expAVX2(at(x), len(x)) }
	im.tanh = func(x []float32, in, out float32) { tanhAVX2(at(x), len(x), in, out) }
	im.gelu = func(x []float32) { geluAVX2(at(x), len(x)) }
	im.geluMul = func(dst, gate, up []float32) { geluMulAVX2(at(dst), at(gate), at(up), len(dst)) }
	im.max = func(x []float32) float32 { return maxAVX2(at(x), len(x)) }
	im.expSum = func(x []float32, shift float32) float32 { return expSumAVX2(at(x), len(x), shift) }
	im.sum = func(x []float32) float32 { return sumAVX2(at(x), len(x)) }
	im.sumSquares = func(x []float32, mean float32) float32 { return sumSquaresAVX2(at(x), len(x), mean) }
	im.norm = func(dst, x, w []float32, scale float32) { normAVX2(at(dst), at(x), at(w), len(dst), scale) }
	im.affine = func(dst, x, w, b []float32, mean, scale float32) {
		affineAVX2(at(dst), at(x), at(w), at(b), len(dst), mean, scale)
	}
	im.rotate = func(lo, hi, cos, sin []float32) { rotateAVX2(at(lo), at(hi), at(cos), at(sin), len(lo)) }
	return &im
}
