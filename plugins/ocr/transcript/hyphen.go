package transcript

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// hyphens are the characters that divide a word: hyphen-minus, hyphen, soft
// hyphen.
const hyphens = "-\u2010\u00ad"

// Divided reports whether a word that ends a line is the first part of a word
// that goes on with the next line's first word: it ends in a hyphen after a
// Latin letter, and the next word begins with a small Latin letter. A capital
// there is more likely the second half of a compound written with its hyphen.
// The stem is the word without its hyphen. Compounds that happen to be broken
// at their own hyphen (well-/known) cannot be told apart and lose it.
func Divided(word, next string) (stem, hyphen string, ok bool) {
	stem, hyphen = cutHyphen(word)
	if hyphen == "" {
		return word, "", false
	}
	last, _ := utf8.DecodeLastRuneInString(stem)
	first, _ := utf8.DecodeRuneInString(next)
	if !unicode.Is(unicode.Latin, last) || !unicode.Is(unicode.Latin, first) || !unicode.IsLower(first) {
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
func Join(text, next string) string {
	if text == "" || next == "" {
		return text + next
	}
	word := text[strings.LastIndexByte(text, ' ')+1:]
	if stem, _, ok := Divided(word, next); ok {
		return text[:len(text)-len(word)] + stem + next
	}
	first, _ := utf8.DecodeRuneInString(next)
	if stem, hyphen := cutHyphen(word); hyphen != "" {
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

// spaceless says of a character that its script is written without spaces.
func spaceless(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) ||
		r >= 0x3000 && r <= 0x303f || r >= 0xff00 && r <= 0xffef
}
