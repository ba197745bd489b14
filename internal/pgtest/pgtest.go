// Package pgtest gives every test a private, migrated database. All test processes of a user share one Postgres, which
// the first of them starts (a second or two) and which ends by itself some time after the last; a database is a copy
// of a template that was migrated once, which takes some 50 ms.
package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"palimpsest.dev/internal/localpg"
	"palimpsest.dev/migrations"
)

// serverEnv may name a running Postgres (any database of it, as a user who may create databases) to use instead.
const serverEnv = "PALIMPSEST_TEST_DATABASE_URL"

// DSN is the address of a new, migrated database for this test alone, dropped when the test ends.
func DSN(t testing.TB) string {
	t.Helper()
	return create(t, template(t))
}

// Empty is the address of a new database without any schema, for tests of the migrations themselves.
func Empty(t testing.TB) string {
	t.Helper()
	return create(t, "template0")
}

// server is started, or found, once in each process.
var server = sync.OnceValues(func() (string, error) {
	if dsn := os.Getenv(serverEnv); dsn != "" {
		return dsn, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	return shared(ctx)
})

// shared starts or finds the server that all test processes of this user share.
//
// It must not end while any of them lives, and none of them is sure to be the last. So each leaves a file named after
// its process, and a small shell script, started with the server, stops the server when no named process is alive.
// Before it does, it makes the folder "stopping" and looks again; a process leaves its file and then looks for that
// folder: whoever comes second sees the other.
func shared(ctx context.Context) (string, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("palimpsest-pgtest-%d", os.Getuid()))
	users := filepath.Join(dir, "users")
	if err := os.MkdirAll(users, 0o755); err != nil {
		return "", err
	}
	if info, err := os.Lstat(dir); err != nil {
		return "", err
	} else if st, ok := info.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Getuid() || !info.IsDir() {
		return "", fmt.Errorf("%s belongs to another user: set TMPDIR", dir)
	}
	// Of the processes that start together one does the work.
	turn, err := os.OpenFile(filepath.Join(dir, "turn"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer turn.Close()
	if err := syscall.Flock(int(turn.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(users, strconv.Itoa(os.Getpid())), nil, 0o600); err != nil {
		return "", err
	}
	if err := stopped(ctx, dir); err != nil {
		return "", err
	}
	s, err := localpg.Start(ctx, localpg.Options{
		Dir: filepath.Join(dir, "postgres"), Detach: true, Unsafe: true, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return "", err
	}
	return s.Database("postgres"), keep(dir, s.Pid())
}

// stopped waits until a server that is being stopped is gone.
func stopped(ctx context.Context, dir string) error {
	stopping := filepath.Join(dir, "stopping")
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		info, err := os.Stat(stopping)
		if err != nil {
			return nil
		}
		if time.Since(info.ModTime()) > time.Minute {
			return os.Remove(stopping) // the script was killed in between
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// watchScript ends the server of pid $1 in folder $2 when its users are gone. One runs for each server.
const watchScript = `
cd "$2" || exit 1
alive() {
	for f in users/*; do
		[ -e "$f" ] || continue
		if kill -0 "${f#users/}" 2>/dev/null; then return 0; fi
		rm -f "$f"
	done
	return 1
}
while kill -0 "$1" 2>/dev/null; do
	sleep 15
	alive && continue
	mkdir stopping 2>/dev/null || continue
	if alive; then rmdir stopping; continue; fi
	kill -INT "$1"
	while kill -0 "$1" 2>/dev/null; do sleep 0.1; done
	rmdir stopping
done
rm -f watch
`

// keep starts the script that ends the server, if none watches it.
func keep(dir string, pid int) error {
	mark := filepath.Join(dir, "watch")
	if b, err := os.ReadFile(mark); err == nil {
		if p, err := strconv.Atoi(string(b)); err == nil && p > 1 && syscall.Kill(p, 0) == nil {
			return nil
		}
	}
	cmd := exec.Command("/bin/sh", "-c", watchScript, "sh", strconv.Itoa(pid), dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer cmd.Process.Release()
	return os.WriteFile(mark, []byte(strconv.Itoa(cmd.Process.Pid)), 0o600)
}

// template makes, once for each state of the migrations, the database that others are copied from, and gives its name.
func template(t testing.TB) string {
	name, err := migrated()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return name
}

var migrated = sync.OnceValues(func() (string, error) {
	admin, err := server()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	h := sha256.New()
	err = fs.WalkDir(migrations.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(migrations.FS(), path)
		fmt.Fprintf(h, "%s %d ", path, len(b))
		h.Write(b)
		return err
	})
	if err != nil {
		return "", err
	}
	fmt.Fprint(h, migrations.RiverVersion())
	name := "palimpsest_template_" + hex.EncodeToString(h.Sum(nil)[:6])
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	// One process makes it; the others wait here. The lock goes with the connection.
	if _, err := conn.Exec(ctx, "select pg_advisory_lock(hashtextextended($1, 0))", name); err != nil {
		return "", err
	}
	var there bool
	if err := conn.QueryRow(ctx, "select exists (select from pg_database where datname = $1)", name).Scan(&there); err != nil || there {
		return name, err
	}
	making := name + "_making"
	for _, stmt := range []string{"drop database if exists " + making + " with (force)", "create database " + making + " template template0"} {
		if _, err := conn.Exec(ctx, stmt); err != nil {
			return "", err
		}
	}
	if err := migrations.Apply(ctx, address(admin, making), slog.New(slog.DiscardHandler)); err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "alter database "+making+" rename to "+name)
	return name, err
})

var count atomic.Int64

// create copies a template for one test.
func create(t testing.TB, template string) string {
	t.Helper()
	admin, err := server()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	name := fmt.Sprintf("t_%d_%d", os.Getpid(), count.Add(1))
	run := func(stmts ...string) error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		conn, err := pgx.Connect(ctx, admin)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		for _, stmt := range stmts {
			if _, err := conn.Exec(ctx, stmt); err != nil {
				return fmt.Errorf("%s: %w", stmt, err)
			}
		}
		return nil
	}
	drop := "drop database if exists " + name + " with (force)"
	if err := run(drop, "create database "+name+" template "+template); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		if err := run(drop); err != nil {
			t.Logf("pgtest: %v", err)
		}
	})
	return address(admin, name)
}

// address is the DSN with another database in it.
func address(dsn, name string) string {
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme == "" {
		return dsn + " dbname=" + name
	}
	u.Path = "/" + name
	return u.String()
}
