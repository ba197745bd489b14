// Package dicomtest writes small DICOM files for tests: the elements a test names,
// in any of the uncompressed encodings, with native or encapsulated pixels.
package dicomtest

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"sort"
	"strings"
)

// Transfer syntaxes.
const (
	Implicit = "1.2.840.10008.1.2"
	Explicit = "1.2.840.10008.1.2.1"
	Deflated = "1.2.840.10008.1.2.1.99"
	Big      = "1.2.840.10008.1.2.2"
	RLE      = "1.2.840.10008.1.2.5"
	Baseline = "1.2.840.10008.1.2.4.50"
	Extended = "1.2.840.10008.1.2.4.51"
	Lossless = "1.2.840.10008.1.2.4.70"
	JPEGLS   = "1.2.840.10008.1.2.4.80"
	JPEG2000 = "1.2.840.10008.1.2.4.90"
)

// PixelData is the tag of the pixels.
const PixelData = 0x7fe00010

// Set is the elements of a data set by tag. A string is text; int an unsigned
// short, []int several; []byte goes as it is, as words; []Set is a sequence;
// Fragments are encapsulated pixels.
type Set map[uint32]any

// Fragments are the items of encapsulated pixel data, the offset table first.
type Fragments [][]byte

// Options say how a file is written.
type Options struct {
	Syntax     string
	NoPreamble bool // begin with the meta group
	Bare       bool // no meta group either
	Open       bool // sequences and items without lengths
}

// File writes a file.
func File(o Options, set Set) []byte {
	if o.Syntax == "" {
		o.Syntax = Explicit
	}
	w := writer{order: binary.LittleEndian, implicit: o.Syntax == Implicit, open: o.Open}
	if o.Syntax == Big {
		w.order = binary.BigEndian
	}
	body := w.set(set)
	if o.Syntax == Deflated {
		var b bytes.Buffer
		f, err := flate.NewWriter(&b, flate.BestCompression)
		if err != nil {
			panic(err)
		}
		f.Write(body)
		f.Close()
		body = b.Bytes()
	}
	if o.Bare {
		return body
	}
	meta := writer{order: binary.LittleEndian}.set(Set{0x00020010: o.Syntax})
	head := append(make([]byte, 128), "DICM"...)
	if o.NoPreamble {
		head = nil
	}
	return append(append(head, meta...), body...)
}

// Image is the elements of a grey image of words; pixels may be nil.
func Image(w, h, stored int, pixels []uint16) Set {
	data := make([]byte, 0, 2*len(pixels))
	for _, v := range pixels {
		data = binary.LittleEndian.AppendUint16(data, v)
	}
	return Set{
		0x00280002: 1, 0x00280004: "MONOCHROME2", 0x00280010: h, 0x00280011: w,
		0x00280100: 16, 0x00280101: stored, 0x00280102: stored - 1, 0x00280103: 0, PixelData: data,
	}
}

// With returns the set with changes; a nil value takes an element away.
func (s Set) With(changes Set) Set {
	out := Set{}
	for t, v := range s {
		out[t] = v
	}
	for t, v := range changes {
		if out[t] = v; v == nil {
			delete(out, t)
		}
	}
	return out
}

// texts are the value representations of the text elements tests use; others
// are short strings.
var texts = map[uint32]string{
	0x00020010: "UI", 0x00080016: "UI", 0x00080018: "UI", 0x0020000d: "UI", 0x0020000e: "UI", 0x00280008: "IS",
	0x00281050: "DS", 0x00281051: "DS", 0x00281052: "DS", 0x00281053: "DS", 0x00280030: "DS", 0x00181164: "DS",
	0x00100010: "PN", 0x00100020: "LO", 0x00100030: "DA", 0x00280034: "IS",
}

// writer encodes elements.
type writer struct {
	order    binary.AppendByteOrder
	implicit bool
	open     bool
}

// set encodes elements in the order of their tags.
func (w writer) set(s Set) []byte {
	tags := make([]uint32, 0, len(s))
	for t := range s {
		tags = append(tags, t)
	}
	sort.Slice(tags, func(i, j int) bool { return tags[i] < tags[j] })
	var out []byte
	for _, t := range tags {
		out = w.element(out, t, s[t])
	}
	return out
}

const undefined = 0xffffffff

// element encodes one.
func (w writer) element(out []byte, tag uint32, v any) []byte {
	switch v := v.(type) {
	case string:
		vr := texts[tag]
		if vr == "" {
			vr = "CS"
		}
		pad := " "
		if vr == "UI" {
			pad = "\x00"
		}
		return w.value(out, tag, vr, []byte(v+strings.Repeat(pad, len(v)%2)))
	case int:
		return w.value(out, tag, "US", w.order.AppendUint16(nil, uint16(v)))
	case []int:
		var b []byte
		for _, n := range v {
			b = w.order.AppendUint16(b, uint16(n))
		}
		return w.value(out, tag, "US", b)
	case []byte:
		b := append(bytes.Clone(v), make([]byte, len(v)%2)...)
		if w.order == binary.AppendByteOrder(binary.BigEndian) { // words
			for i := 0; i+1 < len(b); i += 2 {
				b[i], b[i+1] = b[i+1], b[i]
			}
		}
		return w.value(out, tag, "OW", b)
	case []Set:
		var items []byte
		for _, s := range v {
			items = w.item(items, 0xfffee000, w.set(s), w.open)
		}
		if !w.open {
			return w.value(out, tag, "SQ", items)
		}
		out = w.header(out, tag, "SQ", undefined)
		return w.delimiter(append(out, items...), 0xfffee0dd)
	case Fragments:
		out = w.header(out, tag, "OB", undefined)
		for _, f := range v {
			out = w.item(out, 0xfffee000, append(bytes.Clone(f), make([]byte, len(f)%2)...), false)
		}
		return w.delimiter(out, 0xfffee0dd)
	}
	panic(fmt.Sprintf("dicomtest: %T", v))
}

// item encodes an item of a sequence.
func (w writer) item(out []byte, tag uint32, body []byte, open bool) []byte {
	n := uint32(len(body))
	if open {
		n = undefined
	}
	out = append(w.order.AppendUint32(w.tag(out, tag), n), body...)
	if open {
		out = w.delimiter(out, 0xfffee00d)
	}
	return out
}

// delimiter ends what has no length.
func (w writer) delimiter(out []byte, tag uint32) []byte {
	return w.order.AppendUint32(w.tag(out, tag), 0)
}

// tag encodes group and element.
func (w writer) tag(out []byte, tag uint32) []byte {
	return w.order.AppendUint16(w.order.AppendUint16(out, uint16(tag>>16)), uint16(tag))
}

// header encodes what precedes a value.
func (w writer) header(out []byte, tag uint32, vr string, n uint32) []byte {
	out = w.tag(out, tag)
	if w.implicit {
		return w.order.AppendUint32(out, n)
	}
	out = append(out, vr...)
	switch vr {
	case "OB", "OW", "SQ", "UN":
		return w.order.AppendUint32(append(out, 0, 0), n)
	}
	return w.order.AppendUint16(out, uint16(n))
}

// value encodes an element of known length.
func (w writer) value(out []byte, tag uint32, vr string, b []byte) []byte {
	return append(w.header(out, tag, vr, uint32(len(b))), b...)
}
