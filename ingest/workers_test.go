package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river/rivertype"

	"palimpsest.dev/render"
	"palimpsest.dev/store"
	"palimpsest.dev/store/blob"
	"palimpsest.dev/task"
)

// ingester is an IngestWorker over fakes whose document has this source.
func ingester(t *testing.T, src *source) (*IngestWorker, *documents, *memory) {
	t.Helper()
	m := newMemory()
	d := &documents{doc: store.Document{ID: "d", Name: "scan.pdf", Hash: m.add([]byte("bytes")), Password: "secret"}}
	w := &IngestWorker{Documents: d, Objects: m, Log: quiet, TempDir: t.TempDir(),
		Open: func(_ context.Context, _ string, o render.Options) (Source, error) {
			if o.Name != "scan.pdf" || o.Password != "secret" {
				t.Errorf("opened as %q with password %q", o.Name, o.Password)
			}
			return src, nil
		}}
	return w, d, m
}

func TestIngestStoresChunksAndGoesOnAfterABadPage(t *testing.T) {
	t.Parallel()
	src := &source{pages: 70, wrong: map[int]error{40: &render.Error{Kind: render.BadInput, Op: "decode", Hint: "scan it again"}}}
	w, d, m := ingester(t, src)
	if err := w.Work(t.Context(), job(store.IngestArgs{DocumentID: "d"}, 1)); err != nil {
		t.Fatal(err)
	}
	if !d.ended || !src.closed || d.failed != nil || d.source.Pages != 70 || len(d.source.Notes) != 1 {
		t.Errorf("ended %v, closed %v, failed %v, source %+v", d.ended, src.closed, d.failed, d.source)
	}
	next := 1
	for _, chunk := range d.chunks {
		if len(chunk) > store.MaxChunk {
			t.Errorf("a chunk of %d pages", len(chunk))
		}
		for _, p := range chunk {
			if p.Number != next {
				t.Fatalf("page %d where %d was next", p.Number, next)
			}
			next++
			if bad := p.Number == 40; bad != (p.Failure != nil) {
				t.Errorf("page %d: failure %v", p.Number, p.Failure)
			}
			if p.Failure != nil {
				if p.Failure.Kind != store.KindBadInput || p.Failure.Page != 40 || p.Failure.Hint != "scan it again" {
					t.Errorf("failure %+v", p.Failure)
				}
				continue
			}
			if m.objects[p.RasterHash] == nil || m.objects[p.SquareHash] == nil || m.objects[p.TextHash] == nil {
				t.Errorf("page %d names objects that are not there", p.Number)
			}
			if p.Width != 60 || p.Height != 40 || p.XHeight != 5 || p.SquareToPage == [6]float64{} {
				t.Errorf("page %d: %+v", p.Number, p)
			}
		}
	}
	if next != 71 || len(d.chunks) != 3 {
		t.Errorf("%d pages in %d chunks", next-1, len(d.chunks))
	}
}

func TestIngestGoesOnAfterTheLastChunk(t *testing.T) {
	t.Parallel()
	src := &source{pages: 40}
	w, d, _ := ingester(t, src)
	d.done = 32
	if err := w.Work(t.Context(), job(store.IngestArgs{}, 2)); err != nil {
		t.Fatal(err)
	}
	if src.drawn[0] != 33 || len(src.drawn) != 8 || !d.ended {
		t.Errorf("drew %v, ended %v", src.drawn, d.ended)
	}
}

func TestIngestSettlesByKind(t *testing.T) {
	t.Parallel()
	locked := &render.Error{Kind: render.BadInput, Op: "open", Hint: "give the password"}
	outage := errors.New("connection refused")
	for name, c := range map[string]struct {
		open, get error
		attempt   int
		again     bool
		kind      store.Kind
	}{
		"bad input fails at once":               {open: locked, attempt: 1, kind: store.KindBadInput},
		"an outage is tried again":              {get: outage, attempt: 1, again: true},
		"an outage at the last attempt is told": {get: outage, attempt: store.MaxAttempts, kind: store.KindInternal},
	} {
		w, d, m := ingester(t, &source{pages: 1})
		m.broken = c.get
		if c.open != nil {
			w.Open = func(context.Context, string, render.Options) (Source, error) { return nil, c.open }
		}
		err := w.Work(t.Context(), job(store.IngestArgs{}, c.attempt))
		if c.again != (err != nil) || c.again != (d.failed == nil) || !c.again && d.failed.Kind != c.kind {
			t.Errorf("%s: returned %v, committed %+v", name, err, d.failed)
		}
	}
}

func TestIngestRefusesWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	w, d, _ := ingester(t, &source{pages: 1})
	w.Limits.DocumentBytes = 4
	if err := w.Work(t.Context(), job(store.IngestArgs{}, 1)); err != nil {
		t.Fatal(err)
	}
	if d.failed == nil || d.failed.Kind != store.KindTooLarge || d.failed.Limit != "file_bytes" || d.failed.Hint == "" {
		t.Errorf("failure %+v", d.failed)
	}
}

func TestIngestKnowsItsOwnDeadline(t *testing.T) {
	t.Parallel()
	src := &source{pages: 2}
	w, d, _ := ingester(t, src)
	w.Limits.IngestTime = 20 * time.Millisecond
	w.Open = func(ctx context.Context, _ string, _ render.Options) (Source, error) {
		<-ctx.Done() // a file that takes for ever to open
		return nil, ctx.Err()
	}
	if err := w.Work(t.Context(), job(store.IngestArgs{}, 1)); err != nil {
		t.Fatal(err)
	}
	if d.failed == nil || d.failed.Kind != store.KindTooLarge || d.failed.Limit != "document_time" {
		t.Errorf("failure %+v", d.failed)
	}
}

func TestCancelledAndStoppedJobsAreNoFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cause error
		check func(error) bool
	}{
		"cancelled by a person": {rivertype.ErrJobCancelledRemotely, func(err error) bool {
			var e *rivertype.JobCancelError
			return errors.As(err, &e)
		}},
		"stopped with its process": {context.Canceled, func(err error) bool {
			var e *rivertype.JobSnoozeError
			return errors.As(err, &e) && e.Duration == 0
		}},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		src := &source{pages: 3, before: func(n int) {
			if n == 2 {
				cancel(c.cause)
			}
		}}
		w, d, _ := ingester(t, src)
		err := w.Work(ctx, job(store.IngestArgs{}, 1))
		if !c.check(err) || d.failed != nil || d.ended {
			t.Errorf("%s: returned %v, failed %v, ended %v", name, err, d.failed, d.ended)
		}
	}
	// Nor is an outage of the database, at whatever attempt.
	w, d, _ := ingester(t, &source{pages: 1})
	d.begin = store.ErrUnavailable
	if err := w.Work(t.Context(), job(store.IngestArgs{}, store.MaxAttempts)); !errors.Is(err, store.ErrUnavailable) || d.failed != nil {
		t.Errorf("outage: %v, %v", err, d.failed)
	}
	// Nor is one of the object store, wherever it is met.
	outage := fmt.Errorf("blob: get: %w: connection refused", blob.ErrUnavailable)
	for name, away := range map[string]func(*memory){
		"before the source is fetched": func(m *memory) { m.broken = outage },
		"while the source is fetched":  func(m *memory) { m.torn = outage },
		"when pages are stored":        func(m *memory) { m.full = outage },
	} {
		w, d, m := ingester(t, &source{pages: 2})
		away(m)
		var snooze *rivertype.JobSnoozeError
		err := w.Work(t.Context(), job(store.IngestArgs{}, store.MaxAttempts))
		if !errors.As(err, &snooze) || snooze.Duration != outageDelay || d.failed != nil || len(d.chunks) > 0 {
			t.Errorf("object store away %s: %v, %v, %v", name, err, d.failed, d.chunks)
		}
	}
	for name, away := range map[string]func(*memory){
		"before the page is fetched":  func(m *memory) { m.broken = outage },
		"while the page is fetched":   func(m *memory) { m.torn = outage }, // which is no damaged picture
		"when an artifact is written": func(m *memory) { m.full = outage },
	} {
		writes := oneWordEach(left)
		inner := writes.read
		writes.read = func(p task.Page, a []task.Answer) (task.Reading, error) {
			r, err := inner(p, a)
			r.Artifacts = []task.Artifact{{Name: "page.txt", MediaType: "text/plain", Content: []byte("w")}}
			return r, err
		}
		w, r, m := reader(t, writes)
		away(m)
		var snooze *rivertype.JobSnoozeError
		if err := w.Work(t.Context(), job(store.ReadArgs{}, store.MaxAttempts)); !errors.As(err, &snooze) || r.committed != nil {
			t.Errorf("object store away %s: %v, %v", name, err, r.committed)
		}
	}
	// What ended meanwhile is nobody's failure either.
	w, d, _ = ingester(t, &source{pages: 1})
	d.begin = store.ErrFinal
	if err := w.Work(t.Context(), job(store.IngestArgs{}, 1)); err != nil || d.failed != nil {
		t.Errorf("final before: %v, %v", err, d.failed)
	}
	w, d, _ = ingester(t, &source{pages: 1})
	d.add = store.ErrFinal
	if err := w.Work(t.Context(), job(store.IngestArgs{}, 1)); err != nil || d.failed != nil || d.ended {
		t.Errorf("final meanwhile: %v, %v", err, d.failed)
	}
}

// reader is a ReadWorker over fakes for a stored page with ink.
func reader(t *testing.T, ocr task.Task) (*ReadWorker, *reads, *memory) {
	t.Helper()
	m := newMemory()
	var raster bytes.Buffer
	if err := render.EncodePNG(&raster, inkedPage().Image); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(pageText{Format: pageTextFormat, Words: []pageWord{{Text: "layer", Box: [4]float64{1, 2, 3, 4}}}})
	if err != nil {
		t.Fatal(err)
	}
	r := &reads{log: m.log, work: store.ReadWork{
		Document: store.Document{ID: "d", Name: "scan.pdf"},
		Page:     store.Page{Number: 3, Width: 400, Height: 200, RasterHash: m.add(raster.Bytes()), TextHash: m.add(text)},
		Run:      store.Run{Task: "ocr", Options: map[string]string{"text_layer": "ignore"}},
	}}
	*m.log = nil
	w := &ReadWorker{Reads: r, Objects: m, Tasks: tasks{"ocr": ocr}, Model: says("w"), Log: quiet,
		Profile: task.ModelProfile{Name: "script", Tasks: map[string]task.Profile{"ocr": recipe}}}
	return w, r, m
}

func TestReadCommitsWhatWasRead(t *testing.T) {
	t.Parallel()
	ocr := oneWordEach(left, right, left)
	inner := ocr.read
	ocr.read = func(p task.Page, a []task.Answer) (task.Reading, error) {
		if len(p.Text) != 1 || p.Text[0].Text != "layer" || p.Options["text_layer"] != "ignore" || p.Document != "scan.pdf" {
			t.Errorf("the task sees %+v", p)
		}
		r, err := inner(p, a)
		r.Artifacts = []task.Artifact{{Name: "page.txt", MediaType: "text/plain", Content: []byte("w w")}}
		r.Notes = []string{"note"}
		return r, err
	}
	w, r, m := reader(t, ocr)
	if err := w.Work(t.Context(), job(store.ReadArgs{PageRunID: 7}, 1)); err != nil {
		t.Fatal(err)
	}
	o := r.committed
	if o == nil || o.State != store.PageDone || o.Model != "script" || o.Tokens != 2 || len(o.Notes) != 1 || o.Failure != nil {
		t.Fatalf("committed %+v", o)
	}
	if len(o.Rows) != 2 || o.Rows[0].Seq != 0 || o.Rows[1].Seq != 1 || o.Rows[0].Values["text"] != "0w" || o.Rows[0].Box != boxOf(left) {
		t.Errorf("rows %+v", o.Rows)
	}
	if len(o.Objects) != 1 || string(m.objects[o.Objects[0].Hash]) != "w w" {
		t.Errorf("objects %+v", o.Objects)
	}
	// What a commit names is there before it.
	if !slices.Equal(*m.log, []string{"put text/plain", "commit"}) {
		t.Errorf("order of things: %v", *m.log)
	}
}

func TestReadSettles(t *testing.T) {
	t.Parallel()
	broken := oneWordEach(left)
	broken.read = func(task.Page, []task.Answer) (task.Reading, error) { return task.Reading{}, errors.New("died") }
	deadly := oneWordEach(left)
	deadly.read = func(task.Page, []task.Answer) (task.Reading, error) {
		return task.Reading{}, fmt.Errorf("task ocr: read page 3: %w", task.ErrQuarantined)
	}
	wrong := oneWordEach(left)
	wrong.plan = func(task.Page, task.Profile) ([]task.Ask, error) { return nil, task.ErrInvalid }
	unreadable := oneWordEach(left)
	unreadable.read = func(task.Page, []task.Answer) (task.Reading, error) {
		return task.Reading{Unreadable: "it only repeats itself"}, nil
	}
	for name, c := range map[string]struct {
		task    task.Task
		attempt int
		again   bool
		state   store.PageState
		kind    store.Kind
	}{
		"a plugin that died is tried again":      {task: broken, attempt: 1, again: true},
		"a plugin that always dies fails a page": {task: broken, attempt: store.MaxAttempts, state: store.PageFailed, kind: store.KindInternal},
		// That is how the quarantine outlives the process: the page's run is final, no worker takes it up again.
		"a page that killed its plugin twice is given up at once": {task: deadly, attempt: 1, state: store.PageFailed, kind: store.KindInternal},
		"options a task refuses fail it at once":                  {task: wrong, attempt: 1, state: store.PageFailed, kind: store.KindBadInput},
		"an unreadable page says why":                             {task: unreadable, attempt: 1, state: store.PageUnreadable, kind: store.KindModel},
		"a page whose views show no ink is blank":                 {task: oneWordEach(right), attempt: 1, state: store.PageBlank},
	} {
		w, r, _ := reader(t, c.task)
		err := w.Work(t.Context(), job(store.ReadArgs{}, c.attempt))
		if c.again {
			if err == nil || r.committed != nil || r.noted == nil || r.noted.Kind != store.KindInternal {
				t.Errorf("%s: returned %v, committed %+v, noted %+v", name, err, r.committed, r.noted)
			}
			continue
		}
		if err != nil || r.committed == nil || r.committed.State != c.state {
			t.Errorf("%s: returned %v, committed %+v", name, err, r.committed)
			continue
		}
		if f := r.committed.Failure; (f == nil) != (c.kind == "") || f != nil && (f.Kind != c.kind || f.Message == "") {
			t.Errorf("%s: failure %+v", name, f)
		}
	}
}

func TestReadNeverGivesUpOnACommit(t *testing.T) {
	t.Parallel()
	wrong := oneWordEach(left)
	wrong.plan = func(task.Page, task.Profile) ([]task.Ask, error) { return nil, task.ErrInvalid }
	w, r, _ := reader(t, wrong)
	r.commit = errors.New("the database is away")
	err := w.Work(t.Context(), job(store.ReadArgs{}, store.MaxAttempts))
	var snooze *rivertype.JobSnoozeError
	if !errors.As(err, &snooze) {
		t.Errorf("a failure that cannot be written must be tried for ever, got %v", err)
	}
}

func TestReadSeesThatStoredThingsFit(t *testing.T) {
	t.Parallel()
	w, r, _ := reader(t, oneWordEach(left))
	r.work.Page.Width = 999
	err := w.Work(t.Context(), job(store.ReadArgs{}, 1))
	if err == nil || !strings.Contains(err.Error(), "999") {
		t.Errorf("got %v", err)
	}
	w, r, _ = reader(t, oneWordEach(left))
	w.Profile.Tasks = nil
	if err := w.Work(t.Context(), job(store.ReadArgs{}, 1)); err != nil || r.committed.Failure.Kind != store.KindUnsupported {
		t.Errorf("a model without a profile for the task: %v, %+v", err, r.committed)
	}
}
