package batch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fake is a model whose sequences are counters. It writes down what it is asked to do.
type fake struct {
	trace strings.Builder
	ended map[string]error
}

type counter struct {
	name string
	left int // tokens still to be written
}

func (f *fake) Start(cs []*counter) { f.advance("start", cs) }
func (f *fake) Step(cs []*counter)  { f.advance("step", cs) }
func (f *fake) advance(what string, cs []*counter) {
	if f.trace.Len() > 0 {
		f.trace.WriteString(" | ")
	}
	f.trace.WriteString(what)
	for _, c := range cs {
		f.trace.WriteString(" " + c.name)
		c.left--
	}
	for _, c := range cs {
		if strings.HasPrefix(c.name, "bad") {
			panic("bad sequence")
		}
	}
}
func (f *fake) Done(c *counter) bool { return c.left <= 0 }
func (f *fake) Release(c *counter, err error) {
	if _, twice := f.ended[c.name]; twice {
		panic(c.name + " released twice")
	}
	f.ended[c.name] = err
}

// scenario is one file of testdata: who arrives and is cancelled before which turn, and what is computed.
type scenario struct {
	limits Limits
	events []event
	want   []string
}

type event struct {
	verb, name  string
	turn, steps int
	bytes       int64
}

func readScenario(t *testing.T, path string) scenario {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var s scenario
	inWant := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		fields := strings.Fields(line)
		switch {
		case line == "" || line[0] == '#':
		case inWant:
			s.want = append(s.want, line)
		case fields[0] == "want":
			inWant = true
		case fields[0] == "limits":
			values := numbers(t, fields[1:])
			s.limits = Limits{Active: int(values["active"]), Start: int(values["start"]), Memory: values["memory"]}
		default:
			values := numbers(t, fields[1:])
			e := event{verb: fields[0], turn: int(values["turn"]), steps: int(values["tokens"]), bytes: values["bytes"]}
			for _, w := range fields[1:] {
				if !strings.Contains(w, "=") {
					e.name = w
				}
			}
			s.events = append(s.events, e)
		}
	}
	return s
}

func numbers(t *testing.T, words []string) map[string]int64 {
	t.Helper()
	values := map[string]int64{}
	for _, w := range words {
		if name, number, ok := strings.Cut(w, "="); ok {
			var n int64
			if _, err := fmt.Sscan(number, &n); err != nil {
				t.Fatalf("%q: %v", w, err)
			}
			values[name] = n
		}
	}
	return values
}

func TestScenarios(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			play(t, readScenario(t, file))
		})
	}
}

// play takes the turns of a scenario one by one and compares what the model was asked to do.
func play(t *testing.T, sc scenario) {
	model := &fake{ended: map[string]error{}}
	s := idle[*counter](model, sc.limits)
	tickets := map[string]*Ticket[*counter]{}
	for turn := 1; turn <= len(sc.want); turn++ {
		for _, e := range sc.events {
			if e.turn != turn {
				continue
			}
			if e.verb == "cancel" {
				tickets[e.name].Cancel()
				continue
			}
			ticket, err := s.Add(&counter{name: e.name, left: e.steps}, e.bytes)
			if refused := errors.Is(err, ErrMemory); refused != (e.verb == "refuse") {
				t.Fatalf("%s %s: %v", e.verb, e.name, err)
			}
			tickets[e.name] = ticket
		}
		got := model.turn(s, turn)
		if got != sc.want[turn-1] {
			t.Errorf("got  %s\nwant %s", got, sc.want[turn-1])
		}
	}
	for name, ticket := range tickets {
		if ticket == nil {
			continue
		}
		select {
		case <-ticket.Done():
		default:
			t.Errorf("%s never ended", name)
		}
	}
	if st := s.Stats(); st.Active != 0 || st.Waiting != 0 || st.Turns != int64(len(sc.want)) {
		t.Errorf("afterwards %+v", st)
	}
}

// turn takes one turn and writes down what happened, with who ended in which half of it.
func (f *fake) turn(s *Scheduler[*counter], n int) string {
	f.trace.Reset()
	joining, goOn := s.next()
	if !goOn {
		return fmt.Sprintf("%d: closed", n)
	}
	half := func(tickets []*Ticket[*counter], what func([]*counter)) {
		if len(tickets) == 0 {
			return
		}
		tickets = append([]*Ticket[*counter](nil), tickets...)
		s.compute(tickets, what)
		s.settle()
		var done, failed []string
		for _, t := range tickets {
			select {
			case <-t.Done():
				if t.Err() != nil {
					failed = append(failed, t.seq.name)
				} else {
					done = append(done, t.seq.name)
				}
			default:
			}
		}
		if done != nil {
			f.trace.WriteString(" -> " + strings.Join(done, " ") + " done")
		}
		if failed != nil {
			f.trace.WriteString(" -> " + strings.Join(failed, " ") + " failed")
		}
	}
	half(joining, f.Start)
	half(s.active, f.Step)
	return fmt.Sprintf("%d: %s", n, f.trace.String())
}

func TestCloseEndsEverybody(t *testing.T) {
	t.Parallel()
	model := &fake{ended: map[string]error{}}
	s := New[*counter](model, Limits{Active: 1, Start: 1})
	var tickets []*Ticket[*counter]
	for i := range 3 {
		ticket, err := s.Add(&counter{name: fmt.Sprint("s", i), left: 1 << 60}, 0)
		if err != nil {
			t.Fatal(err)
		}
		tickets = append(tickets, ticket)
	}
	s.Close()
	for _, ticket := range tickets {
		<-ticket.Done()
		if !errors.Is(ticket.Err(), ErrClosed) {
			t.Errorf("ended with %v", ticket.Err())
		}
	}
	if _, err := s.Add(&counter{name: "late"}, 0); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestCancelReachesARunningSequence(t *testing.T) {
	t.Parallel()
	s := New[*counter](&fake{ended: map[string]error{}}, Limits{Active: 2, Start: 1})
	defer s.Close()
	ticket, err := s.Add(&counter{name: "endless", left: 1 << 60}, 0)
	if err != nil {
		t.Fatal(err)
	}
	ticket.Cancel()
	<-ticket.Done()
	if !errors.Is(ticket.Err(), context.Canceled) {
		t.Errorf("ended with %v", ticket.Err())
	}
}
