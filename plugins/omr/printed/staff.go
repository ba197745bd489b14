package printed

import (
	"regexp"
	"strconv"
	"strings"

	"palimpsest.dev/plugins/omr/kern"
)

// Steps of the diatonic scale are counted from C0: 7 is C1.
const letters = "cdefgab"

// lowest is the step on the lowest line by clef.
var lowest = map[string]int{"G2": 30, "G1": 32, "F4": 18, "F3": 20, "F5": 16, "C1": 28, "C2": 26, "C3": 24, "C4": 22, "C5": 20, "Gv2": 23, "G^2": 37, "Fv4": 11}

const (
	sharpOrder = "fcgdaeb"
	flatOrder  = "beadgcf"
)

// staff is what holds on a staff.
type staff struct {
	clef    string
	key     [7]int // alteration by step of the octave
	octaves int    // of an octave sign
	drawn   map[int]int
	tied    map[int]int // alteration of notes tied on
}

// begin forgets the accidentals of a bar.
func (s *staff) begin() { s.drawn = map[int]int{} }

// holds is the alteration of a step where nothing is drawn in front of it.
func (s *staff) holds(step int) int {
	if alter, ok := s.drawn[step]; ok {
		return alter
	}
	return s.key[step%7]
}

// sound gives the alteration of a note and remembers it; needed reports whether what is drawn changes anything.
func (s *staff) sound(step int, drawn *int, signs string) (alter int, needed bool) {
	joined := strings.ContainsAny(signs, "_]")
	held := s.holds(step)
	if before, ok := s.tied[step]; ok && joined {
		held = before
	}
	alter = held
	if drawn != nil {
		alter, needed = *drawn, *drawn != held
	}
	if drawn != nil || !joined {
		s.note(step, alter)
	}
	switch {
	case strings.ContainsAny(signs, "[_"):
		s.tied[step] = alter
	case strings.Contains(signs, "]"):
		delete(s.tied, step)
	}
	return alter, needed
}

func (s *staff) note(step, alter int) {
	if s.drawn == nil {
		s.begin()
	}
	s.drawn[step] = alter
}

var (
	clefSign  = regexp.MustCompile(`^\*(G2|G1|F4|F3|F5|C1|C2|C3|C4|C5|Gv2|G\^2|Fv4)$`)
	keySign   = regexp.MustCompile(`^\*(#{1,7}|-{1,7}|n)$`)
	metreSign = regexp.MustCompile(`^\*(\d{1,2}/\d{1,2}|[cC])$`)
	octave    = map[string]int{"*8": 1, "*b": -1}
)

// signKind is what a line of signs is about: "clef", "key", "metre", or "" for others and mixtures.
func signKind(l line) string {
	kind := ""
	for _, voices := range l.staves {
		k := ""
		switch t := voices[0].text; {
		case t == "":
			continue
		case clefSign.MatchString(t):
			k = "clef"
		case keySign.MatchString(t):
			k = "key"
		case metreSign.MatchString(t):
			k = "metre"
		}
		if k == "" || kind != "" && kind != k {
			return ""
		}
		kind = k
	}
	return kind
}

// sign gives the interpretations of a sign and lets it hold. What is none becomes one that **kern passes over.
func (s *staff) sign(text string) []string {
	switch {
	case clefSign.MatchString(text):
		s.clef = text[1:]
		return []string{"*clef" + s.clef}
	case keySign.MatchString(text):
		return []string{s.setKey(text[1:])}
	case text == "*c":
		return []string{"*M4/4", "*met(c)"}
	case text == "*C":
		return []string{"*M2/2", "*met(c|)"}
	case metreSign.MatchString(text):
		return []string{"*M" + text[1:]}
	case octave[text] != 0:
		s.octaves = octave[text]
		return []string{map[int]string{1: "*8va", -1: "*8ba"}[s.octaves]}
	case text == "*X":
		old := s.octaves
		s.octaves = 0
		if old < 0 {
			return []string{"*X8ba"}
		}
		return []string{"*X8va"}
	}
	text = word(text)
	if !strings.HasPrefix(text, "*") || len(text) < 2 || strings.ContainsAny(text[1:2], "^v+-x*") {
		text = "*?" + strings.TrimLeft(text, "*")
	}
	return []string{text}
}

// setKey lets a key signature hold.
func (s *staff) setKey(signs string) string {
	s.key = [7]int{}
	order, alter := sharpOrder, 1
	switch signs[0] {
	case 'n':
		return "*k[]"
	case '-':
		order, alter = flatOrder, -1
	}
	var b strings.Builder
	for i := range len(signs) {
		s.key[strings.IndexByte(letters, order[i])] = alter
		b.WriteByte(order[i])
		b.WriteByte(signs[0])
	}
	return "*k[" + b.String() + "]"
}

var (
	event = regexp.MustCompile(`^(\d+(?:%\d+)?\.*)?(q{0,2})([LJKk]*)(<loc.*)$`)
	rest  = regexp.MustCompile(`^<loc\d{4}>%([a-zA-Z]?)(;?)$`)
	heads = regexp.MustCompile("<loc\\d{4}>([a-zA-Z])(##|--|#|-|n)?([(\\[~'`^;TtMm:_\\])]*)")
)

var alterations = map[string]int{"n": 0, "#": 1, "##": 2, "-": -1, "--": -2}

// steps is how far a line or space lies above the lowest line.
func steps(letter byte) int {
	if letter >= 'a' {
		return int(letter - 'a')
	}
	return -1 - int(letter-'A')
}

// token writes a chord, note or rest as **kern. What is none stays as it is.
func (c *composer) token(text string, s *staff) string {
	m := event.FindStringSubmatch(text)
	if m == nil || m[1] == "" && m[2] == "" {
		return odd(text)
	}
	value, grace, beams := m[1], m[2], m[3]
	if r := rest.FindStringSubmatch(m[4]); r != nil && grace == "" && beams == "" {
		at := ""
		if r[1] != "" {
			at = pitch(s.bottom()+steps(r[1][0]), 0)
		}
		return value + "r" + at + r[2]
	}
	var parts []string
	end := 0
	for _, at := range heads.FindAllStringSubmatchIndex(m[4], -1) {
		if at[0] != end {
			return odd(text)
		}
		end = at[1]
		group := func(i int) string {
			if at[2*i] < 0 {
				return ""
			}
			return m[4][at[2*i]:at[2*i+1]]
		}
		step := s.bottom() + steps(group(1)[0])
		if step < 0 || step > 69 {
			return odd(text)
		}
		n := note{step: step, signs: group(3)}
		if acc := group(2); acc != "" {
			alter := alterations[acc]
			n.drawn = &alter
		}
		n.alter, n.needed = s.sound(step, n.drawn, n.signs)
		parts = append(parts, c.note(n, value, grace, beams, len(parts) == 0))
	}
	if end != len(m[4]) || len(parts) == 0 {
		return odd(text)
	}
	return strings.Join(parts, " ")
}

// bottom is the step that sounds on the lowest line.
func (s *staff) bottom() int { return lowest[s.clef] + 7*s.octaves }

// odd is a text that is no note, with a # in front, which no note of **kern begins with: some would pass for another note or for a
// line of another sort.
func odd(text string) string { return "#" + word(text) }

// note is a note head.
type note struct {
	step, alter int
	drawn       *int // what its accidental makes of it
	needed      bool // it would sound otherwise without
	signs       string
}

// note writes a note of a chord.
func (c *composer) note(n note, value, grace, beams string, first bool) string {
	keep := func(set string) string {
		return strings.Map(func(r rune) rune {
			if strings.ContainsRune(set, r) {
				return r
			}
			return -1
		}, n.signs)
	}
	mark := ""
	switch {
	case n.drawn == nil:
	case n.alter == 0:
		mark = "n"
	case c.explicit && n.alter > -2, !c.explicit && !n.needed:
		mark = "X"
	}
	if !first {
		beams = ""
		if !c.explicit {
			value, grace = "", ""
		}
	}
	before, at, signs := keep("(")+keep("["), pitch(n.step, n.alter)+mark, keep("~'`^;TtMm:")
	if c.explicit {
		return before + value + grace + at + signs + beams + keep("_]") + keep(")")
	}
	return before + value + at + grace + signs + keep("_]") + beams + keep(")")
}

// pitch names a step as **kern does.
func pitch(step, alter int) string {
	if step < 0 {
		return "?"
	}
	letter := letters[step%7 : step%7+1]
	name := ""
	if octave := step / 7; octave >= 4 {
		name = strings.Repeat(letter, octave-3)
	} else {
		name = strings.Repeat(strings.ToUpper(letter), 4-octave)
	}
	if alter > 0 {
		return name + strings.Repeat("#", alter)
	}
	return name + strings.Repeat("-", -alter)
}

var values = regexp.MustCompile(`^(\d+)(?:%(\d+))?(\.*)`)

// length is how long the first voice that is there from the beginning of a bar lasts; false where it cannot be told.
func length(bar []line) (kern.Frac, bool) {
	total, any := kern.Whole(0), false
	staff := -1
	for _, l := range bar {
		if l.kind == barLine && any {
			break
		}
		if l.kind != noteLine {
			continue
		}
		for i, v := range l.staves {
			if staff < 0 && v[0].text != "" {
				staff = i
			}
		}
		if staff < 0 || staff >= len(l.staves) || l.staves[staff][0].text == "" {
			continue
		}
		text := l.staves[staff][0].text
		m := event.FindStringSubmatch(text)
		if m == nil {
			return total, false
		}
		if m[2] != "" {
			continue
		}
		d, ok := duration(m[1])
		if !ok {
			return total, false
		}
		if total, ok = total.Plus(d); !ok {
			return total, false
		}
		any = true
	}
	return total, any
}

// duration is a value in quarter notes.
func duration(value string) (kern.Frac, bool) {
	m := values.FindStringSubmatch(value)
	if m == nil || len(m[1]) > 4 || len(m[2]) > 2 || len(m[3]) > 4 {
		return kern.Frac{}, false
	}
	below, _ := strconv.ParseInt(m[1], 10, 64)
	above := int64(1)
	if m[2] != "" {
		above, _ = strconv.ParseInt(m[2], 10, 64)
	}
	if below == 0 || above == 0 {
		return kern.Frac{}, false
	}
	dots := int64(1) << len(m[3])
	return kern.NewFrac(4*above*(2*dots-1), below*dots)
}
