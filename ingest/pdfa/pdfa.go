// Package pdfa writes searchable PDF/A-2b files: each page is one picture with
// invisible text under its ink. It writes page by page to a stream and keeps
// nothing of a page but the places of its objects, so a file may be far larger
// than memory. Nothing of a source file comes into it but pixels and words: no
// script, no link, no attachment, no font.
//
// What is written depends on what is given alone: no clock, no random number.
// The same pages and words make the same bytes, and the file's identifier is a
// hash of them.
package pdfa

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"strconv"
)

// MediaType of the files.
const MediaType = "application/pdf"

// The limits of a page's sides in PDF/A-2 (ISO 19005-2, 6.1.13), in points.
const (
	minSide = 3
	maxSide = 14400
)

// maxBytes bounds a file: object stores copy no more than 5 GiB at once. The ten
// digits of a cross-reference entry would allow twice as much.
const maxBytes = 5 << 30

// pagesPerNode is how many pages hang below one node of the page tree.
const pagesPerNode = 64

// ErrTooLarge: the file would become larger than maxBytes.
var ErrTooLarge = errors.New("pdfa: file of more than 5 GiB: write fewer pages to a file")

// Info describes the whole file.
type Info struct {
	Title    string
	Source   string // what the pages were made from, such as a hash; may be empty
	Producer string // the program that writes
}

// Page is one page: a picture and the words on it, whose boxes are in its
// pixels, origin top left.
type Page struct {
	// PNG is the picture, 8 bits deep, grey or RGB, without interlacing. A page
	// without one is drawn as an empty frame with a cross.
	PNG []byte
	// Width and Height are the size in points. What PDF/A does not allow is
	// brought within its limits.
	Width, Height float64
	Lines         []Line // in reading order
	// Missing is why there is no picture; it becomes the page's text.
	Missing string
}

// Line is a line of words in reading order.
type Line []Word

// Word is a word with its place in pixels.
type Word struct {
	Text string
	Box  [4]float64 // x0, y0, x1, y1
	// Polygon is where the ink stands when that is not upright: four corners,
	// clockwise from where the text begins at its top. Empty: the box.
	Polygon [][2]float64
}

// Writer writes one file. Its methods are not safe for concurrent use.
type Writer struct {
	out     io.Writer
	sum     hash.Hash
	info    Info
	at      int64
	offsets []int64     // of objects 1, 2, ...
	pages   []int       // their object numbers
	nodes   []int       // of the page tree
	fonts   [planes]int // of the fonts used, by Unicode plane
	packed  *zlib.Writer
	buffer  bytes.Buffer
	err     error
}

// Objects with fixed numbers, so that pages can refer to what is written last.
const (
	objCatalog = iota + 1
	objPages
	objInfo
	objMetadata
	objIntent
	objProfile
	objFontFile
	objGlyphMap
	objDescriptor
	objCount = iota
)

// NewWriter begins a file. Errors of out are returned by the methods.
func NewWriter(out io.Writer, info Info) *Writer {
	w := &Writer{out: out, sum: sha256.New(), info: info, offsets: make([]int64, objCount)}
	w.packed, _ = zlib.NewWriterLevel(&w.buffer, zlib.DefaultCompression)
	// The second line holds bytes above 127, so that nobody takes the file for text.
	w.write([]byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"))
	return w
}

// write is the one place where bytes leave.
func (w *Writer) write(b []byte) {
	if w.err != nil {
		return
	}
	if w.at+int64(len(b)) > maxBytes {
		w.err = ErrTooLarge
		return
	}
	w.sum.Write(b)
	n, err := w.out.Write(b)
	w.at += int64(n)
	w.err = err
}

func (w *Writer) printf(format string, a ...any) { w.write(fmt.Appendf(nil, format, a...)) }

// begin opens the object of a number.
func (w *Writer) begin(number int) {
	w.offsets[number-1] = w.at
	w.printf("%d 0 obj\n", number)
}

// next takes a new object number.
func (w *Writer) next() int {
	w.offsets = append(w.offsets, 0)
	return len(w.offsets)
}

// object writes an object that is no stream.
func (w *Writer) object(number int, body string) {
	w.begin(number)
	w.write([]byte(body))
	w.write([]byte("\nendobj\n"))
}

// stream writes a stream whose content is encoded as its dictionary says.
func (w *Writer) stream(number int, dictionary string, content []byte) {
	w.begin(number)
	w.printf("<< %s /Length %d >>\nstream\n", dictionary, len(content))
	w.write(content)
	w.write([]byte("\nendstream\nendobj\n"))
}

// deflated writes a stream and packs it.
func (w *Writer) deflated(number int, dictionary string, content []byte) {
	w.buffer.Reset()
	w.packed.Reset(&w.buffer)
	if _, err := w.packed.Write(content); err != nil && w.err == nil {
		w.err = err
	}
	if err := w.packed.Close(); err != nil && w.err == nil {
		w.err = err
	}
	if dictionary != "" {
		dictionary += " "
	}
	w.stream(number, dictionary+"/Filter /FlateDecode", w.buffer.Bytes())
}

// Add writes the next page.
func (w *Writer) Add(p Page) error { return Add(p, w) }

// Add writes a page to several files, such as that of the document and one of
// its own, and encodes its picture once.
func Add(p Page, to ...*Writer) error {
	var pic *picture
	if len(p.PNG) > 0 {
		var err error
		if pic, err = encode(p.PNG); err != nil {
			return fmt.Errorf("pdfa: the page's picture: %w", err)
		}
	}
	var errs []error
	for _, w := range to {
		w.add(p, pic)
		errs = append(errs, w.err)
	}
	return errors.Join(errs...)
}

func (w *Writer) add(p Page, pic *picture) {
	width, height := sides(p.Width, p.Height)
	var content bytes.Buffer
	resources, lines, sx, sy := "", p.Lines, 1.0, 1.0
	if pic != nil {
		image := w.next()
		w.stream(image, pic.dictionary, pic.data)
		fmt.Fprintf(&content, "q %s 0 0 %s 0 0 cm /Page Do Q\n", number(width), number(height))
		resources = fmt.Sprintf("/XObject << /Page %d 0 R >> ", image)
		sx, sy = width/float64(pic.width), height/float64(pic.height)
	} else {
		drawFrame(&content, width, height)
		lines = notice(p.Missing, width, height)
	}
	used := writeText(&content, lines, sx, sy, height)
	body := w.next()
	w.deflated(body, "", content.Bytes())
	if len(w.pages)%pagesPerNode == 0 {
		w.nodes = append(w.nodes, w.next())
	}
	page := w.next()
	w.pages = append(w.pages, page)
	w.object(page, fmt.Sprintf("<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %s %s] /Resources << %s%s>> /Contents %d 0 R >>",
		w.nodes[len(w.nodes)-1], number(width), number(height), resources, w.fontResources(used), body))
}

// Close writes what all pages share and ends the file, which needs a page. The
// language (BCP 47, such as "de") is empty where it is not known.
func (w *Writer) Close(language string) error {
	if w.err == nil && len(w.pages) == 0 {
		w.err = errors.New("pdfa: a PDF needs at least one page")
	}
	var kids bytes.Buffer
	for i, node := range w.nodes {
		fmt.Fprintf(&kids, "%d 0 R ", node)
		some := w.pages[i*pagesPerNode : min(len(w.pages), (i+1)*pagesPerNode)]
		var list bytes.Buffer
		for _, page := range some {
			fmt.Fprintf(&list, "%d 0 R ", page)
		}
		w.object(node, fmt.Sprintf("<< /Type /Pages /Parent %d 0 R /Count %d /Kids [%s] >>", objPages, len(some), bytes.TrimSpace(list.Bytes())))
	}
	w.object(objPages, fmt.Sprintf("<< /Type /Pages /Count %d /Kids [%s] >>", len(w.pages), bytes.TrimSpace(kids.Bytes())))
	w.writeFonts()
	w.deflated(objProfile, "/N 3", profile())
	w.object(objIntent, fmt.Sprintf("<< /Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier (sRGB) /Info (sRGB IEC61966-2.1) /DestOutputProfile %d 0 R >>", objProfile))
	w.stream(objMetadata, "/Type /Metadata /Subtype /XML", metadata(w.info, language))
	w.object(objInfo, fmt.Sprintf("<< /Title %s /Producer %s >>", textString(w.info.Title), textString(w.info.Producer)))
	spoken := ""
	if language != "" {
		spoken = " /Lang " + textString(language)
	}
	w.object(objCatalog, fmt.Sprintf("<< /Type /Catalog /Pages %d 0 R /Metadata %d 0 R /OutputIntents [%d 0 R] /ViewerPreferences << /DisplayDocTitle true >>%s >>",
		objPages, objMetadata, objIntent, spoken))
	w.trailer()
	return w.err
}

// trailer writes the table of objects and the identifier, a hash of all before.
func (w *Writer) trailer() {
	start := w.at
	w.printf("xref\n0 %d\n0000000000 65535 f\r\n", len(w.offsets)+1)
	for _, at := range w.offsets {
		w.printf("%010d 00000 n\r\n", at)
	}
	id := w.sum.Sum(nil)[:16]
	w.printf("trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R /ID [<%x> <%x>] >>\nstartxref\n%d\n%%%%EOF\n",
		len(w.offsets)+1, objCatalog, objInfo, id, id, start)
}

// sides brings a page's sides within what PDF/A allows, keeping its shape where
// that can be.
func sides(width, height float64) (float64, float64) {
	ok := func(v float64) bool { return v > 0 && !math.IsInf(v, 0) }
	if !ok(width) || !ok(height) {
		return 595, 842 // A4
	}
	shrink := min(1, maxSide/max(width, height))
	grow := max(1, minSide/(min(width, height)*shrink))
	clamp := func(v float64) float64 { return max(minSide, min(maxSide, v*shrink*grow)) }
	return clamp(width), clamp(height)
}

// number writes a number as PDF takes it: no exponent, at most three decimals.
func number(v float64) string {
	s := strconv.FormatFloat(v, 'f', 3, 64)
	for s[len(s)-1] == '0' {
		s = s[:len(s)-1]
	}
	if s[len(s)-1] == '.' {
		s = s[:len(s)-1]
	}
	if s == "-0" {
		return "0"
	}
	return s
}
