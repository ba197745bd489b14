package render

import (
	"bytes"
	"fmt"
	"image"
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
	endObjects   = 200 // objects at either end of a list that are looked at
	nestedForms  = 3   // depth of forms within forms
	formObjects  = 400 // objects of a page's forms that are looked at
	maxChecked   = 8   // images of a page that are decoded once more to see whether they can be
	missingShare = 0.5 // of the page: when an image this large is missing, so is the page
	// maxLooked page objects are remembered by one instance of PDFium's binding,
	// which forgets none of them: then it gets another.
	maxLooked = 100_000
)

// pdfImage is an image object of a page.
type pdfImage struct {
	obj    references.FPDF_PAGEOBJECT
	w, h   int        // pixels, as declared
	box    [4]float64 // on the page, in points; of an image in a form, zero
	nested bool
}

// area in square points.
func (i pdfImage) area() float64 { return (i.box[2] - i.box[0]) * (i.box[3] - i.box[1]) }

// images lists a page's images and refuses the page when one of them is over
// the limit on pixels: PDFium would unpack it, or leave it out.
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
			s.object(o.PageObject, 0)
		}
	}
	for _, i := range s.found {
		if err := p.checkPixels(i, i.w, i.h); err != nil {
			return nil, err
		}
	}
	return s.found, nil
}

// bilevelShare is how many pixels of one bit count as one: PDFium unpacks them
// eight to the byte, and large drawings are scanned that way.
const bilevelShare = 8

// checkPixels refuses an image of w x h pixels.
func (p *pdfReader) checkPixels(i pdfImage, w, h int) error {
	n, most := int64(w)*int64(h), p.m.limits.PagePixels
	if n <= most {
		return nil
	}
	if f := p.filter(i); f == filterJBIG2 || f == filterFax {
		most *= bilevelShare
	}
	if n <= most {
		return nil
	}
	return over("page", "page_pixels", n, most, "an image of the page is too large: scale it down or cut it")
}

// The filters that pack pixels of one bit.
const (
	filterJBIG2 = "JBIG2Decode"
	filterFax   = "CCITTFaxDecode"
)

// filter names an image's last filter.
func (p *pdfReader) filter(i pdfImage) string {
	n, err := p.inst.FPDFImageObj_GetImageFilterCount(&requests.FPDFImageObj_GetImageFilterCount{ImageObject: i.obj})
	if err != nil || n.Count <= 0 {
		return "raw"
	}
	f, err := p.inst.FPDFImageObj_GetImageFilter(&requests.FPDFImageObj_GetImageFilter{ImageObject: i.obj, Index: n.Count - 1})
	if err != nil {
		return "raw"
	}
	return clip(f.ImageFilter, 40)
}

// imageSearch walks page objects into forms.
type imageSearch struct {
	p      *pdfReader
	found  []pdfImage
	budget int
}

// object takes down an image and walks into a form.
func (s *imageSearch) object(o references.FPDF_PAGEOBJECT, depth int) {
	s.p.looked++
	kind, err := s.p.inst.FPDFPageObj_GetType(&requests.FPDFPageObj_GetType{PageObject: o})
	switch {
	case err != nil:
	case kind.Type == enums.FPDF_PAGEOBJ_IMAGE:
		s.image(o, depth > 0)
	case kind.Type == enums.FPDF_PAGEOBJ_FORM && depth < nestedForms:
		n, err := s.p.inst.FPDFFormObj_CountObjects(&requests.FPDFFormObj_CountObjects{PageObject: o})
		for i := 0; err == nil && i < n.Count && s.budget > 0; i++ {
			s.budget--
			if c, err := s.p.inst.FPDFFormObj_GetObject(&requests.FPDFFormObj_GetObject{PageObject: o, Index: uint64(i)}); err == nil {
				s.object(c.PageObject, depth+1)
			}
		}
	}
}

// image takes down one image.
func (s *imageSearch) image(o references.FPDF_PAGEOBJECT, nested bool) {
	px, err := s.p.inst.FPDFImageObj_GetImagePixelSize(&requests.FPDFImageObj_GetImagePixelSize{ImageObject: o})
	if err != nil {
		return
	}
	i := pdfImage{obj: o, w: int(px.Width), h: int(px.Height), nested: nested}
	if b, err := s.p.inst.FPDFPageObj_GetBounds(&requests.FPDFPageObj_GetBounds{PageObject: o}); err == nil && !nested {
		i.box = [4]float64{float64(b.Left), float64(b.Bottom), float64(b.Right), float64(b.Top)}
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

// allShown looks for images that PDFium silently left out. Where an image
// should be and the raster is white, the image is decoded once more: one that
// cannot be costs the page if nothing else is on it or if most of it is gone.
func (p *pdfReader) allShown(images []pdfImage, img *image.RGBA, fromPage Affine) error {
	if len(images) == 0 {
		return nil
	}
	blank := empty(img.Pix)
	checked := 0
	for _, i := range images {
		r := pixelBox(fromPage.box(i.box)).Intersect(img.Rect)
		large := !i.nested && float64(r.Dx()*r.Dy()) >= missingShare*float64(img.Rect.Dx()*img.Rect.Dy())
		if !blank && !(large && emptyIn(img, r)) {
			continue
		}
		if checked++; checked > maxChecked {
			break
		}
		if err := p.decodes(i); err != nil {
			return err
		}
	}
	return nil
}

// decodes says what is wrong with an image that leaves the page white, if
// anything is: it may be white paper.
func (p *pdfReader) decodes(i pdfImage) error {
	filter := p.filter(i)
	if filter == filterJBIG2 {
		return p.decodesJBIG2(i)
	}
	bm, err := p.inst.FPDFImageObj_GetBitmap(&requests.FPDFImageObj_GetBitmap{ImageObject: i.obj})
	if err != nil {
		return bad("page", fmt.Errorf("pdf: an image of %d x %d pixels (%s) cannot be decoded", i.w, i.h, filter), hintImage)
	}
	p.inst.FPDFBitmap_Destroy(&requests.FPDFBitmap_Destroy{Bitmap: bm.Bitmap})
	return nil
}

const hintImage = "the image is damaged or of a kind that is not read: scan or export the page again"

// decodesJBIG2 judges a JBIG2 image by its segments, because PDFium takes the
// bitmap it failed to fill for a white one.
func (p *pdfReader) decodesJBIG2(i pdfImage) error {
	raw, err := p.inst.FPDFImageObj_GetImageDataRaw(&requests.FPDFImageObj_GetImageDataRaw{ImageObject: i.obj})
	if err != nil {
		return bad("page", fmt.Errorf("pdf: a JBIG2 image of %d x %d pixels has no data", i.w, i.h), hintImage)
	}
	if bytes.HasPrefix(raw.Data, []byte(jbig2Magic)) {
		return bad("page", fmt.Errorf("pdf: a JBIG2 image of %d x %d pixels is a whole file, which PDF does not allow", i.w, i.h), hintImage)
	}
	w, h, ok := jbig2Page(raw.Data)
	if !ok {
		return bad("page", fmt.Errorf("pdf: a JBIG2 image of %d x %d pixels has no page in it", i.w, i.h), hintImage)
	}
	const anyHeight = 1<<32 - 1 // the height is not known beforehand
	if h == anyHeight {
		h = i.h
	}
	return p.checkPixels(i, w, h)
}

// pixelBox rounds a box outwards; nonsense becomes empty.
func pixelBox(b [4]float64) image.Rectangle {
	const far = 1 << 30
	for _, v := range b {
		if math.IsNaN(v) || math.Abs(v) > far {
			return image.Rectangle{}
		}
	}
	return image.Rect(int(math.Floor(b[0])), int(math.Floor(b[1])), int(math.Ceil(b[2])), int(math.Ceil(b[3])))
}

// emptyIn reports that every pixel of the rectangle is white.
func emptyIn(img *image.RGBA, r image.Rectangle) bool {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		if !empty(img.Pix[img.PixOffset(r.Min.X, y):][:4*r.Dx()]) {
			return false
		}
	}
	return true
}
