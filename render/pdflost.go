package render

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"

	"github.com/klippa-app/go-pdfium/requests"
)

// PDFium leaves out what it cannot decode or hold, and says nothing. A page is
// never passed on as whole without what it lost:
//
//   - nothing of it is left, or half of it and more is lost: the page is an error;
//   - otherwise each image that is missing is a note of the page.
//
// An image counts as missing when its place is of one colour and it cannot be
// decoded, or when it was over a limit.

// Bounds of the search for what is missing.
const (
	maxChecked   = 32  // images of a page that are decoded once more, the largest first
	missingShare = 0.5 // of the page: when this much is missing, so is the page
)

// missing returns notes about the images that a page lacks, or the error that
// takes the page's place.
func (p *pdfReader) missing(images []pdfImage, img *image.RGBA, fromPage Affine) ([]Note, error) {
	if len(images) == 0 {
		return nil, nil
	}
	images = slices.Clone(images)
	slices.SortStableFunc(images, func(a, b pdfImage) int { return cmp.Compare(math.Abs(b.area()), math.Abs(a.area())) })
	blank := empty(img.Pix)
	var notes []Note
	checked, pixels, area := 0, int64(0), 0.0
	var first error
	for _, i := range images {
		r := pixelBox(fromPage.around(i.box)).Intersect(img.Rect)
		if i.lost == nil {
			if !blank && (r.Empty() || !uniform(img, r)) {
				continue
			}
			// What was decoded once is decoded again: not without end.
			// The first one is decoded whatever its size.
			n := int64(i.w) * int64(i.h)
			if checked == maxChecked || checked > 0 && pixels+n > p.m.limits.PagePixels {
				continue
			}
			if checked++; checked > 1 {
				pixels += n
			}
			if i.lost = p.decodes(i); errors.Is(i.lost, errWholeFile) && !p.patched {
				return nil, i.lost
			}
		}
		if i.lost == nil {
			continue
		}
		if first == nil {
			first = i.lost
		}
		area += float64(r.Dx() * r.Dy())
		notes = append(notes, Note{Kind: "image", Text: fmt.Sprintf("an image at %d, %d to %d, %d is missing: %s", r.Min.X, r.Min.Y, r.Max.X, r.Max.Y, reason(i.lost))})
	}
	if first != nil && (blank || area >= missingShare*float64(img.Rect.Dx()*img.Rect.Dy())) {
		return nil, first
	}
	return trimNotes(notes), nil
}

// reason is the cause alone of an error of ours, without place and remedy.
func reason(err error) string {
	var e *Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	if e.Err != nil {
		return e.Err.Error()
	}
	return (&Error{Op: "image", Kind: e.Kind, Limit: e.Limit, Value: e.Value, Max: e.Max}).Error()
}

// uniform reports that every pixel of the rectangle is of one colour.
func uniform(img *image.RGBA, r image.Rectangle) bool {
	first := img.Pix[img.PixOffset(r.Min.X, r.Min.Y):][:4]
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := img.Pix[img.PixOffset(r.Min.X, y):][:4*r.Dx()]
		// A row of one colour is equal to itself moved by a pixel.
		if !bytes.Equal(row[:4], first) || !bytes.Equal(row[4:], row[:len(row)-4]) {
			return false
		}
	}
	return true
}

// around maps the corners of a box and returns the box around the results.
func (m Affine) around(b [4]float64) [4]float64 {
	p, q := m.box(b), m.box([4]float64{b[0], b[3], b[2], b[1]})
	return [4]float64{math.Min(p[0], q[0]), math.Min(p[1], q[1]), math.Max(p[2], q[2]), math.Max(p[3], q[3])}
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
		return bad("page", fmt.Errorf("pdf: a JBIG2 image of %d x %d pixels is %w, which PDF does not allow", i.w, i.h, errWholeFile), hintImage)
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
