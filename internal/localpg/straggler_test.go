package localpg

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// A child of a killed server that is frozen, and wakes when the next server runs, must neither write to
// the same files nor keep the server from starting.
func TestChildrenOfAKilledServerEndBeforeTheNext(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/cwd"); err != nil {
		t.Skip("no /proc to find processes in:", err)
	}
	o := Options{Dir: filepath.Join(shortDir(t), "pg")} // not unsafe: that loses what was committed last
	s := start(t, o)
	query(t, s, "create table kept as select 'still here' as what")
	conn, err := pgx.Connect(t.Context(), s.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	child := int(conn.PgConn().PID())
	for _, kill := range []struct {
		pid    int
		signal syscall.Signal
	}{{child, syscall.SIGSTOP}, {s.Pid(), syscall.SIGKILL}} {
		if err := syscall.Kill(kill.pid, kill.signal); err != nil {
			t.Fatal(err)
		}
	}
	<-s.proc.done
	s.unlock()
	s = start(t, o)
	if cwd, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(child), "cwd")); err == nil && cwd == s.dataDir() {
		t.Errorf("process %d of the killed server lives on beside the new one", child)
	}
	if got := query(t, s, "select what from kept"); got != "still here" {
		t.Errorf("after a restart: %q", got)
	}
}
