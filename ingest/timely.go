package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"palimpsest.dev/store/blob"
)

// timely bounds each call to an object store by itself: a server that stands
// still is an outage, which says nothing about the page and counts no attempt,
// and not the reason why a document or a page took too long.
type timely struct {
	Objects
	limit time.Duration
}

// errSlow is the cause of a context that such a bound ended.
var errSlow = errors.New("the call took too long")

// PutBytes stores within the limit.
func (t timely) PutBytes(ctx context.Context, content []byte, mediaType string) (blob.Object, error) {
	timed, cancel := context.WithTimeoutCause(ctx, t.limit, errSlow)
	defer cancel()
	o, err := t.Objects.PutBytes(timed, content, mediaType)
	return o, t.late(timed, err)
}

// Get opens an object, which must be read to its end within the limit.
func (t timely) Get(ctx context.Context, hash string) (io.ReadCloser, error) {
	timed, cancel := context.WithTimeoutCause(ctx, t.limit, errSlow)
	body, err := t.Objects.Get(timed, hash)
	if err != nil {
		cancel()
		return nil, t.late(timed, err)
	}
	return &timelyBody{ReadCloser: body, of: t, ctx: timed, cancel: cancel}, nil
}

// late makes an outage of an error that the limit brought about.
func (t timely) late(timed context.Context, err error) error {
	if err == nil || !errors.Is(context.Cause(timed), errSlow) {
		return err
	}
	return fmt.Errorf("%w: a call took longer than %s", blob.ErrUnavailable, t.limit)
}

// timelyBody reads an object until its limit.
type timelyBody struct {
	io.ReadCloser
	of     timely
	ctx    context.Context
	cancel context.CancelFunc
}

// Read reads; its error says where the limit was met.
func (b *timelyBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.of.late(b.ctx, err)
	}
	return n, err
}

// Close lets the limit's timer go.
func (b *timelyBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
