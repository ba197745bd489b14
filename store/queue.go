package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"
)

// The queues. Each has its own number of workers, so that a flood of pages does not keep new documents waiting.
const (
	QueueIngest = "ingest"
	QueueRead   = "read"
	QueueFinish = "finish"
)

const (
	// MaxAttempts is how often a job is tried when the kind of failure lets trying again help. Attempts cut short by
	// the death of the process do not count (see maxOrphaned).
	MaxAttempts = 4
	// rescueAfter is River's own net below orphan.go: longer than any job may last, because the limits of pages and
	// documents are deadlines of the workers, and River's timeout is off.
	rescueAfter = 24 * time.Hour
	// jobRetention keeps finished jobs for operators to look at; results are in our tables.
	jobRetention = 7 * 24 * time.Hour
	// unavailableDelay is how long a job waits that found the database away.
	unavailableDelay = 2 * time.Second
)

// openStates are the states in which a job still has work to do. Uniqueness is over these, so that a document taken
// up again later gets a new job.
var openStates = []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
	rivertype.JobStateRunning, rivertype.JobStateScheduled,
}

func insertOpts(queue string) river.InsertOpts {
	return river.InsertOpts{
		Queue: queue, MaxAttempts: MaxAttempts,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByQueue: true, ByState: openStates},
	}
}

// IngestArgs is the job that turns a document's bytes into pages.
type IngestArgs struct {
	DocumentID DocumentID `json:"document_id" river:"unique"`
}

// Kind names the job in the queue; it may not change.
func (IngestArgs) Kind() string { return "ingest" }

// InsertOpts puts the job, once, into its queue.
func (IngestArgs) InsertOpts() river.InsertOpts { return insertOpts(QueueIngest) }

// ReadArgs is the job that reads one page by one run.
type ReadArgs struct {
	PageRunID  int64      `json:"page_run_id" river:"unique"`
	DocumentID DocumentID `json:"document_id"`
}

// Kind names the job in the queue; it may not change.
func (ReadArgs) Kind() string { return "read" }

// InsertOpts puts the job, once, into its queue.
func (ReadArgs) InsertOpts() river.InsertOpts { return insertOpts(QueueRead) }

// FinishArgs is the job that makes a document's own artifacts when its last page is final.
type FinishArgs struct {
	DocumentID DocumentID `json:"document_id" river:"unique"`
}

// Kind names the job in the queue; it may not change.
func (FinishArgs) Kind() string { return "finish" }

// InsertOpts puts the job, once, into its queue.
func (FinishArgs) InsertOpts() river.InsertOpts { return insertOpts(QueueFinish) }

// Retryable reports whether trying again can help: not when the input itself is at fault.
func (k Kind) Retryable() bool { return k == KindModel || k == KindInternal }

// TryAgain reports whether a worker whose job failed with this kind should return the error to the queue, to be
// called again after RetryDelay, rather than record the failure and end.
func TryAgain(k Kind, job *rivertype.JobRow) bool {
	return k.Retryable() && job.Attempt < job.MaxAttempts
}

// RetryDelay is how long a job waits after its nth failed attempt: 2 s, 8 s, 32 s.
func RetryDelay(attempt int) time.Duration {
	return 2 * time.Second << (2 * min(max(attempt-1, 0), 4))
}

// WorkerOptions say how much one process works on at once. A queue with 0 workers is left to other processes.
type WorkerOptions struct {
	Ingest, Read, Finish, Scan int

	// Schedule: look for sources whose time has come, where this process is elected for it. Every process that works
	// on the queue should, because any may be elected.
	Schedule bool

	ErrorHandler river.ErrorHandler              // sees errors and panics of jobs; may be nil
	Log          *slog.Logger                    // nil means the store's
	StopWithin   time.Duration                   // running jobs get this long after Stop before they are cancelled; 0 means 10 s
	Name         string                          // of this process in job attempts; must be unique; empty means host, pid and a random part
	OrphanCheck  time.Duration                   // how often dead workers are looked for; 0 means 3 s
	RetryDelay   func(attempt int) time.Duration // nil means RetryDelay
}

// Worker is a River client that works jobs, and the watch over workers that died.
type Worker struct {
	*river.Client[pgx.Tx]
	orphans *orphanWatch
}

// NewWorker joins the workers to the queues. Start it; the context given to Start ends it as Stop does.
//
// A worker function that finds ErrFinal returns nil: there is nothing left to do. When its context ends it returns the
// context's error, and when the database is away ErrUnavailable (both may be wrapped): the attempt then does not
// count. When it returns any other error for the last time, or panics, the store records the failure itself.
func (s *Store) NewWorker(workers *river.Workers, o WorkerOptions) (*Worker, error) {
	queues := map[string]river.QueueConfig{}
	for name, n := range map[string]int{QueueIngest: o.Ingest, QueueRead: o.Read, QueueFinish: o.Finish, QueueScan: o.Scan} {
		if n > 0 {
			queues[name] = river.QueueConfig{MaxWorkers: n}
		}
	}
	if len(queues) == 0 {
		return nil, fmt.Errorf("store: worker: no queue has any workers: %w", ErrInvalid)
	}
	if o.Log == nil {
		o.Log = s.log
	}
	if o.StopWithin == 0 {
		o.StopWithin = 10 * time.Second
	}
	if o.OrphanCheck == 0 {
		o.OrphanCheck = 3 * time.Second
	}
	if o.RetryDelay == nil {
		o.RetryDelay = RetryDelay
	}
	if o.Name == "" {
		host, _ := os.Hostname() // an empty host name is still unique by what follows
		o.Name = fmt.Sprintf("%.40s-%d-%s", host, os.Getpid(), newDocumentID(time.Now())[24:])
	}
	var periodic []*river.PeriodicJob
	if o.Schedule {
		var err error
		if periodic, err = s.schedule(workers); err != nil {
			return nil, err
		}
		queues[QueueSchedule] = river.QueueConfig{MaxWorkers: 1}
	}
	orphans := newOrphanWatch(s, o.Name, o.OrphanCheck, o.Log)
	client, err := river.NewClient(riverpgxv5.New(s.pool), &river.Config{
		ID: o.Name, Schema: riverSchema, Queues: queues, Workers: workers, PeriodicJobs: periodic,
		// Deadlines are the workers' own: a page on a slow machine takes longer than any one number would allow.
		JobTimeout: -1, RescueStuckJobsAfter: rescueAfter, SoftStopTimeout: o.StopWithin,
		FetchCooldown: 20 * time.Millisecond, FetchOnlyKnownKinds: true,
		CompletedJobRetentionPeriod: jobRetention, CancelledJobRetentionPeriod: jobRetention, DiscardedJobRetentionPeriod: jobRetention,
		RetryPolicy: retryPolicy(o.RetryDelay), ErrorHandler: errorHandler{s, o.ErrorHandler}, Logger: o.Log,
		Middleware: []rivertype.Middleware{river.WorkerMiddlewareFunc(orphans.track)},
	})
	if err != nil {
		return nil, fmt.Errorf("store: worker: %w", err)
	}
	return &Worker{Client: client, orphans: orphans}, nil
}

// Start announces this process as alive, then begins to fetch jobs.
func (w *Worker) Start(ctx context.Context) error {
	if err := w.orphans.start(ctx); err != nil {
		return err
	}
	if err := w.Client.Start(ctx); err != nil {
		w.orphans.stop()
		return fmt.Errorf("store: worker: %w", err)
	}
	go func() {
		<-w.Client.Stopped() // however it was stopped: only then are its jobs nobody's
		w.orphans.stop()
	}()
	return nil
}

type retryPolicy func(attempt int) time.Duration

// NextRetry implements river.ClientRetryPolicy. Attempts that a dead process cut short raised both Attempt and
// MaxAttempts; errors alone decide the delay.
func (p retryPolicy) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().Add(p(len(job.Errors) + 1))
}

// completeJob completes the job in the transaction, if it is still running. It is not where the job was cancelled or
// another process has finished it meanwhile; then the rows' own state decides, not the job's.
func completeJob[A river.JobArgs](ctx context.Context, tx pgx.Tx, job *river.Job[A]) error {
	if _, err := river.ClientFromContextSafely[pgx.Tx](ctx); err != nil {
		return fmt.Errorf("store: job %d can only be completed with the context its worker was called with: %w", job.ID, err)
	}
	_, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job)
	if err != nil && !errors.Is(err, rivertype.ErrNotFound) {
		return fmt.Errorf("store: complete job %d: %w", job.ID, err)
	}
	return nil
}
