// Package conformance is what every task promises, as something to be checked.
// It knows nothing of what a task is for: it plays a model that answers well,
// badly and not at all, and looks for what must hold all the same: valid
// descriptions, plans within bounds and without chance, readings that hold
// their own schema and stay on the page whatever the model wrote, no memory
// from one call to the next, refusal of unknown options.
//
// Package tasktest runs it within `go test`, `palimpsest plugins test` from
// the command line, against a program in any language.
package conformance

import (
	"context"
	"fmt"
	"sync"

	"palimpsest.dev/task"
)

// Config says what to check.
type Config struct {
	// Open returns a task; it is called more than once, and what one task
	// planned another must be able to read. Who opens them closes them.
	Open func() (task.Task, error)
	// Profiles are tried one after the other; a task may refuse some with
	// task.ErrInvalid, but not all. Default: tiles and whole page.
	Profiles []task.Profile
	// Answers are what the model may write besides the suite's own nonsense;
	// put some here that the task can read. The text is given for every ask.
	Answers []string
	// Random is how many answers of a model of random weights are read besides; 0: UsualRandom.
	Random int
}

// Promise is one thing that every task promises.
type Promise struct {
	Name  string // an identifier
	Says  string // for people
	check func(*Suite, *trial)
}

// Promises lists them in the order in which they are best checked.
func Promises() []Promise {
	return []Promise{
		{"Info", "describes itself in full, the same way every time", (*Suite).info},
		{"SomeProfileIsAccepted", "plans for at least one of the profiles, and refuses others as invalid", (*Suite).accepts},
		{"PlanKeepsTheBounds", "asks no more than it declared, about parts of the page, within the profile's tokens", (*Suite).planBounds},
		{"PlanIsDeterministic", "plans the same for the same page", (*Suite).planAgain},
		{"ReadToleratesAnyAnswer", "makes valid records of whatever a model writes", (*Suite).readAnything},
		{"ReadIsDeterministic", "reads the same answers the same way", (*Suite).readAgain},
		{"StateTravelsInTheAsk", "reads what another process of it planned", (*Suite).stateless},
		{"CallsDoNotDisturbOneAnother", "reads several pages at a time as it reads one", (*Suite).concurrent},
		{"OptionsAreKept", "takes the options it declares and no others", (*Suite).options},
		{"BadProfilesAreRefused", "refuses impossible profiles as invalid", (*Suite).badProfiles},
		{"CancellationIsHonoured", "goes on after a call that was given up", (*Suite).cancelled},
		{"Finish", "has valid things to say about a document, whole, in parts, empty, and with failed pages", (*Suite).finish},
	}
}

// Result is what checking a promise came to.
type Result struct {
	Faults  []string // what breaks the promise, at most maxFaults; none: it is kept
	Skipped string   // why there was nothing to check
	Random  int      // answers of a model of random weights that were read
}

// maxFaults bounds what is said of one promise: a task that fails at all fails
// on every page.
const maxFaults = 20

// Suite holds one task against its promises.
type Suite struct {
	Config
	task task.Task
}

// New opens the task.
func New(c Config) (*Suite, error) {
	if len(c.Profiles) == 0 {
		c.Profiles = profiles()
	}
	t, err := c.Open()
	if err != nil {
		return nil, err
	}
	return &Suite{Config: c, task: t}, nil
}

// Check checks one promise. A context that ends breaks it.
func (s *Suite) Check(ctx context.Context, p Promise) Result {
	t := &trial{Context: ctx}
	p.check(s, t)
	if n := len(t.faults) - maxFaults; n > 0 {
		t.faults = append(t.faults[:maxFaults], fmt.Sprintf("and %d more", n))
	}
	return Result{Faults: t.faults, Skipped: t.skipped, Random: t.random}
}

// trial collects what breaks one promise. Its context is that of the calls.
type trial struct {
	context.Context
	mu      sync.Mutex
	where   string // which case, "" for none
	faults  []string
	skipped string
	random  int
}

func (t *trial) errorf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fault := fmt.Sprintf(format, args...)
	if t.where != "" {
		fault = t.where + ": " + fault
	}
	t.faults = append(t.faults, fault)
}
