package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"palimpsest.dev/task"
	"palimpsest.dev/task/tasktest"
)

// program builds the plugin once for all tests and returns its path. The race
// detector's memory does not fit a plugin's limits, so it is built without.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "ocr-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "palimpsest-task-ocr")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// answers that this task can read.
var readable = []string{
	"<loc0100><loc0100><loc0160><loc0300>Hello<loc0100><loc0340><loc0160><loc0600>world.",
}

func TestConformanceInProcess(t *testing.T) {
	t.Parallel()
	tasktest.Run(t, tasktest.Config{Open: func(testing.TB) task.Task { return ocr{} }, Answers: readable})
}

func TestConformanceAsProgram(t *testing.T) {
	t.Parallel()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	tasktest.RunProgram(t, "ocr", path, tasktest.Config{Answers: readable})
}
