package render

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"testing"

	"golang.org/x/image/bmp"
)

// rawTIFF is an image for the reader of our own, of one block or of tiles that
// all have the same bytes.
type rawTIFF struct {
	w, h    int
	bits    []int // of each sample
	color   int
	packing int
	planes  bool
	predict bool
	big     bool // big-endian
	tile    int  // side of tiles, 0: one strip
	sub     []int
	palette []uint16
	extra   []int // meanings of further samples
	float   bool
	tables  []byte
	data    []byte
	parts   [][]byte // planes, instead of data
}

// bytes writes the file.
func (r rawTIFF) bytes() []byte {
	var order binary.AppendByteOrder = binary.LittleEndian
	out := []byte("II*\x00\x00\x00\x00\x00")
	if r.big {
		order = binary.BigEndian
		out = []byte("MM\x00*\x00\x00\x00\x00")
	}
	blocks, parts := 1, r.parts
	if r.tile > 0 {
		blocks = ((r.w + r.tile - 1) / r.tile) * ((r.h + r.tile - 1) / r.tile)
	}
	if len(parts) == 0 {
		parts = [][]byte{r.data}
	}
	var at, size []int
	for _, p := range parts {
		for range blocks {
			at, size = append(at, len(out)), append(size, len(p))
		}
		out = append(out, p...)
	}
	type entry struct {
		tag, kind uint16
		values    []int
	}
	flag := func(on bool, yes, no int) []int {
		if on {
			return []int{yes}
		}
		return []int{no}
	}
	colors := make([]int, len(r.palette))
	for i, c := range r.palette {
		colors[i] = int(c)
	}
	tables := make([]int, len(r.tables))
	for i, b := range r.tables {
		tables[i] = int(b)
	}
	offsets, counts := uint16(tagStripOffsets), uint16(tagStripByteCounts)
	var side []int
	if r.tile > 0 {
		offsets, counts, side = tagTileOffsets, tagTileByteCounts, []int{r.tile}
	}
	entries := []entry{
		{tagImageWidth, 4, []int{r.w}}, {tagImageLength, 4, []int{r.h}}, {tagBitsPerSample, 3, r.bits}, {tagCompression, 3, []int{max(r.packing, 1)}},
		{tagPhotometric, 3, []int{r.color}}, {tagSamplesPerPixel, 3, []int{len(r.bits)}}, {tagPlanarConfig, 3, flag(r.planes, 2, 1)},
		{tagPredictor, 3, flag(r.predict, 2, 1)}, {offsets, 4, at}, {counts, 4, size}, {tagTileWidth, 4, side}, {tagTileLength, 4, side},
		{tagSubsampling, 3, r.sub}, {tagColorMap, 3, colors}, {tagExtraSamples, 3, r.extra}, {tagSampleFormat, 3, flag(r.float, sampleFloat, 1)}, {tagJPEGTables, 7, tables},
	}
	var dir []byte
	n := 0
	for _, e := range entries {
		if len(e.values) == 0 {
			continue
		}
		n++
		var body []byte
		for _, v := range e.values {
			switch e.kind {
			case 3:
				body = order.AppendUint16(body, uint16(v))
			case 4:
				body = order.AppendUint32(body, uint32(v))
			case 7:
				body = append(body, byte(v))
			}
		}
		count := uint32(len(e.values))
		if len(body) > 4 {
			place := len(out)
			out = append(out, body...)
			body = order.AppendUint32(nil, uint32(place))
		}
		body = append(body, 0, 0, 0, 0)[:4]
		dir = append(order.AppendUint32(order.AppendUint16(order.AppendUint16(dir, e.tag), e.kind), count), body...)
	}
	place := order.AppendUint32(nil, uint32(len(out)))
	copy(out[4:], place)
	out = append(order.AppendUint16(out, uint16(n)), dir...)
	return append(out, 0, 0, 0, 0)
}

// deflated packs bytes.
func deflated(b ...byte) []byte {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

// The forms of TIFF that the library refuses, two pixels each.
func TestTIFFForms(t *testing.T) {
	t.Parallel()
	var gray, half [8]byte
	binary.LittleEndian.PutUint32(gray[:], math.Float32bits(0))
	binary.LittleEndian.PutUint32(gray[4:], math.Float32bits(0.5))
	copy(half[:], gray[4:])
	black, white := color.RGBA{0, 0, 0, 255}, color.RGBA{255, 255, 255, 255}
	grey := func(v uint8) color.RGBA { return color.RGBA{v, v, v, 255} }
	for name, c := range map[string]struct {
		r    rawTIFF
		a, b color.RGBA
	}{
		"4 bits":             {rawTIFF{bits: []int{4}, color: colorBlackIsZero, data: []byte{0x0f}}, black, white},
		"4 bits, inverted":   {rawTIFF{bits: []int{4}, color: colorWhiteIsZero, data: []byte{0x0f}}, white, black},
		"2 bits":             {rawTIFF{bits: []int{2}, color: colorBlackIsZero, data: []byte{0b01_10_0000}}, grey(85), grey(170)},
		"12 bits":            {rawTIFF{bits: []int{12}, color: colorBlackIsZero, data: []byte{0x80, 0x0f, 0xff}}, grey(128), white},
		"32 bits":            {rawTIFF{bits: []int{32}, color: colorBlackIsZero, data: []byte{0, 0, 0, 0x80, 0, 0, 0, 0xff}}, grey(128), white},
		"32 bits, big end":   {rawTIFF{bits: []int{32}, color: colorBlackIsZero, big: true, data: []byte{0x80, 0, 0, 0, 0xff, 0, 0, 0}}, grey(128), white},
		"floating point":     {rawTIFF{bits: []int{32}, color: colorBlackIsZero, float: true, data: gray[:]}, black, grey(128)},
		"palette of 4":       {rawTIFF{bits: []int{4}, color: colorPalette, palette: append(append(ramp(16), make([]uint16, 16)...), make([]uint16, 16)...), data: []byte{0x0f}}, black, color.RGBA{255, 0, 0, 255}},
		"planes":             {rawTIFF{bits: []int{8, 8, 8}, color: colorRGB, planes: true, packing: packDeflate, parts: [][]byte{deflated(255, 1), deflated(0, 2), deflated(9, 3)}}, color.RGBA{255, 0, 9, 255}, color.RGBA{1, 2, 3, 255}},
		"planes of CMYK":     {rawTIFF{bits: []int{16, 16, 16, 16}, color: colorCMYK, planes: true, big: true, parts: [][]byte{{255, 255, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 255, 255}}}, color.RGBA{0, 255, 255, 255}, black},
		"brightness, colour": {rawTIFF{bits: []int{8, 8, 8}, color: colorYCbCr, sub: []int{1, 1}, data: []byte{0, 128, 128, 255, 128, 128}}, black, white},
		"coarse colour":      {rawTIFF{bits: []int{8, 8, 8}, color: colorYCbCr, sub: []int{2, 1}, data: []byte{0, 255, 128, 128}}, black, white},
		"runs":               {rawTIFF{bits: []int{8, 8, 8}, color: colorYCbCr, sub: []int{1, 1}, packing: packBits, data: []byte{0, 0, 0xff, 128, 0, 255, 0xff, 128}}, black, white},
		"differences":        {rawTIFF{bits: []int{16, 16, 16}, color: colorRGB, planes: true, predict: true, parts: [][]byte{{0, 1, 0, 0xfe}, {0, 1, 0, 0xfe}, {0, 1, 0, 0xfe}}}, grey(1), grey(255)},
		"transparent":        {rawTIFF{bits: []int{8, 8, 8, 8}, color: colorRGB, planes: true, extra: []int{2}, parts: [][]byte{{0, 0}, {0, 0}, {0, 0}, {0, 255}}}, white, black},
		"tiles":              {rawTIFF{bits: []int{4}, color: colorBlackIsZero, tile: 1, data: []byte{0xf0}}, white, white},
	} {
		c.r.w, c.r.h = 2, 1
		p := pageOf(t, c.r.bytes(), Options{}, 1)
		if a, b := p.Image.RGBAAt(0, 0), p.Image.RGBAAt(1, 0); a != c.a || b != c.b {
			t.Errorf("%s: %v and %v, want %v and %v", name, a, b, c.a, c.b)
		}
	}
}

// ramp is n greys of a palette.
func ramp(n int) []uint16 {
	out := make([]uint16, n)
	for i := range out {
		out[i] = uint16(i * 65535 / (n - 1))
	}
	return out
}

// JPEG in YCbCr is what most scanners write.
func TestTIFFWithJPEG(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, corners(64, 48), nil); err != nil {
		t.Fatal(err)
	}
	p := pageOf(t, rawTIFF{w: 64, h: 48, bits: []int{8, 8, 8}, color: colorYCbCr, packing: packJPEG, sub: []int{2, 2}, data: b.Bytes()}.bytes(), Options{}, 1)
	if got := cornerNames(p.Image); got != "rgbw" {
		t.Errorf("corners %s, want rgbw", got)
	}
}

// A TIFF that promises more than it holds is refused, and nothing is allocated
// for what is not there.
func TestTIFFPromises(t *testing.T) {
	t.Parallel()
	short := rawTIFF{w: 4000, h: 4000, bits: []int{4}, color: colorBlackIsZero, data: []byte{1, 2, 3}}.bytes()
	if err := firstPage(t, short, Limits{}); err == nil {
		t.Error("three bytes made sixteen million pixels")
	} else {
		typed(t, err)
	}
}

// writeBMP writes a BMP of 40 header bytes, masks or palette, and pixels.
func writeBMP(w, h, bits, packing int, table, pixels []byte) []byte {
	le := binary.LittleEndian
	out := []byte("BM\x00\x00\x00\x00\x00\x00\x00\x00")
	out = le.AppendUint32(out, uint32(54+len(table)))
	for _, v := range []int{40, w, h} {
		out = le.AppendUint32(out, uint32(v))
	}
	out = le.AppendUint16(le.AppendUint16(out, 1), uint16(bits))
	for _, v := range []int{packing, len(pixels), 0, 0, 0, 0} {
		out = le.AppendUint32(out, uint32(v))
	}
	if packing == bmpRLE4 || packing == bmpRLE8 {
		le.PutUint32(out[46:], uint32(len(table)/4))
	}
	return append(append(out, table...), pixels...)
}

func TestBMPForms(t *testing.T) {
	t.Parallel()
	palette := []byte{0, 0, 0, 0, 255, 255, 255, 0, 0, 0, 255, 0} // black, white, red
	masks := []byte{0, 0xf8, 0, 0, 0xe0, 7, 0, 0, 0x1f, 0, 0, 0}
	for name, c := range map[string]struct {
		data []byte
		want string // rows from the top
	}{
		"runs of bytes":   {writeBMP(3, 2, 8, bmpRLE8, palette, []byte{3, 1, 0, 0, 0, 3, 0, 1, 2, 0, 0, 1}), "kwr/www"},
		"runs of nibbles": {writeBMP(3, 2, 4, bmpRLE4, palette, []byte{3, 0x12, 0, 0, 3, 0x00, 0, 1}), "kkk/wrw"},
		"a jump":          {writeBMP(3, 2, 8, bmpRLE8, palette, []byte{0, 2, 1, 1, 1, 2, 0, 1}), "krk/kkk"},
		"beyond":          {writeBMP(3, 2, 8, bmpRLE8, palette, []byte{200, 1, 0, 0, 200, 9, 0, 0, 9, 1}), "rrr/www"},
		"fields":          {writeBMP(2, 1, 16, bmpFields, masks, []byte{0, 0xf8, 0xff, 0xff}), "rw"},
		"from the top":    {writeBMP(1, -2, 16, bmpFields, masks, []byte{0, 0xf8, 0, 0, 0xff, 0xff, 0, 0}), "r/w"},
	} {
		p := pageOf(t, c.data, Options{NoRotation: true}, 1)
		got := ""
		for y := range p.Image.Rect.Dy() {
			if y > 0 {
				got += "/"
			}
			for x := range p.Image.Rect.Dx() {
				k := p.Image.RGBAAt(x, y)
				got += map[string]string{"255 255 255": "w", "255 0 0": "r", "0 0 0": "k"}[fmt.Sprint(k.R, k.G, k.B)]
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func FuzzBMP(f *testing.F) {
	palette := []byte{0, 0, 0, 0, 255, 255, 255, 0}
	f.Add(writeBMP(3, 2, 8, bmpRLE8, palette, []byte{3, 1, 0, 0, 0, 3, 0, 1, 0, 0, 0, 1}))
	f.Add(writeBMP(3, 2, 4, bmpRLE4, palette, []byte{3, 0x01, 0, 2, 1, 1, 0, 5, 0x01, 0, 1, 0}))
	f.Add(writeBMP(2, 1, 16, bmpFields, []byte{0, 0xf8, 0, 0, 0xe0, 7, 0, 0, 0x1f, 0, 0, 0}, []byte{0, 0xf8, 0xff, 0xff}))
	f.Add(writeBMP(2, -1, 32, bmpFields, []byte{0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0}, make([]byte, 8)))
	var b bytes.Buffer
	if err := bmp.Encode(&b, image.NewGray(image.Rect(0, 0, 3, 3))); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, d []byte) { fuzzStill(t, formatBMP, d) })
}

// fuzzStill opens and draws a still image within small limits.
func fuzzStill(t *testing.T, format string, d []byte) {
	m := &machine{limits: Limits{PagePixels: 1 << 16}.withDefaults()}
	r, _, err := openStill(m, blob{bytes.NewReader(d), int64(len(d))}, format)
	if err != nil {
		typed(t, err)
		return
	}
	p, err := r.render(0)
	if err != nil {
		typed(t, err)
		return
	}
	if p.img.Rect.Empty() || int64(p.img.Rect.Dx())*int64(p.img.Rect.Dy()) > 16*m.limits.PagePixels {
		t.Fatalf("a picture of %v", p.img.Rect)
	}
}
