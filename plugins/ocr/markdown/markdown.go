// Package markdown writes a document's pages as CommonMark: paragraphs whose
// lines are joined, headings told by the size of their type, lists told by
// their bullets and numbers, and a comment where each page begins. It says
// nothing that the printed lines do not say; tables and pictures are left to
// the tasks that read them.
package markdown

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"palimpsest.dev/plugins/ocr/transcript"
)

// MediaType of the files.
const MediaType = "text/markdown; charset=utf-8"

// The least sizes of a heading's type, measured in that of the running text,
// and how long a heading may be.
const (
	headingSize  = 1.25 // what is smaller is text; a size read off boxes is some 10 % off
	heading2Size = 1.5
	heading1Size = 1.9

	maxHeadingLines = 4
	maxHeadingRunes = 240
)

// kind says what an element of the text is.
type kind int

const (
	paragraph kind = iota
	heading
	item
)

// element is a paragraph, a heading or one item of a list.
type element struct {
	kind   kind
	level  int    // of a heading
	marker string // of an item, as Markdown writes it
	list   string // what kind of list an item belongs to
	block  int
	lines  []transcript.Line
	text   string
}

// Write returns pages as Markdown. The size of the running text is that of
// these pages. With first unset what comes is the continuation of a file.
func Write(pages []transcript.Page, first bool) []byte {
	body, compounds := bodySize(pages), transcript.CompoundsOf(pages)
	var b strings.Builder
	for i, p := range pages {
		if i > 0 || !first {
			b.WriteByte('\n')
		}
		switch p.State {
		case "done", "blank", "":
			fmt.Fprintf(&b, "<!-- page %d -->\n", p.Number)
		default:
			fmt.Fprintf(&b, "<!-- page %d: %s -->\n", p.Number, strings.ReplaceAll(p.State, "-", " "))
		}
		list := ""
		for _, e := range elements(p, body, compounds) {
			if e.kind != item || e.list != list {
				b.WriteByte('\n')
			}
			if list = ""; e.kind == item {
				list = e.list
			}
			b.WriteString(e.String())
			b.WriteByte('\n')
		}
	}
	return []byte(b.String())
}

// bodySize is the x-height that half of the letters do not exceed.
func bodySize(pages []transcript.Page) float64 {
	type run struct {
		size  float64
		runes int
	}
	var runs []run
	total := 0
	for _, p := range pages {
		for _, l := range p.Lines() {
			if l.XHeight > 0 {
				n := utf8.RuneCountInString(l.Text())
				runs = append(runs, run{l.XHeight, n})
				total += n
			}
		}
	}
	slices.SortFunc(runs, func(a, b run) int {
		switch {
		case a.size < b.size:
			return -1
		case a.size > b.size:
			return 1
		}
		return 0
	})
	sum := 0
	for _, r := range runs {
		if sum += r.runes; 2*sum >= total {
			return r.size
		}
	}
	return 0
}

// elements divides a page into its elements.
func elements(p transcript.Page, body float64, compounds transcript.Compounds) []element {
	lines := p.Lines()
	large := make([]bool, len(lines))
	for i, l := range lines {
		least := headingSize
		if i > 0 && !large[i-1] && !l.Begins(lines[i-1]) {
			least = heading2Size // no space stands before it: more likely a line measured too large
		}
		large[i] = body > 0 && l.XHeight >= least*body
	}
	marks := markers(lines, large)
	var out []element
	for i, l := range lines {
		fresh := i == 0 || l.Begins(lines[i-1]) || large[i] != large[i-1] || marks[i].list != ""
		if fresh {
			e := element{block: l.Block}
			if large[i] {
				e.kind = heading
			} else if m := marks[i]; m.list != "" {
				e.kind, e.marker, e.list = item, m.written, m.list
			}
			out = append(out, e)
		}
		e := &out[len(out)-1]
		text := l.Text()
		if fresh {
			text = strings.TrimPrefix(text, marks[i].printed)
			text = strings.TrimSpace(text)
		}
		e.lines = append(e.lines, l)
		e.text = compounds.Join(e.text, text)
	}
	for i := range out {
		if out[i].kind == heading {
			out[i].judge(body)
		}
	}
	return joinColumns(out, compounds)
}

// judge gives a heading its level, or makes it a paragraph if it is too long
// for one or has no letters.
func (e *element) judge(body float64) {
	if len(e.lines) > maxHeadingLines || utf8.RuneCountInString(e.text) > maxHeadingRunes || strings.IndexFunc(e.text, unicode.IsLetter) < 0 {
		e.kind = paragraph
		return
	}
	var size float64
	for _, l := range e.lines {
		size += l.XHeight / float64(len(e.lines))
	}
	switch {
	case size >= heading1Size*body:
		e.level = 1
	case size >= heading2Size*body:
		e.level = 2
	default:
		e.level = 3
	}
}

// joinColumns puts together a paragraph that goes on in another block, mostly
// the next column: what stands before the break ends no sentence, and what
// stands behind it begins with a small letter.
func joinColumns(in []element, compounds transcript.Compounds) []element {
	var out []element
	for _, e := range in {
		if n := len(out); n > 0 && e.kind == paragraph && out[n-1].kind != heading && e.block != out[n-1].block && goesOn(out[n-1].text, e.text) {
			out[n-1].text = compounds.Join(out[n-1].text, e.text)
			out[n-1].lines = append(out[n-1].lines, e.lines...)
			out[n-1].block = e.block
			continue
		}
		out = append(out, e)
	}
	return out
}

func goesOn(text, next string) bool {
	last, _ := utf8.DecodeLastRuneInString(text)
	first, _ := utf8.DecodeRuneInString(next)
	return unicode.IsLower(first) && (unicode.IsLetter(last) || unicode.IsDigit(last) || strings.ContainsRune("-\u2010\u00ad,", last))
}

// String is the element as Markdown, on one line.
func (e element) String() string {
	text := escapeStart(escape(e.text))
	switch e.kind {
	case heading:
		return strings.Repeat("#", e.level) + " " + escape(e.text)
	case item:
		return e.marker + " " + text
	}
	return text
}
