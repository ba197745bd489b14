package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"palimpsest.dev/internal/pgtest"
)

var quiet = slog.New(slog.DiscardHandler)

// patience is how long a test waits for something that is certain to happen. It is no measure of speed.
const patience = 2 * time.Minute

func open(t testing.TB) *Store {
	t.Helper()
	return openAt(t, pgtest.DSN(t))
}

func openAt(t testing.TB, dsn string) *Store {
	t.Helper()
	s, err := Open(t.Context(), dsn, Options{Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func hashOf(parts ...any) string {
	sum := sha256.Sum256([]byte(fmt.Sprint(parts...)))
	return hex.EncodeToString(sum[:])
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}

// ocr is a task's schema as the tests use it.
var ocr = TaskSchema{Task: "ocr", Version: "1", Relations: []Relation{{Name: "word", Summary: "One word.", Columns: []Column{
	{Name: "text", Type: "text", Summary: "What it says."}, {Name: "line", Type: "integer"},
}}}}

func newDocument(name string) NewDocument {
	return NewDocument{Name: name, Hash: hashOf(name), Bytes: 10, Runs: []NewRun{{
		Task: "ocr", Options: map[string]string{"text_layer": "ignore"}, Fingerprint: Fingerprint{Checkpoint: "c1", Renderer: "r1"},
	}}}
}

func newPage(number int) NewPage {
	return NewPage{
		Number: number, Width: 800, Height: 1000, DPI: 100, ToSource: [6]float64{1, 0, 0, 0, 1, 0}, SourceUnit: "px",
		RasterHash: hashOf("raster", number), SquareHash: hashOf("square", number), SquareToPage: [6]float64{1, 0, 0, 0, 1, 0},
	}
}

func words(n int) []Row {
	rows := make([]Row, n)
	for i := range rows {
		x, y := float64(i%10)*80, float64(i/10)*20
		rows[i] = Row{
			Relation: "word", Seq: i, Box: [4]float64{x, y, x + 70, y + 16}, Confidence: 0.9, Source: "model",
			Values: map[string]any{"text": fmt.Sprintf("word%d", i), "line": i / 10},
		}
	}
	return rows
}

// pipeline is what the workers of a test do; nil functions do the usual.
type pipeline struct {
	pages   int
	ingest  func(context.Context, *river.Job[IngestArgs]) error
	read    func(context.Context, *river.Job[ReadArgs]) error
	finish  func(context.Context, *river.Job[FinishArgs]) error
	options WorkerOptions
}

// work starts workers that ingest documents of p.pages pages, read two words from each, and finish.
func (p pipeline) work(t testing.TB, s *Store) *Worker {
	t.Helper()
	w, err := p.start(t.Context(), s)
	check(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := w.StopAndCancel(ctx); err != nil {
			t.Errorf("stop workers: %v", err)
		}
		<-w.orphans.done
	})
	return w
}

func (p pipeline) start(ctx context.Context, s *Store) (*Worker, error) {
	if err := s.EnsureRelations(ctx, ocr); err != nil {
		return nil, err
	}
	if p.ingest == nil {
		p.ingest = func(ctx context.Context, job *river.Job[IngestArgs]) error { return ingestPages(ctx, s, job, p.pages) }
	}
	if p.read == nil {
		p.read = func(ctx context.Context, job *river.Job[ReadArgs]) error {
			if _, err := s.BeginRead(ctx, job.Args.PageRunID); err != nil {
				return err
			}
			return s.CommitRead(ctx, job, Outcome{State: PageDone, Rows: words(2), Model: "test"})
		}
	}
	if p.finish == nil {
		p.finish = func(ctx context.Context, job *river.Job[FinishArgs]) error {
			doc, err := s.BeginFinish(ctx, job.Args.DocumentID)
			if errors.Is(err, ErrFinal) {
				return nil
			}
			if err != nil {
				return err
			}
			return s.CommitFinish(ctx, job, Finished{Revision: doc.Revision})
		}
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(p.ingest))
	river.AddWorker(workers, river.WorkFunc(p.read))
	river.AddWorker(workers, river.WorkFunc(p.finish))
	o := p.options
	if o.Ingest+o.Read+o.Finish == 0 {
		o.Ingest, o.Read, o.Finish = 2, 4, 2
	}
	if o.OrphanCheck == 0 {
		o.OrphanCheck = 20 * time.Millisecond
	}
	if o.RetryDelay == nil {
		o.RetryDelay = func(int) time.Duration { return 0 }
	}
	w, err := s.NewWorker(workers, o)
	if err != nil {
		return nil, err
	}
	return w, w.Start(context.WithoutCancel(ctx))
}

// ingestPages is what an ingest worker does, without the pixels.
func ingestPages(ctx context.Context, s *Store, job *river.Job[IngestArgs], pages int) error {
	_, done, err := s.BeginIngest(ctx, job.Args.DocumentID)
	if err != nil {
		return err
	}
	if err := s.SetSource(ctx, job.Args.DocumentID, Source{Format: "pdf", MediaType: "application/pdf", Pages: pages}); err != nil {
		return err
	}
	for first := done + 1; first <= pages; first += MaxChunk {
		var chunk []NewPage
		for n := first; n <= pages && len(chunk) < MaxChunk; n++ {
			chunk = append(chunk, newPage(n))
		}
		if err := s.AddPages(ctx, job.Args.DocumentID, chunk); err != nil {
			return err
		}
	}
	return s.EndIngest(ctx, job)
}

// await waits until the document is in a state for which ok is true, woken by its events.
func await(t testing.TB, s *Store, id DocumentID, what string, ok func(DocumentStatus) bool) DocumentStatus {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	events, err := s.Watch(ctx, id)
	check(t, err)
	for {
		d, err := s.Document(ctx, "", id)
		check(t, err)
		if ok(d) {
			return d
		}
		if _, open := <-events; !open {
			t.Fatalf("document is %s (%v), waited for: %s", d.State, d.Tallies, what)
		}
	}
}

func awaitState(t testing.TB, s *Store, id DocumentID, want DocumentState) DocumentStatus {
	t.Helper()
	return await(t, s, id, string(want), func(d DocumentStatus) bool { return d.State == want })
}

func one[T any](t testing.TB, s *Store, query string, args ...any) T {
	t.Helper()
	var v T
	if err := s.pool.QueryRow(t.Context(), query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

func execSQL(t testing.TB, s *Store, query string, args ...any) {
	t.Helper()
	if _, err := s.pool.Exec(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func submit(t testing.TB, s *Store, name string) Document {
	t.Helper()
	d, created, err := s.Submit(t.Context(), newDocument(name))
	check(t, err)
	if !created {
		t.Fatalf("%s was not created", name)
	}
	return d
}

var nan = math.NaN()
