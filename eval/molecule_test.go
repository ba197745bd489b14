package eval

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"palimpsest.dev/plugins/molecule/smiles"
)

// TestSMILESVectors holds the scores to those of MolScribe's evaluation.
func TestSMILESVectors(t *testing.T) {
	t.Parallel()
	root := os.Getenv("PALIMPSEST_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	raw, err := os.ReadFile(filepath.Join(root, "data", "metric_vectors", "smiles_exact_match.json"))
	if err != nil {
		t.Skip("reference data missing: ", err)
	}
	type form struct {
		Smiles string
		OK     bool
	}
	var v struct {
		Canonicalize []struct {
			Smiles   string
			Expected struct {
				Canon         form
				IgnoreChiral  form `json:"ignore_chiral"`
				IgnoreCisTran form `json:"ignore_cistrans"`
				NoReplace     form `json:"no_rgroup_replace"`
			}
		}
		Pairs []struct {
			A, B string
			Same bool `json:"same_canonical"`
			Flat bool `json:"same_nostereo"`
		} `json:"equivalence_pairs"`
		Corpus struct {
			Gold, Pred []string
			Expected   map[string]float64
		}
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	forms := 0
	for _, c := range v.Canonicalize {
		s := newSpelling(c.Smiles)
		_, plain := smiles.Parse(c.Smiles)
		if s.valid != c.Expected.Canon.OK || (plain == nil) != c.Expected.NoReplace.OK {
			t.Errorf("%s: valid %v and, as it stands, %v; want %v and %v", c.Smiles, s.valid, plain, c.Expected.Canon.OK, c.Expected.NoReplace.OK)
			continue
		}
		if !s.valid {
			forms++
			continue
		}
		// The reference's own forms are other spellings of ours.
		for _, p := range [][2]string{{s.exact, newSpelling(c.Expected.Canon.Smiles).exact},
			{s.graph, newSpelling(c.Expected.IgnoreChiral.Smiles).exact}, {s.tetrahedra, newSpelling(c.Expected.IgnoreCisTran.Smiles).exact}} {
			if p[0] != p[1] {
				t.Errorf("%s: %s, want %s", c.Smiles, p[0], p[1])
			}
		}
		forms++
	}
	pairs := 0
	for _, p := range v.Pairs {
		if m := CompareSMILES(p.A, p.B); m.Exact != p.Same || m.Graph != p.Flat {
			t.Errorf("%s and %s: %+v, want %v and %v", p.A, p.B, m, p.Same, p.Flat)
		} else {
			pairs++
		}
	}
	got := ScoreSMILES(v.Corpus.Pred, v.Corpus.Gold)
	for name, value := range map[string]float64{"gold_valid": got.TruthValid, "pred_valid": got.ReadValid, "canon_smiles_em": got.Exact,
		"graph": got.Graph, "canon_smiles": got.Tetrahedra, "chiral": got.Chiral, "chiral_ratio": got.ChiralShare} {
		if want, ok := v.Corpus.Expected[name]; !ok || math.Abs(value-want) > 1e-6 {
			t.Errorf("%s %g, want %g", name, value, want)
		}
	}
	t.Logf("%d of %d texts, %d of %d pairs, corpus %+v", forms, len(v.Canonicalize), pairs, len(v.Pairs), got)
}

func TestScoreSMILESEdges(t *testing.T) {
	t.Parallel()
	if s := ScoreSMILES(nil, nil); s != (SMILES{}) {
		t.Errorf("nothing scores %+v", s)
	}
	for _, c := range []struct {
		read, truth string
		want        SMILESMatch
	}{
		{"OCC", "CCO", SMILESMatch{true, true, true}},
		{"C[C@H](F)Cl", "C[C@@H](F)Cl", SMILESMatch{Graph: true}},
		{`F/C=C\F`, "F/C=C/F", SMILESMatch{Graph: true, Tetrahedra: true}},
		{"[13CH4]", "C", SMILESMatch{Graph: true}},
		{"", "", SMILESMatch{}},
		{"C1", "C1", SMILESMatch{true, true, true}},
		{"C1", "C", SMILESMatch{}},
	} {
		if got := CompareSMILES(c.read, c.truth); got != c.want {
			t.Errorf("%q against %q: %+v, want %+v", c.read, c.truth, got, c.want)
		}
	}
}
