// Package fill puts words into the cells of a table whose structure a model
// said. The structure was seen from afar and is a little off; words were read
// from near, and their places are good. So the structure decides what rows,
// columns, spans and headings there are, and the words where exactly they
// stand: a word goes to the row and column that it shares most with, words
// without a gap between them stay together, and lines of words where the
// structure has left out a row, or columns of words where it has left out a column, make one. No word is lost: what fits nowhere
// is returned.
package fill

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"palimpsest.dev/plugins/table/structure"
)

// Word is a word and where it stands, in the same space as the structure.
type Word struct {
	Text string
	X, Y structure.Band
}

func (w Word) height() float64 { return w.Y.To - w.Y.From }

// Cell is a cell of the grid with the words in it, as indices in reading order.
type Cell struct {
	structure.Cell
	Words []int
}

// Table is a grid with its words.
type Table struct {
	Rows, Columns int
	Head          int // rows of column headings
	Cells         []Cell
	AddedRows     int   // that the structure did not have
	AddedColumns  int   // likewise
	Blank         int   // rows of the structure that hold neither words nor ink, left out
	Moved         int   // words that stand beside all rows or columns and went to the nearest
	Outside       []int // words that do not belong to the table
	Problems      structure.Problems
}

const (
	together = 0.55 // gap, in heights of a line, up to which words of a line belong together
	reach    = 1.0  // how far outside of the table, in heights of its words, a word still belongs to it
	mostRows = structure.MaxRows
)

// Fill puts words into a table. Inked says whether there is a line of text in a stretch down the page, read or not; nil says
// always.
func Fill(t structure.Table, words []Word, inked func(structure.Band) bool) Table {
	f := filler{t: t, words: words, row: make([]int, len(words)), column: make([]int, len(words))}
	out := Table{Head: t.Head}
	out.AddedRows = f.addRows(inked)
	out.AddedColumns = f.addColumns()
	out.Outside = f.outside()
	out.Blank = f.dropRows(inked)
	f.assignRows()
	lines := f.lines()
	for _, line := range lines {
		f.assignColumns(line)
	}
	out.Rows, out.Columns, out.Head, out.Moved = len(f.t.Rows), len(f.t.Columns), f.t.Head, f.moved
	f.place(&out, lines)
	return out
}

type filler struct {
	t      structure.Table
	words  []Word
	row    []int // of each word; -1 outside
	column []int
	moved  int
}

// outside finds the words that do not belong to the table, and marks them.
func (f *filler) outside() (out []int) {
	down := structure.Band{From: math.Inf(1), To: math.Inf(-1)}
	across := down
	for _, r := range f.t.Rows {
		down = structure.Band{From: min(down.From, r.From), To: max(down.To, r.To)}
	}
	for _, c := range f.t.Columns {
		across = structure.Band{From: min(across.From, c.From), To: max(across.To, c.To)}
	}
	for i, w := range f.words {
		far := reach * w.height()
		beside := w.X.Middle() < across.From-3*far || w.X.Middle() > across.To+3*far // the last words of a line
		if beside || w.Y.Middle() < down.From-far || w.Y.Middle() > down.To+far {
			f.row[i] = -1
			out = append(out, i)
		}
	}
	return out
}

// in lists the words of the table.
func (f *filler) in() (out []int) {
	for i := range f.words {
		if f.row[i] >= 0 {
			out = append(out, i)
		}
	}
	return out
}

// addRows finds lines of words that share nothing with any row and stand in several columns, with white between: the
// model left out a row. A line of running text beside the table is none.
func (f *filler) addRows(inked func(structure.Band) bool) (added int) {
	var free []int
	for i, w := range f.words {
		if w.Y.From > f.t.Rows[len(f.t.Rows)-1].To+2*w.height() || w.Y.To < f.t.Rows[0].From-2*w.height() {
			continue
		}
		if !slices.ContainsFunc(f.t.Rows, func(r structure.Band) bool { return r.Shared(w.Y) > 0.15*w.height() }) {
			free = append(free, i)
		}
	}
	for _, line := range f.inLines(free) {
		band := f.words[line[0]].Y
		columns := map[int]bool{} // in which a run of words stands
		for k, i := range line {
			band = structure.Band{From: min(band.From, f.words[i].Y.From), To: max(band.To, f.words[i].Y.To)}
			if at, share := best(f.t.Columns, f.words[i].X); share > 0 && (k == 0 || !f.close(line[k-1], i)) {
				columns[at] = true
			}
		}
		if len(columns) < 2 || 3*len(columns) < len(f.t.Columns) || len(f.t.Rows) >= mostRows || inked != nil && !inked(band) {
			continue
		}
		if f.t.Head > 0 && band.Middle() < f.t.Rows[f.t.Head-1].Middle() {
			f.t.Head++
		}
		f.t.Rows = insert(f.t.Rows, band)
		added++
	}
	return added
}

// addColumns finds words that share nothing with any column and stand below each other, apart from their neighbours, in
// half of the rows: the model left out a column.
func (f *filler) addColumns() (added int) {
	type run struct {
		band structure.Band
		row  int
	}
	var all []int
	for i, w := range f.words {
		if _, share := best(f.t.Rows, w.Y); share > 0 {
			all = append(all, i)
		}
	}
	var runs []run
	for _, line := range f.inLines(all) {
		for k, i := range line {
			if k > 0 && f.close(line[k-1], i) {
				runs[len(runs)-1].band.To = f.words[i].X.To
				continue
			}
			row, _ := best(f.t.Rows, f.words[i].Y)
			runs = append(runs, run{f.words[i].X, row})
		}
	}
	slices.SortStableFunc(runs, func(a, b run) int { return cmp.Compare(a.band.From, b.band.From) })
	type stack struct {
		band structure.Band
		rows map[int]bool
	}
	var stacks []stack
	for _, r := range runs {
		if slices.ContainsFunc(f.t.Columns, func(c structure.Band) bool { return c.Shared(r.band) > 0.15*(r.band.To-r.band.From) }) {
			continue
		}
		if n := len(stacks); n > 0 && stacks[n-1].band.Shared(r.band) > 0 {
			stacks[n-1].band.To = max(stacks[n-1].band.To, r.band.To)
			stacks[n-1].rows[r.row] = true
			continue
		}
		stacks = append(stacks, stack{r.band, map[int]bool{r.row: true}})
	}
	for _, s := range stacks {
		if len(s.rows) < 2 || 2*len(s.rows) < len(f.t.Rows) || len(f.t.Columns) >= structure.MaxColumns {
			continue
		}
		f.t.Columns = insert(f.t.Columns, s.band)
		added++
	}
	return added
}

// insert puts a band in its place among others.
func insert(bands []structure.Band, b structure.Band) []structure.Band {
	at, _ := slices.BinarySearchFunc(bands, b, func(a, b structure.Band) int { return cmp.Compare(a.Middle(), b.Middle()) })
	return slices.Insert(slices.Clone(bands), at, b)
}

// dropRows leaves out rows without words where the page shows nothing either: the model saw a row that is not there.
func (f *filler) dropRows(inked func(structure.Band) bool) (blank int) {
	if inked == nil {
		return 0
	}
	held := make([]bool, len(f.t.Rows))
	for _, i := range f.in() {
		r, _ := best(f.t.Rows, f.words[i].Y)
		held[r] = true
	}
	var rows []structure.Band
	head := f.t.Head
	for i, r := range f.t.Rows {
		if held[i] || inked(r) {
			rows = append(rows, r)
			continue
		}
		blank++
		if i < f.t.Head {
			head--
		}
	}
	if len(rows) > 0 {
		f.t.Rows, f.t.Head = rows, head
		return blank
	}
	return 0
}

// best returns the band that shares most with a stretch, or the nearest, and how much of the stretch it shares.
func best(bands []structure.Band, s structure.Band) (at int, share float64) {
	near := math.Inf(1)
	for i, b := range bands {
		shared := b.Shared(s) / max(1e-9, min(s.To-s.From, b.To-b.From))
		away := max(b.From-s.Middle(), s.Middle()-b.To, 0)
		if shared > share+1e-9 || share == 0 && shared == 0 && away < near {
			at, share, near = i, shared, away
		}
	}
	return at, share
}

func (f *filler) assignRows() {
	for _, i := range f.in() {
		at, share := best(f.t.Rows, f.words[i].Y)
		f.row[i] = at
		if share == 0 {
			f.moved++
		}
	}
}

// lines returns the words of each row in lines.
func (f *filler) lines() (out [][]int) {
	byRow := make([][]int, len(f.t.Rows))
	for _, i := range f.in() {
		byRow[f.row[i]] = append(byRow[f.row[i]], i)
	}
	for _, words := range byRow {
		out = append(out, f.inLines(words)...)
	}
	return out
}

// inLines puts words into lines from top to bottom, each from left to right.
func (f *filler) inLines(words []int) (lines [][]int) {
	words = slices.Clone(words)
	slices.SortStableFunc(words, func(a, b int) int { return cmp.Compare(f.words[a].Y.Middle(), f.words[b].Y.Middle()) })
	for _, i := range words {
		w := f.words[i]
		on := -1
		for k := len(lines) - 1; k >= 0 && k >= len(lines)-3 && on < 0; k-- {
			last := f.words[lines[k][0]].Y // the first of a line says where it is, so lines do not creep down
			if last.Shared(w.Y) > 0.5*min(w.height(), last.To-last.From) {
				on = k
			}
		}
		if on < 0 {
			lines = append(lines, nil)
			on = len(lines) - 1
		}
		lines[on] = append(lines[on], i)
	}
	for _, line := range lines {
		slices.SortStableFunc(line, func(a, b int) int { return cmp.Compare(f.words[a].X.From, f.words[b].X.From) })
	}
	return lines
}

// assignColumns gives each word of a line its column.
func (f *filler) assignColumns(line []int) {
	for start := 0; start < len(line); {
		end := start + 1
		for end < len(line) && f.close(line[end-1], line[end]) {
			end++
		}
		f.assignRun(line[start:end])
		start = end
	}
}

// close reports whether no more than a space stands between two words of a line.
func (f *filler) close(left, right int) bool {
	return f.words[right].X.From-f.words[left].X.To < together*f.words[right].height()
}

// assignRun gives the words of a stretch without gaps their columns: those that stand clearly in one theirs, the others that of
// the neighbour they stand closer to. Where a word runs across the middle of the white between two columns, the whole stretch is one text that
// began in the first.
func (f *filler) assignRun(run []int) {
	sure := make([]bool, len(run))
	for k, i := range run {
		w := f.words[i]
		at, share := best(f.t.Columns, w.X)
		f.column[i] = at
		sure[k] = share > 0.5
		if share == 0 && len(run) == 1 {
			f.moved++
		}
	}
	for k, i := range run {
		if sure[k] {
			continue
		}
		left, right := math.Inf(1), math.Inf(1)
		if k > 0 {
			left = f.words[i].X.From - f.words[run[k-1]].X.To
		}
		if k+1 < len(run) && sure[k+1] {
			right = f.words[run[k+1]].X.From - f.words[i].X.To
		}
		switch {
		case left <= right && k > 0:
			f.column[i] = f.column[run[k-1]]
		case k+1 < len(run) && sure[k+1]:
			f.column[i] = f.column[run[k+1]]
		}
	}
	first := f.column[run[0]]
	for _, i := range run {
		if f.column[i] != first && f.crosses(run) {
			for _, k := range run {
				f.column[k] = first
			}
			return
		}
	}
}

// crosses reports whether a word of a stretch covers the middle of the white between two columns.
func (f *filler) crosses(run []int) bool {
	for _, i := range run {
		w := f.words[i].X
		margin := 0.15 * (w.To - w.From)
		for k := range len(f.t.Columns) - 1 {
			a, b := f.t.Columns[k].To, f.t.Columns[k+1].From
			if middle := (a + b) / 2; w.From+margin < middle && middle < w.To-margin {
				return true
			}
		}
	}
	return false
}

// place makes the cells. The words of a span come in the order of their lines over all of its rows.
func (f *filler) place(out *Table, lines [][]int) {
	cells, problems := f.t.Cells()
	out.Problems = problems
	owner := map[[2]int]int{}
	for n, c := range cells {
		out.Cells = append(out.Cells, Cell{Cell: c})
		for i := range c.Rows {
			for k := range c.Columns {
				owner[[2]int{c.Row + i, c.Column + k}] = n
			}
		}
	}
	for _, line := range lines {
		for _, i := range line {
			n := owner[[2]int{f.row[i], f.column[i]}]
			out.Cells[n].Words = append(out.Cells[n].Words, i)
		}
	}
	for n, c := range out.Cells {
		if len(c.Words) > 1 {
			out.Cells[n].Words = slices.Concat(f.inLines(c.Words)...)
		}
	}
}

// Text joins the words of a cell.
func Text(words []Word, of []int) string {
	var parts []string
	for _, i := range of {
		parts = append(parts, words[i].Text)
	}
	return strings.Join(parts, " ")
}
