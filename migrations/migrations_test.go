package migrations_test

import (
	"log/slog"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"palimpsest.dev/internal/pgtest"
	"palimpsest.dev/migrations"
)

var quiet = slog.New(slog.DiscardHandler)

func pending(t *testing.T, dsn string) bool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	p, err := migrations.Pending(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestManyProcessesMayMigrateAtOnce(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	if !pending(t, dsn) {
		t.Error("an empty database counts as migrated")
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := migrations.Apply(t.Context(), dsn, quiet); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if pending(t, dsn) {
		t.Error("a migrated database counts as not migrated")
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, table := range []string{"palimpsest.document", "river.river_job"} {
		var there bool
		if err := conn.QueryRow(t.Context(), "select to_regclass($1) is not null", table).Scan(&there); err != nil || !there {
			t.Errorf("table %s is missing, %v", table, err)
		}
	}
	// Every table of ours says what it is for.
	rows, err := conn.Query(t.Context(), `select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where n.nspname = 'palimpsest' and c.relkind = 'r' and c.relname <> 'schema_version' and obj_description(c.oid) is null`)
	if err != nil {
		t.Fatal(err)
	}
	if silent, err := pgx.CollectRows(rows, pgx.RowTo[string]); err != nil || len(silent) > 0 {
		t.Errorf("tables without a comment: %v, %v", silent, err)
	}
	if _, err := conn.Exec(t.Context(), "delete from palimpsest.schema_version where version_id > 0"); err != nil {
		t.Fatal(err)
	}
	if !pending(t, dsn) {
		t.Error("a database behind by a migration counts as migrated")
	}
}
