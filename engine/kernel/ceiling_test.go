package kernel_test

import (
	"testing"

	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/kernel/kerneltest"
)

// TestCeilings: they are measured, and every kind of arithmetic that has its own instructions has one.
func TestCeilings(t *testing.T) {
	if testing.Short() || kerneltest.Race {
		t.Skip("a second of measuring")
	}
	kerneltest.Each(t, func(t *testing.T) {
		c := kernel.MeasureCeilings(threads{}, 2)
		t.Logf("float32 %.1f GFLOP/s, int8 %.1f, int4 %.1f GOP/s, reading %.1f GB/s", c.Float32/1e9, c.Int8/1e9, c.Int4/1e9, c.Read/1e9)
		if c.Read <= 0 || kernel.Name() != "go" && (c.Float32 <= 0 || c.Int8 <= 0 || c.Int4 <= 0) {
			t.Errorf("%+v", c)
		}
	})
}
