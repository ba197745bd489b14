package kernel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/kernel/kerneltest"
)

// TestTiles holds every micro-kernel to float64, with inputs, weights and outputs each against an
// unreadable page.
func TestTiles(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	kerneltest.Each(t, func(t *testing.T) {
		for _, tile := range kernel.Tiles() {
			for _, k := range []int{1, 2, 3, 7, 64, 255} {
				for _, atEnd := range []bool{false, true} {
					for _, mode := range []string{"set", "bias", "add"} {
						checkTile(t, r, tile, k, atEnd, mode)
					}
				}
			}
		}
	})
}

func checkTile(t *testing.T, r *rand.Rand, tile kernel.Tile, k int, atEnd bool, mode string) {
	const w = kernel.PanelWidth
	cols := tile.Panels * w
	lda, ldd := k+3, cols+5
	slice := func(n int) []float32 { return kerneltest.Guarded[float32](t, n, atEnd) }
	a := fill(r, slice((tile.Rows-1)*lda+k), 1)
	b := fill(r, slice(tile.Panels*k*w), 1)
	half := kerneltest.Guarded[uint16](t, len(b), atEnd)
	for i, v := range b {
		half[i] = kernel.RoundBFloat16(v)
	}
	initial := fill(r, slice((tile.Rows-1)*ldd+cols), 1)
	for _, kind := range []string{"float32", "bfloat16"} {
		dst := slice(len(initial))
		copy(dst, initial)
		add, ldadd := (*float32)(nil), 0
		switch mode {
		case "bias":
			add = &initial[0]
		case "add":
			add, ldadd = &dst[0], ldd
		}
		weight := func(i int) float64 { return float64(b[i]) }
		if kind == "float32" {
			tile.F32(&dst[0], ldd, &a[0], lda, &b[0], k*w, k, add, ldadd)
		} else {
			weight = func(i int) float64 { return float64(kernel.BFloat16(half[i])) }
			tile.BF16(&dst[0], ldd, &a[0], lda, &half[0], k*w, k, add, ldadd)
		}
		for i := range dst {
			row, col := i/ldd, i%ldd
			if col >= cols {
				if dst[i] != initial[i] {
					t.Fatalf("%dx%d %s: wrote between rows", tile.Rows, tile.Panels, kind)
				}
				continue
			}
			var want, total float64
			switch mode {
			case "bias":
				want = float64(initial[col])
			case "add":
				want = float64(initial[i])
			}
			total = math.Abs(want)
			for j := range k {
				p := float64(a[row*lda+j]) * weight((col/w*k+j)*w+col%w)
				want, total = want+p, total+math.Abs(p)
			}
			near(t, fmt.Sprintf("tile %dx%d %s %s k=%d: row %d column %d", tile.Rows, tile.Panels, kind, mode, k, row, col),
				dst[i], want, kerneltest.SumTolerance(k, total))
		}
	}
}

// threads is a Runner that runs everything at once.
type threads struct{}

func (threads) Run(n int, f func(int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// TestMatMul compares with float64 over sizes that meet every edge: rows against the tile heights,
// outputs against panels and groups, inputs against blocks.
func TestMatMul(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	kerneltest.Each(t, func(t *testing.T) {
		sizes := []struct{ rows, n, k int }{
			{1, 1, 1}, {1, 16, 5}, {2, 17, 3}, {3, 64, 7}, {5, 65, 256}, {6, 72, 257}, {13, 63, 64}, {25, 33, 16},
			{7, 144, 72}, {11, 100, 300}, {12, 48, 513}, {23, 192, 192}, {kernel.BlockRows + 1, 80, 70}, {2*kernel.BlockRows + 17, 130, 260}, {1, 700, 600},
		}
		if kerneltest.Race {
			sizes = sizes[:8]
		}
		for _, s := range sizes {
			for _, bias := range []bool{false, true} {
				checkMatMul(t, r, s.rows, s.n, s.k, bias, nil)
				checkMatMul(t, r, s.rows, s.n, s.k, bias, threads{})
			}
		}
	})
}

func checkMatMul(t *testing.T, r *rand.Rand, rows, n, k int, withBias bool, p kernel.Runner) {
	t.Helper()
	lda, ldd := k+1, n+3
	w := fill(r, make([]float32, n*k), 1)
	half := make([]uint16, len(w))
	for i := range w {
		half[i] = kernel.RoundBFloat16(w[i])
	}
	a := fill(r, kerneltest.Guarded[float32](t, (rows-1)*lda+k, true), 1)
	var bias []float32
	if withBias {
		bias = fill(r, kerneltest.Guarded[float32](t, n, true), 1)
	}
	for _, m := range []*kernel.Matrix{kernel.PackFloat32(w, n, k), kernel.PackBFloat16(half, n, k)} {
		dst := kerneltest.Guarded[float32](t, (rows-1)*ldd+n, true)
		for i := range dst {
			dst[i] = kerneltest.Canary
		}
		kernel.MatMul(p, dst, ldd, a, lda, rows, m, bias)
		weights := make([]float32, k)
		for col := range n {
			m.Row(col, weights)
			for row := range rows {
				var want, total float64
				if bias != nil {
					want = float64(bias[col])
					total = math.Abs(want)
				}
				for i, v := range a[row*lda : row*lda+k] {
					p := float64(v) * float64(weights[i])
					want, total = want+p, total+math.Abs(p)
				}
				near(t, fmt.Sprintf("MatMul %dx%dx%d bfloat16=%v: row %d output %d", rows, n, k, m.BFloat16(), row, col),
					dst[row*ldd+col], want, kerneltest.SumTolerance(k, total))
			}
		}
		for row := range rows - 1 {
			kerneltest.CheckCanaries(t, dst[row*ldd+n:(row+1)*ldd])
		}
	}
}

// TestMatMulRowsAreIndependent: bit for bit the same row, alone or among others, on any threads.
func TestMatMulRowsAreIndependent(t *testing.T) {
	const most = 2*kernel.BlockRows + 29
	n, k := 200, 600
	if kerneltest.Race {
		n, k = 40, 270
	}
	r := rand.New(rand.NewPCG(25, 26))
	w := fill(r, make([]float32, n*k), 1)
	half := make([]uint16, len(w))
	for i := range w {
		half[i] = kernel.RoundBFloat16(w[i])
	}
	a, bias := fill(r, make([]float32, most*k), 1), fill(r, make([]float32, n), 1)
	kerneltest.Each(t, func(t *testing.T) {
		for _, m := range []*kernel.Matrix{kernel.PackFloat32(w, n, k), kernel.PackBFloat16(half, n, k)} {
			want := make([]float32, most*n)
			for row := range most {
				kernel.MatMul(nil, want[row*n:], n, a[row*k:], k, 1, m, bias)
			}
			for _, rows := range []int{2, 3, 5, 6, 7, 11, 12, 13, 24, kernel.BlockRows, most} {
				for _, p := range []kernel.Runner{nil, threads{}} {
					dst := make([]float32, rows*n)
					kernel.MatMul(p, dst, n, a, k, rows, m, bias)
					for i := range dst {
						if dst[i] != want[i] {
							t.Fatalf("row %d output %d is %v among %d rows and %v alone", i/n, i%n, dst[i], rows, want[i])
						}
					}
				}
			}
		}
	})
}

func TestPackAndRow(t *testing.T) {
	r := rand.New(rand.NewPCG(27, 28))
	for _, s := range []struct{ n, k int }{{1, 1}, {15, 3}, {16, 8}, {17, 9}, {64, 5}, {65, 72}, {130, 31}} {
		w := fill(r, make([]float32, s.n*s.k), 1)
		half := make([]uint16, len(w))
		for i := range w {
			half[i] = kernel.RoundBFloat16(w[i])
		}
		full, small := kernel.PackFloat32(w, s.n, s.k), kernel.PackBFloat16(half, s.n, s.k)
		if full.Bytes() != 2*small.Bytes() || full.N() != s.n || small.K() != s.k {
			t.Errorf("%dx%d: N %d, K %d, bytes %d and %d", s.n, s.k, full.N(), small.K(), full.Bytes(), small.Bytes())
		}
		for i := range s.n {
			a, b := make([]float32, s.k), make([]float32, s.k)
			full.Row(i, a)
			small.Row(i, b)
			for j := range s.k {
				if a[j] != w[i*s.k+j] || b[j] != kernel.BFloat16(half[i*s.k+j]) {
					t.Fatalf("%dx%d: weight %d,%d came back as %v and %v", s.n, s.k, i, j, a[j], b[j])
				}
			}
		}
	}
}

// TestWrongShapes: a wrong size is refused by name, never read past.
func TestWrongShapes(t *testing.T) {
	m := kernel.PackFloat32(make([]float32, 12), 4, 3)
	for name, f := range map[string]func(){
		"weights":    func() { kernel.PackFloat32(make([]float32, 11), 4, 3) },
		"huge":       func() { kernel.PackBFloat16(nil, math.MaxInt/2, 3) },
		"short dst":  func() { kernel.MatMul(nil, make([]float32, 7), 4, make([]float32, 6), 3, 2, m, nil) },
		"short a":    func() { kernel.MatMul(nil, make([]float32, 8), 4, make([]float32, 5), 3, 2, m, nil) },
		"narrow dst": func() { kernel.MatMul(nil, make([]float32, 8), 3, make([]float32, 6), 3, 2, m, nil) },
		"short bias": func() { kernel.MatMul(nil, make([]float32, 8), 4, make([]float32, 6), 3, 2, m, make([]float32, 3)) },
		"row":        func() { m.Row(4, make([]float32, 3)) },
		"dot":        func() { kernel.Dot(make([]float32, 3), make([]float32, 4)) },
		"norm":       func() { kernel.RMSNorm(make([]float32, 3), make([]float32, 3), make([]float32, 2), 0) },
		"rope":       func() { kernel.Rope(make([]float32, 8), 1, 8, 1, make([]float32, 4), make([]float32, 4)) },
		"keys":       func() { kernel.NewKV(4).Append(make([]float32, 4), 4, make([]float32, 3), 4, 1) },
		"attend": func() {
			kernel.Attend(nil, kernel.Attention{Rows: 1, Heads: 2, Dim: 4, KV: []*kernel.KV{kernel.NewKV(4)}})
		},
		"attend dim":  func() { attendShapes(4, 8, 4) },
		"attend rows": func() { attendShapes(4, 4, 3) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no complaint", name)
				}
			}()
			f()
		}()
	}
}

func attendShapes(dim, kvDim, floats int) {
	kernel.Attend(nil, kernel.Attention{Rows: 1, Heads: 1, Dim: dim, LdQ: dim, LdDst: dim, Q: make([]float32, floats),
		Dst: make([]float32, dim), KV: []*kernel.KV{kernel.NewKV(kvDim)}})
}

func TestWiden(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T) {
		for _, n := range []int{0, 16, 32, 48, 4096} {
			for _, atEnd := range []bool{false, true} {
				dst, src := kerneltest.Guarded[float32](t, n, atEnd), kerneltest.Guarded[uint16](t, n, atEnd)
				for i := range src {
					src[i] = uint16(i * 31)
				}
				kernel.Widen(dst, src)
				for i, v := range src {
					if math.Float32bits(dst[i]) != uint32(v)<<16 {
						t.Fatalf("element %d of %d: %#x became %v", i, n, v, dst[i])
					}
				}
			}
		}
	})
}
