package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// commandEnv makes the test binary be the program, for tests that need it as a
// process of its own.
const commandEnv = "PALIMPSEST_TEST_COMMAND"

func TestMain(m *testing.M) {
	if code, child := runChild(); child {
		os.Exit(code)
	}
	if os.Getenv(commandEnv) != "" {
		prepareChild()
		os.Exit(command(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	if filepath.Base(os.Args[0]) == "palimpsest" { // testscript runs us as the command
		testscript.Main(m, map[string]func(){"palimpsest": main})
	}
	plugins, err := buildPlugins()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Setenv("PALIMPSEST_PLUGINS", plugins)
	testscript.Main(cleaned{m, plugins}, map[string]func(){"palimpsest": main})
}

// cleaned runs the tests and removes the plugins built for them.
type cleaned struct {
	m       *testing.M
	plugins string
}

func (c cleaned) Run() int {
	defer os.RemoveAll(c.plugins)
	return c.m.Run()
}

// buildPlugins builds the ocr plugin into a folder other users can read.
func buildPlugins() (string, error) {
	dir, err := os.MkdirTemp("", "palimpsest-plugins-")
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "palimpsest-task-ocr"), "palimpsest.dev/plugins/ocr").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the plugin: %w: %s", err, out)
	}
	return dir, os.Chmod(dir, 0o755)
}

// root is the working tree.
func root(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// needModel skips a test where the small model is missing.
func needModel(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(root(t), defaultModel)
	if !exists(filepath.Join(dir, "config.json")) {
		t.Skip("no model in", dir)
	}
	return dir
}

func TestScripts(t *testing.T) {
	t.Parallel()
	model := needModel(t)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("PALIMPSEST_MODEL", model)
			e.Setenv("PALIMPSEST_PLUGINS", os.Getenv("PALIMPSEST_PLUGINS"))
			e.Setenv("SAMPLES", filepath.Join(root(t), "samples"))
			cache, err := os.UserCacheDir() // keeps the renderer's compiled code
			if err != nil {
				return nil
			}
			e.Setenv("XDG_CACHE_HOME", cache)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// exits runs a command and checks its exit code: exits CODE COMMAND ARG...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// runCommand runs one command line in this process.
func runCommand(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = command(args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func TestMissingPartsAreNamed(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	for want, args := range map[string][]string{
		"no config.json": {"run", "--model", empty, "x.png"},
		"plugin":         {"run", "--plugins", empty, "x.png"},
	} {
		if args[1] == "--plugins" {
			args = append(args, "--model", needModel(t))
		}
		code, out, errs := runCommand(args...)
		if code == exitOK || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%v: exit %d, %q, %q", args, code, out, errs)
		}
	}
}
