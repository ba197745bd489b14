package engine

import (
	"context"
	"errors"
	"image"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"palimpsest.dev/engine/enginetest"
	"palimpsest.dev/engine/gemma"
	"palimpsest.dev/engine/mat"
	"palimpsest.dev/engine/siglip"
)

// byHand computes the logarithms of the probabilities of given ids behind images and a prompt in two passes of
// the decoder, the prompt's and that of all ids at once, with the sums in float64: nothing of the batch, its
// steps or its truncated caches has a part in it.
func byHand(t *testing.T, e *Engine, images []*image.RGBA, prompt string, ids []int32) []float64 {
	t.Helper()
	var rows [][]float32
	for _, img := range images {
		var vision siglip.State
		features, err := e.runner.vision.Encode(nil, &vision, []*image.RGBA{img}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range features.Rows {
			rows = append(rows, slices.Clone(features.Row(i)))
		}
	}
	embed := func(ids []int32) (rows [][]float32) {
		for _, id := range ids {
			row := make([]float32, e.text.Width())
			e.text.Embed(id, row)
			rows = append(rows, row)
		}
		return rows
	}
	words, err := e.prompt(prompt)
	if err != nil {
		t.Fatal(err)
	}
	cache := e.text.NewCache()
	forward := func(rows [][]float32) (logits [][]float32) {
		var state gemma.State
		var inputs mat.Buffer
		x := inputs.Mat(len(rows), e.text.Width())
		for i, r := range rows {
			copy(x.Row(i), r)
		}
		e.text.Forward(nil, &state, []gemma.Segment{{Cache: cache, Rows: len(rows)}}, x, nil, func(stage string, all mat.Mat) {
			for i := range all.Rows {
				if stage == "logits" {
					logits = append(logits, slices.Clone(all.Row(i)))
				}
			}
		})
		return logits
	}
	prefix := forward(append(rows, embed(words)...))
	logits := append(prefix[len(prefix)-1:], forward(embed(ids))...)
	out := make([]float64, len(ids))
	for i, id := range ids {
		sum := 0.0
		for k, l := range logits[i][:e.info.Vocab] {
			if !slices.Contains(e.runner.sampler.banned, int32(k)) {
				sum += math.Exp(float64(l))
			}
		}
		out[i] = float64(logits[i][id]) - math.Log(sum)
	}
	return out
}

// TestScoresAreThoseOfTheDecoder compares scores of one and of several images with a computation by hand.
func TestScoresAreThoseOfTheDecoder(t *testing.T) {
	t.Parallel()
	e := open(t, checkpoint(t, enginetest.Shape{Seed: 7}), Options{Window: "hf5"})
	texts := []string{"true", "false", "", "a longer answer <loc0003>, or not", "false"}
	for _, images := range [][]*image.RGBA{{noise(56, 1)}, {noise(56, 1), noise(56, 2)}, {noise(56, 2), noise(56, 1), noise(56, 3)}} {
		scores, err := e.Score(t.Context(), ScoreRequest{Image: images[0], More: images[1:], Prompt: "answer en is it?", Continuations: texts})
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range scores {
			ids := append(e.tokens.Encode(texts[i]), e.end)
			total := 0.0
			for k, want := range byHand(t, e, images, "answer en is it?", ids) {
				if got := float64(s.Tokens[k].LogProb); s.Tokens[k].ID != ids[k] || math.Abs(got-want) > 2e-4 {
					t.Errorf("%d images, %q, token %d: %v, by hand %v", len(images), texts[i], k, got, want)
				}
				total += want
			}
			if math.Abs(total-s.LogProb) > 1e-3 || s.Text != texts[i] || len(s.Tokens) != len(ids) {
				t.Errorf("%d images, %q: %v, by hand %v", len(images), texts[i], s.LogProb, total)
			}
		}
		if scores[1].LogProb != scores[4].LogProb {
			t.Errorf("the same text twice: %v and %v", scores[1].LogProb, scores[4].LogProb)
		}
	}
}

// TestSeveralImages checks the first token about several images by hand, and that their order matters.
func TestSeveralImages(t *testing.T) {
	t.Parallel()
	e := open(t, checkpoint(t, enginetest.Shape{Seed: 7}), Options{})
	first, second := noise(56, 1), noise(56, 2)
	var answers [2]Answer
	for i, images := range [][]*image.RGBA{{first, second}, {second, first}} {
		a, err := e.Submit(t.Context(), Request{Image: images[0], More: images[1:], Prompt: "ocr", MaxTokens: 12})
		if err != nil {
			t.Fatal(err)
		}
		answers[i] = a
		var ids []int32
		for _, token := range a.Tokens {
			ids = append(ids, token.ID)
		}
		for k, want := range byHand(t, e, images, "ocr", ids) {
			if got := float64(a.Tokens[k].LogProb); math.Abs(got-want) > 2e-4 {
				t.Errorf("token %d: %v, by hand %v", k, got, want)
			}
		}
	}
	if slices.Equal(answers[0].Tokens, answers[1].Tokens) {
		t.Error("the order of the images makes no difference")
	}
	many := slices.Repeat([]*image.RGBA{first}, MaxImages)
	if _, err := e.Submit(t.Context(), Request{Image: first, More: many}); !errors.Is(err, ErrRequest) {
		t.Errorf("too many images: %v", err)
	}
	if _, err := e.Submit(t.Context(), Request{Image: first, More: []*image.RGBA{noise(57, 1)}}); !errors.Is(err, ErrRequest) {
		t.Errorf("a second image of another size: %v", err)
	}
}

// TestScoresDoNotDependOnCompany scores answers that the model wrote itself, among other requests: the numbers
// are those it reported when it wrote them, to the last bit.
func TestScoresDoNotDependOnCompany(t *testing.T) {
	t.Parallel()
	dir := checkpoint(t, enginetest.Shape{Seed: 3})
	rs := requests(56, 12)
	answers := ask(t, open(t, dir, Options{Threads: 1}), rs, 1)
	for _, o := range []Options{{Threads: 3, MaxBatch: 5}, {Threads: 2, laneWeights: 1}} {
		e := open(t, dir, o)
		var wg sync.WaitGroup
		for i, r := range rs {
			wg.Go(func() {
				if _, err := e.Submit(t.Context(), r); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() {
				scores, err := e.Score(t.Context(), ScoreRequest{Image: r.Image, Prompt: r.Prompt, Continuations: []string{"x", answers[i].Text, "yes"}})
				if err != nil {
					t.Error(err)
					return
				}
				if got := scores[1].Tokens; !slices.Equal(got[:len(got)-1], answers[i].Tokens) {
					t.Errorf("request %d: scored\n%v\nwritten\n%v", i, got, answers[i].Tokens)
				}
			})
		}
		wg.Wait()
	}
}

func TestScoresThatCannotBeGiven(t *testing.T) {
	t.Parallel()
	e := open(t, checkpoint(t, enginetest.Shape{}), Options{})
	good := ScoreRequest{Image: noise(56, 1), Continuations: []string{"a"}}
	for name, change := range map[string]func(*ScoreRequest){
		"nothing to score": func(r *ScoreRequest) { r.Continuations = nil },
		"the image mark":   func(r *ScoreRequest) { r.Continuations = []string{"a", "<image>"} },
		"the end mark":     func(r *ScoreRequest) { r.Continuations = []string{"<eos>"} },
		"no image":         func(r *ScoreRequest) { r.Image = nil },
		"a novel":          func(r *ScoreRequest) { r.Continuations = []string{strings.Repeat("novel ", 2000)} },
	} {
		r := good
		change(&r)
		if _, err := e.Score(t.Context(), r); !errors.Is(err, ErrRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := e.Score(cancelled(t), good); !errors.Is(err, context.Canceled) {
		t.Errorf("a score cancelled before it began: %v", err)
	}
}
