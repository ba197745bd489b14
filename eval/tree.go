package eval

import (
	"errors"
	"fmt"
	"slices"

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
