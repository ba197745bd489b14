package web

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"palimpsest.dev/api"
	"palimpsest.dev/internal/locals3"
	"palimpsest.dev/internal/pgtest"
	"palimpsest.dev/store"
	"palimpsest.dev/store/blob"
)

func TestMain(m *testing.M) {
	if locals3.Child() {
		os.Exit(locals3.RunChild())
	}
	os.Exit(m.Run())
}

// The real database and object store are what this package needs.
var (
	_ Documents = (*store.Store)(nil)
	_ Objects   = (*blob.Store)(nil)
)

// A document goes through the real store: submitted over HTTP, worked on by workers that
// need no model, followed to its end, and read back, words, picture and file.
func TestOverRealStore(t *testing.T) {
	t.Parallel()
	quiet := slog.New(slog.DiscardHandler)
	db, err := store.Open(t.Context(), pgtest.DSN(t), store.Options{Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	s3, err := locals3.Start(t.Context(), locals3.Options{Dir: t.TempDir(), Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s3.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	conf := s3.Config()
	conf.Locker = db.BlobLocks()
	blobs, err := blob.Open(t.Context(), conf)
	if err != nil {
		t.Fatal(err)
	}
	schema := store.TaskSchema{Task: "ocr", Version: "1", Relations: []store.Relation{{Name: "word", Columns: []store.Column{{Name: "text", Type: "text"}}}}}
	if err := db.EnsureRelations(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	h, err := New(Config{Documents: db, Objects: blobs, Tasks: fakeTasks{}, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c := &api.Client{BaseURL: srv.URL, HTTP: srv.Client(), Delay: 10 * time.Millisecond}
	if err := c.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}

	sub := submission("three pages.pdf", "stands for three pages")
	sub.IdempotencyKey = "once"
	doc, err := c.Submit(t.Context(), sub)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := c.Submit(t.Context(), sub); err != nil || again.ID != doc.ID {
		t.Errorf("%s again is %s, %v", doc.ID, again.ID, err)
	}
	startWorker(t, db, blobs, quiet)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	seen := map[int]string{}
	end, err := c.Wait(ctx, doc.ID, func(e api.Event) error { seen[e.Page] = e.State; return nil })
	if err != nil || end.State != "partial" || end.Pages != 3 || end.Progress.States["done"] != 2 || end.Progress.States["failed"] != 1 || end.Progress.Finished() != 3 {
		t.Fatalf("%+v, %v", end, err)
	}
	if seen[0] != "partial" {
		t.Errorf("events %v", seen)
	}
	checkResults(t, c, doc.ID)
	_, err = c.Cancel(t.Context(), doc.ID)
	if p := problemFrom(t, err); p.Code != api.CodeFinal {
		t.Errorf("%+v", p)
	}
	list, err := c.Documents(t.Context(), "", 10)
	if err != nil || len(list.Documents) != 1 || list.Documents[0].ID != doc.ID {
		t.Errorf("%+v, %v", list, err)
	}
}

// checkResults reads everything back over HTTP.
func checkResults(t *testing.T, c *api.Client, id string) {
	t.Helper()
	var words []string
	err := c.AllResults(t.Context(), id, "ocr", api.ResultQuery{Limit: 2}, func(r api.Record) error {
		words = append(words, fmt.Sprintf("%d %s %v", r.Page, r.Text(), r.Box))
		return nil
	})
	if err != nil || len(words) != 6 || words[0] != "1 w0 [0 0 8 8]" || words[5] != "3 w2 [2 0 8 8]" {
		t.Errorf("%q, %v", words, err)
	}
	raw, err := c.PageImage(t.Context(), id, 1, 20)
	if err != nil {
		t.Fatal(err)
	}
	if img, err := png.Decode(bytes.NewReader(raw)); err != nil || img.Bounds().Dx() != 20 {
		t.Errorf("picture: %v", err)
	}
	page, err := c.Page(t.Context(), id, 3)
	if err != nil || len(page.Artifacts) != 1 || len(page.Runs) != 1 || page.Runs[0].Model != "none" {
		t.Fatalf("%+v, %v", page, err)
	}
	if text, err := c.Fetch(t.Context(), page.Artifacts[0].Link); err != nil || string(text) != "w0 w1 w2" {
		t.Errorf("%q, %v", text, err)
	}
	pages, err := c.Pages(t.Context(), id, "1", 1)
	if err != nil || len(pages.Pages) != 1 || pages.Pages[0].Number != 2 || pages.Next != "2" || pages.Pages[0].Runs[0].Failure == nil || pages.Pages[0].Runs[0].Failure.Hint == "" {
		t.Errorf("%+v, %v", pages, err)
	}
}

// startWorker works the queues as far as the store can see: three pages of three words,
// of which the second fails.
func startWorker(t *testing.T, db *store.Store, blobs *blob.Store, log *slog.Logger) {
	t.Helper()
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[store.IngestArgs]) error {
		doc, _, err := db.BeginIngest(ctx, job.Args.DocumentID)
		if err != nil {
			return err
		}
		r, err := blobs.Get(ctx, doc.Hash)
		if err != nil {
			return err
		}
		defer r.Close()
		if content, err := io.ReadAll(r); err != nil || string(content) != "stands for three pages" {
			return fmt.Errorf("content %q: %w", content, err)
		}
		if err := db.SetSource(ctx, doc.ID, store.Source{Format: "pdf", MediaType: "application/pdf", Pages: 3}); err != nil {
			return err
		}
		raster, err := blobs.PutBytes(ctx, picture.Bytes(), "image/png")
		if err != nil {
			return err
		}
		var pages []store.NewPage
		for n := range 3 {
			pages = append(pages, store.NewPage{Number: n + 1, Width: 40, Height: 30, RasterHash: raster.Hash, SquareHash: raster.Hash, SourceUnit: "pt"})
		}
		if err := db.AddPages(ctx, doc.ID, pages); err != nil {
			return err
		}
		return db.EndIngest(ctx, job)
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[store.ReadArgs]) error {
		work, err := db.BeginRead(ctx, job.Args.PageRunID)
		if err != nil {
			return err
		}
		if work.Page.Number == 2 {
			return db.CommitRead(ctx, job, store.Outcome{State: store.PageFailed, Failure: &store.Failure{Kind: store.KindBadInput, Message: "torn", Hint: "scan it again", Page: 2}})
		}
		text, err := blobs.PutBytes(ctx, []byte("w0 w1 w2"), "text/plain")
		if err != nil {
			return err
		}
		out := store.Outcome{State: store.PageDone, Model: "none", Objects: []store.Object{{Name: "page.txt", MediaType: "text/plain", Hash: text.Hash, Bytes: text.Bytes}}}
		for seq := range 3 {
			out.Rows = append(out.Rows, store.Row{Relation: "word", Seq: seq, Box: [4]float64{float64(seq), 0, 8, 8}, Confidence: 0.5, Source: "model", Values: map[string]any{"text": fmt.Sprintf("w%d", seq)}})
		}
		return db.CommitRead(ctx, job, out)
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[store.FinishArgs]) error {
		return db.CommitFinish(ctx, job, store.Finished{})
	}))
	w, err := db.NewWorker(workers, store.WorkerOptions{Ingest: 1, Read: 2, Finish: 1, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := w.StopAndCancel(ctx); err != nil {
			t.Error(err)
		}
	})
}
