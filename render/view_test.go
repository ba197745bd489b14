package render

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// shared returns a folder of the shared data, or skips.
func shared(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("PALIMPSEST_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	p := filepath.Join(append([]string{root, "data"}, elem...)...)
	if _, err := os.Stat(p); err != nil {
		t.Skipf("skipped: the shared data is missing: %v", err)
	}
	return p
}

func readPNG(t testing.TB, path string) image.Image {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// The reference pictures were made by Pillow's Image.resize(BICUBIC).
func TestResizeEqualsPillow(t *testing.T) {
	t.Parallel()
	dir := shared(t, "goldens", "resize")
	src := flatten(readPNG(t, filepath.Join(dir, "source_517x401.png")))
	gray := image.NewRGBA(src.Rect)
	for i := 0; i < len(src.Pix); i += 4 {
		// Pillow's convert("L").
		v := uint8((19595*uint32(src.Pix[i]) + 38470*uint32(src.Pix[i+1]) + 7471*uint32(src.Pix[i+2]) + 0x8000) >> 16)
		gray.Pix[i], gray.Pix[i+1], gray.Pix[i+2], gray.Pix[i+3] = v, v, v, 255
	}
	for _, c := range []struct {
		file string
		src  *image.RGBA
		side int
	}{
		{"bicubic_224.png", src, 224}, {"bicubic_448.png", src, 448}, {"bicubic_896.png", src, 896}, {"bicubic_224_gray.png", gray, 224},
	} {
		want := flatten(readPNG(t, filepath.Join(dir, c.file)))
		got := Resize(c.src, [4]float64{0, 0, 517, 401}, c.side, c.side)
		worst := 0
		for i := range want.Pix {
			worst = max(worst, int(math.Abs(float64(want.Pix[i])-float64(got.Pix[i]))))
		}
		if worst > 1 {
			t.Errorf("%s differs from Pillow by up to %d grey levels, want at most 1", c.file, worst)
		}
		t.Logf("%s: largest difference %d", c.file, worst)
	}
}

// noise is a picture without structure, so that every misplaced pixel shows.
func noise(w, h int, grey bool) *image.RGBA {
	r := rand.New(rand.NewPCG(1, 2))
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := 0; i < len(m.Pix); i += 4 {
		m.Pix[i], m.Pix[i+1], m.Pix[i+2], m.Pix[i+3] = uint8(r.Uint32()), uint8(r.Uint32()), uint8(r.Uint32()), 255
		if grey {
			m.Pix[i+1], m.Pix[i+2] = m.Pix[i], m.Pix[i]
		}
	}
	return m
}

// resizeSlow is the definition: float64 weights of every source pixel.
func resizeSlow(src *image.RGBA, region [4]float64, w, h, x, y int) [3]float64 {
	weights := func(n int, in0, in1 float64, out, i int) (ws []float64) {
		scale := (in1 - in0) / float64(out)
		fs := math.Max(scale, 1)
		c := in0 + (float64(i)+0.5)*scale
		lo, hi := max(int(c-2*fs+0.5), 0), min(int(c+2*fs+0.5), n)
		ws = make([]float64, n)
		sum := 0.0
		for k := lo; k < hi; k++ {
			d := math.Abs((float64(k) - c + 0.5) / fs)
			switch {
			case d < 1:
				ws[k] = 1.5*d*d*d - 2.5*d*d + 1
			case d < 2:
				ws[k] = -0.5*d*d*d + 2.5*d*d - 4*d + 2
			}
			sum += ws[k]
		}
		for k := range ws {
			ws[k] /= sum
		}
		return ws
	}
	wx := weights(src.Rect.Dx(), region[0], region[2], w, x)
	wy := weights(src.Rect.Dy(), region[1], region[3], h, y)
	var out [3]float64
	for v, b := range wy {
		if b == 0 {
			continue
		}
		var row [3]float64
		for u, a := range wx {
			for k := range row {
				row[k] += a * float64(src.Pix[v*src.Stride+4*u+k])
			}
		}
		for k := range out {
			out[k] += b * math.Min(math.Max(row[k], 0), 255)
		}
	}
	for k := range out {
		out[k] = math.Min(math.Max(out[k], 0), 255)
	}
	return out
}

func TestResizeEqualsItsDefinition(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		w, h   int
		region [4]float64
		ow, oh int
		grey   bool
	}{
		{40, 30, [4]float64{0, 0, 40, 30}, 17, 11, false},
		{40, 30, [4]float64{0, 0, 40, 30}, 90, 61, true},
		{40, 30, [4]float64{3.25, 4.5, 20.75, 19.125}, 24, 24, false},
		{40, 30, [4]float64{30.5, 20.5, 40, 30}, 9, 33, true},
		{1, 1, [4]float64{0, 0, 1, 1}, 5, 5, false},
	} {
		src := noise(c.w, c.h, c.grey)
		got := Resize(src, c.region, c.ow, c.oh)
		for y := range c.oh {
			for x := range c.ow {
				want := resizeSlow(src, c.region, c.ow, c.oh, x, y)
				for k := range want {
					if d := math.Abs(want[k] - float64(got.Pix[got.PixOffset(x, y)+k])); d > 1.6 {
						t.Fatalf("%dx%d %v to %dx%d: pixel %d,%d is off by %.2f", c.w, c.h, c.region, c.ow, c.oh, x, y, d)
					}
				}
			}
		}
	}
}

func TestViewOutsideIsWhite(t *testing.T) {
	t.Parallel()
	black := image.NewRGBA(image.Rect(0, 0, 10, 10))
	for i := 3; i < len(black.Pix); i += 4 {
		black.Pix[i] = 255
	}
	v, to := View(black, [4]float64{-10, -5, 30, 35}, 40, FitStretch)
	for y := range 40 {
		for x := range 40 {
			want := uint8(255)
			if x >= 10 && x < 20 && y >= 5 && y < 15 {
				want = 0
			}
			if got := v.RGBAAt(x, y); got != (color.RGBA{want, want, want, 255}) {
				t.Fatalf("pixel %d,%d is %v, want grey %d", x, y, got, want)
			}
		}
	}
	if x, y := to.Apply(0.25, 0.125); x != 0 || y != 0 {
		t.Errorf("0.25, 0.125 of the view is %g, %g of the page, want 0, 0", x, y)
	}
	for _, r := range [][4]float64{{100, 100, 120, 120}, {5, 5, 5, 5}, {9, 9, 3, 3}, {math.NaN(), 0, 1, 1}, {0, 0, math.Inf(1), 1}} {
		v, _ := View(black, r, 8, FitStretch)
		if got := v.RGBAAt(3, 3); r[0] >= 100 && got.R != 255 {
			t.Errorf("region %v off the page is %v, want white", r, got)
		}
	}
}

// A mark at a known place of the page must be where the transform says.
func TestViewTransforms(t *testing.T) {
	t.Parallel()
	page := flatten(image.NewGray(image.Rect(0, 0, 200, 300)))
	for i := range page.Pix {
		page.Pix[i] = 255
	}
	for y := 148; y < 152; y++ {
		for x := 98; x < 102; x++ {
			page.SetRGBA(x, y, color.RGBA{0, 0, 0, 255})
		}
	}
	for _, c := range []struct {
		region [4]float64
		fit    string
	}{
		{[4]float64{0, 0, 200, 300}, FitStretch}, {[4]float64{0, 0, 200, 300}, FitLetterbox},
		{[4]float64{50.5, 100.25, 180, 190}, FitLetterbox}, {[4]float64{-60, 90, 140, 420}, FitStretch},
		{[4]float64{90, 140, 110, 160}, FitLetterbox},
	} {
		v, to := View(page, c.region, 224, c.fit)
		var sx, sy, n float64
		for y := range 224 {
			for x := range 224 {
				d := 255 - float64(v.Pix[v.PixOffset(x, y)])
				sx, sy, n = sx+d*(float64(x)+0.5), sy+d*(float64(y)+0.5), n+d
			}
		}
		px, py := to.Apply(sx/n/224, sy/n/224)
		if math.Abs(px-100) > 0.25 || math.Abs(py-150) > 0.25 {
			t.Errorf("%v %s: the mark at 100, 150 is found at %.2f, %.2f", c.region, c.fit, px, py)
		}
	}
	l, to := Letterbox(page, 96)
	if l.Rect != image.Rect(0, 0, 96, 96) {
		t.Fatalf("letterbox is %v", l.Rect)
	}
	if x, y := to.Apply(48, 48); math.Abs(x-100) > 1e-9 || math.Abs(y-150) > 1e-9 {
		t.Errorf("the middle of the square is %g, %g of the page, want 100, 150", x, y)
	}
	if x, _ := to.Apply(16, 0); math.Abs(x) > 1e-9 {
		t.Errorf("column 16 of the square is column %g of the page, want 0: the page is centred", x)
	}
}

func TestPNGRoundTrip(t *testing.T) {
	t.Parallel()
	for _, grey := range []bool{false, true} {
		want := noise(67, 45, grey)
		var b bytes.Buffer
		if err := EncodePNG(&b, want); err != nil {
			t.Fatal(err)
		}
		got, err := DecodePNG(&b)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("grey %v: pixels changed", grey)
		}
	}
	if _, err := DecodePNG(bytes.NewReader([]byte("no"))); err == nil {
		t.Error("nonsense decoded")
	}
}

func BenchmarkView(b *testing.B) {
	page := noise(1700, 2200, false)
	grey := noise(1700, 2200, true)
	for _, c := range []struct {
		name string
		src  *image.RGBA
		r    [4]float64
		side int
	}{
		{"page896", page, [4]float64{0, 0, 1700, 2200}, 896}, {"page896grey", grey, [4]float64{0, 0, 1700, 2200}, 896},
		{"tile224grey", grey, [4]float64{100.5, 200.25, 400, 500}, 224},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				View(c.src, c.r, c.side, FitLetterbox)
			}
		})
	}
}

func BenchmarkEncodePNG(b *testing.B) {
	page := noise(1700, 2200, true)
	for i := range page.Pix {
		if page.Pix[i] > 20 {
			page.Pix[i] = 255
		}
	}
	for b.Loop() {
		var w bytes.Buffer
		if err := EncodePNG(&w, page); err != nil {
			b.Fatal(err)
		}
	}
}
