package grammar

import "strings"

// atoms accepts a molecule as it is drawn: two locations in front of every atom (docs/targets.md, task `molecule`).
// Which atom a place names again is for the reader to find: a location is one symbol here, whatever its number.
type atoms struct{}

// The local states of a drawn molecule. Each way to come to a place has three: none of its locations, one, both.
const (
	atomsStart   = iota // nothing yet
	atomsFirst1         // the first atom of a part: one location
	atomsFirst2         // both: a label must follow
	atomsLabel          // in a label
	atomsNext1          // a bond to an atom, new or named before: one location
	atomsNext2          // both
	atomsBond           // after the symbol of the bond
	atomsBack           // after the comma
	atomsBack1          // one location of the atom to go back to
	atomsBack2          // both
	atomsDot            // after the dot
	atomsGap            // after the space in front of the name
	atomsName1          // one location of it
	atomsName2          // both
	atomsNameMid        // inside the first character of the name
	atomsText           // in the name
	atomsTextMid        // inside a character of it
	atomsTextGap        // after a space in it
	atomsStates
)

// atomsBonds are the symbols of bonds.
const atomsBonds = `=#/\:;~%`

type atomsState struct {
	q    uint8
	char char
}

func (atoms) states() int             { return atomsStates }
func (atoms) begin() atomsState       { return atomsState{} }
func (atoms) local(s *atomsState) int { return int(s.q) }
func (atoms) needs() []string         { return []string{"C", string([]byte{Location}), string([]byte{filler})} }
func (atoms) ends(s *atomsState) bool {
	switch s.q {
	case atomsStart, atomsLabel, atomsNext2, atomsBond, atomsBack2, atomsText:
		return true
	}
	return false
}

func (atoms) blind(q int) atomsState {
	s := atomsState{q: uint8(q)}
	if q == atomsNameMid || q == atomsTextMid {
		s.char = blindChar
	}
	return s
}

// isLabel says whether a byte may stand in a label: what atoms, groups and condensed formulas are spelled with.
func isLabel(b byte) bool {
	return b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || strings.IndexByte("()+-*'", b) >= 0
}

func (m atoms) step(s *atomsState, b byte) verdict {
	move := func(q uint8) verdict { s.q = q; return yes }
	location := b == Location
	switch q := s.q; q {
	case atomsStart, atomsDot:
		return m.to(s, location, atomsFirst1)
	case atomsFirst1, atomsNext1, atomsBack1, atomsName1:
		return m.to(s, location, q+1)
	case atomsBack:
		return m.to(s, location, atomsBack1)
	case atomsGap:
		return m.to(s, location, atomsName1)
	case atomsFirst2:
		return m.to(s, isLabel(b), atomsLabel)
	case atomsName2, atomsNameMid, atomsText, atomsTextMid, atomsTextGap:
		return m.name(s, b)
	case atomsNext2, atomsBond, atomsLabel, atomsBack2:
		switch {
		case location:
			return move(atomsNext1)
		case b == ',':
			return move(atomsBack)
		case b == '.':
			return move(atomsDot)
		case b == ' ':
			return move(atomsGap)
		case q == atomsNext2 && strings.IndexByte(atomsBonds, b) >= 0:
			return move(atomsBond)
		case q != atomsBack2 && (isLabel(b) || q == atomsLabel && (b == '=' || b == '#')):
			return move(atomsLabel)
		}
	}
	return no
}

// to moves on where a byte is what must come.
func (atoms) to(s *atomsState, right bool, q uint8) verdict {
	s.q = q
	return allow(right)
}

// name reads a byte of the name printed with the molecule.
func (m atoms) name(s *atomsState, b byte) verdict {
	if s.q == atomsText && b == ' ' {
		s.q = atomsTextGap
		return yes
	}
	done, v := s.char.step(b)
	switch {
	case done:
		s.q = atomsText
	case s.q == atomsName2 || s.q == atomsNameMid:
		s.q = atomsNameMid
	default:
		s.q = atomsTextMid
	}
	return v
}

func (m atoms) close(s *atomsState, text []byte) []byte {
	q := s.q
	switch q {
	case atomsNameMid, atomsTextMid:
		return s.char.close(text)
	case atomsDot, atomsBack, atomsGap:
		text = append(text, Location, Location)
		q = map[uint8]uint8{atomsDot: atomsFirst2, atomsBack: atomsBack2, atomsGap: atomsName2}[q]
	case atomsFirst1, atomsNext1, atomsBack1, atomsName1:
		text = append(text, Location)
		q++
	}
	switch q {
	case atomsFirst2:
		return append(text, 'C')
	case atomsName2, atomsTextGap:
		return append(text, filler)
	}
	return text
}
