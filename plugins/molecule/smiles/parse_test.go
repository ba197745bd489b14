package smiles

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestCanonicalForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"C(C)O", "CCO"},
		{"C1=CC=CC=C1", "c1ccccc1"},
		{"[H]C([H])([H])[H]", "C"},
		{"[CH3][CH2]O", "CCO"},
		{"C[C@H](C)C", "CC(C)C"},                    // no stereo centre
		{"F/C=C(/F)F", "FC=C(F)F"},                  // no two forms
		{`F\C=C\F`, "F/C=C/F"},                      // one of two spellings
		{"F/C=CF", "FC=CF"},                         // half a mark says nothing
		{"CN(=O)=O", "C[N+]([O-])=O"},               // charges, not a pentavalent nitrogen
		{"[Na]Cl", "[Na]Cl"},                        // covalent as written
		{"[R1]C", ""},                               // R is no element here; see Groups
		{"[1*]C", "C[1*]"},                          //
		{"C%(100)CC%(100)", "C1CC1"},                // extension
		{"[CH3:7]O", "O[CH3:7]"},                    //
		{"c1ccccc1c1ccccc1", "c1ccc(cc1)-c1ccccc1"}, //
	} {
		m, err := Parse(c.text)
		if c.want == "" {
			if err == nil {
				t.Errorf("%s was read", c.text)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
		} else if got := m.Canonical(); canonical(t, c.want) != got {
			t.Errorf("%s: %s, want what %s gives", c.text, got, c.want)
		}
	}
}

// Stereo centres that only others make centres, and marks that cancel out.
func TestDependentStereo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"C[C@H]1CC[C@@H](C)CC1", "C[C@@H]1CC[C@H](C)CC1", true},
		{"C[C@H]1CC[C@@H](C)CC1", "C[C@H]1CC[C@H](C)CC1", false},
		{"C[C@H]1CCC(C)CC1", "CC1CCC(C)CC1", true},                                // one mark alone says nothing
		{"C[C@H](O)[C@@H](O)C", "C[C@@H](O)[C@H](O)C", false},                     // mirror images
		{"C[C@H](O)[C@H](O)C", "C[C@@H](O)[C@@H](O)C", true},                      // meso
		{"OC[C@H](O)[C@H](O)[C@@H](O)CO", "OC[C@H](O)[C@@H](O)[C@@H](O)CO", true}, // the middle one is none
		{"OC[C@H](O)[C@H](O)[C@H](O)CO", "OC[C@H](O)[C@@H](O)[C@H](O)CO", false},  // pseudo-asymmetric
		{"C/C=C/C(/C=C\\C)=C/C", "C/C=C/C(/C=C\\C)=C\\C", false},
		{"F/C=C/C=C/C=C/F", "F/C=C/C=CC=CF", false},
		{"[H]/N=C(/C)F", "[H]/N=C(\\C)F", false},
		{"[H]/N=C(/C)C", "[H]/N=C(\\C)C", true},
	} {
		if got := canonical(t, c.a) == canonical(t, c.b); got != c.same {
			t.Errorf("%s and %s: same %v, want %v", c.a, c.b, got, c.same)
		}
	}
}

// A double bond without mark between two with marks stays without one.
func TestUnmarkedBetweenMarked(t *testing.T) {
	t.Parallel()
	m, err := Parse(`F/C(Cl)=C(C)/C(C)=C(C)/C(C)=C(Cl)/F`)
	if err != nil {
		t.Fatal(err)
	}
	_, before := m.Stereo()
	again, err := Parse(m.Canonical())
	if err != nil {
		t.Fatal(err)
	}
	_, after := again.Stereo()
	if len(before) != len(after) {
		t.Errorf("%d marked double bonds, %d after writing %s", len(before), len(after), m.Canonical())
	}
}

func TestErrorPlaces(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": 0, "CC(C": 2, "C1CC": 1, "CCX": 2, "C==C": 2, "CC)": 2, "C[Xx]": 2, "CC(C)(C)(C)C": 1, "CCc": 2,
		"c1cccc1": -1, "C\x00C": 1, "CC.": 2, "C%1": 1, "[C@TH9](F)(Cl)(Br)I": 2, "C/C(\\F)=C/F": -1, "C12CCC12": 7} {
		_, err := Parse(text)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%q: %v", text, err)
		} else if want >= 0 && e.Offset != want {
			t.Errorf("%q: byte %d (%s), want %d", text, e.Offset, e.Reason, want)
		}
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want, others string }{
		{"[R1]C[R12]", "[1*]C[12*]", "[1*]C[12*]"},
		{"[Ph]C[13CH3]", "[Ph]C[13CH3]", "*C[13CH3]"},
		{"[R]C[R0]", "[R]C[R0]", "*C*"},
		{"[C", "[C", "[C"},
		{"C]C", "C]C", "C]C"},
		{"[]", "[]", "*"},
	} {
		if got := Groups(c.text, false); got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
		if got := Groups(c.text, true); got != c.others {
			t.Errorf("%s: %s, want %s", c.text, got, c.others)
		}
	}
}

func TestMasses(t *testing.T) {
	t.Parallel()
	for number, masses := range isotopes() {
		for a, mass := range masses {
			if math.Abs(mass-float64(a)) > 0.3 {
				t.Errorf("%s-%d weighs %g", elements[number].symbol, a, mass)
			}
		}
		if e := elements[number]; number > 0 && number <= 103 && masses[e.common] == 0 {
			t.Errorf("%s: no mass of isotope %d", e.symbol, e.common)
		}
	}
}

// FuzzParse: what is read is written, and what was written is read as the
// same: formula, charge, rings and form.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"CC(=O)Oc1ccccc1C(=O)O", "C[C@H](N)C(=O)O", `F/C=C/C=C\C`, "[R1]C", "C1CC", "[NH3]->[Pt](<-[NH3])([Cl])[Cl]", "c1*cccc1", "C%(100)CC%(100)",
		"[2H]C([2H])([2H])O", "[Na+].[Cl-]", "C:1:C:C:C:C:C1", "*1**1", "[H]/N=C(/C)F", "N12CC[C@H]1CC2", `CC/1=CC(/C=CC1=N\O)=C(/C#N)c1ccccc1`, "c1cc2cccccc-2c1", "S1(=O)cccc1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := Parse(text)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(text) || e.Reason == "" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if len(m.Atoms) > 60 {
			return
		}
		c := m.Canonical()
		again, err := Parse(c)
		if err != nil {
			t.Fatalf("%q: %s: %v", text, c, err)
		}
		if again.Formula() != m.Formula() || again.RingCount() != m.RingCount() || again.Fragments() != m.Fragments() {
			t.Fatalf("%q: %s, written as %s: %s", text, m.Formula(), c, again.Formula())
		}
		if d := again.Canonical(); d != c {
			t.Fatalf("%q: %s is read back as %s", text, c, d)
		}
		if strings.ContainsAny(c, " \t\n") || m.Flat() == "" {
			t.Fatalf("%q: %q", text, c)
		}
	})
}
