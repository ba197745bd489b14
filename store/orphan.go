package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"palimpsest.dev/store/internal/db"
)

const (
	// maxOrphaned is how many processes a job may outlive before it is taken to be what kills them.
	maxOrphaned = 10
	// idleAfter is longer than River takes to note how a job ended, its own repetitions included.
	idleAfter = time.Minute
	// lostAfter is longer than any commit that follows upon a job's end.
	lostAfter = 5 * time.Minute
)

// orphanWatch tells live workers from dead ones. Each worker process holds an advisory lock on its own name for as
// long as it lives; Postgres frees it when the process or its machine dies, and keeps it while the process is merely
// frozen. A job said to be running by a worker whose lock is free, twice in a row, is nobody's and goes back to the
// queue. River's own rescue knows only time, and waiting out the longest possible page after every restart would not
// do.
type orphanWatch struct {
	s     *Store
	name  string
	every time.Duration
	log   *slog.Logger

	mu     sync.Mutex
	end    context.CancelFunc
	done   chan struct{}
	active map[int64]bool // jobs this process is at work on

	seen map[int64]string    // jobs found without a live worker the time before
	idle map[int64]time.Time // jobs said to be ours that we are not at work on, and since when
}

func newOrphanWatch(s *Store, name string, every time.Duration, log *slog.Logger) *orphanWatch {
	return &orphanWatch{s: s, name: name, every: every, log: log, active: map[int64]bool{}}
}

// track keeps the list of what this process is at work on, and keeps attempts that met no database from counting. It
// is a River middleware.
func (o *orphanWatch) track(ctx context.Context, job *rivertype.JobRow, work func(context.Context) error) error {
	set := func(active bool) {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.active[job.ID] = active; !active {
			delete(o.active, job.ID)
		}
	}
	set(true)
	defer set(false)
	err := work(ctx)
	if errors.Is(err, ErrUnavailable) && ctx.Err() == nil {
		o.log.WarnContext(ctx, "job waits for the database", "job", job.ID, "error", err)
		return river.JobSnooze(unavailableDelay)
	}
	return err
}

// start takes the lock on the worker's name and begins to look for dead ones.
func (o *orphanWatch) start(ctx context.Context) error {
	conn, err := o.announce(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // the worker's Stop ends it, after its last job
	o.mu.Lock()
	o.end, o.done = cancel, make(chan struct{})
	done := o.done
	o.mu.Unlock()
	go func() {
		defer close(done)
		o.run(ctx, conn)
	}()
	return nil
}

// stop ends the watch and frees the name.
func (o *orphanWatch) stop() {
	o.mu.Lock()
	end, done := o.end, o.done
	o.mu.Unlock()
	if end != nil {
		end()
		<-done
	}
}

// announce opens a connection of its own and locks the worker's name on it.
func (o *orphanWatch) announce(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, o.s.pool.Config().ConnConfig)
	if err != nil {
		return nil, found(err, "worker %s", o.name)
	}
	var got bool
	err = conn.QueryRow(ctx, "select pg_try_advisory_lock(hashtextextended('palimpsest worker ' || $1, 0))", o.name).Scan(&got)
	if err == nil && !got {
		err = fmt.Errorf("another live worker has this name: %w", ErrConflict)
	}
	if err != nil {
		_ = conn.Close(ctx)
		return nil, found(err, "worker %s", o.name)
	}
	return conn, nil
}

// run keeps the lock, connecting again when the database was restarted, and checks for orphans.
func (o *orphanWatch) run(ctx context.Context, conn *pgx.Conn) {
	tick := time.NewTicker(o.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			if conn != nil {
				_ = conn.Close(context.WithoutCancel(ctx))
			}
			return
		case <-tick.C:
		}
		if conn != nil && conn.Ping(ctx) != nil {
			_ = conn.Close(ctx)
			conn = nil
		}
		if conn == nil {
			var err error
			if conn, err = o.announce(ctx); err != nil {
				if ctx.Err() == nil {
					o.log.WarnContext(ctx, "worker cannot announce itself; trying again", "error", err)
				}
				continue
			}
		}
		if err := o.check(ctx); err != nil && ctx.Err() == nil {
			o.log.WarnContext(ctx, "looking for jobs of dead workers failed; trying again", "error", err)
		}
	}
}

// check releases the jobs whose worker is dead now and was at the check before.
func (o *orphanWatch) check(ctx context.Context) error {
	jobs, err := o.s.q.RunningJobs(ctx, o.s.pool, []string{IngestArgs{}.Kind(), ReadArgs{}.Kind(), FinishArgs{}.Kind(), ScanArgs{}.Kind(), DueArgs{}.Kind()})
	if err != nil {
		return fmt.Errorf("store: running jobs: %w", err)
	}
	byWorker := map[string][]db.RunningJobsRow{}
	for _, j := range jobs {
		byWorker[j.Worker] = append(byWorker[j.Worker], j)
	}
	if err := o.releaseIdle(ctx, byWorker[o.name]); err != nil {
		return err
	}
	delete(byWorker, o.name)
	seen := map[int64]string{}
	for worker, jobs := range byWorker {
		if err := o.release(ctx, worker, jobs, seen); err != nil {
			return err
		}
	}
	o.seen = seen
	return o.s.settleLost(ctx, lostAfter)
}

// releaseIdle gives back jobs that are said to be this worker's although it is not at work on them: the database was
// away when it wanted to say how they ended, or when the queue handed them to it.
func (o *orphanWatch) releaseIdle(ctx context.Context, jobs []db.RunningJobsRow) error {
	idle := map[int64]time.Time{}
	var ids []int64
	o.mu.Lock()
	for _, j := range jobs {
		if o.active[j.ID] {
			continue
		}
		since, known := o.idle[j.ID]
		if !known {
			since = time.Now()
		}
		if idle[j.ID] = since; time.Since(since) > idleAfter {
			ids = append(ids, j.ID)
		}
	}
	o.idle = idle
	o.mu.Unlock()
	if len(ids) == 0 {
		return nil
	}
	if _, err := o.s.q.ReleaseOrphans(ctx, o.s.pool, ids); err != nil {
		return fmt.Errorf("store: idle jobs of worker %s: %w", o.name, err)
	}
	o.log.InfoContext(ctx, "jobs whose end was lost go back to the queue", "jobs", len(ids))
	return nil
}

// release deals with the jobs of one worker, if it is dead.
func (o *orphanWatch) release(ctx context.Context, worker string, jobs []db.RunningJobsRow, seen map[int64]string) error {
	var poisoned []db.RunningJobsRow
	err := o.s.tx(ctx, func(tx pgx.Tx) error {
		poisoned = nil
		dead, err := o.s.q.TryWorkerLock(ctx, tx, worker)
		if err != nil || !dead {
			return err
		}
		var ids []int64
		for _, j := range jobs {
			switch {
			case o.seen[j.ID] != worker:
				seen[j.ID] = worker
			case j.Orphaned >= maxOrphaned:
				poisoned = append(poisoned, j)
			default:
				ids = append(ids, j.ID)
			}
		}
		if len(ids) == 0 {
			return nil
		}
		n, err := o.s.q.ReleaseOrphans(ctx, tx, ids)
		if err == nil && n > 0 {
			o.log.InfoContext(ctx, "jobs of a dead worker go back to the queue", "worker", worker, "jobs", n)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("store: jobs of dead worker %s: %w", worker, err)
	}
	for _, j := range poisoned {
		f := Failure{
			Kind:    KindInternal,
			Message: fmt.Sprintf("given up: %d processes died while working on this", j.Orphaned+1),
			Hint:    "see the log of the worker and the kernel's log for the reason; memory is the usual one",
		}
		err := o.s.giveUp(ctx, j.Kind, j.Args, f, func(tx pgx.Tx) error {
			_, err := o.s.q.DiscardJob(ctx, tx, j.ID)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
