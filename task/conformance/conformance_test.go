package conformance

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"palimpsest.dev/task"
)

// victim is a task that keeps the contract but for one fault.
type victim struct {
	fault string
	calls *atomic.Int64
}

func (v victim) Info() task.Info {
	in := task.Info{Name: "victim", Version: "1", Summary: "is tested", Rounds: 2, MaxAsks: 4,
		Relations: []task.Relation{{Name: "thing", Summary: "things", Columns: []task.Column{{Name: "text", Type: task.Text, Summary: "what was written"}}}},
		Options:   []task.Option{{Name: "mood", Summary: "mood", Default: "good", Values: []string{"good", "bad"}}}}
	switch v.fault {
	case "undescribed column":
		in.Relations[0].Columns[0].Summary = ""
	case "inconstant":
		in.Version = strings.Repeat("x", 1+int(v.calls.Add(1)%9))
	}
	return in
}

func (v victim) Plan(ctx context.Context, page task.Page, how task.Profile) ([]task.Ask, error) {
	if err := v.Info().CheckOptions(page.Options); err != nil && v.fault != "deaf to options" {
		if v.fault == "vague refusal" {
			return nil, errors.New("no")
		}
		return nil, err
	}
	if err := how.Check(); err != nil && v.fault != "takes any profile" {
		return nil, errors.Join(task.ErrInvalid, err)
	}
	ask := task.Ask{ID: "a", Region: page.Bounds(), Size: how.Size, Fit: how.Fit, Prompt: how.Prompt, MaxTokens: how.MaxTokens, Grammar: how.Grammar, State: []byte("1")}
	switch v.fault {
	case "chance":
		ask.Prompt += strings.Repeat("x", int(v.calls.Add(1)%7))
	case "greed":
		ask.MaxTokens++
	case "nowhere":
		ask.Region = task.Box{X0: -9, Y0: -9, X1: -1, Y1: -1}
	case "ignores cancel":
		if ctx.Err() != nil {
			return nil, errors.New("odd")
		}
	}
	return []task.Ask{ask}, ctx.Err()
}

func (v victim) Read(ctx context.Context, page task.Page, answers []task.Answer) (task.Reading, error) {
	var r task.Reading
	for _, a := range answers {
		rec := task.Record{Relation: "thing", Box: page.Bounds(), Source: task.SourceModel, Values: map[string]any{"text": strings.ToValidUTF8(strings.ReplaceAll(a.Text, "\x00", ""), "")}}
		switch v.fault {
		case "off the page":
			rec.Box.X1 += 10
		case "garbage in, error out":
			if strings.Contains(a.Text, "\xff") {
				return r, errors.New("cannot read")
			}
		case "garbage in, garbage out":
			rec.Values["text"] = a.Text
		case "far in":
			if strings.Contains(a.Text, "<tr><td>") && strings.Contains(a.Text, "=\n*-") {
				return r, errors.New("cannot read")
			}
		case "memory":
			rec.Values["text"] = strings.Repeat("x", int(v.calls.Add(1)%11))
		}
		r.Records = append(r.Records, rec)
		if string(a.Ask.State) == "1" || v.fault == "endless" {
			again := a.Ask
			again.State = []byte("2")
			r.Asks = []task.Ask{again}
		}
	}
	return r, ctx.Err()
}

// faults has the suite look at a task, and returns the promises it breaks.
func faults(t *testing.T, fault string) map[string][]string {
	t.Helper()
	v := victim{fault, new(atomic.Int64)}
	s, err := New(Config{Open: func() (task.Task, error) { return v, nil }})
	if err != nil {
		t.Fatal(err)
	}
	broken := map[string][]string{}
	for _, p := range Promises() {
		r := s.Check(t.Context(), p)
		if len(r.Faults) > 0 {
			broken[p.Name] = r.Faults
		}
		if len(r.Faults) > maxFaults+1 {
			t.Errorf("%s: %d faults are told, at most %d", p.Name, len(r.Faults), maxFaults)
		}
		if (r.Skipped != "") != (p.Name == "Finish") {
			t.Errorf("%s: skipped %q; only this task's finish is to be", p.Name, r.Skipped)
		}
	}
	return broken
}

func TestATaskWithoutFaultPasses(t *testing.T) {
	t.Parallel()
	if broken := faults(t, ""); len(broken) > 0 {
		t.Error(broken)
	}
}

func TestTheSuiteFindsFaults(t *testing.T) {
	t.Parallel()
	for fault, promise := range map[string]string{
		"undescribed column": "Info", "inconstant": "Info", "deaf to options": "OptionsAreKept", "vague refusal": "OptionsAreKept",
		"takes any profile": "BadProfilesAreRefused", "chance": "PlanIsDeterministic", "greed": "PlanKeepsTheBounds", "nowhere": "PlanKeepsTheBounds",
		"ignores cancel": "CancellationIsHonoured", "off the page": "ReadToleratesAnyAnswer", "garbage in, error out": "ReadToleratesAnyAnswer",
		"garbage in, garbage out": "ReadToleratesAnyAnswer", "memory": "ReadIsDeterministic", "endless": "ReadToleratesAnyAnswer",
		"far in": "ReadToleratesAnyAnswer",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			if broken := faults(t, fault); len(broken[promise]) == 0 {
				t.Errorf("the suite does not find it in %s, but in %v", promise, broken)
			}
		})
	}
}

// Every promise has a name and words of its own: people read them.
func TestPromisesAreNamed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, p := range Promises() {
		if p.Name == "" || p.Says == "" || p.check == nil || seen[p.Name] || seen[p.Says] {
			t.Errorf("promise %+v", p)
		}
		seen[p.Name], seen[p.Says] = true, true
	}
}
