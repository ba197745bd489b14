package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"palimpsest.dev/task"
)

// naughty is the path of the misbehaving plugin, built once.
var naughty string

const childEnv = "PALIMPSEST_TEST_HOST"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		hostUntilKilled(path)
	}
	dir, err := os.MkdirTemp("", "host-test-")
	if err != nil {
		panic(err)
	}
	naughty = filepath.Join(dir, Prefix+"naughty")
	// Without the race detector, whose memory no plugin's limits allow.
	out, err := exec.Command("go", "build", "-o", naughty, "./testdata/naughty").CombinedOutput()
	if err != nil {
		panic(fmt.Sprintf("building the misbehaving plugin: %v: %s", err, out))
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// open starts the misbehaving plugin.
func open(t *testing.T, set func(*Options)) (*Host, task.Task) {
	t.Helper()
	o := Options{Dir: filepath.Dir(naughty), Log: slog.New(slog.DiscardHandler), MinPause: time.Millisecond, MaxPause: 50 * time.Millisecond}
	if set != nil {
		set(&o)
	}
	h, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	x, err := h.Task("naughty")
	if err != nil {
		t.Fatal(err)
	}
	return h, x
}

func page(what string) task.Page { return task.Page{Document: what, Number: 1, Width: 10, Height: 10} }

func plan(t *testing.T, x task.Task, what string) error {
	_, err := x.Plan(t.Context(), page(what), task.Profile{})
	return err
}

func (h *Host) pid(name string) string {
	p := h.programs[name]
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil {
		return ""
	}
	return p.now.pid()
}

func TestCallsGoThrough(t *testing.T) {
	t.Parallel()
	h, x := open(t, nil)
	if got := h.Names(); !slices.Equal(got, []string{"naughty"}) {
		t.Errorf("names %q", got)
	}
	if len(h.Checksum("naughty")) != 64 || h.Checksum("other") != "" {
		t.Error("checksums are 64 digits for a task and empty for none")
	}
	if x.Info().Name != "naughty" {
		t.Errorf("info %+v", x.Info())
	}
	if _, ok := x.(task.Finisher); ok {
		t.Error("the plugin does not finish documents")
	}
	asks, err := x.Plan(t.Context(), page("well"), task.Profile{})
	if err != nil || len(asks) != 1 || asks[0].Region != (task.Box{X1: 10, Y1: 10}) {
		t.Errorf("asks %+v, %v", asks, err)
	}
	r, err := x.Read(t.Context(), page("well"), nil)
	if err != nil || len(r.Records) != 1 || r.Records[0].Values["text"] != "hello" {
		t.Errorf("reading %+v, %v", r, err)
	}
	if _, err := h.Task("other"); !errors.Is(err, ErrUnknown) {
		t.Errorf("unknown task: %v", err)
	}
}

func TestErrorsKeepTheirKind(t *testing.T) {
	t.Parallel()
	h, x := open(t, nil)
	before := h.pid("naughty")
	for _, c := range []struct {
		what string
		want error
		text string
	}{
		{"invalid", task.ErrInvalid, "upside down"},
		{"many", ErrNonsense, "3 asks: at most 2"},
		{"fail", nil, "no luck"},
	} {
		err := plan(t, x, c.what)
		var e *Error
		if !errors.As(err, &e) || e.Op != "plan" || e.Page != 1 || e.Document != c.what || e.Task != "naughty" {
			t.Errorf("%s: %v does not say where", c.what, err)
		}
		if c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	for _, c := range []struct{ what, text string }{
		{"undeclared", `relation "secret"`}, {"outside", "outside the page"}, {"wrong-type", "int64 in a column of type text"},
		{"not-text", "UTF-8"}, {"path", "bare file name"},
	} {
		if _, err := x.Read(t.Context(), page(c.what), nil); !errors.Is(err, ErrNonsense) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	if _, err := x.Read(t.Context(), page("large"), nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("large: %v", err)
	}
	bad := page("well")
	for _, options := range []map[string]string{{"mood": "fine"}, {"colour": "red"}} {
		bad.Options = options
		if _, err := x.Plan(t.Context(), bad, task.Profile{}); !errors.Is(err, task.ErrInvalid) {
			t.Errorf("options %v: %v", options, err)
		}
	}
	if h.pid("naughty") != before {
		t.Error("none of this is a reason to kill the plugin")
	}
}

func TestPageThatKillsTwiceIsQuarantined(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"panic", "panic-later", "exit", "eat"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			h, x := open(t, func(o *Options) { o.Memory = 256 << 20 })
			before := h.pid("naughty")
			err := plan(t, x, what)
			if !errors.Is(err, ErrQuarantined) || !errors.Is(err, ErrDied) {
				t.Fatalf("got %v", err)
			}
			if what == "panic" && !strings.Contains(err.Error(), "as told") {
				t.Errorf("the plugin's last words are missing: %v", err)
			}
			if err := plan(t, x, "well"); err != nil {
				t.Errorf("the next page: %v", err)
			}
			after := h.pid("naughty")
			if after == before || after == "" {
				t.Errorf("process %q, was %q", after, before)
			}
			if err := plan(t, x, what); !errors.Is(err, ErrQuarantined) {
				t.Errorf("the second time: %v", err)
			}
			if h.pid("naughty") != after {
				t.Error("a quarantined page reached the plugin")
			}
		})
	}
}

func TestPageThatKilledOnceGetsAnotherChance(t *testing.T) {
	t.Parallel()
	_, x := open(t, nil)
	dir := t.TempDir()
	for d := dir; d != "/"; d = filepath.Dir(d) { // the plugin is another user
		if strings.HasPrefix(filepath.Base(d), "Test") || filepath.Base(d) == "001" {
			os.Chmod(d, 0o777)
		}
	}
	if err := plan(t, x, "panic-once "+filepath.Join(dir, "mark")); err != nil {
		t.Error(err)
	}
}

func TestOnlyTheGuiltyPageIsQuarantined(t *testing.T) {
	t.Parallel()
	_, x := open(t, nil)
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			what, want := fmt.Sprintf("slow %d", i), error(nil)
			if i%10 == 3 {
				what, want = fmt.Sprintf("panic %d", i), ErrQuarantined
			}
			if err := plan(t, x, what); !errors.Is(err, want) {
				t.Errorf("%s: %v", what, err)
			}
		})
	}
	wg.Wait()
}

func TestHungPluginIsKilled(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"hang", "spin"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			h, x := open(t, func(o *Options) { o.CallTimeout = 3 * time.Second })
			before := h.pid("naughty")
			if err := plan(t, x, what); !errors.Is(err, ErrQuarantined) || !errors.Is(err, ErrTimeout) {
				t.Errorf("got %v", err)
			}
			gone(t, before)
			if err := plan(t, x, "well"); err != nil {
				t.Errorf("the next page: %v", err)
			}
		})
	}
}

func TestFrozenPluginIsKilled(t *testing.T) {
	t.Parallel()
	h, x := open(t, func(o *Options) { o.CallTimeout = 2 * time.Second })
	before := h.pid("naughty")
	pid, _ := strconv.Atoi(before)
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	frozen(t, before)
	// The page is not to blame alone: the call is repeated and succeeds.
	if err := plan(t, x, "well"); err != nil {
		t.Error(err)
	}
	gone(t, before)
}

func TestPluginThatDiedBetweenCallsIsRestarted(t *testing.T) {
	t.Parallel()
	h, x := open(t, nil)
	for range 3 {
		pid, _ := strconv.Atoi(h.pid("naughty"))
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if err := plan(t, x, "well"); err != nil {
			t.Error(err)
		}
	}
}

func TestCancelledCallReturnsAndHarmsNobody(t *testing.T) {
	t.Parallel()
	h, x := open(t, nil)
	before := h.pid("naughty")
	for _, what := range []string{"wait", "hang"} {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := x.Plan(ctx, page(what), task.Profile{})
			done <- err
		}()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := plan(t, x, "well"); err != nil || h.pid("naughty") != before {
		t.Errorf("afterwards: %v", err)
	}
}

func TestPluginKnowsNothingOfItsSurroundings(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://secret@localhost/")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, x := open(t, nil)
	r, err := x.Read(t.Context(), page("look "+l.Addr().String()), nil)
	if err != nil {
		t.Fatal(err)
	}
	known := []string{"PATH", "LANG", "HOME", "TMPDIR", "GOMEMLIMIT", "PALIMPSEST_TASK_PLUGIN", "PWD", "OLDPWD", "SHLVL", "_"}
	for _, n := range r.Notes {
		if e, ok := strings.CutPrefix(n, "env "); ok {
			name, _, _ := strings.Cut(e, "=")
			if !slices.Contains(known, name) && !strings.HasPrefix(name, "PLUGIN_") {
				t.Errorf("the plugin sees %s", e)
			}
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("another user and no network need root")
	}
	if slices.Contains(r.Notes, "uid 0") {
		t.Error("the plugin runs as root")
	}
	if slices.Contains(r.Notes, "network") {
		if probe := exec.Command("unshare", "-n", "true").Run(); probe != nil {
			t.Skipf("network namespaces are not to be had here: %v", probe)
		}
		t.Error("the plugin reaches the network")
	}
}

func TestChangedProgramIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plugin")
	raw, err := os.ReadFile(naughty)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o755); err != nil {
		t.Fatal(err)
	}
	h, err := Open(Options{Programs: map[string]string{"naughty": path}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if err := os.WriteFile(path, append(raw, 0), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Task("naughty"); !errors.Is(err, ErrStart) || !strings.Contains(err.Error(), "changed") {
		t.Errorf("got %v", err)
	}
}

func TestProgramThatIsNoPluginIsRefused(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"silent":    "#!/bin/sh\nexit 0\n",
		"talkative": "#!/bin/sh\necho hello\nsleep 60\n",
		"network":   "#!/bin/sh\necho '1|1|tcp|127.0.0.1:1|grpc|'\nsleep 60\n",
		"stuck":     "#!/bin/sh\nsleep 60\n",
		"broken":    "#!/no/such/interpreter\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "plugin")
			if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			h, err := Open(Options{Programs: map[string]string{"x": path}, Log: slog.New(slog.DiscardHandler), StartTimeout: 3 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			if _, err := h.Task("x"); !errors.Is(err, ErrStart) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestMisnamedProgramIsRefused(t *testing.T) {
	t.Parallel()
	h, err := Open(Options{Programs: map[string]string{"nice": naughty}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if _, err := h.Task("nice"); !errors.Is(err, ErrStart) || !strings.Contains(err.Error(), `calls itself "naughty"`) {
		t.Errorf("got %v", err)
	}
}

// A plugin in another language: no certificate, which only Go's library takes,
// but a socket in a folder that nobody else may enter.
func TestCommandWithArguments(t *testing.T) {
	t.Parallel()
	script := `[ -d testdata/naughty ] && [ "$1" = "a b" ] && exec "$0"` // in the caller's folder, arguments as they are
	h, x, err := OpenCommand([]string{"sh", "-c", script, naughty, "a b"}, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if !slices.Equal(h.Names(), []string{"naughty"}) || x.Info().Name != "naughty" {
		t.Errorf("it is called what it calls itself: %q", h.Names())
	}
	r, err := x.Read(t.Context(), page("look 127.0.0.1:1"), nil)
	if err != nil || slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "PLUGIN_CLIENT_CERT") }) {
		t.Errorf("notes %q, %v", r.Notes, err)
	}
	dirs, err := filepath.Glob(filepath.Join(h.dir, "plugin-dir*"))
	if err != nil || len(dirs) != 1 {
		t.Fatal(dirs, err)
	}
	if st, err := os.Stat(dirs[0]); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("the socket's folder: %v, %v", st.Mode(), err)
	}
	if _, err := h.Task("naughty"); err != nil {
		t.Error(err)
	}
}

func TestCommandsThatAreNone(t *testing.T) {
	t.Parallel()
	misnamed := filepath.Join(t.TempDir(), Prefix+"nice")
	if err := os.Symlink(naughty, misnamed); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		command []string
		want    string
	}{
		{[]string{"no-such-program-anywhere"}, "called ./NAME"},
		{[]string{"sh", "-c", "echo no luck >&2; exit 3"}, "no luck"},
		{[]string{"sh", "-c", "echo 'Traceback (most recent call last):' >&2; echo 'ImportError: no grpc' >&2; exit 1"}, "no grpc"},
		{[]string{misnamed}, `calls itself "naughty"`},
	} {
		_, _, err := OpenCommand(c.command, Options{Log: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.command, err)
		}
	}
}

func TestOpenWithoutPrograms(t *testing.T) {
	t.Parallel()
	if _, err := Open(Options{Dir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), Prefix) {
		t.Errorf("got %v", err)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	t.Parallel()
	h, x := open(t, nil)
	pid := h.pid("naughty")
	done := make(chan error)
	go func() { done <- plan(t, x, "hang") }()
	if err := plan(t, x, "well"); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("the call in flight: %v", err)
	}
	if err := plan(t, x, "well"); !errors.Is(err, ErrClosed) {
		t.Errorf("a later call: %v", err)
	}
	gone(t, pid)
	if _, err := os.Stat(h.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary folder: %v", err)
	}
}

// hostUntilKilled is the test binary as a host of its own, to be killed.
func hostUntilKilled(path string) {
	h, err := Open(Options{Programs: map[string]string{"naughty": path}, Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		_, err = h.Task("naughty")
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(h.pid("naughty"), h.dir)
	select {}
}

func TestPluginDiesWithTheHost(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+naughty)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, dir, ok := strings.Cut(strings.TrimSpace(line), " ")
	if !ok {
		t.Fatal(line)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	gone(t, pid)
	os.RemoveAll(dir)
}

// gone waits until a process is no more.
func gone(t *testing.T, pid string) {
	t.Helper()
	eventually(t, "process "+pid+" is gone", func() bool {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ")
	})
}

// frozen waits until every thread of a process that was sent SIGSTOP has
// stopped: on a busy machine one may answer a call before another takes the
// signal.
func frozen(t *testing.T, pid string) {
	t.Helper()
	eventually(t, "process "+pid+" is frozen", func() bool {
		stats, err := filepath.Glob("/proc/" + pid + "/task/*/stat")
		for _, name := range stats {
			stat, readErr := os.ReadFile(name)
			if readErr == nil && !strings.Contains(string(stat), ") T ") {
				return false
			}
		}
		return err == nil && len(stats) > 0
	})
}

// eventually waits for a condition, for as long as no healthy machine takes.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !holds(); {
		if time.Now().After(end) {
			t.Fatalf("still not so: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func BenchmarkPlan(b *testing.B) {
	h, err := Open(Options{Dir: filepath.Dir(naughty), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	x, err := h.Task("naughty")
	if err != nil {
		b.Fatal(err)
	}
	p := page("well")
	for i := range 500 {
		p.Lines = append(p.Lines, task.Line{Box: task.Box{X0: 1, Y0: float64(i), X1: 2, Y1: float64(i) + 1}, XHeight: 1})
	}
	for b.Loop() {
		if _, err := x.Plan(b.Context(), p, task.Profile{}); err != nil {
			b.Fatal(err)
		}
	}
}
