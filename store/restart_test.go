package store

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"palimpsest.dev/internal/localpg"
	"palimpsest.dev/migrations"
)

// Postgres itself is killed outright under working workers, and comes back: they go on by themselves, and every page
// is there once.
func TestNothingIsLostOrDoubledWhenPostgresIsKilled(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "pgkill")
	check(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	check(t, os.Chmod(dir, 0o711))
	start := func() *localpg.Server {
		server, err := localpg.Start(t.Context(), localpg.Options{Dir: filepath.Join(dir, "pg"), Log: quiet})
		check(t, err)
		return server
	}
	server := start()
	t.Cleanup(func() { server.Stop(context.Background()) })
	check(t, migrations.Apply(t.Context(), server.DSN(), quiet))
	s := openAt(t, server.DSN())
	const pages = 60
	pipeline{pages: pages, options: WorkerOptions{Ingest: 1, Read: 2, Finish: 1}, read: func(ctx context.Context, job *river.Job[ReadArgs]) error {
		if _, err := s.BeginRead(ctx, job.Args.PageRunID); err != nil {
			return err
		}
		time.Sleep(10 * time.Millisecond) // a page takes its time
		return s.CommitRead(ctx, job, Outcome{State: PageDone, Rows: words(20)})
	}}.work(t, s)
	d := submit(t, s, "a.pdf")
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	events, err := s.Watch(ctx, d.ID)
	check(t, err)
	for _, after := range []int{3, 50, 30} {
		for range after {
			<-events
		}
		check(t, syscall.Kill(server.Pid(), syscall.SIGKILL))
		stopCtx, stop := context.WithTimeout(t.Context(), time.Minute)
		server.Stop(stopCtx) // only gives the folder back
		stop()
		server = start()
	}
	for state := ""; state != string(DocumentComplete); {
		select {
		case _, ok := <-events:
			if !ok {
				t.Fatal("the document does not end")
			}
		case <-time.After(time.Second): // an event may have gone down with the server
		}
		if d, err := s.Document(ctx, "", d.ID); err == nil {
			state = string(d.State)
		}
	}
	for query, want := range map[string]int{
		"select count(*) from palimpsest.page_run where current and state = 'done'": pages,
		"select count(*) from ocr_word":                                             pages * 20,
		"select count(*) from (select distinct page, seq from task_ocr.word) x":     pages * 20,
	} {
		if n := one[int](t, s, query); n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
}
