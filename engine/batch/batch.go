// Package batch decides which sequences are computed when: continuous batching. A sequence joins the batch
// at the next turn after it arrives, if there is room, gets its first token in that turn, and leaves when it
// is done; nobody waits for the slowest of a batch. The package knows nothing of tokens or images, so that
// its rules can be tested with a model of six lines.
//
// One turn: those that were cancelled leave; up to Limits.Start of those that wait are started, in the order
// they came, as long as there is room in batch and memory; then everybody in the batch gets one token. So a
// long queue delays a running sequence by at most one start per token, and a running sequence never delays
// the queue by more than one step.
package batch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
)

// Model computes. The scheduler calls it from one goroutine.
type Model[S any] interface {
	// Start reads the inputs of sequences that join and gives each its first token.
	Start(joining []S)
	// Step gives each sequence its next token.
	Step(running []S)
	// Done says whether a sequence needs no further step.
	Done(S) bool
	// Release takes back what the sequence holds; err is why it ended early, or nil. Every sequence that was
	// started is released once; one that never started is not.
	Release(s S, err error)
}

// Limits bounds what is computed at once.
type Limits struct {
	Active int   // sequences in the batch; at least 1
	Start  int   // sequences started in one turn; at least 1
	Memory int64 // sum of the bytes of the sequences in the batch; 0: no bound
}

// ErrClosed ends the sequences of a scheduler that is closed.
var ErrClosed = errors.New("engine: closed")

// ErrMemory refuses a sequence that could never be started.
var ErrMemory = errors.New("engine: a request needs more memory than MemoryLimit leaves for it")

// Scheduler runs the sequences it is given. Its methods may be called from many goroutines.
type Scheduler[S any] struct {
	model  Model[S]
	limits Limits

	mu      sync.Mutex
	changed sync.Cond // something waits, was cancelled, or the scheduler closes
	waiting []*Ticket[S]
	active  []*Ticket[S] // changed by the loop only
	closed  bool
	stopped chan struct{}
	turns   int64
	seqs    []S // scratch of the loop
}

// Ticket is one sequence's place with the scheduler.
type Ticket[S any] struct {
	seq       S
	bytes     int64
	scheduler *Scheduler[S]
	cancelled bool // guarded by scheduler.mu
	err       error
	done      chan struct{}
}

// New starts a scheduler for model.
func New[S any](model Model[S], l Limits) *Scheduler[S] {
	s := idle(model, l)
	go s.loop()
	return s
}

// idle makes a scheduler that takes no turns by itself.
func idle[S any](model Model[S], l Limits) *Scheduler[S] {
	l.Active, l.Start = max(l.Active, 1), max(l.Start, 1)
	s := &Scheduler[S]{model: model, limits: l, stopped: make(chan struct{})}
	s.changed.L = &s.mu
	return s
}

// Add queues a sequence that will hold that many bytes while it is in the batch.
func (s *Scheduler[S]) Add(seq S, bytes int64) (*Ticket[S], error) {
	if s.limits.Memory > 0 && bytes > s.limits.Memory {
		return nil, fmt.Errorf("%w: %d bytes of %d; ask for fewer tokens or raise the limit", ErrMemory, bytes, s.limits.Memory)
	}
	t := &Ticket[S]{seq: seq, bytes: bytes, scheduler: s, done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	s.waiting = append(s.waiting, t)
	s.changed.Signal()
	return t, nil
}

// Done is closed when the sequence has ended, for whatever reason.
func (t *Ticket[S]) Done() <-chan struct{} { return t.done }

// Err is why the sequence ended early, nil if it did not; valid once Done is closed.
func (t *Ticket[S]) Err() error { return t.err }

// Cancel ends the sequence: at once if it has not started, else at the end of the turn. It does not wait.
func (t *Ticket[S]) Cancel() {
	s := t.scheduler
	s.mu.Lock()
	defer s.mu.Unlock()
	t.cancelled = true
	for i, w := range s.waiting {
		if w == t {
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			t.finish(context.Canceled)
			break
		}
	}
	s.changed.Signal()
}

// finish records the end. The caller makes sure that it happens once.
func (t *Ticket[S]) finish(err error) {
	t.err = err
	close(t.done)
}

// Close fails everything that waits or runs with ErrClosed and returns when the loop has ended.
func (s *Scheduler[S]) Close() {
	s.mu.Lock()
	s.closed = true
	s.changed.Signal()
	s.mu.Unlock()
	<-s.stopped
}

// Stats counts what the scheduler holds and has done.
type Stats struct {
	Waiting, Active int
	Turns           int64
}

// Stats tells how busy the scheduler is.
func (s *Scheduler[S]) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{len(s.waiting), len(s.active), s.turns}
}

// loop takes turn after turn while there is anything to do, and sleeps otherwise.
func (s *Scheduler[S]) loop() {
	defer close(s.stopped)
	for s.turn() {
	}
}

// turn is one turn as the package describes it; false at the end.
func (s *Scheduler[S]) turn() bool {
	joining, goOn := s.next()
	if !goOn {
		return false
	}
	if len(joining) > 0 {
		s.compute(joining, s.model.Start)
		s.settle()
	}
	if len(s.active) > 0 {
		s.compute(s.active, s.model.Step)
		s.settle()
	}
	return true
}

// next waits until there is work, lets the cancelled go and admits those that join; false at the end.
func (s *Scheduler[S]) next() (joining []*Ticket[S], goOn bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.waiting) == 0 && len(s.active) == 0 && !s.closed {
		s.changed.Wait()
	}
	s.turns++
	if s.closed {
		s.drop(func(*Ticket[S]) error { return ErrClosed })
		for _, t := range s.waiting {
			t.finish(ErrClosed)
		}
		s.waiting = nil
		return nil, false
	}
	s.drop(func(t *Ticket[S]) error {
		if t.cancelled {
			return context.Canceled
		}
		return nil
	})
	held := int64(0)
	for _, t := range s.active {
		held += t.bytes
	}
	for len(s.waiting) > 0 && len(joining) < s.limits.Start && len(s.active) < s.limits.Active {
		t := s.waiting[0]
		if s.limits.Memory > 0 && held+t.bytes > s.limits.Memory {
			break // those behind it wait too, or a large one would never get its turn
		}
		held += t.bytes
		s.waiting = s.waiting[1:]
		joining = append(joining, t)
		s.active = append(s.active, t)
	}
	return joining, true
}

// compute calls one of the model's functions. A panic there ends the sequences it was called for and
// nothing else.
func (s *Scheduler[S]) compute(tickets []*Ticket[S], f func([]S)) {
	s.seqs = s.seqs[:0]
	for _, t := range tickets {
		s.seqs = append(s.seqs, t.seq)
	}
	defer func() {
		clear(s.seqs) // holds nobody's memory until the next turn
		if r := recover(); r != nil {
			slog.Error("engine: a batch failed", "panic", r, "sequences", len(tickets), "stack", string(debug.Stack()))
			failed := map[*Ticket[S]]bool{}
			for _, t := range tickets {
				failed[t] = true
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.drop(func(t *Ticket[S]) error {
				if failed[t] {
					return fmt.Errorf("engine: internal error: %v", r)
				}
				return nil
			})
		}
	}()
	f(s.seqs)
}

// settle lets those go that are done.
func (s *Scheduler[S]) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.active[:0]
	for _, t := range s.active {
		if s.model.Done(t.seq) {
			s.model.Release(t.seq, nil)
			t.finish(nil)
			continue
		}
		kept = append(kept, t)
	}
	clear(s.active[len(kept):])
	s.active = kept
}

// drop removes the sequences for which why has an error. s.mu is held.
func (s *Scheduler[S]) drop(why func(*Ticket[S]) error) {
	kept := s.active[:0]
	for _, t := range s.active {
		if err := why(t); err != nil {
			s.model.Release(t.seq, err)
			t.finish(err)
			continue
		}
		kept = append(kept, t)
	}
	clear(s.active[len(kept):])
	s.active = kept
}
