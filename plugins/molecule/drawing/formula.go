package drawing

import (
	"slices"
	"strconv"

	"palimpsest.dev/plugins/molecule/smiles"
)

// valences are the sums of bond orders that elements of condensed formulas may have; those that are missing here and
// stand in monovalent have one.
var valences = map[string][]int{"C": {4}, "N": {3, 5}, "O": {2}, "S": {2, 4, 6}, "P": {3, 5}, "B": {3}, "Si": {4}, "Se": {2, 4, 6}}

var monovalent = []string{"H", "F", "Cl", "Br", "I", "D", "Na", "K", "Li"}

// piece is an element or a group of the table in a condensed formula, or several pieces in brackets; how often; and the
// order of a bond drawn in front of it, 0 where none is.
type piece struct {
	name   string
	count  int
	inside []piece
	order  int
}

func (p piece) ends() bool { return slices.Contains(monovalent, p.name) || table().pieces[p.name] }

// readFormula finds what a condensed formula such as CH2CO2Me means: that in which every valence is filled exactly. It
// is read from the left end, then from the right, as labels on the left side of a drawing are printed.
func readFormula(label string, sum int) (group, bool) {
	s := scanner{label: label}
	pieces, ok := s.pieces(false)
	if !ok || s.at < len(label) || len(pieces) == 0 {
		return group{}, false
	}
	for _, way := range [][]piece{pieces, fromTheRight(pieces), linksFromTheRight(pieces)} {
		c := condensed{sum: sum}
		if g, ok := c.walk(way, growing{}, -1); ok {
			return g, true
		}
	}
	return group{}, false
}

// scanner takes a label apart.
type scanner struct {
	label string
	at    int
}

func (s *scanner) pieces(nested bool) (out []piece, ok bool) {
	order := 0
	for s.at < len(s.label) && s.label[s.at] != ')' {
		var p piece
		switch c := s.label[s.at]; c {
		case '=', '#':
			order = 2
			if c == '#' {
				order = 3
			}
			s.at++
			continue
		case '(':
			s.at++
			if nested {
				return nil, false
			}
			p.inside, ok = s.pieces(true)
			if !ok || len(p.inside) == 0 || s.at == len(s.label) {
				return nil, false
			}
			s.at++
		default:
			if p.name = nameAt(s.label[s.at:]); p.name == "" {
				return nil, false
			}
			s.at += len(p.name)
		}
		p.count, p.order, order = s.number(), order, 0
		if p.count < 1 || p.count > maxCount {
			return nil, false
		}
		out = append(out, p)
	}
	return out, order == 0
}

// number reads up to two digits, 1 where there are none.
func (s *scanner) number() int {
	from := s.at
	for s.at < len(s.label) && s.at < from+2 && s.label[s.at] >= '0' && s.label[s.at] <= '9' {
		s.at++
	}
	if from == s.at {
		return 1
	}
	n, _ := strconv.Atoi(s.label[from:s.at])
	return n
}

// nameAt is the longest group or element at the beginning of a text.
func nameAt(text string) string {
	for size := min(8, len(text)); size > 0; size-- {
		if name := text[:size]; table().pieces[name] || valences[name] != nil || slices.Contains(monovalent, name) {
			return name
		}
	}
	return ""
}

// fromTheRight is a formula read from its right end; what stands in brackets is turned when it is looked at.
func fromTheRight(pieces []piece) []piece {
	out := make([]piece, len(pieces))
	for i, p := range pieces {
		out[len(out)-1-i] = piece{name: p.name, count: p.count, inside: p.inside}
	}
	for i, p := range pieces {
		if p.order > 0 && i > 0 {
			out[len(out)-i].order = p.order
		}
	}
	return out
}

// linksFromTheRight is the same where each link is printed from the left, such as CH3O: what an atom holds stays
// behind it.
func linksFromTheRight(pieces []piece) []piece {
	var links [][]piece
	for _, p := range pieces {
		switch {
		case p.order > 0:
			return nil
		case len(links) > 0 && p.ends():
			links[len(links)-1] = append(links[len(links)-1], p)
		default:
			links = append(links, []piece{p})
		}
	}
	slices.Reverse(links)
	return slices.Concat(links...)
}

// growing is a group on its way, with the valence that each of its atoms has used.
type growing struct {
	atoms []part
	names []string
	bonds []link
	used  []int
}

func (g growing) clone() growing {
	return growing{slices.Clone(g.atoms), slices.Clone(g.names), slices.Clone(g.bonds), slices.Clone(g.used)}
}

// add puts a piece on an atom by a bond of an order.
func (g *growing) add(at int, name string, order int) {
	p := part{hydrogens: smiles.Filled}
	switch {
	case table().pieces[name]:
		p.group = name
	case name == "D":
		p.element, p.isotope = 1, 2
	default:
		p.element = smiles.Element(name)
	}
	g.atoms, g.names, g.used = append(g.atoms, p), append(g.names, name), append(g.used, order)
	g.bonds = append(g.bonds, link{at, len(g.atoms) - 1, smiles.Order(order)})
	g.used[at] += order
}

// full says whether every valence is filled exactly.
func (g growing) full() bool {
	for i, name := range g.names {
		if name != "" && g.atoms[i].group == "" && !slices.Contains(allowed(name), g.used[i]) {
			return false
		}
	}
	return true
}

func allowed(name string) []int {
	if v := valences[name]; v != nil {
		return v
	}
	return []int{1}
}

// over says whether an atom has used more than it has.
func (g growing) over(i int) bool { return g.used[i] > slices.Max(allowed(g.names[i])) }

// group writes out the groups of the table.
func (g growing) group() group {
	var out group
	index := make([]int, len(g.atoms))
	for i, p := range g.atoms {
		index[i] = len(out.atoms)
		if p.group == "" {
			out.atoms = append(out.atoms, p)
			continue
		}
		whole := table().groups[p.group]
		for _, b := range whole.bonds {
			out.bonds = append(out.bonds, link{b.a + index[i], b.b + index[i], b.order})
		}
		out.atoms = append(out.atoms, whole.atoms...)
	}
	for _, b := range g.bonds {
		out.bonds = append(out.bonds, link{index[b.a], index[b.b], b.order})
	}
	return out
}

// condensed is one search. The bonds of the drawing take sum of the first atom's valence.
type condensed struct{ sum, tries int }

// walk puts the first piece on atom at, -1 for the label's first, and the others behind it.
func (c *condensed) walk(pieces []piece, g growing, at int) (group, bool) {
	if c.tries++; c.tries > maxTries {
		return group{}, false
	}
	if len(pieces) == 0 {
		return g.group(), at >= 0 && g.full()
	}
	p, rest := pieces[0], pieces[1:]
	switch {
	case p.inside != nil:
		for _, inside := range [][]piece{p.inside, fromTheRight(p.inside)} {
			if out, ok := c.brackets(p, inside, rest, g, at); ok {
				return out, true
			}
		}
		return group{}, false
	case p.ends():
		if at < 0 || p.order > 1 {
			return group{}, false
		}
		next := g.clone()
		for range p.count {
			next.add(at, p.name, 1)
		}
		if next.over(at) {
			return group{}, false
		}
		return c.walk(rest, next, at)
	}
	for _, w := range ways(p, at) {
		next, end := g.clone(), at
		for _, order := range w.orders {
			if at < 0 {
				next = growing{atoms: []part{{element: smiles.Element(p.name), hydrogens: smiles.Filled}}, names: []string{p.name}, used: []int{c.sum}}
			} else {
				next.add(at, p.name, order)
			}
			end = len(next.atoms) - 1
		}
		if at >= 0 && next.over(at) || next.over(end) {
			continue
		}
		if w.stays {
			end = at
		}
		if out, ok := c.walk(rest, next, end); ok {
			return out, true
		}
	}
	return c.hydrocarbon(p, rest, g, at)
}

// way is how copies of an element are bound: by which orders, and whether the chain stays where it was.
type way struct {
	orders []int
	stays  bool
}

func ways(p piece, at int) []way {
	switch {
	case at < 0 && p.count == 1:
		return []way{{orders: []int{0}}}
	case at < 0:
		return nil
	case p.order > 0 && p.count == 1:
		return []way{{orders: []int{p.order}}}
	case p.order > 0:
		return nil
	case p.count == 1:
		chain := []way{{orders: []int{1}}, {orders: []int{2}}, {orders: []int{3}}}
		if p.name == "O" || p.name == "S" {
			return append([]way{{[]int{2}, true}}, chain...)
		}
		return chain
	case p.name == "O" && p.count == 2:
		return []way{{[]int{2, 2}, true}, {orders: []int{2, 1}}}
	case p.name == "O" && p.count == 3:
		return []way{{[]int{2, 2, 2}, true}, {orders: []int{2, 2, 1}}}
	}
	return nil
}

// brackets puts copies of what stands in brackets on an atom: branches where it is complete, links of a chain else.
func (c *condensed) brackets(p piece, inside, rest []piece, g growing, at int) (group, bool) {
	if at >= 0 && p.order == 0 {
		branch := condensed{sum: 1, tries: c.tries}
		b, ok := branch.walk(inside, growing{}, -1)
		c.tries = branch.tries
		if ok {
			next := g.clone()
			for range p.count {
				first := len(next.atoms)
				for _, a := range b.atoms {
					next.atoms, next.names, next.used = append(next.atoms, a), append(next.names, ""), append(next.used, 0)
				}
				for _, l := range b.bonds {
					next.bonds = append(next.bonds, link{l.a + first, l.b + first, l.order})
				}
				next.bonds = append(next.bonds, link{at, first, smiles.Single})
				next.used[at]++
			}
			return c.walk(rest, next, at)
		}
	}
	if p.count*len(inside) > maxLabel {
		return group{}, false
	}
	return c.walk(slices.Concat(slices.Repeat(inside, p.count), rest), g, at)
}

// hydrocarbon reads C6H13, C2H4 or C6H5: a chain of so many carbon atoms, or phenyl.
func (c *condensed) hydrocarbon(p piece, rest []piece, g growing, at int) (group, bool) {
	if p.name != "C" || p.count < 2 || p.order > 0 || len(rest) == 0 || rest[0].name != "H" {
		return group{}, false
	}
	n, hydrogens := p.count, rest[0].count
	link := []piece{{name: "C", count: 1}, {name: "H", count: 2}}
	var chain []piece
	switch {
	case n == 6 && hydrogens == 5 && at >= 0:
		chain = []piece{{name: "Ph", count: 1}}
	case hydrogens == 2*n+1:
		chain = slices.Concat(slices.Repeat(link, n-1), []piece{{name: "C", count: 1}, {name: "H", count: 3}})
	case hydrogens == 2*n:
		chain = slices.Repeat(link, n)
	default:
		return group{}, false
	}
	return c.walk(slices.Concat(chain, rest[1:]), g, at)
}
