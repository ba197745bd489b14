package render

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// The TIFF tags that are looked at before decoding.
const (
	tagNewSubfileType  = 254
	tagImageWidth      = 256
	tagImageLength     = 257
	tagBitsPerSample   = 258
	tagCompression     = 259
	tagPhotometric     = 262
	tagOrientation     = 274
	tagSamplesPerPixel = 277
	tagXResolution     = 282
	tagYResolution     = 283
	tagResolutionUnit  = 296
	tagFillOrder       = 266
	tagStripOffsets    = 273
	tagRowsPerStrip    = 278
	tagStripByteCounts = 279
	tagT4Options       = 292
	tagPlanarConfig    = 284
	tagPredictor       = 317
	tagColorMap        = 320
	tagTileOffsets     = 324
	tagTileByteCounts  = 325
	tagExtraSamples    = 338
	tagSampleFormat    = 339
	tagJPEGTables      = 347
	tagJPEGStream      = 513
	tagSubsampling     = 530
	tagTileWidth       = 322
	tagTileLength      = 323
)

// tiffFile is the outer structure of a TIFF: byte order and where directories
// are.
type tiffFile struct {
	r     io.ReaderAt
	size  int64
	order binary.ByteOrder
	first int64
}

// directory holds the small numeric values of one image directory.
type directory struct {
	values map[uint16]float64 // first value of each numeric entry
	next   int64
}

// newTIFFFile reads the eight byte header.
func newTIFFFile(r io.ReaderAt, size int64) (*tiffFile, error) {
	var h [8]byte
	if _, err := r.ReadAt(h[:], 0); err != nil {
		return nil, errors.New("tiff: the header is cut off")
	}
	t := &tiffFile{r: r, size: size}
	switch string(h[:4]) {
	case "II*\x00":
		t.order = binary.LittleEndian
	case "MM\x00*":
		t.order = binary.BigEndian
	default:
		return nil, errors.New("tiff: the header is wrong")
	}
	t.first = int64(t.order.Uint32(h[4:]))
	return t, nil
}

// directory reads the image directory at an offset.
func (t *tiffFile) directory(at int64) (directory, error) {
	d := directory{values: map[uint16]float64{}}
	var c [2]byte
	if at < 8 || at > t.size-2 {
		return d, fmt.Errorf("an image directory lies at %d, outside the file of %d bytes", at, t.size)
	}
	if _, err := t.r.ReadAt(c[:], at); err != nil {
		return d, fmt.Errorf("image directory at %d: %w", at, err)
	}
	n := int64(t.order.Uint16(c[:]))
	if n == 0 || n > MaxIFDEntries {
		return d, fmt.Errorf("the image directory at %d has %d entries", at, n)
	}
	p := make([]byte, 12*n+4)
	got, _ := t.r.ReadAt(p, at+2)
	if int64(got) < 12*n {
		return d, fmt.Errorf("the image directory at %d is cut off", at)
	}
	for i := range n {
		t.entry(d, p[12*i:12*i+12])
	}
	if int64(got) == int64(len(p)) {
		d.next = int64(t.order.Uint32(p[12*n:]))
	}
	return d, nil
}

// entry keeps the first value of a numeric entry; all else is passed over.
func (t *tiffFile) entry(d directory, e []byte) {
	tag, kind, count := t.order.Uint16(e), t.order.Uint16(e[2:]), t.order.Uint32(e[4:])
	if count == 0 {
		return
	}
	var v float64
	switch {
	case kind == 1 && count <= 4: // byte
		v = float64(e[8])
	case kind == 3 && count <= 2: // short
		v = float64(t.order.Uint16(e[8:]))
	case kind == 4 && count == 1: // long
		v = float64(t.order.Uint32(e[8:]))
	case kind == 3 || kind == 5:
		var b [8]byte
		need := map[uint16]int{3: 2, 5: 8}[kind]
		if n, _ := t.r.ReadAt(b[:need], int64(t.order.Uint32(e[8:]))); n < need {
			return
		}
		if v = float64(t.order.Uint16(b[:])); kind == 5 {
			v = float64(t.order.Uint32(b[:])) / float64(t.order.Uint32(b[4:]))
		}
	default:
		return
	}
	if _, twice := d.values[tag]; !twice && !math.IsNaN(v) && !math.IsInf(v, 0) {
		d.values[tag] = v
	}
}

// list reads all values of an entry of the directory at an offset, at most
// limit of them: the places of an image's strips, its colours, its tables.
func (t *tiffFile) list(at int64, tag uint16, limit int) []int64 {
	var c [2]byte
	if n, _ := t.r.ReadAt(c[:], at); n < len(c) {
		return nil
	}
	for i := range min(int64(t.order.Uint16(c[:])), MaxIFDEntries) {
		var e [12]byte
		if n, _ := t.r.ReadAt(e[:], at+2+12*i); n < len(e) {
			return nil
		}
		if t.order.Uint16(e[:]) != tag {
			continue
		}
		kind, count := t.order.Uint16(e[2:]), int64(t.order.Uint32(e[4:]))
		size := map[uint16]int64{1: 1, 3: 2, 4: 4, 7: 1}[kind]
		if size == 0 || count > int64(limit) || count <= 0 {
			return nil
		}
		p := e[8:12]
		if size*count > 4 {
			p = make([]byte, size*count)
			if n, _ := t.r.ReadAt(p, int64(t.order.Uint32(e[8:]))); n < len(p) {
				return nil
			}
		}
		out := make([]int64, count)
		for k := range out {
			switch size {
			case 1:
				out[k] = int64(p[k])
			case 2:
				out[k] = int64(t.order.Uint16(p[2*k:]))
			case 4:
				out[k] = int64(t.order.Uint32(p[4*k:]))
			}
		}
		return out
	}
	return nil
}

// get returns a value or its default.
func (d directory) get(tag uint16, def float64) float64 {
	if v, ok := d.values[tag]; ok {
		return v
	}
	return def
}

// size is the declared size in pixels, 0 when not said.
func (d directory) size() (w, h int) {
	return int(d.get(tagImageWidth, 0)), int(d.get(tagImageLength, 0))
}

// meta reads orientation and resolution.
func (d directory) meta() imageMeta {
	unit := map[float64]float64{2: 1, 3: 2.54}[d.get(tagResolutionUnit, 2)]
	m := imageMeta{
		dpiX: sane(d.get(tagXResolution, 0) * unit),
		dpiY: sane(d.get(tagYResolution, 0) * unit),
	}
	if o := d.get(tagOrientation, 0); o >= 1 && o <= 8 {
		m.orientation = int(o)
	}
	return m
}

// errBrokenChain says that the chain of images leads to something that is no
// directory: whether there were more images is not known.
var errBrokenChain = errors.New("tiff: the chain of images breaks off")

// directories walks the chain of images, leaving out thumbnails and masks. It
// stops, with what was found and the reason, at a loop, at a directory that
// cannot be read, and at limit images.
func (t *tiffFile) directories(limit int) (at []int64, dirs []directory, err error) {
	seen := map[int64]bool{}
	for off := t.first; off != 0; {
		if seen[off] {
			return at, dirs, fmt.Errorf("tiff: the chain of images comes back to the directory at %d", off)
		}
		if len(seen) >= limit {
			return at, dirs, fmt.Errorf("tiff: more than %d image directories", limit)
		}
		seen[off] = true
		d, err := t.directory(off)
		if err != nil {
			return at, dirs, fmt.Errorf("%w: %w", errBrokenChain, err)
		}
		const reduced, mask = 1, 4
		if kind := int(d.get(tagNewSubfileType, 0)); kind&(reduced|mask) == 0 || len(at) == 0 && d.next == 0 {
			at, dirs = append(at, off), append(dirs, d)
		}
		off = d.next
	}
	return at, dirs, nil
}
