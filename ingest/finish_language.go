package ingest

import (
	"strings"
	"unicode"

	"palimpsest.dev/ingest/pdfa"
)

// languages guesses the language of a text from its small words and its script,
// so that a reader of the PDF aloud knows how to pronounce it. It answers only
// when it is clear: a wrong language is worse than none.
type languages struct {
	words  int // in Latin script
	small  map[string]int
	script map[string]int
	total  int // letters
}

// smallWords are among the most frequent words of a language and rare in the
// others here.
var smallWords = map[string][]string{
	"en": {"the", "and", "of", "to", "that", "with", "was", "is", "for", "this"},
	"de": {"der", "und", "die", "das", "nicht", "ein", "ist", "mit", "auf", "von"},
	"fr": {"le", "les", "et", "des", "est", "dans", "une", "pour", "qui", "que"},
	"es": {"el", "los", "las", "y", "por", "con", "una", "del", "que", "se"},
	"it": {"il", "di", "che", "gli", "della", "con", "non", "una", "per", "sono"},
	"pt": {"os", "uma", "não", "com", "do", "da", "em", "para", "que", "ao"},
	"nl": {"het", "een", "van", "niet", "zijn", "voor", "dat", "met", "ook", "aan"},
	"sv": {"och", "att", "det", "som", "är", "inte", "för", "ett", "på", "med"},
	"la": {"et", "est", "non", "ad", "cum", "quod", "sed", "ut", "qui", "sunt"},
	"pl": {"i", "się", "nie", "na", "jest", "że", "do", "oraz", "przez", "od"},
}

// scripts are written for one language, or nearly so.
var scripts = []struct {
	table    *unicode.RangeTable
	language string
}{
	{unicode.Greek, "el"}, {unicode.Hangul, "ko"}, {unicode.Hiragana, "ja"}, {unicode.Katakana, "ja"}, {unicode.Thai, "th"},
	{unicode.Hebrew, "he"}, {unicode.Armenian, "hy"}, {unicode.Georgian, "ka"}, {unicode.Lao, "lo"}, {unicode.Khmer, "km"},
}

// The least evidence: words looked at, the share of them that are small words
// of the language, and how far ahead of the next language it must be.
const (
	leastWords  = 20
	leastSmall  = 0.12
	leastAhead  = 1.5
	leastScript = 0.2 // share of the letters
)

// add counts the words of a page.
func (l *languages) add(lines []pdfa.Line) {
	if l.small == nil {
		l.small, l.script = map[string]int{}, map[string]int{}
	}
	for _, line := range lines {
		for _, w := range line {
			l.word(w.Text)
		}
	}
}

func (l *languages) word(text string) {
	text = strings.ToLower(strings.TrimFunc(text, func(r rune) bool { return !unicode.IsLetter(r) }))
	latin := text != ""
	for _, r := range text {
		l.total++
		latin = latin && unicode.Is(unicode.Latin, r)
		for _, s := range scripts {
			if unicode.Is(s.table, r) {
				l.script[s.language]++
				break
			}
		}
	}
	if !latin {
		return
	}
	l.words++
	for language, small := range smallWords {
		for _, w := range small {
			if w == text {
				l.small[language]++
			}
		}
	}
}

// likely is the language as a tag of BCP 47, empty when it is not clear.
func (l *languages) likely() string {
	for _, s := range scripts {
		// Japanese mixes its own letters with those of Chinese.
		if n := l.script[s.language]; l.total >= leastWords && float64(n) >= leastScript*float64(l.total) {
			return s.language
		}
	}
	best, first, second := "", 0, 0
	for language, n := range l.small {
		switch {
		case n > first || n == first && language < best:
			best, first, second = language, n, first
		case n > second:
			second = n
		}
	}
	if l.words < leastWords || float64(first) < leastSmall*float64(l.words) || float64(first) < leastAhead*float64(second) {
		return ""
	}
	return best
}
