package grammar

import "strings"

// smiles accepts molecules in the notation of OpenSMILES (opensmiles.org, 2016), without spaces. Beyond the rules
// of writing it keeps count of what a reader needs: branches are closed, every ring label comes twice, on two
// atoms that are not bonded yet, with bonds that do not contradict each other. Valence and aromaticity are
// chemistry and are not looked at.
//
// placed are the answers of the task `molecule` (docs/targets.md): any number of molecules, each behind its box,
// and after a space the label printed with it.
type smiles struct{ placed bool }

// The bounds keep a state small. No molecule on a page comes near them.
const (
	maxRings    = 24 // open at a time
	maxBranches = 32 // open at a time
	maxPartners = 8  // rings that close at one atom
)

// The local states of a molecule.
const (
	molStart     = iota
	molAtom      // after an atom or its ring labels
	molBoron     // after B: r may follow
	molCarbon    // after C: l may follow
	molBranched  // after )
	molBranch    // after (
	molBond      // after a bond that no ring label may follow
	molRingBond  // after a bond that one may
	molDot       // after .
	molPercent   // after %
	molTens      // after % and a digit
	molOpen      // after [
	molIsotope1  // after one digit of the isotope
	molIsotope2  // two
	molIsotope3  // three
	molSymbol    // after the symbol in brackets
	molHydrogen  // after H as a symbol, or *: nothing of H count or chirality may follow
	molAromaticS // after s in brackets: e may follow
	molAromaticA // after a in brackets: s must follow
	molAt        // after @
	molAtAt      // after @@
	molH         // after the H of a count
	molHCount    // after its digit
	molSign      // after + or -
	molCharge    // after its digit
	molColon     // after : of a class
	molClass1    // after one digit of it
	molClass2    // two
	molClass3    // three
	molBox1      // after one location
	molBox2      // two
	molBox3      // three
	molBox4      // four: an atom begins
	molLabel     // after the space before a label
	molLabelMid  // inside its first character
	molText      // in a label that may end
	molTextMid   // inside a character
	molGap       // after a space in a label
	molLetter    // after the first letter of a symbol; one state for each of A to Z
	molStates    = molLetter + 26
)

// elements are the symbols of brackets by their first letter; "." means that the letter alone is one.
var elements = [26]string{
	"cglmrstu", ".aehikr", ".adeflmnorsu", "bsy", "rsu", ".elmr", "ade", ".efgos", ".nr", "", ".r", "airuv", "cdgnot",
	".abdehiop", ".gs", ".abdmortu", "", "abefghnu", ".bcegimnr", "abcehilms", ".", ".", ".", "e", ".b", "nr",
}

// ring is a label that waits for its other end.
type ring struct {
	atom  int32
	label uint8
	bond  byte // 0: none was written
}

// smilesState is a place in a molecule. Atoms are counted from 1.
type smilesState struct {
	q        uint8
	bond     byte  // before the ring label at hand, 0: none
	tens     uint8 // of the ring label at hand
	rings    uint8
	branches uint8
	partners uint8
	deep     bool  // nothing is known but what was read since
	closed   bool  // of the unknown, something may have been closed
	char     char  // of the label
	atoms    int32 // written so far
	atom     int32 // the one at hand
	before   int32 // the one it is bonded to, 0: none
	ring     [maxRings]ring
	branch   [maxBranches]int32 // the atoms at which branches began
	partner  [maxPartners]int32 // bonded to the atom at hand by rings
}

// The local part says beside the place whether anything is open: a molecule ends only where nothing is, and half
// of a vocabulary begins with the space behind it.
func (smiles) states() int { return 2 * molStates }

func (smiles) begin() smilesState { return smilesState{} }
func (smiles) local(s *smilesState) int {
	if s.rings > 0 || s.branches > 0 {
		return int(s.q) + molStates
	}
	return int(s.q)
}

func (smiles) blind(q int) smilesState {
	// Where nothing is open the atom at hand matters to no ring, and any number will do for it. What stays
	// unknown is the bond before a ring label and the first digit of one.
	open := q >= molStates
	q %= molStates
	s := smilesState{q: uint8(q), atoms: 1, atom: 1, deep: open || q == molRingBond || q == molTens, closed: !open}
	if q == molLabelMid || q == molTextMid {
		s.char = blindChar
	}
	return s
}

func (m smiles) needs() []string {
	need := strings.Split("C])0123456789%abcelnrs", "")
	if m.placed {
		need = append(need, string([]byte{Location}), string([]byte{filler}))
	}
	return need
}

func (smiles) ends(s *smilesState) bool {
	return s.q == molStart || s.q == molText || s.q <= molBranched && s.rings == 0 && s.branches == 0
}

func (m smiles) step(s *smilesState, b byte) verdict {
	move := func(q uint8) verdict { s.q = q; return yes }
	digit := b >= '0' && b <= '9'
	if m.placed && s.q == molStart || s.q >= molBox1 && s.q < molBox4 || s.q >= molLabel && s.q < molLetter {
		return m.around(s, b)
	}
	switch q := s.q; q {
	case molStart, molBox4, molBranch, molBond, molRingBond, molDot:
		switch {
		case q == molBranch && isBond(b):
			return move(molBond)
		case q == molRingBond && (digit || b == '%'):
			return m.label(s, b)
		}
		return m.atom(s, b)
	case molAtom, molBoron, molCarbon, molBranched:
		return m.afterAtom(s, b)
	case molPercent:
		if digit && b != '0' && s.deep {
			s.tens, s.q = b-'0', molTens
			return ask
		}
		if digit && b != '0' && m.anyLabel(s, 10*int(b-'0'), 10*int(b-'0')+9) {
			s.tens = b - '0'
			return move(molTens)
		}
		return no
	case molTens:
		if !digit {
			return no
		}
		return m.ringLabel(s, 10*s.tens+b-'0')
	}
	return m.bracket(s, b)
}

func isBond(b byte) bool { return strings.IndexByte(`-=#$:/\`, b) >= 0 }

// atom reads the first byte of an atom.
func (m smiles) atom(s *smilesState, b byte) verdict {
	switch b {
	case '[':
		s.q = molOpen
		return yes
	case 'B':
		s.q = molBoron
	case 'C':
		s.q = molCarbon
	case 'N', 'O', 'P', 'S', 'F', 'I', 'b', 'c', 'n', 'o', 'p', 's', '*':
		s.q = molAtom
	default:
		return no
	}
	s.add()
	return yes
}

// around reads what stands around molecules: their boxes and labels.
func (m smiles) around(s *smilesState, b byte) verdict {
	q := s.q
	switch {
	case s.deep: // something open between molecules: there is no such state
		return no
	case q < molBox4 && q != molStart:
		s.q = q + 1
		return allow(b == Location)
	case q == molStart || q == molText && b == Location:
		*s = smilesState{q: molBox1}
		return allow(b == Location)
	case q == molText && b == ' ':
		s.q = molGap
		return yes
	}
	done, v := s.char.step(b)
	switch {
	case done:
		s.q = molText
	case q == molLabel || q == molLabelMid:
		s.q = molLabelMid
	default:
		s.q = molTextMid
	}
	return v
}

// add counts an atom that is complete, bonded to the one at hand.
func (s *smilesState) add() {
	s.atoms++
	s.before, s.atom, s.partners, s.bond = s.atom, s.atoms, 0, 0
}

// afterAtom reads what follows an atom, its ring labels or a branch.
func (m smiles) afterAtom(s *smilesState, b byte) verdict {
	q := s.q
	switch {
	case q == molBoron && b == 'r', q == molCarbon && b == 'l':
		s.q = molAtom
		return yes
	case b == '(':
		if s.deep {
			s.q = molBranch
			return ask
		}
		if s.branches == maxBranches {
			return no
		}
		s.branch[s.branches] = s.atom
		s.branches++
		s.q = molBranch
		return yes
	case b == ')':
		if s.branches == 0 {
			if s.deep {
				s.q, s.closed = molBranched, true
				return ask
			}
			return no
		}
		s.branches--
		s.atom, s.before, s.q = s.branch[s.branches], 0, molBranched
		return yes
	case m.placed && (b == ' ' || b == Location):
		v := allow(s.rings == 0 && s.branches == 0)
		if s.deep {
			v = no
			if s.closed {
				v = ask
			}
		}
		*s = smilesState{q: molLabel}
		if b == Location {
			s.q = molBox1
		}
		return v
	case b == '.':
		if s.deep {
			s.q = molDot
			return ask
		}
		if s.branches > 0 {
			return no
		}
		s.atom, s.q = 0, molDot
		return yes
	case isBond(b):
		s.bond, s.q = b, molRingBond
		if q == molBranched {
			s.q = molBond
		}
		return yes
	case q != molBranched && (b >= '0' && b <= '9' || b == '%'):
		return m.label(s, b)
	}
	return m.atom(s, b)
}

// label reads the first byte of a ring label.
func (m smiles) label(s *smilesState, b byte) verdict {
	switch {
	case b != '%':
		return m.ringLabel(s, b-'0')
	case s.deep:
		s.q = molPercent
		return ask
	case !m.anyLabel(s, 10, 99):
		return no
	}
	s.q = molPercent
	return yes
}

// ringLabel opens or closes a ring at the atom at hand.
func (m smiles) ringLabel(s *smilesState, label uint8) verdict {
	if s.deep {
		s.q, s.closed = molAtom, true
		return ask
	}
	i := s.find(label)
	switch {
	case i < 0 && s.rings == maxRings || i >= 0 && !s.closes(i):
		return no
	case i < 0:
		s.ring[s.rings] = ring{atom: s.atom, label: label, bond: s.bond}
		s.rings++
	default:
		s.partner[s.partners] = s.ring[i].atom
		s.partners++
		copy(s.ring[i:s.rings], s.ring[i+1:s.rings])
		s.rings--
		s.ring[s.rings] = ring{}
	}
	s.q, s.bond = molAtom, 0
	return yes
}

// find is the place of an open label, -1 if it is free.
func (s *smilesState) find(label uint8) int {
	for i, r := range s.ring[:s.rings] {
		if r.label == label {
			return i
		}
	}
	return -1
}

// closes says whether an open ring may be closed at the atom at hand: not where the two are bonded already, and
// not with another bond than it was opened with. Of two directions none is allowed: which of them agree depends
// on the spelling.
func (s *smilesState) closes(i int) bool {
	r := s.ring[i]
	if r.atom == s.atom || r.atom == s.before || s.partners == maxPartners {
		return false
	}
	for _, p := range s.partner[:s.partners] {
		if p == r.atom {
			return false
		}
	}
	return s.bond == 0 || r.bond == 0 || s.bond == r.bond && s.bond != '/' && s.bond != '\\'
}

// anyLabel says whether one of the labels from first to last may come.
func (m smiles) anyLabel(s *smilesState, first, last int) bool {
	return s.choose(first, last) >= 0
}

// choose is the best label from first to last for closing what is open: the first ring that may be closed here,
// else the first free label; -1 if there is none.
func (s *smilesState) choose(first, last int) int {
	for i, r := range s.ring[:s.rings] {
		if label := int(r.label); label >= first && label <= last && s.closes(i) {
			return label
		}
	}
	for label := first; label <= last && s.rings < maxRings; label++ {
		if s.find(uint8(label)) < 0 {
			return label
		}
	}
	return -1
}

// bracket reads a byte between [ and ].
func (m smiles) bracket(s *smilesState, b byte) verdict {
	q := s.q
	digit := b >= '0' && b <= '9'
	switch {
	case q == molIsotope1 && digit, q == molIsotope2 && digit:
		s.q = q + 1
		return yes
	case q == molOpen && digit && b != '0':
		s.q = molIsotope1
		return yes
	case q <= molIsotope3:
		return m.symbol(s, b)
	case q >= molLetter:
		letter := elements[q-molLetter]
		if b >= 'a' && b <= 'z' && strings.IndexByte(letter, b) >= 0 {
			s.q = molSymbol
			return yes
		}
		if letter == "" || letter[0] != '.' {
			return no
		}
		q = molSymbol
		if s.q == molLetter+'H'-'A' {
			q = molHydrogen
		}
	case q == molAromaticA:
		if b != 's' {
			return no
		}
		s.q = molSymbol
		return yes
	case q == molAromaticS && b == 'e':
		s.q = molSymbol
		return yes
	case q == molAromaticS:
		q = molSymbol
	}
	return m.tail(s, q, b)
}

// symbol reads the first byte of the symbol in brackets.
func (m smiles) symbol(s *smilesState, b byte) verdict {
	switch {
	case b >= 'A' && b <= 'Z' && elements[b-'A'] != "":
		s.q = molLetter + b - 'A'
	case b == 'a':
		s.q = molAromaticA
	case b == 's':
		s.q = molAromaticS
	case b == '*':
		s.q = molHydrogen
	case strings.IndexByte("bcnop", b) >= 0:
		s.q = molSymbol
	default:
		return no
	}
	return yes
}

// tail reads what follows a symbol: chirality, hydrogens, charge, class, in this order.
func (m smiles) tail(s *smilesState, q uint8, b byte) verdict {
	digit, positive := b >= '0' && b <= '9', b >= '1' && b <= '9'
	switch {
	case b == ']' && q != molColon:
		s.q = molAtom
		s.add()
	case b == '@' && (q == molSymbol || q == molAt):
		s.q = molAt
		if q == molAt {
			s.q = molAtAt
		}
	case b == 'H' && (q == molSymbol || q == molAt || q == molAtAt):
		s.q = molH
	case positive && q == molH:
		s.q = molHCount
	case (b == '+' || b == '-') && q <= molHCount:
		s.q = molSign
	case positive && q == molSign:
		s.q = molCharge
	case b == ':' && q <= molCharge:
		s.q = molColon
	case digit && q >= molColon && q < molClass3:
		s.q = q + 1
	default:
		return no
	}
	return yes
}

// close writes the molecule to its end: what is half written, then carbon atoms on which the open rings can be
// closed, then the brackets of the branches.
func (m smiles) close(s *smilesState, text []byte) []byte {
	if s.q == molStart {
		return text
	}
	at := *s
	if at.char.inside() {
		return at.char.close(text)
	}
	write := func(more string) {
		for i := range len(more) {
			m.step(&at, more[i])
		}
		text = append(text, more...)
	}
	write(m.rest(&at))
	for at.rings > 0 {
		if at.q == molBranched {
			write("C")
		}
		for i := 0; i < int(at.rings); {
			if !at.closes(i) {
				i++
				continue
			}
			write(labelText(at.ring[i].label))
		}
		if at.rings > 0 {
			write("C")
		}
	}
	for at.branches > 0 {
		write(")")
	}
	return text
}

// rest is the end of what is half written.
func (m smiles) rest(s *smilesState) string {
	switch q := s.q; {
	case q <= molBranched:
		return ""
	case q <= molDot:
		return "C"
	case q == molPercent:
		return labelText(uint8(s.choose(10, 99)))[1:]
	case q == molTens:
		return labelText(uint8(s.choose(10*int(s.tens), 10*int(s.tens)+9)))[2:]
	case q <= molIsotope3:
		return "C]"
	case q == molAromaticA:
		return "s]"
	case q == molColon:
		return "1]"
	case q >= molBox1 && q <= molBox4:
		return strings.Repeat(string([]byte{Location}), int(molBox4-q)) + "C"
	case q == molText:
		return ""
	case q >= molLabel && q < molLetter:
		return string([]byte{filler})
	case q >= molLetter && elements[q-molLetter][0] != '.':
		return elements[q-molLetter][:1] + "]"
	}
	return "]"
}

// labelText writes a ring label.
func labelText(label uint8) string {
	if label < 10 {
		return string(rune('0' + label))
	}
	return "%" + string(rune('0'+label/10)) + string(rune('0'+label%10))
}
