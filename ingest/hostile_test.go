package ingest

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"os"
	"strings"
	"testing"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"

	"palimpsest.dev/render"
	"palimpsest.dev/store"
)

// hostile is a file that is not what a sender would wish, and how it must end.
type hostile struct {
	name, password string
	data           []byte
	state          store.DocumentState
	format         string            // what it turns out to be, where it opens
	pages          []store.PageState // where it opens
	words          string            // of the pages that could be read
	notes          string            // in those of the first page's run
	failure        store.Failure     // of the document: message and hint are parts of what is said
	page           int               // the page at fault; 0: the file
	members        string            // names within an archive
}

// hostileLimits are small, so that small files pass them.
var hostileLimits = render.Limits{FileBytes: 1 << 20, Pages: 12, MemberBytes: 1 << 19}

const (
	done = store.PageDone
	torn = store.PageFailed
)

func hostileFiles(t *testing.T) []hostile {
	pic := bars(t, 160, 120)
	ink := "BT /F 12 Tf 14 TL 20 150 Td (The clerk kept a page) Tj T* (for the mill, the ferry) Tj T* (and the two bridges.) Tj ET"
	lost := "q 200 0 0 200 0 0 cm /I Do Q" // no JPEG
	cut := func(b []byte) []byte { return b[:len(b)*2/3] }
	ledger, err := os.ReadFile(sample("ledger.tif"))
	if err != nil {
		t.Fatal(err)
	}
	return []hostile{
		{name: "empty.pdf", state: store.DocumentFailed,
			failure: store.Failure{Kind: store.KindBadInput, Message: "empty.pdf: sniff: bad input: the file is empty", Hint: "send it again"}},
		{name: "cut.png", data: cut(pic), state: store.DocumentFailed, format: "png", pages: []store.PageState{torn}, page: 1,
			failure: store.Failure{Kind: store.KindBadInput, Message: "cut.png: page 1: decode: bad input", Hint: "send it again"}},
		{name: "cut.tif", data: cut(ledger), state: store.DocumentPartial, format: "tiff", pages: []store.PageState{done, torn}, words: "page1w", page: 2,
			failure: store.Failure{Kind: store.KindBadInput, Message: "cut.tif: page 2: page: bad input: tiff: the chain of images breaks off", Hint: "send it again"}},
		{name: "cut.pdf", data: pdfOf(ink, ink)[:40], state: store.DocumentFailed,
			failure: store.Failure{Kind: store.KindBadInput, Message: "cut.pdf: open: bad input: pdf: the document cannot be read", Hint: "export or send it again"}},
		{name: "locked.pdf", data: locked(t, pdfOf(ink), "sesame"), state: store.DocumentFailed,
			failure: store.Failure{Kind: store.KindBadInput, Message: "locked.pdf: open: bad input: pdf: the document is encrypted", Hint: "give its password"}},
		{name: "locked, wrong key.pdf", password: "open", data: locked(t, pdfOf(ink), "sesame"), state: store.DocumentFailed,
			failure: store.Failure{Kind: store.KindBadInput, Message: "the password is wrong", Hint: "give the right password"}},
		{name: "unlocked.pdf", password: "sesame", data: locked(t, pdfOf(ink), "sesame"), state: store.DocumentComplete, format: "pdf",
			pages: []store.PageState{done}, words: "page1w"},
		{name: "lies.png", data: sized(pic, 60_000, 60_000), state: store.DocumentFailed,
			failure: store.Failure{Kind: store.KindTooLarge, Limit: "page_pixels", Message: "page_pixels 3600000000 is over the limit of 167772160", Hint: "scale the image down"}},
		{name: "huge.png", data: append(bytes.Clone(pic), make([]byte, 1<<20)...), state: store.DocumentFailed,
			failure: store.Failure{Kind: store.KindTooLarge, Limit: "file_bytes", Message: "is over the limit of 1 MiB", Hint: "split the file"}},
		{name: "long.pdf", data: pdfOf(make([]string, 13)...), state: store.DocumentFailed,
			failure: store.Failure{Kind: store.KindTooLarge, Limit: "pages", Message: "long.pdf: open: too large: pages 13 is over the limit of 12", Hint: "split the document"}},
		{name: "picture.pdf", data: pic, state: store.DocumentComplete, format: "png", pages: []store.PageState{done}, words: "page1w"},
		{name: "letter.png", data: []byte("Dear Sir,\n"), state: store.DocumentFailed,
			failure: store.Failure{Kind: store.KindUnsupported, Message: "letter.png: sniff: unsupported: the file is plain text", Hint: "nothing"}},
		{name: "one bad page.pdf", data: pdfOf(ink, lost, ink), state: store.DocumentPartial, format: "pdf",
			pages: []store.PageState{done, torn, done}, words: "page1w page3w", page: 2,
			failure: store.Failure{Kind: store.KindBadInput, Message: "1 of 3 page runs failed; the first reason: render: one bad page.pdf: page 2: page: bad input: pdf: an image of 9 x 9 pixels (DCTDecode) cannot be decoded", Hint: "scan or export the page again"}},
		{name: "small loss.pdf", data: pdfOf(ink + " q 20 0 0 20 170 10 cm /I Do Q"), state: store.DocumentComplete, format: "pdf", pages: []store.PageState{done}, words: "page1w",
			notes: "an image at 472, 472 to 529, 529 is missing: pdf: an image of 9 x 9 pixels (DCTDecode) cannot be decoded"},
		{name: "parcel.zip", data: parcel(t, "a.png", pic, "b.png", cut(pic), "c.png", sized(pic, 50_000, 50_000), "big.png", append(bytes.Clone(pic), make([]byte, 1<<19)...), "../d.png", pic),
			state: store.DocumentPartial, format: "zip", pages: []store.PageState{done, torn, torn, torn, done}, words: "page1w page5w", page: 2, members: "a.png ../d.png",
			failure: store.Failure{Kind: store.KindBadInput, Message: "3 of 5 page runs failed; the first reason: render: parcel.zip: page 2: ", Hint: "send it again"}},
	}
}

// Files that are cut off, locked, lying, empty, too large or under a false name
// go through upload, queue, database and the renderer's own process. Each ends
// in a state that says how it ended, with a reason that names file, page, limit
// and remedy, kept with the document and with the page; the pages beside a bad
// one are read.
func TestHostileFilesEndWell(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.limits = hostileLimits
	p.work(t, tasks{"ocr": wholePage()}, says("w"), scripted)
	files := hostileFiles(t)
	ids := make([]store.DocumentID, len(files))
	for i, f := range files {
		ids[i] = p.submitHostile(t, f)
	}
	for i, f := range files {
		t.Run(f.name, func(t *testing.T) {
			d := p.end(t, ids[i])
			if d.State != f.state || d.Format != f.format || d.Pages != len(f.pages) {
				t.Errorf("%s of %d pages, %s; want %s of %d, %s", d.Format, d.Pages, d.State, f.format, len(f.pages), f.state)
			}
			checkFailure(t, "document", d.Failure, f)
			pages, err := p.store.Pages(t.Context(), ids[i])
			if err != nil || len(pages) != len(f.pages) {
				t.Fatalf("%d pages are stored, %v; want %d", len(pages), err, len(f.pages))
			}
			var members []string
			for n, page := range pages {
				if got := page.Runs[0].State; got != f.pages[n] {
					t.Errorf("page %d is %s, want %s", n+1, got, f.pages[n])
				}
				if page.Member != "" {
					members = append(members, page.Member)
				}
				if f.pages[n] == torn {
					checkTorn(t, page)
				}
			}
			if len(pages) > 0 && strings.Join(pages[0].Runs[0].Notes, "; ") != f.notes {
				t.Errorf("notes of the first page %q, want %q", pages[0].Runs[0].Notes, f.notes)
			}
			if f.page > 0 {
				checkFailure(t, "page", pages[f.page-1].Failure, f)
			}
			if got := strings.Join(members, " "); got != f.members {
				t.Errorf("members %q, want %q", got, f.members)
			}
			if words, _ := p.words(t, ids[i]); strings.Join(words, " ") != f.words {
				t.Errorf("words %q, want %q", words, f.words)
			}
		})
	}
}

func (p *place) submitHostile(t *testing.T, f hostile) store.DocumentID {
	t.Helper()
	o, err := p.blobs.PutBytes(t.Context(), f.data, "application/octet-stream")
	if err != nil {
		t.Fatal(err)
	}
	d, _, err := p.store.Submit(t.Context(), store.NewDocument{Name: f.name, Hash: o.Hash, Bytes: o.Bytes, Password: f.password,
		Runs: []store.NewRun{{Task: "ocr"}}})
	if err != nil {
		t.Fatal(err)
	}
	return d.ID
}

// checkFailure compares the reason kept somewhere with the one expected; the
// message kept with a page lacks what the document's says of the others.
func checkFailure(t *testing.T, where string, got *store.Failure, f hostile) {
	t.Helper()
	want := f.failure
	if want.Kind == "" {
		if got != nil {
			t.Errorf("%s: failure %+v, want none", where, got)
		}
		return
	}
	if where == "page" {
		_, reason, cut := strings.Cut(want.Message, "the first reason: ")
		if cut {
			want.Message = reason
		}
	}
	if got == nil || got.Kind != want.Kind || got.Limit != want.Limit || got.Page != f.page ||
		!strings.Contains(got.Message, want.Message) || !strings.Contains(got.Message, f.name) || !strings.Contains(got.Hint, want.Hint) {
		t.Errorf("%s: failure %+v,\nwant %+v on page %d", where, got, want, f.page)
	}
}

// checkTorn wants a page that could not be drawn to say so, and its run too,
// with the file's name, its own number and a remedy.
func checkTorn(t *testing.T, page store.PageStatus) {
	t.Helper()
	for _, f := range []*store.Failure{page.Failure, page.Runs[0].Failure} {
		if f == nil || f.Page != page.Number || f.Kind == store.KindInternal || f.Hint == "" || !strings.Contains(f.Message, fmt.Sprintf(": page %d: ", page.Number)) {
			t.Errorf("page %d: failure %+v", page.Number, f)
		}
	}
	if page.RasterHash != "" || page.Runs[0].Attempts != 0 {
		t.Errorf("page %d has raster %q after %d attempts at reading it", page.Number, page.RasterHash, page.Runs[0].Attempts)
	}
}

// bars is a picture of dark lines.
func bars(t *testing.T, w, h int) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetGray(x, y, color.Gray{Y: 255})
			if y/8%3 == 1 && x > 20 && x < w-20 {
				m.SetGray(x, y, color.Gray{Y: uint8(x * y)})
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sized makes a PNG say that it is larger than it is.
func sized(data []byte, w, h uint32) []byte {
	b := bytes.Clone(data)
	binary.BigEndian.PutUint32(b[16:], w)
	binary.BigEndian.PutUint32(b[20:], h)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

// pdfOf writes a PDF of pages of 200 points with these contents. /F is a font,
// /I an image that no decoder takes.
func pdfOf(contents ...string) []byte {
	var b bytes.Buffer
	var table []string
	put := func(n int, format string, args ...any) {
		table = append(table, fmt.Sprintf("%d 1\n%010d 00000 n \n", n, b.Len()))
		fmt.Fprintf(&b, "%d 0 obj\n"+format+"\nendobj\n", append([]any{n}, args...)...)
	}
	b.WriteString("%PDF-1.7\n")
	put(1, "<</Type/Catalog/Pages 2 0 R>>")
	var kids strings.Builder
	for i, c := range contents {
		fmt.Fprintf(&kids, "%d 0 R ", 10+2*i)
		put(10+2*i, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents %d 0 R/Resources<</Font<</F 3 0 R>>/XObject<</I 4 0 R>>>>>>", 11+2*i)
		put(11+2*i, "<</Length %d>>stream\n%s\nendstream", len(c), c)
	}
	put(2, "<</Type/Pages/Count %d/Kids[%s]>>", len(contents), kids.String())
	put(3, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
	put(4, "<</Type/XObject/Subtype/Image/Width 9/Height 9/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode/Length 9>>stream\n\xff\xd8nothing\nendstream")
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 1\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", strings.Join(table, ""), 12+2*len(contents), start)
	return b.Bytes()
}

// locked encrypts a PDF.
func locked(t *testing.T, data []byte, password string) []byte {
	t.Helper()
	var b bytes.Buffer
	conf := model.NewAESConfiguration(password, "owner", 256)
	conf.Offline = true
	if err := api.Encrypt(bytes.NewReader(data), &b, conf); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// parcel packs names and contents into a zip.
func parcel(t *testing.T, members ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		w, err := z.Create(members[i].(string))
		if err == nil {
			_, err = w.Write(members[i+1].([]byte))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
