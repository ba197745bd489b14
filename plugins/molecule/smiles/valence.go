package smiles

// resolveBonds decides what the bonds without a symbol are: aromatic between
// aromatic atoms of a ring, single otherwise. A wildcard in a ring of aromatic
// atoms may take part, so its bonds are left open to kekulise.
func (p *parser) resolveBonds() error {
	m := p.m
	for i, b := range m.Bonds {
		if b.Order != Aromatic {
			continue
		}
		if !m.ringBond[i] {
			return fault(p.bonds[i].offset, "an aromatic bond outside a ring")
		}
		for _, a := range [2]int{b.A, b.B} {
			p.atoms[a].aromatic = p.atoms[a].aromatic || m.Atoms[a].Element > 0
		}
	}
	for i, b := range m.Bonds {
		if !p.bonds[i].plain || !m.ringBond[i] {
			continue
		}
		a, c := p.mayBeAromatic(b.A), p.mayBeAromatic(b.B)
		if a && c && (p.atoms[b.A].aromatic || p.atoms[b.B].aromatic) {
			m.Bonds[i].Order, m.Bonds[i].Kekule = Aromatic, Single
		}
	}
	for i := range m.Atoms {
		if p.atoms[i].aromatic && !m.inRing(i) {
			return fault(m.Atoms[i].Offset, "an aromatic atom outside a ring")
		}
	}
	return nil
}

func (p *parser) mayBeAromatic(a int) bool {
	return p.atoms[a].aromatic || p.m.Atoms[a].Element == 0
}

func (m *Molecule) inRing(a int) bool {
	for _, h := range m.nbrs[a] {
		if m.ringBond[h.bond] {
			return true
		}
	}
	return false
}

// used is how much of its valence an atom's bonds take: aromatic ones counted
// on their own, the others by their order.
func (m *Molecule) used(a int) (orders, aromatic int) {
	for _, h := range m.nbrs[a] {
		switch o := m.Bonds[h.bond].Order; o {
		case Aromatic:
			aromatic++
		case Dative:
			orders += m.takes(a, int(h.bond))
		default:
			orders += int(o)
		}
	}
	return orders, aromatic
}

// takes is what a dative bond takes of an atom's valence: nothing of the
// donor's.
func (m *Molecule) takes(a, bond int) int {
	if m.Bonds[bond].A == a {
		return 0
	}
	return 1
}

// normalise brings spellings that stand for one structure into one form, with
// charges rather than a pentavalent nitrogen, a three-bonded chlorine or an
// ylide with both double bonds, and dative bonds rather than an overfull donor
// at a metal.
func (p *parser) normalise() {
	m := p.m
	for i := range m.Atoms {
		if m.Atoms[i].Charge != 0 {
			continue
		}
		orders, aromatic := m.used(i)
		explicit := orders + m.Atoms[i].Hydrogens + 3*aromatic/2
		switch m.Atoms[i].Element {
		case 7:
			if explicit == 5 && aromatic != 1 && aromatic != 3 {
				p.splitNitrogen(i)
			}
		case 15:
			if explicit == 5 && len(m.nbrs[i]) == 3 {
				p.splitPhosphorus(i)
			}
		case 17, 35, 53:
			if explicit == 3 || explicit == 5 || explicit == 7 {
				p.splitHalogen(i)
			}
		}
	}
	for i := range m.Atoms {
		p.donate(i)
	}
}

// part gives the two ends of a bond opposite charges and lowers its order.
func (p *parser) part(plus, minus, bond int) {
	m := p.m
	m.Bonds[bond].Order--
	m.Bonds[bond].Kekule = m.Bonds[bond].Order
	m.Atoms[plus].Charge++
	m.Atoms[minus].Charge--
	p.atoms[plus].bracket, p.atoms[minus].bracket = true, true // no hydrogens for the bond they lost
}

func (p *parser) splitNitrogen(i int) {
	for _, h := range p.m.nbrs[i] {
		n, o := p.m.Atoms[h.atom], p.m.Bonds[h.bond].Order
		if n.Charge == 0 && (n.Element == 8 && o == Double || n.Element == 7 && o == Triple) {
			p.part(i, int(h.atom), int(h.bond))
			return
		}
	}
}

func (p *parser) splitPhosphorus(i int) {
	m := p.m
	oxide, ylide := half{atom: -1}, false
	for _, h := range m.nbrs[i] {
		if m.Bonds[h.bond].Order != Double {
			continue
		}
		switch n := m.Atoms[h.atom]; n.Element {
		case 8:
			if n.Charge == 0 {
				oxide = h
			}
		case 6, 7:
			ylide = ylide || len(m.nbrs[h.atom]) > 1
		}
	}
	if ylide && oxide.atom >= 0 {
		p.part(i, int(oxide.atom), int(oxide.bond))
	}
}

func (p *parser) splitHalogen(i int) {
	m := p.m
	for _, h := range m.nbrs[i] {
		if m.Atoms[h.atom].Element != 8 {
			return
		}
	}
	for _, h := range m.nbrs[i] {
		if m.Bonds[h.bond].Order == Double {
			p.part(i, int(h.atom), int(h.bond))
		}
	}
}

// donate makes the single bonds of an overfull donor to a metal dative.
func (p *parser) donate(i int) {
	m := p.m
	a := m.Atoms[i]
	if a.Element == 0 || metal(a.Element) {
		return
	}
	valences := elements[effective(a.Element, a.Charge)].valences
	if len(valences) == 0 {
		return
	}
	most := valences[len(valences)-1]
	for {
		orders, aromatic := m.used(i)
		explicit := orders + a.Hydrogens
		if aromatic > 0 {
			explicit += aromatic + p.needsDouble(i)
		}
		if explicit <= most || explicit > 4 {
			return
		}
		to := -1
		for _, h := range m.nbrs[i] {
			if m.Bonds[h.bond].Order == Single && metal(m.Atoms[h.atom].Element) {
				to = int(h.bond)
				break
			}
		}
		if to < 0 {
			return
		}
		b := &m.Bonds[to]
		b.A, b.B, b.Order, b.Kekule = i, b.other(i), Dative, Dative
		p.bonds[to].mark = 0
		if aromatic > 0 {
			p.donated = append(p.donated, to)
		}
		p.atoms[i].bracket = true // what hydrogens it had are those it keeps
	}
}

// takeBack makes bonds that donate took for dative single again: an aromatic
// nitrogen at a metal may as well be bonded like that of pyrrole. It reports
// whether there were any.
func (p *parser) takeBack() bool {
	for _, i := range p.donated {
		b := &p.m.Bonds[i]
		b.Order, b.Kekule = Single, Single
	}
	return len(p.donated) > 0
}

// needsDouble guesses for an overfull aromatic donor whether the ring wants a
// double bond from it: a nitrogen of a six-membered ring, which has two
// aromatic bonds and no hydrogen.
func (p *parser) needsDouble(i int) int {
	orders, aromatic := p.m.used(i)
	if aromatic == 2 && orders > 0 && p.m.smallestRing(i) == 6 {
		return 1
	}
	return 0
}

// smallestRing is the size of the smallest ring around an atom, 0 when it is
// above 7: a search from the atom, bounded by that.
func (m *Molecule) smallestRing(a int) int {
	for want := 3; want <= 7; want++ {
		if m.ringOf(a, a, -1, want) {
			return want
		}
	}
	return 0
}

// ringOf reports whether a walk of left bonds leads from at to home.
func (m *Molecule) ringOf(home, at, from, left int) bool {
	for _, h := range m.nbrs[at] {
		if int(h.bond) == from || !m.ringBond[h.bond] {
			continue
		}
		if int(h.atom) == home {
			if left == 1 {
				return true
			}
			continue
		}
		if left > 1 && m.ringOf(home, int(h.atom), int(h.bond), left-1) {
			return true
		}
	}
	return false
}

// fillHydrogens gives atoms without brackets the hydrogens that fill their
// usual valence. An aromatic atom keeps one electron for the ring.
func (p *parser) fillHydrogens() {
	for i := range p.m.Atoms {
		if a := &p.m.Atoms[i]; a.Element > 0 && !p.atoms[i].bracket {
			orders, aromatic := p.m.used(i)
			a.Hydrogens = usualHydrogens(a.Element, p.atoms[i].aromatic, orders, aromatic)
		}
	}
}

// usualHydrogens is how many hydrogens an atom without brackets has.
func usualHydrogens(element int, isAromatic bool, orders, aromatic int) int {
	valences := elements[element].valences
	if len(valences) == 0 {
		return 0
	}
	taken := orders + aromatic
	if aromatic > 0 {
		taken++
	}
	if isAromatic {
		return max(0, valences[0]-taken)
	}
	for _, v := range valences {
		if v >= taken {
			return v - taken
		}
	}
	return 0
}

// checkValences refuses an atom with more bonds than it can have.
func (p *parser) checkValences() error {
	m := p.m
	for i, a := range m.Atoms {
		if a.Element == 0 {
			continue
		}
		total := a.Hydrogens
		for _, h := range m.nbrs[i] {
			if o := m.Bonds[h.bond].Kekule; o == Dative {
				total += m.takes(i, int(h.bond))
			} else {
				total += int(o)
			}
		}
		if limit := m.valenceLimit(i); limit >= 0 && total > limit {
			return fault(a.Offset, "%s%s with %d bonds, hydrogens included: at most %d", a.Symbol(), sign(a.Charge), total, limit)
		}
	}
	return nil
}

// valenceLimit is the greatest sum of bond orders that an atom may have, -1
// when there is none.
func (m *Molecule) valenceLimit(i int) int {
	a := m.Atoms[i]
	own, like := elements[a.Element], elements[effective(a.Element, a.Charge)]
	switch z := effective(a.Element, a.Charge); {
	case own.unlimited || like.unlimited || len(own.valences) == 0 || len(like.valences) == 0:
		return -1
	case z > 16 && (a.Element == 15 || a.Element == 16), z > 34 && (a.Element == 33 || a.Element == 34):
		return own.valences[len(own.valences)-1] + a.Charge // negative, but as able as the neutral atom
	case a.Element == 1 && a.Charge == -1:
		return 2 // bridging hydride
	case (a.Element == 17 || a.Element == 35 || a.Element == 53) && a.Charge == 0 && m.onlyHalides(i):
		return 7 // ClF3, BrF5, IF7
	}
	return like.valences[len(like.valences)-1]
}

// onlyHalides reports whether an atom is bonded to an odd number of fluorine,
// chlorine and oxygen atoms and nothing else.
func (m *Molecule) onlyHalides(i int) bool {
	odd := 0
	for _, h := range m.nbrs[i] {
		switch m.Atoms[h.atom].Element {
		case 8, 9, 17:
			odd += int(m.Bonds[h.bond].Kekule)
		default:
			return false
		}
	}
	return odd%2 == 1 && m.Atoms[i].Hydrogens == 0
}

// sign writes a charge.
func sign(q int) string {
	s := [2]string{"+", "-"}[b2i(q < 0)]
	switch n := max(q, -q); n {
	case 0:
		return ""
	case 1:
		return s
	default:
		return s + itoa(n)
	}
}

// Organic reports whether an element may stand without brackets, so that
// readers give it hydrogens.
func Organic(element int) bool {
	switch element {
	case 5, 6, 7, 8, 9, 15, 16, 17, 35, 53:
		return true
	}
	return false
}

// UsualHydrogens is how many hydrogens fill the valence of a neutral atom
// whose bonds have these orders in sum.
func UsualHydrogens(element, orders int) int { return usualHydrogens(element, false, orders, 0) }
