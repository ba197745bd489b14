package render

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// nestedDocuments are PDFs that lead a careless reader round in circles or too
// deep.
func nestedDocuments() map[string][]byte {
	const deep = 100_000
	one := func(content, extra, catalog string, objects ...string) []byte {
		return writePDF([]pdfPage{{100, 100, content, extra}}, catalog, objects...)
	}
	plain := one("0 g 9 9 9 9 re f", "", "")
	var tree []string // a page tree of one page at the end of 3,000 levels
	for i := range 3000 {
		tree = append(tree, fmt.Sprintf("<</Type/Pages/Count 1/Kids[%d 0 R]>>", 13+i))
	}
	tree = append(tree, "<</Type/Page/MediaBox[0 0 9 9]>>")
	start := bytes.LastIndex(plain, []byte("startxref"))
	table := bytes.LastIndex(plain, []byte("xref\n0"))
	return map[string][]byte{
		"arrays":               one("", "", "/Deep "+strings.Repeat("[", deep)+strings.Repeat("]", deep)),
		"dictionaries":         one("", "", "/Deep "+strings.Repeat("<</A", deep)+" 1"+strings.Repeat(">>", deep)),
		"arrays never closed":  one("", "", "/Deep "+strings.Repeat("[", deep)),
		"arrays of content":    one(strings.Repeat("[", deep)+" TJ", "", ""),
		"saved states":         one(strings.Repeat("q ", deep), "", ""),
		"form in itself":       one("/F Do", "/XObject<</F 12 0 R>>", "", drawingForm("/F Do /F Do", "/F 12 0 R")),
		"forms in each other":  one("/F Do", "/XObject<</F 12 0 R>>", "", drawingForm("/F Do /F Do", "/F 13 0 R"), drawingForm("/F Do /F Do", "/F 12 0 R")),
		"pattern in itself":    one("/Pattern cs /P scn 0 0 99 99 re f", "/XObject<<>>/Pattern<</P 12 0 R>>", "", "<</PatternType 1/PaintType 1/TilingType 1/BBox[0 0 9 9]/XStep 9/YStep 9/Resources<</Pattern<</P 12 0 R>>>>/Length 37>>stream\n/Pattern cs /P scn 0 0 9 9 re f       \nendstream"),
		"pages in a circle":    bytes.Replace(plain, []byte("/Kids[10 0 R ]"), []byte("/Kids[2 0 R ] "), 1),
		"a deep tree of pages": bytes.Replace(one("", "", "", tree...), []byte("/Kids[10 0 R ]"), []byte("/Kids[12 0 R ]"), 1),
		"tables in a circle": bytes.Replace(append(append([]byte{}, plain[:start]...), fmt.Sprintf("startxref\n%d\n%%%%EOF\n", table)...),
			[]byte("/Root 1 0 R"), fmt.Appendf(nil, "/Prev %d/Root 1 0 R", table), 1),
		"a length of its own": bytes.Replace(plain, []byte("/Length 16"), []byte("/Length 11 0 R"), 1),
		"an outline in a circle": one("", "", "/Outlines 12 0 R", "<</First 13 0 R/Last 13 0 R/Count 1>>",
			"<</Title(a)/Parent 12 0 R/Next 13 0 R/Prev 13 0 R/First 12 0 R>>"),
		"names in a circle":     one("", "", "/Names<</EmbeddedFiles 12 0 R/JavaScript 12 0 R>>", "<</Kids[12 0 R 12 0 R]>>"),
		"a parent of its own":   bytes.Replace(plain, []byte("/Parent 2 0 R"), []byte("/Parent 10 0 R"), 1),
		"filters upon filters":  one("", "/XObject<</I 12 0 R>>", "", "<</Type/XObject/Subtype/Image/Width 9/Height 9/ColorSpace/DeviceGray/BitsPerComponent 8/Filter["+strings.Repeat("/ASCIIHexDecode", 5000)+"]/Length 2>>stream\n0>\nendstream"),
		"colours upon colours":  one("/C cs 0 sc 0 0 9 9 re f", "/XObject<<>>/ColorSpace<</C 12 0 R>>", "", "[/Indexed 12 0 R 1 <000000>]"),
		"functions in a circle": one("/S sh", "/XObject<<>>/Shading<</S<</ShadingType 2/ColorSpace/DeviceGray/Coords[0 0 9 9]/Function 12 0 R>>>>", "", "<</FunctionType 3/Domain[0 1]/Functions[12 0 R]/Bounds[]/Encode[0 1]>>"),
	}
}

// drawingForm is a form of some content that may draw objects by name.
func drawingForm(content, objects string) string {
	return fmt.Sprintf("<</Type/XObject/Subtype/Form/BBox[0 0 99 99]/Resources<</XObject<<%s>>>>/Length %d>>stream\n%s\nendstream", objects, len(content), content)
}

// Forms that draw each other without end are left out, and the page says so. It
// is blank only if they would have drawn nothing, and an error if all of it was
// theirs.
func TestEndlessForms(t *testing.T) {
	t.Parallel()
	again, dot := drawingForm("/F Do q /F Do Q", "/F 12 0 R"), drawingForm("/F Do /F Do 9 9 9 9 re f", "/F 12 0 R")
	for name, c := range map[string]struct {
		content string
		objects []string
		want    string
	}{
		"nothing but itself":     {"/F Do", []string{again}, "blank"},
		"each other":             {"/F Do", []string{drawingForm("/F Do /F Do", "/F 13 0 R"), drawingForm("/G Do /G Do", "/G 12 0 R")}, "blank"},
		"and a dot":              {"/F Do", []string{dot}, "form_draws"},
		"and a dot at the end":   {"/F Do", append(chain(30), drawingForm("9 9 9 9 re f", "")), "form_draws"},
		"beside what is drawn":   {"/F Do 0 g 50 50 40 40 re f", []string{dot}, "page"},
		"drawn once by itself":   {"/F Do", []string{drawingForm("/F Do 9 9 40 40 re f", "/F 12 0 R")}, "page, whole"},
		"many, but not too many": {"/F Do", []string{drawingForm(strings.Repeat("/F Do ", 1000), "/F 13 0 R"), drawingForm("9 9 40 40 re f", "")}, "page, whole"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := openBytes(t, writePDF([]pdfPage{{100, 100, c.content, "/XObject<</F 12 0 R>>"}}, "", c.objects...), Options{DPI: 72})
			within(t, err)
			p, err := d.Page(t.Context(), 1)
			var got string
			var e *Error
			switch {
			case errors.As(err, &e):
				got = e.Limit
			case empty(p.Image.Pix):
				got = "blank"
			default:
				got = "page"
			}
			if noted := slices.ContainsFunc(d.Notes(), func(n Note) bool { return n.Kind == "forms" }); !noted {
				got += ", whole"
			}
			if got != c.want {
				t.Errorf("%s, want %s (%v)", got, c.want, err)
			}
		})
	}
}

// chain is so many forms, numbered from 12, each of which draws the next one ten
// times.
func chain(n int) (forms []string) {
	for i := range n {
		forms = append(forms, drawingForm(strings.Repeat("/F Do ", 10), fmt.Sprintf("/F %d 0 R", 13+i)))
	}
	return forms
}

// Whatever is nested how deep or turned on itself ends in a page or in a typed
// error, in time; the next document is not harmed.
func TestDeepAndCircularDocuments(t *testing.T) {
	t.Parallel()
	if raceEnabled {
		t.Skip("skipped: a child under the race detector is too slow for its deadline")
	}
	for name, data := range nestedDocuments() {
		t.Run(name, func(t *testing.T) {
			d, err := openChild(t, data, Options{DPI: 72, Limits: Limits{PageTime: 20 * time.Second, InspectTime: 3 * time.Second, WasmPages: 2048}})
			if err == nil {
				_, err = d.Page(t.Context(), 1)
			}
			if err == nil {
				return
			}
			var e *Error
			if !errors.As(err, &e) || e.Kind == Internal || e.Hint == "" || e.File == "" {
				t.Errorf("%v, want a page or a typed error with file and hint", err)
			}
			t.Log(err)
		})
	}
}

// Content decides what a file is, its name never; of two formats in one file the
// one it begins with counts.
func TestPolyglotsAndWrongNames(t *testing.T) {
	t.Parallel()
	pdf := writePDF([]pdfPage{{72, 72, "0 g 0 0 36 36 re f", ""}}, "")
	pic := encodePNG(t, corners(20, 20))
	jpg := encodeJPEG(t, corners(20, 20))
	zipped := packed(t, "a.png", pic)
	html := []byte("<!DOCTYPE html><html><script>alert(1)</script>")
	for _, c := range []struct {
		name, format string
		data         []byte
	}{
		{"pdf.png", formatPDF, pdf},
		{"png.pdf", formatPNG, pic},
		{"jpeg.tif", formatJPEG, jpg},
		{"zip.pdf", formatZip, zipped},
		{"pdf.exe", formatPDF, pdf},
		{"no name at all", formatPNG, pic},
		{"pdf with a zip behind.pdf", formatPDF, append(append([]byte{}, pdf...), zipped...)},
		{"jpeg with a zip behind.zip", formatJPEG, append(append([]byte{}, jpg...), zipped...)},
		{"png with a pdf behind.pdf", formatPNG, append(append([]byte{}, pic...), pdf...)},
		{"page of the web before a pdf.html", formatPDF, append(append([]byte{}, html...), pdf...)},
		{"../../etc/passwd", formatPNG, pic},
	} {
		path := filepath.Join(t.TempDir(), strings.ReplaceAll(c.name, "/", "_"))
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := Open(t.Context(), path, Options{Name: c.name, InProcess: true, CacheDir: cacheDir()})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if _, err := d.Page(t.Context(), 1); err != nil || d.Format() != c.format || d.NumPages() != 1 {
			t.Errorf("%s: %s with %d pages, %v; want one of %s", c.name, d.Format(), d.NumPages(), err, c.format)
		}
		d.Close()
	}
	_, err := openBytes(t, html, Options{Name: "page.pdf"})
	var e *Error
	if !errors.As(err, &e) || e.Kind != Unsupported {
		t.Errorf("a page of the web named as a PDF: %v, want unsupported", err)
	}
}

// Names of members that point out of the archive are shown and never used: no
// file is made anywhere.
func TestZipSlips(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pic := encodePNG(t, corners(8, 8))
	names := []string{"../slip.png", "../../../../../../../../" + dir + "/slip.png", dir + "/slip.png", `..\..\slip.png`, "a/../../slip.png", "C:/slip.png", "/dev/null", "con.png", "a\x00b.png"}
	var members []any
	for _, n := range names {
		members = append(members, n, pic)
	}
	d, err := openChild(t, packed(t, members...), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d.NumPages() != len(names) {
		t.Fatalf("%d pages, want %d", d.NumPages(), len(names))
	}
	for n := range names {
		p, err := d.Page(t.Context(), n+1)
		if err != nil {
			t.Errorf("%q: %v", names[n], err)
		} else if want := clip(names[n], MaxNoteBytes); p.Member != want {
			t.Errorf("page of %q, want %q", p.Member, want)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("a file was made: %v", left)
	}
}

// A page whose image cannot be shown is an error, not a blank page; white paper
// is blank.
func TestMissingImages(t *testing.T) {
	t.Parallel()
	white := imagePDF(8, 8, "/ColorSpace/DeviceGray/BitsPerComponent 8", strings.Repeat("\xff", 64))
	p := pageOf(t, white, Options{}, 1)
	if !p.Blank {
		t.Error("a white scan is not blank")
	}
	lies := binaryJBIG2Page(1<<31, 1<<31)
	for name, c := range map[string]struct {
		data  []byte
		kind  Kind
		limit string
	}{
		"too many pixels":   {imagePDF(30000, 30000, "/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode", string(deflated(make([]byte, 1<<16)...))), TooLarge, "page_pixels"},
		"no JPEG 2000":      {imagePDF(64, 64, "/Filter/JPXDecode", "\xff\x4f\xff\x51nothing"), BadInput, ""},
		"no JPEG":           {imagePDF(64, 64, "/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode", "\xff\xd8\xff\xe0nothing"), BadInput, ""},
		"JBIG2 that lies":   {imagePDF(64, 64, "/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/JBIG2Decode", lies), TooLarge, "page_pixels"},
		"JBIG2 of nothing":  {imagePDF(64, 64, "/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/JBIG2Decode", "nothing at all"), BadInput, ""},
		"within a form":     {writePDF([]pdfPage{{72, 72, "/F Do", "/XObject<</F 12 0 R>>"}}, "", "<</Type/XObject/Subtype/Form/BBox[0 0 72 72]/Resources<</XObject<</I 13 0 R>>>>/Length 24>>stream\nq 72 0 0 72 0 0 cm /I Do Q\nendstream", "<</Type/XObject/Subtype/Image/Width 30000/Height 30000/ColorSpace/DeviceGray/BitsPerComponent 8/Length 1>>stream\nx\nendstream"), TooLarge, "page_pixels"},
		"beside a headline": {writePDF([]pdfPage{{72, 72, "0 g 0 70 72 2 re f q 72 0 0 60 0 0 cm /I Do Q", "/XObject<</I 12 0 R>>"}}, "", "<</Type/XObject/Subtype/Image/Width 64/Height 64/Filter/JPXDecode/Length 8>>stream\nnothing!\nendstream"), BadInput, ""},
	} {
		err := firstPage(t, c.data, Limits{})
		var e *Error
		if !errors.As(err, &e) || e.Kind != c.kind || e.Limit != c.limit || e.Page != 1 || e.Hint == "" {
			t.Errorf("%s: %v, want %s %s with page and hint", name, err, c.kind, c.limit)
		}
	}
}

// Where most of a page is there, what it lost is a note that says which image,
// where and why; the page is read.
func TestPartlyMissingImages(t *testing.T) {
	t.Parallel()
	const bad, vast = "<</Type/XObject/Subtype/Image/Width 64/Height 64/Filter/JPXDecode/Length 8>>stream\nnothing!\nendstream",
		"<</Type/XObject/Subtype/Image/Width 30000/Height 30000/ColorSpace/DeviceGray/BitsPerComponent 8/Length 1>>stream\nx\nendstream"
	form := func(content string) string {
		return fmt.Sprintf("<</Type/XObject/Subtype/Form/BBox[0 0 99 99]/Matrix[1 0 0 1 10 0]/Resources<</XObject<</I 13 0 R>>>>/Length %d>>stream\n%s\nendstream", len(content), content)
	}
	pic := func(content string, objects ...string) []byte {
		return writePDF([]pdfPage{{100, 100, text("F1", 20, 5, 70, "text") + content, "/XObject<</I 12 0 R>>"}}, "", objects...)
	}
	sound := "<</Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8/Length 1>>stream\n\xff\nendstream"
	for name, c := range map[string]struct {
		data []byte
		want string // in the notes, joined; boxes are pixels at 72 dpi
	}{
		"cannot be decoded":    {pic("q 9 0 0 9 0 0 cm /I Do Q", bad), "an image at 0, 91 to 9, 100 is missing: pdf: an image of 64 x 64 pixels (JPXDecode) cannot be decoded"},
		"over the limit":       {pic("q 9 0 0 9 20 0 cm /I Do Q", vast), "an image at 20, 91 to 29, 100 is missing: render: image: too large: page_pixels 900000000 is over the limit of"},
		"on coloured paper":    {pic("1 0 0 rg 0 0 60 60 re f q 9 0 0 9 10 10 cm /I Do Q", bad), "an image at 10, 81 to 19, 90 is missing"},
		"in a moved form":      {pic("q 2 0 0 2 0 0 cm /I Do Q", form("q 9 0 0 9 0 0 cm /I Do Q"), bad), "an image at 20, 82 to 38, 100 is missing"},
		"white and sound":      {pic("q 9 0 0 9 0 0 cm /I Do Q", sound), ""},
		"beyond the page":      {pic("q 9 0 0 9 200 0 cm /I Do Q", bad), ""},
		"covered by something": {pic("q 9 0 0 9 0 0 cm /I Do Q 0 g 0 0 5 9 re f", bad), ""},
	} {
		p := pageOf(t, c.data, Options{DPI: 72}, 1)
		var got []string
		for _, n := range p.Notes {
			if n.Kind != "image" {
				t.Errorf("%s: a note of kind %s", name, n.Kind)
			}
			got = append(got, n.Text)
		}
		if all := strings.Join(got, "; "); !strings.HasPrefix(all, c.want) || c.want == "" && all != "" || p.Blank {
			t.Errorf("%s: blank %v, notes %q, want %q", name, p.Blank, all, c.want)
		}
	}
	two := pic("q 100 0 0 30 0 0 cm /I Do Q q 100 0 0 30 0 30 cm /I Do Q", bad)
	var e *Error
	if err := firstPage(t, two, Limits{}); !errors.As(err, &e) || e.Kind != BadInput || e.Page != 1 {
		t.Errorf("two images that are half of the page: %v, want bad input", err)
	}
}

// A JBIG2 image that brings the header of its file along is read, as other
// readers do.
func TestJBIG2WithFileHeader(t *testing.T) {
	t.Parallel()
	segments := append([]byte(binaryJBIG2Page(8, 8)), 0, 0, 0, 1, 49, 0, 1, 0, 0, 0, 0) // and the end of the page
	segments[27] = 4                                                                    // whose pixels are black at first
	header := jbig2Magic + "\x01\x00\x00\x00\x01"
	for name, data := range map[string]string{"embedded": string(segments), "with file header": header + string(segments)} {
		p := pageOf(t, imagePDF(8, 8, "/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/JBIG2Decode", data), Options{DPI: 72}, 1)
		if c := p.Image.RGBAAt(36, 36); c.R != 0 || len(p.Notes) > 0 {
			t.Errorf("%s: the middle is %v, notes %v", name, c, p.Notes)
		}
	}
	b := imagePDF(8, 8, "/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/JBIG2Decode", header+string(segments))
	patched, ok := withoutFileHeaders(blob{bytes.NewReader(b), int64(len(b))})
	if !ok {
		t.Fatal("the header is not found")
	}
	whole, err := patched.bytes()
	if err != nil || len(whole) != len(b) || bytes.Contains(whole, []byte(jbig2Magic)) {
		t.Errorf("%d bytes of %d, %v", len(whole), len(b), err)
	}
	for off := range whole { // however it is read
		piece := make([]byte, min(5, len(whole)-off))
		if _, err := patched.ReadAt(piece, int64(off)); err != nil || !bytes.Equal(piece, whole[off:off+len(piece)]) {
			t.Fatalf("at %d: %q, %v; want %q", off, piece, err, whole[off:off+len(piece)])
		}
	}
	if _, ok := withoutFileHeaders(blob{strings.NewReader("no " + jbig2Magic), 11}); ok {
		t.Error("a header outside of a stream is changed")
	}
}

// binaryJBIG2Page is a JBIG2 segment of page information.
func binaryJBIG2Page(w, h uint32) string {
	b := []byte{0, 0, 0, 0, 48, 0, 1, 0, 0, 0, 19}
	for _, v := range []uint32{w, h, 0, 0} {
		b = append(b, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
	}
	return string(append(b, 0, 0, 0))
}

// A PDF without a sound table is rebuilt from the objects in it, whatever their
// order; one that is locked is not, nor is one whose pages were deleted.
func TestRebuiltDocuments(t *testing.T) {
	t.Parallel()
	good := writePDF([]pdfPage{{72, 72, text("F1", 20, 5, 30, "one"), ""}, {72, 72, text("F1", 20, 5, 30, "two"), ""}}, "")
	cut := good[:bytes.Index(good, []byte("xref\n0"))]
	noRoot := bytes.Replace(cut, []byte("/Catalog"), []byte("/Ca~alog"), 1)
	d, err := openBytes(t, noRoot, Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantNotes(t, d, []string{"rebuilt:order of the file"})
	for n, want := range []string{"one", "two"} {
		p, err := d.Page(t.Context(), n+1)
		if err != nil || len(p.Text) != 1 || p.Text[0].Text != want {
			t.Errorf("page %d: %v, want %q", n+1, err, want)
		}
	}
	locked := append(append([]byte{}, noRoot...), "trailer <</Encrypt 9 0 R>>"...)
	if _, ok := rebuilt(blob{bytes.NewReader(locked), int64(len(locked))}, 10); ok {
		t.Error("a locked document was rebuilt")
	}
	if _, ok := rebuilt(blob{bytes.NewReader(noRoot), int64(len(noRoot))}, 1); ok {
		t.Error("a document of two pages was rebuilt within a limit of one")
	}
	deleted := bytes.Replace(good, []byte("/Count 2/Kids[10 0 R 12 0 R ]"), []byte("/Count 0/Kids[]              "), 1)
	if _, err := openBytes(t, deleted, Options{}); err == nil {
		t.Error("deleted pages came back")
	}
}

func FuzzRebuilt(f *testing.F) {
	f.Add(writePDF([]pdfPage{{72, 72, "", ""}, {72, 72, "", ""}}, ""))
	f.Add([]byte("%PDF-1.4\n1 0 obj<</Type/Page>>\n1 1 obj<</Type /Page/A 2 0 R>>stream"))
	f.Add([]byte("9999999 65535 obj<</Type/Page>>endobj 1 0 obj"))
	f.Fuzz(func(t *testing.T, b []byte) {
		out, ok := rebuilt(blob{bytes.NewReader(b), int64(len(b))}, 20)
		if !ok {
			return
		}
		data, err := out.bytes()
		if err != nil || !bytes.HasPrefix(data, b) || !bytes.HasSuffix(data, []byte("%%EOF\n")) {
			t.Fatalf("%q became %q", b, data)
		}
	})
}
