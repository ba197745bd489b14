package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"palimpsest.dev/ingest/pdfa"
	"palimpsest.dev/render"
	"palimpsest.dev/store"
	"palimpsest.dev/store/blob"
	"palimpsest.dev/task"
)

// lineWords is what a task declares whose words make a searchable PDF.
var lineWords = []task.Relation{{Name: "word", Columns: []task.Column{{Name: "text", Type: task.Text}, {Name: "line", Type: task.Integer}}}}

// drawn are two pages with words and one that could not be drawn.
type drawn struct {
	finishes
	raster string
}

func (d *drawn) Pages(context.Context, store.DocumentID) ([]store.PageStatus, error) {
	page := func(n int, state store.PageState) store.PageStatus {
		return store.PageStatus{Page: store.Page{Number: n, Width: 200, Height: 100, DPI: 144, RasterHash: d.raster},
			Runs: []store.PageRunStatus{{Run: 1, Task: "ocr", State: state}}}
	}
	pages := []store.PageStatus{page(1, store.PageDone), page(2, store.PageDone), page(3, store.PageFailed)}
	pages[2].RasterHash, pages[2].Failure = "", &store.Failure{Message: "it is torn"}
	return pages, nil
}

func (d *drawn) Results(_ context.Context, _ store.DocumentID, _, relation string, page int, after store.Cursor, _ int) ([]store.ResultRow, error) {
	if page > 2 || after != (store.Cursor{}) {
		return nil, nil
	}
	row := func(seq, line int, text string, box [4]float64) store.ResultRow {
		return store.ResultRow{Page: page, Row: store.Row{Relation: relation, Seq: seq, Box: box, Values: map[string]any{"text": text, "line": int64(line)}}}
	}
	return []store.ResultRow{row(0, 0, "first", [4]float64{10, 10, 60, 30}), row(1, 0, fmt.Sprint("page", page), [4]float64{70, 10, 120, 30}),
		row(2, 1, "slope", [4]float64{10, 40, 60, 80})}, nil
}

func drawing(t *testing.T) (*drawn, *memory) {
	t.Helper()
	var b bytes.Buffer
	m := image.NewRGBA(image.Rect(0, 0, 200, 100))
	for i := range m.Pix {
		m.Pix[i] = 255
	}
	if err := render.EncodePNG(&b, m); err != nil {
		t.Fatal(err)
	}
	objects := newMemory()
	return &drawn{raster: objects.add(b.Bytes())}, objects
}

func TestFinishWritesSearchablePDFs(t *testing.T) {
	t.Parallel()
	d, objects := drawing(t)
	info := wordInfo
	info.Relations = lineWords
	w := &FinishWorker{Finishes: d, Objects: objects, Publisher: d, Tasks: tasks{"ocr": &scriptTask{info: info}}, Log: quiet}
	if err := w.Work(t.Context(), job(store.FinishArgs{}, 1)); err != nil || d.failure != nil {
		t.Fatal(err, d.failure)
	}
	var names []string
	hashes := map[string]string{}
	for _, o := range d.objects {
		names = append(names, o.Name)
		hashes[o.Name] = o.Hash
		if o.Task != "ocr" || o.MediaType != pdfa.MediaType || o.Bytes == 0 {
			t.Errorf("%+v", o)
		}
	}
	if got, want := strings.Join(names, " "), "page-0001.pdf page-0002.pdf page-0003.pdf document.pdf"; got != want {
		t.Fatalf("made %s, want %s", got, want)
	}
	for name, want := range map[string][]string{
		"document.pdf":  {"first page1 slope", "first page2 slope", "page 3 could not be drawn: it is torn"},
		"page-0002.pdf": {"first page2 slope"},
	} {
		body, err := objects.Get(t.Context(), hashes[name])
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		doc, err := render.Open(t.Context(), file, render.Options{InProcess: true, DPI: 144, CacheDir: renderCache()})
		if err != nil {
			t.Fatal(err)
		}
		defer doc.Close()
		if doc.NumPages() != len(want) {
			t.Errorf("%s has %d pages, want %d", name, doc.NumPages(), len(want))
		}
		for i, text := range want {
			p, err := doc.Page(t.Context(), i+1)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range p.Text {
				got = append(got, w.Text)
			}
			if strings.Join(got, " ") != text || p.Image.Rect.Dx() != 200 || p.Image.Rect.Dy() != 100 {
				t.Errorf("%s, page %d, %v: %q, want %q", name, i+1, p.Image.Rect, got, text)
			}
			if i < 2 && math.Abs(p.Text[0].Box[0]-10) > 1 {
				t.Errorf("%s: the first word stands at %v", name, p.Text[0].Box)
			}
		}
	}
}

// away is an object store that takes no streams.
type away struct{ *memory }

func (away) Put(_ context.Context, r io.Reader, _ blob.PutOptions) (blob.Object, error) {
	_, _ = io.CopyN(io.Discard, r, 100)
	return blob.Object{}, errors.New("away")
}

func TestFinishTriesAgainWhenThePDFCannotBeStored(t *testing.T) {
	t.Parallel()
	d, objects := drawing(t)
	info := wordInfo
	info.Relations = lineWords
	w := &FinishWorker{Finishes: d, Objects: away{objects}, Publisher: d, Tasks: tasks{"ocr": &scriptTask{info: info}}, Log: quiet}
	if err := w.Work(t.Context(), job(store.FinishArgs{}, 1)); err == nil || !strings.Contains(err.Error(), "away") || d.committed {
		t.Errorf("an outage must be tried again: %v, committed %v", err, d.committed)
	}
	// A task's own file may not stand in the place of the host's.
	own := &finisher{scriptTask: scriptTask{info: info}, finish: func(task.Document) (task.Reading, error) {
		return task.Reading{Artifacts: []task.Artifact{{Name: documentPDF, MediaType: "text/plain", Content: []byte("x")}}}, nil
	}}
	w = &FinishWorker{Finishes: d, Objects: objects, Publisher: d, Tasks: tasks{"ocr": own}, Log: quiet}
	if err := w.Work(t.Context(), job(store.FinishArgs{}, store.MaxAttempts)); err != nil || d.failure == nil || !strings.Contains(d.failure.Message, documentPDF) {
		t.Errorf("%v, %+v", err, d.failure)
	}
}

func TestPointsOfAPage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		page store.Page
		w, h float64
	}{
		{store.Page{Width: 300, Height: 600, DPI: 300}, 72, 144},
		{store.Page{Width: 300, Height: 600, DPI: 300, SourceUnit: "pt", ToSource: [6]float64{0.5, 0, 0, 0, -0.5, 300}}, 150, 300},
		{store.Page{Width: 300, Height: 600, SourceUnit: "pt", ToSource: [6]float64{0, 0.5, 0, 0.25, 0, 0}}, 75, 300}, // turned
		{store.Page{Width: 1000, Height: 2000}, 421, 842},
		{store.Page{}, 0, 0},
	} {
		if w, h := pointsOf(c.page); math.Abs(w-c.w) > 1e-9 || math.Abs(h-c.h) > 1e-9 {
			t.Errorf("%+v: %v x %v, want %v x %v", c.page, w, h, c.w, c.h)
		}
	}
}

func TestLanguageIsToldOnlyWhenItIsClear(t *testing.T) {
	t.Parallel()
	for want, text := range map[string]string{
		"en": "It was the best of times, and the worst; for this is the age that was full of wisdom and of folly, with light to the end of it.",
		"de": "Der Hund und die Katze sind nicht im Haus, das mit dem Garten ein Ort der Ruhe ist und auf dem Hügel von Weimar steht.",
		"fr": "Les enfants et le chat sont dans le jardin pour une heure; la pluie qui tombe est froide, et des feuilles que le vent emporte.",
		"el": "Η γλώσσα είναι ελληνική",
		"ja": "これは日本語の文章です。漢字とかなを使います。",
		"":   "Lorem 12 345 XYZ",
	} {
		var l languages
		var line pdfa.Line
		for _, w := range strings.Fields(text) {
			line = append(line, pdfa.Word{Text: w})
		}
		l.add([]pdfa.Line{line})
		if got := l.likely(); got != want {
			t.Errorf("%q is taken for %q, want %q", text, got, want)
		}
	}
}
