package host

import (
	"context"
	"sync"
)

// gate lets calls into a plugin: many at once, or a suspect alone. A waiting
// suspect holds back calls that come later, so that it gets its turn.
type gate struct {
	mu        sync.Mutex
	limit     int // calls at once
	inside    int
	exclusive bool
	suspects  int           // waiting to be alone
	changed   chan struct{} // closed and replaced at every change
}

func newGate(limit int) *gate { return &gate{limit: limit, changed: make(chan struct{})} }

// enter waits until the call may go in, or for the context.
func (g *gate) enter(ctx context.Context, alone bool) error {
	waiting := false
	defer func() {
		if waiting {
			g.mu.Lock()
			g.suspects--
			g.signal()
			g.mu.Unlock()
		}
	}()
	for {
		g.mu.Lock()
		if g.admits(alone) {
			g.inside++
			g.exclusive = alone
			g.mu.Unlock()
			return nil
		}
		if alone && !waiting {
			waiting = true
			g.suspects++
		}
		changed := g.changed
		g.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// admits is called with the lock held.
func (g *gate) admits(alone bool) bool {
	if alone {
		return g.inside == 0
	}
	return !g.exclusive && g.suspects == 0 && g.inside < g.limit
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	g.exclusive = false
	g.signal()
}

// signal is called with the lock held.
func (g *gate) signal() {
	close(g.changed)
	g.changed = make(chan struct{})
}
