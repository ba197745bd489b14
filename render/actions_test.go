package render

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pdfcpu/pdfcpu/pkg/api"
)

// bait is what an acting document would reach for: an address that listens and
// a file, both watched.
type bait struct {
	url, file string
	calls     atomic.Int64
	touched   func() bool
}

// newBait lays one out.
func newBait(t *testing.T) *bait {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	b := &bait{url: "http://" + ln.Addr().String() + "/bait", file: filepath.Join(t.TempDir(), "bait.pdf")}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			b.calls.Add(1)
			c.Close()
		}
	}()
	if err := os.WriteFile(b.file, writePDF([]pdfPage{{72, 72, "0 g 0 0 72 72 re f", ""}}, ""), 0o600); err != nil {
		t.Fatal(err)
	}
	b.touched = watch(t, b.file)
	return b
}

// acting is a document that would do something.
type acting struct {
	extra, catalog string   // further entries of the page and of the catalog
	content        string   // of the page
	objects        []string // from 12 on
	notes          []string // kinds of notes, each with a part of its text
}

// actingDocuments has one of each kind.
func actingDocuments(url, file string) map[string]acting {
	file = "(" + file + ")"
	uri := "<</S/URI/URI(" + url + ")>>"
	annotation := func(rest string) string { return "<</Type/Annot/Rect[0 0 50 50]/F 4" + rest + ">>" }
	return map[string]acting{
		"script when opened": {catalog: "/OpenAction<</S/JavaScript/JS(app.launchURL\\('" + url + "'\\))>>", notes: []string{"javascript:launchURL", "trigger:JavaScript"}},
		"script by name":     {catalog: "/Names<</JavaScript<</Names[(a) 12 0 R]>>>>", objects: []string{"<</S/JavaScript/JS 13 0 R>>", "<</Length 12>>stream\napp.alert(1)\nendstream"}, notes: []string{"javascript:"}},
		"script of the page": {extra: "/AA<</O<</S/JavaScript/JS(app.alert\\(1\\))>>>>", notes: []string{"javascript:alert", "trigger:"}},
		"program":            {extra: "/Annots[12 0 R]", objects: []string{annotation("/Subtype/Link/A<</S/Launch/F" + file + "/Win<</F(cmd.exe)>>>>")}, notes: []string{"launch:bait.pdf"}},
		"link":               {extra: "/Annots[12 0 R]", objects: []string{annotation("/Subtype/Link/A" + uri)}, notes: []string{"link:" + url}},
		"link when opened":   {catalog: "/OpenAction 12 0 R", objects: []string{uri}, notes: []string{"link:" + url, "trigger:URI"}},
		"remote go-to":       {extra: "/Annots[12 0 R]", objects: []string{annotation("/Subtype/Link/A<</S/GoToR/F" + file + "/D[0/Fit]>>")}, notes: []string{"remote:bait.pdf"}},
		"embedded go-to":     {extra: "/Annots[12 0 R]", objects: []string{annotation("/Subtype/Link/A<</S/GoToE/F" + file + "/D[0/Fit]/T<</R/C/N(x)>>>>")}, notes: []string{"remote:bait.pdf"}},
		"form that submits":  {extra: "/Annots[12 0 R]", catalog: "/AcroForm<</Fields[12 0 R]>>", objects: []string{annotation("/Subtype/Widget/FT/Btn/T(b)/A<</S/SubmitForm/F<</FS/URL/F(" + url + ")>>>>")}, notes: []string{"submit:" + url}},
		"form that imports":  {catalog: "/OpenAction<</S/ImportData/F" + file + ">>", notes: []string{"submit:bait.pdf", "trigger:ImportData"}},
		"attachment":         {catalog: "/Names<</EmbeddedFiles<</Names[(secret.txt) 12 0 R]>>>>", objects: []string{"<</Type/Filespec/F(secret.txt)/EF<</F 13 0 R>>>>", "<</Type/EmbeddedFile/Length 2>>stream\nhi\nendstream"}, notes: []string{"attachment:secret.txt"}},
		"attachment on page": {extra: "/Annots[12 0 R]", objects: []string{annotation("/Subtype/FileAttachment/FS" + file)}, notes: []string{"attachment:"}},
		"film":               {extra: "/Annots[12 0 R]", objects: []string{annotation("/Subtype/Screen/A<</S/Rendition/OP 0/R<</S/MR/C<</S/MCD/D<</F" + file + ">>>>>>>>")}, notes: []string{"media:"}},
		"old film":           {extra: "/Annots[12 0 R]", objects: []string{annotation("/Subtype/Movie/Movie<</F" + file + ">>/A true")}, notes: []string{"media:"}},
		"sound":              {catalog: "/OpenAction<</S/Sound/Sound 12 0 R>>", objects: []string{"<</R 8000/F<</FS/URL/F(" + url + ")>>/Length 0>>stream\n\nendstream"}, notes: []string{"media:", "external:" + url, "trigger:Sound"}},
		"rich media":         {extra: "/Annots[12 0 R]", objects: []string{annotation("/Subtype/RichMedia")}, notes: []string{"media:"}},
		"picture elsewhere": {content: "/I Do", extra: "/XObject<</I 12 0 R>>", objects: []string{
			"<</Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8/F<</FS/URL/F(" + url + ")>>/Length 1>>stream\n\x00\nendstream"}, notes: []string{"external:" + url}},
		"page of another": {content: "/X Do", extra: "/XObject<</X 12 0 R>>", objects: []string{
			"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Ref<</F" + file + "/Page 0>>/Length 0>>stream\n\nendstream"}, notes: []string{"external:bait.pdf"}},
		"dynamic form": {catalog: "/AcroForm<</Fields[]/XFA 12 0 R>>", objects: []string{"<</Length 6>>stream\n<xdp/>\nendstream"}, notes: []string{"xfa:"}},
	}
}

// What a PDF would do is listed, and is not done: nobody calls, and the file it
// points at is not touched.
func TestActionsAreListedAndInert(t *testing.T) {
	t.Parallel()
	b := newBait(t)
	for name, a := range actingDocuments(b.url, b.file) {
		t.Run(name, func(t *testing.T) {
			data := writePDF([]pdfPage{{100, 100, a.content + " 0 g 60 60 30 30 re f", a.extra}}, a.catalog, a.objects...)
			d, err := openChild(t, data, Options{DPI: 72})
			if err != nil {
				t.Fatal(err)
			}
			p, err := d.Page(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			if c := p.Image.RGBAAt(75, 25); c.R != 0 {
				t.Errorf("the page's own square is %v, want black", c)
			}
			wantNotes(t, d, a.notes)
		})
	}
	if n := b.calls.Load(); n > 0 {
		t.Errorf("the address was called %d times", n)
	}
	if b.touched() {
		t.Error("the file was opened")
	}
	// The bait works: a call and a touch are seen.
	c, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(b.url, "http://"), "/bait"))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if _, err := os.ReadFile(b.file); err != nil || !b.touched() {
		t.Errorf("the watch sees nothing: %v", err)
	}
}

// wantNotes wants notes of kinds, each with a part of its text.
func wantNotes(t *testing.T, d *Document, want []string) {
	t.Helper()
	got := map[string]string{}
	for _, n := range d.Notes() {
		got[n.Kind] += n.Text + "; "
	}
	for _, w := range want {
		kind, part, _ := strings.Cut(w, ":")
		if !strings.Contains(got[kind], part) || got[kind] == "" {
			t.Errorf("the note on %s is %q, want %q in it; all: %v", kind, got[kind], part, d.Notes())
		}
	}
}

// Actions hidden in object streams are found as well.
func TestActionsInObjectStreams(t *testing.T) {
	t.Parallel()
	plain := writePDF([]pdfPage{{100, 100, "", "/Annots[12 0 R]"}}, "",
		"<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/A<</S/URI/URI(http://192.0.2.1/hidden)>>>>")
	conf := pdfcpuConfig("", Limits{}.withDefaults())
	conf.WriteObjectStream, conf.WriteXRefStream = true, true
	var b bytes.Buffer
	if err := api.Optimize(bytes.NewReader(plain), &b, conf); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b.Bytes(), []byte("/ObjStm")) || bytes.Contains(b.Bytes(), []byte("192.0.2.1")) {
		t.Fatal("the action is not in an object stream")
	}
	d, err := openChild(t, b.Bytes(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantNotes(t, d, []string{"link:192.0.2.1/hidden"})
}

// A second look that fails says so: what the document would do is not known.
func TestUnlistedActionsAreSaid(t *testing.T) {
	t.Parallel()
	data := bytes.Replace(writePDF([]pdfPage{{100, 100, "", ""}}, ""), []byte("xref\n0 "), []byte("xref\nx "), 1)
	data = bytes.ReplaceAll(data, []byte("trailer"), []byte("trXiler"))
	d, err := openBytes(t, data, Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantNotes(t, d, []string{"rebuilt:", "unlisted:none is acted on"})
}
