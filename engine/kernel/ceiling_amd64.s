//go:build amd64 && !purego

// Loops that do nothing but the arithmetic of the micro-kernels, or nothing but read: what a machine can do at most.
// See ceiling.go.

#include "textflag.h"

#define TWELVE(OP) \
	OP(Y0); \
	OP(Y1); \
	OP(Y2); \
	OP(Y3); \
	OP(Y4); \
	OP(Y5); \
	OP(Y6); \
	OP(Y7); \
	OP(Y8); \
	OP(Y9); \
	OP(Y10); \
	OP(Y11)

#define CLEAR(y) VPXOR y, y, y
#define FMA(y) VFMADD231PS Y12, Y13, y
#define WORDS(y) \
	VPMADDWD Y12, Y13, Y14; \
	VPADDD Y14, y, y
#define BYTES(y) \
	VPMADDUBSW Y12, Y13, Y14; \
	VPADDW Y14, y, y

// func ceilingFMA(n int)
TEXT ·ceilingFMA(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX
	TWELVE(CLEAR)
	CLEAR(Y12)
	CLEAR(Y13)

loop:
	TWELVE(FMA)
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// func ceilingWords(n int)
TEXT ·ceilingWords(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX
	TWELVE(CLEAR)
	CLEAR(Y12)
	CLEAR(Y13)

loop:
	TWELVE(WORDS)
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// func ceilingBytes(n int)
TEXT ·ceilingBytes(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX
	TWELVE(CLEAR)
	CLEAR(Y12)
	CLEAR(Y13)

loop:
	TWELVE(BYTES)
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// One line of each of eight streams, which are R8 bytes apart, from AX on, and a line 1 KiB ahead asked for.
#define LINE(reg) \
	VPOR (reg)(AX*1), Y0, Y0; \
	VPOR 32(reg)(AX*1), Y1, Y1; \
	PREFETCHT0 1024(reg)(AX*1)

// func readStreams(x *byte, stride, n int)
// Eight streams of n bytes, a multiple of 64, stride apart.
TEXT ·readStreams(SB), NOSPLIT, $0-24
	MOVQ x+0(FP), SI
	MOVQ stride+8(FP), R8
	MOVQ n+16(FP), CX
	LEAQ (SI)(R8*1), DI
	LEAQ (DI)(R8*1), BX
	LEAQ (BX)(R8*1), DX
	LEAQ (DX)(R8*1), R9
	LEAQ (R9)(R8*1), R10
	LEAQ (R10)(R8*1), R11
	LEAQ (R11)(R8*1), R12
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	XORQ AX, AX

loop:
	LINE(SI)
	LINE(DI)
	LINE(BX)
	LINE(DX)
	LINE(R9)
	LINE(R10)
	LINE(R11)
	LINE(R12)
	ADDQ $64, AX
	CMPQ AX, CX
	JB   loop
	VZEROUPPER
	RET

#define TWELVE512(OP) \
	OP(Z0); \
	OP(Z1); \
	OP(Z2); \
	OP(Z3); \
	OP(Z4); \
	OP(Z5); \
	OP(Z6); \
	OP(Z7); \
	OP(Z8); \
	OP(Z9); \
	OP(Z10); \
	OP(Z11)

#define CLEAR512(z) VPXORD z, z, z
#define FMA512(z) VFMADD231PS Z12, Z13, z
#define DOT512(z) VPDPBUSD Z12, Z13, z

// func ceilingFMA512(n int)
TEXT ·ceilingFMA512(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX
	TWELVE512(CLEAR512)
	CLEAR512(Z12)
	CLEAR512(Z13)

loop:
	TWELVE512(FMA512)
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// func ceilingDot512(n int)
TEXT ·ceilingDot512(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX
	TWELVE512(CLEAR512)
	CLEAR512(Z12)
	CLEAR512(Z13)

loop:
	TWELVE512(DOT512)
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET
