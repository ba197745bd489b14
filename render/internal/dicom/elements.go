package dicom

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// undefined is the length of a value that is ended by a delimiter.
const undefined = 0xffffffff

// Items of sequences and what ends them.
const (
	tagItem        Tag = 0xfffee000
	tagItemEnd     Tag = 0xfffee00d
	tagSequenceEnd Tag = 0xfffee0dd
)

// budget is what is left of the limits, shared by all readers of a file.
type budget struct {
	limits Limits
	used   int
}

// take counts one element.
func (b *budget) take(t Tag) error {
	if b.used++; b.used > b.limits.Elements {
		return &LimitError{Limit: "dicom_elements", Value: int64(b.used), Max: int64(b.limits.Elements), At: t}
	}
	return nil
}

// element is a data element; its value lies in the file's bytes.
type element struct {
	tag      Tag
	vr       string // empty in implicit encodings
	value    []byte
	open     bool // its length was not given: value is what lay before the delimiter
	implicit bool // how sequences in it are encoded
	order    binary.ByteOrder
}

// Set is the elements of a data set or of an item, without nested ones.
type Set struct {
	elements map[Tag]element
	budget   *budget
}

// reader goes through encoded elements.
type reader struct {
	data     []byte
	at       int
	order    binary.ByteOrder
	implicit bool
	budget   *budget
}

func (r *reader) left() int { return len(r.data) - r.at }

// longForm are the value representations with a length of 32 bits.
var longForm = map[string]bool{
	"OB": true, "OD": true, "OF": true, "OL": true, "OV": true, "OW": true, "SQ": true, "SV": true,
	"UC": true, "UN": true, "UR": true, "UT": true, "UV": true,
}

// shortForm are those with a length of 16 bits.
var shortForm = map[string]bool{
	"AE": true, "AS": true, "AT": true, "CS": true, "DA": true, "DS": true, "DT": true, "FD": true, "FL": true,
	"IS": true, "LO": true, "LT": true, "PN": true, "SH": true, "SL": true, "SS": true, "ST": true, "TM": true,
	"UI": true, "UL": true, "US": true,
}

// header reads tag, value representation and length.
func (r *reader) header() (e element, length uint32, err error) {
	if r.left() < 8 {
		return e, 0, fmt.Errorf("%w in the header of an element at byte %d", io.ErrUnexpectedEOF, r.at)
	}
	h := r.data[r.at:]
	e = element{
		tag:   Tag(r.order.Uint16(h))<<16 | Tag(r.order.Uint16(h[2:])),
		order: r.order, implicit: r.implicit,
	}
	if err := r.budget.take(e.tag); err != nil {
		return e, 0, err
	}
	letters := isLetters(h[4:6])
	switch {
	case e.tag.group() == 0xfffe, r.implicit, !letters: // some writers slip an implicit element in between
		r.at += 8
		return e, r.order.Uint32(h[4:]), nil
	}
	e.vr = string(h[4:6])
	if !longForm[e.vr] {
		r.at += 8
		return e, uint32(r.order.Uint16(h[6:])), nil
	}
	if len(h) < 12 {
		return e, 0, fmt.Errorf("%w in the header of %v", io.ErrUnexpectedEOF, e.tag)
	}
	r.at += 12
	return e, r.order.Uint32(h[8:]), nil
}

// isLetters tells a value representation from a length.
func isLetters(b []byte) bool {
	return b[0] >= 'A' && b[0] <= 'Z' && b[1] >= 'A' && b[1] <= 'Z'
}

// element reads one element; of a sequence it only finds the end.
func (r *reader) element(depth int) (element, error) {
	e, length, err := r.header()
	if err != nil {
		return e, err
	}
	if length == undefined {
		e.open = true
		before := r.implicit
		if e.vr == "UN" { // an unknown element of undefined length is an implicit sequence
			r.implicit, e.implicit = true, true
		}
		e.value, err = r.sequence(e.tag, depth)
		r.implicit = before
		return e, err
	}
	if uint64(length) > uint64(r.left()) {
		e.value = r.data[r.at:]
		missing := uint64(length) - uint64(r.left())
		r.at = len(r.data)
		return e, fmt.Errorf("%w: %v lacks %d of %d bytes", io.ErrUnexpectedEOF, e.tag, missing, length)
	}
	e.value = r.data[r.at : r.at+int(length)]
	r.at += int(length)
	return e, nil
}

// sequence passes over the items of a sequence of undefined length and returns
// them without the delimiter. What lacks its end is returned with an error.
func (r *reader) sequence(owner Tag, depth int) ([]byte, error) {
	begin := r.at
	for {
		start := r.at
		e, length, err := r.header()
		switch {
		case err != nil:
			return r.data[begin:], fmt.Errorf("in %v: %w", owner, err)
		case e.tag == tagSequenceEnd:
			return r.data[begin:start], nil
		case e.tag != tagItem:
			return r.data[begin:start], fmt.Errorf("in %v: %v where an item should be", owner, e.tag)
		case length == undefined:
			if err := r.walk(depth+1, nil); err != nil {
				return r.data[begin:r.at], err
			}
		case uint64(length) > uint64(r.left()):
			r.at = len(r.data)
			return r.data[begin:], fmt.Errorf("%w: an item of %v lacks its end", io.ErrUnexpectedEOF, owner)
		default:
			r.at += int(length)
		}
	}
}

// walk reads elements up to the end, or to the end of the item when it is
// nested, into keep, if any. The first of equal tags counts. What was read
// before an error stays.
func (r *reader) walk(depth int, keep *Set) error {
	if depth > r.budget.limits.Depth {
		return &LimitError{Limit: "dicom_depth", Value: int64(depth), Max: int64(r.budget.limits.Depth)}
	}
	for r.left() > 0 {
		if keep != nil && zeros(r.data[r.at:]) {
			return nil // padding behind the last element
		}
		e, err := r.element(depth)
		if e.tag == tagItemEnd && err == nil {
			if keep == nil {
				return nil
			}
			continue
		}
		if keep != nil && (err == nil || e.tag == tagPixelData) {
			if _, ok := keep.elements[e.tag]; !ok {
				keep.elements[e.tag] = e
			}
		}
		if err != nil {
			return err
		}
	}
	if keep == nil {
		return fmt.Errorf("%w: an item lacks its end", io.ErrUnexpectedEOF)
	}
	return nil
}

// zeros reports a short rest of zeros: some writers fill their last block.
func zeros(rest []byte) bool {
	const tag = 4
	if len(rest) < tag {
		return true
	}
	return binary.LittleEndian.Uint32(rest) == 0 && len(rest) < 4096 && len(strings.Trim(string(rest), "\x00")) == 0
}

// items parses the items of a sequence; of a damaged one what can be read.
func (s Set) items(t Tag) ([]Set, error) {
	e, ok := s.elements[t]
	if !ok {
		return nil, nil
	}
	r := &reader{data: e.value, order: e.order, implicit: e.implicit || e.vr == "UN", budget: s.budget}
	var out []Set
	for r.left() >= 8 {
		h, length, err := r.header()
		if err != nil {
			return out, limitOnly(err)
		}
		if h.tag != tagItem {
			return out, nil
		}
		item := Set{elements: map[Tag]element{}, budget: s.budget}
		body := r.data[r.at:]
		if length != undefined && uint64(length) < uint64(len(body)) {
			body = body[:length]
		}
		in := &reader{data: body, order: r.order, implicit: r.implicit, budget: s.budget}
		if err := in.item(&item, length == undefined); err != nil {
			return append(out, item), limitOnly(err)
		}
		r.at += in.at
		out = append(out, item)
	}
	return out, nil
}

// item reads the elements of one item, up to its delimiter where it is open.
func (r *reader) item(keep *Set, open bool) error {
	for r.left() > 0 {
		e, err := r.element(1)
		if err != nil {
			return err
		}
		if e.tag == tagItemEnd {
			if open {
				return nil
			}
			continue
		}
		if _, ok := keep.elements[e.tag]; !ok {
			keep.elements[e.tag] = e
		}
	}
	return nil
}

// limitOnly drops errors of damage: what a sequence holds is not needed to show
// the image, or is missed where it is.
func limitOnly(err error) error {
	var l *LimitError
	if errors.As(err, &l) {
		return err
	}
	return nil
}

func (s Set) has(t Tag) bool { _, ok := s.elements[t]; return ok }

// value returns the bytes of an element that is read.
func (s Set) value(t Tag) ([]byte, error) {
	e := s.elements[t]
	if most := s.budget.limits.ValueBytes; len(e.value) > most {
		return nil, &LimitError{Limit: "value_bytes", Value: int64(len(e.value)), Max: int64(most), At: t}
	}
	return e.value, nil
}

// trim cuts the padding off a text.
func trim(b []byte) string { return strings.Trim(string(b), " \x00") }

// Text returns a text element, or nothing where it is missing or too long.
func (s Set) Text(t Tag) string {
	b, err := s.value(t)
	if err != nil {
		return ""
	}
	return trim(b)
}

// Texts returns the values of a text element.
func (s Set) Texts(t Tag) []string {
	text := s.Text(t)
	if text == "" {
		return nil
	}
	out := strings.Split(text, `\`)
	for i := range out {
		out[i] = trim([]byte(out[i]))
	}
	return out
}

// floats returns the numbers of a decimal string; one that cannot be read ends
// them.
func (s Set) floats(t Tag) []float64 {
	var out []float64
	for _, v := range s.Texts(t) {
		f, err := strconv.ParseFloat(v, 64)
		if err != nil || !(f > -1e30 && f < 1e30) { // nothing measured is larger, and no sum of two overflows
			return out
		}
		out = append(out, f)
	}
	return out
}

// words returns the 16-bit values of an element.
func (s Set) words(t Tag) ([]uint16, error) {
	b, err := s.value(t)
	if err != nil || len(b) < 2 {
		return nil, err
	}
	order := s.elements[t].order
	out := make([]uint16, len(b)/2)
	for i := range out {
		out[i] = order.Uint16(b[2*i:])
	}
	return out, nil
}

// word returns the first 16-bit value, or def.
func (s Set) word(t Tag, def int) int {
	if e := s.elements[t]; len(e.value) >= 2 {
		return int(e.order.Uint16(e.value))
	}
	return def
}
