package smiles

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// vectors is where the reference texts lie, or the test is skipped.
func vectors(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("PALIMPSEST_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared")
	}
	path := filepath.Join(root, "data", "metric_vectors", name)
	if _, err := os.Stat(path); err != nil {
		t.Skip("reference data missing: ", path)
	}
	return path
}

type oracleRow struct {
	ID, Smiles, Group, Formula string
	Same, Different            []struct{ Smiles, How string }
	ExactMass                  float64 `json:"exact_mass"`
	AverageMass                float64 `json:"average_mass"`
	Charge, Atoms, Bonds       int
	HeavyAtoms                 int `json:"heavy_atoms"`
	Rings, Fragments           int
	AromaticAtoms              []int `json:"aromatic_atoms"`
	ImplicitH                  []int `json:"implicit_h"`
	StereoCentres              int   `json:"stereo_centres"`
	StereoBonds                int   `json:"stereo_bonds"`
}

func oracle(t testing.TB) []oracleRow {
	t.Helper()
	f, err := os.Open(vectors(t, "smiles_oracle.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out []oracleRow
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r oracleRow
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if testing.Short() || raceEnabled { // every tenth says as much about races
		few := out[:0]
		for i := 0; i < len(out); i += 10 {
			few = append(few, out[i])
		}
		out = few
	}
	return out
}

// TestOracleProperties holds what a text says about atoms and masses to RDKit.
func TestOracleProperties(t *testing.T) {
	t.Parallel()
	rows := oracle(t)
	good, stereo := 0, 0
	for _, r := range rows {
		m, err := Parse(r.Smiles)
		if err != nil {
			t.Errorf("%s %s: %v", r.ID, r.Smiles, err)
			continue
		}
		var aromatic, hydrogens []int
		for i, a := range m.Atoms {
			if a.Aromatic {
				aromatic = append(aromatic, i)
			}
			hydrogens = append(hydrogens, a.Hydrogens)
		}
		ok := true
		check := func(same bool, what string, got, want any) {
			if !same {
				ok = false
				t.Errorf("%s %s: %s %v, want %v", r.ID, r.Smiles, what, got, want)
			}
		}
		check(m.Formula() == r.Formula, "formula", m.Formula(), r.Formula)
		check(math.Abs(m.ExactMass()-r.ExactMass) < 1e-5, "exact mass", m.ExactMass(), r.ExactMass)
		check(math.Abs(m.AverageMass()-r.AverageMass) < 5e-3, "average mass", m.AverageMass(), r.AverageMass)
		check(m.Charge() == r.Charge, "charge", m.Charge(), r.Charge)
		check(len(m.Atoms) == r.Atoms, "atoms", len(m.Atoms), r.Atoms)
		check(m.HeavyAtoms() == r.HeavyAtoms, "heavy atoms", m.HeavyAtoms(), r.HeavyAtoms)
		check(len(m.Bonds) == r.Bonds, "bonds", len(m.Bonds), r.Bonds)
		check(m.RingCount() == r.Rings, "rings", m.RingCount(), r.Rings)
		check(m.Fragments() == r.Fragments, "fragments", m.Fragments(), r.Fragments)
		check(slices.Equal(aromatic, r.AromaticAtoms), "aromatic atoms", aromatic, r.AromaticAtoms)
		check(slices.Equal(hydrogens, r.ImplicitH), "hydrogens", hydrogens, r.ImplicitH)
		if ok {
			good++
		}
		centres, twists := m.Stereo()
		if len(centres) == r.StereoCentres && len(twists) == r.StereoBonds {
			stereo++
		} else if testing.Verbose() {
			t.Logf("%s %s: %d centres and %d double bonds with stereo, RDKit counts %d and %d", r.ID, r.Smiles, len(centres), len(twists), r.StereoCentres, r.StereoBonds)
		}
	}
	t.Logf("%d of %d molecules with the same number of stereo centres and double bonds", stereo, len(rows))
	t.Logf("%d of %d molecules with the same formula, masses, charge, atoms, bonds, rings, aromatic atoms and hydrogens", good, len(rows))
}

type badRow struct {
	ID, Smiles, Class    string
	Prefix, Unit, Suffix string
	Times                int
	ExpectValid          *bool `json:"expect_valid"`
	RDKitOK              bool  `json:"rdkit_ok"`
	Note, Formula        string
	Charge, Atoms        int
	RDKitCanonical       string `json:"rdkit_canonical"`
}

func badRows(t testing.TB) []badRow {
	t.Helper()
	raw, err := os.ReadFile(vectors(t, "smiles_bad.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var out []badRow
	for line := range strings.Lines(string(raw)) {
		var r badRow
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Times > 0 {
			r.Smiles = r.Prefix + strings.Repeat(r.Unit, r.Times) + r.Suffix
		}
		out = append(out, r)
	}
	return out
}

// TestBadTexts refuses every text that says no molecule, with a place and a
// reason, and reads the odd ones as the notes say.
func TestBadTexts(t *testing.T) {
	t.Parallel()
	refused, bad, agreed, odd := 0, 0, 0, 0
	for _, r := range badRows(t) {
		show := r.Smiles
		if len(show) > 60 {
			show = show[:60] + "…"
		}
		m, err := Parse(r.Smiles)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Reason == "" || e.Offset < 0 || e.Offset > len(r.Smiles) {
				t.Errorf("%s %q: error %v: want a place and a reason", r.ID, show, err)
			}
		}
		if r.Class != "odd" {
			bad++
			if err == nil {
				t.Errorf("%s %q (%s): read as %s", r.ID, show, r.Class, m.Formula())
			} else {
				refused++
			}
			continue
		}
		if r.ExpectValid == nil {
			continue
		}
		odd++
		switch {
		case *r.ExpectValid && err != nil:
			t.Errorf("%s %q (%s): %v", r.ID, show, r.Note, err)
		case *r.ExpectValid && r.Formula != "" && m.Formula() != r.Formula:
			t.Errorf("%s %q (%s): %s, want %s", r.ID, show, r.Note, m.Formula(), r.Formula)
		case *r.ExpectValid == (err == nil):
			agreed++
		}
	}
	t.Logf("%d of %d bad texts refused; %d of %d odd texts judged as expected", refused, bad, agreed, odd)
}

// TestOracleEquality holds the canonical form to what RDKit and InChI agree
// on: all spellings of a molecule give one form, no near miss gives it.
func TestOracleEquality(t *testing.T) {
	t.Parallel()
	rows := oracle(t)
	same, different, equal, unequal := 0, 0, 0, 0
	for _, r := range rows {
		m, err := Parse(r.Smiles)
		if err != nil {
			t.Errorf("%s %s: %v", r.ID, r.Smiles, err)
			continue
		}
		want := m.Canonical()
		for _, s := range r.Same {
			same++
			if got := canonical(t, s.Smiles); got == want {
				equal++
			} else {
				t.Errorf("%s %s: %s (%s):\n%s, want\n%s", r.ID, r.Smiles, s.Smiles, s.How, got, want)
			}
		}
		for _, s := range r.Different {
			different++
			if got := canonical(t, s.Smiles); got != want {
				unequal++
			} else {
				t.Errorf("%s %s: equal to %s (%s): %s", r.ID, r.Smiles, s.Smiles, s.How, got)
			}
		}
		if again := canonical(t, want); again != want {
			t.Errorf("%s %s: %s is read back as %s", r.ID, r.Smiles, want, again)
		}
	}
	t.Logf("%d of %d other spellings equal, %d of %d near misses different", equal, same, unequal, different)
}

func canonical(t testing.TB, text string) string {
	t.Helper()
	m, err := Parse(text)
	if err != nil {
		t.Errorf("%s: %v", text, err)
		return ""
	}
	return m.Canonical()
}
