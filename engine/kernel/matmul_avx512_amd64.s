//go:build amd64 && !purego

// Micro-kernels of MatMul and Attend for AVX-512F: the AVX2 ones, twice as wide and, with twice
// the registers, twice as tall. 32 registers hold 12 rows x 32 outputs (24 sums, 2 weights, 6
// inputs). Sums run in the same order as there, over k from 0 upwards.

#include "textflag.h"
#include "tile_amd64.h"
#include "tile_avx512_amd64.h"

// func tile12x2F32AVX512(dst *float32, ldd int, a *float32, lda int, b *float32, ldb int, k int, add *float32, ldadd int)
TEXT ·tile12x2F32AVX512(SB), NOSPLIT, $0-72
	ARGS
	SHLQ $2, R12
	LEAQ (R8)(R8*2), R13
	LEAQ (SI)(R13*1), DI
	LEAQ (DI)(R13*1), AX
	XCHGQ AX, R13
	ADDQ R13, AX
	ZERO24

loop:
	LOADF((BX), Z24)
	LOADF((BX)(R12*1), Z25)
	MEET12
	ADDQ $4, SI
	ADDQ $4, DI
	ADDQ $4, R13
	ADDQ $4, AX
	ADDQ $64, BX
	DECQ CX
	JNZ  loop

	TESTQ R10, R10
	JZ    store
	PLUS32(Z0, Z1)
	PLUS32(Z2, Z3)
	PLUS32(Z4, Z5)
	PLUS32(Z6, Z7)
	PLUS32(Z8, Z9)
	PLUS32(Z10, Z11)
	PLUS32(Z12, Z13)
	PLUS32(Z14, Z15)
	PLUS32(Z16, Z17)
	PLUS32(Z18, Z19)
	PLUS32(Z20, Z21)
	PLUS32(Z22, Z23)

store:
	STORE32(Z0, Z1)
	STORE32(Z2, Z3)
	STORE32(Z4, Z5)
	STORE32(Z6, Z7)
	STORE32(Z8, Z9)
	STORE32(Z10, Z11)
	STORE32(Z12, Z13)
	STORE32(Z14, Z15)
	STORE32(Z16, Z17)
	STORE32(Z18, Z19)
	STORE32(Z20, Z21)
	STORE32(Z22, Z23)
	VZEROUPPER
	RET

// func tile4x2F32AVX512(dst *float32, ldd int, a *float32, lda int, b *float32, ldb int, k int, add *float32, ldadd int)
TEXT ·tile4x2F32AVX512(SB), NOSPLIT, $0-72
	ARGS
	SHLQ $2, R12
	LEAQ (R8)(R8*2), DI
	ADDQ SI, DI
	ZERO8

loop:
	LOADF((BX), Z24)
	LOADF((BX)(R12*1), Z25)
	MEET4
	ADDQ $4, SI
	ADDQ $4, DI
	ADDQ $64, BX
	DECQ CX
	JNZ  loop

	TESTQ R10, R10
	JZ    store
	PLUS32(Z0, Z1)
	PLUS32(Z2, Z3)
	PLUS32(Z4, Z5)
	PLUS32(Z6, Z7)

store:
	STORE32(Z0, Z1)
	STORE32(Z2, Z3)
	STORE32(Z4, Z5)
	STORE32(Z6, Z7)
	VZEROUPPER
	RET

// func tile2x4F32AVX512(dst *float32, ldd int, a *float32, lda int, b *float32, ldb int, k int, add *float32, ldadd int)
// Row 0 is Z0-Z3, row 1 Z4-Z7.
TEXT ·tile2x4F32AVX512(SB), NOSPLIT, $0-72
	ARGS
	SHLQ $2, R12
	LEAQ (R12)(R12*2), R13
	ZERO8

loop:
	LOADF((BX), Z8)
	LOADF((BX)(R12*1), Z9)
	LOADF((BX)(R12*2), Z10)
	LOADF((BX)(R13*1), Z11)
	VBROADCASTSS (SI), Z12
	VBROADCASTSS (SI)(R8*1), Z13
	VFMADD231PS  Z8, Z12, Z0
	VFMADD231PS  Z9, Z12, Z1
	VFMADD231PS  Z10, Z12, Z2
	VFMADD231PS  Z11, Z12, Z3
	VFMADD231PS  Z8, Z13, Z4
	VFMADD231PS  Z9, Z13, Z5
	VFMADD231PS  Z10, Z13, Z6
	VFMADD231PS  Z11, Z13, Z7
	ADDQ $4, SI
	ADDQ $64, BX
	DECQ CX
	JNZ  loop

	TESTQ R10, R10
	JZ    store
	PLUS64(Z0, Z1, Z2, Z3)
	PLUS64(Z4, Z5, Z6, Z7)

store:
	STORE64(Z0, Z1, Z2, Z3)
	STORE64(Z4, Z5, Z6, Z7)
	VZEROUPPER
	RET

// func tile1x4F32AVX512(dst *float32, ldd int, a *float32, lda int, b *float32, ldb int, k int, add *float32, ldadd int)
TEXT ·tile1x4F32AVX512(SB), NOSPLIT, $0-72
	ARGS
	SHLQ $2, R12
	LEAQ (R12)(R12*2), R13
	ZERO4(Z0, Z1, Z2, Z3)

loop:
	LOADF((BX), Z8)
	LOADF((BX)(R12*1), Z9)
	LOADF((BX)(R12*2), Z10)
	LOADF((BX)(R13*1), Z11)
	VBROADCASTSS (SI), Z12
	VFMADD231PS  Z8, Z12, Z0
	VFMADD231PS  Z9, Z12, Z1
	VFMADD231PS  Z10, Z12, Z2
	VFMADD231PS  Z11, Z12, Z3
	ADDQ $4, SI
	ADDQ $64, BX
	DECQ CX
	JNZ  loop

	TESTQ R10, R10
	JZ    store
	PLUS64(Z0, Z1, Z2, Z3)

store:
	STORE64(Z0, Z1, Z2, Z3)
	VZEROUPPER
	RET

// func tile12x2BF16AVX512(dst *float32, ldd int, a *float32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)
TEXT ·tile12x2BF16AVX512(SB), NOSPLIT, $0-72
	ARGS
	SHLQ $1, R12
	LEAQ (R8)(R8*2), R13
	LEAQ (SI)(R13*1), DI
	LEAQ (DI)(R13*1), AX
	XCHGQ AX, R13
	ADDQ R13, AX
	ZERO24

loop:
	LOADH((BX), Z24)
	LOADH((BX)(R12*1), Z25)
	MEET12
	ADDQ $4, SI
	ADDQ $4, DI
	ADDQ $4, R13
	ADDQ $4, AX
	ADDQ $32, BX
	DECQ CX
	JNZ  loop

	TESTQ R10, R10
	JZ    store
	PLUS32(Z0, Z1)
	PLUS32(Z2, Z3)
	PLUS32(Z4, Z5)
	PLUS32(Z6, Z7)
	PLUS32(Z8, Z9)
	PLUS32(Z10, Z11)
	PLUS32(Z12, Z13)
	PLUS32(Z14, Z15)
	PLUS32(Z16, Z17)
	PLUS32(Z18, Z19)
	PLUS32(Z20, Z21)
	PLUS32(Z22, Z23)

store:
	STORE32(Z0, Z1)
	STORE32(Z2, Z3)
	STORE32(Z4, Z5)
	STORE32(Z6, Z7)
	STORE32(Z8, Z9)
	STORE32(Z10, Z11)
	STORE32(Z12, Z13)
	STORE32(Z14, Z15)
	STORE32(Z16, Z17)
	STORE32(Z18, Z19)
	STORE32(Z20, Z21)
	STORE32(Z22, Z23)
	VZEROUPPER
	RET

// func tile4x2BF16AVX512(dst *float32, ldd int, a *float32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)
TEXT ·tile4x2BF16AVX512(SB), NOSPLIT, $0-72
	ARGS
	SHLQ $1, R12
	LEAQ (R8)(R8*2), DI
	ADDQ SI, DI
	ZERO8

loop:
	LOADH((BX), Z24)
	LOADH((BX)(R12*1), Z25)
	MEET4
	ADDQ $4, SI
	ADDQ $4, DI
	ADDQ $32, BX
	DECQ CX
	JNZ  loop

	TESTQ R10, R10
	JZ    store
	PLUS32(Z0, Z1)
	PLUS32(Z2, Z3)
	PLUS32(Z4, Z5)
	PLUS32(Z6, Z7)

store:
	STORE32(Z0, Z1)
	STORE32(Z2, Z3)
	STORE32(Z4, Z5)
	STORE32(Z6, Z7)
	VZEROUPPER
	RET

// func tile2x4BF16AVX512(dst *float32, ldd int, a *float32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)
// Row 0 is Z0-Z3, row 1 Z4-Z7.
TEXT ·tile2x4BF16AVX512(SB), NOSPLIT, $0-72
	ARGS
	SHLQ $1, R12
	LEAQ (R12)(R12*2), R13
	ZERO8

loop:
	LOADH((BX), Z8)
	LOADH((BX)(R12*1), Z9)
	LOADH((BX)(R12*2), Z10)
	LOADH((BX)(R13*1), Z11)
	VBROADCASTSS (SI), Z12
	VBROADCASTSS (SI)(R8*1), Z13
	VFMADD231PS  Z8, Z12, Z0
	VFMADD231PS  Z9, Z12, Z1
	VFMADD231PS  Z10, Z12, Z2
	VFMADD231PS  Z11, Z12, Z3
	VFMADD231PS  Z8, Z13, Z4
	VFMADD231PS  Z9, Z13, Z5
	VFMADD231PS  Z10, Z13, Z6
	VFMADD231PS  Z11, Z13, Z7
	ADDQ $4, SI
	ADDQ $32, BX
	DECQ CX
	JNZ  loop

	TESTQ R10, R10
	JZ    store
	PLUS64(Z0, Z1, Z2, Z3)
	PLUS64(Z4, Z5, Z6, Z7)

store:
	STORE64(Z0, Z1, Z2, Z3)
	STORE64(Z4, Z5, Z6, Z7)
	VZEROUPPER
	RET

// func tile1x4BF16AVX512(dst *float32, ldd int, a *float32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)
TEXT ·tile1x4BF16AVX512(SB), NOSPLIT, $0-72
	ARGS
	SHLQ $1, R12
	LEAQ (R12)(R12*2), R13
	ZERO4(Z0, Z1, Z2, Z3)

loop:
	LOADH((BX), Z8)
	LOADH((BX)(R12*1), Z9)
	LOADH((BX)(R12*2), Z10)
	LOADH((BX)(R13*1), Z11)
	VBROADCASTSS (SI), Z12
	VFMADD231PS  Z8, Z12, Z0
	VFMADD231PS  Z9, Z12, Z1
	VFMADD231PS  Z10, Z12, Z2
	VFMADD231PS  Z11, Z12, Z3
	ADDQ $4, SI
	ADDQ $32, BX
	DECQ CX
	JNZ  loop

	TESTQ R10, R10
	JZ    store
	PLUS64(Z0, Z1, Z2, Z3)

store:
	STORE64(Z0, Z1, Z2, Z3)
	VZEROUPPER
	RET
