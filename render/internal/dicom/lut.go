package dicom

import (
	"errors"
	"fmt"
	"slices"
)

// lut is a look-up table: values up to first give its first entry, values beyond
// its last the last.
type lut struct {
	first   int
	entries []uint16
	bits    int // of an entry
}

// at looks a value up.
func (l lut) at(v int) uint16 {
	return l.entries[max(0, min(v-l.first, len(l.entries)-1))]
}

// byte looks a value up and scales the entry to 8 bits.
func (l lut) byte(v int) uint8 {
	most := uint32(1<<l.bits - 1)
	return uint8((2*255*min(uint32(l.at(v)), most) + most) / (2 * most))
}

// describe reads a descriptor: number of entries (0 stands for 65536), first
// value mapped, bits of an entry.
func describe(d []uint16, signed bool) (n int, l lut, err error) {
	if len(d) < 3 {
		return 0, l, errors.New("the descriptor of a look-up table is cut off")
	}
	if n = int(d[0]); n == 0 {
		n = 1 << 16
	}
	if l.first = int(d[1]); signed {
		l.first = int(int16(d[1]))
	}
	if l.bits = int(d[2]); l.bits < 1 || l.bits > 16 {
		return 0, l, fmt.Errorf("a look-up table has entries of %d bits", l.bits)
	}
	return n, l, nil
}

// lut reads a table with its descriptor d. Entries of 8 bits may be bytes; they
// are where there are too few bytes for words.
func (s Set) lut(d []uint16, data Tag, signed bool) (lut, error) {
	n, l, err := describe(d, signed)
	if err != nil {
		return l, err
	}
	raw, err := s.value(data)
	if err != nil {
		return l, err
	}
	switch {
	case len(raw) >= 2*n:
		if l.entries, err = s.words(data); err != nil {
			return l, err
		}
		l.entries = l.entries[:n]
	case len(raw) >= n && l.bits <= 8:
		for _, v := range raw[:n] {
			l.entries = append(l.entries, uint16(v))
		}
	default:
		return l, fmt.Errorf("the look-up table %v has %d bytes for %d entries", data, len(raw), n)
	}
	if top := slices.Max(l.entries); l.bits <= 8 && top > 255 && top&0xff == 0 {
		l.bits = 16 // bytes in the upper halves of words, as older palettes have them
	}
	return l, nil
}

// segmented reads a table given in segments (PS3.3 C.7.9.2): 0 lists entries, 1
// is a straight line to a value, 2 repeats earlier segments.
func (s Set) segmented(d []uint16, data Tag, signed bool) (lut, error) {
	n, l, err := describe(d, signed)
	if err != nil {
		return l, err
	}
	w, err := s.words(data)
	if err != nil {
		return l, err
	}
	if l.entries, err = segments(nil, w, n, 0, len(w)); err != nil {
		return l, fmt.Errorf("the look-up table %v: %w", data, err)
	}
	if len(l.entries) < n {
		return l, fmt.Errorf("the look-up table %v has %d of %d entries", data, len(l.entries), n)
	}
	l.entries = l.entries[:n]
	return l, nil
}

// maxRepeats bounds how often segments repeat others: more cannot be needed for
// 65536 entries.
const maxRepeats = 1 << 16

// segments expands up to count segments of w[at:] onto out, until n entries are
// there.
func segments(out, w []uint16, n, at, count int) ([]uint16, error) {
	return expand(out, w, n, at, count, 0)
}

// expand does it; an indirect segment may not lead to another one.
func expand(out, w []uint16, n, at, count, depth int) ([]uint16, error) {
	var err error
	for ; count > 0 && at+1 < len(w) && len(out) < n; count-- {
		op, length := w[at], int(w[at+1])
		at += 2
		switch {
		case op == 0 && at+length <= len(w):
			out = append(out, w[at:at+length]...)
			at += length
		case op == 1 && at < len(w) && len(out) > 0 && length > 0:
			from, to := int(out[len(out)-1]), int(w[at])
			for k := 1; k <= length; k++ {
				out = append(out, uint16(from+(to-from)*k/length))
			}
			at++
		case op == 2 && at+1 < len(w) && depth == 0 && length <= maxRepeats:
			where := int(w[at]) | int(w[at+1])<<16
			if where >= at-2 {
				return out, errors.New("a segment repeats what comes after it")
			}
			if out, err = expand(out, w, n, where, length, 1); err != nil {
				return out, err
			}
			at += 2
		default:
			return out, errors.New("a segment is damaged")
		}
	}
	return out, nil
}
