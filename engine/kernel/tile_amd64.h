// The arguments of a micro-kernel (tileF32, tileBF16 in impl.go) and the registers they go to:
//   SI  a, next input of row 0          DI  the same of row 3
//   R8  bytes between rows of a         CX  inputs left
//   BX  weights of the first panel      R12 bytes between panels    R13 3*R12
//   DX  dst  R9  bytes between its rows
//   R10 add  R11 bytes between its rows

#define ARGS \
	MOVQ dst+0(FP), DX; \
	MOVQ ldd+8(FP), R9; \
	SHLQ $2, R9; \
	MOVQ a+16(FP), SI; \
	MOVQ lda+24(FP), R8; \
	SHLQ $2, R8; \
	MOVQ b+32(FP), BX; \
	MOVQ ldb+40(FP), R12; \
	MOVQ k+48(FP), CX; \
	MOVQ add+56(FP), R10; \
	MOVQ ldadd+64(FP), R11; \
	SHLQ $2, R11
