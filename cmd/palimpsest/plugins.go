package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"palimpsest.dev/task"
	"palimpsest.dev/task/conformance"
	"palimpsest.dev/task/host"
)

// pluginsCmd is about plugin programs themselves, without model or documents.
type pluginsCmd struct {
	List pluginsListCmd `cmd:"" help:"List the tasks of the installed plugin programs."`
	Test pluginsTestCmd `cmd:"" help:"Hold a plugin program, in any language, against what every task promises."`
}

// pluginsListCmd lists the installed tasks.
type pluginsListCmd struct {
	Plugins string `help:"Folder of the plugin programs. Empty: beside the program." env:"PALIMPSEST_PLUGINS" placeholder:"DIR"`
	JSON    bool   `help:"Print one JSON object per task, with columns and options."`
}

// pluginLine is what is printed of one installed task.
type pluginLine struct {
	Task      string           `json:"task"`
	Version   string           `json:"version,omitempty"`
	Summary   string           `json:"summary,omitempty"`
	Regions   []string         `json:"regions,omitempty"` // kinds that it reads
	Relations []pluginRelation `json:"relations,omitempty"`
	Options   []pluginOption   `json:"options,omitempty"`
	Program   string           `json:"program"`
	SHA256    string           `json:"sha256"`
	Error     string           `json:"error,omitempty"` // why it does not start
}

type pluginRelation struct {
	Name    string         `json:"name"`
	Summary string         `json:"summary"`
	Columns []pluginColumn `json:"columns"`
}

type pluginColumn struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Summary string `json:"summary"`
}

type pluginOption struct {
	Name    string   `json:"name"`
	Summary string   `json:"summary"`
	Default string   `json:"default"`
	Values  []string `json:"values,omitempty"`
}

// Run lists the tasks. It fails when a program does not start.
func (c *pluginsListCmd) Run(s *session) error {
	dir, err := modelFlags{Plugins: c.Plugins}.pluginDir()
	if err != nil {
		return err
	}
	h, err := host.Open(host.Options{Dir: dir, Log: s.log})
	if err != nil {
		return err
	}
	defer h.Close()
	var failed error
	table := tabwriter.NewWriter(s.stdout, 0, 0, 2, ' ', 0)
	for _, name := range h.Names() {
		if s.Err() != nil {
			return s.Err()
		}
		line := pluginLine{Task: name, Program: filepath.Join(dir, host.Prefix+name), SHA256: h.Checksum(name)}
		if t, err := h.Task(name); err != nil {
			line.Error, failed = err.Error(), errReported
		} else {
			line.describe(t.Info())
		}
		if c.JSON {
			if err := json.NewEncoder(s.stdout).Encode(line); err != nil {
				return err
			}
			continue
		}
		var rows []string
		for _, r := range line.Relations {
			rows = append(rows, r.Name)
		}
		about := line.Summary
		if line.Error != "" {
			about = "BROKEN: " + line.Error
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", name, line.Version, strings.Join(rows, ", "), about)
	}
	return errors.Join(table.Flush(), failed)
}

// describe fills in what a task says of itself.
func (l *pluginLine) describe(info task.Info) {
	l.Version, l.Summary, l.Regions = info.Version, info.Summary, info.Regions
	for _, r := range info.Relations {
		p := pluginRelation{Name: r.Name, Summary: r.Summary}
		for _, c := range r.Columns {
			p.Columns = append(p.Columns, pluginColumn{c.Name, string(c.Type), c.Summary})
		}
		l.Relations = append(l.Relations, p)
	}
	for _, o := range info.Options {
		l.Options = append(l.Options, pluginOption{o.Name, o.Summary, o.Default, o.Values})
	}
}

// pluginsTestCmd runs the conformance suite against plugin programs.
type pluginsTestCmd struct {
	Command []string `arg:"" passthrough:"" name:"program" help:"Plugin program, or a command with its arguments (python3 main.py), which runs as you and in this folder. Several programs called palimpsest-task-NAME are tested one after the other."`
	Model   string   `help:"Model folder whose palimpsest.json says how to ask for the task. Empty: three usual ways." placeholder:"DIR"`
	Answer  []string `help:"What the model may write, besides the suite's own nonsense; may be repeated." sep:"none" placeholder:"TEXT"`
	JSON    bool     `help:"Print one JSON object per promise, and one with the totals."`
}

// testCallTimeout is how long a plugin may take for one page under test.
const testCallTimeout = 30 * time.Second

// Run tests the programs. It fails when one breaks a promise.
func (c *pluginsTestCmd) Run(s *session) error {
	commands := [][]string{c.Command}
	named := func(path string) bool { return strings.HasPrefix(filepath.Base(path), host.Prefix) }
	if len(c.Command) > 1 && !slices.ContainsFunc(c.Command, func(p string) bool { return !named(p) }) {
		commands = slices.Collect(slices.Chunk(c.Command, 1))
	}
	for _, command := range commands {
		if _, err := exec.LookPath(command[0]); err != nil {
			return usagef("plugin program: %v; it must be executable, and one in this folder is called ./NAME", err)
		}
	}
	var failed error
	for _, command := range commands {
		kept, err := c.test(s, command)
		if err != nil {
			return err
		}
		if !kept {
			failed = errReported
		}
	}
	return failed
}

// test holds one plugin against every promise, and reports whether it kept all.
func (c *pluginsTestCmd) test(s *session, command []string) (kept bool, err error) {
	var opened []*host.Host
	defer func() {
		for _, h := range opened {
			h.Close()
		}
	}()
	config := conformance.Config{Answers: c.Answer}
	config.Open = func() (task.Task, error) {
		h, t, err := host.OpenCommand(command, host.Options{Log: s.log, CallTimeout: testCallTimeout})
		if err == nil {
			opened = append(opened, h)
		}
		return t, err
	}
	t, err := config.Open()
	if err != nil {
		return false, fmt.Errorf("%s: %w", strings.Join(command, " "), err)
	}
	name := t.Info().Name
	if config.Profiles, err = c.profiles(name); err != nil {
		return false, err
	}
	suite, err := conformance.New(config)
	if err != nil {
		return false, fmt.Errorf("%s: %w", strings.Join(command, " "), err)
	}
	report := promiseReport{out: s.stdout, json: c.JSON, task: name}
	report.begin(t.Info(), command)
	for _, p := range conformance.Promises() {
		result := suite.Check(s, p)
		if s.Err() != nil {
			return false, s.Err()
		}
		report.promise(p, result)
	}
	report.end()
	return report.broken == 0, nil
}

// profiles says how the model wants to be asked for the task; nil for the suite's own ways.
func (c *pluginsTestCmd) profiles(name string) ([]task.Profile, error) {
	if c.Model == "" {
		return nil, nil
	}
	if !exists(filepath.Join(c.Model, task.ProfileFile)) {
		return nil, usagef("model folder %s has no %s", c.Model, task.ProfileFile)
	}
	model, err := task.ReadProfile(c.Model)
	if err != nil {
		return nil, err
	}
	how, ok := model.Tasks[name]
	if !ok {
		return nil, usagef("%s has no entry for the task %s: it knows %s", filepath.Join(c.Model, task.ProfileFile), name, strings.Join(slices.Sorted(maps.Keys(model.Tasks)), ", "))
	}
	return []task.Profile{how}, nil
}

// promiseReport prints a line for every promise and counts them.
type promiseReport struct {
	out                   io.Writer
	json                  bool
	task                  string
	kept, broken, skipped int
}

// promiseLine is what is printed of one promise with --json.
type promiseLine struct {
	Task    string   `json:"task"`
	Promise string   `json:"promise"`
	Says    string   `json:"says"`
	State   string   `json:"state"` // kept, broken or skipped
	Faults  []string `json:"faults,omitempty"`
	Reason  string   `json:"reason,omitempty"` // why it was skipped
}

func (r *promiseReport) begin(info task.Info, command []string) {
	if !r.json {
		fmt.Fprintf(r.out, "%s %s (%s): %s\n", info.Name, info.Version, strings.Join(command, " "), info.Summary)
	}
}

func (r *promiseReport) promise(p conformance.Promise, result conformance.Result) {
	line := promiseLine{Task: r.task, Promise: p.Name, Says: p.Says, State: "kept", Faults: result.Faults, Reason: result.Skipped}
	switch {
	case len(result.Faults) > 0:
		line.State = "broken"
		r.broken++
	case result.Skipped != "":
		line.State = "skipped"
		r.skipped++
	default:
		r.kept++
	}
	if r.json {
		_ = json.NewEncoder(r.out).Encode(line)
		return
	}
	fmt.Fprintf(r.out, "  %-8s%-29s%s\n", line.State, p.Name, p.Says)
	if line.Reason != "" {
		fmt.Fprintf(r.out, "            %s\n", line.Reason)
	}
	for _, fault := range line.Faults {
		fmt.Fprintf(r.out, "            %s\n", fault)
	}
}

func (r *promiseReport) end() {
	if r.json {
		_ = json.NewEncoder(r.out).Encode(struct {
			Task    string `json:"task"`
			Kept    int    `json:"kept"`
			Broken  int    `json:"broken"`
			Skipped int    `json:"skipped"`
		}{r.task, r.kept, r.broken, r.skipped})
		return
	}
	fmt.Fprintf(r.out, "%s: %d promises kept, %d broken, %d skipped\n", r.task, r.kept, r.broken, r.skipped)
}
