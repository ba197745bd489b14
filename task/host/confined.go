package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
)

// confined starts a plugin program behind what fences the system offers. It
// is a runner.Runner, go-plugin's name for a way to start a program.
type confined struct {
	path    string
	args    []string
	env     []string // what go-plugin wants the plugin to know
	dir     string   // private folder for the socket and temporary files
	workDir string   // "": the private folder
	memory  int64
	user    string
	log     *slog.Logger

	mu     sync.Mutex
	cmd    *exec.Cmd
	copied string // the copy that another user may execute, if there is one
	stdout io.ReadCloser
	stderr io.ReadCloser
}

// Start implements runner.Runner. It tries the strongest fence first and goes
// on with less where the system refuses, saying so.
func (c *confined) Start(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var refused error
	for _, f := range fences(c.user) {
		err := c.start(f)
		if err == nil {
			if refused != nil {
				c.log.Debug("plugin runs behind a weaker fence", "fence", f.name, "reason", refused)
			}
			return nil
		}
		if !errors.Is(err, errFence) {
			return err
		}
		refused = err
	}
	return refused
}

// errFence marks a start that failed because of the fence.
var errFence = errors.New("the system refuses")

func (c *confined) start(f fence) error {
	path := c.path
	if f.uid >= 0 {
		if err := os.Chown(c.dir, f.uid, f.gid); err != nil {
			return fmt.Errorf("%w to give a folder to user %d: %w", errFence, f.uid, err)
		}
		var err error
		if path, err = c.reachable(); err != nil {
			return fmt.Errorf("%w to copy the program: %w", errFence, err)
		}
	}
	cmd := limited(c.memory, path, c.args...)
	cmd.Env = append(c.environment(), c.env...)
	cmd.Dir = cmp.Or(c.workDir, c.dir)
	cmd.SysProcAttr = f.attributes()
	var err error
	if c.stdout, err = cmd.StdoutPipe(); err != nil {
		return err
	}
	if c.stderr, err = cmd.StderrPipe(); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		if f.refuses(err) {
			return fmt.Errorf("%w %s: %w", errFence, f.name, err)
		}
		return err
	}
	c.cmd = cmd
	return nil
}

// environment is all that a plugin knows of its surroundings.
func (c *confined) environment() []string {
	env := []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "HOME=" + c.dir, "TMPDIR=" + c.dir}
	if c.memory > 0 {
		env = append(env, "GOMEMLIMIT="+strconv.FormatInt(c.memory*3/4, 10))
	}
	return env
}

// reachable returns a path of the program that another user may execute: its
// own, or that of a copy when a folder on the way is closed to others.
func (c *confined) reachable() (string, error) {
	if c.copied != "" {
		return c.copied, nil
	}
	if openToAll(c.path) {
		return c.path, nil
	}
	in, err := os.Open(c.path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	dir, err := os.MkdirTemp(filepath.Dir(c.dir), "bin-")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, filepath.Base(c.path))
	out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close(), os.Chmod(dir, 0o711)); err != nil {
		return "", err
	}
	c.copied = name
	return name, nil
}

// openToAll reports whether everybody may reach, read and execute a file.
func openToAll(path string) bool {
	st, err := os.Stat(path)
	if err != nil || st.Mode()&0o005 != 0o005 {
		return false
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if st, err := os.Stat(dir); err != nil || st.Mode()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

// cleanUp removes the copy.
func (c *confined) cleanUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.copied != "" {
		os.RemoveAll(filepath.Dir(c.copied))
		c.copied = ""
	}
}

// Wait implements runner.Runner.
func (c *confined) Wait(context.Context) error { return c.cmd.Wait() }

// Kill implements runner.Runner.
func (c *confined) Kill(context.Context) error {
	c.killGroup()
	return nil
}

// killGroup kills the plugin and what it started.
func (c *confined) killGroup() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cmd != nil && c.cmd.Process != nil {
		killGroup(c.cmd.Process)
	}
}

// Stdout implements runner.Runner.
func (c *confined) Stdout() io.ReadCloser { return c.stdout }

// Stderr implements runner.Runner.
func (c *confined) Stderr() io.ReadCloser { return c.stderr }

// Name implements runner.Runner.
func (c *confined) Name() string { return c.path }

// ID implements runner.Runner.
func (c *confined) ID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cmd == nil || c.cmd.Process == nil {
		return ""
	}
	return strconv.Itoa(c.cmd.Process.Pid)
}

// Diagnose implements runner.Runner.
func (c *confined) Diagnose(context.Context) string {
	return fmt.Sprintf("%s must be a plugin program for this processor that this user may execute", c.path)
}

// PluginToHost implements runner.Runner; both ends see the same paths.
func (c *confined) PluginToHost(network, address string) (string, string, error) {
	if network != "unix" {
		return "", "", fmt.Errorf("plugin listens on %s %s: want a unix socket", network, address)
	}
	return network, address, nil
}

// HostToPlugin implements runner.Runner.
func (c *confined) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
