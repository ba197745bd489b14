//go:build amd64 && !purego

// e^x, tanh and GELU for AVX2 with FMA. They are in assembly because Go computes them one element
// at a time in float64: these are ten to forty times faster. The tail of a slice goes through the
// same arithmetic under a mask, so that an element's result does not depend on where it stands.

#include "textflag.h"
#include "vector_avx2_amd64.h"
#include "exp_avx2_amd64.h"

// EIGHT writes a constant eight times.
#define EIGHT(at, v) \
	DATA floats<>+(at+0)(SB)/4, v; \
	DATA floats<>+(at+4)(SB)/4, v; \
	DATA floats<>+(at+8)(SB)/4, v; \
	DATA floats<>+(at+12)(SB)/4, v; \
	DATA floats<>+(at+16)(SB)/4, v; \
	DATA floats<>+(at+20)(SB)/4, v; \
	DATA floats<>+(at+24)(SB)/4, v; \
	DATA floats<>+(at+28)(SB)/4, v

EIGHT(EXP_HIGH, $0x42b20000) // 89.0
EIGHT(EXP_LOW, $0xc2d00000) // -104.0
EIGHT(LOG2E, $0x3fb8aa3b) // log2 e
EIGHT(LN2_HIGH, $0x3f318000) // ln 2, leading bits
EIGHT(LN2_LOW, $0xb95e8083) // ln 2, the rest
EIGHT(EXP_C5, $0x39506967) // Cephes expf
EIGHT(EXP_C4, $0x3ab743ce)
EIGHT(EXP_C3, $0x3c088908)
EIGHT(EXP_C2, $0x3d2aa9c1)
EIGHT(EXP_C1, $0x3e2aaaaa)
EIGHT(EXP_C0, $0x3f000000)
EIGHT(ONE, $0x3f800000)
EIGHT(BIAS, $0x0000007f) // of the exponent
EIGHT(TANH_C4, $0xbbbaf0ea) // Cephes tanhf
EIGHT(TANH_C3, $0x3ca9134e)
EIGHT(TANH_C2, $0xbd5c1e2d)
EIGHT(TANH_C1, $0x3e088393)
EIGHT(TANH_C0, $0xbeaaaa99)
EIGHT(TANH_SMALL, $0x3f200000) // 0.625
EIGHT(ABS, $0x7fffffff)
EIGHT(TWO, $0x40000000)
EIGHT(GELU_CUBIC, $0x3d372713) // 0.044715
EIGHT(GELU_SCALE, $0xbfcc422a) // -2 sqrt(2/pi)
GLOBL floats<>(SB), RODATA|NOPTR, $736

// func expAVX2(x *float32, n int)
// x = e^x
TEXT ·expAVX2(SB), NOSPLIT, $0-16
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	EXPCONSTS

loop:
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (SI), Y0
	EXP(Y0, Y1, Y2, Y3)
	VMOVUPS Y0, (SI)
	ADDQ $32, SI
	SUBQ $8, CX
	JMP  loop

tail:
	TESTQ CX, CX
	JZ    done
	MASK(CX, Y13)
	VMASKMOVPS (SI), Y13, Y0
	EXP(Y0, Y1, Y2, Y3)
	VMASKMOVPS Y0, Y13, (SI)

done:
	VZEROUPPER
	RET

// func tanhAVX2(x *float32, n int, in, out float32)
// x = out * tanh(in * x)
TEXT ·tanhAVX2(SB), NOSPLIT, $0-24
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VBROADCASTSS in+16(FP), Y11
	VBROADCASTSS out+20(FP), Y12
	EXPCONSTS

loop:
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (SI), Y0
	VMULPS Y11, Y0, Y0
	TANH(Y0, Y1, Y2, Y3, Y4, Y5)
	VMULPS Y12, Y0, Y0
	VMOVUPS Y0, (SI)
	ADDQ $32, SI
	SUBQ $8, CX
	JMP  loop

tail:
	TESTQ CX, CX
	JZ    done
	MASK(CX, Y13)
	VMASKMOVPS (SI), Y13, Y0
	VMULPS Y11, Y0, Y0
	TANH(Y0, Y1, Y2, Y3, Y4, Y5)
	VMULPS Y12, Y0, Y0
	VMASKMOVPS Y0, Y13, (SI)

done:
	VZEROUPPER
	RET

// func geluAVX2(x *float32, n int)
// x = gelu(x)
TEXT ·geluAVX2(SB), NOSPLIT, $0-16
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	EXPCONSTS

loop:
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (SI), Y0
	GELU(Y0, Y1, Y2, Y3, Y4)
	VMOVUPS Y0, (SI)
	ADDQ $32, SI
	SUBQ $8, CX
	JMP  loop

tail:
	TESTQ CX, CX
	JZ    done
	MASK(CX, Y13)
	VMASKMOVPS (SI), Y13, Y0
	GELU(Y0, Y1, Y2, Y3, Y4)
	VMASKMOVPS Y0, Y13, (SI)

done:
	VZEROUPPER
	RET

// func geluMulAVX2(dst, gate, up *float32, n int)
// dst = gelu(gate) * up
TEXT ·geluMulAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ gate+8(FP), SI
	MOVQ up+16(FP), DX
	MOVQ n+24(FP), CX
	EXPCONSTS

loop:
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (SI), Y0
	VMOVUPS (DX), Y5
	GELU(Y0, Y1, Y2, Y3, Y4)
	VMULPS Y5, Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, DI
	ADDQ $32, SI
	ADDQ $32, DX
	SUBQ $8, CX
	JMP  loop

tail:
	TESTQ CX, CX
	JZ    done
	MASK(CX, Y13)
	VMASKMOVPS (SI), Y13, Y0
	VMASKMOVPS (DX), Y13, Y5
	GELU(Y0, Y1, Y2, Y3, Y4)
	VMULPS Y5, Y0, Y0
	VMASKMOVPS Y0, Y13, (DI)

done:
	VZEROUPPER
	RET

// func expSumAVX2(x *float32, n int, shift float32) float32
// x = e^(x - shift); returns the sum.
TEXT ·expSumAVX2(SB), NOSPLIT, $0-28
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VBROADCASTSS shift+16(FP), Y12
	VXORPS Y10, Y10, Y10
	EXPCONSTS

loop:
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (SI), Y0
	VSUBPS Y12, Y0, Y0
	EXP(Y0, Y1, Y2, Y3)
	VMOVUPS Y0, (SI)
	VADDPS Y0, Y10, Y10
	ADDQ $32, SI
	SUBQ $8, CX
	JMP  loop

tail:
	TESTQ CX, CX
	JZ    fold
	MASK(CX, Y13)
	VMASKMOVPS (SI), Y13, Y0
	VSUBPS Y12, Y0, Y0
	EXP(Y0, Y1, Y2, Y3)
	VMASKMOVPS Y0, Y13, (SI)
	VANDPS Y13, Y0, Y0
	VADDPS Y0, Y10, Y10

fold:
	FOLD(VADDPS, Y10, X10, Y1, X1)
	VMOVSS X10, ret+24(FP)
	VZEROUPPER
	RET
