package dicom

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"

	"palimpsest.dev/render/internal/jpeg2000"
	"palimpsest.dev/render/internal/jpegdct"
	"palimpsest.dev/render/internal/jpegll"
	"palimpsest.dev/render/internal/jpegls"
)

// compressed decodes a frame by what its markers say it is: files that name one
// kind of JPEG and hold another are not rare.
func (f *File) compressed(n int) (Pixels, error) {
	data := f.stream(n)
	i := f.Image
	var p Pixels
	var err error
	switch kind, precision := jpegKind(data); {
	case bytes.HasPrefix(data, []byte("\xff\x4f\xff\x51")), bytes.HasPrefix(data, []byte("\x00\x00\x00\x0cjP")):
		var m jpeg2000.Image
		m, err = jpeg2000.Decode(data, i.Columns, i.Rows)
		p = Pixels{Width: m.Width, Height: m.Height, Components: m.Components, Bits: m.Bits, Samples: m.Samples}
		if p.Photometric = i.Photometric; m.Transformed || p.Photometric == YBRICT || p.Photometric == YBRRCT {
			p.Photometric = RGB // the codec has undone them
		}
	case kind == 0:
		return p, errors.New("the frame holds no JPEG image")
	case kind == sofJPEGLS:
		var m jpegls.Image
		m, err = jpegls.Decode(data, i.Columns, i.Rows)
		p = Pixels{Width: m.Width, Height: m.Height, Components: m.Components, Bits: m.Bits, Samples: m.Samples}
	case kind == sofLossless:
		var m jpegll.Image
		m, err = jpegll.Decode(data, i.Columns, i.Rows)
		p = Pixels{Width: m.Width, Height: m.Height, Components: m.Components, Bits: m.Bits, Samples: m.Samples}
	case kind <= sofProgressive && precision == 8:
		p, err = f.jpeg8(data)
	case kind == sofExtended:
		var m jpegdct.Image
		m, err = jpegdct.Decode(data, i.Columns, i.Rows)
		p = Pixels{Width: m.Width, Height: m.Height, Components: m.Components, Bits: m.Bits, Samples: m.Samples}
		if p.Photometric = i.Photometric; m.Components == 3 && i.Photometric == YBRFull422 {
			p.Photometric = YBRFull
		}
	default:
		return p, UnsupportedError(fmt.Sprintf("a JPEG of kind SOF%d with %d bits is not read", kind-sofBaseline, precision))
	}
	if err != nil {
		return p, err
	}
	if p.Components != i.Samples {
		return p, fmt.Errorf("the compressed image has %d samples to the pixel, the file says %d", p.Components, i.Samples)
	}
	if p.Photometric == "" {
		p.Photometric = i.Photometric
	}
	return p, nil
}

// Start of frame markers.
const (
	sofBaseline    = 0xc0
	sofExtended    = 0xc1
	sofProgressive = 0xc2
	sofLossless    = 0xc3
	sofJPEGLS      = 0xf7
)

// jpegKind finds the frame header and returns its marker and precision. Each
// step moves forward.
func jpegKind(data []byte) (kind byte, precision int) {
	for i := 2; i+5 <= len(data); {
		m := data[i+1]
		switch {
		case data[i] != 0xff:
			return 0, 0
		case m == 0xff:
			i++
			continue
		case m == sofJPEGLS, m >= 0xc0 && m <= 0xcf && m != 0xc4 && m != 0xc8 && m != 0xcc:
			return m, int(data[i+4])
		}
		n := int(data[i+2])<<8 | int(data[i+3])
		if n < 2 || m == 0xda {
			return 0, 0
		}
		i += 2 + n
	}
	return 0, 0
}

// jpeg8 decodes a JPEG of 8 bits. The library tells colours by the markers in
// the image, and takes three components without any for luma and chroma; where
// the file says red, green and blue and no JFIF marker contradicts, they are
// that.
func (f *File) jpeg8(data []byte) (Pixels, error) {
	i := f.Image
	cfg, err := jpeg.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return Pixels{}, err
	}
	if cfg.Width != i.Columns || cfg.Height != i.Rows {
		return Pixels{}, fmt.Errorf("the compressed image is %d x %d, the file says %d x %d", cfg.Width, cfg.Height, i.Columns, i.Rows)
	}
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return Pixels{}, err
	}
	p := Pixels{Width: cfg.Width, Height: cfg.Height, Bits: 8}
	switch m := img.(type) {
	case *image.Gray:
		p.Components, p.Samples = 1, make([]uint16, 0, cfg.Width*cfg.Height)
		for y := range cfg.Height {
			for _, v := range m.Pix[y*m.Stride : y*m.Stride+cfg.Width] {
				p.Samples = append(p.Samples, uint16(v))
			}
		}
	case *image.YCbCr:
		p.Components, p.Samples = 3, make([]uint16, 0, 3*cfg.Width*cfg.Height)
		for y := range cfg.Height {
			for x := range cfg.Width {
				c := m.COffset(x, y)
				p.Samples = append(p.Samples, uint16(m.Y[m.YOffset(x, y)]), uint16(m.Cb[c]), uint16(m.Cr[c]))
			}
		}
		p.Photometric = YBRFull
		if i.Photometric == RGB && !bytes.Contains(data[:min(len(data), 64)], []byte("JFIF\x00")) && !adobeYCC(data) {
			p.Photometric = RGB
		}
	case *image.RGBA:
		p.Components, p.Samples, p.Photometric = 3, make([]uint16, 0, 3*cfg.Width*cfg.Height), RGB
		for y := range cfg.Height {
			for x := range cfg.Width {
				o := m.PixOffset(x, y)
				p.Samples = append(p.Samples, uint16(m.Pix[o]), uint16(m.Pix[o+1]), uint16(m.Pix[o+2]))
			}
		}
	default:
		return p, UnsupportedError("a JPEG of four colours is not read")
	}
	return p, nil
}

// adobeYCC reports Adobe's marker with its transform of luma and chroma.
func adobeYCC(data []byte) bool {
	const mark = "\xff\xee\x00\x0eAdobe"
	at := bytes.Index(data, []byte(mark))
	return at >= 0 && at+15 < len(data) && data[at+15] == 1
}
