package store

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/riverqueue/river"
)

// workerEnv makes this test binary a worker process over the database it names, for tests that kill one.
const workerEnv = "PALIMPSEST_TEST_WORKER"

func TestMain(m *testing.M) {
	if dsn := os.Getenv(workerEnv); dsn != "" {
		if err := workUntilKilled(dsn); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const killPages = 70

func workUntilKilled(dsn string) error {
	ctx := context.Background()
	s, err := Open(ctx, dsn, Options{Log: quiet})
	if err != nil {
		return err
	}
	_, err = pipeline{pages: killPages, read: func(ctx context.Context, job *river.Job[ReadArgs]) error {
		w, err := s.BeginRead(ctx, job.Args.PageRunID)
		if err != nil {
			return err
		}
		time.Sleep(5 * time.Millisecond) // a page takes its time; most kills fall here
		rows := words(20)
		for i := range rows {
			rows[i].Values["text"] = fmt.Sprintf("p%d w%d", w.Page.Number, i)
		}
		return s.CommitRead(ctx, job, Outcome{State: PageDone, Rows: rows, Objects: []Object{{Name: "page.txt", MediaType: "text/plain", Hash: hashOf(w.Page.Number)}}})
	}}.start(ctx, s)
	if err != nil {
		return err
	}
	time.Sleep(10 * time.Minute)
	return nil
}

// A worker process is killed outright, again and again, while it ingests and reads: in the end every page is there
// once, with each of its words once.
func TestNothingIsLostOrDoubledWhenWorkersAreKilled(t *testing.T) {
	t.Parallel()
	s := open(t)
	check(t, s.EnsureRelations(t.Context(), ocr))
	d := submit(t, s, "a.pdf")
	events, err := s.Watch(t.Context(), d.ID)
	check(t, err)
	exe, err := os.Executable()
	check(t, err)
	start := func() *exec.Cmd {
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), workerEnv+"="+s.pool.Config().ConnString())
		cmd.Stderr = os.Stderr
		check(t, cmd.Start())
		return cmd
	}
	timeout := time.After(patience)
	next := func() (Event, bool) {
		select {
		case e, ok := <-events:
			return e, ok
		case <-timeout:
			t.Fatal("workers make no progress")
			return Event{}, false
		}
	}
	kills := 0
	for round := 0; ; round++ {
		cmd := start()
		ended := false
		// Killed at a different distance each time, counted in events so that no clock matters: during ingest, at
		// the first page, in the midst of many.
		for range []int{1, 2, 5, 40, 9, 17, 55, 3}[round%8] {
			e, ok := next()
			if ended = !ok || e.Page == 0 && DocumentState(e.State).Final(); ended {
				break
			}
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed: nothing to learn
		kills++
		if ended {
			break
		}
	}
	if kills < 4 {
		t.Errorf("only %d kills", kills)
	}
	for query, want := range map[string]int{
		"select count(*) from palimpsest.document where state = 'complete' and open_page_runs = 0":            1,
		"select count(*) from palimpsest.page":                                                                killPages,
		"select count(*) from palimpsest.page_run where current and state = 'done'":                           killPages,
		"select count(*) from palimpsest.object":                                                              killPages,
		"select count(*) from ocr_word":                                                                       killPages * 20,
		"select count(distinct (page, seq, text)) from task_ocr.word where text = 'p' || page || ' w' || seq": killPages * 20,
		"select count(*) from river.river_job where kind in ('ingest', 'finish')":                             2,
		"select count(*) from river.river_job where kind = 'read'":                                            killPages,
		"select count(*) from palimpsest.run where state = 'complete'":                                        1,
	} {
		if n := one[int](t, s, query); n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
	t.Logf("%d workers were killed", kills)
}
