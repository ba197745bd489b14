package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"palimpsest.dev/plugins/table/htmltable"
	"palimpsest.dev/task"
)

// maxDocumentCells bounds the files of one part of a document.
const maxDocumentCells = 60_000

// Finish implements task.Finisher: the tables of the document, joined over
// pages, as HTML, JSON, workbooks and CSV, all from the stored records. A table
// is not joined over the border of two parts of a long document.
func (table) Finish(ctx context.Context, doc task.Document) (task.Reading, error) {
	var all []sheet
	var notes []string
	open := -1 // index of the table that may go on
	cells := 0
	lastPage := 0
	for _, p := range doc.Pages {
		if err := ctx.Err(); err != nil {
			return task.Reading{}, err
		}
		tables := sheetsOf(p)
		for i, t := range tables {
			if cells += len(t.Cells); cells > maxDocumentCells {
				notes = append(notes, fmt.Sprintf("page %d: tables left out of the document's files, which hold at most %d cells", p.Page.Number, maxDocumentCells))
				tables = tables[:i]
				break
			}
		}
		for i, t := range tables {
			t.pieces = []piece{t.piece()}
			if i == 0 && open >= 0 && p.Page.Number == lastPage+1 && p.Page.OptionOr(joinOption, joinAgree) == joinAgree &&
				beginsAtTop(p.Page, t) && join(&all[open], t) {
				continue
			}
			all = append(all, t)
			open = len(all) - 1
		}
		// Only a table that ends a page goes on on the next.
		if n := len(tables); n == 0 || !endsAtBottom(p.Page, tables[n-1]) || p.State != "done" {
			open = -1
		}
		lastPage = p.Page.Number
	}
	suffix := ""
	if doc.Parts > 1 {
		suffix = fmt.Sprintf("-part-%03d", doc.Part)
	}
	artifacts, err := files(doc, all, suffix)
	if err != nil {
		return task.Reading{}, err
	}
	artifacts = append(artifacts, task.Artifact{Name: "cells.csv", MediaType: "text/csv; charset=utf-8; header=present", Content: cellRows(all, doc.First())})
	artifacts = append(artifacts, single(all, func(t sheet) string { return fmt.Sprintf("table-%04d-%d.csv", t.page, t.seq+1) })...)
	return task.Reading{Artifacts: artifacts, Notes: notes}, nil
}

// sheetsOf puts a page's tables together again from its records. Cells
// without a table, or that do not fit its grid, are left out: the store holds
// what Read wrote, and nothing else is to be trusted.
func sheetsOf(p task.DocumentPage) []sheet {
	var out []sheet
	var names []map[[2]int]bool
	index := map[int]int{}
	for _, r := range p.Records {
		if r.Relation != "table" {
			continue
		}
		t := sheet{page: p.Page.Number, seq: integer(r, "seq"), box: r.Box, confidence: probability(r.Confidence)}
		t.Rows, t.Columns = integer(r, "rows"), integer(r, "cols")
		if t.Rows < 1 || t.Columns < 1 || t.Rows > htmltable.MaxRows || t.Columns > htmltable.MaxColumns {
			continue
		}
		t.Sections = make([]htmltable.Section, t.Rows)
		for i := range t.Sections {
			t.Sections[i] = htmltable.Body
		}
		index[t.seq] = len(out)
		out = append(out, t)
		names = append(names, namesOf(text(r, "html")))
	}
	for _, r := range p.Records {
		i, ok := index[integer(r, "table_seq")]
		if r.Relation != "cell" || !ok {
			continue
		}
		t := &out[i]
		c := htmltable.Cell{Row: integer(r, "row"), Column: integer(r, "col"), RowSpan: integer(r, "rowspan"), ColumnSpan: integer(r, "colspan"),
			Text: text(r, "text"), Markup: text(r, "html")}
		if c.Row < 0 || c.Column < 0 || c.RowSpan < 1 || c.ColumnSpan < 1 || c.Row+c.RowSpan > t.Rows || c.Column+c.ColumnSpan > t.Columns {
			continue
		}
		section := htmltable.Section(text(r, "section"))
		if section == htmltable.Head || section == htmltable.Foot {
			for k := range c.RowSpan {
				t.Sections[c.Row+k] = section
			}
		}
		header, _ := r.Values["header"].(bool)
		c.Heading = header && (section != htmltable.Head || names[i][[2]int{c.Row, c.Column}])
		placed, _ := r.Values["placed"].(bool)
		t.Cells = append(t.Cells, c)
		t.marks = append(t.marks, mark{page: p.Page.Number, box: r.Box, placed: placed, confidence: probability(r.Confidence)})
	}
	slices.SortStableFunc(out, func(a, b sheet) int { return cmp.Compare(a.seq, b.seq) })
	return slices.DeleteFunc(out, func(t sheet) bool { return len(t.Cells) == 0 })
}

// namesOf are the places of the <th> cells of a table's HTML: in <thead> the
// records do not tell them from the others, which are headings too.
func namesOf(html string) map[[2]int]bool {
	out := map[[2]int]bool{}
	tables, err := htmltable.Read(html)
	if err != nil || len(tables) != 1 {
		return out
	}
	for _, c := range tables[0].Cells {
		out[[2]int{c.Row, c.Column}] = c.Heading
	}
	return out
}

// integer reads a whole number however the store hands it back.
func integer(r task.Record, column string) int {
	switch v := r.Values[column].(type) {
	case int64:
		return int(v)
	case int:
		return v
	case float64:
		return int(v)
	}
	return -1
}

func text(r task.Record, column string) string {
	s, _ := r.Values[column].(string)
	return s
}
