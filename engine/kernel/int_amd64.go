//go:build amd64 && !purego

package kernel

import "unsafe"

// The AVX2 micro-kernels over whole numbers, named rows x outputs; see intTile.

//go:noescape
func tile6x8Int8AVX2(acc *int32, ldacc int, a *int16, lda int, b *byte, ldb, cells int, more bool)

//go:noescape
func tile1x32Int8AVX2(acc *int32, ldacc int, a *int16, lda int, b *byte, ldb, cells int, more bool)

//go:noescape
func tile1x64Int8AVX2(acc *int32, ldacc int, a *int16, lda int, b *byte, ldb, cells int, more bool)

//go:noescape
func tile6x8Int4AVX2(acc *int32, ldacc int, a *int8, lda int, starts *int16, ldstart int, b *byte, ldb int, steps *int8, lds, groups int, more bool)

//go:noescape
func tile1x64Int4AVX2(acc *int32, ldacc int, a *int8, lda int, starts *int16, ldstart int, b *byte, ldb int, steps *int8, lds, groups int, more bool)

//go:noescape
func tile1x32Int4AVX2(acc *int32, ldacc int, a *int8, lda int, starts *int16, ldstart int, b *byte, ldb int, steps *int8, lds, groups int, more bool)

// The AVX-512 VNNI ones, likewise.

//go:noescape
func tile12x32Int8VNNI(acc *int32, ldacc int, a *int8, lda int, b *byte, ldb, cells int, more bool)

//go:noescape
func tile4x32Int8VNNI(acc *int32, ldacc int, a *int8, lda int, b *byte, ldb, cells int, more bool)

//go:noescape
func tile1x32Int8VNNI(acc *int32, ldacc int, a *int8, lda int, b *byte, ldb, cells int, more bool)

//go:noescape
func tile4x32Int4VNNI(acc *int32, ldacc int, a *int8, lda int, starts *int16, ldstart int, b *byte, ldb int, steps *int8, lds, groups int, more bool)

//go:noescape
func tile1x32Int4VNNI(acc *int32, ldacc int, a *int8, lda int, starts *int16, ldstart int, b *byte, ldb int, steps *int8, lds, groups int, more bool)

//go:noescape
func sum8AVX2(src *int8, n int) int32

//go:noescape
func absMaxAVX2(x *float32, n int) float32

//go:noescape
func round8AVX2(dst *int8, x *float32, n int, by float32)

//go:noescape
func widen8AVX2(dst *int16, src *int8, n int) int32

//go:noescape
func finish8AVX2(dst *float32, acc *int32, scales, bias *float32, n int, scale float32, offset int32)

//go:noescape
func widenSFPAVX2(dst *float32, src *byte, n int, scales *float32)

//go:noescape
func ceilingFMA(n int)

//go:noescape
func ceilingWords(n int)

//go:noescape
func ceilingBytes(n int)

//go:noescape
func readStreams(x *byte, stride, n int)

//go:noescape
func ceilingFMA512(n int)

//go:noescape
func ceilingDot512(n int)

// vnniCeilings: sixteen products a VFMADD231PS, sixty-four a VPDPBUSD.
var vnniCeilings = loops{float: ceilingFMA512, floatOps: 32, int8: ceilingDot512, int8Ops: 128, int4: ceilingDot512, int4Ops: 128}

// avx2Ceilings: eight products a VFMADD231PS, sixteen a VPMADDWD with its VPADDD, thirty-two a VPMADDUBSW with its VPADDW.
var avx2Ceilings = loops{float: ceilingFMA, floatOps: 16, int8: ceilingWords, int8Ops: 32, int4: ceilingBytes, int4Ops: 64}

// avx2Int8Tiles and avx2Int4Tiles cover any number of rows: 6s, then 1s.
var (
	avx2Int8Tiles = []intTile{{rows: 6, cols: 8, wide8: tile6x8Int8AVX2}, {rows: 1, cols: 32, wide8: tile1x32Int8AVX2}}
	avx2Int4Tiles = []intTile{{rows: 6, cols: 8, int4: tile6x8Int4AVX2}, {rows: 1, cols: 32, int4: tile1x32Int4AVX2}}
)

// vnniInt8Tiles and vnniInt4Tiles likewise: 12s, 4s and 1s.
var (
	vnniInt8Tiles = []intTile{{rows: 12, cols: 32, int8: tile12x32Int8VNNI}, {rows: 4, cols: 32, int8: tile4x32Int8VNNI}, {rows: 1, cols: 32, int8: tile1x32Int8VNNI}}
	vnniInt4Tiles = []intTile{{rows: 4, cols: 32, int4: tile4x32Int4VNNI}, {rows: 1, cols: 32, int4: tile1x32Int4VNNI}}
)

// intsWithAVX2 replaces what has AVX2 assembly in products over whole numbers and over sfp.
func (im *implementation) intsWithAVX2() {
	im.int8Tiles, im.int4Tiles, im.wideInputs = avx2Int8Tiles, avx2Int4Tiles, true
	im.int8Row = intTile{rows: 1, cols: groupWidth, wide8: tile1x64Int8AVX2}
	im.int4Row = intTile{rows: 1, cols: groupWidth, int4: tile1x64Int4AVX2}
	im.ceilings = &avx2Ceilings
	im.roundPairs = func(dst []uint32, x []float32) {
		whole := len(x) &^ 15
		roundPairsAVX2(unsafe.SliceData(dst[:(len(x)+1)/2]), at(x), whole)
		roundPairsRef(dst[whole/2:], x[whole:])
	}
	im.readStreams = func(x []byte, stride, n int) { readStreams(&x[:7*stride+n][0], stride, n) }
	im.absMax = func(x []float32) float32 { return absMaxAVX2(at(x), len(x)) }
	im.round8 = func(dst []int8, x []float32, by float32) {
		whole := len(x) &^ 31
		round8AVX2(unsafe.SliceData(dst[:len(x)]), at(x), whole, by)
		round8Ref(dst[whole:], x[whole:], by)
	}
	im.sum8 = func(x []int8) int32 {
		whole := len(x) &^ 15
		return sum8AVX2(unsafe.SliceData(x), whole) + sumRef8(x[whole:])
	}
	im.widen8 = func(dst []int16, src []int8) int32 {
		whole := len(src) &^ 15
		return widen8AVX2(unsafe.SliceData(dst[:len(src)]), unsafe.SliceData(src), whole) + widen8Ref(dst[whole:len(src)], src[whole:])
	}
	im.finish8 = func(dst []float32, acc []int32, scales, bias []float32, scale float32, offset int32) {
		n := len(dst)
		acc, scales = acc[:n], scales[:n]
		whole := n &^ 7
		finish8AVX2(at(dst), unsafe.SliceData(acc), at(scales), at(bias), whole, scale, offset)
		if whole < n {
			if bias != nil {
				bias = bias[whole:]
			}
			finish8Ref(dst[whole:], acc[whole:], scales[whole:], bias, scale, offset)
		}
	}
	im.widenSFP = func(dst []float32, src []byte, scales *[panelWidth]float32) {
		if len(src) > 0 && len(src)%panelWidth == 0 {
			widenSFPAVX2(at(dst[:len(src)]), unsafe.SliceData(src), len(src), &scales[0])
		}
	}
}
