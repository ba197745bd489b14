// Package pool runs the iterations of one loop on a fixed set of worker threads. It exists because the
// engine's loops last microseconds: starting goroutines for each would cost as much as the arithmetic.
// Which worker runs which iteration is left to chance; a loop body must therefore write only what its own
// index owns, and then the results do not depend on the number of threads.
package pool

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// spins is how often a thread that waits, for work or for the others' last iterations, looks before it
// sleeps: some ten microseconds, longer than the gaps between the matrix multiplies of one decoding step and
// far shorter than those between requests. On a busy machine the core is then somebody else's.
const spins = 4000

// Pool is a set of threads. The zero value and nil are valid and run everything on the caller. A Pool may
// be shared by several goroutines; their loops then run one after the other.
type Pool struct {
	threads int
	mu      sync.Mutex // held during one Run
	wake    sync.Cond
	sleep   sync.Mutex
	job     atomic.Pointer[job]
	ended   chan struct{} // one message when the last iteration of a job has ended
	closed  atomic.Bool
	done    sync.WaitGroup
}

// job is one loop in progress.
type job struct {
	body    func(i int)
	n       int64
	next    atomic.Int64
	pending atomic.Int64 // iterations not yet finished
	ended   chan<- struct{}
	failure atomic.Pointer[failure]
}

// failure carries a panic of a loop body to the goroutine that called Run.
type failure struct{ value any }

// New starts a pool of the given number of threads, the caller of Run counting as one of them. Less than
// one means as many as the process may use at once.
func New(threads int) *Pool {
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	p := &Pool{threads: threads, ended: make(chan struct{}, 1)}
	p.wake.L = &p.sleep
	p.done.Add(threads - 1)
	for range threads - 1 {
		go p.work()
	}
	return p
}

// Threads says how many loop bodies may run at once; 1 for nil.
func (p *Pool) Threads() int {
	if p == nil || p.threads < 1 {
		return 1
	}
	return p.threads
}

// Run calls body(0) to body(n-1), each exactly once and in no particular order, and returns when all have
// returned. A body must not call Run of the same pool. A panic in a body is raised again in the caller
// after the other iterations have ended.
func (p *Pool) Run(n int, body func(i int)) {
	if n <= 0 {
		return
	}
	if n == 1 || p.Threads() == 1 {
		for i := range n {
			body(i)
		}
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	j := &job{body: body, n: int64(n), ended: p.ended}
	j.pending.Store(int64(n))
	p.job.Store(j)
	p.sleep.Lock()
	p.wake.Broadcast()
	p.sleep.Unlock()
	j.help()
	for spin := 0; spin < spins && j.pending.Load() > 0; spin++ {
	}
	<-p.ended
	p.job.Store(nil)
	if f := j.failure.Load(); f != nil {
		panic(f.value)
	}
}

// Close ends the threads. No Run may be in progress or follow.
func (p *Pool) Close() {
	if p == nil || p.threads <= 1 || p.closed.Swap(true) {
		return
	}
	p.sleep.Lock()
	p.wake.Broadcast()
	p.sleep.Unlock()
	p.done.Wait()
}

// work is the life of one thread: look for a job, help with it, look again, and sleep when there is none.
func (p *Pool) work() {
	defer p.done.Done()
	var last *job
	for spin := 0; !p.closed.Load(); {
		j := p.job.Load()
		if j != nil && j != last {
			j.help()
			last, spin = j, 0
			continue
		}
		if spin++; spin < spins {
			continue
		}
		p.sleep.Lock()
		for !p.closed.Load() && (p.job.Load() == nil || p.job.Load() == last) {
			p.wake.Wait()
		}
		p.sleep.Unlock()
		spin = 0
	}
}

// help runs iterations of j until none is left to begin.
func (j *job) help() {
	for {
		i := j.next.Add(1) - 1
		if i >= j.n {
			return
		}
		j.one(int(i))
	}
}

// one runs a single iteration and counts it as finished even when it panics.
func (j *job) one(i int) {
	defer func() {
		if r := recover(); r != nil {
			j.failure.CompareAndSwap(nil, &failure{r})
		}
		if j.pending.Add(-1) == 0 {
			j.ended <- struct{}{}
		}
	}()
	j.body(i)
}
