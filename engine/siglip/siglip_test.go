package siglip_test

import (
	"image"
	"image/color"
	"slices"
	"strings"
	"testing"

	"palimpsest.dev/engine/enginetest"
	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/mat"
	"palimpsest.dev/engine/pool"
	"palimpsest.dev/engine/siglip"
	"palimpsest.dev/engine/weights"
)

// load writes a random checkpoint and loads its tower.
func load(t *testing.T, a weights.Arithmetic) *siglip.Model {
	t.Helper()
	dir := t.TempDir()
	if err := enginetest.WriteCheckpoint(dir, enginetest.Shape{}); err != nil {
		t.Fatal(err)
	}
	c, err := weights.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m, err := siglip.Load(c, a)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// picture has a different colour at every pixel.
func picture(side, seed int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			img.SetRGBA(x, y, color.RGBA{uint8(x*5 + seed), uint8(y * 3), uint8(x*y + seed), 255})
		}
	}
	return img
}

// TestImagesDoNotDependOnCompany encodes images alone and together, on one thread and on several: the
// features are the same to the last bit.
func TestImagesDoNotDependOnCompany(t *testing.T) {
	t.Parallel()
	p := pool.New(3)
	defer p.Close()
	for _, a := range []weights.Arithmetic{weights.Float32, weights.BFloat16} {
		m := load(t, a)
		images := []*image.RGBA{picture(56, 1), picture(56, 90), picture(56, 180)}
		var want []float32
		for _, img := range images {
			f, err := m.Encode(nil, new(siglip.State), []*image.RGBA{img}, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			f.Check("features", m.Patches(), 48)
			want = append(want, f.Data...)
		}
		if slices.Equal(want[:16*48], want[16*48:2*16*48]) {
			t.Error("different images have the same features")
		}
		s := new(siglip.State)
		for _, run := range []kernel.Runner{nil, p, nil} {
			f, err := m.Encode(run, s, images, nil, nil)
			if err != nil || !slices.Equal(f.Data, want) {
				t.Errorf("%s: features differ in company (%v)", a, err)
			}
		}
	}
}

// TestStages checks the names and order of what a tap sees, and that giving up stops the pass.
func TestStages(t *testing.T) {
	t.Parallel()
	m := load(t, weights.Float32)
	var stages []string
	tap := func(stage string, x mat.Mat) {
		if x.Rows != 16 {
			t.Errorf("%s has %d rows", stage, x.Rows)
		}
		stages = append(stages, stage)
	}
	if _, err := m.Encode(nil, new(siglip.State), []*image.RGBA{picture(56, 0)}, nil, tap); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(stages, " "), "vision.embeddings vision.layer.0 vision.layer.1 vision.post_layernorm projector"; got != want {
		t.Errorf("stages %s", got)
	}
	stages = nil
	if _, err := m.Encode(nil, new(siglip.State), []*image.RGBA{picture(56, 0)}, func() bool { return true }, tap); err != nil || len(stages) != 1 {
		t.Errorf("after giving up: %v, %v", stages, err)
	}
	if _, err := m.Encode(nil, new(siglip.State), []*image.RGBA{picture(57, 0)}, nil, nil); err == nil {
		t.Error("an image of the wrong size was encoded")
	}
}

// TestAlphaIsIgnored: only colour counts, as in the reference, which drops alpha.
func TestAlphaIsIgnored(t *testing.T) {
	t.Parallel()
	m := load(t, weights.Float32)
	plain, veiled := picture(56, 3), picture(56, 3)
	for i := 3; i < len(veiled.Pix); i += 4 {
		veiled.Pix[i] = 7
	}
	a, err := m.Encode(nil, new(siglip.State), []*image.RGBA{plain}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Encode(nil, new(siglip.State), []*image.RGBA{veiled}, nil, nil)
	if err != nil || !slices.Equal(a.Data, b.Data) {
		t.Errorf("alpha changes the features (%v)", err)
	}
}
