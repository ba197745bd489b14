package kernel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/kernel/kerneltest"
)

func TestNorms(t *testing.T) {
	const eps = 1e-6
	r := rand.New(rand.NewPCG(9, 10))
	eachLength(t, func(t *testing.T, n int, slice func() []float32) {
		x, w, b, dst := fill(r, slice(), 2), fill(r, slice(), 0.5), fill(r, slice(), 0.5), slice()
		for i := range x {
			x[i] += 3 // a mean that is not zero
		}
		var mean, squares, variance float64
		for _, v := range x {
			mean += float64(v) / float64(n)
			squares += float64(v) * float64(v) / float64(n)
		}
		for _, v := range x {
			variance += (float64(v) - mean) * (float64(v) - mean) / float64(n)
		}
		kernel.RMSNorm(dst, x, w, eps)
		for i := range dst {
			want := float64(x[i]) / math.Sqrt(squares+eps) * (1 + float64(w[i]))
			near(t, fmt.Sprintf("RMSNorm: element %d of %d", i, n), dst[i], want, kerneltest.SumTolerance(4, math.Abs(want)+1e-3))
		}
		kernel.LayerNorm(dst, x, w, b, eps)
		for i := range dst {
			scale := 1 / math.Sqrt(variance+eps)
			want := (float64(x[i])-mean)*scale*float64(w[i]) + float64(b[i])
			// The mean is rounded, and a tiny variance magnifies that.
			tolerance := kerneltest.SumTolerance(n, (math.Abs(float64(x[i]))+math.Abs(mean))*scale*math.Abs(float64(w[i]))+math.Abs(float64(b[i])))
			near(t, fmt.Sprintf("LayerNorm: element %d of %d", i, n), dst[i], want, tolerance)
		}
		copy(dst, x)
		kernel.RMSNorm(dst, dst, w, eps) // in place
		other := slice()
		if kernel.RMSNorm(other, x, w, eps); n > 0 && dst[n-1] != other[n-1] {
			t.Fatalf("RMSNorm in place gives %v, else %v", dst[n-1], other[n-1])
		}
	})
}

func TestSoftmax(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	eachLength(t, func(t *testing.T, n int, slice func() []float32) {
		x := fill(r, slice(), 10)
		for i := range x {
			x[i] += 200 // e^x alone would overflow
		}
		before := append([]float32(nil), x...)
		var sum float64
		for _, v := range before {
			sum += math.Exp(float64(v) - 200)
		}
		if n > 0 {
			near(t, "LogSumExp", kernel.LogSumExp(x, slice()), math.Log(sum)+200, 1e-4)
		}
		kernel.Softmax(x)
		for i, v := range before {
			want := math.Exp(float64(v)-200) / sum
			near(t, fmt.Sprintf("Softmax: element %d of %d", i, n), x[i], want, kerneltest.SumTolerance(n+10, want)*4)
		}
	})
}

func TestArgMaxTakesTheFirst(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T) {
		for _, c := range []struct {
			x    []float32
			want int
		}{{nil, -1}, {[]float32{1}, 0}, {[]float32{1, 3, 2, 3}, 1}, {[]float32{-3, -2, -2}, 1}} {
			if got := kernel.ArgMax(c.x); got != c.want {
				t.Errorf("ArgMax(%v) = %d, want %d", c.x, got, c.want)
			}
		}
	})
}

func TestRope(t *testing.T) {
	const heads, dim, positions, theta = 3, 18, 40, 10000
	cos, sin := kernel.RopeTables(dim, positions, theta)
	r := rand.New(rand.NewPCG(13, 14))
	kerneltest.Each(t, func(t *testing.T) {
		for _, pos := range []int{0, 1, 39} {
			x := fill(r, kerneltest.Guarded[float32](t, heads*dim, true), 1)
			before := append([]float32(nil), x...)
			kernel.Rope(x, heads, dim, pos, cos, sin)
			for h := range heads {
				for i := range dim / 2 {
					a, b := float64(before[h*dim+i]), float64(before[h*dim+dim/2+i])
					s, c := math.Sincos(float64(pos) * math.Pow(theta, -float64(2*i)/dim))
					near(t, "Rope low", x[h*dim+i], a*c-b*s, 2e-5)
					near(t, "Rope high", x[h*dim+dim/2+i], b*c+a*s, 2e-5)
				}
			}
		}
	})
}
