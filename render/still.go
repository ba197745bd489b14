package render

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/webp"
)

// codec is how one still-image format is decoded.
type codec struct {
	config func(*bytes.Reader) (image.Config, error)
	decode func(*bytes.Reader) (image.Image, error)
}

// codecs of the still formats. GIF decodes its first frame only.
var codecs = map[string]codec{
	formatJPEG: {func(r *bytes.Reader) (image.Config, error) { return jpeg.DecodeConfig(r) },
		func(r *bytes.Reader) (image.Image, error) { return jpeg.Decode(r) }},
	formatPNG: {func(r *bytes.Reader) (image.Config, error) { return png.DecodeConfig(r) },
		func(r *bytes.Reader) (image.Image, error) { return png.Decode(r) }},
	formatGIF: {func(r *bytes.Reader) (image.Config, error) { return gif.DecodeConfig(r) },
		func(r *bytes.Reader) (image.Image, error) { return gif.Decode(r) }},
	formatWebP: {func(r *bytes.Reader) (image.Config, error) { return webp.DecodeConfig(r) },
		func(r *bytes.Reader) (image.Image, error) { return webp.Decode(r) }},
	formatBMP: {bmpConfig, bmpDecode},
}

// still is a file that is one image.
type still struct {
	m      *machine
	data   []byte
	format string
	meta   imageMeta
}

// openStill checks an image's declared size; pixels are decoded page by page.
func openStill(m *machine, b blob, format string) (reader, []Note, error) {
	data, err := b.bytes()
	if err != nil {
		return nil, nil, err
	}
	s := &still{m: m, data: data, format: format, meta: metadata(format, data)}
	cfg, err := codecs[format].config(bytes.NewReader(data))
	if err != nil {
		if w, h, ok := jpegSize(data); ok && format == formatJPEG {
			// A JPEG of a kind Go does not decode: PDFium may.
			if err := m.limits.checkSize("open", w, h); err != nil {
				return nil, nil, err
			}
			return s, nil, nil
		}
		return nil, nil, decodeError("open", format, err)
	}
	if err := m.limits.checkSize("open", cfg.Width, cfg.Height); err != nil {
		return nil, nil, err
	}
	return s, nil, nil
}

func (s *still) count() int { return 1 }
func (s *still) close()     {}

func (s *still) render(int) (*raw, error) {
	img, err := codecs[s.format].decode(bytes.NewReader(s.data))
	var p *raw
	if err != nil {
		if s.format != formatJPEG {
			return nil, decodeError("decode", s.format, err)
		}
		// PDFium's decoder forgives what Go's does not: truncation, odd
		// markers, arithmetic coding.
		if p = s.rescue(&err); p == nil {
			return nil, decodeError("decode", s.format, err)
		}
	} else {
		p = &raw{img: toRGBA(img), to: Affine{1, 0, 0, 0, 1, 0}, unit: "px"}
		opaque(p.img, img)
	}
	p.dpi = s.meta.dpi()
	p.orient(s.meta.orientation)
	p.square(s.meta.dpiX, s.meta.dpiY)
	return p, nil
}

// rescue renders a JPEG that Go cannot decode through PDFium, or returns nil.
// That there is no PDFium here replaces the decoder's error.
func (s *still) rescue(reason *error) *raw {
	w, h, ok := jpegSize(s.data)
	if !ok {
		return nil
	}
	p, err := renderWrapped(s.m, "/DCTDecode", "", s.data, w, h)
	if needsEngine(err) {
		*reason = err
	}
	if err != nil {
		return nil
	}
	return p
}

// opaque puts an *image.RGBA that came from a decoder onto white: its colours
// are premultiplied, so white is what alpha leaves.
func opaque(dst *image.RGBA, src image.Image) {
	if _, ok := src.(*image.RGBA); !ok {
		return
	}
	for i := 0; i+3 < len(dst.Pix); i += 4 {
		if a := dst.Pix[i+3]; a != 255 {
			for k := range 3 {
				dst.Pix[i+k] = uint8(min(int(dst.Pix[i+k])+255-int(a), 255))
			}
			dst.Pix[i+3] = 255
		}
	}
}

// maxPixelAspect is how far from square pixels may be before a page is
// stretched: fax pages are 204 x 98 dots to the inch.
const maxPixelAspect = 1.1

// square makes the pixels of a page square by enlarging its coarser side.
func (p *raw) square(dx, dy float64) {
	if dx <= 0 || dy <= 0 {
		return
	}
	if p.rotation%180 != 0 {
		dx, dy = dy, dx
	}
	const absurd = 4 // more than this is a slip in the header
	w, h := p.img.Rect.Dx(), p.img.Rect.Dy()
	switch r := dx / dy; {
	case r > maxPixelAspect && r < absurd:
		p.resize(w, int(float64(h)*r))
		p.dpi = dx
	case r < 1/maxPixelAspect && r > 1.0/absurd:
		p.resize(int(float64(w)/r), h)
		p.dpi = dy
	}
}

// decodeError types what a decoder said.
func decodeError(op, format string, err error) error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e
	}
	what := fmt.Errorf("%s: %w", format, err)
	if isUnsupported(err) {
		return unsupported(op, what, hintConvert)
	}
	return bad(op, what, "the file is damaged: scan or send it again")
}
