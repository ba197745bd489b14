package depict

import (
	"math"
	"slices"
)

// maxRelaxed is how many atoms a ring system may have to be spread.
const maxRelaxed = 200

// ringSystem gives the atoms of the ring system of an atom places of their
// own: one ring after the other, each beside those it shares atoms with.
func (d *drawing) ringSystem(atom int) map[int]Point {
	system := d.system[atom]
	var rings [][]int
	atoms := 0
	for i := range d.system {
		atoms += b2i(d.system[i] == system)
	}
	for _, r := range d.rings {
		if d.system[r[0]] == system {
			rings = append(rings, r)
		}
	}
	at := map[int]Point{}
	if len(rings) == 0 { // not to be: every ring bond lies in a listed ring or in a very large one
		return map[int]Point{atom: {}}
	}
	// Begin with the ring that shares most with others.
	first, most := 0, -1
	for i, r := range rings {
		shared := 0
		for _, s := range rings {
			for _, a := range r {
				shared += b2i(slices.Contains(s, a))
			}
		}
		if shared > most {
			first, most = i, shared
		}
	}
	polygon(rings[first], at)
	left := slices.Delete(slices.Clone(rings), first, first+1)
	bridged := false
	for len(left) > 0 {
		k := d.next(left, at)
		bridged = d.addRing(left[k], at) || bridged
		left = slices.Delete(left, k, k+1)
	}
	d.missing(system, at)
	if bridged || crowdedRings(at) {
		d.relax(at)
	}
	return at
}

// next is the ring to place: one that shares just a bond with what stands, or
// else the one with the largest part placed.
func (d *drawing) next(rings [][]int, at map[int]Point) int {
	best, score := 0, -1.0
	for i, r := range rings {
		placed := 0
		for _, a := range r {
			if _, ok := at[a]; ok {
				placed++
			}
		}
		s := float64(placed) / float64(len(r))
		switch {
		case placed == len(r):
			s = 4
		case placed == 2:
			s = 3 - float64(len(r))/1000
		case placed == 1:
			s = 1.5
		case placed == 0:
			s = 0
		default:
			s += 1.6
		}
		if s > score {
			best, score = i, s
		}
	}
	return best
}

// polygon places a ring as a regular polygon around the origin.
func polygon(ring []int, at map[int]Point) {
	radius := 0.5 / math.Sin(math.Pi/float64(len(ring)))
	for k, a := range ring {
		at[a] = toward(math.Pi/2 + 2*math.Pi*float64(k)/float64(len(ring))).times(radius)
	}
}

// addRing places what is missing of a ring. It reports whether the ring shares
// more than a bond with what stands, so that its form is only a start.
func (d *drawing) addRing(ring []int, at map[int]Point) (bridged bool) {
	n := len(ring)
	has := func(k int) bool { _, ok := at[ring[(k%n+n)%n]]; return ok }
	count := 0
	for k := range ring {
		count += b2i(has(k))
	}
	switch count {
	case n:
		return false
	case 0:
		return true
	}
	// Runs of missing atoms, each between two that stand (or one, in a spiro).
	for k := range ring {
		if has(k) || !has(k-1) {
			continue
		}
		run := 0
		for !has(k + run) {
			run++
		}
		a, b := ring[((k-1)%n+n)%n], ring[(k+run)%n]
		missing := make([]int, run)
		for i := range missing {
			missing[i] = ring[(k+i)%n]
		}
		if a == b {
			d.spiro(a, missing, at)
		} else {
			bridged = bridged || count > 2 || run != n-2
			arc(a, b, missing, at)
		}
	}
	return bridged
}

// spiro places a ring that shares one atom, away from the others.
func (d *drawing) spiro(a int, missing []int, at map[int]Point) {
	away := Point{}
	for _, e := range d.near[a] {
		if p, ok := at[e.Atom]; ok {
			away = away.minus(p.minus(at[a]))
		}
	}
	if away.length() < 1e-6 {
		away = Point{1, 0}
	}
	n := len(missing) + 1
	radius := 0.5 / math.Sin(math.Pi/float64(n))
	centre := at[a].plus(toward(away.angle()).times(radius))
	start := at[a].minus(centre).angle()
	for k, m := range missing {
		at[m] = centre.plus(toward(start + 2*math.Pi*float64(k+1)/float64(n)).times(radius))
	}
}

// arc places atoms on a circle that leads from a to b, on the side away from
// the middle of what stands, so that bonds have length 1.
func arc(a, b int, missing []int, at map[int]Point) {
	from, to := at[a], at[b]
	chord := to.minus(from)
	middle := Point{}
	for _, k := range slices.Sorted(keys(at)) {
		middle = middle.plus(at[k])
	}
	middle = middle.times(1 / float64(len(at)))
	side := 1.0
	if chord.cross(middle.minus(from)) > 0 {
		side = -1
	}
	steps := float64(len(missing) + 1)
	// The circle on which steps chords of length 1 and the chord a-b close:
	// find half the angle of one step by bisection.
	low, high := 1e-6, math.Pi/2
	for range 60 {
		mid := (low + high) / 2
		// The steps span 2*steps*mid; their chord is sin(steps*mid)/sin(mid).
		span := min(steps*mid, math.Pi)
		if math.Sin(span)/math.Sin(mid) > chord.length() {
			low = mid
		} else {
			high = mid
		}
	}
	half := (low + high) / 2
	radius := 0.5 / math.Sin(half)
	total := 2 * steps * half
	normal := Point{-chord.Y, chord.X}.times(side / max(chord.length(), 1e-9))
	h := math.Sqrt(max(0, radius*radius-chord.dot(chord)/4))
	if total < math.Pi { // a flat arc: the centre lies on the other side
		h = -h
	}
	centre := from.plus(chord.times(0.5)).plus(normal.times(h))
	start := from.minus(centre).angle()
	turn := -side * 2 * half
	for k, m := range missing {
		at[m] = centre.plus(toward(start + turn*float64(k+1)).times(radius))
	}
}

// missing places atoms of a system that no listed ring holds, beside a
// neighbour that stands.
func (d *drawing) missing(system int, at map[int]Point) {
	for changed := true; changed; {
		changed = false
		for i := range d.system {
			if _, ok := at[i]; ok || d.system[i] != system {
				continue
			}
			for _, e := range d.near[i] {
				if p, ok := at[e.Atom]; ok {
					at[i] = p.plus(toward(float64(i)).times(0.9))
					changed = true
					break
				}
			}
		}
	}
}

// crowdedRings reports whether two atoms lie on one another.
func crowdedRings(at map[int]Point) bool {
	atoms := slices.Sorted(keys(at))
	for i, a := range atoms {
		for _, b := range atoms[:i] {
			if at[a].minus(at[b]).length() < tooNear {
				return true
			}
		}
	}
	return false
}

// relax spreads a bridged or crowded system: distances in the plane approach
// those along bonds, near ones first (stress majorization after Gansner, Koren
// and North, 2004).
func (d *drawing) relax(at map[int]Point) {
	atoms := slices.Sorted(keys(at))
	n := len(atoms)
	if n > maxRelaxed {
		return
	}
	want := make([][]float64, n)
	index := map[int]int{}
	for i, a := range atoms {
		index[a] = i
	}
	for i, a := range atoms {
		steps := map[int]int{a: 0}
		for queue := []int{a}; len(queue) > 0; queue = queue[1:] {
			for _, e := range d.near[queue[0]] {
				_, seen := steps[e.Atom]
				if _, inside := index[e.Atom]; inside && !seen {
					steps[e.Atom] = steps[queue[0]] + 1
					queue = append(queue, e.Atom)
				}
			}
		}
		want[i] = make([]float64, n)
		for j, b := range atoms {
			want[i][j] = apart(steps[b])
		}
	}
	place := make([]Point, n)
	for i, a := range atoms { // a little aside, as atoms on one another would stay
		place[i] = at[a].plus(toward(2.4 * float64(i)).times(0.05))
	}
	for range 150 {
		next := make([]Point, n)
		for i := range place {
			var sum Point
			weights := 0.0
			for j := range place {
				if i == j {
					continue
				}
				v := place[i].minus(place[j])
				w := 1 / (want[i][j] * want[i][j])
				sum = sum.plus(place[j].plus(v.times(want[i][j] / max(v.length(), 1e-6))).times(w))
				weights += w
			}
			next[i] = sum.times(1 / weights)
		}
		place = next
	}
	for i, a := range atoms {
		at[a] = place[i]
	}
}

// apart is how far atoms that so many bonds part lie in a good drawing.
func apart(steps int) float64 {
	switch steps {
	case 1:
		return 1
	case 2:
		return 1.7
	}
	return 0.85 * float64(max(steps, 3))
}

func (d *drawing) joined(a, b int) bool {
	for _, e := range d.near[a] {
		if e.Atom == b {
			return true
		}
	}
	return false
}
