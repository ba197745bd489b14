package transcript

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// How far a line begins to the right of its neighbours when it begins a
// paragraph, in heights of its type; and how well they must agree.
const (
	leastIndent = 0.5
	mostIndent  = 4.0
	agreement   = 0.35
)

// indents marks the lines that begin a paragraph by being indented, as in most
// books. Such a line stands between two that begin at one place, follows the end
// of a sentence and begins one. Where every other line is indented it is verse,
// and nothing is marked.
func (p *Page) indents() {
	for b := range p.Blocks {
		lines := p.Blocks[b].Lines
		var found []int
		for i := 1; i+1 < len(lines); i++ {
			if indented(lines[i-1], lines[i], lines[i+1]) {
				found = append(found, i)
			}
		}
		if 3*len(found) > len(lines) {
			continue
		}
		for _, i := range found {
			lines[i].Indented = true
		}
	}
}

func indented(before, l, after Line) bool {
	size := l.Box.Height()
	aligned := before.Box.X0 - after.Box.X0
	in := l.Box.X0 - (before.Box.X0+after.Box.X0)/2
	return !l.Box.Empty() && aligned < agreement*size && aligned > -agreement*size && in > leastIndent*size && in < mostIndent*size &&
		endsSentence(before.Words[len(before.Words)-1].Text) && beginsSentence(l.Words[0].Text)
}

// endsSentence looks past the quotes and brackets that may close behind the
// sign.
func endsSentence(word string) bool {
	word = strings.TrimRightFunc(word, func(r rune) bool {
		return unicode.In(r, unicode.Pf, unicode.Pe, unicode.Pi) || r == '"' || r == '\''
	})
	r, _ := utf8.DecodeLastRuneInString(word)
	return strings.ContainsRune(".!?:;\u2026\u3002\uff01\uff1f\u0964\u0589\u061f\u06d4", r)
}

// beginsSentence: not a small letter, which goes on with one.
func beginsSentence(word string) bool {
	for _, r := range word {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return !unicode.IsLower(r)
		}
	}
	return word != ""
}
