//go:build amd64 && !purego

// Element-wise arithmetic and sums over float32 slices for AVX2 with FMA. They are in assembly
// because Go has no vector registers. Every function walks over eight lanes at a time and does the
// rest under a mask, with the same arithmetic, so that an element's result does not depend on
// where it stands.

#include "textflag.h"
#include "vector_avx2_amd64.h"

// func scaleAVX2(x *float32, n int, s float32)
// x *= s
TEXT ·scaleAVX2(SB), NOSPLIT, $0-20
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VBROADCASTSS s+16(FP), Y12

loop:
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (SI), Y0
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
	VMULPS Y12, Y0, Y0
	VMASKMOVPS Y0, Y13, (SI)

done:
	VZEROUPPER
	RET

// func addAVX2(dst, a, b *float32, n int)
// dst = a + b
TEXT ·addAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ n+24(FP), CX

loop:
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (SI), Y0
	VMOVUPS (DX), Y1
	VADDPS Y1, Y0, Y0
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
	VMASKMOVPS (DX), Y13, Y1
	VADDPS Y1, Y0, Y0
	VMASKMOVPS Y0, Y13, (DI)

done:
	VZEROUPPER
	RET

// func mulAVX2(dst, a, b *float32, n int)
// dst = a * b
TEXT ·mulAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ n+24(FP), CX

loop:
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (SI), Y0
	VMOVUPS (DX), Y1
	VMULPS Y1, Y0, Y0
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
	VMASKMOVPS (DX), Y13, Y1
	VMULPS Y1, Y0, Y0
	VMASKMOVPS Y0, Y13, (DI)

done:
	VZEROUPPER
	RET

// func axpyAVX2(y, x *float32, n int, alpha float32)
// y += alpha * x
TEXT ·axpyAVX2(SB), NOSPLIT, $0-28
	MOVQ y+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS alpha+24(FP), Y12

loop:
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (DI), Y0
	VMOVUPS (SI), Y1
	VFMADD231PS Y1, Y12, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, DI
	ADDQ $32, SI
	SUBQ $8, CX
	JMP  loop

tail:
	TESTQ CX, CX
	JZ    done
	MASK(CX, Y13)
	VMASKMOVPS (DI), Y13, Y0
	VMASKMOVPS (SI), Y13, Y1
	VFMADD231PS Y1, Y12, Y0
	VMASKMOVPS Y0, Y13, (DI)

done:
	VZEROUPPER
	RET

// func normAVX2(dst, x, w *float32, n int, scale float32)
// dst = x * scale * (1 + w)
TEXT ·normAVX2(SB), NOSPLIT, $0-36
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ w+16(FP), DX
	MOVQ n+24(FP), CX
	VBROADCASTSS scale+32(FP), Y12
	MOVL $0x3f800000, AX // 1
	VMOVD AX, X11
	VBROADCASTSS X11, Y11

loop:
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (SI), Y0
	VMOVUPS (DX), Y1
	VMULPS Y12, Y0, Y0
	VADDPS Y11, Y1, Y1
	VMULPS Y1, Y0, Y0
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
	VMASKMOVPS (DX), Y13, Y1
	VMULPS Y12, Y0, Y0
	VADDPS Y11, Y1, Y1
	VMULPS Y1, Y0, Y0
	VMASKMOVPS Y0, Y13, (DI)

done:
	VZEROUPPER
	RET

// func affineAVX2(dst, x, w, b *float32, n int, mean, scale float32)
// dst = (x - mean) * scale * w + b
TEXT ·affineAVX2(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ w+16(FP), DX
	MOVQ b+24(FP), BX
	MOVQ n+32(FP), CX
	VBROADCASTSS mean+40(FP), Y11
	VBROADCASTSS scale+44(FP), Y12

loop:
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (SI), Y0
	VMOVUPS (DX), Y1
	VMOVUPS (BX), Y2
	VSUBPS Y11, Y0, Y0
	VMULPS Y12, Y0, Y0
	VFMADD213PS Y2, Y1, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, DI
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $32, BX
	SUBQ $8, CX
	JMP  loop

tail:
	TESTQ CX, CX
	JZ    done
	MASK(CX, Y13)
	VMASKMOVPS (SI), Y13, Y0
	VMASKMOVPS (DX), Y13, Y1
	VMASKMOVPS (BX), Y13, Y2
	VSUBPS Y11, Y0, Y0
	VMULPS Y12, Y0, Y0
	VFMADD213PS Y2, Y1, Y0
	VMASKMOVPS Y0, Y13, (DI)

done:
	VZEROUPPER
	RET

// func rotateAVX2(lo, hi, cos, sin *float32, n int)
// lo, hi = lo*cos - hi*sin, hi*cos + lo*sin
TEXT ·rotateAVX2(SB), NOSPLIT, $0-40
	MOVQ lo+0(FP), DI
	MOVQ hi+8(FP), SI
	MOVQ cos+16(FP), DX
	MOVQ sin+24(FP), BX
	MOVQ n+32(FP), CX

loop:
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (DI), Y0
	VMOVUPS (SI), Y1
	VMOVUPS (DX), Y2
	VMOVUPS (BX), Y3
	VMULPS Y3, Y1, Y4
	VMULPS Y3, Y0, Y5
	VFMSUB213PS Y4, Y2, Y0
	VFMADD213PS Y5, Y2, Y1
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, (SI)
	ADDQ $32, DI
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $32, BX
	SUBQ $8, CX
	JMP  loop

tail:
	TESTQ CX, CX
	JZ    done
	MASK(CX, Y13)
	VMASKMOVPS (DI), Y13, Y0
	VMASKMOVPS (SI), Y13, Y1
	VMASKMOVPS (DX), Y13, Y2
	VMASKMOVPS (BX), Y13, Y3
	VMULPS Y3, Y1, Y4
	VMULPS Y3, Y0, Y5
	VFMSUB213PS Y4, Y2, Y0
	VFMADD213PS Y5, Y2, Y1
	VMASKMOVPS Y0, Y13, (DI)
	VMASKMOVPS Y1, Y13, (SI)

done:
	VZEROUPPER
	RET

// func dotAVX2(a, b *float32, n int) float32
// Four sums of eight lanes; the rest goes to the first, eight and then fewer at a time.
TEXT ·dotAVX2(SB), NOSPLIT, $0-28
	MOVQ a+0(FP), SI
	MOVQ b+8(FP), DX
	MOVQ n+16(FP), CX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3

wide:
	CMPQ CX, $32
	JLT  loop
	VMOVUPS (SI), Y4
	VMOVUPS 32(SI), Y5
	VMOVUPS 64(SI), Y6
	VMOVUPS 96(SI), Y7
	VFMADD231PS (DX), Y4, Y0
	VFMADD231PS 32(DX), Y5, Y1
	VFMADD231PS 64(DX), Y6, Y2
	VFMADD231PS 96(DX), Y7, Y3
	ADDQ $128, SI
	ADDQ $128, DX
	SUBQ $32, CX
	JMP  wide

loop:
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (SI), Y4
	VFMADD231PS (DX), Y4, Y0
	ADDQ $32, SI
	ADDQ $32, DX
	SUBQ $8, CX
	JMP  loop

tail:
	TESTQ CX, CX
	JZ    fold
	MASK(CX, Y13)
	VMASKMOVPS (SI), Y13, Y4
	VMASKMOVPS (DX), Y13, Y5
	VFMADD231PS Y5, Y4, Y1

fold:
	VADDPS Y1, Y0, Y0
	VADDPS Y3, Y2, Y2
	VADDPS Y2, Y0, Y0
	FOLD(VADDPS, Y0, X0, Y1, X1)
	VMOVSS X0, ret+24(FP)
	VZEROUPPER
	RET

// func maxAVX2(x *float32, n int) float32
// -Inf for none; a NaN is passed over.
TEXT ·maxAVX2(SB), NOSPLIT, $0-20
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	MOVL $0xff800000, AX
	VMOVD AX, X0
	VBROADCASTSS X0, Y0
	VMOVAPS Y0, Y1
	VMOVAPS Y0, Y2
	VMOVAPS Y0, Y3
	VMOVAPS Y0, Y12

wide:
	CMPQ CX, $32
	JLT  loop
	VMOVUPS (SI), Y4
	VMOVUPS 32(SI), Y5
	VMOVUPS 64(SI), Y6
	VMOVUPS 96(SI), Y7
	VMAXPS Y0, Y4, Y0
	VMAXPS Y1, Y5, Y1
	VMAXPS Y2, Y6, Y2
	VMAXPS Y3, Y7, Y3
	ADDQ $128, SI
	SUBQ $32, CX
	JMP  wide

loop:
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (SI), Y4
	VMAXPS Y0, Y4, Y0
	ADDQ $32, SI
	SUBQ $8, CX
	JMP  loop

tail:
	TESTQ CX, CX
	JZ    fold
	MASK(CX, Y13)
	VMASKMOVPS (SI), Y13, Y4
	VBLENDVPS Y13, Y4, Y12, Y4
	VMAXPS Y1, Y4, Y1

fold:
	VMAXPS Y1, Y0, Y0
	VMAXPS Y3, Y2, Y2
	VMAXPS Y2, Y0, Y0
	FOLD(VMAXPS, Y0, X0, Y1, X1)
	VMOVSS X0, ret+16(FP)
	VZEROUPPER
	RET

// func sumAVX2(x *float32, n int) float32
// Four sums of eight lanes, as in dotAVX2.
TEXT ·sumAVX2(SB), NOSPLIT, $0-20
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3

wide:
	CMPQ CX, $32
	JLT  loop
	VADDPS (SI), Y0, Y0
	VADDPS 32(SI), Y1, Y1
	VADDPS 64(SI), Y2, Y2
	VADDPS 96(SI), Y3, Y3
	ADDQ $128, SI
	SUBQ $32, CX
	JMP  wide

loop:
	CMPQ CX, $8
	JLT  tail
	VADDPS (SI), Y0, Y0
	ADDQ $32, SI
	SUBQ $8, CX
	JMP  loop

tail:
	TESTQ CX, CX
	JZ    fold
	MASK(CX, Y13)
	VMASKMOVPS (SI), Y13, Y4
	VADDPS Y4, Y1, Y1

fold:
	VADDPS Y1, Y0, Y0
	VADDPS Y3, Y2, Y2
	VADDPS Y2, Y0, Y0
	FOLD(VADDPS, Y0, X0, Y1, X1)
	VMOVSS X0, ret+16(FP)
	VZEROUPPER
	RET

// func sumSquaresAVX2(x *float32, n int, mean float32) float32
// Of x - mean.
TEXT ·sumSquaresAVX2(SB), NOSPLIT, $0-28
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VBROADCASTSS mean+16(FP), Y12
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3

wide:
	CMPQ CX, $32
	JLT  loop
	VMOVUPS (SI), Y4
	VSUBPS Y12, Y4, Y4
	VFMADD231PS Y4, Y4, Y0
	VMOVUPS 32(SI), Y5
	VSUBPS Y12, Y5, Y5
	VFMADD231PS Y5, Y5, Y1
	VMOVUPS 64(SI), Y6
	VSUBPS Y12, Y6, Y6
	VFMADD231PS Y6, Y6, Y2
	VMOVUPS 96(SI), Y7
	VSUBPS Y12, Y7, Y7
	VFMADD231PS Y7, Y7, Y3
	ADDQ $128, SI
	SUBQ $32, CX
	JMP  wide

loop:
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (SI), Y4
	VSUBPS Y12, Y4, Y4
	VFMADD231PS Y4, Y4, Y0
	ADDQ $32, SI
	SUBQ $8, CX
	JMP  loop

tail:
	TESTQ CX, CX
	JZ    fold
	MASK(CX, Y13)
	VMASKMOVPS (SI), Y13, Y4
	VSUBPS Y12, Y4, Y4
	VANDPS Y13, Y4, Y4
	VFMADD231PS Y4, Y4, Y1

fold:
	VADDPS Y1, Y0, Y0
	VADDPS Y3, Y2, Y2
	VADDPS Y2, Y0, Y0
	FOLD(VADDPS, Y0, X0, Y1, X1)
	VMOVSS X0, ret+24(FP)
	VZEROUPPER
	RET
