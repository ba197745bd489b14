// Shared pieces of the AVX-512 micro-kernels; tile_amd64.h names the registers, and
//   R13 a, next input of row 6          AX  the same of row 9 (twelve-row tile only)

// Sixteen weights from memory into a register, widened where they are bfloat16.
#define LOADF(mem, z) VMOVUPS mem, z
#define LOADH(mem, z) VPMOVZXWD mem, z; VPSLLD $16, z, z

// One input of one row meets the sixteen weights each of two panels in Z24 and Z25.
#define MEET(mem, tmp, s0, s1) \
	VBROADCASTSS mem, tmp; \
	VFMADD231PS Z24, tmp, s0; \
	VFMADD231PS Z25, tmp, s1

#define MEET12 \
	MEET((SI), Z26, Z0, Z1); \
	MEET((SI)(R8*1), Z27, Z2, Z3); \
	MEET((SI)(R8*2), Z28, Z4, Z5); \
	MEET((DI), Z29, Z6, Z7); \
	MEET((DI)(R8*1), Z30, Z8, Z9); \
	MEET((DI)(R8*2), Z31, Z10, Z11); \
	MEET((R13), Z26, Z12, Z13); \
	MEET((R13)(R8*1), Z27, Z14, Z15); \
	MEET((R13)(R8*2), Z28, Z16, Z17); \
	MEET((AX), Z29, Z18, Z19); \
	MEET((AX)(R8*1), Z30, Z20, Z21); \
	MEET((AX)(R8*2), Z31, Z22, Z23)

#define MEET4 \
	MEET((SI), Z26, Z0, Z1); \
	MEET((SI)(R8*1), Z27, Z2, Z3); \
	MEET((SI)(R8*2), Z28, Z4, Z5); \
	MEET((DI), Z29, Z6, Z7)

#define ZERO4(z0, z1, z2, z3) \
	VPXORD z0, z0, z0; \
	VPXORD z1, z1, z1; \
	VPXORD z2, z2, z2; \
	VPXORD z3, z3, z3

#define ZERO8 \
	ZERO4(Z0, Z1, Z2, Z3); \
	ZERO4(Z4, Z5, Z6, Z7)

#define ZERO24 \
	ZERO8; \
	ZERO4(Z8, Z9, Z10, Z11); \
	ZERO4(Z12, Z13, Z14, Z15); \
	ZERO4(Z16, Z17, Z18, Z19); \
	ZERO4(Z20, Z21, Z22, Z23)

// The sums of one row over two or four panels: plus what stands at R10, or to memory at DX, then
// on to the next row.
#define PLUS32(s0, s1) \
	VADDPS (R10), s0, s0; \
	VADDPS 64(R10), s1, s1; \
	ADDQ R11, R10

#define STORE32(s0, s1) \
	VMOVUPS s0, (DX); \
	VMOVUPS s1, 64(DX); \
	ADDQ R9, DX

#define PLUS64(s0, s1, s2, s3) \
	VADDPS (R10), s0, s0; \
	VADDPS 64(R10), s1, s1; \
	VADDPS 128(R10), s2, s2; \
	VADDPS 192(R10), s3, s3; \
	ADDQ R11, R10

#define STORE64(s0, s1, s2, s3) \
	VMOVUPS s0, (DX); \
	VMOVUPS s1, 64(DX); \
	VMOVUPS s2, 128(DX); \
	VMOVUPS s3, 192(DX); \
	ADDQ R9, DX
