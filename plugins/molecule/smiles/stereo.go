package smiles

// minTwistRing is the smallest ring in which a double bond has two sides.
const minTwistRing = 8

// readCentres turns the tetrahedral marks into ligand orders. The lone pair of
// an atom with three ligands stands behind the first of them, or, where the
// atom has one ring label and single bonds only, behind the second: the
// specification does not say, and this is how RDKit writes it.
func (p *parser) readCentres() {
	m := p.m
	m.centres = make([]centre, len(m.Atoms))
	for i, s := range p.atoms {
		if s.chiral.kind != "" && (s.chiral.kind != "TH" || len(s.ligands) == 2 && m.Atoms[i].Hydrogens == 0) {
			m.unkept = append(m.unkept, s.chiral.offset)
		}
		if s.chiral.kind != "TH" || m.Atoms[i].Hydrogens > 1 {
			continue
		}
		c := centre{set: true, clockwise: s.chiral.number == 2}
		switch l := s.ligands; {
		case len(l) == 4:
			copy(c.order[:], l)
		case len(l) == 3:
			c.order = [4]int32{l[0], unseen, l[1], l[2]}
			orders, degree := m.kekuleOrders(i)
			if s.labels == 1 && orders == degree {
				c.order = [4]int32{l[0], l[1], unseen, l[2]}
			}
		default:
			continue
		}
		m.centres[i] = c
	}
}

// readTwists turns the directions written on single bonds into sides of
// double bonds. A double bond with a direction at one end only says nothing.
func (p *parser) readTwists() error {
	m := p.m
	for i, b := range m.Bonds {
		if b.Order != Double || !m.twistable(i) {
			continue
		}
		a, up, clashA := p.side(b.A, i)
		c, down, clashB := p.side(b.B, i)
		if up == 0 || down == 0 {
			continue
		}
		if clash := max(clashA, clashB); clash >= 0 {
			return fault(p.bonds[clash].offset, "directions that contradict each other")
		}
		m.twists = append(m.twists, twist{bond: int32(i), a: a, b: c, cis: up == down})
	}
	return nil
}

// side finds a ligand of an atom of a double bond with a direction, and a bond
// that says the opposite, -1 for none.
func (p *parser) side(atom, double int) (ligand int32, dir mark, clash int) {
	clash = -1
	for _, h := range p.m.nbrs[atom] {
		if int(h.bond) == double {
			continue
		}
		d := p.bonds[h.bond].mark
		if p.m.Bonds[h.bond].A != atom {
			d = -d
		}
		switch {
		case d == 0:
		case dir == 0:
			ligand, dir = h.atom, d
		case d == dir:
			clash = int(h.bond)
		}
	}
	return ligand, dir, clash
}

// twistable reports whether a double bond can have two forms as far as its
// surroundings go: no cumulated double bond, no small ring, at most two other
// ligands at each end.
func (m *Molecule) twistable(bond int) bool {
	b := m.Bonds[bond]
	for _, a := range [2]int{b.A, b.B} {
		if len(m.nbrs[a]) < 2 && m.Atoms[a].Hydrogens == 0 || len(m.nbrs[a]) > 3 {
			return false
		}
		for _, h := range m.nbrs[a] {
			if o := m.Bonds[h.bond].Order; int(h.bond) != bond && o != Single && o != Aromatic && o != Dative {
				return false
			}
		}
	}
	if !m.ringBond[bond] {
		return true
	}
	for _, r := range m.rings { // smallest first; a bond's smallest ring is among them
		for _, e := range r.bonds {
			if int(e) == bond {
				return len(r.atoms) >= minTwistRing
			}
		}
	}
	return true
}

// centreAllowed reports whether an atom with so many neighbours and hydrogens
// holds its ligands in place: a nitrogen with a lone pair only in a ring of
// three or where three rings meet.
func (m *Molecule) centreAllowed(i, degree, hydrogens int) bool {
	switch {
	case degree == 4:
		return hydrogens == 0
	case degree != 3 || hydrogens > 1:
		return false
	case hydrogens == 1:
		return true
	}
	a := m.Atoms[i]
	orders, _ := m.kekuleOrders(i)
	switch a.Element {
	case 7:
		return a.Charge == 0 && (m.inRingOf(i, 3) || m.bridgehead(i))
	case 15, 33:
		return true
	case 16, 34:
		return orders == 4 || orders == 3 && a.Charge == 1
	}
	return false
}

// inRingOf reports whether an atom lies in a ring of so many atoms.
func (m *Molecule) inRingOf(atom, size int) bool {
	for _, r := range m.rings {
		if len(r.atoms) > size {
			return false
		}
		if len(r.atoms) == size {
			for _, a := range r.atoms {
				if int(a) == atom {
					return true
				}
			}
		}
	}
	return false
}

// bridgehead reports whether at least three rings meet at an atom and two of
// them share more than one bond there.
func (m *Molecule) bridgehead(atom int) bool {
	var at []ring
	for _, r := range m.rings {
		for _, a := range r.atoms {
			if int(a) == atom {
				at = append(at, r)
				break
			}
		}
	}
	if len(at) < 3 {
		return false
	}
	for i, r := range at {
		for _, s := range at[:i] {
			if sharedBonds(r, s) > 1 {
				return true
			}
		}
	}
	return false
}

func sharedBonds(r, s ring) int {
	n := 0
	for _, a := range r.bonds {
		for _, b := range s.bonds {
			n += b2i(a == b)
		}
	}
	return n
}
