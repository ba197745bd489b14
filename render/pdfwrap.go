package render

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// JPEG 2000 and JBIG2 have no decoder in Go; PDFium has both. An image of
// theirs is wrapped into a PDF of one page that shows nothing else, at one
// pixel to the point, and rendered.

// jbig2Magic opens a JBIG2 file; what a PDF embeds lacks it.
const jbig2Magic = "\x97JB2\r\n\x1a\n"

// openWrapped reads a JPEG 2000 or JBIG2 file.
func openWrapped(m *machine, b blob, format string) (reader, error) {
	data, err := b.bytes()
	if err != nil {
		return nil, err
	}
	w := &wrapped{m: m}
	switch format {
	case formatJP2:
		w.filter, w.data = "/JPXDecode", data
		w.w, w.h, err = jp2Size(data)
	case formatJBIG2:
		w.filter = "/JBIG2Decode"
		w.data, w.w, w.h, err = jbig2Embedded(data)
	}
	if err != nil {
		return nil, undecided("open", err)
	}
	if err := m.limits.checkSize("open", w.w, w.h); err != nil {
		return nil, err
	}
	return w, nil
}

// wrapped is an image that PDFium decodes.
type wrapped struct {
	m      *machine
	filter string
	data   []byte
	w, h   int
}

func (w *wrapped) count() int { return 1 }
func (w *wrapped) close()     {}

func (w *wrapped) render(int) (*raw, error) {
	p, err := renderWrapped(w.m, w.filter, "", w.data, w.w, w.h)
	if err != nil {
		return nil, undecided("decode", err)
	}
	return p, nil
}

// undecided makes bad input of the two formats unsupported: there is but one
// decoder for them, whose refusal does not tell damage from what it lacks.
func undecided(op string, err error) error {
	var e *Error
	if !errors.As(err, &e) || e.Kind != BadInput {
		return err
	}
	return unsupported(op, e.Err, "the file is damaged or of a kind that is not read: "+hintConvert)
}

// renderWrapped decodes an image stream of w x h pixels through PDFium.
func renderWrapped(m *machine, filter, parms string, data []byte, w, h int) (*raw, error) {
	file := wrapImage(filter, parms, data, w, h)
	one := *m // the raster is the image, whatever resolution was asked for
	one.dpi, one.password = 72, ""
	r, _, err := openPDF(&one, blob{bytes.NewReader(file), int64(len(file))})
	if err != nil {
		return nil, err
	}
	defer r.close()
	p, err := r.render(0)
	if err != nil {
		return nil, err
	}
	// Image pixels, y down, instead of points, y up.
	sx, sy := float64(w)/float64(p.img.Rect.Dx()), float64(h)/float64(p.img.Rect.Dy())
	p.to, p.unit, p.dpi, p.rotation = Affine{sx, 0, 0, 0, sy, 0}, "px", 0, 0
	return p, nil
}

// empty reports that every pixel is white: PDFium leaves out what it cannot
// decode.
func empty(pix []uint8) bool {
	for _, v := range pix {
		if v != 255 {
			return false
		}
	}
	return true
}

// wrapImage writes the PDF. JPX streams carry their own colour space; others
// are told to be 8-bit RGB or 1-bit grey by their filter.
func wrapImage(filter, parms string, data []byte, w, h int) []byte {
	var b bytes.Buffer
	var at []int
	obj := func(format string, args ...any) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n", len(at))
		fmt.Fprintf(&b, format, args...)
		b.WriteString("\nendobj\n")
	}
	b.WriteString("%PDF-1.7\n")
	obj("<</Type/Catalog/Pages 2 0 R>>")
	obj("<</Type/Pages/Kids[3 0 R]/Count 1>>")
	obj("<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>>>", w, h)
	draw := fmt.Sprintf("q %d 0 0 %d 0 0 cm /I Do Q", w, h)
	obj("<</Length %d>>stream\n%s\nendstream", len(draw), draw)
	space := ""
	switch filter {
	case "/JBIG2Decode", "/CCITTFaxDecode":
		space = "/ColorSpace/DeviceGray/BitsPerComponent 1"
	case "/DCTDecode":
		space = "/ColorSpace/" + [...]string{"DeviceGray", "DeviceGray", "DeviceGray", "DeviceRGB", "DeviceCMYK"}[min(jpegComponents(data), 4)] + "/BitsPerComponent 8"
	}
	if parms != "" {
		parms = "/DecodeParms" + parms
	}
	obj("<</Type/XObject/Subtype/Image/Width %d/Height %d%s/Filter%s%s/Length %d>>stream\n%s\nendstream",
		w, h, space, filter, parms, len(data), data)
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, o := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, xref)
	return b.Bytes()
}

// jpegComponents counts the colour components of a JPEG.
func jpegComponents(data []byte) (n int) {
	jpegSegments(data, func(marker byte, b []byte) bool {
		if marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc && len(b) >= 6 {
			n = int(b[5])
			return false
		}
		return true
	})
	return n
}

// jp2Size finds the SIZ marker segment of a JPEG 2000 codestream, which comes
// first in it, and returns the image area.
func jp2Size(data []byte) (w, h int, err error) {
	i := bytes.Index(data, []byte("\xff\x4f\xff\x51"))
	if i < 0 || len(data) < i+40 {
		return 0, 0, bad("open", fmt.Errorf("jp2: there is no codestream"), "the file is damaged: send it again")
	}
	u := func(at int) int64 { return int64(binary.BigEndian.Uint32(data[i+at:])) }
	x, y := u(8)-u(16), u(12)-u(20)
	if x <= 0 || y <= 0 {
		return 0, 0, bad("open", errEmptyImage, "the file is damaged: send it again")
	}
	return int(x), int(y), nil
}

// jbig2Embedded cuts a JBIG2 file of sequential organisation down to what a
// PDF embeds: the segments without the file header, of one page.
func jbig2Embedded(data []byte) (segments []byte, w, h int, err error) {
	const header = 8 // magic
	if len(data) < header+1 {
		return nil, 0, 0, bad("open", fmt.Errorf("jbig2: the header is cut off"), "the file is damaged: send it again")
	}
	flags := data[header]
	at := header + 1
	if flags&2 == 0 { // the number of pages is known
		at += 4
	}
	if flags&1 == 0 {
		return nil, 0, 0, unsupported("open", fmt.Errorf("jbig2: the file is organised for random access"), hintConvert)
	}
	if at > len(data) {
		return nil, 0, 0, bad("open", fmt.Errorf("jbig2: the header is cut off"), "the file is damaged: send it again")
	}
	segments = data[at:]
	w, h, ok := jbig2Page(segments)
	if !ok {
		return nil, 0, 0, bad("open", fmt.Errorf("jbig2: there is no page in it"), "the file is damaged: send it again")
	}
	return segments, w, h, nil
}

// jbig2Page walks the segment headers to the page information.
func jbig2Page(d []byte) (w, h int, ok bool) {
	const pageInformation = 48
	for len(d) >= 11 {
		number, flags := binary.BigEndian.Uint32(d), d[4]
		refs := int(d[5] >> 5)
		at := 6
		if refs == 7 { // long form: 29 bits of count, then a bit for each
			refs = int(binary.BigEndian.Uint32(d[5:]) & 0x1fffffff)
			at = 5 + 4 + (refs+8)/8
		}
		size := 1
		if number > 65536 {
			size = 4
		} else if number > 256 {
			size = 2
		}
		if refs > len(d) {
			return 0, 0, false
		}
		at += refs * size
		if at += 1; flags&0x40 != 0 {
			at += 3
		}
		if at+4 > len(d) {
			return 0, 0, false
		}
		length := int64(binary.BigEndian.Uint32(d[at:]))
		at += 4
		if flags&0x3f == pageInformation && len(d) >= at+8 {
			w, h = int(binary.BigEndian.Uint32(d[at:])), int(binary.BigEndian.Uint32(d[at+4:]))
			return w, h, true
		}
		if length > int64(len(d)-at) {
			return 0, 0, false
		}
		d = d[at+int(length):]
	}
	return 0, 0, false
}
