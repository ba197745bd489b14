package pdfa

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
)

// How a picture is stored. Pages of two tones, as scanners make them, are packed
// as fax pages are (CCITT Group 4), without any loss. What is drawn, such as
// pages of a born-digital document, keeps every pixel as it lies in the object
// store: a PNG's packed rows are what PDF's FlateDecode takes. Photographed and
// scanned paper, whose noise does not pack, becomes JPEG, because it would be
// several times as large.
const (
	jpegQuality = 88
	// worthLoss is how many times the JPEG's bytes the lossless picture may have.
	worthLoss = 2
	// smallPicture is always stored without loss.
	smallPicture = 64 << 10
)

// picture is an image as it goes into the file.
type picture struct {
	width, height int
	dictionary    string
	data          []byte
}

// encode chooses how a picture is stored.
func encode(file []byte) (*picture, error) {
	header, rows, err := chunks(file)
	if err != nil {
		return nil, err
	}
	img, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	p := &picture{width: header.width, height: header.height}
	base := fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d", p.width, p.height)
	gray, isGray := img.(*image.Gray)
	if isGray && twoTones(gray) {
		p.data = packG4(gray)
		p.dictionary = fmt.Sprintf("%s /ColorSpace /DeviceGray /BitsPerComponent 1 /Filter /CCITTFaxDecode /DecodeParms << /K -1 /Columns %d /Rows %d >>",
			base, p.width, p.height)
		return p, nil
	}
	space, colors := "/DeviceRGB", 3
	if isGray {
		space, colors = "/DeviceGray", 1
	}
	base += " /ColorSpace " + space + " /BitsPerComponent 8"
	if len(rows) > smallPicture {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: jpegQuality}); err != nil {
			return nil, err
		}
		if b.Len()*worthLoss < len(rows) {
			p.data, p.dictionary = b.Bytes(), base+" /Filter /DCTDecode"
			return p, nil
		}
	}
	p.data = rows
	p.dictionary = fmt.Sprintf("%s /Filter /FlateDecode /DecodeParms << /Predictor 15 /Colors %d /BitsPerComponent 8 /Columns %d >>", base, colors, p.width)
	return p, nil
}

// header is what a PNG says about itself.
type header struct{ width, height int }

// chunks reads a PNG's size and its packed rows.
func chunks(file []byte) (h header, rows []byte, err error) {
	const magic = "\x89PNG\r\n\x1a\n"
	rest, ok := bytes.CutPrefix(file, []byte(magic))
	if !ok {
		return h, nil, errors.New("no PNG")
	}
	for len(rest) >= 12 {
		n := binary.BigEndian.Uint32(rest)
		if uint64(n)+12 > uint64(len(rest)) {
			break
		}
		name, body := string(rest[4:8]), rest[8:8+n]
		rest = rest[12+n:]
		switch name {
		case "IHDR":
			if n != 13 || body[8] != 8 || body[9] != 0 && body[9] != 2 || body[12] != 0 {
				return h, nil, errors.New("PNG of another kind than 8-bit grey or RGB without interlacing")
			}
			h.width, h.height = int(binary.BigEndian.Uint32(body)), int(binary.BigEndian.Uint32(body[4:]))
		case "IDAT":
			rows = append(rows, body...)
		case "IEND":
			if h.width > 0 && h.height > 0 && len(rows) > 0 {
				return h, rows, nil
			}
			return h, nil, errors.New("PNG without a picture")
		}
	}
	return h, nil, errors.New("PNG that ends early")
}

// twoTones reports that a picture has no grey: black and white alone.
func twoTones(m *image.Gray) bool {
	for y := range m.Rect.Dy() {
		for _, v := range m.Pix[y*m.Stride : y*m.Stride+m.Rect.Dx()] {
			if v != 0 && v != 255 {
				return false
			}
		}
	}
	return true
}
