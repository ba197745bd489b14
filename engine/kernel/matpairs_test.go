package kernel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/kernel/kerneltest"
)

// pairsOf rounds a row and joins neighbours, the earlier one above.
func pairsOf(x []float32) []uint32 {
	out := make([]uint32, (len(x)+1)/2)
	for i, v := range x {
		out[i/2] |= uint32(kernel.RoundBFloat16(v)) << (16 - 16*(i%2))
	}
	return out
}

// TestTilesOverPairs holds the micro-kernels over pairs to float64, with inputs, weights and outputs each against an unreadable
// page, an odd last input included.
func TestTilesOverPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(61, 62))
	kerneltest.Each(t, func(t *testing.T) {
		for _, tile := range kernel.Tiles() {
			for _, k := range []int{1, 2, 3, 7, 64, 255, 256} {
				for _, atEnd := range []bool{false, true} {
					for _, mode := range []string{"set", "bias", "add"} {
						if tile.Pairs != nil {
							checkPairs(t, r, tile, k, atEnd, mode)
						}
					}
				}
			}
		}
	})
}

func checkPairs(t *testing.T, r *rand.Rand, tile kernel.Tile, k int, atEnd bool, mode string) {
	const w = kernel.PanelWidth
	cols, stride := tile.Panels*w, (k+1)/2+3
	ldd := cols + 5
	inputs := make([][]float32, tile.Rows)
	a := kerneltest.Guarded[uint32](t, (tile.Rows-1)*stride+(k+1)/2, atEnd)
	for row := range inputs {
		inputs[row] = fill(r, make([]float32, k), 1)
		copy(a[row*stride:], pairsOf(inputs[row]))
	}
	half := kerneltest.Guarded[uint16](t, tile.Panels*k*w, atEnd)
	for i, v := range fill(r, make([]float32, len(half)), 1) {
		half[i] = kernel.RoundBFloat16(v)
	}
	dst := kerneltest.Guarded[float32](t, (tile.Rows-1)*ldd+cols, atEnd)
	initial := append([]float32(nil), fill(r, dst, 1)...)
	add, ldadd := (*float32)(nil), 0
	switch mode {
	case "bias":
		add = &initial[0]
	case "add":
		add, ldadd = &dst[0], ldd
	}
	tile.Pairs(&dst[0], ldd, &a[0], stride, &half[0], k*w, k, add, ldadd)
	for i := range dst {
		row, col := i/ldd, i%ldd
		if col >= cols {
			if dst[i] != initial[i] {
				t.Fatalf("%dx%d: wrote between rows", tile.Rows, tile.Panels)
			}
			continue
		}
		want := map[string]float64{"bias": float64(initial[col]), "add": float64(initial[i])}[mode]
		total := math.Abs(want)
		for j, v := range inputs[row] {
			p := float64(kernel.BFloat16(kernel.RoundBFloat16(v))) * float64(kernel.BFloat16(half[(col/w*k+j)*w+col%w]))
			want, total = want+p, total+math.Abs(p)
		}
		near(t, fmt.Sprintf("tile %dx%d %s k=%d: row %d column %d", tile.Rows, tile.Panels, mode, k, row, col), dst[i], want, kerneltest.SumTolerance(k, total))
	}
}

// TestMatMulRounded: over inputs rounded to bfloat16 it is MatMul of them, to the last bit on every implementation that this
// machine can run, alone or on threads; the weights' other formats too.
func TestMatMulRounded(t *testing.T) {
	r := rand.New(rand.NewPCG(63, 64))
	sizes := []struct{ rows, n, k int }{{1, 1, 1}, {1, 64, 255}, {2, 17, 3}, {3, 64, 7}, {5, 65, 256}, {13, 63, 257}, {25, 33, 16}, {23, 192, 513}, {kernel.BlockRows + 7, 80, 300}, {1, 700, 600}}
	if kerneltest.Race {
		sizes = sizes[:7]
	}
	for _, s := range sizes {
		w := fill(r, make([]float32, s.n*s.k), 1)
		bias := fill(r, make([]float32, s.n), 1)
		lda, ldd := s.k+1, s.n+3
		a := fill(r, make([]float32, s.rows*lda), 1)
		rounded := append([]float32(nil), a...)
		kernel.RoundRow(rounded)
		for _, f := range []kernel.Format{kernel.BFloat16Format, kernel.Float32Format, kernel.Int8Format} {
			m, err := kernel.Pack(f, w, s.n, s.k)
			if err != nil {
				t.Fatal(err)
			}
			want := make([]float32, s.rows*ldd)
			kernel.MatMul(nil, want, ldd, append([]float32(nil), rounded...), lda, s.rows, m, bias)
			kerneltest.Each(t, func(t *testing.T) {
				for _, p := range []kernel.Runner{nil, threads{}} {
					in := kerneltest.Guarded[float32](t, (s.rows-1)*lda+s.k, true)
					copy(in, a)
					dst, check := kerneltest.Framed(t, (s.rows-1)*ldd+s.n, 64)
					kernel.MatMulRounded(p, dst, ldd, in, lda, s.rows, m, bias)
					check()
					for i := range dst {
						if i%ldd >= s.n {
							if dst[i] != 0 {
								t.Fatalf("wrote between rows: %v", dst[i])
							}
							continue
						}
						// The plain Go product may round twice where this one rounds once.
						if near := 1e-5 * float32(s.k); dst[i] != want[i] && (kernel.Name() != "go" || math.Abs(float64(dst[i]-want[i])) > float64(near)) {
							t.Fatalf("%s %dx%dx%d: row %d output %d is %v, over rounded inputs %v", f, s.rows, s.n, s.k, i/ldd, i%ldd, dst[i], want[i])
						}
					}
				}
			})
		}
	}
}

// TestRoundPairs: neighbours share an element, every one as RoundBFloat16 rounds it: ties, numbers near infinity, NaNs.
func TestRoundPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(65, 66))
	kerneltest.Each(t, func(t *testing.T) {
		for _, n := range []int{1, 2, 15, 16, 17, 31, 32, 100, 4096} {
			for _, atEnd := range []bool{false, true} {
				x, dst := kerneltest.Guarded[float32](t, n, atEnd), kerneltest.Guarded[uint32](t, (n+1)/2, atEnd)
				for i := range x {
					bits := r.Uint32()
					switch i % 4 {
					case 1: // ties
						bits = bits&^0xffff | 0x8000
					case 2:
						bits |= 0x7f7f0000
					case 3: // infinities and NaNs of all kinds
						bits |= 0x7f800000
						bits &^= 0x7fffff >> (bits % 24)
					}
					x[i] = math.Float32frombits(bits)
				}
				kernel.RoundPairs(dst, x)
				for i, want := range pairsOf(x) {
					if dst[i] != want {
						t.Fatalf("%d numbers: %#x and its neighbour became %#x, want %#x", n, math.Float32bits(x[2*i]), dst[i], want)
					}
				}
			}
		}
	})
}
