package main

import (
	"context"
	"fmt"
	"strings"

	"palimpsest.dev/task"
)

// listName is the file that Finish makes.
const listName = "page_numbers.csv"

// near is how many pages away a number still speaks for another.
const near = 2

// seen is a number and the page of the file that it stands on.
type seen struct {
	page  int
	value int64
	style string
}

// fits says whether numbers on pages near this one count as it does: of the same
// style, and as far apart as their pages. A number without any other of its style
// near it is alone, and one that all near it contradict is odd.
func (s seen) fits(all []seen) string {
	verdict := "alone"
	for _, o := range all {
		apart := o.page - s.page
		if apart == 0 || apart < -near || apart > near || o.style != s.style {
			continue
		}
		if o.value-s.value == int64(apart) {
			return "fits"
		}
		verdict = "odd"
	}
	return verdict
}

// Finish implements task.Finisher: a list of all pages with their numbers, and
// a note for each that does not fit those near it. Of a document that comes in
// parts, each is judged by itself.
func (pagenumber) Finish(ctx context.Context, doc task.Document) (task.Reading, error) {
	var all []seen
	for _, p := range doc.Pages {
		for _, r := range p.Records {
			value, ok := r.Values["value"].(int64)
			style, named := r.Values["style"].(string)
			if ok && named {
				all = append(all, seen{p.Page.Number, value, style})
			}
		}
	}
	var list strings.Builder
	if doc.First() { // later parts go on with the same file
		list.WriteString("page,number,style,verdict\n")
	}
	var out task.Reading
	rest := all
	odd := 0
	for _, p := range doc.Pages {
		if err := ctx.Err(); err != nil {
			return task.Reading{}, err
		}
		if len(rest) == 0 || rest[0].page != p.Page.Number {
			fmt.Fprintf(&list, "%d,,,\n", p.Page.Number)
		}
		for ; len(rest) > 0 && rest[0].page == p.Page.Number; rest = rest[1:] {
			s := rest[0]
			verdict := s.fits(all)
			fmt.Fprintf(&list, "%d,%d,%s,%s\n", s.page, s.value, s.style, verdict)
			if verdict == "odd" {
				if odd++; odd <= maxNotes {
					out.Notes = append(out.Notes, fmt.Sprintf("page %d: the number %d does not fit those near it", s.page, s.value))
				}
			}
		}
	}
	if odd > maxNotes {
		out.Notes = append(out.Notes, fmt.Sprintf("%d numbers more do not fit", odd-maxNotes))
	}
	out.Artifacts = []task.Artifact{{Name: listName, MediaType: "text/csv", Content: []byte(list.String())}}
	return out, nil
}

// maxNotes bounds the notes of a document.
const maxNotes = 50
