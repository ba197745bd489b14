package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"palimpsest.dev/ingest"
	"palimpsest.dev/render"
)

// readerOptions says how files are read without a database.
type readerOptions struct {
	Tasks    []string          // names of tasks, at least one
	Options  map[string]string // each goes to the tasks that know it
	Jobs     int               // pages in flight; 0: defaultJobs
	Password string            // of encrypted documents
}

// defaultJobs is how many pages are in flight: enough that the model's batch
// stays full over the ends of pages.
const defaultJobs = 4

// fileReader reads files to records without a database: the same renderer,
// plugins, model and ingest.ReadPage as the workers.
type fileReader struct {
	parts *readingParts
	tasks []chosenTask
	o     readerOptions
}

// fileResult is what one task made of one page, or why it could not. Page is 0
// when the file as a whole could not be read.
type fileResult struct {
	File          string
	Page          int
	Width, Height int
	Task          string
	Outcome       ingest.Outcome
	Err           error
}

// newFileReader finds the tasks and checks their options.
func newFileReader(parts *readingParts, o readerOptions) (*fileReader, error) {
	r := &fileReader{parts: parts, o: o}
	if r.o.Jobs <= 0 {
		r.o.Jobs = defaultJobs
	}
	var err error
	r.tasks, err = parts.choose(o.Tasks, o.Options)
	var wrong *choiceError
	if errors.As(err, &wrong) {
		return nil, usagef("%s", wrong.Error())
	}
	return r, err
}

// Read reads the files and calls emit with every result, in the order of
// files, pages and tasks, while later pages are being read. An error of emit
// or the end of ctx ends it.
func (r *fileReader) Read(ctx context.Context, files []string, emit func(fileResult) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Each result has a place in the queue before it is there; the queue's
	// length bounds the pages in flight.
	queue := make(chan chan fileResult, r.o.Jobs)
	go func() {
		defer close(queue)
		for _, file := range files {
			if ctx.Err() != nil {
				return
			}
			r.readFile(ctx, file, queue)
		}
	}()
	var failed error
	for slot := range queue {
		result := <-slot
		if failed == nil {
			failed = ctx.Err()
		}
		if failed == nil {
			failed = emit(result)
		}
		if failed != nil {
			cancel() // and drain, so that nobody is left behind
		}
	}
	return failed
}

// readFile reads one file, placing its results in the queue.
func (r *fileReader) readFile(ctx context.Context, file string, queue chan<- chan fileResult) {
	whole := func(err error) {
		for _, t := range r.tasks {
			slot := make(chan fileResult, 1)
			slot <- fileResult{File: file, Task: t.name, Err: err}
			queue <- slot
		}
	}
	doc, err := render.Open(ctx, file, r.parts.render(filepath.Base(file), r.o.Password))
	if err != nil {
		whole(err)
		return
	}
	// Pages in memory do not need the document any more.
	defer doc.Close()
	for n := 1; n <= doc.NumPages() && ctx.Err() == nil; n++ {
		page, err := doc.Page(ctx, n)
		for _, t := range r.tasks {
			slot := make(chan fileResult, 1)
			queue <- slot
			result := fileResult{File: file, Page: n, Task: t.name, Err: err}
			if err != nil {
				slot <- result
				continue
			}
			go func() {
				result.Width, result.Height = page.Image.Rect.Dx(), page.Image.Rect.Dy()
				result.Outcome, result.Err = r.readPage(ctx, file, page, t)
				slot <- result
			}()
		}
	}
}

// readPage reads one page for one task under the limit on a page's time.
func (r *fileReader) readPage(ctx context.Context, file string, page *render.Page, t chosenTask) (ingest.Outcome, error) {
	raster := fmt.Sprintf("%s#page=%d", filepath.Base(file), page.Number)
	if page.Member != "" {
		raster = page.Member
	}
	pg := ingest.PageOf(page, filepath.Base(file), raster, t.options)
	return ingest.ReadPageWithin(ctx, ingest.DefaultPageTime, r.parts.engine, t.task, pg, t.profile)
}
