package eval

import (
	"math"
	"testing"
)

func TestHierTextPolygonVectors(t *testing.T) {
	t.Parallel()
	type span struct {
		Vertices [][2]float64
		Text     string
		Legible  *bool
	}
	type sums map[string]float64
	var ref struct {
		Cases []struct {
			Name                   string
			GT, Pred               []span
			Accumulators, Expected sums
		}
		Corpus struct{ Accumulators, Expected sums }
	}
	readJSON(t, sharedFile(t, "metric_vectors/hiertext_word.json"), &ref)
	var count tally
	outlines := func(spans []span) (out []Outline) {
		for _, s := range spans {
			out = append(out, Outline{Text: s.Text, Polygon: s.Vertices, Ignore: s.Legible != nil && !*s.Legible})
		}
		return out
	}
	check := func(name string, got HierText, accumulators, expected sums) {
		d, e := got.Detection(), got.Spotting()
		for key, v := range map[string]float64{"num_prediction": got.Read, "num_groundtruth": got.All, "tp_det_cnt": got.Found, "tp_e2e_cnt": got.Spotted,
			"tp_det_tightness_sum": got.FoundTightness, "tp_e2e_tightness_sum": got.SpottedTightness} {
			count.check(t, name+" "+key, v, accumulators[key])
		}
		for key, v := range map[string]float64{"Det-Recall": d.Recall, "Det-Precision": d.Precision, "Det-Fscore": d.F, "Det-Tightness": d.Tightness, "Det-PQ": d.PQ,
			"E2E-Recall": e.Recall, "E2E-Precision": e.Precision, "E2E-Fscore": e.F, "E2E-Tightness": e.Tightness, "E2E-PQ": e.PQ} {
			count.check(t, name+" "+key, v, expected[key])
		}
	}
	var corpus HierText
	for _, c := range ref.Cases {
		got, ok := HierTextWords(outlines(c.Pred), outlines(c.GT))
		if !ok {
			t.Fatal("too many words")
		}
		check(c.Name, got, c.Accumulators, c.Expected)
		corpus = corpus.Plus(got)
	}
	check("corpus", corpus, ref.Corpus.Accumulators, ref.Corpus.Expected)
	count.report(t, "HierText words")
}

func TestPolygonsShareTheirArea(t *testing.T) {
	t.Parallel()
	square := [][2]float64{{0, 0}, {4, 0}, {4, 4}, {0, 4}}
	for _, c := range []struct {
		name string
		a, b [][2]float64
		want float64
	}{
		{"itself", square, square, 16},
		{"the other way round", square, [][2]float64{{0, 4}, {4, 4}, {4, 0}, {0, 0}}, 16},
		{"a diamond", square, [][2]float64{{2, -2}, {6, 2}, {2, 6}, {-2, 2}}, 16},
		{"a small diamond", square, [][2]float64{{2, 0}, {4, 2}, {2, 4}, {0, 2}}, 8},
		{"apart", square, [][2]float64{{5, 5}, {6, 5}, {6, 6}}, 0},
		{"an L", square, [][2]float64{{0, 0}, {8, 0}, {8, 2}, {2, 2}, {2, 8}, {0, 8}}, 12},
		{"an arrow and its notch", [][2]float64{{0, 0}, {4, 4}, {0, 8}, {2, 4}}, [][2]float64{{0, 3}, {2, 3}, {2, 5}, {0, 5}}, 0.5},
		{"a line", square, [][2]float64{{0, 0}, {4, 4}}, 0},
		{"nothing", square, nil, 0},
	} {
		for range 2 {
			if got := newShape(c.a).shared(newShape(c.b)); math.Abs(got-c.want) > 1e-9 {
				t.Errorf("%s: %v, want %v", c.name, got, c.want)
			}
			c.a, c.b = c.b, c.a
		}
	}
}
