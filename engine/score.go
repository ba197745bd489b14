package engine

import (
	"context"
	"errors"
	"fmt"
	"image"
	"slices"
)

// ScoreRequest asks how likely given answers are.
type ScoreRequest struct {
	Image         *image.RGBA
	More          []*image.RGBA // as in Request
	Prompt        string
	Continuations []string // answers; "" is the empty one. At most MaxContinuations
}

// MaxContinuations bounds the answers of one ScoreRequest.
const MaxContinuations = 1024

// Score is how likely one answer is.
type Score struct {
	Text string
	// LogProb is the natural logarithm of the probability that the model writes exactly this text and then ends:
	// the sum over Tokens. Without the end mark "no" would be at least as likely as "nothing", which begins
	// with it.
	LogProb float64
	// Tokens are those of the text and then the end mark, whose Text is "". To compare texts as beginnings,
	// leave the last one out.
	Tokens []Token
}

// Score computes how likely given answers are, in the order of the request. Image and prompt are computed once,
// the answers follow token by token in the batch with everything else, so that the numbers are those that Submit
// reports for the same tokens, whatever else is computed.
func (e *Engine) Score(ctx context.Context, r ScoreRequest) ([]Score, error) {
	if len(r.Continuations) == 0 || len(r.Continuations) > MaxContinuations {
		return nil, fmt.Errorf("%w: %d continuations to score; give 1 to %d", ErrRequest, len(r.Continuations), MaxContinuations)
	}
	c, longest := &scoring{}, 0
	for _, text := range r.Continuations {
		ids, err := e.continuation(text)
		if err != nil {
			return nil, err
		}
		c.texts = append(c.texts, ids)
		longest = max(longest, len(ids))
	}
	s, err := e.sequence(ctx, Request{Image: r.Image, More: r.More, Prompt: r.Prompt, MaxTokens: longest})
	if err != nil {
		return nil, err
	}
	s.scoring = c
	if err := e.run(ctx, s, nil); err != nil {
		return nil, err
	}
	scores := make([]Score, len(c.texts))
	for i, ids := range c.texts {
		scores[i] = e.scored(r.Continuations[i], ids, c.logProbs[i])
	}
	return scores, nil
}

// continuation spells an answer in ids, with the end mark.
func (e *Engine) continuation(text string) ([]int32, error) {
	ids := e.tokens.Encode(text)
	for _, id := range ids {
		if int(id) >= e.info.Vocab || slices.Contains(e.runner.sampler.banned, id) || e.runner.ends[id] {
			return nil, fmt.Errorf("%w: the continuation %q holds %q, which the model cannot write", ErrRequest, text, e.tokens.Piece(id))
		}
	}
	if e.end >= 0 {
		ids = append(ids, e.end)
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("%w: an empty continuation says nothing with a model that has no end mark", ErrRequest)
	}
	return ids, nil
}

// scored puts a score together.
func (e *Engine) scored(text string, ids []int32, logProbs []float32) Score {
	score := Score{Text: text}
	spelling := spelling{tokens: e.tokens}
	for i, id := range ids {
		t := Token{ID: id, LogProb: logProbs[i]}
		if id != e.end {
			t.Text = spelling.next(id)
		}
		score.LogProb += float64(t.LogProb)
		score.Tokens = append(score.Tokens, t)
	}
	return score
}

// scoring is what a sequence knows of the answers it is given.
type scoring struct {
	texts    [][]int32
	logProbs [][]float32 // of the tokens of each text, as far as they are computed
	begun    bool        // the prompt has been computed
	at       int         // the text at hand
}

// score takes the logits behind the token that was fed last over: of the first tokens of all texts when it was
// the prompt's, of the next token of the text at hand later. Then it says which token is to be fed next.
func (s *sequence) score(logits []float32, sum float32) {
	c := s.scoring
	if sum != sum {
		s.err = errors.Join(ErrModel, errors.New("the probabilities are not numbers; the weights are damaged"))
		return
	}
	if !c.begun {
		c.begun = true
		c.logProbs = make([][]float32, len(c.texts))
		for i, ids := range c.texts {
			c.logProbs[i] = append(make([]float32, 0, len(ids)), logits[ids[0]]-sum)
		}
	} else {
		id := c.texts[c.at][len(c.logProbs[c.at])]
		c.logProbs[c.at] = append(c.logProbs[c.at], logits[id]-sum)
	}
	for c.at < len(c.texts) && len(c.logProbs[c.at]) == len(c.texts[c.at]) {
		c.at++
		s.cache.Truncate(s.prefix)
	}
	if c.at == len(c.texts) {
		s.stop = StopEnd
		return
	}
	s.last = c.texts[c.at][len(c.logProbs[c.at])-1]
}
