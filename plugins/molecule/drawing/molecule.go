package drawing

import (
	"math"
	"slices"

	"palimpsest.dev/plugins/molecule/smiles"
)

// straight is the sine of the angle below which a bond beside a double bond counts as lying in its line.
const straight = 0.1

// orders are the orders of the kinds of bonds; all others are single.
var orders = map[byte]smiles.Order{double: smiles.Double, either: smiles.Double, triple: smiles.Triple}

func order(kind byte) smiles.Order {
	if o, ok := orders[kind]; ok {
		return o
	}
	return smiles.Single
}

// ligand is an atom bonded to another one, and how the bond is drawn, seen from there.
type ligand struct {
	atom int
	up   int // 1 or -1 for a wedge that is narrow at the atom that holds it
	wavy bool
	bond int
}

// Molecule says what molecule is drawn. The error is always a *smiles.Error.
func (d *Drawing) Molecule() (*smiles.Molecule, error) {
	var s smiles.Sketch
	heads := make([]int, len(d.Atoms))
	extended := make([]bool, len(d.Atoms))
	sum := make([]int, len(d.Atoms))
	for _, b := range d.bonds {
		sum[b.first] += int(order(b.kind))
		sum[b.second] += int(order(b.kind))
	}
	for i, a := range d.Atoms {
		g, ok := readLabel(a.Label, sum[i])
		if !ok {
			return nil, fault(a.Offset, "%q stands for no atom or group that is known, with %d bonds", a.Label, sum[i])
		}
		heads[i], extended[i] = len(s.Atoms), len(g.atoms) > 1
		if len(s.Atoms)+len(g.atoms) > smiles.MaxAtoms {
			return nil, fault(a.Offset, "more than %d atoms", smiles.MaxAtoms)
		}
		for _, p := range g.atoms {
			s.Atoms = append(s.Atoms, smiles.SketchAtom{Element: p.element, Isotope: p.isotope, Charge: p.charge, Hydrogens: p.hydrogens, Aromatic: p.aromatic, Offset: a.Offset})
		}
		for _, b := range g.bonds {
			s.Bonds = append(s.Bonds, smiles.SketchBond{A: heads[i] + b.a, B: heads[i] + b.b, Order: b.order, Offset: a.Offset})
		}
	}
	inside := len(s.Bonds)
	for _, b := range d.bonds {
		s.Bonds = append(s.Bonds, smiles.SketchBond{A: heads[b.first], B: heads[b.second], Order: order(b.kind), Offset: b.offset})
	}
	ligands := d.ligands()
	for i := range d.Atoms {
		if c, ok := d.centre(i, ligands[i], heads); ok && !extended[i] {
			s.Centres = append(s.Centres, c)
		}
	}
	for k, b := range d.bonds {
		if b.kind != double || extended[b.first] || extended[b.second] {
			continue // where the ligands inside a label lie is not drawn
		}
		if t, ok := d.twist(b, ligands, heads); ok {
			t.Bond = inside + k
			s.Twists = append(s.Twists, t)
		}
	}
	return s.Molecule()
}

// ligands lists the bonds of each atom.
func (d *Drawing) ligands() [][]ligand {
	out := make([][]ligand, len(d.Atoms))
	for k, b := range d.bonds {
		up := 0
		switch b.kind {
		case solid:
			up = 1
		case hashed:
			up = -1
		}
		out[b.first] = append(out[b.first], ligand{b.second, up, b.kind == wavy, k})
		out[b.second] = append(out[b.second], ligand{b.first, 0, b.kind == wavy, k})
	}
	return out
}

// centre reads the arrangement at an atom off the wedges that are narrow there. A fourth ligand that is not drawn lies
// behind the paper where the wedges come forward, and the other way round.
func (d *Drawing) centre(i int, ligands []ligand, heads []int) (smiles.Centre, bool) {
	up := 0
	marked := false
	for _, l := range ligands {
		up += l.up
		marked = marked || l.up != 0
		if l.wavy {
			return smiles.Centre{}, false
		}
	}
	if !marked || len(ligands) < 3 || len(ligands) > 4 {
		return smiles.Centre{}, false
	}
	c := smiles.Centre{Atom: heads[i], Ligands: [4]int{-1, -1, -1, -1}}
	var v [4][3]float64
	for k, l := range ligands {
		if distance(d.Atoms[i].Place, d.Atoms[l.atom].Place) == 0 {
			return smiles.Centre{}, false
		}
		to := d.Atoms[i].Place.to(d.Atoms[l.atom].Place).direction()
		v[k] = [3]float64{to.X, -to.Y, float64(l.up)}
		c.Ligands[k] = heads[l.atom]
	}
	if len(ligands) == 3 {
		v[3] = [3]float64{0, 0, -math.Copysign(1, float64(up))}
		if up == 0 {
			for k := range 3 {
				v[3][k] = -v[0][k] - v[1][k] - v[2][k]
			}
		}
	}
	volume := determinant(minus(v[1], v[0]), minus(v[2], v[0]), minus(v[3], v[0]))
	if math.Abs(volume) < 0.05 {
		return smiles.Centre{}, false
	}
	c.Clockwise = volume > 0
	return c, true
}

func minus(a, b [3]float64) [3]float64 { return [3]float64{a[0] - b[0], a[1] - b[1], a[2] - b[2]} }

func determinant(a, b, c [3]float64) float64 {
	return a[0]*(b[1]*c[2]-b[2]*c[1]) - a[1]*(b[0]*c[2]-b[2]*c[0]) + a[2]*(b[0]*c[1]-b[1]*c[0])
}

// twist reads on which sides of a double bond its ligands lie.
func (d *Drawing) twist(b bond, ligands [][]ligand, heads []int) (smiles.Twist, bool) {
	axis := d.Atoms[b.first].Place.to(d.Atoms[b.second].Place)
	side := func(end, other int) (atom, sign int) {
		at, found := 0.0, -1
		for _, l := range ligands[end] {
			if l.wavy {
				return -1, 0
			}
			to := d.Atoms[end].Place.to(d.Atoms[l.atom].Place)
			if sine := axis.cross(to) / (axis.length() * to.length()); l.atom != other && math.Abs(sine) > max(straight, math.Abs(at)) {
				at, found = sine, l.atom
			}
		}
		if at < 0 {
			return found, -1
		}
		return found, 1
	}
	first, down := side(b.first, b.second)
	second, up := side(b.second, b.first)
	if first < 0 || second < 0 {
		return smiles.Twist{}, false
	}
	return smiles.Twist{A: heads[first], B: heads[second], Cis: down == up}, true
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
