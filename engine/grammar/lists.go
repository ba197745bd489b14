package grammar

// segmentCodes is how many codes describe a mask.
const segmentCodes = 16

// boxLocations is how many locations make a box.
const boxLocations = 4

// list accepts items of four locations and a text. Without labels these are the words of the task `ocr`
// (docs/targets.md): the text has no space, and nothing stands between items. With labels it is what PaliGemma
// writes for `detect` and, with codes, for `segment`: words with single spaces, items joined by " ; ".
type list struct {
	labels bool
	codes  int // after the locations; 0 or segmentCodes
}

// The local states of a list. Those from listBox to before listFirst count locations, then codes.
const (
	listStart     = 0
	listBox       = 1                          // one location read
	listCodes     = listBox + boxLocations - 1 // four, no code
	listFirst     = listCodes + segmentCodes   // box complete: a text begins
	listSpace     = listFirst + iota - 3       // a space before the text
	listFirstMid                               // inside its first character
	listText                                   // text that may end
	listTextMid                                // inside a character
	listGap                                    // a space in the text
	listSemicolon                              // " ;"
	listNext                                   // " ; "
	listStates
)

// filler is the character that stands for a text which the model was not let write any more.
const filler byte = '.'

type listState struct {
	q    uint8
	char char
}

func (l list) states() int            { return listStates }
func (l list) begin() listState       { return listState{} }
func (l list) local(s *listState) int { return int(s.q) }
func (l list) ends(s *listState) bool {
	return s.q == listStart || s.q == listText || s.q == listFirst && l.codes > 0
}

func (l list) blind(q int) listState {
	s := listState{q: uint8(q)}
	if q == listFirstMid || q == listTextMid {
		s.char = blindChar
	}
	return s
}

func (l list) needs() []string {
	need := []string{string([]byte{Location}), string([]byte{filler})}
	if l.labels {
		need = append(need, " ", ";")
	}
	if l.codes > 0 {
		need = append(need, string([]byte{Code}))
	}
	return need
}

func (l list) step(s *listState, b byte) verdict {
	move := func(q uint8) verdict { s.q = q; return yes }
	switch q := s.q; {
	case q == listStart, q == listNext:
		if b == Location {
			return move(listBox)
		}
		return no
	case q < listCodes:
		if b != Location {
			return no
		}
		if q+1 == listCodes && l.codes == 0 {
			return move(listFirst)
		}
		return move(q + 1)
	case q < listFirst:
		if b != Code {
			return no
		}
		return move(q + 1)
	case q == listFirst && l.labels && b == ' ':
		return move(listSpace)
	case q == listSpace && l.codes > 0 && b == ';':
		return move(listSemicolon)
	case q == listText && !l.labels && b == Location:
		return move(listBox)
	case q == listText && l.labels && b == ' ':
		return move(listGap)
	case q == listGap && b == ';':
		return move(listSemicolon)
	case q == listSemicolon:
		if b == ' ' {
			return move(listNext)
		}
		return no
	case l.labels && b == ';':
		return no
	}
	return l.text(s, b)
}

// text reads a byte of a text.
func (l list) text(s *listState, b byte) verdict {
	done, v := s.char.step(b)
	switch {
	case done:
		s.q = listText
	case s.q == listText || s.q == listGap || s.q == listTextMid:
		s.q = listTextMid
	default:
		s.q = listFirstMid
	}
	return v
}

func (l list) close(s *listState, text []byte) []byte {
	q := s.q
	switch q {
	case listSemicolon:
		text, q = append(text, ' '), listNext
	case listFirstMid, listTextMid:
		return s.char.close(text)
	}
	if q == listNext {
		text, q = append(text, Location), listBox
	}
	for ; q != listStart && q < listCodes; q++ {
		text = append(text, Location)
	}
	if l.codes > 0 {
		for ; q != listStart && q < listFirst; q++ {
			text = append(text, Code)
		}
	}
	if s.q != listStart && s.q != listText && !(l.codes > 0 && s.q != listSpace && s.q != listGap) {
		text = append(text, filler)
	}
	return text
}
