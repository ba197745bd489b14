package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"palimpsest.dev/eval"
	"palimpsest.dev/ingest"
	"palimpsest.dev/store"
	"palimpsest.dev/store/blob"
)

// benchCmd measures how fast this machine draws, queues and reads.
type benchCmd struct {
	storeFlags
	modelFlags
	Samples string `help:"Folder of samples with a MANIFEST.jsonl. Empty: samples beside the program or in the working tree." placeholder:"DIR"`
	Jobs    int    `help:"Jobs for the queue to work on." default:"2000"`
	Rounds  int    `help:"How often the samples are ingested." default:"4"`
	JSON    bool   `help:"Print one JSON object."`
	shapeFlags
}

// benchFigures is what bench measures.
type benchFigures struct {
	Machine        string  `json:"machine"`
	Kernel         string  `json:"kernel"`
	Model          string  `json:"model"`
	IngestPages    int     `json:"ingest_pages"`
	PagesPerSecond float64 `json:"ingest_pages_per_second"` // drawn, encoded, stored as objects and rows
	QueueJobs      int     `json:"queue_jobs"`
	JobsPerSecond  float64 `json:"queue_jobs_per_second"` // each begun and committed with benchRows rows
	ReadPages      int     `json:"read_pages"`
	ReadWords      int     `json:"read_words"`
	WordsPerSecond float64 `json:"model_words_per_second"` // from pixels to words, text layers ignored
	TokensPerSec   float64 `json:"model_tokens_per_second"`
}

// benchRows is how many rows a job of the queue's measurement commits: a page
// of little text.
const benchRows = 100

// Run measures and prints.
func (c *benchCmd) Run(s *session) error {
	if c.Quality {
		return c.shapeFlags.quality(s, c.Threads, c.JSON)
	}
	if c.Shape != "" {
		return c.shapeFlags.run(s, c.Threads, c.Arithmetic, c.JSON)
	}
	parts, err := openReading(c.modelFlags, s.log)
	if err != nil {
		return err
	}
	defer parts.Close()
	info := parts.engine.Info()
	f := benchFigures{Machine: fmt.Sprintf("%s/%s, %d threads", runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0)),
		Kernel: info.Kernel + " " + info.Arithmetic, Model: info.Name}
	files, err := c.files()
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "palimpsest-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if err := os.Chmod(temp, 0o755); err != nil { // Postgres may run as another user
		return err
	}
	b, err := openBacking(s, c.storeFlags, temp, true, s.log)
	if err != nil {
		return err
	}
	defer b.Close()
	if err := parts.ensureRelations(s, b.store); err != nil {
		return err
	}
	if err := c.ingestion(s, b, parts, files, &f); err != nil {
		return fmt.Errorf("measuring ingestion: %w", err)
	}
	if err := c.queue(s, b, &f); err != nil {
		return fmt.Errorf("measuring the queue: %w", err)
	}
	if err := c.model(s, parts, files, &f); err != nil {
		return fmt.Errorf("measuring the model: %w", err)
	}
	if c.JSON {
		return json.NewEncoder(s.stdout).Encode(f)
	}
	fmt.Fprintf(s.stdout, "%s, %s\n", f.Machine, f.Kernel)
	fmt.Fprintf(s.stdout, "ingestion  %8.1f pages/s   (%d pages drawn, encoded, stored)\n", f.PagesPerSecond, f.IngestPages)
	fmt.Fprintf(s.stdout, "queue      %8.1f jobs/s    (%d jobs, each committing %d rows)\n", f.JobsPerSecond, f.QueueJobs, benchRows)
	fmt.Fprintf(s.stdout, "model %s %8.1f words/s, %.1f tokens/s   (%d words on %d pages)\n",
		f.Model, f.WordsPerSecond, f.TokensPerSec, f.ReadWords, f.ReadPages)
	return nil
}

// files lists the samples.
func (c *benchCmd) files() ([]string, error) {
	dir := c.Samples
	if dir == "" {
		var err error
		if dir, err = findBeside("samples", samplesManifest, "samples", "--samples"); err != nil {
			return nil, err
		}
	}
	items, err := eval.OpenManifest(filepath.Join(dir, samplesManifest), nil, 0)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, item := range items {
		files = append(files, item.Path())
	}
	return files, nil
}

// ingestion measures the way from bytes in the object store to stored pages,
// with the read queue left alone.
func (c *benchCmd) ingestion(s *session, b *backing, parts *readingParts, files []string, f *benchFigures) error {
	runs, err := parts.Runs(s, []string{"ocr"}, nil)
	if err != nil {
		return err
	}
	var ids []store.DocumentID
	for round := range c.Rounds {
		for _, file := range files {
			r, err := os.Open(file)
			if err != nil {
				return err
			}
			put, err := b.blobs.Put(s, r, blob.PutOptions{})
			r.Close()
			if err != nil {
				return err
			}
			doc, _, err := b.store.Submit(s, store.NewDocument{Name: fmt.Sprintf("%d-%s", round, filepath.Base(file)), Hash: put.Hash, Bytes: put.Bytes, Runs: runs})
			if err != nil {
				return err
			}
			ids = append(ids, doc.ID)
		}
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &ingest.IngestWorker{Documents: b.store, Objects: b.blobs, Render: renderOptions(), Log: s.log})
	took, err := work(s, b, workers, store.WorkerOptions{Ingest: 2, Log: s.log}, ids, func(d store.DocumentStatus) bool {
		return d.State == store.DocumentRunning || d.State.Final()
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		d, err := b.store.Document(s, "", id)
		if err != nil {
			return err
		}
		f.IngestPages += d.Pages
		// So that the queue's measurement has it to itself.
		if err := b.store.Cancel(s, id); err != nil && !errors.Is(err, store.ErrFinal) {
			return err
		}
	}
	f.PagesPerSecond = float64(f.IngestPages) / took.Seconds()
	return nil
}

// work runs workers until every document is where it is wanted.
func work(ctx context.Context, b *backing, workers *river.Workers, o store.WorkerOptions, ids []store.DocumentID,
	there func(store.DocumentStatus) bool) (time.Duration, error) {
	start := time.Now()
	worker, err := b.store.NewWorker(workers, o)
	if err != nil {
		return 0, err
	}
	if err := worker.Start(context.WithoutCancel(ctx)); err != nil {
		return 0, err
	}
	defer worker.Stop(context.WithoutCancel(ctx))
	const pause = 20 * time.Millisecond
	for _, id := range ids {
		for {
			d, err := b.store.Document(ctx, "", id)
			if err != nil {
				return 0, err
			}
			if there(d) {
				break
			}
			select {
			case <-ctx.Done():
				return 0, ctx.Err()
			case <-time.After(pause):
			}
		}
	}
	return time.Since(start), nil
}

// queue measures jobs that do nothing but begin and commit.
func (c *benchCmd) queue(s *session, b *backing, f *benchFigures) error {
	doc, _, err := b.store.Submit(s, store.NewDocument{Name: "queue", Hash: strings.Repeat("0", 64), Runs: []store.NewRun{{Task: "ocr"}}})
	if err != nil {
		return err
	}
	begun := make(chan time.Time, 1)
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[store.IngestArgs]) error {
		return c.emptyPages(ctx, b.store, job)
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[store.ReadArgs]) error {
		select {
		case begun <- time.Now():
		default:
		}
		if _, err := b.store.BeginRead(ctx, job.Args.PageRunID); err != nil {
			return err
		}
		return b.store.CommitRead(ctx, job, store.Outcome{State: store.PageDone, Rows: emptyRows()})
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[store.FinishArgs]) error {
		return b.store.CommitFinish(ctx, job, store.Finished{})
	}))
	_, err = work(s, b, workers, store.WorkerOptions{Ingest: 1, Read: 16, Finish: 1, Log: s.log}, []store.DocumentID{doc.ID},
		func(d store.DocumentStatus) bool { return d.State.Final() })
	if err != nil {
		return err
	}
	end, err := b.store.Document(s, "", doc.ID)
	if err != nil {
		return err
	}
	f.QueueJobs = c.Jobs
	f.JobsPerSecond = float64(c.Jobs) / end.Finished.Sub(<-begun).Seconds()
	return nil
}

// emptyPages stores a document of pages without images.
func (c *benchCmd) emptyPages(ctx context.Context, s *store.Store, job *river.Job[store.IngestArgs]) error {
	id := job.Args.DocumentID
	if _, _, err := s.BeginIngest(ctx, id); err != nil {
		return err
	}
	if err := s.SetSource(ctx, id, store.Source{Format: "png", MediaType: "image/png", Pages: c.Jobs}); err != nil {
		return err
	}
	for first := 1; first <= c.Jobs; first += store.MaxChunk {
		var pages []store.NewPage
		for n := first; n <= min(first+store.MaxChunk-1, c.Jobs); n++ {
			pages = append(pages, store.NewPage{Number: n, Width: 100, Height: 100, SourceUnit: "px"})
		}
		if err := s.AddPages(ctx, id, pages); err != nil {
			return err
		}
	}
	return s.EndIngest(ctx, job)
}

func emptyRows() []store.Row {
	rows := make([]store.Row, benchRows)
	for i := range rows {
		rows[i] = store.Row{Relation: "word", Seq: i + 1, Box: [4]float64{1, 1, 9, 9}, Confidence: 0.5, Source: "model",
			Values: map[string]any{"text": "word"}}
	}
	return rows
}

// model measures reading, from pixels to words.
func (c *benchCmd) model(s *session, parts *readingParts, files []string, f *benchFigures) error {
	reader, err := newFileReader(parts, readerOptions{Tasks: []string{"ocr"}, Options: map[string]string{"text_layer": "ignore"}})
	if err != nil {
		return err
	}
	start, tokens := time.Now(), 0
	err = reader.Read(s, files, func(r fileResult) error {
		if r.Err != nil {
			return r.Err
		}
		f.ReadPages++
		f.ReadWords += len(wordsOf(r.Outcome.Records))
		tokens += r.Outcome.Tokens
		return nil
	})
	took := time.Since(start).Seconds()
	f.WordsPerSecond, f.TokensPerSec = float64(f.ReadWords)/took, float64(tokens)/took
	return err
}
