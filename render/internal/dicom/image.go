package dicom

import (
	"errors"
	"fmt"
	"strconv"
)

// Image is what the data set says of its pixels (PS3.3 C.7.6.3).
type Image struct {
	Rows, Columns           int
	Samples                 int // values of a pixel
	Allocated, Stored, High int // bits of a value: its cell, itself, and its highest place in the cell
	Signed                  bool
	Planar                  bool // colours one after the other, not side by side
	Photometric             string
	Frames                  int // of which data are there; at least one

	// Spacing is the distance of pixels in mm, between rows and between columns;
	// zero when it is not said. SpacingOf tells where it is measured: "patient",
	// "detector" or "film".
	Spacing   [2]float64
	SpacingOf string
	// Aspect is the height of a pixel over its width; 1 when it is not said.
	Aspect float64
}

// The photometric interpretations (PS3.3 C.7.6.3.1.2).
const (
	Monochrome1   = "MONOCHROME1"
	Monochrome2   = "MONOCHROME2"
	PaletteColor  = "PALETTE COLOR"
	RGB           = "RGB"
	YBRFull       = "YBR_FULL"
	YBRFull422    = "YBR_FULL_422"
	YBRPartial422 = "YBR_PARTIAL_422"
	YBRPartial420 = "YBR_PARTIAL_420"
	YBRICT        = "YBR_ICT"
	YBRRCT        = "YBR_RCT"
)

// samplesOf the photometric interpretations.
var samplesOf = map[string]int{
	Monochrome1: 1, Monochrome2: 1, PaletteColor: 1,
	RGB: 3, YBRFull: 3, YBRFull422: 3, YBRPartial422: 3, YBRPartial420: 3, YBRICT: 3, YBRRCT: 3,
}

// describe fills in Image and refuses what cannot be shown.
func (f *File) describe() error {
	s := f.Set
	i := Image{
		Rows: s.word(tagRows, 0), Columns: s.word(tagColumns, 0),
		Samples: s.word(tagSamples, 1), Planar: s.word(tagPlanar, 0) == 1,
		Allocated: s.word(tagAllocated, 0), Signed: s.word(tagRepresentation, 0) == 1,
		Photometric: s.Text(tagPhotometric),
	}
	i.Stored = s.word(tagStored, i.Allocated)
	i.High = s.word(tagHighBit, i.Stored-1)
	if i.Rows <= 0 || i.Columns <= 0 {
		return errors.New("rows or columns are missing or zero")
	}
	if i.Photometric == "" { // required; what it must be follows from the samples
		i.Photometric = map[int]string{1: Monochrome2, 3: RGB}[i.Samples]
	}
	want, ok := samplesOf[i.Photometric]
	switch {
	case !ok && retired[i.Photometric]:
		return UnsupportedError("photometric interpretation " + i.Photometric + " is not read")
	case !ok:
		return UnsupportedError("the photometric interpretation is not known") // not quoted: it may be anything
	case want != i.Samples:
		return fmt.Errorf("%s has %d samples to the pixel, the file says %d", i.Photometric, want, i.Samples)
	}
	if err := i.checkBits(); err != nil {
		return err
	}
	i.space(s, f.macro(0, tagPixelMeasures))
	f.Image = i
	return nil
}

// retired photometric interpretations, and one that is none of a picture.
var retired = map[string]bool{"HSV": true, "ARGB": true, "CMYK": true, "XYB": true}

// checkBits wants cells of 1, 8 or 16 bits with the value inside.
func (i *Image) checkBits() error {
	switch i.Allocated {
	case 8, 16:
	case 1:
		if i.Samples != 1 {
			return UnsupportedError("colours of one bit are not read")
		}
	case 0:
		return errors.New("the number of bits allocated is missing or zero")
	default:
		return UnsupportedError(fmt.Sprintf("%d bits allocated to a value: 1, 8 and 16 are read", i.Allocated))
	}
	if i.Stored < 1 || i.Stored > i.Allocated {
		return fmt.Errorf("%d bits stored in %d allocated", i.Stored, i.Allocated)
	}
	if i.High < i.Stored-1 || i.High >= i.Allocated {
		i.High = i.Stored - 1 // out of the cell: the place that all files of today use
	}
	return nil
}

// space reads how far apart pixels are. In the patient comes first, because it
// was corrected for magnification, then at the detector, then on a scanned film.
func (i *Image) space(s, measures Set) {
	i.Aspect = 1
	for _, from := range []struct {
		tag  Tag
		name string
		set  Set
	}{
		{tagPixelSpacing, "patient", s}, {tagPixelSpacing, "patient", measures},
		{tagImagerSpacing, "detector", s}, {tagScannedSpacing, "film", s},
	} {
		d := from.set.floats(from.tag)
		if len(d) >= 2 && sane(d[0]) && sane(d[1]) {
			i.Spacing, i.SpacingOf = [2]float64{d[0], d[1]}, from.name
			i.Aspect = d[0] / d[1]
			return
		}
	}
	if d := s.floats(tagAspectRatio); len(d) >= 2 && sane(d[0]) && sane(d[1]) {
		i.Aspect = d[0] / d[1]
	}
}

// sane bounds believable distances, from a microscope's to a whole body's scan.
func sane(mm float64) bool { return mm >= 1e-5 && mm <= 1e4 }

// macro returns what a functional group says of a frame (PS3.3 C.7.6.16): the
// frame's own, or else the one shared by all; without either, an empty set.
func (f *File) macro(frame int, group Tag) Set {
	if frame < len(f.own) {
		if items, _ := f.own[frame].items(group); len(items) > 0 {
			return items[0]
		}
	}
	if len(f.shared) > 0 {
		if items, _ := f.shared[0].items(group); len(items) > 0 {
			return items[0]
		}
	}
	return Set{budget: f.Set.budget}
}

// declaredFrames is the number of frames the file says it has; zero when it
// says nothing that is a number.
func (f *File) declaredFrames() int {
	if !f.Set.has(tagFrames) {
		return 1
	}
	v := f.Set.Texts(tagFrames)
	if len(v) == 0 {
		return 0
	}
	n, err := strconv.Atoi(v[0])
	if err != nil || n < 1 {
		return 0
	}
	return n
}

// Overlays counts the planes of overlay graphics: they lie in elements of their
// own or in bits of the pixels' cells beside the value, and are not drawn.
func (f *File) Overlays() (n int) {
	for k := range Tag(overlayGroups) {
		if f.Set.has(tagOverlayRows + k*overlayStep) {
			n++
		}
	}
	return n
}

// Class tells apart what holds no image by its SOP class.
func (s Set) Class() string {
	switch s.Text(tagSOPClass) {
	case sopMediaDirectory:
		return "a directory of other files"
	case sopEncapsulatedPDF:
		return "a PDF in an envelope"
	}
	return ""
}
