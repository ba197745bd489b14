//go:build !purego

// Products over int8 and int4 weights for NEON with the dot product instructions, see intmul.go. SDOT multiplies four
// signed bytes by four and adds all to a sum of 32 bits, for four outputs at once. Go's assembler does not know it, nor the
// widening of signed numbers; their words are put together below and checked by running them.

#include "textflag.h"

#define SDOT(m, n, d) WORD $(0x4e809400 | (m)<<16 | (n)<<5 | (d))
#define MLA(m, n, d) WORD $(0x4ea09400 | (m)<<16 | (n)<<5 | (d))
#define SXTL8(n, d) WORD $(0x0f08a400 | (n)<<5 | (d))
#define SXTL8HIGH(n, d) WORD $(0x4f08a400 | (n)<<5 | (d))
#define SXTL16(n, d) WORD $(0x0f10a400 | (n)<<5 | (d))
#define SXTL16HIGH(n, d) WORD $(0x4f10a400 | (n)<<5 | (d))

#define CLEAR4(a, b, c, d) \
	VEOR a.B16, a.B16, a.B16; \
	VEOR b.B16, b.B16, b.B16; \
	VEOR c.B16, c.B16, c.B16; \
	VEOR d.B16, d.B16, d.B16

// One row of four inputs meets sixteen outputs in V16 to V19; row and sums are numbers of registers.
#define DOT4(row, s0, s1, s2, s3) \
	SDOT(row, 16, s0); \
	SDOT(row, 17, s1); \
	SDOT(row, 18, s2); \
	SDOT(row, 19, s3)

// The sums of one row, plus what stands at R0 where R9 says so, then on to the next row.
#define STORE4(a, b, c, d) \
	CBZ R9, 6(PC); \
	VLD1 (R0), [V24.S4, V25.S4, V26.S4, V27.S4]; \
	VADD V24.S4, a.S4, a.S4; \
	VADD V25.S4, b.S4, b.S4; \
	VADD V26.S4, c.S4, c.S4; \
	VADD V27.S4, d.S4, d.S4; \
	VST1 [a.S4, b.S4, c.S4, d.S4], (R0); \
	ADD R1, R0

// The codes of one cell, from unsigned with an offset of 128 to signed.
#define CODES \
	VLD1.P 64(R7), [V16.B16, V17.B16, V18.B16, V19.B16]; \
	VEOR V31.B16, V16.B16, V16.B16; \
	VEOR V31.B16, V17.B16, V17.B16; \
	VEOR V31.B16, V18.B16, V18.B16; \
	VEOR V31.B16, V19.B16, V19.B16

// func tile4x16Int8NEON(acc *int32, ldacc int, a *int8, lda int, b *byte, ldb, cells int, more bool)
TEXT ·tile4x16Int8NEON(SB), NOSPLIT, $0-57
	MOVD acc+0(FP), R0
	MOVD ldacc+8(FP), R1
	LSL  $2, R1
	MOVD a+16(FP), R2
	MOVD lda+24(FP), R3
	ADD  R3, R2, R4
	ADD  R3, R4, R5
	ADD  R3, R5, R6
	MOVD b+32(FP), R7
	MOVD cells+48(FP), R8
	MOVBU more+56(FP), R9
	VMOVI $128, V31.B16
	CLEAR4(V0, V1, V2, V3)
	CLEAR4(V4, V5, V6, V7)
	CLEAR4(V8, V9, V10, V11)
	CLEAR4(V12, V13, V14, V15)

loop:
	CODES
	VLD1R.P 4(R2), [V20.S4]
	VLD1R.P 4(R4), [V21.S4]
	VLD1R.P 4(R5), [V22.S4]
	VLD1R.P 4(R6), [V23.S4]
	DOT4(20, 0, 1, 2, 3)
	DOT4(21, 4, 5, 6, 7)
	DOT4(22, 8, 9, 10, 11)
	DOT4(23, 12, 13, 14, 15)
	SUBS $1, R8, R8
	BNE  loop

	STORE4(V0, V1, V2, V3)
	STORE4(V4, V5, V6, V7)
	STORE4(V8, V9, V10, V11)
	STORE4(V12, V13, V14, V15)
	RET

// func tile1x16Int8NEON(acc *int32, ldacc int, a *int8, lda int, b *byte, ldb, cells int, more bool)
TEXT ·tile1x16Int8NEON(SB), NOSPLIT, $0-57
	MOVD acc+0(FP), R0
	MOVD a+16(FP), R2
	MOVD b+32(FP), R7
	MOVD cells+48(FP), R8
	MOVBU more+56(FP), R9
	VMOVI $128, V31.B16
	CLEAR4(V0, V1, V2, V3)

loop:
	CODES
	VLD1R.P 4(R2), [V20.S4]
	DOT4(20, 0, 1, 2, 3)
	SUBS $1, R8, R8
	BNE  loop

	STORE4(V0, V1, V2, V3)
	RET

// The sums of a group begin with both halves of its start at address p, added up.
#define START(p, a, b, c, d) \
	MOVH.P 2(p), R12; \
	MOVH.P 2(p), R13; \
	ADD  R13, R12; \
	VDUP R12, a.S4; \
	VDUP R12, b.S4; \
	VDUP R12, c.S4; \
	VDUP R12, d.S4

// Eight inputs of four outputs in v meet two rows: the first four inputs of a row in V22 and V24, the next four
// in V23 and V25.
#define HALVES(v, s0, s1) \
	VAND V31.B16, v.B16, V20.B16; \
	VUSHR $4, v.B16, V21.B16; \
	SDOT(22, 20, s0); \
	SDOT(24, 20, s1); \
	SDOT(23, 21, s0); \
	SDOT(25, 21, s1)

// The same for one row, in V22 and V23.
#define HALVES1(v, s0) \
	VAND V31.B16, v.B16, V20.B16; \
	VUSHR $4, v.B16, V21.B16; \
	SDOT(22, 20, s0); \
	SDOT(23, 21, s0)

// func tile2x16Int4NEON(acc *int32, ldacc int, a *int8, lda int, starts *int16, ldstart int, b *byte, ldb int, steps *int8, lds, groups int, more bool)
TEXT ·tile2x16Int4NEON(SB), NOSPLIT, $0-89
	MOVD acc+0(FP), R0
	MOVD ldacc+8(FP), R1
	LSL  $2, R1
	MOVD a+16(FP), R2
	MOVD lda+24(FP), R3
	ADD  R3, R2, R4
	MOVD starts+32(FP), R5
	MOVD ldstart+40(FP), R6
	LSL  $1, R6
	ADD  R5, R6
	MOVD b+48(FP), R7
	MOVD steps+64(FP), R8
	MOVD groups+80(FP), R10
	MOVBU more+88(FP), R9
	VMOVI $15, V31.B16
	CLEAR4(V0, V1, V2, V3)
	CLEAR4(V4, V5, V6, V7)

group:
	START(R5, V8, V9, V10, V11)
	START(R6, V12, V13, V14, V15)
	MOVD $4, R11

eight:
	VLD1.P 64(R7), [V16.B16, V17.B16, V18.B16, V19.B16]
	VLD1R.P 4(R2), [V22.S4]
	VLD1R.P 4(R2), [V23.S4]
	VLD1R.P 4(R4), [V24.S4]
	VLD1R.P 4(R4), [V25.S4]
	HALVES(V16, 8, 12)
	HALVES(V17, 9, 13)
	HALVES(V18, 10, 14)
	HALVES(V19, 11, 15)
	SUBS $1, R11, R11
	BNE  eight

	VLD1.P 16(R8), [V16.B16]
	SXTL8(16, 17)
	SXTL8HIGH(16, 18)
	SXTL16(17, 26)
	SXTL16HIGH(17, 27)
	SXTL16(18, 28)
	SXTL16HIGH(18, 29)
	MLA(26, 8, 0)
	MLA(27, 9, 1)
	MLA(28, 10, 2)
	MLA(29, 11, 3)
	MLA(26, 12, 4)
	MLA(27, 13, 5)
	MLA(28, 14, 6)
	MLA(29, 15, 7)
	SUBS $1, R10, R10
	BNE  group

	STORE4(V0, V1, V2, V3)
	STORE4(V4, V5, V6, V7)
	RET

// func tile1x16Int4NEON(acc *int32, ldacc int, a *int8, lda int, starts *int16, ldstart int, b *byte, ldb int, steps *int8, lds, groups int, more bool)
TEXT ·tile1x16Int4NEON(SB), NOSPLIT, $0-89
	MOVD acc+0(FP), R0
	MOVD a+16(FP), R2
	MOVD starts+32(FP), R5
	MOVD b+48(FP), R7
	MOVD steps+64(FP), R8
	MOVD groups+80(FP), R10
	MOVBU more+88(FP), R9
	VMOVI $15, V31.B16
	CLEAR4(V0, V1, V2, V3)

group:
	START(R5, V8, V9, V10, V11)
	MOVD $4, R11

eight:
	VLD1.P 64(R7), [V16.B16, V17.B16, V18.B16, V19.B16]
	VLD1R.P 4(R2), [V22.S4]
	VLD1R.P 4(R2), [V23.S4]
	HALVES1(V16, 8)
	HALVES1(V17, 9)
	HALVES1(V18, 10)
	HALVES1(V19, 11)
	SUBS $1, R11, R11
	BNE  eight

	VLD1.P 16(R8), [V16.B16]
	SXTL8(16, 17)
	SXTL8HIGH(16, 18)
	SXTL16(17, 26)
	SXTL16HIGH(17, 27)
	SXTL16(18, 28)
	SXTL16HIGH(18, 29)
	MLA(26, 8, 0)
	MLA(27, 9, 1)
	MLA(28, 10, 2)
	MLA(29, 11, 3)
	SUBS $1, R10, R10
	BNE  group

	STORE4(V0, V1, V2, V3)
	RET
