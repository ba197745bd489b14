package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"palimpsest.dev/plugins/ocr/seams"
	"palimpsest.dev/plugins/ocr/textlayer"
	"palimpsest.dev/plugins/ocr/tiles"
	"palimpsest.dev/task"
	"palimpsest.dev/task/loc"
)

// word is a word of the page, on its way to a record.
type word struct {
	text       string
	box        task.Box
	level      task.Box     // where it stands when the page's lines are level
	polygon    []task.Point // its corners on a page whose lines are not
	confidence float64
	xHeight    float64
	source     string
	verified   any  // bool, or nil when not compared
	cut        bool // probably a part of a word
}

// sighting is what the answers of a page come to.
type sighting struct {
	words      []word
	notes      []string
	unreadable string
	first      // what a second round will need
	second     bool
	asked      []seams.Tile // the views as they were asked for
	turn       *turned      // of the views; nil: none had places
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

// sight parses all answers, maps their words to the page, drops what stands
// where the page has no ink, and merges what several views saw. Answers of a
// second round bring along what the first one saw.
func sight(ctx context.Context, page task.Page, answers []task.Answer) (sighting, error) {
	var s sighting
	var fit seams.Range
	ink := newInk(page)
	for i, a := range answers {
		if err := ctx.Err(); err != nil {
			return sighting{}, err
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
			s.words = append(s.words, unplaced(page, a)...)
			continue
		}
		if s.turn == nil {
			s.turn = turnOf(page, a)
		}
		s.Views = append(s.Views, s.turn.view(a))
		s.asked = append(s.asked, view(a))
		for _, it := range items(a, how, &s.Count) {
			w := seams.Word{Text: it.Text, Confidence: it.Confidence, Reading: it.Reading, Tile: len(s.Views) - 1,
				Box: s.turn.box(page, a.ToPage, task.Box{X0: it.Box[0], Y0: it.Box[1], X1: it.Box[2], Y1: it.Box[3]})}
			box := s.turn.toPage(page, w.Box)
			if !box.Finite() || box.Empty() {
				continue
			}
			if it.Confidence < how.Sure {
				s.Count.Unsure++
				continue
			}
			line, on := ink.under(box)
			if !on {
				s.Count.OffInk++
				continue
			}
			w.XHeight = xHeightOf(line, box)
			if s.turn.upright() {
				w.Box, w.Moved = settle(box, line)
			}
			s.Seen = append(s.Seen, w)
		}
	}
	for _, w := range seams.Merge(page, s.Views, s.Seen, fit) {
		s.words = append(s.words, word{text: w.Text, box: s.turn.toPage(page, w.Box), level: w.Box, polygon: s.turn.corners(page, w.Box),
			confidence: w.Reading, xHeight: w.XHeight, source: task.SourceModel, cut: seams.Cut(page, s.Views[w.Tile], w)})
	}
	s.notes, s.unreadable = s.Count.say()
	return s, nil
}

// secondShare bounds a second look by the size of the first.
const secondShare = 1.0

// secondLook asks about the stretches of lines where no word was read. The asks are
// like those of the first round but for their regions; one of them carries
// what the first round saw.
func (s *sighting) secondLook(page task.Page, answers []task.Answer) []task.Ask {
	if s.second || len(answers) < 2 || s.unreadable != "" {
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
	for _, w := range s.words {
		if !w.cut {
			boxes = append(boxes, w.box)
		}
	}
	var asks []task.Ask
	limit := min(maxAsks, int(math.Ceil(secondShare*float64(len(answers)))))
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
func unplaced(page task.Page, a task.Answer) []word {
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
	var out []word
	for _, f := range strings.Fields(strings.ToValidUTF8(a.Text, "")) {
		if f = textlayer.Clean(f); f != "" {
			out = append(out, word{text: f, box: box, confidence: confidence, source: task.SourceModel})
		}
	}
	return out
}

// layerWords are the words of a sound layer. Their confidence is that of a
// copy, which says nothing about the layer.
func layerWords(page task.Page) []word {
	ink := newInk(page)
	var out []word
	for _, w := range textlayer.Words(page) {
		line, _ := ink.under(w.Box)
		out = append(out, word{text: w.Text, box: w.Box, confidence: 1, xHeight: xHeightOf(line, w.Box), source: task.SourceTextLayer})
	}
	return out
}

// verify marks each word with what the layer says about it.
func (s *sighting) verify(page task.Page) {
	layer := textlayer.Words(page)
	read := make([]task.Word, len(s.words))
	for i, w := range s.words {
		read[i] = task.Word{Text: w.text, Box: w.box}
	}
	same, missed := textlayer.Verdicts(read, layer)
	agree := 0
	for i, ok := range same {
		s.words[i].verified = ok
		if ok {
			agree++
		}
	}
	s.notes = append(s.notes, fmt.Sprintf("text layer: says the same for %d of %d words read; %d of its %d words were not read so",
		agree, len(read), missed, len(layer)))
	if reason := textlayer.Judge(page); reason != "" && len(layer) > 0 {
		s.notes = append(s.notes, "text layer: not plausible: "+reason)
	}
}

func (c *tally) add(a task.Answer) {
	c.Asked++
	switch a.Stop {
	case task.StopLoop:
		c.Loops++
	case task.StopLength:
		c.Cuts++
	}
}

// say turns the counts into notes. A page of which the model mostly repeated
// itself is unreadable: what was kept of it is not to be trusted.
func (c *tally) say() (notes []string, unreadable string) {
	if 2*c.Loops > c.Asked {
		unreadable = fmt.Sprintf("the model repeated itself in %d of %d views", c.Loops, c.Asked)
	} else if c.Loops > 0 {
		notes = append(notes, fmt.Sprintf("the model repeated itself in %d of %d views", c.Loops, c.Asked))
	}
	if c.Cuts > 0 {
		notes = append(notes, fmt.Sprintf("%d of %d answers reached the token limit", c.Cuts, c.Asked))
	}
	if c.Problems.Any() {
		notes = append(notes, "left out of the answers: "+c.Problems.String())
	}
	if c.OffInk > 0 {
		notes = append(notes, fmt.Sprintf("left out: %d words where the page shows no text", c.OffInk))
	}
	if c.Unsure > 0 {
		notes = append(notes, fmt.Sprintf("left out: %d words the model was too unsure of", c.Unsure))
	}
	return notes, unreadable
}

// ink answers which line found in the pixels lies under a box.
type ink struct {
	lines []task.Line
	rows  map[int][]int // by height, in bands of rowHeight pixels
}

const rowHeight = 64

func newInk(page task.Page) *ink {
	k := &ink{rows: map[int][]int{}}
	for _, l := range page.Lines {
		b := l.Box.Intersect(page.Bounds())
		if !l.Box.Finite() || b.Empty() {
			continue
		}
		k.lines = append(k.lines, task.Line{Box: b, XHeight: l.XHeight})
		for r := int(b.Y0) / rowHeight; r <= int(b.Y1)/rowHeight; r++ {
			k.rows[r] = append(k.rows[r], len(k.lines)-1)
		}
	}
	return k
}

// under returns the line that a word's box mostly lies on. It reports false when the box lies on none; on a page
// without lines every place may hold text, and the line is empty.
func (k *ink) under(b task.Box) (line task.Line, on bool) {
	const enough = 0.2 // share of the box's area
	if len(k.lines) == 0 {
		return task.Line{}, true
	}
	most, mostBeside := enough*b.Area(), enough*b.Area()
	var beside task.Line
	for r := int(b.Y0) / rowHeight; r <= int(b.Y1)/rowHeight; r++ {
		for _, i := range k.rows[r] {
			l := k.lines[i]
			// Accents, commas and a box drawn a little off reach beyond the line.
			high := max(1, l.XHeight/2)
			near := task.Box{X0: l.Box.X0 - high, Y0: l.Box.Y0 - high, X1: l.Box.X1 + high, Y1: l.Box.Y1 + high}
			if a := near.Intersect(b).Area(); a > most {
				most, line, on = a, l, true
			}
			// A bullet or a sign beside a line is not always taken for its part.
			wide := max(1, 3*l.XHeight)
			near.X0, near.X1 = l.Box.X0-wide, l.Box.X1+wide
			if a := near.Intersect(b).Area(); a > mostBeside {
				mostBeside, beside = a, l
			}
		}
	}
	if !on {
		line, on = beside, !beside.Box.Empty()
	}
	return line, on
}

// xHeightOf is the x-height of a word on a line, 0 when that cannot be the word's: a word's box is between 1.45 and
// 2.3 times as high as its x, and a line whose x-height is far from that was measured on something else.
func xHeightOf(line task.Line, b task.Box) float64 {
	if h := b.Height(); line.XHeight < h/3 || line.XHeight > h/1.2 {
		return 0
	}
	return line.XHeight
}

// settle moves a word's box up or down onto the line it lies on, whose place is known from its ink: a model that sees
// the page through small tiles tells words apart better than it measures them. The box takes the line's height where
// the line is one of letters and not of, say, a drawing. settle also returns how far the box was moved, in x-heights.
func settle(b task.Box, line task.Line) (task.Box, float64) {
	const slack = 0.25 // x-heights by which a word may reach beyond its line
	x, height := line.XHeight, line.Box.Height()
	top, bottom := line.Box.Y0-slack*x, line.Box.Y1+slack*x
	if x <= 0 || height > 4*x || b.Height() > 1.25*(bottom-top) {
		return b, 0
	}
	by := max(0, top-b.Y0)
	if by == 0 {
		by = min(0, bottom-b.Y1)
	}
	b.Y0, b.Y1 = b.Y0+by, b.Y1+by
	if on := (task.Box{X0: max(b.X0, line.Box.X0-slack*x), Y0: b.Y0, X1: min(b.X1, line.Box.X1+slack*x), Y1: b.Y1}); 2*on.Width() > b.Width() {
		b = on // the white beside a line belongs to no word
	}
	if height > 1.3*x && height < 3*x {
		b.Y0, b.Y1 = line.Box.Y0, line.Box.Y1
	}
	return b, math.Abs(by) / x
}

// runes is a text's length.
func runes(s string) float64 { return float64(utf8.RuneCountInString(s)) }
