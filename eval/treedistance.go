package eval

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Distances are whole numbers of a small unit, exact to 13 digits for the largest trees:
// a processor takes the least of whole numbers much sooner than that of fractions.
const one = 1 << 40

// treeDistance is the ordered tree edit distance: insertions and deletions
// cost 1, renaming 1 when labels differ, otherwise the Levenshtein distance of
// the cells' tokens over the longer one's length (Zhang and Shasha 1989).
//
// A table's tree is wide and flat, so nearly all of its key roots are leaves;
// the distances of leaves to subtrees have a closed form, which leaves the
// dynamic programme for the rows and sections alone.
func treeDistance(a, b *tableTree, alphabet int) (float64, error) {
	n, m := len(a.labels), len(b.labels)
	if n*m > maxTreePairs {
		return 0, fmt.Errorf("%w: %d and %d elements, %d pairs, the limit is %d", ErrTooLarge, n, m, n*m, maxTreePairs)
	}
	d := &zhangShasha{a: a, b: b, m: m, tree: make([]int64, n*m), top: tops(a)}
	d.leaves(alphabet)
	d.roots()
	return float64(d.tree[n*m-1]) / one, nil
}

// tops gives for each leaf the topmost node whose leftmost leaf it is.
func tops(t *tableTree) []int32 {
	top := make([]int32, len(t.first))
	for i, f := range t.first {
		top[f] = int32(i)
	}
	return top
}

// work is how much the dynamic programme has to do for this tree: the sizes
// of the subtrees of its key roots.
func (t *tableTree) work() (sum int) {
	for _, i := range keyRoots(t) {
		sum += int(i-t.first[i]) + 1
	}
	return sum
}

// keyRoots are the inner nodes that have a left sibling, and the root, in
// post-order.
func keyRoots(t *tableTree) []int32 {
	var roots []int32
	for f, i := range tops(t) {
		if t.first[f] == int32(f) && (int(i) != f || len(t.first) == 1) {
			roots = append(roots, i)
		}
	}
	slices.Sort(roots)
	return roots
}

type zhangShasha struct {
	a, b *tableTree
	m    int
	tree []int64 // distance of the subtrees at i and j, at i*m+j
	top  []int32 // of a
}

// forests is one worker's memory: rows of the matrix of forests.
type forests struct {
	*zhangShasha
	free  [][]int64
	begun [][]int64
}

// parallel does n pieces of work on all processors, each worker with memory of its own.
func parallel[W any](n int, worker func() W, do func(w W, i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			w := worker()
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(w, i)
			}
		})
	}
	wg.Wait()
}

// roots runs all pairs of key roots. A pair needs those of the subtrees of both, so rows
// of cells, which have none, need not wait for one another.
func (d *zhangShasha) roots() {
	rowsA, othersA := split(d.a)
	rowsB, othersB := split(d.b)
	worker := func() *forests { return &forests{zhangShasha: d} }
	all := slices.Concat(rowsB, othersB)
	parallel(len(rowsA), worker, func(w *forests, i int) { w.pairs(rowsA[i], all) })
	parts := slices.Collect(slices.Chunk(rowsB, len(rowsB)/runtime.GOMAXPROCS(0)+1))
	last := worker()
	for _, i := range othersA {
		parallel(len(parts), worker, func(w *forests, part int) { w.pairs(i, parts[part]) })
		last.pairs(i, othersB)
	}
}

// split parts the key roots whose children are all leaves from the others.
func split(t *tableTree) (rows, others []int32) {
	for _, i := range keyRoots(t) {
		flat := true
		for c := i - 1; c >= t.first[i] && flat; c-- {
			flat = t.first[c] == c
		}
		if flat {
			rows = append(rows, i)
		} else {
			others = append(others, i)
		}
	}
	return rows, others
}

// rename is the cost of making node i of a node j of b; for two cells of equal
// labels it has been left in tree.
func (d *zhangShasha) rename(i, j int32) int64 {
	if d.a.labels[i] != d.b.labels[j] {
		return one
	}
	if d.a.cells[i] != nil || d.b.cells[j] != nil {
		return d.tree[int(i)*d.m+int(j)]
	}
	return 0
}

// leaves fills in the distances of pairs of which one is a leaf: between a
// leaf and a tree of s nodes all but at most one are inserted, and that one is
// renamed, which never costs more than deleting and inserting it.
func (d *zhangShasha) leaves(alphabet int) {
	groups := groupsOf(d.a)
	texts := textsOf(d.b)
	parallel(len(groups), func() *leafWorker {
		w := &leafWorker{zhangShasha: d, texts: texts}
		w.kernel.init(alphabet)
		return w
	}, func(w *leafWorker, i int) { w.rows(groups[i]) })
	for i := range d.a.labels {
		if d.a.first[i] != int32(i) {
			d.leafColumns(i)
		}
	}
}

// leafGroup are leaves whose texts are compared together, by text.
type leafGroup struct {
	texts  [][]int32
	leaves [][]int
}

// groupsOf puts the leaves of a tree into groups that kernel64 takes, or of one text that
// is too long for it.
func groupsOf(t *tableTree) []leafGroup {
	texts, of := distinct(t)
	leaves := make([][]int, len(texts))
	for i, f := range t.first {
		if f == int32(i) {
			leaves[of[i]] = append(leaves[of[i]], i)
		}
	}
	var out []leafGroup
	var short, long leafGroup
	put := func(g *leafGroup, n, most int) {
		g.texts, g.leaves = append(g.texts, texts[n]), append(g.leaves, leaves[n])
		if len(g.texts) == most {
			out = append(out, *g)
			*g = leafGroup{}
		}
	}
	for n, text := range texts {
		switch {
		case len(leaves[n]) == 0:
		case len(text) <= laneMax:
			put(&short, n, shortAtOnce)
		case len(text) <= 64:
			put(&long, n, longAtOnce)
		default:
			put(&leafGroup{}, n, 1)
		}
	}
	for _, g := range []leafGroup{short, long} {
		if len(g.texts) > 0 {
			out = append(out, g)
		}
	}
	return out
}

// cellTexts are the texts of a tree's cells, each once and sorted.
type cellTexts struct {
	texts  [][]int32
	shared []int   // tokens that a text begins with like the one before it
	of     []int32 // number of each node's text
}

func textsOf(t *tableTree) cellTexts {
	c := cellTexts{}
	c.texts, c.of = distinct(t)
	c.shared = make([]int, len(c.texts))
	for n := 1; n < len(c.texts); n++ {
		x, y := c.texts[n-1], c.texts[n]
		for c.shared[n] < min(len(x), len(y)) && x[c.shared[n]] == y[c.shared[n]] {
			c.shared[n]++
		}
	}
	return c
}

// distinct gives the texts of a tree's nodes, each once and sorted, and the number of
// each node's. The text of what is no cell is empty.
func distinct(t *tableTree) (texts [][]int32, of []int32) {
	order := make([]int32, len(t.cells))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int { return slices.Compare(t.cells[i], t.cells[j]) })
	of = make([]int32, len(t.cells))
	for _, i := range order {
		if n := len(texts); n == 0 || !slices.Equal(texts[n-1], t.cells[i]) {
			texts = append(texts, t.cells[i])
		}
		of[i] = int32(len(texts) - 1)
	}
	return texts, of
}

// leafWorker fills in rows of leaves.
type leafWorker struct {
	*zhangShasha
	texts  cellTexts
	kernel kernel64
	edits  []int32
}

// rows are the rows of the leaves of a group.
func (w *leafWorker) rows(g leafGroup) {
	all := len(g.texts)
	w.edits = slices.Grow(w.edits[:0], all*len(w.texts.texts))[:all*len(w.texts.texts)]
	if all == 1 && len(g.texts[0]) > 64 {
		for n, s := range w.texts.texts {
			w.edits[n] = int32(distance(g.texts[0], s))
		}
	} else {
		w.kernel.set(g.texts...)
		w.kernel.distances(w.edits, w.texts.texts, w.texts.shared)
		w.kernel.clear()
	}
	costs := make([]int64, len(w.texts.texts))
	for k, leaves := range g.leaves {
		for n, s := range w.texts.texts {
			costs[n] = 0
			if longest := max(len(g.texts[k]), len(s)); longest > 0 {
				costs[n] = int64(w.edits[n*all+k]) * one / int64(longest)
			}
		}
		for _, i := range leaves {
			w.row(i, costs)
		}
	}
}

// row is the row of one leaf, given the costs of making its text each text of b. The
// cheapest rename within a subtree is gathered as the subtrees close.
func (w *leafWorker) row(i int, costs []int64) {
	labels, first, of := w.b.labels, w.b.first, w.texts.of
	row := w.tree[i*w.m : (i+1)*w.m][:len(labels)]
	first, of = first[:len(labels)], of[:len(labels)]
	label := w.a.labels[i]
	for j, other := range labels {
		cost := int64(one)
		if other == label {
			cost = costs[of[j]]
		}
		if f := int(first[j]); f < j {
			// The subtree's nodes before j hold their own best already.
			for c := j - 1; c >= f; c = int(first[c]) - 1 {
				cost = min(cost, row[c]-one*int64(c-int(first[c])))
			}
			cost += one * int64(j-f)
		}
		row[j] = cost
	}
}

// leafColumns are the places of an inner node of a in the columns of the
// leaves of b.
func (d *zhangShasha) leafColumns(i int) {
	f := int(d.a.first[i])
	row := d.tree[i*d.m : (i+1)*d.m]
	for j := range row {
		if d.a.labels[i] != d.b.labels[j] {
			row[j] = one // an inner node has no cell to compare
		}
	}
	for c := i - 1; c >= f; c = int(d.a.first[c]) - 1 {
		rest := one * int64(c-int(d.a.first[c]))
		for j, v := range d.tree[c*d.m : (c+1)*d.m] {
			row[j] = min(row[j], v-rest)
		}
	}
	for j := range row {
		row[j] += one * int64(i-f) // right for leaves; the others are overwritten
	}
}

// pairs runs the forest distances of a key root with several, each of which comes behind
// those in its own subtree. They go through the nodes of a together, because what is
// known of a node lies in one row of memory. Of the matrices of forests it keeps the
// rows that are needed again: the one before, and for each subtree that has begun the one
// before its beginning.
func (d *forests) pairs(rootA int32, rootsB []int32) {
	if len(rootsB) == 0 {
		return
	}
	la := int(d.a.first[rootA])
	begun := d.begun[:0]
	all := 0
	for _, j := range rootsB {
		all += int(j-d.b.first[j]) + 2
	}
	up := d.row(all)
	for at, n := 0, 0; n < len(rootsB); n++ {
		cols := int(rootsB[n]-d.b.first[rootsB[n]]) + 2
		for y := range cols {
			up[at+y] = one * int64(y)
		}
		at += cols
	}
	for i := la; i <= int(rootA); i++ {
		fi := int(d.a.first[i])
		leaf := fi == i
		left := up // the forests before i's subtree
		if leaf && int(d.top[i]) > i {
			begun = append(begun, up)
		} else if !leaf {
			left = begun[len(begun)-1]
		}
		here := d.row(all)
		at := 0
		for _, j := range rootsB {
			lb := int(d.b.first[j])
			cols := int(j) - lb + 2
			first := d.b.first[lb : int(j)+1]
			tree := d.tree[i*d.m+lb:][:len(first)]
			h, u, l := here[at:][:cols], up[at:][:cols], left[at:][:cols]
			h[0] = one * int64(i-la+1)
			if leaf || fi != la {
				forestRow(h, u, l, tree, first, lb)
			} else {
				d.pathRow(h, u, l, tree, first, int32(i), lb)
			}
			at += cols
		}
		if len(begun) == 0 || &begun[len(begun)-1][0] != &up[0] {
			d.free = append(d.free, up)
		}
		if !leaf && int(d.top[fi]) == i {
			d.free = append(d.free, left)
			begun = begun[:len(begun)-1]
		}
		up = here
	}
	d.free = append(d.free, up)
	d.begun = begun[:0]
}

// pathRow is the row of forests of a node on the way from a key root to its leftmost leaf:
// where the other side's is one too, the forests are trees.
func (d *forests) pathRow(here, up, left, tree []int64, first []int32, i int32, lb int) {
	for y, fj := range first {
		best := min(up[y+1], here[y]) + one
		if int(fj) == lb && y > 0 {
			best = min(best, up[y]+d.rename(i, int32(lb+y)))
			tree[y] = best
		} else {
			best = min(best, left[int(fj)-lb]+tree[y])
		}
		here[y+1] = best
	}
}

// forestRow is a row of forests in which subtrees are taken as wholes, their
// distances being known.
func forestRow(here, up, left, tree []int64, first []int32, lb int) {
	before := here[0]
	up, here = up[1:][:len(first)], here[1:][:len(first)]
	tree = tree[:len(first)]
	for y, fj := range first {
		before = min(before+one, min(up[y]+one, left[int(fj)-lb]+tree[y]))
		here[y] = before
	}
}

func (d *forests) row(n int) []int64 {
	if k := len(d.free); k > 0 {
		row := d.free[k-1]
		d.free = d.free[:k-1]
		if cap(row) >= n {
			return row[:n]
		}
	}
	return make([]int64, n)
}
