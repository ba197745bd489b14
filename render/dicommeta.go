package render

import (
	"strings"
	"unicode/utf8"

	"palimpsest.dev/render/internal/dicom"
)

// DICOM is what a DICOM file says of its image. Nothing in it names the patient
// but Patient, which is nil unless Options.Patient asks for it; the UIDs stand
// for the study in the archive it came from.
type DICOM struct {
	Modality    string     `json:"modality,omitempty"`     // CR, DX, CT, MG ...
	BodyPart    string     `json:"body_part,omitempty"`    // CHEST ...
	View        string     `json:"view,omitempty"`         // PA, AP, LL ...
	Laterality  string     `json:"laterality,omitempty"`   // R, L, B, U; the image's own, or else the series'
	Orientation string     `json:"orientation,omitempty"`  // where rows and columns point in the patient: "L\F"; nothing is turned by it
	ImageType   []string   `json:"image_type,omitempty"`   // ORIGINAL or DERIVED, PRIMARY or SECONDARY ...
	Photometric string     `json:"photometric,omitempty"`  // MONOCHROME2, RGB ...
	BurnedIn    string     `json:"burned_in,omitempty"`    // YES when the pixels themselves name the patient; NO; empty when not said
	SOPClass    string     `json:"sop_class,omitempty"`    // UID
	StudyUID    string     `json:"study_uid,omitempty"`    // of the study, the series and the image
	SeriesUID   string     `json:"series_uid,omitempty"`   //
	InstanceUID string     `json:"instance_uid,omitempty"` //
	Syntax      string     `json:"syntax,omitempty"`       // name and UID of the transfer syntax
	Frames      int        `json:"frames"`                 // of the file; a frame is a page
	Rows        int        `json:"rows"`                   // of the frame as stored, before pixels were made square
	Columns     int        `json:"columns"`                //
	Bits        int        `json:"bits"`                   // stored to a value
	Spacing     [2]float64 `json:"spacing"`                // mm between rows and between columns; 0 when not said
	SpacingOf   string     `json:"spacing_of,omitempty"`   // where it is measured: "patient", "detector" or "film"
	Patient     *Patient   `json:"patient,omitempty"`      // nil unless asked for
}

// Patient is who is on an image.
type Patient struct {
	Name      string `json:"name,omitempty"` // components set off by ^
	ID        string `json:"id,omitempty"`
	BirthDate string `json:"birth_date,omitempty"` // YYYYMMDD
	Sex       string `json:"sex,omitempty"`
	Age       string `json:"age,omitempty"` // 064Y
	Accession string `json:"accession,omitempty"`
	StudyDate string `json:"study_date,omitempty"`
}

// Elements of the data set that are handed up.
const (
	elemImageType       dicom.Tag = 0x00080008
	elemSOPClass        dicom.Tag = 0x00080016
	elemSOPInstance     dicom.Tag = 0x00080018
	elemStudyDate       dicom.Tag = 0x00080020
	elemAccession       dicom.Tag = 0x00080050
	elemModality        dicom.Tag = 0x00080060
	elemPatientName     dicom.Tag = 0x00100010
	elemPatientID       dicom.Tag = 0x00100020
	elemBirthDate       dicom.Tag = 0x00100030
	elemSex             dicom.Tag = 0x00100040
	elemAge             dicom.Tag = 0x00101010
	elemBodyPart        dicom.Tag = 0x00180015
	elemView            dicom.Tag = 0x00185101
	elemStudyUID        dicom.Tag = 0x0020000d
	elemSeriesUID       dicom.Tag = 0x0020000e
	elemOrientation     dicom.Tag = 0x00200020
	elemLaterality      dicom.Tag = 0x00200060
	elemImageLaterality dicom.Tag = 0x00200062
	elemBurnedIn        dicom.Tag = 0x00280301
)

// maxCode bounds a text that is handed up: codes have 16 characters, UIDs 64,
// and a few codes follow one another.
const maxCode = 128

// describeDICOM gathers what is handed up.
func describeDICOM(f *dicom.File, patient bool) *DICOM {
	text := func(t dicom.Tag) string { return clip(letters(f.Set.Text(t)), maxCode) }
	i := f.Image
	d := &DICOM{
		Modality: text(elemModality), BodyPart: text(elemBodyPart), View: text(elemView), Laterality: text(elemImageLaterality),
		Orientation: text(elemOrientation), Photometric: i.Photometric, BurnedIn: text(elemBurnedIn),
		SOPClass: text(elemSOPClass), StudyUID: text(elemStudyUID), SeriesUID: text(elemSeriesUID), InstanceUID: text(elemSOPInstance),
		Syntax: f.Syntax.Name, Frames: i.Frames, Rows: i.Rows, Columns: i.Columns, Bits: i.Stored,
		Spacing: i.Spacing, SpacingOf: i.SpacingOf,
	}
	if d.Laterality == "" {
		d.Laterality = text(elemLaterality)
	}
	if t := text(elemImageType); t != "" {
		d.ImageType = strings.Split(t, `\`)
	}
	if patient {
		d.Patient = &Patient{
			Name: text(elemPatientName), ID: text(elemPatientID), BirthDate: text(elemBirthDate), Sex: text(elemSex),
			Age: text(elemAge), Accession: text(elemAccession), StudyDate: text(elemStudyDate),
		}
	}
	return d
}

// letters reads a text as UTF-8, or as Latin-1 where it is not: other character
// sets occur in names only, and lose their letters there.
func letters(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// trusted bounds what a child says: an honest one sends no more.
func (d *DICOM) trusted() *DICOM {
	if d == nil {
		return nil
	}
	c := *d
	for _, s := range []*string{&c.Modality, &c.BodyPart, &c.View, &c.Laterality, &c.Orientation, &c.Photometric, &c.BurnedIn,
		&c.SOPClass, &c.StudyUID, &c.SeriesUID, &c.InstanceUID, &c.Syntax, &c.SpacingOf} {
		*s = clip(*s, maxCode)
	}
	c.ImageType = nil
	for _, t := range d.ImageType[:min(len(d.ImageType), maxCode)] {
		c.ImageType = append(c.ImageType, clip(t, maxCode))
	}
	if d.Patient != nil {
		p := *d.Patient
		for _, s := range []*string{&p.Name, &p.ID, &p.BirthDate, &p.Sex, &p.Age, &p.Accession, &p.StudyDate} {
			*s = clip(*s, maxCode)
		}
		c.Patient = &p
	}
	return &c
}
