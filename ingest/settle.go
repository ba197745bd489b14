package ingest

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"palimpsest.dev/internal/failpoint"
	"palimpsest.dev/store"
	"palimpsest.dev/store/blob"
)

// settler decides what becomes of a job whose work failed.
type settler struct {
	log    *slog.Logger
	commit func(context.Context, store.Failure) error // ends the job with its failure, in one transaction
	retry  func(context.Context, store.Failure) error // notes why there will be another try; may be nil
}

// settle maps the error a job's work returned to what the queue is told:
// nothing more to do, another try later, or the failure committed. ctx is the
// job's own, without our deadlines.
func (s settler) settle(ctx context.Context, job *rivertype.JobRow, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrFinal):
		// Cancelled meanwhile, or done by an earlier attempt that was killed
		// between its commit and its last breath.
		return nil
	case errors.Is(err, store.ErrRevised):
		return river.JobSnooze(0) // what it was made of has changed meanwhile: at once again, no attempt counted
	case errors.Is(context.Cause(ctx), rivertype.ErrJobCancelledRemotely):
		return river.JobCancel(err)
	case errors.Is(err, store.ErrUnavailable):
		return err // an outage says nothing about the page: the queue waits, and counts no attempt
	case errors.Is(err, blob.ErrUnavailable) && ctx.Err() == nil:
		s.log.WarnContext(ctx, "job waits for the object store", "job", job.ID, "error", err)
		return river.JobSnooze(outageDelay) // neither does this one
	case ctx.Err() != nil:
		return river.JobSnooze(0) // we are being stopped: at once again when somebody works
	}
	f := Classify(err)
	log := s.log.With("job", job.ID, "queue", job.Queue, "attempt", job.Attempt, "kind", f.Kind)
	if !f.Final && store.TryAgain(f.Kind, job) {
		log.WarnContext(ctx, "job will be tried again", "error", err)
		if s.retry != nil {
			err = errors.Join(err, s.retry(ctx, f.Failure))
		}
		return err
	}
	log.ErrorContext(ctx, "job failed", "error", err)
	failpoint.Here(failpoint.FailureDecided)
	cerr := s.commit(ctx, f.Failure)
	if errors.Is(cerr, store.ErrFinal) {
		return nil
	}
	if cerr != nil {
		// The failure could not be written down. Trying again is all there is
		// to do, and never counts as an attempt: the page must not be lost.
		log.ErrorContext(ctx, "failure could not be committed", "error", cerr)
		return river.JobSnooze(commitAgain)
	}
	failpoint.Here(failpoint.FailureCommitted)
	return nil
}

// outageDelay is how long a job waits that found the object store away; the
// client has tried for some seconds by then.
const outageDelay = 2 * time.Second

// commitAgain is how long a job waits whose failure could not be written.
const commitAgain = 30 * time.Second
