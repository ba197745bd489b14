package kern

import (
	"fmt"
	"strconv"
	"strings"
)

// note is one space-separated part of a token.
type note struct {
	timed    bool // it says how long it lasts
	duration Frac
	value    Frac
	dots     int
	pitched  bool
	pitch    Pitch
	rest     bool
	grace    Grace
}

// signs are the characters that may stand in a note beside duration, pitch,
// accidental and rest: ties, slurs, phrases, beams, stems, articulations,
// ornaments, editorial marks, and the separators of extended **kern.
const signs = "[]_(){}&LJkKlOoMmTtWwSs$'`\"~^:;,!<>/\\xXyYzZiIjNUuVvh@|?+\u00b7HRqQpP"

// readNote reads one part of a token. The error says what is wrong with it.
func readNote(s string) (note, error) {
	var n note
	if s == "" {
		return n, fmt.Errorf("two spaces, or one at an end")
	}
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c >= '0' && c <= '9' || c == '%' || c == '.':
			end := i + span(s[i:], "0123456789%.")
			if n.timed {
				return n, fmt.Errorf("%q has two durations", s)
			}
			if err := n.readDuration(s[i:end]); err != nil {
				return n, fmt.Errorf("%q: %w", s, err)
			}
			i = end
		case c >= 'a' && c <= 'g' || c >= 'A' && c <= 'G':
			if n.pitched {
				return n, fmt.Errorf("%q has two pitches", s)
			}
			size, err := n.readPitch(s[i:])
			if err != nil {
				return n, fmt.Errorf("%q: %w", s, err)
			}
			i += size
		case c == 'r':
			n.rest = true
			i++
		case c == 'n': // a natural is a wish to see the sign, wherever it stands
			n.pitch.Sign = true
			i++
		default:
			size := signSize(s[i:])
			if size == 0 {
				return n, fmt.Errorf("%q: %q is no sign of a note", s, firstRune(s[i:]))
			}
			i += size
		}
	}
	n.pitch.Text = s
	switch lower := strings.Count(s, "q") + strings.Count(s, "Q"); {
	case lower == 1:
		n.grace = GraceSlash
	case lower > 1:
		n.grace = GracePlain
	}
	switch {
	case strings.ContainsRune(s, '['):
		n.pitch.Tie = TieStart
	case strings.ContainsRune(s, '_'):
		n.pitch.Tie = TieContinue
	case strings.ContainsRune(s, ']'):
		n.pitch.Tie = TieStop
	}
	n.pitch.Sign = n.pitch.Sign || strings.ContainsRune(s, 'X')
	if !n.pitched && !n.rest {
		return n, fmt.Errorf("%q has neither a pitch nor a rest", s)
	}
	return n, nil
}

// readDuration reads a reciprocal duration: 4 is a quarter note, 0 a breve, 00
// a longa, 3%2 two thirds of a whole note; dots lengthen.
func (n *note) readDuration(s string) error {
	digits := strings.TrimRight(s, ".")
	n.dots = len(s) - len(digits)
	below, above, rational := strings.Cut(digits, "%")
	if below == "" || rational && above == "" || n.dots > 8 || strings.ContainsAny(above, "%.") || strings.Contains(below, ".") {
		return fmt.Errorf("%q is no duration", s)
	}
	var ok bool
	if strings.Trim(below, "0") == "" && !rational {
		if len(below) > 3 { // the maxima is the longest note there is
			return fmt.Errorf("%q is no duration", s)
		}
		n.value, ok = NewFrac(4<<len(below), 1)
	} else {
		d, err1 := parseCount(below)
		m, err2 := int64(1), error(nil)
		if rational {
			m, err2 = parseCount(above)
		}
		if err1 != nil || err2 != nil {
			return fmt.Errorf("%q is no duration", s)
		}
		n.value, ok = NewFrac(4*m, d)
	}
	if ok {
		n.duration, ok = n.value.Times(Frac{1<<(n.dots+1) - 1, 1 << n.dots})
	}
	if !ok {
		return fmt.Errorf("%q is no duration", s)
	}
	n.timed = true
	return nil
}

// parseCount reads a number from 1 to 99999 without leading zeros.
func parseCount(s string) (int64, error) {
	if s == "" || s[0] == '0' || len(s) > 5 {
		return 0, strconv.ErrRange
	}
	return strconv.ParseInt(s, 10, 64)
}

// readPitch reads a letter, repeated for the octave, and its accidental.
func (n *note) readPitch(s string) (size int, err error) {
	letter := s[0]
	for size < len(s) && s[size] == letter {
		size++
	}
	octave := 3 + size
	upper := letter
	if letter >= 'a' {
		upper = letter - 'a' + 'A'
	} else {
		octave = 4 - size
	}
	n.pitched = true
	n.pitch.Step, n.pitch.Octave = upper, octave
	signs := size + span(s[size:], "#-")
	switch s[size:signs] {
	case "":
	case "#":
		n.pitch.Alter = 1
	case "##":
		n.pitch.Alter = 2
	case "-":
		n.pitch.Alter = -1
	case "--":
		n.pitch.Alter = -2
	default:
		return 0, fmt.Errorf("accidental %q", s[size:signs])
	}
	if m := n.pitch.MIDI(); octave < 0 || octave > 9 || m < 0 || m > 127 {
		return 0, fmt.Errorf("pitch %s is out of reach", n.pitch.Name())
	}
	return signs, nil
}

// signSize is the length of the sign that s begins with, 0 when it is none.
func signSize(s string) int {
	r := firstRune(s)
	if strings.ContainsRune(signs, r) && r != 0xFFFD {
		return len(string(r))
	}
	return 0
}

func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return 0
}

// span is the length of the run of bytes at the start of s that occur in set.
func span(s, set string) int {
	i := 0
	for i < len(s) && strings.IndexByte(set, s[i]) >= 0 {
		i++
	}
	return i
}
