package render

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// The x-heights of the standard fonts in thousandths of the size, from their
// metrics.
var fontXHeight = map[string]float64{"F1": 0.523, "F2": 0.450, "F3": 0.426, "F4": 0.532}

func TestXHeightOfKnownText(t *testing.T) {
	fonts, sizes := []string{"F1", "F2", "F3", "F4"}, []float64{7, 9, 11, 14, 24}
	if raceEnabled {
		fonts, sizes = fonts[:1], sizes[2:3]
	}
	for _, font := range fonts {
		for _, size := range sizes {
			t.Run(fmt.Sprintf("%s-%g", font, size), func(t *testing.T) {
				t.Parallel()
				p := pageOf(t, writePDF([]pdfPage{prosePage(font, size, "")}, ""), Options{}, 1)
				want := fontXHeight[font] * size * 200 / 72
				if math.Abs(p.XHeight-want) > 0.08*want+0.8 {
					t.Errorf("x-height %.1f, want %.1f", p.XHeight, want)
				}
				for _, l := range p.Lines {
					if math.Abs(l.XHeight-want) > 0.2*want+1 {
						t.Errorf("line %v: x-height %.1f, want %.1f", l.Box, l.XHeight, want)
					}
				}
			})
		}
	}
}

// found reports how much of a box's width lines of about its height cover.
func found(lines []TextLine, b [4]float64) float64 {
	n, w := 0, 0
	for x := b[0] + 0.5; x < b[2]; x++ {
		w++
		for _, l := range lines {
			if x >= l.Box[0] && x < l.Box[2] && math.Min(b[3], l.Box[3])-math.Max(b[1], l.Box[1]) > 0.5*(b[3]-b[1]) {
				n++
				break
			}
		}
	}
	return float64(n) / math.Max(float64(w), 1)
}

// Everything on a busy page is found: big and small, alone and in boxes, light
// on dark, grey.
func TestLinesFindAllText(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(text("F4", 60, 60, 700, "Big Heading"))
	b.WriteString(text("F1", 30, 60, 650, "Subheading"))
	b.WriteString(text("F1", 5, 60, 620, "small print at the foot of a contract that nobody reads"))
	b.WriteString(text("F1", 11, 500, 620, "7"))
	b.WriteString(text("F1", 11, 60, 580, "alone"))
	b.WriteString(text("F3", 10, 400, 580, "1,234.56"))
	// A table with rules.
	for r := range 6 {
		for c := range 4 {
			x, y := 60+float64(c)*100, 540-float64(r)*18
			fmt.Fprintf(&b, "0.7 w %g %g 100 18 re S\n", x, y-5)
			b.WriteString(text("F1", 9, x+4, y, fmt.Sprintf("cell %d%d", r, c)))
		}
	}
	// White on black, black on grey, grey on white.
	b.WriteString("0 g 60 380 300 20 re f 1 g\n" + text("F4", 11, 70, 386, "Inverse header text"))
	b.WriteString("0.7 g 60 340 300 20 re f 0 g\n" + text("F1", 11, 70, 346, "Text on a tinted box"))
	b.WriteString("0.6 g\n" + text("F1", 11, 60, 310, "Faint grey text that is meant to be read") + "0 g\n")
	b.WriteString("1 0 0 rg\n" + text("F1", 11, 60, 280, "Red text in the middle") + "0 g\n")
	b.WriteString("60 246 m 300 246 l S\n" + text("F1", 11, 60, 250, "Underlined words gypsy"))
	b.WriteString(text("F1", 11, 60, 200, "A B C D"))
	b.WriteString(text("F1", 11, 60, 170, "..........................  12"))
	p := pageOf(t, writePDF([]pdfPage{{612, 792, b.String(), ""}}, ""), Options{}, 1)
	for _, w := range p.Text {
		if strings.Trim(w.Text, ".") == "" {
			continue
		}
		if c := found(p.Lines, w.Box); c < 0.7 {
			t.Errorf("%q at %.0f is covered only to %.2f by lines", w.Text, w.Box, c)
		}
	}
}

func TestTextHeightsAreToldApart(t *testing.T) {
	t.Parallel()
	c := text("F1", 28, 72, 700, "A large heading here") + text("F1", 10, 72, 650, "and a line of body text below it, long enough to measure") +
		text("F1", 6, 72, 600, "with a footnote in small type under everything else on the page") + text("F1", 10, 72, 560, "ALL CAPITALS 12345")
	p := pageOf(t, writePDF([]pdfPage{{612, 792, c, ""}}, ""), Options{}, 1)
	if len(p.Lines) != 4 {
		t.Fatalf("%d lines, want 4: %v", len(p.Lines), p.Lines)
	}
	for i, size := range []float64{28, 10, 6, 10} {
		want := 0.523 * size * 200 / 72
		if got := p.Lines[i].XHeight; math.Abs(got-want) > 0.15*want {
			t.Errorf("line %d: x-height %.1f, want about %.1f", i, got, want)
		}
	}
}

// paper is a page of grainy paper.
func paper(w, h int, level, grain float64, seed uint64) *image.Gray {
	r := rand.New(rand.NewPCG(seed, 1))
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = uint8(math.Max(0, math.Min(255, level+grain*r.NormFloat64())))
	}
	return m
}

// stamp darkens the paper by a page's ink, mirrored or not.
func stamp(dst *image.Gray, src *image.RGBA, share float64, mirrored bool) {
	w := dst.Rect.Dx()
	for y := range dst.Rect.Dy() {
		for x := range w {
			u := x
			if mirrored {
				u = w - 1 - x
			}
			ink := share * (1 - float64(src.Pix[src.PixOffset(u, y)])/255)
			i := dst.PixOffset(x, y)
			dst.Pix[i] = uint8(float64(dst.Pix[i]) * (1 - ink))
		}
	}
}

func TestBlankPages(t *testing.T) {
	t.Parallel()
	const w, h = 1240, 1754
	page := pageOf(t, writePDF([]pdfPage{prosePage("F2", 12, "")}, ""), Options{DPI: 150}, 1)
	behind := Resize(page.Image, [4]float64{0, 0, float64(page.Image.Rect.Dx()), float64(page.Image.Rect.Dy())}, w, h)
	cases := map[string]struct {
		make  func() *image.Gray
		blank bool
	}{
		"white":         {func() *image.Gray { return paper(w, h, 255, 0, 1) }, true},
		"grain":         {func() *image.Gray { return paper(w, h, 232, 7, 2) }, true},
		"coarse grain":  {func() *image.Gray { return paper(w, h, 215, 14, 3) }, true},
		"dark":          {func() *image.Gray { return paper(w, h, 90, 4, 4) }, true},
		"black":         {func() *image.Gray { return paper(w, h, 8, 4, 4) }, true},
		"shine through": {func() *image.Gray { m := paper(w, h, 238, 4, 5); stamp(m, behind, 0.10, true); return m }, true},
		"specks": {func() *image.Gray {
			m := paper(w, h, 240, 4, 6)
			r := rand.New(rand.NewPCG(7, 7))
			for range 300 {
				x, y, s := r.IntN(w-4), r.IntN(h-4), 1+r.IntN(3)
				for j := range s {
					for i := range s {
						m.SetGray(x+i, y+j, color.Gray{uint8(r.IntN(90))})
					}
				}
			}
			return m
		}, true},
		"scanner edges": {func() *image.Gray {
			m := paper(w, h, 238, 4, 8)
			for y := range h {
				for x := range 30 {
					m.Pix[y*m.Stride+x] = uint8(20 + 6*x)
				}
			}
			for y := h - 14; y < h; y++ {
				for x := range w {
					m.Pix[y*m.Stride+x] = 15
				}
			}
			return m
		}, true},
		"punched holes": {func() *image.Gray {
			m := paper(w, h, 238, 4, 9)
			for _, cy := range []int{h / 3, 2 * h / 3} {
				for y := -18; y <= 18; y++ {
					for x := -18; x <= 18; x++ {
						if x*x+y*y < 18*18 {
							m.SetGray(60+x, cy+y, color.Gray{25})
						}
					}
				}
			}
			return m
		}, true},
		"fold": {func() *image.Gray {
			m := paper(w, h, 238, 4, 10)
			for y := h/2 - 2; y < h/2+2; y++ {
				for x := range w {
					m.Pix[y*m.Stride+x] = 140
				}
			}
			return m
		}, true},
		"text":       {func() *image.Gray { m := paper(w, h, 238, 6, 11); stamp(m, behind, 0.9, false); return m }, false},
		"faint text": {func() *image.Gray { m := paper(w, h, 245, 2, 12); stamp(m, behind, 0.35, false); return m }, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pageOf(t, encodePNG(t, c.make()), Options{}, 1)
			if p.Blank != c.blank {
				t.Errorf("blank is %v, want %v; lines %v", p.Blank, c.blank, p.Lines[:min(len(p.Lines), 8)])
			}
		})
	}
}

// A page with nothing but its number is not blank.
func TestPageNumberIsNotBlank(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"7", "iv", "- 12 -", "213"} {
		p := pageOf(t, writePDF([]pdfPage{{612, 792, text("F2", 10, 300, 40, s), ""}}, ""), Options{}, 1)
		if p.Blank {
			t.Errorf("a page with only %q counts as blank", s)
		}
	}
}

func TestSkewIsMeasured(t *testing.T) {
	t.Parallel()
	for _, deg := range []float64{-2, -0.5, 0, 0.7, 3} {
		s, c := math.Sincos(-deg * math.Pi / 180) // PDF turns the other way
		pg := prosePage("F2", 11, "")
		pg.content = fmt.Sprintf("q 1 0 0 1 306 396 cm %g %g %g %g 0 0 cm 1 0 0 1 -306 -396 cm\n%s Q", c, s, -s, c, pg.content)
		p := pageOf(t, writePDF([]pdfPage{pg}, ""), Options{DPI: 150}, 1)
		if math.Abs(p.Skew-deg) > 0.15 {
			t.Errorf("skew %.2f, want %.2f", p.Skew, deg)
		}
	}
}

// Scans of prose come upright whichever way they were put on the glass, and
// the transform leads back.
func TestSidewaysAndUpsideDownScans(t *testing.T) {
	fonts := []string{"F1", "F2", "F3"}
	if raceEnabled {
		fonts = fonts[1:2]
	}
	for _, font := range fonts {
		for turn, want := range []int{0, 270, 180, 90} {
			t.Run(fmt.Sprint(font, turn), func(t *testing.T) {
				t.Parallel()
				up := pageOf(t, writePDF([]pdfPage{prosePage(font, 11, "")}, ""), Options{DPI: 150}, 1)
				p := pageOf(t, encodeJPEG(t, rotated(up.Image, turn)), Options{}, 1)
				if p.Rotation != want {
					t.Fatalf("turned by %d, want %d", p.Rotation, want)
				}
				if p.Image.Rect != up.Image.Rect {
					t.Fatalf("raster %v, want %v", p.Image.Rect, up.Image.Rect)
				}
				// The top left corner of the upright page, in the scan.
				w, h := float64(up.Image.Rect.Dx()), float64(up.Image.Rect.Dy())
				corner := [][2]float64{{0, 0}, {h, 0}, {w, h}, {0, w}}[turn]
				if x, y := p.ToSource.Apply(0, 0); x != corner[0] || y != corner[1] {
					t.Errorf("the corner is %g, %g of the scan, want %v", x, y, corner)
				}
			})
		}
	}
}

func TestDoubtfulPagesAreLeftAlone(t *testing.T) {
	t.Parallel()
	caps := ""
	for i := range 20 {
		caps += text("F1", 11, 72, 700-float64(i)*16, strings.ToUpper(prose[i%len(prose)]))
	}
	for name, content := range map[string]string{
		"capitals": caps, "a word": text("F1", 20, 200, 400, "word"), "numbers": strings.Repeat(text("F3", 10, 100, 300, "12 345 678"), 1),
	} {
		up := pageOf(t, writePDF([]pdfPage{{612, 792, content, ""}}, ""), Options{DPI: 150}, 1)
		for _, turn := range []int{0, 2} {
			if p := pageOf(t, encodePNG(t, rotated(up.Image, turn)), Options{}, 1); p.Rotation != 0 {
				t.Errorf("%s, turned %d quarters: turned by %d degrees, want 0", name, turn, p.Rotation)
			}
		}
	}
}

// Real pages must come out as they are.
func TestRealPagesStayUpright(t *testing.T) {
	t.Parallel()
	if testing.Short() || raceEnabled {
		t.Skip("skipped: takes a while")
	}
	for _, dir := range []string{"pdf_pages", "sroie", "docbank"} {
		for _, f := range images(t, shared(t, "ocr", dir)) {
			d, err := Open(t.Context(), f, Options{InProcess: true})
			if err != nil {
				t.Error(err)
				continue
			}
			p, err := d.Page(t.Context(), 1)
			d.Close()
			if err != nil {
				t.Error(err)
			} else if p.Rotation != 0 || p.Blank {
				t.Errorf("%s: turned by %d, blank %v", f, p.Rotation, p.Blank)
			}
		}
	}
}

func TestRealTurnedScans(t *testing.T) {
	t.Parallel()
	dir := shared(t, "ocr", "tesseract_test")
	for file, want := range map[string]int{"phototest.png": 0, "phototest-rotated-180.png": 180, "phototest-rotated-L.png": 90, "phototest-rotated-R.png": 270, "8087_054.3B.png": 0} {
		d, err := Open(t.Context(), dir+"/"+file, Options{InProcess: true})
		if err != nil {
			t.Error(err)
			continue
		}
		p, err := d.Page(t.Context(), 1)
		d.Close()
		if err != nil {
			t.Error(err)
		} else if p.Rotation != want {
			t.Errorf("%s: turned by %d, want %d", file, p.Rotation, want)
		}
	}
}

func TestBlankView(t *testing.T) {
	t.Parallel()
	page := pageOf(t, writePDF([]pdfPage{{612, 792, text("F2", 11, 72, 700, "A single line"), ""}}, ""), Options{}, 1)
	v, _ := View(page.Image, [4]float64{150, 200, 450, 350}, 224, FitStretch)
	if BlankView(v) {
		t.Error("a view with text counts as blank")
	}
	v, _ = View(page.Image, [4]float64{150, 900, 450, 1200}, 224, FitStretch)
	if !BlankView(v) {
		t.Error("an empty view does not count as blank")
	}
	if !BlankView(flatten(paper(224, 224, 230, 6, 3))) {
		t.Error("paper grain does not count as blank")
	}
}
