package grammar

// outline accepts what the task `table` writes of a table's structure (docs/targets.md, step `table structure`): lists of
// locations behind a letter, head rows `h` and body rows `b` of two, columns `c` of two, spans `s` of four. A table has
// rows and columns, every list an entry. All of the context is in the local state.
type outline struct{}

// outlineList is a list of an outline: its letter, how many locations an entry has, and what may follow behind an entry.
type outlineList struct {
	letter byte
	size   uint8
	then   string
}

var outlineLists = [...]outlineList{
	{'h', 2, "bc"},
	{'b', 2, "c"},
	{'c', 2, "shb"},
	{'s', 4, "hb"},
}

// Local state 0 is before any table; behind it each list has six: after the letter, with 1 to 3 locations of an entry read, and
// with an entry complete.
const (
	outlineStates = 1 + len(outlineLists)*outlineSteps
	outlineSteps  = 5
	outlineWhole  = 4 // an entry is complete
)

type outlineState struct{ q uint8 }

// at takes a state apart.
func (s *outlineState) at() (l *outlineList, step uint8) {
	return &outlineLists[(s.q-1)/outlineSteps], (s.q - 1) % outlineSteps
}

func (outline) states() int               { return outlineStates }
func (outline) begin() outlineState       { return outlineState{} }
func (outline) local(s *outlineState) int { return int(s.q) }
func (outline) blind(q int) outlineState  { return outlineState{uint8(q)} }
func (outline) needs() []string           { return []string{string([]byte{Location}), "c"} }
func (o outline) ends(s *outlineState) bool {
	if s.q == 0 {
		return true
	}
	l, step := s.at()
	return step == outlineWhole && (l.letter == 'c' || l.letter == 's')
}

func (outline) step(s *outlineState, b byte) verdict {
	next := "hb"
	if s.q > 0 {
		l, step := s.at()
		if b == Location {
			if step == outlineWhole {
				step = 0
			}
			if step++; step == l.size {
				step = outlineWhole
			}
			s.q = s.q - (s.q-1)%outlineSteps + step
			return yes
		}
		if step != outlineWhole {
			return no
		}
		next = l.then
	}
	for i := range len(next) {
		if next[i] != b {
			continue
		}
		for k, l := range outlineLists {
			if l.letter == b {
				s.q = uint8(1 + k*outlineSteps)
				return yes
			}
		}
	}
	return no
}

func (o outline) close(s *outlineState, text []byte) []byte {
	for !o.ends(s) {
		b := byte(Location)
		if _, step := s.at(); step == outlineWhole { // rows without columns
			b = 'c'
		}
		text = append(text, b)
		o.step(s, b)
	}
	return text
}
