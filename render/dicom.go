package render

import (
	"errors"
	"fmt"
	"image"
	"math"

	"palimpsest.dev/render/internal/dicom"
)

// dicomReader reads the frames of a DICOM file; each is a page.
type dicomReader struct {
	m    *machine
	f    *dicom.File
	meta *DICOM
}

const (
	hintDICOM      = "export it as Explicit VR Little Endian without compression, or as PNG"
	hintDICOMOther = "send the files that hold images"
)

// openDICOM reads what a file says of its image; pixels are decoded page by page.
func openDICOM(m *machine, b blob) (reader, []Note, error) {
	data, err := b.bytes()
	if err != nil {
		return nil, nil, err
	}
	f, err := dicom.Parse(data, dicom.Limits{
		Elements: MaxDICOMElements, Depth: MaxDICOMDepth, Fragments: MaxDICOMFragments,
		ValueBytes: MaxValueBytes, Inflated: m.limits.StreamBytes,
	})
	if err != nil {
		return nil, nil, dicomError("open", err)
	}
	if err := m.limits.checkSize("open", f.Image.Columns, f.Image.Rows); err != nil {
		return nil, nil, err
	}
	var notes []Note
	for _, n := range f.Notes {
		notes = append(notes, Note{Kind: "page_count", Text: n})
	}
	if n := f.Overlays(); n > 0 {
		notes = append(notes, Note{Kind: "overlay", Text: fmt.Sprintf("%d planes of overlay graphics are not drawn", n)})
	}
	return &dicomReader{m: m, f: f, meta: describeDICOM(f, m.patient)}, notes, nil
}

func (d *dicomReader) count() int { return d.f.Image.Frames }
func (d *dicomReader) close()     {}

func (d *dicomReader) render(n int) (*raw, error) {
	img, err := d.f.Picture(n)
	if err != nil {
		return nil, dicomError("decode", err)
	}
	p := &raw{img: img, to: Affine{1, 0, 0, 0, 1, 0}, unit: "px", upright: true, dicom: d.meta, flat: constant(img)}
	i := d.f.Image
	if i.Spacing[0] > 0 {
		// In mm from the frame's corner, to the right and down.
		p.to, p.unit = Affine{i.Spacing[1], 0, 0, 0, i.Spacing[0], 0}, "mm"
		p.dpi = sane(mmPerInch / math.Min(i.Spacing[0], i.Spacing[1]))
	}
	if p.square(i.Aspect, 1); i.Spacing[0] == 0 {
		p.dpi = 0 // a ratio alone is no resolution
	} else {
		p.dpi = sane(mmPerInch / math.Min(i.Spacing[0], i.Spacing[1]))
	}
	return p, nil
}

const mmPerInch = 25.4

// constant reports a picture of one colour: all that makes a frame blank, since
// a radiograph has neither ink nor paper.
func constant(img *image.RGBA) bool {
	first := [4]uint8(img.Pix[:4])
	for i := 4; i+4 <= len(img.Pix); i += 4 {
		if [4]uint8(img.Pix[i:i+4]) != first {
			return false
		}
	}
	return true
}

// dicomError types what the parser and the codecs said. None of them quotes a
// value of the file.
func dicomError(op string, err error) error {
	var limit *dicom.LimitError
	var lacking dicom.UnsupportedError
	switch {
	case errors.As(err, &limit):
		e := over(op, limit.Limit, limit.Value, limit.Max, "the file is damaged or no plain image: "+hintDICOM)
		if limit.At != 0 {
			e.Err = fmt.Errorf("dicom: at element %v", limit.At)
		}
		return e
	case errors.Is(err, dicom.ErrNoImage):
		return unsupported(op, fmt.Errorf("dicom: %w", err), hintDICOMOther)
	case errors.As(err, &lacking), isUnsupported(err):
		return unsupported(op, fmt.Errorf("dicom: %w", err), hintDICOM)
	}
	return bad(op, fmt.Errorf("dicom: %w", err), "the file is damaged: export or send it again")
}
