package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"palimpsest.dev/plugins/table/htmltable"
	"palimpsest.dev/plugins/table/structure"
	"palimpsest.dev/task"
	"palimpsest.dev/task/loc"
)

// sheet is a table with its places in page pixels.
type sheet struct {
	htmltable.Table
	box        task.Box
	confidence float64
	page, seq  int     // where it begins
	marks      []mark  // of each of Table.Cells
	pieces     []piece // the tables of pages that it was joined from
}

// mark is what a cell has besides its place in the grid.
type mark struct {
	page       int
	box        task.Box // of the table where the model gave none
	placed     bool
	confidence float64
}

// piece names a table of a page.
type piece struct {
	Page  int        `json:"page"`
	Table int        `json:"table"`
	Box   [4]float64 `json:"box"`
}

// sighting is what the answers of a page come to.
type sighting struct {
	tables     []sheet
	notes      []string
	unreadable string
}

func stateOf(a task.Answer) state {
	s := state{Bins: loc.Bins}
	if err := json.Unmarshal(a.Ask.State, &s); err != nil {
		return state{Bins: loc.Bins} // an ask of another program: the usual form
	}
	return s
}

// unit makes a box of the four numbers of an answer.
func unit(b [4]float64) task.Box { return task.Box{X0: b[0], Y0: b[1], X1: b[2], Y1: b[3]} }

// tally counts what went wrong, for the page's notes.
type tally struct {
	cells, loops, cuts, rows, unsure, empty, huge int
	problems                                      htmltable.Problems
	shape                                         structure.Problems
	rowsAdded, columnsAdded, blank, moved         int
}

// Bounds on what is taken over from one page; a page that a person would call
// full has a tenth of it.
const (
	maxCells = 30_000
	maxHTML  = 1 << 20 // bytes; the store's bound on one text
)

// sight reads all answers and maps their tables to the page.
func sight(ctx context.Context, page task.Page, answers []task.Answer) (sighting, error) {
	var s sighting
	var count tally
	for _, a := range answers {
		if err := ctx.Err(); err != nil {
			return sighting{}, err
		}
		if a.Stop == task.StopBlank {
			continue
		}
		how := stateOf(a)
		tables, err := htmltable.ReadAnswer(a.Text, how.Bins, a.Stop == task.StopEnd)
		if err != nil { // no model writes that much
			s.notes = append(s.notes, err.Error())
			continue
		}
		sure := loc.NewCertainty(a.Text, a.Tokens)
		switch a.Stop {
		case task.StopLoop:
			count.loops++
		case task.StopLength:
			count.cuts++
		}
		for _, read := range tables {
			if a.Stop == task.StopLoop {
				count.rows += read.TrimLoop()
			}
			count.problems = count.problems.Plus(read.Problems)
			t, ok := placed(page, a, read, sure)
			switch {
			case !ok:
				count.empty++
			case t.confidence < how.Sure:
				count.unsure++
			case count.cells+len(t.Cells) > maxCells || len(t.HTML()) > maxHTML:
				count.huge++
			default:
				count.cells += len(t.Cells)
				s.tables = append(s.tables, t)
			}
		}
	}
	task.SortDown(s.tables, func(t sheet) task.Box { return t.box })
	for i := range s.tables {
		s.tables[i].seq = i
	}
	s.notes = append(s.notes, count.say()...)
	if count.loops > 0 && len(s.tables) == 0 {
		s.unreadable = "the model only repeated itself"
	}
	return s, nil
}

// placed maps a table to the page. One without cells is none.
func placed(page task.Page, a task.Answer, read htmltable.Table, sure loc.Certainty) (sheet, bool) {
	t := sheet{Table: read, page: page.Number, confidence: probability(sure.Between(read.From, read.To))}
	onPage := func(b [4]float64) (task.Box, bool) {
		if b == [4]float64{} {
			return task.Box{}, false
		}
		box := a.ToPage.ApplyBox(unit(b)).Intersect(page.Bounds())
		return box, box.Finite() && !box.Empty()
	}
	var around task.Box
	for _, c := range read.Cells {
		m := mark{page: page.Number, confidence: probability(sure.Between(c.From, c.To))}
		if m.box, m.placed = onPage(c.Box); m.placed {
			around = around.Union(m.box)
		}
		t.marks = append(t.marks, m)
	}
	var own bool
	if t.box, own = onPage(read.Box); !own {
		t.box = around
	}
	if t.box.Empty() { // the model says what, but not where: somewhere in what it was shown
		t.box = a.Ask.Region.Intersect(page.Bounds())
	}
	for i := range t.marks {
		if !t.marks[i].placed {
			t.marks[i].box = t.box
		}
	}
	return t, len(read.Cells) > 0 && t.box.Finite() && !t.box.Empty()
}

func probability(p float64) float64 {
	if math.IsNaN(p) {
		return 0
	}
	return max(0, min(1, p))
}

// say turns the counts into notes.
func (c tally) say() (notes []string) {
	note := func(n int, one, many string) {
		if n == 1 {
			notes = append(notes, one)
		} else if n > 1 {
			notes = append(notes, fmt.Sprintf(many, n))
		}
	}
	if c.problems.Any() {
		notes = append(notes, "tables: "+c.problems.String())
	}
	if c.shape.Any() {
		notes = append(notes, "structure of tables: "+c.shape.String())
	}
	note(c.rowsAdded, "a row of words that the structure left out was added", "%d rows of words that the structure left out were added")
	note(c.columnsAdded, "a column of words that the structure left out was added", "%d columns of words that the structure left out were added")
	note(c.blank, "a row without words or ink is left out", "%d rows without words or ink are left out")
	note(c.moved, "a word beside the rows or columns went to the nearest", "%d words beside the rows or columns went to the nearest")
	note(c.cuts, "an answer reached the token limit: the table's complete cells are kept", "%d answers reached the token limit: their tables' complete cells are kept")
	note(c.loops, "the model repeated itself and was stopped", "the model repeated itself and was stopped %d times")
	note(c.rows, "a repeated row is left out", "%d repeated rows are left out")
	note(c.unsure, "a table that the model was not sure of is left out", "%d tables that the model was not sure of are left out")
	if c.huge > 0 {
		notes = append(notes, fmt.Sprintf("tables left out: %d, because a page holds at most %d cells and a table %d bytes of HTML", c.huge, maxCells, maxHTML))
	}
	note(c.empty, "a table without cells is left out", "%d tables without cells are left out")
	return notes
}
