// Package words asks a model for the words of a page and makes one reading of
// its answers: it shows the page in tiles at a readable size or as a whole,
// maps what the model wrote back to the page, drops what stands where there is
// no ink, keeps a word that several views saw once, and looks a second time
// where lines have no words. The task ocr reads pages with it, the task table
// the text of cells.
package words

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"palimpsest.dev/plugins/ocr/seams"
	"palimpsest.dev/plugins/ocr/textlayer"
	"palimpsest.dev/plugins/ocr/tiles"
	"palimpsest.dev/task"
	"palimpsest.dev/task/loc"
)

// Word is a word of the page.
type Word struct {
	Text       string
	Box        task.Box     // page pixels
	Level      task.Box     // where it stands when the page's lines are level
	Polygon    []task.Point // its corners on a page whose lines are not
	Confidence float64
	XHeight    float64 // of its line in pixels, 0 unknown
	Cut        bool    // probably a part of a word
}

// Sighting is what the answers of a page come to.
type Sighting struct {
	Words      []Word
	Notes      []string
	Unreadable string // why nothing of it is to be trusted
	Turn       *Turn  // of the views; nil: none had places
	first             // what a second round will need
	second     bool
	asked      []seams.Tile // the views as they were asked for
}

// state is what an ask carries to its answer.
type state struct {
	Box     string  `json:"box"`
	Bins    int     `json:"bins"`
	Min     float64 `json:"min,omitempty"`     // least x-height read well, model pixels
	Max     float64 `json:"max,omitempty"`     // greatest
	Overlap float64 `json:"overlap,omitempty"` // of neighbouring tiles, model pixels; 0: not tiles
	Sure    float64 `json:"sure,omitempty"`    // least confidence of a word that is kept
	First   *first  `json:"first,omitempty"`   // on one ask of the second round: what the first one saw
}

// Plan asks for the words of a page in the way of the profile, in tiles or as a whole, with at most limit asks. An error
// wraps task.ErrInvalid.
func Plan(page task.Page, how task.Profile, limit int) ([]task.Ask, error) {
	carry := state{Box: how.Box, Bins: how.LocBins, Sure: how.MinConfidence}
	var regions []task.Box
	switch how.View {
	case task.ViewPage:
		regions = []task.Box{page.Bounds()}
	case task.ViewTiles:
		carry.Min, carry.Max, carry.Overlap = how.XHeightMin, how.XHeightMax, float64(how.Overlap)
		for _, tile := range tiles.Plan(page, how, limit) {
			regions = append(regions, tile.Region)
		}
	default:
		return nil, fmt.Errorf("%w: profile: view %q: words are read in %s or on a whole %s", task.ErrInvalid, how.View, task.ViewTiles, task.ViewPage)
	}
	note, err := json.Marshal(carry)
	if err != nil {
		return nil, err
	}
	asks := make([]task.Ask, len(regions))
	for i, r := range regions {
		asks[i] = task.Ask{ID: fmt.Sprintf("v%d", i), Region: r, Size: how.Size, Fit: how.Fit,
			Prompt: how.Prompt, MaxTokens: how.MaxTokens, Grammar: how.Grammar, State: note}
	}
	return asks, nil
}

// first is what travels from the first round to the second.
type first struct {
	Views []seams.Tile `json:"views"`
	Seen  []seams.Word `json:"seen"`
	Count tally        `json:"count"`
}

// tally counts what went wrong, for the page's notes.
type tally struct {
	Asked, Loops, Cuts int
	Problems           loc.Problems
	OffInk, Unsure     int
}

// Read parses all answers, maps their words to the page, drops what stands
// where the page has no ink, and merges what several views saw. Answers of a
// second round bring along what the first one saw.
func Read(ctx context.Context, page task.Page, answers []task.Answer) (Sighting, error) {
	var s Sighting
	var fit seams.Range
	ink := NewInk(page)
	for i, a := range answers {
		if err := ctx.Err(); err != nil {
			return Sighting{}, err
		}
		how := stateOf(a)
		fit = seams.Range{Min: how.Min, Max: how.Max}
		if how.First != nil && i == 0 {
			s.first, s.second = *how.First, true
		}
		if a.Stop != task.StopBlank {
			s.Count.add(a)
		}
		if how.Box == task.BoxNone {
			s.Words = append(s.Words, unplaced(page, a)...)
			continue
		}
		if s.Turn == nil {
			s.Turn = TurnOf(page, a)
		}
		s.Views = append(s.Views, s.Turn.view(a))
		s.asked = append(s.asked, view(a))
		for _, it := range items(a, how, &s.Count) {
			w := seams.Word{Text: it.Text, Confidence: it.Confidence, Reading: it.Reading, Tile: len(s.Views) - 1,
				Box: s.Turn.Box(page, a.ToPage, task.Box{X0: it.Box[0], Y0: it.Box[1], X1: it.Box[2], Y1: it.Box[3]})}
			box := s.Turn.ToPage(page, w.Box)
			if !box.Finite() || box.Empty() {
				continue
			}
			if it.Confidence < how.Sure {
				s.Count.Unsure++
				continue
			}
			line, on := ink.Under(box)
			if !on {
				s.Count.OffInk++
				continue
			}
			w.XHeight = XHeight(line, box)
			if s.Turn.Upright() {
				w.Box, w.Moved = settle(box, line)
			}
			s.Seen = append(s.Seen, w)
		}
	}
	for _, w := range seams.Merge(page, s.Views, s.Seen, fit) {
		s.Words = append(s.Words, Word{Text: w.Text, Box: s.Turn.ToPage(page, w.Box), Level: w.Box, Polygon: s.Turn.Corners(page, w.Box),
			Confidence: w.Reading, XHeight: w.XHeight, Cut: seams.Cut(page, s.Views[w.Tile], w)})
	}
	s.Notes, s.Unreadable = s.Count.say()
	return s, nil
}

// secondShare bounds a second look by the size of the first.
const secondShare = 1.0

// SecondLook asks about the stretches of lines where no word was read, at most limit times. The asks are
// like those of the first round but for their regions; the first of them carries
// what the first round saw.
func (s *Sighting) SecondLook(page task.Page, answers []task.Answer, limit int) []task.Ask {
	if s.second || len(answers) < 2 || s.Unreadable != "" {
		return nil
	}
	how := stateOf(answers[0])
	if how.Overlap <= 0 || how.Box == task.BoxNone {
		return nil
	}
	views := make([]tiles.Tile, len(s.asked))
	for i, v := range s.asked {
		views[i] = tiles.Tile{Region: v.Region, Scale: v.Scale}
	}
	var boxes []task.Box
	for _, w := range s.Words {
		if !w.Cut {
			boxes = append(boxes, w.Box)
		}
	}
	var asks []task.Ask
	limit = min(limit, int(math.Ceil(secondShare*float64(len(answers)))))
	for i, t := range tiles.Gaps(page, views, boxes, how.Overlap, [2]float64{how.Min, how.Max}, limit) {
		carry := how
		if i == 0 {
			carry.First = &s.first
		}
		note, err := json.Marshal(carry)
		if err != nil || len(note) > task.MaxState {
			return nil // so much was read that the page can do without
		}
		a := answers[0].Ask
		a.ID, a.Region, a.State = fmt.Sprintf("g%d", i), t.Region, note
		asks = append(asks, a)
	}
	return asks
}

func stateOf(a task.Answer) state {
	s := state{Box: task.BoxYXYXBefore, Bins: loc.Bins}
	if err := json.Unmarshal(a.Ask.State, &s); err != nil {
		return state{Box: task.BoxYXYXBefore, Bins: loc.Bins} // an ask of another program: the usual form
	}
	return s
}

// view describes what an answer's model saw.
func view(a task.Answer) seams.Tile {
	side := max(a.Ask.Region.Width(), a.Ask.Region.Height(), 1)
	return seams.Tile{Region: a.Ask.Region, Scale: float64(a.Ask.Size) / side,
		Whole: a.Stop == task.StopEnd || a.Stop == task.StopBlank}
}

// items parses an answer. The last item of a cut answer is itself cut, and
// what a looping model said again and again it saw once at most.
func items(a task.Answer, how state, count *tally) []loc.Item {
	if a.Stop == task.StopBlank {
		return nil
	}
	out, problems := loc.Parse(a.Text, a.Tokens, how.Bins)
	count.Problems.Add(problems)
	if a.Stop == task.StopLength || a.Stop == task.StopLoop {
		if n := len(out); n > 0 && out[n-1].Last {
			out = out[:n-1]
		}
	}
	if a.Stop == task.StopLoop {
		out = loc.Unloop(out)
	}
	return out
}

// unplaced makes words of an answer without places: all stand in the view.
func unplaced(page task.Page, a task.Answer) []Word {
	box := a.Ask.Region.Intersect(page.Bounds())
	if a.Stop == task.StopBlank || box.Empty() {
		return nil
	}
	sum := 0.0
	for _, t := range a.Tokens {
		sum += min(0, max(t.LogProb, -1e4))
	}
	confidence := 1.0
	if len(a.Tokens) > 0 {
		confidence = math.Exp(sum / float64(len(a.Tokens)))
	}
	var out []Word
	for _, f := range strings.Fields(strings.ToValidUTF8(a.Text, "")) {
		if f = textlayer.Clean(f); f != "" {
			out = append(out, Word{Text: f, Box: box, Level: box, Confidence: confidence})
		}
	}
	return out
}
