package main

import (
	"bytes"
	"encoding/json"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/image/tiff"
)

// once draws the documents for all tests: drawing takes seconds.
var once = sync.OnceValues(documents)

func all(t *testing.T) []document {
	t.Helper()
	docs, err := once()
	if err != nil {
		t.Fatal(err)
	}
	return docs
}

// What lies in samples/ is what this program writes. Pixels may differ where a new
// release of Go compresses in another way, so bytes are compared for the truths only.
func TestCommittedSamples(t *testing.T) {
	t.Parallel()
	pages, size := 0, 0
	for _, d := range all(t) {
		committed, err := os.ReadFile(filepath.Join("..", d.truthFile()))
		if err != nil {
			t.Fatalf("%v: run go run ./samples/generate", err)
		}
		want, err := json.Marshal(d.truth)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(bytes.TrimSpace(committed), want) {
			t.Errorf("%s is stale: run go run ./samples/generate", d.truthFile())
		}
		info, err := os.Stat(filepath.Join("..", d.file))
		if err != nil {
			t.Fatal(err)
		}
		pages += d.item().Pages
		size += int(info.Size()) + len(committed)
	}
	if pages < 10 {
		t.Errorf("%d pages, at least ten were promised", pages)
	}
	if size > 3<<20 {
		t.Errorf("the samples take %d bytes, at most 3 MiB", size)
	}
}

func TestSameOnEveryRun(t *testing.T) {
	t.Parallel()
	one := all(t)
	two, err := documents()
	if err != nil {
		t.Fatal(err)
	}
	for i := range one {
		if !bytes.Equal(one[i].content, two[i].content) {
			t.Errorf("%s differs between two runs", one[i].file)
		}
	}
}

// Every box of the truth lies on its page, around ink, and its text says something.
func TestTruthLiesOnInk(t *testing.T) {
	t.Parallel()
	for _, d := range all(t) {
		pages := d.truth.Pages
		if d.truth.truthPage != nil {
			pages = append(pages, *d.truth.truthPage)
		}
		var img image.Image
		var err error
		switch filepath.Ext(d.file) {
		case ".png", ".jpg":
			img, _, err = image.Decode(bytes.NewReader(d.content))
		case ".tif":
			img, err = tiff.Decode(bytes.NewReader(d.content)) // the first page
			pages = pages[:1]
		}
		if err != nil {
			t.Fatalf("%s: %v", d.file, err)
		}
		turned := strings.Contains(d.note, "turned by its EXIF") || strings.Contains(d.note, "rotated")
		for _, p := range pages {
			if img != nil && !turned && (img.Bounds().Dx() != p.Width || img.Bounds().Dy() != p.Height) {
				t.Errorf("%s is %v, its truth %d x %d", d.file, img.Bounds(), p.Width, p.Height)
			}
			for _, w := range p.Words {
				b := w.Box
				if w.Text == "" || b[0] < 0 || b[1] < 0 || b[2] > float64(p.Width) || b[3] > float64(p.Height) || b[0] >= b[2] || b[1] >= b[3] {
					t.Errorf("%s: word %q at %v", d.file, w.Text, b)
				}
				if img != nil && !turned && contrast(img, b) < 60 {
					t.Errorf("%s: nothing is drawn where %q should be, %v", d.file, w.Text, b)
				}
			}
			if got := len(strings.Fields(p.Text)); got != len(p.Words) {
				t.Errorf("%s: text of %d words, %d words", d.file, got, len(p.Words))
			}
		}
	}
}

// contrast is the distance between the darkest and the lightest grey in a box.
func contrast(img image.Image, b [4]float64) int {
	low, high := 255, 0
	for y := int(b[1]); y < int(b[3]); y++ {
		for x := int(b[0]); x < int(b[2]); x++ {
			r, _, _, _ := img.At(x, y).RGBA()
			low, high = min(low, int(r>>8)), max(high, int(r>>8))
		}
	}
	return high - low
}

func TestPackBits(t *testing.T) {
	t.Parallel()
	for _, row := range [][]byte{{}, {1}, {1, 1, 1}, {1, 2, 3, 3, 3, 4}, bytes.Repeat([]byte{7}, 300), append(bytes.Repeat([]byte{1, 2}, 200), 2)} {
		var out []byte
		packed := packBits(row)
		for i := 0; i < len(packed); {
			n := int(int8(packed[i]))
			if n >= 0 {
				out = append(out, packed[i+1:i+2+n]...)
				i += 2 + n
			} else {
				out = append(out, bytes.Repeat(packed[i+1:i+2], 1-n)...)
				i += 2
			}
		}
		if !bytes.Equal(out, row) {
			t.Errorf("%v came back as %v", row, out)
		}
	}
}
