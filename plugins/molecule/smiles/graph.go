package smiles

import "slices"

// graph is one part of a molecule, made ready for a canonical form: hydrogens
// that are written as plain atoms are folded into the atom they sit on, and
// marks that cannot be stereo centres are gone.
type graph struct {
	atoms   []node
	kept    []int // atom of the molecule of each
	nbrs    [][]edge
	centres []centre // one for each atom
	twists  []side
	start   []int32 // class of each atom by what it is, without its neighbours
	marked  []int32 // atoms with a mark
	work    *scratch
}

// node is an atom of a graph.
type node struct {
	element, isotope, charge, hydrogens, class int
	aromatic                                   bool
	twist                                      []int32 // of graph.twists
}

// edge leads to a neighbour. Its label is the bond's order; a dative bond has
// another one at the donor than at the acceptor.
type edge struct {
	to    int32
	label uint8
}

const (
	donorLabel    = uint8(Dative)
	acceptorLabel = uint8(Dative) + 1
)

// side is a double bond x=y whose ligands a of x and b of y lie on the same
// side or not. A ligand is unseen where the only one is a hydrogen.
type side struct {
	x, y, a, b int32
	cis        bool
	gone       bool
	bond       int32 // of the molecule
}

// graphs takes a molecule apart. Without stereo, marks and isotopes are left
// out.
func (m *Molecule) graphs(stereo bool) []*graph {
	var out []*graph
	for _, part := range m.parts() {
		out = append(out, m.graph(part, stereo))
	}
	return out
}

func (m *Molecule) graph(part []int, stereo bool) *graph {
	index := make(map[int]int32, len(part))
	var kept []int
	for _, a := range part {
		if !m.folds(a) {
			index[a] = int32(len(kept))
			kept = append(kept, a)
		}
	}
	g := &graph{kept: kept, atoms: make([]node, len(kept)), nbrs: make([][]edge, len(kept)), centres: make([]centre, len(kept))}
	for k, a := range kept {
		at := m.Atoms[a]
		n := node{element: at.Element, isotope: at.Isotope, charge: at.Charge, hydrogens: at.Hydrogens, class: at.Class, aromatic: at.Aromatic}
		if !stereo {
			n.isotope = 0
		}
		for _, h := range m.nbrs[a] {
			to, ok := index[int(h.atom)]
			if !ok {
				n.hydrogens++
				continue
			}
			label := uint8(m.Bonds[h.bond].Order)
			if label == donorLabel && m.Bonds[h.bond].A != a {
				label = acceptorLabel
			}
			g.nbrs[k] = append(g.nbrs[k], edge{to, label})
		}
		g.atoms[k] = n
	}
	if stereo {
		m.takeCentres(g, kept, index)
		m.takeTwists(g, index)
	}
	g.classify()
	if stereo {
		g.prune()
	}
	return g
}

// folds reports whether an atom is a hydrogen with nothing special about it.
func (m *Molecule) folds(i int) bool {
	a := m.Atoms[i]
	if a.Element != 1 || a.Isotope != 0 || a.Charge != 0 || a.Class != 0 || a.Hydrogens != 0 || len(m.nbrs[i]) != 1 {
		return false
	}
	h := m.nbrs[i][0]
	return m.Atoms[h.atom].Element > 1 && m.Bonds[h.bond].Order == Single
}

// takeCentres brings the tetrahedral marks along.
func (m *Molecule) takeCentres(g *graph, kept []int, index map[int]int32) {
	for k, a := range kept {
		c := m.centres[a]
		if !c.set || !m.centreAllowed(a, len(g.nbrs[k]), g.atoms[k].hydrogens) {
			continue
		}
		hidden := 0
		for i, l := range c.order {
			to, ok := index[int(l)]
			if l == unseen || !ok {
				to = unseen
				hidden++
			}
			c.order[i] = to
		}
		if hidden <= 1 {
			g.centres[k] = c
		}
	}
}

// takeTwists brings the marked double bonds along. The ligand that is told is
// an atom of the graph where there is one.
func (m *Molecule) takeTwists(g *graph, index map[int]int32) {
	for _, t := range m.twists {
		b := m.Bonds[t.bond]
		x, here := index[b.A]
		if !here {
			continue
		}
		s := side{x: x, y: index[b.B], cis: t.cis, bond: t.bond}
		told := func(end, other, ligand int32) (int32, bool) {
			if to, ok := index[int(ligand)]; ok {
				return to, false
			}
			for _, e := range g.nbrs[end] {
				if e.to != other {
					return e.to, true
				}
			}
			return unseen, false
		}
		var turnA, turnB bool
		s.a, turnA = told(s.x, s.y, t.a)
		s.b, turnB = told(s.y, s.x, t.b)
		if turnA != turnB {
			s.cis = !s.cis
		}
		g.addTwist(s)
	}
}

func (g *graph) addTwist(s side) {
	k := int32(len(g.twists))
	g.twists = append(g.twists, s)
	g.atoms[s.x].twist = append(g.atoms[s.x].twist, k)
	g.atoms[s.y].twist = append(g.atoms[s.y].twist, k)
}

// ligands are the neighbours of one end of a double bond other than the other
// end.
func (g *graph) ligands(end, other int32) (out [2]int32, n int) {
	for _, e := range g.nbrs[end] {
		if e.to != other && n < 2 {
			out[n] = e.to
			n++
		}
	}
	return out, n
}

// classify numbers the atoms by what they are: terminal atoms first, so that
// a text begins at an end.
func (g *graph) classify() {
	n := len(g.atoms)
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	compare := func(a, b int32) int {
		x, y := g.atoms[a], g.atoms[b]
		for _, d := range [...]int{len(g.nbrs[a]) - len(g.nbrs[b]), x.element - y.element, x.hydrogens - y.hydrogens, x.charge - y.charge,
			x.isotope - y.isotope, x.class - y.class, b2i(x.aromatic) - b2i(y.aromatic)} {
			if d != 0 {
				return d
			}
		}
		return 0
	}
	slices.SortStableFunc(order, compare)
	g.start = make([]int32, n)
	for k, a := range order {
		if k > 0 && compare(order[k-1], a) == 0 {
			g.start[a] = g.start[order[k-1]]
		} else {
			g.start[a] = int32(k)
		}
	}
}

// prune takes away marks that say nothing: those on atoms or double bonds for
// which the other arrangement gives the same molecule.
func (g *graph) prune() {
	flat := g.newPartition()
	g.refine(flat, flat.order, false)
	for {
		doubt := g.doubtful(flat)
		g.listMarked()
		if len(doubt) == 0 {
			return
		}
		budget := 4 * maxNodes
		base, _ := g.label(&budget)
		var idle []func()
		for _, d := range doubt {
			d.flip()
			if other, _ := g.label(&budget); slices.Equal(other, base) {
				idle = append(idle, d.drop)
			}
			d.flip()
		}
		if len(idle) == 0 || budget <= 0 {
			return
		}
		for _, drop := range idle {
			drop()
		}
	}
}

// listMarked finds the atoms whose arrangement is told.
func (g *graph) listMarked() {
	g.marked = g.marked[:0]
	for i, c := range g.centres {
		if c.set || slices.ContainsFunc(g.atoms[i].twist, func(k int32) bool { return !g.twists[k].gone }) {
			g.marked = append(g.marked, int32(i))
		}
	}
}

// doubt is a mark that may say nothing.
type doubt struct{ flip, drop func() }

// doubtful lists the marks on atoms of which two ligands are alike when stereo
// is left aside, and drops those whose alike ligands are single atoms.
func (g *graph) doubtful(flat *partition) []doubt {
	var out []doubt
	alike := func(a, b int32) (same, plain bool) {
		if a == unseen || b == unseen || flat.cell[a] != flat.cell[b] {
			return false, false
		}
		return true, len(g.nbrs[a]) == 1
	}
	for i := range g.centres {
		c := &g.centres[i]
		if !c.set {
			continue
		}
		doubted, idle := false, false
		for k, a := range c.order {
			for _, b := range c.order[:k] {
				same, plain := alike(a, b)
				doubted, idle = doubted || same, idle || same && plain
			}
		}
		switch {
		case idle:
			c.set = false
		case doubted:
			out = append(out, doubt{func() { c.clockwise = !c.clockwise }, func() { c.set = false }})
		}
	}
	for i := range g.twists {
		s := &g.twists[i]
		if s.gone {
			continue
		}
		doubted, idle := false, false
		for _, end := range [2][2]int32{{s.x, s.y}, {s.y, s.x}} {
			l, n := g.ligands(end[0], end[1])
			if n == 2 {
				same, plain := alike(l[0], l[1])
				doubted, idle = doubted || same, idle || same && plain
			}
			idle = idle || n == 1 && g.atoms[end[0]].hydrogens > 1 || n == 0 && g.atoms[end[0]].hydrogens != 1
		}
		switch {
		case idle:
			s.gone = true
		case doubted:
			out = append(out, doubt{func() { s.cis = !s.cis }, func() { s.gone = true }})
		}
	}
	return out
}
