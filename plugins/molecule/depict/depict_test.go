package depict

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"palimpsest.dev/plugins/molecule/smiles"
)

func parse(t testing.TB, text string) *smiles.Molecule {
	t.Helper()
	m, err := smiles.Parse(text)
	if err != nil {
		t.Fatal(text, err)
	}
	return m
}

// oracle holds real molecules, where the reference data is at hand.
func oracle(t testing.TB) (out []string) {
	t.Helper()
	root := os.Getenv("PALIMPSEST_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared")
	}
	f, err := os.Open(filepath.Join(root, "data", "metric_vectors", "smiles_oracle.jsonl.gz"))
	if err != nil {
		t.Skip("reference data missing: ", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r struct{ Smiles string }
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		out = append(out, r.Smiles)
	}
	return out
}

// plain are molecules that have a perfect drawing: bonds of length 1, no two
// atoms near one another.
var plain = []string{
	"C", "CC", "CCO", "CC(C)C", "CC(C)(C)C", "C#N", "CC#CC", "C=C=C", "c1ccccc1", "c1ccc2ccccc2c1", "CC(=O)Oc1ccccc1C(=O)O",
	"C1CCC2(CC1)CCCCC2", "O=C1c2ccccc2C(=O)c2ccccc12", "CCCCCCCCCCCCCCCC", "F/C=C/F", `F/C=C\F`, "C[C@H](N)C(=O)O",
	"c1ccc(cc1)-c1ccc(cc1)-c1ccccc1", "CS(C)(=O)=O", "C1CC1", "C1CCCCCCCCCCC1", "[Na+].[Cl-]", "C[C@]12CC[C@H]3[C@@H](CC[C@@H]4CC(=O)CC[C@]34C)[C@@H]1CC[C@@H]2O",
}

func TestPlainDrawings(t *testing.T) {
	t.Parallel()
	for _, text := range plain {
		m := parse(t, text)
		at := Layout(m)
		for i, b := range m.Bonds {
			if l := at[b.A].minus(at[b.B]).length(); math.Abs(l-1) > 1e-6 {
				t.Errorf("%s: bond %d has length %g", text, i, l)
			}
		}
		if d := nearest(m, at); d < 0.7 {
			t.Errorf("%s: two atoms lie %g apart", text, d)
		}
	}
}

// nearest is the least distance of two atoms.
func nearest(m *smiles.Molecule, at []Point) float64 {
	least := math.Inf(1)
	for i := range m.Atoms {
		for j := range i {
			least = min(least, at[i].minus(at[j]).length())
		}
	}
	return least
}

// TestRealDrawings: of real molecules every place is a number, few drawings
// have atoms on one another, marked double bonds are drawn as told, and each
// wedge, read back from the drawing, says what the text said.
func TestRealDrawings(t *testing.T) {
	t.Parallel()
	texts := oracle(t)
	if testing.Short() {
		texts = texts[:500]
	}
	crowded, twists, open, centres, hidden := 0, 0, 0, 0, 0
	for _, text := range texts {
		m := parse(t, text)
		at := Layout(m)
		for _, p := range at {
			if math.IsNaN(p.X+p.Y) || math.IsInf(p.X+p.Y, 0) {
				t.Fatalf("%s: an atom at %v", text, p)
			}
		}
		if nearest(m, at) < 0.25 {
			crowded++
			if testing.Verbose() {
				t.Log("crowded: ", text)
			}
		}
		told, marked := m.Stereo()
		twists += len(marked)
		d := drawing{m: m, at: at}
		unclear := Unclear(m, at)
		for _, w := range marked {
			if slices.Contains(unclear, w.Bond) {
				open++
			} else if !d.shows(w) {
				t.Errorf("%s: double bond %d is drawn the wrong way", text, w.Bond)
			}
		}
		wedges := Wedges(m, at)
		centres += len(told)
		for _, c := range told {
			k := slices.IndexFunc(wedges, func(w Wedge) bool { return w.From == c.Atom })
			if k < 0 {
				hidden++
			} else if got, sure := seen(m, at, c, wedges[k]); sure && got != c.Clockwise {
				t.Errorf("%s: the wedge at atom %d says the opposite", text, c.Atom)
			}
		}
	}
	t.Logf("%d molecules: %d crowded drawings; %d of %d double bonds left open; %d of %d centres without a wedge", len(texts), crowded, open, twists, hidden, centres)
	if 100*crowded > len(texts) || 20*open > twists || 50*hidden > centres {
		t.Error("too many")
	}
}

// seen reads a centre back from the drawing: the volume that its ligands span
// when the wedge stands out of the plane. Flat volumes are not sure.
func seen(m *smiles.Molecule, at []Point, c smiles.Centre, w Wedge) (clockwise, sure bool) {
	var v [4][3]float64
	var mean [3]float64
	for k, a := range c.Ligands {
		if a < 0 {
			continue
		}
		p := at[a].minus(at[c.Atom])
		v[k] = [3]float64{p.X, p.Y, 0}
		if m.Bonds[w.Bond].A+m.Bonds[w.Bond].B-c.Atom == a {
			v[k][2] = -1
			if w.Up {
				v[k][2] = 1
			}
		}
		for i := range mean {
			mean[i] += v[k][i]
		}
	}
	for k, a := range c.Ligands {
		if a < 0 { // opposite to the others
			v[k] = [3]float64{-mean[0], -mean[1], -mean[2]}
		}
	}
	around := slices.Clone(c.Ligands[:])
	if k := slices.Index(around, m.Bonds[w.Bond].A+m.Bonds[w.Bond].B-c.Atom); !slices.Contains(around, -1) {
		around[k] = -1 // the other three
	}
	if oneSided(v[:], around) {
		return false, false
	}
	// Seen from the first ligand, the others turn clockwise when the volume of
	// the three, taken from the first, is positive.
	var e [3][3]float64
	for k := range e {
		for i := range 3 {
			e[k][i] = v[k+1][i] - v[0][i]
		}
	}
	det := e[0][0]*(e[1][1]*e[2][2]-e[1][2]*e[2][1]) - e[0][1]*(e[1][0]*e[2][2]-e[1][2]*e[2][0]) + e[0][2]*(e[1][0]*e[2][1]-e[1][1]*e[2][0])
	return det > 0, math.Abs(det) > 0.3
}

// oneSided reports whether all ligands that are drawn lie to one side.
func oneSided(v [][3]float64, ligands []int) bool {
	var angles []float64
	for k, a := range ligands {
		if a >= 0 {
			angles = append(angles, math.Atan2(v[k][1], v[k][0]))
		}
	}
	slices.Sort(angles)
	widest := angles[0] + 2*math.Pi - angles[len(angles)-1]
	for k := 1; k < len(angles); k++ {
		widest = max(widest, angles[k]-angles[k-1])
	}
	return widest > math.Pi-0.05
}
