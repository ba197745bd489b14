package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"palimpsest.dev/store/internal/db"
)

// Finished is what a finish job made of a document.
type Finished struct {
	Revision int64    // of the document as BeginFinish gave it
	Objects  []Object // every file of the document as a whole; in the blob store already
	Failure  *Failure // why the step failed; then there are no objects
}

// BeginFinish gives the document a finish job is about, with its runs, of whatever tenant. ErrFinal: it has ended
// already, its files are of its present revision, and nothing is left to do.
func (s *Store) BeginFinish(ctx context.Context, id DocumentID) (doc Document, err error) {
	err = s.tx(ctx, func(tx pgx.Tx) error {
		row, err := s.lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if DocumentState(row.State).Final() && row.Revision == row.FinishedRevision {
			return fmt.Errorf("store: document %s has ended: %w", id, ErrFinal)
		}
		doc, err = s.document(ctx, tx, id)
		return err
	})
	return doc, err
}

// CommitFinish ends a document whose page runs are all final: its own objects, the states of its runs and its own,
// and the completion of the job, in one transaction. The document is complete when every page run is done or blank,
// failed when none is, and partial otherwise; a failure of the finish step itself makes a complete one partial. Of a
// document that had ended before, the files of its present revision take the place of the old ones. ErrRevised says that
// other rows have become current since BeginFinish: nothing was stored, and the job is to begin again. ctx must be the
// worker's.
func (s *Store) CommitFinish(ctx context.Context, job *river.Job[FinishArgs], f Finished) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		row, err := s.lock(ctx, tx, job.Args.DocumentID)
		if err != nil {
			return err
		}
		switch final := DocumentState(row.State).Final(); {
		case final && row.Revision == row.FinishedRevision:
		case final && f.Failure == nil && row.Revision != f.Revision:
			return fmt.Errorf("store: document %s is at revision %d, its files are of %d: %w", row.ID, row.Revision, f.Revision, ErrRevised)
		case final:
			err = s.finishRevision(ctx, tx, row, f.Objects, f.Failure)
		default:
			err = s.finish(ctx, tx, row, f.Objects, f.Failure)
		}
		if err != nil {
			return err
		}
		return completeJob(ctx, tx, job)
	})
}

func (s *Store) finish(ctx context.Context, tx pgx.Tx, row db.Document, objects []Object, failure *Failure) error {
	if row.OpenPageRuns > 0 {
		return fmt.Errorf("store: document %s has %d page runs still open: %w", row.ID, row.OpenPageRuns, ErrConflict)
	}
	if err := s.putDocumentObjects(ctx, tx, row.ID, objects); err != nil {
		return err
	}
	all, err := s.endRuns(ctx, tx, row.ID)
	if err != nil {
		return err
	}
	to, why := all.outcome(), failure
	switch {
	case to == RunComplete && failure != nil:
		to = RunPartial
	case to != RunComplete && failure == nil:
		if why, err = s.firstFailure(ctx, tx, row.ID, all); err != nil {
			return err
		}
	}
	return s.moveDocument(ctx, tx, DocumentID(row.ID), DocumentState(to), why)
}

// putDocumentObjects names files of the document as a whole.
func (s *Store) putDocumentObjects(ctx context.Context, tx pgx.Tx, id string, objects []Object) error {
	if len(objects) == 0 {
		return nil
	}
	params := make([]db.UpsertDocumentObjectParams, len(objects))
	for i, o := range objects {
		params[i] = db.UpsertDocumentObjectParams{
			Document: id, Task: o.Task, Name: cleanText(o.Name), MediaType: cleanText(o.MediaType), Hash: o.Hash, Bytes: o.Bytes,
		}
	}
	var failed error
	s.q.UpsertDocumentObject(ctx, tx, params).Exec(func(i int, err error) {
		if err != nil && failed == nil {
			failed = fmt.Errorf("store: object %q of document %s: %w", objects[i].Name, id, err)
		}
	})
	return failed
}

// tally counts page runs that ended well and badly.
type tally struct{ good, bad int64 }

func (t tally) outcome() RunState {
	switch {
	case t.good == 0:
		return RunFailed
	case t.bad > 0:
		return RunPartial
	}
	return RunComplete
}

// endRuns sets every run of the document to what its page runs make of it and returns the sum of all.
func (s *Store) endRuns(ctx context.Context, tx pgx.Tx, id string) (all tally, err error) {
	counts, err := s.q.RunTallies(ctx, tx, id)
	if err != nil {
		return all, fmt.Errorf("store: page runs of document %s: %w", id, err)
	}
	runs, err := s.q.RunsOfDocuments(ctx, tx, []string{id})
	if err != nil {
		return all, fmt.Errorf("store: runs of document %s: %w", id, err)
	}
	byRun := map[int64]tally{}
	for _, c := range counts {
		t := byRun[c.Run]
		if st := PageState(c.State); st == PageDone || st == PageBlank {
			t.good += c.N
			all.good += c.N
		} else {
			t.bad += c.N
			all.bad += c.N
		}
		byRun[c.Run] = t
	}
	for _, r := range runs {
		if err := s.moveRun(ctx, tx, r.ID, byRun[r.ID].outcome()); err != nil {
			return all, err
		}
	}
	return all, nil
}

// firstFailure is the reason given for a document some or all of whose pages could not be read; nil where none is known.
func (s *Store) firstFailure(ctx context.Context, tx pgx.Tx, id string, all tally) (*Failure, error) {
	b, err := s.q.FirstFailure(ctx, tx, id)
	switch {
	case errors.Is(err, pgx.ErrNoRows) && all.good > 0:
		return nil, nil
	case errors.Is(err, pgx.ErrNoRows):
		return &Failure{Kind: KindBadInput, Message: "the document has no pages"}, nil
	case err != nil:
		return nil, fmt.Errorf("store: failures of document %s: %w", id, err)
	}
	f := readFailure(b)
	if all.good > 0 {
		f.Message = fmt.Sprintf("%d of %d page runs failed; the first reason: %s", all.bad, all.bad+all.good, f.Message)
	} else {
		f.Message = "no page could be read; the first reason: " + f.Message
	}
	return f, nil
}

// Cancel ends a document: all open page runs are cancelled, and so are its jobs; a worker that is busy with one has
// its context cancelled, wherever it runs. Rows of pages already read stay. Of a document that has ended, the runs that
// read it again are cancelled, and it stays what it is; ErrFinal where there are none.
func (s *Store) Cancel(ctx context.Context, id DocumentID) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		row, err := s.lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if DocumentState(row.State).Final() {
			if row.OpenPageRuns == 0 {
				return fmt.Errorf("store: document %s is %s: %w", id, row.State, ErrFinal)
			}
			return s.endOpen(ctx, tx, id, RunCancelled)
		}
		if err := s.endDocument(ctx, tx, id, DocumentCancelled, RunCancelled, nil); err != nil {
			return err
		}
		if row.Job.Valid {
			return s.cancelJob(ctx, tx, row.Job.Int64)
		}
		return nil
	})
}

// endDocument ends a document before its time, with everything below it that is open.
func (s *Store) endDocument(ctx context.Context, tx pgx.Tx, id DocumentID, to DocumentState, run RunState, f *Failure) error {
	if err := s.endOpen(ctx, tx, id, run); err != nil {
		return err
	}
	return s.moveDocument(ctx, tx, id, to, f)
}

// endOpen cancels the page runs of a document that are open, with their jobs, and ends its open runs.
func (s *Store) endOpen(ctx context.Context, tx pgx.Tx, id DocumentID, run RunState) error {
	ended, err := s.q.EndPageRuns(ctx, tx, db.EndPageRunsParams{
		Document: string(id), State: string(PageCancelled), FromStates: PageTransitions.From(PageCancelled),
	})
	if err != nil {
		return fmt.Errorf("store: page runs of document %s: %w", id, err)
	}
	if _, err := s.q.AddOpenPageRuns(ctx, tx, db.AddOpenPageRunsParams{ID: string(id), N: int32(-len(ended))}); err != nil {
		return fmt.Errorf("store: count of document %s: %w", id, err)
	}
	err = s.q.EndRuns(ctx, tx, db.EndRunsParams{Document: string(id), State: string(run), FromStates: RunTransitions.From(run)})
	if err != nil {
		return fmt.Errorf("store: runs of document %s: %w", id, err)
	}
	for _, pr := range ended {
		if pr.Job.Valid {
			if err := s.cancelJob(ctx, tx, pr.Job.Int64); err != nil {
				return err
			}
		}
	}
	return nil
}

// cancelJob cancels a job of the queue, running or not; one that has ended, or was cleaned away, is left alone.
func (s *Store) cancelJob(ctx context.Context, tx pgx.Tx, job int64) error {
	if _, err := s.queue.JobCancelTx(ctx, tx, job); err != nil && !errors.Is(err, rivertype.ErrNotFound) {
		return fmt.Errorf("store: cancel job %d: %w", job, err)
	}
	return nil
}
