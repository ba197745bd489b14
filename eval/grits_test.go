package eval

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestGriTSVectors(t *testing.T) {
	t.Parallel()
	type cell struct {
		Row_nums, Column_nums []int
		Bbox                  [4]float64
		Cell_text             string
	}
	var ref struct {
		Html_cases []struct {
			Name, True, Pred string
			Expected         map[string]json.RawMessage
		}
		Cell_sets  map[string][]cell
		Cell_cases []struct {
			True, Pred string
			Expected   map[string]struct{ Fscore, Precision, Recall, Upper_bound float64 }
		}
		Lcs_similarity []struct {
			A, B     string
			Expected float64
		}
		Iou []struct {
			A, B     [4]float64
			Expected float64
		}
	}
	readJSON(t, sharedFile(t, "metric_vectors/grits.json"), &ref)
	var count tally
	for _, c := range ref.Html_cases {
		read, err := GridCells(c.Pred)
		if err != nil {
			t.Fatal(err)
		}
		truth, err := GridCells(c.True)
		if err != nil {
			t.Fatal(err)
		}
		top, err := GriTSTop(read, truth)
		if err != nil {
			t.Fatal(err)
		}
		con, err := GriTSCon(read, truth)
		if err != nil {
			t.Fatal(err)
		}
		if _, failed := c.Expected["error"]; failed {
			// Missing places count as empty cells, and what is not XML is read as HTML.
			count.ours++
			if want, by := map[string][2]float64{"ragged_pred": {1, 0.75}, "not_xml_br": {0.4, 0}, "html_entity_nbsp": {0.4, 0}}[c.Name]; by {
				if top.F != want[0] || con.F != want[1] {
					t.Errorf("%s: top %v, con %v, our rule gives %v", c.Name, top, con, want)
				}
			} else if !(con.F > 0.5 && top.F > 0.5 && top.F <= 1) {
				t.Errorf("%s: top %v, con %v of two nearly equal tables", c.Name, top, con)
			}
			continue
		}
		for name, got := range map[string]float64{
			"grits_top": top.F, "grits_precision_top": top.Precision, "grits_recall_top": top.Recall, "grits_top_upper_bound": top.UpperBound,
			"grits_con": con.F, "grits_precision_con": con.Precision, "grits_recall_con": con.Recall, "grits_con_upper_bound": con.UpperBound} {
			var want float64
			if err := json.Unmarshal(c.Expected[name], &want); err != nil {
				t.Fatalf("%s: %v", c.Name, err)
			}
			count.check(t, c.Name+" "+name, got, want)
		}
	}
	sets := map[string][]GridCell{}
	for name, set := range ref.Cell_sets {
		for _, c := range set {
			sets[name] = append(sets[name], GridCell{Rows: [2]int{c.Row_nums[0], c.Row_nums[len(c.Row_nums)-1] + 1},
				Columns: [2]int{c.Column_nums[0], c.Column_nums[len(c.Column_nums)-1] + 1}, Text: c.Cell_text, Box: c.Bbox})
		}
	}
	for _, c := range ref.Cell_cases {
		for kind, f := range map[string]func(read, truth []GridCell) (GriTS, error){"top": GriTSTop, "con": GriTSCon, "loc": GriTSLoc} {
			got, err := f(sets[c.Pred], sets[c.True])
			if err != nil {
				t.Fatal(err)
			}
			name, want := c.True+" "+c.Pred+" "+kind, c.Expected[kind]
			count.check(t, name, got.F, want.Fscore)
			count.check(t, name+" precision", got.Precision, want.Precision)
			count.check(t, name+" recall", got.Recall, want.Recall)
			count.check(t, name+" bound", got.UpperBound, want.Upper_bound)
		}
	}
	for _, c := range ref.Lcs_similarity {
		count.check(t, "similarity", matchingSimilarity([]rune(c.A), []rune(c.B)), c.Expected)
	}
	for _, c := range ref.Iou {
		count.check(t, "iou", boundingIoU(c.A, c.B), c.Expected)
	}
	count.report(t, "GriTS")
}

func TestGriTSOfItselfIsOne(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(8, 9))
	for range 50 {
		cells, err := GridCells(randomTable(rng, 6))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []func(read, truth []GridCell) (GriTS, error){GriTSTop, GriTSCon} {
			got, err := f(cells, cells)
			if want := (GriTS{1, 1, 1, 1}); len(cells) > 0 && (err != nil || got != want) {
				t.Errorf("%v, %v", got, err)
			}
		}
	}
	if _, err := GridCells(strings.Repeat("<td colspan=1000>", 10)); err != nil {
		t.Error(err)
	}
	wide := []GridCell{{Rows: [2]int{0, 2000}, Columns: [2]int{0, 2000}}}
	if _, err := GriTSTop(wide, wide); err == nil {
		t.Error("a grid beyond the limit was compared")
	}
}

func BenchmarkGriTSCon200Rows(b *testing.B) {
	rng := rand.New(rand.NewPCG(5, 6))
	x, _ := GridCells(bigTable(rng, 200, 5))
	y, _ := GridCells(bigTable(rng, 200, 5))
	for b.Loop() {
		if _, err := GriTSCon(x, y); err != nil {
			b.Fatal(err)
		}
	}
}
