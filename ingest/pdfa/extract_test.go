package pdfa

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/text/unicode/norm"

	"palimpsest.dev/render"
)

// samples are pages of the repository with the words that stand on them.
var samples = []string{"letter-clean.png", "survey-dirty.jpg", "minutes-skewed.jpg", "invoice-sideways.png", "bulletin-columns.png", "receipt.jpg"}

// drawn keeps the samples' pages: drawing them takes longer than writing them.
var drawn struct {
	sync.Mutex
	pages map[string]Page
}

// samplePage makes a page of a sample and its words.
func samplePage(t *testing.T, name string) Page {
	t.Helper()
	drawn.Lock()
	defer drawn.Unlock()
	if p, ok := drawn.pages[name]; ok {
		return p
	}
	page := drawSample(t, name)
	if drawn.pages == nil {
		drawn.pages = map[string]Page{}
	}
	drawn.pages[name] = page
	return page
}

func drawSample(t *testing.T, name string) Page {
	t.Helper()
	dir := filepath.Join("..", "..", "samples")
	src, err := render.Open(t.Context(), filepath.Join(dir, name), render.Options{InProcess: true})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	p, err := src.Page(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := render.EncodePNG(&b, p.Image); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, strings.TrimSuffix(name, filepath.Ext(name))+".gt.json"))
	if err != nil {
		t.Fatal(err)
	}
	var truth struct {
		Words []struct {
			Text string     `json:"text"`
			Box  [4]float64 `json:"bbox"`
			Line int        `json:"line"`
		} `json:"words"`
	}
	if err := json.Unmarshal(raw, &truth); err != nil {
		t.Fatal(err)
	}
	size := p.Image.Bounds().Size()
	page := Page{PNG: b.Bytes(), Width: float64(size.X) * 72 / 150, Height: float64(size.Y) * 72 / 150}
	last := -1
	for _, w := range truth.Words {
		if w.Line != last {
			page.Lines, last = append(page.Lines, Line{}), w.Line
		}
		n := len(page.Lines) - 1
		page.Lines[n] = append(page.Lines[n], Word{Text: w.Text, Box: w.Box})
	}
	return page
}

// pixels is a picture's size.
func pixels(t *testing.T, p Page) (w, h int) {
	t.Helper()
	head, _, err := chunks(p.PNG)
	if err != nil {
		t.Fatal(err)
	}
	return head.width, head.height
}

// extracted is a word as another program finds it, in the page's pixels.
type extracted struct {
	text string
	box  [4]float64
}

// compare matches words by their place and returns how many are there with
// their text, and the largest distance of a side.
func compare(page Page, got []extracted) (found, all int, worst float64, missing []string) {
	used := make([]bool, len(got))
	for _, line := range page.Lines {
		for _, w := range line {
			all++
			best, at := 1e9, -1
			for i, g := range got {
				if used[i] || g.text != w.Text {
					continue
				}
				d := 0.0
				for k := range 4 {
					d = max(d, math.Abs(g.box[k]-w.Box[k]))
				}
				if d < best {
					best, at = d, i
				}
			}
			if at < 0 || best > 20 {
				missing = append(missing, fmt.Sprintf("%q at %v", w.Text, w.Box))
				continue
			}
			used[at] = true
			found++
			worst = max(worst, best)
		}
	}
	return found, all, worst, missing
}

func cacheDir() string {
	d, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(d, "palimpsest", "render")
}

// TestPDFiumFindsTheWordsAtTheirPlaces opens what was written with the PDF
// library that draws our pages, and compares words, boxes and pixels.
func TestPDFiumFindsTheWordsAtTheirPlaces(t *testing.T) {
	t.Parallel()
	if underRace {
		t.Skip("PDFium takes minutes under the race detector and has no goroutine")
	}
	var pages []Page
	all := append(slices.Clone(samples), "ledger.tif") // which has its words page by page, and two tones
	for _, name := range all {
		pages = append(pages, samplePage(t, name))
	}
	file := filepath.Join(t.TempDir(), "samples.pdf")
	content := write(t, Info{Title: "Samples", Producer: "test"}, pages...)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	doc, err := render.Open(t.Context(), file, render.Options{InProcess: true, CacheDir: cacheDir(), DPI: 150, NoRotation: true})
	if err != nil {
		t.Fatal(err)
	}
	defer doc.Close()
	if doc.NumPages() != len(pages) {
		t.Fatalf("%d pages, want %d", doc.NumPages(), len(pages))
	}
	for i, want := range pages {
		p, err := doc.Page(t.Context(), i+1)
		if err != nil {
			t.Fatal(err)
		}
		w, h := pixels(t, want)
		if s := p.Image.Bounds().Size(); s.X != w || s.Y != h {
			t.Errorf("%s: drawn %v, the picture is %d x %d", all[i], s, w, h)
		}
		if d := difference(t, want.PNG, p.Image); d > 2.5 {
			t.Errorf("%s: its pixels differ by %.2f of 255 on the average", all[i], d)
		} else {
			t.Logf("%s: pixels differ by %.2f of 255 on the average", all[i], d)
		}
		var got []extracted
		for _, word := range p.Text {
			got = append(got, extracted{word.Text, word.Box})
		}
		found, words, worst, missing := compare(want, got)
		t.Logf("%s: PDFium finds %d of %d words, boxes within %.2f pixels; picture %d bytes, stored %d", all[i], found, words, worst, len(want.PNG), stored(t, want))
		if found < words || worst > 1 {
			t.Errorf("%s: %d of %d words, boxes within %.2f; not found: %v", all[i], found, words, worst, missing)
		}
	}
	t.Logf("%d pages: %d bytes", len(pages), len(content))
}

// difference is how far the pixels of two pictures are apart, on the average.
func difference(t *testing.T, file []byte, drawn *image.RGBA) float64 {
	t.Helper()
	want, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if want.Bounds().Size() != drawn.Rect.Size() {
		return 255
	}
	sum := 0
	for y := range drawn.Rect.Dy() {
		for x := range drawn.Rect.Dx() {
			a := color.GrayModel.Convert(want.At(x, y)).(color.Gray).Y
			b := color.GrayModel.Convert(drawn.At(x, y)).(color.Gray).Y
			sum += max(int(a)-int(b), int(b)-int(a))
		}
	}
	return float64(sum) / float64(drawn.Rect.Dx()*drawn.Rect.Dy())
}

func stored(t *testing.T, p Page) int {
	t.Helper()
	pic, err := encode(p.PNG)
	if err != nil {
		t.Fatal(err)
	}
	return len(pic.data)
}

// TestPopplerFindsTheWordsAtTheirPlaces does the same with Poppler's pdftotext.
func TestPopplerFindsTheWordsAtTheirPlaces(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Skip("no pdftotext on this machine (Debian's poppler-utils)")
	}
	var pages []Page
	for _, name := range samples {
		pages = append(pages, samplePage(t, name))
	}
	file := filepath.Join(t.TempDir(), "samples.pdf")
	if err := os.WriteFile(file, write(t, Info{Title: "Samples", Producer: "test"}, pages...), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), program, "-bbox", file, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := popplerWords(t, out)
	if len(found) != len(pages) {
		t.Fatalf("%d pages, want %d", len(found), len(pages))
	}
	for i, want := range pages {
		got := found[i]
		for k := range got {
			for c := range got[k].box {
				got[k].box[c] *= 150.0 / 72
			}
		}
		n, all, worst, missing := compare(want, got)
		t.Logf("%s: Poppler finds %d of %d words, boxes within %.2f pixels", samples[i], n, all, worst)
		if n < all || worst > 1 {
			t.Errorf("%s: %d of %d words, boxes within %.2f; not found: %v", samples[i], n, all, worst, missing)
		}
	}
	// In the order of the stream the words stand as they are read.
	raw, err := exec.CommandContext(t.Context(), program, "-raw", file, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	var read []string
	for _, p := range pages {
		for _, l := range p.Lines {
			for _, w := range l {
				read = append(read, w.Text)
			}
		}
	}
	if got := strings.Fields(string(raw)); !slices.Equal(got, read) {
		for i := range min(len(got), len(read)) {
			if got[i] != read[i] {
				t.Errorf("word %d in the order of the stream is %q, want %q", i, got[i], read[i])
				break
			}
		}
	}
}

// TestEveryScriptCanBeExtracted reads words of many scripts back. PDFium's
// interface hands out halves of the characters beyond the first plane, so of
// those it tells nothing.
func TestEveryScriptCanBeExtracted(t *testing.T) {
	t.Parallel()
	if underRace {
		t.Skip("PDFium takes minutes under the race detector and has no goroutine")
	}
	file := filepath.Join(t.TempDir(), "scripts.pdf")
	if err := os.WriteFile(file, write(t, Info{}, odd(t)[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	doc, err := render.Open(t.Context(), file, render.Options{InProcess: true, CacheDir: cacheDir(), DPI: 150, NoRotation: true})
	if err != nil {
		t.Fatal(err)
	}
	defer doc.Close()
	p, err := doc.Page(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range p.Text {
		got = append(got, w.Text)
	}
	for i, w := range languages {
		beyond := strings.ContainsFunc(w, func(r rune) bool { return r > 0xffff })
		if i < len(got) && got[i] != w && norm.NFKC.String(w) != norm.NFKC.String(got[i]) && !beyond {
			t.Errorf("PDFium reads %q as %q", w, got[i])
		}
	}
	if len(got) != len(languages) {
		t.Errorf("PDFium finds %d words, want %d", len(got), len(languages))
	}
	program, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Skip("no pdftotext on this machine (Debian's poppler-utils)")
	}
	out, err := exec.CommandContext(t.Context(), program, "-raw", file, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	marks := strings.NewReplacer("\u202a", "", "\u202b", "", "\u202c", "") // of direction
	if got := strings.Fields(marks.Replace(string(out))); !slices.Equal(got, strings.Fields(norm.NFC.String(strings.Join(languages, " ")))) &&
		!slices.Equal(got, languages) {
		t.Errorf("Poppler reads %q", got)
	}
}

// popplerWords reads the output of pdftotext -bbox, page by page.
func popplerWords(t *testing.T, out []byte) [][]extracted {
	t.Helper()
	var pages [][]extracted
	d := xml.NewDecoder(bytes.NewReader(out))
	d.Strict = false
	d.Entity = xml.HTMLEntity
	for {
		token, err := d.Token()
		if err != nil {
			return pages
		}
		start, ok := token.(xml.StartElement)
		switch {
		case ok && start.Name.Local == "page":
			pages = append(pages, nil)
		case ok && start.Name.Local == "word":
			var w extracted
			for _, a := range start.Attr {
				v, err := strconv.ParseFloat(a.Value, 64)
				if err != nil {
					t.Fatal(err)
				}
				w.box[slices.Index([]string{"xMin", "yMin", "xMax", "yMax"}, a.Name.Local)] = v
			}
			if err := d.DecodeElement(&w.text, &start); err != nil {
				t.Fatal(err)
			}
			pages[len(pages)-1] = append(pages[len(pages)-1], w)
		}
	}
}
