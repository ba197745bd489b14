// Package jpegdct decodes sequential JPEG with Huffman codes of 8 or 12 bits
// (ITU-T T.81 annex F, processes 1, 2 and 4): what the standard library lacks is
// 12 bits. Components may be sampled less often than others and are repeated to
// full size.
package jpegdct

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
func (e UnsupportedError) Error() string { return "jpegdct: unsupported: " + string(e) }

// component is one of the frame's; its plane covers whole blocks.
type component struct {
	id, quant    byte
	h, v         int // blocks of a unit, across and down
	wide, high   int // blocks of the plane, of whole units
	across, down int // blocks that hold pixels, which a scan of its own has
	plane        []uint16
	dc, ac       *huffman.Table
	last         int // DC value before
	done         bool
}

// decoder is the state of one image.
type decoder struct {
	jpegmarker.Reader
	bits       int
	w, h       int
	maxH, maxV int
	comps      []component
	quant      [4]*[64]int32
	tables     huffman.Tables
	restart    int
}

// Decode decodes an image that must be w by h pixels.
func Decode(data []byte, w, h int) (Image, error) {
	r, err := jpegmarker.Open(data, 1)
	if err != nil {
		return Image{}, fmt.Errorf("jpegdct: %w", err)
	}
	d := &decoder{Reader: r, w: w, h: h}
	for {
		m, body, err := d.Next()
		if err != nil {
			return Image{}, fmt.Errorf("jpegdct: %w", err)
		}
		switch {
		case m == jpegmarker.SOF0 || m == jpegmarker.SOF1:
			err = d.frame(body)
		case m == jpegmarker.DHT:
			if err = d.tables.Define(body); err != nil {
				err = fmt.Errorf("jpegdct: %w", err)
			}
		case m == jpegmarker.DQT:
			err = d.quantisation(body)
		case m == jpegmarker.DRI && len(body) >= 2:
			d.restart = int(body[0])<<8 | int(body[1])
		case m == jpegmarker.SOS:
			if err = d.scan(body); err == nil && d.complete() {
				return d.image(), nil
			}
		case m == jpegmarker.EOI:
			err = errors.New("jpegdct: the image ends before all of its components came")
		case m >= 0xc0 && m <= 0xcf && m != 0xc8 && m != 0xcc:
			err = UnsupportedError(fmt.Sprintf("a frame of kind SOF%d", m-jpegmarker.SOF0))
		}
		if err != nil {
			return Image{}, err
		}
	}
}

// frame reads the frame header.
func (d *decoder) frame(b []byte) error {
	if len(b) < 6 || len(b) < 6+3*int(b[5]) || d.comps != nil {
		return errors.New("jpegdct: the frame header is damaged")
	}
	d.bits = int(b[0])
	h, w, n := int(b[1])<<8|int(b[2]), int(b[3])<<8|int(b[4]), int(b[5])
	switch {
	case d.bits != 8 && d.bits != 12:
		return fmt.Errorf("jpegdct: %d bits", d.bits)
	case w != d.w || h != d.h || w <= 0 || h <= 0:
		return fmt.Errorf("jpegdct: the image is %d x %d where %d x %d was said", w, h, d.w, d.h)
	case n < 1 || n > jpegmarker.MaxComponents:
		return fmt.Errorf("jpegdct: %d components", n)
	}
	comps := make([]component, n)
	for c := range comps {
		p := b[6+3*c:]
		comps[c] = component{id: p[0], h: int(p[1] >> 4), v: int(p[1] & 15), quant: p[2]}
		if comps[c].h < 1 || comps[c].h > 4 || comps[c].v < 1 || comps[c].v > 4 || p[2] > 3 {
			return errors.New("jpegdct: the frame header is damaged")
		}
		if n == 1 {
			comps[c].h, comps[c].v = 1, 1
		}
		d.maxH, d.maxV = max(d.maxH, comps[c].h), max(d.maxV, comps[c].v)
	}
	unitsX, unitsY := ceil(w, 8*d.maxH), ceil(h, 8*d.maxV)
	for c := range comps {
		p := &comps[c]
		if d.maxH%p.h != 0 || d.maxV%p.v != 0 {
			return UnsupportedError("components sampled by a fraction of one another")
		}
		p.wide, p.high = unitsX*p.h, unitsY*p.v
		p.across, p.down = ceil(ceil(w*p.h, d.maxH), 8), ceil(ceil(h*p.v, d.maxV), 8)
		p.plane = make([]uint16, 64*p.wide*p.high)
	}
	d.comps = comps
	return nil
}

// ceil divides and rounds up.
func ceil(a, b int) int { return (a + b - 1) / b }

// complete reports that all components had their scan.
func (d *decoder) complete() bool {
	for _, c := range d.comps {
		if !c.done {
			return false
		}
	}
	return true
}

// quantisation reads quantisation tables, in zigzag order.
func (d *decoder) quantisation(b []byte) error {
	for len(b) > 0 {
		size := 1 + int(b[0]>>4)
		if b[0]>>4 > 1 || b[0]&15 > 3 || len(b) < 1+64*size {
			return errors.New("jpegdct: a quantisation table is damaged")
		}
		q := new([64]int32)
		for k := range q {
			if q[k] = int32(b[1+k*size]); size == 2 {
				q[k] = q[k]<<8 | int32(b[2+k*size])
			}
		}
		d.quant[b[0]&15] = q
		b = b[1+64*size:]
	}
	return nil
}

// scan decodes the components a scan header names.
func (d *decoder) scan(b []byte) error {
	if d.comps == nil {
		return errors.New("jpegdct: a scan comes before the frame")
	}
	if len(b) < 1 || len(b) < 4+2*int(b[0]) || b[0] < 1 || int(b[0]) > len(d.comps) {
		return errors.New("jpegdct: a scan header is damaged")
	}
	var which []*component
	for k := range int(b[0]) {
		var c *component
		for i := range d.comps {
			if p := &d.comps[i]; p.id == b[1+2*k] && !p.done {
				c = p
				break
			}
		}
		t := b[2+2*k]
		if c == nil || t>>4 > 3 || t&15 > 3 {
			return errors.New("jpegdct: a scan names a component the frame has not, or one twice")
		}
		c.dc, c.ac, c.last, c.done = d.tables[0][t>>4], d.tables[1][t&15], 0, true
		if c.dc == nil || c.ac == nil || d.quant[c.quant] == nil {
			return errors.New("jpegdct: a scan names a table that is missing")
		}
		which = append(which, c)
	}
	return d.units(which)
}

// units decodes the entropy-coded units of a scan.
func (d *decoder) units(which []*component) error {
	unitsX, unitsY := ceil(d.w, 8*d.maxH), ceil(d.h, 8*d.maxV)
	alone := len(which) == 1
	if alone {
		unitsX, unitsY = which[0].across, which[0].down
	}
	r := &huffman.Bits{Data: d.Data, At: d.At}
	for u := range unitsX * unitsY {
		if d.restart > 0 && u > 0 && u%d.restart == 0 {
			if err := r.Restart(); err != nil {
				return fmt.Errorf("jpegdct: unit %d: %w", u+1, err)
			}
			for _, c := range which {
				c.last = 0
			}
		}
		ux, uy := u%unitsX, u/unitsX
		for _, c := range which {
			h, v := c.h, c.v
			if alone {
				h, v = 1, 1
			}
			for k := range h * v {
				if err := d.block(r, c, ux*h+k%h, uy*v+k/h); err != nil {
					return fmt.Errorf("jpegdct: unit %d of %d: %w", u+1, unitsX*unitsY, err)
				}
			}
		}
	}
	d.At = r.At
	return nil
}

// image gathers the planes into pixels.
func (d *decoder) image() Image {
	n := len(d.comps)
	m := Image{Width: d.w, Height: d.h, Components: n, Bits: d.bits, Samples: make([]uint16, n*d.w*d.h)}
	for k := range d.comps {
		c := &d.comps[k]
		sx, sy, stride := d.maxH/c.h, d.maxV/c.v, 8*c.wide
		for y := range d.h {
			row := c.plane[y/sy*stride : (y/sy+1)*stride]
			out := m.Samples[y*d.w*n+k:]
			for x := range d.w {
				out[x*n] = row[x/sx]
			}
		}
	}
	return m
}
