// Package loc reads and writes the answers in which a model places text: each
// item preceded by four location tokens,
//
//	<locY0><locX0><locY1><locX1>text
//
// one after the other without separator. The numbers are y before x, on a
// grid of 1,024 bins over the square that the model was shown; docs/targets.md
// fixes the form byte by byte. Parse is strict about what it returns and
// forgiving about what it skips: a model that stumbles over one word should
// not lose the others, but nothing is made up to fill a gap.
package loc

import (
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"palimpsest.dev/task"
)

// Bins is the number of places along a side that PaliGemma's vocabulary has.
const Bins = 1024

// Bounds on what one answer may hold; a model's token limit stays far below.
const (
	maxItems     = 65536
	maxItemBytes = 1024
)

// Token is one token of an answer: its text, with locations as <loc0000> to
// <loc1023>, and its log-probability.
type Token = task.Token

// Item is one placed piece of text.
type Item struct {
	Text string
	// Box is x0, y0, x1, y1 in the unit square of the view, not empty.
	Box [4]float64
	// Confidence is the geometric mean probability of the tokens that wrote
	// the item's box and text, 0 to 1; 1 when the answer came without tokens.
	Confidence float64
	// Reading is the product of the probabilities of the tokens that wrote the
	// text: how likely the model held all of it to be right. A model is less sure
	// of a place than of what stands there, so this says more about the text.
	Reading float64
	// Last is set when nothing follows the item in the answer, so that a cut
	// answer may have cut the item.
	Last bool
}

// Problems counts what Parse had to leave out.
type Problems struct {
	Stray    int // texts that not exactly four location tokens precede
	NoText   int // boxes without text
	BadBox   int // boxes with no area or outside the grid
	TooLong  int // texts of more than 1,024 bytes
	Overflow int // items beyond the 65,536th
}

// Any reports whether anything was left out.
func (p Problems) Any() bool { return p != Problems{} }

// Add counts what another answer left out as well.
func (p *Problems) Add(o Problems) {
	p.Stray += o.Stray
	p.NoText += o.NoText
	p.BadBox += o.BadBox
	p.TooLong += o.TooLong
	p.Overflow += o.Overflow
}

// String lists the counts that are not zero.
func (p Problems) String() string {
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{{p.Stray, "stray texts"}, {p.NoText, "boxes without text"}, {p.BadBox, "impossible boxes"}, {p.TooLong, "overlong texts"}, {p.Overflow, "items too many"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(parts, ", ")
}

// Parse reads an answer. The tokens give the confidences; they may be empty.
// When their texts do not add up to the answer's text, which happens when a
// tokenizer writes spaces in its own way, every item gets the mean of all.
// The bins are those of the profile, 1,024 for every published vocabulary.
func Parse(text string, tokens []Token, bins int) ([]Item, Problems) {
	if bins < 2 {
		bins = Bins
	}
	p := parser{text: text, bins: bins, probs: newProbs(text, tokens)}
	p.run()
	return p.items, p.problems
}

// Unloop drops the repetitions at the end of an answer that was stopped for
// them: what the tail says again after the first time.
func Unloop(in []Item) []Item {
	for period := 1; period <= 8; period++ {
		n := len(in)
		for n-1-period >= 0 && in[n-1].Text == in[n-1-period].Text {
			n--
		}
		if len(in)-n >= period {
			return in[:n]
		}
	}
	return in
}

// Encode writes items as a model is trained to: the inverse of Parse for
// texts without location tokens. Every number is the coordinate times bins,
// to the nearest multiple of step (halves go up), brought into the grid. The
// default model writes in steps of 4.
func Encode(items []Item, bins, step int) string {
	if bins < 2 {
		bins = Bins
	}
	step = max(1, min(step, bins))
	var b strings.Builder
	for _, it := range items {
		for _, v := range [4]float64{it.Box[1], it.Box[0], it.Box[3], it.Box[2]} {
			n := math.Floor(v*float64(bins)/float64(step)+0.5) * float64(step)
			fmt.Fprintf(&b, "<loc%04d>", int(max(0, min(float64(bins-step), n))))
		}
		b.WriteString(it.Text)
	}
	return b.String()
}

// parser walks the text once. It collects the locations before a text and
// closes an item at the next location token or at the end.
type parser struct {
	text     string
	bins     int
	probs    probs
	items    []Item
	problems Problems
}

func (p *parser) run() {
	var locs []int // pending locations
	start := 0     // byte where they begin
	for i := 0; i < len(p.text); {
		if n, size := Location(p.text[i:], p.bins); size > 0 {
			if len(locs) == 0 {
				start = i
			}
			if len(locs) <= 4 { // a fifth is enough to know that the run is no box
				locs = append(locs, n)
			}
			i += size
			continue
		}
		end := i + textLen(p.text[i:], p.bins)
		p.item(locs, start, i, end)
		locs, i = nil, end
	}
	if len(locs) > 0 {
		p.problems.NoText++
	}
}

// item closes an item whose locations begin at byte start and whose text lies
// in [from, to).
func (p *parser) item(locs []int, start, from, to int) {
	text := clean(p.text[from:to])
	switch {
	case text == "" && len(locs) == 0:
		return // white space between items says nothing
	case text == "":
		p.problems.NoText++
		return
	case len(locs) != 4: // which four of five were meant is anybody's guess
		p.problems.Stray++
		return
	case len(text) > maxItemBytes:
		p.problems.TooLong++
		return
	case len(p.items) >= maxItems:
		p.problems.Overflow++
		return
	}
	scale := 1 / float64(p.bins)
	box := [4]float64{float64(locs[1]) * scale, float64(locs[0]) * scale, float64(locs[3]) * scale, float64(locs[2]) * scale}
	if box[0] >= box[2] || box[1] >= box[3] {
		p.problems.BadBox++
		return
	}
	p.items = append(p.items, Item{Text: text, Box: box, Confidence: p.probs.between(start, to), Reading: p.probs.product(from, to), Last: to == len(p.text)})
}

// Location reads a location token at the start of s: its number, below bins, and
// its length in bytes, 0 when there is none.
func Location(s string, bins int) (n, size int) {
	const open = "<loc"
	if !strings.HasPrefix(s, open) {
		return 0, 0
	}
	i := len(open)
	for i < len(s) && i < len(open)+5 && '0' <= s[i] && s[i] <= '9' {
		n = n*10 + int(s[i]-'0')
		i++
	}
	if i < len(open)+4 || i == len(s) || s[i] != '>' || n >= bins {
		return 0, 0
	}
	return n, i + 1
}

// textLen is the length of the text up to the next location token.
func textLen(s string, bins int) int {
	for i := 0; ; {
		j := strings.IndexByte(s[i:], '<')
		if j < 0 {
			return len(s)
		}
		if i += j; i > 0 {
			if _, size := Location(s[i:], bins); size > 0 {
				return i
			}
		}
		i++
	}
}

// clean makes a text fit for a row: valid UTF-8, no control characters, white
// space collapsed to single spaces and trimmed.
func clean(s string) string {
	ok := utf8.ValidString(s)
	for _, r := range s {
		ok = ok && r > ' ' && unicode.IsGraphic(r) && !unicode.IsSpace(r)
	}
	if ok {
		return s
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError || !unicode.IsGraphic(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return strings.Join(strings.Fields(s), " ")
}

// Certainty answers how sure the model was of a stretch of its answer, for
// tasks whose answers have another form than Parse reads.
type Certainty struct{ of probs }

// NewCertainty looks at the tokens of an answer; they may be empty.
func NewCertainty(text string, tokens []Token) Certainty { return Certainty{newProbs(text, tokens)} }

// Between is the geometric mean probability of the tokens that touch bytes
// [from, to) of the answer's text, 0 to 1; that of all tokens where they do
// not spell the text.
func (c Certainty) Between(from, to int) float64 { return c.of.between(from, to) }

// probs answers how sure the model was of a stretch of the text.
type probs struct {
	ends []int     // byte after each token
	sums []float64 // log-probability of the tokens up to and with this one
	mean float64   // of all tokens, for texts that the tokens do not spell
}

func newProbs(text string, tokens []Token) probs {
	var p probs
	at, sum := 0, 0.0
	spells := true
	for _, t := range tokens {
		lp := t.LogProb
		if math.IsNaN(lp) || lp < -1e4 {
			lp = -1e4
		}
		sum += min(lp, 0)
		spells = spells && at <= len(text) && strings.HasPrefix(text[at:], t.Text)
		at += len(t.Text)
		p.ends = append(p.ends, at)
		p.sums = append(p.sums, sum)
	}
	if len(tokens) > 0 {
		p.mean = sum / float64(len(tokens))
	}
	if !spells || at != len(text) {
		p.ends, p.sums = nil, nil
	}
	return p
}

// between is the geometric mean probability of the tokens that touch bytes
// [from, to).
func (p probs) between(from, to int) float64 {
	sum, n := p.over(from, to)
	return math.Exp(min(0, sum/float64(n)))
}

// product is the product of the probabilities of those tokens.
func (p probs) product(from, to int) float64 {
	sum, _ := p.over(from, to)
	return math.Exp(min(0, sum))
}

// over sums the logarithms of the probabilities of the tokens that wrote the
// bytes [from, to), and counts them. Without tokens there it takes the mean of
// all for one.
func (p probs) over(from, to int) (sum float64, n int) {
	first := search(p.ends, from+1)
	last := search(p.ends, to)
	if len(p.ends) == 0 || first > last || last >= len(p.ends) {
		return p.mean, 1
	}
	sum = p.sums[last]
	if first > 0 {
		sum -= p.sums[first-1]
	}
	return sum, last - first + 1
}

// search is the first index whose value is at least v.
func search(ends []int, v int) int {
	lo, hi := 0, len(ends)
	for lo < hi {
		if mid := (lo + hi) / 2; ends[mid] >= v {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}
