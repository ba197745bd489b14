package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"io"
	"log/slog"
	"sync"
	"testing/iotest"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"palimpsest.dev/render"
	"palimpsest.dev/store"
	"palimpsest.dev/store/blob"
	"palimpsest.dev/task"
)

// job makes a job as a worker gets it, at its attempt-th attempt.
func job[A river.JobArgs](args A, attempt int) *river.Job[A] {
	return &river.Job[A]{Args: args, JobRow: &rivertype.JobRow{ID: 1, Attempt: attempt, MaxAttempts: store.MaxAttempts}}
}

// quiet is a log nobody reads.
var quiet = slog.New(slog.DiscardHandler)

// memory keeps objects in memory, and the order in which things happened.
type memory struct {
	mu      sync.Mutex
	objects map[string][]byte
	log     *[]string
	broken  error // what Get answers
	full    error // what PutBytes answers
	torn    error // what reading gives in the middle of an object that is no JSON
}

func newMemory() *memory { return &memory{objects: map[string][]byte{}, log: new([]string)} }

func (m *memory) PutBytes(_ context.Context, b []byte, mediaType string) (blob.Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full != nil {
		return blob.Object{}, m.full
	}
	sum := sha256.Sum256(b)
	hash := hex.EncodeToString(sum[:])
	m.objects[hash] = bytes.Clone(b)
	*m.log = append(*m.log, "put "+mediaType)
	return blob.Object{Hash: hash, Bytes: int64(len(b)), MediaType: mediaType}, nil
}

func (m *memory) Put(ctx context.Context, r io.Reader, o blob.PutOptions) (blob.Object, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return blob.Object{}, err
	}
	return m.PutBytes(ctx, b, o.MediaType)
}

func (m *memory) Get(_ context.Context, hash string) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return nil, m.broken
	}
	b, ok := m.objects[hash]
	if !ok {
		return nil, fmt.Errorf("object %q: %w", hash, blob.ErrNotFound)
	}
	if m.torn != nil && b[0] != '{' {
		return io.NopCloser(io.MultiReader(bytes.NewReader(b[:len(b)/2]), iotest.ErrReader(m.torn))), nil
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// add stores an object and returns its hash.
func (m *memory) add(b []byte) string {
	o, _ := m.PutBytes(context.Background(), b, "test")
	return o.Hash
}

// documents is the ingest worker's store.
type documents struct {
	doc    store.Document
	done   int
	begin  error
	source store.Source
	chunks [][]store.NewPage
	add    error
	ended  bool
	failed *store.Failure
}

func (d *documents) BeginIngest(context.Context, store.DocumentID) (store.Document, int, error) {
	return d.doc, d.done, d.begin
}

func (d *documents) SetSource(_ context.Context, _ store.DocumentID, s store.Source) error {
	d.source = s
	return nil
}

func (d *documents) AddPages(_ context.Context, _ store.DocumentID, pages []store.NewPage) error {
	d.chunks = append(d.chunks, pages)
	return d.add
}

func (d *documents) EndIngest(context.Context, *river.Job[store.IngestArgs]) error {
	d.ended = true
	return nil
}

func (d *documents) FailDocument(_ context.Context, _ *river.Job[store.IngestArgs], f store.Failure) error {
	d.failed = &f
	return nil
}

// source is an open document of small pages.
type source struct {
	pages  int
	wrong  map[int]error // pages that cannot be drawn
	drawn  []int
	closed bool
	before func(n int)
}

func (s *source) Format() string       { return "pdf" }
func (s *source) MediaType() string    { return "application/pdf" }
func (s *source) NumPages() int        { return s.pages }
func (s *source) Notes() []render.Note { return []render.Note{{Kind: "javascript", Text: "not run"}} }
func (s *source) Close() error         { s.closed = true; return nil }

func (s *source) Page(ctx context.Context, n int) (*render.Page, error) {
	if s.before != nil {
		s.before(n)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.drawn = append(s.drawn, n)
	if err := s.wrong[n]; err != nil {
		return nil, err
	}
	return &render.Page{Number: n, Image: inked(n), ToSource: render.Affine{1, 0, 0, 0, 1, 0}, SourceUnit: "px",
		Text:  []render.TextWord{{Text: fmt.Sprint(n), Box: [4]float64{1, 2, 3, 4}}},
		Lines: []render.TextLine{{Box: [4]float64{0, 0, 9, 9}, XHeight: 5}}, XHeight: 5}, nil
}

// inked is a small page with a bar of n pixels.
func inked(n int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, 60, 40))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(img, image.Rect(5, 10, 5+n%50, 14), image.NewUniform(color.Black), image.Point{}, draw.Src)
	return img
}

// reads is the read worker's store.
type reads struct {
	work      store.ReadWork
	begin     error
	commit    error
	committed *store.Outcome
	noted     *store.Failure
	log       *[]string
}

func (r *reads) BeginRead(context.Context, int64) (store.ReadWork, error) { return r.work, r.begin }

func (r *reads) Page(_ context.Context, _ store.DocumentID, number int) (store.PageStatus, error) {
	p := r.work.Page
	p.Number = number
	return store.PageStatus{Page: p}, nil
}

func (r *reads) CommitRead(_ context.Context, _ *river.Job[store.ReadArgs], o store.Outcome) error {
	if r.log != nil {
		*r.log = append(*r.log, "commit")
	}
	r.committed = &o
	return r.commit
}

func (r *reads) NoteRetry(_ context.Context, _ int64, f store.Failure) error {
	r.noted = &f
	return nil
}

// tasks finds tasks in a map.
type tasks map[string]task.Task

func (t tasks) Task(name string) (task.Task, error) {
	if found, ok := t[name]; ok {
		return found, nil
	}
	return nil, errors.New("plugin does not start")
}
