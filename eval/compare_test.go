package eval

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// runOf makes a run whose items have the given values of one metric.
func runOf(subset string, values ...float64) []Result {
	var out []Result
	for i, v := range values {
		out = append(out, Result{ID: fmt.Sprintf("%s%d", subset, i), Subset: subset, Metrics: map[string]float64{"f1": v}})
	}
	return out
}

func TestCompare(t *testing.T) {
	t.Parallel()
	// Six items, all better by the same: of the 64 ways of swapping two are as far from zero.
	got := Compare(runOf("s", 0, 0, 0, 0, 0, 0), runOf("s", 1, 1, 1, 1, 1, 1))
	if len(got.Pairs) != 1 {
		t.Fatalf("%+v", got)
	}
	p := got.Pairs[0]
	if p.Subset != "s" || p.Metric != "f1" || p.Items != 6 || p.A != 0 || math.Abs(p.B-1) > 1e-12 || p.Above != 6 || math.Abs(p.P-2./64) > 1e-12 || p.Low > p.Difference || p.High < p.Difference {
		t.Errorf("%+v", p)
	}
	// The same runs do not differ.
	same := runOf("s", 0.2, 0.4, 0.9)
	if p := Compare(same, same).Pairs[0]; p.Difference != 0 || p.P != 1 || p.Low != 0 || p.High != 0 || p.Equal != 3 {
		t.Errorf("%+v", p)
	}
	// One better, one worse by as much: all four ways are as far.
	if p := Compare(runOf("s", 0, 1), runOf("s", 1, 0)).Pairs[0]; p.P != 1 || p.Above != 1 || p.Below != 1 {
		t.Errorf("%+v", p)
	}
	// Signs +1 +1 +1 -1: sum 2; as far are sums of 2 and more: 4+1 ways each side.
	if p := Compare(runOf("s", 0, 0, 0, 1), runOf("s", 1, 1, 1, 0)).Pairs[0]; math.Abs(p.P-10./16) > 1e-12 {
		t.Errorf("%+v", p)
	}
}

func TestCompareManyItems(t *testing.T) {
	t.Parallel()
	var a, b, c []float64
	for i := range 200 {
		v := float64(i%10) / 10
		a = append(a, v)
		b = append(b, v+[]float64{0.1, -0.1}[i%2]) // no difference on the whole
		c = append(c, v+[]float64{0.1, -0.02}[i%2])
	}
	even, better := Compare(runOf("s", a...), runOf("s", b...)).Pairs[0], Compare(runOf("s", a...), runOf("s", c...)).Pairs[0]
	if even.P < 0.9 || even.Low > 0 || even.High < 0 {
		t.Errorf("%+v", even)
	}
	if better.P > 0.001 || better.Low <= 0 || math.Abs(better.Difference-0.04) > 1e-9 {
		t.Errorf("%+v", better)
	}
	if again := Compare(runOf("s", a...), runOf("s", c...)).Pairs[0]; again != better {
		t.Error("the same runs give another result")
	}
}

func TestComparePairsByItem(t *testing.T) {
	t.Parallel()
	a := append(runOf("x", 0.1, 0.2, 0.3), runOf("y", 0.5)...)
	b := append(runOf("y", 0.7, 0.9), runOf("x", 0.2, 0.2)...)
	got := Compare(a, b)
	if fmt.Sprint(got.OnlyA, got.OnlyB) != "[x2] [y1]" {
		t.Errorf("%v %v", got.OnlyA, got.OnlyB)
	}
	var subsets []string
	for _, p := range got.Pairs {
		subsets = append(subsets, fmt.Sprintf("%s %d %.2f", p.Subset, p.Items, p.Difference))
	}
	if s := strings.Join(subsets, ", "); s != "all 3 0.10, x 2 0.05, y 1 0.20" {
		t.Error(s)
	}
}

func TestReadResults(t *testing.T) {
	t.Parallel()
	got, err := ReadResults(strings.NewReader(`{"id":"a","subset":"s","metrics":{"cer":0.5}}

{"id":"b","subset":"s","metrics":{},"error":"no"}
{"id":"a","subset":"s","metrics":{"cer":0.25}}
{"totals":{"s":{}}}
`))
	if err != nil || len(got) != 2 || got[0].Metrics["cer"] != 0.25 || got[1].Error != "no" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"{", `{"subset":"s"}`, `[]`} {
		if _, err := ReadResults(strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
