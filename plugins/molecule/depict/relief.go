package depict

import (
	"math"
	"slices"

	"palimpsest.dev/plugins/molecule/smiles"
)

// Bounds of the search for a layout without overlaps.
const (
	maxRelief = 250 // atoms of a part
	maxTurns  = 600 // moves that are tried
	tooNear   = 0.65
)

// relieve moves branches as long as that makes fewer atoms lie on one another:
// turned over about the bond that holds them, and where that does not help
// swung aside by up to 30 degrees.
func (d *drawing) relieve(part []int) {
	if len(part) > maxRelief {
		return
	}
	told := map[int]bool{}
	for _, t := range d.twists {
		told[t.Bond] = true
	}
	cost, tries := d.crowding(part), 0
	for n, step := range []func(branch []int, a, b Point, k int){
		func(branch []int, a, b Point, _ int) { d.mirror(branch, a, b) },
		func(branch []int, a, _ Point, k int) { d.swing(branch, a, []float64{1, -1, 2, -2}[k]*math.Pi/12) },
	} {
		for before := cost + 1; cost > 0 && cost < before; {
			before = cost
			for i, b := range d.m.Bonds {
				if cost == 0 || tries > maxTurns {
					return
				}
				if d.m.InRing(i) || told[i] || len(d.near[b.A]) < 2 || len(d.near[b.B]) < 1 || !slices.Contains(part, b.A) {
					continue
				}
				from, to := b.A, b.B
				branch := d.branch(from, to)
				if 2*len(branch) > len(part) {
					from, to = to, from
					branch = d.branch(from, to)
				}
				for k := range 1 + 3*n {
					tries++
					was := d.places(branch)
					step(branch, d.at[from], d.at[to], k)
					if c := d.crowding(part); c < cost-1e-9 {
						cost = c
						break
					}
					d.restore(branch, was)
				}
			}
		}
	}
}

func (d *drawing) places(branch []int) []Point {
	out := make([]Point, len(branch))
	for k, a := range branch {
		out[k] = d.at[a]
	}
	return out
}

func (d *drawing) restore(branch []int, was []Point) {
	for k, a := range branch {
		d.at[a] = was[k]
	}
}

// swing turns a branch around a point.
func (d *drawing) swing(branch []int, a Point, by float64) {
	for _, i := range branch {
		d.at[i] = a.plus(d.at[i].minus(a).turned(by))
	}
}

// twist turns over what lies beyond a double bond that is drawn the wrong way.
// In a large ring, one of its atoms is pushed through instead.
func (d *drawing) twist(part []int) {
	for _, t := range d.twists {
		b := d.m.Bonds[t.Bond]
		if !slices.Contains(part, b.A) || d.shows(t) {
			continue
		}
		if !d.m.InRing(t.Bond) {
			d.mirror(d.branch(b.A, b.B), d.at[b.A], d.at[b.B])
			continue
		}
		for _, ends := range [2][2]int{{b.A, b.B}, {b.B, b.A}} {
			if d.dent(t, ends[0], ends[1]) {
				break
			}
		}
	}
}

// shows reports whether a double bond is drawn as it is told.
func (d *drawing) shows(t smiles.Twist) bool {
	b := d.m.Bonds[t.Bond]
	axis := d.at[b.B].minus(d.at[b.A])
	one, other := axis.cross(d.at[t.A].minus(d.at[b.A])), axis.cross(d.at[t.B].minus(d.at[b.A]))
	return (one*other > 0) == t.Cis
}

// dent reflects the atom y of a ring bond x-y, with what hangs on it, through
// the line from x to the next atom of the ring, if that draws the double bond
// as told and no other one wrong.
func (d *drawing) dent(t smiles.Twist, x, y int) bool {
	for _, e := range d.near[y] {
		if e.Atom == x || !d.m.InRing(e.Bond) {
			continue
		}
		move := []int{y}
		for _, f := range d.near[y] {
			if !d.m.InRing(f.Bond) {
				move = append(move, d.branch(y, f.Atom)...)
			}
		}
		before := d.wrong()
		d.mirror(move, d.at[x], d.at[e.Atom])
		if d.shows(t) && d.wrong() < before {
			return true
		}
		d.mirror(move, d.at[x], d.at[e.Atom])
	}
	return false
}

// wrong counts the double bonds of placed atoms that are not drawn as told.
func (d *drawing) wrong() int {
	n := 0
	for _, t := range d.twists {
		if b := d.m.Bonds[t.Bond]; d.placed[b.A] && !d.shows(t) {
			n++
		}
	}
	return n
}

// branch lists the atoms on b's side of the bond a-b.
func (d *drawing) branch(a, b int) []int {
	seen := map[int]bool{a: true, b: true}
	out := []int{b}
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

func (d *drawing) mirror(branch []int, a, b Point) {
	for _, i := range branch {
		d.at[i] = d.at[i].mirrored(a, b)
	}
}

// crowding is how much atoms that are not bonded lie on one another.
func (d *drawing) crowding(part []int) float64 {
	sum := 0.0
	for i, a := range part {
		for _, b := range part[:i] {
			v := d.at[a].minus(d.at[b])
			if math.Abs(v.X) > tooNear || math.Abs(v.Y) > tooNear {
				continue
			}
			if l := v.length(); l < tooNear && !d.joined(a, b) {
				sum += tooNear - l
			}
		}
	}
	return sum
}

// straighten turns a part so that it is widest from left to right.
func (d *drawing) straighten(part []int) {
	middle := Point{}
	for _, a := range part {
		middle = middle.plus(d.at[a])
	}
	middle = middle.times(1 / float64(len(part)))
	var xx, xy, yy float64
	for _, a := range part {
		v := d.at[a].minus(middle)
		xx, xy, yy = xx+v.X*v.X, xy+v.X*v.Y, yy+v.Y*v.Y
	}
	axis := 0.5 * math.Atan2(2*xy, xx-yy)
	// To the nearest multiple of 30 degrees, which keeps hexagons upright.
	axis = math.Round(axis/(math.Pi/6)) * math.Pi / 6
	for _, a := range part {
		d.at[a] = d.at[a].minus(middle).turned(-axis)
	}
}
