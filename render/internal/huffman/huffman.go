// Package huffman reads what the Huffman-coded kinds of JPEG have in common
// (ITU-T T.81): their code tables (annex C, F.2.2.3) and the bits of a scan with
// stuffed zeros and restart markers (B.1.1.5, F.2.2.5).
package huffman

import "errors"

// Table is a code table: for each code length the largest code and where its
// values begin, and a shortcut for codes of up to lookBits.
type Table struct {
	max    [17]int32 // largest code of a length, -1 for none
	offset [17]int32 // index of a length's first value minus its first code
	values []byte
	look   [1 << lookBits]uint16 // length<<8 | value, 0 for longer codes
}

const lookBits = 8

// Tables are the code tables of an image, by class (0: DC and lossless, 1: AC)
// and number.
type Tables [2][4]*Table

// Define reads the tables of a DHT segment.
func (all *Tables) Define(b []byte) error {
	for len(b) > 0 {
		if len(b) < 17 || b[0]>>4 > 1 || b[0]&15 > 3 {
			return errors.New("a code table is damaged")
		}
		total := 0
		for _, n := range b[1:17] {
			total += int(n)
		}
		if total > 256 || len(b) < 17+total {
			return errors.New("a code table is cut off")
		}
		t := &Table{values: b[17 : 17+total]}
		if err := t.build(b[1:17]); err != nil {
			return err
		}
		all[b[0]>>4][b[0]&15] = t
		b = b[17+total:]
	}
	return nil
}

// build numbers the codes: in order of length, each one more than the last.
func (t *Table) build(counts []byte) error {
	code, index := int32(0), int32(0)
	for length := 1; length <= 16; length++ {
		n := int32(counts[length-1])
		t.offset[length] = index - code
		if code+n > 1<<length {
			return errors.New("a code table has more codes than fit")
		}
		if length <= lookBits {
			for k := range n {
				from := (code + k) << (lookBits - length)
				for j := range int32(1) << (lookBits - length) {
					t.look[from+j] = uint16(length)<<8 | uint16(t.values[index+k])
				}
			}
		}
		code, index = code+n, index+n
		t.max[length] = code - 1
		if n == 0 {
			t.max[length] = -1
		}
		code <<= 1
	}
	return nil
}

// Bits reads the entropy-coded data of a scan.
type Bits struct {
	Data  []byte
	At    int    // the next byte to be read
	held  uint64 // lowest count bits are the next ones
	count int
	lent  int // zeros among them that stand for bits beyond the end
}

// errEnd is returned where a value would be made of bits that are not there.
var errEnd = errors.New("the data end too early")

// fill makes sure of n bits, n up to 32. Codes are read ahead of need: beyond a
// marker or the end there are zeros, which nothing may use.
func (r *Bits) fill(n int) {
	for r.count < n {
		var v byte
		switch {
		case r.At >= len(r.Data) || r.Data[r.At] == 0xff && (r.At+1 >= len(r.Data) || r.Data[r.At+1] != 0):
			r.lent += 8
		case r.Data[r.At] == 0xff:
			v = 0xff
			r.At += 2
		default:
			v = r.Data[r.At]
			r.At++
		}
		r.held = r.held<<8 | uint64(v)
		r.count += 8
	}
}

// drop takes n bits that were looked at.
func (r *Bits) drop(n int) error {
	if r.count -= n; r.count < r.lent {
		return errEnd
	}
	return nil
}

// Symbol reads one code.
func (r *Bits) Symbol(t *Table) (byte, error) {
	r.fill(16)
	if l := t.look[r.held>>(r.count-lookBits)&(1<<lookBits-1)]; l != 0 {
		return byte(l), r.drop(int(l >> 8))
	}
	for length := lookBits + 1; length <= 16; length++ {
		code := int32(r.held >> (r.count - length) & (1<<length - 1))
		if code <= t.max[length] {
			return t.values[code+t.offset[length]], r.drop(length)
		}
	}
	return 0, errors.New("a code is not in its table")
}

// Value reads the n bits of a signed value, n up to 16 (F.2.2.1).
func (r *Bits) Value(n int) (int, error) {
	if n == 0 {
		return 0, nil
	}
	if n > 16 {
		return 0, errors.New("a value of more than 16 bits")
	}
	r.fill(n)
	v := int(r.held >> (r.count - n) & (1<<n - 1))
	if v < 1<<(n-1) {
		v -= 1<<n - 1
	}
	return v, r.drop(n)
}

// Restart passes over a restart marker; bits before it are padding.
func (r *Bits) Restart() error {
	r.held, r.count, r.lent = 0, 0, 0
	for r.At+1 < len(r.Data) {
		next := r.Data[r.At+1]
		if r.Data[r.At] == 0xff && next >= 0xd0 && next <= 0xd7 {
			r.At += 2
			return nil
		}
		if r.Data[r.At] == 0xff && next != 0 && next != 0xff {
			break
		}
		r.At++
	}
	return errors.New("a restart marker is missing")
}
