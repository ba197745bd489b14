// Package molfile writes molecules as MDL molfiles, version V2000, with places
// in the plane and wedges, and as structure-data files of many molecules with
// properties. Version V2000 holds at most 999 atoms and bonds and knows no
// quadruple bonds; such a molecule is refused.
package molfile

import (
	"fmt"
	"math"
	"strings"

	"palimpsest.dev/plugins/molecule/depict"
	"palimpsest.dev/plugins/molecule/smiles"
)

// MediaType of a structure-data file.
const MediaType = "chemical/x-mdl-sdfile"

// limit is how many atoms or bonds fit the three columns of the counts line.
const limit = 999

// bondLength in the units of the file, ångström by name, usual in drawings.
const bondLength = 1.5

// Write gives one molfile, with the name in its first line. The date is left
// out, so that the same molecule gives the same bytes.
func Write(m *smiles.Molecule, name string) ([]byte, error) {
	if len(m.Atoms) > limit || len(m.Bonds) > limit {
		return nil, fmt.Errorf("molfile: %d atoms and %d bonds: V2000 holds at most %d of each", len(m.Atoms), len(m.Bonds), limit)
	}
	at := depict.Layout(m)
	marks := map[int]depict.Wedge{}
	for _, w := range depict.Wedges(m, at) {
		marks[w.Bond] = w
	}
	unclear := map[int]bool{}
	for _, i := range depict.Unclear(m, at) {
		unclear[i] = true
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n  palimpse%s2D\n\n", line(name), strings.Repeat(" ", 10))
	fmt.Fprintf(&b, "%3d%3d  0  0%3d  0  0  0  0  0999 V2000\n", len(m.Atoms), len(m.Bonds), chiral(marks))
	for i, a := range m.Atoms {
		class := a.Class
		if class > limit {
			class = 0
		}
		fmt.Fprintf(&b, "%10.4f%10.4f%10.4f %-3s 0  0  0  0  0%3d  0  0  0%3d  0  0\n",
			place(at[i].X), place(at[i].Y), 0.0, symbol(a), valence(m, i), class)
	}
	for i, bond := range m.Bonds {
		from, to, stereo := bond.A, bond.B, 0
		if w, ok := marks[i]; ok {
			from, to, stereo = w.From, bond.A+bond.B-w.From, 6
			if w.Up {
				stereo = 1
			}
		}
		if unclear[i] {
			stereo = 3
		}
		kind, ok := kinds[bond.Kekule]
		if !ok {
			return nil, fmt.Errorf("molfile: bond %d: V2000 knows no quadruple bonds", i+1)
		}
		fmt.Fprintf(&b, "%3d%3d%3d%3d\n", from+1, to+1, kind, stereo)
	}
	properties(&b, m)
	b.WriteString("M  END\n")
	return []byte(b.String()), nil
}

// place is a coordinate as it is written, never a negative zero.
func place(v float64) float64 { return math.Round(v*bondLength*1e4)/1e4 + 0 }

// kinds are the numbers of the bonds; 9 is a coordinate bond, as widely read.
var kinds = map[smiles.Order]int{smiles.Single: 1, smiles.Double: 2, smiles.Triple: 3, smiles.Dative: 9}

// chiral is the flag of the counts line: the wedges are meant absolutely.
func chiral(marks map[int]depict.Wedge) int {
	if len(marks) > 0 {
		return 1
	}
	return 0
}

// line makes a text fit one line of the header.
func line(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	for len(s) > 80 {
		s = s[:len(s)-1]
	}
	return strings.ToValidUTF8(s, "")
}

// symbol is the atom's symbol; a numbered wildcard is an R-group.
func symbol(a smiles.Atom) string {
	if a.Element == 0 && a.Isotope > 0 {
		return "R#"
	}
	return a.Symbol()
}

// valence is the valence field: how many bonds an atom has, hydrogens that are
// not drawn included, where a reader would add others; 15 stands for none.
func valence(m *smiles.Molecule, i int) int {
	a := m.Atoms[i]
	if a.Element == 0 {
		return 0
	}
	orders := 0
	for _, e := range m.Neighbours(i) {
		b := m.Bonds[e.Bond]
		if b.Kekule != smiles.Dative || b.B == i {
			orders += kinds[b.Kekule] - 8*b2i(b.Kekule == smiles.Dative)
		}
	}
	if a.Charge == 0 && smiles.UsualHydrogens(a.Element, orders) == a.Hydrogens && smiles.Organic(a.Element) {
		return 0
	}
	total := orders + a.Hydrogens
	if total == 0 || total > 14 {
		return 15
	}
	return total
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// properties writes charges, isotopes and R-groups, eight to a line.
func properties(b *strings.Builder, m *smiles.Molecule) {
	for _, p := range []struct {
		name string
		of   func(a smiles.Atom) int
	}{
		{"CHG", func(a smiles.Atom) int { return a.Charge }},
		{"ISO", func(a smiles.Atom) int { return a.Isotope * b2i(a.Element > 0) }},
		{"RGP", func(a smiles.Atom) int { return a.Isotope * b2i(a.Element == 0) }},
	} {
		var entries []string
		for i, a := range m.Atoms {
			if v := p.of(a); v != 0 {
				entries = append(entries, fmt.Sprintf(" %3d %3d", i+1, v))
			}
		}
		for len(entries) > 0 {
			n := min(8, len(entries))
			fmt.Fprintf(b, "M  %s%3d%s\n", p.name, n, strings.Join(entries[:n], ""))
			entries = entries[n:]
		}
	}
}

// Property is a named value that goes with a molecule of a structure-data file.
type Property struct{ Name, Value string }

// Entry appends one molecule with its properties to a structure-data file.
// Empty values are left out.
func Entry(file []byte, mol []byte, properties []Property) []byte {
	file = append(file, mol...)
	for _, p := range properties {
		if p.Value == "" {
			continue
		}
		value := strings.NewReplacer("\r", " ", "\n", " ").Replace(p.Value)
		file = fmt.Appendf(file, ">  <%s>\n%s\n\n", strings.NewReplacer("<", "", ">", "", "\n", " ").Replace(p.Name), value)
	}
	return append(file, "$$$$\n"...)
}
