package render

import (
	"bytes"
	"encoding/binary"
	"testing"
)

func TestFramesAreBounded(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := writeFrame(&b, request{Op: "page", Page: 7}); err != nil {
		t.Fatal(err)
	}
	var r request
	if err := readFrame(&b, &r); err != nil || r.Page != 7 {
		t.Errorf("%+v, %v", r, err)
	}
	long := binary.LittleEndian.AppendUint32(nil, maxFrameBytes+1)
	if err := readFrame(bytes.NewReader(long), &r); err == nil {
		t.Error("a frame over the limit was read")
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("\x02\x00\x00\x00{}"))
	f.Add([]byte("\x14\x00\x00\x00{\"page\":{\"number\":1}}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4 {
			binary.LittleEndian.PutUint32(b, uint32(len(b)-4))
		}
		var a answer
		if readFrame(bytes.NewReader(b), &a) != nil {
			return
		}
		if a.Error != nil {
			a.Error.error()
		}
		if a.Page != nil && a.Page.check(1, Limits{}.withDefaults()) == nil && a.Page.Width*a.Page.Height > MaxRasterPixels {
			t.Fatal("a page over the limit passed")
		}
	})
}
