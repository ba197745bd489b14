// Package transcript puts together again what was read on a page from the
// page's records: blocks, lines and words in reading order. It is what the
// files of a whole document are written from, so that they need neither the
// pixels nor the model, and it holds the one rule for words divided at the end
// of a line.
package transcript

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"palimpsest.dev/task"
)

// None is the confidence of what was copied and not read.
const None = -1

// Page is a page as it was read.
type Page struct {
	Number        int // 1-based
	Width, Height int // pixels
	DPI           float64
	Rotation      int    // degrees clockwise applied to make it upright
	State         string // as in task.DocumentPage
	Image         string // name of the page image
	Blocks        []Block
}

// Block is a block of lines; its box encloses theirs.
type Block struct {
	Index int // the block's own number on the page, from 0
	Box   task.Box
	Lines []Line
}

// Line is a line of words, none of which is empty.
type Line struct {
	Index      int // the line's own number on the page, from 0
	Block      int
	Paragraph  int  // changes where more than the usual space precedes a line
	Indented   bool // begins a paragraph without such a space
	Box        task.Box
	Polygon    []task.Point // corners, where the line slopes
	Confidence float64      // 0 to 1, or None
	Source     string
	XHeight    float64 // pixels, measured or else estimated from the words' boxes; 0 unknown
	Words      []Word
}

// Word is a word with its place.
type Word struct {
	Index      int // the word's own number on the page, from 0
	Text       string
	Box        task.Box
	Polygon    []task.Point // corners, where the word does not stand upright
	Confidence float64      // 0 to 1, or None
	Source     string
}

// Of puts a page together. Words without a line of their own number get one;
// lines without words are left out.
func Of(p task.DocumentPage) Page {
	out := Page{Number: p.Page.Number, Width: p.Page.Width, Height: p.Page.Height, DPI: p.Page.DPI, Rotation: p.Page.Rotation,
		State: p.State, Image: p.Page.Raster}
	lines := map[int]*Line{}
	for _, r := range p.Records {
		if r.Relation == "line" {
			l := &Line{Index: integer(r, "seq"), Block: integer(r, "block"), Paragraph: integer(r, "paragraph"),
				Box: r.Box, Polygon: r.Polygon, Confidence: confidence(r), Source: r.Source}
			lines[l.Index] = l
		}
	}
	for _, r := range p.Records {
		text, _ := r.Values["text"].(string)
		if r.Relation != "word" || text == "" {
			continue
		}
		n := integer(r, "line")
		l := lines[n]
		if l == nil {
			l = &Line{Index: n, Block: integer(r, "block"), Paragraph: integer(r, "block"), Box: r.Box, Confidence: confidence(r), Source: r.Source}
			lines[n] = l
		}
		l.Box = l.Box.Union(r.Box)
		l.Words = append(l.Words, Word{Index: integer(r, "seq"), Text: text, Box: r.Box, Polygon: r.Polygon, Confidence: confidence(r), Source: r.Source})
	}
	var order []*Line
	for _, l := range lines {
		if len(l.Words) > 0 {
			slices.SortStableFunc(l.Words, func(a, b Word) int { return cmp.Compare(a.Index, b.Index) })
			order = append(order, l)
		}
	}
	slices.SortFunc(order, func(a, b *Line) int { return cmp.Compare(a.Index, b.Index) })
	ruler := newRuler(p.Page)
	for _, l := range order {
		l.XHeight = ruler.measure(*l)
		if n := len(out.Blocks); n == 0 || out.Blocks[n-1].Index != l.Block {
			out.Blocks = append(out.Blocks, Block{Index: l.Block})
		}
		b := &out.Blocks[len(out.Blocks)-1]
		b.Box = b.Box.Union(l.Box)
		b.Lines = append(b.Lines, *l)
	}
	out.indents()
	return out
}

// integer reads a whole number however the store hands it back.
func integer(r task.Record, column string) int {
	switch v := r.Values[column].(type) {
	case int64:
		return int(v)
	case int:
		return v
	case float64:
		return int(v)
	}
	return 0
}

// confidence is None for what was not read: some ways here bring 1 for it,
// some no number.
func confidence(r task.Record) float64 {
	if r.Source == task.SourceTextLayer || math.IsNaN(r.Confidence) {
		return None
	}
	return max(0, min(1, r.Confidence))
}

// Lines returns the lines of all blocks in reading order.
func (p Page) Lines() []Line {
	var out []Line
	for _, b := range p.Blocks {
		out = append(out, b.Lines...)
	}
	return out
}

// Text is the line's words, separated by spaces. In scripts written without
// spaces the words are but pieces, and only a gap on the page is one.
func (l Line) Text() string {
	var b strings.Builder
	for i, w := range l.Words {
		if i > 0 && !attached(l.Words[i-1], w) {
			b.WriteByte(' ')
		}
		b.WriteString(w.Text)
	}
	return b.String()
}

// attached says of two words of a script without spaces that no gap parts them.
func attached(a, b Word) bool {
	last, _ := utf8.DecodeLastRuneInString(a.Text)
	first, _ := utf8.DecodeRuneInString(b.Text)
	return spaceless(last) && spaceless(first) && b.Box.X0-a.Box.X1 <= 0.5*max(a.Box.Height(), b.Box.Height())
}

// Text returns the page as plain text in reading order: a line for a line, an
// empty line between paragraphs, nothing for a page without words. Words that
// are divided at the end of a line are whole and stand where they begin.
func (p Page) Text(c Compounds) string {
	var b strings.Builder
	lines := p.Lines()
	for i := range lines {
		l := lines[i]
		if i > 0 && l.Begins(lines[i-1]) {
			b.WriteByte('\n')
		}
		if len(l.Words) == 0 {
			continue // its only word went to the line before
		}
		if i+1 < len(lines) && !lines[i+1].Begins(l) && len(lines[i+1].Words) > 0 {
			next := &lines[i+1]
			end := len(l.Words) - 1
			if stem, _, ok := c.Divided(l.Words[end].Text, next.Words[0].Text); ok {
				l.Words = slices.Clone(l.Words)
				l.Words[end].Text = stem + next.Words[0].Text
				next.Words = next.Words[1:]
			}
		}
		b.WriteString(l.Text())
		b.WriteByte('\n')
	}
	return b.String()
}

// Begins reports whether the line begins a paragraph, behind the line before.
func (l Line) Begins(before Line) bool {
	return l.Paragraph != before.Paragraph || l.Block != before.Block || l.Indented
}
