package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"palimpsest.dev/api"
)

// upProcess is `palimpsest up` as a process of its own.
type upProcess struct {
	cmd     *exec.Cmd
	address string
	stderr  *strings.Builder
	output  chan string // all of standard output, when it has ended
}

var addressForm = regexp.MustCompile(`is up at (http://[0-9.:]+)`)

// startUp starts everything over a state folder, with further arguments, and waits until it is up.
func startUp(t *testing.T, data string, args ...string) *upProcess {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &upProcess{stderr: &strings.Builder{}, output: make(chan string, 1)}
	p.cmd = exec.Command(exe, append([]string{"up", "--data", data, "--listen", "127.0.0.1:0", "--model", needModel(t)}, args...)...)
	p.cmd.Env = append(os.Environ(), commandEnv+"=1")
	p.cmd.Stderr = p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill() })
	up := make(chan string, 1)
	go func() {
		var all strings.Builder
		for sc := bufio.NewScanner(out); sc.Scan(); {
			all.WriteString(sc.Text() + "\n")
			if m := addressForm.FindStringSubmatch(sc.Text()); m != nil {
				up <- m[1]
			}
		}
		close(up)
		p.output <- all.String()
	}()
	p.address = <-up
	if p.address == "" {
		p.cmd.Wait()
		t.Fatal("it does not come up:", p.stderr)
	}
	return p
}

// openFolder is a folder of the test's own that every user may enter: Postgres may run as another.
func openFolder(t *testing.T) string {
	t.Helper()
	top := t.TempDir()
	for dir := top; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return top
}

// run is what a client command prints, on both streams; it must end with the code.
func (p *upProcess) run(t *testing.T, code int, args ...string) string {
	t.Helper()
	got, out, errs := runCommand(append(args, "--server", p.address)...)
	if got != code {
		t.Fatalf("%v: exit %d, want %d: %s%s", args, got, code, out, errs)
	}
	return out + errs
}

// submitHandbook has the handbook read, by its own text layer, and waits for its three pages.
func (p *upProcess) submitHandbook(t *testing.T) api.Document {
	t.Helper()
	submitted := p.run(t, 0, "submit", "--json", "--wait", "--option", "text_layer=use", filepath.Join(root(t), "samples", "handbook.pdf"))
	var doc api.Document
	if err := json.NewDecoder(strings.NewReader(submitted)).Decode(&doc); err != nil || doc.State != "complete" || doc.Pages != 3 {
		t.Fatalf("submitted: %v: %s", err, submitted)
	}
	return doc
}

// stop interrupts the process and checks that it ends well.
func (p *upProcess) stop(t *testing.T, signal os.Signal) string {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	output := <-p.output
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("after %v it ends with %v: %s", signal, err, p.stderr)
	}
	return output
}

// Everything as a user has it: one process, the client commands, a restart.
func TestUpFromSubmitToResults(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts Postgres, object store, model and plugins")
	}
	data := filepath.Join(openFolder(t), "state")
	up := startUp(t, data)
	samples := filepath.Join(root(t), "samples")
	doc := up.submitHandbook(t)
	if out := up.run(t, 0, "status", doc.ID); !strings.Contains(out, "complete") || !strings.Contains(out, "handbook.pdf") || !strings.Contains(out, "3/3") {
		t.Errorf("status: %s", out)
	}
	if out := up.run(t, 0, "results", doc.ID, "--page", "1"); !strings.Contains(out, "Caring") || !strings.Contains(out, "text_layer") {
		t.Errorf("results: %.300s", out)
	}
	if out := up.run(t, 1, "cancel", doc.ID); !strings.Contains(out, "complete") {
		t.Errorf("cancelling what has ended: %s", out)
	}
	if out := up.run(t, 1, "submit", "--option", "text_layer=perhaps", filepath.Join(samples, "blank.jpg")); !strings.Contains(out, "perhaps") {
		t.Errorf("a wrong option: %s", out)
	}
	if out := up.run(t, 1, "status", "0198c0de-0000-7000-8000-000000000000"); !strings.Contains(out, "not found") {
		t.Errorf("an unknown document: %s", out)
	}
	// A second one over the same state would destroy it.
	if code, _, errs := runCommand("up", "--data", data, "--listen", "127.0.0.1:0", "--model", needModel(t)); code != exitFailed || !strings.Contains(errs, "in use") {
		t.Errorf("a second up: exit %d: %s", code, errs)
	}
	if out := up.stop(t, os.Interrupt); !strings.Contains(out, "Stopping") {
		t.Errorf("output: %s", out)
	}
	if left, _ := filepath.Glob(filepath.Join(data, "postgres", "data", "postmaster.pid")); len(left) > 0 {
		t.Error("Postgres was left running")
	}
	up = startUp(t, data) // what was read survives
	if out := up.run(t, 0, "results", doc.ID, "--json"); strings.Count(out, "\n") < 400 {
		t.Errorf("after a restart: %d results", strings.Count(out, "\n"))
	}
	up.stop(t, syscall.SIGTERM)
}

func TestDemoOverAFewSamples(t *testing.T) {
	t.Parallel()
	if testing.Short() || underRace {
		t.Skip("starts Postgres, object store, model and plugins")
	}
	model := needModel(t)
	dir := t.TempDir()
	samples := filepath.Join(root(t), "samples")
	var manifest strings.Builder
	for _, name := range []string{"label-exif.jpg", "blank.jpg"} {
		truth := strings.TrimSuffix(name, ".jpg") + ".gt.json"
		line, err := json.Marshal(map[string]string{"id": name, "file": filepath.Join(samples, name), "gt_file": filepath.Join(samples, truth)})
		if err != nil {
			t.Fatal(err)
		}
		manifest.WriteString(string(line) + "\n")
	}
	if err := os.WriteFile(filepath.Join(dir, samplesManifest), []byte(manifest.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	code, out, errs := runCommand("demo", "--samples", dir, "--model", model, "--server", "http://127.0.0.1:9")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	last := regexp.MustCompile(`^demo: 2 documents, 2 pages, ([0-9]+) words read by the model, [0-9.]+ s$`).FindStringSubmatch(lines[len(lines)-1])
	if last == nil {
		t.Fatalf("exit %d, last line %q: %s", code, lines[len(lines)-1], errs)
	}
	// A model that is still being trained may read nothing, and demo says so.
	if code == exitOK && last[1] == "0" {
		t.Errorf("exit %d with %s words: %s", code, last[1], errs)
	}
	if !strings.Contains(out, "blank.jpg (complete)") {
		t.Errorf("output: %s", out)
	}
}

func TestWaitEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	m := &machine{backing: &backing{}, served: make(chan error, 1)}
	if err := m.Wait(ctx); err != nil {
		t.Error(err)
	}
}
