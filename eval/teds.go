package eval

import (
	"strconv"
	"strings"

	"palimpsest.dev/plugins/table/htmltable"
)

// TEDSOptions chooses between the variants of TEDS.
type TEDSOptions struct {
	StructureOnly bool     // cells count by their place and spans, not by their text
	Ignore        []string // inline tags whose marks do not count, such as "b"; their text does
}

// TEDS is the tree edit distance based similarity of two tables (Zhong,
// ShafieiBavani and Jimeno Yepes 2020), as their published evaluation computes
// it: 1 minus the distance over the number of elements of the larger table,
// 0 to 1. Both texts are HTML documents whose body holds the table; only the
// first table counts, and a text without one scores 0, a bare <table> outside
// a document too: Document puts one around it.
//
// Where the reference fails, this does not: two empty tables are equal, a span
// that is no number counts as 1. The error wraps ErrTooLarge or
// htmltable.ErrTooLarge.
func TEDS(read, truth string, o TEDSOptions) (float64, error) {
	a, err := bodyTable(read)
	if err != nil {
		return 0, err
	}
	b, err := bodyTable(truth)
	if err != nil || a == nil || b == nil {
		return 0, err
	}
	labels, tokens := symbols{}, symbols{}
	ta, tb := treeOf(a, o, labels, tokens, false), treeOf(b, o, labels, tokens, false)
	// Mirroring both trees does not change their distance, but the work: a short
	// head before a long body is cheaper from the right.
	if ma, mb := treeOf(a, o, labels, tokens, true), treeOf(b, o, labels, tokens, true); ma.work()*mb.work() < ta.work()*tb.work() {
		ta, tb = ma, mb
	}
	size := max(ta.size, tb.size)
	if size == 0 {
		return 1, nil
	}
	d, err := treeDistance(ta, tb, len(tokens))
	if err != nil {
		return 0, err
	}
	return 1 - d/float64(size), nil
}

// Document is the HTML document around a table, as TEDS wants it.
func Document(table string) string { return "<html><body>" + table + "</body></html>" }

// bodyTable is the first table that stands directly in the body of a full
// document; nil when there is none.
func bodyTable(s string) (*htmltable.Node, error) {
	tree, err := htmltable.Parse(s)
	if err != nil || !tree.Document {
		return nil, err
	}
	for _, c := range tree.Root.Children {
		if c.Tag == "table" {
			return c, nil
		}
	}
	return nil, nil
}

// spanOf reads a span as Python's int does, 1 where that would fail.
func spanOf(n *htmltable.Node, name string) int {
	v, ok := n.Attr[name]
	if !ok {
		return 1
	}
	if span, err := strconv.Atoi(strings.TrimSpace(v)); err == nil {
		return span
	}
	return 1
}
