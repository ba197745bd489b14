package ingest

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"palimpsest.dev/store"
	"palimpsest.dev/store/blob"
)

// still is an object store that stands still in one of its calls, until its
// caller lets go.
type still struct {
	*memory
	get, read, put bool
}

func (s still) Get(ctx context.Context, hash string) (io.ReadCloser, error) {
	if s.get {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	body, err := s.memory.Get(ctx, hash)
	if s.read && err == nil {
		return io.NopCloser(stillReader{ctx}), nil
	}
	return body, err
}

func (s still) PutBytes(ctx context.Context, b []byte, mediaType string) (blob.Object, error) {
	if s.put {
		<-ctx.Done()
		return blob.Object{}, ctx.Err()
	}
	return s.memory.PutBytes(ctx, b, mediaType)
}

type stillReader struct{ ctx context.Context }

func (r stillReader) Read([]byte) (int, error) {
	<-r.ctx.Done()
	return 0, r.ctx.Err()
}

// A server that stands still in the middle of a call is an outage: the job
// waits and looks again, and no attempt is counted against the document.
func TestStoreThatStandsStillIsAnOutage(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]still{"get": {get: true}, "read": {read: true}, "put": {put: true}} {
		w, d, m := ingester(t, &source{pages: 1})
		s.memory = m
		w.Objects, w.Limits.ObjectTime = s, time.Millisecond
		err := w.Work(t.Context(), job(store.IngestArgs{DocumentID: "d"}, store.MaxAttempts))
		var snooze *river.JobSnoozeError
		if !errors.As(err, &snooze) || d.failed != nil || d.ended {
			t.Errorf("%s: returned %v, failed %v", name, err, d.failed)
		}
	}
	// The job's own end is told as such.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (timely{still{memory: newMemory(), get: true}, time.Hour}).Get(ctx, "x"); !errors.Is(err, context.Canceled) || errors.Is(err, blob.ErrUnavailable) {
		t.Errorf("a call that was called off: %v", err)
	}
}

// A reader's calls are bounded too.
func TestReadingWaitsForAStoreThatStandsStill(t *testing.T) {
	t.Parallel()
	s := still{memory: newMemory(), get: true}
	r := &reads{work: store.ReadWork{Page: store.Page{Number: 1, Width: 1, Height: 1, RasterHash: "x", TextHash: "y"}, Run: store.Run{Task: "ocr"}}}
	w := &ReadWorker{Reads: r, Objects: s, Tasks: tasks{"ocr": wholePage()}, Model: says("w"), Profile: scripted, Limits: Limits{ObjectTime: time.Millisecond}, Log: quiet}
	var snooze *river.JobSnoozeError
	if err := w.Work(t.Context(), job(store.ReadArgs{}, store.MaxAttempts)); !errors.As(err, &snooze) || r.committed != nil {
		t.Errorf("returned %v, committed %+v", err, r.committed)
	}
}
