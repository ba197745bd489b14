//go:build amd64 && !purego

// Products over int8 and int4 weights for AVX-512 with VNNI, see intmul.go. VPDPBUSD multiplies four unsigned bytes, the
// codes, by four signed ones, the inputs, and adds all to a sum of 32 bits: no product is clipped on the way. Codes of
// 4 bits go the same way, into sums of their group, which VPMULLD scales by the group's steps.

#include "textflag.h"

// One row of four inputs meets sixteen outputs each in Z24 and Z25.
#define DOT(mem, tmp, s0, s1) \
	VPBROADCASTD mem, tmp; \
	VPDPBUSD tmp, Z24, s0; \
	VPDPBUSD tmp, Z25, s1

#define ZERO4(z0, z1, z2, z3) \
	VPXORD z0, z0, z0; \
	VPXORD z1, z1, z1; \
	VPXORD z2, z2, z2; \
	VPXORD z3, z3, z3

// One row reads every code once, from memory: what comes 1 KiB later is asked for now.
#define AHEAD(off) \
	PREFETCHT0 (1024+off)(BX); \
	PREFETCHT0 (1024+off)(BX)(R12*1)

// The sums of one row, plus what stands at DX where R10 says so; then on to the next row.
#define STORE32(s0, s1) \
	TESTQ R10, R10; \
	JZ    3(PC); \
	VPADDD (DX), s0, s0; \
	VPADDD 64(DX), s1, s1; \
	VMOVDQU32 s0, (DX); \
	VMOVDQU32 s1, 64(DX); \
	ADDQ R9, DX

#define ARGS8 \
	MOVQ acc+0(FP), DX; \
	MOVQ ldacc+8(FP), R9; \
	SHLQ $2, R9; \
	MOVQ a+16(FP), SI; \
	MOVQ lda+24(FP), R8; \
	MOVQ b+32(FP), BX; \
	MOVQ ldb+40(FP), R12; \
	MOVQ cells+48(FP), CX; \
	MOVBQZX more+56(FP), R10

// func tile12x32Int8VNNI(acc *int32, ldacc int, a *int8, lda int, b *byte, ldb, cells int, more bool)
TEXT ·tile12x32Int8VNNI(SB), NOSPLIT, $0-57
	ARGS8
	LEAQ (R8)(R8*2), R13
	LEAQ (SI)(R13*1), DI
	LEAQ (DI)(R13*1), AX
	XCHGQ AX, R13
	ADDQ R13, AX
	ZERO4(Z0, Z1, Z2, Z3)
	ZERO4(Z4, Z5, Z6, Z7)
	ZERO4(Z8, Z9, Z10, Z11)
	ZERO4(Z12, Z13, Z14, Z15)
	ZERO4(Z16, Z17, Z18, Z19)
	ZERO4(Z20, Z21, Z22, Z23)

loop:
	VMOVDQU32 (BX), Z24
	VMOVDQU32 (BX)(R12*1), Z25
	DOT((SI), Z26, Z0, Z1)
	DOT((SI)(R8*1), Z27, Z2, Z3)
	DOT((SI)(R8*2), Z28, Z4, Z5)
	DOT((DI), Z29, Z6, Z7)
	DOT((DI)(R8*1), Z30, Z8, Z9)
	DOT((DI)(R8*2), Z31, Z10, Z11)
	DOT((R13), Z26, Z12, Z13)
	DOT((R13)(R8*1), Z27, Z14, Z15)
	DOT((R13)(R8*2), Z28, Z16, Z17)
	DOT((AX), Z29, Z18, Z19)
	DOT((AX)(R8*1), Z30, Z20, Z21)
	DOT((AX)(R8*2), Z31, Z22, Z23)
	ADDQ $4, SI
	ADDQ $4, DI
	ADDQ $4, R13
	ADDQ $4, AX
	ADDQ $64, BX
	DECQ CX
	JNZ  loop

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

// func tile4x32Int8VNNI(acc *int32, ldacc int, a *int8, lda int, b *byte, ldb, cells int, more bool)
TEXT ·tile4x32Int8VNNI(SB), NOSPLIT, $0-57
	ARGS8
	LEAQ (R8)(R8*2), DI
	ADDQ SI, DI
	ZERO4(Z0, Z1, Z2, Z3)
	ZERO4(Z4, Z5, Z6, Z7)

loop:
	VMOVDQU32 (BX), Z24
	VMOVDQU32 (BX)(R12*1), Z25
	DOT((SI), Z26, Z0, Z1)
	DOT((SI)(R8*1), Z27, Z2, Z3)
	DOT((SI)(R8*2), Z28, Z4, Z5)
	DOT((DI), Z29, Z6, Z7)
	ADDQ $4, SI
	ADDQ $4, DI
	ADDQ $64, BX
	DECQ CX
	JNZ  loop

	STORE32(Z0, Z1)
	STORE32(Z2, Z3)
	STORE32(Z4, Z5)
	STORE32(Z6, Z7)
	VZEROUPPER
	RET

// func tile1x32Int8VNNI(acc *int32, ldacc int, a *int8, lda int, b *byte, ldb, cells int, more bool)
TEXT ·tile1x32Int8VNNI(SB), NOSPLIT, $0-57
	ARGS8
	ZERO4(Z0, Z1, Z2, Z3)

loop:
	AHEAD(0)
	VMOVDQU32 (BX), Z24
	VMOVDQU32 (BX)(R12*1), Z25
	DOT((SI), Z26, Z0, Z1)
	ADDQ $4, SI
	ADDQ $64, BX
	DECQ CX
	JNZ  loop

	STORE32(Z0, Z1)
	VZEROUPPER
	RET

DATA lowHalves512<>+0(SB)/4, $0x0f0f0f0f
DATA lowHalves512<>+4(SB)/4, $0x00010001
GLOBL lowHalves512<>(SB), RODATA|NOPTR, $8

// Eight inputs of sixteen outputs of two panels: the first four to Z24 and Z25, the next four to Z26 and Z27.
#define HALVES(off) \
	VMOVDQU32 off(BX), Z26; \
	VMOVDQU32 off(BX)(R12*1), Z27; \
	VPANDD Z28, Z26, Z24; \
	VPANDD Z28, Z27, Z25; \
	VPSRLD $4, Z26, Z26; \
	VPSRLD $4, Z27, Z27; \
	VPANDD Z28, Z26, Z26; \
	VPANDD Z28, Z27, Z27

// One row of eight inputs, four at each place, meets them.
#define DOT8(mem0, mem4, s0, s1) \
	VPBROADCASTD mem0, Z30; \
	VPBROADCASTD mem4, Z31; \
	VPDPBUSD Z30, Z24, s0; \
	VPDPBUSD Z30, Z25, s1; \
	VPDPBUSD Z31, Z26, s0; \
	VPDPBUSD Z31, Z27, s1

// The sums of a group begin with both halves of its start, added up.
#define START(mem, s0, s1) \
	VPBROADCASTD mem, s0; \
	VPMADDWD Z29, s0, s0; \
	VMOVDQA32 s0, s1

// The sums of a group, times its steps in Z24 and Z25, go to those of the row.
#define SCALE(g0, g1, s0, s1) \
	VPMULLD Z24, g0, g0; \
	VPMULLD Z25, g1, g1; \
	VPADDD g0, s0, s0; \
	VPADDD g1, s1, s1

#define ARGS4 \
	MOVQ acc+0(FP), DX; \
	MOVQ ldacc+8(FP), R9; \
	SHLQ $2, R9; \
	MOVQ a+16(FP), SI; \
	MOVQ lda+24(FP), R8; \
	MOVQ starts+32(FP), R11; \
	MOVQ b+48(FP), BX; \
	MOVQ ldb+56(FP), R12; \
	MOVQ steps+64(FP), AX; \
	MOVQ groups+80(FP), CX; \
	VPBROADCASTD lowHalves512<>+0(SB), Z28; \
	VPBROADCASTD lowHalves512<>+4(SB), Z29

#define EIGHT4(off) \
	HALVES((off*8)); \
	DOT8(off(SI), (off+4)(SI), Z8, Z9); \
	DOT8(off(SI)(R8*1), (off+4)(SI)(R8*1), Z10, Z11); \
	DOT8(off(SI)(R8*2), (off+4)(SI)(R8*2), Z12, Z13); \
	DOT8(off(DI), (off+4)(DI), Z14, Z15)

// func tile4x32Int4VNNI(acc *int32, ldacc int, a *int8, lda int, starts *int16, ldstart int, b *byte, ldb int, steps *int8, lds, groups int, more bool)
TEXT ·tile4x32Int4VNNI(SB), NOSPLIT, $0-89
	ARGS4
	LEAQ (R8)(R8*2), DI
	ADDQ SI, DI
	MOVQ ldstart+40(FP), R13
	SHLQ $1, R13
	LEAQ (R13)(R13*2), R10
	ADDQ R11, R10
	ZERO4(Z0, Z1, Z2, Z3)
	ZERO4(Z4, Z5, Z6, Z7)

group:
	START((R11), Z8, Z9)
	START((R11)(R13*1), Z10, Z11)
	START((R11)(R13*2), Z12, Z13)
	START((R10), Z14, Z15)
	EIGHT4(0)
	EIGHT4(8)
	EIGHT4(16)
	EIGHT4(24)
	VPMOVSXBD (AX), Z24
	ADDQ lds+72(FP), AX
	VPMOVSXBD (AX), Z25
	SUBQ lds+72(FP), AX
	SCALE(Z8, Z9, Z0, Z1)
	SCALE(Z10, Z11, Z2, Z3)
	SCALE(Z12, Z13, Z4, Z5)
	SCALE(Z14, Z15, Z6, Z7)
	ADDQ $4, R11
	ADDQ $4, R10
	ADDQ $32, SI
	ADDQ $32, DI
	ADDQ $256, BX
	ADDQ $16, AX
	DECQ CX
	JNZ  group

	MOVBQZX more+88(FP), R10
	STORE32(Z0, Z1)
	STORE32(Z2, Z3)
	STORE32(Z4, Z5)
	STORE32(Z6, Z7)
	VZEROUPPER
	RET

#define EIGHT1(off) \
	HALVES((off*8)); \
	DOT8(off(SI), (off+4)(SI), Z8, Z9)

// func tile1x32Int4VNNI(acc *int32, ldacc int, a *int8, lda int, starts *int16, ldstart int, b *byte, ldb int, steps *int8, lds, groups int, more bool)
TEXT ·tile1x32Int4VNNI(SB), NOSPLIT, $0-89
	ARGS4
	MOVQ lds+72(FP), R13
	ADDQ AX, R13
	ZERO4(Z0, Z1, Z2, Z3)

group:
	AHEAD(0)
	AHEAD(64)
	AHEAD(128)
	AHEAD(192)
	START((R11), Z8, Z9)
	EIGHT1(0)
	EIGHT1(8)
	EIGHT1(16)
	EIGHT1(24)
	VPMOVSXBD (AX), Z24
	VPMOVSXBD (R13), Z25
	SCALE(Z8, Z9, Z0, Z1)
	ADDQ $4, R11
	ADDQ $32, SI
	ADDQ $256, BX
	ADDQ $16, AX
	ADDQ $16, R13
	DECQ CX
	JNZ  group

	MOVBQZX more+88(FP), R10
	STORE32(Z0, Z1)
	VZEROUPPER
	RET
