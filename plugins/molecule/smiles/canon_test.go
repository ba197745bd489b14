package smiles

import (
	"flag"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var manyOrders = flag.Int("orders", 100, "random orders of each molecule in TestCanonicalOrders; 1000 takes a minute")

// shuffled spells a molecule in a random order of its atoms and parts.
func shuffled(m *Molecule, r *rand.Rand) string {
	var parts []string
	for _, g := range m.graphs(true) {
		rank := make([]int32, len(g.atoms))
		for k, i := range r.Perm(len(rank)) {
			rank[k] = int32(i)
		}
		parts = append(parts, g.write(rank))
	}
	r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return strings.Join(parts, ".")
}

// TestCanonicalOrders: random orders of the atoms of a molecule, written as
// text and read again, give one canonical text.
func TestCanonicalOrders(t *testing.T) {
	t.Parallel()
	orders, molecules := *manyOrders, 200
	if testing.Short() || raceEnabled {
		orders = 5
	}
	rows := oracle(t)
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	// Those that are hard: many marks, many rings, high symmetry.
	slices.SortStableFunc(rows, func(a, b oracleRow) int { return hardness(b) - hardness(a) })
	picked := append(slices.Clone(rows[:molecules/2]), rows[len(rows)-molecules/2:]...)
	same := 0
	for _, row := range picked {
		m, err := Parse(row.Smiles)
		if err != nil {
			t.Fatal(err)
		}
		want := m.Canonical()
		for range orders {
			text := shuffled(m, r)
			if got := canonical(t, text); got != want {
				t.Errorf("%s: %s gives\n%s, want\n%s", row.Smiles, text, got, want)
				break
			}
			same++
		}
	}
	t.Logf("%d of %d random orders of %d molecules give the molecule's one text", same, orders*len(picked), len(picked))
}

// TestCanonicalHardGraphs: the same of graphs whose symmetry makes the search
// work, and of those that look alike from every atom.
func TestCanonicalHardGraphs(t *testing.T) {
	t.Parallel()
	if raceEnabled {
		t.Skip("one goroutine, and slow under the race detector")
	}
	r := rand.New(rand.NewPCG(5, 6))
	for name, text := range hardGraphs() {
		m, err := Parse(text)
		if err != nil || len(m.Atoms) > 150 {
			continue
		}
		want := m.Canonical()
		for range 3 {
			if got := canonical(t, shuffled(m, r)); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
				break
			}
		}
	}
	// Two graphs of degree 3 that refining alone cannot tell apart.
	prism := spell("[U]", 6, [][2]int{{0, 1}, {1, 2}, {2, 0}, {3, 4}, {4, 5}, {5, 3}, {0, 3}, {1, 4}, {2, 5}})
	utility := spell("[U]", 6, [][2]int{{0, 3}, {0, 4}, {0, 5}, {1, 3}, {1, 4}, {1, 5}, {2, 3}, {2, 4}, {2, 5}})
	if canonical(t, prism) == canonical(t, utility) {
		t.Error("a prism and the utility graph have one form")
	}
}

func hardness(r oracleRow) int {
	return min(3, r.StereoCentres) + 2*min(3, r.StereoBonds) + r.Rings/4
}

func BenchmarkCanonical(b *testing.B) {
	for _, s := range []struct{ name, text string }{
		{"aspirin", "CC(=O)Oc1ccccc1C(=O)O"},
		{"morphine", "CN1CC[C@]23[C@@H]4[C@H]1Cc1c2c(c(cc1)O)O[C@H]3[C@H](C=C4)O"},
		{"inositol", "O[C@H]1[C@H](O)[C@@H](O)[C@H](O)[C@H](O)[C@@H]1O"},
		{"fullerene", "c12c3c4c5c1c1c6c7c2c2c8c3c3c9c4c4c%10c5c5c1c1c6c6c%11c7c2c2c7c8c3c3c8c9c4c4c9c%10c5c5c1c1c6c6c%11c2c2c7c3c3c8c4c4c9c5c1c1c6c2c3c41"},
	} {
		m, err := Parse(s.text)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(s.name+"/parse", func(b *testing.B) {
			for b.Loop() {
				if _, err := Parse(s.text); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(s.name+"/canonical", func(b *testing.B) {
			for b.Loop() {
				m.Canonical()
			}
		})
	}
}
