package render

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hhrutter/tiff"
)

// grayIFD is one uncompressed grey page for writeTIFF.
type grayIFD struct {
	w, h        int
	fill        uint8
	orientation int
	xres, yres  uint32
	kind        int // NewSubfileType
	next        int // index of the next directory, -1 none; 0 means the one after
}

// writeTIFF writes a little-endian TIFF.
func writeTIFF(pages []grayIFD) []byte {
	var b bytes.Buffer
	le := binary.LittleEndian
	b.WriteString("II*\x00\x00\x00\x00\x00")
	const entries = 13
	offsets := make([]uint32, len(pages))
	nextAt := make([]int, len(pages))
	for i, p := range pages {
		strip := uint32(b.Len())
		b.Write(bytes.Repeat([]byte{p.fill}, p.w*p.h))
		res := uint32(b.Len())
		for _, v := range []uint32{p.xres, 1, p.yres, 1} {
			b.Write(le.AppendUint32(nil, v))
		}
		if b.Len()%2 == 1 {
			b.WriteByte(0)
		}
		offsets[i] = uint32(b.Len())
		b.Write(le.AppendUint16(nil, entries))
		entry := func(tag, kind uint16, value uint32) {
			b.Write(le.AppendUint16(nil, tag))
			b.Write(le.AppendUint16(nil, kind))
			b.Write(le.AppendUint32(nil, 1))
			b.Write(le.AppendUint32(nil, value))
		}
		entry(tagNewSubfileType, 4, uint32(p.kind))
		entry(tagImageWidth, 4, uint32(p.w))
		entry(tagImageLength, 4, uint32(p.h))
		entry(tagBitsPerSample, 3, 8)
		entry(tagCompression, 3, 1)
		entry(tagPhotometric, 3, 1)
		entry(273, 4, strip)
		entry(tagOrientation, 3, uint32(max(p.orientation, 1)))
		entry(tagSamplesPerPixel, 3, 1)
		entry(278, 4, uint32(p.h))
		entry(279, 4, uint32(p.w*p.h))
		entry(tagXResolution, 5, res)
		entry(tagYResolution, 5, res+8)
		nextAt[i] = b.Len()
		b.Write(le.AppendUint32(nil, 0))
	}
	out := b.Bytes()
	le.PutUint32(out[4:], offsets[0])
	for i, p := range pages {
		n := p.next
		if n == 0 {
			n = i + 1
		}
		if n >= 0 && n < len(pages) {
			le.PutUint32(out[nextAt[i]:], offsets[n])
		}
	}
	return out
}

func TestTIFFPages(t *testing.T) {
	t.Parallel()
	data := writeTIFF([]grayIFD{
		{w: 20, h: 10, fill: 10, xres: 300, yres: 300},
		{w: 5, h: 5, fill: 77, kind: 1}, // a thumbnail
		{w: 20, h: 30, fill: 200, orientation: 6, xres: 200, yres: 200},
		{w: 40, h: 20, fill: 90, xres: 204, yres: 98},
	})
	d, err := openBytes(t, data, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d.NumPages() != 3 || d.Format() != "tiff" || d.MediaType() != "image/tiff" {
		t.Fatalf("%d pages of %s", d.NumPages(), d.Format())
	}
	for n, want := range []struct {
		w, h, rotation int
		fill           uint8
		dpi            float64
	}{{20, 10, 0, 10, 300}, {30, 20, 90, 200, 200}, {40, 41, 0, 90, 204}} {
		p, err := d.Page(t.Context(), n+1)
		if err != nil {
			t.Fatal(err)
		}
		if p.Image.Rect.Dx() != want.w || p.Image.Rect.Dy() != want.h || p.Rotation != want.rotation || p.Image.Pix[0] != want.fill || p.DPI != want.dpi {
			t.Errorf("page %d: %v turned %d, grey %d, %g dpi; want %+v", n+1, p.Image.Rect, p.Rotation, p.Image.Pix[0], p.DPI, want)
		}
		x, y := p.ToSource.Apply(0, 0)
		if n == 1 && (x != 0 || y != 30) {
			t.Errorf("the turned page's corner is %g, %g of the source, want 0, 30", x, y)
		}
	}
}

// A chain that bites its tail ends where it began, and the pages before are
// read.
func TestTIFFLoops(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]int{"to the first": 0, "to itself": 2} {
		pages := []grayIFD{{w: 4, h: 4}, {w: 4, h: 4}, {w: 4, h: 4, next: next}}
		data := writeTIFF(pages)
		if next == 0 { // 0 means "the one after" above
			tf, _ := newTIFFFile(bytes.NewReader(data), int64(len(data)))
			at, _, _ := tf.directories(10)
			binary.LittleEndian.PutUint32(data[len(data)-4:], uint32(at[0]))
		}
		d, err := openBytes(t, data, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d.NumPages() != 3 || len(d.Notes()) != 1 || !strings.Contains(d.Notes()[0].Text, "comes back") {
			t.Errorf("%s: %d pages, notes %v", name, d.NumPages(), d.Notes())
		}
	}
}

// Where the chain breaks off nobody knows how many images followed: a page with
// an error stands for them, so that a file that was cut is never read as whole.
func TestTIFFBrokenChain(t *testing.T) {
	t.Parallel()
	whole := writeTIFF([]grayIFD{{w: 4, h: 4}, {w: 4, h: 4}, {w: 4, h: 4}})
	f, _ := newTIFFFile(bytes.NewReader(whole), int64(len(whole)))
	at, _, _ := f.directories(10)
	for name, data := range map[string][]byte{"cut off": whole[:at[2]+20], "no directory": append(bytes.Clone(whole[:at[2]]), make([]byte, 80)...)} {
		d, err := openBytes(t, data, Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d.NumPages() != 3 {
			t.Errorf("%s: %d pages, want 2 and the one that stands for what is missing", name, d.NumPages())
		}
		for n := 1; n <= d.NumPages(); n++ {
			_, err := d.Page(t.Context(), n)
			var e *Error
			if errors.As(err, &e); (err != nil) != (n == 3) || n == 3 && (e.Kind != BadInput || e.Page != 3 || e.Hint == "") {
				t.Errorf("%s: page %d: %v", name, n, err)
			}
		}
	}
}

func TestTIFFLimits(t *testing.T) {
	t.Parallel()
	three := writeTIFF([]grayIFD{{w: 4, h: 4}, {w: 4, h: 4}, {w: 4, h: 4}})
	if d, err := openBytes(t, three, Options{Limits: Limits{Pages: 3}}); err != nil || d.NumPages() != 3 {
		t.Errorf("three pages of three: %v", err)
	}
	_, err := openBytes(t, three, Options{Limits: Limits{Pages: 2}})
	wantLimit(t, err, "pages")
	wide := writeTIFF([]grayIFD{{w: 100, h: 100}})
	d, err := openBytes(t, wide, Options{Limits: Limits{PagePixels: 10_000}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Page(t.Context(), 1); err != nil {
		t.Errorf("exactly the limit: %v", err)
	}
	d, err = openBytes(t, wide, Options{Limits: Limits{PagePixels: 9_999}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Page(t.Context(), 1)
	wantLimit(t, err, "page_pixels")
}

// wantLimit checks that an error names the limit, with both numbers.
func wantLimit(t *testing.T, err error, limit string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Kind != TooLarge || e.Limit != limit || e.Value <= e.Max && limit != "page_time" && limit != "open_time" || e.Hint == "" || e.File == "" {
		t.Errorf("error %v, want the limit %s with value, maximum, file and hint", err, limit)
	}
}

func TestTIFFCompressions(t *testing.T) {
	t.Parallel()
	src := corners(64, 48)
	for _, c := range []tiff.CompressionType{tiff.Uncompressed, tiff.Deflate, tiff.LZW} {
		var b bytes.Buffer
		if err := tiff.Encode(&b, src, &tiff.Options{Compression: c}); err != nil {
			t.Fatal(err)
		}
		p := pageOf(t, b.Bytes(), Options{}, 1)
		if got := cornerNames(p.Image); got != "rgbw" {
			t.Errorf("compression %v: corners %s, want rgbw", c, got)
		}
	}
}

func FuzzTIFF(f *testing.F) {
	f.Add(writeTIFF([]grayIFD{{w: 4, h: 4}, {w: 4, h: 4, orientation: 3, xres: 100, yres: 50}}))
	f.Add([]byte("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"))
	for _, r := range []rawTIFF{
		{w: 2, h: 1, bits: []int{4}, color: colorPalette, palette: append(ramp(16), make([]uint16, 32)...), data: []byte{0x0f}},
		{w: 2, h: 1, bits: []int{8, 8, 8}, color: colorRGB, planes: true, packing: packDeflate, parts: [][]byte{deflated(255, 1), deflated(0, 2), deflated(9, 3)}},
		{w: 4, h: 4, bits: []int{8, 8, 8}, color: colorYCbCr, sub: []int{2, 2}, data: make([]byte, 24)},
		{w: 16, h: 16, bits: []int{8, 8, 8}, color: colorYCbCr, packing: packJPEG, data: encodeJPEG(f, corners(16, 16))},
		{w: 3, h: 3, bits: []int{12}, color: colorWhiteIsZero, tile: 2, big: true, data: make([]byte, 6)},
		{w: 2, h: 2, bits: []int{2}, color: colorBlackIsZero, packing: packBits, data: []byte{0, 0x10, 0xff, 0x20}},
		{w: 2, h: 2, bits: []int{16, 16, 16, 16}, color: colorRGB, extra: []int{1}, predict: true, data: make([]byte, 32)},
	} {
		f.Add(r.bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		tf, err := newTIFFFile(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		at, dirs, _ := tf.directories(100)
		if len(at) != len(dirs) || len(at) > 100 {
			t.Fatalf("%d offsets, %d directories", len(at), len(dirs))
		}
		for _, d := range dirs {
			m := d.meta()
			if m.orientation < 0 || m.orientation > 8 || m.dpiX < 0 || m.dpiX > maxDPI {
				t.Fatalf("nonsense %+v", m)
			}
		}
		m := &machine{limits: Limits{PagePixels: 1 << 16}.withDefaults()}
		r, _, err := m.open(blob{bytes.NewReader(b), int64(len(b))}, new(archive))
		if err != nil {
			typed(t, err)
			return
		}
		begin := time.Now()
		if _, err := r.render(0); err != nil {
			typed(t, err)
		}
		if d := time.Since(begin); d > 20*time.Second {
			t.Fatalf("one small page took %v", d)
		}
	})
}

// typed fails on errors that are not *Error.
func typed(t *testing.T, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Kind == "" || e.Op == "" {
		t.Fatalf("an error without type: %v", err)
	}
}

func FuzzMetadata(f *testing.F) {
	jpg := []byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x01\x01\x2c\x01\x2c\x00\x00\xff\xd9")
	f.Add(formatJPEG, withEXIF(jpg, 6))
	f.Add(formatPNG, []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x09pHYs\x00\x00\x2e\x23\x00\x00\x2e\x23\x01\x00\x00\x00\x00"))
	f.Add(formatWebP, []byte("RIFF\x00\x00\x00\x00WEBPEXIF\x04\x00\x00\x00II*\x00"))
	f.Add(formatBMP, make([]byte, 60))
	f.Add(formatJP2, []byte("\x00\x00\x00\x0cjP  \r\n\x87\n\xff\x4f\xff\x51\x00\x29\x00\x00\x00\x00\x00\x20\x00\x00\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x20\x00\x00\x00\x20"))
	f.Add(formatJBIG2, []byte(jbig2Magic+"\x01\x00\x00\x00\x01"+binaryJBIG2Page(64, 56)))
	f.Add(formatJBIG2, []byte(jbig2Magic+"\x03\x00\x00\x00\x07\x30\xe0\x00\x00\x08\x00\x00\x01\x00\x00\x00\x00\x13"))
	f.Fuzz(func(t *testing.T, format string, b []byte) {
		m := metadata(format, b)
		if m.orientation < 0 || m.orientation > 8 || m.dpiX < 0 || m.dpiX > maxDPI || m.dpiY < 0 || m.dpiY > maxDPI {
			t.Fatalf("nonsense %+v", m)
		}
		jpegSize(b)
		jpegComponents(b)
		jp2Size(b)
		jbig2Embedded(b)
	})
}

// What the TIFF library refuses, PDFium reads: the same picture packed in one
// and in two dimensions.
func TestFaxInTwoDimensions(t *testing.T) {
	t.Parallel()
	dir := shared(t, "robustness", "tiff")
	var pages []*Page
	for _, f := range []string{"ccitt3.tiff", "ccitt3_2d.tiff"} {
		d, err := Open(t.Context(), dir+"/"+f, Options{InProcess: true, CacheDir: cacheDir()})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		p, err := d.Page(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, p)
	}
	if !bytes.Equal(pages[0].Image.Pix, pages[1].Image.Pix) {
		t.Error("the pictures differ")
	}
}
