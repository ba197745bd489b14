package drawing

import (
	_ "embed"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"palimpsest.dev/plugins/molecule/smiles"
)

//go:embed groups.txt
var groupTable string

// Bounds on the search for what a condensed formula means.
const (
	maxLabel = 40
	maxTries = 4000
	maxCount = 30
)

// part is an atom that a label stands for; a piece of a formula may be a whole group of the table.
type part struct {
	element, isotope, charge int
	hydrogens                int
	aromatic                 bool
	group                    string
}

type link struct {
	a, b  int
	order smiles.Order
}

// group is what a label stands for. The bonds of the drawing are its first atom's.
type group struct {
	atoms []part
	bonds []link
}

// table holds the abbreviations, and which of them may be pieces of a formula.
var table = sync.OnceValue(func() (t struct {
	groups map[string]group
	pieces map[string]bool
},
) {
	t.groups, t.pieces = map[string]group{}, map[string]bool{}
	for line := range strings.Lines(groupTable) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(name, "#") || text == "" {
			continue
		}
		m, err := smiles.Parse(text)
		if err != nil {
			panic("groups.txt: " + name + ": " + err.Error()) // a test reads them all
		}
		var g group
		for _, a := range m.Atoms {
			g.atoms = append(g.atoms, part{element: a.Element, charge: a.Charge, hydrogens: smiles.Filled})
		}
		for _, b := range m.Bonds {
			g.bonds = append(g.bonds, link{b.A, b.B, b.Kekule})
		}
		whole, only := strings.CutPrefix(name, "=")
		t.groups[whole] = g
		if !only {
			t.pieces[whole] = true
		}
	}
	return t
})

var (
	openLabel = regexp.MustCompile(`^(?:\*|(?:R|X|Y|Z|Q|A|M|G|L|Ar|Hal|Het)'*|R([0-9]{1,2})'*|[XYZ][0-9]{1,2})$`)
	fromLeft  = regexp.MustCompile(`^([0-9]{0,3})([A-Z][a-z]?|[bcnops]|se|as)(?:(H)([0-9]{0,2}))?(\+\+|--|[+-][0-9]?)?$`)
	fromRight = regexp.MustCompile(`^(H)([0-9]?)([A-Z][a-z]?)(\+\+|--|[+-][0-9]?)?$`)
)

// readLabel says what a label stands for whose bonds in the drawing have these orders in sum.
func readLabel(label string, sum int) (group, bool) {
	if len(label) > maxLabel {
		return group{}, false
	}
	if m := openLabel.FindStringSubmatch(label); m != nil {
		n, _ := strconv.Atoi(m[1])
		return group{atoms: []part{{isotope: n, hydrogens: 0}}}, true
	}
	if g, ok := table().groups[label]; ok && sum == 1 {
		return g, true
	}
	if p, ok := readAtom(label); ok {
		return group{atoms: []part{p}}, true
	}
	return readFormula(label, sum)
}

// readAtom reads a label that is one atom with its hydrogens and charge, printed from either end.
func readAtom(label string) (part, bool) {
	var number, symbol, hydrogen, count, sign string
	if m := fromLeft.FindStringSubmatch(label); m != nil {
		number, symbol, hydrogen, count, sign = m[1], m[2], m[3], m[4], m[5]
	} else if m := fromRight.FindStringSubmatch(label); m != nil {
		hydrogen, count, symbol, sign = m[1], m[2], m[3], m[4]
	}
	p := part{charge: charge(sign), hydrogens: smiles.Filled}
	p.isotope, _ = strconv.Atoi(number)
	switch {
	case symbol == "":
		return part{}, false
	case symbol == "D" || symbol == "T":
		p.element, p.isotope = 1, map[string]int{"D": 2, "T": 3}[symbol]
		return p, label == symbol
	case symbol[0] >= 'a':
		p.aromatic, symbol = true, strings.ToUpper(symbol[:1])+symbol[1:]
	}
	p.element = smiles.Element(symbol)
	switch {
	case hydrogen != "" && count == "":
		p.hydrogens = 1
	case hydrogen != "":
		p.hydrogens, _ = strconv.Atoi(count)
	case !fills(p.element):
		p.hydrogens = 0
	}
	return p, p.element > 0
}

// fills says whether an atom without hydrogens in its label has those that fill its valence: not metals and noble
// gases.
func fills(element int) bool {
	return slices.Contains([]int{5, 6, 7, 8, 9, 14, 15, 16, 17, 33, 34, 35, 52, 53}, element)
}

func charge(text string) int {
	if text == "" {
		return 0
	}
	n := 1
	if text == "++" || text == "--" {
		n = 2
	} else if len(text) > 1 {
		n = int(text[1] - '0')
	}
	if text[0] == '-' {
		return -n
	}
	return n
}
