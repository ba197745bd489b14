package smiles

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// spell writes a graph as a text: every atom on its own, joined by ring labels.
func spell(atom string, n int, bonds [][2]int) string {
	labels := make([]string, n)
	for k, b := range bonds {
		l := "%(" + itoa(k+1) + ")"
		labels[b[0]] += l
		labels[b[1]] += l
	}
	for i := range labels {
		labels[i] = atom + labels[i]
	}
	return strings.Join(labels, ".")
}

// hardGraphs are graphs that symmetry or many rings make hard.
func hardGraphs() map[string]string {
	lattice := func(rows, columns int, around bool) (n int, bonds [][2]int) {
		for i := range rows {
			for j := range columns {
				if j+1 < columns || around && columns > 2 {
					bonds = append(bonds, [2]int{i*columns + j, i*columns + (j+1)%columns})
				}
				if i+1 < rows || around && rows > 2 {
					bonds = append(bonds, [2]int{i*columns + j, (i+1)%rows*columns + j})
				}
			}
		}
		return rows * columns, bonds
	}
	out := map[string]string{}
	put := func(name, atom string, n int, bonds [][2]int) { out[name] = spell(atom, n, bonds) }
	n, bonds := lattice(2, 100, false)
	put("ladder", "[U]", n, bonds)
	n, bonds = lattice(2, 300, false)
	put("long ladder", "[U]", n, bonds)
	n, bonds = lattice(13, 13, false)
	put("sheet", "[U]", n, bonds)
	n, bonds = lattice(8, 8, true)
	put("torus", "[U]", n, bonds)
	put("marked torus", "[C@]", n, bonds)
	n, bonds = lattice(4, 4, true)
	put("small marked torus", "[C@@]", n, bonds)
	var cube, complete, paley [][2]int
	for i := range 64 {
		for b := range 6 {
			if j := i ^ 1<<b; i < j {
				cube = append(cube, [2]int{i, j})
			}
		}
	}
	put("hypercube", "[U]", 64, cube)
	for i := range 16 {
		for j := range i {
			complete = append(complete, [2]int{i, j})
		}
	}
	put("complete", "[U]", 16, complete)
	for i := range 17 {
		for j := range i {
			for x := 1; x < 17; x++ {
				if x*x%17 == i-j {
					paley = append(paley, [2]int{i, j})
					break
				}
			}
		}
	}
	put("paley", "[U]", 17, paley)
	r := rand.New(rand.NewPCG(3, 4))
	put("cubic", "[U]", 300, cubic(300, r))
	put("small cubic", "C", 100, cubic(100, r))
	var stars [][2]int
	for i := range 15 {
		stars = append(stars, [2]int{15, i})
		for k := range 15 {
			stars = append(stars, [2]int{i, 16 + 15*i + k})
		}
	}
	put("stars", "[U]", 16+15*15, stars)
	return out
}

// cubic joins each atom to three others by chance.
func cubic(n int, r *rand.Rand) (bonds [][2]int) {
	degree := make([]int, n)
	seen := map[[2]int]bool{}
	for i := range n {
		seen[[2]int{i, (i + 1) % n}] = true
		bonds = append(bonds, [2]int{i, (i + 1) % n})
	}
	for range 20 * n {
		i, j := r.IntN(n), r.IntN(n)
		if i == j || degree[i] > 0 || degree[j] > 0 || seen[[2]int{i, j}] || seen[[2]int{j, i}] {
			continue
		}
		degree[i], degree[j] = 1, 1
		bonds = append(bonds, [2]int{i, j})
	}
	return bonds
}

// TestLimits holds texts made to be hard: each is read or refused, and its
// canonical form is written and stands for the same molecule.
func TestLimits(t *testing.T) {
	t.Parallel()
	if raceEnabled {
		t.Skip("one goroutine, and slow under the race detector")
	}
	cases := hardGraphs()
	for _, c := range []struct {
		name, prefix, unit, suffix string
		times                      int
	}{
		{"too long", "", "C", "", MaxBytes + 1},
		{"too many atoms", "", "C", "", MaxAtoms + 1},
		{"chain", "", "C", "", MaxAtoms},
		{"too deep", "", "C(", "C", 1100},
		{"parts", "", "C.", "C", 2000},
		{"cyclopropanes", "", "C1CC1", "", 600},
		{"benzenes", "", "c1ccccc1", "", 340},
		{"tert-butyls", "C", "C(C(C)(C)C)", "C", 300},
		{"acetylenes", "", "C#C", "", 1000},
		{"diols", "C", "[C@H](O)", "C", 600},
		{"polyene", "C", "/C=C", "/C", 600},
		{"cyclophane", "C1", "c2ccc(cc2)C", "1", 100},
		{"wildcards", "", "*", "", 2000},
		{"aromatic wildcards", "c1", "**", "c1", 500},
	} {
		cases[c.name] = c.prefix + strings.Repeat(c.unit, c.times) + c.suffix
	}
	cases["nested"] = strings.Repeat("C(", 1000) + "C" + strings.Repeat(")", 1000)
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			m, err := Parse(text)
			if err != nil {
				t.Logf("refused after %v: %v", time.Since(begin), err)
			}
			if refused := slices.Contains([]string{"too long", "too many atoms", "too deep", "long ladder"}, name); refused != (err != nil) {
				t.Fatalf("refused %v, want %v", err, refused)
			}
			if err != nil {
				return
			}
			parsed := time.Since(begin)
			c := m.Canonical()
			t.Logf("%d atoms read in %v, canonical after %v more", len(m.Atoms), parsed, time.Since(begin)-parsed)
			if again, err := Parse(c); err != nil {
				t.Errorf("canonical form of %d bytes: %v", len(c), err)
			} else if again.Formula() != m.Formula() || len(again.Bonds) != len(m.Bonds) {
				t.Errorf("%s, %d bonds, is read back as %s, %d bonds", m.Formula(), len(m.Bonds), again.Formula(), len(again.Bonds))
			}
		})
	}
}
