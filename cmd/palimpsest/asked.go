package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"palimpsest.dev/engine"
	"palimpsest.dev/engine/masks"
	"palimpsest.dev/task"
	"palimpsest.dev/task/loc"
)

// askLine is what is printed of one answer. Boxes are in pixels of the upright full-resolution page.
type askLine struct {
	File       string     `json:"file"` // the first, where several are shown together
	Page       int        `json:"page,omitempty"`
	Width      int        `json:"width,omitempty"`
	Height     int        `json:"height,omitempty"`
	Region     [4]float64 `json:"region,omitzero"`
	Images     []askImage `json:"images,omitempty"` // with --together: what was shown, in order
	State      string     `json:"state"`
	Task       string     `json:"task"`
	Model      string     `json:"model,omitempty"`
	Prompt     string     `json:"prompt"`
	Text       string     `json:"text"`                 // as the model wrote it; with --score the likeliest answer
	Confidence *float64   `json:"confidence,omitempty"` // geometric mean of the tokens' probabilities
	Stop       string     `json:"stop,omitempty"`
	Items      []askItem  `json:"items,omitempty"`  // what the answer places
	Scores     []askScore `json:"scores,omitempty"` // in the order they were given
	Notes      []string   `json:"notes,omitempty"`
	Tokens     int        `json:"tokens"`
	Seconds    float64    `json:"seconds"`
	Error      *runError  `json:"error,omitempty"`
}

type askImage struct {
	File   string     `json:"file"`
	Page   int        `json:"page"`
	Width  int        `json:"width"`
	Height int        `json:"height"`
	Region [4]float64 `json:"region"`
}

// askItem is something that the model places on the page.
type askItem struct {
	Label      string     `json:"label"`
	Box        [4]float64 `json:"box"`
	Confidence float64    `json:"confidence"`
	Codes      []int      `json:"mask_codes,omitempty"` // of the mask within the box
	Mask       *askMask   `json:"mask,omitempty"`       // where the checkpoint brings the decoder of the codes
	MaskFile   string     `json:"mask_file,omitempty"`  // the same as a picture, with --masks
}

// askScore is how likely an answer is.
type askScore struct {
	Text    string  `json:"text"`
	LogProb float64 `json:"log_prob"` // that the model writes this and nothing else
	Share   float64 `json:"share"`    // of the probability of all answers given, 0 to 1
	Tokens  int     `json:"tokens"`   // the end mark included
}

// scores takes likelihoods over.
func (l *askLine) scores(scores []engine.Score) {
	best := math.Inf(-1)
	for _, s := range scores {
		best = max(best, s.LogProb)
	}
	sum := 0.0
	for _, s := range scores {
		sum += math.Exp(s.LogProb - best)
	}
	chosen := false
	for _, s := range scores {
		if s.LogProb == best && !chosen {
			l.Text, chosen = s.Text, true
		}
		l.Tokens += len(s.Tokens)
		l.Scores = append(l.Scores, askScore{Text: s.Text, LogProb: round(s.LogProb, 6), Share: round(math.Exp(s.LogProb-best)/sum, 6), Tokens: len(s.Tokens)})
	}
}

// answer takes what the model wrote over. Places are mapped to the page, which takes that there is only one. The error
// is that a mask's picture cannot be written.
func (l *askLine) answer(a engine.Answer, pages []askedPage, draw *maskDrawer) error {
	l.Text, l.Stop, l.Tokens = a.Text, string(a.Stop), len(a.Tokens)
	tokens, sum := make([]loc.Token, len(a.Tokens)), 0.0
	for i, t := range a.Tokens {
		tokens[i] = loc.Token{Text: t.Text, LogProb: float64(t.LogProb)}
		sum += float64(t.LogProb)
	}
	if len(tokens) > 0 {
		c := round(math.Exp(sum/float64(len(tokens))), 4)
		l.Confidence = &c
	}
	if a.Stop == engine.StopLength {
		l.Notes = append(l.Notes, "the answer was cut by its length; raise --max-tokens for a longer one")
	}
	if a.Stop == engine.StopLoop {
		l.Notes = append(l.Notes, "the model repeated itself and was stopped")
	}
	if !strings.Contains(a.Text, "<loc") || strings.Contains(a.Text, "<table>") {
		return nil // nothing is placed, or inside of markup, which is for a task to read
	}
	if len(pages) > 1 {
		l.Notes = append(l.Notes, "the answer places something, but does not say on which of the images; ask about one at a time for boxes")
		return nil
	}
	items, problems := loc.Parse(a.Text, tokens, loc.Bins)
	if problems.Any() {
		l.Notes = append(l.Notes, fmt.Sprintf("left out of the answer: %v", problems))
	}
	undrawn := false
	for _, it := range items {
		item, box := itemOf(it, pages[0])
		switch {
		case len(item.Codes) == 0:
		case draw.decoder == nil:
			undrawn = true
		default:
			if err := draw.draw(&item, box, pages[0]); errors.Is(err, masks.ErrCodes) {
				l.Notes = append(l.Notes, fmt.Sprintf("no mask is drawn of %q, which has %d codes: %v", item.Label, len(item.Codes), err))
			} else if err != nil {
				return err
			}
		}
		l.Items = append(l.Items, item)
	}
	if undrawn {
		l.Notes = append(l.Notes, noDecoder)
	}
	return nil
}

// itemOf maps an item of an answer to the page; its box is also given as far as it reaches beyond the page. Its text is
// the label, behind the codes of a mask and before the semicolon to the next item.
func itemOf(it loc.Item, p askedPage) (askItem, task.Box) {
	label, item := it.Text, askItem{Confidence: round(it.Confidence, 4)}
	for {
		rest, ok := strings.CutPrefix(strings.TrimSpace(label), "<seg")
		if !ok || len(rest) < 4 || rest[3] != '>' {
			break
		}
		code, err := strconv.Atoi(rest[:3])
		if err != nil {
			break
		}
		item.Codes = append(item.Codes, code)
		label = rest[4:]
	}
	item.Label = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(label), ";"))
	box := p.toPage.ApplyBox(task.Box{X0: it.Box[0], Y0: it.Box[1], X1: it.Box[2], Y1: it.Box[3]})
	item.Box = roundBox(box.Intersect(task.Box{X1: float64(p.width), Y1: float64(p.height)}))
	return item, box
}
