package dicom

import (
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"palimpsest.dev/render/internal/dicomtest"
)

// ample are limits that no test but those of limits meets.
var ample = Limits{Elements: 10_000, Depth: 16, Fragments: 1000, ValueBytes: 128 << 10, Inflated: 1 << 20}

// parse writes and reads a file.
func parse(t testing.TB, o dicomtest.Options, s dicomtest.Set) *File {
	t.Helper()
	f, err := Parse(dicomtest.File(o, s), ample)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// shown returns the red of all pixels of a frame.
func shown(t testing.TB, f *File, frame int) (out []uint8) {
	t.Helper()
	img, err := f.Picture(frame)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(img.Pix); i += 4 {
		out = append(out, img.Pix[i])
	}
	return out
}

// Every encoding of a data set gives the same picture, also without preamble or
// file meta information, with sequences and items that have no lengths, and
// where the file names the one and holds the other.
func TestEncodings(t *testing.T) {
	t.Parallel()
	set := dicomtest.Image(2, 2, 12, []uint16{0, 1000, 2000, 4000}).With(dicomtest.Set{
		0x00081140: []dicomtest.Set{{0x00081150: "1.2", 0x00081155: []dicomtest.Set{{0x00081150: "1.3"}}}, {}},
		0x00281050: "2000", 0x00281051: "4000", 0x00281056: "LINEAR_EXACT",
	})
	want := []uint8{0, 64, 128, 255}
	for _, syntax := range []string{dicomtest.Implicit, dicomtest.Explicit, dicomtest.Deflated, dicomtest.Big} {
		for _, open := range []bool{false, true} {
			o := dicomtest.Options{Syntax: syntax, Open: open}
			if got := shown(t, parse(t, o, set), 0); !slices.Equal(got, want) {
				t.Errorf("%+v: %v, want %v", o, got, want)
			}
		}
	}
	for _, o := range []dicomtest.Options{
		{NoPreamble: true}, {Bare: true}, {Bare: true, Syntax: dicomtest.Implicit},
	} {
		if got := shown(t, parse(t, o, set), 0); !slices.Equal(got, want) {
			t.Errorf("%+v: %v, want %v", o, got, want)
		}
	}
	// The meta group of one and the data set of the other.
	for _, o := range [][2]string{{dicomtest.Explicit, dicomtest.Implicit}, {dicomtest.Implicit, dicomtest.Explicit}} {
		head := dicomtest.File(dicomtest.Options{Syntax: o[0]}, nil)
		f, err := Parse(append(head, dicomtest.File(dicomtest.Options{Syntax: o[1], Bare: true}, set)...), ample)
		if err != nil {
			t.Fatal(err)
		}
		if got := shown(t, f, 0); !slices.Equal(got, want) {
			t.Errorf("%v said, %v written: %v, want %v", o[0], o[1], got, want)
		}
	}
}

// What is written beside the value in its cell does not show, wherever the value
// lies; signs are read at the value's own highest bit.
func TestCells(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what   string
		set    dicomtest.Set
		pixels []uint16
		want   []uint8
	}{
		{"overlay in the upper bits", dicomtest.Set{}, []uint16{0xf000, 0x8fff, 0x1000 | 2048, 0}, []uint8{0, 255, 128, 0}},
		{"value in the upper bits", dicomtest.Set{0x00280102: 15}, []uint16{0x000f, 0xfff3, 0x8000, 0}, []uint8{0, 255, 128, 0}},
		{"signed", dicomtest.Set{0x00280103: 1}, []uint16{0x800, 0x7ff, 0xf000, 0}, []uint8{0, 255, 128, 128}},
	} {
		f := parse(t, dicomtest.Options{}, dicomtest.Image(2, 2, 12, c.pixels).With(c.set))
		if got := shown(t, f, 0); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
	// Eight bits, in words of either order.
	for _, syntax := range []string{dicomtest.Explicit, dicomtest.Big} {
		f := parse(t, dicomtest.Options{Syntax: syntax}, dicomtest.Image(3, 1, 8, nil).With(dicomtest.Set{
			0x00280100: 8, dicomtest.PixelData: []byte{1, 2, 3}}))
		if got := shown(t, f, 0); !slices.Equal(got, []uint8{1, 2, 3}) {
			t.Errorf("%s: %v", syntax, got)
		}
	}
	// One bit, frames without a gap between them.
	f := parse(t, dicomtest.Options{}, dicomtest.Image(3, 1, 1, nil).With(dicomtest.Set{
		0x00280100: 1, 0x00280102: 0, 0x00280008: "2", dicomtest.PixelData: []byte{0b101010}}))
	if a, b := shown(t, f, 0), shown(t, f, 1); !slices.Equal(a, []uint8{0, 255, 0}) || !slices.Equal(b, []uint8{255, 0, 255}) {
		t.Errorf("bits: %v %v", a, b)
	}
}

// The shades of grey follow the file's word on values and windows.
func TestGreys(t *testing.T) {
	t.Parallel()
	lut := func(first int, bits int, entries ...int) dicomtest.Set {
		return dicomtest.Set{0x00283002: []int{len(entries), first, bits}, 0x00283006: entries}
	}
	for _, c := range []struct {
		what   string
		set    dicomtest.Set
		values []uint16
		want   []uint8
	}{
		{"no window: smallest to largest", nil, []uint16{100, 200, 300}, []uint8{0, 128, 255}},
		{"no window, padding left out", dicomtest.Set{0x00280120: 0}, []uint16{0, 100, 300}, []uint8{0, 0, 255}},
		{"padding range", dicomtest.Set{0x00280120: 0, 0x00280121: 9, 0x00280004: "MONOCHROME1"}, []uint16{5, 100, 300}, []uint8{0, 255, 0}},
		{"MONOCHROME1", dicomtest.Set{0x00280004: "MONOCHROME1"}, []uint16{100, 200, 300}, []uint8{255, 127, 0}},
		{"window", dicomtest.Set{0x00281050: "200", 0x00281051: "101"}, []uint16{149, 200, 250}, []uint8{0, 129, 255}},
		{"the first of two windows", dicomtest.Set{0x00281050: `200\1`, 0x00281051: `101\2`}, []uint16{149, 200, 250}, []uint8{0, 129, 255}},
		{"exact window", dicomtest.Set{0x00281050: "200", 0x00281051: "100", 0x00281056: "LINEAR_EXACT"}, []uint16{150, 200, 250}, []uint8{0, 128, 255}},
		{"sigmoid", dicomtest.Set{0x00281050: "200", 0x00281051: "100", 0x00281056: "SIGMOID"}, []uint16{150, 200, 250}, []uint8{30, 128, 225}},
		{"window of rescaled values", dicomtest.Set{0x00281050: "0", 0x00281051: "200", 0x00281056: "LINEAR_EXACT", 0x00281053: "2", 0x00281052: "-400"}, []uint16{150, 200, 250}, []uint8{0, 128, 255}},
		{"a slope that falls", dicomtest.Set{0x00281053: "-1", 0x00281052: "0"}, []uint16{0, 1, 2}, []uint8{255, 128, 0}},
		{"a window of no width", dicomtest.Set{0x00281050: "1", 0x00281051: "0"}, []uint16{0, 1, 2}, []uint8{0, 128, 255}},
		{"a window beside the values", dicomtest.Set{0x00281050: "60000", 0x00281051: "10"}, []uint16{0, 1, 2}, []uint8{0, 128, 255}},
		{"a window that is no number", dicomtest.Set{0x00281050: "NaN", 0x00281051: "1e999"}, []uint16{0, 1, 2}, []uint8{0, 128, 255}},
		{"a modality table", dicomtest.Set{0x00283000: []dicomtest.Set{lut(1, 16, 10, 30, 20)}}, []uint16{0, 2, 9}, []uint8{0, 255, 128}},
		{"a table of interest before a window", dicomtest.Set{0x00283010: []dicomtest.Set{lut(100, 8, 0, 51, 255)}, 0x00281050: "1", 0x00281051: "1"}, []uint16{99, 101, 900}, []uint8{0, 51, 255}},
		{"the frame's own window", dicomtest.Set{
			0x52009229: []dicomtest.Set{{0x00289132: []dicomtest.Set{{0x00281050: "0", 0x00281051: "2"}}}},
			0x52009230: []dicomtest.Set{{0x00289132: []dicomtest.Set{{0x00281050: "200", 0x00281051: "101"}}}},
		}, []uint16{149, 200, 250}, []uint8{0, 129, 255}},
		{"one value", nil, []uint16{7, 7, 7}, []uint8{0, 0, 0}},
	} {
		f := parse(t, dicomtest.Options{}, dicomtest.Image(3, 1, 16, c.values).With(c.set))
		if got := shown(t, f, 0); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

// Colours, side by side and in planes, and what stands for them.
func TestColours(t *testing.T) {
	t.Parallel()
	eight := dicomtest.Set{0x00280002: 3, 0x00280100: 8, 0x00280101: 8, 0x00280102: 7, 0x00280006: 0}
	words := func(v ...int) []int { return v }
	for _, c := range []struct {
		what string
		set  dicomtest.Set
		want []uint8 // RGB of both pixels
	}{
		{"RGB", dicomtest.Set{0x00280004: "RGB", dicomtest.PixelData: []byte{1, 2, 3, 4, 5, 6}}, []uint8{1, 2, 3, 4, 5, 6}},
		{"RGB in planes", dicomtest.Set{0x00280004: "RGB", 0x00280006: 1, dicomtest.PixelData: []byte{1, 4, 2, 5, 3, 6}}, []uint8{1, 2, 3, 4, 5, 6}},
		{"RGB of 16 bits", dicomtest.Set{0x00280004: "RGB", 0x00280100: 16, 0x00280101: 16, 0x00280102: 15,
			dicomtest.PixelData: []byte{0, 0, 0xff, 0xff, 0, 0x80, 0, 0, 0, 0, 0, 0}}, []uint8{0, 255, 128, 0, 0, 0}},
		{"YBR_FULL", dicomtest.Set{0x00280004: "YBR_FULL", dicomtest.PixelData: []byte{76, 85, 255, 128, 128, 128}}, []uint8{254, 0, 0, 128, 128, 128}},
		{"YBR_FULL_422", dicomtest.Set{0x00280004: "YBR_FULL_422", dicomtest.PixelData: []byte{76, 100, 85, 255}}, []uint8{254, 0, 0, 255, 24, 24}},
		{"YBR_FULL_422 that is not halved", dicomtest.Set{0x00280004: "YBR_FULL_422", dicomtest.PixelData: []byte{76, 85, 255, 128, 128, 128}}, []uint8{254, 0, 0, 128, 128, 128}},
		{"YBR_PARTIAL_422", dicomtest.Set{0x00280004: "YBR_PARTIAL_422", dicomtest.PixelData: []byte{16, 235, 128, 128}}, []uint8{0, 0, 0, 255, 255, 255}},
		{"PALETTE COLOR", dicomtest.Set{0x00280002: 1, 0x00280004: "PALETTE COLOR", dicomtest.PixelData: []byte{0, 1},
			0x00281101: words(2, 0, 16), 0x00281102: words(2, 0, 16), 0x00281103: words(2, 0, 16),
			0x00281201: words(0, 0xffff), 0x00281202: words(0x8000, 0), 0x00281203: words(0xffff, 0x4000)}, []uint8{0, 128, 255, 255, 0, 64}},
		{"palette in segments", dicomtest.Set{0x00280002: 1, 0x00280004: "PALETTE COLOR", dicomtest.PixelData: []byte{2, 4},
			0x00281101: words(5, 0, 8), 0x00281102: words(5, 0, 8), 0x00281103: words(5, 0, 8),
			0x00281221: words(0, 1, 0, 1, 4, 200), 0x00281222: words(0, 5, 0, 0, 7, 0, 9), 0x00281223: words(0, 2, 3, 4, 2, 1, 0, 0, 0, 1, 8)}, []uint8{100, 7, 3, 200, 9, 8}},
	} {
		f := parse(t, dicomtest.Options{}, dicomtest.Image(2, 1, 8, nil).With(eight).With(c.set))
		img, err := f.Picture(0)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		got := append(slices.Clone(img.Pix[:3]), img.Pix[4:7]...)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

// rleFrame is a frame of three bytes in run lengths.
func rleFrame(v ...byte) []byte {
	out := make([]byte, 64)
	out[0], out[4] = 1, 64
	return append(append(out, byte(len(v)-1)), v...)
}

// Frames are found whether the offset table is right, wrong or empty, and however
// many pieces they come in.
func TestFramesInPieces(t *testing.T) {
	t.Parallel()
	a, b := rleFrame(1, 2, 3), rleFrame(4, 5, 6)
	table := func(at ...uint32) (out []byte) {
		for _, v := range at {
			out = binary.LittleEndian.AppendUint32(out, v)
		}
		return out
	}
	for _, c := range []struct {
		what   string
		pieces dicomtest.Fragments
		frames string
		notes  int
	}{
		{"a piece each", dicomtest.Fragments{nil, a, b}, "2", 0},
		{"a piece each, the table wrong", dicomtest.Fragments{table(0, 7), a, b}, "2", 0},
		{"two pieces each, by the table", dicomtest.Fragments{table(0, 8+64+8+4), a[:64], a[64:], b[:64], b[64:]}, "2", 0},
		{"two pieces each, no table", dicomtest.Fragments{nil, a[:64], a[64:], b[:64], b[64:]}, "2", 0},
		{"two pieces each, the table wrong", dicomtest.Fragments{table(0, 1), a[:64], a[64:], b[:64], b[64:]}, "2", 0},
		{"fewer frames than said", dicomtest.Fragments{nil, a, b}, "5", 1},
		{"no number said", dicomtest.Fragments{nil, a, b}, "many", 1},
	} {
		f := parse(t, dicomtest.Options{Syntax: dicomtest.RLE}, dicomtest.Image(3, 1, 8, nil).With(dicomtest.Set{
			0x00280100: 8, 0x00280008: c.frames, dicomtest.PixelData: c.pieces}))
		if f.Image.Frames != 2 || len(f.Notes) != c.notes {
			t.Errorf("%s: %d frames, notes %q", c.what, f.Image.Frames, f.Notes)
			continue
		}
		if x, y := shown(t, f, 0), shown(t, f, 1); !slices.Equal(x, []uint8{1, 2, 3}) || !slices.Equal(y, []uint8{4, 5, 6}) {
			t.Errorf("%s: %v %v", c.what, x, y)
		}
	}
}

// Each codec is reached by what the frame holds, whatever kind of JPEG the file
// says it is.
func TestCodecs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, syntax string
		set          dicomtest.Set
	}{
		{"../jpegll/testdata/sharp_16bit_1_predictor1.jpg", dicomtest.Lossless, nil},
		{"../jpegll/testdata/sharp_16bit_1_predictor1.jpg", dicomtest.Baseline, nil},
		{"../jpegls/testdata/sharp_16bit_1_plane_near0.jls", dicomtest.JPEGLS, nil},
		{"../jpeg2000/testdata/sharp_16bit_1_plain_exact.j2k", dicomtest.JPEG2000, nil},
		{"../jpegdct/testdata/smooth_12bit_1.jpg", dicomtest.Extended, dicomtest.Set{0x00280101: 12, 0x00280102: 11}},
		{"../jpegdct/testdata/smooth_8bit_3ycc422.jpg", dicomtest.Baseline, dicomtest.Set{0x00280002: 3, 0x00280004: "YBR_FULL_422", 0x00280100: 8, 0x00280101: 8, 0x00280102: 7}},
	} {
		data, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		f := parse(t, dicomtest.Options{Syntax: c.syntax}, dicomtest.Image(19, 13, 16, nil).With(c.set).With(dicomtest.Set{
			dicomtest.PixelData: dicomtest.Fragments{nil, data[:100], data[100:]}}))
		if got := shown(t, f, 0); len(got) != 19*13 || slices.Min(got) == slices.Max(got) {
			t.Errorf("%s as %s: %v", c.file, c.syntax, got)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	image := dicomtest.Image(2, 2, 16, []uint16{1, 2, 3, 4})
	for _, c := range []struct {
		what   string
		syntax string
		set    dicomtest.Set
		want   string
	}{
		{"no pixel data", "", image.With(dicomtest.Set{dicomtest.PixelData: nil}), "holds no image"},
		{"an unknown syntax", "1.2.3", image, "transfer syntax unknown, 1.2.3"},
		{"a video", "1.2.840.10008.1.2.4.100", image, "transfer syntax MPEG-2 Main Profile, 1.2.840.10008.1.2.4.100"},
		{"no rows", "", image.With(dicomtest.Set{0x00280010: nil}), "rows or columns"},
		{"32 bits", "", image.With(dicomtest.Set{0x00280100: 32}), "32 bits"},
		{"more bits than room", "", image.With(dicomtest.Set{0x00280101: 17}), "17 bits stored in 16"},
		{"samples against colours", "", image.With(dicomtest.Set{0x00280002: 3}), "MONOCHROME2 has 1 samples"},
		{"CMYK", "", image.With(dicomtest.Set{0x00280004: "CMYK"}), "photometric interpretation CMYK"},
		{"nonsense for colours", "", image.With(dicomtest.Set{0x00280004: "SMITH^JOHN"}), "is not known"},
		{"cut off", "", image.With(dicomtest.Set{dicomtest.PixelData: []byte{1, 2, 3, 4}}), "4 of 8 bytes are there"},
		{"native pixels in pieces", "", image.With(dicomtest.Set{dicomtest.PixelData: dicomtest.Fragments{nil, {1, 2}}}), "come in pieces"},
		{"compressed pixels in one", dicomtest.RLE, image, "in one piece"},
		{"no pieces", dicomtest.RLE, image.With(dicomtest.Set{dicomtest.PixelData: dicomtest.Fragments{nil}}), "are empty"},
		{"no JPEG", dicomtest.Baseline, image.With(dicomtest.Set{dicomtest.PixelData: dicomtest.Fragments{nil, {1, 2}}}), "holds no JPEG image"},
		{"a palette without a table", "", image.With(dicomtest.Set{0x00280004: "PALETTE COLOR"}), "descriptor of the palette is missing"},
	} {
		f, err := Parse(dicomtest.File(dicomtest.Options{Syntax: c.syntax}, c.set), ample)
		if err == nil {
			_, err = f.Picture(0)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "SMITH") {
			t.Errorf("%s: %v, want %q", c.what, err, c.want)
		}
	}
}

// Damage behind the pixels does not lose them; before, it does.
func TestDamage(t *testing.T) {
	t.Parallel()
	image := dicomtest.Image(2, 1, 16, []uint16{1, 2})
	whole := dicomtest.File(dicomtest.Options{}, image.With(dicomtest.Set{0xfffcfffc: "padding"}))
	if f, err := Parse(whole[:len(whole)-3], ample); err != nil || f.Image.Frames != 1 {
		t.Errorf("cut behind the pixels: %v", err)
	}
	if _, err := Parse(whole[:197], ample); err == nil || !strings.Contains(err.Error(), "unexpected EOF") {
		t.Errorf("cut before the pixels: %v", err)
	}
	junk := append(dicomtest.File(dicomtest.Options{}, image), "\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	if f, err := Parse(junk, ample); err != nil || len(f.Notes) != 0 {
		t.Errorf("zeros behind the pixels: %v", err)
	}
}

// Each limit, on both sides.
func TestLimits(t *testing.T) {
	t.Parallel()
	image := dicomtest.Image(1, 1, 8, nil).With(dicomtest.Set{0x00280100: 8, dicomtest.PixelData: []byte{1, 0}})
	nested := func(depth int) []dicomtest.Set {
		s := []dicomtest.Set{{0x00081150: "1"}}
		for range depth - 1 {
			s = []dicomtest.Set{{0x00081140: s}}
		}
		return s
	}
	pieces := dicomtest.Fragments{nil, rleFrame(1), {}, {}}
	for _, c := range []struct {
		name string
		o    dicomtest.Options
		set  dicomtest.Set
		set1 func(*Limits, int)
		max  int // smallest that lets the file pass
	}{
		{"dicom_elements", dicomtest.Options{}, image, func(l *Limits, n int) { l.Elements = n }, 10},
		{"dicom_depth", dicomtest.Options{Open: true}, image.With(dicomtest.Set{0x00081140: nested(5)}), func(l *Limits, n int) { l.Depth = n }, 5},
		{"dicom_fragments", dicomtest.Options{Syntax: dicomtest.RLE}, image.With(dicomtest.Set{dicomtest.PixelData: pieces}), func(l *Limits, n int) { l.Fragments = n }, 3},
		{"stream_bytes", dicomtest.Options{Syntax: dicomtest.Deflated}, image, func(l *Limits, n int) { l.Inflated = int64(n) },
			len(dicomtest.File(dicomtest.Options{Bare: true}, image))},
		{"value_bytes", dicomtest.Options{}, image.With(dicomtest.Set{0x00283000: []dicomtest.Set{{0x00283002: []int{20, 0, 16}, 0x00283006: make([]int, 20)}}}),
			func(l *Limits, n int) { l.ValueBytes = n }, 40},
	} {
		data := dicomtest.File(c.o, c.set)
		for _, n := range []int{c.max, c.max - 1} {
			l := ample
			c.set1(&l, n)
			f, err := Parse(data, l)
			if err == nil {
				_, err = f.Picture(0)
			}
			var limit *LimitError
			if n == c.max && err != nil {
				t.Errorf("%s of %d: %v", c.name, n, err)
			}
			if n < c.max && (!errors.As(err, &limit) || limit.Limit != c.name || limit.Max != int64(n) || limit.Value <= limit.Max) {
				t.Errorf("%s of %d: error %v", c.name, n, err)
			}
		}
	}
}

// A bomb of nesting ends at the limit, not at the end of the stack.
func TestDeepNesting(t *testing.T) {
	t.Parallel()
	data := dicomtest.File(dicomtest.Options{}, nil)
	for range 100_000 {
		data = append(data, "\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"...)
	}
	var limit *LimitError
	if _, err := Parse(data, Limits{Elements: 1 << 20, Depth: 32, ValueBytes: 100, Fragments: 1, Inflated: 1}); !errors.As(err, &limit) || limit.Limit != "dicom_depth" {
		t.Errorf("error %v", err)
	}
}

func FuzzParse(f *testing.F) {
	image := dicomtest.Image(3, 2, 12, []uint16{1, 2, 3, 4, 5, 6}).With(dicomtest.Set{0x00281050: "3", 0x00281051: "2"})
	for _, s := range []string{dicomtest.Implicit, dicomtest.Explicit, dicomtest.Deflated, dicomtest.Big} {
		f.Add(dicomtest.File(dicomtest.Options{Syntax: s, Open: true}, image.With(dicomtest.Set{0x00283010: []dicomtest.Set{{0x00283002: []int{2, 0, 8}, 0x00283006: []int{0, 9}}}})))
	}
	f.Add(dicomtest.File(dicomtest.Options{Syntax: dicomtest.RLE}, image.With(dicomtest.Set{0x00280100: 8, 0x00280008: "2", dicomtest.PixelData: dicomtest.Fragments{nil, rleFrame(1, 2, 3, 4, 5, 6), rleFrame(9)}})))
	for _, name := range []string{"../jpegll/testdata/sharp_16bit_1_predictor1.jpg", "../jpegls/testdata/sharp_16bit_1_plane_near0.jls", "../jpegdct/testdata/smooth_12bit_1.jpg", "../jpeg2000/testdata/sharp_16bit_1_plain_exact.j2k"} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(dicomtest.File(dicomtest.Options{Syntax: dicomtest.Lossless}, dicomtest.Image(19, 13, 16, nil).With(dicomtest.Set{dicomtest.PixelData: dicomtest.Fragments{nil, data}})))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Parse(data, ample)
		if err != nil {
			return
		}
		if d.Image.Frames < 1 || d.Image.Rows*d.Image.Columns > 1<<16 {
			return
		}
		for n := range min(d.Image.Frames, 2) {
			img, err := d.Picture(n)
			if err == nil && img.Rect.Dx() != d.Image.Columns {
				t.Fatalf("a picture of %v, %d columns", img.Rect, d.Image.Columns)
			}
		}
	})
}
