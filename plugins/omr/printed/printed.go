// Package printed turns what is printed in the bars of a system into **kern. A bar is described by what stands where: for each
// moment the value of every voice, the line or space of every note head and the accidental drawn in front of it
// (docs/targets.md, the answers about one bar). How the notes sound follows from clef, key, octave signs, ties and the
// accidentals before them in the bar; that is worked out here, from bar to bar.
//
// Nothing is mended: what is no note of this spelling becomes a **kern token as it stands, for the reader of **kern to
// report.
package printed

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Bounds on a system.
const (
	MaxStaves = 8
	maxVoices = 6
	maxLines  = 4096 // of a bar
)

// Options say what is known of a system beside its bars.
type Options struct {
	Staves int // at least; more where a bar has more
	// Explicit is the manner of editions that mark all they print: every accidental drawn carries its mark, and every note of
	// a chord its value. The plain manner marks what is drawn without need, and gives a chord's value once.
	Explicit bool
}

// Span is where a token was said: bytes of a bar's text; Bar is -1 for what nobody said.
type Span struct{ Bar, From, To int }

// Score is a system as **kern.
type Score struct {
	Text    string   // with its ** line
	Origins [][]Span // of the tokens, by line and column
	Assumed []string // clefs that were taken because none is printed, from the lowest staff
}

// Kern joins the bars of a system.
func Kern(bars []string, o Options) Score {
	c := &composer{explicit: o.Explicit}
	read := make([][]line, len(bars))
	staves := max(1, min(o.Staves, MaxStaves))
	for i, text := range bars {
		read[i] = lines(text, i)
		for _, l := range read[i] {
			staves = max(staves, min(len(l.staves), MaxStaves))
		}
	}
	for i := range staves {
		clef := "G2"
		if i == 0 && staves > 1 {
			clef = "F4"
		}
		c.staves = append(c.staves, &staff{clef: clef, tied: map[int]int{}})
		c.columns = append(c.columns, 1)
	}
	return c.system(read)
}

// The kinds of line.
const (
	noteLine = iota
	signLine
	barLine
)

// cell is what a voice has at a moment; empty when it has nothing.
type cell struct {
	text string
	span Span
}

// line is one line of a bar.
type line struct {
	kind   int
	bar    string   // its token
	span   Span     // of a bar line
	staves [][]cell // lowest first, then the voices
}

var place = regexp.MustCompile(`^(?:<loc\d{4}>)+`)

// lines takes a bar's text apart.
func lines(text string, bar int) []line {
	var out []line
	at := 0
	for l := range strings.Lines(text) {
		from := at
		at += len(l)
		l = strings.TrimRight(l, "\n")
		body := place.ReplaceAllString(l, "")
		from += len(l) - len(body)
		if strings.TrimSpace(body) == "" || len(out) >= maxLines {
			continue
		}
		if body[0] == '=' {
			out = append(out, line{kind: barLine, bar: body, span: Span{bar, from, from + len(body)}})
			continue
		}
		n := line{kind: noteLine, staves: columns(body, bar, from)}
		if slices.ContainsFunc(n.staves, func(v []cell) bool { return strings.HasPrefix(v[0].text, "*") }) {
			n.kind = signLine
		}
		out = append(out, n)
	}
	return out
}

// columns takes a line of notes or signs apart: staves at |, voices at a comma. What passes the bounds stays with the last.
func columns(body string, bar, from int) [][]cell {
	var out [][]cell
	for _, s := range strings.SplitN(body, "|", MaxStaves) {
		var voices []cell
		at := from
		for _, v := range strings.SplitN(s, ",", maxVoices) {
			voices = append(voices, cell{v, Span{bar, at, at + len(v)}})
			at += len(v) + 1
		}
		out = append(out, voices)
		from += len(s) + 1
	}
	return out
}

// composer writes the **kern of a system.
type composer struct {
	explicit bool
	staves   []*staff
	columns  []int // of each staff
	score    Score
	out      strings.Builder
}

// write adds a line; spans may be nil.
func (c *composer) write(tokens []string, spans []Span) {
	for len(spans) < len(tokens) {
		spans = append(spans, Span{Bar: -1})
	}
	c.out.WriteString(strings.Join(tokens, "\t") + "\n")
	c.score.Origins = append(c.score.Origins, spans)
}

// all is the same token in every column.
func (c *composer) all(token string, span Span) {
	n := 0
	for _, k := range c.columns {
		n += k
	}
	c.write(slices.Repeat([]string{token}, n), slices.Repeat([]Span{span}, n))
}

// system writes all bars.
func (c *composer) system(bars [][]line) Score {
	c.all("**kern", Span{Bar: -1})
	if len(bars) > 0 {
		bars = slices.Clone(bars)
		bars[0] = c.beginning(bars)
	}
	for i, bar := range bars {
		c.bar(bar, i, bars[i+1:])
	}
	for i := range c.columns {
		c.fit(i, 1)
	}
	c.all("*-", Span{Bar: -1})
	c.score.Text = c.out.String()
	return c.score
}

// bar writes a bar. Its closing line is written where there is music behind it, or where it is more than a line; the edge
// of what was shown closes a bar for which none was said.
func (c *composer) bar(bar []line, number int, rest [][]line) {
	for _, s := range c.staves {
		s.begin()
	}
	for i, l := range bar {
		switch l.kind {
		case barLine:
			c.barLine(l.bar, l.span, bar[i+1:], rest)
		case signLine:
			c.signs(l)
		default:
			c.notes(l)
		}
	}
	if len(bar) > 0 && bar[len(bar)-1].kind != barLine {
		c.barLine("=", Span{Bar: -1}, nil, rest)
	}
}

func (c *composer) barLine(token string, span Span, behind []line, rest [][]line) {
	for _, s := range c.staves {
		s.begin()
	}
	next := firstNotes(behind)
	for i := 0; next == nil && i < len(rest); i++ {
		next = firstNotes(rest[i])
	}
	for i := range c.staves {
		voices := 1
		if next != nil && i < len(next.staves) {
			voices = max(1, len(next.staves[i]))
		}
		c.fit(i, min(voices, c.columns[i]))
	}
	if next != nil || token != "=" {
		c.all(word(token), span)
	}
}

// firstNotes is the first line of a bar with the number of voices that the staves have there, nil in one without notes. A staff that
// is silent in its first line has as many as it has later.
func firstNotes(bar []line) *line {
	var found *line
	for _, l := range bar {
		if l.kind == barLine && found != nil {
			break
		}
		if l.kind != noteLine {
			continue
		}
		if found == nil {
			found = &line{kind: noteLine}
		}
		for i, v := range l.staves {
			for len(found.staves) <= i {
				found.staves = append(found.staves, nil)
			}
			if len(v) > len(found.staves[i]) {
				found.staves[i] = v
			}
		}
	}
	return found
}

// fit splits or joins the columns of a staff.
func (c *composer) fit(staff, want int) {
	for c.columns[staff] != want {
		var row []string
		for i, n := range c.columns {
			switch {
			case i != staff:
				row = append(row, slices.Repeat([]string{"*"}, n)...)
			case n < want:
				row = append(append(row, slices.Repeat([]string{"*"}, n-1)...), "*^")
			default:
				row = append(append(row, slices.Repeat([]string{"*"}, want-1)...), slices.Repeat([]string{"*v"}, n-want+1)...)
			}
		}
		c.write(row, nil)
		if c.columns[staff] < want {
			c.columns[staff]++
		} else {
			c.columns[staff] = want
		}
	}
}

// notes writes a line of notes.
func (c *composer) notes(l line) {
	for i, voices := range l.staves {
		if i < len(c.staves) {
			c.fit(i, max(c.columns[i], len(voices)))
		}
	}
	var row []string
	var spans []Span
	for i, n := range c.columns {
		for v := range n {
			token, span := ".", Span{Bar: -1}
			if i < len(l.staves) && v < len(l.staves[i]) && l.staves[i][v].text != "" {
				token, span = c.token(l.staves[i][v].text, c.staves[i]), l.staves[i][v].span
			}
			row, spans = append(row, token), append(spans, span)
		}
	}
	c.write(row, spans)
}

// word makes a text fit to stand in a column.
func word(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\n' {
			return '_'
		}
		return r
	}, s)
	if s == "" {
		return "."
	}
	return s
}

// signs writes a line of clefs, keys, metres and octave signs.
func (c *composer) signs(l line) {
	for _, rank := range []int{0, 1} { // C is a metre and its symbol
		row := make([]string, 0, len(c.columns))
		spans := make([]Span, 0, len(c.columns))
		said := false
		for i, n := range c.columns {
			token, span := "*", Span{Bar: -1}
			if i < len(l.staves) && l.staves[i][0].text != "" {
				span = l.staves[i][0].span
				if tokens := c.staves[i].sign(l.staves[i][0].text); rank < len(tokens) {
					token = tokens[rank]
				}
			}
			said = said || token != "*"
			row, spans = append(row, slices.Repeat([]string{token}, n)...), append(spans, slices.Repeat([]Span{span}, n)...)
		}
		if said {
			c.write(row, spans)
		}
	}
}

// beginning writes what stands in front of the first bar line: clefs, keys, the metre. It returns what is left of the first bar.
func (c *composer) beginning(bars [][]line) []line {
	first := bars[0]
	heads := map[string]line{}
	rest := first
	for len(rest) > 0 && rest[0].kind == signLine {
		kind := signKind(rest[0])
		_, twice := heads[kind]
		if kind == "" || twice || kind == "clef" && len(heads) > 0 {
			break
		}
		heads[kind] = rest[0]
		rest = rest[1:]
	}
	c.clefs(heads["clef"])
	if key, ok := heads["key"]; ok {
		c.signs(key)
	} else {
		c.all("*k[]", Span{Bar: -1})
	}
	if metre, ok := heads["metre"]; ok {
		c.signs(metre)
	}
	if next := firstNotes(rest); next != nil && c.explicit { // split before the first bar line, as such editions are encoded
		for i := range c.columns {
			if i < len(next.staves) {
				c.fit(i, max(1, len(next.staves[i])))
			}
		}
	}
	switch {
	case len(rest) > 0 && rest[0].kind == barLine:
		c.all(word(rest[0].bar), rest[0].span)
		rest = rest[1:]
	case firstNotes(rest) != nil && !pickup(rest, bars[1:]):
		c.all("=", Span{Bar: -1})
	}
	return rest
}

// clefs writes the line of clefs; a staff without one has the usual.
func (c *composer) clefs(l line) {
	row, spans := []string{}, []Span{}
	for i, s := range c.staves {
		token, span := "", Span{Bar: -1}
		if i < len(l.staves) && l.staves[i][0].text != "" {
			span = l.staves[i][0].span
			if tokens := s.sign(l.staves[i][0].text); len(tokens) == 1 && strings.HasPrefix(tokens[0], "*clef") {
				token = tokens[0]
			}
		}
		if token == "" {
			token = "*clef" + s.clef
			c.score.Assumed = append(c.score.Assumed, s.clef)
		}
		row, spans = append(row, token), append(spans, span)
	}
	c.write(row, spans)
}

// pickup reports whether a system begins with less than a bar: whether its first bar is shorter than the second.
func pickup(first []line, rest [][]line) bool {
	for _, bar := range rest {
		if firstNotes(bar) != nil {
			a, ok1 := length(first)
			b, ok2 := length(bar)
			return ok1 && ok2 && a.Cmp(b) < 0
		}
	}
	return false
}

// String shows a span for tests.
func (s Span) String() string { return fmt.Sprintf("%d:%d-%d", s.Bar, s.From, s.To) }
