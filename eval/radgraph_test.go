package eval

import (
	"math"
	"testing"
)

func TestRadGraphVectors(t *testing.T) {
	t.Parallel()
	var ref struct {
		Annotation_sets map[string]struct{ Entities map[string]RadGraphEntity }
		Cases           []struct {
			Hyp, Ref string
			Expected struct{ Simple, Partial, Complete float64 }
		}
	}
	readJSON(t, sharedFile(t, "metric_vectors/radgraph_reward.json"), &ref)
	var count tally
	for _, c := range ref.Cases {
		got := RadGraphF1(ref.Annotation_sets[c.Hyp].Entities, ref.Annotation_sets[c.Ref].Entities)
		name := c.Hyp + " of " + c.Ref
		count.check(t, name+" simple", got.Simple, c.Expected.Simple)
		count.check(t, name+" partial", got.Partial, c.Expected.Partial)
		count.check(t, name+" complete", got.Complete, c.Expected.Complete)
	}
	count.report(t, "RadGraph F1")
}

func TestClassF1s(t *testing.T) {
	t.Parallel()
	got := ClassF1s([][]string{{"Edema", "Edema", "Pneumonia"}, {}, {"Fracture"}}, [][]string{{"Edema"}, {"Pneumonia"}, {"Fracture"}})
	want := map[string][3]float64{"Edema": {1, 1, 1}, "Pneumonia": {0, 0, 0}, "Fracture": {1, 1, 1}, "micro": {2. / 3, 2. / 3, 2. / 3}}
	if len(got) != len(want) {
		t.Fatalf("%v", got)
	}
	for _, c := range got {
		w := want[c.Class]
		if math.Abs(c.Precision-w[0])+math.Abs(c.Recall-w[1])+math.Abs(c.F-w[2]) > 1e-12 {
			t.Errorf("%+v, want %v", c, w)
		}
	}
}
