package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"palimpsest.dev/task"
)

// readCase reads the page of a case of TestGolden and returns it with its
// records as the store gives them back: without a confidence where there is
// none.
func readCase(t *testing.T, file string) task.DocumentPage {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	page := task.Page{Document: "case.pdf", Number: 1, Raster: "case.pdf#page=1"}
	var answers []task.Answer
	for _, f := range archive.Files {
		if f.Name == "page" {
			parsePage(t, &page, string(f.Data))
		}
		if view, ok := strings.CutPrefix(f.Name, "answer "); ok {
			answers = append(answers, parseAnswer(t, view, string(f.Data)))
		}
	}
	r, err := ocr{}.Read(t.Context(), page, answers)
	if err != nil || len(r.Records) == 0 {
		t.Fatalf("%d records, %v", len(r.Records), err)
	}
	for i, rec := range r.Records {
		if rec.Source == task.SourceTextLayer {
			r.Records[i].Confidence = math.NaN()
		}
	}
	return task.DocumentPage{Page: page, State: "done", Records: r.Records}
}

func document(t *testing.T) task.Document {
	t.Helper()
	columns, layer := readCase(t, "testdata/columns.txtar"), readCase(t, "testdata/layer_use.txtar")
	layer.Page.Number = 2
	return task.Document{ID: "42", Name: "case.pdf", Pages: []task.DocumentPage{columns, layer,
		{Page: task.Page{Number: 3, Width: 700, Height: 500}, State: "blank"}, {Page: task.Page{Number: 4}, State: "failed"}}}
}

// TestFinishGolden compares the files of a document of four pages with
// testdata/finish/document.txtar, whose carriage returns are left out.
func TestFinishGolden(t *testing.T) {
	t.Parallel()
	r, err := ocr{}.Finish(t.Context(), document(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := (ocr{}).Info().CheckDocumentReading(r); err != nil {
		t.Error(err)
	}
	var got txtar.Archive
	for _, a := range r.Artifacts {
		content := strings.NewReplacer("\r\n", "\n", "\f", "<form feed>").Replace(string(a.Content))
		got.Files = append(got.Files, txtar.File{Name: a.Name + " " + a.MediaType, Data: []byte(content)})
	}
	const file = "testdata/finish/document.txtar"
	if *update {
		if err := os.WriteFile(file, txtar.Format(&got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(txtar.Format(&got))); d != "" {
		t.Error(d)
	}
}

func TestFinishInParts(t *testing.T) {
	t.Parallel()
	doc := document(t)
	files := func(d task.Document) map[string][]byte {
		r, err := ocr{}.Finish(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string][]byte{}
		for _, a := range r.Artifacts {
			out[a.Name] = a.Content
		}
		return out
	}
	whole := files(doc)
	joined := map[string][]byte{}
	for i, p := range doc.Pages {
		for name, content := range files(task.Document{ID: doc.ID, Name: doc.Name, Pages: []task.DocumentPage{p}, Part: i + 1, Parts: len(doc.Pages)}) {
			joined[name] = append(joined[name], content...)
		}
	}
	if len(joined) != len(whole) {
		t.Errorf("%d files in parts, %d of the whole", len(joined), len(whole))
	}
	for name, content := range whole {
		if name == "document.md" {
			continue // measures the running text by the pages it sees
		}
		if !bytes.Equal(joined[name], content) {
			t.Errorf("%s in parts:\n%s", name, cmp.Diff(string(content), string(joined[name])))
		}
	}
}

func TestFinishLeavesNoFileEmpty(t *testing.T) {
	t.Parallel()
	for _, pages := range [][]task.DocumentPage{nil, {{Page: task.Page{Number: 1, Width: 10, Height: 10}, State: "blank"}},
		{{Page: task.Page{Number: 1, Width: 10, Height: 10}, State: "unreadable"}}} {
		r, err := ocr{}.Finish(t.Context(), task.Document{ID: "42", Name: "blank.png", Pages: pages})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range r.Artifacts {
			if len(a.Content) == 0 && (a.Name != "document.md" || len(pages) > 0) {
				t.Errorf("%s of %d pages is empty", a.Name, len(pages))
			}
		}
	}
}

// TestFinishOfManyPages fits one call's bounds at the largest part there is.
func TestFinishOfManyPages(t *testing.T) {
	t.Parallel()
	page := readCase(t, "testdata/columns.txtar")
	doc := task.Document{ID: "42", Name: "long.pdf", Part: 2, Parts: 3}
	for i := range task.MaxFinishPages {
		page.Page.Number = 33 + i
		doc.Pages = append(doc.Pages, page)
	}
	r, err := ocr{}.Finish(t.Context(), doc)
	if err == nil {
		err = (ocr{}).Info().CheckDocumentReading(r)
	}
	if err != nil || r.Artifacts[0].Name != fmt.Sprintf("page-%04d.alto.xml", 33) {
		t.Error(err)
	}
}
