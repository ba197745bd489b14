// Package migrations holds the database's schema as numbered SQL files and brings a database up to it: first ours, by
// goose, then the River queue's, by its own migrator, all under one advisory lock.
//
// A migration that has been released is never changed; the next number changes what it made.
package migrations

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed *.sql
var files embed.FS

const (
	// Schema is where our tables live.
	Schema = "palimpsest"
	// RiverSchema is where the queue's tables live.
	RiverSchema = "river"

	versionTable = Schema + ".schema_version"
	// lockKey is what processes that migrate at the same time wait on.
	lockKey = "palimpsest migrate"
)

// FS holds the numbered SQL files; a test database's template is named after their content.
func FS() fs.FS { return files }

// Apply brings the database at dsn up to the present schema. Calling it again, or from several processes at once,
// does no harm. A nil log is slog.Default().
func Apply(ctx context.Context, dsn string, log *slog.Logger) error {
	if log == nil {
		log = slog.Default()
	}
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return fmt.Errorf("migrate: database address: %w", err)
	}
	cfg.MaxConns = 4
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer pool.Close()
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("migrate: database does not answer: %w", err)
	}
	defer func() { // the lock ends with its connection, which must not go back to the pool
		_ = conn.Hijack().Close(context.WithoutCancel(ctx))
	}()
	if _, err := conn.Exec(ctx, "select pg_advisory_lock(hashtextextended($1, 0))", lockKey); err != nil {
		return fmt.Errorf("migrate: lock: %w", err)
	}
	for _, schema := range []string{Schema, RiverSchema} {
		if _, err := conn.Exec(ctx, "create schema if not exists "+pgx.Identifier{schema}.Sanitize()); err != nil {
			return fmt.Errorf("migrate: schema %s: %w", schema, err)
		}
	}
	if err := applyOurs(ctx, pool, log); err != nil {
		return err
	}
	return applyRiver(ctx, pool, log)
}

func applyOurs(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) error {
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	store, err := database.NewStore(database.DialectPostgres, versionTable)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	provider, err := goose.NewProvider("", db, files, goose.WithStore(store), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	for _, r := range results {
		log.InfoContext(ctx, "migrated", "file", r.Source.Path, "took", r.Duration)
	}
	return nil
}

func applyRiver(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) error {
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: RiverSchema, Logger: log})
	if err != nil {
		return fmt.Errorf("migrate: queue: %w", err)
	}
	res, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	if err != nil {
		return fmt.Errorf("migrate: queue: %w", err)
	}
	if n := len(res.Versions); n > 0 {
		log.InfoContext(ctx, "migrated the queue", "versions", n)
	}
	return nil
}

// Pending reports whether the database lacks migrations of this program, ours or the queue's.
func Pending(ctx context.Context, pool *pgxpool.Pool) (bool, error) {
	var there bool
	err := pool.QueryRow(ctx, "select to_regclass($1) is not null and to_regclass($2) is not null",
		versionTable, RiverSchema+".river_migration").Scan(&there)
	if err != nil || !there {
		return true, err
	}
	var version int64
	err = pool.QueryRow(ctx, "select coalesce(max(version_id), 0) from "+versionTable+" where is_applied").Scan(&version)
	if err != nil {
		return true, fmt.Errorf("migrations: %w", err)
	}
	latest, err := latest()
	if err != nil || version < latest {
		return true, err
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: RiverSchema, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return true, fmt.Errorf("migrations: queue: %w", err)
	}
	have, err := migrator.ExistingVersions(ctx)
	if err != nil {
		return true, fmt.Errorf("migrations: queue: %w", err)
	}
	return len(have) < len(migrator.AllVersions()), nil
}

// latest is the highest number of our files.
func latest() (int64, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return 0, err
	}
	var top int64
	for _, e := range entries {
		number, _, _ := strings.Cut(e.Name(), "_")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("migrations: file %s does not begin with its number", e.Name())
		}
		top = max(top, n)
	}
	return top, nil
}

// RiverVersion names the state of the queue's migrations in this build.
func RiverVersion() string {
	migrator, err := rivermigrate.New(riverpgxv5.New(nil), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return "unknown"
	}
	all := migrator.AllVersions()
	return strconv.Itoa(all[len(all)-1].Version)
}
