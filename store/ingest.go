package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/riverqueue/river"

	"palimpsest.dev/store/internal/db"
)

// MaxChunk bounds the pages of one AddPages: what one transaction stores and what a killed process does again.
const MaxChunk = 32

// Submit stores a document, its runs and its ingest job in one transaction. Where the tenant has used the idempotency
// key before, the document of that time is returned and created is false; ErrConflict says that it was another
// request.
func (s *Store) Submit(ctx context.Context, d NewDocument) (doc Document, created bool, err error) {
	if err := d.check(); err != nil {
		return Document{}, false, err
	}
	err = s.tx(ctx, func(tx pgx.Tx) (err error) {
		doc, created, err = s.submit(ctx, tx, d)
		return err
	})
	if err != nil {
		return Document{}, false, err
	}
	return doc, created, nil
}

// submit is Submit within a transaction, of a document that was checked.
func (s *Store) submit(ctx context.Context, tx pgx.Tx, d NewDocument) (doc Document, created bool, err error) {
	id, digest := newDocumentID(time.Now()), d.requestDigest()
	n, err := s.q.InsertDocument(ctx, tx, db.InsertDocumentParams{
		ID: string(id), Tenant: d.Tenant, Name: d.Name, Hash: d.Hash, Bytes: d.Bytes,
		Password: optional(d.Password), IdempotencyKey: optional(d.IdempotencyKey), RequestDigest: digest,
	})
	if err != nil {
		return Document{}, false, fmt.Errorf("store: submit %q: %w", d.Name, err)
	}
	if n == 0 {
		doc, err = s.submittedBefore(ctx, tx, d, digest)
		return doc, false, err
	}
	for _, r := range d.Runs {
		if _, err := s.ensureRun(ctx, tx, id, r, nil); err != nil {
			return Document{}, false, err
		}
	}
	if err := s.queueDocument(ctx, tx, id, IngestArgs{DocumentID: id}); err != nil {
		return Document{}, false, err
	}
	if doc, err = s.document(ctx, tx, id); err != nil {
		return Document{}, false, err
	}
	return doc, true, s.notify(ctx, tx, Event{Document: id, State: string(DocumentReceived)})
}

// ensureRun finds the document's run of this digest that has not failed on one of the pages, or makes it, after the one
// that it waits for.
func (s *Store) ensureRun(ctx context.Context, tx pgx.Tx, id DocumentID, r NewRun, pages []int) (run int64, err error) {
	row, err := s.q.RunOfDigest(ctx, tx, db.RunOfDigestParams{Document: string(id), Task: r.Task, Digest: r.digest(), Numbers: numbers32(pages)})
	if err == nil || !errors.Is(err, pgx.ErrNoRows) {
		return row.ID, found(err, "run of %s over document %s", r.Task, id)
	}
	regions, err := s.ensureRegions(ctx, tx, id, r, pages)
	if err != nil {
		return 0, err
	}
	fingerprint, _ := json.Marshal(r.fingerprint()) // strings only
	row, err = s.q.InsertRun(ctx, tx, db.InsertRunParams{
		Document: string(id), Task: r.Task, Options: optionsJSON(r.Options), Fingerprint: fingerprint, Digest: r.digest(), Regions: regions,
	})
	return row.ID, found(err, "run of %s over document %s", r.Task, id)
}

func (s *Store) submittedBefore(ctx context.Context, tx pgx.Tx, d NewDocument, digest string) (Document, error) {
	row, err := s.q.DocumentByKey(ctx, tx, db.DocumentByKeyParams{Tenant: d.Tenant, IdempotencyKey: optional(d.IdempotencyKey)})
	if err != nil {
		return Document{}, found(err, "document of idempotency key %q", d.IdempotencyKey)
	}
	if row.RequestDigest != digest && !d.byKey {
		return Document{}, fmt.Errorf("store: submit %q: idempotency key %q was used for document %s with another content, name, task or option: %w",
			d.Name, d.IdempotencyKey, row.ID, ErrConflict)
	}
	return s.document(ctx, tx, DocumentID(row.ID))
}

// document reads a document with its runs.
func (s *Store) document(ctx context.Context, conn db.DBTX, id DocumentID) (Document, error) {
	row, err := s.q.DocumentByID(ctx, conn, string(id))
	if err != nil {
		return Document{}, found(err, "document %s", id)
	}
	runs, err := s.q.RunsOfDocuments(ctx, conn, []string{string(id)})
	if err != nil {
		return Document{}, fmt.Errorf("store: runs of document %s: %w", id, err)
	}
	return readDocument(row, runs), nil
}

// lock takes the document's row, which every transaction that changes anything below it holds first.
func (s *Store) lock(ctx context.Context, tx pgx.Tx, id DocumentID) (db.Document, error) {
	row, err := s.q.LockDocument(ctx, tx, string(id))
	return row, found(err, "document %s", id)
}

// BeginIngest moves the document to ingesting and says how many of its pages are stored already: more than 0 where an
// earlier attempt was cut short, which went through the pages in order. The document carries its password. ErrFinal
// means that there is nothing to do any more.
func (s *Store) BeginIngest(ctx context.Context, id DocumentID) (doc Document, done int, err error) {
	err = s.tx(ctx, func(tx pgx.Tx) error {
		row, err := s.lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if DocumentState(row.State) == DocumentRunning {
			// Committed by an attempt whose completion of the job the queue has not seen: nothing is left to do.
			return fmt.Errorf("store: document %s has all its pages: %w", id, ErrFinal)
		}
		if err := s.moveDocument(ctx, tx, id, DocumentIngesting, nil); err != nil {
			return err
		}
		n, err := s.q.CountPages(ctx, tx, string(id))
		if err != nil {
			return fmt.Errorf("store: pages of document %s: %w", id, err)
		}
		done = int(n)
		doc, err = s.document(ctx, tx, id)
		doc.Password = row.Password.String
		return err
	})
	return doc, done, err
}

// Source is what was found out about a document's bytes.
type Source struct {
	Format    string // "pdf", "tiff" ...
	MediaType string
	Pages     int
	Notes     []Note
}

// SetSource records what a document is made of.
func (s *Store) SetSource(ctx context.Context, id DocumentID, src Source) error {
	for i, n := range src.Notes {
		src.Notes[i] = Note{Kind: cleanText(n.Kind), Text: cleanText(n.Text)}
	}
	notes, err := json.Marshal(append([]Note{}, src.Notes...))
	if err != nil {
		return fmt.Errorf("store: notes of document %s: %w", id, err)
	}
	return s.tx(ctx, func(tx pgx.Tx) error {
		if _, err := s.open(ctx, tx, id); err != nil {
			return err
		}
		err := s.q.SetSource(ctx, tx, db.SetSourceParams{
			ID: string(id), Format: cleanText(src.Format), MediaType: cleanText(src.MediaType), Pages: int32(src.Pages), Notes: notes,
		})
		if err != nil {
			return fmt.Errorf("store: source of document %s: %w", id, err)
		}
		return s.notify(ctx, tx, Event{Document: id, State: string(DocumentIngesting)})
	})
}

// open locks a document that must not have ended.
func (s *Store) open(ctx context.Context, tx pgx.Tx, id DocumentID) (db.Document, error) {
	row, err := s.lock(ctx, tx, id)
	if err == nil && DocumentState(row.State).Final() {
		err = fmt.Errorf("store: document %s is %s: %w", id, row.State, ErrFinal)
	}
	return row, err
}

// NewPage is one page as rendered. Hashes name objects that are in the blob store already.
type NewPage struct {
	Number        int     // from 1
	Member        string  // name of the file inside an archive
	Width, Height int     // of the upright raster, in pixels
	DPI, XHeight  float64 // 0 where not known
	Rotation      int     // degrees clockwise that made it upright
	ToSource      [6]float64
	SourceUnit    string // "pt" or "px"
	RasterHash    string // upright raster, PNG
	SquareHash    string // letterboxed square, PNG
	TextHash      string // text layer and lines found in the pixels, JSON
	SquareToPage  [6]float64
	Blank         bool     // nothing on it to read: its page runs are final at once
	Failure       *Failure // could not be rendered: its page runs fail at once
}

// AddPages stores up to MaxChunk pages, a page run for each page and run, and their read jobs, in one transaction.
// Pages stored by an attempt before a crash are left as they are, so a chunk may be added again. ErrFinal means that
// the document was cancelled meanwhile.
func (s *Store) AddPages(ctx context.Context, id DocumentID, pages []NewPage) error {
	if len(pages) == 0 {
		return nil
	}
	if len(pages) > MaxChunk {
		return fmt.Errorf("store: %d pages of document %s at once, at most %d: %w", len(pages), id, MaxChunk, ErrInvalid)
	}
	numbers, rows := make([]int32, len(pages)), make([]db.InsertPageParams, len(pages))
	for i, p := range pages {
		numbers[i] = int32(p.Number)
		rows[i] = db.InsertPageParams{
			Document: string(id), Number: int32(p.Number), Member: cleanText(p.Member), Width: int32(p.Width), Height: int32(p.Height),
			Dpi: p.DPI, XHeight: p.XHeight, Rotation: int32(p.Rotation), ToSource: p.ToSource[:], SourceUnit: p.SourceUnit,
			SquareToPage: p.SquareToPage[:], RasterHash: optional(p.RasterHash), SquareHash: optional(p.SquareHash),
			TextHash: optional(p.TextHash), Blank: p.Blank, Failure: p.Failure.json(),
		}
	}
	return s.tx(ctx, func(tx pgx.Tx) error {
		if _, err := s.open(ctx, tx, id); err != nil {
			return err
		}
		var failed error
		s.q.InsertPage(ctx, tx, rows).Exec(func(i int, err error) {
			if err != nil && failed == nil {
				failed = fmt.Errorf("store: page %d of document %s: %w", pages[i].Number, id, err)
			}
		})
		if failed != nil {
			return failed
		}
		runs, err := s.q.InsertPageRuns(ctx, tx, db.InsertPageRunsParams{Document: string(id), Numbers: numbers})
		if err != nil {
			return fmt.Errorf("store: page runs of document %s: %w", id, err)
		}
		return s.queuePageRuns(ctx, tx, id, runs, numbers)
	})
}

// queuePageRuns inserts a read job for each page run that is queued, and counts it, and those that wait for regions, as
// open.
func (s *Store) queuePageRuns(ctx context.Context, tx pgx.Tx, id DocumentID, runs []db.InsertPageRunsRow, numbers []int32) error {
	var ids []int64
	open := int32(0)
	for _, r := range runs {
		if PageState(r.State) == PageQueued {
			ids = append(ids, r.ID)
		}
		if !PageState(r.State).Final() {
			open++
		}
	}
	if err := s.insertReads(ctx, tx, id, ids); err != nil {
		return err
	}
	if open > 0 {
		if _, err := s.q.AddOpenPageRuns(ctx, tx, db.AddOpenPageRunsParams{ID: string(id), N: open}); err != nil {
			return fmt.Errorf("store: count of document %s: %w", id, err)
		}
	}
	if err := s.q.StartRuns(ctx, tx, db.StartRunsParams{Document: string(id), State: string(RunRunning), FromStates: RunTransitions.From(RunRunning)}); err != nil {
		return fmt.Errorf("store: runs of document %s: %w", id, err)
	}
	events := make([]Event, 0, len(numbers))
	for _, n := range numbers {
		events = append(events, Event{Document: id, Page: int(n), State: string(PageQueued)})
	}
	return s.notify(ctx, tx, events...)
}

// insertReads inserts the read jobs of page runs.
func (s *Store) insertReads(ctx context.Context, tx pgx.Tx, id DocumentID, pageRuns []int64) error {
	if len(pageRuns) == 0 {
		return nil
	}
	params, jobs := make([]river.InsertManyParams, len(pageRuns)), make([]int64, len(pageRuns))
	for i, pr := range pageRuns {
		params[i] = river.InsertManyParams{Args: ReadArgs{PageRunID: pr, DocumentID: id}}
	}
	results, err := s.queue.InsertManyTx(ctx, tx, params)
	if err != nil {
		return fmt.Errorf("store: read jobs of document %s: %w", id, err)
	}
	for i, r := range results {
		jobs[i] = r.Job.ID
	}
	if err := s.q.SetJobs(ctx, tx, db.SetJobsParams{Ids: pageRuns, Jobs: jobs}); err != nil {
		return fmt.Errorf("store: read jobs of document %s: %w", id, err)
	}
	return nil
}

// EndIngest says that all pages are stored: the document is running, or, where no page is left to be read, its finish
// job is queued at once. The ingest job completes in the same transaction; ctx must be the worker's.
func (s *Store) EndIngest(ctx context.Context, job *river.Job[IngestArgs]) error {
	id := job.Args.DocumentID
	return s.tx(ctx, func(tx pgx.Tx) error {
		row, err := s.lock(ctx, tx, id)
		if err != nil {
			return err
		}
		state := DocumentState(row.State)
		if state == DocumentRunning || state.Final() { // committed by an attempt the queue lost sight of, or cancelled
			return completeJob(ctx, tx, job)
		}
		if err := s.moveDocument(ctx, tx, id, DocumentRunning, nil); err != nil {
			return err
		}
		if err := s.q.ErasePassword(ctx, tx, string(id)); err != nil {
			return fmt.Errorf("store: password of document %s: %w", id, err)
		}
		if row.OpenPageRuns == 0 {
			if err := s.queueDocument(ctx, tx, id, FinishArgs{DocumentID: id}); err != nil {
				return err
			}
		}
		return completeJob(ctx, tx, job)
	})
}

// queueDocument inserts a job over the document itself and keeps its number, for Cancel.
func (s *Store) queueDocument(ctx context.Context, tx pgx.Tx, id DocumentID, args river.JobArgs) error {
	r, err := s.queue.InsertTx(ctx, tx, args, nil)
	if err == nil {
		err = s.q.SetDocumentJob(ctx, tx, db.SetDocumentJobParams{ID: string(id), Job: pgtype.Int8{Int64: r.Job.ID, Valid: true}})
	}
	if err != nil {
		return fmt.Errorf("store: %s job of document %s: %w", args.Kind(), id, err)
	}
	return nil
}

// FailDocument ends a document that cannot be ingested: state failed with the reason, page runs still open cancelled,
// job completed, in one transaction. Rows of pages already read stay. ctx must be the worker's.
func (s *Store) FailDocument(ctx context.Context, job *river.Job[IngestArgs], f Failure) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		row, err := s.lock(ctx, tx, job.Args.DocumentID)
		if err != nil {
			return err
		}
		if !DocumentState(row.State).Final() {
			if err := s.endDocument(ctx, tx, job.Args.DocumentID, DocumentFailed, RunFailed, &f); err != nil {
				return err
			}
		}
		return completeJob(ctx, tx, job)
	})
}

// optional maps the empty string to NULL.
func optional(s string) pgtype.Text { return pgtype.Text{String: s, Valid: s != ""} }
