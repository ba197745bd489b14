package smiles

import (
	"fmt"
	"slices"
	"strings"
)

// write spells a graph, following the ranks: from the lowest atom, at each
// atom to the lowest neighbour first. Graphs that are equal under their ranks
// give equal texts.
func (g *graph) write(rank []int32) string {
	w := writer{g: g, rank: rank, number: slices.Repeat([]int32{-1}, len(g.atoms)), parent: slices.Repeat([]int32{-1}, len(g.atoms)),
		children: make([][]edge, len(g.atoms)), closes: make([][]edge, len(g.atoms)), opens: make([][]edge, len(g.atoms)),
		digits: map[[2]int32]int{}}
	first := int32(0)
	for i := range rank {
		if rank[i] < rank[first] {
			first = int32(i)
		}
	}
	w.walk(first, -1)
	w.directions()
	w.atom(first)
	return w.out.String()
}

// writer holds the tree that a text follows.
type writer struct {
	g    *graph
	rank []int32
	out  strings.Builder

	number   []int32 // place of each atom in the text
	count    int32
	parent   []int32
	children [][]edge
	closes   [][]edge // ring bonds to earlier atoms
	opens    [][]edge // ring bonds to later atoms
	digits   map[[2]int32]int
	inUse    []bool

	marks    map[[2]int32]mark // direction of the bond from the first to the second atom
	explicit map[int32]mark    // ends of double bonds that show their hydrogen, and where it lies
}

// walk builds the tree below an atom, neighbours in the order of the ranks.
func (w *writer) walk(a, from int32) {
	w.number[a], w.parent[a] = w.count, from
	w.count++
	near := slices.Clone(w.g.nbrs[a])
	slices.SortFunc(near, func(x, y edge) int { return int(w.rank[x.to] - w.rank[y.to]) })
	for _, e := range near {
		switch {
		case e.to == from:
		case w.number[e.to] < 0:
			w.children[a] = append(w.children[a], e)
			w.walk(e.to, a)
		case w.number[e.to] < w.number[a]:
			w.closes[a] = append(w.closes[a], e)
		default:
			w.opens[a] = append(w.opens[a], e)
		}
	}
	byNumber := func(x, y edge) int { return int(w.number[x.to] - w.number[y.to]) }
	slices.SortFunc(w.closes[a], byNumber)
	slices.SortFunc(w.opens[a], byNumber)
	w.branchesFirst(a)
}

// branchesFirst moves the longest child to the end, where it needs no
// parentheses; among equals the later one stays there.
func (w *writer) branchesFirst(a int32) {
	c := w.children[a]
	if len(c) < 2 {
		return
	}
	size := func(k int) int32 { // atoms below a child: the numbers are given depth first
		if k+1 < len(c) {
			return w.number[c[k+1].to] - w.number[c[k].to]
		}
		return w.count - w.number[c[k].to]
	}
	most := len(c) - 1
	for k := range c {
		if size(k) > size(most) {
			most = k
		}
	}
	last := c[most]
	w.children[a] = append(slices.Delete(c, most, most+1), last)
}

// atom writes an atom and what hangs on it.
func (w *writer) atom(a int32) {
	order := []int32{}
	if w.parent[a] >= 0 {
		order = append(order, w.parent[a])
	}
	shown := w.explicit[a]
	w.out.WriteString(w.symbol(a, shown != 0, w.turn(a, order)))
	var free []int
	for _, e := range w.closes[a] {
		d := w.digits[[2]int32{e.to, a}]
		w.label(d)
		free = append(free, d)
	}
	for _, e := range w.opens[a] {
		d := w.take()
		w.digits[[2]int32{a, e.to}] = d
		w.out.WriteString(w.bond(a, e))
		w.label(d)
	}
	for _, d := range free {
		w.inUse[d] = false
	}
	if shown != 0 {
		w.out.WriteString("(" + slash(shown) + "[H])")
	}
	for k, e := range w.children[a] {
		if k+1 < len(w.children[a]) {
			w.out.WriteByte('(')
		}
		w.out.WriteString(w.bond(a, e))
		w.atom(e.to)
		if k+1 < len(w.children[a]) {
			w.out.WriteByte(')')
		}
	}
}

// take finds a free ring label.
func (w *writer) take() int {
	for d := 1; d < len(w.inUse); d++ {
		if !w.inUse[d] {
			w.inUse[d] = true
			return d
		}
	}
	w.inUse = append(w.inUse, true)
	if len(w.inUse) == 1 { // label 0 is left out
		w.inUse = append(w.inUse, true)
	}
	return len(w.inUse) - 1
}

func (w *writer) label(d int) {
	switch {
	case d < 10:
		fmt.Fprintf(&w.out, "%d", d)
	case d < 100:
		fmt.Fprintf(&w.out, "%%%d", d)
	default:
		fmt.Fprintf(&w.out, "%%(%d)", d)
	}
}

// turn is the mark of a tetrahedral centre in the order in which the text
// names its ligands.
func (w *writer) turn(a int32, order []int32) string {
	c := w.g.centres[a]
	if !c.set {
		return ""
	}
	hydrogen := w.g.atoms[a].hydrogens > 0
	if hydrogen {
		order = append(order, unseen)
	}
	for _, list := range [][]edge{w.closes[a], w.opens[a], w.children[a]} {
		for _, e := range list {
			order = append(order, e.to)
		}
	}
	if !hydrogen && slices.Contains(c.order[:], unseen) { // as readCentres reads it
		at := 1
		if len(w.closes[a])+len(w.opens[a]) == 1 && w.saturated(a) {
			at = 2
		}
		order = slices.Insert(order, at, unseen)
	}
	var place [4]int32
	for k, l := range c.order {
		place[k] = int32(slices.Index(order, l))
	}
	odd := false
	for i := range place {
		for j := range i {
			odd = odd != (place[j] > place[i])
		}
	}
	if odd != c.clockwise {
		return "@@"
	}
	return "@"
}

// saturated reports whether an atom has single bonds only.
func (w *writer) saturated(a int32) bool {
	return !slices.ContainsFunc(w.g.nbrs[a], func(e edge) bool { return Order(e.label) != Single })
}

// symbol writes an atom, in brackets where it must.
func (w *writer) symbol(a int32, hydrogenShown bool, turn string) string {
	n := w.g.atoms[a]
	hydrogens := n.hydrogens - b2i(hydrogenShown)
	name := elements[n.element].symbol
	if n.aromatic && n.element > 0 {
		name = strings.ToLower(name)
	}
	if n.isotope == 0 && n.charge == 0 && n.class == 0 && turn == "" && w.bare(a, hydrogens, hydrogenShown) {
		return name
	}
	var b strings.Builder
	b.WriteByte('[')
	if n.isotope > 0 {
		b.WriteString(itoa(n.isotope))
	}
	b.WriteString(name)
	b.WriteString(turn)
	if hydrogens > 0 {
		b.WriteByte('H')
		if hydrogens > 1 {
			b.WriteString(itoa(hydrogens))
		}
	}
	b.WriteString(sign(n.charge))
	if n.class > 0 {
		b.WriteString(":" + itoa(n.class))
	}
	b.WriteByte(']')
	return b.String()
}

// bare reports whether an atom without brackets is read with the hydrogens
// that it has.
func (w *writer) bare(a int32, hydrogens int, hydrogenShown bool) bool {
	n := w.g.atoms[a]
	switch n.element {
	case 0:
		return hydrogens == 0
	case 5, 6, 7, 8, 15, 16:
	case 9, 17, 35, 53:
		if n.aromatic {
			return false
		}
	default:
		return false
	}
	orders, aromatic := b2i(hydrogenShown), 0
	for _, e := range w.g.nbrs[a] {
		switch Order(e.label) {
		case Aromatic:
			aromatic++
		case Dative:
		case Order(acceptorLabel):
			orders++
		default:
			orders += int(e.label)
		}
	}
	return usualHydrogens(n.element, n.aromatic, orders, aromatic) == hydrogens
}

// bond writes the bond from an atom to a later one.
func (w *writer) bond(a int32, e edge) string {
	x, y := w.g.atoms[a], w.g.atoms[e.to]
	if d := w.marks[[2]int32{a, e.to}]; d != 0 {
		return slash(d)
	}
	switch Order(e.label) {
	case Single:
		wild := (x.element == 0 && y.aromatic || y.element == 0 && x.aromatic) && x.element != y.element
		if x.aromatic && y.aromatic || wild && w.inRing(a, e.to) {
			return "-"
		}
		return ""
	case Double:
		return "="
	case Triple:
		return "#"
	case Quadruple:
		return "$"
	case Aromatic:
		if x.element == 0 && y.element == 0 || !x.aromatic || !y.aromatic {
			return ":"
		}
		return ""
	case Dative:
		return "->"
	default:
		return "<-"
	}
}

// inRing reports whether the atoms stay joined when the bond between them is
// taken away.
func (w *writer) inRing(a, b int32) bool {
	seen := map[int32]bool{a: true}
	queue := []int32{a}
	for k := 0; k < len(queue); k++ {
		for _, e := range w.g.nbrs[queue[k]] {
			if queue[k] == a && e.to == b || seen[e.to] {
				continue
			}
			if e.to == b {
				return true
			}
			seen[e.to] = true
			queue = append(queue, e.to)
		}
	}
	return false
}

func slash(d mark) string {
	if d == above {
		return "/"
	}
	return `\`
}

// pair is the key of a bond: the atom that the text names first, first.
func (w *writer) pair(a, b int32) ([2]int32, mark) {
	if w.number[a] < w.number[b] {
		return [2]int32{a, b}, 1
	}
	return [2]int32{b, a}, -1
}
