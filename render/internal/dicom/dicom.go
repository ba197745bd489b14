// Package dicom reads the images of DICOM files (PS3.10): the data set in any
// of the uncompressed encodings, the frames of its pixel data, native or in one
// of the compressed forms, and from their stored values a picture as the file
// says it is to be shown (PS3.3 C.7.6.3, C.11).
//
// The bytes are not trusted. Nothing is believed about a length before it is
// held against the bytes that are there, nesting and the number of elements are
// bounded, and no error quotes a value of the file, which may name a patient.
package dicom

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Limits bound what is parsed.
type Limits struct {
	Elements   int   // data elements looked at, and items of sequences
	Depth      int   // sequences within sequences
	Fragments  int   // pieces the compressed pixel data come in
	ValueBytes int   // a value that is read: a number, a name, a table
	Inflated   int64 // a deflated data set, unpacked
}

// LimitError is a limit that was met.
type LimitError struct {
	Limit      string // dicom_elements dicom_depth dicom_fragments value_bytes stream_bytes
	Value, Max int64
	At         Tag // where, if it is one element
}

// Error implements error.
func (e *LimitError) Error() string {
	return fmt.Sprintf("dicom: %s at %v: %d is over the limit of %d", e.Limit, e.At, e.Value, e.Max)
}

// UnsupportedError is something sound that is not read here.
type UnsupportedError string

// Error implements error.
func (e UnsupportedError) Error() string { return string(e) }

// ErrNoImage is returned for a data set without pixel data.
var ErrNoImage = errors.New("the file holds no image")

// Tag is the group and element number of a data element.
type Tag uint32

// String writes a tag as the standard does.
func (t Tag) String() string { return fmt.Sprintf("(%04X,%04X)", uint32(t)>>16, uint32(t)&0xffff) }

// group is the first half of a tag.
func (t Tag) group() uint16 { return uint16(t >> 16) }

// File is a DICOM file. It keeps the bytes it was made of.
type File struct {
	Set    Set    // the data set's elements
	Syntax Syntax // how it is encoded
	Image  Image  // what it says of its pixels
	Notes  []string

	own, shared []Set // functional groups, of each frame and of all
	pixels      element
	fragments   []fragment // of compressed pixel data, without the offset table
	frames      [][]int    // which fragments make each frame
}

// preamble is what precedes the magic letters.
const preamble = 128

// Magic opens a file after its preamble.
const Magic = "DICM"

// Parse reads a file but for its pixels.
func Parse(data []byte, l Limits) (*File, error) {
	switch {
	case len(data) >= preamble+len(Magic) && string(data[preamble:preamble+len(Magic)]) == Magic:
		data = data[preamble+len(Magic):]
	case bytes.HasPrefix(data, []byte(Magic)):
		data = data[len(Magic):]
	}
	b := &budget{limits: l}
	uid, rest, err := metaGroup(data, b)
	if err != nil {
		return nil, err
	}
	f := &File{Syntax: syntaxOf(uid, rest)}
	if f.Syntax.deflated {
		if rest, err = inflate(rest, l.Inflated); err != nil {
			return nil, err
		}
	}
	r := &reader{data: rest, order: binary.LittleEndian, implicit: f.Syntax.implicit, budget: b}
	if f.Syntax.bigEndian {
		r.order = binary.BigEndian
	}
	f.Set = Set{elements: map[Tag]element{}, budget: b}
	err = r.walk(0, &f.Set)
	var limit *LimitError
	if errors.As(err, &limit) {
		return nil, err
	}
	if err := f.findPixels(err); err != nil {
		return nil, err
	}
	if !f.Syntax.known {
		return nil, UnsupportedError("transfer syntax " + f.Syntax.Name + " is not read")
	}
	if f.own, err = f.Set.items(tagFrameGroups); err != nil {
		return nil, err
	}
	if f.shared, err = f.Set.items(tagSharedGroups); err != nil {
		return nil, err
	}
	if err := f.describe(); err != nil {
		return nil, err
	}
	if err := f.divide(); err != nil {
		return nil, err
	}
	return f, nil
}

// findPixels settles where the pixel data are; cut is why the walk ended early,
// which is no matter when they were found before.
func (f *File) findPixels(cut error) error {
	if f.Set.has(tagFloatPixels) || f.Set.has(tagDoublePixels) {
		return UnsupportedError("pixel data in floating point are not read")
	}
	e, ok := f.Set.elements[tagPixelData]
	switch {
	case ok:
		f.pixels = e
		if cut != nil {
			f.Notes = append(f.Notes, "the data set ends within an element: "+cut.Error())
		}
		return nil
	case cut != nil:
		return cut
	case f.Set.has(tagPixelURL):
		return UnsupportedError("pixel data kept elsewhere: the file only points at them")
	}
	return ErrNoImage
}

// metaGroup reads the file meta information, always explicit little endian, and
// returns the transfer syntax's UID and what follows. Its stated length is not
// believed: it ends where group 2 does.
func metaGroup(data []byte, b *budget) (uid string, rest []byte, err error) {
	r := &reader{data: data, order: binary.LittleEndian, budget: b}
	for r.left() >= 8 && binary.LittleEndian.Uint16(r.data[r.at:]) == 2 {
		e, err := r.element(0)
		if err != nil {
			return "", nil, fmt.Errorf("the file meta information is damaged: %w", err)
		}
		if e.tag == tagTransferSyntax {
			uid = trim(e.value)
		}
	}
	return uid, r.data[r.at:], nil
}

// inflate unpacks a deflated data set. A stream that is cut off gives what
// there was of it.
func inflate(packed []byte, most int64) ([]byte, error) {
	r := flate.NewReader(bytes.NewReader(packed))
	out, err := io.ReadAll(io.LimitReader(r, most+1))
	if int64(len(out)) > most {
		return nil, &LimitError{Limit: "stream_bytes", Value: int64(len(out)), Max: most}
	}
	if len(out) == 0 && err != nil {
		return nil, fmt.Errorf("the deflated data set is damaged: %w", err)
	}
	return out, nil
}
