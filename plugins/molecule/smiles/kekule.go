package smiles

import (
	"slices"
	"strconv"
)

// kekulise gives the aromatic bonds alternating orders: a matching in which
// every atom that must have a double bond in the ring has exactly one. Double
// bonds inside rings of five to seven atoms are tried first, so that a bond
// between two rings stays single where it can. Wildcards take part only where
// nothing else helps.
func (p *parser) kekulise() error {
	m := p.m
	need := make([]bool, len(m.Atoms))
	may := make([]bool, len(m.Atoms))
	any := false
	for i := range m.Atoms {
		switch orders, aromatic := m.used(i); {
		case m.Atoms[i].Element == 0:
			may[i] = aromatic > 0
		case !p.atoms[i].aromatic || aromatic == 0:
		default:
			need[i] = wantsDouble(m.Atoms[i], orders+aromatic+m.Atoms[i].Hydrogens)
			any = true
		}
	}
	if !any {
		p.plainAromatics(nil)
		return nil
	}
	small := m.smallRingBonds(func(b int) bool { return m.Bonds[b].Order == Aromatic })
	var mate []int32
	bad := -1
	for _, allowed := range []func(b int32) bool{
		func(b int32) bool { return m.Bonds[b].Order == Aromatic && small[b] },
		func(b int32) bool { return m.Bonds[b].Order == Aromatic },
	} {
		k := matching{m: m, need: need, may: may, allowed: allowed}
		if mate, bad = k.run(); bad < 0 {
			p.plainAromatics(mate)
			return nil
		}
	}
	return fault(m.Atoms[bad].Offset, "the double bonds of the aromatic ring of this atom cannot be placed")
}

// plainAromatics writes the orders that a matching stands for.
func (p *parser) plainAromatics(mate []int32) {
	for i := range p.m.Bonds {
		b := &p.m.Bonds[i]
		if b.Order != Aromatic {
			continue
		}
		b.Kekule = Single
		if mate != nil && mate[b.A] == int32(b.B) {
			b.Kekule = Double
		}
		b.Order = b.Kekule // perceive finds out what is aromatic
	}
}

// wantsDouble reports whether an atom whose single bonds and hydrogens count
// taken has a valence left that the ring must fill.
func wantsDouble(a Atom, taken int) bool {
	for _, v := range elements[effective(a.Element, a.Charge)].valences {
		if v >= taken {
			return v > taken
		}
	}
	return false
}

// matching finds a set of bonds that covers every needed atom once, by
// augmenting paths with contraction of odd cycles (Edmonds, "Paths, trees, and
// flowers", 1965).
type matching struct {
	m       *Molecule
	need    []bool
	may     []bool
	allowed func(bond int32) bool

	mate, from, base []int32
	queue            []int32
	inTree, inCycle  []bool
}

// run returns the partner of each atom, -1 for none, and the first needed
// atom that stays alone, -1 when all are covered.
func (k *matching) run() (mate []int32, bad int) {
	n := len(k.m.Atoms)
	k.mate = slices.Repeat([]int32{-1}, n)
	k.from, k.base = make([]int32, n), make([]int32, n)
	k.inTree, k.inCycle = make([]bool, n), make([]bool, n)
	for i := range n { // a greedy start leaves little to augment
		if !k.need[i] || k.mate[i] >= 0 {
			continue
		}
		for _, h := range k.m.nbrs[i] {
			if k.need[h.atom] && k.mate[h.atom] < 0 && k.allowed(h.bond) {
				k.mate[i], k.mate[h.atom] = h.atom, int32(i)
				break
			}
		}
	}
	for _, wild := range []bool{false, true} {
		for i := range n {
			if k.need[i] && k.mate[i] < 0 {
				k.augment(int32(i), wild)
			}
		}
	}
	for i := range n {
		if k.need[i] && k.mate[i] < 0 {
			return k.mate, i
		}
	}
	return k.mate, -1
}

// augment looks for a path from a free atom to another one and takes it.
func (k *matching) augment(root int32, wild bool) {
	for i := range k.from {
		k.from[i], k.base[i], k.inTree[i] = -1, int32(i), false
	}
	k.inTree[root] = true
	k.queue = append(k.queue[:0], root)
	for q := 0; q < len(k.queue); q++ {
		v := k.queue[q]
		for _, h := range k.m.nbrs[v] {
			w := h.atom
			if !k.allowed(h.bond) || !k.need[w] && !(k.may[w] && (wild || k.mate[w] >= 0)) || k.base[v] == k.base[w] || k.mate[v] == w {
				continue
			}
			switch {
			case w == root || k.mate[w] >= 0 && k.from[k.mate[w]] >= 0:
				k.contract(v, w)
			case k.from[w] < 0:
				k.from[w] = v
				if k.mate[w] < 0 {
					k.flip(w)
					return
				}
				k.inTree[k.mate[w]] = true
				k.queue = append(k.queue, k.mate[w])
			}
		}
	}
}

// contract makes the odd cycle that the bond v-w closes one vertex.
func (k *matching) contract(v, w int32) {
	top := k.meet(v, w)
	clear(k.inCycle)
	k.markPath(v, top, w)
	k.markPath(w, top, v)
	for i := range k.base {
		if k.inCycle[k.base[i]] {
			k.base[i] = top
			if !k.inTree[i] {
				k.inTree[i] = true
				k.queue = append(k.queue, int32(i))
			}
		}
	}
}

// meet is the lowest common vertex of the paths from v and w to the root.
func (k *matching) meet(v, w int32) int32 {
	seen := make([]bool, len(k.base))
	for {
		v = k.base[v]
		seen[v] = true
		if k.mate[v] < 0 {
			break
		}
		v = k.from[k.mate[v]]
	}
	for {
		w = k.base[w]
		if seen[w] {
			return w
		}
		w = k.from[k.mate[w]]
	}
}

func (k *matching) markPath(v, top, child int32) {
	for k.base[v] != top {
		k.inCycle[k.base[v]], k.inCycle[k.base[k.mate[v]]] = true, true
		k.from[v] = child
		child = k.mate[v]
		v = k.from[k.mate[v]]
	}
}

func (k *matching) flip(w int32) {
	for w >= 0 {
		v := k.from[w]
		next := k.mate[v]
		k.mate[v], k.mate[w] = w, v
		w = next
	}
}

// smallRingBonds marks the bonds that lie in a ring of five to seven bonds of
// the given kind.
func (m *Molecule) smallRingBonds(of func(bond int) bool) []bool {
	out := make([]bool, len(m.Bonds))
	path := make([]int, 0, 8)
	for i, b := range m.Bonds {
		if out[i] || !of(i) {
			continue
		}
		for size := 5; size <= 7 && !out[i]; size++ {
			path = append(path[:0], i)
			if m.closeWalk(b.B, b.A, size-1, of, &path) {
				for _, e := range path {
					out[e] = true
				}
			}
		}
	}
	return out
}

// closeWalk extends a walk by left bonds that lead from at to home through
// atoms that it has not seen.
func (m *Molecule) closeWalk(at, home, left int, of func(bond int) bool, path *[]int) bool {
	for _, h := range m.nbrs[at] {
		if !of(int(h.bond)) || slices.Contains(*path, int(h.bond)) {
			continue
		}
		if int(h.atom) == home {
			if left == 1 {
				*path = append(*path, int(h.bond))
				return true
			}
			continue
		}
		if left > 1 && !m.onPath(*path, int(h.atom)) {
			*path = append(*path, int(h.bond))
			if m.closeWalk(int(h.atom), home, left-1, of, path) {
				return true
			}
			*path = (*path)[:len(*path)-1]
		}
	}
	return false
}

func (m *Molecule) onPath(path []int, atom int) bool {
	for _, b := range path {
		if m.Bonds[b].A == atom || m.Bonds[b].B == atom {
			return true
		}
	}
	return false
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func itoa(n int) string { return strconv.Itoa(n) }
