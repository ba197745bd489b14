package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"palimpsest.dev/api"
	"palimpsest.dev/engine/weights"
	"palimpsest.dev/task"
)

// rerunCmd has pages read again by what the server has now.
type rerunCmd struct {
	clientFlags
	ID      []string          `arg:"" optional:"" name:"id" help:"Documents; none: all that --where finds."`
	Where   string            `help:"Pages to read, by a condition over the view page_status: \"confidence < 0.6 or state = 'failed'\"." placeholder:"CONDITION"`
	Task    []string          `help:"Tasks, comma-separated. Empty: all that the pages were read for."`
	Model   string            `help:"Folder of the model that is to read, where it is not the server's: a worker that has it will." placeholder:"DIR"`
	Option  map[string]string `help:"Option that differs from those of the run before; may be repeated." placeholder:"NAME=VALUE" mapsep:"none"`
	Promote string            `help:"What becomes current when a run ends: never; gaps, the pages that the run before could not read; always, all that this one could." enum:"never,gaps,always" default:"never"`
	By      string            `help:"Who asks. Empty: the user's name." placeholder:"NAME"`
	Wait    bool              `short:"w" help:"Wait for the end of the runs; fail when one is not complete."`
}

// maxRerunDocuments is how many documents the server takes in one request.
const maxRerunDocuments = 100

// Run asks for the runs.
func (c *rerunCmd) Run(s *session) error {
	if len(c.ID) == 0 && c.Where == "" {
		return usagef("name documents, or say which pages with --where; `--where true` means everything")
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	ask := api.NewRerun{Where: c.Where, Tasks: c.Task, Options: c.Option, Promote: c.Promote, By: whoAsks(c.By)}
	if c.Model != "" {
		if ask.Checkpoint, ask.Profiles, err = modelParts(c.Model); err != nil {
			return err
		}
	}
	var made []api.Rerun
	for first := 0; first == 0 || first < len(c.ID); first += maxRerunDocuments {
		ask.Documents = c.ID[first:min(len(c.ID), first+maxRerunDocuments)]
		err := client.Rerun(s, ask, func(r api.Rerun) error {
			made = append(made, r)
			return c.print(s, r)
		})
		if err != nil {
			return c.wrong(err)
		}
	}
	if len(made) == 0 {
		fmt.Fprintln(s.stderr, "no page of a document that has ended is like that")
	}
	if !c.Wait {
		return nil
	}
	return c.wait(s, client, made)
}

func (c *rerunCmd) print(s *session, r api.Rerun) error {
	if c.JSON {
		return json.NewEncoder(s.stdout).Encode(r)
	}
	line := fmt.Sprintf("%s  %s: nothing to read", r.Document, r.Task)
	if r.Run != 0 {
		line = fmt.Sprintf("%s  %s: run %d reads %s", r.Document, r.Task, r.Run, pageCount(r.Pages))
	}
	if len(r.Skipped) > 0 {
		line += fmt.Sprintf("; %s read already by the same model and options", pageCount(r.Skipped))
	}
	_, err := fmt.Fprintln(s.stdout, line)
	return err
}

// runPoll is how often a run is asked after.
const runPoll = 300 * time.Millisecond

// wait waits for the runs in turn.
func (c *rerunCmd) wait(s *session, client *api.Client, made []api.Rerun) error {
	complete := true
	for _, r := range made {
		if r.Run == 0 {
			continue
		}
		run, err := waitForRun(s, client, r.Run)
		if err != nil {
			return c.reached(err)
		}
		complete = complete && run.State == "complete"
		fmt.Fprintf(s.stderr, "run %d: %s\n", run.ID, run.State)
	}
	if !complete {
		return errReported
	}
	return nil
}

func waitForRun(ctx context.Context, client *api.Client, id int64) (api.RunDetail, error) {
	for {
		run, err := client.Run(ctx, id)
		if err != nil || !run.Finished.IsZero() {
			return run, err
		}
		select {
		case <-ctx.Done():
			return run, ctx.Err()
		case <-time.After(runPoll):
		}
	}
}

// modelParts is what a model contributes to a fingerprint: the hash of its files and, by task, of its profile.
func modelParts(dir string) (checkpoint string, profiles map[string]string, err error) {
	if dir, err = (modelFlags{Model: dir}).modelDir(); err != nil {
		return "", nil, err
	}
	files, err := weights.Open(dir)
	if err != nil {
		return "", nil, fmt.Errorf("model %s: %w", dir, err)
	}
	defer files.Close()
	if checkpoint, err = files.Hash(); err != nil {
		return "", nil, fmt.Errorf("model %s: %w", dir, err)
	}
	model, err := task.ReadProfile(dir)
	if err != nil {
		return "", nil, err
	}
	profiles = map[string]string{}
	for name, p := range model.Tasks {
		profiles[name] = profileHash(p)
	}
	return checkpoint, profiles, nil
}

// whoAsks names the person at the terminal.
func whoAsks(given string) string {
	if given != "" {
		return given
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// pageCount says how many pages, and which where they are few enough to say.
func pageCount(pages []int) string {
	switch len(pages) {
	case 1:
		return "page " + pageRanges(pages)
	case 0:
		return "no pages"
	}
	return fmt.Sprintf("%d pages (%s)", len(pages), pageRanges(pages))
}

// maxRanges bounds the ranges of pages in a line for people.
const maxRanges = 12

// pageRanges writes sorted page numbers as 1-3,5.
func pageRanges(pages []int) string {
	pages = slices.Sorted(slices.Values(pages))
	var out []string
	for i := 0; i < len(pages); {
		j := i
		for j+1 < len(pages) && pages[j+1] == pages[j]+1 {
			j++
		}
		part := strconv.Itoa(pages[i])
		if j > i {
			part += "-" + strconv.Itoa(pages[j])
		}
		if out = append(out, part); len(out) == maxRanges && j+1 < len(pages) {
			out = append(out, "…")
			break
		}
		i = j + 1
	}
	return strings.Join(out, ",")
}
