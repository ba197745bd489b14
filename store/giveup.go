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
	"github.com/riverqueue/river/rivertype"
)

// giveUpWithin bounds recording a failure whose own context may have ended.
const giveUpWithin = 30 * time.Second

// giveUp records that a job will never be done: its page run fails, or its document, or the finish step of it. What
// is final already stays. With and, if not nil, more is done in the same transaction.
func (s *Store) giveUp(ctx context.Context, kind string, encoded []byte, f Failure, and func(pgx.Tx) error) error {
	var args ReadArgs // the other jobs' arguments are a part of these
	if err := json.Unmarshal(encoded, &args); err != nil {
		return fmt.Errorf("store: arguments of a %s job: %w", kind, err)
	}
	return s.tx(ctx, func(tx pgx.Tx) error {
		var err error
		switch kind {
		case ReadArgs{}.Kind():
			_, err = s.commitPageRun(ctx, tx, args.PageRunID, Outcome{State: PageFailed, Failure: &f})
		case IngestArgs{}.Kind(), FinishArgs{}.Kind():
			err = s.giveUpDocument(ctx, tx, args.DocumentID, kind, f)
		case ScanArgs{}.Kind():
			err = s.giveUpScan(ctx, tx, encoded, f)
		}
		if errors.Is(err, ErrNotFound) {
			err = nil // the document was removed meanwhile
		}
		if err == nil && and != nil {
			err = and(tx)
		}
		return err
	})
}

func (s *Store) giveUpDocument(ctx context.Context, tx pgx.Tx, id DocumentID, kind string, f Failure) error {
	row, err := s.lock(ctx, tx, id)
	if err != nil {
		return err
	}
	if DocumentState(row.State).Final() {
		if kind == (FinishArgs{}).Kind() && row.Revision != row.FinishedRevision {
			return s.finishRevision(ctx, tx, row, nil, &f) // its files stay those of an older revision
		}
		return nil
	}
	if kind == (FinishArgs{}).Kind() && row.OpenPageRuns == 0 {
		return s.finish(ctx, tx, row, nil, &f) // its pages were read: that is not lost
	}
	if DocumentState(row.State) == DocumentRunning && kind == (IngestArgs{}).Kind() {
		return nil // its pages are stored; the job's end alone went wrong
	}
	return s.endDocument(ctx, tx, id, DocumentFailed, RunFailed, &f)
}

// errorHandler sees to it that a job which fails or panics for the last time leaves an outcome, whatever its worker
// does: a document must always come to an end.
type errorHandler struct {
	s    *Store
	next river.ErrorHandler // may be nil
}

// HandleError implements river.ErrorHandler.
func (h errorHandler) HandleError(ctx context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	h.last(ctx, job, Failure{Kind: KindInternal, Message: err.Error()})
	if h.next != nil {
		return h.next.HandleError(ctx, job, err)
	}
	return nil
}

// HandlePanic implements river.ErrorHandler.
func (h errorHandler) HandlePanic(ctx context.Context, job *rivertype.JobRow, val any, trace string) *river.ErrorHandlerResult {
	h.last(ctx, job, Failure{Kind: KindInternal, Message: fmt.Sprintf("panic: %v", val), Hint: "this is a fault of the program; its log has the place"})
	if h.next != nil {
		return h.next.HandlePanic(ctx, job, val, trace)
	}
	return nil
}

func (h errorHandler) last(ctx context.Context, job *rivertype.JobRow, f Failure) {
	if job.Attempt < job.MaxAttempts {
		return
	}
	f.Message = fmt.Sprintf("given up after %d attempts: %s", max(len(job.Errors)+1, 1), f.Message)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveUpWithin)
	defer cancel()
	if err := h.s.giveUp(ctx, job.Kind, job.EncodedArgs, f, nil); err != nil {
		h.s.log.ErrorContext(ctx, "a failure could not be recorded; the next look for lost work will", "job", job.ID, "error", err)
	}
}

// settleLost ends what waits for a job that has ended without an outcome. No known way leads there; it is the net
// below all others, because a document that never ends is the one thing nobody would notice.
func (s *Store) settleLost(ctx context.Context, age time.Duration) error {
	f := Failure{Kind: KindInternal, Message: "its job ended without an outcome", Hint: "this is a fault of the program; submit the document again"}
	runs, err := s.q.LostPageRuns(ctx, s.pool, interval(age))
	if err != nil {
		return fmt.Errorf("store: lost page runs: %w", err)
	}
	for _, r := range runs {
		args, _ := json.Marshal(ReadArgs{PageRunID: r.ID, DocumentID: DocumentID(r.Document)}) // a number and a string
		if err := s.giveUp(ctx, ReadArgs{}.Kind(), args, f, nil); err != nil {
			return err
		}
	}
	documents, err := s.q.LostDocuments(ctx, s.pool, interval(age))
	if err != nil {
		return fmt.Errorf("store: lost documents: %w", err)
	}
	for _, d := range documents {
		kind := IngestArgs{}.Kind()
		if DocumentState(d.State) == DocumentRunning {
			kind = FinishArgs{}.Kind()
		}
		args, _ := json.Marshal(FinishArgs{DocumentID: DocumentID(d.ID)}) // a string
		if err := s.giveUp(ctx, kind, args, f, nil); err != nil {
			return err
		}
	}
	revisions, err := s.q.LostRevisions(ctx, s.pool, interval(age))
	if err != nil {
		return fmt.Errorf("store: lost revisions: %w", err)
	}
	for _, id := range revisions {
		args, _ := json.Marshal(FinishArgs{DocumentID: DocumentID(id)}) // a string
		if err := s.giveUp(ctx, FinishArgs{}.Kind(), args, f, nil); err != nil {
			return err
		}
	}
	return s.settleLostScans(ctx, age, Failure{Kind: f.Kind, Message: f.Message, Hint: "this is a fault of the program; scan the source again"})
}

func interval(d time.Duration) pgtype.Interval {
	return pgtype.Interval{Microseconds: d.Microseconds(), Valid: true}
}
