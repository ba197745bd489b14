package drawing

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"palimpsest.dev/plugins/molecule/smiles"
)

const bins = 1024

// example is a line of the examples that the trainer is tested on, too.
type example struct {
	Name    string
	Answer  string
	Smiles  string
	Drawing *struct {
		Atoms     [][3]any
		Bonds     [][3]any
		Name      string
		NamePlace [2]float64 `json:"name_place"`
	}
}

func examples(t testing.TB) (out []example) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "training", "testdata", "molecule_targets.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(raw) {
		var e example
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		out = append(out, e)
	}
	return out
}

func (e example) sheet() sheet {
	s := sheet{name: e.Drawing.Name, at: Place{e.Drawing.NamePlace[0], e.Drawing.NamePlace[1]}}
	for _, a := range e.Drawing.Atoms {
		s.atoms = append(s.atoms, Atom{Place: Place{a[0].(float64), a[1].(float64)}, Label: a[2].(string)})
	}
	for _, b := range e.Drawing.Bonds {
		kind := byte(single)
		if text := b[2].(string); text != "" {
			kind = text[0]
		}
		s.bonds = append(s.bonds, bond{first: int(b[0].(float64)), second: int(b[1].(float64)), kind: kind})
	}
	return s
}

// A drawing is written as the examples have it, and its answer says the molecule.
func TestExamples(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, e := range examples(t) {
		if e.Drawing == nil {
			continue
		}
		seen++
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			if got := e.sheet().write(); got != e.Answer {
				t.Errorf("written\n%s, want\n%s", got, e.Answer)
			}
			d, err := Parse(e.Answer, bins)
			if err != nil {
				t.Fatal(err)
			}
			m, err := d.Molecule()
			if err != nil {
				t.Fatal(err)
			}
			if m.Canonical() != e.Smiles || d.Name != e.Drawing.Name {
				t.Errorf("%s %q, want %s %q", m.Canonical(), d.Name, e.Smiles, e.Drawing.Name)
			}
		})
	}
	if seen < 20 {
		t.Errorf("%d examples", seen)
	}
}

// The form loses nothing: the drawings of reference molfiles, written as answers and read again, are the molecules of
// which the reference says how they are spelled. One has two atoms at one place, which the form cannot say.
func TestReferenceDrawings(t *testing.T) {
	t.Parallel()
	root := os.Getenv("PALIMPSEST_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared")
	}
	folder := filepath.Join(root, "data", "molecules")
	raw, err := os.ReadFile(filepath.Join(folder, "manifest.jsonl"))
	if err != nil {
		t.Skipf("no reference molecules: %v", err)
	}
	all, exact, flat := 0, 0, 0
	for line := range bytes.Lines(raw) {
		var item struct {
			ID     string `json:"id"`
			File   string `json:"gt_file"`
			Subset string
			Truth  struct{ Smiles string } `json:"gt"`
		}
		if err := json.Unmarshal(line, &item); err != nil {
			t.Fatal(err)
		}
		if item.Subset == "usan" {
			continue // their spellings come from names, not from the drawings
		}
		file, err := os.ReadFile(filepath.Join(folder, item.File))
		if err != nil {
			t.Fatal(err)
		}
		s, ok := molfile(string(file))
		if !ok {
			t.Errorf("%s: no molfile", item.ID)
			continue
		}
		want, err := smiles.Parse(item.Truth.Smiles)
		if err != nil {
			t.Fatal(err)
		}
		all++
		d, err := Parse(s.write(), bins)
		if err != nil {
			t.Logf("%s: %v", item.ID, err)
			continue
		}
		m, err := d.Molecule()
		if err != nil {
			t.Logf("%s: %v", item.ID, err)
			continue
		}
		if m.Flat() == want.Flat() {
			flat++
		} else {
			t.Logf("%s: %s, want %s", item.ID, m.Flat(), want.Flat())
		}
		if m.Canonical() == want.Canonical() {
			exact++
		} else if m.Flat() == want.Flat() {
			t.Logf("%s, stereo: %s, want %s", item.ID, m.Canonical(), want.Canonical())
		}
	}
	t.Logf("%d drawings: %d the same molecule, %d with stereo", all, flat, exact)
	if flat*100 < all*98 || exact*100 < all*98 {
		t.Errorf("of %d drawings %d are the same molecule, %d with stereo", all, flat, exact)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	const ab = "<loc0500><loc0100>C<loc0400><loc0272>C"
	for _, c := range []struct {
		answer string
		at     int
		reason string
	}{
		{"", 0, "empty"},
		{"CCO", 0, "without a place"},
		{".<loc0500><loc0100>C", 0, "dot"},
		{"<loc0500>C", 0, "one location"},
		{"<loc0500><loc1024>C", 0, "one location"},
		{"<loc0500><loc0100>=C", 18, "does not begin with an atom"},
		{ab + "<loc0500>", 38, "one location"},
		{ab + "<loc0900><loc0900>", 38, "no atom was named"},
		{ab + "<loc0400><loc0272>", 38, "to itself"},
		{ab + "<loc0500><loc0100>", 38, "bonded already"},
		{ab + "<loc0400><loc0272>O", 38, "same place"},
		{ab + ",<loc0500><loc0100>O", 57, "going back"},
		{ab + ".<loc0500><loc0600>", 57, "does not begin with an atom"},
		{ab + "<loc0500><loc0444>Qx", 38, "stands for no atom"},
		{ab + "<loc0500><loc0444>#F", 38, "bonds"},
		{ab + ",<loc0500><loc0100><loc0500><loc0000>#N,<loc0500><loc0100><loc0600><loc0100>C", 0, "bonds"},
	} {
		d, err := Parse(c.answer, bins)
		if err == nil {
			_, err = d.Molecule()
		}
		var e *smiles.Error
		if !errors.As(err, &e) || e.Offset != c.at || !strings.Contains(e.Reason, c.reason) {
			t.Errorf("%s: %v, want %q at %d", c.answer, err, c.reason, c.at)
		}
	}
}

func TestBoxHoldsTheAtoms(t *testing.T) {
	t.Parallel()
	d, err := Parse("<loc0500><loc0100>C<loc0400><loc0200>C", bins)
	if err != nil {
		t.Fatal(err)
	}
	x0, y0, x1, y1 := d.Box()
	half := math.Hypot(100, 100) / 2
	for k, c := range [4][2]float64{{x0, 100 - half}, {y0, 400 - half}, {x1, 200 + half}, {y1, 500 + half}} {
		if math.Abs(c[0]-c[1]) > 1e-9 {
			t.Errorf("side %d at %v, want %v", k, c[0], c[1])
		}
	}
}

// Any text is either a molecule, whose canonical form can be read again, or an error with its byte.
func FuzzParse(f *testing.F) {
	for _, e := range examples(f) {
		f.Add(e.Answer)
	}
	f.Add("<loc0500><loc0100>(CH2)30(CH2)30CH2(CH2)9<loc0400><loc0272>C6H5C30H61O3")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 2000 {
			return
		}
		d, err := Parse(text, bins)
		if err == nil {
			var m *smiles.Molecule
			if m, err = d.Molecule(); err == nil {
				again, err := smiles.Parse(m.Canonical())
				if err != nil || again.Canonical() != m.Canonical() {
					t.Errorf("%q is %s, which reads %v", text, m.Canonical(), err)
				}
			}
		}
		var e *smiles.Error
		if err != nil && (!errors.As(err, &e) || e.Offset < 0 || e.Offset > len(text)) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
