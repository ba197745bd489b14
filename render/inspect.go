package render

import (
	"bytes"
	"fmt"
	"io"
	"sort"

	"github.com/klippa-app/go-pdfium/requests"
	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// Bounds of the second look at a PDF.
const (
	inspectObjects     = 200_000 // objects looked at
	inspectDepth       = 12      // nesting of one object
	inspectDecodeBytes = 256 << 20
	decryptBytes       = 128 << 20 // files larger than this are not decrypted by the second library
)

// pdfcpuConfig is a configuration that touches neither disk nor network.
func pdfcpuConfig(password string) *model.Configuration {
	api.DisableConfigDir()
	c := model.NewDefaultConfiguration()
	c.Offline = true
	c.ValidationMode = model.ValidationRelaxed
	c.UserPW, c.OwnerPW = password, password
	c.Optimize, c.OptimizeBeforeWriting = false, false
	c.Limits.MaxDecodeBytes = inspectDecodeBytes
	return c
}

// decryptPDF returns the document without its encryption: a second opinion on
// passwords, since each library opens some files the other refuses.
func decryptPDF(b blob, password string) (out blob, err error) {
	defer recovered(&err)
	if b.size > decryptBytes {
		return out, over("open", "decrypt_bytes", b.size, decryptBytes, "save it without encryption")
	}
	var w bytes.Buffer
	if err := api.Decrypt(io.NewSectionReader(b, 0, b.size), &w, pdfcpuConfig(password)); err != nil {
		return out, err
	}
	return blob{bytes.NewReader(w.Bytes()), int64(w.Len())}, nil
}

// recovered turns a panic of a library into an error.
func recovered(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("the reader gave up: %v", v)
	}
}

// inspection is what the second library says of a PDF.
type inspection struct {
	Pages int    `json:"pages"` // 0 when it cannot tell
	Notes []Note `json:"notes,omitempty"`
}

// inspect lists what a PDF would do if it were let: attachments, scripts,
// actions that leave the page. It may take long or fail on files that render
// well; its caller sets a deadline and does without.
func inspect(b blob, password string) (out inspection, err error) {
	defer recovered(&err)
	ctx, err := api.ReadContext(io.NewSectionReader(b, 0, b.size), pdfcpuConfig(password))
	if err != nil {
		return out, err
	}
	if ctx.EnsurePageCount() == nil {
		out.Pages = ctx.PageCount
	}
	if ctx.Encrypt != nil {
		out.Notes = append(out.Notes, Note{Kind: "encrypted", Text: "the document is encrypted; it opens"})
	}
	s := actions{count: map[string]int{}, sample: map[string]string{}}
	numbers := make([]int, 0, len(ctx.Table))
	for n := range ctx.Table {
		numbers = append(numbers, n)
	}
	sort.Ints(numbers)
	for _, n := range numbers[:min(len(numbers), inspectObjects)] {
		if e := ctx.Table[n]; e != nil && !e.Free {
			s.object(e.Object, 0)
		}
	}
	out.Notes = append(out.Notes, s.notes()...)
	return out, nil
}

// actionKinds maps PDF action types to kinds of notes.
var actionKinds = map[string]string{
	"JavaScript": "javascript", "Launch": "launch", "URI": "link", "GoToR": "link", "GoToE": "link",
	"SubmitForm": "submit", "ImportData": "submit", "Rendition": "media", "Movie": "media", "Sound": "media", "RichMediaExecute": "media",
}

// actions counts actions by kind and keeps one example of each; attached files
// are listed by name.
type actions struct {
	count    map[string]int
	sample   map[string]string
	attached []string
}

// object walks one object's direct contents; references are other objects and
// come by themselves, so nothing is walked twice.
func (s *actions) object(o types.Object, depth int) {
	if depth > inspectDepth {
		return
	}
	switch v := o.(type) {
	case types.Dict:
		s.dict(v, depth)
	case types.StreamDict:
		s.dict(v.Dict, depth)
	case *types.StreamDict:
		if v != nil {
			s.dict(v.Dict, depth)
		}
	case types.Array:
		for _, e := range v {
			s.object(e, depth+1)
		}
	}
}

// dict looks at one dictionary.
func (s *actions) dict(d types.Dict, depth int) {
	if n, ok := d["S"].(types.Name); ok {
		if kind := actionKinds[string(n)]; kind != "" {
			s.note(kind, target(d))
		}
	}
	if _, ok := d["JS"]; ok && d["S"] == nil {
		s.note("javascript", "")
	}
	if n, ok := d["Type"].(types.Name); ok && n == "EmbeddedFile" {
		s.note("attachment", "")
	}
	if _, ok := d["EF"]; ok && len(s.attached) < MaxNotes {
		s.attached = append(s.attached, target(d))
	}
	if _, ok := d["XFA"]; ok {
		s.note("xfa", "")
	}
	for _, v := range d {
		s.object(v, depth+1)
	}
}

// note counts one finding.
func (s *actions) note(kind, text string) {
	s.count[kind]++
	if s.sample[kind] == "" || text != "" && text < s.sample[kind] {
		s.sample[kind] = text
	}
}

// target is where an action points, if it says so in place.
func target(d types.Dict) string {
	for _, k := range []string{"URI", "UF", "F", "Win", "JS"} {
		switch v := d[k].(type) {
		case types.StringLiteral:
			return clip(v.Value(), 120)
		case types.HexLiteral:
			if b, err := v.Bytes(); err == nil {
				return clip(string(b), 120)
			}
		case types.Dict:
			if f, ok := v["F"].(types.StringLiteral); ok {
				return clip(f.Value(), 120)
			}
		}
	}
	return ""
}

// notes writes one note per kind and one per attached file.
func (s *actions) notes() []Note {
	kinds := make([]string, 0, len(s.count))
	for k := range s.count {
		kinds = append(kinds, k)
	}
	sort.Strings(kinds)
	sort.Strings(s.attached)
	var out []Note
	for _, name := range s.attached {
		out = append(out, Note{Kind: "attachment", Text: name + ": attached file, left inert"})
	}
	for _, k := range kinds {
		if k == "attachment" && len(s.attached) > 0 {
			continue
		}
		text := fmt.Sprintf("%d found, left inert", s.count[k])
		if s.sample[k] != "" {
			text += ", for example: " + s.sample[k]
		}
		out = append(out, Note{Kind: k, Text: text})
	}
	return out
}

// notes lists what PDFium itself sees of attachments and scripts, for files
// the second library cannot read.
func (p *pdfReader) notes() []Note {
	var out []Note
	if n, err := p.inst.FPDFDoc_GetAttachmentCount(&requests.FPDFDoc_GetAttachmentCount{Document: p.doc}); err == nil && n.AttachmentCount > 0 {
		out = append(out, Note{Kind: "attachment", Text: fmt.Sprintf("%d attached files, left inert", n.AttachmentCount)})
	}
	if n, err := p.inst.FPDFDoc_GetJavaScriptActionCount(&requests.FPDFDoc_GetJavaScriptActionCount{Document: p.doc}); err == nil && n.JavaScriptActionCount > 0 {
		out = append(out, Note{Kind: "javascript", Text: fmt.Sprintf("%d scripts of the document, left inert", n.JavaScriptActionCount)})
	}
	return out
}

// merge joins what the two libraries say: the second one's notes name things,
// so they replace the first one's of the same kind.
func (i *info) merge(s inspection) {
	known := map[string]bool{}
	for _, n := range s.Notes {
		known[n.Kind] = true
	}
	notes := s.Notes
	for _, n := range i.Notes {
		if !known[n.Kind] {
			notes = append(notes, n)
		}
	}
	if s.Pages > 0 && s.Pages != i.Pages {
		notes = append(notes, Note{Kind: "page_count", Text: fmt.Sprintf("one reader counts %d pages, the other %d; the first is used", i.Pages, s.Pages)})
	}
	i.Notes = trimNotes(notes)
}
