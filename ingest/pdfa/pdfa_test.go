package pdfa

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/image/ccitt"
)

// picturePNG draws a picture: tone gives the grey level of a pixel.
func picturePNG(t testing.TB, width, height int, tone func(x, y int) byte) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.SetGray(x, y, color.Gray{Y: tone(x, y)})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// noise is paper that does not pack without loss: smooth shading, and grain in
// the last bits.
func noise(seed uint64) func(x, y int) byte {
	r := rand.New(rand.NewPCG(seed, 1))
	return func(x, y int) byte { return byte(200 + 30*x/1000 + r.IntN(16)) }
}

func stripes(x, y int) byte {
	if (x/7+y/5)%3 == 0 {
		return 0
	}
	return 255
}

func write(t testing.TB, info Info, pages ...Page) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b, info)
	for _, p := range pages {
		if err := w.Add(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close("en"); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTheSamePagesMakeTheSameBytes(t *testing.T) {
	t.Parallel()
	page := Page{PNG: picturePNG(t, 300, 200, stripes), Width: 72, Height: 48, Lines: []Line{{{Text: "word", Box: [4]float64{10, 10, 100, 40}}}}}
	a := write(t, Info{Title: "A", Producer: "test"}, page)
	if !bytes.Equal(a, write(t, Info{Title: "A", Producer: "test"}, page)) {
		t.Error("two files of the same page differ")
	}
	if bytes.Equal(a, write(t, Info{Title: "B", Producer: "test"}, page)) {
		t.Error("another title makes the same file")
	}
	id := func(b []byte) string { _, s, _ := strings.Cut(string(b), "/ID ["); return s[:32] }
	page.Lines[0][0].Text = "world"
	if id(a) == id(write(t, Info{Title: "A", Producer: "test"}, page)) {
		t.Error("other words, the same identifier")
	}
}

func TestPicturesAreStoredAsFitsThem(t *testing.T) {
	t.Parallel()
	colored := image.NewRGBA(image.Rect(0, 0, 40, 30))
	for i := range colored.Pix {
		colored.Pix[i] = byte(i*7) | 3
	}
	for i := 3; i < len(colored.Pix); i += 4 {
		colored.Pix[i] = 255
	}
	var rgb bytes.Buffer
	if err := png.Encode(&rgb, colored); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what string
		file []byte
		want string
	}{
		{"two tones", picturePNG(t, 500, 500, stripes), "/CCITTFaxDecode"},
		{"white", picturePNG(t, 50, 50, func(int, int) byte { return 255 }), "/CCITTFaxDecode"},
		{"drawn", picturePNG(t, 500, 500, func(x, y int) byte { return stripes(x, y)/2 + 60 }), "/FlateDecode /DecodeParms << /Predictor 15 /Colors 1"},
		{"paper", picturePNG(t, 1000, 1000, noise(1)), "/DCTDecode"},
		{"colours", rgb.Bytes(), "/DeviceRGB"},
	} {
		p, err := encode(c.file)
		if err != nil || !strings.Contains(p.dictionary, c.want) {
			t.Errorf("%s: %+v, %v; want %s", c.what, p, err, c.want)
		}
	}
	deep := image.NewGray16(image.Rect(0, 0, 5, 5))
	var b bytes.Buffer
	if err := png.Encode(&b, deep); err != nil {
		t.Fatal(err)
	}
	good := picturePNG(t, 5, 5, stripes)
	for what, file := range map[string][]byte{"16 bits": b.Bytes(), "empty": {}, "cut": good[:len(good)-20], "other": []byte("GIF89a")} {
		if p, err := encode(file); err == nil {
			t.Errorf("%s: taken as %s", what, p.dictionary)
		}
	}
}

// TestGroup4 packs pictures and has another implementation unpack them.
func TestGroup4(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		what          string
		width, height int
		tone          func(x, y int) byte
	}{
		{"white", 100, 3, func(int, int) byte { return 255 }},
		{"black", 100, 3, func(int, int) byte { return 0 }},
		{"a pixel", 1, 1, func(int, int) byte { return 0 }},
		{"stripes", 333, 77, stripes},
		{"noise", 257, 64, func(int, int) byte { return 255 * byte(r.IntN(2)) }},
		{"all lengths of runs", 2700, 2700, func(x, y int) byte { return 255 * byte(min(1, (x+1)/(y+1))) }},
		{"and of the other colour", 2700, 2700, func(x, y int) byte { return 255 - 255*byte(min(1, (x+1)/(y+1))) }},
		{"very long runs", 9000, 4, func(x, y int) byte { return 255 * byte((x+y*1777)/4400%2) }},
	} {
		m, err := png.Decode(bytes.NewReader(picturePNG(t, c.width, c.height, c.tone)))
		if err != nil {
			t.Fatal(err)
		}
		checkGroup4(t, c.what, m.(*image.Gray))
	}
}

func checkGroup4(t *testing.T, what string, m *image.Gray) {
	t.Helper()
	got := image.NewGray(m.Rect)
	if err := ccitt.DecodeIntoGray(got, bytes.NewReader(packG4(m)), ccitt.MSB, ccitt.Group4, nil); err != nil {
		t.Errorf("%s: %v", what, err)
	} else if !bytes.Equal(got.Pix, m.Pix) {
		t.Errorf("%s: another picture comes out", what)
	}
}

func FuzzGroup4(f *testing.F) {
	f.Add(uint16(9), []byte{1, 200, 3, 0xff, 0})
	f.Add(uint16(2561), bytes.Repeat([]byte{0xf0}, 700))
	f.Fuzz(func(t *testing.T, width uint16, bits []byte) {
		w := int(width%3000) + 1
		m := image.NewGray(image.Rect(0, 0, w, min(40, 8*len(bits)/w)))
		if m.Rect.Dy() == 0 {
			return
		}
		for i := range m.Pix {
			m.Pix[i] = 255 * (bits[i/8] >> (i % 8) & 1)
		}
		checkGroup4(t, "picture", m)
	})
}

func TestSidesAreWithinTheLimits(t *testing.T) {
	t.Parallel()
	for _, c := range [][4]float64{
		{595, 842, 595, 842}, {0, 10, 595, 842}, {28800, 14400, 14400, 7200}, {1.5, 30, 3, 60}, {1, 1e6, 3, 14400},
		{minSide, maxSide, minSide, maxSide}, {2.9, 2.9, 3, 3}, {14401, 100, 14400, 100 * 14400.0 / 14401},
	} {
		if w, h := sides(c[0], c[1]); w != c[2] || h != c[3] {
			t.Errorf("%v x %v: %v x %v, want %v x %v", c[0], c[1], w, h, c[2], c[3])
		}
	}
}

// TestMemoryDoesNotGrowWithPages writes fifty times as many pages: what is
// kept of each is a few numbers.
func TestMemoryDoesNotGrowWithPages(t *testing.T) {
	page := Page{PNG: picturePNG(t, 100, 100, noise(2)), Width: 200, Height: 200, Lines: []Line{{{Text: "word", Box: [4]float64{1, 1, 90, 20}}}}}
	held := func(pages int) int64 {
		w := NewWriter(io.Discard, Info{})
		for range pages {
			if err := w.Add(page); err != nil {
				t.Fatal(err)
			}
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if err := w.Close("en"); err != nil {
			t.Error(err)
		}
		return int64(m.HeapAlloc)
	}
	few := held(10)
	if many := held(500); many-few > 1000*500 {
		t.Errorf("490 pages more hold %d bytes more", many-few)
	}
}

func TestErrorsOfTheStreamAreReturned(t *testing.T) {
	t.Parallel()
	away := errors.New("away")
	w := NewWriter(failing{away}, Info{})
	if err := w.Add(Page{}); !errors.Is(err, away) {
		t.Error(err)
	}
	if err := w.Close("en"); !errors.Is(err, away) {
		t.Error(err)
	}
	if err := NewWriter(io.Discard, Info{}).Close(""); err == nil {
		t.Error("a file without pages")
	}
	w = NewWriter(io.Discard, Info{})
	w.at = maxBytes - 100
	if err := w.Add(Page{}); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func FuzzWords(f *testing.F) {
	f.Add("word", 1.0, 2.0, 30.0, 10.0)
	f.Add("שלום abc 12", -1e9, 2.0, 1e300, 10.0)
	f.Add("\x00\xff\ufeff", 0.0, 0.0, 0.0, 0.0)
	f.Fuzz(func(t *testing.T, text string, x0, y0, x1, y1 float64) {
		var b bytes.Buffer
		writeText(&b, []Line{{{Text: text, Box: [4]float64{x0, y0, x1, y1}}, {Text: "next", Box: [4]float64{5, 5, 20, 10}}}}, 0.24, 0.24, 800)
		for _, bad := range []string{"NaN", "Inf", "e+", "FEFF>", "D800"} {
			if strings.Contains(b.String(), bad) {
				t.Errorf("%s in %q", bad, b.String())
			}
		}
	})
}
