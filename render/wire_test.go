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
	for _, s := range []string{
		`{"page":{"number":1,"width":10,"height":10,"unit":"px","to_source":[1,0,0,0,1,0],"text":[{"t":"a","b":[0,0,1,1]}],"lines":[{"b":[0,0,1,1],"x":2}]}}`,
		`{"error":{"Kind":"too_large","Op":"page","Limit":"page_pixels","Value":2,"Max":1,"Hint":"h","Cause":"c"}}`,
		`{"info":{"format":"pdf","media_type":"application/pdf","pages":3,"notes":[{"kind":"link","text":"x"}]}}`,
		`{"inspect":{"pages":1,"notes":null}}`,
	} {
		f.Add(append(make([]byte, 4), s...))
	}
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
