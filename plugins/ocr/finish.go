package main

import (
	"bytes"
	"context"
	"fmt"

	"palimpsest.dev/plugins/ocr/alto"
	"palimpsest.dev/plugins/ocr/markdown"
	"palimpsest.dev/plugins/ocr/tabular"
	"palimpsest.dev/plugins/ocr/transcript"
	"palimpsest.dev/task"
)

const software = "palimpsest-task-ocr"

var _ task.Finisher = ocr{}

// Finish implements task.Finisher: ALTO of every page, and text, Markdown,
// JSON and a table of words of the document, all from the stored records.
func (ocr) Finish(ctx context.Context, doc task.Document) (task.Reading, error) {
	var r task.Reading
	var text bytes.Buffer
	pages := make([]transcript.Page, 0, len(doc.Pages))
	copies := map[int]int{}
	for _, p := range doc.Pages {
		if err := ctx.Err(); err != nil {
			return task.Reading{}, err
		}
		page := transcript.Of(p)
		pages = append(pages, page)
		if page.State != "done" && page.State != "blank" {
			continue // an empty ALTO would say that the page is blank
		}
		name := fmt.Sprintf("page-%04d.alto.xml", page.Number)
		if copies[page.Number]++; copies[page.Number] > 1 {
			name = fmt.Sprintf("page-%04d-%d.alto.xml", page.Number, copies[page.Number])
		}
		r.Artifacts = append(r.Artifacts, task.Artifact{Name: name, MediaType: alto.MediaType,
			Content: alto.Write(page, alto.Source{Document: doc.ID, Software: software, Version: version})})
	}
	compounds := transcript.CompoundsOf(pages)
	for i, page := range pages {
		if i > 0 || !doc.First() {
			text.WriteByte('\f')
		}
		text.WriteString(page.Text(compounds))
	}
	if text.Len() == 0 && doc.First() && doc.Last() {
		text.WriteByte('\n') // a file of no bytes looks like one that was lost
	}
	tree, err := tabular.JSON(tabular.Named{ID: doc.ID, Name: doc.Name}, tabular.Named{Name: software, Version: version},
		pages, doc.First(), doc.Last())
	if err != nil {
		return task.Reading{}, err
	}
	r.Artifacts = append(r.Artifacts,
		task.Artifact{Name: "document.txt", MediaType: "text/plain; charset=utf-8", Content: text.Bytes()},
		task.Artifact{Name: "document.md", MediaType: markdown.MediaType, Content: markdown.Write(pages, doc.First())},
		task.Artifact{Name: "document.json", MediaType: tabular.JSONMediaType, Content: tree},
		task.Artifact{Name: "words.csv", MediaType: tabular.CSVMediaType, Content: tabular.CSV(pages, doc.First())})
	return r, nil
}
