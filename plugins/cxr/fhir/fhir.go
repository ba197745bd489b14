// Package fhir writes a draft report as a FHIR R4 DiagnosticReport of status
// preliminary. It names no patient and no study unless it is told them.
package fhir

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"strings"
)

// MediaType is that of what DiagnosticReport writes.
const MediaType = "application/fhir+json"

// Input is what a DiagnosticReport says.
type Input struct {
	Notice     string // that it is a draft; stands in the narrative and in front of everything a person reads
	Words      string // the report as plain text
	Conclusion string // the report's own impression, "" without one
	Codes      []string
	Images     []Image
	Study      string // UID, "" to name none
	Patient    string // reference, "" to name none
}

// Image is a film that the report is about.
type Image struct {
	Title string
	UID   string // of the instance, "" to name none
}

type coding struct {
	System  string `json:"system,omitempty"`
	Code    string `json:"code,omitempty"`
	Display string `json:"display,omitempty"`
}

type concept struct {
	Coding []coding `json:"coding,omitempty"`
	Text   string   `json:"text,omitempty"`
}

type identifier struct {
	System string `json:"system"`
	Value  string `json:"value"`
}

type reference struct {
	Reference  string      `json:"reference,omitempty"`
	Type       string      `json:"type,omitempty"`
	Identifier *identifier `json:"identifier,omitempty"`
	Display    string      `json:"display,omitempty"`
}

type media struct {
	Comment string    `json:"comment,omitempty"`
	Link    reference `json:"link"`
}

type attachment struct {
	ContentType string `json:"contentType"`
	Language    string `json:"language"`
	Data        []byte `json:"data"` // base64 in JSON
	Title       string `json:"title"`
}

type narrative struct {
	Status string `json:"status"`
	Div    string `json:"div"`
}

type resource struct {
	ResourceType   string       `json:"resourceType"`
	Text           narrative    `json:"text"`
	Status         string       `json:"status"`
	Category       []concept    `json:"category"`
	Code           concept      `json:"code"`
	Subject        *reference   `json:"subject,omitempty"`
	ImagingStudy   []reference  `json:"imagingStudy,omitempty"`
	Media          []media      `json:"media,omitempty"`
	Conclusion     string       `json:"conclusion,omitempty"`
	ConclusionCode []concept    `json:"conclusionCode,omitempty"`
	PresentedForm  []attachment `json:"presentedForm"`
}

// DiagnosticReport writes the resource, indented.
func DiagnosticReport(in Input) ([]byte, error) {
	r := resource{
		ResourceType: "DiagnosticReport",
		Text:         narrative{Status: "generated", Div: div(in)},
		Status:       "preliminary",
		Category:     []concept{{Coding: []coding{{System: "http://terminology.hl7.org/CodeSystem/v2-0074", Code: "RAD", Display: "Radiology"}}}},
		Code:         concept{Text: "Chest radiograph. " + in.Notice},
		PresentedForm: []attachment{{ContentType: "text/plain; charset=utf-8", Language: "en", Data: []byte(in.Words),
			Title: in.Notice}},
	}
	if in.Patient != "" {
		r.Subject = &reference{Reference: in.Patient}
	}
	if in.Study != "" {
		r.ImagingStudy = []reference{{Type: "ImagingStudy", Identifier: uid(in.Study)}}
	}
	for _, i := range in.Images {
		link := reference{Type: "Media", Display: i.Title}
		if i.UID != "" {
			link.Identifier = uid(i.UID)
		}
		r.Media = append(r.Media, media{Comment: "film shown to the model", Link: link})
	}
	if in.Conclusion != "" {
		r.Conclusion = "[" + in.Notice + "] " + in.Conclusion
	}
	for _, c := range in.Codes {
		r.ConclusionCode = append(r.ConclusionCode, concept{Text: c})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// uid writes a DICOM UID as FHIR wants it.
func uid(s string) *identifier { return &identifier{System: "urn:dicom:uid", Value: "urn:oid:" + s} }

// div is the narrative: the plain text, line by line.
func div(in Input) string {
	var b strings.Builder
	b.WriteString(`<div xmlns="http://www.w3.org/1999/xhtml"><p><b>`)
	escape(&b, in.Notice)
	b.WriteString("</b></p><p>")
	for i, line := range strings.Split(strings.TrimSpace(in.Words), "\n") {
		if i > 0 {
			b.WriteString("<br/>")
		}
		escape(&b, line)
	}
	b.WriteString("</p></div>")
	return b.String()
}

// escape writes text for XHTML. What XML cannot hold becomes U+FFFD.
func escape(b *strings.Builder, s string) { _ = xml.EscapeText(b, []byte(s)) } // a Builder's writes do not fail
