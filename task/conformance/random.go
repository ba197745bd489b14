package conformance

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"

	"palimpsest.dev/task"
)

// UsualRandom is how many random answers a task reads where Config names no number.
const UsualRandom = 200

// pagesTogether is how many readings of random answers make a document.
const pagesTogether = 25

// piece is what a text is taken apart into: a token in pointed brackets, a word, or a character.
var piece = regexp.MustCompile(`<[^<>]{1,40}>|[A-Za-z]+|[0-9]+|(?s).`)

// nonsense is what a model of random weights may write: characters and locations in any order; pieces of the texts
// that the task can read, in any order; or runs of these texts, which go on somewhere else again and again and so
// come far into whatever reads them.
func nonsense(texts []string) model {
	var sources [][]string
	for _, s := range append([]string{"<loc0100><loc0200><loc0300><loc0400>word", "<table><tr><td>a</td></tr></table>", "C1=CC=C(C=C1)O", "4c»4d\n=\n*-", "FINDINGS: none. "}, texts...) {
		sources = append(sources, piece.FindAllString(s, -1))
	}
	return func(a task.Ask, n int) task.Answer {
		r := rand.New(rand.NewPCG(17, uint64(n)))
		var b strings.Builder
		kind := r.IntN(3)
		for range 1 + r.IntN(40) {
			from := sources[r.IntN(len(sources))]
			at := r.IntN(len(from))
			switch {
			case kind == 0 && r.IntN(2) == 0:
				fmt.Fprintf(&b, "<loc%04d>", r.IntN(1024))
			case kind == 0:
				b.WriteRune(rune(' ' + r.IntN(0x160)))
			case kind == 1:
				b.WriteString(from[at])
			default:
				b.WriteString(strings.Join(from[at:min(len(from), at+1+r.IntN(30))], ""))
			}
		}
		stops := []task.Stop{task.StopEnd, task.StopEnd, task.StopLength, task.StopLoop}
		return answer(a, b.String(), stops[r.IntN(len(stops))])
	}
}

// readRandom has the task read random answers about several pages by all profiles, and say what it has to of documents
// made of them. It gives how many answers were read.
func (s *Suite) readRandom(t *trial) (count int) {
	most := s.Random
	if most == 0 {
		most = UsualRandom
	}
	type plan struct {
		page task.Page
		asks []task.Ask
	}
	var plans []plan
	pages := s.pages()
	for _, how := range s.Profiles {
		for _, name := range slices.Sorted(maps.Keys(pages)) {
			asks, err := s.task.Plan(t, pages[name], how)
			if err == nil && len(asks) > 0 {
				plans = append(plans, plan{pages[name], asks[:min(len(asks), spoken)]})
			} else if err != nil && !errors.Is(err, task.ErrInvalid) {
				t.errorf("plan: %v", err)
			}
		}
	}
	write := nonsense(s.Answers)
	counted := func(a task.Ask, _ int) task.Answer {
		count++
		return write(a, count)
	}
	finisher, finishes := s.task.(task.Finisher)
	doc := task.Document{ID: "44", Name: "random.pdf"}
	for n := 0; len(plans) > 0 && count < most && len(t.faults) < maxFaults; n++ {
		p := plans[n%len(plans)]
		t.where = fmt.Sprintf("random answers from the %d. on", count+1)
		r, err := read(t, s.task, p.page, p.asks, counted)
		if err != nil {
			t.errorf("%v", err)
			continue
		}
		if !finishes {
			continue
		}
		page := p.page
		page.Number = len(doc.Pages) + 1
		doc.Pages = append(doc.Pages, task.DocumentPage{Page: page, State: "done", Records: r.Records})
		if len(doc.Pages) < pagesTogether {
			continue
		}
		said, err := finisher.Finish(t, doc)
		if err == nil {
			err = s.task.Info().CheckDocumentReading(said)
		}
		if err != nil {
			t.errorf("finish: %v", err)
		}
		doc.Pages = nil
	}
	t.where = ""
	return count
}
