package engine

import (
	"math"
	"strings"
	"testing"

	"palimpsest.dev/engine/enginetest"
	"palimpsest.dev/engine/weights"
)

// described is a shape by its name and what is said of it.
func described(t *testing.T, name string) (weights.Config, Description) {
	t.Helper()
	c, err := Shape(name)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Describe(c, 2)
	if err != nil {
		t.Fatal(err)
	}
	return c, d
}

// TestDescribeReleased holds the nine released models to their parameters, as the presets of KerasHub list them and the
// shapes in the report add up to.
func TestDescribeReleased(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int64{
		"3b-224": 3_032_094_960, "3b-448": 3_032_979_696, "3b-896": 3_036_518_640,
		"10b-224": 9_662_409_456, "10b-448": 9_663_294_192, "10b-896": 9_666_833_136,
		"28b-224": 27_650_192_112, "28b-448": 27_651_076_848, "28b-896": 27_654_615_792,
	} {
		c, d := described(t, name)
		if d.Parameters != want || d.Padding != 0 {
			t.Errorf("%s has %d parameters and %d padding, want %d", name, d.Parameters, d.Padding, want)
		}
		c.Text.Vocab = 257216 // as published
		published, err := Describe(c, 2)
		if err != nil || published.Parameters != want || published.Padding != int64(64*c.Text.Hidden) {
			t.Errorf("%s as published: %d parameters and %d padding, %v", name, published.Parameters, published.Padding, err)
		}
		// Two bytes a parameter, but for norms, biases and positions, which have four.
		if bf16 := published.Memory[1]; bf16.Format != "bf16" || bf16.Bytes < 2*want || float64(bf16.Bytes) > 2.01*float64(want)+12e6 {
			t.Errorf("%s: %+v for %d parameters", name, bf16, want)
		}
	}
	small, err := Shape("3b")
	if err != nil || small.Vision.Image != 224 {
		t.Errorf("3b alone is at %d, %v", small.Vision.Image, err)
	}
	for _, name := range []string{"", "4b", "3b-225", "3b-x", "3b-448-2"} {
		if _, err := Shape(name); err == nil || !strings.Contains(err.Error(), "224 448 896") {
			t.Errorf("shape %q: %v", name, err)
		}
	}
}

// TestDescribeWork holds the counts of the 3B to the figures that were worked out by hand for the report's workload, 260
// tokens at 224 pixels, and for the larger images, in units of 10^9.
func TestDescribeWork(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][5]float64{ // tower, its attention; decoder, its attention; a token
		"3b-224": {212, 8.2, 1053, 14.4, 5.23}, "3b-448": {849, 130, 4162, 225, 5.23}, "3b-896": {3395, 2087, 16599, 3581, 5.23},
	} {
		_, d := described(t, name)
		o := d.Operations
		for i, got := range []int64{o.VisionLinear, o.VisionAttention, o.PrefillLinear, o.PrefillAttention, o.Token} {
			if g := float64(got) / 1e9; math.Abs(g-want[i]) > 0.01*want[i] {
				t.Errorf("%s: count %d is %.2f, want %.2f", name, i, g, want[i])
			}
		}
	}
}

// TestCheckMemory: what does not fit a machine is refused with the figures.
func TestCheckMemory(t *testing.T) {
	t.Parallel()
	const budget = 24 << 30
	for name, fits := range map[string]map[string]bool{
		"28b-224": {"float32": false, "bf16": false, "sfp": false, "int8": false, "int4": true},
		"10b-224": {"bf16": true, "int8": true},
		"3b-896":  {"float32": true, "int4": true},
	} {
		_, d := described(t, name)
		for format, ok := range fits {
			err := d.CheckMemory(format, budget)
			if (err == nil) != ok {
				t.Errorf("%s in %s: %v", name, format, err)
			}
			if err != nil && (!strings.Contains(err.Error(), "25769803776") || !strings.Contains(err.Error(), format)) {
				t.Errorf("%s in %s: %v lacks the figure", name, format, err)
			}
		}
		if err := d.CheckMemory("int3", budget); err == nil {
			t.Error("int3 was accepted")
		}
	}
}

// TestDescribeIsWhatOpens: the memory said of a checkpoint is what an engine over its packed files takes, up to the
// tables of the rotary embedding, which are computed.
func TestDescribeIsWhatOpens(t *testing.T) {
	t.Parallel()
	src := checkpoint(t, enginetest.Shape{})
	c, err := weights.ReadConfig(src)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Describe(c, 2)
	if err != nil {
		t.Fatal(err)
	}
	ck, err := weights.Open(src)
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	if n := ck.Parameters(); d.Parameters+d.Padding != n {
		t.Errorf("%d parameters and %d padding, the files hold %d", d.Parameters, d.Padding, n)
	}
	for _, m := range d.Memory {
		_, size, err := VerifyPacked(pack(t, src, m.Format))
		if err != nil || math.Abs(float64(size-m.Bytes)) > 0.25*float64(m.Bytes)+32e3 { // an index of small tensors
			t.Errorf("%s: %d bytes said, %d packed, %v", m.Format, m.Bytes, size, err)
		}
	}
}
