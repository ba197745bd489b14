package depict

import (
	"math"
	"slices"

	"palimpsest.dev/plugins/molecule/smiles"
)

// Wedge is how a single bond leaves the plane at the atom From.
type Wedge struct {
	Bond, From int
	Up         bool
}

// Wedges chooses for each tetrahedral centre the bond that shows how its
// ligands lie: one that is in no ring and leads to no other centre where there
// is one, an end of the molecule rather than a chain. A centre without a
// single bond of its own to show it is left out of the list.
func Wedges(m *smiles.Molecule, at []Point) []Wedge {
	centres, _ := m.Stereo()
	isCentre := map[int]bool{}
	for _, c := range centres {
		isCentre[c.Atom] = true
	}
	used := map[int]bool{}
	var out []Wedge
	for _, c := range centres {
		best, score := smiles.Neighbour{Atom: -1}, math.MinInt
		for _, e := range m.Neighbours(c.Atom) {
			if m.Bonds[e.Bond].Kekule != smiles.Single || used[e.Bond] {
				continue
			}
			s := -len(m.Neighbours(e.Atom)) - 20*b2i(m.InRing(e.Bond)) - 40*b2i(isCentre[e.Atom])
			if s > score {
				best, score = e, s
			}
		}
		if best.Atom < 0 {
			continue
		}
		used[best.Bond] = true
		out = append(out, Wedge{Bond: best.Bond, From: c.Atom, Up: wedgeUp(c, best.Atom, at)})
	}
	return out
}

// Unclear lists the double bonds whose form the drawing must leave open: those
// that could have two and of which the text does not tell one, or whose told
// form no place in the plane could be found for.
func Unclear(m *smiles.Molecule, at []Point) []int {
	d := &drawing{m: m, at: at}
	_, twists := m.Stereo()
	told := map[int]bool{}
	for _, t := range twists {
		told[t.Bond] = d.shows(t)
	}
	var out []int
	for i := range m.Bonds {
		if known, ok := told[i]; ok && !known || !ok && m.Twistable(i) {
			out = append(out, i)
		}
	}
	return out
}

// wedgeUp reports whether the ligand must come towards the reader.
func wedgeUp(c smiles.Centre, ligand int, at []Point) bool {
	// The other ligands in the order of the mark, with the wedge first: each
	// exchange of two turns the sense.
	order := c.Ligands
	clockwise := c.Clockwise
	first := ligand
	k := slices.Index(order[:], first)
	if k > 0 {
		order[0], order[k] = order[k], order[0]
		clockwise = !clockwise
	}
	h := slices.Index(order[:], -1)
	if h < 0 {
		// Seen from the reader's side, where the wedge is.
		return turnsClockwise(at, c.Atom, order[1], order[2], order[3]) == clockwise
	}
	// With the hydrogen or lone pair first, the three that are drawn follow
	// each other the other way than the reader sees them, for it lies behind.
	order[0], order[h] = order[h], order[0]
	clockwise = !clockwise
	// The ligand shown is one of the three; what counts is the sense of the
	// other two around the centre, also where all lie to one side.
	k = slices.Index(order[:], ligand)
	next, last := order[k%3+1], order[(k+1)%3+1]
	sees := at[next].minus(at[c.Atom]).cross(at[last].minus(at[c.Atom])) < 0
	return sees != clockwise
}

// turnsClockwise reports whether three atoms around a centre follow each other
// clockwise, y upwards.
func turnsClockwise(at []Point, centre, a, b, c int) bool {
	angle := func(x int) float64 {
		return math.Mod(at[x].minus(at[centre]).angle()-at[a].minus(at[centre]).angle()+4*math.Pi, 2*math.Pi)
	}
	return angle(b) > angle(c)
}
