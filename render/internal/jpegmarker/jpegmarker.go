// Package jpegmarker reads what the members of the JPEG family share: the
// marker segments around their coded data (ITU-T T.81 annex B, T.87 annex C).
package jpegmarker

import "errors"

// Markers, the byte after 0xff.
const (
	SOF0  = 0xc0 // frames of kind n: SOF0 + n, but for DHT, JPG (0xc8) and DAC (0xcc)
	SOF1  = 0xc1
	SOF3  = 0xc3
	DHT   = 0xc4
	RST0  = 0xd0
	SOI   = 0xd8
	EOI   = 0xd9
	SOS   = 0xda
	DQT   = 0xdb
	DRI   = 0xdd
	APP8  = 0xe8
	SOF55 = 0xf7
	LSE   = 0xf8
)

// MaxComponents bounds the components of a frame.
const MaxComponents = 4

// Image is what a decoder of the family gives: Components values for each pixel, side by side.
type Image struct {
	Width, Height, Components, Bits int
	Samples                         []uint16
}

// Reader walks over the segments of an image.
type Reader struct {
	Data []byte
	At   int // of what comes next
	// Least is the smallest byte that makes a marker after 0xff. Below it, coded data was meant: Huffman codes stuff a 0
	// there, JPEG-LS a bit.
	Least byte
}

// Open begins behind the start of an image, which must be there.
func Open(data []byte, least byte) (Reader, error) {
	if len(data) < 2 || data[0] != 0xff || data[1] != SOI {
		return Reader{}, errors.New("there is no start of image")
	}
	return Reader{Data: data, At: 2, Least: least}, nil
}

// Next returns the next marker and its parameters, which are nil for one that
// has none. What is left of a scan and fill bytes are passed over. Each call
// moves forward.
func (r *Reader) Next() (m byte, body []byte, err error) {
	for r.At+1 < len(r.Data) && (r.Data[r.At] != 0xff || r.Data[r.At+1] == 0xff || r.Data[r.At+1] < r.Least) {
		r.At++
	}
	if r.At+4 > len(r.Data) {
		return 0, nil, errors.New("the image is cut off")
	}
	m = r.Data[r.At+1]
	if m >= RST0 && m <= EOI {
		r.At += 2
		return m, nil, nil
	}
	n := int(r.Data[r.At+2])<<8 | int(r.Data[r.At+3])
	if n < 2 || r.At+2+n > len(r.Data) {
		return 0, nil, errors.New("a marker segment is cut off")
	}
	body = r.Data[r.At+4 : r.At+2+n]
	r.At += 2 + n
	return m, body, nil
}
