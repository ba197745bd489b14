package rle

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// frame puts segments behind a header.
func frame(segments ...[]byte) []byte {
	out := make([]byte, headerBytes)
	binary.LittleEndian.PutUint32(out, uint32(len(segments)))
	for k, s := range segments {
		binary.LittleEndian.PutUint32(out[4+4*k:], uint32(len(out)))
		out = append(out, s...)
	}
	return out
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what string
		data []byte
		n    int
		size int
		want string // planes one after the other, or the error
	}{
		{"bytes as they are", frame([]byte{2, 'a', 'b', 'c'}), 1, 3, "abc"},
		{"a repeated byte", frame([]byte{0xfe, 'x'}), 1, 3, "xxx"},
		{"a byte that says nothing", frame([]byte{0x80, 0, 'a', 0x80}), 1, 1, "a"},
		{"two planes", frame([]byte{1, 'a', 'b'}, []byte{0xff, 'c'}), 2, 2, "abcc"},
		{"padding behind", frame([]byte{3, 'a', 'b', 'c', 0}), 1, 3, "abc"},
		{"one byte short", frame([]byte{0xfe, 'x'}), 1, 4, "segment 1: 3 of 4 bytes"},
		{"a run cut off", frame([]byte{9, 'x'}), 1, 4, "segment 1: 1 of 4 bytes"},
		{"another number of segments", frame([]byte{0, 'x'}), 2, 1, "there are 1 segments where the image needs 2"},
		{"no header", []byte{1, 0, 0, 0}, 1, 1, "the header is cut off"},
		{"a segment outside", func() []byte {
			f := frame([]byte{0, 'x'}, []byte{0, 'y'})
			binary.LittleEndian.PutUint32(f[8:], 1000)
			return f
		}(), 2, 1, "segment 1 lies outside"},
	} {
		planes, err := Decode(c.data, c.n, c.size)
		got := string(bytes.Join(planes, nil))
		if err != nil {
			got = err.Error()
		}
		if err == nil && got != c.want || err != nil && !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.what, got, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(frame([]byte{2, 'a', 'b', 'c'}), byte(1), uint16(3))
	f.Add(frame([]byte{1, 'a', 'b'}, []byte{0xff, 'c'}), byte(2), uint16(2))
	f.Fuzz(func(t *testing.T, data []byte, n byte, size uint16) {
		planes, err := Decode(data, int(n), int(size))
		if err != nil {
			return
		}
		if len(planes) != int(n) {
			t.Fatalf("%d planes of %d", len(planes), n)
		}
		for _, p := range planes {
			if len(p) != int(size) {
				t.Fatalf("a plane of %d bytes, want %d", len(p), size)
			}
		}
	})
}
