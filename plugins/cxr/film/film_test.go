package film

import (
	"bufio"
	"encoding/json"
	"hash/fnv"
	"image"
	"image/color"
	"image/draw"
	_ "image/jpeg"
	_ "image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"palimpsest.dev/render"
)

// glance shrinks a picture as the host does.
func glance(src image.Image) (width, height int, gray []byte, colour float64) {
	b := src.Bounds()
	img := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(img, img.Rect, src, b.Min, draw.Src)
	scale := min(1, float64(Side)/float64(max(b.Dx(), b.Dy())))
	width, height = max(1, int(scale*float64(b.Dx())+0.5)), max(1, int(scale*float64(b.Dy())+0.5))
	small := render.Resize(img, [4]float64{0, 0, float64(b.Dx()), float64(b.Dy())}, width, height)
	for i := range width * height {
		p := small.Pix[i/width*small.Stride+i%width*4:]
		gray = append(gray, uint8((299*int(p[0])+587*int(p[1])+114*int(p[2])+500)/1000))
		if max(p[0], p[1], p[2])-min(p[0], p[1], p[2]) > 24 {
			colour += 1 / float64(width*height)
		}
	}
	return width, height, gray, colour
}

// TestCorpus counts films that are accepted and other pages that are refused,
// on the half of the corpus that the limits were set on and on the other.
func TestCorpus(t *testing.T) {
	t.Parallel()
	shared := os.Getenv("PALIMPSEST_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "..", "shared")
	}
	type tally struct{ right, all int }
	var films, others [2]tally
	for _, folder := range []string{"cxr", "ocr", "tables", "molecules", "music"} {
		f, err := os.Open(filepath.Join(shared, "data", folder, "manifest.jsonl"))
		if err != nil {
			t.Skip("the corpus is not here; PALIMPSEST_SHARED names the folder of reference data")
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<24)
		for n := 0; lines.Scan(); {
			var item struct{ ID, File string }
			if err := json.Unmarshal(lines.Bytes(), &item); err != nil {
				t.Fatal(err)
			}
			n++
			if (testing.Short() || raceEnabled) && n%16 != 0 {
				continue // decoding all of them takes minutes under the race detector
			}
			img, ok := open(filepath.Join(shared, "data", folder, item.File))
			if !ok {
				continue
			}
			hash := fnv.New32a()
			hash.Write([]byte(item.ID))
			half := hash.Sum32() & 1 // the limits were set on half 0
			s := Measure(glance(img))
			why := s.Refusal()
			if folder == "cxr" {
				films[half].all++
				if why == "" {
					films[half].right++
				} else {
					t.Logf("film %s (half %d) refused: %s: %+v", item.ID, half, why, s)
				}
				continue
			}
			others[half].all++
			if why != "" {
				others[half].right++
			} else {
				t.Logf("page %s (half %d) accepted: %+v", item.ID, half, s)
			}
		}
	}
	for half := range 2 {
		t.Logf("half %d: %d of %d films accepted, %d of %d other pages refused", half, films[half].right, films[half].all, others[half].right, others[half].all)
		if 100*films[half].right < 95*films[half].all || 100*others[half].right < 95*others[half].all {
			t.Errorf("half %d: less than 95 %% of the films accepted or of the other pages refused", half)
		}
	}
}

func open(path string) (image.Image, bool) {
	if ext := strings.ToLower(filepath.Ext(path)); ext != ".png" && ext != ".jpg" {
		return nil, false
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	img, _, err := image.Decode(f)
	return img, err == nil
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	paint := func(w, h int, at func(x, y int) color.Color) image.Image {
		img := image.NewRGBA(image.Rect(0, 0, w, h))
		for y := range h {
			for x := range w {
				img.Set(x, y, at(x, y))
			}
		}
		return img
	}
	smooth := func(x, y int) color.Color { return color.Gray{uint8(40 + x + y/2)} }
	for name, c := range map[string]struct {
		img  image.Image
		want string
	}{
		"tones":    {paint(100, 100, smooth), ""},
		"a strip":  {paint(100, 20, smooth), "its width"},
		"paper":    {paint(100, 130, func(int, int) color.Color { return color.White }), "white as paper"},
		"black":    {paint(100, 100, func(int, int) color.Color { return color.Black }), "tones between"},
		"one grey": {paint(100, 100, func(int, int) color.Color { return color.Gray{100} }), "levels of grey"},
		"noise":    {paint(100, 100, func(x, y int) color.Color { return color.Gray{uint8(40 + (x*7919+y*104729+x*y*31)%170)} }), "fine detail"},
		"colour":   {paint(100, 100, func(x, y int) color.Color { return color.RGBA{uint8(x), uint8(100 + y), 40, 255} }), "has colour"},
		"one dot":  {paint(1, 1, smooth), "levels of grey"},
	} {
		if got := Measure(glance(c.img)).Refusal(); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := Measure(2, 2, []byte{1}, 0).Refusal(); got == "" {
		t.Error("a glance without its pixels is accepted")
	}
}
