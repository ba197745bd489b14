package render

import (
	"errors"
	"fmt"
	"image"
	"io"
	"math"

	"palimpsest.dev/render/internal/layout"
)

var errEmptyImage = errors.New("width or height is zero")

// blob is a file or an archive's member.
type blob struct {
	io.ReaderAt
	size int64
}

// bytes reads the whole blob.
func (b blob) bytes() ([]byte, error) {
	p := make([]byte, b.size)
	n, err := b.ReadAt(p, 0)
	if n == len(p) {
		return p, nil
	}
	return nil, internal("read", fmt.Errorf("read %d of %d bytes: %w", n, len(p), err), "the file changed or the disk failed")
}

// reader makes raw pages of one file; it runs in the child.
type reader interface {
	count() int
	render(n int) (*raw, error) // 0-based
	close()
}

// raw is a page before its pixels were looked at.
type raw struct {
	img      *image.RGBA
	dpi      float64
	rotation int    // degrees clockwise applied so far
	to       Affine // raster pixels to source
	unit     string
	text     []TextWord
	notes    []Note
	upright  bool // the source itself says which way is up
	member   string
	dicom    *DICOM // of a DICOM frame
	flat     bool   // a DICOM frame of one colour
}

// machine is the child's state: settings, and what is costly to start.
type machine struct {
	limits   Limits
	password string
	dpi      float64
	rotate   bool
	cacheDir string
	fonts    []string
	patient  bool // hand up who is on a DICOM image
	leave    leave
	pdfium   *pdfEngine
	mayStart bool // false in a sealed process, which can read no code
}

// open reads the head and structure of a file, or of a member of archives.
func (m *machine) open(b blob, in *archive) (reader, info, error) {
	if b.size > m.limits.FileBytes && in.depth == 0 {
		return nil, info{}, over("open", "file_bytes", b.size, m.limits.FileBytes, "split the file")
	}
	head := make([]byte, min(b.size, sniffBytes))
	if n, err := b.ReadAt(head, 0); n < len(head) {
		return nil, info{}, internal("read", err, "the file changed or the disk failed")
	}
	format, err := sniff(head)
	if err != nil {
		return nil, info{}, err
	}
	var r reader
	var notes []Note
	switch format {
	case formatPDF:
		r, notes, err = openPDF(m, withPDFHeader(b))
	case formatTIFF:
		r, notes, err = openTIFF(m, b)
	case formatZip:
		r, notes, err = openZip(m, b, in)
	case formatDICOM:
		r, notes, err = openDICOM(m, b)
	case formatJP2, formatJBIG2:
		r, err = openWrapped(m, b, format)
	default:
		r, notes, err = openStill(m, b, format)
	}
	if err != nil {
		return nil, info{}, err
	}
	n := r.count()
	if n > m.limits.Pages {
		r.close()
		return nil, info{}, over("open", "pages", int64(n), int64(m.limits.Pages), "split the document")
	}
	return r, info{Format: format, MediaType: mediaTypes[format], Pages: n, Notes: trimNotes(notes)}, nil
}

// page makes page n, 1-based, of an open reader: upright, within the raster
// limit, with its lines.
func (m *machine) page(r reader, n int) (*Page, error) {
	p, err := r.render(n - 1)
	if err != nil {
		return nil, err
	}
	if err := shrink(p, m.limits.RasterPixels); err != nil {
		return nil, err
	}
	g := layout.NewGray(p.img.Pix, p.img.Stride, p.img.Rect.Dx(), p.img.Rect.Dy())
	scan := layout.Scan(g)
	if m.rotate && !p.upright {
		if quarter := scan.Quarter(); quarter != 0 {
			p.turn(quarter)
			g = layout.NewGray(p.img.Pix, p.img.Stride, p.img.Rect.Dx(), p.img.Rect.Dy())
			scan = layout.Scan(g)
		}
	}
	page := &Page{
		Number: n, Member: p.member, Image: p.img, DPI: p.dpi, Rotation: p.rotation, Skew: scan.Skew(),
		ToSource: p.to, SourceUnit: p.unit, Text: p.text, Notes: p.notes, Ink: scan.Ink(), Blank: scan.Blank(), DICOM: p.dicom,
	}
	if p.dicom != nil {
		page.Blank = p.flat
	}
	if !page.Blank {
		for _, l := range scan.Lines() {
			page.Lines = append(page.Lines, TextLine{Box: l.Box, XHeight: l.XHeight})
		}
		page.XHeight = layout.MedianXHeight(scan.Lines())
	}
	return page, nil
}

// shrink scales a raster down to at most limit pixels.
func shrink(p *raw, limit int64) error {
	w, h := p.img.Rect.Dx(), p.img.Rect.Dy()
	if n := int64(w) * int64(h); n > limit {
		f := math.Sqrt(float64(limit) / float64(n))
		p.resize(max(int(float64(w)*f), 1), max(int(float64(h)*f), 1))
	}
	return nil
}

// resize scales the raster, its words and its transform.
func (p *raw) resize(w, h int) {
	ow, oh := float64(p.img.Rect.Dx()), float64(p.img.Rect.Dy())
	sx, sy := ow/float64(w), oh/float64(h)
	p.img = Resize(p.img, [4]float64{0, 0, ow, oh}, w, h)
	p.to = Affine{sx, 0, 0, 0, sy, 0}.Then(p.to)
	p.dpi /= math.Sqrt(sx * sy)
	for i := range p.text {
		b := &p.text[i].Box
		b[0], b[2] = b[0]/sx, b[2]/sx
		b[1], b[3] = b[1]/sy, b[3]/sy
	}
}

// turn rotates the raster, its words and its transform by quarters of a full
// turn clockwise.
func (p *raw) turn(quarters int) {
	quarters &= 3
	w, h := float64(p.img.Rect.Dx()), float64(p.img.Rect.Dy())
	var back, forth Affine // new to old, old to new
	switch quarters {
	case 0:
		return
	case 1:
		back, forth = Affine{0, 1, 0, -1, 0, h}, Affine{0, -1, h, 1, 0, 0}
	case 2:
		back, forth = Affine{-1, 0, w, 0, -1, h}, Affine{-1, 0, w, 0, -1, h}
	case 3:
		back, forth = Affine{0, -1, w, 1, 0, 0}, Affine{0, 1, 0, -1, 0, w}
	}
	p.img = rotated(p.img, quarters)
	p.to = back.Then(p.to)
	p.rotation = (p.rotation + 90*quarters) % 360
	for i := range p.text {
		p.text[i].Box = forth.box(p.text[i].Box)
	}
}

// mirror flips the raster left to right.
func (p *raw) mirror() {
	b := p.img.Rect
	for y := b.Min.Y; y < b.Max.Y; y++ {
		row := p.img.Pix[p.img.PixOffset(b.Min.X, y) : p.img.PixOffset(b.Max.X-1, y)+4]
		for i, j := 0, len(row)-4; i < j; i, j = i+4, j-4 {
			for k := range 4 {
				row[i+k], row[j+k] = row[j+k], row[i+k]
			}
		}
	}
	p.to = Affine{-1, 0, float64(b.Dx()), 0, 1, 0}.Then(p.to)
}

// orient applies an EXIF or TIFF orientation, 1 to 8; others do nothing.
func (p *raw) orient(o int) {
	switch o {
	case 2, 4, 5, 7:
		p.mirror()
	}
	switch o {
	case 3, 4:
		p.turn(2)
	case 6, 7:
		p.turn(1)
	case 5, 8:
		p.turn(3)
	}
}

// box maps a box and returns the box around the result.
func (m Affine) box(b [4]float64) [4]float64 {
	x0, y0 := m.Apply(b[0], b[1])
	x1, y1 := m.Apply(b[2], b[3])
	return [4]float64{math.Min(x0, x1), math.Min(y0, y1), math.Max(x0, x1), math.Max(y0, y1)}
}

// maxKindBytes bounds the kind of a note, which a child may have made up.
const maxKindBytes = 40

// trimNotes bounds the number and length of notes.
func trimNotes(notes []Note) []Note {
	if n := len(notes); n > MaxNotes {
		notes = append(notes[:MaxNotes-1:MaxNotes-1], Note{Kind: "notes", Text: fmt.Sprintf("%d more notes left out", n-MaxNotes+1)})
	}
	for i := range notes {
		notes[i].Kind, notes[i].Text = clip(notes[i].Kind, maxKindBytes), clip(notes[i].Text, MaxNoteBytes)
	}
	return notes
}
