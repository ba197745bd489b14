package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"palimpsest.dev/api"
	"palimpsest.dev/store"
)

const (
	// beat keeps proxies and browsers from giving up on a quiet stream.
	beat = 15 * time.Second
	// eventTime is how long a listener may take to accept one event.
	eventTime = 20 * time.Second
)

// describeEvents documents a stream that huma does not write.
func describeEvents(event *huma.Schema) func(*huma.Operation) {
	return func(o *huma.Operation) {
		o.Description = "Each message is one change. The first tells the document's state at that moment; after the last, when the document has ended, comes an event named end."
		o.Responses["200"] = &huma.Response{Description: "Server-sent events; the data of each is an Event.", Content: map[string]*huma.MediaType{
			"text/event-stream": {Schema: event},
		}}
	}
}

// events follows one document until it ends or the listener goes away.
func (s *server) events(ctx context.Context, in *DocumentPath) (*huma.StreamResponse, error) {
	if _, err := s.document(ctx, *in); err != nil {
		return nil, err
	}
	// First watch, then look: what changes in between is told twice rather than never.
	changes, err := s.Documents.Watch(ctx, store.DocumentID(in.ID))
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humago.Unwrap(hc)
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		// Whatever ends the stream before its end ends the connection, and the listener
		// asks again.
		_ = s.follow(ctx, &stream{w: w, control: http.NewResponseController(w)}, *in, changes)
	}}, nil
}

// follow sends changes until the document ends (nil) or something breaks.
func (s *server) follow(ctx context.Context, out *stream, in DocumentPath, changes <-chan store.Event) error {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	look := func() (ended bool, err error) {
		doc, err := s.document(ctx, in)
		if err != nil {
			return false, err
		}
		if err := out.send(api.Event{Document: in.ID, State: string(doc.State)}); err != nil {
			return false, err
		}
		if doc.State.Final() {
			return true, out.write("event: end\ndata: {}\n\n")
		}
		return false, nil
	}
	if ended, err := look(); ended || err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ends(ctx):
			return context.Canceled
		case <-tick.C:
			if err := out.write(": still here\n\n"); err != nil {
				return err
			}
		case e, open := <-changes:
			if !open {
				return context.Canceled
			}
			if e.Page != 0 && e.State != "" {
				if err := out.send(api.Event{Document: string(e.Document), Page: e.Page, Task: e.Task, State: e.State}); err != nil {
					return err
				}
				continue
			}
			// The document itself changed, or changes were missed: its present state says all.
			if ended, err := look(); ended || err != nil {
				return err
			}
		}
	}
}

// stream writes server-sent events, each within its own time.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (s *stream) send(e api.Event) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return s.write(fmt.Sprintf("data: %s\n\n", b))
}

func (s *stream) write(text string) error {
	// A connection without deadlines, as in tests, has none.
	_ = s.control.SetWriteDeadline(time.Now().Add(eventTime))
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}
