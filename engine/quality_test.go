package engine

import (
	"context"
	"errors"
	"image"
	"math"
	"slices"
	"strings"
	"testing"

	"palimpsest.dev/engine/enginetest"
	"palimpsest.dev/engine/gemma"
	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/mat"
	"palimpsest.dev/engine/siglip"
	"palimpsest.dev/engine/weights"
)

// TestQuality compares the formats on a small shape: float32 is exact, the others are off, the narrower the more, and within
// the limits; the same seed gives the same figures, another one others.
func TestQuality(t *testing.T) {
	t.Parallel()
	c := smallShape(t)
	o := QualityOptions{Weights: PackedFormats(), Prompt: 4, Steps: 3, Threads: 2, Memory: 1 << 30}
	all, err := MeasureQuality(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	last := QualityStage{}
	for i, q := range all {
		if q.Weights != o.Weights[i] {
			t.Errorf("%s where %s is expected", q.Weights, o.Weights[i])
		}
		t.Logf("%+v", q)
		if q.Weights == "float32" {
			if q.Vision != (QualityStage{}) || q.Prefill != (QualityStage{}) || q.Decode != (QualityStage{}) {
				t.Errorf("float32 differs from itself: %+v", q)
			}
			continue
		}
		if !q.Within() || !(q.Decode.Error > 0) || math.IsInf(q.Decode.Limit, 0) {
			t.Errorf("outside of its limits: %+v", q)
		}
		if q.Weights == "sfp" || q.Weights == "int4" {
			if q.Decode.Error < last.Error {
				t.Errorf("%s is off by %g, less than the wider format before it", q.Weights, q.Decode.Error)
			}
		}
		last = q.Decode
	}
	o.Weights = []string{"int8"}
	again, err := MeasureQuality(t.Context(), c, o)
	if err != nil || !slices.Equal(again, all[3:4]) {
		t.Errorf("the second time %+v, %v", again, err)
	}
	o.Seed = 7
	if other, err := MeasureQuality(t.Context(), c, o); err != nil || slices.Equal(other, again) {
		t.Errorf("with another seed %+v, %v", other, err)
	}
}

// TestQualityIsTheWholeModel: layer by layer, features and logits are those of the whole model, bit for bit.
func TestQualityIsTheWholeModel(t *testing.T) {
	t.Parallel()
	c := smallShape(t)
	for _, f := range []kernel.Format{kernel.Float32Format, kernel.Int8Format} {
		q := &quality{options: QualityOptions{Prompt: 4, Steps: 3, Seed: 3}, config: c, stop: func() bool { return false }, variants: []*variant{{format: f}}}
		if err := q.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		whole := weights.Drawn(c, weights.Draw{Format: f, Seed: 3})
		tower, err := siglip.Load(whole, weights.Float32)
		if err != nil {
			t.Fatal(err)
		}
		text, err := gemma.Load(whole, gemma.Options{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := &variant{logits: mat.New(4, text.Vocab())}
		if want.features, err = tower.Encode(nil, new(siglip.State), []*image.RGBA{noiseImage(c.Vision.Image)}, nil, nil); err != nil {
			t.Fatal(err)
		}
		q.begin(want, text)
		cache, state := text.NewCache(), new(gemma.State)
		for i := range 4 {
			x := want.prefix
			if i > 0 {
				x = want.answer.Slice(i-1, i)
			}
			copy(want.logits.Row(i), text.Forward(nil, state, []gemma.Segment{{Cache: cache, Rows: x.Rows}}, x, nil, nil).Data)
		}
		if got := q.variants[0]; !slices.Equal(got.features.Data, want.features.Data) || !slices.Equal(got.logits.Data, want.logits.Data) {
			t.Errorf("%s: layer by layer is off from the whole model by %g and %g", f, relativeError(got.features, want.features), relativeError(got.logits, want.logits))
		}
	}
}

// TestQualityRefuses: what makes no sense, or does not fit.
func TestQualityRefuses(t *testing.T) {
	t.Parallel()
	c := smallShape(t)
	good := QualityOptions{Weights: []string{"int8"}, Prompt: 2, Steps: 1, Memory: 1 << 30}
	for want, change := range map[string]func(*QualityOptions){
		"at least 1":           func(o *QualityOptions) { o.Steps = 0 },
		`weights "int3"`:       func(o *QualityOptions) { o.Weights = []string{"int3"} },
		"positions":            func(o *QualityOptions) { o.Prompt = 9000 },
		"one layer of the dec": func(o *QualityOptions) { o.Memory = 1000 },
	} {
		o := good
		change(&o)
		if _, err := MeasureQuality(t.Context(), c, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := MeasureQuality(ctx, c, good); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// smallShape is the configuration of a small checkpoint.
func smallShape(t *testing.T) weights.Config {
	t.Helper()
	c, err := weights.ReadConfig(checkpoint(t, enginetest.Shape{}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}
