package main

import (
	"math"

	"palimpsest.dev/plugins/table/htmltable"
	"palimpsest.dev/task"
)

// When a table goes on on the next page, shares of the page's height and of
// the table's width.
const (
	bottomFrom  = 0.6  // a table that goes on reaches below this
	topUntil    = 0.4  // its continuation begins above this
	widthWithin = 0.08 // their widths differ by no more
	shiftWithin = 0.05 // and their columns by no more, from the tables' left edges
)

func endsAtBottom(p task.Page, t sheet) bool { return t.box.Y1 >= bottomFrom*float64(p.Height) }

func beginsAtTop(p task.Page, t sheet) bool { return t.box.Y0 <= topUntil*float64(p.Height) }

// join appends the rows of b to a when their columns agree: as many columns,
// and either the same headings again, which are then left out, or no headings
// and texts that stand in the same columns.
func join(a *sheet, b sheet) bool {
	if a.Columns != b.Columns || a.Rows+b.Rows > htmltable.MaxRows || len(a.Cells)+len(b.Cells) > htmltable.MaxCells ||
		a.Sections[a.Rows-1] == htmltable.Foot {
		return false
	}
	repeated := repeatedHead(a, b)
	if repeated == 0 && (b.HeadRows() > 0 || !columnsAgree(a, b)) {
		return false
	}
	shift := a.Rows - repeated
	for i, c := range b.Cells {
		if c.Row < repeated {
			continue
		}
		c.Row += shift
		a.Cells = append(a.Cells, c)
		a.marks = append(a.marks, b.marks[i])
	}
	a.Sections = append(a.Sections, b.Sections[repeated:]...)
	a.Rows = len(a.Sections)
	a.confidence = min(a.confidence, b.confidence)
	a.Problems = a.Problems.Plus(b.Problems)
	a.pieces = append(a.pieces, b.pieces...)
	return true
}

// repeatedHead counts the rows at the top of b that say again what heads a:
// all of a's head, or its first row where neither table marks one.
func repeatedHead(a *sheet, b sheet) int {
	n := max(1, a.HeadRows())
	if n >= a.Rows || n >= b.Rows || b.HeadRows() != 0 && b.HeadRows() != n {
		return 0
	}
	said := false
	for r := range n {
		if a.RowText(r) != b.RowText(r) {
			return 0
		}
	}
	for _, c := range b.Cells {
		said = said || c.Row < n && c.Text != ""
		if c.Row < n && c.Row+c.RowSpan > n {
			return 0 // the rows to be left out hold on to one that stays
		}
	}
	if !said {
		return 0
	}
	return n
}

// columnsAgree reports whether the texts of both tables stand in the same
// columns, seen from the tables' left edges. Half of the columns must be known
// on both sides.
func columnsAgree(a *sheet, b sheet) bool {
	last := a.pieces[len(a.pieces)-1] // the piece that b would follow
	wa, wb := last.Box[2]-last.Box[0], b.box.Width()
	if wa <= 0 || wb <= 0 || math.Abs(wa-wb) > widthWithin*max(wa, wb) {
		return false
	}
	ca, cb := columnRanges(a.Table, a.marks, last.Page, last.Box[0]), columnRanges(b.Table, b.marks, b.page, b.box.X0)
	known := 0
	for k, x := range ca {
		y, ok := cb[k]
		if !ok {
			continue
		}
		slack := shiftWithin * wa
		if x[0] > y[1]+slack || y[0] > x[1]+slack {
			return false
		}
		// Texts of one column are aligned on the left, on the right or in the middle.
		left, right, middle := math.Abs(x[0]-y[0]), math.Abs(x[1]-y[1]), math.Abs(x[0]+x[1]-y[0]-y[1])/2
		if min(left, right, middle) > slack {
			return false
		}
		known++
	}
	return known > 0 && 2*known >= a.Columns
}

// columnRanges are the leftmost and rightmost places of each column's own
// texts on a page, seen from x0.
func columnRanges(t htmltable.Table, marks []mark, page int, x0 float64) map[int][2]float64 {
	out := map[int][2]float64{}
	for i, c := range t.Cells {
		m := marks[i]
		if !m.placed || m.page != page || c.ColumnSpan > 1 || c.Text == "" {
			continue
		}
		r, ok := out[c.Column]
		if !ok {
			r = [2]float64{math.Inf(1), math.Inf(-1)}
		}
		out[c.Column] = [2]float64{min(r[0], m.box.X0-x0), max(r[1], m.box.X1-x0)}
	}
	return out
}
