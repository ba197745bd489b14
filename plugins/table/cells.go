package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"palimpsest.dev/plugins/ocr/words"
	"palimpsest.dev/plugins/table/fill"
	"palimpsest.dev/plugins/table/htmltable"
	"palimpsest.dev/plugins/table/structure"
	"palimpsest.dev/task"
	"palimpsest.dev/task/loc"
)

// textStep is the step of a profile that reads the text of cells: the model then writes of a table only its structure.
const textStep = "text"

// textPlan asks for the words of the page that may stand in its tables.
func textPlan(page task.Page, how task.Profile) ([]task.Ask, error) {
	some := len(page.Lines) > 0
	if page.Lines = textLines(page); some && len(page.Lines) == 0 {
		return nil, nil // the page's text stands elsewhere
	}
	return words.Plan(page, how, maxTiles)
}

// outlined is the table of one answer, its structure on the level page.
type outlined struct {
	structure.Table
	answer     task.Answer
	region     task.Box // what was shown, on the level page
	confidence float64
}

// sightSteps reads the structure of tables and the words of their cells, and puts one into the other.
func sightSteps(ctx context.Context, page task.Page, answers []task.Answer) (sighting, error) {
	var s sighting
	var count tally
	var shapes, texts []task.Answer
	for _, a := range answers {
		if stateOf(a).Shape {
			shapes = append(shapes, a)
		} else {
			texts = append(texts, a)
		}
	}
	ink := page
	ink.Lines = textLines(page)
	read, err := words.Read(ctx, ink, texts)
	if err != nil {
		return s, err
	}
	var tables []outlined
	for _, a := range shapes {
		tables = append(tables, outlines(page, a, read.Turn, &count)...)
	}
	task.SortDown(tables, func(t outlined) task.Box { return t.box() })
	taken := make([]bool, len(read.Words))
	for _, t := range tables {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		sheet := t.filled(page, read, taken, &count)
		if count.cells+len(sheet.Cells) > maxCells || len(sheet.HTML()) > maxHTML {
			count.huge++
			continue
		}
		count.cells += len(sheet.Cells)
		sheet.seq = len(s.tables)
		s.tables = append(s.tables, sheet)
	}
	s.notes = append(count.say(), read.Notes...)
	if n := outsideOf(read.Words, taken, shapes); len(s.tables) > 0 && n != "" {
		s.notes = append(s.notes, n)
	}
	if len(s.tables) == 0 && count.loops > 0 {
		s.unreadable = "the model only repeated itself"
	} else if len(s.tables) > 0 && read.Unreadable != "" {
		s.notes = append(s.notes, "the text of cells: "+read.Unreadable)
	}
	return s, nil
}

// outlines reads the structure of the tables of an answer.
func outlines(page task.Page, a task.Answer, turn *words.Turn, count *tally) (out []outlined) {
	if a.Stop == task.StopBlank {
		return nil
	}
	switch a.Stop {
	case task.StopLoop:
		count.loops++
	case task.StopLength:
		count.cuts++
	}
	how := stateOf(a)
	tables, problems := structure.Read(a.Text, how.Bins)
	count.shape = count.shape.Plus(problems)
	sure := loc.NewCertainty(a.Text, a.Tokens)
	for _, t := range tables {
		o := outlined{answer: a, confidence: probability(sure.Between(t.From, t.To))}
		if o.confidence < how.Sure {
			count.unsure++
			continue
		}
		place := func(x, y structure.Band) (structure.Band, structure.Band) {
			b := turn.Box(page, a.ToPage, task.Box{X0: x.From, Y0: y.From, X1: x.To, Y1: y.To})
			return structure.Band{From: b.X0, To: b.X1}, structure.Band{From: b.Y0, To: b.Y1}
		}
		all := structure.Band{From: 0, To: 1}
		o.Table = structure.Table{Head: t.Head}
		for _, r := range t.Rows {
			_, y := place(all, r)
			o.Rows = append(o.Rows, y)
		}
		for _, c := range t.Columns {
			x, _ := place(c, all)
			o.Columns = append(o.Columns, x)
		}
		for _, s := range t.Spans {
			x, y := place(s.X, s.Y)
			o.Spans = append(o.Spans, structure.Span{X: x, Y: y})
		}
		o.region = turn.Box(page, a.ToPage, task.Box{X1: 1, Y1: 1})
		if b := o.box(); !b.Finite() || b.Empty() {
			count.empty++
			continue
		}
		out = append(out, o)
	}
	return out
}

// box is around the table's rows and columns.
func (o outlined) box() (b task.Box) {
	for i, r := range o.Rows {
		for _, c := range []structure.Band{o.Columns[0], o.Columns[len(o.Columns)-1]} {
			cell := task.Box{X0: c.From, Y0: r.From, X1: c.To, Y1: r.To}
			if i == 0 && b == (task.Box{}) {
				b = cell
			}
			b = b.Union(cell)
		}
	}
	return b
}

// filled puts the words that stand in the table into its cells.
func (o outlined) filled(page task.Page, read words.Sighting, taken []bool, count *tally) sheet {
	var own []fill.Word
	var index []int
	for i, w := range read.Words {
		middle := task.Point{X: (w.Level.X0 + w.Level.X1) / 2, Y: (w.Level.Y0 + w.Level.Y1) / 2}
		if taken[i] || middle.X < o.region.X0 || middle.X > o.region.X1 || middle.Y < o.region.Y0 || middle.Y > o.region.Y1 {
			continue
		}
		own = append(own, fill.Word{Text: w.Text, X: structure.Band{From: w.Level.X0, To: w.Level.X1}, Y: structure.Band{From: w.Level.Y0, To: w.Level.Y1}})
		index = append(index, i)
	}
	var inked func(structure.Band) bool
	if len(page.Lines) > 0 && read.Turn.Upright() {
		inked = func(b structure.Band) bool {
			return slices.ContainsFunc(page.Lines, func(l task.Line) bool {
				return o.region.Intersect(l.Box).Width() > 0 && b.Shared(structure.Band{From: l.Box.Y0, To: l.Box.Y1}) > 0.3*(b.To-b.From)
			})
		}
	}
	t := fill.Fill(o.Table, own, inked)
	count.rowsAdded, count.columnsAdded = count.rowsAdded+t.AddedRows, count.columnsAdded+t.AddedColumns
	count.blank, count.moved = count.blank+t.Blank, count.moved+t.Moved
	count.shape = count.shape.Plus(t.Problems)
	out := sheet{page: page.Number, confidence: o.confidence, box: read.Turn.ToPage(page, o.box())}
	out.Rows, out.Columns = t.Rows, t.Columns
	for i := range t.Rows {
		section := htmltable.Body
		if i < t.Head {
			section = htmltable.Head
		}
		out.Sections = append(out.Sections, section)
	}
	for _, i := range t.Outside {
		index[i] = -1
	}
	for _, i := range index {
		if i >= 0 {
			taken[i] = true
		}
	}
	for _, c := range t.Cells {
		cell := htmltable.Cell{Row: c.Row, Column: c.Column, RowSpan: c.Rows, ColumnSpan: c.Columns, Text: fill.Text(own, c.Words)}
		cell.Markup = htmltable.Escape(cell.Text)
		m := mark{page: page.Number, confidence: o.confidence}
		var sum float64
		for _, i := range c.Words {
			w := read.Words[index[i]]
			m.box, m.placed = m.box.Union(w.Box), true
			sum += w.Confidence
		}
		if m.placed {
			m.confidence = probability(sum / float64(len(c.Words)))
			out.box = out.box.Union(m.box)
		}
		out.Cells = append(out.Cells, cell)
		out.marks = append(out.marks, m)
	}
	for i := range out.marks {
		if !out.marks[i].placed {
			out.marks[i].box = out.box
		}
	}
	return out
}

// outsideOf says which words of the regions that were shown stand in no table.
func outsideOf(read []words.Word, taken []bool, shown []task.Answer) string {
	const most = 8 // words that are named
	n := 0
	var named []string
	down := make([]int, len(read))
	for i := range read {
		down[i] = i
	}
	slices.SortStableFunc(down, func(a, b int) int {
		return cmp.Or(cmp.Compare(read[a].Box.Y0, read[b].Box.Y0), cmp.Compare(read[a].Box.X0, read[b].Box.X0))
	})
	for _, i := range down {
		w := read[i]
		if taken[i] || !slices.ContainsFunc(shown, func(a task.Answer) bool { return a.Ask.Region.Intersect(w.Box).Area() > 0.5*w.Box.Area() }) {
			continue
		}
		if n++; len(named) < most {
			named = append(named, w.Text)
		}
	}
	if n == 0 {
		return ""
	}
	text := strings.Join(named, " ")
	if n > len(named) {
		text += " …"
	}
	return fmt.Sprintf("words beside the tables, in no cell: %d (%s)", n, text)
}
