package bagit

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxName bounds a file name in bytes, so that a number fits behind it
// everywhere.
const maxName = 120

// reserved are names that Windows does not let files have.
var reserved = []string{"con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
	"lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9"}

// SafeName makes one file name out of any text: readable where that was, without
// what means something in paths or cannot be stored everywhere.
func SafeName(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.C, unicode.Zl, unicode.Zp) || strings.ContainsRune(`/\:*?"<>|`, r) || r == utf8.RuneError {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(norm.NFC.String(s), "_"))
	s = ended(strings.TrimSpace(s))
	if strings.HasPrefix(s, ".") {
		s = "_" + s
	}
	stem, ext := split(s)
	for len(stem)+len(ext) > maxName {
		_, n := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-n]
	}
	s = ended(stem + ext)
	if base, _, _ := strings.Cut(strings.ToLower(s), "."); slices.Contains(reserved, strings.TrimSpace(base)) {
		s = "_" + s
	}
	if s == "" {
		return "unnamed"
	}
	return s
}

// ended is a name without the white space and dots at its end, which Windows drops.
func ended(s string) string {
	return strings.TrimRightFunc(s, func(r rune) bool { return r == '.' || unicode.IsSpace(r) })
}

// split parts a name before its extension, if it has a short one.
func split(s string) (stem, ext string) {
	const longest = 12
	ext = path.Ext(s)
	if len(ext) > longest || len(ext) == len(s) {
		ext = ""
	}
	return s[:len(s)-len(ext)], ext
}

// Names gives every file of a folder a name of its own, also where capital and
// small letters are not told apart. Its zero value is ready.
type Names struct{ taken map[string]bool }

// Unique makes one path of a folder, which is taken as it is, and a name, which
// is made safe and numbered if it is taken.
func (n *Names) Unique(folder, name string) string {
	if n.taken == nil {
		n.taken = map[string]bool{}
	}
	name = SafeName(name)
	stem, ext := split(name)
	for i := 2; ; i++ {
		full := path.Join(folder, name)
		key := strings.ToLower(strings.ToUpper(norm.NFKC.String(full)))
		if !n.taken[key] {
			n.taken[key] = true
			return full
		}
		name = fmt.Sprintf("%s-%d%s", stem, i, ext)
	}
}
