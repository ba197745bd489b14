package dicom

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// fragment is a piece of compressed pixel data.
type fragment struct {
	at   int // of its item, from the first after the offset table
	data []byte
}

// divide finds the frames in the pixel data.
func (f *File) divide() error {
	declared := f.declaredFrames()
	found := 0
	if f.Syntax.Codec == Native && !f.pixels.open {
		if f.Syntax.bigEndian && f.pixels.vr == "OW" && f.Image.Allocated <= 8 {
			f.pixels.value = swapped(f.pixels.value)
		}
		// A last frame that is cut off counts: it is there, and is refused by itself.
		size := f.frameBytes()
		found = (len(f.pixels.value) + size - 1) / size
		if f.Image.Allocated == 1 {
			bits := int64(f.Image.Rows) * int64(f.Image.Columns)
			found = int((8*int64(len(f.pixels.value)) + bits - 1) / bits)
		}
		if declared > 0 {
			found = min(found, declared) // the rest is padding
		}
	} else {
		if f.Syntax.Codec == Native {
			return errors.New("the pixel data come in pieces, as only compressed ones do")
		}
		if !f.pixels.open {
			return errors.New("the pixel data are in one piece, as compressed ones never are")
		}
		if err := f.split(declared); err != nil {
			return err
		}
		found = len(f.frames)
	}
	if found == 0 {
		return errors.New("the pixel data are empty")
	}
	if declared != found {
		said := fmt.Sprintf("%d frames are", declared)
		if declared == 0 {
			said = "no number of frames is"
		}
		f.Notes = append(f.Notes, fmt.Sprintf("%s declared, the pixel data hold %d", said, found))
	}
	f.Image.Frames = found
	return nil
}

// swapped undoes that bytes were written as words of the other order.
func swapped(in []byte) []byte {
	out := bytes.Clone(in)
	for i := 0; i+1 < len(out); i += 2 {
		out[i], out[i+1] = out[i+1], out[i]
	}
	return out
}

// frameBytes is the size of an uncompressed frame, in whole bytes.
func (f *File) frameBytes() int {
	i := f.Image
	n := i.Rows * i.Columns
	switch {
	case i.Allocated == 1:
		return (n + 7) / 8
	case f.subsampled():
		return i.Rows * ((i.Columns + 1) / 2) * 4 * (i.Allocated / 8)
	}
	return n * i.Samples * (i.Allocated / 8)
}

// subsampled reports native pixels with one pair of colours to two pixels. Files
// that say so of pixels with three values each are not rare: by their size they
// are told apart.
func (f *File) subsampled() bool {
	i := f.Image
	if i.Photometric != YBRFull422 && i.Photometric != YBRPartial422 || f.Syntax.Codec != Native {
		return false
	}
	whole := int64(i.Rows) * int64(i.Columns) * 3 * int64(i.Allocated/8)
	return int64(len(f.pixels.value)) < whole*int64(max(f.declaredFrames(), 1))
}

// split reads the fragments and tells which make up a frame: by their number
// where that decides, then by the offset tables where they are right, then by
// how a compressed image begins.
func (f *File) split(declared int) error {
	table, err := f.readFragments()
	if err != nil {
		return err
	}
	n := len(f.fragments)
	switch {
	case n == 0:
		return errors.New("the compressed pixel data are empty")
	case n == declared:
		for i := range n {
			f.frames = append(f.frames, []int{i})
		}
		return nil
	case declared == 1:
		f.frames = [][]int{f.all(0, n)}
		return nil
	}
	if starts := f.byOffsets(table, declared); starts != nil {
		f.group(starts)
		return nil
	}
	if starts := f.byOffsets(f.extendedOffsets(), declared); starts != nil {
		f.group(starts)
		return nil
	}
	var starts []int
	for i, p := range f.fragments {
		if i == 0 || f.begins(p.data) {
			starts = append(starts, i)
		}
	}
	if declared > 0 && len(starts) > declared {
		starts = starts[:declared]
	}
	f.group(starts)
	return nil
}

// all lists the numbers from first up to last.
func (f *File) all(first, last int) (out []int) {
	for i := first; i < last; i++ {
		out = append(out, i)
	}
	return out
}

// group makes frames that begin at these fragments.
func (f *File) group(starts []int) {
	for k, s := range starts {
		end := len(f.fragments)
		if k+1 < len(starts) {
			end = starts[k+1]
		}
		f.frames = append(f.frames, f.all(s, end))
	}
}

// readFragments lists the items of the pixel data; the first is the offset
// table. The last may be cut off.
func (f *File) readFragments() (table []uint64, err error) {
	r := &reader{data: f.pixels.value, order: f.pixels.order, implicit: true, budget: f.Set.budget}
	most := f.Set.budget.limits.Fragments
	for first, base := true, 0; r.left() >= 8; first = false {
		at := r.at
		e, length, err := r.header()
		if err != nil {
			return nil, err
		}
		if e.tag != tagItem {
			break
		}
		data := r.data[r.at:]
		if uint64(length) < uint64(len(data)) {
			data = data[:length]
		}
		r.at += len(data)
		if first {
			base = r.at
			for i := 0; i+4 <= len(data); i += 4 {
				table = append(table, uint64(binary.LittleEndian.Uint32(data[i:])))
			}
			continue
		}
		if len(f.fragments) == most {
			return nil, &LimitError{Limit: "dicom_fragments", Value: int64(most) + 1, Max: int64(most), At: tagPixelData}
		}
		f.fragments = append(f.fragments, fragment{at: at - base, data: data})
	}
	return table, nil
}

// extendedOffsets reads the table of 64-bit offsets.
func (f *File) extendedOffsets() (table []uint64) {
	e := f.Set.elements[tagExtendedOffsets]
	for i := 0; i+8 <= len(e.value); i += 8 {
		table = append(table, e.order.Uint64(e.value[i:]))
	}
	return table
}

// byOffsets turns a table into the fragments that frames begin with, or nil if
// it cannot be right: each offset must be that of an item, in order, from the
// first, one for each frame.
func (f *File) byOffsets(table []uint64, declared int) (starts []int) {
	if len(table) == 0 || table[0] != 0 || declared > 0 && len(table) != declared {
		return nil
	}
	for _, at := range table {
		i, ok := slices.BinarySearchFunc(f.fragments, at, func(p fragment, at uint64) int {
			switch {
			case uint64(p.at) < at:
				return -1
			case uint64(p.at) > at:
				return 1
			}
			return 0
		})
		if !ok || len(starts) > 0 && i <= starts[len(starts)-1] {
			return nil
		}
		starts = append(starts, i)
	}
	return starts
}

// begins reports that a fragment starts a compressed image.
func (f *File) begins(data []byte) bool {
	switch f.Syntax.Codec {
	case RLE:
		// The header: a number of segments, then the first one's offset, which is its own size.
		return len(data) >= 64 && data[0] >= 1 && data[0] <= 15 && data[1] == 0 && data[2] == 0 && data[3] == 0 &&
			binary.LittleEndian.Uint32(data[4:]) == 64
	case JPEG2000:
		return bytes.HasPrefix(data, []byte("\xff\x4f\xff\x51")) || bytes.HasPrefix(data, []byte("\x00\x00\x00\x0cjP"))
	}
	return bytes.HasPrefix(data, []byte("\xff\xd8\xff"))
}

// stream returns the compressed bytes of a frame, counted from 0.
func (f *File) stream(n int) []byte {
	parts := f.frames[n]
	if len(parts) == 1 {
		return f.fragments[parts[0]].data
	}
	var out []byte
	for _, p := range parts {
		out = append(out, f.fragments[p].data...)
	}
	return out
}

// native returns the bytes of an uncompressed frame.
func (f *File) native(n int) ([]byte, error) {
	size := f.frameBytes()
	value := f.pixels.value
	if at := n * size; at+size <= len(value) {
		return value[at : at+size], nil
	}
	have := max(len(value)-n*size, 0)
	return nil, fmt.Errorf("the frame is cut off: %d of %d bytes are there", have, size)
}
