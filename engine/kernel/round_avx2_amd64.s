//go:build amd64 && !purego

// What stands around products over whole numbers, and the widening of sfp, for AVX2. References: int_ref.go, sfp.go.

#include "textflag.h"
#include "vector_avx2_amd64.h"

DATA magnitudeBits<>+0(SB)/4, $0x7fffffff
GLOBL magnitudeBits<>(SB), RODATA|NOPTR, $4

// func absMaxAVX2(x *float32, n int) float32
// The bits of magnitudes compare as whole numbers do, and those of a NaN are larger than any.
TEXT ·absMaxAVX2(SB), NOSPLIT, $0-20
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VPBROADCASTD magnitudeBits<>(SB), Y2
	VPXOR Y0, Y0, Y0
	SUBQ $8, CX
	JL   tail

loop:
	VPAND (SI), Y2, Y1
	VPMAXUD Y1, Y0, Y0
	ADDQ $32, SI
	SUBQ $8, CX
	JGE  loop

tail:
	ADDQ $8, CX
	JZ   fold
	MASK(CX, Y3)
	VMASKMOVPS (SI), Y3, Y1
	VPAND Y1, Y2, Y1
	VPMAXUD Y1, Y0, Y0

fold:
	VEXTRACTI128 $1, Y0, X1
	VPMAXUD X1, X0, X0
	VPSHUFD $0x4e, X0, X1
	VPMAXUD X1, X0, X0
	VPSHUFD $0xb1, X0, X1
	VPMAXUD X1, X0, X0
	VMOVSS X0, ret+16(FP)
	VZEROUPPER
	RET

DATA packedOrder<>+0(SB)/4, $0
DATA packedOrder<>+4(SB)/4, $4
DATA packedOrder<>+8(SB)/4, $1
DATA packedOrder<>+12(SB)/4, $5
DATA packedOrder<>+16(SB)/4, $2
DATA packedOrder<>+20(SB)/4, $6
DATA packedOrder<>+24(SB)/4, $3
DATA packedOrder<>+28(SB)/4, $7
GLOBL packedOrder<>(SB), RODATA|NOPTR, $32

// func round8AVX2(dst *int8, x *float32, n int, by float32)
// n is a multiple of 32.
TEXT ·round8AVX2(SB), NOSPLIT, $0-28
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS by+24(FP), Y4
	VMOVDQU packedOrder<>(SB), Y5
	SHRQ $5, CX
	JZ   done

loop:
	VMULPS (SI), Y4, Y0
	VMULPS 32(SI), Y4, Y1
	VMULPS 64(SI), Y4, Y2
	VMULPS 96(SI), Y4, Y3
	VCVTPS2DQ Y0, Y0
	VCVTPS2DQ Y1, Y1
	VCVTPS2DQ Y2, Y2
	VCVTPS2DQ Y3, Y3
	VPACKSSDW Y1, Y0, Y0
	VPACKSSDW Y3, Y2, Y2
	VPACKSSWB Y2, Y0, Y0
	VPERMD Y0, Y5, Y0
	VMOVDQU Y0, (DI)
	ADDQ $128, SI
	ADDQ $32, DI
	DECQ CX
	JNZ  loop

done:
	VZEROUPPER
	RET

DATA ones16<>+0(SB)/4, $0x00010001
GLOBL ones16<>(SB), RODATA|NOPTR, $4

// func widen8AVX2(dst *int16, src *int8, n int) int32
// n is a multiple of 16.
TEXT ·widen8AVX2(SB), NOSPLIT, $0-28
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	VPBROADCASTD ones16<>(SB), Y3
	VPXOR Y0, Y0, Y0
	SHRQ $4, CX
	JZ   fold

loop:
	VPMOVSXBW (SI), Y1
	VMOVDQU Y1, (DI)
	VPMADDWD Y3, Y1, Y1
	VPADDD Y1, Y0, Y0
	ADDQ $16, SI
	ADDQ $32, DI
	DECQ CX
	JNZ  loop

fold:
	VEXTRACTI128 $1, Y0, X1
	VPADDD X1, X0, X0
	VPSHUFD $0x4e, X0, X1
	VPADDD X1, X0, X0
	VPSHUFD $0xb1, X0, X1
	VPADDD X1, X0, X0
	VMOVD X0, AX
	MOVL AX, ret+24(FP)
	VZEROUPPER
	RET

// func sum8AVX2(src *int8, n int) int32
// n is a multiple of 16.
TEXT ·sum8AVX2(SB), NOSPLIT, $0-20
	MOVQ src+0(FP), SI
	MOVQ n+8(FP), CX
	VPBROADCASTD ones16<>(SB), Y3
	VPXOR Y0, Y0, Y0
	SHRQ $4, CX
	JZ   fold

loop:
	VPMOVSXBW (SI), Y1
	VPMADDWD Y3, Y1, Y1
	VPADDD Y1, Y0, Y0
	ADDQ $16, SI
	DECQ CX
	JNZ  loop

fold:
	VEXTRACTI128 $1, Y0, X1
	VPADDD X1, X0, X0
	VPSHUFD $0x4e, X0, X1
	VPADDD X1, X0, X0
	VPSHUFD $0xb1, X0, X1
	VPADDD X1, X0, X0
	VMOVD X0, AX
	MOVL AX, ret+16(FP)
	VZEROUPPER
	RET

// func finish8AVX2(dst *float32, acc *int32, scales, bias *float32, n int, scale float32, offset int32)
// n is a multiple of 8; bias may be nil.
TEXT ·finish8AVX2(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ acc+8(FP), SI
	MOVQ scales+16(FP), BX
	MOVQ bias+24(FP), DX
	MOVQ n+32(FP), CX
	VBROADCASTSS scale+40(FP), Y4
	MOVL offset+44(FP), AX
	VMOVD AX, X5
	VPBROADCASTD X5, Y5
	SHRQ $3, CX
	JZ   done

loop:
	VMOVDQU (SI), Y0
	VPSUBD Y5, Y0, Y0
	VCVTDQ2PS Y0, Y0
	VMULPS (BX), Y4, Y1
	VMULPS Y1, Y0, Y0
	TESTQ DX, DX
	JZ   store
	VADDPS (DX), Y0, Y0
	ADDQ $32, DX

store:
	VMOVUPS Y0, (DI)
	ADDQ $32, SI
	ADDQ $32, BX
	ADDQ $32, DI
	DECQ CX
	JNZ  loop

done:
	VZEROUPPER
	RET

DATA sfpBits<>+0(SB)/4, $0x007f007f
DATA sfpBits<>+4(SB)/4, $0x003f003f
DATA sfpBits<>+8(SB)/4, $0x34003400
DATA sfpBits<>+12(SB)/4, $0x38003800
DATA sfpBits<>+16(SB)/4, $0x80008000
GLOBL sfpBits<>(SB), RODATA|NOPTR, $20

// func widenSFPAVX2(dst *float32, src *byte, n int, scales *float32)
// n is a multiple of 16. The seven bits below the sign, shifted, are exponent and mantissa of a bfloat16 but for what is
// added to the exponent: b<<5 + 0x3400 below 0x40, b<<4 + 0x3800 from there on.
TEXT ·widenSFPAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ scales+24(FP), BX
	VMOVUPS (BX), Y14
	VMOVUPS 32(BX), Y15
	VPBROADCASTD sfpBits<>+0(SB), Y9
	VPBROADCASTD sfpBits<>+4(SB), Y10
	VPBROADCASTD sfpBits<>+8(SB), Y11
	VPBROADCASTD sfpBits<>+12(SB), Y12
	VPBROADCASTD sfpBits<>+16(SB), Y13
	VPXOR Y8, Y8, Y8
	SHRQ $4, CX
	JZ   done

loop:
	VPMOVZXBW (SI), Y0
	VPAND Y9, Y0, Y1
	VPSLLW $5, Y1, Y2
	VPADDW Y11, Y2, Y2
	VPSLLW $4, Y1, Y3
	VPADDW Y12, Y3, Y3
	VPCMPGTW Y10, Y1, Y4
	VPBLENDVB Y4, Y3, Y2, Y2
	VPCMPEQW Y8, Y1, Y1
	VPANDN Y2, Y1, Y2
	VPSLLW $8, Y0, Y0
	VPAND Y13, Y0, Y0
	VPOR Y0, Y2, Y2
	VEXTRACTI128 $1, Y2, X3
	VPMOVZXWD X2, Y2
	VPMOVZXWD X3, Y3
	VPSLLD $16, Y2, Y2
	VPSLLD $16, Y3, Y3
	VMULPS Y14, Y2, Y2
	VMULPS Y15, Y3, Y3
	VMOVUPS Y2, (DI)
	VMOVUPS Y3, 32(DI)
	ADDQ $16, SI
	ADDQ $64, DI
	DECQ CX
	JNZ  loop

done:
	VZEROUPPER
	RET

DATA pairBits<>+0(SB)/4, $0x7fff
DATA pairBits<>+4(SB)/4, $1
DATA pairBits<>+8(SB)/4, $0x00400000
GLOBL pairBits<>(SB), RODATA|NOPTR, $12

// Eight numbers in y rounded to the nearest bfloat16, ties to even, in the upper halves; a NaN stays one. t and u are scratch.
#define ROUNDHALF(y, t, u) \
	VCMPPS $3, y, y, u; \
	VPSRLD $16, y, t; \
	VPAND Y14, t, t; \
	VPADDD Y15, t, t; \
	VPADDD y, t, t; \
	VPOR Y13, y, y; \
	VBLENDVPS u, y, t, y

// The halves of neighbours in y become four pairs, in the lower halves of its eights of bytes.
#define JOINHALF(y, t) \
	VPSRLQ $48, y, t; \
	VPSRLD $16, y, y; \
	VPSLLD $16, y, y; \
	VPOR t, y, y

// func roundPairsAVX2(dst *uint32, x *float32, n int)
// n is a multiple of 16.
TEXT ·roundPairsAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	VPBROADCASTD pairBits<>+0(SB), Y15
	VPBROADCASTD pairBits<>+4(SB), Y14
	VPBROADCASTD pairBits<>+8(SB), Y13
	SHRQ $4, CX
	JZ   done

loop:
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	ROUNDHALF(Y0, Y2, Y3)
	ROUNDHALF(Y1, Y4, Y5)
	JOINHALF(Y0, Y2)
	JOINHALF(Y1, Y4)
	VSHUFPS $0x88, Y1, Y0, Y0
	VPERMQ $0xd8, Y0, Y0
	VMOVDQU Y0, (DI)
	ADDQ $64, SI
	ADDQ $32, DI
	DECQ CX
	JNZ  loop

done:
	VZEROUPPER
	RET
