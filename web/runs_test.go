package web

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"palimpsest.dev/api"
	"palimpsest.dev/internal/pgtest"
	"palimpsest.dev/store"
)

var _ Runs = (*store.Store)(nil)

// modelTasks is fakeTasks on a server whose model changes.
type modelTasks struct {
	fakeTasks
	checkpoint string
}

func (m *modelTasks) Runs(ctx context.Context, tasks []string, options map[string]string) ([]store.NewRun, error) {
	runs, err := m.fakeTasks.Runs(ctx, tasks, options)
	for i := range runs {
		runs[i].Fingerprint.Checkpoint = m.checkpoint
	}
	return runs, err
}

// runsServer is a server over a real database, with workers that write the name of the run's checkpoint. The model
// "old" fails on page 2.
func runsServer(t *testing.T, tasks Tasks) *api.Client {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	db, err := store.Open(t.Context(), pgtest.DSN(t), store.Options{Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	schema := store.TaskSchema{Task: "ocr", Version: "1", Relations: []store.Relation{{Name: "word", Columns: []store.Column{{Name: "text", Type: "text"}}}}}
	if err := db.EnsureRelations(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[store.IngestArgs]) error {
		doc, _, err := db.BeginIngest(ctx, job.Args.DocumentID)
		if err != nil {
			return err
		}
		if err := db.SetSource(ctx, doc.ID, store.Source{Format: "pdf", Pages: 3}); err != nil {
			return err
		}
		var pages []store.NewPage
		for n := range 3 {
			pages = append(pages, store.NewPage{Number: n + 1, Width: 40, Height: 30, SourceUnit: "pt", RasterHash: strings.Repeat("a", 64)})
		}
		if err := db.AddPages(ctx, doc.ID, pages); err != nil {
			return err
		}
		return db.EndIngest(ctx, job)
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[store.ReadArgs]) error {
		work, err := db.BeginRead(ctx, job.Args.PageRunID)
		if err != nil {
			return err
		}
		model := work.Run.Fingerprint.Checkpoint
		if model == "old" && work.Page.Number == 2 {
			return db.CommitRead(ctx, job, store.Outcome{State: store.PageFailed, Failure: &store.Failure{Kind: store.KindModel, Message: "too dark"}})
		}
		return db.CommitRead(ctx, job, store.Outcome{State: store.PageDone, Model: model, Rows: []store.Row{{Relation: "word", Box: [4]float64{0, 0, 8, 8},
			Confidence: 0.5, Source: "model", Values: map[string]any{"text": model + work.Run.Options["text_layer"]}}}})
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[store.FinishArgs]) error {
		doc, err := db.BeginFinish(ctx, job.Args.DocumentID)
		if err != nil {
			return err
		}
		return db.CommitFinish(ctx, job, store.Finished{Revision: doc.Revision})
	}))
	w, err := db.NewWorker(workers, store.WorkerOptions{Ingest: 1, Read: 2, Finish: 1, Log: quiet, RetryDelay: func(int) time.Duration { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Start(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := w.StopAndCancel(ctx); err != nil {
			t.Error(err)
		}
	})
	h, err := New(Config{Documents: db, Objects: newFake(), Tasks: tasks, Runs: db, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return &api.Client{BaseURL: srv.URL, HTTP: srv.Client(), Delay: 10 * time.Millisecond}
}

// wordsOf is what each page shows, or what a run has read.
func wordsOf(t *testing.T, each func(func(api.Record) error) error) string {
	t.Helper()
	var out []string
	if err := each(func(r api.Record) error { out = append(out, fmt.Sprint(r.Page, ":", r.Text())); return nil }); err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, " ")
}

func TestRunsOverHTTP(t *testing.T) {
	t.Parallel()
	tasks := &modelTasks{checkpoint: "old"}
	c := runsServer(t, tasks)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	sub := submission("a.pdf", "a")
	sub.Options = map[string]string{"text_layer": "ignore"}
	doc, err := c.Submit(ctx, sub)
	if err != nil {
		t.Fatal(err)
	}
	if end, err := c.Wait(ctx, doc.ID, nil); err != nil || end.State != "partial" {
		t.Fatalf("%+v, %v", end, err)
	}
	shown := func() string {
		return wordsOf(t, func(each func(api.Record) error) error {
			return c.AllResults(ctx, doc.ID, "ocr", api.ResultQuery{}, each)
		})
	}
	rerun := func(n api.NewRerun) []api.Rerun {
		t.Helper()
		var made []api.Rerun
		if err := c.Rerun(ctx, n, func(r api.Rerun) error { made = append(made, r); return nil }); err != nil {
			t.Fatal(err)
		}
		for _, r := range made {
			for r.Run != 0 {
				run, err := c.Run(ctx, r.Run)
				if err != nil {
					t.Fatal(err)
				}
				if !run.Finished.IsZero() {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
		return made
	}
	tasks.checkpoint = "new"
	made := rerun(api.NewRerun{Where: "state = 'failed' or page = 1", By: "ann"})
	if len(made) != 1 || !slices.Equal(made[0].Pages, []int{1, 2}) {
		t.Fatalf("%+v", made)
	}
	if got := shown(); got != "1:oldignore 3:oldignore" {
		t.Errorf("before the promotion: %s", got)
	}
	// The options of the run before are kept.
	run := made[0].Run
	if got := wordsOf(t, func(each func(api.Record) error) error {
		return c.RunResults(ctx, run, api.ResultQuery{Relation: "word", Limit: 1}, each)
	}); got != "1:newignore 2:newignore" {
		t.Errorf("the run: %s", got)
	}
	if p, err := c.Promote(ctx, run, api.Change{By: "ann"}); err != nil || !slices.Equal(p.Pages, []int{1, 2}) || p.Revision != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	if got := shown(); got != "1:newignore 2:newignore 3:oldignore" {
		t.Errorf("after the promotion: %s", got)
	}
	for end := (api.Document{}); end.State != "complete"; time.Sleep(10 * time.Millisecond) {
		if end, err = c.Document(ctx, doc.ID); err != nil || end.Progress.Total != 3 {
			t.Fatalf("%+v, %v", end, err)
		}
	}
	if p, err := c.Undo(ctx, run, api.Change{Pages: []int{2}}); err != nil || !slices.Equal(p.Pages, []int{2}) {
		t.Errorf("%+v, %v", p, err)
	}
	// Another option, and then nothing is left to read.
	other := api.NewRerun{Documents: []string{doc.ID}, Tasks: []string{"ocr"}, Options: map[string]string{"text_layer": "verify"}, Promote: "always"}
	if made := rerun(other); len(made) != 1 || len(made[0].Pages) != 3 {
		t.Errorf("%+v", made)
	}
	if got := shown(); got != "1:newverify 2:newverify 3:newverify" {
		t.Errorf("another option: %s", got)
	}
	if made := rerun(other); len(made) != 1 || made[0].Run != 0 || len(made[0].Skipped) != 3 {
		t.Errorf("the same again: %+v", made)
	}
	list, err := c.Runs(ctx, doc.ID)
	if err != nil || len(list.Runs) != 3 || list.Runs[1].By != "ann" || list.Runs[2].Parts["checkpoint"] != "new" || list.Runs[2].Promote != "always" {
		t.Errorf("%+v, %v", list, err)
	}
	var reasons []string
	for _, p := range list.Promotions {
		reasons = append(reasons, fmt.Sprint(p.Reason, p.Pages))
	}
	// The last run took pages from two.
	if got := strings.Join(reasons, " "); got != "request[1 2] undo[2] run[2 3] run[1]" {
		t.Errorf("history: %s", got)
	}
}

func TestRerunOverHTTPRefuses(t *testing.T) {
	t.Parallel()
	c := runsServer(t, &modelTasks{checkpoint: "old"})
	ctx := t.Context()
	none := func(api.Rerun) error { return nil }
	for want, n := range map[string]api.NewRerun{
		"neither documents":    {},
		"pg_sleep":             {Where: "pg_sleep(1) is null"},
		"not found":            {Documents: []string{"0198c0de-0000-7000-8000-000000000000"}},
		"is not a UUID":        {Documents: []string{"x"}},
		"is no place":          {Where: "true", After: "x"},
		"expected value to be": {Where: "true", Promote: "perhaps"},
	} {
		if err := c.Rerun(ctx, n, none); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", n, err, want)
		}
	}
	doc, err := c.Submit(ctx, submission("a.pdf", "a"))
	if err != nil {
		t.Fatal(err)
	}
	end, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if _, err := c.Wait(end, doc.ID, nil); err != nil {
		t.Fatal(err)
	}
	for want, n := range map[string]api.NewRerun{
		"no option":        {Documents: []string{doc.ID}, Options: map[string]string{"text_lair": "use"}},
		"no task \"none\"": {Documents: []string{doc.ID}, Tasks: []string{"none"}},
		"no profile":       {Documents: []string{doc.ID}, Checkpoint: strings.Repeat("0", 64)},
	} {
		if err := c.Rerun(ctx, n, none); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", n, err, want)
		}
	}
	_, err = c.Promote(ctx, 999, api.Change{})
	if p := problemFrom(t, err); p.Status != http.StatusNotFound {
		t.Errorf("%+v", p)
	}
	if _, err = c.Promote(ctx, doc.Runs[0].ID, api.Change{Pages: []int{-1}}); problemFrom(t, err).Code != api.CodeBadInput {
		t.Errorf("%v", err)
	}
}
