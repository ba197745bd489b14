package store

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"palimpsest.dev/store/internal/db"
)

// Event says that something about a document changed. It carries no data: whoever wants more reads it.
type Event struct {
	Document DocumentID `json:"document"`
	Page     int        `json:"page,omitempty"` // 0: the document itself
	Task     string     `json:"task,omitempty"`
	State    string     `json:"state,omitempty"` // its new state; empty: events may have been missed, read everything again
}

const (
	eventChannel = "palimpsest_event"
	// eventBuffer is how far a watcher may fall behind before it is told to read everything again.
	eventBuffer = 256
	// listenRetry is how long the listener waits before it connects again.
	listenRetry = 500 * time.Millisecond
)

// notify sends events when the transaction commits.
func (s *Store) notify(ctx context.Context, conn db.DBTX, events ...Event) error {
	payloads := make([]string, len(events))
	for i, e := range events {
		b, _ := json.Marshal(e) // strings and an int
		payloads[i] = string(b)
	}
	if err := s.q.Notify(ctx, conn, payloads); err != nil {
		return fmt.Errorf("store: notify: %w", err)
	}
	return nil
}

// watcher hands out the notifications of one connection to all who watch.
type watcher struct {
	mu        sync.Mutex
	listening bool
	ready     chan struct{} // closed when the connection listens
	by        map[DocumentID]map[chan Event]struct{}
}

// Watch reports changes of a document from now on, until ctx ends; then the channel is closed. All watches of a Store
// share one connection. A watcher that falls behind, or whose connection broke, gets an event without a state: it
// then reads everything again. Watch first and read afterwards, or a change may fall between.
func (s *Store) Watch(ctx context.Context, id DocumentID) (<-chan Event, error) {
	ready := s.startListening()
	select {
	case <-ready:
	case <-ctx.Done():
		return nil, fmt.Errorf("store: watch document %s: %w", id, ctx.Err())
	case <-s.closing.Done():
		return nil, fmt.Errorf("store: watch document %s: the store is closed", id)
	}
	ch := make(chan Event, eventBuffer)
	w := &s.watch
	w.mu.Lock()
	if w.by[id] == nil {
		w.by[id] = map[chan Event]struct{}{}
	}
	w.by[id][ch] = struct{}{}
	w.mu.Unlock()
	go func() {
		select {
		case <-ctx.Done():
		case <-s.closing.Done():
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if delete(w.by[id], ch); len(w.by[id]) == 0 {
			delete(w.by, id)
		}
		close(ch)
	}()
	return ch, nil
}

// startListening starts the shared listener at the first watch and returns what is closed once it listens.
func (s *Store) startListening() <-chan struct{} {
	w := &s.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.listening {
		w.listening, w.ready, w.by = true, make(chan struct{}), map[DocumentID]map[chan Event]struct{}{}
		s.closed.Go(func() {
			for s.closing.Err() == nil {
				if err := s.listen(s.closing); err != nil && s.closing.Err() == nil {
					s.log.Warn("listening for events broke off; connecting again", "error", err)
				}
				select {
				case <-s.closing.Done():
				case <-time.After(listenRetry):
				}
			}
		})
	}
	return w.ready
}

// listen holds one connection of its own and passes on what it hears until that breaks.
func (s *Store) listen(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "listen "+eventChannel); err != nil {
		return err
	}
	s.watch.listens()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		var e Event
		if json.Unmarshal([]byte(n.Payload), &e) == nil && e.Document != "" {
			s.watch.send(e)
		}
	}
}

// listens lets the first watches begin and tells those of before a break to read everything again.
func (w *watcher) listens() {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.ready:
		for id, channels := range w.by {
			for ch := range channels {
				offer(ch, Event{Document: id})
			}
		}
	default:
		close(w.ready)
	}
}

func (w *watcher) send(e Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch := range w.by[e.Document] {
		offer(ch, e)
	}
}

// offer never waits: a full channel is emptied, and the watcher told to read everything again. The caller holds the
// lock, so nobody else sends.
func offer(ch chan Event, e Event) {
	select {
	case ch <- e:
		return
	default:
	}
	for range cap(ch) {
		select {
		case <-ch:
		default:
		}
	}
	select {
	case ch <- Event{Document: e.Document}:
	default: // cannot happen: it was just emptied, and only this goroutine sends
	}
}
