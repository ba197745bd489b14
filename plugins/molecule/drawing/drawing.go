// Package drawing reads molecules that a model writes as they are drawn: every atom with its place in the picture, and
// the bonds between them, in the form that docs/targets.md fixes for the task `molecule`. Each step of such an answer
// is local, look at the place just named and say what stands there, which is what makes it learnable for a small
// model. Everything that needs the whole molecule is computed here: abbreviations are written out, wedges and the
// sides of double bonds become stereo, and valences are checked.
//
// Nothing is guessed: an answer that names a place where no atom is, or prints a label that nobody knows, is an error
// with its byte.
package drawing

import (
	"fmt"
	"math"
	"strings"

	"palimpsest.dev/plugins/molecule/smiles"
	"palimpsest.dev/task/loc"
)

// maxAtoms bounds the atoms that an answer may name, those of abbreviations not counted.
const maxAtoms = 512

// near is how far from an atom a place may lie that names it again, as a share of the drawing's usual bond.
const near = 0.5

// The kinds of bonds, as they are written. A wedge is narrow at the bond's first atom.
const (
	single = 0
	double = '='
	triple = '#'
	solid  = '/'
	hashed = ':'
	wavy   = '~'
	either = '%' // double, of which the drawing leaves open on which side its ends lie
)

// turned are the wedges that are narrow at the atom that is named last.
var turned = map[byte]byte{'\\': solid, ';': hashed}

// Place is a point of the picture, in the units of the locations, y downwards.
type Place struct{ X, Y float64 }

func (p Place) to(q Place) Place      { return Place{q.X - p.X, q.Y - p.Y} }
func (p Place) length() float64       { return math.Hypot(p.X, p.Y) }
func (p Place) cross(q Place) float64 { return p.X*q.Y - p.Y*q.X }
func (p Place) direction() Place      { l := p.length(); return Place{p.X / l, p.Y / l} }
func distance(p, q Place) float64     { return p.to(q).length() }
func fault(at int, format string, args ...any) error {
	return &smiles.Error{Offset: at, Reason: fmt.Sprintf(format, args...)}
}

// Atom is an atom or an abbreviated group as it is drawn.
type Atom struct {
	Place  Place
	Label  string
	Offset int // byte of the answer
}

// bond joins two atoms by their places in the answer.
type bond struct {
	first, second int
	kind          byte
	offset        int
}

// Drawing is what an answer says.
type Drawing struct {
	Atoms []Atom
	Name  string // the number or name printed with the molecule
	bonds []bond
	pairs map[[2]int]bool
}

// Parse reads an answer whose locations count up to bins. The error is always a *smiles.Error. A name that was read is
// in the drawing even where there is one.
func Parse(text string, bins int) (*Drawing, error) {
	d := &Drawing{pairs: map[[2]int]bool{}}
	body, name, _ := strings.Cut(text, " ")
	d.Name = plain(name, bins)
	r := reader{text: body, bins: bins, drawing: d, current: -1}
	for r.at < len(body) {
		if err := r.step(); err != nil {
			return d, err
		}
	}
	if len(d.Atoms) == 0 {
		return d, fault(0, "the text is empty")
	}
	return d, nil
}

// plain is a name without locations, white space collapsed.
func plain(name string, bins int) string {
	var b strings.Builder
	for i := 0; i < len(name); {
		if _, size := loc.Location(name[i:], bins); size > 0 {
			b.WriteByte(' ')
			i += size
			continue
		}
		b.WriteByte(name[i])
		i++
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// Box is the extent of the places, widened by half a bond; in units of the locations.
func (d *Drawing) Box() (x0, y0, x1, y1 float64) {
	x0, y0, x1, y1 = math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, a := range d.Atoms {
		x0, y0, x1, y1 = min(x0, a.Place.X), min(y0, a.Place.Y), max(x1, a.Place.X), max(y1, a.Place.Y)
	}
	w := d.reach()
	return x0 - w, y0 - w, x1 + w, y1 + w
}

// reach is half the usual length of a bond, or a 32nd of the picture of a vocabulary's usual 1,024 places where there
// is no bond.
func (d *Drawing) reach() float64 {
	var lengths []float64
	for _, b := range d.bonds {
		lengths = append(lengths, distance(d.Atoms[b.first].Place, d.Atoms[b.second].Place))
	}
	if len(lengths) == 0 {
		return 32
	}
	return near * median(lengths)
}

// reader walks an answer once.
type reader struct {
	text    string
	bins    int
	at      int
	drawing *Drawing
	current int // the atom from which the next bond goes, -1: none yet
}

// step reads a place and what is said of it: a new atom, a bond to one that is there, or going back to one.
func (r *reader) step() error {
	start := r.at
	mark := r.text[start]
	if mark == ',' || mark == '.' {
		r.at++
	} else {
		mark = 0
	}
	place, err := r.place()
	if err != nil {
		return err
	}
	behind := r.at
	for r.at < len(r.text) && r.text[r.at] != ',' && r.text[r.at] != '.' {
		if _, size := loc.Location(r.text[r.at:], r.bins); size > 0 {
			break
		}
		r.at++
	}
	said := r.text[behind:r.at]
	kind, label := bondOf(said)
	fresh := len(r.drawing.Atoms) == 0
	switch {
	case mark == ',' && said != "":
		return fault(behind, "going back to an atom with %q behind its place", said)
	case mark == ',':
		r.current, err = r.known(place, start)
		return err
	case mark == '.' && fresh:
		return fault(start, "a dot without an atom before it")
	case mark == '.' || fresh:
		if kind != single || label == "" {
			return fault(behind, "a part that does not begin with an atom")
		}
		r.current = -1
		return r.add(place, label, kind, start)
	case label != "":
		return r.add(place, label, kind, start)
	}
	to, err := r.known(place, start)
	if err != nil {
		return err
	}
	return r.join(r.current, to, kind, start)
}

// bondOf takes the bond from the beginning of what is written behind a place.
func bondOf(said string) (kind byte, label string) {
	if said != "" && strings.IndexByte(`=#/\:;~%`, said[0]) >= 0 {
		return said[0], said[1:]
	}
	return single, said
}

// place reads two locations, y before x.
func (r *reader) place() (Place, error) {
	y, size := loc.Location(r.text[r.at:], r.bins)
	if size == 0 {
		return Place{}, fault(r.at, "an atom or bond without a place")
	}
	x, more := loc.Location(r.text[r.at+size:], r.bins)
	if more == 0 {
		return Place{}, fault(r.at, "a place of one location")
	}
	r.at += size + more
	return Place{float64(x), float64(y)}, nil
}

// add puts a new atom on the drawing, bonded to the current one, which it becomes.
func (r *reader) add(place Place, label string, kind byte, offset int) error {
	d := r.drawing
	if len(d.Atoms) >= maxAtoms {
		return fault(offset, "more than %d atoms", maxAtoms)
	}
	for _, a := range d.Atoms {
		if a.Place == place {
			return fault(offset, "a second atom at the same place")
		}
	}
	d.Atoms = append(d.Atoms, Atom{Place: place, Label: label, Offset: offset})
	from := r.current
	r.current = len(d.Atoms) - 1
	if from < 0 {
		return nil
	}
	return r.join(from, r.current, kind, offset)
}

// known finds the atom that was named at a place: the nearest, within half a bond.
func (r *reader) known(place Place, offset int) (int, error) {
	best, found := math.Inf(1), -1
	for i, a := range r.drawing.Atoms {
		if l := distance(a.Place, place); l < best {
			best, found = l, i
		}
	}
	if found < 0 || best > r.drawing.reach() {
		return -1, fault(offset, "no atom was named at this place")
	}
	return found, nil
}

// join bonds two atoms.
func (r *reader) join(from, to int, kind byte, offset int) error {
	d := r.drawing
	if t, ok := turned[kind]; ok {
		from, to, kind = to, from, t
	}
	pair := [2]int{min(from, to), max(from, to)}
	switch {
	case from == to:
		return fault(offset, "a bond from an atom to itself")
	case d.pairs[pair]:
		return fault(offset, "a bond between atoms that are bonded already")
	}
	d.pairs[pair] = true
	d.bonds = append(d.bonds, bond{from, to, kind, offset})
	return nil
}
