package render

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"io"
	"sync"
)

// pngMagic opens every PNG.
const pngMagic = "\x89PNG\r\n\x1a\n"

// The colour types EncodePNG writes.
const (
	pngGray = 0
	pngRGB  = 2
)

// deflaters keep their megabyte of state between pictures.
var deflaters sync.Pool

// EncodePNG writes an opaque picture, as 8-bit grey when it has no colour. It is
// made for pages: every row is stored as its difference from the row above,
// which leaves white paper and upright strokes all zero, and is packed quickly
// rather than small. Alpha is not stored.
func EncodePNG(w io.Writer, img *image.RGBA) error {
	b := img.Rect
	if b.Empty() {
		return internal("encode", errEmptyImage, "")
	}
	out := bufio.NewWriterSize(w, 1<<16)
	gray := isGray(img)
	channels, kind := 3, byte(pngRGB)
	if gray {
		channels, kind = 1, pngGray
	}
	out.WriteString(pngMagic)
	head := make([]byte, 13)
	binary.BigEndian.PutUint32(head, uint32(b.Dx()))
	binary.BigEndian.PutUint32(head[4:], uint32(b.Dy()))
	head[8], head[9] = 8, kind
	pngChunk(out, "IHDR", head)
	z, _ := deflaters.Get().(*zlib.Writer)
	data := &idat{w: out}
	if z == nil {
		z, _ = zlib.NewWriterLevel(data, zlib.BestSpeed)
	} else {
		z.Reset(data)
	}
	above, row := make([]byte, b.Dx()*channels), make([]byte, b.Dx()*channels)
	line := make([]byte, 1+b.Dx()*channels)
	const up = 2
	line[0] = up
	for y := b.Min.Y; y < b.Max.Y; y++ {
		o := img.PixOffset(b.Min.X, y)
		narrow(row, img.Pix[o:o+4*b.Dx()], channels)
		for i, v := range row {
			line[i+1] = v - above[i]
		}
		if _, err := z.Write(line); err != nil {
			return internal("encode", err, "")
		}
		above, row = row, above
	}
	if err := z.Close(); err != nil {
		return internal("encode", err, "")
	}
	deflaters.Put(z)
	data.flush()
	pngChunk(out, "IEND", nil)
	if err := out.Flush(); err != nil {
		return internal("encode", err, "see that there is room to write")
	}
	return nil
}

// narrow drops alpha, and all but one channel of grey.
func narrow(dst, row []byte, channels int) {
	if channels == 1 {
		for x := range dst {
			dst[x] = row[4*x]
		}
		return
	}
	for x := 0; 4*x < len(row); x++ {
		d, s := dst[3*x:3*x+3:3*x+3], row[4*x:4*x+3:4*x+3]
		d[0], d[1], d[2] = s[0], s[1], s[2]
	}
}

// idat gathers compressed bytes into chunks.
type idat struct {
	w   *bufio.Writer
	buf []byte
}

const idatBytes = 1 << 18

// Write implements io.Writer.
func (d *idat) Write(p []byte) (int, error) {
	d.buf = append(d.buf, p...)
	if len(d.buf) >= idatBytes {
		d.flush()
	}
	return len(p), nil
}

// flush writes what was gathered.
func (d *idat) flush() {
	if len(d.buf) > 0 {
		pngChunk(d.w, "IDAT", d.buf)
		d.buf = d.buf[:0]
	}
}

// pngChunk writes one chunk; errors stay in the writer until it is flushed.
func pngChunk(w *bufio.Writer, name string, body []byte) {
	var n [4]byte
	binary.BigEndian.PutUint32(n[:], uint32(len(body)))
	w.Write(n[:])
	w.WriteString(name)
	w.Write(body)
	sum := crc32.Update(crc32.ChecksumIEEE([]byte(name)), crc32.IEEETable, body)
	binary.BigEndian.PutUint32(n[:], sum)
	w.Write(n[:])
}

// isGray reports that no pixel has a colour.
func isGray(img *image.RGBA) bool {
	b := img.Rect
	for y := b.Min.Y; y < b.Max.Y; y++ {
		o := img.PixOffset(b.Min.X, y)
		for row := img.Pix[o : o+4*b.Dx()]; len(row) >= 4; row = row[4:] {
			if row[0] != row[1] || row[1] != row[2] {
				return false
			}
		}
	}
	return true
}

// DecodePNG reads what EncodePNG wrote. It is for this program's own files:
// the only limit is MaxPagePixels.
func DecodePNG(r io.Reader) (*image.RGBA, error) {
	br := bufio.NewReaderSize(r, 1<<16)
	head, err := br.Peek(33)
	if err != nil {
		return nil, bad("decode", fmt.Errorf("png: %w", err), "the stored picture is damaged")
	}
	cfg, err := png.DecodeConfig(bytes.NewReader(head))
	if err != nil {
		return nil, bad("decode", err, "the stored picture is damaged")
	}
	if err := (Limits{PagePixels: MaxPagePixels}).checkSize("decode", cfg.Width, cfg.Height); err != nil {
		return nil, err
	}
	img, err := png.Decode(br)
	if err != nil {
		return nil, bad("decode", err, "the stored picture is damaged")
	}
	return toRGBA(img), nil
}
