package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"palimpsest.dev/engine"
	"palimpsest.dev/internal/locals3"
	"palimpsest.dev/internal/pgtest"
	"palimpsest.dev/render"
	"palimpsest.dev/store"
	"palimpsest.dev/store/blob"
	"palimpsest.dev/task"
	"palimpsest.dev/task/host"
)

// The tests here run the workers over a real Postgres, a real S3 server, the
// real renderer in its child process, and, where the test is about them, the
// real plugin and the real small model.

func TestMain(m *testing.M) {
	switch {
	case render.Child():
		os.Exit(render.RunChild())
	case locals3.Child():
		os.Exit(locals3.RunChild())
	}
	code := m.Run()
	if pluginDir != "" {
		os.RemoveAll(pluginDir)
	}
	os.Exit(code)
}

var pluginDir string

// plugin builds the ocr plugin, once, and returns its folder.
var plugin = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "palimpsest-plugins-")
	if err != nil {
		return "", err
	}
	pluginDir = dir
	if err := os.Chmod(dir, 0o755); err != nil { // plugins run as another user
		return "", err
	}
	out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "palimpsest-task-ocr"), "palimpsest.dev/plugins/ocr").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return dir, nil
})

// place is a database and an object store of the test's own.
type place struct {
	dsn    string
	store  *store.Store
	blobs  *blob.Store
	limits render.Limits // of documents
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{dsn: pgtest.DSN(t)}
	var err error
	if p.store, err = store.Open(t.Context(), p.dsn, store.Options{Log: quiet}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.store.Close)
	s3, err := locals3.Start(t.Context(), locals3.Options{Dir: t.TempDir(), Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s3.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	conf := s3.Config()
	conf.Locker = p.store.BlobLocks()
	if p.blobs, err = blob.Open(t.Context(), conf); err != nil {
		t.Fatal(err)
	}
	if err := p.store.EnsureRelations(t.Context(), Schema(wordInfo)); err != nil {
		t.Fatal(err)
	}
	return p
}

// submit stores a file as a document with one run.
func (p *place) submit(t *testing.T, name string, content io.Reader, options map[string]string) store.DocumentID {
	t.Helper()
	o, err := p.blobs.Put(t.Context(), content, blob.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	doc, _, err := p.store.Submit(t.Context(), store.NewDocument{Name: name, Hash: o.Hash, Bytes: o.Bytes,
		Runs: []store.NewRun{{Task: "ocr", Options: options}}})
	if err != nil {
		t.Fatal(err)
	}
	return doc.ID
}

func (p *place) submitFile(t *testing.T, path string, options map[string]string) store.DocumentID {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return p.submit(t, filepath.Base(path), f, options)
}

// work starts workers; the function it returns stops them.
func (p *place) work(t *testing.T, found Tasks, m Model, profile task.ModelProfile) (stop func()) {
	t.Helper()
	workers := river.NewWorkers()
	river.AddWorker(workers, &IngestWorker{Documents: p.store, Objects: p.blobs, TempDir: t.TempDir(), Log: quiet,
		Render: render.Options{CacheDir: renderCache(), Limits: p.limits}})
	river.AddWorker(workers, &ReadWorker{Reads: p.store, Objects: p.blobs, Tasks: found, Model: m, Profile: profile, Log: quiet})
	river.AddWorker(workers, &FinishWorker{Finishes: p.store, Objects: p.blobs, Publisher: p.blobs, Tasks: found, Log: quiet})
	worker, err := p.store.NewWorker(workers, store.WorkerOptions{Ingest: 1, Read: 2, Finish: 1, Log: quiet,
		StopWithin: 10 * time.Millisecond, RetryDelay: func(int) time.Duration { return time.Millisecond }})
	if err != nil {
		t.Fatal(err)
	}
	if err := worker.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	stop = func() {
		once.Do(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := worker.Stop(ctx); err != nil {
				t.Error("stopping the workers:", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

// renderCache keeps the renderer's compiled code between runs of the tests.
func renderCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "palimpsest", "render")
}

// end waits until a document has ended.
func (p *place) end(t *testing.T, id store.DocumentID) store.DocumentStatus {
	t.Helper()
	events, err := p.store.Watch(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for {
		d, err := p.store.Document(t.Context(), "", id)
		if err != nil {
			t.Fatal(err)
		}
		if d.State.Final() {
			return d
		}
		await(t, events)
	}
}

// await receives what must come, and fails the test when it does not.
func await[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(3 * time.Minute):
		t.Fatal("what had to come did not")
	}
	return v
}

// words reads the current words of a document in order.
func (p *place) words(t *testing.T, id store.DocumentID) (texts []string, bySource map[string]int) {
	t.Helper()
	rows, err := p.store.Results(t.Context(), id, "ocr", "word", 0, store.Cursor{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	bySource = map[string]int{}
	for _, r := range rows {
		text, _ := r.Values["text"].(string)
		texts = append(texts, text)
		bySource[r.Source]++
	}
	return texts, bySource
}

func sample(name string) string { return filepath.Join("..", "samples", name) }

var scripted = task.ModelProfile{Name: "script", Tasks: map[string]task.Profile{"ocr": recipe}}

// wholePage asks about the whole page once and reads its number.
func wholePage() *scriptTask {
	t := oneWordEach()
	t.plan = func(p task.Page, how task.Profile) ([]task.Ask, error) {
		return []task.Ask{{ID: fmt.Sprint("page", p.Number), Region: p.Bounds(), Size: how.Size, Fit: task.FitStretch,
			Prompt: how.Prompt, MaxTokens: 8}}, nil
	}
	return t
}

func TestRealPartsTogether(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("reads pages with the real model")
	}
	dir, err := plugin()
	if err != nil {
		t.Fatal(err)
	}
	h, err := host.Open(host.Options{Dir: dir, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	mini := filepath.Join("..", "models", "mini")
	if _, err := os.Stat(filepath.Join(mini, "config.json")); err != nil {
		t.Skip("no model in models/mini:", err)
	}
	profile, err := task.ReadProfile(mini)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(mini, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	p := newPlace(t)
	ensureRelations(t, p.store, h)
	p.work(t, h, e, profile)

	layer := p.submitFile(t, sample("handbook.pdf"), map[string]string{"text_layer": "use"})
	blank := p.submitFile(t, sample("blank.jpg"), nil)
	note := p.submit(t, "note.txt", strings.NewReader("plain text"), nil)

	if d := p.end(t, layer); d.State != store.DocumentComplete || d.Pages != 3 || d.Format != "pdf" {
		t.Errorf("PDF with text layer: %s, %d pages, %s: %+v", d.State, d.Pages, d.Format, d.Failure)
	}
	if texts, by := p.words(t, layer); by["text_layer"] < 400 || by["model"] != 0 || texts[0] != "Caring" {
		t.Errorf("PDF with text layer: %v words", by)
	}
	checkFiles(t, p, layer, 3)
	if d := p.end(t, blank); d.State != store.DocumentComplete || len(d.Tallies) != 1 || d.Tallies[0].State != store.PageBlank {
		t.Errorf("blank page: %s, %+v", d.State, d.Tallies)
	}
	if texts, _ := p.words(t, blank); len(texts) != 0 {
		t.Errorf("a blank page has words: %v", texts)
	}
	d := p.end(t, note)
	if d.State != store.DocumentFailed || d.Failure == nil || d.Failure.Kind != store.KindUnsupported || d.Failure.Hint == "" {
		t.Errorf("plain text: %s, %+v", d.State, d.Failure)
	}
	checkView(t, p, layer)
	if underRace {
		return
	}
	scan := p.submitFile(t, sample("label-exif.jpg"), nil)
	// How well the model reads is measured elsewhere; here it must have been asked.
	if d := p.end(t, scan); d.State != store.DocumentComplete && d.State != store.DocumentFailed {
		t.Errorf("scan: %s, %+v", d.State, d.Failure)
	}
	page, err := p.store.Page(t.Context(), scan, 1)
	if err != nil {
		t.Fatal(err)
	}
	if r := page.Runs[0]; r.Model != "mini" || r.State != store.PageDone && r.State != store.PageUnreadable {
		t.Errorf("scan: %+v", r)
	}
}

// checkFiles sees that every page has its seven files in the object store and
// the document as many.
func checkFiles(t *testing.T, p *place, id store.DocumentID, pages int) {
	t.Helper()
	objects, err := p.store.Objects(t.Context(), id, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(objects) != 7*(pages+1) {
		t.Errorf("%d files of %d pages: %+v", len(objects), pages, objects)
	}
	for _, o := range objects {
		if _, err := p.blobs.Stat(t.Context(), o.Hash); err != nil {
			t.Errorf("page %d, %s: %v", o.Page, o.Name, err)
		}
	}
}

// checkView counts words as a person at a SQL prompt would.
func checkView(t *testing.T, p *place, id store.DocumentID) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), p.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var n int
	if err := conn.QueryRow(t.Context(), "select count(*) from ocr_word where document = $1 and text = 'Paper'", string(id)).Scan(&n); err != nil || n == 0 {
		t.Errorf("the view ocr_word finds %d times the word Paper: %v", n, err)
	}
}

func ensureRelations(t *testing.T, s *store.Store, h *host.Host) {
	t.Helper()
	ocr, err := h.Task("ocr")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.EnsureRelations(t.Context(), Schema(ocr.Info())); err != nil {
		t.Fatal(err)
	}
}

func TestCancelReachesThePageBeingRead(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	asked, released := make(chan struct{}, 16), make(chan error, 16)
	m := &scriptModel{size: side, answer: func(ctx context.Context, _ engine.Request) (engine.Answer, error) {
		asked <- struct{}{}
		<-ctx.Done() // a page that takes for ever
		released <- ctx.Err()
		return engine.Answer{}, ctx.Err()
	}}
	p.work(t, tasks{"ocr": wholePage()}, m, scripted)
	id := p.submitFile(t, sample("ledger.tif"), nil)
	await(t, asked)
	if err := p.store.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := await(t, released); !errors.Is(err, context.Canceled) {
		t.Errorf("the model was let go with %v", err)
	}
	if d := p.end(t, id); d.State != store.DocumentCancelled {
		t.Errorf("state %s", d.State)
	}
	if texts, _ := p.words(t, id); len(texts) != 0 {
		t.Errorf("words of a cancelled document: %v", texts)
	}
}

// A worker that is stopped in the middle loses nothing, and nothing comes
// twice.
func TestStoppedWorkIsTakenUp(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	var stuck atomic.Int64
	held := make(chan struct{}, 16)
	slow := says("w")
	quick := slow.answer
	slow.answer = func(ctx context.Context, r engine.Request) (engine.Answer, error) {
		if stuck.Add(1) == 1 {
			return quick(ctx, r) // one page gets through
		}
		held <- struct{}{}
		<-ctx.Done()
		return engine.Answer{}, ctx.Err()
	}
	stop := p.work(t, tasks{"ocr": wholePage()}, slow, scripted)
	id := p.submitFile(t, sample("ledger.tif"), nil)
	await(t, held)
	stop()
	p.work(t, tasks{"ocr": wholePage()}, says("w"), scripted)
	if d := p.end(t, id); d.State != store.DocumentComplete {
		t.Errorf("state %s, %+v", d.State, d.Failure)
	}
	if texts, _ := p.words(t, id); strings.Join(texts, " ") != "page1w page2w" {
		t.Errorf("words %v", texts)
	}
}

// A page whose plugin always fails leaves its neighbours alone, and a document
// of which some pages failed is partial.
func TestFailingPageLeavesItsNeighbours(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	flaky := wholePage()
	inner := flaky.read
	var tries atomic.Int64
	flaky.read = func(pg task.Page, a []task.Answer) (task.Reading, error) {
		if pg.Number == 2 {
			tries.Add(1)
			return task.Reading{}, errors.New("the plugin died")
		}
		return inner(pg, a)
	}
	p.work(t, tasks{"ocr": flaky}, says("w"), scripted)
	id := p.submitFile(t, sample("ledger.tif"), nil)
	d := p.end(t, id)
	if d.State != store.DocumentPartial {
		t.Errorf("state %s", d.State)
	}
	if tries.Load() != store.MaxAttempts {
		t.Errorf("the page was tried %d times", tries.Load())
	}
	if texts, _ := p.words(t, id); strings.Join(texts, " ") != "page1w" {
		t.Errorf("words %v", texts)
	}
	page, err := p.store.Page(t.Context(), id, 2)
	if err != nil {
		t.Fatal(err)
	}
	if f := page.Runs[0].Failure; f == nil || f.Kind != store.KindInternal || !strings.Contains(f.Message, "died") {
		t.Errorf("failure %+v", f)
	}
}
