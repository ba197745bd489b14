package musicxml

import (
	"strings"

	"palimpsest.dev/plugins/omr/kern"
)

// place is a line or space of a staff.
type place struct {
	staff, octave int
	step          byte
}

// noteAt names a note of a score: event and place in its chord.
type noteAt struct{ event, note int }

var signNames = [...]string{"flat-flat", "flat", "natural", "sharp", "double-sharp"}

// accidentals says which notes are drawn with a sign: those that differ from the
// key and from what was last drawn on their line in this bar, and those for
// which the text asks. A note tied to one before it needs none.
func accidentals(s *kern.Score) map[noteAt]string {
	signs := map[noteAt]string{}
	keys := map[int]map[byte]int{} // by staff
	said := map[place]int{}
	change, measure := 0, -1
	for i, e := range s.Events {
		for ; change < len(s.Changes) && s.Changes[change].Line < e.Line; change++ {
			if c := s.Changes[change]; c.Kind == kern.Key {
				keys[c.Staff] = signature(c.Text)
			}
		}
		if e.Measure != measure {
			measure = e.Measure
			clear(said)
		}
		for n, p := range e.Pitches {
			at := place{e.Staff, p.Octave, p.Step}
			alter, ok := said[at]
			if !ok {
				alter = keys[e.Staff][p.Step]
			}
			tied := p.Tie == kern.TieContinue || p.Tie == kern.TieStop
			if p.Sign || alter != p.Alter && !tied {
				signs[noteAt{i, n}] = signNames[p.Alter+2]
			}
			if !tied || p.Sign {
				said[at] = p.Alter
			}
		}
	}
	return signs
}

// signature reads k[f#c#] into alterations by step.
func signature(text string) map[byte]int {
	out := map[byte]int{}
	var step byte
	for _, c := range []byte(strings.TrimSuffix(strings.TrimPrefix(text, "k["), "]")) {
		switch {
		case c >= 'a' && c <= 'g':
			step = c - 'a' + 'A'
			out[step] = 0
		case c == '#':
			out[step]++
		case c == '-':
			out[step]--
		}
	}
	return out
}

// order of sharps in a signature; flats come the other way round.
const sharps = "FCGDAEB"

// fifths is the number of sharps (flats negative) of a signature of the usual
// shape; it reports false for any other.
func fifths(text string) (int, bool) {
	alters := signature(text)
	n := len(alters)
	for i := range n {
		if alters[sharps[i]] != 1 {
			n = -1
			break
		}
	}
	if n >= 0 {
		return n, true
	}
	n = len(alters)
	for i := range n {
		if alters[sharps[len(sharps)-1-i]] != -1 {
			return 0, false
		}
	}
	return -n, true
}
