package molfile

import (
	"fmt"
	"strings"
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

func TestWrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want []string // lines that the file must hold
	}{
		{"CCO", []string{"ethanol", "  3  2  0  0  0  0  0  0  0  0999 V2000", "  1  2  1  0", "  2  3  1  0", "M  END"}},
		{"C[N+](C)(C)C.[Cl-]", []string{"M  CHG  2   2   1   6  -1"}},
		{"[13CH3]O", []string{"M  ISO  1   1  13"}},
		{"[1*]CC[2*]", []string{"M  RGP  2   1   1   4   2"}},
		{"c1ccccc1", []string{"  1  2  2  0", "  2  3  1  0"}},
		{"C#N", []string{"  1  2  3  0"}},
		{"FC=CCl", []string{"  2  3  2  3"}}, // its form is left open
		{"F/C=C/Cl", []string{"  2  3  2  0"}},
	} {
		raw, err := Write(parse(t, c.text), "ethanol")
		if err != nil {
			t.Fatal(c.text, err)
		}
		again, err := Write(parse(t, c.text), "ethanol")
		if err != nil || string(again) != string(raw) {
			t.Errorf("%s: two writings differ", c.text)
		}
		lines := strings.Split(string(raw), "\n")
		for _, want := range c.want {
			if !strings.Contains("\n"+strings.Join(lines, "\n"), "\n"+want+"\n") {
				t.Errorf("%s: no line %q in\n%s", c.text, want, raw)
			}
		}
	}
}

// Atoms that a reader would give other hydrogens say how many bonds they have.
func TestValenceField(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"C": 0, "[CH2]": 2, "[Na]": 15, "[Na]C": 1, "[SiH4]": 4, "[NH4+]": 4, "*": 0, "[CH3]C": 0} {
		if got := valence(parse(t, text), 0); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	if _, err := Write(parse(t, strings.Repeat("C", 1000)), ""); err == nil {
		t.Error("1,000 atoms were written")
	}
	if _, err := Write(parse(t, "[U]$[U]"), ""); err == nil {
		t.Error("a quadruple bond was written")
	}
}

func TestEntry(t *testing.T) {
	t.Parallel()
	mol, err := Write(parse(t, "C"), "a\nb"+strings.Repeat("ü", 60))
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(string(mol), "\n")
	if len(name) > 80 || !strings.HasPrefix(name, "a b") {
		t.Errorf("name line %q", name)
	}
	file := Entry(nil, mol, []Property{{"LABEL", "3\n$$$$"}, {"EMPTY", ""}, {"a<b>", "x"}})
	file = Entry(file, mol, nil)
	want := fmt.Sprintf("%s>  <LABEL>\n3 $$$$\n\n>  <ab>\nx\n\n$$$$\n%s$$$$\n", mol, mol)
	if string(file) != want {
		t.Errorf("%q, want %q", file, want)
	}
}
