// Package tasktest is the conformance suite of the task contract. Any plugin,
// in any language, passes it: RunProgram starts a plugin program as the host
// would and holds it against the contract; Run does the same with a task in
// this process. A plugin's own tests call one or both:
//
//	func TestConformance(t *testing.T) {
//		tasktest.Run(t, tasktest.Config{Open: func(testing.TB) task.Task { return mine{} }})
//		tasktest.RunProgram(t, "mine", "/path/of/palimpsest-task-mine", tasktest.Config{})
//	}
//
// The suite knows nothing of what a task is for. It plays a model that answers
// well, badly and not at all, and looks at what every task promises: valid
// descriptions, plans within bounds and without chance, readings that hold
// their own schema and stay on the page whatever the model wrote, no memory
// from one call to the next, refusal of unknown options.
package tasktest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"testing"

	"palimpsest.dev/task"
	"palimpsest.dev/task/host"
)

// Config says what to test.
type Config struct {
	// Open returns a task; the suite calls it more than once, and what one
	// task planned another must be able to read. RunProgram sets it.
	Open func(testing.TB) task.Task
	// Profiles are tried one after the other; a task may refuse some with
	// task.ErrInvalid, but not all. Default: tiles and whole page.
	Profiles []task.Profile
	// Answers are what the model may write besides the suite's own nonsense;
	// put some here that the task can read. The text is given for every ask.
	Answers []string
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

// Run tests a task, one subtest for each behaviour.
func Run(t *testing.T, c Config) {
	t.Helper()
	if len(c.Profiles) == 0 {
		c.Profiles = profiles()
	}
	s := &suite{Config: c, task: c.Open(t)}
	t.Run("Info", s.info)
	t.Run("SomeProfileIsAccepted", s.accepts)
	t.Run("PlanKeepsTheBounds", s.planBounds)
	t.Run("PlanIsDeterministic", s.planAgain)
	t.Run("ReadToleratesAnyAnswer", s.readAnything)
	t.Run("ReadIsDeterministic", s.readAgain)
	t.Run("StateTravelsInTheAsk", s.stateless)
	t.Run("CallsDoNotDisturbOneAnother", s.concurrent)
	t.Run("OptionsAreKept", s.options)
	t.Run("BadProfilesAreRefused", s.badProfiles)
	t.Run("CancellationIsHonoured", s.cancelled)
	t.Run("Finish", s.finish)
}

type suite struct {
	Config
	task task.Task
}

func (s *suite) info(t *testing.T) {
	info := s.task.Info()
	if err := info.Check(); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(info, s.task.Info()) || !reflect.DeepEqual(info, s.Open(t).Info()) {
		t.Error("the description is not constant")
	}
	if info.Summary == "" || info.Version == "" {
		t.Error("summary and version are for people and for the run's fingerprint; both are needed")
	}
	for _, r := range info.Relations {
		for _, c := range r.Columns {
			if c.Summary == "" {
				t.Errorf("column %s.%s has no summary: it becomes the comment in the database", r.Name, c.Name)
			}
		}
	}
}

// each calls f with every page and every profile that the task accepts.
func (s *suite) each(t *testing.T, f func(t *testing.T, page task.Page, how task.Profile, asks []task.Ask)) {
	t.Helper()
	for _, how := range s.Profiles {
		for name, page := range s.pages() {
			t.Run(how.View+"/"+name, func(t *testing.T) {
				asks, err := s.task.Plan(t.Context(), page, how)
				if errors.Is(err, task.ErrInvalid) {
					t.Skipf("the task refuses: %v", err)
				}
				if err != nil {
					t.Fatal(err)
				}
				f(t, page, how, asks)
			})
		}
	}
}

func (s *suite) accepts(t *testing.T) {
	for _, how := range s.Profiles {
		if _, err := s.task.Plan(t.Context(), s.pages()["one line"], how); err == nil {
			return
		} else if !errors.Is(err, task.ErrInvalid) {
			t.Errorf("a refusal wraps task.ErrInvalid; got %v", err)
		}
	}
	t.Error("the task refuses every profile; give Config.Profiles one that it takes")
}

func (s *suite) planBounds(t *testing.T) {
	s.each(t, func(t *testing.T, page task.Page, how task.Profile, asks []task.Ask) {
		if err := s.task.Info().CheckAsks(page, asks); err != nil {
			t.Error(err)
		}
		for _, a := range asks {
			if a.MaxTokens > how.MaxTokens {
				t.Errorf("ask %s wants %d tokens, the profile allows %d", a.ID, a.MaxTokens, how.MaxTokens)
			}
		}
	})
}

func (s *suite) planAgain(t *testing.T) {
	s.each(t, func(t *testing.T, page task.Page, how task.Profile, asks []task.Ask) {
		again, err := s.task.Plan(t.Context(), page, how)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(asks, again) {
			t.Error("the second plan differs from the first")
		}
	})
}

func (s *suite) readAnything(t *testing.T) {
	s.each(t, func(t *testing.T, page task.Page, _ task.Profile, asks []task.Ask) {
		for name, model := range models(s.Answers) {
			if _, err := read(t.Context(), s.task, page, asks, model); err != nil {
				t.Errorf("model that writes %s: %v", name, err)
			}
		}
	})
}

func (s *suite) readAgain(t *testing.T) {
	s.each(t, func(t *testing.T, page task.Page, _ task.Profile, asks []task.Ask) {
		for name, model := range models(s.Answers) {
			first, err := read(t.Context(), s.task, page, asks, model)
			second, err2 := read(t.Context(), s.task, page, asks, model)
			if err != nil || err2 != nil || !reflect.DeepEqual(first, second) {
				t.Errorf("model that writes %s: the second reading differs from the first", name)
			}
		}
	})
}

func (s *suite) stateless(t *testing.T) {
	other := s.Open(t)
	s.each(t, func(t *testing.T, page task.Page, _ task.Profile, asks []task.Ask) {
		for name, model := range models(s.Answers) {
			here, err := read(t.Context(), s.task, page, asks, model)
			if err != nil {
				t.Fatal(err)
			}
			there, err := read(t.Context(), other, page, asks, model)
			if err != nil || !reflect.DeepEqual(here, there) {
				t.Errorf("model that writes %s: a task that did not plan reads something else (%v)", name, err)
			}
		}
	})
}

func (s *suite) concurrent(t *testing.T) {
	how := s.accepted(t)
	type result struct {
		asks    []task.Ask
		reading task.Reading
	}
	work := func(page task.Page) (r result, err error) {
		if r.asks, err = s.task.Plan(t.Context(), page, how); err != nil {
			return r, err
		}
		r.reading, err = read(t.Context(), s.task, page, r.asks, models(s.Answers)["locations"])
		return r, err
	}
	alone := map[string]result{}
	for name, page := range s.pages() {
		r, err := work(page)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		alone[name] = r
	}
	var wg sync.WaitGroup
	for range 3 {
		for name, page := range s.pages() {
			wg.Go(func() {
				if r, err := work(page); err != nil || !reflect.DeepEqual(r, alone[name]) {
					t.Errorf("%s: beside other calls the result is another (%v)", name, err)
				}
			})
		}
	}
	wg.Wait()
}

func (s *suite) options(t *testing.T) {
	how := s.accepted(t)
	page := s.pages()["text layer"]
	plan := func(options map[string]string) ([]task.Ask, error) {
		page.Options = options
		return s.task.Plan(t.Context(), page, how)
	}
	usual, err := plan(nil)
	if err != nil {
		t.Fatal(err)
	}
	defaults := map[string]string{}
	for _, o := range s.task.Info().Options {
		defaults[o.Name] = o.Default
		for _, v := range o.Values {
			asks, err := plan(map[string]string{o.Name: v})
			if err != nil {
				t.Errorf("%s=%s is declared and refused: %v", o.Name, v, err)
				continue
			}
			if _, err := read(t.Context(), s.task, page, asks, models(s.Answers)["locations"]); err != nil {
				t.Errorf("%s=%s: %v", o.Name, v, err)
			}
		}
		if len(o.Values) == 0 {
			continue
		}
		if _, err := plan(map[string]string{o.Name: "no such value"}); !errors.Is(err, task.ErrInvalid) {
			t.Errorf("%s with a value that is none of its own: got %v, want task.ErrInvalid", o.Name, err)
		}
	}
	asks, err := plan(defaults)
	if err != nil || !reflect.DeepEqual(asks, usual) {
		t.Errorf("defaults spelt out give another plan than none (%v)", err)
	}
	// An unknown option is refused or ignored, never taken for something.
	asks, err = plan(map[string]string{"no_such_option": "x"})
	if err != nil && !errors.Is(err, task.ErrInvalid) || err == nil && !reflect.DeepEqual(asks, usual) {
		t.Errorf("an unknown option gives %d asks, %v", len(asks), err)
	}
}

func (s *suite) badProfiles(t *testing.T) {
	page := s.pages()["one line"]
	for name, how := range map[string]task.Profile{
		"empty":      {},
		"no size":    {Prompt: "x", View: task.ViewTiles, Fit: task.FitStretch, Box: task.BoxYXYXBefore, XHeight: 9, LocBins: 1024, MaxTokens: 9},
		"huge sizes": {Prompt: "x", View: task.ViewTiles, Fit: task.FitStretch, Box: task.BoxYXYXBefore, Size: 1 << 30, XHeight: 1 << 29, LocBins: 1024, MaxTokens: 1 << 30, Overlap: 1 << 29},
	} {
		asks, err := s.task.Plan(t.Context(), page, how)
		if err == nil {
			err = s.task.Info().CheckAsks(page, asks)
			if err != nil {
				t.Errorf("%s profile gives an impossible plan: %v", name, err)
			}
		} else if !errors.Is(err, task.ErrInvalid) {
			t.Errorf("%s profile: got %v, want task.ErrInvalid or a plan within bounds", name, err)
		}
	}
}

func (s *suite) cancelled(t *testing.T) {
	how := s.accepted(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	page := s.pages()["two columns"]
	if _, err := s.task.Plan(ctx, page, how); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("plan under a cancelled context: %v", err)
	}
	asks, err := s.task.Plan(t.Context(), page, how)
	if err != nil {
		t.Fatalf("after a cancelled call: %v", err)
	}
	if _, err := read(ctx, s.task, page, asks, models(s.Answers)["locations"]); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("read under a cancelled context: %v", err)
	}
}

func (s *suite) finish(t *testing.T) {
	f, ok := s.task.(task.Finisher)
	if !ok {
		t.Skip("the task has nothing to say about documents")
	}
	how := s.accepted(t)
	doc := task.Document{ID: "42", Name: "conformance.pdf"}
	for _, page := range s.pages() {
		asks, err := s.task.Plan(t.Context(), page, how)
		if err != nil {
			t.Fatal(err)
		}
		r, err := read(t.Context(), s.task, page, asks, models(s.Answers)["locations"])
		if err != nil {
			t.Fatal(err)
		}
		doc.Pages = append(doc.Pages, task.DocumentPage{Page: page, State: "done", Records: r.Records})
	}
	doc.Pages = append(doc.Pages, task.DocumentPage{Page: task.Page{Number: 99}, State: "failed"})
	for _, d := range []task.Document{doc, {ID: "43", Name: "empty.pdf"}} {
		r, err := f.Finish(t.Context(), d)
		if err == nil {
			err = s.task.Info().CheckDocumentReading(r)
		}
		if err != nil {
			t.Errorf("%s: %v", d.Name, err)
		}
	}
}

// accepted is a profile that the task takes.
func (s *suite) accepted(t *testing.T) task.Profile {
	t.Helper()
	for _, how := range s.Profiles {
		if _, err := s.task.Plan(t.Context(), s.pages()["one line"], how); err == nil {
			return how
		}
	}
	t.Fatal("the task refuses every profile")
	return task.Profile{}
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
