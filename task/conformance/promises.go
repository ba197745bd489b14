package conformance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"

	"palimpsest.dev/task"
)

func (s *Suite) info(t *trial) {
	info := s.task.Info()
	if err := info.Check(); err != nil {
		t.errorf("%v", err)
		return
	}
	other, err := s.Open()
	if err != nil {
		t.errorf("opening it a second time: %v", err)
		return
	}
	if !reflect.DeepEqual(info, s.task.Info()) || !reflect.DeepEqual(info, other.Info()) {
		t.errorf("the description is not constant")
	}
	if info.Summary == "" || info.Version == "" {
		t.errorf("summary and version are for people and for the run's fingerprint; both are needed")
	}
	for _, r := range info.Relations {
		for _, c := range r.Columns {
			if c.Summary == "" {
				t.errorf("column %s.%s has no summary: it becomes the comment in the database", r.Name, c.Name)
			}
		}
	}
}

// each calls f with every page and every profile that the task accepts.
func (s *Suite) each(t *trial, f func(page task.Page, how task.Profile, asks []task.Ask)) {
	pages := s.pages()
	for _, how := range s.Profiles {
		for _, name := range slices.Sorted(maps.Keys(pages)) {
			t.where = how.View + "/" + name
			asks, err := s.task.Plan(t, pages[name], how)
			if errors.Is(err, task.ErrInvalid) {
				continue // it may refuse; accepts sees that it does not refuse all
			}
			if err != nil {
				t.errorf("plan: %v", err)
				continue
			}
			f(pages[name], how, asks)
		}
	}
	t.where = ""
}

// answered calls f with every way in which a model may answer each plan.
func (s *Suite) answered(t *trial, f func(page task.Page, asks []task.Ask, m model) error) {
	models := models(s.Answers)
	s.each(t, func(page task.Page, _ task.Profile, asks []task.Ask) {
		for _, name := range slices.Sorted(maps.Keys(models)) {
			if err := f(page, asks, models[name]); err != nil {
				t.errorf("model that writes %s: %v", name, err)
			}
		}
	})
}

func (s *Suite) accepts(t *trial) {
	for _, how := range s.Profiles {
		if _, err := s.task.Plan(t, s.pages()["one line"], how); err == nil {
			return
		} else if !errors.Is(err, task.ErrInvalid) {
			t.errorf("a refusal is task.ErrInvalid, INVALID_ARGUMENT on the wire; got %v", err)
		}
	}
	t.errorf("the task refuses every profile; have it tested with one that it takes")
}

func (s *Suite) planBounds(t *trial) {
	s.each(t, func(page task.Page, how task.Profile, asks []task.Ask) {
		if err := s.task.Info().CheckAsks(page, asks); err != nil {
			t.errorf("%v", err)
		}
		for _, a := range asks {
			if most := mostTokens(how); a.MaxTokens > most {
				t.errorf("ask %s wants %d tokens, the profile allows %d", a.ID, a.MaxTokens, most)
			}
		}
	})
}

func (s *Suite) planAgain(t *trial) {
	s.each(t, func(page task.Page, how task.Profile, asks []task.Ask) {
		again, err := s.task.Plan(t, page, how)
		if err != nil {
			t.errorf("the second time: %v", err)
		} else if !reflect.DeepEqual(asks, again) {
			t.errorf("the second plan differs from the first")
		}
	})
}

func (s *Suite) readAnything(t *trial) {
	s.answered(t, func(page task.Page, asks []task.Ask, m model) error {
		_, err := read(t, s.task, page, asks, m)
		return err
	})
	t.random = s.readRandom(t)
}

func (s *Suite) readAgain(t *trial) {
	s.answered(t, func(page task.Page, asks []task.Ask, m model) error {
		return same(t, page, asks, m, s.task, s.task, "the second reading differs from the first")
	})
}

func (s *Suite) stateless(t *trial) {
	other, err := s.Open()
	if err != nil {
		t.errorf("opening it a second time: %v", err)
		return
	}
	s.answered(t, func(page task.Page, asks []task.Ask, m model) error {
		return same(t, page, asks, m, s.task, other, "a task that did not plan reads something else")
	})
}

// same has the same answers read by a and by b.
func same(ctx context.Context, page task.Page, asks []task.Ask, m model, a, b task.Task, otherwise string) error {
	first, err := read(ctx, a, page, asks, m)
	if err != nil {
		return err
	}
	second, err := read(ctx, b, page, asks, m)
	if err != nil || !reflect.DeepEqual(first, second) {
		return fmt.Errorf("%s (%v)", otherwise, err)
	}
	return nil
}

func (s *Suite) concurrent(t *trial) {
	how, ok := s.accepted(t)
	if !ok {
		return
	}
	type result struct {
		asks    []task.Ask
		reading task.Reading
	}
	work := func(page task.Page) (r result, err error) {
		if r.asks, err = s.task.Plan(t, page, how); err != nil {
			return r, err
		}
		r.reading, err = read(t, s.task, page, r.asks, scatter)
		return r, err
	}
	alone := map[string]result{}
	for name, page := range s.pages() {
		r, err := work(page)
		if err != nil {
			t.errorf("%s: %v", name, err)
			return
		}
		alone[name] = r
	}
	var wg sync.WaitGroup
	for range 3 {
		for name, page := range s.pages() {
			wg.Go(func() {
				if r, err := work(page); err != nil || !reflect.DeepEqual(r, alone[name]) {
					t.errorf("%s: beside other calls the result is another (%v)", name, err)
				}
			})
		}
	}
	wg.Wait()
}

func (s *Suite) options(t *trial) {
	how, ok := s.accepted(t)
	if !ok {
		return
	}
	page := s.pages()["text layer"]
	plan := func(options map[string]string) ([]task.Ask, error) {
		page.Options = options
		return s.task.Plan(t, page, how)
	}
	usual, err := plan(nil)
	if err != nil {
		t.errorf("without options: %v", err)
		return
	}
	defaults := map[string]string{}
	for _, o := range s.task.Info().Options {
		defaults[o.Name] = o.Default
		for _, v := range o.Values {
			asks, err := plan(map[string]string{o.Name: v})
			if err != nil {
				t.errorf("%s=%s is declared and refused: %v", o.Name, v, err)
				continue
			}
			if _, err := read(t, s.task, page, asks, scatter); err != nil {
				t.errorf("%s=%s: %v", o.Name, v, err)
			}
		}
		if len(o.Values) == 0 {
			continue
		}
		if _, err := plan(map[string]string{o.Name: "no such value"}); !errors.Is(err, task.ErrInvalid) {
			t.errorf("%s with a value that is none of its own: got %v, want task.ErrInvalid", o.Name, err)
		}
	}
	asks, err := plan(defaults)
	if err != nil || !reflect.DeepEqual(asks, usual) {
		t.errorf("defaults spelt out give another plan than none (%v)", err)
	}
	// An unknown option is refused or ignored, never taken for something.
	asks, err = plan(map[string]string{"no_such_option": "x"})
	if err != nil && !errors.Is(err, task.ErrInvalid) || err == nil && !reflect.DeepEqual(asks, usual) {
		t.errorf("an unknown option gives %d asks, %v", len(asks), err)
	}
}

func (s *Suite) badProfiles(t *trial) {
	page := s.pages()["one line"]
	for name, how := range map[string]task.Profile{
		"empty":      {},
		"no size":    {Prompt: "x", View: task.ViewTiles, Fit: task.FitStretch, Box: task.BoxYXYXBefore, XHeight: 9, LocBins: 1024, MaxTokens: 9},
		"huge sizes": {Prompt: "x", View: task.ViewTiles, Fit: task.FitStretch, Box: task.BoxYXYXBefore, Size: 1 << 30, XHeight: 1 << 29, LocBins: 1024, MaxTokens: 1 << 30, Overlap: 1 << 29},
	} {
		asks, err := s.task.Plan(t, page, how)
		if err == nil {
			err = s.task.Info().CheckAsks(page, asks)
			if err != nil {
				t.errorf("%s profile gives an impossible plan: %v", name, err)
			}
		} else if !errors.Is(err, task.ErrInvalid) {
			t.errorf("%s profile: got %v, want task.ErrInvalid or a plan within bounds", name, err)
		}
	}
}

func (s *Suite) cancelled(t *trial) {
	how, ok := s.accepted(t)
	if !ok {
		return
	}
	ctx, cancel := context.WithCancel(t)
	cancel()
	page := s.pages()["two columns"]
	if _, err := s.task.Plan(ctx, page, how); err != nil && !errors.Is(err, context.Canceled) {
		t.errorf("plan under a cancelled context: %v", err)
	}
	asks, err := s.task.Plan(t, page, how)
	if err != nil {
		t.errorf("after a cancelled call: %v", err)
		return
	}
	if _, err := read(ctx, s.task, page, asks, scatter); err != nil && !errors.Is(err, context.Canceled) {
		t.errorf("read under a cancelled context: %v", err)
	}
}

func (s *Suite) finish(t *trial) {
	f, ok := s.task.(task.Finisher)
	if !ok {
		t.skipped = "the task has nothing to say about documents"
		return
	}
	how, ok := s.accepted(t)
	if !ok {
		return
	}
	pages := s.pages()
	doc := task.Document{ID: "42", Name: "conformance.pdf"}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		asks, err := s.task.Plan(t, pages[name], how)
		if err != nil {
			t.errorf("%s: %v", name, err)
			return
		}
		r, err := read(t, s.task, pages[name], asks, scatter)
		if err != nil {
			t.errorf("%s: %v", name, err)
			return
		}
		doc.Pages = append(doc.Pages, task.DocumentPage{Page: pages[name], State: "done", Records: r.Records})
	}
	doc.Pages = append(doc.Pages, task.DocumentPage{Page: task.Page{Number: 99}, State: "failed"})
	first, last := doc, doc
	first.Part, first.Parts, last.Part, last.Parts = 1, 2, 2, 2
	for _, d := range []task.Document{doc, first, last, {ID: "43", Name: "empty.pdf"}} {
		r, err := f.Finish(t, d)
		if err == nil {
			err = s.task.Info().CheckDocumentReading(r)
		}
		if err != nil {
			t.errorf("%s, part %d of %d: %v", d.Name, d.Part, d.Parts, err)
		}
	}
}

// accepted is a profile that the task takes.
func (s *Suite) accepted(t *trial) (task.Profile, bool) {
	for _, how := range s.Profiles {
		if _, err := s.task.Plan(t, s.pages()["one line"], how); err == nil {
			return how, true
		}
	}
	t.errorf("the task refuses every profile")
	return task.Profile{}, false
}

// spoken is how many asks of a round the model answers; a page of hundreds
// would only make the suite slow.
const spoken = 12

// read plays all rounds of a page against a model, holding every round
// against the contract. Records, artifacts and notes of all rounds come back
// in one reading.
func read(ctx context.Context, x task.Task, page task.Page, asks []task.Ask, model model) (task.Reading, error) {
	var all task.Reading
	for round := 1; ; round++ {
		answers := make([]task.Answer, len(asks))
		for i, a := range asks {
			if i < spoken {
				answers[i] = model(a, round*1000+i)
			} else {
				answers[i] = answer(a, "", task.StopBlank)
			}
		}
		r, err := x.Read(ctx, page, answers)
		if err != nil {
			return all, fmt.Errorf("round %d: %w", round, err)
		}
		if err := x.Info().CheckReading(page, round, r); err != nil {
			return all, fmt.Errorf("round %d: %w", round, err)
		}
		all.Records = append(all.Records, r.Records...)
		all.Artifacts = append(all.Artifacts, r.Artifacts...)
		all.Notes = append(all.Notes, r.Notes...)
		all.Unreadable = r.Unreadable
		if len(r.Asks) == 0 {
			return all, nil
		}
		asks = r.Asks
	}
}

// mostTokens is the longest answer that a profile or one of its steps allows.
func mostTokens(how task.Profile) int {
	most := how.MaxTokens
	for _, step := range how.Steps {
		most = max(most, step.MaxTokens)
	}
	return most
}
