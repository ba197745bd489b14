package eval

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
)

// tally says how many of how many reference vectors agree.
type tally struct{ agree, all, ours int }

func (c *tally) check(t *testing.T, name string, got, want float64) {
	t.Helper()
	c.all++
	if math.Abs(got-want) <= 1e-6 {
		c.agree++
	} else {
		t.Errorf("%s: %.9f, want %.9f", name, got, want)
	}
}

func (c *tally) report(t *testing.T, what string) {
	t.Helper()
	t.Logf("%s: %d of %d vectors agree within 1e-6; %d more are where the reference fails and our rule stands", what, c.agree, c.all, c.ours)
	if c.all == 0 {
		t.Error("no vectors")
	}
}

func TestTEDSVectors(t *testing.T) {
	t.Parallel()
	testTEDS(t, "TEDS", sharedFile(t, "metric_vectors/teds.json"))
}

// Of malformed HTML too the tree is the one that the published metric sees.
func TestTEDSOfMalformedHTML(t *testing.T) {
	t.Parallel()
	testTEDS(t, "TEDS of malformed HTML", filepath.Join("testdata", "teds.json"))
}

func testTEDS(t *testing.T, what, file string) {
	t.Helper()
	var ref struct {
		Cases []struct {
			Name, Pred, True string
			Expected         map[string]json.RawMessage
		}
	}
	readJSON(t, file, &ref)
	variants := map[string]TEDSOptions{
		"teds": {}, "teds_struct": {StructureOnly: true}, "teds_ignore_b": {Ignore: []string{"b"}},
		"teds_ignore_b_i_sup_sub": {Ignore: []string{"b", "i", "sup", "sub"}},
	}
	var count tally
	for _, c := range ref.Cases {
		for variant, raw := range c.Expected {
			got, err := TEDS(c.Pred, c.True, variants[variant])
			if err != nil {
				t.Errorf("%s %s: %v", c.Name, variant, err)
				continue
			}
			var want float64
			if json.Unmarshal(raw, &want) != nil { // the reference failed
				count.ours++
				if got != 1 {
					t.Errorf("%s %s: %v; two empty tables are equal, and a span that is no number counts as 1", c.Name, variant, got)
				}
				continue
			}
			count.check(t, c.Name+" "+variant, got, want)
		}
	}
	count.report(t, what)
}

// slowTreeDistance is the recursion that defines the distance, over forests
// given as lists of nodes, for trees of a few nodes.
func slowTreeDistance(a, b *tableTree, cost func(i, j int) float64) float64 {
	type forests struct{ a0, a1, b0, b1 int } // post-order ranges
	memo := map[forests]float64{}
	var forest func(f forests) float64
	forest = func(f forests) float64 {
		switch {
		case f.a0 == f.a1:
			return float64(f.b1 - f.b0)
		case f.b0 == f.b1:
			return float64(f.a1 - f.a0)
		}
		if v, ok := memo[f]; ok {
			return v
		}
		i, j := f.a1-1, f.b1-1
		fi, fj := int(a.first[i]), int(b.first[j])
		v := min(forest(forests{f.a0, i, f.b0, f.b1}), forest(forests{f.a0, f.a1, f.b0, j})) + 1
		v = min(v, forest(forests{f.a0, fi, f.b0, fj})+forest(forests{fi, i, fj, j})+cost(i, j))
		memo[f] = v
		return v
	}
	return forest(forests{0, len(a.labels), 0, len(b.labels)})
}

// randomTable writes a table in some disorder.
func randomTable(rng *rand.Rand, rows int) string {
	var b strings.Builder
	b.WriteString("<table>")
	for range rng.IntN(rows + 1) {
		if rng.IntN(6) == 0 {
			b.WriteString([]string{"<thead>", "<tbody>", "</thead>", "</tbody>"}[rng.IntN(4)])
		}
		b.WriteString("<tr>")
		for range rng.IntN(5) {
			b.WriteString([]string{"<td>", "<td>", "<td colspan=2>", "<th>", "<td rowspan=2>"}[rng.IntN(5)])
			b.WriteString([]string{"", "a", "ab", "<b>a</b>b", "abc", strings.Repeat("long ", 15+rng.IntN(9))}[rng.IntN(6)])
		}
		b.WriteString("</tr>")
	}
	return Document(b.String() + "</table>")
}

func TestTreeDistanceIsTheDefinition(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		x, y := randomTable(rng, 4), randomTable(rng, 4)
		nx, _ := bodyTable(x)
		ny, _ := bodyTable(y)
		labels, tokens := symbols{}, symbols{}
		mirrored := rng.IntN(2) == 1
		a, b := treeOf(nx, TEDSOptions{}, labels, tokens, mirrored), treeOf(ny, TEDSOptions{}, labels, tokens, mirrored)
		got, err := treeDistance(a, b, len(tokens))
		if err != nil {
			t.Fatal(err)
		}
		want := slowTreeDistance(a, b, func(i, j int) float64 {
			switch {
			case a.labels[i] != b.labels[j]:
				return 1
			case len(a.cells[i])+len(b.cells[j]) == 0:
				return 0
			}
			return float64(distance(a.cells[i], b.cells[j])) / float64(max(len(a.cells[i]), len(b.cells[j])))
		})
		if math.Abs(got-want) > 1e-9 {
			t.Fatalf("%s\n%s\n%v, want %v", x, y, got, want)
		}
	}
}

// Whatever is compared together, each distance is the textbook's.
func TestKernel64(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(10, 11))
	word := func(longest int) []int32 {
		w := make([]int32, rng.IntN(longest+1))
		for i := range w {
			w[i] = int32(rng.IntN(5))
		}
		return w
	}
	var k kernel64
	k.init(5)
	for range 2000 {
		var patterns [][]int32
		longest, most := laneMax, shortAtOnce
		if rng.IntN(2) == 0 {
			longest, most = 64, longAtOnce
		}
		for range 1 + rng.IntN(most) {
			patterns = append(patterns, word(longest))
		}
		tree := &tableTree{}
		for range 4 {
			tree.cells = append(tree.cells, word(40))
		}
		texts := textsOf(tree)
		got := make([]int32, len(patterns)*len(texts.texts))
		k.set(patterns...)
		k.distances(got, texts.texts, texts.shared)
		k.clear()
		for i, p := range patterns {
			for j, s := range tree.cells {
				if got := int(got[int(texts.of[j])*len(patterns)+i]); got != distance(p, s) {
					t.Fatalf("%v and %v, %d of %d: %d, want %d", p, s, i, len(patterns), got, distance(p, s))
				}
			}
		}
	}
}

// bigTable is a table of n rows in which no two cells are equal.
func bigTable(rng *rand.Rand, rows, columns int) string {
	var b strings.Builder
	b.WriteString("<table><thead><tr>")
	for c := range columns {
		fmt.Fprintf(&b, "<td>Column %d</td>", c)
	}
	b.WriteString("</tr></thead><tbody>")
	for r := range rows - 1 {
		fmt.Fprintf(&b, "<tr><td>Row label %d</td>", r)
		for range columns - 1 {
			fmt.Fprintf(&b, "<td>%d.%02d ± %d</td>", rng.IntN(10000), rng.IntN(100), rng.IntN(100))
		}
		b.WriteString("</tr>")
	}
	return Document(b.String() + "</tbody></table>")
}

func TestTEDSRefusesWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	huge := Document("<table>" + strings.Repeat("<tr>", 6000) + "</table>")
	if _, err := TEDS(huge, huge, TEDSOptions{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	if got, err := TEDS(huge, Document("<table><tr></table>"), TEDSOptions{}); err != nil || math.Abs(got-1./6000) > 1e-9 {
		t.Errorf("got %v, %v", got, err)
	}
}

func BenchmarkTEDS200Rows(b *testing.B) {
	for _, columns := range []int{5, 10, 20} {
		b.Run(fmt.Sprintf("%dcolumns", columns), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(5, 6))
			x, y := bigTable(rng, 200, columns), bigTable(rng, 200, columns)
			for b.Loop() {
				if _, err := TEDS(x, y, TEDSOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
