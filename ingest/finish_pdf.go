package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"palimpsest.dev/ingest/pdfa"
	"palimpsest.dev/store"
	"palimpsest.dev/store/blob"
	"palimpsest.dev/task"
)

// Streams also takes content that may be longer than memory. *blob.Store is one.
type Streams interface {
	Objects
	Put(ctx context.Context, r io.Reader, o blob.PutOptions) (blob.Object, error)
}

// The relation whose rows stand under the ink of a searchable PDF, and its
// columns: any task that declares them gets one.
const (
	wordRelation = "word"
	wordText     = "text"
	wordLine     = "line"
)

const (
	documentPDF = "document.pdf"
	// maxPagePNG is more than the largest raster, in colour and not packed.
	maxPagePNG = 4 * 40 << 20
	// unknownSide is the longer side, in points, of a page whose resolution
	// nobody knows: that of A4.
	unknownSide = 842
	// finishPageTime is added to the limit on finishing for every page.
	finishPageTime = 10 * time.Second
)

// readsWords says whether a task reads words and the lines they stand in.
func readsWords(info task.Info) bool {
	has := func(r task.Relation, column string, kind task.ColumnType) bool {
		return slices.ContainsFunc(r.Columns, func(c task.Column) bool { return c.Name == column && c.Type == kind })
	}
	return slices.ContainsFunc(info.Relations, func(r task.Relation) bool {
		return r.Name == wordRelation && has(r, wordText, task.Text) && has(r, wordLine, task.Integer)
	})
}

// paper writes the searchable PDFs of a document: one of all pages, which goes
// to the object store while it is written, and one of each page.
type paper struct {
	objects  Streams
	doc      store.Document
	whole    *pdfa.Writer // nil once it has become too large
	pipe     *io.PipeWriter
	stored   chan error
	object   blob.Object // of the whole, when stored has spoken
	made     []store.Object
	language languages
}

// newPaper begins the PDF of a document.
func newPaper(ctx context.Context, objects Streams, doc store.Document) *paper {
	r, w := io.Pipe()
	p := &paper{objects: objects, doc: doc, pipe: w, stored: make(chan error, 1)}
	go func() {
		var err error
		p.object, err = objects.Put(ctx, r, blob.PutOptions{MediaType: pdfa.MediaType})
		r.CloseWithError(err) // nobody writes to a reader that has gone
		p.stored <- err
	}()
	p.whole = pdfa.NewWriter(w, paperInfo(doc, doc.Name)) // writes: somebody must read by now
	return p
}

func paperInfo(doc store.Document, title string) pdfa.Info {
	info := pdfa.Info{Title: title, Producer: "Palimpsest"}
	if doc.Hash != "" {
		info.Source = "sha256:" + doc.Hash
	}
	return info
}

// add writes some pages and what was read on them, in order.
func (p *paper) add(ctx context.Context, pages []store.PageStatus, read []task.DocumentPage) error {
	for i, page := range pages {
		out, err := p.page(ctx, page.Page, read[i])
		if err != nil {
			return err
		}
		var single bytes.Buffer
		name := fmt.Sprintf("page-%04d.pdf", page.Number)
		alone := pdfa.NewWriter(&single, paperInfo(p.doc, fmt.Sprintf("%s, page %d", p.doc.Name, page.Number)))
		var counted languages
		counted.add(out.Lines)
		p.language.add(out.Lines)
		to := []*pdfa.Writer{alone}
		if p.whole != nil {
			to = append(to, p.whole)
		}
		err = pdfa.Add(out, to...)
		if errors.Is(err, pdfa.ErrTooLarge) {
			// The files of the pages say all that the whole would have said.
			p.abandon(err)
			p.whole, err = nil, nil
		}
		if err != nil {
			return fmt.Errorf("searchable PDF of document %s, page %d: %w", p.doc.ID, page.Number, err)
		}
		if err := alone.Close(counted.likely()); err != nil {
			return fmt.Errorf("searchable PDF of page %d of document %s: %w", page.Number, p.doc.ID, err)
		}
		o, err := p.objects.PutBytes(ctx, single.Bytes(), pdfa.MediaType)
		if err != nil {
			return fmt.Errorf("artifact %s: %w", name, err)
		}
		p.made = append(p.made, store.Object{Name: name, MediaType: pdfa.MediaType, Hash: o.Hash, Bytes: o.Bytes})
	}
	return nil
}

// page gives a stored page in the form the PDF takes it.
func (p *paper) page(ctx context.Context, page store.Page, read task.DocumentPage) (pdfa.Page, error) {
	var out pdfa.Page
	out.Width, out.Height = pointsOf(page)
	out.Lines = linesOf(read.Records)
	if page.RasterHash == "" {
		out.Missing = fmt.Sprintf("page %d could not be drawn", page.Number)
		if page.Failure != nil {
			out.Missing += ": " + page.Failure.Message
		}
		return out, nil
	}
	body, err := p.objects.Get(ctx, page.RasterHash)
	if err != nil {
		return out, fmt.Errorf("page image: %w", err)
	}
	defer body.Close()
	if out.PNG, err = io.ReadAll(io.LimitReader(body, maxPagePNG)); err != nil {
		return out, fmt.Errorf("page image %s: %w", page.RasterHash, err)
	}
	return out, nil
}

// finish ends the PDF of all pages and returns every file made.
func (p *paper) finish() ([]store.Object, error) {
	if p.whole == nil {
		return p.made, nil
	}
	err := p.whole.Close(p.language.likely())
	if errors.Is(err, pdfa.ErrTooLarge) {
		p.abandon(err)
		return p.made, nil
	}
	p.pipe.CloseWithError(err) // nil: the end
	if err := errors.Join(err, <-p.stored); err != nil {
		return nil, fmt.Errorf("searchable PDF of document %s: %w", p.doc.ID, err)
	}
	whole := store.Object{Name: documentPDF, MediaType: pdfa.MediaType, Hash: p.object.Hash, Bytes: p.object.Bytes}
	return append(p.made, whole), nil
}

// abandon stops the PDF of all pages; nothing of it is stored. It may be called
// at any time, also after finish.
func (p *paper) abandon(why error) { p.pipe.CloseWithError(why) }

// pointsOf is a page's size in points: that of the source where it has one, or
// else by the raster's resolution.
func pointsOf(p store.Page) (width, height float64) {
	w, h := float64(p.Width), float64(p.Height)
	switch m := p.ToSource; {
	case p.SourceUnit == "pt":
		return w * math.Hypot(m[0], m[3]), h * math.Hypot(m[1], m[4])
	case p.DPI > 0:
		return w * 72 / p.DPI, h * 72 / p.DPI
	}
	scale := unknownSide / max(w, h, 1)
	return w * scale, h * scale
}

// linesOf gathers the words of a page, which come in reading order.
func linesOf(records []task.Record) []pdfa.Line {
	var lines []pdfa.Line
	var last any
	for _, r := range records {
		text, _ := r.Values[wordText].(string)
		if r.Relation != wordRelation || text == "" {
			continue
		}
		if len(lines) == 0 || r.Values[wordLine] != last {
			lines, last = append(lines, nil), r.Values[wordLine]
		}
		w := pdfa.Word{Text: text, Box: boxOf(r.Box)}
		for _, c := range r.Polygon {
			w.Polygon = append(w.Polygon, [2]float64{c.X, c.Y})
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], w)
	}
	return lines
}
