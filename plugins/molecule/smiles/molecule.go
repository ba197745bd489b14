// Package smiles reads, checks and writes molecules as SMILES, the line
// notation of chemistry, after the OpenSMILES specification. Parse gives every
// atom its hydrogens, refuses what no valence allows, and decides which rings
// are aromatic by the electron count of Hückel, so that a Kekulé spelling and
// an aromatic one are the same molecule. Canonical writes one text for a
// molecule, whatever the order of its atoms was, stereo centres and double
// bonds included; marks on atoms that are no stereo centres are left out.
// Formula, masses, charge and rings come with it.
//
// Nothing here guesses: a text that does not say one molecule is an Error with
// the place and the reason. All work on a text is bounded by the limits below.
//
// The model of valence and aromaticity is that of RDKit, which the databases
// of the field are written with, so that both agree about what is the same.
package smiles

import "fmt"

// Limits on what is read. A molecule drawn on a page stays far below.
const (
	MaxBytes  = 16384 // of a text
	MaxAtoms  = 2048  // written atoms
	maxNest   = 1024  // open branches
	maxRings  = 160   // independent rings of one ring system
	maxDegree = 16    // bonds of an atom
)

// Error says where and why a text is no molecule.
type Error struct {
	Offset int // byte of the text
	Reason string
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("SMILES at byte %d: %s", e.Offset, e.Reason) }

func fault(offset int, format string, args ...any) error {
	return &Error{Offset: offset, Reason: fmt.Sprintf(format, args...)}
}

// Order is the kind of a bond.
type Order uint8

// The kinds of bonds. A dative bond goes from the donor, Bond.A, to Bond.B.
const (
	Single Order = iota + 1
	Double
	Triple
	Quadruple
	Aromatic
	Dative
)

// Atom is one atom as it was written.
type Atom struct {
	Element   int // atomic number; 0 is the wildcard *
	Isotope   int // mass number, 0 when not given; of a wildcard the number of an R-group
	Charge    int
	Hydrogens int  // hydrogen atoms that are not written as atoms of their own
	Class     int  // atom class, 0 when not given
	Aromatic  bool // by the electron count, not by how it was written
	Offset    int  // byte of the text where the atom begins
}

// Symbol is the atom's element symbol, * for a wildcard.
func (a Atom) Symbol() string { return elements[a.Element].symbol }

// Bond joins two atoms.
type Bond struct {
	A, B   int // indices of atoms
	Order  Order
	Kekule Order // the order in one form without aromatic bonds; equal to Order for the others
}

// other is the atom at the other end.
func (b Bond) other(a int) int { return b.A + b.B - a }

// Molecule is what a text says: atoms in the order of the text and bonds in
// the order in which they are closed. It may have several parts. The zero
// value is no molecule; use Parse.
type Molecule struct {
	Atoms []Atom
	Bonds []Bond

	nbrs    [][]half // bonds of each atom
	centres []centre // tetrahedral marks, one for each atom
	twists  []twist  // marked double bonds

	unkept []int // bytes of marks of arrangements that are read but not kept

	ringBond []bool // whether the bond lies in a ring
	rings    []ring // relevant cycles, smallest first
}

// half is a bond seen from one of its atoms.
type half struct{ atom, bond int32 }

// unseen stands for the ligand of a centre that is no atom of the graph: its
// hydrogen or its lone pair.
const unseen = -1

// centre is a tetrahedral mark: seen from the first ligand, the other three
// follow each other clockwise or not.
type centre struct {
	set       bool
	clockwise bool
	order     [4]int32 // atoms, one of them possibly unseen
}

// twist is a marked double bond: ligand a of atom bond.A and ligand b of
// bond.B lie on the same side or not. unseen is a hydrogen.
type twist struct {
	bond int32
	a, b int32
	cis  bool
}

// at returns the bond between two atoms, -1 when there is none.
func (m *Molecule) at(a, b int) int {
	for _, h := range m.nbrs[a] {
		if int(h.atom) == b {
			return int(h.bond)
		}
	}
	return -1
}

// join adds a bond.
func (m *Molecule) join(a, b int, o Order) int {
	i := len(m.Bonds)
	m.Bonds = append(m.Bonds, Bond{A: a, B: b, Order: o, Kekule: o})
	m.nbrs[a] = append(m.nbrs[a], half{int32(b), int32(i)})
	m.nbrs[b] = append(m.nbrs[b], half{int32(a), int32(i)})
	return i
}

// Parse reads a text. The error is always an *Error.
func Parse(text string) (*Molecule, error) {
	p := parser{text: text, m: &Molecule{}}
	if err := p.run(); err != nil {
		return nil, err
	}
	if err := p.settle(); err != nil {
		return nil, err
	}
	return p.m, nil
}

// settle turns what is written into a molecule: what the bonds without a
// symbol are, how many hydrogens the atoms have, which rings are aromatic and
// which marks say something.
func (p *parser) settle() error {
	p.m.findRingBonds()
	if err := p.resolveBonds(); err != nil {
		return err
	}
	p.normalise()
	p.fillHydrogens()
	err := p.kekulise()
	if err != nil && p.takeBack() {
		err = p.kekulise()
	}
	if err != nil {
		return err
	}
	if err := p.checkValences(); err != nil {
		return err
	}
	if err := p.m.findRings(p.offsetOf); err != nil {
		return err
	}
	p.m.perceive()
	p.readCentres()
	return p.readTwists()
}

// Neighbour is an atom bonded to another one.
type Neighbour struct{ Atom, Bond int }

// Neighbours lists the atoms bonded to an atom.
func (m *Molecule) Neighbours(atom int) []Neighbour {
	out := make([]Neighbour, len(m.nbrs[atom]))
	for k, h := range m.nbrs[atom] {
		out[k] = Neighbour{int(h.atom), int(h.bond)}
	}
	return out
}

// InRing reports whether a bond lies in a ring.
func (m *Molecule) InRing(bond int) bool { return m.ringBond[bond] }

// Rings lists the atoms of the small rings in order, the smallest rings first.
// In bridged systems there may be more than RingCount.
func (m *Molecule) Rings() [][]int {
	out := make([][]int, len(m.rings))
	for k, r := range m.rings {
		for _, a := range r.atoms {
			out[k] = append(out[k], int(a))
		}
	}
	return out
}

// Centre is a tetrahedral centre: seen from the first ligand the other three
// follow each other clockwise or not. A hydrogen that is not written as an
// atom, or a lone pair, is -1.
type Centre struct {
	Atom      int
	Ligands   [4]int
	Clockwise bool
}

// Twist is a double bond with two forms: ligand A of Bond.A and ligand B of
// Bond.B lie on the same side or not.
type Twist struct {
	Bond, A, B int
	Cis        bool
}

// Stereo lists the marks that say something.
func (m *Molecule) Stereo() (centres []Centre, twists []Twist) {
	told := map[int32]twist{}
	for _, t := range m.twists {
		told[t.bond] = t
	}
	for _, g := range m.graphs(true) {
		for k, c := range g.centres {
			if !c.set {
				continue
			}
			out := Centre{Atom: g.kept[k], Clockwise: m.centres[g.kept[k]].clockwise}
			for i, l := range m.centres[g.kept[k]].order {
				out.Ligands[i] = int(l)
			}
			centres = append(centres, out)
		}
		for _, s := range g.twists {
			if t := told[s.bond]; !s.gone {
				twists = append(twists, Twist{Bond: int(t.bond), A: int(t.a), B: int(t.b), Cis: t.cis})
			}
		}
	}
	return centres, twists
}

// Twistable reports whether a double bond could have two forms, whether or not
// the text tells which: its ends have other ligands, none of them alike as
// single atoms, and it lies in no small ring.
func (m *Molecule) Twistable(bond int) bool {
	b := m.Bonds[bond]
	if b.Order != Double || !m.twistable(bond) {
		return false
	}
	for _, end := range [2]int{b.A, b.B} {
		if m.Atoms[end].Hydrogens > 1 {
			return false
		}
	}
	return true
}

// Unkept lists the bytes of the text with marks of allenes, square planes,
// bipyramids and octahedra, which are understood but not kept: the canonical
// form does not tell their arrangements apart.
func (m *Molecule) Unkept() []int { return m.unkept }

func (p *parser) offsetOf(atom int) int { return p.m.Atoms[atom].Offset }

// Fragments is the number of parts that no bond joins.
func (m *Molecule) Fragments() int { return len(m.parts()) }

// RingCount is the number of independent rings: of the smallest set of
// smallest rings.
func (m *Molecule) RingCount() int { return len(m.Bonds) - len(m.Atoms) + m.Fragments() }

// parts lists the atoms of each part, in the order of the text.
func (m *Molecule) parts() [][]int {
	seen := make([]bool, len(m.Atoms))
	var out [][]int
	for i := range m.Atoms {
		if seen[i] {
			continue
		}
		seen[i] = true
		part := []int{i}
		for k := 0; k < len(part); k++ {
			for _, h := range m.nbrs[part[k]] {
				if !seen[h.atom] {
					seen[h.atom] = true
					part = append(part, int(h.atom))
				}
			}
		}
		out = append(out, part)
	}
	return out
}
