package findings

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxWords bounds what of one sentence is looked at. The longest sentence of a
// report has some dozens of words; what is longer is no sentence.
const maxWords = 400

// word is a word in lower case or one sign of punctuation, and where it stands.
type word struct {
	text       string
	start, end int // bytes of the sentence
}

// split cuts a sentence into words and signs. Hyphens join nothing: air-space,
// air space and ground-glass are two words each.
func split(s string) []word {
	var out []word
	for i := 0; i < len(s) && len(out) < maxWords; {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case letter(r):
			j := i
			for j < len(s) {
				r, n := utf8.DecodeRuneInString(s[j:])
				if !letter(r) {
					break
				}
				j += n
			}
			out = append(out, word{strings.ToLower(s[i:j]), i, j})
			i = j
			continue
		case strings.ContainsRune(",;:.()/?", r):
			out = append(out, word{string(r), i, i + size})
		}
		i += size
	}
	return out
}

func letter(r rune) bool { return r == '\'' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// sign reports whether the word is punctuation.
func (w word) sign() bool { return len(w.text) == 1 && strings.Contains(",;:.()/?", w.text) }

// pattern is a phrase to look for. Its text is a list of words with a space
// between; a word may be several with | between, one that ends in * stands for
// all that begin so, and ~ stands for at most four words of any kind, none of them
// punctuation.
type pattern []choice

// choice is the words that may stand at one place of a pattern.
type choice struct {
	gap   bool
	words []string
	stems []string // words may begin so
}

// gapWords is how many words a gap may skip.
const gapWords = 4

// parsePattern reads the text of a pattern.
func parsePattern(text string) pattern {
	var p pattern
	for f := range strings.FieldsSeq(text) {
		p = append(p, anyOf(strings.Split(f, "|")...))
	}
	return p
}

func anyOf(texts ...string) choice {
	var a choice
	for _, t := range texts {
		if stem, ok := strings.CutSuffix(t, "*"); ok {
			a.stems = append(a.stems, stem)
		} else {
			a.words = append(a.words, t)
		}
	}
	a.gap = len(texts) == 1 && texts[0] == "~"
	return a
}

func parsePatterns(texts ...string) []pattern {
	out := make([]pattern, len(texts))
	for i, t := range texts {
		out[i] = parsePattern(t)
	}
	return out
}

// at returns the word after the phrase if it begins at word i, else -1.
func (p pattern) at(words []word, i int) int {
	for n, a := range p {
		if a.gap {
			for skip := 0; skip <= gapWords && i+skip <= len(words); skip++ {
				if end := p[n+1:].at(words, i+skip); end >= 0 {
					return end
				}
				if i+skip < len(words) && words[i+skip].sign() {
					break
				}
			}
			return -1
		}
		if i >= len(words) || !a.match(words[i].text) {
			return -1
		}
		i++
	}
	return i
}

func (a choice) match(text string) bool {
	for _, w := range a.words {
		if w == text {
			return true
		}
	}
	for _, stem := range a.stems {
		if strings.HasPrefix(text, stem) {
			return true
		}
	}
	return false
}

// firstAt returns the longest end of the patterns that begin at word i, else -1.
func firstAt(patterns []pattern, words []word, i int) int {
	end := -1
	for _, p := range patterns {
		end = max(end, p.at(words, i))
	}
	return end
}

// has reports whether one of the patterns occurs within words.
func has(patterns []pattern, words []word) bool {
	for i := range words {
		if firstAt(patterns, words, i) >= 0 {
			return true
		}
	}
	return false
}
