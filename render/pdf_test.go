package render

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
)

// inkBox is the box around the dark pixels within a box grown by a margin.
func inkBox(p *Page, b [4]float64, margin float64) [4]float64 {
	out := [4]float64{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	r := p.Image.Rect
	for y := max(int(b[1]-margin), 0); y < min(int(b[3]+margin), r.Dy()); y++ {
		for x := max(int(b[0]-margin), 0); x < min(int(b[2]+margin), r.Dx()); x++ {
			if p.Image.Pix[p.Image.PixOffset(x, y)] < 128 {
				out = [4]float64{math.Min(out[0], float64(x)), math.Min(out[1], float64(y)), math.Max(out[2], float64(x+1)), math.Max(out[3], float64(y+1))}
			}
		}
	}
	return out
}

// Words of the text layer lie on their ink, however the page is turned and
// cropped, and the transform leads back to the place the file gives.
func TestTextLayerLiesOnTheInk(t *testing.T) {
	content := text("F1", 24, 100, 600, "Hamburgefonts") + text("F2", 12, 300, 300, "second")
	for name, c := range map[string]struct {
		extra string
		w, h  int
	}{
		"plain":                  {"", 1700, 2200},
		"cropped":                {"/CropBox[50 200 450 700]", 1111, 1389},
		"turned by 90":           {"/Rotate 90", 2200, 1700},
		"turned by 180":          {"/Rotate 180", 1700, 2200},
		"turned by 270, cropped": {"/Rotate 270/CropBox[50 200 450 700]", 1389, 1111},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pageOf(t, writePDF([]pdfPage{{612, 792, content, c.extra}}, ""), Options{}, 1)
			if p.Image.Rect.Dx() != c.w || p.Image.Rect.Dy() != c.h || p.SourceUnit != "pt" || p.DPI != 200 {
				t.Fatalf("raster %v at %g dpi, want %dx%d", p.Image.Rect, p.DPI, c.w, c.h)
			}
			if len(p.Text) != 2 || p.Text[0].Text != "Hamburgefonts" || p.Text[1].Text != "second" {
				t.Fatalf("words %v", p.Text)
			}
			for _, w := range p.Text {
				ink := inkBox(p, w.Box, 12)
				for k := range ink {
					if math.Abs(ink[k]-w.Box[k]) > 4 {
						t.Errorf("%s: box %.1f, ink %.1f", w.Text, w.Box, ink)
						break
					}
				}
			}
			src := p.ToSource.box(p.Text[0].Box)
			if math.Abs(src[0]-100) > 3 || src[1] < 590 || src[1] > 602 {
				t.Errorf("the word is at %.1f of the source, want its start at 100, 600", src)
			}
		})
	}
}

// A text layer that runs down the page turns the page; one that runs across
// keeps it as it is.
func TestTextLayerTurnsThePage(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	for i := range 20 {
		lines.WriteString(text("F1", 11, 40, float64(560-i*20), prose[i%len(prose)]))
	}
	for name, c := range map[string]struct {
		cm   string // places the landscape text on the portrait page
		want int
	}{
		"up":   {"0 1 -1 0 600 0 cm", 90},
		"down": {"0 -1 1 0 0 792 cm", 270},
	} {
		p := pageOf(t, writePDF([]pdfPage{{612, 792, "q " + c.cm + "\n" + lines.String() + "Q", ""}}, ""), Options{DPI: 100}, 1)
		if p.Rotation != c.want || p.Image.Rect.Dx() < p.Image.Rect.Dy() {
			t.Errorf("%s: turned by %d into %v, want %d into landscape", name, p.Rotation, p.Image.Rect, c.want)
			continue
		}
		var w TextWord // "Nothing" begins the page's only line of that word
		for _, v := range p.Text {
			if v.Text == "Nothing" {
				w = v
			}
		}
		if w.Box[2]-w.Box[0] < w.Box[3]-w.Box[1] {
			t.Errorf("%s: the word is %v", name, w)
			continue
		}
		if ink := inkBox(p, w.Box, 3); math.Abs(ink[0]-w.Box[0]) > 3 || math.Abs(ink[3]-w.Box[3]) > 3 {
			t.Errorf("%s: box %.1f, ink %.1f", name, w.Box, ink)
		}
		x, y := p.ToSource.Apply(0, 0)
		if r := fmt.Sprintf("%.0f %.0f", x, y); name == "up" && r != "0 0" {
			t.Errorf("the corner is %s of the source, want 0 0", r)
		}
	}
}

// scanPDF shows one JPEG on the whole of each page.
func scanPDF(t testing.TB, jpg []byte, w, h int, pageW, pageH float64) []byte {
	img := fmt.Sprintf("<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode/Length %d>>stream\n%s\nendstream", w, h, len(jpg), jpg)
	return writePDF([]pdfPage{{pageW, pageH, fmt.Sprintf("q %g 0 0 %g 0 0 cm /I Do Q", pageW, pageH), "/XObject<</I 12 0 R>>"}}, "", img)
}

func TestScansKeepTheirResolution(t *testing.T) {
	t.Parallel()
	jpg := encodeJPEG(t, corners(600, 800))
	for _, c := range []struct {
		dpi  float64 // of the image on the page
		want int     // width of the raster
	}{{150, 600}, {300, 600}, {399, 600}, {600, 600}, {100, 1200}, {72, 1667}} {
		w, h := 600*72/c.dpi, 800*72/c.dpi
		p := pageOf(t, scanPDF(t, jpg, 600, 800, w, h), Options{}, 1)
		if got := p.Image.Rect.Dx(); got != c.want {
			t.Errorf("a scan at %g dpi is %d wide, want %d", c.dpi, got, c.want)
		}
		if cornerNames(p.Image) != "rgbw" {
			t.Errorf("a scan at %g dpi: corners %s", c.dpi, cornerNames(p.Image))
		}
	}
}

func TestPDFPageLimits(t *testing.T) {
	t.Parallel()
	big := writePDF([]pdfPage{{14400, 14400, text("F1", 500, 100, 100, "wide"), ""}}, "")
	p := pageOf(t, big, Options{Limits: Limits{RasterPixels: 1_000_000}}, 1)
	if n := p.Image.Rect.Dx() * p.Image.Rect.Dy(); n > 1_000_000 || n < 990_000 {
		t.Errorf("a huge page has %d pixels, want just under 1,000,000", n)
	}
	if x, y := p.ToSource.Apply(float64(p.Image.Rect.Dx()), 0); math.Abs(x-14400) > 1 || math.Abs(y-14400) > 1 {
		t.Errorf("its corner is %g, %g of the source", x, y)
	}
	d, err := openBytes(t, writePDF([]pdfPage{{2 * MaxPagePoints, 100, "", ""}, {100, 100, "", ""}}, ""), Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Page(t.Context(), 1)
	wantLimit(t, err, "page_points")
	if _, err := d.Page(t.Context(), 2); err != nil {
		t.Errorf("its neighbour: %v", err)
	}
	three := writePDF([]pdfPage{{9, 9, "", ""}, {9, 9, "", ""}, {9, 9, "", ""}}, "")
	if _, err := openBytes(t, three, Options{Limits: Limits{Pages: 3}}); err != nil {
		t.Error(err)
	}
	_, err = openBytes(t, three, Options{Limits: Limits{Pages: 2}})
	wantLimit(t, err, "pages")
}

func TestPageNumbers(t *testing.T) {
	t.Parallel()
	d, err := openBytes(t, writePDF([]pdfPage{{100, 100, "", ""}}, ""), Options{Name: "my.pdf"})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, -1, 2} {
		_, err := d.Page(t.Context(), n)
		var e *Error
		if !errors.As(err, &e) || e.Kind != BadInput || e.File != "my.pdf" {
			t.Errorf("page %d: %v, want bad input with the file's name", n, err)
		}
	}
}

// encrypted writes a PDF that says "secret", for the user's password and that of
// the owner, "owner".
func encrypted(t testing.TB, password string) []byte {
	t.Helper()
	plain := writePDF([]pdfPage{{200, 100, text("F1", 20, 20, 40, "secret"), ""}}, "")
	var b bytes.Buffer
	conf := model.NewAESConfiguration(password, "owner", 256)
	conf.Offline = true
	if err := api.Encrypt(bytes.NewReader(plain), &b, conf); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	data := encrypted(t, "opén")
	for pw, ok := range map[string]bool{"opén": true, "owner": true, "": false, "wrong": false} {
		d, err := openBytes(t, data, Options{Password: pw})
		if !ok {
			var e *Error
			if !errors.As(err, &e) || e.Kind != BadInput || !strings.Contains(e.Hint, "password") {
				t.Errorf("password %q: %v, want bad input and a hint about the password", pw, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("password %q: %v", pw, err)
			continue
		}
		if p, err := d.Page(t.Context(), 1); err != nil || len(p.Text) != 1 || p.Text[0].Text != "secret" {
			t.Errorf("password %q: page %v, %v", pw, p, err)
		}
	}
}

func TestFormsAndAnnotationsAreDrawn(t *testing.T) {
	t.Parallel()
	look := func(s string) string {
		return fmt.Sprintf("<</Type/XObject/Subtype/Form/BBox[0 0 100 30]/Length %d>>stream\n%s\nendstream", len(s), s)
	}
	data := writePDF([]pdfPage{{300, 100, "", "/Annots[12 0 R 14 0 R]"}}, "/AcroForm<</Fields[12 0 R]>>",
		"<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/F 4/Rect[10 10 110 40]/AP<</N 13 0 R>>>>", look("0 g 0 0 100 30 re f"),
		"<</Type/Annot/Subtype/Stamp/F 4/Rect[150 10 250 40]/AP<</N 15 0 R>>>>", look("0 g 0 0 100 30 re f"))
	p := pageOf(t, data, Options{DPI: 72}, 1)
	for name, x := range map[string]int{"the form field": 60, "the stamp": 200} {
		if c := p.Image.RGBAAt(x, 75); c.R > 60 {
			t.Errorf("%s is not drawn: %v", name, c)
		}
	}
}

func TestTransparentPagesAreOnWhite(t *testing.T) {
	t.Parallel()
	data := writePDF([]pdfPage{{100, 100, "/G gs 0 g 0 0 50 100 re f", "/XObject<<>>/Group<</S/Transparency/CS/DeviceRGB>>"}}, "")
	data = bytes.Replace(data, []byte("/XObject<<>>"), []byte("/ExtGState<</G<</ca 0.5>>>>"), 1)
	p := pageOf(t, data, Options{DPI: 72}, 1)
	l, r := p.Image.RGBAAt(25, 50), p.Image.RGBAAt(75, 50)
	if r.R != 255 || l.R < 120 || l.R > 136 || l.A != 255 {
		t.Errorf("half black is %v, nothing is %v; want grey 128 and white", l, r)
	}
}

func BenchmarkPDFPage(b *testing.B) {
	d, err := openBytes(b, writePDF([]pdfPage{prosePage("F2", 10, "")}, ""), Options{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := d.Page(b.Context(), 1); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pages/s")
}

func BenchmarkJPEGPage(b *testing.B) {
	page := pageOf(b, writePDF([]pdfPage{prosePage("F2", 10, "")}, ""), Options{}, 1)
	d, err := openBytes(b, encodeJPEG(b, page.Image), Options{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := d.Page(b.Context(), 1); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pages/s")
}

// The fall-back fonts have a name that changes with them.
func TestFontsHaveAFingerprint(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	folder := filepath.Join(root, "usr/share/fonts/truetype")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{Fonts([]string{root}): true}
	for _, f := range []struct {
		name, data string
		changes    bool
	}{{"NotoSansCJK-Regular.ttc", "one", true}, {"SomethingElse.ttf", "not asked for", false}, {"DejaVuSans.ttf", "two", true}, {"DejaVuSans.ttf", "larger", true}} {
		if err := os.WriteFile(filepath.Join(folder, f.name), []byte(f.data), 0o600); err != nil {
			t.Fatal(err)
		}
		now := Fonts([]string{"/nowhere", root})
		if seen[now] == f.changes {
			t.Errorf("with %s the fonts are %s, seen %v", f.name, now, seen)
		}
		seen[now] = true
	}
	if !seen["none"] {
		t.Error("a folder without fonts has some")
	}
}
