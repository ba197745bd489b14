package render

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"math/bits"
	"strings"

	"github.com/hhrutter/tiff"
	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"
)

// tiffReader reads the images of a TIFF one by one.
type tiffReader struct {
	m    *machine
	data []byte
	at   []int64
	dirs []directory
	lost error // the chain of pages breaks off: stands as the page behind the last
}

// openTIFF walks the chain of image directories.
func openTIFF(m *machine, b blob) (reader, []Note, error) {
	data, err := b.bytes()
	if err != nil {
		return nil, nil, err
	}
	t, err := newTIFFFile(bytes.NewReader(data), b.size)
	if err != nil {
		return nil, nil, bad("open", err, "the file is damaged: scan or send it again")
	}
	// One more than allowed, so that the page limit speaks.
	at, dirs, err := t.directories(min(MaxIFDs, m.limits.Pages) + 1)
	var notes []Note
	switch {
	case len(at) == 0 && err == nil:
		return nil, nil, bad("open", errors.New("tiff: there is no image in it"), "send another file")
	case len(at) == 0:
		return nil, nil, bad("open", err, "the file is damaged: scan or send it again")
	case err != nil:
		notes = append(notes, Note{Kind: "page_count", Text: err.Error() + "; the images before it are read"})
	}
	r := &tiffReader{m: m, data: data, at: at, dirs: dirs}
	// Images may be missing only where the chain breaks off: one that comes back
	// to itself is whole, and one that is too long meets the limit on pages.
	if errors.Is(err, errBrokenChain) {
		r.lost = err
	}
	return r, notes, nil
}

func (t *tiffReader) count() int {
	if t.lost != nil {
		return len(t.at) + 1
	}
	return len(t.at)
}
func (t *tiffReader) close() {}

func (t *tiffReader) render(n int) (*raw, error) {
	if n >= len(t.dirs) {
		return nil, bad("page", fmt.Errorf("%w; this page stands for those that may be missing", t.lost), "the file is cut off or damaged: scan or send it again")
	}
	d := t.dirs[n]
	w, h := d.size()
	if err := t.m.limits.checkSize("decode", w, h); err != nil {
		return nil, err
	}
	if tw, th := int(d.get(tagTileWidth, 0)), int(d.get(tagTileLength, 0)); tw > 0 && th > 0 {
		if err := t.m.limits.checkSize("decode", tw, th); err != nil {
			return nil, err
		}
	}
	img, err := decodeTIFF(t.data, t.at[n])
	var p *raw
	if err == nil {
		p = &raw{img: toRGBA(img), to: Affine{1, 0, 0, 0, 1, 0}, unit: "px"}
		opaque(p.img, img)
	} else if p = t.again(n, &err); p == nil {
		return nil, decodeError("decode", formatTIFF, err)
	}
	meta := d.meta()
	p.dpi = meta.dpi()
	p.orient(meta.orientation)
	p.square(meta.dpiX, meta.dpiY)
	return p, nil
}

// again decodes a page that the library refuses: a fax through PDFium, all
// else by ourselves. Where that fails too it returns nil and the better reason
// of the two.
func (t *tiffReader) again(n int, reason *error) *raw {
	if p := t.fax(n, reason); p != nil || needsEngine(*reason) {
		return p
	}
	img, err := t.raster(n)
	if err != nil {
		if e := (*Error)(nil); errors.As(err, &e) || isUnsupported(*reason) {
			*reason = err // ours reads more, so it knows better
		}
		return nil
	}
	return &raw{img: img, to: Affine{1, 0, 0, 0, 1, 0}, unit: "px"}
}

// fax decodes a bilevel page that the TIFF library refuses through PDFium: Group
// 3 in two dimensions, fill bits, odd line ends. It returns nil where that fails
// too; that there is no PDFium here replaces the reason.
func (t *tiffReader) fax(n int, reason *error) *raw {
	d := t.dirs[n]
	const huffman, group3, group4 = 2, 3, 4
	kind := int(d.get(tagCompression, 1))
	if kind != huffman && kind != group3 && kind != group4 || d.get(tagBitsPerSample, 1) != 1 || d.get(tagSamplesPerPixel, 1) != 1 {
		return nil
	}
	f, err := newTIFFFile(bytes.NewReader(t.data), int64(len(t.data)))
	if err != nil {
		return nil
	}
	at, size := f.list(t.at[n], tagStripOffsets, MaxStrips), f.list(t.at[n], tagStripByteCounts, MaxStrips)
	w, h := d.size()
	rows := min(int(d.get(tagRowsPerStrip, float64(h))), h)
	if len(at) == 0 || len(at) != len(size) || rows <= 0 {
		return nil
	}
	parms := fmt.Sprintf("/Columns %d/BlackIs1 %t", w, d.get(tagPhotometric, 0) == 1)
	switch {
	case kind == group4:
		parms += "/K -1"
	case kind == group3 && int(d.get(tagT4Options, 0))&1 == 1:
		parms += "/K 1"
	case kind == huffman:
		parms += "/K 0/EncodedByteAlign true"
	}
	page := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range at {
		y := i * rows
		if y >= h || at[i] < 0 || size[i] < 0 || at[i]+size[i] > int64(len(t.data)) {
			return nil
		}
		strip := t.data[at[i] : at[i]+size[i]]
		if d.get(tagFillOrder, 1) == 2 {
			strip = mirrored(strip)
		}
		high := min(rows, h-y)
		p, err := renderWrapped(t.m, "/CCITTFaxDecode", fmt.Sprintf("<<%s/Rows %d>>", parms, high), strip, w, high)
		if needsEngine(err) {
			*reason = err
		}
		if err != nil {
			return nil
		}
		part := Resize(p.img, [4]float64{0, 0, float64(p.img.Rect.Dx()), float64(p.img.Rect.Dy())}, w, high)
		copy(page.Pix[y*page.Stride:], part.Pix)
	}
	if empty(page.Pix) {
		return nil
	}
	return &raw{img: page, to: Affine{1, 0, 0, 0, 1, 0}, unit: "px"}
}

// mirrored turns the bits of each byte around.
func mirrored(in []byte) []byte {
	out := make([]byte, len(in))
	for i, b := range in {
		out[i] = bits.Reverse8(b)
	}
	return out
}

// decodeTIFF decodes the image at a directory. The library panics on some
// broken files; that is the file's fault, not ours.
func decodeTIFF(data []byte, at int64) (img image.Image, err error) {
	defer func() {
		if v := recover(); v != nil {
			img, err = nil, fmt.Errorf("the decoder gave up: %v", v)
		}
	}()
	return tiff.DecodeAt(bytes.NewReader(data), at)
}

// isUnsupported tells a feature that a decoder lacks from a broken file.
func isUnsupported(err error) bool {
	var (
		t tiff.UnsupportedError
		j jpeg.UnsupportedError
		p png.UnsupportedError
	)
	switch {
	case errors.As(err, &t), errors.As(err, &j), errors.As(err, &p), errors.Is(err, bmp.ErrUnsupported):
		return true
	}
	_ = webp.Decode // its errors have no type
	s := err.Error()
	return strings.Contains(s, "unsupported") || strings.Contains(s, "not implemented")
}
