//go:build amd64 && !purego

// Products over int8 and int4 weights for AVX2, see intmul.go. AVX2 has no instruction that multiplies signed bytes by
// bytes and adds up four, and the one that adds up two (VPMADDUBSW) clips at 16 bits, which two products of 8 bits may
// pass. So int8 codes are widened to 16 bits and multiplied by VPMADDWD, exactly; it does as many products a cycle. Codes
// of 4 bits leave VPMADDUBSW room: eight of its results are added up in 16 bits before a VPMADDWD with the group's step,
// written twice, widens and scales them at once.

#include "textflag.h"

// One row of inputs meets four inputs of eight outputs in Y12 and Y13: two sums of pairs per output.
#define MEET8(mem, s0, s1) \
	VPBROADCASTQ mem, Y14; \
	VPMADDWD Y12, Y14, Y15; \
	VPADDD Y15, s0, s0; \
	VPMADDWD Y13, Y14, Y14; \
	VPADDD Y14, s1, s1

// The pairs of sums in s0 and s1 become eight sums in s0, plus what stands at DX where R10 says so.
#define FOLD8(s0, s1) \
	VPHADDD s1, s0, s0; \
	VPERMQ $0xd8, s0, s0

#define STORE8(s0, off) \
	TESTQ R10, R10; \
	JZ    2(PC); \
	VPADDD off(DX), s0, s0; \
	VMOVDQU s0, off(DX)

#define ZERO(y) VPXOR y, y, y

// One row reads every code once, from memory, and nothing else takes long: what comes 1 KiB later is asked for now.
#define AHEAD(off) \
	PREFETCHT0 (1024+off)(BX); \
	PREFETCHT0 (1024+off)(R12)

#define ARGS8 \
	MOVQ acc+0(FP), DX; \
	MOVQ ldacc+8(FP), R9; \
	SHLQ $2, R9; \
	MOVQ a+16(FP), SI; \
	MOVQ lda+24(FP), R8; \
	SHLQ $1, R8; \
	MOVQ b+32(FP), BX; \
	MOVQ ldb+40(FP), R12; \
	MOVQ cells+48(FP), CX; \
	MOVBQZX more+56(FP), R10

// func tile6x8Int8AVX2(acc *int32, ldacc int, a *int16, lda int, b *byte, ldb, cells int, more bool)
TEXT ·tile6x8Int8AVX2(SB), NOSPLIT, $0-57
	ARGS8
	LEAQ (R8)(R8*2), DI
	ADDQ SI, DI
	ZERO(Y0)
	ZERO(Y1)
	ZERO(Y2)
	ZERO(Y3)
	ZERO(Y4)
	ZERO(Y5)
	ZERO(Y6)
	ZERO(Y7)
	ZERO(Y8)
	ZERO(Y9)
	ZERO(Y10)
	ZERO(Y11)

loop:
	VPMOVZXBW (BX), Y12
	VPMOVZXBW 16(BX), Y13
	MEET8((SI), Y0, Y1)
	MEET8((SI)(R8*1), Y2, Y3)
	MEET8((SI)(R8*2), Y4, Y5)
	MEET8((DI), Y6, Y7)
	MEET8((DI)(R8*1), Y8, Y9)
	MEET8((DI)(R8*2), Y10, Y11)
	ADDQ $8, SI
	ADDQ $8, DI
	ADDQ $64, BX
	DECQ CX
	JNZ  loop

	FOLD8(Y0, Y1)
	FOLD8(Y2, Y3)
	FOLD8(Y4, Y5)
	FOLD8(Y6, Y7)
	FOLD8(Y8, Y9)
	FOLD8(Y10, Y11)
	STORE8(Y0, 0)
	ADDQ R9, DX
	STORE8(Y2, 0)
	ADDQ R9, DX
	STORE8(Y4, 0)
	ADDQ R9, DX
	STORE8(Y6, 0)
	ADDQ R9, DX
	STORE8(Y8, 0)
	ADDQ R9, DX
	STORE8(Y10, 0)
	VZEROUPPER
	RET

// One row meets four inputs of four outputs at mem.
#define MEET4(mem, s) \
	VPMOVZXBW mem, Y12; \
	VPMADDWD Y12, Y14, Y12; \
	VPADDD Y12, s, s

// func tile1x32Int8AVX2(acc *int32, ldacc int, a *int16, lda int, b *byte, ldb, cells int, more bool)
TEXT ·tile1x32Int8AVX2(SB), NOSPLIT, $0-57
	ARGS8
	ADDQ BX, R12
	ZERO(Y0)
	ZERO(Y1)
	ZERO(Y2)
	ZERO(Y3)
	ZERO(Y4)
	ZERO(Y5)
	ZERO(Y6)
	ZERO(Y7)

loop:
	AHEAD(0)
	VPBROADCASTQ (SI), Y14
	MEET4((BX), Y0)
	MEET4(16(BX), Y1)
	MEET4(32(BX), Y2)
	MEET4(48(BX), Y3)
	MEET4((R12), Y4)
	MEET4(16(R12), Y5)
	MEET4(32(R12), Y6)
	MEET4(48(R12), Y7)
	ADDQ $8, SI
	ADDQ $64, BX
	ADDQ $64, R12
	DECQ CX
	JNZ  loop

	FOLD8(Y0, Y1)
	FOLD8(Y2, Y3)
	FOLD8(Y4, Y5)
	FOLD8(Y6, Y7)
	STORE8(Y0, 0)
	STORE8(Y2, 32)
	STORE8(Y4, 64)
	STORE8(Y6, 96)
	VZEROUPPER
	RET

// One row meets four inputs of eight outputs at mem: eight sums, the middle two fours of them exchanged.
#define MEETFOUR(mem0, mem1, s) \
	VPMOVZXBW mem0, Y12; \
	VPMADDWD Y12, Y14, Y12; \
	VPMOVZXBW mem1, Y13; \
	VPMADDWD Y13, Y14, Y13; \
	VPHADDD Y13, Y12, Y12; \
	VPADDD Y12, s, s

#define UNFOLD8(s, off) \
	VPERMQ $0xd8, s, s; \
	STORE8(s, off)

// func tile1x64Int8AVX2(acc *int32, ldacc int, a *int16, lda int, b *byte, ldb, cells int, more bool)
// Four panels side by side: a core reads four streams from memory a third faster than two.
TEXT ·tile1x64Int8AVX2(SB), NOSPLIT, $0-57
	ARGS8
	LEAQ (R12)(R12*2), R13
	ZERO(Y0)
	ZERO(Y1)
	ZERO(Y2)
	ZERO(Y3)
	ZERO(Y4)
	ZERO(Y5)
	ZERO(Y6)
	ZERO(Y7)

loop:
	PREFETCHT0 1024(BX)
	PREFETCHT0 1024(BX)(R12*1)
	PREFETCHT0 1024(BX)(R12*2)
	PREFETCHT0 1024(BX)(R13*1)
	VPBROADCASTQ (SI), Y14
	MEETFOUR((BX), 16(BX), Y0)
	MEETFOUR(32(BX), 48(BX), Y1)
	MEETFOUR((BX)(R12*1), 16(BX)(R12*1), Y2)
	MEETFOUR(32(BX)(R12*1), 48(BX)(R12*1), Y3)
	MEETFOUR((BX)(R12*2), 16(BX)(R12*2), Y4)
	MEETFOUR(32(BX)(R12*2), 48(BX)(R12*2), Y5)
	MEETFOUR((BX)(R13*1), 16(BX)(R13*1), Y6)
	MEETFOUR(32(BX)(R13*1), 48(BX)(R13*1), Y7)
	ADDQ $8, SI
	ADDQ $64, BX
	DECQ CX
	JNZ  loop

	UNFOLD8(Y0, 0)
	UNFOLD8(Y1, 32)
	UNFOLD8(Y2, 64)
	UNFOLD8(Y3, 96)
	UNFOLD8(Y4, 128)
	UNFOLD8(Y5, 160)
	UNFOLD8(Y6, 192)
	UNFOLD8(Y7, 224)
	VZEROUPPER
	RET

DATA lowHalves<>+0(SB)/4, $0x0f0f0f0f
GLOBL lowHalves<>(SB), RODATA|NOPTR, $4

// Sixty-four codes of eight outputs at mem: the first four inputs to Y12, the next four to Y13.
#define HALVES(mem) \
	VMOVDQU mem, Y13; \
	VPAND Y15, Y13, Y12; \
	VPSRLW $4, Y13, Y13; \
	VPAND Y15, Y13, Y13

// One row of eight inputs, four at each place, meets them.
#define MEETHALVES(mem0, mem4, s) \
	VPBROADCASTD mem0, Y14; \
	VPMADDUBSW Y14, Y12, Y14; \
	VPADDW Y14, s, s; \
	VPBROADCASTD mem4, Y14; \
	VPMADDUBSW Y14, Y13, Y14; \
	VPADDW Y14, s, s

#define EIGHTINPUTS(off) \
	HALVES((off*8)(BX)); \
	MEETHALVES(off(SI), (off+4)(SI), Y6); \
	MEETHALVES(off(SI)(R8*1), (off+4)(SI)(R8*1), Y7); \
	MEETHALVES(off(SI)(R8*2), (off+4)(SI)(R8*2), Y8); \
	MEETHALVES(off(DI), (off+4)(DI), Y9); \
	MEETHALVES(off(DI)(R8*1), (off+4)(DI)(R8*1), Y10); \
	MEETHALVES(off(DI)(R8*2), (off+4)(DI)(R8*2), Y11)

// Eight steps at mem to y, each twice in 16 bits; t is scratch.
#define STEPS(mem, y, t) \
	VPMOVSXBD mem, y; \
	VPSLLD $16, y, t; \
	VPBLENDW $0xaa, t, y, y

// func tile6x8Int4AVX2(acc *int32, ldacc int, a *int8, lda int, starts *int16, ldstart int, b *byte, ldb int, steps *int8, lds, groups int, more bool)
TEXT ·tile6x8Int4AVX2(SB), NOSPLIT, $0-89
	MOVQ acc+0(FP), DX
	MOVQ ldacc+8(FP), R9
	SHLQ $2, R9
	MOVQ a+16(FP), SI
	MOVQ lda+24(FP), R8
	LEAQ (R8)(R8*2), DI
	ADDQ SI, DI
	MOVQ starts+32(FP), R11
	MOVQ ldstart+40(FP), R12
	SHLQ $1, R12
	LEAQ (R12)(R12*2), R13
	ADDQ R11, R13
	MOVQ b+48(FP), BX
	MOVQ steps+64(FP), AX
	MOVQ groups+80(FP), CX
	MOVBQZX more+88(FP), R10
	VPBROADCASTD lowHalves<>(SB), Y15
	ZERO(Y0)
	ZERO(Y1)
	ZERO(Y2)
	ZERO(Y3)
	ZERO(Y4)
	ZERO(Y5)

group:
	VPBROADCASTD (R11), Y6
	VPBROADCASTD (R11)(R12*1), Y7
	VPBROADCASTD (R11)(R12*2), Y8
	VPBROADCASTD (R13), Y9
	VPBROADCASTD (R13)(R12*1), Y10
	VPBROADCASTD (R13)(R12*2), Y11
	EIGHTINPUTS(0)
	EIGHTINPUTS(8)
	EIGHTINPUTS(16)
	EIGHTINPUTS(24)
	STEPS((AX), Y12, Y13)
	VPMADDWD Y12, Y6, Y6
	VPADDD Y6, Y0, Y0
	VPMADDWD Y12, Y7, Y7
	VPADDD Y7, Y1, Y1
	VPMADDWD Y12, Y8, Y8
	VPADDD Y8, Y2, Y2
	VPMADDWD Y12, Y9, Y9
	VPADDD Y9, Y3, Y3
	VPMADDWD Y12, Y10, Y10
	VPADDD Y10, Y4, Y4
	VPMADDWD Y12, Y11, Y11
	VPADDD Y11, Y5, Y5
	ADDQ $4, R11
	ADDQ $4, R13
	ADDQ $32, SI
	ADDQ $32, DI
	ADDQ $256, BX
	ADDQ $16, AX
	DECQ CX
	JNZ  group

	STORE8(Y0, 0)
	ADDQ R9, DX
	STORE8(Y1, 0)
	ADDQ R9, DX
	STORE8(Y2, 0)
	ADDQ R9, DX
	STORE8(Y3, 0)
	ADDQ R9, DX
	STORE8(Y4, 0)
	ADDQ R9, DX
	STORE8(Y5, 0)
	VZEROUPPER
	RET

// Eight inputs in Y10 (first four) and Y11 meet eight outputs at mem.
#define MEETONE(mem, s) \
	HALVES(mem); \
	VPMADDUBSW Y10, Y12, Y12; \
	VPADDW Y12, s, s; \
	VPMADDUBSW Y11, Y13, Y13; \
	VPADDW Y13, s, s

#define EIGHTOFONE(off) \
	VPBROADCASTD off(SI), Y10; \
	VPBROADCASTD (off+4)(SI), Y11; \
	MEETONE((off*8)(BX), Y4); \
	MEETONE((off*8+32)(BX), Y5); \
	MEETONE((off*8)(R12), Y6); \
	MEETONE((off*8+32)(R12), Y7)

#define STEPONE(mem, s, sum) \
	STEPS(mem, Y12, Y13); \
	VPMADDWD Y12, s, s; \
	VPADDD s, sum, sum

// func tile1x32Int4AVX2(acc *int32, ldacc int, a *int8, lda int, starts *int16, ldstart int, b *byte, ldb int, steps *int8, lds, groups int, more bool)
TEXT ·tile1x32Int4AVX2(SB), NOSPLIT, $0-89
	MOVQ acc+0(FP), DX
	MOVQ a+16(FP), SI
	MOVQ starts+32(FP), R11
	MOVQ b+48(FP), BX
	MOVQ ldb+56(FP), R12
	ADDQ BX, R12
	MOVQ steps+64(FP), AX
	MOVQ lds+72(FP), R13
	ADDQ AX, R13
	MOVQ groups+80(FP), CX
	MOVBQZX more+88(FP), R10
	VPBROADCASTD lowHalves<>(SB), Y15
	ZERO(Y0)
	ZERO(Y1)
	ZERO(Y2)
	ZERO(Y3)

group:
	AHEAD(0)
	AHEAD(64)
	AHEAD(128)
	AHEAD(192)
	VPBROADCASTD (R11), Y4
	VMOVDQA Y4, Y5
	VMOVDQA Y4, Y6
	VMOVDQA Y4, Y7
	EIGHTOFONE(0)
	EIGHTOFONE(8)
	EIGHTOFONE(16)
	EIGHTOFONE(24)
	STEPONE((AX), Y4, Y0)
	STEPONE(8(AX), Y5, Y1)
	STEPONE((R13), Y6, Y2)
	STEPONE(8(R13), Y7, Y3)
	ADDQ $4, R11
	ADDQ $32, SI
	ADDQ $256, BX
	ADDQ $256, R12
	ADDQ $16, AX
	ADDQ $16, R13
	DECQ CX
	JNZ  group

	STORE8(Y0, 0)
	STORE8(Y1, 32)
	STORE8(Y2, 64)
	STORE8(Y3, 96)
	VZEROUPPER
	RET

// Eight inputs of one row meet sixteen outputs.
#define EIGHTROW(off, mem0, mem1) \
	VPBROADCASTD off(SI), Y10; \
	VPBROADCASTD (off+4)(SI), Y11; \
	MEETONE(mem0, Y8); \
	MEETONE(mem1, Y9)

#define STARTROW \
	VPBROADCASTD (R11), Y8; \
	VMOVDQA Y8, Y9

// func tile1x64Int4AVX2(acc *int32, ldacc int, a *int8, lda int, starts *int16, ldstart int, b *byte, ldb int, steps *int8, lds, groups int, more bool)
// Four panels side by side, as tile1x64Int8AVX2.
TEXT ·tile1x64Int4AVX2(SB), NOSPLIT, $0-89
	MOVQ acc+0(FP), DX
	MOVQ a+16(FP), SI
	MOVQ starts+32(FP), R11
	MOVQ b+48(FP), BX
	MOVQ ldb+56(FP), R12
	LEAQ (R12)(R12*2), R13
	MOVQ steps+64(FP), AX
	MOVQ lds+72(FP), DI
	LEAQ (DI)(DI*2), R8
	MOVQ groups+80(FP), CX
	MOVBQZX more+88(FP), R10
	VPBROADCASTD lowHalves<>(SB), Y15
	ZERO(Y0)
	ZERO(Y1)
	ZERO(Y2)
	ZERO(Y3)
	ZERO(Y4)
	ZERO(Y5)
	ZERO(Y6)
	ZERO(Y7)

group:
	PREFETCHT0 1024(BX)
	PREFETCHT0 1088(BX)
	PREFETCHT0 1152(BX)
	PREFETCHT0 1216(BX)
	STARTROW
	EIGHTROW(0, 0(BX), 32(BX))
	EIGHTROW(8, 64(BX), 96(BX))
	EIGHTROW(16, 128(BX), 160(BX))
	EIGHTROW(24, 192(BX), 224(BX))
	STEPONE((AX), Y8, Y0)
	STEPONE(8(AX), Y9, Y1)
	PREFETCHT0 1024(BX)(R12*1)
	PREFETCHT0 1088(BX)(R12*1)
	PREFETCHT0 1152(BX)(R12*1)
	PREFETCHT0 1216(BX)(R12*1)
	STARTROW
	EIGHTROW(0, 0(BX)(R12*1), 32(BX)(R12*1))
	EIGHTROW(8, 64(BX)(R12*1), 96(BX)(R12*1))
	EIGHTROW(16, 128(BX)(R12*1), 160(BX)(R12*1))
	EIGHTROW(24, 192(BX)(R12*1), 224(BX)(R12*1))
	STEPONE((AX)(DI*1), Y8, Y2)
	STEPONE(8(AX)(DI*1), Y9, Y3)
	PREFETCHT0 1024(BX)(R12*2)
	PREFETCHT0 1088(BX)(R12*2)
	PREFETCHT0 1152(BX)(R12*2)
	PREFETCHT0 1216(BX)(R12*2)
	STARTROW
	EIGHTROW(0, 0(BX)(R12*2), 32(BX)(R12*2))
	EIGHTROW(8, 64(BX)(R12*2), 96(BX)(R12*2))
	EIGHTROW(16, 128(BX)(R12*2), 160(BX)(R12*2))
	EIGHTROW(24, 192(BX)(R12*2), 224(BX)(R12*2))
	STEPONE((AX)(DI*2), Y8, Y4)
	STEPONE(8(AX)(DI*2), Y9, Y5)
	PREFETCHT0 1024(BX)(R13*1)
	PREFETCHT0 1088(BX)(R13*1)
	PREFETCHT0 1152(BX)(R13*1)
	PREFETCHT0 1216(BX)(R13*1)
	STARTROW
	EIGHTROW(0, 0(BX)(R13*1), 32(BX)(R13*1))
	EIGHTROW(8, 64(BX)(R13*1), 96(BX)(R13*1))
	EIGHTROW(16, 128(BX)(R13*1), 160(BX)(R13*1))
	EIGHTROW(24, 192(BX)(R13*1), 224(BX)(R13*1))
	STEPONE((AX)(R8*1), Y8, Y6)
	STEPONE(8(AX)(R8*1), Y9, Y7)
	ADDQ $4, R11
	ADDQ $32, SI
	ADDQ $256, BX
	ADDQ $16, AX
	DECQ CX
	JNZ  group

	STORE8(Y0, 0)
	STORE8(Y1, 32)
	STORE8(Y2, 64)
	STORE8(Y3, 96)
	STORE8(Y4, 128)
	STORE8(Y5, 160)
	STORE8(Y6, 192)
	STORE8(Y7, 224)
	VZEROUPPER
	RET
