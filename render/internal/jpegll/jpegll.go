// Package jpegll decodes lossless JPEG with Huffman codes (ITU-T T.81 annex H,
// process 14): all seven predictors, 2 to 16 bits, point transform, restarts,
// up to four components, in one scan or in several.
package jpegll

import (
	"errors"
	"fmt"

	"palimpsest.dev/render/internal/huffman"
	"palimpsest.dev/render/internal/jpegmarker"
)

// Image is what was decoded.
type Image = jpegmarker.Image

// UnsupportedError is a feature that is not read here.
type UnsupportedError string

// Error implements error.
func (e UnsupportedError) Error() string { return "jpegll: unsupported: " + string(e) }

// component is one of the frame's.
type component struct {
	id byte
}

// decoder is the state of one image.
type decoder struct {
	jpegmarker.Reader
	img     Image
	comps   []component
	tables  huffman.Tables
	restart int  // pixels between restarts, 0 for none
	seen    uint // components that had their scan, a bit each
}

// Decode decodes an image that must be w by h pixels.
func Decode(data []byte, w, h int) (Image, error) {
	r, err := jpegmarker.Open(data, 1)
	if err != nil {
		return Image{}, fmt.Errorf("jpegll: %w", err)
	}
	d := &decoder{Reader: r}
	for {
		m, body, err := d.Next()
		if err != nil {
			return Image{}, fmt.Errorf("jpegll: %w", err)
		}
		switch {
		case m == jpegmarker.SOF3:
			err = d.frame(body, w, h)
		case m == jpegmarker.DHT:
			if err = d.tables.Define(body); err != nil {
				err = fmt.Errorf("jpegll: %w", err)
			}
		case m == jpegmarker.DRI && len(body) >= 2:
			d.restart = int(body[0])<<8 | int(body[1])
		case m == jpegmarker.SOS:
			err = d.scan(body)
			if err == nil && d.seen == 1<<len(d.comps)-1 {
				return d.img, nil
			}
		case m == jpegmarker.EOI:
			err = errors.New("jpegll: the image ends before all of its components came")
		case m >= 0xc0 && m <= 0xcf && m != 0xc8 && m != 0xcc:
			err = UnsupportedError(fmt.Sprintf("a frame of kind SOF%d", m-0xc0))
		}
		if err != nil {
			return Image{}, err
		}
	}
}

// frame reads the frame header.
func (d *decoder) frame(b []byte, w, h int) error {
	if len(b) < 6 || len(b) < 6+3*int(b[5]) || d.comps != nil {
		return errors.New("jpegll: the frame header is damaged")
	}
	i := Image{Bits: int(b[0]), Height: int(b[1])<<8 | int(b[2]), Width: int(b[3])<<8 | int(b[4]), Components: int(b[5])}
	switch {
	case i.Bits < 2 || i.Bits > 16:
		return fmt.Errorf("jpegll: %d bits", i.Bits)
	case i.Width != w || i.Height != h || w <= 0 || h <= 0:
		return fmt.Errorf("jpegll: the image is %d x %d where %d x %d was said", i.Width, i.Height, w, h)
	case i.Components < 1 || i.Components > jpegmarker.MaxComponents:
		return fmt.Errorf("jpegll: %d components", i.Components)
	}
	for c := range i.Components {
		p := b[6+3*c:]
		if p[1] != b[7] {
			return UnsupportedError("components of different sizes")
		}
		d.comps = append(d.comps, component{id: p[0]})
	}
	d.img = i
	d.img.Samples = make([]uint16, w*h*i.Components)
	return nil
}

// scan decodes the components a scan header names.
func (d *decoder) scan(b []byte) error {
	if d.comps == nil {
		return errors.New("jpegll: a scan comes before the frame")
	}
	if len(b) < 1 || len(b) < 4+2*int(b[0]) || b[0] < 1 || int(b[0]) > len(d.comps) {
		return errors.New("jpegll: a scan header is damaged")
	}
	n := int(b[0])
	which := make([]int, n)
	codes := make([]*huffman.Table, n)
	for k := range n {
		which[k] = -1
		for c := range d.comps {
			if d.comps[c].id == b[1+2*k] && d.seen&(1<<c) == 0 {
				which[k] = c
			}
		}
		if which[k] < 0 {
			return errors.New("jpegll: a scan names a component the frame has not, or one twice")
		}
		d.seen |= 1 << which[k]
		t := b[2+2*k] >> 4
		if t > 3 || d.tables[0][t] == nil {
			return errors.New("jpegll: a scan names a code table that is missing")
		}
		codes[k] = d.tables[0][t]
	}
	predictor, shift := int(b[1+2*n]), int(b[3+2*n]&15)
	if predictor < 1 || predictor > 7 {
		return UnsupportedError(fmt.Sprintf("predictor %d", predictor))
	}
	if shift >= d.img.Bits {
		return errors.New("jpegll: the point transform leaves no bits")
	}
	return d.pixels(which, codes, predictor, shift)
}

// pixels decodes a scan. Prediction works on values without their shifted-out
// bits; these are given back at the end.
func (d *decoder) pixels(which []int, codes []*huffman.Table, predictor, shift int) error {
	w, h, step := d.img.Width, d.img.Height, d.img.Components
	if d.restart > 0 && d.restart%w != 0 {
		return UnsupportedError("restarts within a row")
	}
	r := &huffman.Bits{Data: d.Data, At: d.At}
	first := true // this row begins the scan or follows a restart: predictions start anew
	for y := range h {
		if d.restart > 0 && y > 0 && y%(d.restart/w) == 0 {
			if err := r.Restart(); err != nil {
				return fmt.Errorf("jpegll: row %d: %w", y+1, err)
			}
			first = true
		}
		for x := range w {
			for k, c := range which {
				at := (y*w+x)*step + c
				diff, err := difference(r, codes[k])
				if err != nil {
					return fmt.Errorf("jpegll: row %d of %d: %w", y+1, h, err)
				}
				d.img.Samples[at] = uint16(d.predict(at, x, first, predictor, shift) + diff)
			}
		}
		first = false
	}
	d.At = r.At
	if shift > 0 {
		for at := range d.img.Samples {
			for _, c := range which {
				if at%step == c {
					d.img.Samples[at] <<= shift
				}
			}
		}
	}
	return nil
}

// difference reads one code and the bits that follow it (H.1.2.2): the code says
// how many bits the difference has; 16 stands for 32768 without any.
func difference(r *huffman.Bits, t *huffman.Table) (int, error) {
	n, err := r.Symbol(t)
	if err != nil || n == 16 {
		return 1 << 15, err
	}
	return r.Value(int(n))
}

// predict guesses a value from its neighbours (table H.1); in the first row only
// from the left, at the beginning of others only from above.
func (d *decoder) predict(at, x int, first bool, predictor, shift int) int {
	s, step := d.img.Samples, d.img.Components
	row := d.img.Width * step
	switch {
	case first && x == 0:
		return 1 << (d.img.Bits - shift - 1)
	case first:
		return int(s[at-step])
	case x == 0:
		return int(s[at-row])
	}
	a, b, c := int(s[at-step]), int(s[at-row]), int(s[at-row-step])
	switch predictor {
	case 1:
		return a
	case 2:
		return b
	case 3:
		return c
	case 4:
		return a + b - c
	case 5:
		return a + (b-c)>>1
	case 6:
		return b + (a-c)>>1
	}
	return (a + b) >> 1
}
