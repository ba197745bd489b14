package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	"palimpsest.dev/ingest"
	"palimpsest.dev/render"
	"palimpsest.dev/task"
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
	model ingest.Model // that of parts, but for tests
	tasks []chosenTask
	// finder is the task that finds regions, once for a page; nil where no task waits for them.
	finder *chosenTask
	o      readerOptions
}

// fileResult is what one task made of one page, or why it could not. Page is 0
// when the file as a whole could not be read.
type fileResult struct {
	File          string
	Page          int
	Width, Height int
	Task          string
	Outcome       ingest.Outcome
	Regions       []task.Region // found by another task, that this one was shown; nil where nobody looked for it
	Err           error
}

// newFileReader finds the tasks and checks their options.
func newFileReader(parts *readingParts, o readerOptions) (*fileReader, error) {
	r := &fileReader{parts: parts, model: parts.engine, o: o}
	if r.o.Jobs <= 0 {
		r.o.Jobs = defaultJobs
	}
	var err error
	r.tasks, err = parts.choose(o.Tasks, o.Options)
	var wrong *choiceError
	if errors.As(err, &wrong) {
		return nil, usagef("%s", wrong.Error())
	}
	if err == nil {
		r.finder, err = parts.finder(r.tasks)
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
	var before []*render.Page // those that a profile may want to show beside the next
	together := 0
	for _, t := range r.tasks {
		together = max(together, t.profile.Images)
	}
	for n := 1; n <= doc.NumPages() && ctx.Err() == nil; n++ {
		page, err := doc.Page(ctx, n)
		earlier := before
		if err == nil && doc.NumPages() <= together {
			before = append(before[:len(before):len(before)], page)
		}
		find := sync.OnceValues(func() (ingest.Outcome, error) {
			return r.readPage(ctx, file, page, earlier, doc.NumPages(), *r.finder, nil)
		})
		for _, t := range r.tasks {
			slot := make(chan fileResult, 1)
			queue <- slot
			result := fileResult{File: file, Page: n, Task: t.name, Err: err}
			if err != nil {
				slot <- result
				continue
			}
			go func() {
				defer func() { slot <- result }()
				result.Width, result.Height = page.Image.Rect.Dx(), page.Image.Rect.Dy()
				if r.finder != nil && t.name == r.finder.name {
					result.Outcome, result.Err = find()
					return
				}
				if r.finder != nil && r.parts.waits(t) {
					var look bool
					if look, result = lookUp(result, t, find); !look {
						return
					}
				}
				result.Outcome, result.Err = r.readPage(ctx, file, page, earlier, doc.NumPages(), t, result.Regions)
			}()
		}
	}
}

// lookUp has the regions of the page found for a task that waits for them. Where
// that did not end well the task ends as it did, and there is nothing to read.
func lookUp(result fileResult, t chosenTask, find func() (ingest.Outcome, error)) (bool, fileResult) {
	found, err := find()
	const reason = "finding the page's regions: "
	switch {
	case err != nil:
		result.Err = fmt.Errorf(reason+"%w", err)
	case found.State != ingest.StateDone:
		result.Outcome = ingest.Outcome{State: found.State}
		if found.Reason != "" {
			result.Outcome.Reason = reason + found.Reason
		}
	default:
		result.Regions = ingest.RegionsFor(t.task.Info(), ingest.RegionsOf(found))
		return true, result
	}
	return false, result
}

// readPage reads one page of so many for one task under the limit on a page's
// time; earlier are those in front of it that may be shown beside it, regions
// those that were found for it.
func (r *fileReader) readPage(ctx context.Context, file string, page *render.Page, earlier []*render.Page, pages int, t chosenTask, regions []task.Region) (ingest.Outcome, error) {
	of := func(p *render.Page) ingest.Page {
		raster := fmt.Sprintf("%s#page=%d", filepath.Base(file), p.Number)
		if p.Member != "" {
			raster = p.Member
		}
		pg := ingest.PageOf(p, filepath.Base(file), raster, t.options)
		pg.Pages = pages
		return pg
	}
	pg := of(page)
	pg.Regions = regions
	beside := ingest.EarlierPages(page.Number, pages, t.profile)
	for _, p := range earlier {
		if slices.Contains(beside, p.Number) && !p.Blank {
			pg.Before = append(pg.Before, of(p))
		}
	}
	return ingest.ReadPageWithin(ctx, ingest.DefaultPageTime, r.model, t.task, pg, t.profile)
}
