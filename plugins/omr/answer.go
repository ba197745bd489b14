package main

import (
	"regexp"
	"strconv"
	"strings"

	"palimpsest.dev/task"
	"palimpsest.dev/task/loc"
)

// maxSystems bounds the systems of one answer; a page has a dozen.
const maxSystems = 256

// separator stands for a tab in answers of models whose alphabet has none.
const separator = "»"

// system is one system as the model wrote it.
type system struct {
	raw        string // the answer's part
	kern       string
	extra      int // lines of kern that are not in raw: the ** line
	box        task.Box
	confidence float64
	sure       func(line, column int) float64 // how certain the model was of a token, by its place in kern
	where      func(line int) task.Box        // of the bar that a line of kern stands in; nil: the box of the system
}

// at is where a line of kern stands on the page.
func (s system) at(line int) task.Box {
	if s.where == nil {
		return s.box
	}
	return s.where(line)
}

var locations = regexp.MustCompile(`(?:<loc\d{4}>)+`)

// systemsOf takes an answer apart: a run of four locations, then a system, and so
// on. An answer without a single location is one system that fills the view.
func systemsOf(a task.Answer, how state, page task.Page, count *tally) []system {
	if a.Stop == task.StopBlank {
		return nil
	}
	count.add(a)
	view := a.Ask.Region.Intersect(page.Bounds())
	if view.Empty() || !view.Finite() {
		view = page.Bounds()
	}
	certain := loc.NewCertainty(a.Text, a.Tokens)
	var runs [][]int
	if how.Box == task.BoxYXYXBefore {
		runs = locations.FindAllStringIndex(a.Text, maxSystems+1)
	}
	end := len(a.Text)
	if len(runs) > maxSystems {
		end = runs[maxSystems][0]
		count.overflow++
		runs = runs[:maxSystems]
	}
	var out []system
	take := func(from, to int, box task.Box) {
		if s, ok := decode(a.Text, from, to); ok {
			s.box, s.confidence = box, certain.Between(from, to)
			s.sure = certaintyOf(a.Text, from, s, certain)
			out = append(out, s)
		}
	}
	if len(runs) == 0 {
		take(0, end, view)
		return out
	}
	if strings.TrimSpace(a.Text[:runs[0][0]]) != "" {
		count.unplaced++
		take(0, runs[0][0], view)
	}
	for i, run := range runs {
		end := end
		if i+1 < len(runs) {
			end = runs[i+1][0]
		}
		if strings.TrimSpace(a.Text[run[1]:end]) == "" {
			count.empty++
			continue
		}
		box, ok := boxOf(a.Text[run[0]:run[1]], how.Bins, a, page)
		if !ok {
			// The music is worth more than its place.
			count.unplaced++
			box = view
		}
		take(run[1], end, box)
	}
	return out
}

// boxOf reads four locations; it reports false for any other number and for a box
// without an area on the page.
func boxOf(run string, bins int, a task.Answer, page task.Page) (task.Box, bool) {
	const size = len("<loc0000>")
	if len(run) != 4*size {
		return task.Box{}, false
	}
	var n [4]float64
	for i := range n {
		v, err := strconv.Atoi(run[i*size+len("<loc") : (i+1)*size-1])
		if err != nil || v >= bins {
			return task.Box{}, false
		}
		n[i] = float64(v) / float64(bins)
	}
	if n[0] >= n[2] || n[1] >= n[3] {
		return task.Box{}, false
	}
	box := a.ToPage.ApplyBox(task.Box{X0: n[1], Y0: n[0], X1: n[3], Y1: n[2]}).Intersect(page.Bounds())
	return box, box.Finite() && !box.Empty()
}

// spelled are the words that some published models write for white space.
var spelled = regexp.MustCompile(` ?<([bts])> ?`)

var extended = regexp.MustCompile(`^\*\*b?ekern(?:_[\d.]+)?`)

// decode turns the part of an answer between two bytes into **kern: the spellings
// of docs/targets.md for tabs and line feeds become what they stand for, and the
// ** line, which answers leave out, is put in front. It reports false when there is
// nothing.
func decode(text string, from, to int) (system, bool) {
	raw := strings.Trim(text[from:to], "\n ")
	if raw == "" {
		return system{}, false
	}
	kern := raw
	if strings.Contains(kern, "<b>") || strings.Contains(kern, "<t>") {
		kern = spelled.ReplaceAllStringFunc(kern, func(m string) string {
			return map[byte]string{'b': "\n", 't': "\t", 's': " "}[strings.Trim(m, " ")[1]]
		})
	} else if !strings.Contains(kern, "\t") {
		kern = strings.ReplaceAll(kern, separator, "\t")
	}
	s := system{raw: raw}
	first := kern
	for strings.HasPrefix(first, "!!") { // records and comments may stand in front
		_, first, _ = strings.Cut(first, "\n")
	}
	switch {
	case extended.MatchString(first):
		kern = replaceHeader(kern)
	case first != "" && !strings.HasPrefix(first, "**"):
		line, _, _ := strings.Cut(first, "\n")
		head := strings.Repeat("**kern\t", strings.Count(line, "\t")) + "**kern\n"
		kern = kern[:len(kern)-len(first)] + head + first
		s.extra = 1
	}
	s.kern = kern + "\n"
	return s, true
}

// replaceHeader makes **kern of its extended encodings, which cut notes into signs
// by a middle dot.
func replaceHeader(kern string) string {
	at := strings.Index(kern, "**")
	line, rest, _ := strings.Cut(kern[at:], "\n")
	fields := strings.Split(line, "\t")
	for i, f := range fields {
		fields[i] = extended.ReplaceAllString(f, "**kern")
	}
	return kern[:at] + strings.Join(fields, "\t") + "\n" + strings.ReplaceAll(rest, "\u00b7", "")
}

// certaintyOf finds a token of kern in the answer and how sure the model was of it.
func certaintyOf(text string, from int, s system, certain loc.Certainty) func(line, column int) float64 {
	at := from + strings.Index(text[from:], s.raw)
	sep := "\t"
	if !strings.Contains(s.raw, sep) {
		sep = separator
	}
	type row struct{ from, to int }
	var rows []row
	for line := range strings.Lines(s.raw) {
		rows = append(rows, row{at, at + len(strings.TrimRight(line, "\n"))})
		at += len(line)
	}
	all := certain.Between(from, from+len(s.raw))
	return func(line, column int) float64 {
		i := line - 1 - s.extra
		if i < 0 || i >= len(rows) {
			return all
		}
		start := rows[i].from
		for ; column > 0; column-- {
			k := strings.Index(text[start:rows[i].to], sep)
			if k < 0 {
				return all
			}
			start += k + len(sep)
		}
		end := rows[i].to
		if k := strings.Index(text[start:end], sep); k >= 0 {
			end = start + k
		}
		if end <= start {
			return all
		}
		return certain.Between(start, end)
	}
}
