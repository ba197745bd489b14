package store

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river"
)

// The tests' Postgres does not wait for its disk; name another in PALIMPSEST_TEST_DATABASE_URL to measure one that
// does.

// BenchmarkQueue is pages per second through queue, state and commit, with nothing read: what all of the store costs
// a page.
func BenchmarkQueue(b *testing.B) {
	s := open(b)
	var left atomic.Int64
	done := make(chan struct{})
	pipeline{pages: MaxChunk, options: WorkerOptions{Ingest: 2, Read: 16, Finish: 1}, read: func(ctx context.Context, job *river.Job[ReadArgs]) error {
		if _, err := s.BeginRead(ctx, job.Args.PageRunID); err != nil {
			return err
		}
		if err := s.CommitRead(ctx, job, Outcome{State: PageDone}); err != nil {
			return err
		}
		if left.Add(-1) == 0 {
			close(done)
		}
		return nil
	}}.work(b, s)
	documents := (b.N + MaxChunk - 1) / MaxChunk
	left.Store(int64(documents * MaxChunk))
	b.ResetTimer()
	for range documents {
		_, _, err := s.Submit(b.Context(), newDocument("bench.pdf"))
		check(b, err)
	}
	select {
	case <-done:
	case <-time.After(10 * time.Minute):
		b.Fatal("pages are left")
	}
	b.ReportMetric(float64(documents*MaxChunk)/b.Elapsed().Seconds(), "jobs/s")
}

// BenchmarkCommitRead is the commit of a page of 500 words with two files.
func BenchmarkCommitRead(b *testing.B) {
	s := open(b)
	rows := words(500)
	objects := []Object{{Name: "page.hocr", MediaType: "text/html", Hash: hashOf("h")}, {Name: "page.txt", MediaType: "text/plain", Hash: hashOf("t")}}
	var spent, n atomic.Int64
	done := make(chan struct{})
	pipeline{pages: b.N, options: WorkerOptions{Ingest: 1, Read: 1, Finish: 1}, read: func(ctx context.Context, job *river.Job[ReadArgs]) error {
		if _, err := s.BeginRead(ctx, job.Args.PageRunID); err != nil {
			return err
		}
		began := time.Now()
		if err := s.CommitRead(ctx, job, Outcome{State: PageDone, Rows: rows, Objects: objects, Model: "mini"}); err != nil {
			return err
		}
		spent.Add(int64(time.Since(began)))
		if n.Add(1) == int64(b.N) {
			close(done)
		}
		return nil
	}}.work(b, s)
	submit(b, s, "bench.pdf")
	<-done
	b.ReportMetric(float64(spent.Load())/float64(b.N)/1e6, "ms/commit")
}
