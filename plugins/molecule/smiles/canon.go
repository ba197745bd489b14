package smiles

import (
	"slices"
	"strings"
)

// maxNodes bounds the search for the canonical order of one part. Molecules
// need a few dozen; only graphs made to be hard come near it, and their form
// may then depend on the order of the atoms.
const maxNodes = 5000

// Canonical is one text for the molecule, whatever text it was read from:
// aromatic, hydrogens folded in, parts in alphabetical order, with those
// stereo marks that say something.
func (m *Molecule) Canonical() string { return m.canonical(true) }

// Flat is Canonical without stereo marks and isotopes.
func (m *Molecule) Flat() string { return m.canonical(false) }

func (m *Molecule) canonical(stereo bool) string {
	var parts []string
	for _, g := range m.graphs(stereo) {
		budget := maxNodes
		_, rank := g.label(&budget)
		parts = append(parts, g.write(rank))
	}
	slices.Sort(parts)
	return strings.Join(parts, ".")
}

// partition is an ordered partition of a graph's atoms. The number of a cell
// is the place where it begins.
type partition struct {
	order []int32 // atoms, cell by cell
	place []int32 // of each atom in order
	cell  []int32 // of each atom
	size  []int32 // of the cell that begins at a place
}

func (g *graph) newPartition() *partition {
	n := len(g.atoms)
	p := &partition{order: make([]int32, n), place: make([]int32, n), cell: slices.Clone(g.start), size: make([]int32, n)}
	for i := range p.order {
		p.order[i] = int32(i)
	}
	slices.SortStableFunc(p.order, func(a, b int32) int { return int(p.cell[a] - p.cell[b]) })
	for k, a := range p.order {
		p.place[a] = int32(k)
		p.size[p.cell[a]]++
	}
	return p
}

func (p *partition) clone() *partition {
	return &partition{slices.Clone(p.order), slices.Clone(p.place), slices.Clone(p.cell), slices.Clone(p.size)}
}

// members are the atoms of a cell.
func (p *partition) members(cell int32) []int32 { return p.order[cell : cell+p.size[cell]] }

// open is the first cell with more than one atom, -1 when there is none.
func (p *partition) open() int32 {
	for c := int32(0); int(c) < len(p.order); c += p.size[c] {
		if p.size[c] > 1 {
			return c
		}
	}
	return -1
}

// swap puts an atom at a place.
func (p *partition) swap(atom, place int32) {
	other, old := p.order[place], p.place[atom]
	p.order[place], p.order[old] = atom, other
	p.place[atom], p.place[other] = place, old
}

// single makes an atom the last of its cell and a cell of its own, and
// returns what has changed.
func (p *partition) single(atom int32) []int32 {
	c := p.cell[atom]
	p.size[c]--
	last := c + p.size[c]
	p.swap(atom, last)
	p.cell[atom], p.size[last] = last, 1
	return []int32{atom}
}

// split takes some atoms out of a cell, all that differ from the rest, and
// makes a cell of each run of equal ones behind it. It appends the atoms whose
// cell has changed.
func (p *partition) split(cell int32, some []int32, compare func(a, b int32) int, changed []int32) []int32 {
	slices.SortFunc(some, compare)
	size := p.size[cell]
	from := cell + size - int32(len(some))
	for k := len(some) - 1; k >= 0; k-- { // to the end, the last first
		p.swap(some[k], from+int32(k))
	}
	begin := 0
	for k := 1; k <= len(some); k++ {
		if k < len(some) && compare(some[k-1], some[k]) == 0 {
			continue
		}
		at := from + int32(begin)
		p.size[at] = int32(k - begin)
		if at != cell {
			for _, a := range some[begin:k] {
				p.cell[a] = at
			}
			changed = append(changed, some[begin:k]...)
		}
		begin = k
	}
	if from != cell {
		p.size[cell] = size - int32(len(some))
	}
	return changed
}

// scratch is memory that refining needs again and again.
type scratch struct {
	signs  [][]int32 // of each atom: its bonds and the cells they lead to
	listed []bool    // atoms
	flags  []int32
	some   map[int32][]int32 // atoms to look at, by cell
}

func (g *graph) scratch() *scratch {
	if g.work == nil {
		n := len(g.atoms)
		g.work = &scratch{make([][]int32, n), make([]bool, n), make([]int32, n), map[int32][]int32{}}
	}
	return g.work
}

// refine splits cells until atoms of one cell have the same bonds to each
// cell and, with stereo, the same arrangement as far as it is told by cells.
func (g *graph) refine(p *partition, changed []int32, stereo bool) {
	for {
		g.spread(p, changed)
		if !stereo || len(g.marked) == 0 {
			return
		}
		if changed = g.splitByStereo(p); len(changed) == 0 {
			return
		}
	}
}

// spread takes changes of cells on to the neighbours until nothing changes.
// Of a cell only the atoms beside a change are looked at: they have a bond to
// a new cell, the others have none and stay.
func (g *graph) spread(p *partition, changed []int32) {
	w := g.scratch()
	changed = slices.Clone(changed)
	var cells []int32
	for len(changed) > 0 {
		cells = cells[:0]
		for _, a := range changed {
			for _, e := range g.nbrs[a] {
				c := p.cell[e.to]
				if p.size[c] < 2 || w.listed[e.to] {
					continue
				}
				w.listed[e.to] = true
				if len(w.some[c]) == 0 {
					cells = append(cells, c)
				}
				w.some[c] = append(w.some[c], e.to)
			}
		}
		slices.Sort(cells)
		for _, c := range cells {
			for _, a := range w.some[c] {
				w.listed[a] = false
				s := w.signs[a][:0]
				for _, e := range g.nbrs[a] {
					s = append(s, p.cell[e.to]<<3|int32(e.label))
				}
				slices.Sort(s)
				w.signs[a] = s
			}
		}
		changed = changed[:0]
		for _, c := range cells {
			changed = p.split(c, w.some[c], func(a, b int32) int { return slices.Compare(w.signs[a], w.signs[b]) }, changed)
			w.some[c] = w.some[c][:0]
		}
	}
}

// splitByStereo tells atoms of one cell apart by their arrangement.
func (g *graph) splitByStereo(p *partition) (changed []int32) {
	w := g.scratch()
	var cells []int32
	for _, i := range g.marked {
		c := p.cell[i]
		if p.size[c] < 2 {
			continue
		}
		if w.flags[i] = g.arrangement(p, i); w.flags[i] != 0 {
			if len(w.some[c]) == 0 {
				cells = append(cells, c)
			}
			w.some[c] = append(w.some[c], i)
		}
	}
	slices.Sort(cells)
	for _, c := range cells {
		changed = p.split(c, w.some[c], func(a, b int32) int { return int(w.flags[a] - w.flags[b]) }, changed)
		w.some[c] = w.some[c][:0]
	}
	return changed
}

// arrangement is a number for how an atom's ligands lie as told by their
// cells, 0 where the cells do not tell them apart.
func (g *graph) arrangement(p *partition, i int32) int32 {
	out := int32(0)
	if c := g.centres[i]; c.set {
		if turned, ok := parity(c.order, p.cell); ok {
			out = 1 + int32(b2i(turned != c.clockwise))
		}
	}
	for _, k := range g.atoms[i].twist {
		s := g.twists[k]
		if s.gone {
			continue
		}
		turnX, okX := g.upper(p, s.x, s.y, s.a)
		turnY, okY := g.upper(p, s.y, s.x, s.b)
		if okX && okY {
			out = 3*out + 3 + int32(b2i(s.cis != (turnX != turnY)))
		}
	}
	return out
}

// upper reports whether the told ligand of one end is not the one in the
// later cell, and whether the cells tell.
func (g *graph) upper(p *partition, end, other, told int32) (turn, ok bool) {
	l, n := g.ligands(end, other)
	if n < 2 {
		return false, true
	}
	if p.cell[l[0]] == p.cell[l[1]] {
		return false, false
	}
	top := l[0]
	if p.cell[l[1]] > p.cell[top] {
		top = l[1]
	}
	return top != told, true
}

// parity reports whether sorting ligands by their cells is an odd permutation;
// not ok when two are in one cell.
func parity(order [4]int32, cell []int32) (odd, ok bool) {
	var v [4]int32
	for k, a := range order {
		v[k] = -1
		if a != unseen {
			v[k] = cell[a]
		}
	}
	for i := range v {
		for j := range i {
			switch {
			case v[i] == v[j]:
				return false, false
			case v[j] > v[i]:
				odd = !odd
			}
		}
	}
	return odd, true
}

// label finds the canonical order of a graph: the code that describes it, and
// the place of each atom. It goes through the orders that arise by setting
// atoms that nothing tells apart one before the other, leaves out those that
// symmetries found on the way make equal, and keeps the least (the method of
// McKay, "Practical graph isomorphism", 1981).
func (g *graph) label(budget *int) (code, rank []int32) {
	s := labelling{g: g, seen: map[string]leaf{}, budget: budget}
	p := g.newPartition()
	g.refine(p, p.order, true)
	s.walk(p, nil)
	return s.best, s.rank
}

type labelling struct {
	g          *graph
	seen       map[string]leaf
	symmetries [][]int32
	best, rank []int32
	budget     *int
}

// leaf is an order that was reached, with the atoms that were set on the way.
type leaf struct{ order, path []int32 }

// maxLeaves bounds what is remembered.
const maxLeaves = 4096

// walk explores what follows from a partition. It returns the level to go on
// at: a lower one than its own when the rest of its subtree is known to equal
// one that was explored.
func (s *labelling) walk(p *partition, path []int32) int {
	level := len(path)
	cell := p.open()
	if cell < 0 {
		return s.reach(p, path)
	}
	var explored []int32
	for _, a := range slices.Clone(p.members(cell)) {
		if len(explored) > 0 && (*s.budget <= 0 || s.g.twins(explored, a) || s.equal(a, explored, path)) {
			continue
		}
		*s.budget--
		explored = append(explored, a)
		next := p.clone()
		s.g.refine(next, next.single(a), true)
		if to := s.walk(next, append(slices.Clone(path), a)); to < level {
			return to
		}
	}
	return level
}

// twins reports whether an atom hangs alone on the same atom as an explored
// one: they can change places.
func (g *graph) twins(explored []int32, a int32) bool {
	return len(g.nbrs[a]) == 1 && slices.ContainsFunc(explored, func(x int32) bool { return g.nbrs[x][0] == g.nbrs[a][0] })
}

// equal reports whether a symmetry that leaves the path alone takes an
// explored atom to a.
func (s *labelling) equal(a int32, explored, path []int32) bool {
	if len(s.symmetries) == 0 {
		return false
	}
	root := make([]int32, len(s.g.atoms))
	for i := range root {
		root[i] = int32(i)
	}
	find := func(x int32) int32 {
		for root[x] != x {
			root[x] = root[root[x]]
			x = root[x]
		}
		return x
	}
	for _, y := range s.symmetries {
		if slices.ContainsFunc(path, func(x int32) bool { return y[x] != x }) {
			continue
		}
		for i, j := range y {
			root[find(int32(i))] = find(j)
		}
	}
	return slices.ContainsFunc(explored, func(x int32) bool { return find(x) == find(a) })
}

// reach looks at a complete order.
func (s *labelling) reach(p *partition, path []int32) int {
	code := s.g.code(p)
	key := make([]byte, 0, 2*len(code))
	for _, c := range code {
		key = append(key, byte(c), byte(c>>8))
	}
	if old, ok := s.seen[string(key)]; ok {
		y := make([]int32, len(p.order))
		for k, a := range old.order {
			y[a] = p.order[k]
		}
		s.symmetries = append(s.symmetries, y)
		common := 0
		for common < len(path) && common < len(old.path) && path[common] == old.path[common] {
			common++
		}
		return common
	}
	if len(s.seen) < maxLeaves {
		s.seen[string(key)] = leaf{p.order, path}
	}
	if s.best == nil || slices.Compare(code, s.best) < 0 {
		s.best, s.rank = code, p.cell
	}
	return len(path)
}

// code describes a graph in a complete order: for each atom its bonds to
// earlier ones and its arrangement. Equal codes of one graph mean a symmetry.
func (g *graph) code(p *partition) []int32 {
	out := make([]int32, 0, 4*len(p.order))
	for k, a := range p.order {
		begin := len(out)
		for _, e := range g.nbrs[a] {
			if c := p.cell[e.to]; int(c) < k {
				out = append(out, c<<3|int32(e.label))
			}
		}
		slices.Sort(out[begin:])
		out = append(out, -1-g.arrangement(p, a))
	}
	return out
}
