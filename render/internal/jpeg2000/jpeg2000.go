// Package jpeg2000 decodes JPEG 2000 codestreams (ITU-T T.800, ISO/IEC 15444-1):
// reversible and irreversible, up to 16 bits, all five progressions, tiles in
// parts, layers, precincts and every style of code block. Not read: components
// of different sampling, changes of progression, regions of interest and packed
// packet headers.
package jpeg2000

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Image is what was decoded: Components values for each pixel, side by side, of
// signed ones the lowest Bits.
type Image struct {
	Width, Height, Components, Bits int
	Signed                          bool
	Transformed                     bool // the codestream held luma and chroma, Samples are colours
	Samples                         []uint16
}

// UnsupportedError is a feature that is not read here.
type UnsupportedError string

// Error implements error.
func (e UnsupportedError) Error() string { return "jpeg2000: unsupported: " + string(e) }

// Markers.
const (
	markerSOC = 0xff4f
	markerCAP = 0xff50
	markerSIZ = 0xff51
	markerCOD = 0xff52
	markerCOC = 0xff53
	markerQCD = 0xff5c
	markerQCC = 0xff5d
	markerRGN = 0xff5e
	markerPOC = 0xff5f
	markerPPM = 0xff60
	markerPPT = 0xff61
	markerSOT = 0xff90
	markerSOP = 0xff91
	markerEPH = 0xff92
	markerSOD = 0xff93
	markerEOC = 0xffd9
)

const (
	maxComponents = 4
	maxTiles      = 1 << 16
)

// coding is how a component is coded (A.6.1, A.6.2).
type coding struct {
	levels         int
	wide, high     int // logarithms of the size of code blocks
	style          byte
	reversible     bool
	precinctsX     [33]int // logarithms of the size of precincts, by resolution
	precinctsY     [33]int
	quantised      bool // it came in a segment of its own
	exponents      [97]int
	mantissas      [97]int
	steps          int // how many of them are there
	quantisation   int // 0 none, 1 derived, 2 expounded
	guard          int
	ownCoding, own bool // set by COC, by QCC: COD and QCD do not change it
}

// order is how packets follow one another (A.6.1).
type order struct {
	progression byte
	layers      int
	transform   bool // of the first three components
	sop, eph    bool
}

// parameters are what the main or a tile's header says.
type parameters struct {
	order order
	comps []coding
}

// clone copies parameters for a tile's header to change.
func (p parameters) clone() parameters {
	p.comps = append([]coding(nil), p.comps...)
	for c := range p.comps {
		p.comps[c].ownCoding, p.comps[c].own = false, false
	}
	return p
}

// tilePart is what is gathered of a tile: its parameters and packets.
type tilePart struct {
	params parameters
	data   []byte
}

// decoder is the state of one image.
type decoder struct {
	data           []byte
	at             int
	x0, y0, x1, y1 int // image area on the reference grid
	tx, ty         int // tile size
	tox, toy       int // origin of the tiles
	img            Image
	params         parameters
	tiles          map[int]*tilePart
	across         int // tiles
	down           int
}

// Decode decodes an image that must be w by h pixels, a bare codestream or one
// in a JP2 file.
func Decode(data []byte, w, h int) (Image, error) {
	at := bytes.Index(data, []byte{0xff, 0x4f, 0xff, 0x51})
	if at < 0 {
		return Image{}, errors.New("jpeg2000: there is no codestream")
	}
	d := &decoder{data: data[at:], at: 2, tiles: map[int]*tilePart{}}
	if err := d.header(w, h); err != nil {
		return Image{}, err
	}
	if err := d.parts(); err != nil {
		return Image{}, err
	}
	for n := range d.across * d.down {
		t := d.tiles[n]
		if t == nil {
			return Image{}, fmt.Errorf("jpeg2000: tile %d of %d is missing", n+1, d.across*d.down)
		}
		if err := d.tile(n, t); err != nil {
			return Image{}, fmt.Errorf("jpeg2000: tile %d of %d: %w", n+1, d.across*d.down, err)
		}
	}
	return d.img, nil
}

// segment reads the next marker and its parameters.
func (d *decoder) segment() (marker int, body []byte, err error) {
	if d.at+2 > len(d.data) {
		return 0, nil, errors.New("jpeg2000: the codestream is cut off")
	}
	marker = int(binary.BigEndian.Uint16(d.data[d.at:]))
	if marker == markerSOD || marker == markerEOC {
		d.at += 2
		return marker, nil, nil
	}
	if d.at+4 > len(d.data) {
		return 0, nil, errors.New("jpeg2000: the codestream is cut off")
	}
	n := int(binary.BigEndian.Uint16(d.data[d.at+2:]))
	if n < 2 || d.at+2+n > len(d.data) || marker < 0xff00 {
		return 0, nil, errors.New("jpeg2000: a marker segment is cut off")
	}
	body = d.data[d.at+4 : d.at+2+n]
	d.at += 2 + n
	return marker, body, nil
}

// header reads the main header, up to the first tile.
func (d *decoder) header(w, h int) error {
	for {
		begin := d.at
		marker, body, err := d.segment()
		if err != nil {
			return err
		}
		switch marker {
		case markerSIZ:
			err = d.size(body, w, h)
		case markerSOT:
			d.at = begin
			if d.params.comps == nil || d.params.order.layers == 0 || !d.params.comps[0].quantised {
				return errors.New("jpeg2000: the header lacks size, coding or quantisation")
			}
			return nil
		case markerEOC, markerSOD:
			return errors.New("jpeg2000: there are no tiles")
		default:
			err = d.set(&d.params, marker, body)
		}
		if err != nil {
			return err
		}
	}
}

// size reads the image and tile sizes (A.5.1).
func (d *decoder) size(b []byte, w, h int) error {
	if len(b) < 36 || d.params.comps != nil {
		return errors.New("jpeg2000: the size segment is damaged")
	}
	u := func(at int) int { return int(binary.BigEndian.Uint32(b[at:])) }
	d.x1, d.y1, d.x0, d.y0 = u(2), u(6), u(10), u(14)
	d.tx, d.ty, d.tox, d.toy = u(18), u(22), u(26), u(30)
	n := int(binary.BigEndian.Uint16(b[34:]))
	switch {
	case n < 1 || n > maxComponents || len(b) < 36+3*n:
		return fmt.Errorf("jpeg2000: %d components", n)
	case d.x1-d.x0 != w || d.y1-d.y0 != h || w <= 0 || h <= 0:
		return fmt.Errorf("jpeg2000: the image is %d x %d where %d x %d was said", d.x1-d.x0, d.y1-d.y0, w, h)
	case d.tx < 1 || d.ty < 1 || d.tox > d.x0 || d.toy > d.y0 || d.tox+d.tx <= d.x0 || d.toy+d.ty <= d.y0:
		return errors.New("jpeg2000: the tiles do not cover the image")
	}
	d.across, d.down = ceil(d.x1-d.tox, d.tx), ceil(d.y1-d.toy, d.ty)
	if d.across*d.down > maxTiles {
		return fmt.Errorf("jpeg2000: %d tiles", d.across*d.down)
	}
	d.img = Image{Width: w, Height: h, Components: n, Bits: int(b[36]&0x7f) + 1, Signed: b[36]&0x80 != 0}
	for c := range n {
		p := b[36+3*c:]
		if p[0] != b[36] {
			return UnsupportedError("components of different precision")
		}
		if p[1] != 1 || p[2] != 1 {
			return UnsupportedError("components of different sizes")
		}
	}
	if d.img.Bits > 16 {
		return UnsupportedError(fmt.Sprintf("%d bits", d.img.Bits))
	}
	d.img.Samples = make([]uint16, w*h*n)
	d.params.comps = make([]coding, n)
	return nil
}

// ceil divides and rounds up; both are not negative.
func ceil(a, b int) int { return (a + b - 1) / b }

// set reads a segment of the main or a tile's header into p.
func (d *decoder) set(p *parameters, marker int, b []byte) error {
	damaged := errors.New("jpeg2000: a coding or quantisation segment is damaged")
	if p.comps == nil && marker >= markerCOD && marker <= markerPPT {
		return errors.New("jpeg2000: the size does not come first")
	}
	switch marker {
	case markerCOD:
		if len(b) < 10 {
			return damaged
		}
		p.order = order{progression: b[1], layers: int(binary.BigEndian.Uint16(b[2:])), transform: b[4] == 1, sop: b[0]&2 != 0, eph: b[0]&4 != 0}
		if p.order.layers == 0 || p.order.progression > 4 || b[4] > 1 || p.order.transform && len(p.comps) < 3 {
			return damaged
		}
		for c := range p.comps {
			if p.comps[c].ownCoding {
				continue
			}
			if !p.comps[c].read(b[0], b[5:]) {
				return damaged
			}
		}
	case markerCOC:
		if len(b) < 7 || int(b[0]) >= len(p.comps) || !p.comps[b[0]].read(b[1], b[2:]) {
			return damaged
		}
		p.comps[b[0]].ownCoding = true
	case markerQCD:
		for c := range p.comps {
			if !p.comps[c].own && !p.comps[c].quantise(b) {
				return damaged
			}
		}
	case markerQCC:
		if len(b) < 2 || int(b[0]) >= len(p.comps) || !p.comps[b[0]].quantise(b[1:]) {
			return damaged
		}
		p.comps[b[0]].own = true
	case markerCAP:
		return UnsupportedError("extended capabilities (High-Throughput JPEG 2000)")
	case markerRGN:
		return UnsupportedError("regions of interest")
	case markerPOC:
		return UnsupportedError("changes of progression")
	case markerPPM, markerPPT:
		return UnsupportedError("packed packet headers")
	}
	return nil
}

// read reads the parameters of a component (A.6.1, table A.15).
func (c *coding) read(scod byte, b []byte) bool {
	if len(b) < 5 {
		return false
	}
	c.levels, c.wide, c.high, c.style, c.reversible = int(b[0]), int(b[1])+2, int(b[2])+2, b[3], b[4] == 1
	if c.levels > 32 || c.wide > 10 || c.high > 10 || c.wide+c.high > 12 || b[4] > 1 || c.style&0xc0 != 0 {
		return false
	}
	for r := range c.precinctsX {
		c.precinctsX[r], c.precinctsY[r] = 15, 15
	}
	if scod&1 == 0 {
		return true
	}
	if len(b) < 5+c.levels+1 {
		return false
	}
	for r := range c.levels + 1 {
		v := b[5+r]
		c.precinctsX[r], c.precinctsY[r] = int(v&15), int(v>>4)
		if r > 0 && (v&15 == 0 || v>>4 == 0) {
			return false
		}
	}
	return true
}

// quantise reads the quantisation of a component (A.6.4).
func (c *coding) quantise(b []byte) bool {
	if len(b) < 2 {
		return false
	}
	c.quantised, c.quantisation, c.guard, c.steps = true, int(b[0]&31), int(b[0]>>5), 0
	b = b[1:]
	switch c.quantisation {
	case 0:
		for ; c.steps < min(len(b), len(c.exponents)); c.steps++ {
			c.exponents[c.steps] = int(b[c.steps] >> 3)
		}
	case 1, 2:
		for ; c.steps < min(len(b)/2, len(c.exponents)); c.steps++ {
			v := int(binary.BigEndian.Uint16(b[2*c.steps:]))
			c.exponents[c.steps], c.mantissas[c.steps] = v>>11, v&0x7ff
		}
	default:
		return false
	}
	return c.steps > 0
}

// step returns exponent and mantissa of a band: number 0 is the lowest, then
// three for each resolution.
func (c *coding) step(number int) (exponent, mantissa int, ok bool) {
	if c.quantisation == 1 { // from the lowest band's, less one for each resolution above the second
		return c.exponents[0] - max(0, (number-1)/3), c.mantissas[0], true
	}
	if number >= c.steps {
		return 0, 0, false
	}
	return c.exponents[number], c.mantissas[number], true
}

// parts gathers the tiles' parts. A codestream that is cut off in its last part
// gives what there is: whether it suffices, the packets tell.
func (d *decoder) parts() error {
	for {
		begin := d.at
		marker, b, err := d.segment()
		switch {
		case err != nil && len(d.tiles) > 0, marker == markerEOC:
			return nil
		case err != nil:
			return err
		case marker != markerSOT || len(b) < 8:
			return errors.New("jpeg2000: a tile does not begin where it should")
		}
		n, length := int(binary.BigEndian.Uint16(b)), int(binary.BigEndian.Uint32(b[2:]))
		if n >= d.across*d.down {
			return errors.New("jpeg2000: a tile is not of the image")
		}
		t := d.tiles[n]
		if t == nil {
			t = &tilePart{params: d.params.clone()}
			d.tiles[n] = t
		}
		for {
			marker, b, err := d.segment()
			if err != nil {
				return err
			}
			if marker == markerSOD {
				break
			}
			if marker == markerEOC {
				return errors.New("jpeg2000: a tile has no data")
			}
			if err := d.set(&t.params, marker, b); err != nil {
				return err
			}
		}
		end := begin + length
		if length == 0 || end > len(d.data) {
			end = len(d.data)
		}
		if end < d.at {
			return errors.New("jpeg2000: a tile is shorter than its header")
		}
		t.data = append(t.data, d.data[d.at:end]...)
		d.at = end
	}
}
