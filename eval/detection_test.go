package eval

import (
	"math"
	"path/filepath"
	"testing"
)

// The figures are those of the COCO evaluation over random boxes, crowds and
// more than a hundred detections among them.
func TestAveragePrecisionVectors(t *testing.T) {
	t.Parallel()
	var ref struct {
		Cases []struct {
			Objects        []Object
			Found          []Detection
			AP, AP50, AP75 float64
			Classes        map[string]float64
		}
	}
	readJSON(t, filepath.Join("testdata", "detection.json"), &ref)
	var count tally
	for _, c := range ref.Cases {
		got := AveragePrecision(c.Found, c.Objects)
		count.check(t, "AP", got.Mean, c.AP)
		count.check(t, "AP50", got.At50, c.AP50)
		count.check(t, "AP75", got.At75, c.AP75)
		if len(got.Class) != len(c.Classes) {
			t.Errorf("classes %v, want %v", got.Class, c.Classes)
		}
		for class, want := range c.Classes {
			count.check(t, class, got.Class[class], want)
		}
	}
	count.report(t, "detection AP")
}

func TestAveragePrecision(t *testing.T) {
	t.Parallel()
	box := [4]float64{0, 0, 10, 10}
	object := []Object{{Image: "1", Class: "a", Box: box}}
	for _, c := range []struct {
		name     string
		found    []Detection
		objects  []Object
		mean, at float64
	}{
		{"perfect", []Detection{{"1", "a", box, 1}}, object, 1, 1},
		{"nothing found", nil, object, 0, 0},
		{"nothing there", []Detection{{"1", "a", box, 1}}, nil, 0, 0},
		{"another image", []Detection{{"2", "a", box, 1}}, object, 0, 0},
		{"another class", []Detection{{"1", "b", box, 1}}, object, 0, 0},
		{"found twice", []Detection{{"1", "a", box, 1}, {"1", "a", box, 0.9}}, object, 1, 1},
		{"a surer mistake", []Detection{{"1", "a", [4]float64{50, 50, 60, 60}, 1}, {"1", "a", box, 0.9}}, object, 0.5, 0.5},
		{"overlap of 0.72", []Detection{{"1", "a", [4]float64{0, 0, 10, 7.2}, 1}}, object, 0.5, 1},
		{"on a crowd", []Detection{{"1", "a", box, 0.9}, {"1", "a", [4]float64{20, 20, 30, 30}, 1}}, append([]Object{{"1", "a", [4]float64{20, 20, 90, 90}, true}}, object...), 1, 1},
	} {
		if got := AveragePrecision(c.found, c.objects); math.Abs(got.Mean-c.mean) > 1e-9 || math.Abs(got.At50-c.at) > 1e-9 {
			t.Errorf("%s: %+v, want %v and %v", c.name, got, c.mean, c.at)
		}
	}
}

func TestOverlapsAndPerplexity(t *testing.T) {
	t.Parallel()
	unit := [4]float64{0, 0, 1, 1}
	got := MeanIoU([][4]float64{unit, {0, 0, 1, 0.5}, {}, {}}, [][4]float64{unit, unit, unit, {}})
	if want := (1 + 0.5 + 0 + 1) / 4.; math.Abs(got-want) > 1e-12 {
		t.Errorf("mean IoU %v, want %v", got, want)
	}
	if got := MeanIoU(nil, [][4]float64{unit}); got != 0 {
		t.Errorf("mean IoU of no answers %v", got)
	}
	if got := MaskIoU([]bool{true, true, false}, []bool{true, false, true}); math.Abs(got-1./3) > 1e-12 {
		t.Errorf("mask IoU %v", got)
	}
	if MaskIoU([]bool{false}, []bool{false}) != 1 || MaskIoU([]bool{true}, nil) != 0 {
		t.Error("empty masks are equal, masks of different sizes share nothing")
	}
	if got := Perplexity([]float64{math.Log(0.5), math.Log(0.125)}); math.Abs(got-4) > 1e-12 {
		t.Errorf("perplexity %v, want 4", got)
	}
}
