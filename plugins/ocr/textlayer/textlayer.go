// Package textlayer judges the text that a page's source brings along, and
// compares it with what was read. A layer is taken for the page's words only
// when nothing speaks against it: it must be text and not symbols, stand where
// the pixels show lines, and account for most of those lines. A layer that
// says other words than the page shows, in the right places, passes; only the
// option that reads the page as well can find that out.
package textlayer

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"palimpsest.dev/task"
)

// The plausibility limits. A born-digital page passes each with room to
// spare; they were set so that one broken font or one picture with text in it
// does not condemn a page, and hidden or shifted layers do.
const (
	maxBroken   = 0.10 // share of replaced, private or control characters
	minReadable = 0.50 // share of letters and digits
	maxMisplace = 0.15 // share of characters in boxes that are empty, huge or off the page
	minOnInk    = 0.70 // share of characters that stand on lines found in the pixels
	minCovered  = 0.60 // share of those lines' width that words stand on
	maxStacked  = 0.50 // share of words that stand on one another
	minDensity  = 0.30 // characters per expected character of the lines
	maxDensity  = 4.0
)

// Judge returns "" for a sound layer, otherwise what is wrong with it.
func Judge(page task.Page) string {
	chars, reason := readable(page.Text)
	if reason != "" {
		return reason
	}
	good, reason := placed(page, chars)
	if reason != "" {
		return reason
	}
	if len(page.Lines) == 0 {
		return "it has words where the pixels show no lines"
	}
	return agrees(page, good)
}

// readable counts the characters and judges them.
func readable(words []task.Word) (chars int, reason string) {
	broken, readable := 0, 0
	for _, w := range words {
		if !utf8.ValidString(w.Text) {
			broken++
		}
		for _, r := range w.Text {
			switch {
			case unicode.IsSpace(r):
				continue
			case r == utf8.RuneError, unicode.Is(unicode.Co, r), unicode.IsControl(r), r == '\u00ad':
				broken++
			case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r):
				readable++
			}
			chars++
		}
	}
	switch {
	case chars == 0:
		return 0, "it is empty"
	case float64(broken) > maxBroken*float64(chars):
		return chars, fmt.Sprintf("%d of its %d characters have no meaning", broken, chars)
	case float64(readable) < minReadable*float64(chars):
		return chars, fmt.Sprintf("only %d of its %d characters are letters or digits", readable, chars)
	}
	return chars, ""
}

// placed keeps the words whose boxes make sense and judges the rest.
func placed(page task.Page, chars int) (good []task.Word, reason string) {
	lost, stacked := 0, 0
	bounds := page.Bounds()
	at := map[[2]int]string{}
	for _, w := range page.Text {
		b := w.Box
		n := size(w.Text)
		if n == 0 {
			continue
		}
		in := b.Intersect(bounds).Area()
		if !b.Finite() || b.Empty() || in < 0.5*b.Area() || b.Height() > bounds.Height()/2 && b.Width() > bounds.Width()/2 {
			lost += n
			continue
		}
		// Two words that begin at the same spot: printed twice for boldness
		// when they are equal, a heap when not.
		spot := [2]int{int(b.X0 / 4), int((b.Y0 + b.Y1) / 8)}
		if other, ok := at[spot]; ok && other != w.Text {
			stacked++
		}
		at[spot] = w.Text
		good = append(good, w)
	}
	switch {
	case float64(lost) > maxMisplace*float64(chars):
		return nil, fmt.Sprintf("%d of its %d characters stand nowhere on the page", lost, chars)
	case float64(stacked) > maxStacked*float64(len(good)):
		return nil, fmt.Sprintf("%d of its %d words stand on one another", stacked, len(good))
	}
	return good, ""
}

// agrees holds the words against the lines found in the pixels.
func agrees(page task.Page, words []task.Word) string {
	var onInk, all, expected, width, covered float64
	for _, w := range words {
		n := float64(size(w.Text))
		all += n
		for _, l := range page.Lines {
			if stands(w.Box, l) {
				onInk += n
				break
			}
		}
	}
	for _, l := range page.Lines {
		width += l.Box.Width()
		covered += coverage(words, l)
		if l.XHeight > 0 {
			expected += l.Box.Width() / l.XHeight // a character is about as wide as an x is high
		}
	}
	switch {
	case onInk < minOnInk*all:
		return fmt.Sprintf("%.0f of its %.0f characters stand where the pixels show no text", all-onInk, all)
	case covered < minCovered*width:
		return fmt.Sprintf("it accounts for %.0f %% of the text that the pixels show", 100*covered/width)
	case expected > 0 && (all < minDensity*expected || all > maxDensity*expected):
		return fmt.Sprintf("it has %.0f characters where the pixels show about %.0f", all, expected)
	}
	return ""
}

// stands reports whether a word's box lies on a line: its middle inside the
// line, or the line's middle height inside the box and most of it beside.
func stands(b task.Box, l task.Line) bool {
	slack := max(l.XHeight, 1) / 2
	y := (b.Y0 + b.Y1) / 2
	x := (b.X0 + b.X1) / 2
	return x >= l.Box.X0-slack && x <= l.Box.X1+slack && y >= l.Box.Y0-slack && y <= l.Box.Y1+slack
}

// coverage is the width of a line that words stand on.
func coverage(words []task.Word, l task.Line) float64 {
	const cells = 64
	var hit [cells]bool
	w := l.Box.Width()
	for _, word := range words {
		y := (word.Box.Y0 + word.Box.Y1) / 2
		mid := (l.Box.Y0 + l.Box.Y1) / 2
		if (y < l.Box.Y0 || y > l.Box.Y1) && (mid < word.Box.Y0 || mid > word.Box.Y1) {
			continue
		}
		// A space's width on either side belongs to the word.
		from := max(0, (word.Box.X0-l.XHeight/2-l.Box.X0)/w*cells)
		to := min(cells, (word.Box.X1+l.XHeight/2-l.Box.X0)/w*cells)
		for c := int(from); float64(c) < to && c < cells; c++ {
			hit[c] = true
		}
	}
	n := 0
	for _, h := range hit {
		if h {
			n++
		}
	}
	return w * float64(n) / cells
}

// size is a text's length in characters, without white space.
func size(s string) int {
	n := 0
	for _, r := range s {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// Words returns the words of a sound layer as rows want them: split at white
// space, cleaned, on the page, without second prints of one word.
func Words(page task.Page) []task.Word {
	var out []task.Word
	type spot struct {
		text string
		x, y int
	}
	seen := map[spot]bool{}
	for _, w := range page.Text {
		for _, part := range split(w) {
			part.Box = part.Box.Intersect(page.Bounds())
			at := spot{part.Text, int(part.Box.X0 / 3), int(part.Box.Y0 / 3)}
			if !part.Box.Finite() || part.Box.Empty() || part.Text == "" || seen[at] {
				continue
			}
			seen[at] = true
			out = append(out, part)
		}
	}
	return out
}

// split cuts a text with spaces into words, dividing its box by characters.
func split(w task.Word) []task.Word {
	parts := strings.Fields(Clean(w.Text))
	if len(parts) <= 1 {
		return []task.Word{{Text: strings.Join(parts, ""), Box: w.Box}}
	}
	total := float64(utf8.RuneCountInString(strings.Join(parts, " ")))
	var out []task.Word
	at := 0.0
	for _, p := range parts {
		n := float64(utf8.RuneCountInString(p))
		b := w.Box
		b.X0, b.X1 = w.Box.X0+w.Box.Width()*at/total, w.Box.X0+w.Box.Width()*(at+n)/total
		out = append(out, task.Word{Text: p, Box: b})
		at += n + 1
	}
	return out
}

// Clean makes a text fit for a row: valid, without control characters, any
// white space as single spaces.
func Clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if r == utf8.RuneError || !unicode.IsGraphic(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return strings.Join(strings.Fields(s), " ")
}
