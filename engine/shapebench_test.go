package engine

import (
	"context"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"palimpsest.dev/engine/enginetest"
	"palimpsest.dev/engine/weights"
)

// TestBench measures a small shape in every format: all figures are there, those of arithmetic are the description's, and a
// budget, a length and a cancelled context end it.
func TestBench(t *testing.T) {
	if testing.Short() {
		t.Skip("seconds of measuring")
	}
	c, err := weights.ReadConfig(checkpoint(t, enginetest.Shape{}))
	if err != nil {
		t.Fatal(err)
	}
	o := BenchOptions{Weights: "int8", Prompt: 4, Steps: 3, Pages: 2, Threads: 2, Memory: 1 << 30}
	for o.Weights, o.Arithmetic = range map[string]string{"bf16": "bfloat16", "int4": ""} {
		r, err := Bench(t.Context(), c, o)
		if err != nil {
			t.Fatal(err)
		}
		d, err := Describe(c, 2)
		if err != nil {
			t.Fatal(err)
		}
		for name, s := range map[string]BenchStage{"tower": r.Vision, "prefill": r.Prefill, "decode": r.Decode} {
			if !(s.Seconds > 0) || s.Operations == 0 || s.Bytes == 0 || math.IsNaN(s.Share) || r.Kernel != "go" && !(s.Share > 0) {
				t.Errorf("%s: %s: %+v", o.Weights, name, s)
			}
		}
		if r.Parameters != d.Parameters || r.Decode.Operations != 3*d.Operations.Token || r.Prefill.Operations != d.Operations.PrefillLinear+d.Operations.PrefillAttention ||
			r.Weights == 0 || r.Threads != 2 || r.Ceilings.Read == 0 {
			t.Errorf("%s: %+v", o.Weights, r)
		}
	}
	o.Weights, o.Folder = "int8", t.TempDir()
	r, err := Bench(t.Context(), c, o)
	if left, _ := os.ReadDir(o.Folder); err != nil || r.Opened <= 0 || r.Opened > r.Made || !(r.Decode.Seconds > 0) || len(left) > 0 {
		t.Errorf("from a packed file: %+v, %v, left: %v", r, err, left)
	}
	o.Folder = ""
	small := o
	small.Memory = 1000
	if _, err := Bench(t.Context(), c, small); err == nil || !strings.Contains(err.Error(), "the memory budget is 1000") {
		t.Errorf("a budget of 1000 bytes: %v", err)
	}
	long := o
	long.Steps = 8192
	if _, err := Bench(t.Context(), c, long); err == nil || !strings.Contains(err.Error(), "positions") {
		t.Errorf("8192 steps: %v", err)
	}
	unknown := o
	unknown.Arithmetic = "half"
	if _, err := Bench(t.Context(), c, unknown); err == nil || !strings.Contains(err.Error(), "bfloat16") {
		t.Errorf("an unknown arithmetic: %v", err)
	}
	none := o
	none.Pages = 0
	if _, err := Bench(t.Context(), c, none); err == nil {
		t.Error("no pages were measured without an error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Bench(ctx, c, o); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
