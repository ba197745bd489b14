package weights

import (
	"math"
	"testing"

	"palimpsest.dev/engine/kernel"
)

// TestDrawn: every format rounds the same weights, of deviation 1/√K, whatever else was asked before; noise is as large as the
// format's steps say; layers differ.
func TestDrawn(t *testing.T) {
	t.Parallel()
	const n, k = 150, 320 // the last group of outputs is not whole
	row := func(d Draw, name string, i int) []float32 {
		c := Drawn(Config{}, d)
		if d.Seed%2 == 1 { // another order of asking
			if _, err := c.Vector("language_model.norm.weight", k); err != nil {
				t.Fatal(err)
			}
		}
		m, err := c.Matrix(Float32, k, Part{name, 100}, Part{name + "2", n - 100})
		if err != nil || m.N() != n {
			t.Fatal(err)
		}
		x := make([]float32, k)
		m.Row(i, x)
		return x
	}
	const name = "language_model.layers.0.x"
	rms := func(a, b []float32) float64 {
		squares := 0.0
		for i := range a {
			d := float64(a[i] - b[i])
			squares += d * d
		}
		return math.Sqrt(squares / k)
	}
	zero := make([]float32, k)
	for _, seed := range []uint64{1, 2} {
		for _, i := range []int{0, 63, 64, 149} {
			plain := row(Draw{Format: kernel.Float32Format, Seed: seed}, name, i)
			if size := rms(plain, zero) * math.Sqrt(k); size < 0.85 || size > 1.15 {
				t.Errorf("weights of deviation %.2f/√K", size)
			}
			for f, step := range map[kernel.Format]float64{kernel.BFloat16Format: 0.003, kernel.SFPFormat: 0.05, kernel.Int8Format: 0.012, kernel.Int4Format: 0.11} {
				off := rms(row(Draw{Format: f, Seed: seed}, name, i), plain) * math.Sqrt(k)
				noise := rms(row(Draw{Format: f, Seed: seed, Noisy: true}, name, i), plain) * math.Sqrt(k)
				if off == 0 || off > step || noise < 0.6*off || noise > 2.5*off {
					t.Errorf("%s: packing is off by %.4f of a weight's size, its noise by %.4f", f, off, noise)
				}
			}
			first, other := row(Draw{Format: kernel.Float32Format, Seed: seed, Layer: 1}, name, i), row(Draw{Format: kernel.Float32Format, Seed: seed}, "language_model.layers.1.x", i)
			if rms(first, other) != 0 || rms(first, plain) == 0 {
				t.Error("layer 1 alone is not layer 1 of the whole")
			}
		}
	}
}
