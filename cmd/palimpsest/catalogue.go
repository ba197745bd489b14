package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"palimpsest.dev/api"
	"palimpsest.dev/ingest"
	"palimpsest.dev/store"
	"palimpsest.dev/task"
	"palimpsest.dev/task/host"
)

// catalogue knows the tasks that can be run here, and by which fingerprint.
type catalogue struct {
	host       *host.Host
	profile    task.ModelProfile
	checkpoint string // hash of the model's files
	kernel     string // kernel set and arithmetic
	renderer   string // version of the renderer, and the fall-back fonts that pages are drawn with
}

// chosenTask is a task that somebody asked for, with all its options.
type chosenTask struct {
	name    string
	task    task.Task
	profile task.Profile
	options map[string]string
}

// choiceError says that somebody asked for a task or option there is not.
type choiceError struct{ message, hint string }

func (e *choiceError) Error() string {
	if e.hint == "" {
		return e.message
	}
	return e.message + "; " + e.hint
}

// choose finds the tasks of these names. Each option goes to the tasks that
// know it; one that no task knows is an error, a *choiceError as are all that
// lie with whoever asked.
func (c *catalogue) choose(names []string, options map[string]string) ([]chosenTask, error) {
	var chosen []chosenTask
	used := map[string]bool{}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return nil, &choiceError{message: fmt.Sprintf("task %q is asked for twice", name)}
		}
		if !slices.Contains(c.host.Names(), name) {
			return nil, &choiceError{fmt.Sprintf("there is no task %q", name), "known: " + strings.Join(c.host.Names(), ", ")}
		}
		t, err := c.host.Task(name)
		if err != nil {
			return nil, err
		}
		info := t.Info()
		mine := map[string]string{}
		for _, o := range info.Options {
			if v, ok := options[o.Name]; ok {
				mine[o.Name], used[o.Name] = v, true
			}
		}
		all, err := ingest.Options(info, mine)
		if err != nil {
			return nil, &choiceError{err.Error(), ""}
		}
		profile, err := ingest.ProfileFor(c.profile, name)
		if err != nil {
			f := ingest.Classify(err)
			return nil, &choiceError{f.Message, f.Hint}
		}
		chosen = append(chosen, chosenTask{name: name, task: t, profile: profile, options: all})
	}
	for name := range maps.Keys(options) {
		if !used[name] {
			return nil, &choiceError{fmt.Sprintf("there is no option %q", name), c.knownOptions(chosen)}
		}
	}
	return chosen, nil
}

func (c *catalogue) knownOptions(chosen []chosenTask) string {
	var known []string
	for _, t := range chosen {
		for _, o := range t.task.Info().Options {
			known = append(known, fmt.Sprintf("%s (%s: %s)", o.Name, t.name, strings.Join(o.Values, "|")))
		}
	}
	return "known: " + strings.Join(known, ", ")
}

// List describes the tasks to the HTTP interface.
func (c *catalogue) List(context.Context) ([]api.Task, error) {
	var list []api.Task
	for _, name := range c.host.Names() {
		t, err := c.host.Task(name)
		if err != nil {
			return nil, err
		}
		info := t.Info()
		described := api.Task{Name: info.Name, Version: info.Version, Summary: info.Summary, Options: []api.TaskOption{}, Relations: []string{}}
		for _, o := range info.Options {
			described.Options = append(described.Options, api.TaskOption{Name: o.Name, Summary: o.Summary, Default: o.Default, Values: o.Values})
		}
		for _, r := range info.Relations {
			described.Relations = append(described.Relations, r.Name)
		}
		list = append(list, described)
	}
	return list, nil
}

// Runs gives the runs of a submission: tasks, options, and the fingerprint of
// everything that decides what they will read.
func (c *catalogue) Runs(_ context.Context, tasks []string, options map[string]string) ([]store.NewRun, error) {
	chosen, err := c.choose(tasks, options)
	var wrong *choiceError
	if errors.As(err, &wrong) {
		return nil, &api.Problem{Title: "No such task or option", Status: http.StatusUnprocessableEntity, Code: api.CodeBadInput,
			Detail: wrong.message, Hint: wrong.hint}
	}
	if err != nil {
		return nil, err
	}
	finder, err := c.finder(chosen)
	if err != nil {
		return nil, err
	}
	runs := make([]store.NewRun, len(chosen))
	for i, t := range chosen {
		runs[i] = store.NewRun{Task: t.name, Options: t.options, Fingerprint: c.fingerprint(t)}
		if finder != nil && c.waits(t) {
			runs[i].Regions = &store.NewRun{Task: finder.name, Options: finder.options, Fingerprint: c.fingerprint(*finder)}
		}
	}
	return runs, nil
}

// waits reports whether a task reads regions that another run finds.
func (c *catalogue) waits(t chosenTask) bool {
	return ingest.WaitsForRegions(t.task.Info(), t.profile, c.profile)
}

// finder is the task that finds regions, where one of the tasks waits for them; nil where none does.
func (c *catalogue) finder(chosen []chosenTask) (*chosenTask, error) {
	if !slices.ContainsFunc(chosen, c.waits) {
		return nil, nil
	}
	found, err := c.choose([]string{task.RegionsTask}, nil)
	if err != nil {
		return nil, fmt.Errorf("the model's profile has pages read by regions: %w", err)
	}
	return &found[0], nil
}

// ReadersOf gives the runs, with the usual options, of all tasks that read regions of a kind and that the model knows.
func (c *catalogue) ReadersOf(ctx context.Context, kind string) ([]store.NewRun, error) {
	var names []string
	for _, name := range c.host.Names() {
		t, err := c.host.Task(name)
		if err != nil {
			return nil, err
		}
		if _, known := c.profile.Tasks[name]; known && slices.Contains(t.Info().Regions, kind) {
			names = append(names, name)
		}
	}
	return c.Runs(ctx, names, nil)
}

func (c *catalogue) fingerprint(t chosenTask) store.Fingerprint {
	return store.Fingerprint{
		Checkpoint: c.checkpoint,
		Profile:    profileHash(t.profile),
		Plugin:     t.name + " " + t.task.Info().Version + " " + c.host.Checksum(t.name),
		Renderer:   c.renderer,
		Kernel:     c.kernel,
	}
}

// profileHash is a profile's part of a fingerprint.
func profileHash(p task.Profile) string {
	b, _ := json.Marshal(p) // strings, numbers and maps of them: keys are sorted
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// ensureRelations makes the tables of every task's relations.
func (c *catalogue) ensureRelations(ctx context.Context, s *store.Store) error {
	for _, name := range c.host.Names() {
		t, err := c.host.Task(name)
		if err != nil {
			return err
		}
		if err := s.EnsureRelations(ctx, ingest.Schema(t.Info())); err != nil {
			return err
		}
	}
	return nil
}
