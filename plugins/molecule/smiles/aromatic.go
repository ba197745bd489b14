package smiles

import "slices"

// Bounds of the search for aromatic ring systems.
const (
	maxFused  = 6      // rings that are counted together
	maxGroups = 100000 // of fused rings that are tried
)

// donor is how many electrons an atom can give to a ring: from least to most.
type donor struct {
	able, wild  bool
	least, most int
}

// perceive finds the aromatic rings. A ring, or up to six fused rings taken
// together, is aromatic when each of its atoms can give electrons and their
// number can be 4n+2.
func (m *Molecule) perceive() {
	donors := make([]donor, len(m.Atoms))
	known := make([]bool, len(m.Atoms))
	var rings []ring
	for _, r := range m.rings {
		able, wild := true, true
		for _, a := range r.atoms {
			if !known[a] {
				known[a] = true
				donors[a] = m.donorOf(int(a))
			}
			able = able && donors[a].able
			wild = wild && m.Atoms[a].Element == 0
		}
		if able && !wild {
			rings = append(rings, r)
		}
	}
	f := fusion{m: m, rings: rings, donors: donors, counts: make([]int, len(m.Atoms)),
		bondCounts: make([]int, len(m.Bonds)), done: make([]bool, len(m.Bonds)), aromatic: make([]bool, len(m.Bonds))}
	f.join()
	seen := make([]bool, len(rings))
	for i := range rings {
		if seen[i] {
			continue
		}
		seen[i] = true
		system := []int{i}
		for k := 0; k < len(system); k++ {
			for _, j := range f.next[system[k]] {
				if !seen[j] {
					seen[j] = true
					system = append(system, j)
				}
			}
		}
		f.search(system)
	}
	for i := range m.Bonds {
		if f.aromatic[i] && (m.Bonds[i].Order == Single || m.Bonds[i].Order == Double) {
			m.Bonds[i].Order = Aromatic
		}
	}
}

// fusion tries groups of fused rings.
type fusion struct {
	m          *Molecule
	rings      []ring
	next       [][]int // rings that share exactly one bond
	donors     []donor
	counts     []int // scratch: how many rings of a group each atom is in
	bondCounts []int // scratch: the same of bonds
	done       []bool
	aromatic   []bool
	tried      int
}

// join finds the neighbours of each ring.
func (f *fusion) join() {
	f.next = make([][]int, len(f.rings))
	of := make(map[int32][]int)
	for i, r := range f.rings {
		if len(r.atoms) > maxListed {
			continue
		}
		shared := map[int]int{}
		for _, b := range r.bonds {
			for _, j := range of[b] {
				shared[j]++
			}
			of[b] = append(of[b], i)
		}
		for j, n := range shared {
			if n == 1 {
				f.next[i], f.next[j] = append(f.next[i], j), append(f.next[j], i)
			}
		}
	}
	for i := range f.next {
		slices.Sort(f.next[i])
	}
}

// search tries single rings first, then pairs and so on, until every bond of
// the system is aromatic.
func (f *fusion) search(system []int) {
	bonds := map[int32]bool{}
	for _, i := range system {
		for _, b := range f.rings[i].bonds {
			bonds[b] = true
		}
	}
	f.tried = 0
	for size := 1; size <= min(maxFused, len(system)); size++ {
		left := 0
		for b := range bonds {
			if !f.done[b] {
				left++
			}
		}
		if left == 0 {
			return
		}
		for _, i := range system {
			f.grow([]int{i}, f.after(nil, []int{i}, i, i), i, size)
		}
	}
}

// after lists the rings that may join a group: neighbours of the ring added
// last that are no neighbours of the group so far and come after its first.
func (f *fusion) after(ahead, group []int, added, root int) []int {
	out := slices.Clone(ahead)
	for _, j := range f.next[added] {
		if j <= root || slices.Contains(group, j) || slices.Contains(out, j) {
			continue
		}
		known := false
		for _, g := range group {
			if g != added && slices.Contains(f.next[g], j) {
				known = true
				break
			}
		}
		if !known {
			out = append(out, j)
		}
	}
	return out
}

// grow visits every connected group of the size once (Wernicke, "Efficient
// detection of network motifs", 2006).
func (f *fusion) grow(group, ahead []int, root, size int) {
	if f.tried > maxGroups {
		return
	}
	if len(group) == size {
		f.tried++
		f.try(group)
		return
	}
	for k, j := range ahead {
		bigger := append(slices.Clone(group), j)
		f.grow(bigger, f.after(ahead[k+1:], bigger, j, root), root, size)
	}
}

// try counts the electrons of a group. Atoms in three of its rings are inside
// and do not count; bonds in two are not part of the outline and stay as they
// are.
func (f *fusion) try(group []int) {
	var atoms, bonds []int32
	for _, i := range group {
		for _, a := range f.rings[i].atoms {
			if f.counts[a]++; f.counts[a] == 1 {
				atoms = append(atoms, a)
			}
		}
		for _, b := range f.rings[i].bonds {
			if f.bondCounts[b]++; f.bondCounts[b] == 1 {
				bonds = append(bonds, b)
			}
		}
	}
	least, most, wild := 0, 0, 0
	for _, a := range atoms {
		if f.counts[a] <= 2 {
			least, most = least+f.donors[a].least, most+f.donors[a].most
			wild += b2i(f.donors[a].wild)
		}
		f.counts[a] = 0
	}
	ok := wild <= 1 && huckel(least, most)
	for _, b := range bonds {
		if ok && f.bondCounts[b] == 1 {
			f.aromatic[b], f.done[b] = true, true
		}
		f.bondCounts[b] = 0
	}
	if ok {
		for _, a := range atoms {
			f.m.Atoms[a].Aromatic = true
		}
	}
}

// huckel reports whether a number of electrons in the range is 4n+2.
func huckel(least, most int) bool {
	if most < 6 {
		return most == 2
	}
	for n := least; n <= most; n++ {
		if n%4 == 2 {
			return true
		}
	}
	return false
}

// multiple finds an atom's bonds of order two or more: whether one is in a
// ring, and the partner of one that is not, -1 for none.
func (m *Molecule) multiple(i int) (inRing bool, outside, count int) {
	outside = -1
	for _, h := range m.nbrs[i] {
		switch m.Bonds[h.bond].Kekule {
		case Double, Triple, Quadruple:
			count++
			if m.ringBond[h.bond] {
				inRing = true
			} else {
				outside = int(h.atom)
			}
		}
	}
	return inRing, outside, count
}

// donorOf says what an atom can give to an aromatic ring.
func (m *Molecule) donorOf(i int) donor {
	a := m.Atoms[i]
	inRing, outside, multiples := m.multiple(i)
	if a.Element == 0 {
		if inRing {
			return donor{able: true, least: 1, most: 1}
		}
		return donor{able: true, wild: true, least: 1, most: 2}
	}
	if !m.aromaticElement(i, multiples) {
		return donor{}
	}
	n := m.piElectrons(i)
	gives := func(k int) donor { return donor{able: true, least: k, most: k} }
	steals := outside >= 0 && moreElectronegative(m.Atoms[outside].Element, a.Element)
	switch {
	case n < 0:
		return donor{}
	case n == 0:
		switch {
		case outside >= 0:
			return gives(0)
		case inRing:
			return gives(1)
		}
		return donor{}
	case n == 1:
		switch {
		case outside >= 0 && steals:
			return gives(0)
		case outside >= 0 || multiples > 0:
			return gives(1)
		case a.Charge == 1:
			return gives(0)
		}
		return donor{}
	}
	if steals {
		n--
	}
	if n%2 == 1 {
		return gives(1)
	}
	return gives(2)
}

// aromaticElement shuts out atoms that are never part of an aromatic ring.
func (m *Molecule) aromaticElement(i, multiples int) bool {
	a := m.Atoms[i]
	if a.Element > 18 && a.Element != 34 && a.Element != 52 || len(elements[a.Element].valences) == 0 {
		return false
	}
	orders, _ := m.kekuleOrders(i)
	like := elements[effective(a.Element, a.Charge)].valences
	if len(like) == 0 || orders+a.Hydrogens > like[0] {
		return false
	}
	if m.radicals(i) > 0 && (a.Element != 6 || a.Charge != 0) {
		return false
	}
	return multiples <= 1
}

// kekuleOrders is the sum of an atom's bond orders, and how many of its bonds
// count at all: those that are not dative from it.
func (m *Molecule) kekuleOrders(i int) (orders, degree int) {
	for _, h := range m.nbrs[i] {
		o := int(m.Bonds[h.bond].Kekule)
		if m.Bonds[h.bond].Order == Dative {
			o = m.takes(i, int(h.bond))
		}
		orders += o
		degree += b2i(o > 0)
	}
	return orders, degree
}

// radicals is the number of unpaired electrons: what is missing to the next
// usual valence of an atom in brackets.
func (m *Molecule) radicals(i int) int {
	a := m.Atoms[i]
	orders, _ := m.kekuleOrders(i)
	taken := orders + a.Hydrogens
	like := effective(a.Element, a.Charge)
	if a.Element == 0 || len(elements[a.Element].valences) == 0 {
		return 0
	}
	for _, v := range elements[like].valences {
		if v >= taken {
			return v - taken
		}
	}
	return 0
}

// piElectrons is how many electrons an atom has left for a ring besides its
// single bonds, -1 when it cannot take part.
func (m *Molecule) piElectrons(i int) int {
	a := m.Atoms[i]
	usual := elements[a.Element].valences[0]
	if usual <= 1 {
		return -1
	}
	orders, degree := m.kekuleOrders(i)
	if degree+a.Hydrogens > 3 {
		return -1
	}
	pairs := max(0, elements[a.Element].outer-usual-a.Charge)
	n := usual - degree - a.Hydrogens + pairs - m.radicals(i)
	if n > 1 && orders-degree > 1 {
		return 1
	}
	return n
}
