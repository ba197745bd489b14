package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"palimpsest.dev/api"
	"palimpsest.dev/eval"
)

// demoCmd processes the bundled samples through everything there is: HTTP
// interface, queue, object store, renderer, plugins and model.
type demoCmd struct {
	machineFlags
	Server  string `help:"Server to use when it answers; otherwise everything is started here, and stopped at the end." env:"PALIMPSEST_SERVER" default:"http://127.0.0.1:8080" placeholder:"URL"`
	Samples string `help:"Folder of samples with a MANIFEST.jsonl. Empty: samples beside the program or in the working tree." placeholder:"DIR"`
	Rows    int    `help:"Rows to print of each document. 0: all." default:"0"`
}

// samplesManifest lists the samples and their truth.
const samplesManifest = "MANIFEST.jsonl"

// Run processes the samples and prints what was read.
func (c *demoCmd) Run(s *session) error {
	start := time.Now()
	dir := c.Samples
	if dir == "" {
		var err error
		if dir, err = findBeside("samples", samplesManifest, "samples", "--samples"); err != nil {
			return err
		}
	}
	items, err := eval.OpenManifest(filepath.Join(dir, samplesManifest), nil, 0)
	if err != nil {
		return err
	}
	client, stop, err := c.server(s)
	if err != nil {
		return err
	}
	shown, err := c.process(s, client, items)
	if err == nil {
		err = c.show(s, shown, time.Since(start))
	}
	return errors.Join(err, stop())
}

// server finds a running server or starts everything here.
func (c *demoCmd) server(s *session) (*api.Client, func() error, error) {
	client := &api.Client{BaseURL: c.Server}
	ready, cancel := context.WithTimeout(s, time.Second)
	defer cancel()
	if client.Ready(ready) == nil {
		fmt.Fprintf(s.stderr, "Using the server at %s.\n", c.Server)
		return client, func() error { return nil }, nil
	}
	f := c.machineFlags
	f.Listen = "127.0.0.1:0"
	remove := func() error { return nil }
	if f.Data == "" {
		temp, err := os.MkdirTemp("", "palimpsest-demo-")
		if err != nil {
			return nil, nil, err
		}
		f.Data, remove = temp, func() error { return os.RemoveAll(temp) }
		if err := os.Chmod(temp, 0o755); err != nil { // Postgres may run as another user
			return nil, nil, errors.Join(err, remove())
		}
	}
	fmt.Fprintln(s.stderr, "Starting Postgres, object store, model, plugins and web.")
	m, err := startMachine(s, f, s.log)
	if err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	m.describe(s.stderr, f)
	return &api.Client{BaseURL: m.address}, func() error { return errors.Join(m.Close(), remove()) }, nil
}

// demoDocument is a sample with what became of it.
type demoDocument struct {
	item  eval.Item
	doc   api.Document
	pages []api.Page
	words []api.Record
}

// process submits the samples, waits for their end with progress, and fetches
// what was read.
func (c *demoCmd) process(s *session, client *api.Client, items []eval.Item) ([]demoDocument, error) {
	shown := make([]demoDocument, len(items))
	for i, item := range items {
		doc, err := client.Submit(s, api.Submission{Name: filepath.Base(item.File), Tasks: []string{"ocr"},
			Open: func() (io.ReadCloser, error) { return os.Open(item.Path()) }})
		if err != nil {
			return nil, fmt.Errorf("submitting %s: %w", item.File, err)
		}
		shown[i] = demoDocument{item: item, doc: doc}
	}
	fmt.Fprintf(s.stderr, "Submitted %d documents.\n", len(shown))
	ctx, cancel := context.WithCancelCause(s)
	defer cancel(nil)
	ended := &endedPages{out: s.stderr, start: time.Now()}
	var wg sync.WaitGroup
	for i := range shown {
		wg.Go(func() {
			if err := shown[i].follow(ctx, client, ended); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return shown, context.Cause(ctx)
}

// endedPages shows progress as pages end. Its methods may be called from many
// goroutines.
type endedPages struct {
	mu    sync.Mutex
	out   io.Writer
	start time.Time
	pages int
}

func (p *endedPages) add(name string, e api.Event) {
	switch e.State {
	case "done", "blank", "unreadable", "failed":
	default:
		return
	}
	if e.Page == 0 || e.Task == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages++
	fmt.Fprintf(p.out, "%6.1f s  %3d pages  %s, page %d: %s\n", time.Since(p.start).Seconds(), p.pages, name, e.Page, e.State)
}

// follow waits for the document's end and fetches its pages and words.
func (d *demoDocument) follow(ctx context.Context, client *api.Client, ended *endedPages) (err error) {
	d.doc, err = client.Wait(ctx, d.doc.ID, func(e api.Event) error {
		ended.add(d.doc.Name, e)
		return nil
	})
	if err != nil {
		return err
	}
	for after := ""; ; {
		list, err := client.Pages(ctx, d.doc.ID, after, 0)
		if err != nil {
			return err
		}
		d.pages = append(d.pages, list.Pages...)
		if after = list.Next; after == "" {
			break
		}
	}
	return client.AllResults(ctx, d.doc.ID, "ocr", api.ResultQuery{Relation: "word"}, func(r api.Record) error {
		d.words = append(d.words, r)
		return nil
	})
}

// show prints rows and scores, and fails when a document did not become
// complete or the model read nothing at all.
func (c *demoCmd) show(s *session, shown []demoDocument, took time.Duration) error {
	out := bufio.NewWriter(s.stdout)
	for _, d := range shown {
		fmt.Fprintf(out, "\n%s (%s)\n", d.doc.Name, d.doc.State)
		printRowHeader(out)
		for i, w := range d.words {
			if c.Rows > 0 && i == c.Rows {
				fmt.Fprintf(out, "... %d more\n", len(d.words)-i)
				break
			}
			if err := printRow(out, w); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(out, "\n%-24s %-10s %6s %6s %8s %8s\n", "document", "state", "pages", "words", "by model", "word F1")
	var scores []eval.Score
	pages, read, incomplete := 0, 0, 0
	for _, d := range shown {
		score, byModel, err := d.score()
		if err != nil {
			return err
		}
		f1 := "-" // nothing to find, or nothing that the model was asked
		if byModel > 0 {
			scores = append(scores, score)
			if v, ok := score.Metrics()["word_f1"]; ok {
				f1 = fmt.Sprintf("%.3f", v)
			}
		}
		fmt.Fprintf(out, "%-24s %-10s %6d %6d %8d %8s\n", d.doc.Name, d.doc.State, len(d.pages), len(d.words), byModel, f1)
		pages, read = pages+len(d.pages), read+byModel
		if d.doc.State != "complete" {
			incomplete++
		}
	}
	if v, ok := eval.Pool(scores)["word_f1"]; ok {
		fmt.Fprintf(out, "\nword F1 of the model against the samples' own truth: %.3f (95 %% interval %.3f to %.3f)\n", v.Value, v.Low, v.High)
	}
	fmt.Fprintf(out, "demo: %d documents, %d pages, %d words read by the model, %.1f s\n", len(shown), pages, read, took.Seconds())
	if err := out.Flush(); err != nil {
		return err
	}
	if incomplete > 0 {
		return fmt.Errorf("%d of %d documents are not complete", incomplete, len(shown))
	}
	if read == 0 {
		return errors.New("the model read nothing: run `palimpsest doctor`")
	}
	return nil
}

// score holds the words the model read against the truth. Words copied from a
// text layer are left out: they were not read.
func (d *demoDocument) score() (score eval.Score, byModel int, err error) {
	truth, err := d.item.Truth()
	if err != nil {
		return score, 0, err
	}
	pages := make([]eval.Page, len(d.pages))
	index := map[int]*eval.Page{}
	for i, p := range d.pages {
		pages[i] = eval.Page{Number: p.Number, Width: p.Width, Height: p.Height}
		index[p.Number] = &pages[i]
	}
	for _, w := range d.words {
		if page := index[w.Page]; page != nil && w.Source == "model" {
			page.Words = append(page.Words, eval.Word{Text: w.Text(), Box: w.Box})
			byModel++
		}
	}
	return eval.ScorePages(truth, pages), byModel, nil
}
