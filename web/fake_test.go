package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"palimpsest.dev/api"
	"palimpsest.dev/store"
	"palimpsest.dev/store/blob"
)

// fakeStore keeps documents in memory, with as much of the real store's behaviour as the
// handlers can see. It is also the object store.
type fakeStore struct {
	mu       sync.Mutex
	docs     []*store.DocumentStatus // oldest first
	keys     map[string]string       // idempotency key -> hash+name
	pages    map[store.DocumentID][]store.PageStatus
	rows     map[store.DocumentID][]store.ResultRow
	objects  map[store.DocumentID][]store.Object
	blobs    map[string][]byte
	watchers map[store.DocumentID][]chan store.Event
	watched  chan struct{} // gets one value for every watch that began
	down     error
}

func newFake() *fakeStore {
	return &fakeStore{keys: map[string]string{}, pages: map[store.DocumentID][]store.PageStatus{}, rows: map[store.DocumentID][]store.ResultRow{},
		objects: map[store.DocumentID][]store.Object{}, blobs: map[string][]byte{}, watchers: map[store.DocumentID][]chan store.Event{}, watched: make(chan struct{}, 100)}
}

func (f *fakeStore) Submit(_ context.Context, d store.NewDocument) (store.Document, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d.IdempotencyKey != "" {
		if was, ok := f.keys[d.IdempotencyKey]; ok {
			for _, doc := range f.docs {
				if doc.IdempotencyKey == d.IdempotencyKey && was == d.Hash+d.Name {
					return doc.Document, false, nil
				}
			}
			return store.Document{}, false, fmt.Errorf("store: idempotency key used: %w", store.ErrConflict)
		}
		f.keys[d.IdempotencyKey] = d.Hash + d.Name
	}
	n := len(f.docs) + 1
	doc := store.Document{ID: store.DocumentID(fmt.Sprintf("00000000-0000-7000-8000-%012d", n)), Tenant: d.Tenant, Name: d.Name, Hash: d.Hash,
		Bytes: d.Bytes, State: store.DocumentReceived, IdempotencyKey: d.IdempotencyKey, Password: d.Password, Created: time.Unix(int64(n), 0).UTC()}
	for i, r := range d.Runs {
		doc.Runs = append(doc.Runs, store.Run{ID: int64(n*10 + i), Task: r.Task, Options: r.Options, State: store.RunQueued, Digest: "d"})
	}
	f.docs = append(f.docs, &store.DocumentStatus{Document: doc})
	return doc, true, nil
}

func (f *fakeStore) find(id store.DocumentID) (*store.DocumentStatus, error) {
	for _, d := range f.docs {
		if d.ID == id {
			return d, nil
		}
	}
	return nil, fmt.Errorf("store: document %s: %w", id, store.ErrNotFound)
}

func (f *fakeStore) Document(_ context.Context, _ string, id store.DocumentID) (store.DocumentStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d, err := f.find(id)
	if err != nil {
		return store.DocumentStatus{}, err
	}
	return *d, nil
}

func (f *fakeStore) Documents(_ context.Context, _ string, o store.ListOptions) ([]store.Document, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []store.Document
	for _, d := range slices.Backward(f.docs) {
		if (o.State == "" || d.State == o.State) && (o.Before == "" || d.ID < o.Before) && len(out) < o.Limit {
			out = append(out, d.Document)
		}
	}
	return out, nil
}

func (f *fakeStore) Pages(_ context.Context, id store.DocumentID) ([]store.PageStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pages[id], nil
}

func (f *fakeStore) Page(_ context.Context, id store.DocumentID, number int) (store.PageStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.pages[id] {
		if p.Number == number {
			return p, nil
		}
	}
	return store.PageStatus{}, fmt.Errorf("store: page %d: %w", number, store.ErrNotFound)
}

func (f *fakeStore) Results(_ context.Context, id store.DocumentID, task, relation string, page int, after store.Cursor, limit int) ([]store.ResultRow, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if task != "ocr" || relation != "word" && relation != "line" {
		return nil, fmt.Errorf("store: relation %s.%s: %w", task, relation, store.ErrNotFound)
	}
	var out []store.ResultRow
	for _, r := range f.rows[id] {
		later := r.Page > after.Page || r.Page == after.Page && r.Seq > after.Seq || after == (store.Cursor{})
		if r.Relation == relation && (page == 0 || r.Page == page) && later && len(out) < limit {
			out = append(out, r)
		}
	}
	return out, nil
}

func (f *fakeStore) Objects(_ context.Context, id store.DocumentID, page int) ([]store.Object, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []store.Object
	for _, o := range f.objects[id] {
		if page == 0 || o.Page == page {
			out = append(out, o)
		}
	}
	return out, nil
}

func (f *fakeStore) Cancel(_ context.Context, id store.DocumentID) error {
	f.mu.Lock()
	d, err := f.find(id)
	if err == nil && d.State.Final() {
		err = fmt.Errorf("store: document %s is %s: %w", id, d.State, store.ErrFinal)
	}
	f.mu.Unlock()
	if err != nil {
		return err
	}
	f.move(id, store.DocumentCancelled)
	return nil
}

// move sets a document's state and tells who watches.
func (f *fakeStore) move(id store.DocumentID, to store.DocumentState) {
	f.mu.Lock()
	d, err := f.find(id)
	if err != nil {
		panic(err)
	}
	d.State = to
	f.mu.Unlock()
	f.tell(store.Event{Document: id, State: string(to)})
}

func (f *fakeStore) tell(e store.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ch := range f.watchers[e.Document] {
		ch <- e
	}
}

func (f *fakeStore) Watch(ctx context.Context, id store.DocumentID) (<-chan store.Event, error) {
	ch := make(chan store.Event, 100)
	f.mu.Lock()
	f.watchers[id] = append(f.watchers[id], ch)
	f.mu.Unlock()
	f.watched <- struct{}{}
	return ch, nil
}

func (f *fakeStore) Ping(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.down
}

func (f *fakeStore) Put(_ context.Context, r io.Reader, o blob.PutOptions) (blob.Object, error) {
	b, err := io.ReadAll(io.LimitReader(r, o.MaxBytes+1))
	if err != nil {
		return blob.Object{}, err
	}
	if int64(len(b)) > o.MaxBytes {
		return blob.Object{}, fmt.Errorf("blob: put: %w", blob.ErrTooLarge)
	}
	return f.put(b), nil
}

func (f *fakeStore) put(b []byte) blob.Object {
	sum := sha256.Sum256(b)
	hash := hex.EncodeToString(sum[:])
	f.mu.Lock()
	defer f.mu.Unlock()
	f.blobs[hash] = b
	return blob.Object{Hash: hash, Bytes: int64(len(b))}
}

func (f *fakeStore) Get(_ context.Context, hash string) (io.ReadCloser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, ok := f.blobs[hash]
	if !ok {
		return nil, fmt.Errorf("blob: get: %w", blob.ErrNotFound)
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

type fakeTasks struct{}

func (fakeTasks) List(context.Context) ([]api.Task, error) {
	return []api.Task{{Name: "ocr", Version: "1", Summary: "Words and lines with boxes, in reading order.", Relations: []string{"word", "line"},
		Options: []api.TaskOption{{Name: "text_layer", Summary: "What a PDF's own text is good for.", Default: "use", Values: []string{"use", "verify", "ignore"}}}}}, nil
}

func (fakeTasks) Runs(_ context.Context, tasks []string, options map[string]string) ([]store.NewRun, error) {
	var runs []store.NewRun
	for _, t := range tasks {
		if t != "ocr" {
			return nil, &api.Problem{Title: "Bad Request", Status: http.StatusBadRequest, Code: api.CodeBadInput, Detail: fmt.Sprintf("no task %q", t), Hint: "known are ocr"}
		}
		runs = append(runs, store.NewRun{Task: t, Options: options})
	}
	return runs, nil
}

// serve starts a server over a fake and a client of it.
func serve(t *testing.T, edit ...func(*Config)) (*fakeStore, *api.Client) {
	t.Helper()
	f := newFake()
	c := Config{Documents: f, Objects: f, Tasks: fakeTasks{}, Version: "test", Log: slog.New(slog.DiscardHandler)}
	for _, e := range edit {
		e(&c)
	}
	h, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return f, &api.Client{BaseURL: srv.URL, HTTP: srv.Client(), Delay: time.Millisecond, Retries: 2}
}

// serveOne serves a document that was read: page 2, of 100 x 100 pixels.
func serveOne(t *testing.T, edit ...func(*Config)) (*fakeStore, *api.Client, api.Document) {
	t.Helper()
	f, c := serve(t, edit...)
	doc, err := c.Submit(t.Context(), submission("a.pdf", "a"))
	if err != nil {
		t.Fatal(err)
	}
	f.docs[0].State = store.DocumentComplete
	f.pages[store.DocumentID(doc.ID)] = []store.PageStatus{{Page: store.Page{Number: 2, Width: 100, Height: 100}}}
	return f, c, doc
}

// submission is a document whose content is the text.
func submission(name, text string) api.Submission {
	return api.Submission{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte(text))), nil }}
}

// problemOf is the problem that an error is.
func problemFrom(t *testing.T, err error) *api.Problem {
	t.Helper()
	var p *api.Problem
	if !errors.As(err, &p) {
		t.Fatalf("no problem but %v", err)
	}
	return p
}

// word is one row of a fake result.
func word(page, seq int, text string, confidence float64) store.ResultRow {
	return store.ResultRow{Page: page, Run: 1, Model: "mini", Row: store.Row{Relation: "word", Seq: seq, Box: [4]float64{float64(seq), 0, float64(seq) + 1, 1},
		Confidence: confidence, Source: "model", Values: map[string]any{"text": text}}}
}

var none = math.NaN()
