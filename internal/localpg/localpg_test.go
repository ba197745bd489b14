package localpg

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// shortDir is a folder that user postgres may reach when we are root; t.TempDir's parents are closed to it.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lpg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

func query(t *testing.T, s *Server, sql string) string {
	t.Helper()
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, s.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if !strings.HasPrefix(sql, "select") {
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
		return ""
	}
	var out string
	if err := conn.QueryRow(ctx, sql).Scan(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func start(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop(context.Background()) })
	return s
}

func TestDataSurvivesRestarts(t *testing.T) {
	t.Parallel()
	o := Options{Dir: filepath.Join(shortDir(t), "pg")}
	s := start(t, o)
	query(t, s, "create table kept as select 'still here' as what")
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := pgx.Connect(t.Context(), s.DSN()); err == nil {
		t.Error("a stopped server answers")
	}
	s = start(t, o)
	if got := query(t, s, "select what from kept"); got != "still here" {
		t.Errorf("after a restart: %q", got)
	}
	// Killed outright, it leaves a pid file and a socket behind, and recovers.
	if err := syscall.Kill(s.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-s.proc.done
	s.unlock()
	s = start(t, o)
	if got := query(t, s, "select what from kept"); got != "still here" {
		t.Errorf("after a kill: %q", got)
	}
}

func TestStalePidOfAnotherProcess(t *testing.T) {
	t.Parallel()
	o := Options{Dir: filepath.Join(shortDir(t), "pg"), Unsafe: true}
	s := start(t, o)
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The number of the dead server now belongs to somebody else: to this test.
	stale := fmt.Sprintf("%d\n%s\n", os.Getpid(), s.dataDir())
	if err := os.WriteFile(filepath.Join(s.dataDir(), "postmaster.pid"), []byte(stale), 0o600); err != nil {
		t.Fatal(err)
	}
	s = start(t, o)
	query(t, s, "create table fine ()")
}

func TestAServerLeftBehindIsReplaced(t *testing.T) {
	t.Parallel()
	o := Options{Dir: filepath.Join(shortDir(t), "pg"), Unsafe: true}
	old := start(t, o)
	query(t, old, "create table kept as select 'still here' as what")
	old.unlock() // as if the process that started it were gone
	s := start(t, o)
	if got := query(t, s, "select what from kept"); got != "still here" || s.Pid() == old.Pid() {
		t.Errorf("%q from server %d, left behind was %d", got, s.Pid(), old.Pid())
	}
}

func TestADetachedServerIsShared(t *testing.T) {
	t.Parallel()
	o := Options{Dir: filepath.Join(shortDir(t), "pg"), Unsafe: true, Detach: true}
	one, two := start(t, o), start(t, o)
	if one.Pid() != two.Pid() {
		t.Errorf("servers %d and %d", one.Pid(), two.Pid())
	}
	query(t, two, "create table fine ()")
}

func TestOneOwner(t *testing.T) {
	t.Parallel()
	o := Options{Dir: filepath.Join(shortDir(t), "pg"), Unsafe: true}
	start(t, o)
	_, err := Start(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "another process runs it") {
		t.Errorf("second start in one folder: %v", err)
	}
}

func TestLongPathGetsAShortSocket(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(shortDir(t), strings.Repeat("deep/", 25), "pg")
	s := start(t, Options{Dir: dir, Unsafe: true})
	if n := len(s.socketFile()); n > maxSocketPath {
		t.Errorf("socket path of %d bytes", n)
	}
	t.Cleanup(func() { os.RemoveAll(s.socket) })
	query(t, s, "create table fine ()")
}

func TestClosedParentIsNamed(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root drops to another user")
	}
	closed := filepath.Join(shortDir(t), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{Dir: filepath.Join(closed, "pg")})
	if err == nil || !strings.Contains(err.Error(), closed+" (mode 700)") {
		t.Errorf("closed parent folder: %v", err)
	}
}

func TestClusterOfAnotherRelease(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "made by Postgres 9") {
		t.Errorf("cluster of release 9: %v", err)
	}
}

func TestOnlyTheOwnerMayEnter(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Dir: filepath.Join(shortDir(t), "pg"), Unsafe: true})
	for _, d := range []string{s.dataDir(), s.socket} {
		info, err := os.Stat(d)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %o", d, info.Mode().Perm())
		}
	}
	if got := query(t, s, "select setting from pg_settings where name = 'listen_addresses'"); got != "" {
		t.Errorf("listens on %q", got)
	}
}
