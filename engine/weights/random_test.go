package weights

import (
	"math"
	"testing"

	"palimpsest.dev/engine/kernel"
)

// TestRandom: random matrices are of the format asked for, and products over them neither overflow nor vanish.
func TestRandom(t *testing.T) {
	t.Parallel()
	const n, k = 100, 576
	row := make([]float32, k)
	for i := range row {
		row[i] = float32(i%9) - 4
	}
	for _, f := range kernel.Formats() {
		c := Random(Config{}, f, 1)
		m, err := c.Matrix(Float32, k, Part{"language_model.x", n})
		if err != nil || m.Format() != f {
			t.Fatal(err)
		}
		out := make([]float32, n)
		kernel.MatMul(nil, out, n, row, k, 1, m, nil)
		squares := 0.0
		for _, v := range out {
			squares += float64(v) * float64(v)
		}
		if rms := math.Sqrt(squares / n); !(rms > 0.1 && rms < 30) {
			t.Errorf("%s: outputs of size %g", f, rms)
		}
		if c.Parameters() != n*k {
			t.Errorf("%d parameters", c.Parameters())
		}
	}
}
