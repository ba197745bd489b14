package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"palimpsest.dev/engine/enginetest"
	"palimpsest.dev/engine/grammar"
)

// TestGrammarsHold lets random checkpoints answer under every grammar their vocabulary can write: with one that
// can end and one that never would, with few tokens and with many. Every answer is in the language and closed,
// the reported probabilities are those of the model without grammar, and other requests do not change an answer.
// PALIMPSEST_DECODES sets how many answers each checkpoint writes.
func TestGrammarsHold(t *testing.T) {
	t.Parallel()
	n := 48
	if s := os.Getenv("PALIMPSEST_DECODES"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	for _, shape := range []enginetest.Shape{{Seed: 1}, {Seed: 2, Endless: true}} {
		e := open(t, checkpoint(t, shape), Options{})
		names := []string{grammar.Words, grammar.Detect, grammar.Table, grammar.SMILES}
		var mu sync.Mutex
		stops, lengths := map[Stop]int{}, []int{}
		var wg sync.WaitGroup
		turn := make(chan struct{}, 32)
		for i := range n {
			wg.Go(func() {
				turn <- struct{}{}
				defer func() { <-turn }()
				r := Request{Image: noise(56, uint64(i)), Grammar: names[i%len(names)], MaxTokens: 3 + i*37%300}
				a, err := e.Submit(t.Context(), r)
				if err != nil {
					t.Error(err)
					return
				}
				if err := holds(e, a, r); err != nil {
					t.Errorf("request %d, %s, stop %s: %v\n%s", i, r.Grammar, a.Stop, err, a.Text)
				}
				mu.Lock()
				defer mu.Unlock()
				stops[a.Stop]++
				lengths = append(lengths, len(a.Tokens))
			})
		}
		wg.Wait()
		slices.Sort(lengths)
		t.Logf("%d answers hold; stops %v, median length %d tokens", n, stops, lengths[len(lengths)/2])
		if shape.Endless && (stops[StopEnd] > 0 || stops[StopLength] == 0) {
			t.Errorf("stops %v of a model that never ends", stops)
		}
	}
}

// holds checks one answer.
func holds(e *Engine, a Answer, r Request) error {
	g, err := e.grammars.get(r.Grammar)
	if err != nil {
		return err
	}
	if len(a.Tokens) > r.MaxTokens {
		return fmt.Errorf("%d tokens, the limit is %d", len(a.Tokens), r.MaxTokens)
	}
	m := g.Start(r.MaxTokens)
	for i, token := range a.Tokens {
		if !m.Allows(token.ID) {
			return fmt.Errorf("token %d %q is not allowed", i, token.Text)
		}
		if m.Next(token.ID, func([]uint64) int32 { return 0 }); m.Closing() {
			return fmt.Errorf("token %d %q leaves no room for closing", i, token.Text)
		}
	}
	if !m.CanEnd() {
		return errors.New("something is open")
	}
	if len(a.Tokens) == 0 {
		return nil
	}
	scores, err := e.Score(context.Background(), ScoreRequest{Image: r.Image, Prompt: r.Prompt, Continuations: []string{a.Text}})
	if err != nil {
		return err
	}
	if got := scores[0].Tokens[:len(a.Tokens)]; !slices.Equal(got, a.Tokens) {
		return fmt.Errorf("without the grammar the same tokens have the probabilities %v", got)
	}
	return nil
}

func TestGrammarsNotThere(t *testing.T) {
	t.Parallel()
	e := open(t, checkpoint(t, enginetest.Shape{}), Options{})
	for _, name := range []string{"esperanto", grammar.Segment, grammar.Kern} { // the last two need characters it lacks
		_, err := e.Submit(t.Context(), Request{Image: noise(56, 1), Grammar: name})
		if !errors.Is(err, ErrRequest) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLoopsAreClosed feeds sequences with a model that repeats itself: the answer ends as a loop, and closed.
func TestLoopsAreClosed(t *testing.T) {
	t.Parallel()
	e := open(t, checkpoint(t, enginetest.Shape{}), Options{})
	box := "<loc0001><loc0002><loc0003><loc0004>"
	for _, c := range []struct{ grammar, first, again, end string }{
		{grammar.Words, "", box + "word", ""},
		{grammar.Table, box + "<table><tbody><tr>", "<td></td>", "</tr></tbody></table>"},
		{grammar.SMILES, "C1CC(", "CO", "C1)"},
	} {
		s, err := e.sequence(t.Context(), Request{Image: noise(56, 1), MaxTokens: 4000})
		if err != nil {
			t.Fatal(err)
		}
		g, err := e.grammars.get(c.grammar)
		if err != nil {
			t.Fatal(err)
		}
		s.matcher = g.Start(s.max)
		script := e.tokens.Encode(c.first + strings.Repeat(c.again, 2000))
		for i := 0; !s.done(); i++ {
			id := s.matcher.Next(script[i], func(set []uint64) int32 {
				for id := range int32(e.info.Vocab) {
					if set[id/64]>>(id%64)&1 == 1 {
						return id
					}
				}
				return -1
			})
			s.write(id, 0)
		}
		a := e.answer(s)
		if middle, ok := strings.CutPrefix(a.Text, c.first); a.Stop != StopLoop || !ok || !s.matcher.CanEnd() || !strings.HasPrefix(middle, c.again+c.again) {
			t.Errorf("%s: stop %s, can end %v: %s", c.grammar, a.Stop, s.matcher.CanEnd(), a.Text)
		}
		if !strings.HasSuffix(a.Text, c.end) && c.grammar != grammar.SMILES {
			t.Errorf("%s ends with %q", c.grammar, a.Text[max(0, len(a.Text)-60):])
		}
	}
}

// TestMiniUnderItsGrammar asks the default model with and without the grammar of its task. An answer that is in
// the language anyway is the same to the last bit.
func TestMiniUnderItsGrammar(t *testing.T) {
	t.Parallel()
	e := open(t, miniDir, Options{})
	g, err := e.grammars.get(grammar.Words)
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	references := readReferences(t)
	for _, want := range references[:min(4, len(references))] {
		r := Request{Image: readTile(t, want.Image), Prompt: want.Prompt, MaxTokens: 120}
		free, err := e.Submit(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		r.Grammar = grammar.Words
		kept, err := e.Submit(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		m := g.Start(r.MaxTokens)
		in := true
		for _, token := range free.Tokens {
			in = in && m.Next(token.ID, func([]uint64) int32 { return 0 }) == token.ID
		}
		if in && m.CanEnd() {
			same++
			if !slices.Equal(free.Tokens, kept.Tokens) {
				t.Errorf("%s: %q becomes %q", want.Image, free.Text, kept.Text)
			}
		}
	}
	t.Logf("%d of 4 answers are in the language without being kept there", same)
}
