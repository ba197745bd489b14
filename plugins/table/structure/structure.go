// Package structure reads what a model writes for `table structure`: where the
// rows, columns and spanning cells of tables stand, without their text. The
// form is fixed in docs/targets.md; the trainer holds its own reader to the
// same examples.
package structure

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Bins is the number of places along a side in PaliGemma's vocabulary.
const Bins = 1024

// Bounds on one answer. A page's largest tables have a tenth of it; a table
// within them has no more places than a page may have cells.
const (
	MaxRows    = 500
	MaxColumns = 60
	MaxTables  = 64
)

// Band is a stretch across a picture, From < To.
type Band struct{ From, To float64 }

// Middle of the band.
func (b Band) Middle() float64 { return (b.From + b.To) / 2 }

// Shared is how much two bands have in common, never negative.
func (b Band) Shared(o Band) float64 { return max(0, min(b.To, o.To)-max(b.From, o.From)) }

// Cell is a cell of the grid.
type Cell struct {
	Row, Column   int // of its first place, from 0
	Rows, Columns int // at least 1
}

// Span is the place of a cell that covers several rows or columns.
type Span struct{ X, Y Band }

// Table is where rows, columns and spanning cells stand, in the unit square of
// the picture or, moved there by the caller, on the page.
type Table struct {
	Head     int    // how many of the rows are column headings
	Rows     []Band // from top to bottom
	Columns  []Band // from left to right
	Spans    []Span
	From, To int // bytes of the answer
}

// Problems counts what an answer had to be forgiven.
type Problems struct {
	Places int // locations without a list or without their partner
	Turned int // rows, columns and spans without extent
	Twice  int // rows and columns that lie mostly on another, left out
	Spans  int // spans that cover one place or none, run into another, or leave the head
	Empty  int // tables without rows or without columns, left out
	Many   int // rows, columns and tables beyond the bounds, left out
}

// Any reports whether anything was found.
func (p Problems) Any() bool { return p != Problems{} }

// Plus adds counts.
func (p Problems) Plus(o Problems) Problems {
	return Problems{p.Places + o.Places, p.Turned + o.Turned, p.Twice + o.Twice, p.Spans + o.Spans, p.Empty + o.Empty, p.Many + o.Many}
}

// String lists the counts that are not zero.
func (p Problems) String() string {
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{{p.Places, "places without a partner"}, {p.Turned, "bands without extent"}, {p.Twice, "rows or columns said twice"},
		{p.Spans, "spans left out or cut"}, {p.Empty, "tables without rows or columns"}, {p.Many, "rows, columns or tables too many"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(parts, ", ")
}

// The letters that begin a list, in the order in which a table has them.
const (
	letters = "hbcs"
	head    = 0
	columns = 2
	spans   = 3
)

// list is a letter and the places behind it, in 0..1.
type list struct {
	letter   int // index in letters
	numbers  []float64
	from, to int
}

// Read returns the tables of an answer in its order. Bins is the number of places along a side.
func Read(text string, bins int) ([]Table, Problems) {
	var count Problems
	var out []Table
	lists := split(text, max(2, bins), &count)
	for len(lists) > 0 {
		n := 1
		for n < len(lists) && lists[n].letter > lists[n-1].letter {
			n++
		}
		t, ok := tableOf(lists[:n], &count)
		switch {
		case !ok && !slices.ContainsFunc(lists[:n], func(l list) bool { return len(l.numbers) > 0 }): // letters of another text
		case !ok:
			count.Empty++
		case len(out) == MaxTables:
			count.Many++
		default:
			out = append(out, t)
		}
		lists = lists[n:]
	}
	return out, count
}

// split takes an answer apart. What is no location and no letter of a list says nothing; a letter without places is none.
func split(text string, bins int, count *Problems) (out []list) {
	open := false
	for i := 0; i < len(text); {
		if n, ok := location(text[i:]); ok {
			if !open {
				count.Places++
			} else {
				l := &out[len(out)-1]
				l.numbers, l.to = append(l.numbers, float64(n)/float64(bins)), i+locationBytes
			}
			i += locationBytes
			continue
		}
		if k := strings.IndexByte(letters, text[i]); k >= 0 {
			open = true
			out = append(out, list{letter: k, from: i, to: i + 1})
		}
		i++
	}
	return out
}

const locationBytes = len("<loc0000>")

// location reads the location token that a text begins with.
func location(s string) (n int, ok bool) {
	if len(s) < locationBytes || s[:4] != "<loc" || s[8] != '>' {
		return 0, false
	}
	for _, c := range []byte(s[4:8]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, n < Bins
}

// row is a band that may be one of the head.
type row struct {
	Band
	head bool
}

// tableOf makes a table of its lists.
func tableOf(lists []list, count *Problems) (t Table, ok bool) {
	var rows, across []row
	t.From, t.To = lists[0].from, lists[len(lists)-1].to
	for _, l := range lists {
		step := 2
		if l.letter == spans {
			step = 4
		}
		count.Places += len(l.numbers) % step
		for ; len(l.numbers) >= step; l.numbers = l.numbers[step:] {
			a, b := Band{l.numbers[0], l.numbers[step/2]}, Band{l.numbers[step/2-1], l.numbers[step-1]}
			switch {
			case a.From >= a.To || b.From >= b.To:
				count.Turned++
			case l.letter == spans:
				t.Spans = append(t.Spans, Span{X: b, Y: a})
			case l.letter == columns:
				across = append(across, row{Band: a})
			default:
				rows = append(rows, row{a, l.letter == head})
			}
		}
	}
	rows, across = apart(rows, MaxRows, count), apart(across, MaxColumns, count)
	for i, r := range rows {
		if r.head && i == t.Head {
			t.Head++
		}
		t.Rows = append(t.Rows, r.Band)
	}
	for _, c := range across {
		t.Columns = append(t.Columns, c.Band)
	}
	return t, len(t.Rows) > 0 && len(t.Columns) > 0
}

// apart orders bands by their middles and leaves out those that lie mostly on the one before.
func apart(in []row, most int, count *Problems) (out []row) {
	slices.SortStableFunc(in, func(a, b row) int { return cmp.Compare(a.From+a.To, b.From+b.To) })
	for _, b := range in {
		if n := len(out); n > 0 && b.Shared(out[n-1].Band) > 0.5*min(b.To-b.From, out[n-1].To-out[n-1].From) {
			count.Twice++
			continue
		}
		if len(out) == most {
			count.Many++
			continue
		}
		out = append(out, b)
	}
	return out
}

// Cells returns the cells of the grid, by row, then column. A span covers the rows and columns whose middles it holds,
// within the head or the body, wherever its first row stands; one of a single place, and one that runs into another, is left out.
func (t Table) Cells() ([]Cell, Problems) {
	var count Problems
	owner := map[[2]int]int{}
	var wide []Cell
	for _, s := range t.Spans {
		c := Cell{}
		c.Row, c.Rows = inside(t.Rows, s.Y)
		c.Column, c.Columns = inside(t.Columns, s.X)
		if c.Row < t.Head && c.Row+c.Rows > t.Head {
			c.Rows = t.Head - c.Row
			count.Spans++
		}
		if c.Rows*c.Columns < 2 || taken(owner, c) {
			count.Spans++
			continue
		}
		for i := range c.Rows {
			for k := range c.Columns {
				owner[[2]int{c.Row + i, c.Column + k}] = len(wide)
			}
		}
		wide = append(wide, c)
	}
	var out []Cell
	for i := range t.Rows {
		for k := range t.Columns {
			n, spanned := owner[[2]int{i, k}]
			switch {
			case !spanned:
				out = append(out, Cell{i, k, 1, 1})
			case wide[n].Row == i && wide[n].Column == k:
				out = append(out, wide[n])
			}
		}
	}
	return out, count
}

func taken(owner map[[2]int]int, c Cell) bool {
	for i := range c.Rows {
		for k := range c.Columns {
			if _, is := owner[[2]int{c.Row + i, c.Column + k}]; is {
				return true
			}
		}
	}
	return false
}

// inside returns which bands have their middles in a stretch.
func inside(bands []Band, s Band) (first, n int) {
	for i, b := range bands {
		if m := b.Middle(); s.From <= m && m <= s.To {
			if n == 0 {
				first = i
			}
			n++
		}
	}
	return first, n
}
