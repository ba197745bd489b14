package kernel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/kernel/kerneltest"
)

// lengths meets every tail of eight, and of the four-fold loops.
var lengths = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33, 39, 40, 63, 64, 65, 71, 72, 100, 192, 255, 2304}

// eachLength runs f on every implementation, length and side of an unreadable page.
func eachLength(t *testing.T, f func(t *testing.T, n int, slice func() []float32)) {
	kerneltest.Each(t, func(t *testing.T) {
		for _, n := range lengths {
			for _, atEnd := range []bool{false, true} {
				f(t, n, func() []float32 { return kerneltest.Guarded[float32](t, n, atEnd) })
			}
		}
	})
}

func fill(r *rand.Rand, x []float32, scale float64) []float32 {
	for i := range x {
		x[i] = float32(r.NormFloat64() * scale)
	}
	return x
}

func near(t *testing.T, what string, got float32, want, tolerance float64) {
	t.Helper()
	if d := math.Abs(float64(got) - want); !(d <= tolerance) {
		t.Fatalf("%s = %v, want %v within %.3g (off by %.3g)", what, got, want, tolerance, d)
	}
}

func TestReductions(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	eachLength(t, func(t *testing.T, n int, slice func() []float32) {
		a, b := fill(r, slice(), 1), fill(r, slice(), 1)
		var dot, dotAbs, sum, sumAbs float64
		largest := math.Inf(-1)
		for i := range a {
			p := float64(a[i]) * float64(b[i])
			dot, dotAbs = dot+p, dotAbs+math.Abs(p)
			sum, sumAbs = sum+float64(a[i]), sumAbs+math.Abs(float64(a[i]))
			largest = max(largest, float64(a[i]))
		}
		near(t, fmt.Sprintf("Dot of %d", n), kernel.Dot(a, b), dot, kerneltest.SumTolerance(n, dotAbs))
		near(t, fmt.Sprintf("Sum of %d", n), kernel.Sum(a), sum, kerneltest.SumTolerance(n, sumAbs))
		if got := kernel.Max(a); float64(got) != largest {
			t.Fatalf("Max of %d = %v, want %v", n, got, largest)
		}
	})
}

func TestMaxOfNegatives(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T) {
		for n := 1; n < 40; n++ {
			x := make([]float32, n)
			for i := range x {
				x[i] = -float32(i) - 5
			}
			if got := kernel.Max(x); got != -5 {
				t.Fatalf("Max of %d negatives = %v, want -5", n, got)
			}
		}
	})
}

func TestElementwise(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	eachLength(t, func(t *testing.T, n int, slice func() []float32) {
		a, b, dst := fill(r, slice(), 1), fill(r, slice(), 1), slice()
		kernel.Add(dst, a, b)
		for i := range dst {
			if dst[i] != a[i]+b[i] {
				t.Fatalf("Add: element %d of %d = %v, want %v", i, n, dst[i], a[i]+b[i])
			}
		}
		kernel.Mul(dst, a, b)
		for i := range dst {
			if dst[i] != a[i]*b[i] {
				t.Fatalf("Mul: element %d of %d = %v, want %v", i, n, dst[i], a[i]*b[i])
			}
		}
		copy(dst, b)
		kernel.Axpy(0.75, a, dst)
		for i := range dst {
			want := 0.75*float64(a[i]) + float64(b[i])
			near(t, fmt.Sprintf("Axpy: element %d of %d", i, n), dst[i], want, kerneltest.SumTolerance(2, math.Abs(float64(a[i]))+math.Abs(float64(b[i]))))
		}
		copy(dst, a)
		kernel.Scale(dst, -3)
		for i := range dst {
			if dst[i] != -3*a[i] {
				t.Fatalf("Scale: element %d of %d = %v, want %v", i, n, dst[i], -3*a[i])
			}
		}
	})
}

func TestFunctions(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, c := range []struct {
		name  string
		apply func(x []float32)
		want  func(x float64) float64
		ulps  func(x float64) float64
		scale float64
	}{
		{"Exp", kernel.Exp, math.Exp, always(2), 30},
		{"Tanh", kernel.Tanh, math.Tanh, always(3), 2},
		{"SoftCap", func(x []float32) { kernel.SoftCap(x, 50) }, func(x float64) float64 { return 50 * math.Tanh(x/50) }, always(5), 60},
		// Rounding the exponent u moves e^u by |u| times as much.
		{"GeluTanh", kernel.GeluTanh, gelu, func(x float64) float64 { return 4 + 3*math.Abs(geluArgument(x)) }, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachLength(t, func(t *testing.T, n int, slice func() []float32) {
				x := fill(r, slice(), c.scale)
				before := append([]float32(nil), x...)
				c.apply(x)
				for i, v := range before {
					want, allowed := c.want(float64(v)), c.ulps(float64(v))
					tiny := math.Abs(float64(x[i])-want) < 1e-37 // underflow
					if got := kerneltest.ULPs(x[i], want); got > allowed && !tiny {
						t.Fatalf("%s(%v) = %v, want %v: off by %.2f ulps, allowed %.1f", c.name, v, x[i], want, got, allowed)
					}
				}
			})
		})
	}
}

func always(ulps float64) func(float64) float64 { return func(float64) float64 { return ulps } }

func geluArgument(x float64) float64 { return 2 * math.Sqrt(2/math.Pi) * (x + 0.044715*x*x*x) }

// gelu in float64; for very negative x the difference 1+tanh would cancel.
func gelu(x float64) float64 { return x / (1 + math.Exp(-geluArgument(x))) }

// TestExpEverywhere walks over the whole range in small steps, the ends included.
func TestExpEverywhere(t *testing.T) {
	kerneltest.Each(t, func(t *testing.T) {
		worst, at := 0.0, float32(0)
		x := make([]float32, 0, 1000)
		check := func() {
			before := append([]float32(nil), x...)
			kernel.Exp(x)
			for i, v := range before {
				if u := kerneltest.ULPs(x[i], math.Exp(float64(v))); u > worst {
					worst, at = u, v
				}
			}
			x = x[:0]
		}
		step := float32(0.00137)
		if kerneltest.Race {
			step = 0.0137
		}
		for v := float32(-106); v < 90; v += step {
			if x = append(x, v); len(x) == cap(x) {
				check()
			}
		}
		check()
		t.Logf("worst error %.3f ulps, at %v", worst, at)
		if worst > 2 {
			t.Errorf("exp(%v) is off by %.2f ulps, allowed 2", at, worst)
		}
	})
}

func TestFunctionsAtTheEnds(t *testing.T) {
	inf := math.Inf(1)
	kerneltest.Each(t, func(t *testing.T) {
		for _, c := range []struct {
			name     string
			apply    func(x []float32)
			in, want float64
		}{
			{"Exp", kernel.Exp, inf, inf}, {"Exp", kernel.Exp, -inf, 0}, {"Exp", kernel.Exp, 1000, inf},
			{"Exp", kernel.Exp, -1000, 0}, {"Exp", kernel.Exp, 0, 1}, {"Exp", kernel.Exp, math.NaN(), math.NaN()},
			{"Tanh", kernel.Tanh, inf, 1}, {"Tanh", kernel.Tanh, -inf, -1}, {"Tanh", kernel.Tanh, 0, 0},
			{"Tanh", kernel.Tanh, 1e-30, 1e-30}, {"Tanh", kernel.Tanh, -100, -1}, {"Tanh", kernel.Tanh, math.NaN(), math.NaN()},
			{"GeluTanh", kernel.GeluTanh, 0, 0}, {"GeluTanh", kernel.GeluTanh, 100, 100}, {"GeluTanh", kernel.GeluTanh, -100, 0},
			{"GeluTanh", kernel.GeluTanh, inf, inf}, {"GeluTanh", kernel.GeluTanh, math.NaN(), math.NaN()},
		} {
			x := []float32{float32(c.in)}
			c.apply(x)
			if kerneltest.ULPs(x[0], c.want) > 0.5 {
				t.Errorf("%s(%v) = %v, want %v", c.name, c.in, x[0], c.want)
			}
		}
	})
}

// TestElementsDoNotKnowTheirPlace: the same element gives the same result in the body of a slice
// and in its tail. Attention counts on it.
func TestElementsDoNotKnowTheirPlace(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	kerneltest.Each(t, func(t *testing.T) {
		for name, apply := range map[string]func([]float32){"Exp": kernel.Exp, "Tanh": kernel.Tanh, "GeluTanh": kernel.GeluTanh} {
			x := fill(r, make([]float32, 23), 3)
			whole := append([]float32(nil), x...)
			apply(whole)
			for i := range x {
				one := []float32{x[i]}
				if apply(one); one[0] != whole[i] {
					t.Fatalf("%s(%v) = %v alone and %v at place %d", name, x[i], one[0], whole[i], i)
				}
			}
		}
	})
}
