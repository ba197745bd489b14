package eval

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"palimpsest.dev/plugins/table/htmltable"
)

// maxTreePairs bounds the memory of one comparison: two matrices of so many
// numbers. Two tables of 5,000 cells each stay below it.
const maxTreePairs = 30_000_000

// ErrTooLarge is wrapped when two tables are too large to be compared.
var ErrTooLarge = errors.New("eval: tables too large to compare")

// tableTree is a table as TEDS sees it: elements down to td in post-order.
type tableTree struct {
	labels []int32   // of each node: equal labels cost nothing to rename
	cells  [][]int32 // tokens of a td, nil for other nodes
	first  []int32   // leftmost leaf of each node's subtree
	size   int       // the reference's size: elements below the table, whatever they are

	mirrored bool // the last child comes first
}

// symbols gives equal strings equal small numbers.
type symbols map[string]int32

func (s symbols) of(name string) int32 {
	n, ok := s[name]
	if !ok {
		n = int32(len(s))
		s[name] = n
	}
	return n
}

// treeOf builds the tree of a table element, from right to left if mirrored.
// Labels and tokens come from one pair of alphabets for both trees of a
// comparison.
func treeOf(table *htmltable.Node, o TEDSOptions, labels, tokens symbols, mirrored bool) *tableTree {
	t := &tableTree{mirrored: mirrored}
	t.add(table, o, labels, tokens)
	table.Walk(func(n *htmltable.Node) bool {
		if n.Tag != "" && !slices.Contains(o.Ignore, n.Tag) {
			t.size++
		}
		return true
	})
	return t
}

// add appends a node after its descendants and returns its leftmost leaf.
func (t *tableTree) add(n *htmltable.Node, o TEDSOptions, labels, tokens symbols) int32 {
	first := int32(-1)
	label := n.Tag
	var cell []int32
	if n.Tag == "td" {
		label = fmt.Sprintf("td %d %d", spanOf(n, "colspan"), spanOf(n, "rowspan"))
		if !o.StructureOnly {
			cell = cellTokens(nil, n.Children, o, tokens)
		}
	} else {
		first = t.addAll(n.Children, o, labels, tokens)
	}
	if first < 0 {
		first = int32(len(t.labels))
	}
	t.labels = append(t.labels, labels.of(label))
	t.cells = append(t.cells, cell)
	t.first = append(t.first, first)
	return first
}

// addAll adds elements; those to be ignored give way to their children.
func (t *tableTree) addAll(nodes []*htmltable.Node, o TEDSOptions, labels, tokens symbols) int32 {
	first := int32(-1)
	for i := range nodes {
		c := nodes[i]
		if t.mirrored {
			c = nodes[len(nodes)-1-i]
		}
		f := int32(-1)
		switch {
		case c.Tag == "":
			continue
		case slices.Contains(o.Ignore, c.Tag):
			f = t.addAll(c.Children, o, labels, tokens)
		default:
			f = t.add(c, o, labels, tokens)
		}
		if first < 0 {
			first = f
		}
	}
	return first
}

// cellTokens writes a cell's content as the reference does: characters, and
// tags as single tokens; "unk" has no end tag, and what follows a td inside a
// td is lost.
func cellTokens(out []int32, nodes []*htmltable.Node, o TEDSOptions, tokens symbols) []int32 {
	lost := false
	for _, n := range nodes {
		if n.Tag == "" {
			if !lost {
				for _, r := range n.Text {
					out = append(out, tokens.of(string(r)))
				}
			}
			continue
		}
		if slices.Contains(o.Ignore, n.Tag) {
			out = cellTokens(out, n.Children, o, tokens)
			continue
		}
		out = append(out, tokens.of("<"+n.Tag+">"))
		out = cellTokens(out, n.Children, o, tokens)
		if n.Tag != "unk" {
			out = append(out, tokens.of("</"+n.Tag+">"))
		}
		lost = n.Tag == "td"
	}
	return out
}

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
	d := &zhangShasha{a: a, b: b, m: m, tree: make([]float64, n*m), top: tops(a)}
	d.leaves(alphabet)
	rootsA, rootsB := keyRoots(a), keyRoots(b)
	for _, i := range rootsA {
		for _, j := range rootsB {
			d.pair(i, j)
		}
	}
	return d.tree[n*m-1], nil
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
	tree []float64 // distance of the subtrees at i and j, at i*m+j
	top  []int32   // of a
	free [][]float64
}

// rename is the cost of making node i of a node j of b; for two cells of equal
// labels it has been left in tree.
func (d *zhangShasha) rename(i, j int32) float64 {
	if d.a.labels[i] != d.b.labels[j] {
		return 1
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
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			var k kernel64
			k.init(alphabet)
			var short []int // leaves of few tokens, compared together
			for i := w; i < len(d.a.labels); i += workers {
				switch {
				case d.a.first[i] != int32(i):
				case len(d.a.cells[i]) > laneMax:
					d.leafRows(&k, i)
				default:
					if short = append(short, i); len(short) == lanes {
						d.leafRows(&k, short...)
						short = short[:0]
					}
				}
			}
			if len(short) > 0 {
				d.leafRows(&k, short...)
			}
		})
	}
	wg.Wait()
	for i := range d.a.labels {
		if d.a.first[i] != int32(i) {
			d.leafColumns(i)
		}
	}
}

// leafRows are the rows of leaves of a, of one or of up to four short ones.
// The cheapest rename within a subtree is gathered as the subtrees close.
func (d *zhangShasha) leafRows(k *kernel64, leaves ...int) {
	patterns := make([][]int32, len(leaves))
	for n, i := range leaves {
		patterns[n] = d.a.cells[i]
	}
	k.set(patterns...)
	for j := range d.b.labels {
		var edits [lanes]int
		asked := false
		for n, i := range leaves {
			cost := 1.0
			if d.a.labels[i] == d.b.labels[j] {
				cost = 0
				if longest := max(len(patterns[n]), len(d.b.cells[j])); longest > 0 {
					if !asked {
						edits, asked = k.distances(d.b.cells[j]), true
					}
					cost = float64(edits[n]) / float64(longest)
				}
			}
			d.tree[i*d.m+j] = cost
		}
	}
	k.clear()
	for _, i := range leaves {
		row := d.tree[i*d.m : (i+1)*d.m]
		for j := range row {
			if f := int(d.b.first[j]); f < j {
				// The subtree's nodes before j hold their own best already.
				best := row[j]
				for c := j - 1; c >= f; c = int(d.b.first[c]) - 1 {
					best = min(best, row[c]-float64(c-int(d.b.first[c])))
				}
				row[j] = best + float64(j-f)
			}
		}
	}
}

// leafColumns are the places of an inner node of a in the columns of the
// leaves of b.
func (d *zhangShasha) leafColumns(i int) {
	f := int(d.a.first[i])
	row := d.tree[i*d.m : (i+1)*d.m]
	for j := range row {
		if d.a.labels[i] != d.b.labels[j] {
			row[j] = 1 // an inner node has no cell to compare
		}
	}
	for c := i - 1; c >= f; c = int(d.a.first[c]) - 1 {
		rest := float64(c - int(d.a.first[c]))
		for j, v := range d.tree[c*d.m : (c+1)*d.m] {
			row[j] = min(row[j], v-rest)
		}
	}
	for j := range row {
		row[j] += float64(i - f) // right for leaves; the others are overwritten
	}
}

// pair runs the forest distances of two key roots. Of the matrix of forests
// it keeps the rows that are needed again: the one before, and for each
// subtree that has begun the one before its beginning.
func (d *zhangShasha) pair(rootA, rootB int32) {
	la, lb := int(d.a.first[rootA]), int(d.b.first[rootB])
	cols := int(rootB) - lb + 2
	var begun [][]float64
	up := d.row(cols)
	for y := range up {
		up[y] = float64(y)
	}
	first := d.b.first[lb : int(rootB)+1]
	for i := la; i <= int(rootA); i++ {
		fi := int(d.a.first[i])
		leaf := fi == i
		left := up // the forest before i's subtree
		if leaf && int(d.top[i]) > i {
			begun = append(begun, up)
		} else if !leaf {
			left = begun[len(begun)-1]
		}
		here := d.row(cols)
		here[0] = float64(i - la + 1)
		tree := d.tree[i*d.m+lb:][:len(first)]
		if leaf || fi != la {
			d.forestRow(here, up, left, tree, first, lb)
		} else {
			for y, fj := range first {
				best := min(up[y+1], here[y]) + 1
				if int(fj) == lb && lb+y != lb {
					best = min(best, up[y]+d.rename(int32(i), int32(lb+y)))
					tree[y] = best
				} else {
					best = min(best, left[int(fj)-lb]+tree[y])
				}
				here[y+1] = best
			}
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
}

// forestRow is a row of forests in which subtrees are taken as wholes, their
// distances being known.
func (d *zhangShasha) forestRow(here, up, left, tree []float64, first []int32, lb int) {
	before := here[0]
	up, here = up[1:][:len(first)], here[1:][:len(first)]
	tree = tree[:len(first)]
	for y, fj := range first {
		before = min(before+1, min(up[y]+1, left[int(fj)-lb]+tree[y]))
		here[y] = before
	}
}

func (d *zhangShasha) row(n int) []float64 {
	if k := len(d.free); k > 0 {
		row := d.free[k-1]
		d.free = d.free[:k-1]
		return row[:n]
	}
	return make([]float64, d.m+1)[:n]
}
