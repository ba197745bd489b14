// Shared pieces of the AVX2 element-wise functions.

// MASK makes y the mask of the first n (1 to 7) of eight lanes; clobbers AX and R13. A masked load
// or store does not touch the lanes left out, so tails may end against the end of memory.
#define MASK(n, y) \
	LEAQ tailMask<>(SB), R13; \
	MOVQ $8, AX; \
	SUBQ n, AX; \
	VMOVDQU (R13)(AX*4), y

// FOLD adds the lanes of y (as op says) into its lowest; t is scratch. xy and xt name the same
// registers' lower halves.
#define FOLD(op, y, xy, t, xt) \
	VEXTRACTF128 $1, y, xt; \
	op xt, xy, xy; \
	VMOVHLPS xy, xy, xt; \
	op xt, xy, xy; \
	VMOVSHDUP xy, xt; \
	op xt, xy, xy

DATA tailMask<>+0(SB)/8, $0xffffffffffffffff
DATA tailMask<>+8(SB)/8, $0xffffffffffffffff
DATA tailMask<>+16(SB)/8, $0xffffffffffffffff
DATA tailMask<>+24(SB)/8, $0xffffffffffffffff
DATA tailMask<>+32(SB)/8, $0
DATA tailMask<>+40(SB)/8, $0
DATA tailMask<>+48(SB)/8, $0
DATA tailMask<>+56(SB)/8, $0
GLOBL tailMask<>(SB), RODATA|NOPTR, $64
