package render

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// sniffBytes is how much of a file's head the format is judged by.
const sniffBytes = 4096

// pdfHeaderWithin is how far into a file PDF readers look for its header.
const pdfHeaderWithin = 1024

// The formats that are read, by content. Names of files never matter.
const (
	formatPDF   = "pdf"
	formatJPEG  = "jpeg"
	formatPNG   = "png"
	formatWebP  = "webp"
	formatGIF   = "gif"
	formatBMP   = "bmp"
	formatTIFF  = "tiff"
	formatZip   = "zip"
	formatJP2   = "jp2"
	formatJBIG2 = "jbig2"
	formatDICOM = "dicom"
)

// mediaTypes of the formats.
var mediaTypes = map[string]string{
	formatPDF: "application/pdf", formatJPEG: "image/jpeg", formatPNG: "image/png", formatWebP: "image/webp",
	formatGIF: "image/gif", formatBMP: "image/bmp", formatTIFF: "image/tiff", formatZip: "application/zip",
	formatJP2: "image/jp2", formatJBIG2: "image/x-jb2",
	formatDICOM: "application/dicom",
}

// signature is a run of bytes at a fixed place that gives a format away.
type signature struct {
	at     int
	bytes  string
	format string // one of the formats above, or empty for what is known and not read
	what   string // what it is, when it is not read
	hint   string
}

const (
	hintConvert = "convert it to PDF, TIFF, PNG or JPEG"
	hintUnpack  = "unpack it, or pack its files as zip"
	hintOffice  = "print or export it to PDF"
)

// signatures in the order they are tried.
var signatures = []signature{
	// DICOM first: its preamble may hold a TIFF header.
	{128, "DICM", formatDICOM, "", ""},
	{0, "DICM\x02\x00", formatDICOM, "", ""}, // without the preamble
	{0, "%PDF-", formatPDF, "", ""},
	{0, "\xff\xd8\xff", formatJPEG, "", ""},
	{0, "\x89PNG\r\n\x1a\n", formatPNG, "", ""},
	{0, "GIF87a", formatGIF, "", ""},
	{0, "GIF89a", formatGIF, "", ""},
	{0, "II*\x00", formatTIFF, "", ""},
	{0, "MM\x00*", formatTIFF, "", ""},
	{0, "II+\x00", "", "a BigTIFF", "convert it to classic TIFF, for example with tiffcp -4 less"},
	{0, "MM\x00+", "", "a BigTIFF", "convert it to classic TIFF"},
	{0, "PK\x03\x04", formatZip, "", ""},
	{0, "PK\x05\x06", formatZip, "", ""},
	{0, "\x00\x00\x00\x0cjP  \r\n\x87\n", formatJP2, "", ""},
	{0, "\xff\x4f\xff\x51", formatJP2, "", ""},
	{0, jbig2Magic, formatJBIG2, "", ""},
	{4, "ftypavif", "", "an AVIF image", hintConvert},
	{4, "ftypheic", "", "a HEIC image", hintConvert},
	{4, "ftypheix", "", "a HEIC image", hintConvert},
	{4, "ftypmif1", "", "a HEIF image", hintConvert},
	{4, "ftyp", "", "a video or other ISO media file", hintConvert},
	{0, "\x00\x00\x00\x0cJXL ", "", "a JPEG XL image", hintConvert},
	{0, "\xff\x0a", "", "a JPEG XL image", hintConvert},
	{0, "8BPS", "", "a Photoshop document", hintConvert},
	{0, "AT&TFORM", "", "a DjVu document", hintConvert},
	{0, "%!PS", "", "a PostScript program", "convert it to PDF"},
	{0, "\xc5\xd0\xd3\xc6", "", "an EPS file", "convert it to PDF"},
	{0, "{\\rtf", "", "an RTF document", hintOffice},
	{0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "", "an old Office document", hintOffice},
	{0, "\x1f\x8b", "", "a gzip file", hintUnpack},
	{0, "BZh", "", "a bzip2 file", hintUnpack},
	{0, "\xfd7zXZ\x00", "", "an xz file", hintUnpack},
	{0, "7z\xbc\xaf\x27\x1c", "", "a 7z archive", hintUnpack},
	{0, "Rar!\x1a\x07", "", "a RAR archive", hintUnpack},
	{257, "ustar", "", "a tar archive", hintUnpack},
	{0, "\x7fELF", "", "a program", "send documents"},
	{0, "MZ", "", "a program", "send documents"},
}

// sniff tells the format of a file from its head. What is not read gives an
// *Error: unsupported when it is known or could be a document, bad input when
// there is nothing.
func sniff(head []byte) (string, error) {
	if len(head) == 0 {
		return "", bad("sniff", fmt.Errorf("the file is empty"), "send it again")
	}
	for _, s := range signatures {
		if len(head) < s.at+len(s.bytes) || string(head[s.at:s.at+len(s.bytes)]) != s.bytes {
			continue
		}
		if s.format == "" {
			return "", unsupported("sniff", fmt.Errorf("the file is %s", s.what), s.hint)
		}
		return s.format, nil
	}
	switch {
	case len(head) >= 16 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP":
		return formatWebP, nil
	case bytes.Contains(head[:min(len(head), pdfHeaderWithin)], []byte("%PDF-")):
		return formatPDF, nil
	case isBMP(head):
		return formatBMP, nil
	case pdfObject.Match(head):
		return formatPDF, nil
	case isBareDICOM(head):
		return formatDICOM, nil
	case isMarkup(head):
		return "", unsupported("sniff", fmt.Errorf("the file is HTML, XML or SVG"), "print it to PDF")
	case isText(head):
		return "", unsupported("sniff", fmt.Errorf("the file is plain text"), "nothing needs to be read from an image here")
	}
	return "", unsupported("sniff", fmt.Errorf("the file is of no known format"), hintConvert)
}

// pdfObject is how a PDF object begins: a PDF whose header is damaged has them
// all the same.
var pdfObject = regexp.MustCompile(`(^|[\r\n])\d{1,7} \d{1,5} obj\s*<<`)

// withPDFHeader gives a PDF without header one, in place of its first bytes, so
// that no offset changes.
func withPDFHeader(b blob) blob {
	head := make([]byte, min(b.size, pdfHeaderWithin))
	if n, _ := b.ReadAt(head, 0); bytes.Contains(head[:n], []byte("%PDF-")) || b.size < int64(len(pdfHeader)) {
		return b
	}
	return blob{headed{b.ReaderAt}, b.size}
}

const pdfHeader = "%PDF-1.7"

// headed reads as its file does, but begins with a PDF header.
type headed struct{ io.ReaderAt }

// ReadAt implements io.ReaderAt.
func (h headed) ReadAt(p []byte, off int64) (int, error) {
	n, err := h.ReaderAt.ReadAt(p, off)
	if off >= 0 && off < int64(len(pdfHeader)) {
		copy(p[:n], pdfHeader[off:])
	}
	return n, err
}

// isBMP checks the magic and the size of the second header, because "BM" alone
// opens many a text.
func isBMP(h []byte) bool {
	if len(h) < 26 || h[0] != 'B' || h[1] != 'M' {
		return false
	}
	n := uint32(h[14]) | uint32(h[15])<<8 | uint32(h[16])<<16 | uint32(h[17])<<24
	return n >= 12 && n <= 256
}

// isBareDICOM recognises a data set that begins, without a preamble, with an
// element of group 2 or 8 in little endian and goes on with one of a later tag,
// both with explicit value representations or with lengths that are small and
// even.
func isBareDICOM(h []byte) bool {
	const groups = "\x02\x08\x10\x18\x20\x28" // of what a file begins with
	at, last := 0, uint32(0)
	for i := range 2 {
		if len(h) < at+8 || h[at+1] != 0 || strings.IndexByte(groups, h[at]) < 0 || i == 0 && h[at] > 8 {
			return false
		}
		tag := uint32(h[at])<<16 | uint32(h[at+3])<<8 | uint32(h[at+2])
		if i > 0 && tag <= last {
			return false
		}
		last = tag
		upper := func(c byte) bool { return c >= 'A' && c <= 'Z' }
		length, header := int(h[at+6])|int(h[at+7])<<8, 8
		switch {
		case upper(h[at+4]) && upper(h[at+5]):
			if string(h[at+4:at+6]) == "OB" && len(h) >= at+12 { // the version of the meta information
				length, header = int(h[at+8])|int(h[at+9])<<8, 12
			}
		case length == 0: // implicit: a length of 32 bits, the upper half of which is zero
			length = int(h[at+4]) | int(h[at+5])<<8
		default:
			return false
		}
		if length%2 != 0 {
			return false
		}
		at += header + length
	}
	return true
}

// isMarkup recognises HTML, XML and SVG.
func isMarkup(h []byte) bool {
	t := bytes.TrimLeft(bytes.TrimPrefix(h, []byte("\xef\xbb\xbf")), " \t\r\n")
	t = bytes.ToLower(t[:min(len(t), 64)])
	for _, p := range []string{"<!doctype", "<html", "<?xml", "<svg", "<head", "<body"} {
		if bytes.HasPrefix(t, []byte(p)) {
			return true
		}
	}
	return false
}

// isText reports a head without control characters.
func isText(h []byte) bool {
	for _, c := range h {
		if c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != 0x1b {
			return false
		}
	}
	return true
}
