package render

import (
	"math"

	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
)

// Resolutions of pages that are one scanned image.
const (
	minScanDPI = 150 // below this the default is used: enlarging costs little and helps
	maxScanDPI = 400 // above this only small pages keep their own resolution
	// fineScanPixels is how large the image of a finer scan may be to be kept.
	fineScanPixels = 12 << 20
	coarserDPI     = 300 // for larger ones
	// scanCover is the share of the page that the image covers.
	scanCover = 0.85
)

// Bounds of the look at a page's images.
const (
	endObjects  = 200 // objects at either end of a list that are looked at
	nestedForms = 3   // depth of forms within forms
	formObjects = 400 // objects of a page's forms that are looked at
	// maxLooked page objects are remembered by one instance of PDFium's binding,
	// which forgets none of them: then it gets another.
	maxLooked = 100_000
)

// pdfImage is an image object of a page.
type pdfImage struct {
	obj    references.FPDF_PAGEOBJECT
	w, h   int        // pixels, as declared
	box    [4]float64 // on the page, in points
	nested bool       // lies in a form
	lost   error      // why the page goes without it
}

// area in square points.
func (i pdfImage) area() float64 { return (i.box[2] - i.box[0]) * (i.box[3] - i.box[1]) }

// images lists a page's images. One that is over the limit on pixels, which
// PDFium would unpack or leave out, is taken off the page; where it lies in a
// form, from which nothing can be taken, the page is refused.
func (p *pdfReader) images(page requests.Page) ([]pdfImage, error) {
	res, err := p.inst.FPDFPage_CountObjects(&requests.FPDFPage_CountObjects{Page: page})
	if err != nil {
		return nil, nil // a page without a list of objects still draws what it can
	}
	s := imageSearch{p: p, budget: formObjects}
	for i := range res.Count {
		if i >= endObjects && i < res.Count-endObjects {
			continue
		}
		if o, err := p.inst.FPDFPage_GetObject(&requests.FPDFPage_GetObject{Page: page, Index: i}); err == nil {
			s.object(o.PageObject, Affine{1, 0, 0, 0, 1, 0}, 0)
		}
	}
	for n := range s.found {
		i := &s.found[n]
		if i.lost = p.checkPixels(*i, i.w, i.h); i.lost == nil {
			continue
		}
		if _, err := p.inst.FPDFPage_RemoveObject(&requests.FPDFPage_RemoveObject{Page: page, PageObject: i.obj}); err != nil || i.nested {
			return nil, i.lost
		}
	}
	return s.found, nil
}

// checkPixels refuses an image of w x h pixels.
func (p *pdfReader) checkPixels(i pdfImage, w, h int) error {
	n, most := int64(w)*int64(h), p.m.limits.PagePixels
	if n <= most {
		return nil
	}
	if most *= pixelShares[p.filter(i)]; n <= most {
		return nil
	}
	return over("page", "page_pixels", n, max(most, p.m.limits.PagePixels), "an image of the page is too large: scale it down or cut it")
}

// pixelShares are how many pixels count as one, by the image's last filter: of
// one bit PDFium packs eight to the byte, and from these others it scales down
// row by row. Large drawings and maps are scanned that way.
var pixelShares = map[string]int64{
	filterJBIG2: 8, filterFax: 8, "FlateDecode": 4, "DCTDecode": 4, "RunLengthDecode": 4, filterNone: 4,
}

// Filters that are asked about: two that pack pixels of one bit, and none.
const (
	filterJBIG2 = "JBIG2Decode"
	filterFax   = "CCITTFaxDecode"
	filterNone  = "raw"
)

// filter names an image's last filter.
func (p *pdfReader) filter(i pdfImage) string {
	n, err := p.inst.FPDFImageObj_GetImageFilterCount(&requests.FPDFImageObj_GetImageFilterCount{ImageObject: i.obj})
	if err != nil || n.Count <= 0 {
		return filterNone
	}
	f, err := p.inst.FPDFImageObj_GetImageFilter(&requests.FPDFImageObj_GetImageFilter{ImageObject: i.obj, Index: n.Count - 1})
	if err != nil {
		return filterNone
	}
	return clip(f.ImageFilter, 40)
}

// imageSearch walks page objects into forms.
type imageSearch struct {
	p      *pdfReader
	found  []pdfImage
	budget int
}

// object takes down an image and walks into a form; to leads from where the
// object is to the page.
func (s *imageSearch) object(o references.FPDF_PAGEOBJECT, to Affine, depth int) {
	s.p.looked++
	kind, err := s.p.inst.FPDFPageObj_GetType(&requests.FPDFPageObj_GetType{PageObject: o})
	switch {
	case err != nil:
	case kind.Type == enums.FPDF_PAGEOBJ_IMAGE:
		s.image(o, to, depth > 0)
	case kind.Type == enums.FPDF_PAGEOBJ_FORM && depth < nestedForms:
		m, err := s.p.inst.FPDFPageObj_GetMatrix(&requests.FPDFPageObj_GetMatrix{PageObject: o})
		if err != nil {
			return
		}
		f := m.Matrix
		to = Affine{float64(f.A), float64(f.C), float64(f.E), float64(f.B), float64(f.D), float64(f.F)}.Then(to)
		n, err := s.p.inst.FPDFFormObj_CountObjects(&requests.FPDFFormObj_CountObjects{PageObject: o})
		for i := 0; err == nil && i < n.Count && s.budget > 0; i++ {
			s.budget--
			if c, err := s.p.inst.FPDFFormObj_GetObject(&requests.FPDFFormObj_GetObject{PageObject: o, Index: uint64(i)}); err == nil {
				s.object(c.PageObject, to, depth+1)
			}
		}
	}
}

// image takes down one image.
func (s *imageSearch) image(o references.FPDF_PAGEOBJECT, to Affine, nested bool) {
	px, err := s.p.inst.FPDFImageObj_GetImagePixelSize(&requests.FPDFImageObj_GetImagePixelSize{ImageObject: o})
	if err != nil {
		return
	}
	i := pdfImage{obj: o, w: int(px.Width), h: int(px.Height), nested: nested}
	if b, err := s.p.inst.FPDFPageObj_GetBounds(&requests.FPDFPageObj_GetBounds{PageObject: o}); err == nil {
		i.box = to.around([4]float64{float64(b.Left), float64(b.Bottom), float64(b.Right), float64(b.Top)})
	}
	s.found = append(s.found, i)
}

// scanned looks for an image that covers the page of w x h points and returns
// the resolution to render it at, 0 where there is none finer than minScanDPI,
// and its size in pixels if it is the whole page at the page's proportions.
func scanned(images []pdfImage, w, h float64) (iw, ih int, dpi float64) {
	for _, i := range images {
		area := math.Abs(i.area())
		pxW, pxH := i.w, i.h
		if !(area >= scanCover*w*h) || pxW <= 0 || pxH <= 0 {
			continue
		}
		d := 72 * math.Sqrt(float64(pxW)*float64(pxH)/area)
		if d > maxScanDPI && pxW*pxH > fineScanPixels {
			d, pxW, pxH = coarserDPI, 0, 0
		}
		if d < minScanDPI || d <= dpi {
			continue
		}
		iw, ih, dpi = 0, 0, d
		if (pxW > pxH) != (w > h) {
			pxW, pxH = pxH, pxW
		}
		if pxH > 0 && area > 0.98*w*h && area < 1.02*w*h && math.Abs(float64(pxW)/float64(pxH)/(w/h)-1) < 0.01 {
			iw, ih = pxW, pxH
		}
	}
	return iw, ih, dpi
}
