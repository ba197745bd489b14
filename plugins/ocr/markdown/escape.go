package markdown

import (
	"regexp"
	"strings"
	"unicode"
)

// special are the characters that mean something anywhere in a text.
var special = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`, "~", `\~`, "|", `\|`)

// entity is what would be read as a character's name.
var entity = regexp.MustCompile(`&(#?[0-9A-Za-z]+;)`)

// escape writes text so that a reader of Markdown gets back its characters.
// Characters that control something, and line breaks, become spaces.
func escape(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = entity.ReplaceAllString(special.Replace(strings.TrimSpace(s)), `\&$1`)
	if strings.HasSuffix(s, "#") { // would close a heading
		s = s[:len(s)-1] + `\#`
	}
	return s
}

// blockStart is what begins a heading, a list, a rule or a line under a heading
// when it begins a line.
var blockStart = regexp.MustCompile(`^(?:(\d{1,9})([.)])(\s|$)|([#+=-]))`)

// escapeStart escapes what only means something at the beginning.
func escapeStart(s string) string {
	m := blockStart.FindStringSubmatchIndex(s)
	if m == nil {
		return s
	}
	at := m[0]
	if m[4] >= 0 {
		at = m[4] // 1\. and not \1.
	}
	return s[:at] + `\` + s[at:]
}
