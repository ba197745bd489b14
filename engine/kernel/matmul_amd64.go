//go:build amd64 && !purego

package kernel

// The AVX2 micro-kernels, named rows x panels. They read k inputs per row of a and k*16 weights
// per panel, and write whole panels.

//go:noescape
func tile6x1F32AVX2(dst *float32, ldd int, a *float32, lda int, b *float32, ldb int, k int, add *float32, ldadd int)

//go:noescape
func tile4x1F32AVX2(dst *float32, ldd int, a *float32, lda int, b *float32, ldb int, k int, add *float32, ldadd int)

//go:noescape
func tile3x2F32AVX2(dst *float32, ldd int, a *float32, lda int, b *float32, ldb int, k int, add *float32, ldadd int)

//go:noescape
func tile2x2F32AVX2(dst *float32, ldd int, a *float32, lda int, b *float32, ldb int, k int, add *float32, ldadd int)

//go:noescape
func tile1x4F32AVX2(dst *float32, ldd int, a *float32, lda int, b *float32, ldb int, k int, add *float32, ldadd int)

//go:noescape
func tile6x1BF16AVX2(dst *float32, ldd int, a *float32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)

//go:noescape
func tile4x1BF16AVX2(dst *float32, ldd int, a *float32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)

//go:noescape
func tile3x2BF16AVX2(dst *float32, ldd int, a *float32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)

//go:noescape
func tile2x2BF16AVX2(dst *float32, ldd int, a *float32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)

//go:noescape
func tile1x4BF16AVX2(dst *float32, ldd int, a *float32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)

// widenAVX2 turns n bfloat16 numbers, a multiple of 16, into float32.
//
//go:noescape
func widenAVX2(dst *float32, src *uint16, n int)

// avx2Tiles cover any number of rows: 6s, then a 4, 3 or 2, then at most one 1.
var avx2Tiles = []tile{
	{rows: 6, panels: 1, f32: tile6x1F32AVX2, bf16: tile6x1BF16AVX2},
	{rows: 4, panels: 1, f32: tile4x1F32AVX2, bf16: tile4x1BF16AVX2},
	{rows: 3, panels: 2, f32: tile3x2F32AVX2, bf16: tile3x2BF16AVX2},
	{rows: 2, panels: 2, f32: tile2x2F32AVX2, bf16: tile2x2BF16AVX2},
	{rows: 1, panels: 4, f32: tile1x4F32AVX2, bf16: tile1x4BF16AVX2},
}

// The AVX-512 micro-kernels, likewise.

//go:noescape
func tile12x2F32AVX512(dst *float32, ldd int, a *float32, lda int, b *float32, ldb int, k int, add *float32, ldadd int)

//go:noescape
func tile12x2BF16AVX512(dst *float32, ldd int, a *float32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)

//go:noescape
func tile4x2F32AVX512(dst *float32, ldd int, a *float32, lda int, b *float32, ldb int, k int, add *float32, ldadd int)

//go:noescape
func tile4x2BF16AVX512(dst *float32, ldd int, a *float32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)

//go:noescape
func tile2x4F32AVX512(dst *float32, ldd int, a *float32, lda int, b *float32, ldb int, k int, add *float32, ldadd int)

//go:noescape
func tile2x4BF16AVX512(dst *float32, ldd int, a *float32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)

//go:noescape
func tile1x4F32AVX512(dst *float32, ldd int, a *float32, lda int, b *float32, ldb int, k int, add *float32, ldadd int)

//go:noescape
func tile1x4BF16AVX512(dst *float32, ldd int, a *float32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)

// avx512Tiles cover any number of rows: 12s, then at most two 4s, one 2 and one 1.
var avx512Tiles = []tile{
	{rows: 12, panels: 2, f32: tile12x2F32AVX512, bf16: tile12x2BF16AVX512},
	{rows: 4, panels: 2, f32: tile4x2F32AVX512, bf16: tile4x2BF16AVX512},
	{rows: 2, panels: 4, f32: tile2x4F32AVX512, bf16: tile2x4BF16AVX512},
	{rows: 1, panels: 4, f32: tile1x4F32AVX512, bf16: tile1x4BF16AVX512},
}

// The micro-kernels over pairs, for AVX-512 with BF16, likewise; see tilePairs.

//go:noescape
func tile12x2Pairs(dst *float32, ldd int, a *uint32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)

//go:noescape
func tile4x2Pairs(dst *float32, ldd int, a *uint32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)

//go:noescape
func tile2x4Pairs(dst *float32, ldd int, a *uint32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)

//go:noescape
func tile1x4Pairs(dst *float32, ldd int, a *uint32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)

// roundPairsAVX2 rounds n numbers, a multiple of 16.
//
//go:noescape
func roundPairsAVX2(dst *uint32, x *float32, n int)

//go:noescape
func ceilingPairs(n int)

// pairTiles are avx512Tiles with those over pairs.
var pairTiles = []tile{
	{rows: 12, panels: 2, f32: tile12x2F32AVX512, bf16: tile12x2BF16AVX512, pairs: tile12x2Pairs},
	{rows: 4, panels: 2, f32: tile4x2F32AVX512, bf16: tile4x2BF16AVX512, pairs: tile4x2Pairs},
	{rows: 2, panels: 4, f32: tile2x4F32AVX512, bf16: tile2x4BF16AVX512, pairs: tile2x4Pairs},
	{rows: 1, panels: 4, f32: tile1x4F32AVX512, bf16: tile1x4BF16AVX512, pairs: tile1x4Pairs},
}

// pairCeilings are vnniCeilings with thirty-two products a VDPBF16PS.
var pairCeilings = loops{float: ceilingFMA512, floatOps: 32, half: ceilingPairs, halfOps: 64, int8: ceilingDot512, int8Ops: 128, int4: ceilingDot512, int4Ops: 128}
