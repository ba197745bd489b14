package render

import (
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"strings"
	"time"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/enums"
	pdferrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/structs"
)

// pdfReader renders the pages of one PDF.
type pdfReader struct {
	m        *machine
	b        blob
	password *string
	inst     pdfium.Pdfium
	doc      references.FPDF_DOCUMENT
	form     references.FPDF_FORMHANDLE // empty when forms cannot be drawn
	pages    int
	looked   int  // page objects this instance was asked about
	patched  bool // the file headers of JBIG2 streams were looked for
	cut      bool // forms that draw too much were taken off
}

// openPDF opens a PDF with the password given, and where PDFium refuses that,
// decrypts it with the other library first.
func openPDF(m *machine, b blob) (reader, []Note, error) {
	p := &pdfReader{m: m, b: b}
	if m.password != "" {
		p.password = &m.password
	}
	var notes []Note
	err := p.start()
	if errors.Is(err, pdferrors.ErrPassword) || errors.Is(err, pdferrors.ErrSecurity) {
		data, derr := decryptPDF(b, m.password, m.limits)
		var own *Error
		switch {
		case derr == nil:
			p.b, p.password = data, nil
			notes = append(notes, Note{Kind: "encrypted", Text: "decrypted before rendering"})
			err = p.start()
		case errors.As(derr, &own) && errors.Is(err, pdferrors.ErrSecurity):
			err = own // the password may be right: the size is the reason
		}
	}
	if err == nil {
		err = p.countPages()
	}
	if damaged(err) && p.rebuild() {
		notes = append(notes, Note{Kind: "rebuilt", Text: "the table of objects or the tree of pages is damaged; the pages found are in the order of the file"})
		err = nil
	}
	if err != nil {
		p.close()
		return nil, nil, p.short("open", pdfError("open", err, m.password != ""))
	}
	return p, append(notes, p.notes()...), nil
}

// A document without pages is not searched for some: what an editor deleted may
// still lie in the file.
var (
	errNoPages  = errors.New("pdf: the document has no pages")
	errLostPage = errors.New("pdf: the page cannot be found")
)

// countPages counts the pages and, where there is but one, sees whether it can
// be found: a tree too deep or turned on itself has a count all the same.
func (p *pdfReader) countPages() error {
	res, err := p.inst.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: p.doc})
	if err != nil {
		return err
	}
	p.pages = res.PageCount
	switch {
	case p.pages <= 0:
		return errNoPages
	case p.pages == 1:
		// This finds the page without reading what is on it.
		_, err := p.inst.FPDF_GetPageSizeByIndex(&requests.FPDF_GetPageSizeByIndex{Document: p.doc, Index: 0})
		if err != nil && !strings.Contains(err.Error(), "wasm error") {
			return errLostPage
		}
	}
	return nil
}

// damaged tells a document that may be rebuilt from one that is locked, and
// from a failure of ours.
func damaged(err error) bool {
	return errors.Is(err, pdferrors.ErrFormat) || errors.Is(err, pdferrors.ErrFile) || errors.Is(err, errLostPage)
}

// rebuild opens the document anew with a table and a tree of our own, if that
// shows more pages; otherwise everything stays as it was.
func (p *pdfReader) rebuild() bool {
	data, ok := rebuilt(p.b, p.m.limits.Pages)
	if !ok {
		return false
	}
	q := &pdfReader{m: p.m, b: data}
	if q.start() != nil || q.countPages() != nil {
		q.close()
		return false
	}
	p.close()
	*p = *q
	return true
}

// start makes an instance and opens the document in it.
func (p *pdfReader) start() error {
	p.close()
	e, err := p.m.engine()
	if err != nil {
		return err
	}
	if p.inst, err = e.pool.GetInstance(time.Minute); err != nil {
		return internal("open", fmt.Errorf("pdfium: %w", err), "see that the program has memory")
	}
	doc, err := p.inst.OpenDocument(&requests.OpenDocument{
		FileReader: io.NewSectionReader(p.b, 0, p.b.size), FileReaderSize: p.b.size, Password: p.password,
	})
	if err != nil {
		return err
	}
	p.doc, p.form, p.looked = doc.Document, "", 0
	if f, err := p.inst.FPDFDOC_InitFormFillEnvironment(&requests.FPDFDOC_InitFormFillEnvironment{
		Document: p.doc, FormFillInfo: inertForm(),
	}); err == nil {
		p.form = f.FormHandle
	}
	return nil
}

// inertForm answers PDFium's form callbacks by doing nothing: no timer, no
// page, no action, no network.
func inertForm() structs.FPDF_FORMFILLINFO {
	return structs.FPDF_FORMFILLINFO{
		FFI_Invalidate:         func(references.FPDF_PAGE, float64, float64, float64, float64) {},
		FFI_SetCursor:          func(enums.FXCT) {},
		FFI_SetTimer:           func(int, func(int)) int { return 0 },
		FFI_KillTimer:          func(int) {},
		FFI_GetLocalTime:       func() structs.FPDF_SYSTEMTIME { return structs.FPDF_SYSTEMTIME{} },
		FFI_GetPage:            func(references.FPDF_DOCUMENT, int) *references.FPDF_PAGE { return nil },
		FFI_GetRotation:        func(references.FPDF_PAGE) enums.FPDF_PAGE_ROTATION { return 0 },
		FFI_ExecuteNamedAction: func(string) {},
	}
}

func (p *pdfReader) count() int { return p.pages }

func (p *pdfReader) close() {
	if p.inst != nil {
		p.inst.Close()
		p.inst = nil
	}
}

func (p *pdfReader) render(n int) (*raw, error) {
	if forms := p.m.leave.Forms; len(forms) > 0 && !p.cut {
		p.cut = true
		if b, ok := withoutForms(p.b, forms); ok {
			p.close()
			p.b = b
		}
	}
	if p.inst != nil && p.looked > maxLooked {
		p.close()
	}
	if p.inst == nil {
		if err := p.start(); err != nil {
			return nil, p.short("page", pdfError("page", err, false))
		}
	}
	out, err := p.renderPage(n)
	if errors.Is(err, errWholeFile) && !p.patched {
		p.patched = true
		if b, ok := withoutFileHeaders(p.b); ok {
			p.b = b
			if err := p.start(); err != nil {
				return nil, p.short("page", pdfError("page", err, false))
			}
		}
		out, err = p.renderPage(n)
	}
	var own *Error
	if err != nil && !errors.As(err, &own) {
		// A trap leaves the instance unusable; the next page gets another.
		p.close()
		err = pdfError("page", err, false)
	}
	if err = p.short("page", err); err != nil {
		return nil, err
	}
	return out, nil
}

// short says that memory was short where PDFium was refused some since it was
// last asked: what it then says, and the page it then draws, lack what did not
// fit.
func (p *pdfReader) short(op string, err error) error {
	e := p.m.pdfium
	if e == nil {
		return err
	}
	if asked := e.memory.take(); asked > 0 {
		p.close()
		return over(op, limitMemory, asked, int64(e.memory.limit), hintMemory)
	}
	return err
}

// renderPage loads, draws and reads one page.
func (p *pdfReader) renderPage(n int) (*raw, error) {
	loaded, err := p.inst.FPDF_LoadPage(&requests.FPDF_LoadPage{Document: p.doc, Index: n})
	if err != nil {
		if errors.Is(err, pdferrors.ErrPage) || errors.Is(err, pdferrors.ErrSuccess) || errors.Is(err, pdferrors.ErrUnknown) {
			return nil, bad("page", fmt.Errorf("pdf: the page cannot be read: %w", err), "the file is damaged: export or send it again")
		}
		return nil, err
	}
	page := requests.Page{ByReference: &loaded.Page}
	defer func() {
		if p.inst != nil {
			p.inst.FPDF_ClosePage(&requests.FPDF_ClosePage{Page: loaded.Page})
		}
	}()
	w, h, err := p.pageSize(page)
	if err != nil && p.uncrop(page) {
		return p.renderPage(n) // once: a page without a crop box measures something
	}
	if err != nil {
		return nil, err
	}
	images, err := p.images(page)
	if err != nil {
		return nil, err
	}
	pw, ph, dpi := p.rasterSize(images, w, h)
	img, err := p.draw(page, pw, ph)
	if err != nil {
		return nil, err
	}
	if p.cut && p.m.leave.Lost && empty(img.Pix) {
		return nil, over("page", "form_draws", MaxFormDraws+1, MaxFormDraws, "forms of the page draw each other without end: print it to a new PDF")
	}
	out := &raw{img: img, dpi: dpi, unit: "pt"}
	fromPage, err := p.transform(page, pw, ph)
	if err != nil {
		return nil, err
	}
	out.to = fromPage.invert()
	if out.notes, err = p.missing(images, img, fromPage); err != nil {
		return nil, err
	}
	if r, err := p.inst.FPDFPage_GetRotation(&requests.FPDFPage_GetRotation{Page: page}); err == nil {
		out.rotation = int(r.PageRotation) * 90
	}
	if err := p.readText(page, out, fromPage); err != nil {
		return nil, err
	}
	return out, nil
}

// pageSize returns a page's size in points, rotation applied.
func (p *pdfReader) pageSize(page requests.Page) (w, h float64, err error) {
	rw, err := p.inst.FPDF_GetPageWidthF(&requests.FPDF_GetPageWidthF{Page: page})
	if err != nil {
		return 0, 0, err
	}
	rh, err := p.inst.FPDF_GetPageHeightF(&requests.FPDF_GetPageHeightF{Page: page})
	if err != nil {
		return 0, 0, err
	}
	w, h = float64(rw.PageWidth), float64(rh.PageHeight)
	if !(w > 0 && h > 0) {
		return 0, 0, bad("page", fmt.Errorf("pdf: the page measures %g by %g points", w, h), "the file is damaged: export or send it again")
	}
	if w > MaxPagePoints || h > MaxPagePoints {
		return 0, 0, over("page", "page_points", int64(math.Max(w, h)), MaxPagePoints, "print the page to a smaller size")
	}
	return w, h, nil
}

// uncrop takes off a crop box that leaves nothing of the page.
func (p *pdfReader) uncrop(page requests.Page) bool {
	crop, err := p.inst.FPDFPage_GetCropBox(&requests.FPDFPage_GetCropBox{Page: page})
	if err != nil {
		return false
	}
	m, err := p.inst.FPDFPage_GetMediaBox(&requests.FPDFPage_GetMediaBox{Page: page})
	if err != nil || !(m.Right > m.Left && m.Top > m.Bottom) ||
		crop.Left == m.Left && crop.Right == m.Right && crop.Bottom == m.Bottom && crop.Top == m.Top {
		return false
	}
	_, err = p.inst.FPDFPage_SetCropBox(&requests.FPDFPage_SetCropBox{Page: page, Left: m.Left, Bottom: m.Bottom, Right: m.Right, Top: m.Top})
	return err == nil
}

// rasterSize chooses the raster of a page of w x h points.
func (p *pdfReader) rasterSize(images []pdfImage, w, h float64) (pw, ph int, dpi float64) {
	dpi = p.m.dpi
	if iw, ih, native := scanned(images, w, h); native > 0 {
		dpi = native
		if iw > 0 && int64(iw)*int64(ih) <= p.m.limits.RasterPixels {
			return iw, ih, dpi
		}
	}
	if n := w * h * dpi * dpi / (72 * 72); n > float64(p.m.limits.RasterPixels) {
		dpi *= math.Sqrt(float64(p.m.limits.RasterPixels) / n)
	}
	if side := math.Max(w, h) * dpi / 72; side > MaxPageSide {
		dpi *= MaxPageSide / side
	}
	return max(int(math.Round(w*dpi/72)), 1), max(int(math.Round(h*dpi/72)), 1), dpi
}

// draw renders a page with annotations and form fields onto white.
func (p *pdfReader) draw(page requests.Page, w, h int) (*image.RGBA, error) {
	bm, err := p.inst.FPDFBitmap_CreateEx(&requests.FPDFBitmap_CreateEx{
		Width: w, Height: h, Format: enums.FPDF_BITMAP_FORMAT_BGRX, Pointer: uint64(0),
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if p.inst != nil {
			p.inst.FPDFBitmap_Destroy(&requests.FPDFBitmap_Destroy{Bitmap: bm.Bitmap})
		}
	}()
	if _, err := p.inst.FPDFBitmap_FillRect(&requests.FPDFBitmap_FillRect{Bitmap: bm.Bitmap, Width: w, Height: h, Color: 0xffffffff}); err != nil {
		return nil, err
	}
	flags := enums.FPDF_RENDER_FLAG_ANNOT | enums.FPDF_RENDER_FLAG_REVERSE_BYTE_ORDER
	if _, err := p.inst.FPDF_RenderPageBitmap(&requests.FPDF_RenderPageBitmap{
		Bitmap: bm.Bitmap, Page: page, SizeX: w, SizeY: h, Flags: flags,
	}); err != nil {
		return nil, err
	}
	if p.form != "" {
		if _, err := p.inst.FPDF_FFLDraw(&requests.FPDF_FFLDraw{
			FormHandle: p.form, Bitmap: bm.Bitmap, Page: page, SizeX: w, SizeY: h, Flags: flags,
		}); err != nil {
			return nil, err
		}
	}
	buf, err := p.inst.FPDFBitmap_GetBuffer(&requests.FPDFBitmap_GetBuffer{Bitmap: bm.Bitmap})
	if err != nil {
		return nil, err
	}
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	if len(buf.Buffer) < len(img.Pix) {
		return nil, over("page", "page_pixels", int64(w)*int64(h), int64(len(buf.Buffer)/4), "lower the resolution")
	}
	copy(img.Pix, buf.Buffer)
	for i := 3; i < len(img.Pix); i += 4 {
		img.Pix[i] = 255
	}
	return img, nil
}

// transform returns the map from default user space to raster pixels: page
// boxes and rotation are in it. PDFium answers in whole device units, so it is
// asked about a device that is much finer.
func (p *pdfReader) transform(page requests.Page, w, h int) (Affine, error) {
	const fine = 1 << 24
	k := math.Floor(fine / float64(max(w, h)))
	k = math.Max(k, 1)
	at := func(x, y float64) (float64, float64, error) {
		r, err := p.inst.FPDF_PageToDevice(&requests.FPDF_PageToDevice{
			Page: page, SizeX: w * int(k), SizeY: h * int(k), PageX: x, PageY: y,
		})
		if err != nil {
			return 0, 0, err
		}
		return float64(int32(r.DeviceX)) / k, float64(int32(r.DeviceY)) / k, nil
	}
	const unit = 1000
	x0, y0, err := at(0, 0)
	if err != nil {
		return Affine{}, err
	}
	x1, y1, err := at(unit, 0)
	if err != nil {
		return Affine{}, err
	}
	x2, y2, err := at(0, unit)
	if err != nil {
		return Affine{}, err
	}
	return Affine{(x1 - x0) / unit, (x2 - x0) / unit, x0, (y1 - y0) / unit, (y2 - y0) / unit, y0}, nil
}

// invert returns the inverse; of a singular transform, the identity.
func (m Affine) invert() Affine {
	det := m[0]*m[4] - m[1]*m[3]
	if det == 0 || math.IsNaN(det) {
		return Affine{1, 0, 0, 0, 1, 0}
	}
	a, b, d, e := m[4]/det, -m[1]/det, -m[3]/det, m[0]/det
	return Affine{a, b, -(a*m[2] + b*m[5]), d, e, -(d*m[2] + e*m[5])}
}

// pdfError types what PDFium said.
func pdfError(op string, err error, withPassword bool) error {
	var own *Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, pdferrors.ErrPassword) && withPassword:
		return bad(op, errors.New("pdf: the document is encrypted and the password is wrong"), "give the right password")
	case errors.Is(err, pdferrors.ErrPassword):
		return bad(op, errors.New("pdf: the document is encrypted"), "give its password")
	case errors.Is(err, pdferrors.ErrSecurity):
		return unsupported(op, errors.New("pdf: the document is encrypted in an unknown way"), "save it without encryption")
	case errors.Is(err, errNoPages), errors.Is(err, errLostPage):
		return bad(op, err, "the file is damaged: export or send it again")
	case errors.Is(err, pdferrors.ErrFormat), errors.Is(err, pdferrors.ErrFile):
		return bad(op, errors.New("pdf: the document cannot be read"), "the file is damaged: export or send it again")
	}
	what, _, _ := strings.Cut(err.Error(), "\n") // a WebAssembly stack follows
	return bad(op, fmt.Errorf("pdfium gave up: %s", what), "the page is damaged: print it to a new PDF")
}
