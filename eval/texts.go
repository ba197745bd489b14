package eval

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
)

// maxReferences bounds the texts that an item's truth holds.
const maxReferences = 1000

// corpus is a caption or report with the texts people wrote, tokenised.
type corpus struct {
	references []string // as written
	tokens     []string // PTB's form of each
}

// consensus weighs runs of words by how many pictures' references hold them, for CIDEr;
// each subset is a corpus of its own.
type consensus map[string]*frequencies

func (c consensus) add(subset string, tokens []string) {
	if c[subset] == nil {
		c[subset] = &frequencies{of: map[string]float64{}}
	}
	c[subset].add(tokens)
}

// textTerms are BLEU-1 to 4, CIDEr and ROUGE-L of one text. BLEU is pooled as the
// corpus's, from sums; the others are means.
func textTerms(written string, references []string, f *frequencies) map[string]term {
	c := Caption{Written: PTB(written), References: references}
	s := newBLEUSums(c)
	sums := []float64{float64(s.written), float64(s.closest)}
	for n := range maxGram {
		sums = append(sums, float64(s.correct[n]), float64(s.guessed[n]))
	}
	terms := map[string]term{}
	for n := range maxGram {
		terms[fmt.Sprintf("bleu_%d", n+1)] = term{func(v []float64) float64 { return bleuOf(v)[n] }, sums}
	}
	rouge, _ := ROUGEL([]Caption{c})
	terms["rouge_l"] = meanTerm(rouge)
	terms["cider"] = meanTerm(f.cider(c))
	return terms
}

// bleuOf is the score of sums in the order of textTerms.
func bleuOf(v []float64) [maxGram]float64 {
	s := bleuSums{written: int(v[0]), closest: int(v[1])}
	for n := range maxGram {
		s.correct[n], s.guessed[n] = int(v[2+2*n]), int(v[3+2*n])
	}
	return s.score()
}

// captionMeasure compares captions by BLEU-1 to 4, CIDEr and ROUGE-L. The truth is a
// list of texts, {"captions": [...]}, or one text.
func captionMeasure(items []Item) (Measure, error) {
	frequency := consensus{}
	parse := func(item Item) (corpus, error) {
		texts, err := textList(item, "captions")
		if err != nil {
			return corpus{}, err
		}
		c := corpus{references: texts}
		for _, t := range texts {
			c.tokens = append(c.tokens, PTB(t))
		}
		return c, nil
	}
	for _, item := range items {
		c, err := parse(item)
		if errors.Is(err, ErrNoTruth) {
			continue
		} else if err != nil {
			return nil, err
		}
		frequency.add(item.Subset, c.tokens)
	}
	return measure[corpus]{
		task:    "caption",
		leading: []string{"cider", "rouge_l"},
		parse:   parse,
		show:    func(c corpus) Answer { return Answer{Text: strings.Join(c.references, "\n")} },
		score: func(item Item, c corpus, a Answer) (Score, error) {
			return Score{terms: textTerms(a.Text, c.tokens, frequency[item.Subset])}, nil
		},
	}, nil
}

// textList reads a truth that is a text, a list of texts, or an object with such a list
// under the given name.
func textList(item Item, name string) ([]string, error) {
	raw, where, err := item.Raw()
	if err != nil {
		return nil, err
	}
	raw = bytes.TrimSpace(raw)
	var texts []string
	switch {
	case bytes.HasPrefix(raw, []byte("[")):
		err = json.Unmarshal(raw, &texts)
	case bytes.HasPrefix(raw, []byte("{")):
		var object map[string]json.RawMessage
		if err = json.Unmarshal(raw, &object); err == nil && object[name] != nil {
			err = json.Unmarshal(object[name], &texts)
		}
	case bytes.HasPrefix(raw, []byte(`"`)):
		texts = []string{""}
		err = json.Unmarshal(raw, &texts[0])
	case len(raw) > 0:
		texts = []string{string(raw)}
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("eval: %s: %w", where, err)
	case len(texts) == 0:
		return nil, noTruth(item, fmt.Sprintf(`a text, a list of texts or {%q: [...]}`, name))
	case len(texts) > maxReferences:
		return nil, fmt.Errorf("eval: %s: %d texts are more than the limit of %d", where, len(texts), maxReferences)
	}
	return texts, nil
}

// question is what is known of a question's answer.
type question struct {
	Answers []string
}

// answerMeasure compares answers to questions by what the item's metric names: vqa_accuracy
// (vqa), anls, relaxed_accuracy (relaxed), or accuracy (exact, or where choices are
// given): whether one of the true answers was given, by VQA's normal form. The truth is
// an answer, a list of answers or {"answers": [...]}.
func answerMeasure() Measure {
	return measure[question]{
		task:    "answer",
		leading: []string{"vqa_accuracy", "anls", "relaxed_accuracy", "accuracy"},
		parse: func(item Item) (question, error) {
			switch item.Metric {
			case "", "vqa", "anls", "relaxed", "exact":
			default:
				return question{}, fmt.Errorf("eval: item %s: metric %q: want vqa, anls, relaxed or exact", item.ID, item.Metric)
			}
			answers, err := textList(item, "answers")
			return question{answers}, err
		},
		show: func(q question) Answer { return Answer{Text: strings.Join(q.Answers, "\n")} },
		score: func(item Item, q question, a Answer) (Score, error) {
			best := func(right func(truth string) bool) float64 {
				for _, t := range q.Answers {
					if right(t) {
						return 1
					}
				}
				return 0
			}
			switch item.Metric {
			case "vqa":
				return Score{terms: map[string]term{"vqa_accuracy": meanTerm(VQAAccuracy(a.Text, q.Answers))}}, nil
			case "anls":
				return Score{terms: map[string]term{"anls": meanTerm(ANLS(a.Text, q.Answers))}}, nil
			case "relaxed":
				v := best(func(t string) bool { return RelaxedAccuracy(a.Text, t) })
				return Score{terms: map[string]term{"relaxed_accuracy": meanTerm(v)}}, nil
			}
			v := best(func(t string) bool { return NormaliseAnswer(a.Text) == NormaliseAnswer(t) })
			return Score{terms: map[string]term{"accuracy": meanTerm(v)}}, nil
		},
	}
}

// perplexityMeasure is the perplexity of true texts: how likely the model would write
// them, however it would rather answer. An answer is the logarithms of the probabilities
// of the text's tokens, the end mark among them; an item without is left out of the
// figure. The truth is a text, or {"text"}, or a file of it.
func perplexityMeasure() Measure {
	return measure[string]{
		task:    "perplexity",
		leading: []string{"perplexity"},
		parse: func(item Item) (string, error) {
			var t struct {
				Text *string `json:"text"`
			}
			plain, err := truthText(item, &t)
			switch {
			case err != nil:
				return "", err
			case t.Text != nil:
				return *t.Text, nil
			case plain == "":
				return "", noTruth(item, `a text or {"text"}`)
			}
			return plain, nil
		},
		show: func(t string) Answer { return Answer{Text: t} },
		score: func(_ Item, _ string, a Answer) (Score, error) {
			sum := 0.0
			for _, p := range a.LogProbs {
				if math.IsNaN(p) || p > 0 {
					return Score{}, fmt.Errorf("a log-probability is %v: want 0 or less", p)
				}
				sum -= p
			}
			if len(a.LogProbs) == 0 {
				return Score{}, nil
			}
			return Score{terms: map[string]term{"perplexity": {perplexity, []float64{sum, float64(len(a.LogProbs))}}}}, nil
		},
	}
}
