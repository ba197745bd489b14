package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"palimpsest.dev/internal/failpoint"
	"palimpsest.dev/render"
	"palimpsest.dev/store"
)

// Documents is what the IngestWorker needs of the store. *store.Store is one.
type Documents interface {
	BeginIngest(ctx context.Context, id store.DocumentID) (doc store.Document, done int, err error)
	SetSource(ctx context.Context, id store.DocumentID, src store.Source) error
	AddPages(ctx context.Context, id store.DocumentID, pages []store.NewPage) error
	EndIngest(ctx context.Context, job *river.Job[store.IngestArgs]) error
	FailDocument(ctx context.Context, job *river.Job[store.IngestArgs], f store.Failure) error
}

// IngestWorker opens a document and stores its pages in chunks, each chunk in
// one transaction that a restart goes on after.
type IngestWorker struct {
	river.WorkerDefaults[store.IngestArgs]
	Documents Documents
	Objects   Objects
	Open      Opener         // nil: OpenFile
	Render    render.Options // name, password and limits of each document are filled in
	Limits    Limits
	TempDir   string // where a document lies while it is open; empty: the system's
	Log       *slog.Logger
}

// Timeout leaves the time limit to Work, whose deadline says that it is ours.
func (w *IngestWorker) Timeout(*river.Job[store.IngestArgs]) time.Duration { return -1 }

// Work opens the document, stores its pages, and ends the ingest.
func (w *IngestWorker) Work(ctx context.Context, job *river.Job[store.IngestArgs]) error {
	limits := w.Limits.withDefaults()
	timed, cancel := deadline(ctx, "document_time", limits.IngestTime, 0)
	defer cancel()
	own := *w
	own.Objects = timely{w.Objects, limits.ObjectTime}
	err := caused(timed, own.ingest(timed, job))
	return settler{log: w.Log, commit: func(ctx context.Context, f store.Failure) error {
		return w.Documents.FailDocument(ctx, job, f)
	}}.settle(ctx, job.JobRow, err)
}

func (w *IngestWorker) ingest(ctx context.Context, job *river.Job[store.IngestArgs]) error {
	doc, done, err := w.Documents.BeginIngest(ctx, job.Args.DocumentID)
	if err != nil {
		return err
	}
	failpoint.Here(failpoint.IngestBegun)
	file, err := w.fetch(ctx, doc)
	if err != nil {
		return err
	}
	defer os.Remove(file)
	options := w.Render
	options.Name, options.Password = doc.Name, doc.Password
	open := w.Open
	if open == nil {
		open = OpenFile
	}
	src, err := open(ctx, file, options)
	if err != nil {
		return err
	}
	defer src.Close()
	if err := w.Documents.SetSource(ctx, doc.ID, sourceOf(src)); err != nil {
		return err
	}
	failpoint.Here(failpoint.SourceKnown)
	for first := done + 1; first <= src.NumPages(); first += chunkPages {
		last := min(first+chunkPages-1, src.NumPages())
		pages, err := w.chunk(ctx, src, first, last)
		if err != nil {
			return err
		}
		failpoint.Here(failpoint.PagesDrawn)
		if err := w.Documents.AddPages(ctx, doc.ID, pages); err != nil {
			return err
		}
		failpoint.Here(failpoint.PagesAdded)
	}
	if err := w.Documents.EndIngest(ctx, job); err != nil {
		return err
	}
	failpoint.Here(failpoint.IngestEnded)
	return nil
}

// fetch copies the document's bytes to a file of our own, because the renderer
// reads files, and in any order.
func (w *IngestWorker) fetch(ctx context.Context, doc store.Document) (path string, err error) {
	limit := w.Limits.withDefaults().DocumentBytes
	body, err := w.Objects.Get(ctx, doc.Hash)
	if err != nil {
		return "", fmt.Errorf("fetching document %s: %w", doc.ID, err)
	}
	defer body.Close()
	f, err := os.CreateTemp(w.TempDir, "palimpsest-*")
	if err != nil {
		return "", err
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	n, err := io.Copy(f, io.LimitReader(body, limit+1))
	if err != nil {
		return "", fmt.Errorf("fetching document %s: %w", doc.ID, err)
	}
	if n > limit {
		return "", &render.Error{Kind: render.TooLarge, Op: "fetch", File: doc.Name, Limit: "file_bytes", Value: n, Max: limit,
			Hint: "split the document"}
	}
	return f.Name(), nil
}

// sourceOf describes an open document to the store.
func sourceOf(src Source) store.Source {
	s := store.Source{Format: src.Format(), MediaType: src.MediaType(), Pages: src.NumPages()}
	for _, n := range src.Notes() {
		s.Notes = append(s.Notes, store.Note{Kind: n.Kind, Text: n.Text})
	}
	return s
}

// chunk draws pages first to last and stores their images. Drawing goes on
// while earlier pages are encoded. A page that cannot be drawn becomes a failed
// page and its neighbours go on; only what concerns all pages is an error.
func (w *IngestWorker) chunk(ctx context.Context, src Source, first, last int) ([]store.NewPage, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	pages := make([]store.NewPage, last-first+1)
	slots := make(chan struct{}, encoders())
	var wg sync.WaitGroup
	for n := first; n <= last && ctx.Err() == nil; n++ {
		page, err := src.Page(ctx, n)
		if err != nil {
			if ctx.Err() != nil {
				break
			}
			f := Classify(err).Failure
			f.Page = n
			pages[n-first] = store.NewPage{Number: n, Failure: &f}
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			stored, err := w.storePage(ctx, page)
			if err != nil {
				cancel(fmt.Errorf("storing page %d: %w", n, err))
				return
			}
			pages[n-first] = stored
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return pages, nil
}

// storePage writes what belongs to a page into the object store and describes
// it to the database.
func (w *IngestWorker) storePage(ctx context.Context, p *render.Page) (store.NewPage, error) {
	size := p.Image.Bounds().Size()
	square, toPage := render.Letterbox(p.Image, squareSide)
	raster, err := w.putImage(ctx, p.Image)
	if err != nil {
		return store.NewPage{}, err
	}
	failpoint.Here(failpoint.RasterStored)
	letterboxed, err := w.putImage(ctx, square)
	if err != nil {
		return store.NewPage{}, err
	}
	text, err := json.Marshal(textOf(p))
	if err != nil {
		return store.NewPage{}, err
	}
	words, err := w.Objects.PutBytes(ctx, text, "application/json")
	if err != nil {
		return store.NewPage{}, err
	}
	return store.NewPage{
		Number: p.Number, Width: size.X, Height: size.Y, DPI: p.DPI, XHeight: p.XHeight, Rotation: p.Rotation,
		ToSource: p.ToSource, SourceUnit: p.SourceUnit, Member: p.Member, Blank: p.Blank,
		RasterHash: raster, SquareHash: letterboxed, TextHash: words.Hash, SquareToPage: toPage,
	}, nil
}

func (w *IngestWorker) putImage(ctx context.Context, img *image.RGBA) (hash string, err error) {
	var b bytes.Buffer
	if err := render.EncodePNG(&b, img); err != nil {
		return "", err
	}
	o, err := w.Objects.PutBytes(ctx, b.Bytes(), "image/png")
	return o.Hash, err
}
