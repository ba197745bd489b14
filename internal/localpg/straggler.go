package localpg

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A server that was killed outright leaves its children: they end when they next look for it, but one that is busy, or
// frozen, does not look. Postgres refuses to start beside them, because they could write to the same files, and asks
// for a person who ends them. In a folder that is ours nobody else will.

// endStragglers kills the processes of a dead server over the data folder and waits until they are gone. Where the
// system has no /proc to find them in, Postgres's own check has the last word.
func endStragglers(ctx context.Context, data string) error {
	data, err := filepath.EvalSymlinks(data)
	if err != nil {
		return err
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		pids := stragglers(data)
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // an error means that it has ended by itself
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("processes %v of a dead server do not end: %w", pids, ctx.Err())
		case <-tick.C:
		}
	}
}

// stragglers lists the Postgres processes whose current folder is the data folder, as every server's is. Those of
// other users, whom it cannot look at, cannot have opened the folder either.
func stragglers(data string) (pids []int) {
	entries, _ := os.ReadDir("/proc") // none where there is no /proc
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if cwd, err := os.Readlink(filepath.Join("/proc", e.Name(), "cwd")); err != nil || cwd != data {
			continue
		}
		if name, err := os.ReadFile(filepath.Join("/proc", e.Name(), "comm")); err == nil && strings.HasPrefix(string(name), "postgres") {
			pids = append(pids, pid)
		}
	}
	return pids
}
