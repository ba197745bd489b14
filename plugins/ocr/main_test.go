package main

import (
	"os"
	"testing"

	"palimpsest.dev/task"
	"palimpsest.dev/task/tasktest"
)

var program = tasktest.NewProgram("ocr")

func TestMain(m *testing.M) { os.Exit(program.Main(m)) }

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
	tasktest.RunProgram(t, "ocr", program.Path(t), tasktest.Config{Answers: readable})
}
