package render

import (
	"errors"
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"palimpsest.dev/render/internal/dicomtest"
)

// film is a small radiograph with all that is said of one.
func film() dicomtest.Set {
	px := make([]uint16, 40*20)
	for i := range px {
		px[i] = uint16(i)
	}
	return dicomtest.Image(40, 20, 12, px).With(dicomtest.Set{
		0x00080008: `ORIGINAL\PRIMARY`, 0x00080016: "1.2.840.10008.5.1.4.1.1.1.1", 0x00080018: "1.2.3.4", 0x00080060: "DX",
		0x00100010: "SMITH^JOHN", 0x00100020: "PID-77", 0x00100030: "19601231", 0x00100040: "M",
		0x00180015: "CHEST", 0x00185101: "PA", 0x0020000d: "1.2.3", 0x0020000e: "1.2.3.1", 0x00200020: `L\F`, 0x00200062: "U",
		0x00280301: "NO", 0x00280030: `0.2\0.2`,
	})
}

// A DICOM file is a document whose pages are its frames, upright as stored, whose
// boxes convert to millimetres.
func TestDICOMPage(t *testing.T) {
	t.Parallel()
	data := dicomtest.File(dicomtest.Options{}, film())
	d, err := openChild(t, data, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d.Format() != "dicom" || d.MediaType() != "application/dicom" || d.NumPages() != 1 || len(d.Notes()) != 0 {
		t.Errorf("%s %s, %d pages, notes %v", d.Format(), d.MediaType(), d.NumPages(), d.Notes())
	}
	p, err := d.Page(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if p.Image.Rect != image.Rect(0, 0, 40, 20) || p.Rotation != 0 || p.Blank || math.Abs(p.DPI-127) > 1e-9 {
		t.Errorf("%v, rotation %d, blank %t, %g dpi", p.Image.Rect, p.Rotation, p.Blank, p.DPI)
	}
	if x, y := p.ToSource.Apply(40, 20); p.SourceUnit != "mm" || math.Abs(x-8) > 1e-9 || math.Abs(y-4) > 1e-9 {
		t.Errorf("the far corner is at %g, %g %s", x, y, p.SourceUnit)
	}
	if first, last := p.Image.Pix[0], p.Image.Pix[len(p.Image.Pix)-4]; first != 0 || last != 255 {
		t.Errorf("from %d to %d, want the full range", first, last)
	}
	m := p.DICOM
	if m == nil || m.Modality != "DX" || m.BodyPart != "CHEST" || m.View != "PA" || m.Laterality != "U" || m.Orientation != `L\F` ||
		m.StudyUID != "1.2.3" || m.SeriesUID != "1.2.3.1" || m.InstanceUID != "1.2.3.4" || m.BurnedIn != "NO" || m.Photometric != "MONOCHROME2" ||
		!slices.Equal(m.ImageType, []string{"ORIGINAL", "PRIMARY"}) || m.Spacing != [2]float64{0.2, 0.2} || m.SpacingOf != "patient" ||
		m.Rows != 20 || m.Columns != 40 || m.Bits != 12 || m.Frames != 1 || m.Patient != nil {
		t.Errorf("%+v", m)
	}
}

// Who is on an image is told only to those who ask, and never in an error.
func TestDICOMPatient(t *testing.T) {
	t.Parallel()
	data := dicomtest.File(dicomtest.Options{}, film())
	if p := pageOf(t, data, Options{}, 1).DICOM.Patient; p != nil {
		t.Errorf("%+v without being asked", p)
	}
	d, err := openChild(t, data, Options{Patient: true})
	if err != nil {
		t.Fatal(err)
	}
	p, err := d.Page(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Patient{Name: "SMITH^JOHN", ID: "PID-77", BirthDate: "19601231", Sex: "M"}); p.DICOM.Patient == nil || *p.DICOM.Patient != want {
		t.Errorf("%+v, want %+v", p.DICOM.Patient, want)
	}
	for tag, broken := range map[uint32]any{0x00280004: "SMITH^JOHN", 0x00280008: "SMITH^JOHN", 0x00280010: 0, 0x00281050: "SMITH"} {
		d, err := openBytes(t, dicomtest.File(dicomtest.Options{}, film().With(dicomtest.Set{tag: broken})), Options{})
		said := ""
		if err != nil {
			said = err.Error()
		} else {
			for _, n := range d.Notes() {
				said += n.Text
			}
		}
		if strings.Contains(said, "SMITH") || strings.Contains(said, "PID-77") {
			t.Errorf("%08x: %s", tag, said)
		}
	}
}

// Pixels that are not square are made so, and still convert to millimetres.
func TestDICOMSpacing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what   string
		set    dicomtest.Set
		size   image.Point
		unit   string
		corner [2]float64
		of     string
	}{
		{"none", dicomtest.Set{0x00280030: nil}, image.Pt(40, 20), "px", [2]float64{40, 20}, ""},
		{"rows twice as far apart", dicomtest.Set{0x00280030: `0.4\0.2`}, image.Pt(40, 40), "mm", [2]float64{8, 8}, "patient"},
		{"columns twice as far apart", dicomtest.Set{0x00280030: `0.2\0.4`}, image.Pt(80, 20), "mm", [2]float64{16, 4}, "patient"},
		{"at the detector", dicomtest.Set{0x00280030: nil, 0x00181164: `0.1\0.1`}, image.Pt(40, 20), "mm", [2]float64{4, 2}, "detector"},
		{"a ratio alone", dicomtest.Set{0x00280030: nil, 0x00280034: `2\1`}, image.Pt(40, 40), "px", [2]float64{40, 20}, ""},
		{"nonsense", dicomtest.Set{0x00280030: `-1\0`}, image.Pt(40, 20), "px", [2]float64{40, 20}, ""},
	} {
		p := pageOf(t, dicomtest.File(dicomtest.Options{}, film().With(c.set)), Options{}, 1)
		x, y := p.ToSource.Apply(float64(p.Image.Rect.Dx()), float64(p.Image.Rect.Dy()))
		if p.Image.Rect.Size() != c.size || p.SourceUnit != c.unit || math.Abs(x-c.corner[0]) > 1e-9 || math.Abs(y-c.corner[1]) > 1e-9 || p.DICOM.SpacingOf != c.of {
			t.Errorf("%s: %v, far corner at %g, %g %s of %q", c.what, p.Image.Rect.Size(), x, y, p.SourceUnit, p.DICOM.SpacingOf)
		}
		if (p.DPI > 0) != (c.unit == "mm") {
			t.Errorf("%s: %g dpi", c.what, p.DPI)
		}
	}
}

// Frames are pages; more or fewer than the file says are noted; overlays too.
func TestDICOMFrames(t *testing.T) {
	t.Parallel()
	set := film().With(dicomtest.Set{0x00280008: "3", 0x00280010: 5, 0x60000010: 1})
	set = set.With(dicomtest.Set{dicomtest.PixelData: set[dicomtest.PixelData].([]byte)[:2*40*5*2]})
	d, err := openBytes(t, dicomtest.File(dicomtest.Options{}, set), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d.NumPages() != 2 {
		t.Errorf("%d pages, want 2", d.NumPages())
	}
	wantNotes(t, d, []string{"page_count:3 frames are declared, the pixel data hold 2", "overlay:1 planes"})
	for n := 1; n <= 2; n++ {
		if p, err := d.Page(t.Context(), n); err != nil || p.Image.Rect.Dy() != 5 || p.Image.Pix[0] != 0 {
			t.Errorf("page %d: %v", n, err)
		}
	}
}

// A study packed as a zip is one document; a frame of one grey is blank, dark or
// not.
func TestDICOMInZip(t *testing.T) {
	t.Parallel()
	black := dicomtest.Image(8, 8, 12, make([]uint16, 64))
	data := packed(t, "1.dcm", dicomtest.File(dicomtest.Options{}, film()), "2.dcm", dicomtest.File(dicomtest.Options{Syntax: dicomtest.Implicit}, black))
	if p := pageOf(t, data, Options{}, 1); p.DICOM == nil || p.DICOM.View != "PA" || p.Member != "1.dcm" || p.Blank {
		t.Errorf("%+v", p.DICOM)
	}
	if p := pageOf(t, data, Options{}, 2); p.DICOM == nil || !p.Blank {
		t.Errorf("%+v, blank %t", p.DICOM, p.Blank)
	}
}

// What is known and not read is refused by name; what is damaged is bad input.
func TestDICOMRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what   string
		syntax string
		set    dicomtest.Set
		kind   Kind
		want   string
	}{
		{"a video", "1.2.840.10008.1.2.4.102", film(), Unsupported, "MPEG-4 AVC/H.264 High Profile, 1.2.840.10008.1.2.4.102"},
		{"no image", "", film().With(dicomtest.Set{dicomtest.PixelData: nil}), Unsupported, "holds no image"},
		{"no columns", "", film().With(dicomtest.Set{0x00280011: 0}), BadInput, "rows or columns"},
		{"cut off", "", film().With(dicomtest.Set{dicomtest.PixelData: []byte{1, 2}}), BadInput, "page 1: decode: bad input: dicom: the frame is cut off"},
	} {
		err := firstPage(t, dicomtest.File(dicomtest.Options{Syntax: c.syntax}, c.set), Limits{})
		var e *Error
		if !errors.As(err, &e) || e.Kind != c.kind || !strings.Contains(err.Error(), c.want) || e.Hint == "" {
			t.Errorf("%s: %v, want %s with %q", c.what, err, c.kind, c.want)
		}
	}
}

// The chest films of the evaluation data that are DICOM, and all others, become
// pages that are not blank or end in a typed error.
func TestDICOMFilesOfTheCorpus(t *testing.T) {
	t.Parallel()
	dir := shared(t, "robustness")
	files, err := filepath.Glob(filepath.Join(dir, "dicom", "*"))
	if err != nil || len(files) == 0 {
		t.Skip("skipped: no DICOM files there")
	}
	more, _ := filepath.Glob(filepath.Join(dir, "..", "cxr", "dicom", "*"))
	pages := 0
	for _, path := range append(files, more...) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		d, err := openBytes(t, data, Options{})
		if err == nil {
			var p *Page
			if p, err = d.Page(t.Context(), 1); err == nil {
				pages++
				t.Logf("%s: %v, %s, %s", filepath.Base(path), p.Image.Rect.Size(), p.DICOM.Syntax, p.DICOM.Photometric)
				if p.Blank || p.DICOM == nil {
					t.Errorf("%s: blank %t", path, p.Blank)
				}
				continue
			}
		}
		var e *Error
		if !errors.As(err, &e) || e.Kind == Internal || e.Hint == "" {
			t.Errorf("%s: %v", path, err)
		}
		t.Logf("%s: %v", filepath.Base(path), err)
	}
	t.Logf("%d of %d files yield a page", pages, len(files)+len(more))
}
