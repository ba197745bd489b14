package smiles

// Filled stands for as many hydrogens as the valence of an atom leaves room for.
const Filled = -1

// maxReadings bounds how often a molecule is written and read until it stays the same.
const maxReadings = 4

// Sketch is a molecule that was not written as a text but drawn: atoms and bonds, with the arrangements that the
// drawing shows.
type Sketch struct {
	Atoms   []SketchAtom
	Bonds   []SketchBond
	Centres []Centre // Ligands are all four, a hydrogen or lone pair that is no atom being -1
	Twists  []Twist  // Bond counts in Bonds; A is a ligand of Bond.A
}

// SketchAtom is an atom. Offset is where errors about it point to.
type SketchAtom struct {
	Element, Isotope, Charge int
	Hydrogens                int  // or Filled
	Aromatic                 bool // it lies in a ring that is drawn with a circle
	Offset                   int
}

// SketchBond joins two atoms by Single, Double or Triple. A single bond between two aromatic atoms of one ring is
// aromatic.
type SketchBond struct {
	A, B   int
	Order  Order
	Offset int
}

// Element is the atomic number of a symbol, 0 where there is none.
func Element(symbol string) int { return numbers[symbol] }

// Molecule checks a sketch as Parse checks a text. The error is always an *Error. Arrangements at atoms and bonds that
// have none are dropped.
func (s Sketch) Molecule() (*Molecule, error) {
	p := parser{m: &Molecule{}, prev: -1}
	for _, a := range s.Atoms {
		if a.Element < 0 || a.Element > heaviest {
			return nil, fault(a.Offset, "an element of number %d", a.Element)
		}
		w := spelled{bracket: a.Hydrogens != Filled, aromatic: a.Aromatic}
		if err := p.addAtom(Atom{Element: a.Element, Isotope: a.Isotope, Charge: a.Charge, Hydrogens: max(0, a.Hydrogens), Offset: a.Offset}, w); err != nil {
			return nil, err
		}
		p.atoms[len(p.atoms)-1].ligands = nil
		p.prev = -1
	}
	for _, b := range s.Bonds {
		switch {
		case b.A == b.B:
			return nil, fault(b.Offset, "a bond from an atom to itself")
		case p.m.at(b.A, b.B) >= 0:
			return nil, fault(b.Offset, "a bond between atoms that are bonded already")
		}
		how := pending{set: b.Order != Single, order: b.Order}
		if b.Order == Single {
			how.order = 0 // which may be aromatic
		}
		if err := p.addBond(b.A, b.B, how, b.Offset); err != nil {
			return nil, err
		}
	}
	s.fillCharged(&p)
	for _, c := range s.Centres {
		at := &p.atoms[c.Atom]
		at.chiral, at.ligands = chirality{kind: "TH", number: 1 + b2i(c.Clockwise), offset: s.Atoms[c.Atom].Offset}, make([]int32, len(c.Ligands))
		for i, l := range c.Ligands {
			at.ligands[i] = int32(l)
		}
	}
	if err := p.settle(); err != nil {
		return nil, err
	}
	for _, t := range s.Twists {
		// What settling made single, as in a nitro group, has no sides; a dative bond may have been turned round.
		if b := p.m.Bonds[t.Bond]; b.Order == Double && b.A == s.Bonds[t.Bond].A && p.m.twistable(t.Bond) {
			p.m.twists = append(p.m.twists, twist{bond: int32(t.Bond), a: int32(t.A), b: int32(t.B), cis: t.Cis})
		}
	}
	return p.m.fixed()
}

// fixed returns the molecule if its canonical text says the same molecule. Rings of wildcards may be aromatic in one reading
// of their bonds and not in another; there the text decides, so that what is stored and what is read from it are the same.
func (m *Molecule) fixed() (*Molecule, error) {
	if len(m.Atoms) == 0 {
		return m, nil
	}
	text := m.Canonical()
	for range maxReadings {
		again, err := Parse(text)
		if err != nil {
			return nil, fault(m.Atoms[0].Offset, "a molecule that cannot be written: %v", err)
		}
		next := again.Canonical()
		if next == text {
			return m, nil
		}
		m, text = again, next
	}
	return nil, fault(m.Atoms[0].Offset, "a molecule without one reading")
}

// fillCharged gives charged atoms the hydrogens that the neutral atom with as many electrons would have. Texts have no
// such atoms: theirs stand in brackets, hydrogens and all.
func (s Sketch) fillCharged(p *parser) {
	for i, a := range s.Atoms {
		if a.Charge == 0 || a.Hydrogens != Filled {
			continue
		}
		p.atoms[i].bracket = true
		if !metal(a.Element) {
			orders, _ := p.m.used(i)
			p.m.Atoms[i].Hydrogens = usualHydrogens(effective(a.Element, a.Charge), false, orders+b2i(a.Aromatic), 0)
		}
	}
}
