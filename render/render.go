// Package render turns untrusted bytes into page images inside fixed limits.
//
// A file is opened with Open and read page by page: PDF (PDFium in
// WebAssembly), JPEG, PNG, WebP, GIF, BMP, JPEG 2000, JBIG2, TIFF with all its
// pages, DICOM with all its frames, and zip archives of these. Every page comes out upright as an *image.RGBA, with the
// transform back to the source, the PDF's own words, and boxes around whatever
// in the pixels looks like a line of text.
//
// Nothing untrusted is parsed in the calling process. Open starts the same
// executable again as a child (see Child) that has no environment, bounded
// memory and processor time, no network and no writable files, and that is
// killed when it passes a deadline. A page that kills the child costs that page
// a typed *Error; the next page gets a new child. The child sends numbers and
// pixels, and the parent checks both.
//
// Coordinates are pixels of the upright page raster, origin top left, boxes
// half-open [x0, y0, x1, y1].
package render

import (
	"context"
	"image"
)

// version changes whenever the pixels, boxes or words of some page would.
const version = "render-3 pdfium-1.20.0"

// Version names the renderer; it is part of a run's fingerprint. What the
// machine adds to it is told by Fonts.
func Version() string { return version }

// Options say how a file is to be opened. The zero value is usable.
type Options struct {
	Name       string   // the file's name in messages; empty means the path's last element
	Password   string   // user or owner password of an encrypted PDF
	Limits     Limits   // zero fields take the defaults of limits.go
	CacheDir   string   // compiled WebAssembly is kept here; empty costs seconds per PDF
	FontRoots  []string // folders whose usr/share/fonts serve as fall-back fonts, the first that exists; empty means "/" (read-only, fonts only)
	InProcess  bool     // parse in this process: for tests and fuzzing only
	Unsealed   bool     // go on where the system cannot seal off and bound the process that parses; otherwise that is an error
	DPI        float64  // resolution of PDF pages, default DefaultDPI
	Patient    bool     // hand up who is on a DICOM image (DICOM.Patient): only where somebody asked for it
	NoRotation bool     // keep the page as its metadata says; do not look for sideways scans
}

// Affine maps a point: x' = a*x + b*y + c, y' = d*x + e*y + f.
type Affine [6]float64

// Apply maps one point.
func (m Affine) Apply(x, y float64) (float64, float64) {
	return m[0]*x + m[1]*y + m[2], m[3]*x + m[4]*y + m[5]
}

// Then returns the transform that applies m first and n second.
func (m Affine) Then(n Affine) Affine {
	return Affine{
		n[0]*m[0] + n[1]*m[3], n[0]*m[1] + n[1]*m[4], n[0]*m[2] + n[1]*m[5] + n[2],
		n[3]*m[0] + n[4]*m[3], n[3]*m[1] + n[4]*m[4], n[3]*m[2] + n[4]*m[5] + n[5],
	}
}

// Note is something a reader of the document should know: an attachment, a
// script, a launch action (listed, never acted on), encryption, a page count
// that two readers see differently, a member of an archive left out.
type Note struct {
	// Kind is one of attachment javascript launch link remote submit media
	// external trigger xfa (what a PDF would do), unlisted (that could not be
	// told), encrypted, rebuilt, page_count, overlay (graphics of a DICOM
	// file that are not drawn), member, notes.
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// Page is one upright page.
type Page struct {
	Number     int         // 1-based
	Member     string      // file name inside a zip, otherwise empty
	Image      *image.RGBA // upright, opaque, full resolution
	DPI        float64     // 0 when unknown
	Rotation   int         // degrees clockwise applied to make it upright: metadata and detection together
	Skew       float64     // estimated small angle of the text lines, degrees clockwise; the raster is not deskewed
	ToSource   Affine      // raster pixels to source units
	SourceUnit string      // "pt": PDF points, y up, the page's default user space; "px": pixels of the stored image; "mm": a DICOM frame with known spacing, y down
	Text       []TextWord  // the PDF's text layer, boxes in raster pixels
	Notes      []Note      // what its reader should know: of kind image, what of the page is missing
	Lines      []TextLine  // text-like lines found in the pixels
	XHeight    float64     // median x-height of Lines weighted by width; 0 when there are none
	Ink        float64     // share of dark pixels after background normalisation
	Blank      bool        // nothing to read
	DICOM      *DICOM      // what a DICOM file says of the image, nil for other formats
}

// TextWord is a word of a PDF's text layer; it never counts as reading.
type TextWord struct {
	Text string     `json:"t"`
	Box  [4]float64 `json:"b"`
}

// TextLine is something in the pixels that looks like a line of text.
type TextLine struct {
	Box     [4]float64 `json:"b"`
	XHeight float64    `json:"x"` // height of a lower-case x, estimated from the line's glyphs
}

// Document is an open file. Its methods may be called from many goroutines;
// pages are made one at a time.
type Document struct {
	name   string
	limits Limits
	info   info
	src    pageSource
}

// info is what opening a file tells.
type info struct {
	Format    string `json:"format"`
	MediaType string `json:"media_type"`
	Pages     int    `json:"pages"`
	Notes     []Note `json:"notes,omitempty"`
}

// pageSource makes pages: a child process, or the readers themselves.
type pageSource interface {
	page(ctx context.Context, n int) (*Page, error)
	close() error
}

// Format names what the bytes are: pdf jpeg png webp gif bmp tiff jp2 jbig2 dicom zip.
func (d *Document) Format() string { return d.info.Format }

// MediaType is the format's registered media type.
func (d *Document) MediaType() string { return d.info.MediaType }

// NumPages counts the pages, at least one.
func (d *Document) NumPages() int { return d.info.Pages }

// Notes lists what was found and left inert. The slice is the caller's.
func (d *Document) Notes() []Note { return append([]Note(nil), d.info.Notes...) }

// Page makes page n, 1-based. Pages may be asked for in any order and again;
// an error (always an *Error, or the context's) leaves the others usable.
func (d *Document) Page(ctx context.Context, n int) (*Page, error) {
	if n < 1 || n > d.info.Pages {
		return nil, &Error{Kind: BadInput, Op: "page", File: d.name, Page: n, Limit: "pages", Value: int64(n),
			Max: int64(d.info.Pages), Hint: "ask for a page the document has"}
	}
	p, err := d.src.page(ctx, n)
	if err != nil {
		return nil, named(err, d.name, n)
	}
	return p, nil
}

// Close ends the child, if any.
func (d *Document) Close() error { return d.src.close() }
