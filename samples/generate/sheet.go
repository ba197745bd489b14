package main

import (
	"fmt"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// typeface is one font with its measures in units of the em.
type typeface struct {
	name                string
	data                []byte
	font                *sfnt.Font
	ascender, descender float64 // of letters such as b and p, both positive
	buffer              sfnt.Buffer
}

// faces are the typefaces by name.
type faces map[string]*typeface

// metricsPPEM is large enough for widths exact to a ten-thousandth of the em.
const metricsPPEM = 2048

func loadFaces() (faces, error) {
	out := faces{}
	for name, data := range map[string][]byte{
		"regular": goregular.TTF, "bold": gobold.TTF, "italic": goitalic.TTF, "medium": gomedium.TTF, "mono": gomono.TTF,
	} {
		f, err := sfnt.Parse(data)
		if err != nil {
			return nil, fmt.Errorf("font %s: %w", name, err)
		}
		t := &typeface{name: name, data: data, font: f}
		_, top, _, _ := t.ink('b')
		_, _, _, bottom := t.ink('p')
		t.ascender, t.descender = -top, bottom
		out[name] = t
	}
	return out, nil
}

// advance is how far the pen moves for a character, in ems.
func (t *typeface) advance(r rune) float64 {
	g, err := t.font.GlyphIndex(&t.buffer, r)
	if err != nil || g == 0 {
		panic(fmt.Sprintf("font %s has no %q", t.name, r)) // the texts are ours
	}
	a, err := t.font.GlyphAdvance(&t.buffer, g, fixed.I(metricsPPEM), font.HintingNone)
	if err != nil {
		panic(err)
	}
	return float64(a) / 64 / metricsPPEM
}

// ink is the box of a character's black, in ems from the pen, y pointing down.
func (t *typeface) ink(r rune) (x0, y0, x1, y1 float64) {
	g, err := t.font.GlyphIndex(&t.buffer, r)
	if err != nil || g == 0 {
		panic(fmt.Sprintf("font %s has no %q", t.name, r))
	}
	b, _, err := t.font.GlyphBounds(&t.buffer, g, fixed.I(metricsPPEM), font.HintingNone)
	if err != nil {
		panic(err)
	}
	em := func(v fixed.Int26_6) float64 { return float64(v) / 64 / metricsPPEM }
	return em(b.Min.X), em(b.Min.Y), em(b.Max.X), em(b.Max.Y)
}

func (t *typeface) width(s string) float64 {
	w := 0.0
	for _, r := range s {
		w += t.advance(r)
	}
	return w
}

// style is a typeface at a size in points, with the distance between lines.
type style struct {
	face    *typeface
	size    float64
	leading float64
}

// placedWord is a word on a sheet; x and baseline are in points from the top left.
type placedWord struct {
	text        string
	style       style
	x, baseline float64
	line        int // running number of its line
}

// box is the word's place in points: its ink across, ascender to descender down.
func (w placedWord) box() [4]float64 {
	runes := []rune(w.text)
	left, _, _, _ := w.style.face.ink(runes[0])
	last := runes[len(runes)-1]
	_, _, right, _ := w.style.face.ink(last)
	end := w.style.face.width(string(runes[:len(runes)-1])) + right
	return [4]float64{
		w.x + left*w.style.size, w.baseline - w.style.face.ascender*w.style.size,
		w.x + end*w.style.size, w.baseline + w.style.face.descender*w.style.size,
	}
}

// rule is a straight line in points.
type rule struct{ x0, y0, x1, y1, weight float64 }

// sheet is a page before it is drawn: words and rules in points.
type sheet struct {
	width, height float64
	words         []placedWord
	rules         []rule
	lines         int
}

func newSheet(width, height float64) *sheet { return &sheet{width: width, height: height} }

func (s *sheet) pixels(dpi float64) (w, h int) {
	return int(s.width*dpi/72 + 0.5), int(s.height*dpi/72 + 0.5)
}

// alignment of a line in its column.
type alignment int

const (
	left alignment = iota
	centre
	right
	justified
)

// put sets one line at a baseline.
func (s *sheet) put(text string, st style, x, baseline, width float64, align alignment) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return
	}
	space := st.face.advance(' ') * st.size
	total := space * float64(len(words)-1)
	for _, w := range words {
		total += st.face.width(w) * st.size
	}
	switch align {
	case centre:
		x += (width - total) / 2
	case right:
		x += width - total
	case justified:
		if len(words) > 1 {
			space += (width - total) / float64(len(words)-1)
		}
	}
	for _, w := range words {
		s.words = append(s.words, placedWord{text: w, style: st, x: x, baseline: baseline, line: s.lines})
		x += st.face.width(w)*st.size + space
	}
	s.lines++
}

// flow sets a text, its paragraphs divided by empty lines, in a column from y on, and
// returns the y below it. Inside a paragraph a line break is a space.
func (s *sheet) flow(text string, st style, x, y, width float64, align alignment) float64 {
	space := st.face.advance(' ') * st.size
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		var line []string
		used := 0.0
		flush := func(a alignment) {
			y += st.leading
			s.put(strings.Join(line, " "), st, x, y, width, a)
			line, used = nil, 0
		}
		for w := range strings.FieldsSeq(paragraph) {
			need := st.face.width(w) * st.size
			if len(line) > 0 && used+space+need > width {
				flush(align)
			}
			if len(line) > 0 {
				used += space
			}
			used += need
			line = append(line, w)
		}
		last := align
		if align == justified {
			last = left
		}
		if len(line) > 0 {
			flush(last)
		}
		y += st.leading * 0.55
	}
	return y
}

// row sets cells side by side at one baseline; they count as one line.
func (s *sheet) row(cells []cell, st style, baseline float64) {
	line := s.lines
	for _, c := range cells {
		s.lines = line
		s.put(c.text, st, c.x, baseline, c.width, c.align)
	}
	s.lines = line + 1
}

type cell struct {
	text     string
	x, width float64
	align    alignment
}

func (s *sheet) rule(x0, y0, x1, y1, weight float64) {
	s.rules = append(s.rules, rule{x0, y0, x1, y1, weight})
}
