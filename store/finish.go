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

// BeginFinish gives the document a finish job is about, with its runs, of whatever tenant. ErrFinal: it has ended
// already and nothing is left to do.
func (s *Store) BeginFinish(ctx context.Context, id DocumentID) (doc Document, err error) {
	err = s.tx(ctx, func(tx pgx.Tx) error {
		row, err := s.lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if DocumentState(row.State).Final() {
			return fmt.Errorf("store: document %s has ended: %w", id, ErrFinal)
		}
		doc, err = s.document(ctx, tx, id)
		return err
	})
	return doc, err
}

// CommitFinish ends a document whose page runs are all final: its own objects, the states of its runs and its own,
// and the completion of the job, in one transaction. The document is complete when every page run is done or blank,
// failed when none is, and partial otherwise; a failure of the finish step itself makes a complete one partial. ctx
// must be the worker's.
func (s *Store) CommitFinish(ctx context.Context, job *river.Job[FinishArgs], objects []Object, failure *Failure) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		row, err := s.lock(ctx, tx, job.Args.DocumentID)
		if err != nil {
			return err
		}
		if !DocumentState(row.State).Final() {
			if err := s.finish(ctx, tx, row, objects, failure); err != nil {
				return err
			}
		}
		return completeJob(ctx, tx, job)
	})
}

func (s *Store) finish(ctx context.Context, tx pgx.Tx, row db.Document, objects []Object, failure *Failure) error {
	if row.OpenPageRuns > 0 {
		return fmt.Errorf("store: document %s has %d page runs still open: %w", row.ID, row.OpenPageRuns, ErrConflict)
	}
	if len(objects) > 0 {
		params := make([]db.UpsertDocumentObjectParams, len(objects))
		for i, o := range objects {
			params[i] = db.UpsertDocumentObjectParams{
				Document: row.ID, Task: o.Task, Name: cleanText(o.Name), MediaType: cleanText(o.MediaType), Hash: o.Hash, Bytes: o.Bytes,
			}
		}
		var failed error
		s.q.UpsertDocumentObject(ctx, tx, params).Exec(func(i int, err error) {
			if err != nil && failed == nil {
				failed = fmt.Errorf("store: object %q of document %s: %w", objects[i].Name, row.ID, err)
			}
		})
		if failed != nil {
			return failed
		}
	}
	all, err := s.endRuns(ctx, tx, row.ID)
	if err != nil {
		return err
	}
	to, why := all.outcome(), failure
	switch {
	case to == RunComplete && failure != nil:
		to = RunPartial
	case to == RunFailed && failure == nil:
		if why, err = s.firstFailure(ctx, tx, row.ID); err != nil {
			return err
		}
	}
	return s.moveDocument(ctx, tx, DocumentID(row.ID), DocumentState(to), why)
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

// firstFailure is the reason given for a document none of whose pages could be read.
func (s *Store) firstFailure(ctx context.Context, tx pgx.Tx, id string) (*Failure, error) {
	b, err := s.q.FirstFailure(ctx, tx, id)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return &Failure{Kind: KindBadInput, Message: "the document has no pages"}, nil
	case err != nil:
		return nil, fmt.Errorf("store: failures of document %s: %w", id, err)
	}
	f := readFailure(b)
	f.Message = "no page could be read; the first reason: " + f.Message
	return f, nil
}

// Cancel ends a document: all open page runs are cancelled, and so are its jobs; a worker that is busy with one has
// its context cancelled, wherever it runs. Rows of pages already read stay. ErrFinal where the document has ended.
func (s *Store) Cancel(ctx context.Context, id DocumentID) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		row, err := s.open(ctx, tx, id)
		if err != nil {
			return err
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
	if err := s.moveDocument(ctx, tx, id, to, f); err != nil {
		return err
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
