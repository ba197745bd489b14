// Package tasktest runs the conformance suite of the task contract within `go
// test`. Any plugin, in any language, passes it: RunProgram starts a plugin
// program as the host would and holds it against the contract; Run does the
// same with a task in this process. A plugin's own tests call one or both:
//
//	func TestConformance(t *testing.T) {
//		tasktest.Run(t, tasktest.Config{Open: func(testing.TB) task.Task { return mine{} }})
//		tasktest.RunProgram(t, "mine", "/path/of/palimpsest-task-mine", tasktest.Config{})
//	}
//
// What is promised stands in package conformance, which needs no test to run.
// The environment variable PALIMPSEST_RANDOM_ANSWERS says how many answers of a
// model of random weights each task reads.
//
// Here is, too, what the plugins' own tests share: building the program once,
// and playing the cases of testdata/*.txtar.
package tasktest

import (
	"cmp"
	"log/slog"
	"os"
	"strconv"
	"testing"

	"palimpsest.dev/task"
	"palimpsest.dev/task/conformance"
	"palimpsest.dev/task/host"
)

// Config says what to test.
type Config struct {
	// Open returns a task; the suite calls it more than once, and what one
	// task planned another must be able to read. RunProgram sets it.
	Open func(testing.TB) task.Task
	// Profiles and Answers are those of conformance.Config.
	Profiles []task.Profile
	Answers  []string
}

// RunProgram tests a plugin program. The name is that of its task.
func RunProgram(t *testing.T, name, path string, c Config) {
	t.Helper()
	c.Open = func(tb testing.TB) task.Task {
		h, err := host.Open(host.Options{Programs: map[string]string{name: path}, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { h.Close() })
		opened, err := h.Task(name)
		if err != nil {
			tb.Fatal(err)
		}
		return opened
	}
	Run(t, c)
}

// Run tests a task, one subtest for each promise.
func Run(t *testing.T, c Config) {
	t.Helper()
	current := testing.TB(t) // what opens a task ends with the test that opened it
	random, err := strconv.Atoi(cmp.Or(os.Getenv("PALIMPSEST_RANDOM_ANSWERS"), "0"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := conformance.New(conformance.Config{Open: func() (task.Task, error) { return c.Open(current), nil }, Profiles: c.Profiles, Answers: c.Answers, Random: random})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range conformance.Promises() {
		t.Run(p.Name, func(t *testing.T) {
			current = t
			r := s.Check(t.Context(), p)
			for _, fault := range r.Faults {
				t.Error(fault)
			}
			if r.Random > 0 {
				t.Logf("%d answers of a model of random weights were read", r.Random)
			}
			if r.Skipped != "" {
				t.Skip(r.Skipped)
			}
		})
	}
}
