package localpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"palimpsest.dev/internal/spawn"
)

// process is a server started by this process.
type process struct {
	cmd  *exec.Cmd
	pid  int
	done <-chan struct{}
	said string // file its first output goes to, until its own log takes over
}

// startProcess starts postgres as who. A server that is not detached gets an interrupt, its own sign for a fast
// shutdown, from the kernel when this process dies.
func startProcess(pg programs, args []string, logDir string, who user, detach bool) (*process, error) {
	cmd := exec.Command(filepath.Join(pg.bin, "postgres"), args...)
	cmd.Dir, cmd.Env = "/", pg.env()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: who.credential()}
	if detach {
		cmd.SysProcAttr.Setpgid, cmd.SysProcAttr.Setsid = false, true
	} else {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGINT
	}
	p := &process{cmd: cmd, said: filepath.Join(logDir, "start.log")}
	// A file, not a pipe: a detached server would keep whoever reads the pipe waiting.
	out, err := os.OpenFile(p.said, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if p.done, err = spawn.Start(cmd); err != nil { // why it ends will be in its log
		return nil, err
	}
	p.pid = cmd.Process.Pid
	return p, nil
}

// output is the end of what the server said while starting.
func (p *process) output() string {
	b, err := os.ReadFile(p.said)
	if err != nil || len(b) == 0 {
		return "it said nothing; see its log in " + filepath.Dir(p.said)
	}
	return strings.TrimSpace(string(b[max(0, len(b)-2000):])) + "; see also its log in " + filepath.Dir(p.said)
}

func (p *process) kill() {
	_ = syscall.Kill(p.pid, syscall.SIGQUIT) // without a shutdown, but its children end too
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

func (p *process) stop(ctx context.Context) error {
	_ = p.cmd.Process.Signal(os.Interrupt) // an error means that it has ended
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		p.kill()
		return fmt.Errorf("localpg: the server had to be killed: %w", ctx.Err())
	}
}

// stopPid stops a server that another process started.
func stopPid(ctx context.Context, pid int) error {
	if err := syscall.Kill(pid, syscall.SIGINT); err != nil {
		if errors.Is(err, syscall.ESRCH) {
			return nil
		}
		return fmt.Errorf("localpg: stop server %d: %w", pid, err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for syscall.Kill(pid, 0) == nil {
		select {
		case <-ctx.Done():
			_ = syscall.Kill(pid, syscall.SIGQUIT)
			return fmt.Errorf("localpg: server %d had to be killed: %w", pid, ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

// isServer reports whether a process is a Postgres over the data folder. Where /proc does not say, it is taken for
// one if it is alive: better refuse to start than start twice.
func isServer(pid int, data string) bool {
	if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
		return false
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		_, noProc := os.Stat("/proc/self/cmdline")
		return noProc != nil
	}
	args := strings.Split(string(b), "\x00")
	return strings.HasPrefix(filepath.Base(args[0]), "postgres") && strings.Contains(string(b), data)
}

// initialise makes the cluster when there is none. It is made beside and renamed, so that a crash on the way leaves
// nothing that looks like one.
func (s *Server) initialise(ctx context.Context, pg programs, who user, o Options) error {
	if _, err := os.Stat(filepath.Join(s.dataDir(), "PG_VERSION")); err == nil {
		return nil
	}
	fresh := filepath.Join(s.dir, "data.new")
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := os.MkdirAll(fresh, 0o700); err != nil {
		return err
	}
	if err := who.own(fresh); err != nil {
		return err
	}
	args := []string{"-D", fresh, "-U", superuser, "-A", "trust", "--locale=C.UTF-8", "-E", "UTF8"}
	if o.Unsafe {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(pg.bin, "initdb"), args...)
	cmd.Dir, cmd.Env = "/", pg.env()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who.credential()}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb as %s: %w: %s", who.name, err, strings.TrimSpace(string(out)))
	}
	// The folder is empty where there was no cluster; if it is not, this fails rather than hide what is there.
	if err := os.Remove(s.dataDir()); err != nil {
		return fmt.Errorf("%w: the folder holds something that is no cluster", err)
	}
	return os.Rename(fresh, s.dataDir())
}

// lockFile takes the folder for this process; with wait it waits its turn.
func lockFile(path string, wait bool) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	how := syscall.LOCK_EX | syscall.LOCK_NB
	if wait {
		how = syscall.LOCK_EX
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("another process runs it (it holds %s): stop that one first, or use another folder", path)
		}
		return nil, err
	}
	return f, nil
}
