// Package depict gives the atoms of a molecule places in the plane, as a
// chemist would draw them: rings as regular polygons, chains as zigzags with
// angles of 120 degrees, the two sides of double bonds as they are told, and
// branches turned over where they would lie on others. Bonds have length 1
// except in cages, which have no flat form.
package depict

import (
	"cmp"
	"math"
	"slices"

	"palimpsest.dev/plugins/molecule/smiles"
)

// Point is a place in the plane, y upwards, in bond lengths.
type Point struct{ X, Y float64 }

func (p Point) plus(q Point) Point      { return Point{p.X + q.X, p.Y + q.Y} }
func (p Point) minus(q Point) Point     { return Point{p.X - q.X, p.Y - q.Y} }
func (p Point) times(f float64) Point   { return Point{p.X * f, p.Y * f} }
func (p Point) length() float64         { return math.Hypot(p.X, p.Y) }
func (p Point) angle() float64          { return math.Atan2(p.Y, p.X) }
func (p Point) cross(q Point) float64   { return p.X*q.Y - p.Y*q.X }
func (p Point) dot(q Point) float64     { return p.X*q.X + p.Y*q.Y }
func toward(angle float64) Point        { return Point{math.Cos(angle), math.Sin(angle)} }
func (p Point) turned(by float64) Point { return toward(p.angle() + by).times(p.length()) }

// mirrored is p on the other side of the line through a and b.
func (p Point) mirrored(a, b Point) Point {
	d := b.minus(a)
	l := d.dot(d)
	if l == 0 {
		return p
	}
	v := p.minus(a)
	along := d.times(v.dot(d) / l)
	return a.plus(along.times(2)).minus(v)
}

// drawing is a layout in the making.
type drawing struct {
	m      *smiles.Molecule
	near   [][]smiles.Neighbour
	at     []Point
	placed []bool
	system []int   // ring system of each atom, -1 for none
	rings  [][]int // of atoms, smallest first
	twists []smiles.Twist
}

// Layout places the atoms. Parts of a molecule stand side by side.
func Layout(m *smiles.Molecule) []Point {
	n := len(m.Atoms)
	d := &drawing{m: m, at: make([]Point, n), placed: make([]bool, n), near: make([][]smiles.Neighbour, n),
		system: slices.Repeat([]int{-1}, n), rings: m.Rings()}
	_, d.twists = m.Stereo()
	for i := range n {
		d.near[i] = m.Neighbours(i)
	}
	d.findSystems()
	right := 0.0
	for i := range n {
		if d.placed[i] {
			continue
		}
		part := d.part(i)
		d.place(part)
		d.twist(part)
		d.relieve(part)
		d.straighten(part)
		right = d.beside(part, right)
	}
	return d.at
}

// part lists the atoms joined to one.
func (d *drawing) part(first int) []int {
	seen := map[int]bool{first: true}
	out := []int{first}
	for k := 0; k < len(out); k++ {
		for _, e := range d.near[out[k]] {
			if !seen[e.Atom] {
				seen[e.Atom] = true
				out = append(out, e.Atom)
			}
		}
	}
	return out
}

// findSystems numbers the ring systems: atoms joined by ring bonds.
func (d *drawing) findSystems() {
	count := 0
	for i := range d.near {
		if d.system[i] >= 0 || !slices.ContainsFunc(d.near[i], func(e smiles.Neighbour) bool { return d.m.InRing(e.Bond) }) {
			continue
		}
		queue := []int{i}
		d.system[i] = count
		for k := 0; k < len(queue); k++ {
			for _, e := range d.near[queue[k]] {
				if d.m.InRing(e.Bond) && d.system[e.Atom] < 0 {
					d.system[e.Atom] = count
					queue = append(queue, e.Atom)
				}
			}
		}
		count++
	}
}

// place lays out one part: its largest ring system first, or an end of its
// longest chain, then what hangs on it, outwards.
func (d *drawing) place(part []int) {
	start, size := -1, map[int]int{}
	for _, a := range part {
		if s := d.system[a]; s >= 0 {
			size[s]++
			if start < 0 || size[s] > size[d.system[start]] {
				start = a
			}
		}
	}
	if start >= 0 {
		for a, p := range d.ringSystem(start) {
			d.at[a], d.placed[a] = p, true
		}
	} else {
		start = d.end(part)
		d.placed[start] = true
	}
	var queue []int
	for _, a := range part {
		if d.placed[a] {
			queue = append(queue, a)
		}
	}
	for k := 0; k < len(queue); k++ {
		queue = append(queue, d.extend(queue[k])...)
	}
}

// end is one end of a longest chain of a part without rings.
func (d *drawing) end(part []int) int {
	far := func(from int) int {
		dist := map[int]int{from: 0}
		queue := []int{from}
		for k := 0; k < len(queue); k++ {
			for _, e := range d.near[queue[k]] {
				if _, ok := dist[e.Atom]; !ok {
					dist[e.Atom] = dist[queue[k]] + 1
					queue = append(queue, e.Atom)
				}
			}
		}
		return queue[len(queue)-1]
	}
	return far(far(part[0]))
}

// extend places the neighbours of a placed atom and returns what is new: the
// neighbours and the ring systems they belong to.
func (d *drawing) extend(a int) (fresh []int) {
	var open, done []smiles.Neighbour
	for _, e := range d.near[a] {
		if d.placed[e.Atom] {
			done = append(done, e)
		} else {
			open = append(open, e)
		}
	}
	if len(open) == 0 {
		return nil
	}
	// The longer branches get the better places.
	weight := func(e smiles.Neighbour) int { return len(d.near[e.Atom]) + 3*b2i(d.system[e.Atom] >= 0) }
	slices.SortStableFunc(open, func(x, y smiles.Neighbour) int { return cmp.Compare(weight(y), weight(x)) })
	for k, angle := range d.directions(a, done, open) {
		e := open[k]
		if d.placed[e.Atom] { // came with a ring system
			continue
		}
		to := d.at[a].plus(toward(angle))
		if d.system[e.Atom] < 0 {
			d.at[e.Atom], d.placed[e.Atom] = to, true
			fresh = append(fresh, e.Atom)
			continue
		}
		fresh = append(fresh, d.attach(e.Atom, a, to)...)
	}
	return fresh
}

// directions are the angles for the open neighbours of an atom.
func (d *drawing) directions(a int, done, open []smiles.Neighbour) []float64 {
	if len(done) == 0 {
		out := make([]float64, len(open))
		step := 2 * math.Pi / float64(max(1, len(open)))
		if len(open) == 2 && !d.linear(a) {
			step = 2 * math.Pi / 3
		}
		for k := range out {
			out[k] = math.Pi/6 + float64(k)*step
		}
		return out
	}
	if len(done) == 1 {
		return d.onward(a, done[0], open)
	}
	// In a ring or where several are placed: spread over the widest gap.
	var angles []float64
	for _, e := range done {
		angles = append(angles, d.at[e.Atom].minus(d.at[a]).angle())
	}
	slices.Sort(angles)
	from, gap := angles[len(angles)-1], angles[0]+2*math.Pi-angles[len(angles)-1]
	for k := 1; k < len(angles); k++ {
		if g := angles[k] - angles[k-1]; g > gap {
			from, gap = angles[k-1], g
		}
	}
	out := make([]float64, len(open))
	for k := range out {
		out[k] = from + gap*float64(k+1)/float64(len(open)+1)
		if len(open) == 2 { // not flatter than a right angle apart
			out[k] = from + gap/2 + (float64(k)-0.5)*min(gap/3, math.Pi/2)
		}
	}
	return out
}

// linear reports whether an atom's bonds lie in one line.
func (d *drawing) linear(a int) bool {
	double := 0
	for _, e := range d.near[a] {
		switch d.m.Bonds[e.Bond].Kekule {
		case smiles.Triple, smiles.Quadruple:
			return true
		case smiles.Double:
			double++
		}
	}
	return double >= 2 && len(d.near[a]) == 2
}

// onward continues a chain: straight where the atom is linear, else turning
// now one way, now the other.
func (d *drawing) onward(a int, from smiles.Neighbour, open []smiles.Neighbour) []float64 {
	back := d.at[from.Atom].minus(d.at[a]).angle()
	switch len(open) {
	case 1:
		if d.linear(a) {
			return []float64{back + math.Pi}
		}
		return []float64{back + d.side(a, from)*2*math.Pi/3}
	case 2:
		s := d.side(a, from)
		return []float64{back + s*2*math.Pi/3, back - s*2*math.Pi/3}
	case 3:
		s := d.side(a, from)
		return []float64{back + s*2*math.Pi/3, back - s*4*math.Pi/9, back - s*8*math.Pi/9}
	}
	out := make([]float64, len(open))
	for k := range out {
		out[k] = back + 2*math.Pi*float64(k+1)/float64(len(open)+1)
	}
	return out
}

// side is the sense, 1 or -1, in which a chain turns off at a from the bond
// that leads there.
func (d *drawing) side(a int, from smiles.Neighbour) float64 {
	axis := d.at[a].minus(d.at[from.Atom])
	for _, e := range d.near[from.Atom] {
		if e.Atom == a || !d.placed[e.Atom] {
			continue
		}
		turn := 1.0 // zigzag: away from where the chain came from
		if axis.cross(d.at[e.Atom].minus(d.at[from.Atom])) < 0 {
			turn = -1
		}
		return turn
	}
	return 1
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// attach places the ring system of an atom that hangs on from, with the atom
// at a place and the system turned away.
func (d *drawing) attach(atom, from int, to Point) (fresh []int) {
	local := d.ringSystem(atom)
	out := Point{}
	for _, e := range d.near[atom] {
		if p, ok := local[e.Atom]; ok {
			out = out.minus(p.minus(local[atom]))
		}
	}
	if out.length() < 1e-6 {
		out = Point{1, 0}
	}
	turn := d.at[from].minus(to).angle() - out.angle()
	for _, a := range slices.Sorted(keys(local)) {
		d.at[a] = to.plus(local[a].minus(local[atom]).turned(turn))
		d.placed[a] = true
		fresh = append(fresh, a)
	}
	return fresh
}

func keys(m map[int]Point) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// beside moves a part to the right of what stands there and returns where it
// ends.
func (d *drawing) beside(part []int, right float64) float64 {
	low, high := math.Inf(1), math.Inf(-1)
	for _, a := range part {
		low, high = min(low, d.at[a].X), max(high, d.at[a].X)
	}
	shift := right - low
	for _, a := range part {
		d.at[a].X += shift
	}
	return right + high - low + 1.5
}
