package main

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"slices"
	"strings"
)

func pngOf(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, img)
	return b.Bytes(), err
}

func jpegOf(img image.Image, quality int) ([]byte, error) {
	var b bytes.Buffer
	err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality})
	return b.Bytes(), err
}

// withOrientation adds an EXIF block with one entry, the orientation, to a JPEG.
func withOrientation(jpg []byte, orientation uint16) []byte {
	exif := []byte("Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01")
	exif = binary.BigEndian.AppendUint16(exif, orientation)
	exif = append(exif, 0, 0, 0, 0, 0, 0)
	app1 := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(exif)+2))
	return slices.Concat(jpg[:2], app1, exif, jpg[2:])
}

// tiffOf writes black-and-white pages, PackBits compressed, as one TIFF.
func tiffOf(pages []*image.Gray, dpi uint32) []byte {
	le := binary.LittleEndian
	out := []byte("II\x2a\x00\x00\x00\x00\x00")
	link := 4 // where the offset of the next directory goes
	for _, img := range pages {
		w, h := img.Bounds().Dx(), img.Bounds().Dy()
		strip := len(out)
		for y := range h {
			row := make([]byte, (w+7)/8)
			for x := range w {
				if img.Pix[y*img.Stride+x] < 128 {
					row[x/8] |= 0x80 >> (x % 8)
				}
			}
			out = append(out, packBits(row)...)
		}
		size := len(out) - strip
		if len(out)%2 == 1 {
			out = append(out, 0)
		}
		resolution := len(out)
		out = le.AppendUint32(le.AppendUint32(out, dpi), 1)
		le.PutUint32(out[link:], uint32(len(out)))
		const short, long, rational = 3, 4, 5
		entries := [][3]uint32{ // tag, type, value
			{256, long, uint32(w)}, {257, long, uint32(h)}, {258, short, 1}, {259, short, 32773}, {262, short, 0},
			{273, long, uint32(strip)}, {277, short, 1}, {278, long, uint32(h)}, {279, long, uint32(size)},
			{282, rational, uint32(resolution)}, {283, rational, uint32(resolution)}, {296, short, 2},
		}
		out = le.AppendUint16(out, uint16(len(entries)))
		for _, e := range entries {
			out = le.AppendUint16(le.AppendUint16(out, uint16(e[0])), uint16(e[1]))
			out = le.AppendUint32(le.AppendUint32(out, 1), e[2])
		}
		link = len(out)
		out = le.AppendUint32(out, 0)
	}
	return out
}

// packBits is the byte run coding of TIFF 6.0, section 9.
func packBits(row []byte) []byte {
	var out []byte
	for i := 0; i < len(row); {
		run := 1
		for i+run < len(row) && row[i+run] == row[i] && run < 128 {
			run++
		}
		if run > 1 {
			out = append(out, byte(1-run), row[i])
			i += run
			continue
		}
		start := i
		for i < len(row) && i-start < 128 && (i+1 == len(row) || row[i] != row[i+1]) {
			i++
		}
		out = append(append(out, byte(i-start-1)), row[start:i]...)
	}
	return out
}

// pdf is a minimal writer: objects one after another and a table of where they are.
type pdf struct {
	out     bytes.Buffer
	offsets []int
}

// add writes an object and returns its number.
func (p *pdf) add(format string, args ...any) int {
	p.offsets = append(p.offsets, p.out.Len())
	fmt.Fprintf(&p.out, "%d 0 obj\n", len(p.offsets))
	fmt.Fprintf(&p.out, format, args...)
	p.out.WriteString("\nendobj\n")
	return len(p.offsets)
}

// stream writes an object that carries bytes; compressed ones are deflated.
func (p *pdf) stream(dict string, content []byte, deflate bool) int {
	if deflate {
		var b bytes.Buffer
		w, err := zlib.NewWriterLevel(&b, zlib.BestCompression)
		if err != nil {
			panic(err) // the level is a constant
		}
		if _, err := w.Write(content); err != nil {
			panic(err) // a buffer takes all
		}
		if err := w.Close(); err != nil {
			panic(err)
		}
		content, dict = b.Bytes(), dict+" /Filter /FlateDecode"
	}
	return p.add("<< /Length %d %s >>\nstream\n%s\nendstream", len(content), dict, content)
}

// finish writes catalogue, page tree and trailer over pages written by body, which gets
// the number that the page tree will have.
func (p *pdf) finish(title string, body func(parent int) []int) []byte {
	// The page tree's number must be known to the pages: it is the object right after the
	// header, filled in last.
	tree := len(p.offsets) + 1
	p.offsets = append(p.offsets, 0)
	pages := body(tree)
	kids := make([]string, len(pages))
	for i, n := range pages {
		kids[i] = fmt.Sprintf("%d 0 R", n)
	}
	p.offsets[tree-1] = p.out.Len()
	fmt.Fprintf(&p.out, "%d 0 obj\n<< /Type /Pages /Count %d /Kids [%s] >>\nendobj\n", tree, len(pages), strings.Join(kids, " "))
	root := p.add("<< /Type /Catalog /Pages %d 0 R >>", tree)
	info := p.add("<< /Title (%s) >>", escapePDF(title))
	xref := p.out.Len()
	fmt.Fprintf(&p.out, "xref\n0 %d\n0000000000 65535 f \n", len(p.offsets)+1)
	for _, o := range p.offsets {
		fmt.Fprintf(&p.out, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&p.out, "trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(p.offsets)+1, root, info, xref)
	return p.out.Bytes()
}

func newPDF() *pdf {
	p := &pdf{}
	p.out.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	return p
}

// textPDF writes sheets as a born-digital document with embedded fonts.
func textPDF(title string, sheets []*sheet, all faces) []byte {
	p := newPDF()
	used := map[string]int{}
	for _, s := range sheets {
		for _, w := range s.words {
			used[w.style.face.name] = 0
		}
	}
	names := slices.Sorted(func(yield func(string) bool) {
		for n := range used {
			if !yield(n) {
				return
			}
		}
	})
	var resources strings.Builder
	for _, n := range names {
		used[n] = p.fontObject(all[n])
		fmt.Fprintf(&resources, "/%s %d 0 R ", n, used[n])
	}
	return p.finish(title, func(parent int) []int {
		var pages []int
		for _, s := range sheets {
			content := p.stream("", pageContent(s), true)
			pages = append(pages, p.add("<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %g %g] /Contents %d 0 R /Resources << /Font << %s>> >> >>",
				parent, s.width, s.height, content, resources.String()))
		}
		return pages
	})
}

func pageContent(s *sheet) []byte {
	var b bytes.Buffer
	for _, r := range s.rules {
		fmt.Fprintf(&b, "%.2f w %.2f %.2f m %.2f %.2f l S\n", r.weight, r.x0, s.height-r.y0, r.x1, s.height-r.y1)
	}
	for _, w := range s.words {
		fmt.Fprintf(&b, "BT /%s %g Tf %.3f %.3f Td (%s) Tj ET\n", w.style.face.name, w.style.size, w.x, s.height-w.baseline, escapePDF(w.text))
	}
	return b.Bytes()
}

// escapePDF writes a text in WinAnsiEncoding, which is Latin-1 for all we use.
func escapePDF(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r > 0xff {
			panic(fmt.Sprintf("%q is not in the encoding of the sample's fonts", r))
		}
		if strings.ContainsRune(`()\`, r) {
			b.WriteByte('\\')
		}
		b.WriteByte(byte(r))
	}
	return b.String()
}

// fontObject embeds a TrueType font with the widths of Latin-1.
func (p *pdf) fontObject(t *typeface) int {
	file := p.stream(fmt.Sprintf("/Length1 %d", len(t.data)), t.data, true)
	descriptor := p.add("<< /Type /FontDescriptor /FontName /Go-%s /Flags 32 /FontBBox [-440 -432 2160 1050] /ItalicAngle 0 /Ascent %d /Descent %d /CapHeight 722 /StemV 80 /FontFile2 %d 0 R >>",
		t.name, int(t.ascender*1000), -int(t.descender*1000), file)
	var widths strings.Builder
	for r := rune(32); r < 256; r++ {
		w := 0.0
		if r < 127 || r > 160 {
			w = t.advance(r)
		}
		fmt.Fprintf(&widths, "%d ", int(w*1000+0.5))
	}
	return p.add("<< /Type /Font /Subtype /TrueType /BaseFont /Go-%s /FirstChar 32 /LastChar 255 /Widths [%s] /FontDescriptor %d 0 R /Encoding /WinAnsiEncoding >>",
		t.name, widths.String(), descriptor)
}

// scanPDF wraps JPEG scans, one a page, without any text.
func scanPDF(title string, width, height float64, scans [][]byte, w, h int) []byte {
	p := newPDF()
	return p.finish(title, func(parent int) []int {
		var pages []int
		for _, jpg := range scans {
			img := p.stream(fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode", w, h), jpg, false)
			content := p.stream("", fmt.Appendf(nil, "q %g 0 0 %g 0 0 cm /scan Do Q", width, height), false)
			pages = append(pages, p.add("<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %g %g] /Contents %d 0 R /Resources << /XObject << /scan %d 0 R >> >> >>",
				parent, width, height, content, img))
		}
		return pages
	})
}
