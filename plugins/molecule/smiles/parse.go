package smiles

import "strings"

// mark is the direction written on a single bond: whether the second atom
// lies above or below the first.
type mark int8

const (
	above mark = 1
	below mark = -1
)

// written is what the text says about a bond beyond its order.
type written struct {
	plain  bool // no symbol or a direction: single, or aromatic between aromatic atoms
	mark   mark // from Bond.A to Bond.B
	offset int
}

// pending is a bond symbol that waits for its second atom.
type pending struct {
	set    bool
	order  Order // 0 with a mark
	mark   mark
	back   bool // a dative bond whose donor comes second
	offset int
}

// opening is a ring bond that waits for its closing digit.
type opening struct {
	open   bool
	atom   int
	slot   int // place among the ligands of the atom
	bond   pending
	offset int
}

// spelled is what the text says about an atom beyond Atom.
type spelled struct {
	bracket  bool
	aromatic bool
	chiral   chirality
	ligands  []int32 // atoms in the order of the text, unseen for a hydrogen of the bracket
	labels   int     // ring labels at the atom
}

// parser walks the text once.
type parser struct {
	text  string
	m     *Molecule
	atoms []spelled
	bonds []written

	at      int
	prev    int // atom that the next one is joined to, -1: none
	bond    pending
	stack   []branch
	fresh   bool // nothing was written since the last opening parenthesis
	digits  map[int]*opening
	donated []int // dative bonds from aromatic atoms that normalise made
}

type branch struct{ atom, offset int }

func (p *parser) run() error {
	if p.text == "" {
		return fault(0, "the text is empty")
	}
	if len(p.text) > MaxBytes {
		return fault(MaxBytes, "the text is longer than %d bytes", MaxBytes)
	}
	p.prev = -1
	p.digits = map[int]*opening{}
	for p.at < len(p.text) {
		if err := p.step(); err != nil {
			return err
		}
	}
	return p.finish()
}

// finish reports what is still open at the end.
func (p *parser) finish() error {
	if p.bond.set {
		return fault(p.bond.offset, "a bond without a second atom")
	}
	if len(p.stack) > 0 {
		return fault(p.stack[len(p.stack)-1].offset, "a branch that is not closed")
	}
	if p.prev < 0 {
		return fault(len(p.text)-1, "a dot with nothing behind it")
	}
	first := -1
	for _, o := range p.digits {
		if o.open && (first < 0 || o.offset < first) {
			first = o.offset
		}
	}
	if first >= 0 {
		return fault(first, "a ring bond that is not closed")
	}
	return nil
}

// step reads one symbol.
func (p *parser) step() error {
	switch c := p.text[p.at]; {
	case c == '[':
		return p.bracket()
	case c == '(':
		return p.open()
	case c == ')':
		return p.close()
	case c == '.':
		return p.dot()
	case c >= '0' && c <= '9' || c == '%':
		return p.ring()
	case strings.IndexByte(`-=#$:/\<`, c) >= 0:
		return p.symbol()
	default:
		return p.organic()
	}
}

func (p *parser) open() error {
	switch {
	case p.prev < 0:
		return fault(p.at, "a branch without an atom before it")
	case p.bond.set:
		return fault(p.bond.offset, "a bond before a branch")
	case p.fresh:
		return fault(p.at, "a branch that begins with a branch")
	case len(p.stack) >= maxNest:
		return fault(p.at, "more than %d branches inside one another", maxNest)
	}
	p.stack = append(p.stack, branch{p.prev, p.at})
	p.fresh = true
	p.at++
	return nil
}

func (p *parser) close() error {
	switch {
	case len(p.stack) == 0:
		return fault(p.at, "a closing parenthesis without an opening one")
	case p.bond.set:
		return fault(p.bond.offset, "a bond without a second atom")
	case p.fresh:
		return fault(p.at, "an empty branch")
	case p.prev < 0:
		return fault(p.at-1, "a dot with nothing behind it")
	}
	p.prev = p.stack[len(p.stack)-1].atom
	p.stack = p.stack[:len(p.stack)-1]
	p.at++
	return nil
}

func (p *parser) dot() error {
	switch {
	case p.prev < 0:
		return fault(p.at, "a dot without an atom before it")
	case p.bond.set:
		return fault(p.bond.offset, "a bond before a dot")
	}
	p.prev, p.fresh = -1, false
	p.at++
	return nil
}

// symbol reads a bond. -> and <- are dative bonds, an extension.
func (p *parser) symbol() error {
	switch {
	case p.prev < 0:
		return fault(p.at, "a bond without an atom before it")
	case p.bond.set:
		return fault(p.at, "a second bond symbol")
	}
	b := pending{set: true, offset: p.at}
	size := 1
	switch p.text[p.at] {
	case '-':
		b.order = Single
		if strings.HasPrefix(p.text[p.at:], "->") {
			b.order, size = Dative, 2
		}
	case '<':
		if !strings.HasPrefix(p.text[p.at:], "<-") {
			return fault(p.at, "< is no bond")
		}
		b.order, b.back, size = Dative, true, 2
	case '=':
		b.order = Double
	case '#':
		b.order = Triple
	case '$':
		b.order = Quadruple
	case ':':
		b.order = Aromatic
	case '/':
		b.mark = above
	case '\\':
		b.mark = below
	}
	p.bond, p.fresh = b, false
	p.at += size
	return nil
}

// ring reads a ring label: a digit, % and two digits, or %(…).
func (p *parser) ring() error {
	start := p.at
	label := 0
	switch {
	case p.text[p.at] != '%':
		label = int(p.text[p.at] - '0')
		p.at++
	case strings.HasPrefix(p.text[p.at:], "%("):
		p.at += 2
		n, size := number(p.text[p.at:], 5)
		if size == 0 || p.at+size >= len(p.text) || p.text[p.at+size] != ')' {
			return fault(start, "%%( wants up to five digits and a closing parenthesis")
		}
		label, p.at = n, p.at+size+1
	default:
		n, size := number(p.text[p.at+1:], 2)
		if size != 2 || n < 10 {
			return fault(start, "%% wants a ring label from 10 to 99")
		}
		label, p.at = n, p.at+3
	}
	switch {
	case p.prev < 0:
		return fault(start, "a ring label without an atom before it")
	case p.fresh:
		return fault(start, "a branch that begins with a ring label")
	}
	bond := p.bond
	p.bond = pending{}
	p.atoms[p.prev].labels++
	o := p.digits[label]
	if o == nil || !o.open {
		p.digits[label] = &opening{open: true, atom: p.prev, slot: len(p.atoms[p.prev].ligands), bond: bond, offset: start}
		p.atoms[p.prev].ligands = append(p.atoms[p.prev].ligands, unseen) // filled when the ring is closed
		return nil
	}
	o.open = false
	return p.closeRing(o, bond, start)
}

// closeRing joins the two atoms of a ring label. Either end may say what bond
// it is; both must say the same.
func (p *parser) closeRing(o *opening, bond pending, start int) error {
	switch {
	case o.atom == p.prev:
		return fault(start, "a ring bond from an atom to itself")
	case p.m.at(o.atom, p.prev) >= 0:
		return fault(start, "a ring bond between atoms that are bonded already")
	}
	b := o.bond
	switch {
	case !b.set:
		b = bond
		b.mark, b.back = -bond.mark, bond.set && !bond.back
	case bond.set && (b.order != bond.order && !(b.order <= Single && bond.order <= Single) ||
		b.mark != 0 && bond.mark == b.mark || b.order == Dative && b.back == bond.back):
		return fault(start, "the two ends of a ring bond contradict each other")
	case bond.set && b.mark == 0:
		b.mark = -bond.mark
	}
	if err := p.addBond(o.atom, p.prev, b, start); err != nil {
		return err
	}
	p.atoms[o.atom].ligands[o.slot] = int32(p.prev)
	p.atoms[p.prev].ligands = append(p.atoms[p.prev].ligands, int32(o.atom))
	return nil
}

// addBond joins a, which comes first, to b.
func (p *parser) addBond(a, b int, how pending, offset int) error {
	if len(p.m.nbrs[a]) >= maxDegree || len(p.m.nbrs[b]) >= maxDegree {
		return fault(offset, "an atom with more than %d bonds", maxDegree)
	}
	w := written{mark: how.mark, offset: offset}
	if how.set {
		w.offset = how.offset
	}
	order := how.order
	if order == 0 {
		order, w.plain = Single, true
	}
	if order == Dative && how.back {
		a, b = b, a
	}
	p.m.join(a, b, order)
	p.bonds = append(p.bonds, w)
	return nil
}

// addAtom appends an atom and joins it to the one before it.
func (p *parser) addAtom(a Atom, s spelled) error {
	if len(p.atoms) >= MaxAtoms {
		return fault(a.Offset, "more than %d atoms", MaxAtoms)
	}
	n := len(p.atoms)
	p.m.Atoms = append(p.m.Atoms, a)
	p.m.nbrs = append(p.m.nbrs, nil)
	if p.prev >= 0 {
		s.ligands = append(s.ligands, int32(p.prev))
		p.atoms[p.prev].ligands = append(p.atoms[p.prev].ligands, int32(n))
	}
	if s.bracket && a.Hydrogens == 1 {
		s.ligands = append(s.ligands, unseen)
	}
	p.atoms = append(p.atoms, s)
	if p.prev >= 0 {
		if err := p.addBond(p.prev, n, p.bond, a.Offset); err != nil {
			return err
		}
	}
	p.prev, p.bond, p.fresh = n, pending{}, false
	return nil
}

// organic reads an atom that needs no brackets.
func (p *parser) organic() error {
	rest := p.text[p.at:]
	size, symbol := 1, rest[:1]
	if strings.HasPrefix(rest, "Cl") || strings.HasPrefix(rest, "Br") {
		size, symbol = 2, rest[:2]
	}
	a := Atom{Offset: p.at}
	s := spelled{}
	switch symbol {
	case "B", "C", "N", "O", "P", "S", "F", "Cl", "Br", "I":
		a.Element = numbers[symbol]
	case "b", "c", "n", "o", "p", "s":
		a.Element = numbers[strings.ToUpper(symbol)]
		s.aromatic = true
	case "*":
	default:
		return p.unknown(rest)
	}
	p.at += size
	return p.addAtom(a, s)
}

// unknown says why a text cannot go on.
func (p *parser) unknown(rest string) error {
	c := rest[0]
	switch {
	case c <= ' ' || c == 0x7f:
		return fault(p.at, "white space or a control character (%#02x)", c)
	case c >= 0x80:
		return fault(p.at, "a character outside ASCII")
	case c == ']' || c == '}' || c == '{':
		return fault(p.at, "%c without an opening bracket", c)
	case c >= 'A' && c <= 'Z':
		for size := min(2, len(rest)); size > 0; size-- {
			if numbers[rest[:size]] > 0 {
				return fault(p.at, "%s must be written in brackets", rest[:size])
			}
		}
		return fault(p.at, "%c is no element", c)
	case c >= 'a' && c <= 'z':
		return fault(p.at, "%c is no aromatic atom", c)
	}
	return fault(p.at, "%c has no meaning here", c)
}

// number reads at most digits decimal digits.
func number(s string, digits int) (n, size int) {
	for size < len(s) && size < digits && s[size] >= '0' && s[size] <= '9' {
		n = 10*n + int(s[size]-'0')
		size++
	}
	return n, size
}
