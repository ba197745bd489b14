// Package store keeps what Palimpsest knows in Postgres. Every transaction of the program begins and ends here, the
// River queue lives in the same database, and a step of work commits its rows, its state and the completion of its
// job together, so that a process killed at any moment neither loses nor doubles anything.
//
// Transactions lock in one order: the document's row first, then its page runs, then jobs. Whoever adds one keeps to
// it; what still collides (River updates jobs in batches of its own) is tried again by Store.tx.
//
// The fixed queries are in store/query and compiled by sqlc into store/internal/db. Only statements over a task's own
// relations, whose names and columns are not known before it declares them, are composed here (relation.go, rows.go), and
// the one that holds a condition from outside (condition.go).
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"palimpsest.dev/migrations"
	"palimpsest.dev/store/internal/db"
)

// Errors callers act upon; test with errors.Is.
var (
	// ErrNotFound: no such document, page run or relation in this tenant.
	ErrNotFound = errors.New("not found")
	// ErrFinal: the document or page run has reached a final state (most often it was cancelled); there is nothing
	// left to do and nothing was changed.
	ErrFinal = errors.New("already final")
	// ErrConflict: the request contradicts what is stored: an idempotency key used for another request, a relation
	// whose column changed its type.
	ErrConflict = errors.New("conflict")
	// ErrRevised: other rows have become current since the work began; it is to begin again.
	ErrRevised = errors.New("revised meanwhile")
	// ErrUnavailable: the database did not answer, or the connection broke. Whether a commit came through is not
	// known; every step may be called again. It is no fault of the job at hand and should not count as an attempt.
	ErrUnavailable = errors.New("database is not available")
	// ErrInvalid: the caller's value cannot be stored; the message says which and why.
	ErrInvalid = errors.New("invalid")
)

// Options configure Open. The zero value is good.
type Options struct {
	MaxConns int32        // connections in the pool; 0 means 16
	Log      *slog.Logger // nil means slog.Default()
}

// Store is the database. It is safe for concurrent use.
type Store struct {
	pool  *pgxpool.Pool
	queue *river.Client[pgx.Tx] // inserts and cancels only; workers are made by NewWorker
	q     *db.Queries
	log   *slog.Logger

	relations relationCache
	watch     watcher
	blobLocks chan struct{} // bounds the connections blob locks may hold, so that they cannot drain the pool
	closing   context.Context
	close     context.CancelFunc
	closed    sync.WaitGroup
}

const (
	defaultMaxConns = 16
	// riverSchema keeps the queue's tables apart from ours.
	riverSchema = migrations.RiverSchema
	// maxTries bounds how often a transaction that lost a deadlock or a serialisation race begins again.
	maxTries = 8
)

// Migrate brings the database at dsn to the present schema: ours and River's, under an advisory lock, so that
// several processes may call it at once. A nil log is slog.Default().
func Migrate(ctx context.Context, dsn string, log *slog.Logger) error {
	return migrations.Apply(ctx, dsn, log)
}

// Open connects to the database at dsn (a URL or key=value string as libpq takes) and checks that it answers and is
// migrated. Close the store when done.
func Open(ctx context.Context, dsn string, o Options) (*Store, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("store: database address: %w", err)
	}
	cfg.MaxConns = defaultMaxConns
	if o.MaxConns > 0 {
		cfg.MaxConns = o.MaxConns
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	queue, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Schema: riverSchema, Logger: o.Log})
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("store: queue: %w", err)
	}
	s := &Store{pool: pool, queue: queue, q: db.New(), log: o.Log, blobLocks: make(chan struct{}, max(1, cfg.MaxConns/4))}
	s.closing, s.close = context.WithCancel(context.Background())
	if err := s.ready(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) ready(ctx context.Context) error {
	if err := s.Ping(ctx); err != nil {
		return err
	}
	pending, err := migrations.Pending(ctx, s.pool)
	if err != nil {
		return found(err, "migrations")
	}
	if pending {
		return errors.New("store: the database lacks migrations of this version: run `palimpsest migrate` first")
	}
	return nil
}

// Close ends watches and closes all connections. Stop workers first.
func (s *Store) Close() {
	s.close()
	s.closed.Wait()
	s.pool.Close()
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("store: %w: %w", ErrUnavailable, err)
	}
	return nil
}

// tx runs f in one transaction and commits it. A transaction that Postgres broke off to resolve a deadlock or a
// serialisation conflict begins again, so f must have no effect outside of it.
func (s *Store) tx(ctx context.Context, f func(pgx.Tx) error) error {
	for try := 1; ; try++ {
		err := s.once(ctx, f)
		var pg *pgconn.PgError
		if err == nil || try == maxTries || !errors.As(err, &pg) || (pg.Code != deadlockDetected && pg.Code != serializationFailure) {
			return err
		}
		s.log.DebugContext(ctx, "transaction begins again", "try", try, "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(try) * time.Duration(5+rand.IntN(20)) * time.Millisecond):
		}
	}
}

// once runs f in one transaction, and tells a broken connection from everything else that may go wrong.
func (s *Store) once(ctx context.Context, f func(pgx.Tx) error) error {
	// The connection is held until it was asked whether it is closed: once released it is somebody else's.
	conn, err := s.pool.Acquire(ctx)
	begun := false
	if err == nil {
		defer conn.Release()
		err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			begun = true
			return f(tx)
		})
	}
	// A context that ends closes its connection as well; that is its own story.
	if err != nil && ctx.Err() == nil && (!begun || conn.Conn().IsClosed()) {
		return fmt.Errorf("store: %w: %w", ErrUnavailable, err)
	}
	return err
}

// SQLSTATE codes that mean "begin again".
const (
	deadlockDetected     = "40P01"
	serializationFailure = "40001"
)

// found wraps an error of a query with what was being done; "no rows" becomes ErrNotFound, and a broken connection
// ErrUnavailable.
func found(err error, format string, args ...any) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgx.ErrNoRows):
		err = ErrNotFound
	case brokenConnection(err):
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return fmt.Errorf("store: %s: %w", fmt.Sprintf(format, args...), err)
}

// brokenConnection reports whether a query failed for want of a server rather than by its answer.
func brokenConnection(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		// Class 08: connection; 57P01 to 57P03: the server is being stopped, has crashed, is starting.
		return strings.HasPrefix(pg.Code, "08") || strings.HasPrefix(pg.Code, "57P0")
	}
	var connect *pgconn.ConnectError
	var network *net.OpError
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
