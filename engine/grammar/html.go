package grammar

import "strings"

// html accepts the answers of the task `table` as docs/targets.md writes them:
//
//	answer  = { box "<table>" [ "<thead>" { row } "</thead>" ] [ "<tbody>" { row } "</tbody>" ] "</table>" }
//	row     = "<tr>" { cell } "</tr>"
//	cell    = "<td" span ">" [ box text ] "</td>", the same with "th"
//	span    = [ ' rowspan="' number '"' ] [ ' colspan="' number '"' ]
//	text    = { character | "&amp;" | "&lt;" | "&gt;" | "<b>" text "</b>", the same with i, u, s, sup, sub }
//
// A section has a row, a text is not empty, has no space at its ends nor two in a row, marks neither; a mark does
// not stand in one of its own kind. Spans go from 2 to 999. Whether spans fit into one another is not looked at.
type html struct {
	tries  []*trie[htmlState] // by place
	places []uint8            // place of each local state
	middle int                // the local state inside a character
}

// The places of a table, each with the literals that may come there.
const (
	htmlTop      = iota // outside of any table
	htmlTable           // after <table>
	htmlSection         // after <thead> or <tbody>
	htmlRows            // after a row
	htmlHead            // after </thead>
	htmlBody            // after </tbody>
	htmlRow             // in a row
	htmlTag             // after <td or <th
	htmlRowspan         // after ' rowspan="'
	htmlRowOne          // after the digit 1, which needs another
	htmlRowDigit        // after one digit
	htmlRowTwo          // after two
	htmlRowThree        // after three
	htmlRowDone         // after the closing quote
	htmlColspan         // the same for colspan
	htmlColOne
	htmlColDigit
	htmlColTwo
	htmlColThree
	htmlColDone
	htmlCell  // after <td>
	htmlEmpty // a text begins
	htmlText  // in a text
	htmlSpace // after a space in a text
	htmlPlaces
)

const markKinds = 6

// marks are the inline elements.
var marks = [markKinds]string{"b", "i", "u", "s", "sup", "sub"}

// htmlState is a place in a table. Of what is open around it, the table's own structure follows from the place;
// the rest is context.
type htmlState struct {
	q       uint16
	char    char
	section uint8            // 1 head, 2 body, 0 unknown
	cell    uint8            // 1 td, 2 th, 0 unknown
	open    [markKinds]uint8 // marks, outermost first; as many as there are kinds
	marks   uint8
	deep    bool // unknown marks may be open around these
}

// jump gives the function that moves to a place.
type jump func(place int) func(*htmlState)

func newHTML() *html {
	h := &html{tries: make([]*trie[htmlState], htmlPlaces)}
	to := func(place int) func(*htmlState) {
		return func(s *htmlState) { s.q = uint16(h.tries[place].root) }
	}
	next := 0
	for place := range htmlPlaces {
		h.tries[place] = newTrie(next, htmlLiterals(place, to))
		for range h.tries[place].nodes {
			h.places = append(h.places, uint8(place))
		}
		next = len(h.places)
	}
	h.middle = next
	return h
}

// htmlLiterals lists what may come at a place.
func htmlLiterals(place int, to jump) []literal[htmlState] {
	type lit = literal[htmlState]
	const box = "\xfe\xfe\xfe\xfe"
	section := func(n uint8) func(*htmlState) verdict {
		return func(s *htmlState) verdict { return known(s.section, n) }
	}
	enter := func(n uint8) func(*htmlState) { return func(s *htmlState) { to(htmlSection)(s); s.section = n } }
	cell := func(n uint8) func(*htmlState) {
		return func(s *htmlState) { to(htmlTag)(s); s.cell, s.marks, s.deep = n, 0, false }
	}
	colspan := lit{text: ` colspan="`, then: to(htmlColspan)}
	switch place {
	case htmlTop:
		return []lit{{text: box + "<table>", then: to(htmlTable)}}
	case htmlTable:
		return []lit{{text: "<thead>", then: enter(1)}, {text: "<tbody>", then: enter(2)}, {text: "</table>", then: to(htmlTop), out: true}}
	case htmlSection:
		return []lit{{text: "<tr>", then: to(htmlRow), out: true}}
	case htmlRows:
		return []lit{{text: "<tr>", then: to(htmlRow)}, {text: "</thead>", guard: section(1), then: to(htmlHead), out: true},
			{text: "</tbody>", guard: section(2), then: to(htmlBody), out: true}}
	case htmlHead:
		return []lit{{text: "<tbody>", then: enter(2)}, {text: "</table>", then: to(htmlTop), out: true}}
	case htmlBody:
		return []lit{{text: "</table>", then: to(htmlTop), out: true}}
	case htmlRow:
		return []lit{{text: "<td", then: cell(1)}, {text: "<th", then: cell(2)}, {text: "</tr>", then: to(htmlRows), out: true}}
	case htmlTag:
		return []lit{{text: ">", then: to(htmlCell), out: true}, {text: ` rowspan="`, then: to(htmlRowspan)}, colspan}
	case htmlRowDone:
		return []lit{{text: ">", then: to(htmlCell), out: true}, colspan}
	case htmlColDone:
		return []lit{{text: ">", then: to(htmlCell), out: true}}
	case htmlCell:
		return append(endsOfCell(to), lit{text: box, then: to(htmlEmpty)})
	case htmlEmpty, htmlText, htmlSpace:
		return textLiterals(place, to)
	case htmlRowspan, htmlRowOne, htmlRowDigit, htmlRowTwo, htmlRowThree:
		return spanLiterals(place-htmlRowspan, htmlRowspan, to)
	}
	return spanLiterals(place-htmlColspan, htmlColspan, to)
}

// known compares something of the context with what it must be.
func known(is, want uint8) verdict {
	switch is {
	case 0:
		return ask
	case want:
		return yes
	}
	return no
}

// spanLiterals are the digits of a span and the quote behind it, after some of them; first is the place of no
// digit.
func spanLiterals(after, first int, to jump) []literal[htmlState] {
	type lit = literal[htmlState]
	digits := func(from byte, place int) (all []lit) {
		for d := from; d <= '9'; d++ {
			all = append(all, lit{text: string(rune(d)), then: to(place), out: d == '2' || d == '0'})
		}
		return all
	}
	quote := lit{text: `"`, then: to(first + htmlRowDone - htmlRowspan), out: true}
	one, digit, two, three := first+1, first+2, first+3, first+4
	switch after {
	case 0:
		return append(digits('2', digit), lit{text: "1", then: to(one)})
	case 1:
		return digits('0', two)
	case 2:
		return append([]lit{quote}, inner(digits('0', two))...)
	case 3:
		return append([]lit{quote}, inner(digits('0', three))...)
	}
	return []lit{quote}
}

// endsOfCell are </td> and </th>, which close a cell in which no mark is open.
func endsOfCell(to jump) []literal[htmlState] {
	var all []literal[htmlState]
	for n, name := range []string{"td", "th"} {
		guard := func(s *htmlState) verdict {
			if s.marks > 0 {
				return no
			}
			if s.deep {
				return ask
			}
			return known(s.cell, uint8(n)+1)
		}
		all = append(all, literal[htmlState]{text: "</" + name + ">", guard: guard, then: to(htmlRow), out: true})
	}
	return all
}

// textLiterals are what may come in a text beside characters.
func textLiterals(place int, to jump) []literal[htmlState] {
	type lit = literal[htmlState]
	var all []lit
	for _, entity := range []string{"&amp;", "&lt;", "&gt;"} {
		all = append(all, lit{text: entity, then: to(htmlText)})
	}
	for i, name := range marks {
		kind := uint8(i) + 1
		all = append(all, lit{text: "<" + name + ">", guard: func(s *htmlState) verdict { return s.mayOpen(kind) },
			then: func(s *htmlState) { to(htmlEmpty)(s); s.open[s.marks] = kind; s.marks++ }})
		if place == htmlText {
			all = append(all, lit{text: "</" + name + ">", guard: func(s *htmlState) verdict { return s.mayClose(kind) },
				then: func(s *htmlState) { to(htmlText)(s); s.marks -= min(s.marks, 1) }, out: true})
		}
	}
	if place == htmlText {
		all = append(all, endsOfCell(to)...)
	}
	return all
}

// mayOpen says whether a mark may begin: not within one of its own kind.
func (s *htmlState) mayOpen(kind uint8) verdict {
	for _, open := range s.open[:s.marks] {
		if open == kind {
			return no
		}
	}
	if s.deep {
		return ask
	}
	return yes
}

// mayClose says whether a mark is the innermost that is open.
func (s *htmlState) mayClose(kind uint8) verdict {
	switch {
	case s.marks > 0 && s.open[s.marks-1] == kind:
		return yes
	case s.marks == 0 && s.deep:
		return ask
	}
	return no
}

func (h *html) states() int            { return h.middle + 1 }
func (h *html) begin() htmlState       { return htmlState{} }
func (h *html) local(s *htmlState) int { return int(s.q) }
func (h *html) ends(s *htmlState) bool { return s.q == 0 }
func (h *html) needs() []string {
	return append(strings.Split("</>abdehilmoprstuy&;g02\"n.", ""), string([]byte{Location}))
}

func (h *html) blind(q int) htmlState {
	s := htmlState{q: uint16(q), deep: true}
	if q == h.middle {
		s.char = blindChar
	}
	return s
}

func (h *html) step(s *htmlState, b byte) verdict {
	if int(s.q) == h.middle {
		return h.character(s, b)
	}
	place := int(h.places[s.q])
	t := h.tries[place]
	if place >= htmlEmpty && int(s.q) == t.root && b != '<' && b != '&' {
		if b == ' ' && place == htmlText {
			s.q = uint16(h.tries[htmlSpace].root)
			return yes
		}
		return h.character(s, b)
	}
	next, v := t.step(s, int(s.q), b)
	if v != no && next >= 0 {
		s.q = uint16(next)
	}
	return v
}

// character reads a byte of a visible character.
func (h *html) character(s *htmlState, b byte) verdict {
	done, v := s.char.step(b)
	s.q = uint16(h.middle)
	if done {
		s.q = uint16(h.tries[htmlText].root)
	}
	return v
}

func (h *html) close(s *htmlState, text []byte) []byte {
	at := *s
	if int(at.q) == h.middle {
		text = at.char.close(text)
		at.char, at.q = char{}, uint16(h.tries[htmlText].root)
	}
	for at.q != 0 {
		place := int(h.places[at.q])
		if t := h.tries[place]; int(at.q) == t.root && (place == htmlEmpty || place == htmlSpace) {
			text, at.q = append(text, filler), uint16(h.tries[htmlText].root)
			continue
		}
		text = h.tries[place].close(&at, int(at.q), text)
	}
	return text
}
