// Package jpegls decodes JPEG-LS (ITU-T T.87, ISO/IEC 14495-1): lossless and
// near-lossless, 2 to 16 bits, any preset parameters, up to four components in
// planes or interleaved by line or by sample.
package jpegls

import (
	"errors"
	"fmt"

	"palimpsest.dev/render/internal/jpegmarker"
)

// Image is what was decoded.
type Image = jpegmarker.Image

// UnsupportedError is a feature that is not read here.
type UnsupportedError string

// Error implements error.
func (e UnsupportedError) Error() string { return "jpegls: unsupported: " + string(e) }

// How the components of a scan are interleaved.
const (
	byPlane = iota
	byLine
	bySample
)

// presets are the parameters of the coding; zero stands for the default.
type presets struct{ maxVal, t1, t2, t3, reset int }

// decoder is the state of one image.
type decoder struct {
	jpegmarker.Reader
	img     Image
	ids     []byte
	presets presets
	seen    uint // components that had their scan, a bit each
}

// Decode decodes an image that must be w by h pixels.
func Decode(data []byte, w, h int) (Image, error) {
	r, err := jpegmarker.Open(data, 0x80)
	if err != nil {
		return Image{}, fmt.Errorf("jpegls: %w", err)
	}
	d := &decoder{Reader: r}
	for {
		m, body, err := d.Next()
		if err != nil {
			return Image{}, fmt.Errorf("jpegls: %w", err)
		}
		switch {
		case m == jpegmarker.SOF55:
			err = d.frame(body, w, h)
		case m == jpegmarker.LSE:
			err = d.parameters(body)
		case m == jpegmarker.DRI:
			for _, v := range body {
				if v != 0 {
					err = UnsupportedError("restarts")
				}
			}
		case m == jpegmarker.APP8 && len(body) >= 5 && string(body[:4]) == "mrfx" && body[4] != 0:
			err = UnsupportedError("colour transforms")
		case m == jpegmarker.SOS:
			err = d.scan(body)
			if err == nil && d.seen == 1<<len(d.ids)-1 {
				return d.img, nil
			}
		case m == jpegmarker.EOI:
			err = errors.New("jpegls: the image ends before all of its components came")
		case m >= 0xc0 && m <= 0xcf && m != 0xc4 && m != 0xc8 && m != 0xcc:
			err = UnsupportedError(fmt.Sprintf("a frame of kind SOF%d", m-0xc0))
		}
		if err != nil {
			return Image{}, err
		}
	}
}

// frame reads the frame header.
func (d *decoder) frame(b []byte, w, h int) error {
	if len(b) < 6 || len(b) < 6+3*int(b[5]) || d.ids != nil {
		return errors.New("jpegls: the frame header is damaged")
	}
	i := Image{Bits: int(b[0]), Height: int(b[1])<<8 | int(b[2]), Width: int(b[3])<<8 | int(b[4]), Components: int(b[5])}
	switch {
	case i.Bits < 2 || i.Bits > 16:
		return fmt.Errorf("jpegls: %d bits", i.Bits)
	case i.Width != w || i.Height != h || w <= 0 || h <= 0:
		return fmt.Errorf("jpegls: the image is %d x %d where %d x %d was said", i.Width, i.Height, w, h)
	case i.Components < 1 || i.Components > jpegmarker.MaxComponents:
		return fmt.Errorf("jpegls: %d components", i.Components)
	}
	for c := range i.Components {
		p := b[6+3*c:]
		if p[1] != b[7] {
			return UnsupportedError("components of different sizes")
		}
		d.ids = append(d.ids, p[0])
	}
	d.img = i
	d.img.Samples = make([]uint16, w*h*i.Components)
	return nil
}

// parameters reads preset coding parameters.
func (d *decoder) parameters(b []byte) error {
	const coding = 1
	switch {
	case len(b) < 1:
		return errors.New("jpegls: a parameter segment is cut off")
	case b[0] != coding:
		return UnsupportedError(fmt.Sprintf("parameters of kind %d (mapping tables or large sizes)", b[0]))
	case len(b) < 11:
		return errors.New("jpegls: a parameter segment is cut off")
	}
	word := func(at int) int { return int(b[at])<<8 | int(b[at+1]) }
	d.presets = presets{maxVal: word(1), t1: word(3), t2: word(5), t3: word(7), reset: word(9)}
	return nil
}

// scan decodes the components a scan header names.
func (d *decoder) scan(b []byte) error {
	if d.ids == nil {
		return errors.New("jpegls: a scan comes before the frame")
	}
	if len(b) < 1 || len(b) < 4+2*int(b[0]) || b[0] < 1 || int(b[0]) > len(d.ids) {
		return errors.New("jpegls: a scan header is damaged")
	}
	n := int(b[0])
	which := make([]int, n)
	for k := range n {
		which[k] = -1
		for c, id := range d.ids {
			if id == b[1+2*k] && d.seen&(1<<c) == 0 {
				which[k] = c
			}
		}
		if which[k] < 0 {
			return errors.New("jpegls: a scan names a component the frame has not, or one twice")
		}
		if b[2+2*k] != 0 {
			return UnsupportedError("mapping tables")
		}
		d.seen |= 1 << which[k]
	}
	near, interleave, transform := int(b[1+2*n]), int(b[2+2*n]), b[3+2*n]
	switch {
	case transform&15 != 0:
		return UnsupportedError("a point transform")
	case interleave > bySample || interleave == byPlane && n > 1:
		return errors.New("jpegls: a scan header is damaged")
	}
	s, err := newScan(d, near)
	if err != nil {
		return err
	}
	if err := s.run(which, interleave); err != nil {
		return err
	}
	d.At = s.bits.at
	return nil
}
