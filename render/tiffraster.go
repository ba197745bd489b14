package render

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"slices"

	"golang.org/x/image/tiff/lzw"
)

// The TIFF library reads what most programs write. The rest is read here: any
// depth up to 16 bits, 24 and 32, colours in planes, YCbCr with and without JPEG,
// palettes of few bits, directories out of order. The layout is that of
// TIFF 6.0, sections 3 to 23.

// The compressions that are unpacked here.
const (
	packNone       = 1
	packLZW        = 5
	packOldJPEG    = 6
	packJPEG       = 7
	packDeflate    = 8
	packBits       = 32773
	packOldDeflate = 32946
)

// The meanings of samples.
const (
	colorWhiteIsZero = 0
	colorBlackIsZero = 1
	colorRGB         = 2
	colorPalette     = 3
	colorMask        = 4
	colorCMYK        = 5
	colorYCbCr       = 6
	colorLab         = 8
)

// sampleFloat is the sample format of floating-point numbers.
const sampleFloat = 3

// maxSamples is how many samples a pixel may have; five are looked at, four
// colours and alpha.
const (
	maxSamples  = 16
	keptSamples = 5
)

var errShort = errors.New("tiff: there is less data than the picture needs")

// notRead reports a feature that is not read.
func notRead(what string) error {
	return unsupported("decode", errors.New("tiff: "+what), hintConvert)
}

// rasterLayout is how one image's samples lie in the file.
type rasterLayout struct {
	w, h           int
	bits, samples  int
	kept           int // samples that are looked at
	color, packing int
	planes         bool // each sample has blocks of its own
	predict        bool // samples are differences from their left neighbours
	blockW, blockH int
	across, down   int
	at, size       []int64 // of the blocks
	subX, subY     int     // of the colours of YCbCr
	tables         []byte  // JPEG tables of all blocks
	oldTables      []byte  // those of the old kind, as segments
	colors         []int64 // of a palette: all red, all green, all blue, 16 bits
	alpha          int     // 0 none, 1 colours are premultiplied, 2 they are not
	float          bool
	mirrorBits     bool // the first pixel is in the lowest bit
	swap           bool // samples of several bytes have the lowest first
}

// raster decodes image n.
func (t *tiffReader) raster(n int) (*image.RGBA, error) {
	f, err := newTIFFFile(bytes.NewReader(t.data), int64(len(t.data)))
	if err != nil {
		return nil, err
	}
	l, err := layoutOf(f, t.at[n], t.dirs[n])
	if err != nil {
		return nil, err
	}
	if l.packing == packOldJPEG {
		if img, err := t.oldJPEG(t.dirs[n], l); err == nil {
			return img, nil
		}
		if l.oldTables, err = oldJPEGTables(f, t.at[n], t.dirs[n]); err != nil {
			return nil, err
		}
	}
	need := int64(l.w) * int64(l.h) * int64(l.kept)
	if need > 4*t.m.limits.PagePixels {
		return nil, over("decode", "page_pixels", need/4, t.m.limits.PagePixels, "scale the image down or cut it")
	}
	if block := int64(l.blockW) * int64(l.blockH) * int64(l.samples) * int64(l.bits+7) / 8; block > t.m.limits.StreamBytes {
		return nil, over("decode", "stream_bytes", block, t.m.limits.StreamBytes, "store the image in smaller strips or tiles")
	}
	pix := make([]uint8, need)
	for i := range l.at {
		if l.at[i] < 0 || l.size[i] < 0 || l.at[i] > int64(len(t.data)) {
			return nil, errShort
		}
		packed := t.data[l.at[i]:min(l.at[i]+l.size[i], int64(len(t.data)))]
		if err := l.block(pix, i, packed, t.m.limits); err != nil {
			return nil, fmt.Errorf("tiff: block %d of %d: %w", i+1, len(l.at), err)
		}
	}
	return l.paint(pix), nil
}

// layoutOf reads and checks the directory at an offset.
func layoutOf(f *tiffFile, at int64, d directory) (*rasterLayout, error) {
	l := &rasterLayout{
		bits: int(d.get(tagBitsPerSample, 1)), samples: int(d.get(tagSamplesPerPixel, 1)), color: int(d.get(tagPhotometric, colorBlackIsZero)),
		packing: int(d.get(tagCompression, packNone)), planes: d.get(tagPlanarConfig, 1) == 2, predict: d.get(tagPredictor, 1) == 2,
		float: d.get(tagSampleFormat, 1) == sampleFloat, mirrorBits: d.get(tagFillOrder, 1) == 2, swap: f.order == binary.LittleEndian,
	}
	l.w, l.h = d.size()
	switch {
	case l.w <= 0 || l.h <= 0:
		return nil, errEmptyImage
	case l.bits < 1 || l.bits > 16 && l.bits != 24 && l.bits != 32 || l.bits > 8 && l.color == colorPalette || l.samples < 1 || l.samples > maxSamples:
		return nil, notRead(fmt.Sprintf("%d samples of %d bits", l.samples, l.bits))
	case d.get(tagSampleFormat, 1) > 2 && !(d.get(tagSampleFormat, 1) == sampleFloat && l.bits == 32) || d.get(tagPredictor, 1) > 2:
		return nil, notRead("samples of this form")
	case l.predict && l.bits != 8 && l.bits != 16:
		return nil, notRead(fmt.Sprintf("differences of %d bits", l.bits))
	}
	l.subX, l.subY = 1, 1
	if l.color == colorYCbCr {
		l.subX, l.subY = 2, 2
		if s := f.list(at, tagSubsampling, 2); len(s) == 2 {
			l.subX, l.subY = int(s[0]), int(s[1])
		}
		if l.subX < 1 || l.subX > 4 || l.subY < 1 || l.subY > 4 || l.samples != 3 || l.bits != 8 || l.planes && l.subX*l.subY > 1 {
			return nil, notRead("this subsampling of colours")
		}
	}
	if l.packing == packJPEG {
		l.subX, l.subY = 1, 1 // its decoder knows better
	}
	for _, b := range f.list(at, tagJPEGTables, 1<<16) {
		l.tables = append(l.tables, byte(b))
	}
	l.colors = f.list(at, tagColorMap, 3<<8)
	if l.color == colorPalette && len(l.colors) < 3<<l.bits {
		return nil, errors.New("tiff: the palette is missing")
	}
	if len(l.colors) > 0 && slices.Max(l.colors) < 256 { // written by those who took it for 8 bits
		for i := range l.colors {
			l.colors[i] <<= 8
		}
	}
	if e := f.list(at, tagExtraSamples, maxSamples); len(e) > 0 && (e[0] == 1 || e[0] == 2) && l.samples == colorSamples(l.color)+len(e) {
		l.alpha = int(e[0])
	}
	if l.samples < colorSamples(l.color) {
		return nil, fmt.Errorf("tiff: %d samples are too few for the kind of colour", l.samples)
	}
	l.kept = min(colorSamples(l.color)+min(l.alpha, 1), keptSamples)
	return l, l.blocks(f, at, d)
}

// colorSamples is how many samples make a colour.
func colorSamples(color int) int {
	switch color {
	case colorRGB, colorYCbCr, colorLab:
		return 3
	case colorCMYK:
		return 4
	}
	return 1
}

// blocks finds the strips or tiles.
func (l *rasterLayout) blocks(f *tiffFile, at int64, d directory) error {
	offsets, sizes := uint16(tagStripOffsets), uint16(tagStripByteCounts)
	l.blockW, l.blockH = l.w, int(min(d.get(tagRowsPerStrip, float64(l.h)), float64(l.h)))
	if tw := int(d.get(tagTileWidth, 0)); tw > 0 {
		offsets, sizes = tagTileOffsets, tagTileByteCounts
		l.blockW, l.blockH = tw, int(d.get(tagTileLength, 0))
	}
	if l.blockW <= 0 || l.blockH <= 0 || l.blockW > MaxPageSide || l.blockH > MaxPageSide {
		return errors.New("tiff: the strips or tiles have no size")
	}
	l.across, l.down = (l.w+l.blockW-1)/l.blockW, (l.h+l.blockH-1)/l.blockH
	n := l.across * l.down
	if l.planes {
		n *= l.samples
	}
	if n > MaxStrips {
		return over("decode", "strips", int64(n), MaxStrips, "store the image in larger strips or tiles")
	}
	l.at, l.size = f.list(at, offsets, MaxStrips), f.list(at, sizes, MaxStrips)
	if len(l.size) == 0 && n == 1 && len(l.at) == 1 {
		l.size = []int64{f.size} // some writers leave it out
	}
	if len(l.at) < n || len(l.size) < n {
		return errShort
	}
	l.at, l.size = l.at[:n], l.size[:n]
	return nil
}

// block unpacks block i into the picture's samples.
func (l *rasterLayout) block(pix []uint8, i int, packed []byte, limits Limits) error {
	plane, k := -1, i
	if l.planes {
		plane, k = i/(l.across*l.down), i%(l.across*l.down)
		if plane >= l.kept {
			return nil
		}
	}
	x0, y0 := k%l.across*l.blockW, k/l.across*l.blockH
	switch l.packing {
	case packJPEG:
		return l.jpegBlock(pix, x0, y0, packed, limits)
	case packOldJPEG:
		return l.jpegBlock(pix, x0, y0, l.wholeJPEG(packed), limits)
	}
	rows := l.blockH
	if l.blockW == l.w {
		rows = min(rows, l.h-y0) // the last strip is shorter, a tile is not
	}
	perRow := l.samples
	if l.planes {
		perRow = 1
	}
	stride := (l.blockW*perRow*l.bits + 7) / 8
	want := stride * rows
	if l.coarse() {
		unitsX, unitsY := (l.blockW+l.subX-1)/l.subX, (rows+l.subY-1)/l.subY
		want = unitsX * unitsY * (l.subX*l.subY + 2)
	}
	data, err := unpack(l.packing, packed, want)
	if err != nil {
		return err
	}
	if l.mirrorBits && l.packing == packNone {
		data = mirrored(data)
	}
	if l.swap && l.bits%8 == 0 {
		ordered(data, l.bits)
	}
	if l.coarse() {
		l.subsampled(pix, x0, y0, rows, data)
		return nil
	}
	if l.predict {
		undoDifferences(data, stride, perRow, l.bits)
	}
	for y := range min(rows, l.h-y0) {
		l.row(pix[(y0+y)*l.w*l.kept:], x0, data[y*stride:(y+1)*stride], plane, perRow)
	}
	return nil
}

// maxUnpack is to how many bytes one packed byte can grow; LZW, whose table has
// 4,096 entries, grows most.
const maxUnpack = 4096

// unpack returns exactly want bytes.
func unpack(packing int, packed []byte, want int) ([]byte, error) {
	if int64(want) > int64(len(packed))*maxUnpack+maxUnpack {
		return nil, errShort // before memory is taken for what cannot come
	}
	var r io.Reader
	switch packing {
	case packNone:
		r = bytes.NewReader(packed)
	case packLZW:
		z := lzw.NewReader(bytes.NewReader(packed), lzw.MSB, 8)
		defer z.Close()
		r = z
	case packDeflate, packOldDeflate:
		z, err := zlib.NewReader(bytes.NewReader(packed))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		r = z
	case packBits:
		return unpackBits(packed, want)
	default:
		return nil, notRead(fmt.Sprintf("compression %d", packing))
	}
	out := make([]byte, want)
	if n, err := io.ReadFull(r, out); n < want {
		return nil, fmt.Errorf("%w: %d of %d bytes: %w", errShort, n, want, err)
	}
	return out, nil
}

// unpackBits undoes the run-length packing of section 9.
func unpackBits(in []byte, want int) ([]byte, error) {
	out := make([]byte, 0, want)
	for len(out) < want && len(in) > 0 {
		n := int(int8(in[0]))
		in = in[1:]
		switch {
		case n >= 0 && len(in) > n:
			out = append(out, in[:n+1]...)
			in = in[n+1:]
		case n < 0 && n > -128 && len(in) > 0:
			out = append(out, bytes.Repeat(in[:1], 1-n)...)
			in = in[1:]
		case n != -128:
			return nil, errShort
		}
	}
	if len(out) < want {
		return nil, errShort
	}
	return out[:want], nil
}

// jpegBlock decodes a block that is a JPEG without the tables they share.
func (l *rasterLayout) jpegBlock(pix []uint8, x0, y0 int, packed []byte, limits Limits) error {
	const start, end = "\xff\xd8", "\xff\xd9"
	data := packed
	if len(l.tables) > 4 && bytes.HasPrefix(packed, []byte(start)) {
		data = slices.Concat(bytes.TrimSuffix(l.tables, []byte(end)), packed[len(start):])
	}
	if l.color == colorRGB { // Go takes three components for YCbCr unless told
		const adobe = "\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
		data = append([]byte(start+adobe), data[min(len(start), len(data)):]...)
	}
	img, err := boundedJPEG(data, limits)
	if err != nil {
		return err
	}
	if l.planes || l.kept != 1 && l.kept != 3 {
		return notRead("JPEG of this kind of colour")
	}
	b := img.Bounds()
	for y := range min(b.Dy(), l.h-y0, l.blockH) {
		dst := pix[((y0+y)*l.w+x0)*l.kept:]
		for x := range min(b.Dx(), l.w-x0, l.blockW) {
			r, g, bl, _ := img.At(b.Min.X+x, b.Min.Y+y).RGBA()
			if l.kept == 1 {
				dst[x] = uint8(g >> 8)
				continue
			}
			dst[3*x], dst[3*x+1], dst[3*x+2] = uint8(r>>8), uint8(g>>8), uint8(bl>>8)
		}
	}
	return nil
}

// boundedJPEG decodes a JPEG whose size is within the limits.
func boundedJPEG(data []byte, limits Limits) (image.Image, error) {
	c, err := jpeg.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if err := limits.checkSize("decode", c.Width, c.Height); err != nil {
		return nil, err
	}
	return jpeg.Decode(bytes.NewReader(data))
}
