package main

import (
	"context"
	"fmt"
	"regexp"
	"sync"
	"testing"
	"time"

	"palimpsest.dev/api"
)

// modelEnv names the model of a process.
const modelEnv = "PALIMPSEST_MODEL"

// What becomes of a document that another model reads again, once it has ended.
const (
	againAlways   = "always"  // that model's pages are shown when its run ends
	againPromoted = "promote" // they are shown when somebody asks for it
	againUndone   = "undo"    // and that is taken back
)

// reader has documents of one side read again.
type reader struct {
	w          *world
	client     *api.Client
	checkpoint string
	profiles   map[string]string
	say        func(string, ...any)
}

// newReader starts a server over a side. Nothing kills that one: what it needs is away often enough.
func (w *world) newReader(t *testing.T, side string, say func(string, ...any)) (*reader, *program) {
	t.Helper()
	server := w.start(t, side, nil, "serve", "--listen", "127.0.0.1:0")
	r := &reader{w: w, say: say, client: &api.Client{BaseURL: server.said(t, regexp.MustCompile(`^Serving at (http://[0-9.:]+):`))}}
	var err error
	r.checkpoint, r.profiles, err = modelParts(w.other)
	check(t, err)
	return r, server
}

// all does with every document of the load what is to be done with it, all at once, and returns what could not be done.
func (r *reader) all(ctx context.Context) (wrong []error) {
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, d := range r.w.documents {
		if d.again == "" {
			continue
		}
		group.Go(func() {
			if err := r.again(ctx, d); err != nil {
				mu.Lock()
				defer mu.Unlock()
				wrong = append(wrong, fmt.Errorf("%s, to be read again (%s): %w", d.name, d.again, err))
			}
		})
	}
	group.Wait()
	return wrong
}

// again waits until a document has ended, has the other model read it, and promotes what that read. Every step is asked
// for until there is an answer: asked for twice, it is done once.
func (r *reader) again(ctx context.Context, d document) error {
	id := string(d.id)
	err := insist(ctx, func() (bool, error) {
		doc, err := r.client.Document(ctx, id)
		return doc.Final(), err
	})
	if err != nil {
		return err
	}
	ask := api.NewRerun{Documents: []string{id}, Promote: "never", Checkpoint: r.checkpoint, Profiles: r.profiles, By: "chaos"}
	if d.again == againAlways {
		ask.Promote = "always"
	}
	err = insist(ctx, func() (bool, error) {
		return true, r.client.Rerun(ctx, ask, func(api.Rerun) error { return nil })
	})
	if err != nil {
		return err
	}
	var run api.RunDetail
	err = insist(ctx, func() (bool, error) {
		list, err := r.client.Runs(ctx, id)
		if err != nil {
			return false, err
		}
		if n := len(list.Runs); n != 2 {
			return false, fmt.Errorf("it has %d runs, want 2", n)
		}
		run = list.Runs[1]
		return !run.Finished.IsZero(), nil
	})
	if err != nil {
		return err
	}
	r.say("%s was read again: run %d is %s", d.name, run.ID, run.State)
	if run.State != "complete" {
		return fmt.Errorf("run %d is %s", run.ID, run.State)
	}
	change := api.Change{By: "chaos"}
	if d.again != againAlways {
		err = insist(ctx, func() (bool, error) { _, err := r.client.Promote(ctx, run.ID, change); return true, err })
	}
	if err == nil && d.again == againUndone {
		err = insist(ctx, func() (bool, error) { _, err := r.client.Undo(ctx, run.ID, change); return true, err })
	}
	if err == nil {
		r.say("%s: %s", d.name, d.again)
	}
	return err
}

// insist asks until it is done.
func insist(ctx context.Context, ask func() (bool, error)) error {
	for {
		done, err := ask()
		if done && err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; at last: %w", ctx.Err(), err)
		case <-time.After(runPoll):
		}
	}
}

// readAgainInPeace does on the calm side what the storm is to end with: every document that is to be read again is, and
// what it then shows is what it is to show.
func (w *world) readAgainInPeace(t *testing.T) {
	t.Helper()
	worker := w.work(t, calm, modelEnv+"="+w.other)
	r, server := w.newReader(t, calm, t.Logf)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, err := range r.all(ctx) {
		t.Error(err)
	}
	w.finish(t, calm, worker.out.String)
	for _, d := range w.documents {
		if d.again == "" {
			continue
		}
		list, err := r.client.Runs(t.Context(), string(d.id))
		check(t, err)
		current := [2]int{}
		for i, run := range list.Runs {
			for _, p := range run.Pages {
				if p.Current {
					current[i]++
				}
			}
		}
		want, changes := [2]int{0, len(list.Runs[0].Pages)}, 1
		if d.again == againUndone {
			want, changes = [2]int{want[1], 0}, 2
		}
		if current != want || len(list.Promotions) != changes {
			t.Errorf("%s (%s): the runs are shown on %v pages, want %v, after %d changes", d.name, d.again, current, want, len(list.Promotions))
		}
	}
	server.stop(t)
	worker.stop(t)
}

// readAgain begins to have documents of the storm read again, each when it has ended, and returns what waits for the end
// of that.
func (d *driver) readAgain() (wait func()) {
	r, server := d.w.newReader(d.t, storm, func(format string, args ...any) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.t.Logf("%5.1f s, %3.0f %% of the work: %s", time.Since(d.start).Seconds(), 100*float64(d.steps)/float64(d.all), fmt.Sprintf(format, args...))
	})
	ctx, cancel := context.WithCancel(d.t.Context())
	ended := make(chan []error, 1)
	go func() { ended <- r.all(ctx) }()
	return func() {
		defer cancel()
		timer := time.AfterFunc(patience, cancel)
		defer timer.Stop()
		for _, err := range <-ended {
			d.t.Error(err)
		}
		server.stop(d.t)
	}
}
