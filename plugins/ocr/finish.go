package main

import (
	"bytes"
	"context"
	"fmt"

	"palimpsest.dev/plugins/ocr/alto"
	"palimpsest.dev/plugins/ocr/hocr"
	"palimpsest.dev/plugins/ocr/markdown"
	"palimpsest.dev/plugins/ocr/tabular"
	"palimpsest.dev/plugins/ocr/transcript"
	"palimpsest.dev/task"
)

const software = "palimpsest-task-ocr"

var _ task.Finisher = ocr{}

// wholeParts bounds the documents that are written as one file of hOCR and one
// of ALTO: such files are held until the last part has come, and whoever reads
// them must hold them too. The files of pages are there in any case.
const wholeParts = 1024 / task.MaxFinishPages

// Finish implements task.Finisher: text, Markdown, JSON, a table of words, hOCR
// and ALTO of the document, and of every page but those that were written when
// it was read, all from the stored records.
func (ocr) Finish(ctx context.Context, doc task.Document) (task.Reading, error) {
	var r task.Reading
	pages := make([]transcript.Page, 0, len(doc.Pages))
	copies := map[int]int{}
	for _, p := range doc.Pages {
		if err := ctx.Err(); err != nil {
			return task.Reading{}, err
		}
		page := transcript.Of(p)
		pages = append(pages, page)
		copies[page.Number]++
		if page.State != "done" && page.State != "blank" {
			continue // an empty file would say that the page is blank
		}
		stem := fmt.Sprintf("page-%04d", page.Number)
		if n := copies[page.Number]; n > 1 {
			stem = fmt.Sprintf("page-%04d-%d", page.Number, n)
		}
		files, err := pageFiles(doc, page, stem)
		if err != nil {
			return task.Reading{}, err
		}
		r.Artifacts = append(r.Artifacts, files...)
	}
	files, err := documentFiles(doc, pages)
	if err != nil {
		return task.Reading{}, err
	}
	r.Artifacts = append(r.Artifacts, files...)
	if doc.Parts <= wholeParts && len(doc.Pages) > 0 {
		r.Artifacts = append(r.Artifacts, wholeFiles(doc, pages)...)
	}
	return r, nil
}

// pageFiles writes a page in the formats that its reading did not.
func pageFiles(doc task.Document, page transcript.Page, stem string) ([]task.Artifact, error) {
	one := []transcript.Page{page}
	tree, err := tabular.JSON(tabular.Named{ID: doc.ID, Name: doc.Name}, tabular.Named{Name: software, Version: version}, one, true, true)
	if err != nil {
		return nil, err
	}
	return []task.Artifact{
		{Name: stem + ".alto.xml", MediaType: alto.MediaType, Content: alto.Write(page, source(doc))},
		{Name: stem + ".md", MediaType: markdown.MediaType, Content: markdown.Write(one, true)},
		{Name: stem + ".json", MediaType: tabular.JSONMediaType, Content: tree},
		{Name: stem + ".csv", MediaType: tabular.CSVMediaType, Content: tabular.CSV(one, true)},
	}, nil
}

// documentFiles writes a part of the files that programs read line by line, or
// people.
func documentFiles(doc task.Document, pages []transcript.Page) ([]task.Artifact, error) {
	var text bytes.Buffer
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
		return nil, err
	}
	return []task.Artifact{
		{Name: "document.txt", MediaType: "text/plain; charset=utf-8", Content: text.Bytes()},
		{Name: "document.md", MediaType: markdown.MediaType, Content: markdown.Write(pages, doc.First())},
		{Name: "document.json", MediaType: tabular.JSONMediaType, Content: tree},
		{Name: "words.csv", MediaType: tabular.CSVMediaType, Content: tabular.CSV(pages, doc.First())},
	}, nil
}

// wholeFiles writes a part of the files of XML. In hOCR, which has no word for
// a page that could not be read, such pages are left out.
func wholeFiles(doc task.Document, pages []transcript.Page) []task.Artifact {
	var read []hocr.Page
	for _, p := range pages {
		if p.State == "done" || p.State == "blank" {
			read = append(read, hocr.Of(p))
		}
	}
	return []task.Artifact{
		{Name: "document.hocr", MediaType: hocr.MediaType, Content: hocr.Document(software+" "+version, doc.Name, read, doc.First(), doc.Last())},
		{Name: "document.alto.xml", MediaType: alto.MediaType, Content: alto.Document(doc.Name, pages, source(doc), doc.First(), doc.Last())},
	}
}

func source(doc task.Document) alto.Source {
	return alto.Source{Document: doc.ID, Software: software, Version: version}
}
