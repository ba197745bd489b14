package store

import (
	"context"
	"testing"

	"github.com/riverqueue/river"
)

// die makes the read jobs look as a killed worker leaves them: running, by a name nobody holds.
func die(t *testing.T, s *Store, orphaned int) {
	t.Helper()
	execSQL(t, s, `update river.river_job set state = 'running', attempt = attempt + 1, attempted_at = now(),
		attempted_by = array['gone'], metadata = jsonb_build_object('palimpsest_orphaned', $1::integer) where kind = 'read'`, orphaned)
	execSQL(t, s, "update palimpsest.page_run set state = 'running'")
}

func TestJobsOfADeadWorkerGoBack(t *testing.T) {
	t.Parallel()
	s := open(t)
	check(t, s.EnsureRelations(t.Context(), ocr))
	d := submit(t, s, "a.pdf")
	execSQL(t, s, "delete from river.river_job")
	check(t, s.AddPages(t.Context(), d.ID, []NewPage{newPage(1), newPage(2)}))
	execSQL(t, s, "update palimpsest.document set state = 'running'")
	die(t, s, 0)
	pipeline{}.work(t, s)
	awaitState(t, s, d.ID, DocumentComplete)
	if n := one[int](t, s, "select count(*) from river.river_job where kind = 'read' and state = 'completed' and max_attempts = $1", MaxAttempts+1); n != 2 {
		t.Errorf("%d of 2 jobs were given back without losing an attempt", n)
	}
}

func TestJobsOfALivingWorkerStay(t *testing.T) {
	t.Parallel()
	s := open(t)
	hold := make(chan struct{})
	began := make(chan struct{}, 1)
	p := pipeline{pages: 1, options: WorkerOptions{Ingest: 1, Read: 1, Finish: 1, Name: "slow"}, read: func(ctx context.Context, job *river.Job[ReadArgs]) error {
		w, err := s.BeginRead(ctx, job.Args.PageRunID)
		if err != nil {
			return err
		}
		if w.Attempt > 1 {
			t.Error("a page that a living worker reads was given to another")
		}
		began <- struct{}{}
		<-hold
		return s.CommitRead(ctx, job, Outcome{State: PageDone})
	}}
	p.work(t, s)
	d := submit(t, s, "a.pdf")
	<-began
	p.options = WorkerOptions{Read: 1, Name: "other"}
	other := p.work(t, s)
	for range 5 {
		check(t, other.orphans.check(t.Context()))
	}
	close(hold)
	awaitState(t, s, d.ID, DocumentComplete)
}

func TestTwoWorkersCannotShareAName(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := pipeline{pages: 1, options: WorkerOptions{Read: 1, Name: "same"}}
	p.work(t, s)
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(context.Context, *river.Job[ReadArgs]) error { return nil }))
	w, err := s.NewWorker(workers, p.options)
	check(t, err)
	wantErr(t, w.Start(t.Context()), ErrConflict)
}

func TestAPageThatKillsEveryProcessIsGivenUp(t *testing.T) {
	t.Parallel()
	s := open(t)
	check(t, s.EnsureRelations(t.Context(), ocr))
	d := submit(t, s, "a.pdf")
	execSQL(t, s, "delete from river.river_job")
	check(t, s.AddPages(t.Context(), d.ID, []NewPage{newPage(1)}))
	execSQL(t, s, "update palimpsest.document set state = 'running'")
	die(t, s, maxOrphaned)
	pipeline{}.work(t, s)
	status := awaitState(t, s, d.ID, DocumentFailed)
	if status.Failure == nil || status.Failure.Kind != KindInternal {
		t.Errorf("failure %+v", status.Failure)
	}
	if state := one[string](t, s, "select state::text from river.river_job where kind = 'read'"); state != "discarded" {
		t.Errorf("its job is %s", state)
	}
}

func TestADocumentWhoseIngestKillsEveryProcessIsGivenUp(t *testing.T) {
	t.Parallel()
	s := open(t)
	d := submit(t, s, "a.pdf")
	execSQL(t, s, `update river.river_job set state = 'running', attempt = 1, attempted_at = now(),
		attempted_by = array['gone'], metadata = jsonb_build_object('palimpsest_orphaned', $1::integer)`, maxOrphaned)
	execSQL(t, s, "update palimpsest.document set state = 'ingesting'")
	pipeline{}.work(t, s)
	awaitState(t, s, d.ID, DocumentFailed)
}
