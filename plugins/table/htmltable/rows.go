package htmltable

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// CSVMediaType is the media type of CSV.
const CSVMediaType = "text/csv; charset=utf-8; header=absent"

// CSV writes the grid as RFC 4180 wants it, a record for each row, lines
// ending in CR LF. The text of a cell that spans stands in its first place, its
// other places and those that no cell covers are empty. Text is exact: nothing
// is done for programs that take a leading = for a formula.
func (t *Table) CSV() []byte {
	var b bytes.Buffer
	next := 0
	for r := range t.Rows {
		column := 0
		for ; next < len(t.Cells) && t.Cells[next].Row == r; next++ {
			c := t.Cells[next]
			for ; column < c.Column; column++ {
				b.WriteByte(',')
			}
			b.WriteString(Quoted(c.Text))
		}
		for ; column < t.Columns-1; column++ {
			b.WriteByte(',')
		}
		b.WriteString("\r\n")
	}
	return b.Bytes()
}

// Quoted is a text as a field of CSV.
func Quoted(s string) string {
	if !strings.ContainsAny(s, ",\"\r\n") {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// HeadRows counts the rows of <thead> at the top.
func (t *Table) HeadRows() int {
	n := 0
	for n < t.Rows && t.Sections[n] == Head {
		n++
	}
	return n
}

// RowText is what the cells that begin in a row say, one after the other with
// their columns and spans: equal for rows that look the same.
func (t *Table) RowText(row int) string {
	var b strings.Builder
	for _, c := range t.cellsOf(row) {
		fmt.Fprintf(&b, "%d+%d/%d %s\n", c.Column, c.ColumnSpan, c.RowSpan, c.Text)
	}
	return b.String()
}

// cellsOf are the cells that begin in a row.
func (t *Table) cellsOf(row int) []Cell {
	find := func(c Cell, r int) int { return c.Row - r }
	from, _ := slices.BinarySearchFunc(t.Cells, row, find)
	to, _ := slices.BinarySearchFunc(t.Cells, row+1, find)
	return t.Cells[from:to]
}

// The longest pattern of rows that counts as a loop, and how often it must
// have been written.
const (
	loopPeriod = 4
	loopTimes  = 3
)

// TrimLoop drops the repetitions at the end of a table whose writer was
// stopped for repeating itself: of rows written three times and more, alone or
// in a pattern of up to four, the first time is kept. It returns how many rows
// it dropped.
func (t *Table) TrimLoop() int {
	texts := make([]string, t.Rows)
	for r := range texts {
		texts[r] = t.RowText(r)
	}
	for period := 1; period <= loopPeriod; period++ {
		n := t.Rows
		for n-1-period >= 0 && texts[n-1] == texts[n-1-period] {
			n--
		}
		if dropped := t.Rows - n; dropped >= (loopTimes-1)*period {
			t.truncate(n)
			return dropped
		}
	}
	return 0
}

// truncate keeps the first rows; spans end with them.
func (t *Table) truncate(rows int) {
	t.Cells = slices.DeleteFunc(t.Cells, func(c Cell) bool { return c.Row >= rows })
	t.Sections, t.Rows = t.Sections[:rows], rows
	places := 0
	for i := range t.Cells {
		c := &t.Cells[i]
		c.RowSpan = min(c.RowSpan, rows-c.Row)
		places += c.RowSpan * c.ColumnSpan
	}
	t.Problems.Missing = t.Rows*t.Columns - places
}
