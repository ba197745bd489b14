package drawing

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"palimpsest.dev/plugins/molecule/smiles"
)

// Labels mean what the examples say, which the trainer is tested on, too: a label with so many single bonds to open
// ends.
func TestLabels(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "training", "testdata", "molecule_labels.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	ends := []string{"<loc0500><loc0300>*", "<loc0500><loc0700>*", "<loc0300><loc0500>*"}
	for line := range bytes.Lines(raw) {
		var e struct {
			Label  string
			Bonds  int
			Smiles string
		}
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		answer := "<loc0500><loc0500>" + e.Label
		for _, end := range ends[:e.Bonds] {
			answer += ",<loc0500><loc0500>" + end
		}
		got := ""
		d, err := Parse(answer, bins)
		if err == nil {
			var m *smiles.Molecule
			if m, err = d.Molecule(); err == nil {
				got = m.Canonical()
			}
		}
		if got != e.Smiles {
			t.Errorf("%s with %d bonds is %q, want %q; %v", e.Label, e.Bonds, got, e.Smiles, err)
		}
	}
}

// Every line of the table is a molecule, and is found.
func TestGroups(t *testing.T) {
	t.Parallel()
	n := 0
	for name, g := range table().groups {
		n++
		if found, ok := readLabel(name, 1); !ok || fmt.Sprint(found) != fmt.Sprint(g) {
			t.Errorf("%s is not found", name)
		}
	}
	if n < 80 {
		t.Errorf("%d groups", n)
	}
}

// A label that could be searched for ever is given up.
func TestSearchIsBounded(t *testing.T) {
	t.Parallel()
	for _, label := range []string{"(OC)30(OC)30", "C(OSC)9(OSC)9(OSC)9(OSC)9(OSC)9", "SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS", "POPOPOPOPOPOPOPOPOPOPOPOPOPOPOPOPOPOPOPO"} {
		c := condensed{sum: 1}
		s := scanner{label: label}
		pieces, _ := s.pieces(false)
		c.walk(pieces, growing{}, -1)
		if c.tries > 10*maxTries {
			t.Errorf("%s: %d tries", label, c.tries)
		}
	}
}
