package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/riverqueue/river"

	"palimpsest.dev/internal/failpoint"
	"palimpsest.dev/store/internal/db"
)

// Page is one stored page.
type Page struct {
	ID            int64
	Number        int // from 1
	Member        string
	Width, Height int
	DPI, XHeight  float64
	Rotation      int
	ToSource      [6]float64 // raster pixels to source units
	SourceUnit    string
	RasterHash    string
	SquareHash    string
	TextHash      string
	SquareToPage  [6]float64 // letterboxed square to raster pixels
	Blank         bool
	Failure       *Failure
}

func readPage(r db.Page) Page {
	p := Page{
		ID: r.ID, Number: int(r.Number), Member: r.Member, Width: int(r.Width), Height: int(r.Height), DPI: r.Dpi, XHeight: r.XHeight,
		Rotation: int(r.Rotation), SourceUnit: r.SourceUnit, RasterHash: r.RasterHash.String, SquareHash: r.SquareHash.String,
		TextHash: r.TextHash.String, Blank: r.Blank, Failure: readFailure(r.Failure),
	}
	copy(p.ToSource[:], r.ToSource)
	copy(p.SquareToPage[:], r.SquareToPage)
	return p
}

// ReadWork is what a read job works on.
type ReadWork struct {
	PageRun  int64
	Document Document // without runs
	Page     Page
	Run      Run
	State    PageState
	Attempt  int // how often reading was begun, this time included
	// Regions are those that the run it waited for found on the page. Nil, and not empty, where it waited for none.
	Regions []Region
}

// BeginRead moves a page run to running and returns what is to be read. ErrFinal means that there is nothing to do:
// the document was cancelled, or another attempt committed the page.
func (s *Store) BeginRead(ctx context.Context, pageRunID int64) (ReadWork, error) {
	var w ReadWork
	err := s.tx(ctx, func(tx pgx.Tx) error {
		doc, err := s.lockOfPageRun(ctx, tx, pageRunID)
		if err != nil {
			return err
		}
		n, err := s.q.StartPageRun(ctx, tx, db.StartPageRunParams{ID: pageRunID, FromStates: PageTransitions.From(PageRunning)})
		if err != nil {
			return fmt.Errorf("store: begin page run %d: %w", pageRunID, err)
		}
		work, err := s.q.PageRunWork(ctx, tx, pageRunID)
		if err != nil {
			return found(err, "page run %d", pageRunID)
		}
		pr := work.PageRun
		if n == 0 {
			return refused("page run", pageRunID, pr.State, PageRunning, PageState(pr.State).Final())
		}
		w = ReadWork{
			PageRun: pageRunID, Document: readDocument(doc, nil), Page: readPage(work.Page), Run: readRun(work.Run),
			State: PageState(pr.State), Attempt: int(pr.Attempts),
		}
		if w.Regions, err = s.regionsFor(ctx, tx, pageRunID, work.Run.Regions); err != nil {
			return err
		}
		return s.notify(ctx, tx, Event{Document: w.Document.ID, Page: w.Page.Number, Task: pr.Task, State: pr.State})
	})
	return w, err
}

// lockOfPageRun locks the document that a page run belongs to.
func (s *Store) lockOfPageRun(ctx context.Context, tx pgx.Tx, id int64) (db.Document, error) {
	row, err := s.q.LockDocumentOfPageRun(ctx, tx, id)
	return row, found(err, "page run %d", id)
}

// NoteRetry says why an attempt failed that will be made again: the page run is queued once more and shows the
// failure. A page run that has ended is left as it is.
func (s *Store) NoteRetry(ctx context.Context, pageRunID int64, f Failure) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		if _, err := s.lockOfPageRun(ctx, tx, pageRunID); err != nil {
			return err
		}
		_, err := s.q.RequeuePageRun(ctx, tx, db.RequeuePageRunParams{ID: pageRunID, Failure: f.json(), FromStates: PageTransitions.From(PageQueued)})
		if err != nil {
			return fmt.Errorf("store: page run %d: %w", pageRunID, err)
		}
		return nil
	})
}

// Row is one record of a task's relation.
type Row struct {
	Relation   string
	Seq        int        // order within page and relation; no two rows share one
	Box        [4]float64 // x0, y0, x1, y1 in raster pixels, half open
	Polygon    [][2]float64
	Confidence float64 // 0 to 1; NaN where there is none
	Source     string  // "model", "text_layer" or "person"
	Values     map[string]any
}

// Object is a file in the blob store with the name a task gave it.
type Object struct {
	Task      string // filled when read; needed by CommitFinish, ignored by CommitRead
	Page      int    // filled when read; 0 for the whole document
	Name      string
	MediaType string
	Hash      string
	Bytes     int64
}

// Outcome is how reading a page by a run ended.
type Outcome struct {
	State   PageState // PageDone, PageBlank, PageUnreadable or PageFailed
	Rows    []Row
	Objects []Object // in the blob store already
	Failure *Failure // why, when failed or unreadable
	Model   string   // who answered; empty where no model was asked
	Seconds float64
	Tokens  int
	Notes   []string
}

// CommitRead stores what reading a page gave, its state, and the completion of its job in one transaction; where it
// was the last open page of the document, the finish job as well. A page run that another attempt has committed is
// left as it is, so calling again after a crash neither loses nor doubles a row. ErrFinal means that the document
// was cancelled meanwhile: nothing was stored, and the job is done. ctx must be the one the worker was called with.
func (s *Store) CommitRead(ctx context.Context, job *river.Job[ReadArgs], o Outcome) error {
	if !slices.Contains([]PageState{PageDone, PageBlank, PageUnreadable, PageFailed}, o.State) {
		return fmt.Errorf("store: page run %d cannot end as %q: %w", job.Args.PageRunID, o.State, ErrInvalid)
	}
	var final error
	err := s.tx(ctx, func(tx pgx.Tx) error {
		final = nil
		pr, err := s.commitPageRun(ctx, tx, job.Args.PageRunID, o)
		if err != nil {
			return err
		}
		if PageState(pr.State) == PageCancelled {
			final = refused("page run", pr.ID, pr.State, o.State, true)
		}
		return completeJob(ctx, tx, job)
	})
	if err != nil {
		return err
	}
	return final
}

// commitPageRun does everything of CommitRead but the job. It returns the page run as it was before; where that was
// final already, nothing was changed.
func (s *Store) commitPageRun(ctx context.Context, tx pgx.Tx, id int64, o Outcome) (db.PageRun, error) {
	doc, err := s.lockOfPageRun(ctx, tx, id)
	if err != nil {
		return db.PageRun{}, err
	}
	row, err := s.q.PageRunByID(ctx, tx, id) // now nobody else can change it
	if err != nil {
		return db.PageRun{}, found(err, "page run %d", id)
	}
	pr, page := row.PageRun, int(row.Number)
	if PageState(pr.State).Final() {
		return pr, nil
	}
	if pr.Task == RegionsTask && o.State == PageDone {
		if o.Rows, err = s.withDrawn(ctx, tx, pr, o.Rows); err != nil {
			return pr, err
		}
	}
	if err := s.insertRows(ctx, tx, pr, page, o.Rows); err != nil {
		return pr, err
	}
	if err := s.insertObjects(ctx, tx, pr, o.Objects); err != nil {
		return pr, err
	}
	notes := make([]string, len(o.Notes))
	for i, n := range o.Notes {
		notes[i] = cleanText(n)
	}
	noteJSON, _ := json.Marshal(notes) // strings only
	failpoint.Here(failpoint.RowsInserted)
	n, err := s.q.FinishPageRun(ctx, tx, db.FinishPageRunParams{
		ID: id, State: string(o.State), Failure: o.Failure.json(), Model: cleanText(o.Model), Seconds: o.Seconds,
		Tokens: int64(o.Tokens), Notes: noteJSON, Records: pgtype.Int4{Int32: int32(len(o.Rows)), Valid: true},
		Confidence: meanConfidence(o.Rows), FromStates: PageTransitions.From(o.State),
	})
	if err != nil {
		return pr, fmt.Errorf("store: end page run %d: %w", id, err)
	}
	if n == 0 {
		return pr, refused("page run", id, pr.State, o.State, false)
	}
	if err := s.correctRead(ctx, tx, id); err != nil {
		return pr, err
	}
	if pr.Task == RegionsTask {
		if err := s.releaseWaiting(ctx, tx, doc, pr.Run); err != nil {
			return pr, err
		}
	}
	left, err := s.q.AddOpenPageRuns(ctx, tx, db.AddOpenPageRunsParams{ID: doc.ID, N: -1})
	if err != nil {
		return pr, fmt.Errorf("store: count of document %s: %w", doc.ID, err)
	}
	switch state := DocumentState(left.State); {
	case state.Final(): // it had ended before, and is read again
		err = s.endRerun(ctx, tx, doc, pr.Run)
	case left.OpenPageRuns == 0 && state == DocumentRunning:
		err = s.queueDocument(ctx, tx, DocumentID(doc.ID), FinishArgs{DocumentID: DocumentID(doc.ID)})
	}
	if err != nil {
		return pr, err
	}
	return pr, s.notify(ctx, tx, Event{Document: DocumentID(doc.ID), Page: page, Task: pr.Task, State: string(o.State)})
}

// meanConfidence is over the rows that have one; null where none has.
func meanConfidence(rows []Row) pgtype.Float8 {
	sum, n := 0.0, 0
	for _, r := range rows {
		if !math.IsNaN(r.Confidence) {
			sum += min(max(r.Confidence, 0), 1)
			n++
		}
	}
	return pgtype.Float8{Float64: sum / float64(max(n, 1)), Valid: n > 0}
}

func (s *Store) insertObjects(ctx context.Context, tx pgx.Tx, pr db.PageRun, objects []Object) error {
	if len(objects) == 0 {
		return nil
	}
	rows := make([]db.InsertObjectParams, len(objects))
	for i, o := range objects {
		rows[i] = db.InsertObjectParams{
			Document: pr.Document, PageRun: pgtype.Int8{Int64: pr.ID, Valid: true}, Task: pr.Task,
			Name: cleanText(o.Name), MediaType: cleanText(o.MediaType), Hash: o.Hash, Bytes: o.Bytes,
		}
	}
	var failed error
	s.q.InsertObject(ctx, tx, rows).Exec(func(i int, err error) {
		if err != nil && failed == nil {
			failed = fmt.Errorf("store: object %q of page run %d: %w", objects[i].Name, pr.ID, err)
		}
	})
	return failed
}
