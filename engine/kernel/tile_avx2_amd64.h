// Shared pieces of the AVX2 micro-kernels; tile_amd64.h names the registers.

// Eight weights from memory into a register, widened where they are bfloat16.
#define LOADF(mem, y) VMOVUPS mem, y
#define LOADH(mem, y) VPMOVZXWD mem, y; VPSLLD $16, y, y

// One input of one row meets the sixteen weights in b0 and b1.
#define MEET(mem, tmp, b0, b1, s0, s1) \
	VBROADCASTSS mem, tmp; \
	VFMADD231PS b0, tmp, s0; \
	VFMADD231PS b1, tmp, s1

#define MEET6 \
	MEET((SI), Y14, Y12, Y13, Y0, Y1); \
	MEET((SI)(R8*1), Y15, Y12, Y13, Y2, Y3); \
	MEET((SI)(R8*2), Y14, Y12, Y13, Y4, Y5); \
	MEET((DI), Y15, Y12, Y13, Y6, Y7); \
	MEET((DI)(R8*1), Y14, Y12, Y13, Y8, Y9); \
	MEET((DI)(R8*2), Y15, Y12, Y13, Y10, Y11)

#define MEET4 \
	MEET((SI), Y14, Y12, Y13, Y0, Y1); \
	MEET((SI)(R8*1), Y15, Y12, Y13, Y2, Y3); \
	MEET((SI)(R8*2), Y14, Y12, Y13, Y4, Y5); \
	MEET((DI), Y15, Y12, Y13, Y6, Y7)

#define ZERO8 \
	VXORPS Y0, Y0, Y0; \
	VXORPS Y1, Y1, Y1; \
	VXORPS Y2, Y2, Y2; \
	VXORPS Y3, Y3, Y3; \
	VXORPS Y4, Y4, Y4; \
	VXORPS Y5, Y5, Y5; \
	VXORPS Y6, Y6, Y6; \
	VXORPS Y7, Y7, Y7

#define ZERO12 \
	ZERO8; \
	VXORPS Y8, Y8, Y8; \
	VXORPS Y9, Y9, Y9; \
	VXORPS Y10, Y10, Y10; \
	VXORPS Y11, Y11, Y11

// Sixteen sums of one row: plus what stands at R10, or to memory at DX, then on to the next row.
#define PLUS16(s0, s1) \
	VADDPS (R10), s0, s0; \
	VADDPS 32(R10), s1, s1; \
	ADDQ R11, R10

#define STORE16(s0, s1) \
	VMOVUPS s0, (DX); \
	VMOVUPS s1, 32(DX); \
	ADDQ R9, DX

// The same for thirty-two sums of one row, in two panels side by side.
#define PLUS32(s0, s1, s2, s3) \
	VADDPS (R10), s0, s0; \
	VADDPS 32(R10), s1, s1; \
	VADDPS 64(R10), s2, s2; \
	VADDPS 96(R10), s3, s3; \
	ADDQ R11, R10

#define STORE32(s0, s1, s2, s3) \
	VMOVUPS s0, (DX); \
	VMOVUPS s1, 32(DX); \
	VMOVUPS s2, 64(DX); \
	VMOVUPS s3, 96(DX); \
	ADDQ R9, DX
