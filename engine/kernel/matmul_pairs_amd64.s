//go:build amd64 && !purego

// Micro-kernels of MatMulRounded for AVX-512 with BF16. VDPBF16PS multiplies two pairs of bfloat16 and adds both products to a
// sum of float32, the upper one first, each with one rounding. So the earlier input of a pair stands in the upper half, as
// roundPairs writes it, and the sums run over k from 0 upwards, bit for bit like those of the other kernels over rounded inputs.
// Weights lie input by input: VPERMW makes pairs of two lines of a panel as it loads them.
//
// Go's assembler does not know VDPBF16PS; the bytes are checked by disassembling them.

#include "textflag.h"
#include "tile_amd64.h"
#include "tile_avx512_amd64.h"

// PAIRS is VDPBF16PS: Z(d) += Z(a) * Z(b), by numbers. EVEX.512.F3.0F38.W0 52 /r.
#define PAIRS(d, a, b) \
	BYTE $0x62; \
	BYTE $(0x02 | (((31-(d))>>3)&1)<<7 | (((31-(b))>>4)&1)<<6 | (((31-(b))>>3)&1)<<5 | (((31-(d))>>4)&1)<<4); \
	BYTE $(0x06 | ((31-(a))&15)<<3); \
	BYTE $(0x40 | (((31-(a))>>4)&1)<<3); \
	BYTE $0x52; \
	BYTE $(0xc0 | ((d)&7)<<3 | ((b)&7))

// The words of two lines of sixteen weights, in order: pair j is word j of the first above that of the second.
DATA pairOrder<>+0(SB)/4, $0x00000010
DATA pairOrder<>+4(SB)/4, $0x00010011
DATA pairOrder<>+8(SB)/4, $0x00020012
DATA pairOrder<>+12(SB)/4, $0x00030013
DATA pairOrder<>+16(SB)/4, $0x00040014
DATA pairOrder<>+20(SB)/4, $0x00050015
DATA pairOrder<>+24(SB)/4, $0x00060016
DATA pairOrder<>+28(SB)/4, $0x00070017
DATA pairOrder<>+32(SB)/4, $0x00080018
DATA pairOrder<>+36(SB)/4, $0x00090019
DATA pairOrder<>+40(SB)/4, $0x000a001a
DATA pairOrder<>+44(SB)/4, $0x000b001b
DATA pairOrder<>+48(SB)/4, $0x000c001c
DATA pairOrder<>+52(SB)/4, $0x000d001d
DATA pairOrder<>+56(SB)/4, $0x000e001e
DATA pairOrder<>+60(SB)/4, $0x000f001f
GLOBL pairOrder<>(SB), RODATA|NOPTR, $64

// One pair of inputs of one row, in Z(n), meets sixteen outputs each in Z24 and Z25.
#define MEETPAIR(mem, z, n, s0, s1) \
	VPBROADCASTD mem, z; \
	PAIRS(s0, 24, n); \
	PAIRS(s1, 25, n)

// The same with four panels in Z24 to Z27.
#define MEETPAIR4(mem, z, n, s0, s1, s2, s3) \
	VPBROADCASTD mem, z; \
	PAIRS(s0, 24, n); \
	PAIRS(s1, 25, n); \
	PAIRS(s2, 26, n); \
	PAIRS(s3, 27, n)

// The last input of an odd number has no second line: zeros.
#define LASTLINE(mem, y, z) \
	VMOVDQU32 mem, y; \
	VPERMW z, Z30, z

// func tile12x2Pairs(dst *float32, ldd int, a *uint32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)
TEXT ·tile12x2Pairs(SB), NOSPLIT, $0-72
	ARGS
	SHLQ $1, R12
	LEAQ (R8)(R8*2), R13
	LEAQ (SI)(R13*1), DI
	LEAQ (DI)(R13*1), AX
	XCHGQ AX, R13
	ADDQ R13, AX
	ZERO24
	VMOVDQU32 pairOrder<>(SB), Z30
	SHRQ $1, CX
	JZ   last

loop:
	VPERMW (BX), Z30, Z24
	VPERMW (BX)(R12*1), Z30, Z25
	MEETPAIR((SI), Z26, 26, 0, 1)
	MEETPAIR((SI)(R8*1), Z27, 27, 2, 3)
	MEETPAIR((SI)(R8*2), Z28, 28, 4, 5)
	MEETPAIR((DI), Z29, 29, 6, 7)
	MEETPAIR((DI)(R8*1), Z31, 31, 8, 9)
	MEETPAIR((DI)(R8*2), Z26, 26, 10, 11)
	MEETPAIR((R13), Z27, 27, 12, 13)
	MEETPAIR((R13)(R8*1), Z28, 28, 14, 15)
	MEETPAIR((R13)(R8*2), Z29, 29, 16, 17)
	MEETPAIR((AX), Z31, 31, 18, 19)
	MEETPAIR((AX)(R8*1), Z26, 26, 20, 21)
	MEETPAIR((AX)(R8*2), Z27, 27, 22, 23)
	ADDQ $4, SI
	ADDQ $4, DI
	ADDQ $4, R13
	ADDQ $4, AX
	ADDQ $64, BX
	DECQ CX
	JNZ  loop

last:
	MOVQ  k+48(FP), CX
	TESTQ $1, CX
	JZ    sums
	LASTLINE((BX), Y24, Z24)
	LASTLINE((BX)(R12*1), Y25, Z25)
	MEETPAIR((SI), Z26, 26, 0, 1)
	MEETPAIR((SI)(R8*1), Z27, 27, 2, 3)
	MEETPAIR((SI)(R8*2), Z28, 28, 4, 5)
	MEETPAIR((DI), Z29, 29, 6, 7)
	MEETPAIR((DI)(R8*1), Z31, 31, 8, 9)
	MEETPAIR((DI)(R8*2), Z26, 26, 10, 11)
	MEETPAIR((R13), Z27, 27, 12, 13)
	MEETPAIR((R13)(R8*1), Z28, 28, 14, 15)
	MEETPAIR((R13)(R8*2), Z29, 29, 16, 17)
	MEETPAIR((AX), Z31, 31, 18, 19)
	MEETPAIR((AX)(R8*1), Z26, 26, 20, 21)
	MEETPAIR((AX)(R8*2), Z27, 27, 22, 23)

sums:
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

// func tile4x2Pairs(dst *float32, ldd int, a *uint32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)
TEXT ·tile4x2Pairs(SB), NOSPLIT, $0-72
	ARGS
	SHLQ $1, R12
	LEAQ (R8)(R8*2), DI
	ADDQ SI, DI
	ZERO8
	VMOVDQU32 pairOrder<>(SB), Z30
	SHRQ $1, CX
	JZ   last

loop:
	VPERMW (BX), Z30, Z24
	VPERMW (BX)(R12*1), Z30, Z25
	MEETPAIR((SI), Z26, 26, 0, 1)
	MEETPAIR((SI)(R8*1), Z27, 27, 2, 3)
	MEETPAIR((SI)(R8*2), Z28, 28, 4, 5)
	MEETPAIR((DI), Z29, 29, 6, 7)
	ADDQ $4, SI
	ADDQ $4, DI
	ADDQ $64, BX
	DECQ CX
	JNZ  loop

last:
	MOVQ  k+48(FP), CX
	TESTQ $1, CX
	JZ    sums
	LASTLINE((BX), Y24, Z24)
	LASTLINE((BX)(R12*1), Y25, Z25)
	MEETPAIR((SI), Z26, 26, 0, 1)
	MEETPAIR((SI)(R8*1), Z27, 27, 2, 3)
	MEETPAIR((SI)(R8*2), Z28, 28, 4, 5)
	MEETPAIR((DI), Z29, 29, 6, 7)

sums:
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

// func tile2x4Pairs(dst *float32, ldd int, a *uint32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)
TEXT ·tile2x4Pairs(SB), NOSPLIT, $0-72
	ARGS
	SHLQ $1, R12
	LEAQ (R12)(R12*2), R13
	ZERO8
	VMOVDQU32 pairOrder<>(SB), Z30
	SHRQ $1, CX
	JZ   last

loop:
	VPERMW (BX), Z30, Z24
	VPERMW (BX)(R12*1), Z30, Z25
	VPERMW (BX)(R12*2), Z30, Z26
	VPERMW (BX)(R13*1), Z30, Z27
	MEETPAIR4((SI), Z28, 28, 0, 1, 2, 3)
	MEETPAIR4((SI)(R8*1), Z29, 29, 4, 5, 6, 7)
	ADDQ $4, SI
	ADDQ $64, BX
	DECQ CX
	JNZ  loop

last:
	MOVQ  k+48(FP), CX
	TESTQ $1, CX
	JZ    sums
	LASTLINE((BX), Y24, Z24)
	LASTLINE((BX)(R12*1), Y25, Z25)
	LASTLINE((BX)(R12*2), Y26, Z26)
	LASTLINE((BX)(R13*1), Y27, Z27)
	MEETPAIR4((SI), Z28, 28, 0, 1, 2, 3)
	MEETPAIR4((SI)(R8*1), Z29, 29, 4, 5, 6, 7)

sums:
	TESTQ R10, R10
	JZ    store
	PLUS64(Z0, Z1, Z2, Z3)
	PLUS64(Z4, Z5, Z6, Z7)

store:
	STORE64(Z0, Z1, Z2, Z3)
	STORE64(Z4, Z5, Z6, Z7)
	VZEROUPPER
	RET

// func tile1x4Pairs(dst *float32, ldd int, a *uint32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)
TEXT ·tile1x4Pairs(SB), NOSPLIT, $0-72
	ARGS
	SHLQ $1, R12
	LEAQ (R12)(R12*2), R13
	ZERO4(Z0, Z1, Z2, Z3)
	VMOVDQU32 pairOrder<>(SB), Z30
	SHRQ $1, CX
	JZ   last

loop:
	PREFETCHT0 1024(BX) // one row reads every weight once, from memory
	PREFETCHT0 1024(BX)(R12*1)
	PREFETCHT0 1024(BX)(R12*2)
	PREFETCHT0 1024(BX)(R13*1)
	VPERMW (BX), Z30, Z24
	VPERMW (BX)(R12*1), Z30, Z25
	VPERMW (BX)(R12*2), Z30, Z26
	VPERMW (BX)(R13*1), Z30, Z27
	MEETPAIR4((SI), Z28, 28, 0, 1, 2, 3)
	ADDQ $4, SI
	ADDQ $64, BX
	DECQ CX
	JNZ  loop

last:
	MOVQ  k+48(FP), CX
	TESTQ $1, CX
	JZ    sums
	LASTLINE((BX), Y24, Z24)
	LASTLINE((BX)(R12*1), Y25, Z25)
	LASTLINE((BX)(R12*2), Y26, Z26)
	LASTLINE((BX)(R13*1), Y27, Z27)
	MEETPAIR4((SI), Z28, 28, 0, 1, 2, 3)

sums:
	TESTQ R10, R10
	JZ    store
	PLUS64(Z0, Z1, Z2, Z3)

store:
	STORE64(Z0, Z1, Z2, Z3)
	VZEROUPPER
	RET

// func ceilingPairs(n int)
TEXT ·ceilingPairs(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX
	ZERO4(Z0, Z1, Z2, Z3)
	ZERO4(Z4, Z5, Z6, Z7)
	ZERO4(Z8, Z9, Z10, Z11)
	ZERO4(Z12, Z13, Z14, Z15)

loop:
	PAIRS(0, 12, 13)
	PAIRS(1, 12, 13)
	PAIRS(2, 12, 13)
	PAIRS(3, 12, 13)
	PAIRS(4, 12, 13)
	PAIRS(5, 12, 13)
	PAIRS(6, 12, 13)
	PAIRS(7, 12, 13)
	PAIRS(8, 12, 13)
	PAIRS(9, 12, 13)
	PAIRS(10, 12, 13)
	PAIRS(11, 12, 13)
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET
