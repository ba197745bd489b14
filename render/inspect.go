package render

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sort"

	"github.com/klippa-app/go-pdfium/requests"
	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// Bounds of the second look at a PDF.
const (
	inspectObjects = 200_000 // objects looked at
	inspectDepth   = 12      // nesting of one object
)

// pdfcpuDefaults is made before anything runs: whether pdfcpu looks for its
// configuration and fonts in the user's folder is one variable of the process,
// which it reads without a lock.
var pdfcpuDefaults = func() model.Configuration {
	api.DisableConfigDir()
	return *model.NewDefaultConfiguration()
}()

// pdfcpuConfig is a configuration that touches neither disk nor network.
func pdfcpuConfig(password string, l Limits) *model.Configuration {
	c := pdfcpuDefaults
	c.Offline = true
	c.ValidationMode = model.ValidationRelaxed
	c.UserPW, c.OwnerPW = password, password
	c.Optimize, c.OptimizeBeforeWriting = false, false
	c.Limits.MaxDecodeBytes = l.StreamBytes
	return &c
}

// decryptPDF returns the document without its encryption: a second opinion on
// passwords, since each library opens some files the other refuses.
func decryptPDF(b blob, password string, l Limits) (out blob, err error) {
	defer recovered(&err)
	if b.size > l.DecryptBytes {
		return out, over("open", "decrypt_bytes", b.size, l.DecryptBytes, "save it without encryption")
	}
	var w bytes.Buffer
	if err := api.Decrypt(io.NewSectionReader(b, 0, b.size), &w, pdfcpuConfig(password, l)); err != nil {
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
	Leave leave  `json:"leave,omitzero"`
}

// leave names forms that are left out of the pages.
type leave struct {
	Forms []int `json:"forms,omitempty"` // object numbers
	Lost  bool  `json:"lost,omitempty"`  // they would have drawn something
}

// inspect lists what a PDF would do if it were let: attachments, scripts,
// actions that leave the page. It may take long or fail on files that render
// well; its caller sets a deadline and does without.
func inspect(b blob, password string, l Limits) (out inspection, err error) {
	defer recovered(&err)
	until, cancel := context.WithTimeout(context.Background(), l.InspectTime)
	defer cancel()
	ctx, err := pdfcpu.ReadWithContext(until, io.NewSectionReader(b, 0, b.size), pdfcpuConfig(password, l))
	if err != nil {
		return out, err
	}
	if ctx.EnsurePageCount() == nil {
		out.Pages = ctx.PageCount
	}
	if ctx.Encrypt != nil {
		out.Notes = append(out.Notes, Note{Kind: "encrypted", Text: "the document is encrypted; it opens"})
	}
	s := actions{doc: ctx, count: map[string]int{}, sample: map[string]string{}}
	numbers := make([]int, 0, len(ctx.Table))
	for n := range ctx.Table {
		numbers = append(numbers, n)
	}
	sort.Ints(numbers)
	for _, n := range numbers[:min(len(numbers), inspectObjects)] {
		e := ctx.Table[n]
		if e == nil || e.Free {
			continue
		}
		o := e.Object
		if _, packed := o.(types.LazyObjectStreamObject); packed {
			o = s.follow(types.IndirectRef{ObjectNumber: types.Integer(n)})
		}
		s.object(o, 0)
	}
	out.Notes = append(out.Notes, s.notes()...)
	if out.Leave.Forms, out.Leave.Lost = s.forms(numbers[:min(len(numbers), inspectObjects)]); len(out.Leave.Forms) > 0 {
		out.Notes = append(out.Notes, formsNote(out.Leave.Forms))
	}
	return out, nil
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
