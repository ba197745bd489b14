// Package host runs plugin programs and makes each look like an ordinary
// task.Task that never dies. A plugin is a child process that speaks the
// contract of package task over gRPC on a private unix socket; it runs as
// another user and without network where the system lets us, with an empty
// environment, bounded memory and its own temporary folder, and dies with the
// host. Its checksum is taken when the host opens and verified at every start.
//
// A plugin that dies or hangs is killed and started anew after a pause that
// doubles with every failure, and the call is repeated. A page that killed a
// plugin twice is quarantined: its calls fail with ErrQuarantined and other
// pages go on. To find the guilty one among calls that were in flight
// together, each suspect is repeated alone.
package host

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"palimpsest.dev/task"
)

// Prefix is what the file name of every plugin program begins with; the
// task's name follows.
const Prefix = "palimpsest-task-"

// Options sets up a Host. The zero value of every field means its default.
type Options struct {
	Dir          string            // folder with the programs; default: that of the running executable
	Programs     map[string]string // further programs: task name to path
	Log          *slog.Logger      // default: slog.Default()
	CallTimeout  time.Duration     // a call that takes longer is a hang; default 2 minutes
	StartTimeout time.Duration     // from start to handshake; default 30 seconds
	MinPause     time.Duration     // before the first restart; default 100 ms
	MaxPause     time.Duration     // the pause doubles up to this; default 30 s
	MaxCalls     int               // calls in flight per plugin; default 16
	Memory       int64             // bytes of data a plugin may allocate; default MaxPluginMemory, negative: no limit
	TempDir      string            // where sockets and temporary files go; default: the system's
	User         string            // user to run plugins as when the host is root; default "nobody", "-": the host's own
}

// MaxPluginMemory is how many bytes of data one plugin may allocate, unless its
// host says otherwise: a plugin holds no weights and few pixels.
const MaxPluginMemory = 1 << 30

func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" && len(o.Programs) == 0 {
		exe, err := os.Executable()
		if err != nil {
			return o, fmt.Errorf("finding the folder of the plugin programs: %w", err)
		}
		o.Dir = filepath.Dir(exe)
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	orDefault(&o.CallTimeout, 2*time.Minute)
	orDefault(&o.StartTimeout, 30*time.Second)
	orDefault(&o.MinPause, 100*time.Millisecond)
	orDefault(&o.MaxPause, 30*time.Second)
	orDefault(&o.MaxCalls, 16)
	orDefault(&o.Memory, MaxPluginMemory)
	orDefault(&o.User, "nobody")
	return o, nil
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Host owns the plugin programs of one folder. Its methods may be called from
// any goroutine.
type Host struct {
	opt      Options
	dir      string // our temporary folder
	programs map[string]*program
	once     sync.Once
}

// Open finds the plugin programs and takes their checksums. Programs are
// started when they are first needed. A folder without programs is an error.
func Open(o Options) (*Host, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	paths, err := find(o)
	if err != nil {
		return nil, err
	}
	dir, err := tempDir(o.TempDir)
	if err != nil {
		return nil, err
	}
	h := &Host{opt: o, dir: dir, programs: map[string]*program{}}
	for name, path := range paths {
		sum, err := checksum(path)
		if err != nil {
			h.Close()
			return nil, fmt.Errorf("plugin program %s: %w", path, err)
		}
		h.programs[name] = newProgram(name, path, sum, h)
	}
	return h, nil
}

// OpenCommand opens a host of one plugin that is being tried out: a program, or
// one with arguments, such as python3 main.py. Its task is called what it calls
// itself. A program by itself runs as it would in Open. One with arguments is
// an interpreter that finds its files by the caller's rights and folder, so it
// runs with these: as the caller's user and in the working folder.
func OpenCommand(command []string, o Options) (*Host, task.Task, error) {
	path, err := exec.LookPath(command[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("plugin program: %w; a program in this folder is called ./NAME", err)
	}
	dir := ""
	if len(command) > 1 {
		if dir, err = os.Getwd(); err != nil {
			return nil, nil, err
		}
		o.User = "-"
	}
	name := unnamed
	if named, ok := strings.CutPrefix(filepath.Base(path), Prefix); ok && len(command) == 1 {
		name = named // as Open would have it
	}
	o.Dir, o.Programs = "", map[string]string{name: path}
	h, err := Open(o)
	if err != nil {
		return nil, nil, err
	}
	p := h.programs[name]
	p.args, p.dir = command[1:], dir
	t, err := p.open()
	if err != nil {
		h.Close()
		return nil, nil, errors.Unwrap(err) // *Error says the task's name, which it may not have said
	}
	h.programs = map[string]*program{p.name: p}
	return h, t, nil
}

// unnamed is the name of a program that has not said yet what its task is called.
const unnamed = ""

// find lists the programs by task name.
func find(o Options) (map[string]string, error) {
	paths := map[string]string{}
	if o.Dir != "" {
		entries, err := os.ReadDir(o.Dir)
		if err != nil {
			return nil, fmt.Errorf("folder of plugin programs: %w", err)
		}
		for _, e := range entries {
			name, ok := strings.CutPrefix(e.Name(), Prefix)
			if !ok || name == "" {
				continue
			}
			path := filepath.Join(o.Dir, e.Name())
			if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
				paths[name] = path
			}
		}
	}
	maps.Copy(paths, o.Programs)
	if len(paths) == 0 {
		return nil, fmt.Errorf("no plugin programs (%s*) in %s: build them with 'make build'", Prefix, o.Dir)
	}
	for name, path := range paths {
		abs, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		paths[name] = abs
	}
	return paths, nil
}

// Names lists the tasks, sorted.
func (h *Host) Names() []string { return slices.Sorted(maps.Keys(h.programs)) }

// Checksum is the SHA-256 of a task's program in hexadecimal, "" for an
// unknown task. Together with Info's version it belongs into a run's
// fingerprint.
func (h *Host) Checksum(name string) string {
	if p := h.programs[name]; p != nil {
		return hex.EncodeToString(p.sum)
	}
	return ""
}

// Task returns the task of that name, starting its program if it does not run
// yet. The task outlives the program: after a crash the next call starts it
// anew. It implements task.Finisher if the plugin does. Errors of its methods
// are *Error, or the context's own.
func (h *Host) Task(name string) (task.Task, error) {
	p := h.programs[name]
	if p == nil {
		return nil, &Error{Task: name, Op: "find", Err: fmt.Errorf("%w: there are %s", ErrUnknown, strings.Join(h.Names(), ", "))}
	}
	return p.open()
}

// Close kills all plugins and removes the temporary folder. Calls in flight
// end with ErrClosed.
func (h *Host) Close() error {
	var err error
	h.once.Do(func() {
		var wg sync.WaitGroup
		for _, p := range h.programs {
			wg.Go(p.close)
		}
		wg.Wait()
		err = os.RemoveAll(h.dir)
	})
	return err
}

// tempDir makes the folder that sockets live in. Paths of unix sockets are
// limited to some 100 bytes, so a long temporary folder is passed over.
func tempDir(under string) (string, error) {
	if under == "" {
		under = os.TempDir()
		if len(under) > 40 {
			under = "/tmp"
		}
	}
	dir, err := os.MkdirTemp(under, "palimpsest-")
	if err != nil {
		return "", fmt.Errorf("folder for plugin sockets: %w", err)
	}
	if len(dir) > 64 {
		os.Remove(dir)
		return "", fmt.Errorf("folder for plugin sockets %s: the path is too long for unix sockets, give a shorter one", dir)
	}
	// Another user must be able to reach its own folder in here, not to list it.
	return dir, os.Chmod(dir, 0o711)
}

func checksum(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, bufio.NewReaderSize(f, 1<<20)); err != nil {
		return nil, err
	}
	return sum.Sum(nil), nil
}

// The reasons a call may fail for. A task's own refusals wrap task.ErrInvalid
// and keep their text.
var (
	ErrUnknown     = errors.New("no such task")
	ErrStart       = errors.New("plugin does not start")
	ErrDied        = errors.New("plugin died")
	ErrTimeout     = errors.New("plugin did not answer in time and was killed")
	ErrQuarantined = task.ErrQuarantined
	ErrClosed      = errors.New("task host is closed")
	ErrNonsense    = task.ErrNonsense
	ErrTooLarge    = task.ErrMessage
)

// Error says which task failed at what, on which page.
type Error struct {
	Task     string
	Op       string // "find", "start", "plan", "read" or "finish"
	Document string // name, for plan and read; id for finish
	Page     int    // 0 for finish and start
	Err      error
}

// Error implements error.
func (e *Error) Error() string {
	where := ""
	if e.Page > 0 {
		where = fmt.Sprintf(" page %d of %q", e.Page, e.Document)
	} else if e.Document != "" {
		where = fmt.Sprintf(" document %q", e.Document)
	}
	return fmt.Sprintf("task %s: %s%s: %v", e.Task, e.Op, where, e.Err)
}

// Unwrap gives the reason.
func (e *Error) Unwrap() error { return e.Err }
