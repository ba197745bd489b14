//go:build amd64 && !purego

// Micro-kernels of MatMul and Attend for AVX2 with FMA. Each is one tile: it walks over k inputs
// with all sums in registers and is nothing but that loop; blocking lies in matmul.go. They are in
// assembly because Go has no vector registers: the loop below runs some twenty times faster than
// tileRefF32. Sixteen registers hold 6 rows x 16 outputs (12 sums, 2 weights, 2 inputs).

#include "textflag.h"
#include "tile_amd64.h"
#include "tile_avx2_amd64.h"

// func tile6x1F32AVX2(dst *float32, ldd int, a *float32, lda int, b *float32, ldb int, k int, add *float32, ldadd int)
TEXT ·tile6x1F32AVX2(SB), NOSPLIT, $0-72
	ARGS
	LEAQ (R8)(R8*2), DI
	ADDQ SI, DI
	ZERO12

loop:
	LOADF((BX), Y12)
	LOADF(32(BX), Y13)
	MEET6
	ADDQ $4, SI
	ADDQ $4, DI
	ADDQ $64, BX
	DECQ CX
	JNZ  loop

	TESTQ R10, R10
	JZ    store
	PLUS16(Y0, Y1)
	PLUS16(Y2, Y3)
	PLUS16(Y4, Y5)
	PLUS16(Y6, Y7)
	PLUS16(Y8, Y9)
	PLUS16(Y10, Y11)

store:
	STORE16(Y0, Y1)
	STORE16(Y2, Y3)
	STORE16(Y4, Y5)
	STORE16(Y6, Y7)
	STORE16(Y8, Y9)
	STORE16(Y10, Y11)
	VZEROUPPER
	RET

// func tile4x1F32AVX2(dst *float32, ldd int, a *float32, lda int, b *float32, ldb int, k int, add *float32, ldadd int)
TEXT ·tile4x1F32AVX2(SB), NOSPLIT, $0-72
	ARGS
	LEAQ (R8)(R8*2), DI
	ADDQ SI, DI
	ZERO8

loop:
	LOADF((BX), Y12)
	LOADF(32(BX), Y13)
	MEET4
	ADDQ $4, SI
	ADDQ $4, DI
	ADDQ $64, BX
	DECQ CX
	JNZ  loop

	TESTQ R10, R10
	JZ    store
	PLUS16(Y0, Y1)
	PLUS16(Y2, Y3)
	PLUS16(Y4, Y5)
	PLUS16(Y6, Y7)

store:
	STORE16(Y0, Y1)
	STORE16(Y2, Y3)
	STORE16(Y4, Y5)
	STORE16(Y6, Y7)
	VZEROUPPER
	RET

// func tile3x2F32AVX2(dst *float32, ldd int, a *float32, lda int, b *float32, ldb int, k int, add *float32, ldadd int)
// Three query heads that share keys. Row i is Y4i to Y4i+3; weights come one register at a time.
TEXT ·tile3x2F32AVX2(SB), NOSPLIT, $0-72
	ARGS
	SHLQ $2, R12
	ZERO12

loop:
	VBROADCASTSS (SI), Y13
	VBROADCASTSS (SI)(R8*1), Y14
	VBROADCASTSS (SI)(R8*2), Y15
	LOADF((BX), Y12)
	VFMADD231PS  Y12, Y13, Y0
	VFMADD231PS  Y12, Y14, Y4
	VFMADD231PS  Y12, Y15, Y8
	LOADF(32(BX), Y12)
	VFMADD231PS  Y12, Y13, Y1
	VFMADD231PS  Y12, Y14, Y5
	VFMADD231PS  Y12, Y15, Y9
	LOADF((BX)(R12*1), Y12)
	VFMADD231PS  Y12, Y13, Y2
	VFMADD231PS  Y12, Y14, Y6
	VFMADD231PS  Y12, Y15, Y10
	LOADF(32(BX)(R12*1), Y12)
	VFMADD231PS  Y12, Y13, Y3
	VFMADD231PS  Y12, Y14, Y7
	VFMADD231PS  Y12, Y15, Y11
	ADDQ $4, SI
	ADDQ $64, BX
	DECQ CX
	JNZ  loop

	TESTQ R10, R10
	JZ    store
	PLUS32(Y0, Y1, Y2, Y3)
	PLUS32(Y4, Y5, Y6, Y7)
	PLUS32(Y8, Y9, Y10, Y11)

store:
	STORE32(Y0, Y1, Y2, Y3)
	STORE32(Y4, Y5, Y6, Y7)
	STORE32(Y8, Y9, Y10, Y11)
	VZEROUPPER
	RET

// func tile2x2F32AVX2(dst *float32, ldd int, a *float32, lda int, b *float32, ldb int, k int, add *float32, ldadd int)
// Row 0 is Y0-Y3, row 1 Y4-Y7.
TEXT ·tile2x2F32AVX2(SB), NOSPLIT, $0-72
	ARGS
	SHLQ $2, R12
	ZERO8

loop:
	LOADF((BX), Y8)
	LOADF(32(BX), Y9)
	LOADF((BX)(R12*1), Y10)
	LOADF(32(BX)(R12*1), Y11)
	VBROADCASTSS (SI), Y12
	VBROADCASTSS (SI)(R8*1), Y13
	VFMADD231PS  Y8, Y12, Y0
	VFMADD231PS  Y9, Y12, Y1
	VFMADD231PS  Y10, Y12, Y2
	VFMADD231PS  Y11, Y12, Y3
	VFMADD231PS  Y8, Y13, Y4
	VFMADD231PS  Y9, Y13, Y5
	VFMADD231PS  Y10, Y13, Y6
	VFMADD231PS  Y11, Y13, Y7
	ADDQ $4, SI
	ADDQ $64, BX
	DECQ CX
	JNZ  loop

	TESTQ R10, R10
	JZ    store
	VADDPS (R10), Y0, Y0
	VADDPS 32(R10), Y1, Y1
	VADDPS 64(R10), Y2, Y2
	VADDPS 96(R10), Y3, Y3
	VADDPS (R10)(R11*1), Y4, Y4
	VADDPS 32(R10)(R11*1), Y5, Y5
	VADDPS 64(R10)(R11*1), Y6, Y6
	VADDPS 96(R10)(R11*1), Y7, Y7

store:
	VMOVUPS Y0, (DX)
	VMOVUPS Y1, 32(DX)
	VMOVUPS Y2, 64(DX)
	VMOVUPS Y3, 96(DX)
	VMOVUPS Y4, (DX)(R9*1)
	VMOVUPS Y5, 32(DX)(R9*1)
	VMOVUPS Y6, 64(DX)(R9*1)
	VMOVUPS Y7, 96(DX)(R9*1)
	VZEROUPPER
	RET

// func tile1x4F32AVX2(dst *float32, ldd int, a *float32, lda int, b *float32, ldb int, k int, add *float32, ldadd int)
// Four panels side by side: eight sums hide the latency of one, four streams that of memory.
TEXT ·tile1x4F32AVX2(SB), NOSPLIT, $0-72
	ARGS
	SHLQ $2, R12
	LEAQ (R12)(R12*2), R13
	ZERO8

loop:
	VBROADCASTSS (SI), Y12
	LOADF((BX), Y8)
	LOADF(32(BX), Y9)
	LOADF((BX)(R12*1), Y10)
	LOADF(32(BX)(R12*1), Y11)
	VFMADD231PS  Y8, Y12, Y0
	VFMADD231PS  Y9, Y12, Y1
	VFMADD231PS  Y10, Y12, Y2
	VFMADD231PS  Y11, Y12, Y3
	LOADF((BX)(R12*2), Y8)
	LOADF(32(BX)(R12*2), Y9)
	LOADF((BX)(R13*1), Y10)
	LOADF(32(BX)(R13*1), Y11)
	VFMADD231PS  Y8, Y12, Y4
	VFMADD231PS  Y9, Y12, Y5
	VFMADD231PS  Y10, Y12, Y6
	VFMADD231PS  Y11, Y12, Y7
	ADDQ $4, SI
	ADDQ $64, BX
	DECQ CX
	JNZ  loop

	TESTQ R10, R10
	JZ    store
	VADDPS (R10), Y0, Y0
	VADDPS 32(R10), Y1, Y1
	VADDPS 64(R10), Y2, Y2
	VADDPS 96(R10), Y3, Y3
	VADDPS 128(R10), Y4, Y4
	VADDPS 160(R10), Y5, Y5
	VADDPS 192(R10), Y6, Y6
	VADDPS 224(R10), Y7, Y7

store:
	VMOVUPS Y0, (DX)
	VMOVUPS Y1, 32(DX)
	VMOVUPS Y2, 64(DX)
	VMOVUPS Y3, 96(DX)
	VMOVUPS Y4, 128(DX)
	VMOVUPS Y5, 160(DX)
	VMOVUPS Y6, 192(DX)
	VMOVUPS Y7, 224(DX)
	VZEROUPPER
	RET

// func tile6x1BF16AVX2(dst *float32, ldd int, a *float32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)
TEXT ·tile6x1BF16AVX2(SB), NOSPLIT, $0-72
	ARGS
	LEAQ (R8)(R8*2), DI
	ADDQ SI, DI
	ZERO12

loop:
	LOADH((BX), Y12)
	LOADH(16(BX), Y13)
	MEET6
	ADDQ $4, SI
	ADDQ $4, DI
	ADDQ $32, BX
	DECQ CX
	JNZ  loop

	TESTQ R10, R10
	JZ    store
	PLUS16(Y0, Y1)
	PLUS16(Y2, Y3)
	PLUS16(Y4, Y5)
	PLUS16(Y6, Y7)
	PLUS16(Y8, Y9)
	PLUS16(Y10, Y11)

store:
	STORE16(Y0, Y1)
	STORE16(Y2, Y3)
	STORE16(Y4, Y5)
	STORE16(Y6, Y7)
	STORE16(Y8, Y9)
	STORE16(Y10, Y11)
	VZEROUPPER
	RET

// func tile4x1BF16AVX2(dst *float32, ldd int, a *float32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)
TEXT ·tile4x1BF16AVX2(SB), NOSPLIT, $0-72
	ARGS
	LEAQ (R8)(R8*2), DI
	ADDQ SI, DI
	ZERO8

loop:
	LOADH((BX), Y12)
	LOADH(16(BX), Y13)
	MEET4
	ADDQ $4, SI
	ADDQ $4, DI
	ADDQ $32, BX
	DECQ CX
	JNZ  loop

	TESTQ R10, R10
	JZ    store
	PLUS16(Y0, Y1)
	PLUS16(Y2, Y3)
	PLUS16(Y4, Y5)
	PLUS16(Y6, Y7)

store:
	STORE16(Y0, Y1)
	STORE16(Y2, Y3)
	STORE16(Y4, Y5)
	STORE16(Y6, Y7)
	VZEROUPPER
	RET

// func tile3x2BF16AVX2(dst *float32, ldd int, a *float32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)
// Three query heads that share keys. Row i is Y4i to Y4i+3; weights come one register at a time.
TEXT ·tile3x2BF16AVX2(SB), NOSPLIT, $0-72
	ARGS
	SHLQ $1, R12
	ZERO12

loop:
	VBROADCASTSS (SI), Y13
	VBROADCASTSS (SI)(R8*1), Y14
	VBROADCASTSS (SI)(R8*2), Y15
	LOADH((BX), Y12)
	VFMADD231PS  Y12, Y13, Y0
	VFMADD231PS  Y12, Y14, Y4
	VFMADD231PS  Y12, Y15, Y8
	LOADH(16(BX), Y12)
	VFMADD231PS  Y12, Y13, Y1
	VFMADD231PS  Y12, Y14, Y5
	VFMADD231PS  Y12, Y15, Y9
	LOADH((BX)(R12*1), Y12)
	VFMADD231PS  Y12, Y13, Y2
	VFMADD231PS  Y12, Y14, Y6
	VFMADD231PS  Y12, Y15, Y10
	LOADH(16(BX)(R12*1), Y12)
	VFMADD231PS  Y12, Y13, Y3
	VFMADD231PS  Y12, Y14, Y7
	VFMADD231PS  Y12, Y15, Y11
	ADDQ $4, SI
	ADDQ $32, BX
	DECQ CX
	JNZ  loop

	TESTQ R10, R10
	JZ    store
	PLUS32(Y0, Y1, Y2, Y3)
	PLUS32(Y4, Y5, Y6, Y7)
	PLUS32(Y8, Y9, Y10, Y11)

store:
	STORE32(Y0, Y1, Y2, Y3)
	STORE32(Y4, Y5, Y6, Y7)
	STORE32(Y8, Y9, Y10, Y11)
	VZEROUPPER
	RET

// func tile2x2BF16AVX2(dst *float32, ldd int, a *float32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)
// Row 0 is Y0-Y3, row 1 Y4-Y7.
TEXT ·tile2x2BF16AVX2(SB), NOSPLIT, $0-72
	ARGS
	SHLQ $1, R12
	ZERO8

loop:
	LOADH((BX), Y8)
	LOADH(16(BX), Y9)
	LOADH((BX)(R12*1), Y10)
	LOADH(16(BX)(R12*1), Y11)
	VBROADCASTSS (SI), Y12
	VBROADCASTSS (SI)(R8*1), Y13
	VFMADD231PS  Y8, Y12, Y0
	VFMADD231PS  Y9, Y12, Y1
	VFMADD231PS  Y10, Y12, Y2
	VFMADD231PS  Y11, Y12, Y3
	VFMADD231PS  Y8, Y13, Y4
	VFMADD231PS  Y9, Y13, Y5
	VFMADD231PS  Y10, Y13, Y6
	VFMADD231PS  Y11, Y13, Y7
	ADDQ $4, SI
	ADDQ $32, BX
	DECQ CX
	JNZ  loop

	TESTQ R10, R10
	JZ    store
	VADDPS (R10), Y0, Y0
	VADDPS 32(R10), Y1, Y1
	VADDPS 64(R10), Y2, Y2
	VADDPS 96(R10), Y3, Y3
	VADDPS (R10)(R11*1), Y4, Y4
	VADDPS 32(R10)(R11*1), Y5, Y5
	VADDPS 64(R10)(R11*1), Y6, Y6
	VADDPS 96(R10)(R11*1), Y7, Y7

store:
	VMOVUPS Y0, (DX)
	VMOVUPS Y1, 32(DX)
	VMOVUPS Y2, 64(DX)
	VMOVUPS Y3, 96(DX)
	VMOVUPS Y4, (DX)(R9*1)
	VMOVUPS Y5, 32(DX)(R9*1)
	VMOVUPS Y6, 64(DX)(R9*1)
	VMOVUPS Y7, 96(DX)(R9*1)
	VZEROUPPER
	RET

// func tile1x4BF16AVX2(dst *float32, ldd int, a *float32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)
// Four panels side by side: eight sums hide the latency of one, four streams that of memory.
TEXT ·tile1x4BF16AVX2(SB), NOSPLIT, $0-72
	ARGS
	SHLQ $1, R12
	LEAQ (R12)(R12*2), R13
	ZERO8

loop:
	VBROADCASTSS (SI), Y12
	LOADH((BX), Y8)
	LOADH(16(BX), Y9)
	LOADH((BX)(R12*1), Y10)
	LOADH(16(BX)(R12*1), Y11)
	VFMADD231PS  Y8, Y12, Y0
	VFMADD231PS  Y9, Y12, Y1
	VFMADD231PS  Y10, Y12, Y2
	VFMADD231PS  Y11, Y12, Y3
	LOADH((BX)(R12*2), Y8)
	LOADH(16(BX)(R12*2), Y9)
	LOADH((BX)(R13*1), Y10)
	LOADH(16(BX)(R13*1), Y11)
	VFMADD231PS  Y8, Y12, Y4
	VFMADD231PS  Y9, Y12, Y5
	VFMADD231PS  Y10, Y12, Y6
	VFMADD231PS  Y11, Y12, Y7
	ADDQ $4, SI
	ADDQ $32, BX
	DECQ CX
	JNZ  loop

	TESTQ R10, R10
	JZ    store
	VADDPS (R10), Y0, Y0
	VADDPS 32(R10), Y1, Y1
	VADDPS 64(R10), Y2, Y2
	VADDPS 96(R10), Y3, Y3
	VADDPS 128(R10), Y4, Y4
	VADDPS 160(R10), Y5, Y5
	VADDPS 192(R10), Y6, Y6
	VADDPS 224(R10), Y7, Y7

store:
	VMOVUPS Y0, (DX)
	VMOVUPS Y1, 32(DX)
	VMOVUPS Y2, 64(DX)
	VMOVUPS Y3, 96(DX)
	VMOVUPS Y4, 128(DX)
	VMOVUPS Y5, 160(DX)
	VMOVUPS Y6, 192(DX)
	VMOVUPS Y7, 224(DX)
	VZEROUPPER
	RET

// func widenAVX2(dst *float32, src *uint16, n int)
TEXT ·widenAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DX
	MOVQ src+8(FP), BX
	MOVQ n+16(FP), CX

loop:
	LOADH((BX), Y0)
	LOADH(16(BX), Y1)
	VMOVUPS Y0, (DX)
	VMOVUPS Y1, 32(DX)
	ADDQ $32, BX
	ADDQ $64, DX
	SUBQ $16, CX
	JNZ  loop
	VZEROUPPER
	RET
