package htmltable

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Bounds on one table; a page's largest are a tenth of them.
const (
	MaxRows    = 5_000
	MaxColumns = 1_000
	MaxCells   = 100_000
	MaxTables  = 500 // of one text
)

// Section is the part of a table a row stands in.
type Section string

// The sections.
const (
	Head Section = "thead"
	Body Section = "tbody"
	Foot Section = "tfoot"
)

// Cell is a cell of the grid.
type Cell struct {
	Row, Column         int // of its first place, from 0
	RowSpan, ColumnSpan int // at least 1
	Heading             bool
	Text                string // plain, white space collapsed
	Markup              string // the same with inline marks, as HTML
	// Box is x0, y0, x1, y1 in the unit square of the view, zero when the text
	// did not say.
	Box [4]float64
	// From and To are the bytes of the source that wrote the cell.
	From, To int
}

// Header reports whether the cell names its column or row: a <th>, or
// anything in <thead>.
func (t *Table) Header(c Cell) bool { return c.Heading || t.Sections[c.Row] == Head }

// Table is a grid of cells. No place belongs to two cells.
type Table struct {
	Rows, Columns int
	Sections      []Section // of each row; rows of a section are neighbours
	Cells         []Cell    // by row, then column
	Box           [4]float64
	From, To      int // bytes of the source
	Problems      Problems
	// Cut is set when the text ended inside the table.
	Cut bool
}

// Problems counts what a table's source had to be forgiven.
type Problems struct {
	Overlaps  int // spans shortened because a place was taken
	Overruns  int // spans cut at the end of a section or at a limit
	BadSpans  int // spans that are no number from 1 on, taken for 1
	Missing   int // places that no cell covers
	EmptyRows int // rows without any place taken, left out
	Dropped   int // cells beyond the limits, or cut off
	BadBoxes  int // runs of other than four locations, boxes without area
	Stray     int // texts between cells
}

// Any reports whether anything was found.
func (p Problems) Any() bool { return p != Problems{} }

// Plus adds counts.
func (p Problems) Plus(o Problems) Problems {
	return Problems{p.Overlaps + o.Overlaps, p.Overruns + o.Overruns, p.BadSpans + o.BadSpans, p.Missing + o.Missing,
		p.EmptyRows + o.EmptyRows, p.Dropped + o.Dropped, p.BadBoxes + o.BadBoxes, p.Stray + o.Stray}
}

// String lists the counts that are not zero.
func (p Problems) String() string {
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{{p.Overlaps, "overlapping spans shortened"}, {p.Overruns, "spans cut"}, {p.BadSpans, "impossible spans taken for 1"},
		{p.Missing, "places without a cell"}, {p.EmptyRows, "empty rows left out"}, {p.Dropped, "cells dropped"},
		{p.BadBoxes, "impossible boxes"}, {p.Stray, "texts outside cells"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(parts, ", ")
}

// Read returns the tables of a text in document order; a table inside a cell
// is no table of its own, its text belongs to the cell. Rows and cells that
// stand in no <table> make one.
func Read(s string) ([]Table, error) {
	tree, err := Parse(s)
	if err != nil {
		return nil, err
	}
	return readTree(tree, reading{}), nil
}

// reading is how a text is read.
type reading struct {
	bins int  // of locations; 0: locations mean nothing
	cut  bool // a cell without end is dropped
	end  int  // byte where the text ends
}

func readTree(tree *Tree, how reading) []Table {
	var out []Table
	var locs []location
	loose := &Node{Tag: "table", Content: tree.Root.Content, End: tree.Root.End}
	tree.Root.Walk(func(n *Node) bool {
		switch {
		case n.Cut: // half a tag says nothing
			return false
		case isLocation(n.Tag):
			locs = append(locs, place(n, how.bins))
			return false
		case n.Tag == "" && strings.TrimSpace(n.Text) == "":
			return false
		case n.Tag == "table":
			if len(out) < MaxTables {
				out = append(out, readTable(n, locs, how))
			}
			locs = nil
			return false
		case n.Tag == "tr" || n.Tag == "td" || n.Tag == "th" || n.Tag == "thead" || n.Tag == "tbody" || n.Tag == "tfoot":
			if len(loose.Children) == 0 {
				loose.Start = n.Start
			}
			loose.Children = append(loose.Children, n)
			return false
		}
		locs = nil
		return true
	})
	if len(out) == 0 && len(loose.Children) > 0 {
		out = append(out, readTable(loose, nil, how))
	}
	return out
}

// readTable makes a grid of an element.
func readTable(n *Node, locs []location, how reading) Table {
	g := grid{how: how}
	g.Table.From, g.Table.To = n.Start, n.End
	g.Cut = !n.Closed
	if len(locs) > 0 {
		g.Table.From = locs[0].at
		var ok bool
		if g.Box, ok = boxOf(locs); !ok {
			g.Problems.BadBoxes++
		}
	}
	g.rows(n, Body, 0)
	g.endSection()
	g.squeeze()
	return g.Table
}

// grid places cells one after the other.
type grid struct {
	Table
	how     reading
	until   []int // for each column, the row from which on it is free
	row     int   // the row being filled, or to be begun
	started bool  // it is being filled
	section Section
	first   int // row where the section began
	free    int // no place of the open row is free before this column
}

// rows walks sections, rows and cells, in whatever disorder they are written.
func (g *grid) rows(n *Node, section Section, depth int) {
	for _, c := range n.Children {
		if c.Cut {
			continue
		}
		switch c.Tag {
		case "thead", "tbody", "tfoot":
			g.endSection()
			g.rows(c, Section(c.Tag), depth+1)
			g.endSection()
		case "tr":
			g.newRow(section)
			g.rows(c, section, depth+1)
			g.endRow()
		case "td", "th":
			if !g.started {
				g.newRow(section)
			}
			g.cell(c)
		case "caption", "colgroup", "col":
		case "":
			if strings.TrimSpace(c.Text) != "" {
				g.Problems.Stray++
			}
		default:
			if isLocation(c.Tag) {
				g.Problems.BadBoxes++
				continue
			}
			g.rows(c, section, depth+1)
		}
	}
	if depth == 0 {
		g.endRow()
	}
}

func (g *grid) newRow(section Section) {
	g.endRow()
	if section != g.section {
		g.endSection()
		g.section = section
	}
	g.started, g.free = true, 0
	if g.row < MaxRows {
		g.Sections = append(g.Sections, section)
	}
}

func (g *grid) endRow() {
	if g.started {
		g.started = false
		g.row++
	}
}

// endSection cuts the spans that reach beyond the rows written so far.
func (g *grid) endSection() {
	g.endRow()
	end := min(g.row, MaxRows)
	for i := len(g.Cells) - 1; i >= 0 && g.Cells[i].Row >= g.first; i-- {
		c := &g.Cells[i]
		if c.Row+c.RowSpan <= end {
			continue
		}
		g.Problems.Overruns++
		c.RowSpan = end - c.Row
	}
	for k := range g.until {
		g.until[k] = min(g.until[k], end)
	}
	g.first = end
}

// cell puts a cell into the first free place of the row, with as much of its
// span as is free.
func (g *grid) cell(n *Node) {
	column := g.free
	for column < len(g.until) && g.until[column] > g.row {
		column++
	}
	unfinished := g.how.cut && !n.Closed && n.End >= g.how.end
	if unfinished || g.row >= MaxRows || column >= MaxColumns || len(g.Cells) >= MaxCells {
		g.Problems.Dropped++
		return
	}
	c := Cell{Row: g.row, Column: column, Heading: n.Tag == "th", From: n.Start, To: n.End}
	c.RowSpan, c.ColumnSpan = g.span(n, "rowspan"), g.span(n, "colspan")
	if limit := MaxColumns - column; c.ColumnSpan > limit {
		c.ColumnSpan = limit
		g.Problems.Overruns++
	}
	g.until = append(g.until, make([]int, max(0, column+c.ColumnSpan-len(g.until)))...)
	for k := 1; k < c.ColumnSpan; k++ {
		if g.until[column+k] > g.row {
			c.ColumnSpan = k
			g.Problems.Overlaps++
		}
	}
	// Whatever covers a place of a row below began above and covers this row
	// too: below free places all is free.
	for k := range c.ColumnSpan {
		g.until[column+k] = g.row + c.RowSpan
	}
	g.free = column + c.ColumnSpan
	g.content(n, &c)
	g.Cells = append(g.Cells, c)
}

// span reads a rowspan or colspan; what is no number from 1 on is 1.
func (g *grid) span(n *Node, name string) int {
	v, ok := n.Attr[name]
	if !ok {
		return 1
	}
	v = strings.TrimSpace(v)
	span, err := strconv.Atoi(v)
	switch {
	case err == nil && span >= 1:
		return min(span, max(MaxRows, MaxColumns))
	case err != nil && v != "" && strings.Trim(v, "0123456789") == "": // beyond any number
		return max(MaxRows, MaxColumns)
	}
	g.Problems.BadSpans++
	return 1
}

// content fills in what a cell says and where it stands.
func (g *grid) content(n *Node, c *Cell) {
	children := n.Children
	if g.how.bins > 0 {
		var locs []location
		for len(children) > 0 && !children[0].Cut && (isLocation(children[0].Tag) || children[0].Tag == "" && strings.TrimSpace(children[0].Text) == "") {
			if isLocation(children[0].Tag) {
				locs = append(locs, place(children[0], g.how.bins))
			}
			children = children[1:]
		}
		var ok bool
		if c.Box, ok = boxOf(locs); !ok && len(locs) > 0 {
			g.Problems.BadBoxes++
		}
		if coords, has := n.Attr["coords"]; has && len(locs) == 0 {
			if c.Box, ok = attributeBox(coords, g.how.bins); !ok {
				g.Problems.BadBoxes++
			}
		}
	}
	m := marker{}
	m.nodes(children)
	g.Problems.BadBoxes += m.locations / 4
	c.Text, c.Markup = m.done()
	if g.how.bins > 0 && c.Text == "" {
		c.Box = [4]float64{} // an empty cell stands nowhere
	}
}

// squeeze leaves out rows that hold nothing, counts columns and the places
// that no cell covers.
func (g *grid) squeeze() {
	height := min(g.row, MaxRows)
	used := make([]bool, height)
	places := 0
	for _, c := range g.Cells {
		g.Columns = max(g.Columns, c.Column+c.ColumnSpan)
		places += c.RowSpan * c.ColumnSpan
		for r := range c.RowSpan {
			used[c.Row+r] = true
		}
	}
	shift := make([]int, height+1) // rows left out before each
	var sections []Section
	for r := range height {
		shift[r+1] = shift[r]
		if used[r] {
			sections = append(sections, g.Sections[r])
		} else {
			shift[r+1]++
			g.Problems.EmptyRows++
		}
	}
	for i := range g.Cells {
		g.Cells[i].Row -= shift[g.Cells[i].Row]
	}
	g.Sections, g.Table.Rows = sections, len(sections)
	g.Problems.Missing = g.Table.Rows*g.Columns - places
	slices.SortStableFunc(g.Cells, func(a, b Cell) int {
		if a.Row != b.Row {
			return a.Row - b.Row
		}
		return a.Column - b.Column
	})
}

// Grid returns for each place of the grid, row by row, the index of the cell
// that covers it, -1 where there is none.
func (t *Table) Grid() [][]int {
	out := make([][]int, t.Rows)
	all := make([]int, t.Rows*t.Columns)
	for i := range all {
		all[i] = -1
	}
	for r := range out {
		out[r] = all[r*t.Columns : (r+1)*t.Columns]
	}
	for i, c := range t.Cells {
		for r := range c.RowSpan {
			for k := range c.ColumnSpan {
				out[c.Row+r][c.Column+k] = i
			}
		}
	}
	return out
}

// collapse makes single spaces of white space and drops what is no character
// to see.
func collapse(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsGraphic(r):
			return -1
		}
		return r
	}, s)
}
