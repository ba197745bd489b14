package store

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
)

// A worker that never records an outcome must not keep its document waiting for ever.
func TestADocumentEndsWhateverItsWorkersDo(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken worker")
	for name, c := range map[string]struct {
		pipeline
		want    DocumentState
		message string
	}{
		"reading fails":   {pipeline{read: func(context.Context, *river.Job[ReadArgs]) error { return broken }}, DocumentFailed, "given up after 4 attempts: broken worker"},
		"reading panics":  {pipeline{read: func(context.Context, *river.Job[ReadArgs]) error { panic("oh") }}, DocumentFailed, "panic: oh"},
		"ingest fails":    {pipeline{ingest: func(context.Context, *river.Job[IngestArgs]) error { return broken }}, DocumentFailed, "broken worker"},
		"ingest panics":   {pipeline{ingest: func(context.Context, *river.Job[IngestArgs]) error { panic("oh") }}, DocumentFailed, "panic: oh"},
		"finish fails":    {pipeline{finish: func(context.Context, *river.Job[FinishArgs]) error { return broken }}, DocumentPartial, "broken worker"},
		"finish panics":   {pipeline{finish: func(context.Context, *river.Job[FinishArgs]) error { panic("oh") }}, DocumentPartial, "panic: oh"},
		"one page panics": {pipeline{}, DocumentPartial, "1 of 2 page runs failed; the first reason"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			c.pages = 2
			if name == "one page panics" {
				c.read = func(ctx context.Context, job *river.Job[ReadArgs]) error {
					w, err := s.BeginRead(ctx, job.Args.PageRunID)
					if err != nil {
						return err
					}
					if w.Page.Number == 2 {
						panic("oh")
					}
					return s.CommitRead(ctx, job, Outcome{State: PageDone, Rows: words(1)})
				}
			}
			c.work(t, s)
			d := submit(t, s, "a.pdf")
			got := await(t, s, d.ID, "an end", func(d DocumentStatus) bool { return d.State.Final() })
			if got.State != c.want {
				t.Errorf("document is %s, want %s", got.State, c.want)
			}
			if c.message != "" && (got.Failure == nil || !strings.Contains(got.Failure.Message, c.message)) {
				t.Errorf("failure %+v, want %q in it", got.Failure, c.message)
			}
		})
	}
}

func TestWhatIsLostIsFound(t *testing.T) {
	t.Parallel()
	s := open(t)
	var cancelled atomic.Int32
	pipeline{pages: 2, read: func(context.Context, *river.Job[ReadArgs]) error {
		defer cancelled.Add(1)
		return river.JobCancel(errors.New("and never a word about the page"))
	}}.work(t, s)
	d := submit(t, s, "a.pdf")
	await(t, s, d.ID, "all pages", func(d DocumentStatus) bool { return d.State == DocumentRunning })
	deadline := time.Now().Add(patience)
	for one[int](t, s, "select count(*) from river.river_job where kind = 'read' and state = 'cancelled'") < 2 {
		if time.Now().After(deadline) {
			t.Fatal("jobs were not cancelled")
		}
	}
	check(t, s.settleLost(t.Context(), lostAfter)) // too soon: a commit might be on its way
	if n := one[int](t, s, "select open_page_runs from palimpsest.document"); n != 2 {
		t.Errorf("%d page runs open after looking too soon", n)
	}
	check(t, s.settleLost(t.Context(), 0))
	got := awaitState(t, s, d.ID, DocumentFailed)
	if got.Failure == nil || !strings.Contains(got.Failure.Message, "without an outcome") {
		t.Errorf("failure %+v", got.Failure)
	}
}

func TestALostIngestJobIsFound(t *testing.T) {
	t.Parallel()
	s := open(t)
	d := submit(t, s, "a.pdf")
	check(t, s.settleLost(t.Context(), 0)) // its job waits: nothing is lost
	execSQL(t, s, "delete from river.river_job")
	check(t, s.settleLost(t.Context(), 0))
	awaitState(t, s, d.ID, DocumentFailed)
}

// The database was away when this worker wanted to say how its jobs ended.
func TestJobsWhoseEndWasLostGoBack(t *testing.T) {
	t.Parallel()
	s := open(t)
	check(t, s.EnsureRelations(t.Context(), ocr))
	d := submit(t, s, "a.pdf")
	o := newOrphanWatch(s, "me", time.Hour, quiet)
	jobs := func() int {
		check(t, o.check(t.Context()))
		return one[int](t, s, "select count(*) from river.river_job where state = 'available'")
	}
	execSQL(t, s, "update river.river_job set state = 'running', attempt = 1, attempted_at = now(), attempted_by = array['me']")
	job := one[int64](t, s, "select id from river.river_job")
	o.active[job] = true
	if jobs() != 0 || len(o.idle) != 0 {
		t.Error("a job this worker is at work on counts as idle")
	}
	delete(o.active, job)
	if jobs() != 0 || o.idle[job].IsZero() {
		t.Error("an idle job is given back at once, or is not noticed")
	}
	o.idle[job] = time.Now().Add(-2 * idleAfter)
	if jobs() != 1 {
		t.Error("a job idle for long is kept")
	}
	pipeline{pages: 1}.work(t, s)
	awaitState(t, s, d.ID, DocumentComplete)
}

func TestAttemptsWithoutADatabaseDoNotCount(t *testing.T) {
	t.Parallel()
	s := open(t)
	var tries atomic.Int32
	pipeline{pages: 1, read: func(ctx context.Context, job *river.Job[ReadArgs]) error {
		if tries.Add(1) <= 2 {
			// The connection is killed in the midst of a transaction.
			return s.tx(ctx, func(tx pgx.Tx) error {
				_, err := tx.Exec(ctx, "select pg_terminate_backend(pg_backend_pid())")
				return err
			})
		}
		if job.Attempt != 1 {
			t.Errorf("attempt %d after the database was away twice", job.Attempt)
		}
		if _, err := s.BeginRead(ctx, job.Args.PageRunID); err != nil {
			return err
		}
		return s.CommitRead(ctx, job, Outcome{State: PageBlank})
	}}.work(t, s)
	d := submit(t, s, "a.pdf")
	await(t, s, d.ID, "an end", func(d DocumentStatus) bool { return d.State.Final() })
	if n := tries.Load(); n != 3 {
		t.Errorf("%d tries", n)
	}
}
