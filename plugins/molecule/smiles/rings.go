package smiles

import (
	"cmp"
	"math/bits"
	"slices"
)

// ring is a cycle of the graph: atoms in order, and the bond between each and
// the next.
type ring struct{ atoms, bonds []int32 }

// Bounds on the rings that are listed.
const (
	maxListed = 24   // atoms of a ring of which all forms are listed, and that is fused to others
	maxCycles = 4096 // of one molecule
)

// findRingBonds marks the bonds that lie in a ring: those that are no bridges
// (Tarjan, "A note on finding the bridges of a graph", 1974).
func (m *Molecule) findRingBonds() {
	n := len(m.Atoms)
	m.ringBond = slices.Repeat([]bool{true}, len(m.Bonds))
	order, low := make([]int32, n), make([]int32, n) // 0: not seen
	type frame struct {
		atom, bond int32 // bond by which the atom was reached, -1 at a root
		next       int
	}
	var stack []frame
	count := int32(0)
	for root := range n {
		if order[root] > 0 {
			continue
		}
		count++
		order[root], low[root] = count, count
		stack = append(stack[:0], frame{int32(root), -1, 0})
		for len(stack) > 0 {
			f := &stack[len(stack)-1]
			if f.next < len(m.nbrs[f.atom]) {
				h := m.nbrs[f.atom][f.next]
				f.next++
				switch {
				case h.bond == f.bond:
				case order[h.atom] > 0:
					low[f.atom] = min(low[f.atom], order[h.atom])
				default:
					count++
					order[h.atom], low[h.atom] = count, count
					stack = append(stack, frame{h.atom, h.bond, 0})
				}
				continue
			}
			done := *f
			stack = stack[:len(stack)-1]
			if done.bond >= 0 {
				up := &stack[len(stack)-1]
				low[up.atom] = min(low[up.atom], low[done.atom])
				m.ringBond[done.bond] = low[done.atom] < order[done.atom]
			}
		}
	}
}

// findRings lists the relevant cycles: those that no smaller cycles add up to
// (Vismara, "Union of all the minimum cycle bases of a graph", 1997). Unlike a
// smallest set of smallest rings they do not depend on the order of the atoms.
func (m *Molecule) findRings(offset func(atom int) int) error {
	seen := make([]bool, len(m.Atoms))
	local := slices.Repeat([]int32{-1}, len(m.Atoms))
	for i := range m.Atoms {
		if seen[i] || !m.inRing(i) {
			continue
		}
		seen[i] = true
		system := []int32{int32(i)}
		for k := 0; k < len(system); k++ {
			for _, h := range m.nbrs[system[k]] {
				if m.ringBond[h.bond] && !seen[h.atom] {
					seen[h.atom] = true
					system = append(system, h.atom)
				}
			}
		}
		if err := m.systemRings(system, local, offset(i)); err != nil {
			return err
		}
		if len(m.rings) > maxCycles {
			return fault(offset(i), "more than %d rings", maxCycles)
		}
	}
	slices.SortStableFunc(m.rings, func(a, b ring) int { return len(a.atoms) - len(b.atoms) })
	return nil
}

// cycles finds the rings of one ring system.
type cycles struct {
	m     *Molecule
	atoms []int32 // of the system; the index is the atom's local number
	local []int32 // local number of each atom of the molecule
	bonds []int32 // of the system
	place map[int32]int
	full  [][]int32 // distances in the system
	near  [][]int32 // distances along atoms of lower number than the first, -1: farther
}

// prototype stands for the cycles of one family: they run from root to p and
// to q along shortest paths, and close by the bond p-q or over x.
type prototype struct{ root, p, q, x, size int32 }

func (m *Molecule) systemRings(system, local []int32, offset int) error {
	c := cycles{m: m, atoms: system, local: local, place: map[int32]int{}}
	for k, a := range system {
		local[a] = int32(k)
	}
	for _, a := range system {
		for _, h := range m.nbrs[a] {
			if m.ringBond[h.bond] && h.atom > a {
				c.place[h.bond] = len(c.bonds)
				c.bonds = append(c.bonds, h.bond)
			}
		}
	}
	rank := len(c.bonds) - len(system) + 1
	if rank > maxRings {
		return fault(offset, "a ring system of more than %d rings", maxRings)
	}
	if rank == 1 {
		m.rings = append(m.rings, c.only())
		return nil
	}
	c.measure()
	c.relevant(c.prototypes(), rank)
	return nil
}

// only walks around a system of one ring.
func (c *cycles) only() ring {
	var r ring
	at, from := c.atoms[0], int32(-1)
	for {
		for _, h := range c.m.nbrs[at] {
			if c.m.ringBond[h.bond] && h.bond != from {
				r.atoms, r.bonds = append(r.atoms, at), append(r.bonds, h.bond)
				at, from = h.atom, h.bond
				break
			}
		}
		if at == c.atoms[0] {
			return r
		}
	}
}

// measure fills the two tables of distances.
func (c *cycles) measure() {
	n := len(c.atoms)
	c.full, c.near = make([][]int32, n), make([][]int32, n)
	for r := range n {
		c.full[r] = c.spread(r, n)
		c.near[r] = c.spread(r, r)
		for v, d := range c.near[r] {
			if d != c.full[r][v] {
				c.near[r][v] = -1
			}
		}
	}
}

// spread measures distances from r over atoms numbered below limit.
func (c *cycles) spread(r, limit int) []int32 {
	d := slices.Repeat([]int32{-1}, len(c.atoms))
	d[r] = 0
	queue := []int32{int32(r)}
	for k := 0; k < len(queue); k++ {
		v := queue[k]
		for w := range c.around(v) {
			if d[w] < 0 && int(w) < limit {
				d[w] = d[v] + 1
				queue = append(queue, w)
			}
		}
	}
	return d
}

// around yields the local numbers of the neighbours of v in the system.
func (c *cycles) around(v int32) func(yield func(w int32) bool) {
	return func(yield func(int32) bool) {
		for _, h := range c.m.nbrs[c.atoms[v]] {
			if c.m.ringBond[h.bond] && !yield(c.local[h.atom]) {
				return
			}
		}
	}
}

// prototypes lists the candidates, smallest first.
func (c *cycles) prototypes() []prototype {
	var out []prototype
	for r := range int32(len(c.atoms)) {
		near := c.near[r]
		for y, d := range near {
			if d < 1 {
				continue
			}
			var before []int32
			for z := range c.around(int32(y)) {
				switch {
				case near[z] < 0:
				case near[z] == d && z < int32(y) && c.apart(r, int32(y), z):
					out = append(out, prototype{r, int32(y), z, -1, 2*d + 1})
				case near[z] == d-1:
					before = append(before, z)
				}
			}
			for i, p := range before {
				for _, q := range before[:i] {
					if d > 1 && c.apart(r, p, q) {
						out = append(out, prototype{r, p, q, int32(y), 2 * d})
					}
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b prototype) int {
		return cmp.Or(cmp.Compare(a.size, b.size), cmp.Compare(a.root, b.root), cmp.Compare(a.p, b.p), cmp.Compare(a.q, b.q), cmp.Compare(a.x, b.x))
	})
	return out
}

// back is the shortest path from v to r that always takes the neighbour of
// lowest number, r left out.
func (c *cycles) back(r, v int32) []int32 {
	var path []int32
	for v != r {
		path = append(path, v)
		next := int32(-1)
		for w := range c.around(v) {
			if c.near[r][w] == c.near[r][v]-1 && (next < 0 || w < next) {
				next = w
			}
		}
		v = next
	}
	return path
}

func (c *cycles) apart(r, p, q int32) bool {
	a, b := c.back(r, p), c.back(r, q)
	for _, v := range a {
		if slices.Contains(b, v) {
			return false
		}
	}
	return true
}

// relevant keeps the prototypes that are no sum of smaller cycles and lists
// the rings of their families.
func (c *cycles) relevant(all []prototype, rank int) {
	words := (len(c.bonds) + 63) / 64
	var basis, fresh []vector
	for i, p := range all {
		if i > 0 && p.size != all[i-1].size {
			for _, v := range fresh {
				basis = v.reduce(basis).insert(basis)
			}
			fresh = fresh[:0]
			if len(basis) == rank {
				return
			}
		}
		v := make(vector, words)
		one := c.closed(p, c.back(p.root, p.p), c.back(p.root, p.q))
		for _, b := range one.bonds {
			k := c.place[b]
			v[k/64] |= 1 << (k % 64)
		}
		if v.reduce(basis).first() < 0 {
			continue
		}
		fresh = append(fresh, v)
		c.family(p)
	}
}

// family lists every cycle of a prototype's family.
func (c *cycles) family(p prototype) {
	left, right := c.paths(p.root, p.p, nil, nil), c.paths(p.root, p.q, nil, nil)
	if p.size > maxListed && len(left)*len(right) > 64 {
		return // a large ring through many small ones is not aromatic
	}
	for _, a := range left {
		for _, b := range right {
			if len(c.m.rings) > maxCycles {
				return
			}
			c.m.rings = append(c.m.rings, c.closed(p, a, b))
		}
	}
}

// paths lists the shortest paths from v to r, r left out, at most 64.
func (c *cycles) paths(r, v int32, path []int32, out [][]int32) [][]int32 {
	if v == r {
		return append(out, slices.Clone(path))
	}
	path = append(path, v)
	for w := range c.around(v) {
		if c.near[r][w] >= 0 && c.near[r][w] == c.near[r][v]-1 && len(out) < 64 {
			out = c.paths(r, w, path, out)
		}
	}
	return out
}

// closed is the cycle root … q [x] p … root.
func (c *cycles) closed(p prototype, toP, toQ []int32) ring {
	var walk []int32
	walk = append(walk, p.root)
	for i := len(toQ) - 1; i >= 0; i-- {
		walk = append(walk, toQ[i])
	}
	if p.x >= 0 {
		walk = append(walk, p.x)
	}
	walk = append(walk, toP...)
	r := ring{atoms: make([]int32, len(walk)), bonds: make([]int32, len(walk))}
	for i, v := range walk {
		r.atoms[i] = c.atoms[v]
		r.bonds[i] = int32(c.m.at(int(c.atoms[v]), int(c.atoms[walk[(i+1)%len(walk)]])))
	}
	return r
}

// vector is a set of bonds, added modulo 2.
type vector []uint64

// first is the lowest bond of the set, -1 when it is empty.
func (v vector) first() int {
	for i, w := range v {
		if w != 0 {
			return 64*i + bits.TrailingZeros64(w)
		}
	}
	return -1
}

// reduce takes a basis in which no two vectors have the same lowest bond out
// of a copy of v.
func (v vector) reduce(basis []vector) vector {
	v = slices.Clone(v)
	for _, b := range basis { // in ascending order of their lowest bond
		f := b.first()
		if v[f/64]>>(f%64)&1 != 0 {
			for i := range v {
				v[i] ^= b[i]
			}
		}
	}
	return v
}

// insert adds a reduced vector to the basis, unless it is empty.
func (v vector) insert(basis []vector) []vector {
	f := v.first()
	if f < 0 {
		return basis
	}
	at, _ := slices.BinarySearchFunc(basis, f, func(b vector, f int) int { return b.first() - f })
	return slices.Insert(basis, at, v)
}
