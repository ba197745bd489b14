package host

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"palimpsest.dev/task"
)

// maxAttempts bounds how often one call is repeated because the plugin died
// under it, whoever was to blame.
const maxAttempts = 6

// deadly is the number of kills after which a page is quarantined.
const deadly = 2

// maxSuspects bounds the memory of who was there when a plugin died.
const maxSuspects = 4096

// key names a page for the quarantine, see keyOf.
type key uint64

// program is one plugin program: its process, if it runs, and its history.
type program struct {
	name, path string   // the name may be unnamed until the first start
	args       []string // of a program that is tried out
	dir        string   // its working folder; "" for the private one
	sum        []byte
	isGo       bool
	host       *Host
	log        *slog.Logger
	gate       *gate
	starting   chan struct{} // holds one token; whoever has it may start the process
	done       chan struct{} // closed by close

	mu       sync.Mutex
	now      *process
	info     *task.Info // of the first start
	finishes bool
	failures int // since the last good call
	earliest time.Time
	kills    map[key]int // how often the page was there when the plugin died
	closed   bool
}

func newProgram(name, path string, sum []byte, h *Host) *program {
	_, notGo := buildinfo.ReadFile(path)
	return &program{name: name, path: path, sum: sum, isGo: notGo == nil, host: h,
		log: h.opt.Log.With("task", name), gate: newGate(h.opt.MaxCalls),
		starting: make(chan struct{}, 1), done: make(chan struct{}), kills: map[key]int{}}
}

// open starts the program if need be and returns its task.
func (p *program) open() (task.Task, error) {
	ctx, cancel := context.WithTimeout(context.Background(), p.host.opt.StartTimeout+p.host.opt.MaxPause)
	defer cancel()
	if _, err := p.running(ctx); err != nil {
		return nil, &Error{Task: p.name, Op: "start", Err: err}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.finishes {
		return finishingProxy{proxy{p, *p.info}}, nil
	}
	return proxy{p, *p.info}, nil
}

func (p *program) close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.done)
	}
	now := p.now
	p.now = nil
	p.mu.Unlock()
	if now != nil {
		now.kill()
	}
}

// running returns the live process, starting one after the due pause if there
// is none.
func (p *program) running(ctx context.Context) (*process, error) {
	select {
	case p.starting <- struct{}{}:
		defer func() { <-p.starting }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	now, closed, wait := p.now, p.closed, time.Until(p.earliest)
	p.mu.Unlock()
	if closed {
		return nil, ErrClosed
	}
	if now != nil && !now.exited() {
		return now, nil
	}
	if now != nil { // it ended between two calls: nobody's fault that we know of
		p.lost(now, "it ended between two calls")
	}
	if wait > 0 {
		select {
		case <-time.After(wait):
		case <-p.done:
			return nil, ErrClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return p.start()
}

// start is called with the token of p.starting held.
func (p *program) start() (*process, error) {
	began := time.Now()
	now, err := startProcess(p)
	if err == nil {
		err = p.sameTask(now)
		if err != nil {
			now.kill()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		if err == nil {
			go now.kill()
		}
		return nil, ErrClosed
	}
	if err != nil {
		p.backOff()
		return nil, fmt.Errorf("%w: %s: %w", ErrStart, p.path, err)
	}
	p.now = now
	p.log.Info("plugin started", "pid", now.pid(), "version", p.info.Version, "took", time.Since(began).Round(time.Millisecond))
	return now, nil
}

// sameTask keeps the description of the first start and insists on it later.
func (p *program) sameTask(now *process) error {
	info := now.task.Info()
	_, finishes := now.task.(task.Finisher)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.name == unnamed {
		p.name = info.Name
	}
	if info.Name != p.name {
		return fmt.Errorf("%w: it calls itself %q, its file %s%s", ErrNonsense, info.Name, Prefix, p.name)
	}
	if p.info == nil {
		p.info, p.finishes = &info, finishes
		return nil
	}
	if finishes != p.finishes || !reflect.DeepEqual(info, *p.info) {
		return fmt.Errorf("%w: it describes itself differently than at its first start", ErrNonsense)
	}
	return nil
}

// backOff is called with the lock held.
func (p *program) backOff() {
	pause := p.host.opt.MinPause << min(p.failures, 16)
	p.earliest = time.Now().Add(min(pause, p.host.opt.MaxPause))
	p.failures++
}

// lost forgets a process and kills what is left of it. It returns how many
// calls were in flight when the first of them noticed, and whether the host
// had killed it for somebody else's hang.
func (p *program) lost(old *process, why string) {
	p.mu.Lock()
	first := p.now == old
	if first {
		p.now = nil
		old.victims = old.inflight
		p.backOff()
	}
	p.mu.Unlock()
	if first {
		old.kill()
		p.log.Warn("plugin lost", "pid", old.pid(), "why", why, "calls", old.victims, "stderr", old.lastWords())
	}
}

// call runs f against the live process, repeating it as long as the plugin
// dies and the page is not found guilty.
func (p *program) call(ctx context.Context, k key, f func(context.Context, task.Task) error) error {
	for range maxAttempts {
		p.mu.Lock()
		kills := p.kills[k]
		p.mu.Unlock()
		if kills >= deadly {
			return ErrQuarantined
		}
		again, err := p.attempt(ctx, k, kills > 0, f)
		if !again {
			return err
		}
	}
	return fmt.Errorf("%w %d times in a row", ErrDied, maxAttempts)
}

// attempt is one try; again says that it failed in a way worth repeating.
func (p *program) attempt(ctx context.Context, k key, alone bool, f func(context.Context, task.Task) error) (again bool, err error) {
	if err := p.gate.enter(ctx, alone); err != nil {
		return false, err
	}
	defer p.gate.leave()
	now, err := p.running(ctx)
	if err != nil {
		return false, err
	}
	p.mu.Lock()
	now.inflight++
	p.mu.Unlock()
	err = now.do(ctx, p.host.opt.CallTimeout, f)
	hung := errors.Is(err, errHung)
	if hung {
		p.mu.Lock()
		now.hung = true
		p.mu.Unlock()
		p.lost(now, "a call did not return in time")
	} else if errors.Is(err, task.ErrLost) && ctx.Err() == nil {
		p.lost(now, err.Error())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now.inflight--
	switch {
	case p.closed && err != nil:
		return false, ErrClosed
	case ctx.Err() != nil && err != nil:
		go p.probe(now)
		return false, ctx.Err()
	case hung:
		return p.blame(k, true, fmt.Errorf("%w (%s)", ErrTimeout, p.host.opt.CallTimeout))
	case errors.Is(err, task.ErrLost) && now.hung:
		return true, nil // killed for another call's hang
	case errors.Is(err, task.ErrLost):
		return p.blame(k, now.victims <= 1, fmt.Errorf("%w: %s", ErrDied, now.lastWords()))
	}
	p.failures = 0
	delete(p.kills, k)
	return false, err
}

// blame counts a kill against a page; called with the lock held. A page that
// was not alone stays one below the deadly number, and is repeated alone.
func (p *program) blame(k key, alone bool, err error) (again bool, _ error) {
	if len(p.kills) >= maxSuspects {
		for other, n := range p.kills {
			if n < deadly || len(p.kills) >= 2*maxSuspects {
				delete(p.kills, other)
				break
			}
		}
	}
	n := p.kills[k] + 1
	if !alone {
		n = min(n, deadly-1)
	}
	p.kills[k] = n
	if n >= deadly {
		p.log.Error("page quarantined", "reason", err)
		return false, fmt.Errorf("%w: %w", ErrQuarantined, err)
	}
	return true, nil
}

// probe looks whether a plugin whose caller gave up still lives, so that a
// frozen one is found although no call of its own timed out.
func (p *program) probe(now *process) {
	if !now.ping(p.host.opt.StartTimeout) {
		p.lost(now, "it did not answer after a call was given up")
	}
}
