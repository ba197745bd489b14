package pdfa

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// The font has one glyph without ink, half as wide as high. Its code is the low
// half of a character's number, so that there is one font for each Unicode
// plane that a file uses; they share the font program.
//
// Some readers take a word's box from ascent and descent, others from the
// outlines. They agree when both reach from the baseline to the size: the
// glyph is a line from corner to corner, which covers no area. A descent of 0
// would be taken for a missing one.
const (
	planes   = 17
	advance  = 500 // width of the glyph in thousandths of its size
	ascent   = 1000
	descent  = -1
	fontName = "PalimpsestInvisible"
)

// fontResources names the fonts of a page.
func (w *Writer) fontResources(used uint32) string {
	if used == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("/Font <<")
	for plane := range planes {
		if used>>plane&1 == 0 {
			continue
		}
		if w.fonts[plane] == 0 {
			w.fonts[plane] = w.next()
		}
		fmt.Fprintf(&b, " /F%d %d 0 R", plane, w.fonts[plane])
	}
	return b.String() + " >> "
}

// writeFonts writes the fonts and what they share.
func (w *Writer) writeFonts() {
	w.deflated(objFontFile, "/Length1 "+fmt.Sprint(len(fontProgram())), fontProgram())
	// Every code shows glyph 1: glyph 0 is what a font shows for a character it
	// lacks, and PDF/A forbids it.
	w.deflated(objGlyphMap, "", bytes.Repeat([]byte{0, 1}, 1<<16))
	w.object(objDescriptor, fmt.Sprintf("<< /Type /FontDescriptor /FontName /%s /Flags 4 /FontBBox [0 %d %d %d] /ItalicAngle 0 /Ascent %d /Descent %d /CapHeight %d /StemV 80 /FontFile2 %d 0 R >>",
		fontName, descent, advance, ascent, ascent, descent, ascent, objFontFile))
	for plane, font := range w.fonts {
		if font == 0 {
			continue
		}
		descendant, codes := w.next(), w.next()
		w.object(font, fmt.Sprintf("<< /Type /Font /Subtype /Type0 /BaseFont /%s /Encoding /Identity-H /DescendantFonts [%d 0 R] /ToUnicode %d 0 R >>",
			fontName, descendant, codes))
		w.object(descendant, fmt.Sprintf("<< /Type /Font /Subtype /CIDFontType2 /BaseFont /%s /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /DW %d /CIDToGIDMap %d 0 R /FontDescriptor %d 0 R >>",
			fontName, advance, objGlyphMap, objDescriptor))
		w.deflated(codes, "", toUnicode(plane))
	}
}

// toUnicode maps the codes of a plane's font to its characters. Surrogates are
// none.
func toUnicode(plane int) []byte {
	var b bytes.Buffer
	b.WriteString("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n" +
		"/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n" +
		"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n")
	// A range may change the last byte only, and a block holds a hundred.
	var rows []int
	for high := range 256 {
		if plane == 0 && (high >= 0xd8 && high <= 0xdf) {
			continue
		}
		rows = append(rows, high)
	}
	for len(rows) > 0 {
		some := rows[:min(100, len(rows))]
		rows = rows[len(some):]
		fmt.Fprintf(&b, "%d beginbfrange\n", len(some))
		for _, high := range some {
			first := rune(plane<<16 | high<<8)
			from, to := first, first|0xff
			switch first { // what may not be mapped to stands at the ends of the plane
			case 0:
				from = 1
			case 0xff00:
				to = 0xfffd
			}
			fmt.Fprintf(&b, "<%04X> <%04X> <%s>\n", from&0xffff, to&0xffff, utf16Hex(from))
		}
		b.WriteString("endbfrange\n")
	}
	b.WriteString("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n")
	return b.Bytes()
}

// utf16Hex is a character in UTF-16BE.
func utf16Hex(r rune) string {
	if r < 0x10000 {
		return fmt.Sprintf("%04X", r)
	}
	r -= 0x10000
	return fmt.Sprintf("%04X%04X", 0xd800+r>>10, 0xdc00+r&0x3ff)
}

// fontProgram is a TrueType font of two glyphs that are but a diagonal.
func fontProgram() []byte {
	i16 := func(v ...int) []byte {
		var b []byte
		for _, x := range v {
			b = binary.BigEndian.AppendUint16(b, uint16(x))
		}
		return b
	}
	// contours, bounding box, last point of the contour, instructions, two points
	// on the curve, steps to them in x, in y
	glyph := i16(1, 0, 0, advance, ascent, 1, 0, 0x0101, 0, advance, 0, ascent)
	tables := []struct {
		tag  string
		body []byte
	}{
		{"glyf", append(glyph, glyph...)},
		// version, revision, checksum adjustment, magic, flags, units per em, two
		// dates, bounding box, style, least size, direction, format of loca, of glyf
		{"head", i16(1, 0, 1, 0, 0, 0, 0x5f0f, 0x3cf5, 0, 1000, 0, 0, 0, 0, 0, 0, 0, 0, 0, descent, advance, ascent, 0, 8, 2, 0, 0)},
		{"hhea", i16(1, 0, ascent, descent, 0, advance, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2)},
		{"hmtx", i16(advance, 0, advance, 0)},
		{"loca", i16(0, len(glyph)/2, len(glyph))},
		{"maxp", i16(1, 0, 2, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)},
	}
	head := i16(0x0001, 0, len(tables), 64, 2, 16*len(tables)-64)
	var body []byte
	for _, t := range tables {
		length := len(t.body)
		for len(t.body)%4 != 0 {
			t.body = append(t.body, 0)
		}
		head = append(head, t.tag...)
		head = binary.BigEndian.AppendUint32(head, sum32(t.body))
		head = binary.BigEndian.AppendUint32(head, uint32(12+16*len(tables)+len(body)))
		head = binary.BigEndian.AppendUint32(head, uint32(length))
		body = append(body, t.body...)
	}
	font := append(head, body...)
	// The whole file sums up to a constant (OpenType, table head).
	adjustment := 0xb1b0afba - sum32(font)
	at := bytes.Index(font, i16(0x5f0f, 0x3cf5)) - 4
	binary.BigEndian.PutUint32(font[at:], adjustment)
	return font
}

// sum32 is the checksum of a table.
func sum32(b []byte) (sum uint32) {
	for ; len(b) >= 4; b = b[4:] {
		sum += binary.BigEndian.Uint32(b)
	}
	return sum
}
