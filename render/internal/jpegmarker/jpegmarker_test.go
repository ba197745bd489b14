package jpegmarker

import (
	"bytes"
	"testing"
)

func TestNext(t *testing.T) {
	t.Parallel()
	// A segment with two bytes, fill bytes, a restart, stuffed data, and the end with what a decoder may read behind it.
	data := []byte{0xff, SOI, 0xff, DRI, 0, 4, 1, 2, 0xff, 0xff, RST0, 7, 0xff, 0, 7, 0xff, EOI, 0, 0}
	r, err := Open(data, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		marker byte
		body   []byte
	}{{DRI, []byte{1, 2}}, {RST0, nil}, {EOI, nil}} {
		m, body, err := r.Next()
		if err != nil || m != want.marker || !bytes.Equal(body, want.body) {
			t.Errorf("%x %x, %v, want %x %x", m, body, err, want.marker, want.body)
		}
	}
	if _, _, err := r.Next(); err == nil {
		t.Error("something comes after the end")
	}
	if _, err := Open([]byte{0xff, EOI}, 1); err == nil {
		t.Error("an image without a start was opened")
	}
	// For JPEG-LS a byte below 0x80 makes no marker.
	r, _ = Open([]byte{0xff, SOI, 0xff, 0x70, 0xff, LSE, 0, 2}, 0x80)
	if m, _, err := r.Next(); err != nil || m != LSE {
		t.Errorf("%x, %v", m, err)
	}
}

// Whatever the bytes, each call moves forward and stays within them.
func FuzzNext(f *testing.F) {
	f.Add([]byte{0xff, SOI, 0xff, SOS, 0, 3, 1, 0xff, 0, 0xff, EOI, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Open(data, 1)
		for err == nil {
			before := r.At
			if _, _, err = r.Next(); err == nil && (r.At <= before || r.At > len(data)) {
				t.Fatalf("from byte %d to %d of %d", before, r.At, len(data))
			}
		}
	})
}
