package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"slices"
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
	page, _ := readFiles(t, file)
	return page
}

// readFiles is readCase, with the files that were written when the page was read.
func readFiles(t *testing.T, file string) (task.DocumentPage, []task.Artifact) {
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
	return task.DocumentPage{Page: page, State: "done", Records: r.Records}, r.Artifacts
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

// TestEveryFormatIsThereOfPagesAndDocument also holds what is written from the
// stored records against what was written when the page was read.
func TestEveryFormatIsThereOfPagesAndDocument(t *testing.T) {
	t.Parallel()
	page, atOnce := readFiles(t, "testdata/columns.txtar")
	r, err := ocr{}.Finish(t.Context(), task.Document{ID: "42", Name: "case.pdf", Pages: []task.DocumentPage{page}})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, a := range append(atOnce, r.Artifacts...) {
		files[a.Name] = string(a.Content)
	}
	// The searchable PDFs are the host's, which has the pixels.
	for _, pair := range [][2]string{{"page.hocr", "document.hocr"}, {"page-0001.alto.xml", "document.alto.xml"}, {"page.txt", "document.txt"},
		{"page-0001.md", "document.md"}, {"page-0001.json", "document.json"}, {"page-0001.csv", "words.csv"}} {
		ofPage, ofDocument := files[pair[0]], files[pair[1]]
		if ofPage == "" || ofDocument == "" {
			t.Errorf("%s has %d bytes, %s %d", pair[0], len(ofPage), pair[1], len(ofDocument))
		}
		delete(files, pair[0])
		delete(files, pair[1])
		switch pair[0] {
		case "page.hocr":
			const body = "<div class='ocr_page'"
			if _, a, _ := strings.Cut(ofPage, body); a == "" || !strings.HasSuffix(ofDocument, body+a) {
				t.Errorf("hOCR of the document:\n%s", cmp.Diff(ofPage, ofDocument))
			}
		case "page-0001.alto.xml":
			for _, w := range []string{"<TextLine ", "<String ", "</TextBlock>"} {
				if strings.Count(ofPage, w) == 0 || strings.Count(ofPage, w) != strings.Count(ofDocument, w) {
					t.Errorf("ALTO: %s stands %d times in the page, %d times in the document", w, strings.Count(ofPage, w), strings.Count(ofDocument, w))
				}
			}
		default:
			if ofPage != ofDocument {
				t.Errorf("%s:\n%s", pair[1], cmp.Diff(ofPage, ofDocument))
			}
		}
	}
	for name := range files {
		t.Errorf("%s is of a page or document alone", name)
	}
}

// TestLongDocumentsHaveNoFileThatMustBeHeld ends the files of a whole document
// that a reader must hold whole at some length.
func TestLongDocumentsHaveNoFileThatMustBeHeld(t *testing.T) {
	t.Parallel()
	for parts, want := range map[int]bool{wholeParts: true, wholeParts + 1: false} {
		doc := document(t)
		doc.Part, doc.Parts = 1, parts
		r, err := ocr{}.Finish(t.Context(), doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"document.hocr", "document.alto.xml"} {
			if got := slices.ContainsFunc(r.Artifacts, func(a task.Artifact) bool { return a.Name == name }); got != want {
				t.Errorf("%s of %d parts is written: %v, want %v", name, parts, got, want)
			}
		}
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
