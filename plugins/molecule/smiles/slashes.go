package smiles

import "slices"

// directions chooses the / and \ of all marked double bonds. Single bonds
// between two of them count for both, so marks that depend on one another are
// kept in groups that can be turned over as a whole. Where a mark would make a
// double bond without mark look like one, or no single bond is left, the
// hydrogen of that end is written as an atom and carries the direction.
func (w *writer) directions() {
	avoid := map[[2]int32]bool{}
	for range len(w.g.twists) + 1 {
		s := slashes{w: w, avoid: avoid, group: map[[2]int32]int{}}
		w.marks, w.explicit = map[[2]int32]mark{}, map[int32]mark{}
		s.run()
		wrong := w.misread()
		if len(wrong) == 0 {
			return
		}
		before := len(avoid)
		for _, b := range wrong {
			avoid[b] = true
		}
		if len(avoid) == before {
			return
		}
	}
}

// misread lists marked bonds that make a double bond without mark look marked.
func (w *writer) misread() (out [][2]int32) {
	told := map[[2]int32]bool{}
	for _, t := range w.g.twists {
		if !t.gone {
			k, _ := w.pair(t.x, t.y)
			told[k] = true
		}
	}
	markedAt := func(end, other int32) (found [][2]int32) {
		for _, e := range w.g.nbrs[end] {
			if k, _ := w.pair(end, e.to); e.to != other && w.marks[k] != 0 {
				found = append(found, k)
			}
		}
		return found
	}
	for a := range w.g.nbrs {
		for _, e := range w.g.nbrs[a] {
			x, y := int32(a), e.to
			if k, _ := w.pair(x, y); Order(e.label) != Double || x > y || told[k] {
				continue
			}
			atX, atY := markedAt(x, y), markedAt(y, x)
			if len(atX) > 0 && len(atY) > 0 && !w.g.smallRing(x, y) {
				out = append(out, atX...)
			}
		}
	}
	return out
}

// smallRing reports whether a bond lies in a ring too small for two forms.
func (g *graph) smallRing(x, y int32) bool {
	seen := map[int32]bool{x: true}
	front := []int32{x}
	for range minTwistRing - 2 {
		var next []int32
		for _, a := range front {
			for _, e := range g.nbrs[a] {
				switch {
				case a == x && e.to == y || seen[e.to]:
				case e.to == y:
					return true
				default:
					seen[e.to] = true
					next = append(next, e.to)
				}
			}
		}
		front = next
	}
	return false
}

// slashes is one attempt.
type slashes struct {
	w     *writer
	avoid map[[2]int32]bool
	group map[[2]int32]int // group of each marked bond
	last  int
}

func (s *slashes) run() {
	twists := slices.Clone(s.w.g.twists)
	first := func(t side) int32 { return min(s.w.number[t.x], s.w.number[t.y]) }
	slices.SortFunc(twists, func(a, b side) int { return int(first(a) - first(b)) })
	for _, t := range twists {
		if t.gone {
			continue
		}
		if s.w.number[t.x] > s.w.number[t.y] {
			t.x, t.y, t.a, t.b = t.y, t.x, t.b, t.a
		}
		s.twist(t)
	}
}

// hand is where the told ligand of one end lies, 0 when nothing says it yet,
// and the group of bonds that say it.
func (s *slashes) hand(end, other, told int32) (dir mark, group int) {
	if d := s.w.explicit[end]; d != 0 {
		if told == unseen {
			return d, 0
		}
		return -d, 0
	}
	for _, e := range s.w.g.nbrs[end] {
		k, turn := s.w.pair(end, e.to)
		if e.to == other || s.w.marks[k] == 0 {
			continue
		}
		dir = s.w.marks[k] * turn
		if e.to != told {
			dir = -dir
		}
		return dir, s.group[k]
	}
	return s.implied(end, other, told)
}

// implied marks a bond of an end whose ligands are all taken: their other
// directions leave one choice.
func (s *slashes) implied(end, other, told int32) (dir mark, group int) {
	forced := int32(unseen)
	for _, e := range s.w.g.nbrs[end] {
		k, _ := s.w.pair(end, e.to)
		switch {
		case e.to == other || !s.markable(e) || s.avoid[k] && s.w.g.atoms[end].hydrogens > 0:
		case s.taken(e.to):
			forced = e.to
		default:
			return 0, 0
		}
	}
	if forced == unseen {
		return 0, 0
	}
	for _, e := range s.w.g.nbrs[forced] {
		k, turn := s.w.pair(forced, e.to)
		if e.to == end || s.w.marks[k] == 0 {
			continue
		}
		d := s.w.marks[k] * turn // so the end lies on the other side, and sees the ligand on this one
		own, turn := s.w.pair(end, forced)
		s.w.marks[own], s.group[own] = d*turn, s.group[k]
		if forced != told {
			d = -d
		}
		return d, s.group[k]
	}
	return 0, 0
}

// markable reports whether a bond can carry a direction.
func (s *slashes) markable(e edge) bool {
	return Order(e.label) == Single || Order(e.label) == Aromatic
}

func (s *slashes) twist(t side) {
	left, groupX := s.hand(t.x, t.y, t.a)
	right, groupY := s.hand(t.y, t.x, t.b)
	want := func(d mark) mark { // of the other end
		if t.cis {
			return d
		}
		return -d
	}
	switch {
	case left == 0 && right == 0:
		s.last++
		left = s.set(t.x, t.y, t.a, 0, s.last)
		s.set(t.y, t.x, t.b, want(left), s.last)
	case left == 0:
		s.set(t.x, t.y, t.a, want(right), groupY)
	case right == 0:
		s.set(t.y, t.x, t.b, want(left), groupX)
	case right != want(left) && groupX != groupY:
		s.turnOver(groupY)
		s.merge(groupX, groupY)
	case groupX != groupY:
		s.merge(groupX, groupY)
	}
}

// set marks one bond of an end so that the told ligand lies in a direction; 0
// leaves the choice, which falls on the mark / in the text.
func (s *slashes) set(end, other, told int32, dir mark, group int) mark {
	best := int32(unseen)
	for _, e := range s.w.g.nbrs[end] {
		k, _ := s.w.pair(end, e.to)
		if e.to == other || !s.markable(e) || s.avoid[k] || s.taken(e.to) {
			continue
		}
		if best == unseen || s.better(e.to, best) {
			best = e.to
		}
	}
	if best == unseen {
		if dir == 0 {
			dir = above
		}
		if s.w.explicit[end] = dir; told != unseen {
			s.w.explicit[end] = -dir
		}
		return dir
	}
	k, turn := s.w.pair(end, best)
	flip := mark(1)
	if best != told {
		flip = -1
	}
	if dir == 0 {
		dir = above * turn * flip
	}
	s.w.marks[k] = dir * turn * flip
	s.group[k] = group
	return dir
}

// taken reports whether an atom is an end of another marked double bond that
// has its direction already: a second one there would have to agree.
func (s *slashes) taken(a int32) bool {
	for _, k := range s.w.g.atoms[a].twist {
		if s.w.g.twists[k].gone {
			continue
		}
		if s.w.explicit[a] != 0 {
			return true
		}
		for _, e := range s.w.g.nbrs[a] {
			if b, _ := s.w.pair(a, e.to); s.w.marks[b] != 0 {
				return true
			}
		}
	}
	return false
}

// better reports whether a ligand is to be marked rather than another: one
// that is an end of a double bond itself, as its direction then counts twice,
// or else the earlier one.
func (s *slashes) better(a, b int32) bool {
	twist := func(x int32) bool {
		return slices.ContainsFunc(s.w.g.atoms[x].twist, func(k int32) bool { return !s.w.g.twists[k].gone })
	}
	if twist(a) != twist(b) {
		return twist(a)
	}
	return s.w.number[a] < s.w.number[b]
}

func (s *slashes) turnOver(group int) {
	for k, g := range s.group {
		if g == group {
			s.w.marks[k] = -s.w.marks[k]
		}
	}
}

func (s *slashes) merge(into, from int) {
	for k, g := range s.group {
		if g == from {
			s.group[k] = into
		}
	}
}
