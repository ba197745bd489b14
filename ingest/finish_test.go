package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/riverqueue/river"

	"palimpsest.dev/store"
	"palimpsest.dev/store/blob"
	"palimpsest.dev/task"
)

// finishes is the finish worker's store: a document of three pages.
type finishes struct {
	begin     error
	publish   error
	long      int // pages, when not the three
	committed bool
	objects   []store.Object
	failure   *store.Failure
	manifest  *blob.Manifest
}

func (f *finishes) BeginFinish(context.Context, store.DocumentID) (store.Document, error) {
	return store.Document{ID: "0123-d", Name: "scan.pdf", Runs: []store.Run{{ID: 1, Task: "ocr"}}}, f.begin
}

func (f *finishes) Pages(context.Context, store.DocumentID) ([]store.PageStatus, error) {
	var pages []store.PageStatus
	for i := range f.long {
		pages = append(pages, store.PageStatus{Page: store.Page{Number: i + 1, Width: 100, Height: 100},
			Runs: []store.PageRunStatus{{Run: 1, Task: "ocr", State: store.PageDone, Current: true}}})
	}
	if f.long > 0 {
		return pages, nil
	}
	for i, state := range []store.PageState{store.PageDone, store.PageBlank, store.PageFailed} {
		pages = append(pages, store.PageStatus{Page: store.Page{Number: i + 1, Width: 100, Height: 100},
			Runs: []store.PageRunStatus{{Run: 1, Task: "ocr", State: state, Current: true}}})
	}
	return pages, nil
}

func (f *finishes) Objects(context.Context, store.DocumentID, int) ([]store.Object, error) {
	return []store.Object{{Task: "ocr", Page: 1, Name: "page.hocr", Hash: "h1"}, {Task: "ocr", Page: 1, Name: "raw", Hash: "h2"},
		{Task: "ocr", Name: "old.pdf", Hash: "h0"}}, nil
}

// Results gives two rows on page 1, one at a time.
func (f *finishes) Results(_ context.Context, _ store.DocumentID, _, relation string, page int, after store.Cursor, _ int) ([]store.ResultRow, error) {
	if page != 1 {
		return nil, nil
	}
	next := 0
	if after != (store.Cursor{}) {
		next = after.Seq + 1
	}
	if next == 2 {
		return nil, nil
	}
	return []store.ResultRow{{Page: 1, Row: store.Row{Relation: relation, Seq: next, Box: [4]float64{1, 2, 3, 4}, Confidence: 0.5, Source: "model",
		Values: map[string]any{"text": fmt.Sprint("w", next), "more": map[string]any{"a": 1.0}}}}}, nil
}

func (f *finishes) CommitFinish(_ context.Context, _ *river.Job[store.FinishArgs], end store.Finished) error {
	f.committed, f.objects, f.failure = true, end.Objects, end.Failure
	return nil
}

func (f *finishes) PublishDocument(_ context.Context, m blob.Manifest) error {
	f.manifest = &m
	return f.publish
}

// finisher is a task that makes one file of a document.
type finisher struct {
	scriptTask
	finish func(task.Document) (task.Reading, error)
}

func (f *finisher) Finish(_ context.Context, d task.Document) (task.Reading, error) {
	return f.finish(d)
}

func finishing(f *finishes, t task.Task) *FinishWorker {
	return &FinishWorker{Finishes: f, Objects: newMemory(), Publisher: f, Tasks: tasks{"ocr": t}, Log: quiet}
}

func TestFinishPublishesAndCommits(t *testing.T) {
	t.Parallel()
	info := wordInfo
	info.Relations = []task.Relation{{Name: "word", Columns: []task.Column{{Name: "text", Type: task.Text}, {Name: "more", Type: task.JSON}}}}
	whole := &finisher{scriptTask: scriptTask{info: info}, finish: func(d task.Document) (task.Reading, error) {
		if len(d.Pages) != 3 || d.Pages[1].State != "blank" || len(d.Pages[0].Records) != 2 {
			t.Errorf("the task sees %+v", d)
		} else if r := d.Pages[0].Records[1]; r.Values["text"] != "w1" || string(r.Values["more"].(json.RawMessage)) != `{"a":1}` {
			t.Errorf("a record comes back as %+v", r)
		}
		return task.Reading{Artifacts: []task.Artifact{{Name: "whole.pdf", MediaType: "application/pdf", Content: []byte("%PDF")}}}, nil
	}}
	f := &finishes{}
	if err := finishing(f, whole).Work(t.Context(), job(store.FinishArgs{}, 1)); err != nil {
		t.Fatal(err)
	}
	if !f.committed || f.failure != nil || len(f.objects) != 1 || f.objects[0].Task != "ocr" || f.objects[0].Name != "whole.pdf" {
		t.Errorf("committed %v: %+v, %+v", f.committed, f.objects, f.failure)
	}
	var paths []string
	for _, e := range f.manifest.Files {
		paths = append(paths, e.Path)
	}
	want := []string{"page-0001/ocr/page.hocr", "page-0001/ocr/raw.bin", "document/ocr/whole.pdf"}
	if fmt.Sprint(paths) != fmt.Sprint(want) || f.manifest.State != "partial" || f.manifest.Pages != 3 {
		t.Errorf("manifest %+v, want files %v", f.manifest, want)
	}
}

func TestFinishShowsLongDocumentsInParts(t *testing.T) {
	t.Parallel()
	var parts []string
	whole := &finisher{scriptTask: scriptTask{info: wordInfo}, finish: func(d task.Document) (task.Reading, error) {
		from, to := d.Pages[0].Page.Number, d.Pages[len(d.Pages)-1].Page.Number
		parts = append(parts, fmt.Sprintf("%d/%d: %d-%d", d.Part, d.Parts, from, to))
		return task.Reading{Artifacts: []task.Artifact{{Name: "all.txt", MediaType: "text/plain", Content: fmt.Appendf(nil, "%d-%d;", from, to)},
			{Name: fmt.Sprintf("page-%d.txt", from), MediaType: "text/plain", Content: fmt.Append(nil, from)}}}, nil
	}}
	f := &finishes{long: 70}
	w := finishing(f, whole)
	if err := w.Work(t.Context(), job(store.FinishArgs{}, 1)); err != nil || f.failure != nil {
		t.Fatal(err, f.failure)
	}
	if got, want := fmt.Sprint(parts), "[1/3: 1-32 2/3: 33-64 3/3: 65-70]"; got != want {
		t.Errorf("the task sees %s, want %s", got, want)
	}
	got := map[string]string{}
	for _, o := range f.objects {
		r, err := w.Objects.Get(t.Context(), o.Hash)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		got[o.Task+" "+o.Name] = string(b)
	}
	want := map[string]string{"ocr all.txt": "1-32;33-64;65-70;", "ocr page-1.txt": "1", "ocr page-33.txt": "33", "ocr page-65.txt": "65"}
	if !reflect.DeepEqual(got, want) || len(f.objects) != len(want) {
		t.Errorf("stored %v, want %v", got, want)
	}
}

func TestFinishRefusesAFileTwice(t *testing.T) {
	t.Parallel()
	whole := &finisher{scriptTask: scriptTask{info: wordInfo}, finish: func(d task.Document) (task.Reading, error) {
		if d.First() {
			return task.Reading{}, nil
		}
		return task.Reading{Artifacts: []task.Artifact{{Name: "late.txt", MediaType: "text/plain"}}}, nil
	}}
	f := &finishes{long: 70}
	err := finishing(f, whole).Work(t.Context(), job(store.FinishArgs{}, store.MaxAttempts))
	if f.failure == nil || !strings.Contains(f.failure.Message, "late.txt") {
		t.Errorf("a file begun after the first part cannot go on: %v, %+v", err, f.failure)
	}
}

func TestFinishSettles(t *testing.T) {
	t.Parallel()
	plain := oneWordEach()
	// A task with nothing to say about documents, and an object store that is away.
	f := &finishes{publish: errors.New("away")}
	if err := finishing(f, plain).Work(t.Context(), job(store.FinishArgs{}, 1)); err == nil || f.committed {
		t.Errorf("an outage must be tried again: %v, committed %v", err, f.committed)
	}
	if err := finishing(f, plain).Work(t.Context(), job(store.FinishArgs{}, store.MaxAttempts)); err != nil || f.failure == nil {
		t.Errorf("at the last attempt it is told: %v, %+v", err, f.failure)
	}
	f = &finishes{begin: store.ErrFinal}
	if err := finishing(f, plain).Work(t.Context(), job(store.FinishArgs{}, 1)); err != nil || f.committed {
		t.Errorf("a cancelled document: %v, committed %v", err, f.committed)
	}
}

func TestSweeperSweepsNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sweeps atomic.Int64
		s := Sweeper{Every: time.Hour, Log: quiet, Sweep: func(_ context.Context, _ blob.Named, age time.Duration) (blob.Swept, error) {
			if age != DefaultSweepAge {
				t.Errorf("sweeps what is older than %v", age)
			}
			if sweeps.Add(1) == 1 {
				return blob.Swept{}, errors.New("away")
			}
			return blob.Swept{}, nil
		}}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour+time.Minute)
		defer cancel()
		s.Run(ctx)
		if sweeps.Load() != 3 {
			t.Errorf("%d sweeps in three hours, an error in the first must not end them", sweeps.Load())
		}
	})
}
