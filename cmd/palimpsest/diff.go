package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"palimpsest.dev/api"
	"palimpsest.dev/rowdiff"
)

// diffCmd shows how two runs of a task read the same pages.
type diffCmd struct {
	clientFlags
	What     []string `arg:"" name:"run" help:"Two runs, or one document: what is current against its newest run."`
	Task     []string `help:"Of a document: only these tasks."`
	Relation []string `help:"Only these relations, such as word."`
	Page     []int    `help:"Only these pages."`
	Column   []string `help:"Columns to compare rows by. Empty: those that hold text."`
	Summary  bool     `short:"s" help:"Counts only."`
}

// versus is a page as two runs read it.
type versus struct {
	page       int
	old, new   api.RunPage
	from, to   int64 // the runs
	task       string
	documentID string
}

// differenceLine is one line of --json: a change, or, with kind "page", the counts of a page and relation.
type differenceLine struct {
	Document string         `json:"document"`
	Task     string         `json:"task"`
	Page     int            `json:"page"`
	Runs     [2]int64       `json:"runs"`
	States   [2]string      `json:"states,omitzero"`
	Relation string         `json:"relation,omitempty"`
	Kind     string         `json:"kind"`
	Counts   map[string]int `json:"counts,omitempty"`
	Old      *differentRow  `json:"old,omitempty"`
	New      *differentRow  `json:"new,omitempty"`
}

type differentRow struct {
	Seq    int            `json:"seq"`
	Box    [4]float64     `json:"box"`
	Values map[string]any `json:"values"`
}

// Run prints the differences page by page.
func (c *diffCmd) Run(s *session) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	pages, err := c.pairs(s, client)
	if err != nil {
		return c.wrong(err)
	}
	if len(c.Page) > 0 {
		pages = slices.DeleteFunc(pages, func(v versus) bool { return !slices.Contains(c.Page, v.page) })
	}
	if len(pages) == 0 {
		fmt.Fprintln(s.stderr, "there are no two runs of one task over any of the pages")
		return nil
	}
	tasks, err := client.Tasks(s)
	if err != nil {
		return c.reached(err)
	}
	out := bufio.NewWriter(s.stdout)
	for _, v := range pages {
		i := slices.IndexFunc(tasks.Tasks, func(t api.Task) bool { return t.Name == v.task })
		if i < 0 {
			return fmt.Errorf("the server has no task %s any more, and does not say what its relations are", v.task)
		}
		if err := c.page(s, client, out, v, tasks.Tasks[i].Relations); err != nil {
			return c.reached(err)
		}
	}
	return out.Flush()
}

// pairs finds the pages that two runs have read.
func (c *diffCmd) pairs(s *session, client *api.Client) ([]versus, error) {
	switch len(c.What) {
	case 1:
		if _, err := strconv.ParseInt(c.What[0], 10, 64); err == nil {
			return nil, usagef("name two runs, or a document")
		}
		list, err := client.Runs(s, c.What[0])
		if err != nil {
			return nil, err
		}
		return currentAgainstNewest(list, c.Task), nil
	case 2:
		var runs [2]int64
		for i, what := range c.What {
			var err error
			if runs[i], err = strconv.ParseInt(what, 10, 64); err != nil {
				return nil, usagef("%q is not the number of a run: name two runs, or one document", what)
			}
		}
		of, err := client.Run(s, runs[0])
		if err != nil {
			return nil, err
		}
		list, err := client.Runs(s, of.Document)
		if err != nil {
			return nil, err
		}
		return twoRuns(list, runs)
	}
	return nil, usagef("name two runs, or one document")
}

// twoRuns pairs the pages of two runs of one task and document.
func twoRuns(list api.RunList, runs [2]int64) ([]versus, error) {
	var found [2]*api.RunDetail
	for i, id := range runs {
		at := slices.IndexFunc(list.Runs, func(r api.RunDetail) bool { return r.ID == id })
		if at < 0 {
			return nil, usagef("runs %d and %d are not over the same document", runs[0], runs[1])
		}
		found[i] = &list.Runs[at]
	}
	if found[0].Task != found[1].Task {
		return nil, usagef("run %d is of task %s, run %d of task %s", runs[0], found[0].Task, runs[1], found[1].Task)
	}
	var pages []versus
	for _, old := range found[0].Pages {
		for _, p := range found[1].Pages {
			if p.Page == old.Page {
				pages = append(pages, versus{page: p.Page, old: old, new: p, from: runs[0], to: runs[1], task: found[0].Task, documentID: found[0].Document})
			}
		}
	}
	return pages, nil
}

// currentAgainstNewest pairs, by task, what each page shows with the newest run over it that is not shown.
func currentAgainstNewest(list api.RunList, tasks []string) []versus {
	type place struct {
		task string
		page int
	}
	current, newest := map[place]versus{}, map[place]versus{}
	var order []place
	for _, r := range list.Runs { // oldest first
		if len(tasks) > 0 && !slices.Contains(tasks, r.Task) {
			continue
		}
		for _, p := range r.Pages {
			at := place{r.Task, p.Page}
			if p.Current {
				current[at] = versus{old: p, from: r.ID, documentID: r.Document}
				order = append(order, at)
			} else if p.State != "queued" && p.State != "running" {
				newest[at] = versus{new: p, to: r.ID}
			}
		}
	}
	slices.SortFunc(order, func(a, b place) int {
		if a.task != b.task {
			return strings.Compare(a.task, b.task)
		}
		return a.page - b.page
	})
	var pages []versus
	for _, at := range order {
		c, n := current[at], newest[at]
		if n.to != 0 {
			pages = append(pages, versus{page: at.page, task: at.task, old: c.old, from: c.from, documentID: c.documentID, new: n.new, to: n.to})
		}
	}
	return pages
}

// page prints how two runs differ on a page.
func (c *diffCmd) page(s *session, client *api.Client, out io.Writer, v versus, relations []string) error {
	if !c.JSON {
		fmt.Fprintf(out, "page %d  %s  run %d (%s) -> run %d (%s)\n", v.page, v.task, v.from, describePage(v.old), v.to, describePage(v.new))
	}
	for _, relation := range relations {
		if len(c.Relation) > 0 && !slices.Contains(c.Relation, relation) {
			continue
		}
		var rows [2][]rowdiff.Row
		for i, run := range []int64{v.from, v.to} {
			err := client.RunResults(s, run, api.ResultQuery{Relation: relation, Page: v.page}, func(r api.Record) error {
				rows[i] = append(rows[i], rowdiff.Row{Seq: r.Seq, Box: r.Box, Values: r.Values})
				return nil
			})
			if err != nil {
				return err
			}
		}
		columns := c.Column
		if len(columns) == 0 {
			columns = rowdiff.Columns(rows[0], rows[1])
		}
		changes, same := rowdiff.Compare(rows[0], rows[1], columns)
		if err := c.print(out, v, relation, columns, changes, same); err != nil {
			return err
		}
	}
	return nil
}

func describePage(p api.RunPage) string {
	s := p.State
	if p.Model != "" {
		s += " by " + p.Model
	}
	if p.Corrections > 0 {
		s += fmt.Sprintf(", %d corrections", p.Corrections)
	}
	if p.Failure != nil {
		s += ": " + p.Failure.Message
	}
	return s
}

func (c *diffCmd) print(out io.Writer, v versus, relation string, columns []string, changes []rowdiff.Change, same int) error {
	counts := map[string]int{"same": same}
	for _, ch := range changes {
		counts[string(ch.Kind)]++
	}
	line := differenceLine{Document: v.documentID, Task: v.task, Page: v.page, Runs: [2]int64{v.from, v.to}, Relation: relation}
	if c.JSON {
		whole := line
		whole.Kind, whole.Counts, whole.States = "page", counts, [2]string{v.old.State, v.new.State}
		if err := json.NewEncoder(out).Encode(whole); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(out, "  %s: %d the same, %d changed, %d added, %d removed, %d moved\n", relation, same,
			counts["changed"], counts["added"], counts["removed"], counts["moved"])
	}
	if c.Summary {
		return nil
	}
	for _, ch := range changes {
		if c.JSON {
			line.Kind, line.Old, line.New = string(ch.Kind), rowOf(ch.Old), rowOf(ch.New)
			if err := json.NewEncoder(out).Encode(line); err != nil {
				return err
			}
			continue
		}
		printChange(out, columns, ch)
	}
	return nil
}

// printChange prints one change as a line of a table: kind, box of the row that is there now, or else of the one that
// was, and what it says.
func printChange(out io.Writer, columns []string, ch rowdiff.Change) {
	at, text := ch.New, ""
	switch {
	case ch.New == nil:
		at, text = ch.Old, said(*ch.Old, columns)
	case ch.Kind == rowdiff.Changed:
		text = said(*ch.Old, columns) + " -> " + said(*ch.New, columns)
	default:
		text = said(*ch.New, columns)
	}
	fmt.Fprintf(out, "    %-8s %7.1f %7.1f %7.1f %7.1f  %s\n", ch.Kind, at.Box[0], at.Box[1], at.Box[2], at.Box[3], text)
	if ch.Kind == rowdiff.Moved {
		fmt.Fprintf(out, "    %-8s %7.1f %7.1f %7.1f %7.1f\n", "  from", ch.Old.Box[0], ch.Old.Box[1], ch.Old.Box[2], ch.Old.Box[3])
	}
}

// maxSaid bounds a value in a line for people.
const maxSaid = 120

// said is what the columns of a row say, on one line.
func said(r rowdiff.Row, columns []string) string {
	var parts []string
	for _, c := range columns {
		v, ok := r.Values[c]
		if !ok {
			continue
		}
		text, isText := v.(string)
		if !isText {
			b, _ := json.Marshal(v) // it came as JSON
			text = string(b)
		}
		if short := []rune(text); len(short) > maxSaid {
			text = string(short[:maxSaid]) + "…"
		}
		if len(columns) > 1 {
			text = c + "=" + text
		}
		parts = append(parts, strconv.QuoteToGraphic(text))
	}
	return strings.Join(parts, " ")
}

func rowOf(r *rowdiff.Row) *differentRow {
	if r == nil {
		return nil
	}
	return &differentRow{Seq: r.Seq, Box: r.Box, Values: r.Values}
}
