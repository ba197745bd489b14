package transcript

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// hyphens are the characters that divide a word: hyphen-minus, hyphen, soft
// hyphen, the Armenian one, the double one of Fraktur, and the sign that some
// transcriptions write for any of them.
const (
	hyphens    = "-\u2010" + softHyphen + "\u058a\u2e17\u00ac"
	softHyphen = "\u00ad"
)

// dividing are the scripts whose words are divided at the end of a line by a
// hyphen that is no part of the word.
var dividing = []*unicode.RangeTable{unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Armenian, unicode.Georgian}

// suspending are words before which a hyphen stands for the rest of a
// compound: Vor- und Nachteile, two- or threefold. Small words that may as
// well be a syllable are not among them.
var suspending = map[string]bool{"und": true, "oder": true, "sowie": true, "bzw.": true, "bis": true, "and": true, "or": true,
	"och": true, "eller": true, "og": true}

// Compounds are words that stand with a hyphen in the middle of a line: broken
// at the end of one, they keep it.
type Compounds map[string]bool

// CompoundsOf collects the compounds of pages.
func CompoundsOf(pages []Page) Compounds {
	c := Compounds{}
	for _, p := range pages {
		for _, b := range p.Blocks {
			for _, l := range b.Lines {
				for _, w := range l.Words {
					if key := bare(w.Text); strings.Contains(key, "-") {
						c[key] = true
					}
				}
			}
		}
	}
	return c
}

// bare is a word without what stands around it, in small letters, with one kind
// of hyphen; a hyphen at its end is no part of it.
func bare(word string) string {
	word = strings.TrimFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return strings.ToLower(strings.ReplaceAll(word, "\u2010", "-"))
}

// Divided reports whether a word that ends a line is the first part of a word
// that goes on with the next line's first word, and returns it without its
// hyphen. A soft hyphen always divides. Any other does after a letter and
// before a small letter of the same script: a capital is more likely the second
// half of a compound written with its hyphen, and so is what follows one letter
// (e-mail) or belongs to a known compound.
func (c Compounds) Divided(word, next string) (stem, hyphen string, ok bool) {
	stem, hyphen = cutHyphen(word)
	if hyphen == "" {
		return word, "", false
	}
	last, n := utf8.DecodeLastRuneInString(stem)
	first, _ := utf8.DecodeRuneInString(next)
	if hyphen == softHyphen && unicode.IsLetter(last) && unicode.IsLetter(first) {
		return stem, hyphen, true
	}
	same := false
	for _, script := range dividing {
		same = same || unicode.Is(script, last) && unicode.Is(script, first)
	}
	if !same || !unicode.IsLower(first) || n == len(stem) || suspending[next] || c[bare(stem+"-"+next)] {
		return word, "", false
	}
	return stem, hyphen, true
}

func cutHyphen(word string) (stem, hyphen string) {
	r, n := utf8.DecodeLastRuneInString(word)
	if n == 0 || n == len(word) || !strings.ContainsRune(hyphens, r) {
		return word, ""
	}
	return word[:len(word)-n], word[len(word)-n:]
}

// Join continues a text with the next line of it: a divided word is made whole,
// a compound broken after its hyphen goes on without a space, and so does text
// in scripts that do not put spaces between words.
func (c Compounds) Join(text, next string) string {
	if text == "" || next == "" {
		return text + next
	}
	word := text[strings.LastIndexByte(text, ' ')+1:]
	follows, _, _ := strings.Cut(next, " ")
	if stem, _, ok := c.Divided(word, follows); ok {
		return text[:len(text)-len(word)] + stem + next
	}
	first, _ := utf8.DecodeRuneInString(next)
	if stem, hyphen := cutHyphen(word); hyphen != "" && !suspending[follows] {
		last, _ := utf8.DecodeLastRuneInString(stem)
		if (unicode.IsLetter(last) || unicode.IsDigit(last)) && (unicode.IsLetter(first) || unicode.IsDigit(first)) {
			return text + next
		}
	}
	last, _ := utf8.DecodeLastRuneInString(text)
	if spaceless(last) && spaceless(first) {
		return text + next
	}
	return text + " " + next
}

// spaceless says of a character that its script is written without spaces
// between words. Tibetan ends every syllable with a point of its own.
func spaceless(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo, unicode.Yi, unicode.Thai, unicode.Lao,
		unicode.Khmer, unicode.Myanmar, unicode.Tibetan, unicode.Tai_Le, unicode.New_Tai_Lue, unicode.Tai_Tham) ||
		r >= 0x3000 && r <= 0x303f || r >= 0xff00 && r <= 0xffef
}
