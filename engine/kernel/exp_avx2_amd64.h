// The exponential function and what is made of it, as macros over eight lanes.

// The constants stand eight times each, one register's width apart.
#define EXP_HIGH     0
#define EXP_LOW      32
#define LOG2E        64
#define LN2_HIGH     96
#define LN2_LOW      128
#define EXP_C5       160
#define EXP_C4       192
#define EXP_C3       224
#define EXP_C2       256
#define EXP_C1       288
#define EXP_C0       320
#define ONE          352
#define BIAS         384
#define TANH_C4      416
#define TANH_C3      448
#define TANH_C2      480
#define TANH_C1      512
#define TANH_C0      544
#define TANH_SMALL   576
#define ABS          608
#define TWO          640
#define GELU_CUBIC   672
#define GELU_SCALE   704

#define CONST(name) floats<>+name(SB)

// EXPCONSTS loads what EXP wants in registers: its limits, which must be first operands so that
// a NaN passes through.
#define EXPCONSTS \
	VMOVUPS CONST(EXP_HIGH), Y15; \
	VMOVUPS CONST(EXP_LOW), Y14

// EXP replaces x by e^x, with t1, t2, t3 as scratch: x = n ln2 + r with |r| <= ln2/2, e^r by the
// polynomial of Cephes' expf, times 2^n in two steps so that subnormal results come out right.
#define EXP(x, t1, t2, t3) \
	VMINPS x, Y15, x; \
	VMAXPS x, Y14, x; \
	VMULPS CONST(LOG2E), x, t1; \
	VROUNDPS $8, t1, t1; \
	VFNMADD231PS CONST(LN2_HIGH), t1, x; \
	VFNMADD231PS CONST(LN2_LOW), t1, x; \
	VCVTPS2DQ t1, t1; \
	VMOVUPS CONST(EXP_C5), t2; \
	VFMADD213PS CONST(EXP_C4), x, t2; \
	VFMADD213PS CONST(EXP_C3), x, t2; \
	VFMADD213PS CONST(EXP_C2), x, t2; \
	VFMADD213PS CONST(EXP_C1), x, t2; \
	VFMADD213PS CONST(EXP_C0), x, t2; \
	VMULPS x, x, t3; \
	VFMADD213PS x, t3, t2; \
	VADDPS CONST(ONE), t2, x; \
	VPSRAD $1, t1, t2; \
	VPSUBD t2, t1, t1; \
	VPADDD CONST(BIAS), t1, t1; \
	VPADDD CONST(BIAS), t2, t2; \
	VPSLLD $23, t1, t1; \
	VPSLLD $23, t2, t2; \
	VMULPS t1, x, x; \
	VMULPS t2, x, x

// TANH replaces x by tanh(x): below 0.625 by the odd polynomial of Cephes' tanhf, above by
// 1 - 2/(e^(2|x|) + 1) with the sign of x. t1 to t5 are scratch.
#define TANH(x, t1, t2, t3, t4, t5) \
	VANDPS CONST(ABS), x, t4; \
	VADDPS t4, t4, t5; \
	EXP(t5, t1, t2, t3); \
	VADDPS CONST(ONE), t5, t5; \
	VMOVUPS CONST(TWO), t1; \
	VDIVPS t5, t1, t5; \
	VMOVUPS CONST(ONE), t1; \
	VSUBPS t5, t1, t5; \
	VMOVUPS CONST(ABS), t1; \
	VANDNPS x, t1, t1; \
	VORPS t1, t5, t5; \
	VMULPS x, x, t1; \
	VMOVUPS CONST(TANH_C4), t2; \
	VFMADD213PS CONST(TANH_C3), t1, t2; \
	VFMADD213PS CONST(TANH_C2), t1, t2; \
	VFMADD213PS CONST(TANH_C1), t1, t2; \
	VFMADD213PS CONST(TANH_C0), t1, t2; \
	VMULPS x, t1, t1; \
	VFMADD213PS x, t1, t2; \
	VCMPPS $1, CONST(TANH_SMALL), t4, t4; \
	VBLENDVPS t4, t2, t5, x

// GELU replaces x by x / (1 + e^(-2u)), u = sqrt(2/pi) (x + 0.044715 x³). t1 to t4 are scratch.
#define GELU(x, t1, t2, t3, t4) \
	VMULPS x, x, t4; \
	VMULPS CONST(GELU_CUBIC), t4, t4; \
	VFMADD213PS x, x, t4; \
	VMULPS CONST(GELU_SCALE), t4, t4; \
	EXP(t4, t1, t2, t3); \
	VADDPS CONST(ONE), t4, t4; \
	VDIVPS t4, x, x
