package main

import (
	"strings"
	"testing"

	"palimpsest.dev/task"
)

// A model that writes more than any page holds does not pass the bounds on
// what a plugin may return.
func TestPagesStayWithinTheBounds(t *testing.T) {
	t.Parallel()
	page := task.Page{Document: "a.pdf", Number: 1, Width: 1000, Height: 1000}
	page.Regions = []task.Region{page.Whole(task.RegionTable)}
	asks, err := table{}.Plan(t.Context(), page, profiles["page"])
	if err != nil {
		t.Fatal(err)
	}
	row := "<tr>" + strings.Repeat("<td>", 40)
	read := func(text string) task.Reading {
		a := task.Answer{Ask: asks[0], Text: text, Stop: task.StopEnd, ToPage: task.Affine{1000, 0, 0, 0, 1000, 0}}
		r, err := table{}.Read(t.Context(), page, []task.Answer{a})
		if err == nil {
			err = table{}.Info().CheckReading(page, 1, r)
		}
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	count := func(r task.Reading) (n int) {
		for _, rec := range r.Records {
			if rec.Relation == "table" {
				n++
			}
		}
		return n
	}
	fits := "<table>" + strings.Repeat(row, maxCells/40) + "</table>"
	full := read(fits)
	if count(full) != 1 || len(full.Records) != 1+maxCells || len(full.Notes) != 0 {
		t.Errorf("%d tables, %d records, notes %q", count(full), len(full.Records), full.Notes)
	}
	if r := read(fits + "<table><td>one too many</table>"); count(r) != 1 || len(r.Notes) != 1 {
		t.Errorf("%d tables, notes %q", count(r), r.Notes)
	}
	if r := read("<table><td>" + strings.Repeat("x", maxHTML) + "</table>"); count(r) != 0 || len(r.Notes) != 1 {
		t.Errorf("%d tables, notes %q", count(r), r.Notes)
	}
	many := read(strings.Repeat("<table><td>x</table>", 100))
	if count(many) != 100 || len(many.Artifacts) != 3+maxFiles {
		t.Errorf("%d tables, %d files", count(many), len(many.Artifacts))
	}
	doc := task.Document{Name: "a.pdf"}
	for n := range 3 {
		page.Number = n + 1
		doc.Pages = append(doc.Pages, task.DocumentPage{Page: page, State: "done", Records: full.Records})
	}
	r, err := table{}.Finish(t.Context(), doc)
	if err == nil {
		err = table{}.Info().CheckDocumentReading(r)
	}
	if err != nil || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "page 3") {
		t.Errorf("notes %q, %v", r.Notes, err)
	}
}

// Of a long document each part writes what belongs to it: the text files one
// after the other are whole files, workbooks stand for themselves.
func TestDocumentInParts(t *testing.T) {
	t.Parallel()
	whole := map[string]string{}
	for part := 1; part <= 3; part++ {
		page := task.Page{Document: "a.pdf", Number: part, Width: 1000, Height: 1000}
		a := task.Answer{Text: "<table><td>part</table>", Stop: task.StopEnd, Ask: task.Ask{Region: page.Bounds()}}
		if part == 2 {
			a.Text = ""
		}
		r, err := table{}.Read(t.Context(), page, []task.Answer{a})
		if err != nil {
			t.Fatal(err)
		}
		r, err = table{}.Finish(t.Context(), task.Document{ID: "1", Name: "a.pdf", Part: part, Parts: 3,
			Pages: []task.DocumentPage{{Page: page, State: "done", Records: r.Records}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Artifacts {
			whole[f.Name] += string(f.Content)
		}
	}
	if got := whole["cells.csv"]; strings.Count(got, "\r\n") != 3 || !strings.HasPrefix(got, cellColumns) {
		t.Errorf("%q", got)
	}
	if got := whole["tables.json"]; strings.Count(got, `"rows":1`) != 2 || !strings.HasSuffix(got, "]}\n") || strings.Count(got, "schema") != 1 {
		t.Errorf("%s", got)
	}
	if got := whole["tables.html"]; strings.Count(got, "<table>") != 2 || strings.Count(got, "<html>") != 1 || !strings.HasSuffix(got, "</html>\n") {
		t.Errorf("%s", got)
	}
	for _, name := range []string{"tables-part-001.xlsx", "tables-part-002.xlsx", "tables-part-003.xlsx", "table-0001-1.csv", "table-0003-1.csv"} {
		if whole[name] == "" {
			t.Errorf("%s is missing", name)
		}
	}
}

// The profile's grammar keeps each answer.
func TestAsksCarryTheGrammar(t *testing.T) {
	t.Parallel()
	page := task.Page{Document: "a.pdf", Number: 1, Width: 1000, Height: 1000}
	page.Regions = []task.Region{page.Whole(task.RegionTable)}
	for _, language := range []string{"html_table", ""} {
		how := profiles["region"]
		how.Grammar = language
		if asks, err := (table{}).Plan(t.Context(), page, how); err != nil || len(asks) != 1 || asks[0].Grammar != language {
			t.Errorf("%q: %+v, %v", language, asks, err)
		}
	}
}
