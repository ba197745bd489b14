package smiles

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed isotopes.txt
var isotopeText string

// isotopes holds the masses of isotopes by atomic number and mass number, in
// unified atomic mass units, from the atomic mass evaluation.
var isotopes = sync.OnceValue(func() []map[int]float64 {
	out := make([]map[int]float64, len(elements))
	for line := range strings.Lines(isotopeText) {
		f := strings.Fields(line)
		masses := make(map[int]float64, len(f)/2)
		for i := 1; i+1 < len(f); i += 2 {
			number, _ := strconv.Atoi(f[i]) // a test reads every entry
			masses[number], _ = strconv.ParseFloat(f[i+1], 64)
		}
		out[numbers[f[0]]] = masses
	}
	return out
})

// isotopeMass is the mass of an isotope, its mass number where it is unknown.
func isotopeMass(element, number int) float64 {
	if m, ok := isotopes()[element][number]; ok {
		return m
	}
	return float64(number)
}

// Charge is the sum of the charges.
func (m *Molecule) Charge() int {
	q := 0
	for _, a := range m.Atoms {
		q += a.Charge
	}
	return q
}

// HeavyAtoms counts the atoms that are neither hydrogen nor wildcards.
func (m *Molecule) HeavyAtoms() int {
	n := 0
	for _, a := range m.Atoms {
		n += b2i(a.Element > 1)
	}
	return n
}

// Formula is the molecular formula: carbon, hydrogen, then the others by name,
// the order of Hill. Hydrogen comes first without carbon, too, as in H2O and as
// databases write it. Isotopes are not
// marked, a wildcard is *, and the charge stands at the end, as in C2H3O2-
// or Ca+2.
func (m *Molecule) Formula() string {
	counts := map[string]int{}
	for _, a := range m.Atoms {
		counts[a.Symbol()]++
		if a.Hydrogens > 0 {
			counts["H"] += a.Hydrogens
		}
	}
	var names []string
	for s := range counts {
		names = append(names, s)
	}
	place := func(s string) string {
		if s == "C" || s == "H" {
			return " " + s
		}
		return s
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(place(a), place(b)) })
	var b strings.Builder
	for _, s := range names {
		b.WriteString(s)
		if counts[s] > 1 {
			b.WriteString(itoa(counts[s]))
		}
	}
	return b.String() + sign(m.Charge())
}

// AverageMass is the relative molecular mass: standard atomic weights, and the
// isotope's mass where one is given. Wildcards weigh nothing.
func (m *Molecule) AverageMass() float64 {
	return m.mass(func(z int) float64 { return elements[z].weight })
}

// ExactMass is the mass of the molecule with the most abundant isotope of each
// element where none is given, without the electrons that a charge lacks.
// Wildcards weigh nothing.
func (m *Molecule) ExactMass() float64 {
	return m.mass(func(z int) float64 { return isotopeMass(z, elements[z].common) }) - electron*float64(m.Charge())
}

func (m *Molecule) mass(usual func(element int) float64) float64 {
	sum := 0.0
	for _, a := range m.Atoms {
		switch {
		case a.Element == 0:
		case a.Isotope > 0:
			sum += isotopeMass(a.Element, a.Isotope)
		default:
			sum += usual(a.Element)
		}
		if a.Hydrogens > 0 {
			sum += float64(a.Hydrogens) * usual(1)
		}
	}
	return sum
}
