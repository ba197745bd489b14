package main

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"palimpsest.dev/engine/masks"
	"palimpsest.dev/task"
)

// Where the checkpoint brings the decoder, masks are drawn: in run lengths, and as pictures if a folder is named.
func TestAskDrawsMasks(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(root(t), "engine", "masks", "testdata") // a decoder of the published shape, not the published one
	draw, err := openMasks(folder, filepath.Join(t.TempDir(), "masks"))
	if err != nil {
		t.Fatal(err)
	}
	var codes strings.Builder
	var numbers []int
	for i := range masks.Codes {
		fmt.Fprintf(&codes, "<seg%03d>", 127-7*i)
		numbers = append(numbers, 127-7*i)
	}
	box := "<loc0000><loc0000><loc0512><loc0512>"
	p := &parrot{text: box + codes.String() + " cat ; " + box + "<seg001><seg002> half ; " + box + " box"}
	line := (&askCmd{Prompt: "segment cat"}).ask(t.Context(), p, draw, []askedPage{shownPage})
	if line.Error != nil || len(line.Items) != 3 || line.Items[1].Mask != nil || line.Items[2].Mask != nil || len(line.Notes) != 1 || !strings.Contains(line.Notes[0], `"half", which has 2 codes`) {
		t.Fatalf("%+v", line)
	}
	cat := line.Items[0]
	decoder, err := masks.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	mask, err := decoder.Decode(numbers)
	if err != nil {
		t.Fatal(err)
	}
	want := mask.Draw([4]float64{100, 200, 200, 400}, image.Rect(0, 0, 400, 800)) // shownPage's quarter
	f, err := os.Open(cat.MaskFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil || picture.Bounds() != image.Rect(0, 0, 400, 800) {
		t.Fatal(picture.Bounds(), err)
	}
	at, n, inside := 0, 0, 0 // the run that a pixel lies in, and where it ends
	for x := range 400 {
		for y := range 800 {
			for n == 0 {
				n, at = cat.Mask.Counts[at], at+1
			}
			n--
			in := at%2 == 0 // the first run lies outside
			shown := color.GrayModel.Convert(picture.At(x, y)).(color.Gray).Y == 255
			if w := (image.Pt(x, y).In(want.Rect) && want.GrayAt(x, y).Y == 255); in != w || shown != w {
				t.Fatalf("pixel %d,%d: %v in the run lengths, %v in the picture, want %v", x, y, in, shown, w)
			}
			if in {
				inside++
			}
		}
	}
	if at != len(cat.Mask.Counts) || n != 0 || inside == 0 || inside == 100*200 || cat.Mask.Size != [2]int{800, 400} {
		t.Errorf("%d of %d runs used, %d pixels inside", at, len(cat.Mask.Counts), inside)
	}
}

func TestRunLengths(t *testing.T) {
	t.Parallel()
	page := image.Rect(0, 0, 4, 3)
	for name, c := range map[string]struct {
		at   image.Rectangle
		pix  string
		want []int
	}{
		"nothing":       {image.Rectangle{}, "", []int{12}},
		"all":           {page, "############", []int{0, 12}},
		"in the middle": {image.Rect(1, 1, 3, 2), "##", []int{4, 1, 2, 1, 4}},
		"a column":      {image.Rect(3, 0, 4, 3), "#.#", []int{9, 1, 1, 1}},
		"no height":     {image.Rect(1, 2, 3, 2), "", []int{12}},
	} {
		drawn := image.NewGray(c.at)
		for i, r := range c.pix {
			if r == '#' {
				drawn.Pix[i] = 255
			}
		}
		if got := runLengths(drawn, page); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// A file of that name which is another is named before anything is asked; a folder that cannot be written to fails
// the answer.
func TestMasksThatCannotBeDrawn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, masks.File), []byte("PK"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openMasks(dir, ""); err == nil || !strings.Contains(err.Error(), masks.File) {
		t.Errorf("a broken decoder: %v", err)
	}
	draw, err := openMasks(filepath.Join(root(t), "engine", "masks", "testdata"), filepath.Join(dir, masks.File, "in a file"))
	if err != nil {
		t.Fatal(err)
	}
	p := &parrot{text: "<loc0000><loc0000><loc0512><loc0512>" + strings.Repeat("<seg001>", 16) + " cat"}
	if line := (&askCmd{}).ask(t.Context(), p, draw, []askedPage{shownPage}); line.Error == nil || line.State != "failed" {
		t.Errorf("%+v", line)
	}
	// A view that reaches far beyond the page makes no more of a mask than the page holds.
	far := shownPage
	far.toPage = task.Affine{1e15, 0, -5e14, 0, 1e15, -5e14}
	draw.dir = ""
	if line := (&askCmd{}).ask(t.Context(), p, draw, []askedPage{far}); line.Error != nil || len(line.Items) != 1 || line.Items[0].Mask == nil {
		t.Errorf("%+v", line)
	}
}
