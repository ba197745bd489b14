package eval

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
)

// Level says what a truth knows, and so which metrics it allows.
type Level string

// The levels of truth files.
const (
	LevelWord      Level = "word"                // words with boxes
	LevelLine      Level = "line"                // lines with boxes
	LevelLineImage Level = "line_image"          // the image is one line
	LevelDetection Level = "word_detection_only" // boxes without text
	LevelText      Level = "page_text"           // text without boxes
	LevelFacts     Level = "fact_tests"          // statements that must hold
)

// Limits of one truth, far above any real page.
const (
	maxTruthPages = 10_000
	maxTruthWords = 1_000_000
)

// Truth is what a file really says, page by page.
type Truth struct {
	Level Level
	Pages []TruthPage
	Facts []Fact // for LevelFacts
}

// TruthPage is what one page really says.
type TruthPage struct {
	Width, Height float64      // of the space that boxes are in; 0 unknown
	Words         []Word       // with boxes, illegible ones and formulas left out
	Ignore        [][4]float64 // boxes that nobody is asked to read
	Tokens        []string     // white-space tokens for the bag of words
	Text          string       // in reading order
	HasText       bool         // false where the truth knows boxes only
}

type rawTruth struct {
	Level Level `json:"level"`
	rawPage
	Pages []rawPage `json:"pages"`
	Tests []Fact    `json:"tests"`
}

type rawPage struct {
	Width  float64   `json:"width"`
	Height float64   `json:"height"`
	Words  []rawSpan `json:"words"`
	Lines  []rawSpan `json:"lines"`
	Text   *string   `json:"text"`
}

type rawSpan struct {
	Text    *string         `json:"text"`
	Box     []float64       `json:"bbox"`
	Polygon [][]float64     `json:"polygon"`
	Legible *bool           `json:"legible"`
	Label   json.RawMessage `json:"label"` // a string in some sets, a number in others
}

// ParseTruth reads a truth: either one page, its fields at the top, or "pages". The
// level given is used where the truth has none.
func ParseTruth(raw []byte, level Level) (Truth, error) {
	var r rawTruth
	if err := json.Unmarshal(raw, &r); err != nil {
		return Truth{}, err
	}
	if r.Level == "" {
		r.Level = level
	}
	switch r.Level {
	case LevelWord, LevelLine, LevelLineImage, LevelDetection, LevelText, LevelFacts:
	default:
		return Truth{}, fmt.Errorf("unknown level %q", r.Level)
	}
	pages := r.Pages
	if pages == nil {
		pages = []rawPage{r.rawPage}
	}
	if len(pages) > maxTruthPages {
		return Truth{}, fmt.Errorf("%d pages are more than the limit of %d", len(pages), maxTruthPages)
	}
	t := Truth{Level: r.Level, Facts: r.Tests}
	words := 0
	for i, p := range pages {
		page, err := p.page(r.Level)
		if err != nil {
			return Truth{}, fmt.Errorf("page %d: %w", i+1, err)
		}
		if words += len(p.Words) + len(p.Lines); words > maxTruthWords {
			return Truth{}, fmt.Errorf("more than the limit of %d words and lines", maxTruthWords)
		}
		t.Pages = append(t.Pages, page)
	}
	if r.Level == LevelFacts {
		if len(t.Facts) == 0 {
			return Truth{}, errors.New("level fact_tests without tests")
		}
		if len(t.Facts) > maxFacts {
			return Truth{}, fmt.Errorf("%d tests are more than the limit of %d", len(t.Facts), maxFacts)
		}
	}
	return t, nil
}

// page keeps what a level can vouch for.
func (p rawPage) page(level Level) (TruthPage, error) {
	out := TruthPage{Width: p.Width, Height: p.Height}
	switch level {
	case LevelWord, LevelDetection:
		return p.wordPage(out, level)
	case LevelLine, LevelLineImage:
		return p.linePage(out)
	case LevelText:
		if p.Text != nil {
			out.Text = *p.Text
		}
		out.Tokens = strings.Fields(Normalise(out.Text))
		out.HasText = true
	}
	return out, nil
}

func (p rawPage) wordPage(out TruthPage, level Level) (TruthPage, error) {
	var said []string
	for i, s := range p.Words {
		box, err := s.box()
		if err != nil {
			return out, fmt.Errorf("word %d: %w", i, err)
		}
		switch {
		case s.Legible != nil && !*s.Legible:
			out.Ignore = append(out.Ignore, box)
		case string(s.Label) == `"equation"`:
			// The glyphs of formulas are not reliable as text: no truth, no credit.
		default:
			w := Word{Text: s.text(), Box: box, Polygon: s.polygon()}
			out.Words = append(out.Words, w)
			said = append(said, w.Text)
		}
	}
	if level == LevelDetection {
		return out, nil
	}
	out.HasText = true
	out.Text = strings.Join(said, " ")
	out.Tokens = strings.Fields(out.Text)
	// The page's own text knows the reading order better than the order of the words,
	// but it still holds what was left out above.
	if p.Text != nil && len(said) == len(p.Words) {
		out.Text = *p.Text
	}
	return out, nil
}

func (p rawPage) linePage(out TruthPage) (TruthPage, error) {
	var said []string
	for i, s := range p.Lines {
		if s.Legible == nil || *s.Legible {
			said = append(said, s.text())
			continue
		}
		box, err := s.box()
		if err != nil {
			return out, fmt.Errorf("line %d: %w", i, err)
		}
		out.Ignore = append(out.Ignore, box)
	}
	out.HasText = true
	out.Text = strings.Join(said, "\n")
	out.Tokens = strings.Fields(out.Text)
	if p.Text != nil && len(said) == len(p.Lines) {
		out.Text = *p.Text
		if len(p.Lines) == 0 {
			out.Tokens = strings.Fields(Normalise(out.Text))
		}
	}
	return out, nil
}

func (s rawSpan) text() string {
	if s.Text == nil {
		return ""
	}
	return Normalise(*s.Text)
}

// box is the span's box, or the bounds of its polygon.
func (s rawSpan) box() ([4]float64, error) {
	if len(s.Box) == 4 {
		return [4]float64(s.Box), nil
	}
	if len(s.Box) != 0 {
		return [4]float64{}, fmt.Errorf("bbox has %d numbers, not 4", len(s.Box))
	}
	b := [4]float64{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, pt := range s.Polygon {
		if len(pt) != 2 {
			return b, errors.New("a polygon's point has not two numbers")
		}
		b = [4]float64{math.Min(b[0], pt[0]), math.Min(b[1], pt[1]), math.Max(b[2], pt[0]), math.Max(b[3], pt[1])}
	}
	if len(s.Polygon) == 0 {
		return b, errors.New("neither bbox nor polygon")
	}
	return b, nil
}

// polygon is the span's polygon; nil where its box says as much.
func (s rawSpan) polygon() [][2]float64 {
	var out [][2]float64
	for _, pt := range s.Polygon {
		if len(pt) != 2 {
			return nil
		}
		out = append(out, [2]float64{pt[0], pt[1]})
	}
	return out
}

// outline is the word's polygon, or that of its box.
func (w Word) outline() Outline {
	o := Outline{Text: w.Text, Polygon: w.Polygon}
	if len(o.Polygon) < 3 {
		o.Polygon = corners(w.Box)
	}
	return o
}

func corners(b [4]float64) [][2]float64 {
	return [][2]float64{{b[0], b[1]}, {b[2], b[1]}, {b[2], b[3]}, {b[0], b[3]}}
}

// fit scales the truth's boxes to a raster of another resolution. Truths drawn for
// another shape of page are left as they are.
func (t TruthPage) fit(width, height int) TruthPage {
	if t.Width <= 0 || t.Height <= 0 || width <= 0 || height <= 0 {
		return t
	}
	sx, sy := float64(width)/t.Width, float64(height)/t.Height
	if math.Abs(sx/sy-1) > 0.02 || (math.Abs(sx-1) < 1e-9 && math.Abs(sy-1) < 1e-9) {
		return t
	}
	scale := func(b [4]float64) [4]float64 { return [4]float64{b[0] * sx, b[1] * sy, b[2] * sx, b[3] * sy} }
	words := make([]Word, len(t.Words))
	for i, w := range t.Words {
		words[i] = Word{Text: w.Text, Box: scale(w.Box)}
		for _, p := range w.Polygon {
			words[i].Polygon = append(words[i].Polygon, [2]float64{p[0] * sx, p[1] * sy})
		}
	}
	ignore := make([][4]float64, len(t.Ignore))
	for i, b := range t.Ignore {
		ignore[i] = scale(b)
	}
	t.Words, t.Ignore = words, ignore
	return t
}

// scorePage compares one page read with one true page.
func scorePage(level Level, t TruthPage, p Page) Counts {
	t = t.fit(p.Width, p.Height)
	read := make([]Word, 0, len(p.Words))
	for _, w := range dropIgnored(p.Words, t.Ignore) {
		read = append(read, Word{Text: Normalise(w.Text), Box: w.Box})
	}
	var c Counts
	if level == LevelWord {
		c.HasWords = true
		c.WordHits = MatchWords(read, t.Words, false)
		c.WordRead, c.WordAll = len(read), len(t.Words)
		c.HierText = hierText(p.Words, t)
	}
	if level == LevelWord || level == LevelDetection {
		c.HasBoxes = true
		c.BoxHits = MatchWords(read, t.Words, true)
		c.BoxRead, c.BoxAll = len(read), len(t.Words)
	}
	if !t.HasText && level != LevelDetection && level != LevelFacts {
		t.HasText = true // a page that the truth does not know: nothing stands on it
	}
	if t.HasText {
		said := make([]string, len(read))
		for i, w := range read {
			said[i] = w.Text
		}
		text := strings.Join(said, " ")
		tokens := strings.Fields(text)
		c.HasText = true
		c.BagHits = BagHits(tokens, t.Tokens)
		c.BagRead, c.BagAll = len(tokens), len(t.Tokens)
		c.Edits, c.Chars = CharacterEdits(text, t.Text)
		c.WordEdits, c.Words = WordEdits(text, t.Text)
	}
	return c
}

// hierText are HierText's sums of a page. A page of too many words for that measure
// counts as one on which nothing was found, which the other measures then contradict.
func hierText(read []Word, t TruthPage) HierText {
	var outlines, truth []Outline
	for _, w := range read {
		w.Text = Normalise(w.Text)
		outlines = append(outlines, w.outline())
	}
	for _, w := range t.Words {
		truth = append(truth, w.outline())
	}
	for _, box := range t.Ignore {
		truth = append(truth, Outline{Polygon: corners(box), Ignore: true})
	}
	sums, ok := HierTextWords(outlines, truth)
	if !ok {
		return HierText{Read: float64(len(read)), All: float64(len(t.Words))}
	}
	return sums
}
