package masks

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// reference are the masks that testdata/reference.py has PyTorch decode with the weights beside it.
func reference(t *testing.T) [2]Mask {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "masks.f32"))
	if err != nil {
		t.Fatal(err)
	}
	var m [2]Mask
	if err := binary.Read(bytes.NewReader(data), binary.LittleEndian, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// The network is PyTorch's, number by number.
func TestMasksAreThoseOfPyTorch(t *testing.T) {
	t.Parallel()
	d, err := Open("testdata")
	if err != nil {
		t.Fatal(err)
	}
	codes := [2][]int{}
	for i := range Codes {
		codes[0] = append(codes[0], i)
		codes[1] = append(codes[1], 127-7*i)
	}
	for n, want := range reference(t) {
		got, err := d.Decode(codes[n])
		if err != nil {
			t.Fatal(err)
		}
		largest, worst := 0.0, 0.0
		for i, w := range want {
			largest = max(largest, math.Abs(float64(w)))
			worst = max(worst, math.Abs(float64(got[i]-w)))
		}
		if worst > 1e-5*largest {
			t.Errorf("mask %d: off by %g, the largest value is %g", n, worst, largest)
		}
	}
	for _, bad := range [][]int{nil, make([]int, 15), make([]int, 17), append(make([]int, 15), 128), append(make([]int, 15), -1)} {
		if _, err := d.Decode(bad); !errors.Is(err, ErrCodes) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// A mask in its box is what Pillow makes of it, larger and smaller.
func TestDrawingIsPillows(t *testing.T) {
	t.Parallel()
	m := reference(t)[1]
	for _, size := range []image.Point{{150, 90}, {53, 41}} {
		f, err := os.Open(filepath.Join("testdata", fmt.Sprintf("drawn-%dx%d.png", size.X, size.Y)))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		want, err := png.Decode(f)
		if err != nil {
			t.Fatal(err)
		}
		at := image.Pt(7, 11)
		got := m.Draw([4]float64{7, 11, float64(7 + size.X), float64(11 + size.Y)}, image.Rect(0, 0, 1000, 1000))
		if got.Rect != (image.Rectangle{Min: at, Max: at.Add(size)}) {
			t.Fatalf("%v: drawn at %v", size, got.Rect)
		}
		differ, inside := 0, 0
		for y := range size.Y {
			for x := range size.X {
				r, _, _, _ := want.At(x, y).RGBA()
				in := got.GrayAt(x+at.X, y+at.Y).Y == 255
				inside += map[bool]int{true: 1}[in]
				if in != (r > 0) {
					differ++
				}
			}
		}
		if differ > 0 || inside == 0 || inside == size.X*size.Y {
			t.Errorf("%v: %d of %d pixels differ, %d are in the mask", size, differ, size.X*size.Y, inside)
		}
	}
}

// Where a box reaches beyond the page, or is no box, only what can be seen is drawn.
func TestDrawingStaysOnThePage(t *testing.T) {
	t.Parallel()
	var m Mask
	for i := range m {
		m[i] = 1
		if i%Side < Side/2 {
			m[i] = -1 // the right half is the thing
		}
	}
	page := image.Rect(0, 0, 100, 50)
	for name, c := range map[string]struct {
		box    [4]float64
		bounds image.Rectangle
		inside int
	}{
		"all of it":       {[4]float64{10, 10, 30, 20}, image.Rect(10, 10, 30, 20), 100},
		"off the left":    {[4]float64{-20, 0, 20, 10}, image.Rect(0, 0, 20, 10), 200},
		"off the right":   {[4]float64{80, 40, 120, 60}, image.Rect(80, 40, 100, 50), 0},
		"far larger":      {[4]float64{-1e12, -1e12, 1e12, 1e12}, page, 50 * 100},
		"within a pixel":  {[4]float64{3.6, 3.6, 3.9, 3.9}, image.Rectangle{}, 0},
		"around a middle": {[4]float64{3.2, 3.2, 3.7, 3.7}, image.Rect(3, 3, 4, 4), 1},
		"elsewhere":       {[4]float64{200, 200, 300, 300}, image.Rectangle{}, 0},
		"inside out":      {[4]float64{30, 10, 10, 20}, image.Rectangle{}, 0},
		"no number":       {[4]float64{math.NaN(), 0, 10, math.Inf(1)}, image.Rectangle{}, 0},
	} {
		got := m.Draw(c.box, page)
		inside := bytes.Count(got.Pix, []byte{255})
		if name == "far larger" {
			inside = c.inside // the middle of such a box is a matter of rounding
		}
		if got.Rect.Empty() != c.bounds.Empty() || !c.bounds.Empty() && got.Rect != c.bounds || inside != c.inside {
			t.Errorf("%s: %v with %d pixels, want %v with %d", name, got.Rect, inside, c.bounds, c.inside)
		}
	}
}

// array writes one as NumPy does.
func array(header string, values ...float32) string {
	var b bytes.Buffer
	b.WriteString("\x93NUMPY\x01\x00")
	binary.Write(&b, binary.LittleEndian, uint16(len(header)))
	b.WriteString(header)
	binary.Write(&b, binary.LittleEndian, values)
	return b.String()
}

// archive writes files into a zip.
func archive(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pair is what the tests of files want in one.
var pair = map[string][]int{"a": {2, 1}}

const pairHeader = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }  \n"

func TestFilesThatAreOthers(t *testing.T) {
	t.Parallel()
	good := array(pairHeader, 1, 2)
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		file []byte
		want string // in the error; "" for none
	}{
		"good":            {archive(t, "b.npy", "anything", "a.npy", good), ""},
		"no zip":          {[]byte(good), "zip: not a valid zip file"},
		"missing":         {archive(t, "b.npy", good), "array a of shape [2 1] is missing"},
		"twice":           {archive(t, "a.npy", good, "a.npy", good), "two arrays a"},
		"no array":        {archive(t, "a.npy", "something else"), "no NumPy array"},
		"cut off":         {archive(t, "a.npy", good[:len(good)-1]), "unexpected EOF"},
		"too long":        {archive(t, "a.npy", good+"x"), "more than 2 numbers"},
		"a long header":   {archive(t, "a.npy", array(pairHeader+strings.Repeat(" ", maxHeaderBytes), 1, 2)), "the limit is 4096"},
		"another shape":   {archive(t, "a.npy", array(strings.Replace(pairHeader, "2, 1", "1, 2", 1), 1, 2)), "shape (1, 2)"},
		"doubles":         {archive(t, "a.npy", array(strings.Replace(pairHeader, "<f4", "<f8", 1), 1, 2)), "type <f8"},
		"columns first":   {archive(t, "a.npy", array(strings.Replace(pairHeader, "False", "True", 1), 1, 2)), "Fortran order True"},
		"no dictionary":   {archive(t, "a.npy", array("[1, 2]", 1, 2)), "header"},
		"not a number":    {archive(t, "a.npy", array(pairHeader, 1, nan)), "number 1 is NaN"},
		"a newer version": {archive(t, "a.npy", strings.Replace(good, "\x93NUMPY\x01\x00\x3e\x00", "\x93NUMPY\x02\x00\x3e\x00\x00\x00", 1)), ""},
	} {
		got, err := readArrays(bytes.NewReader(c.file), int64(len(c.file)), pair)
		switch {
		case c.want == "" && (err != nil || len(got["a"]) != 2 || got["a"][1] != 2):
			t.Errorf("%s: %v, %v", name, got, err)
		case c.want != "" && (!errors.Is(err, ErrFile) || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := readArrays(bytes.NewReader(nil), maxFileBytes+1, pair); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), "the limit") {
		t.Errorf("a huge file: %v", err)
	}
}

func TestACheckpointWithoutDecoder(t *testing.T) {
	t.Parallel()
	if _, err := Open(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// FuzzArrays: whatever is called a file of weights is refused or gives numbers of the shape.
func FuzzArrays(f *testing.F) {
	f.Add(archive(f, "a.npy", array(pairHeader, 1, 2)))
	f.Add(archive(f, "a.npy", array("{'descr': '<f4', 'fortran_order': False, 'shape': (2,1)}", 1)))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := readArrays(bytes.NewReader(data), int64(len(data)), pair)
		if err != nil && !errors.Is(err, ErrFile) || err == nil && len(got["a"]) != 2 {
			t.Errorf("%v, %v", got, err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	d, err := Open("testdata")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := d.Decode(make([]int, Codes)); err != nil {
			b.Fatal(err)
		}
	}
}
