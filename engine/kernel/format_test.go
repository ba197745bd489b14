package kernel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/kernel/kerneltest"
)

// TestSFPTable holds the 255 codes of switched floating point to the definition of gemma.cpp, and some of them to
// numbers written out.
func TestSFPTable(t *testing.T) {
	t.Parallel()
	for b, want := range map[byte]float32{
		0x00: 0, 0x01: 1.25 * 0x1p-23, 0x02: 1.5 * 0x1p-23, 0x03: 1.75 * 0x1p-23, 0x04: 0x1p-22, 0x3f: 1.75 * 0x1p-8,
		0x40: 0x1p-7, 0x41: 1.125 * 0x1p-7, 0x7f: 1.875, 0x78: 1, 0x70: 0.5, 0xff: -1.875, 0xc0: -0x1p-7, 0x81: -1.25 * 0x1p-23,
	} {
		if got := kernel.SFP(b); got != want {
			t.Errorf("code %#02x is %v, want %v", b, got, want)
		}
	}
	values := map[float32]bool{}
	for code := range 256 {
		b := byte(code)
		if b == 0x80 {
			continue // never written
		}
		v := kernel.SFP(b)
		magnitude := b & 0x7f
		exponent, mantissa, bits := int(magnitude>>2)-23, float64(magnitude&3)/4, 2
		if magnitude >= 0x40 {
			exponent, mantissa, bits = int(magnitude>>3)-15, float64(magnitude&7)/8, 3
		}
		want := math.Ldexp(1+mantissa, exponent)
		if magnitude == 0 {
			want = 0
		}
		if math.Abs(float64(v)) != want || (v < 0) != (b > 0x80) {
			t.Errorf("code %#02x is %v, want %v with %d bits of mantissa", b, v, want, bits)
		}
		if again := kernel.RoundSFP(v); again != b {
			t.Errorf("code %#02x decodes to %v, which encodes to %#02x", b, v, again)
		}
		if kernel.BFloat16(kernel.RoundBFloat16(v)) != v {
			t.Errorf("code %#02x, %v, is no bfloat16", b, v)
		}
		values[v] = true
	}
	if len(values) != 255 {
		t.Errorf("%d values, want 255", len(values))
	}
}

// TestRoundSFP holds the encoder to a search over all values: the nearest one, and at a tie the even code.
func TestRoundSFP(t *testing.T) {
	t.Parallel()
	for x, want := range map[float32]byte{
		0.007568359375:                 0x40, // 1.1111b * 2^-8 rounds up to 2^-7
		math.Nextafter32(0.0075683, 0): 0x40, // 1.9375 - ulp: nearest of 1.75 and 2
		1.8749 * 0x1p-8:                0x3f,
		1.875 * 0x1p-8:                 0x40, // the tie between 1.75 and 2 goes to the even code
		0x1p-23:                        0x01, // its own code would be zero's
		1.1 * 0x1p-23:                  0x01,
		0x1p-24:                        0x00,
		-0x1p-24:                       0x00, // the sign is dropped with it
		1.875:                          0x7f,
		1e9:                            0x7f,
		float32(math.Inf(-1)):          0xff,
		float32(math.NaN()):            0x00,
		1.0625 * 0x1p-3:                0x60, // tie between 1.0 (even) and 1.125
		1.1875 * 0x1p-3:                0x62, // tie between 1.125 and 1.25 (even)
	} {
		if got := kernel.RoundSFP(x); got != want {
			t.Errorf("%v becomes %#02x, want %#02x", x, got, want)
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		x := float32(math.Ldexp(1+r.Float64(), r.IntN(23)-23)) * float32(1-2*r.IntN(2))
		if math.Abs(float64(x)) < 1.25*0x1p-23 || math.Abs(float64(x)) > 1.875 {
			continue
		}
		got, least := kernel.SFP(kernel.RoundSFP(x)), math.Inf(1)
		for code := range 256 {
			least = min(least, math.Abs(float64(kernel.SFP(byte(code)))-float64(x)))
		}
		if math.Abs(float64(got)-float64(x)) > least {
			t.Fatalf("%v becomes %v, off by more than %v", x, got, least)
		}
	}
}

// TestFormatSizes pins what a matrix takes, and that a format refuses what it cannot hold.
func TestFormatSizes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		f    kernel.Format
		n, k int
		want kernel.Sizes
	}{
		{kernel.Float32Format, 64, 10, kernel.Sizes{Codes: 2560}},
		{kernel.BFloat16Format, 65, 10, kernel.Sizes{Codes: 2560}},
		{kernel.SFPFormat, 1, 10, kernel.Sizes{Codes: 640, Scales: 256}},
		{kernel.Int8Format, 64, 9, kernel.Sizes{Codes: 768, Scales: 256}},
		{kernel.Int4Format, 64, 33, kernel.Sizes{Codes: 2048, Steps: 128, Scales: 256}},
		{kernel.Int8Format, 64, 65536, kernel.Sizes{Codes: 64 << 16, Scales: 256}},
	} {
		got, err := kernel.FormatSizes(c.f, c.n, c.k)
		if err != nil || got != c.want {
			t.Errorf("%s %dx%d: %+v, %v, want %+v", c.f, c.n, c.k, got, err, c.want)
		}
		m, err := kernel.Pack(c.f, make([]float32, c.n*c.k), c.n, c.k)
		if err != nil || m.Bytes() != got.Total() {
			t.Errorf("%s %dx%d: %d bytes packed, %v, want %d", c.f, c.n, c.k, m.Bytes(), err, got.Total())
		}
	}
	for _, c := range []struct {
		f    kernel.Format
		n, k int
	}{{kernel.Int8Format, 1, 65537}, {kernel.Int4Format, 1, 65537}, {"int3", 1, 1}, {kernel.SFPFormat, 0, 1}, {kernel.SFPFormat, 1, -1}} {
		if _, err := kernel.FormatSizes(c.f, c.n, c.k); err == nil {
			t.Errorf("%s %dx%d was accepted", c.f, c.n, c.k)
		}
	}
}

// TestPackError bounds what storing a weight may change: half a step of its format where it lies. For int4 the step
// hangs on the largest of 32 neighbours and on a search, so the bound is on the row: the error of a normal row is under
// 10 % of its deviation, and every weight is within a sixth of the row's largest.
func TestPackError(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	const n, k = 37, 300
	w := make([]float32, n*k)
	for i := range w {
		w[i] = float32(r.NormFloat64()) * 0.03 * float32(1+i/k)
	}
	clear(w[3*k : 4*k])
	w[5*k+7] = 40 // an outlier, over what sfp holds
	row := make([]float32, k)
	for _, f := range kernel.Formats() {
		m, err := kernel.Pack(f, w, n, k)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			m.Row(i, row)
			top, squares, errors := 0.0, 0.0, 0.0
			for _, v := range w[i*k : (i+1)*k] {
				top = max(top, math.Abs(float64(v)))
			}
			for j, v := range row {
				x := float64(w[i*k+j])
				e := math.Abs(float64(v) - x)
				squares, errors = squares+x*x, errors+e*e
				limit := map[kernel.Format]float64{kernel.Float32Format: 0, kernel.BFloat16Format: math.Abs(x) / 256,
					kernel.SFPFormat: math.Abs(x)/8 + max(top/1.875, 1)*0x1p-23, kernel.Int8Format: top / 127 / 2 * 1.0001, kernel.Int4Format: top / 6}[f]
				if e > limit {
					t.Errorf("%s: row %d weight %d, %v, is stored as %v", f, i, j, x, v)
				}
			}
			if i != 3 && i != 5 && f == kernel.Int4Format && math.Sqrt(errors/squares) > 0.1 {
				t.Errorf("int4: row %d is off by %.3f of its size", i, math.Sqrt(errors/squares))
			}
		}
	}
}

// TestMatMulFormats holds products over every format to float64 over the weights as stored and, for int8 and int4, the
// inputs as rounded: there the whole sum is exact, and only the last three operations round.
func TestMatMulFormats(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	kerneltest.Each(t, func(t *testing.T) {
		for _, s := range []struct{ rows, n, k int }{
			{1, 1, 1}, {1, 16, 5}, {2, 17, 33}, {3, 64, 32}, {4, 64, 130}, {5, 65, 256}, {6, 72, 516}, {7, 33, 31}, {13, 63, 64}, {1, 200, 1100}, {25, 33, 600},
			{kernel.BlockRows + 7, 80, 70},
		} {
			for _, f := range []kernel.Format{kernel.SFPFormat, kernel.Int8Format, kernel.Int4Format} {
				checkFormat(t, r, f, s.rows, s.n, s.k)
			}
		}
	})
}

func checkFormat(t *testing.T, r *rand.Rand, f kernel.Format, rows, n, k int) {
	t.Helper()
	w := fill(r, make([]float32, n*k), 1)
	m, err := kernel.Pack(f, w, n, k)
	if err != nil {
		t.Fatal(err)
	}
	m = guarded(t, m)
	lda, ldd := k+1, n+3
	a := fill(r, kerneltest.Guarded[float32](t, (rows-1)*lda+k, true), 1)
	for i := range min(k, 3) {
		a[i] *= 50 // an outlier
	}
	bias := fill(r, kerneltest.Guarded[float32](t, n, true), 1)
	weights, rounded := make([]float32, k), make([]float64, k)
	for _, b := range [][]float32{nil, bias} {
		alone := make([]float32, n)
		dst := kerneltest.Guarded[float32](t, (rows-1)*ldd+n, true)
		for i := range dst {
			dst[i] = kerneltest.Canary
		}
		kernel.MatMul(threads{}, dst, ldd, a, lda, rows, m, b)
		for row := range rows {
			x := a[row*lda : row*lda+k]
			kernel.MatMul(nil, alone, n, x, k, 1, m, b)
			if !slices.Equal(alone, dst[row*ldd:row*ldd+n]) {
				t.Fatalf("%s %dx%dx%d: row %d alone differs", f, rows, n, k, row)
			}
			for i, v := range x {
				rounded[i] = float64(v)
			}
			if f != kernel.SFPFormat {
				round8(rounded)
			}
			for col := range n {
				m.Row(col, weights)
				want, total := 0.0, 0.0
				if b != nil {
					want, total = float64(b[col]), math.Abs(float64(b[col]))
				}
				for i, v := range rounded {
					p := v * float64(weights[i])
					want, total = want+p, total+math.Abs(p)
				}
				near(t, fmt.Sprintf("%s %dx%dx%d: row %d output %d", f, rows, n, k, row, col), dst[row*ldd+col], want, kerneltest.SumTolerance(k, total)+total*0x1p-22)
			}
			if row < rows-1 {
				kerneltest.CheckCanaries(t, dst[row*ldd+n:(row+1)*ldd])
			}
		}
	}
}

// guarded moves a matrix's memory against unreadable pages.
func guarded(t *testing.T, m *kernel.Matrix) *kernel.Matrix {
	t.Helper()
	codes, steps, scales := m.Parts()
	c, s, f := kerneltest.Guarded[byte](t, len(codes), true), kerneltest.Guarded[int8](t, len(steps), true), kerneltest.Guarded[float32](t, len(scales), true)
	copy(c, codes)
	copy(s, steps)
	copy(f, scales)
	moved, err := kernel.Stored(m.Format(), m.N(), m.K(), c, s, f)
	if err != nil {
		t.Fatal(err)
	}
	return moved
}

// round8 rounds a row as int8 and int4 products do.
func round8(x []float64) {
	top := 0.0
	for _, v := range x {
		top = max(top, math.Abs(v))
	}
	scale := float64(float32(top) / 127)
	for i, v := range x {
		x[i] = math.RoundToEven(float64(float32(v)*(127/float32(top)))) * scale
	}
}

// TestSameBits: over whole numbers all implementations return the same bits.
func TestSameBits(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, f := range []kernel.Format{kernel.Int8Format, kernel.Int4Format} {
		for _, s := range []struct{ rows, n, k int }{{1, 130, 700}, {9, 70, 513}, {31, 64, 64}} {
			m, err := kernel.Pack(f, fill(r, make([]float32, s.n*s.k), 1), s.n, s.k)
			if err != nil {
				t.Fatal(err)
			}
			a := fill(r, make([]float32, s.rows*s.k), 3)
			bias := fill(r, make([]float32, s.n), 1)
			var want []float32
			kerneltest.Each(t, func(t *testing.T) {
				got := make([]float32, s.rows*s.n)
				kernel.MatMul(nil, got, s.n, a, s.k, s.rows, m, bias)
				if want == nil {
					want = got
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s %+v: the outputs differ from %s's", f, s, kernel.Implementations()[0])
				}
			})
		}
	}
}

// TestExtremes: the largest codes, steps and inputs there are, all of one sign or alternating, over as many inputs as a
// format takes, do not overflow anywhere: the product is what whole numbers say.
func TestExtremes(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T) {
		for _, k := range []int{32, 514, 1 << 16} {
			if kerneltest.Race && k > 1000 {
				continue
			}
			for _, f := range []kernel.Format{kernel.Int8Format, kernel.Int4Format} {
				for pattern := range 4 {
					checkExtremes(t, f, k, pattern)
				}
			}
		}
	})
}

func checkExtremes(t *testing.T, f kernel.Format, k, pattern int) {
	t.Helper()
	sizes, err := kernel.FormatSizes(f, 32, k)
	if err != nil {
		t.Fatal(err)
	}
	codes, steps, scales := make([]byte, sizes.Codes), make([]int8, sizes.Steps), make([]float32, sizes.Scales/4)
	code, weight := byte(255), 127 // int8: the largest code
	if pattern&1 != 0 {
		code, weight = 0, -128
	}
	if f == kernel.Int4Format {
		weight = 7 * 15
		if pattern&1 != 0 {
			weight = -8 * 15
		}
	}
	for i := range codes {
		codes[i] = code
	}
	for i := range steps {
		steps[i] = 15
	}
	for i := range scales {
		scales[i] = 1
	}
	m, err := kernel.Stored(f, 32, k, codes, steps, scales)
	if err != nil {
		t.Fatal(err)
	}
	a, want := make([]float32, 7*k), int64(0)
	for i := range a {
		a[i] = 127
		if pattern&2 != 0 && i%k%4 < 2 { // sums of pairs are then far from zero although the whole is not
			a[i] = -127
		}
		if i < k {
			want += int64(weight) * int64(a[i])
		}
	}
	dst := make([]float32, 7*32)
	kernel.MatMul(nil, dst, 32, a, k, 7, m, nil)
	for i, v := range dst {
		if v != float32(want) {
			t.Fatalf("%s, %d inputs, pattern %d: output %d is %v, want %d", f, k, pattern, i, v, want)
		}
	}
}

// TestNotFinite: a row with an infinity or a NaN has no finite output, and the other rows do not notice.
func TestNotFinite(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T) {
		for _, f := range []kernel.Format{kernel.SFPFormat, kernel.Int8Format, kernel.Int4Format} {
			m, err := kernel.Pack(f, []float32{1, 2, 3, 4, 5, 6}, 2, 3)
			if err != nil {
				t.Fatal(err)
			}
			a := []float32{1, 1, 1, 1, float32(math.NaN()), 1, 1, 1, 1, 0, 0, 0}
			dst := make([]float32, 8)
			kernel.MatMul(nil, dst, 2, a, 3, 4, m, nil)
			if dst[2] == dst[2] || dst[3] == dst[3] {
				t.Errorf("%s: a row with a NaN yields %v", f, dst[2:4])
			}
			if dst[0] != dst[4] || dst[0] < 5 || dst[6] != 0 || dst[7] != 0 {
				t.Errorf("%s: the rows beside it yield %v", f, dst)
			}
		}
	})
}
