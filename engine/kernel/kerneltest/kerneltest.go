// Package kerneltest holds what tests of arithmetic share: memory that ends against an unreadable
// page, canaries around outputs, tolerances computed from what was multiplied, and one way to run
// a test on every implementation of the kernels.
package kerneltest

import (
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"palimpsest.dev/engine/kernel"
)

// requireEnv names implementations that must be there, separated by commas: on a machine known to
// have AVX-512, a build that lost it should fail rather than test less.
const requireEnv = "PALIMPSEST_KERNEL_REQUIRE"

// Each runs f once on every implementation that this machine and build can run.
func Each(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	have := kernel.Implementations()
	for _, want := range strings.Split(os.Getenv(requireEnv), ",") {
		if want != "" && !slices.Contains(have, want) {
			t.Errorf("%s demands %q; this machine and build have only %v", requireEnv, want, have)
		}
	}
	for _, name := range have {
		t.Run(name, func(t *testing.T) {
			before, err := kernel.Use(name)
			if err != nil {
				t.Fatal(err)
			}
			defer kernel.Use(before)
			f(t)
		})
	}
}

// Canary is what fills the room around an output: a NaN that arithmetic does not produce.
var Canary = math.Float32frombits(0x7fc0dead)

// Framed returns n zeros with room of margin canaries on both sides, and a check that they are
// still there.
func Framed(t testing.TB, n, margin int) (inside []float32, check func()) {
	t.Helper()
	all := make([]float32, n+2*margin)
	for i := range all {
		all[i] = Canary
	}
	inside = all[margin : margin+n : margin+n]
	clear(inside)
	return inside, func() {
		t.Helper()
		CheckCanaries(t, all[:margin])
		CheckCanaries(t, all[margin+n:])
	}
}

// CheckCanaries fails where an element of x is no longer a canary.
func CheckCanaries(t testing.TB, x []float32) {
	t.Helper()
	for i, v := range x {
		if math.Float32bits(v) != math.Float32bits(Canary) {
			t.Fatalf("element %d of %d outside the output was overwritten with %v", i, len(x), v)
		}
	}
}

// unit is the largest relative error of one float32 rounding.
const unit = 1.0 / (1 << 24)

// SumTolerance bounds the error of a float32 sum of terms whose magnitudes add up to total: six
// standard deviations of what independent roundings do (Higham and Mary 2019), far below the
// worst case and far above any correct summation.
func SumTolerance(terms int, total float64) float64 {
	return 6*math.Sqrt(float64(terms)+1)*unit*total + math.SmallestNonzeroFloat32
}

// ULPs is the distance of got from want, in units of the last place of float32 near want.
func ULPs(got float32, want float64) float64 {
	if math.IsNaN(want) && got != got || float64(got) == want {
		return 0
	}
	near := float32(want)
	if math.IsInf(float64(near), 0) {
		if got == near {
			return 0
		}
		return math.Inf(1)
	}
	next := math.Nextafter32(float32(math.Abs(float64(near))), float32(math.Inf(1)))
	ulp := float64(next) - math.Abs(float64(near))
	if math.IsInf(ulp, 0) {
		ulp = math.Ldexp(1, 104)
	}
	return math.Abs(float64(got)-want) / ulp
}
