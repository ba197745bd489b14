package htmltable

import (
	"fmt"
	"strings"
)

// writer writes tables as HTML, with or without places.
type writer struct {
	strings.Builder
	box   func([4]float64) string // what stands before a table or a cell's text
	lines bool                    // each row on a line of its own
}

// HTML writes a table without white space between its elements: thead, tbody
// and tfoot, th and td with their spans, inline marks. Places that no cell
// covers are left out, as the source left them out; they can only stand at the
// end of a row, so reading gives the same grid again.
func (t *Table) HTML() string {
	var w writer
	w.table(t)
	return w.String()
}

// Lines is HTML with each row on a line of its own, for people.
func (t *Table) Lines() string {
	w := writer{lines: true}
	w.table(t)
	return w.String()
}

func (w *writer) table(t *Table) {
	w.place(t.Box)
	w.WriteString("<table>")
	section, next := Section(""), 0
	for r := range t.Rows {
		if s := t.Sections[r]; s != section {
			w.end(section)
			section = s
			w.newline()
			w.WriteString("<" + string(section) + ">")
		}
		w.newline()
		w.WriteString("<tr>")
		for ; next < len(t.Cells) && t.Cells[next].Row == r; next++ {
			w.cell(t.Cells[next])
		}
		w.WriteString("</tr>")
	}
	w.end(section)
	w.newline()
	w.WriteString("</table>")
}

func (w *writer) end(section Section) {
	if section != "" {
		w.newline()
		w.WriteString("</" + string(section) + ">")
	}
}

func (w *writer) newline() {
	if w.lines {
		w.WriteByte('\n')
	}
}

func (w *writer) place(box [4]float64) {
	if w.box != nil {
		w.WriteString(w.box(box))
	}
}

func (w *writer) cell(c Cell) {
	tag := "td"
	if c.Heading {
		tag = "th"
	}
	w.WriteString("<" + tag)
	if c.RowSpan > 1 {
		fmt.Fprintf(w, ` rowspan="%d"`, c.RowSpan)
	}
	if c.ColumnSpan > 1 {
		fmt.Fprintf(w, ` colspan="%d"`, c.ColumnSpan)
	}
	w.WriteByte('>')
	if c.Text != "" {
		w.place(c.Box)
	}
	w.WriteString(c.Markup)
	w.WriteString("</" + tag + ">")
}
