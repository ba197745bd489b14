package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river"
)

func TestCommitReadAfterACrash(t *testing.T) {
	t.Parallel()
	// What happens around the commit on the first attempts at a page; the last attempt goes well.
	for name, attempt := range map[string]func(ctx context.Context, s *Store, job *river.Job[ReadArgs], o Outcome) error{
		"dies before it": func(context.Context, *Store, *river.Job[ReadArgs], Outcome) error { panic("killed before the commit") },
		"dies after it": func(ctx context.Context, s *Store, job *river.Job[ReadArgs], o Outcome) error {
			if err := s.CommitRead(ctx, job, o); err != nil {
				return err
			}
			panic("killed after the commit")
		},
		"commits twice": func(ctx context.Context, s *Store, job *river.Job[ReadArgs], o Outcome) error {
			return errors.Join(s.CommitRead(ctx, job, o), s.CommitRead(ctx, job, o))
		},
		"two at once": func(ctx context.Context, s *Store, job *river.Job[ReadArgs], o Outcome) error {
			var wg sync.WaitGroup
			errs := make([]error, 4)
			for i := range errs {
				wg.Go(func() { errs[i] = s.CommitRead(ctx, job, o) })
			}
			wg.Wait()
			return errors.Join(errs...)
		},
		"is refused": func(ctx context.Context, s *Store, job *river.Job[ReadArgs], o Outcome) error {
			// The last row cannot be stored: nothing of the others may be there.
			o.Rows = append(words(50), Row{Relation: "word", Seq: 0, Source: "model"})
			err := s.CommitRead(ctx, job, o)
			if err == nil {
				return errors.New("two rows with one number were stored")
			}
			if n := one[int](t, s, "select count(*) from task_ocr.word where page_run = $1", job.Args.PageRunID); n != 0 {
				return fmt.Errorf("%d rows of a refused commit", n)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			var tries sync.Map
			pipeline{pages: 3, read: func(ctx context.Context, job *river.Job[ReadArgs]) error {
				if _, err := s.BeginRead(ctx, job.Args.PageRunID); err != nil {
					return err
				}
				o := Outcome{State: PageDone, Rows: words(20), Objects: []Object{{Name: "page.txt", MediaType: "text/plain", Hash: hashOf("t"), Bytes: 3}}, Model: "m", Seconds: 2, Tokens: 40}
				if _, again := tries.LoadOrStore(job.Args.PageRunID, true); !again {
					return attempt(ctx, s, job, o)
				}
				return s.CommitRead(ctx, job, o)
			}}.work(t, s)
			d := submit(t, s, "a.pdf")
			awaitState(t, s, d.ID, DocumentComplete)
			for query, want := range map[string]int{
				"select count(*) from ocr_word": 60, "select count(*) from task_ocr.word": 60, "select count(*) from palimpsest.object": 3,
				"select count(*) from palimpsest.page_run where state = 'done' and current and tokens = 40 and model = 'm'": 3,
				"select count(*) from river.river_job where kind = 'finish'":                                                1,
				"select open_page_runs from palimpsest.document":                                                            0,
			} {
				if n := one[int](t, s, query); n != want {
					t.Errorf("%s: %d, want %d", query, n, want)
				}
			}
		})
	}
}

func TestCancelReachesRunningJobs(t *testing.T) {
	t.Parallel()
	s := open(t)
	const pages = 40
	busy := make(chan struct{}, pages)
	results := make(chan error, pages)
	var once atomic.Bool
	pipeline{pages: pages, options: WorkerOptions{Ingest: 1, Read: 2, Finish: 1}, read: func(ctx context.Context, job *river.Job[ReadArgs]) error {
		if _, err := s.BeginRead(ctx, job.Args.PageRunID); err != nil {
			return err
		}
		if once.CompareAndSwap(false, true) {
			return s.CommitRead(ctx, job, Outcome{State: PageDone, Rows: words(2)})
		}
		busy <- struct{}{}
		<-ctx.Done() // a page being decoded: only a cancelled context ends it
		// A result that comes all the same is not stored, and says so.
		results <- s.CommitRead(context.WithoutCancel(ctx), job, Outcome{State: PageDone, Rows: words(2)})
		return ctx.Err()
	}}.work(t, s)
	d := submit(t, s, "a.pdf")
	<-busy
	<-busy
	check(t, s.Cancel(t.Context(), d.ID))
	for range 2 {
		select {
		case err := <-results:
			wantErr(t, err, ErrFinal)
		case <-time.After(patience):
			t.Fatal("cancelling did not reach a running job")
		}
	}
	status, err := s.Document(t.Context(), "", d.ID)
	check(t, err)
	if status.State != DocumentCancelled || status.Runs[0].State != RunCancelled || status.OpenPageRuns != 0 {
		t.Errorf("after cancelling: %+v", status)
	}
	for query, want := range map[string]int{
		"select count(*) from palimpsest.page_run where state = 'cancelled'":                                            pages - 1,
		"select count(*) from palimpsest.page_run where state = 'done'":                                                 1,
		"select count(*) from ocr_word":                                                                                 2, // what was read before stays
		"select count(*) from river.river_job where kind = 'read' and state in ('available', 'retryable', 'scheduled')": 0,
	} {
		if n := one[int](t, s, query); n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
	wantErr(t, s.Cancel(t.Context(), d.ID), ErrFinal)
	wantErr(t, s.AddPages(t.Context(), d.ID, []NewPage{newPage(pages + 1)}), ErrFinal)
	_, _, err = s.BeginIngest(t.Context(), d.ID)
	wantErr(t, err, ErrFinal)
	_, err = s.BeginRead(t.Context(), one[int64](t, s, "select max(id) from palimpsest.page_run"))
	wantErr(t, err, ErrFinal)
	wantErr(t, s.Cancel(t.Context(), newDocumentID(time.Now())), ErrNotFound)
}

func TestCancelReachesIngest(t *testing.T) {
	t.Parallel()
	s := open(t)
	begun, ended := make(chan struct{}), make(chan error, 1)
	pipeline{ingest: func(ctx context.Context, job *river.Job[IngestArgs]) error {
		if _, _, err := s.BeginIngest(ctx, job.Args.DocumentID); err != nil {
			return err
		}
		close(begun)
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}}.work(t, s)
	d := submit(t, s, "a.pdf")
	<-begun
	check(t, s.Cancel(t.Context(), d.ID))
	wantErr(t, <-ended, context.Canceled)
	awaitState(t, s, d.ID, DocumentCancelled)
}

func TestFailuresAreTriedAgainByKind(t *testing.T) {
	t.Parallel()
	s := open(t)
	kinds := []Kind{KindBadInput, KindTooLarge, KindUnsupported, KindModel, KindInternal}
	var attempts [5]atomic.Int32
	pipeline{pages: len(kinds), read: func(ctx context.Context, job *river.Job[ReadArgs]) error {
		w, err := s.BeginRead(ctx, job.Args.PageRunID)
		if err != nil {
			return err
		}
		kind := kinds[w.Page.Number-1]
		attempts[w.Page.Number-1].Add(1)
		f := Failure{Kind: kind, Message: fmt.Sprintf("attempt %d", w.Attempt)}
		if TryAgain(kind, job.JobRow) {
			if err := s.NoteRetry(ctx, job.Args.PageRunID, f); err != nil {
				return err
			}
			return errors.New(f.Message)
		}
		return s.CommitRead(ctx, job, Outcome{State: PageFailed, Failure: &f})
	}}.work(t, s)
	d := submit(t, s, "a.pdf")
	awaitState(t, s, d.ID, DocumentFailed)
	pages, err := s.Pages(t.Context(), d.ID)
	check(t, err)
	for i, p := range pages {
		want := 1
		if kinds[i].Retryable() {
			want = MaxAttempts
		}
		r := p.Runs[0]
		if int(attempts[i].Load()) != want || r.Attempts != want || r.State != PageFailed || r.Failure.Kind != kinds[i] || r.Failure.Message != fmt.Sprintf("attempt %d", want) {
			t.Errorf("%s: %d attempts, want %d; stored %+v with %+v", kinds[i], attempts[i].Load(), want, r, r.Failure)
		}
	}
}

func TestRetryDelayGrows(t *testing.T) {
	t.Parallel()
	for attempt, want := range map[int]time.Duration{-1: 2, 0: 2, 1: 2, 2: 8, 3: 32, 4: 128, 100: 512} {
		if got := RetryDelay(attempt); got != want*time.Second {
			t.Errorf("after attempt %d: %v, want %ds", attempt, got, want)
		}
	}
}

func TestCommitReadNeedsTheWorkersContext(t *testing.T) {
	t.Parallel()
	s := open(t)
	check(t, s.EnsureRelations(t.Context(), ocr))
	d := submit(t, s, "a.pdf")
	check(t, s.AddPages(t.Context(), d.ID, []NewPage{newPage(1)}))
	id := one[int64](t, s, "select id from palimpsest.page_run")
	_, err := s.BeginRead(t.Context(), id)
	check(t, err)
	job := &river.Job[ReadArgs]{Args: ReadArgs{PageRunID: id, DocumentID: d.ID}}
	if job.JobRow, err = s.queue.JobGet(t.Context(), one[int64](t, s, "select job from palimpsest.page_run")); err != nil {
		t.Fatal(err)
	}
	if err := s.CommitRead(t.Context(), job, Outcome{State: PageDone, Rows: words(1)}); err == nil {
		t.Error("a commit without the worker's context, which cannot complete the job, went through")
	}
	if n := one[int](t, s, "select count(*) from task_ocr.word"); n != 0 {
		t.Errorf("%d rows of a commit that failed", n)
	}
	wantErr(t, s.CommitRead(t.Context(), job, Outcome{State: PageRunning}), ErrInvalid)
}
