package smiles

import "strings"

// chirality is what stands behind @ in a bracket.
type chirality struct {
	kind   string // "TH", "AL", "SP", "TB", "OH"; "" without a mark
	number int    // 1: @, 2: @@, more for the other kinds
	offset int
}

// chiralities holds how many arrangements each kind has.
var chiralities = map[string]int{"TH": 2, "AL": 2, "SP": 3, "TB": 20, "OH": 30}

// Bounds on the numbers in a bracket.
const (
	maxIsotope   = 999
	maxCharge    = 15
	maxHydrogens = 99
	maxClass     = 99999
)

// bracket reads [isotope symbol chirality hydrogens charge class].
func (p *parser) bracket() error {
	start := p.at
	end := strings.IndexByte(p.text[start:], ']')
	if end < 0 {
		return fault(start, "a bracket that is not closed")
	}
	b := inside{text: p.text[start+1 : start+end], offset: start + 1}
	a := Atom{Offset: start}
	s := spelled{bracket: true}
	if err := b.isotope(&a); err != nil {
		return err
	}
	if err := b.symbol(&a, &s); err != nil {
		return err
	}
	if err := b.chirality(&s); err != nil {
		return err
	}
	if err := b.hydrogens(&a); err != nil {
		return err
	}
	if err := b.charge(&a); err != nil {
		return err
	}
	if err := b.class(&a); err != nil {
		return err
	}
	if b.text != "" {
		return fault(b.offset, "%q has no meaning here in a bracket", first(b.text))
	}
	p.at = start + end + 1
	return p.addAtom(a, s)
}

// first is the first character of a text.
func first(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

// inside is what is left to read of a bracket.
type inside struct {
	text   string
	offset int
}

func (b *inside) skip(n int) { b.text, b.offset = b.text[n:], b.offset+n }

// take reads a number of at most limit.
func (b *inside) take(what string, limit int) (n int, ok bool, err error) {
	n, size := number(b.text, 6)
	switch {
	case size == 0:
		return 0, false, nil
	case n > limit || size == 6:
		return 0, false, fault(b.offset, "%s above %d", what, limit)
	}
	b.skip(size)
	return n, true, nil
}

func (b *inside) isotope(a *Atom) (err error) {
	a.Isotope, _, err = b.take("an isotope", maxIsotope)
	return err
}

func (b *inside) symbol(a *Atom, s *spelled) error {
	t := b.text
	if t == "" {
		return fault(b.offset, "a bracket without an element")
	}
	if t[0] == '*' {
		b.skip(1)
		return nil
	}
	for size := min(2, len(t)); size > 0; size-- {
		if z := numbers[t[:size]]; z > 0 {
			a.Element = z
			b.skip(size)
			return nil
		}
		switch t[:size] {
		case "b", "c", "n", "o", "p", "s", "se", "as", "te", "si":
			a.Element = numbers[strings.ToUpper(t[:1])+t[1:size]]
			s.aromatic = true
			b.skip(size)
			return nil
		}
	}
	if t[0] == 'R' {
		return fault(b.offset, "R is no element; a group is written as [*] or, with a number, [1*]")
	}
	return fault(b.offset, "%q begins no element", first(t))
}

func (b *inside) chirality(s *spelled) error {
	if !strings.HasPrefix(b.text, "@") {
		return nil
	}
	c := chirality{kind: "TH", number: 1, offset: b.offset}
	switch {
	case strings.HasPrefix(b.text, "@@"):
		c.number = 2
		b.skip(2)
	case len(b.text) >= 3 && chiralities[b.text[1:3]] > 0:
		c.kind = b.text[1:3]
		b.skip(3)
		n, ok, err := b.take("an arrangement", 99)
		if err != nil {
			return err
		}
		if !ok || n < 1 || n > chiralities[c.kind] {
			return fault(c.offset, "@%s wants a number from 1 to %d", c.kind, chiralities[c.kind])
		}
		c.number = n
	default:
		b.skip(1)
	}
	s.chiral = c
	return nil
}

func (b *inside) hydrogens(a *Atom) error {
	if !strings.HasPrefix(b.text, "H") {
		return nil
	}
	b.skip(1)
	n, ok, err := b.take("a number of hydrogens", maxHydrogens)
	if err != nil {
		return err
	}
	if !ok {
		n = 1
	}
	a.Hydrogens = n
	return nil
}

func (b *inside) charge(a *Atom) error {
	if b.text == "" || b.text[0] != '+' && b.text[0] != '-' {
		return nil
	}
	sign, start := b.text[0], b.offset
	n := 0
	for n < len(b.text) && b.text[n] == sign {
		n++
	}
	b.skip(n)
	if n > maxCharge {
		return fault(start, "a charge above %d", maxCharge)
	}
	if n == 1 {
		q, ok, err := b.take("a charge", maxCharge)
		if err != nil {
			return err
		}
		if ok {
			n = q
		}
	}
	a.Charge = n
	if sign == '-' {
		a.Charge = -n
	}
	return nil
}

func (b *inside) class(a *Atom) error {
	if !strings.HasPrefix(b.text, ":") {
		return nil
	}
	b.skip(1)
	n, ok, err := b.take("an atom class", maxClass)
	if err != nil {
		return err
	}
	if !ok {
		return fault(b.offset, "an atom class without a number")
	}
	a.Class = n
	return nil
}
