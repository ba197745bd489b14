package markdown

import (
	"regexp"
	"strconv"
	"strings"

	"palimpsest.dev/plugins/ocr/transcript"
)

// marker is what begins an item of a list; its zero value begins nothing.
type marker struct {
	printed string // what stands on the page, left out of the text
	written string // what Markdown gets for it
	list    string // items of one list have the same
	number  int    // of a numbered item, from 1; 0 for bullets
	alone   bool   // is a marker even where nothing like it stands near
}

const (
	// bullets are printed for nothing but lists.
	bullets = "•◦▪▫‣●○■□◆►▸⁃"
	// dashes are printed for other things too, and count where there are several.
	dashes = "-–*·"
)

// numbered is a number or a letter as the first word of an item.
var numbered = regexp.MustCompile(`^(?:(\d{1,3})([.)])|\((\d{1,3})\)|([a-z])\)|\(([a-z])\))$`)

// markers finds the lines that begin an item. A number counts when the number
// before or after it begins an item of this page too: a lone one is more
// likely a heading's or a sentence's.
func markers(lines []transcript.Line, large []bool) []marker {
	out := make([]marker, len(lines))
	last := map[string]int{} // by list: the line of the last candidate
	kept := make([]bool, len(lines))
	for i, l := range lines {
		if large[i] {
			continue
		}
		m := markerOf(l)
		if m.list == "" {
			continue
		}
		out[i], kept[i] = m, m.alone
		if k, ok := last[m.list]; ok && (m.number == 0 || m.number == out[k].number+1) {
			kept[i], kept[k] = true, true
		}
		last[m.list] = i
	}
	for i := range out {
		if !kept[i] {
			out[i] = marker{}
		}
	}
	return out
}

// markerOf reads a line's first word as a marker.
func markerOf(l transcript.Line) marker {
	first := l.Words[0].Text
	for _, r := range bullets {
		if rest, ok := strings.CutPrefix(first, string(r)); ok && (rest != "" || len(l.Words) > 1) {
			return marker{printed: string(r), written: "-", list: string(r), alone: true}
		}
	}
	if len(l.Words) < 2 {
		return marker{}
	}
	for _, r := range dashes {
		if first == string(r) {
			return marker{printed: first, written: "-", list: first}
		}
	}
	m := numbered.FindStringSubmatch(first)
	if m == nil {
		return marker{}
	}
	switch {
	case m[1] != "":
		n, err := strconv.Atoi(m[1])
		if err != nil || n == 0 {
			return marker{}
		}
		return marker{printed: first, written: strconv.Itoa(n) + m[2], list: "1" + m[2], number: n}
	case m[3] != "":
		n, err := strconv.Atoi(m[3])
		if err != nil || n == 0 {
			return marker{}
		}
		return marker{printed: first, written: "- " + first, list: "(1)", number: n}
	case m[4] != "":
		return marker{printed: first, written: "- " + first, list: "a)", number: int(m[4][0]-'a') + 1}
	}
	return marker{printed: first, written: "- " + first, list: "(a)", number: int(m[5][0]-'a') + 1}
}
