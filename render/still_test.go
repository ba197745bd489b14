package render

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/color/palette"
	"image/gif"
	"testing"

	"golang.org/x/image/bmp"
)

func TestEXIFOrientations(t *testing.T) {
	t.Parallel()
	// What a camera must have stored so that the upright picture is r g / b w.
	stored := map[int]func(*raw){
		1: func(*raw) {}, 2: func(p *raw) { p.mirror() }, 3: func(p *raw) { p.turn(2) },
		4: func(p *raw) { p.turn(2); p.mirror() }, 5: func(p *raw) { p.turn(1); p.mirror() }, 6: func(p *raw) { p.turn(3) },
		7: func(p *raw) { p.turn(3); p.mirror() }, 8: func(p *raw) { p.turn(1) },
	}
	for o, f := range stored {
		r := &raw{img: corners(64, 32), to: Affine{1, 0, 0, 0, 1, 0}}
		f(r)
		p := pageOf(t, withEXIF(encodeJPEG(t, r.img), uint16(o)), Options{}, 1)
		if got := cornerNames(p.Image); got != "rgbw" || p.Image.Rect.Dx() != 64 {
			t.Errorf("orientation %d: corners %s in %v, want rgbw in 64x32", o, got, p.Image.Rect)
		}
		// The red quarter's middle, in the stored picture, is red.
		x, y := p.ToSource.Apply(16, 8)
		if c := r.img.RGBAAt(int(x), int(y)); c.R < 200 || c.G > 60 {
			t.Errorf("orientation %d: the transform leads to %v at %g, %g, want red", o, c, x, y)
		}
	}
}

func TestStillFormats(t *testing.T) {
	t.Parallel()
	src := corners(48, 40)
	pal := image.NewPaletted(src.Rect, palette.Plan9)
	for y := range 40 {
		for x := range 48 {
			pal.Set(x, y, src.At(x, y))
		}
	}
	var g, m bytes.Buffer
	second := image.NewPaletted(src.Rect, palette.Plan9)
	if err := gif.EncodeAll(&g, &gif.GIF{Image: []*image.Paletted{pal, second}, Delay: []int{1, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := bmp.Encode(&m, src); err != nil {
		t.Fatal(err)
	}
	for want, data := range map[string][]byte{"jpeg": encodeJPEG(t, src), "png": encodePNG(t, src), "gif": g.Bytes(), "bmp": m.Bytes()} {
		d, err := openBytes(t, data, Options{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := d.Page(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if d.Format() != want || d.NumPages() != 1 || cornerNames(p.Image) != "rgbw" || p.SourceUnit != "px" {
			t.Errorf("%s: %s with %d pages, corners %s", want, d.Format(), d.NumPages(), cornerNames(p.Image))
		}
	}
}

func TestTransparencyBecomesWhite(t *testing.T) {
	t.Parallel()
	m := image.NewNRGBA(image.Rect(0, 0, 16, 16))
	m.SetNRGBA(3, 3, color.NRGBA{0, 0, 0, 255})
	m.SetNRGBA(4, 4, color.NRGBA{0, 0, 0, 128})
	p := pageOf(t, encodePNG(t, m), Options{}, 1)
	for _, c := range []struct{ at, want int }{{0, 255}, {3, 0}, {4, 127}} {
		if got := p.Image.RGBAAt(c.at, c.at); int(got.R) < c.want-1 || int(got.R) > c.want+1 || got.A != 255 {
			t.Errorf("pixel %d is %v, want grey %d", c.at, got, c.want)
		}
	}
}

// A scan that is cut off still shows its upper part.
func TestTruncatedJPEGIsRescued(t *testing.T) {
	t.Parallel()
	data := encodeJPEG(t, noise(200, 200, true))
	p := pageOf(t, data[:len(data)*2/3], Options{}, 1)
	if p.Image.Rect.Dx() != 200 || p.Image.Rect.Dy() != 200 {
		t.Fatalf("raster %v, want 200x200", p.Image.Rect)
	}
}

func TestImageLimits(t *testing.T) {
	t.Parallel()
	data := encodePNG(t, image.NewGray(image.Rect(0, 0, 100, 50)))
	if _, err := openBytes(t, data, Options{Limits: Limits{PagePixels: 5000}}); err != nil {
		t.Errorf("exactly the limit: %v", err)
	}
	_, err := openBytes(t, data, Options{Limits: Limits{PagePixels: 4999}})
	wantLimit(t, err, "page_pixels")
	_, err = openBytes(t, data, Options{Limits: Limits{FileBytes: int64(len(data)) - 1}})
	wantLimit(t, err, "file_bytes")
	if _, err := openBytes(t, data, Options{Limits: Limits{FileBytes: int64(len(data))}}); err != nil {
		t.Errorf("exactly the limit: %v", err)
	}
	// A header that promises four billion pixels in a hundred bytes.
	huge := append([]byte(nil), data...)
	binary.BigEndian.PutUint32(huge[16:], 65_000)
	binary.BigEndian.PutUint32(huge[20:], 65_000)
	if _, err := openBytes(t, huge, Options{}); err == nil {
		t.Error("a picture of 65,000 x 65,000 opened")
	}
	// A raster over its limit is scaled down, and the transform says by how much.
	p := pageOf(t, data, Options{Limits: Limits{RasterPixels: 1250}}, 1)
	if p.Image.Rect.Dx() != 50 || p.Image.Rect.Dy() != 25 {
		t.Fatalf("raster %v, want 50x25", p.Image.Rect)
	}
	if x, y := p.ToSource.Apply(50, 25); x != 100 || y != 50 {
		t.Errorf("the far corner is %g, %g of the source, want 100, 50", x, y)
	}
}

func TestCheckSizeBothSides(t *testing.T) {
	t.Parallel()
	l := Limits{}.withDefaults()
	for _, c := range []struct {
		w, h int
		ok   bool
	}{
		{1, 1, true}, {0, 5, false}, {5, -1, false}, {MaxPageSide, 1, true}, {MaxPageSide + 1, 1, false},
		{1, MaxPageSide + 1, false}, {MaxPagePixels / 4096, 4096, true}, {MaxPagePixels/4096 + 1, 4096, false},
	} {
		if err := l.checkSize("open", c.w, c.h); (err == nil) != c.ok {
			t.Errorf("%dx%d: %v", c.w, c.h, err)
		}
	}
}

func TestDefaultsFillIn(t *testing.T) {
	t.Parallel()
	l := Limits{Pages: 7}.withDefaults()
	if l.Pages != 7 || l.FileBytes != MaxFileBytes || l.PageTime != PageTime || fmt.Sprint(Limits{}.withDefaults()) == fmt.Sprint(Limits{}) {
		t.Errorf("%+v", l)
	}
}
