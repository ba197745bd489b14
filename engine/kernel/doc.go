// Package kernel is the arithmetic of the engine: matrix products over packed weights in five
// formats, tiled attention, and the element-wise functions between them, all from and to float32
// slices. Every operation has a plain Go reference that stays as reading matter; the hot ones also
// have AVX2 and AVX-512 assembly, and products over 8 and 4 bits NEON's. One implementation is chosen when the program starts (Name says which), and on one
// implementation the result of a row never depends on how many rows travel with it, nor on the
// number of threads: every sum over k runs in the same order in every tile shape.
//
// Letters used for shapes: R rows (tokens), K inputs, N outputs, T key positions, D head dimension.
//
// The build tag purego leaves the assembly out. The environment variable PALIMPSEST_KERNEL
// (avx512bf16, avx512vnni, avx512, avx2, neon or go) overrides the choice; it exists for tests and for comparing.
package kernel
