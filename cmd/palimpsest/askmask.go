package main

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"

	"palimpsest.dev/engine/masks"
	"palimpsest.dev/task"
)

// noDecoder is said where a model has drawn masks and its folder holds no decoder.
const noDecoder = "the masks are not drawn: the checkpoint's folder has no " + masks.File + ", the decoder of their codes; boxes are given, and the codes in the JSON output"

// maskDrawer makes pixels of the codes of masks.
type maskDrawer struct {
	decoder *masks.Decoder // nil where the checkpoint brings none
	dir     string         // where pictures of masks go; "" for nowhere
	drawn   int
}

// openMasks reads the decoder that the checkpoint brings, if it does.
func openMasks(checkpoint, dir string) (*maskDrawer, error) {
	d := &maskDrawer{dir: dir}
	decoder, err := masks.Open(checkpoint)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return d, nil
	case err != nil:
		return nil, fmt.Errorf("%w; put the published file there, or none", err)
	}
	d.decoder = decoder
	return d, nil
}

// askMask is a mask in run lengths, as the COCO data sets write them: down the columns of the page from the left, in
// turns outside and inside the mask, outside first.
type askMask struct {
	Size   [2]int `json:"size"` // height and width of the page
	Counts []int  `json:"counts"`
}

// draw adds its mask to an item: what its codes stand for, in its box of the page.
func (d *maskDrawer) draw(item *askItem, box task.Box, p askedPage) error {
	mask, err := d.decoder.Decode(item.Codes)
	if err != nil {
		return err
	}
	page := image.Rect(0, 0, p.width, p.height)
	drawn := mask.Draw([4]float64{box.X0, box.Y0, box.X1, box.Y1}, page)
	item.Mask = &askMask{Size: [2]int{p.height, p.width}, Counts: runLengths(drawn, page)}
	if d.dir == "" {
		return nil
	}
	d.drawn++
	item.MaskFile = filepath.Join(d.dir, fmt.Sprintf("%s-page%d-mask%d.png", filepath.Base(p.file), p.number, d.drawn))
	return writeMask(item.MaskFile, drawn, page)
}

// runLengths gives the lengths of a picture's runs on a page.
func runLengths(drawn *image.Gray, page image.Rectangle) []int {
	counts, in, run := []int{}, false, 0
	add := func(v bool, n int) {
		if v != in && n > 0 {
			counts, in, run = append(counts, run), v, 0
		}
		run += n
	}
	at := drawn.Rect
	add(false, at.Min.X*page.Dy())
	for x := at.Min.X; x < at.Max.X; x++ {
		add(false, at.Min.Y)
		for y := at.Min.Y; y < at.Max.Y; y++ {
			add(drawn.GrayAt(x, y).Y > 0, 1)
		}
		add(false, page.Max.Y-at.Max.Y)
	}
	add(false, (page.Max.X-at.Max.X)*page.Dy())
	return append(counts, run)
}

// writeMask writes a picture as large as the page: white where the mask is, else black.
func writeMask(path string, drawn *image.Gray, page image.Rectangle) error {
	img := image.NewPaletted(page, color.Palette{color.Black, color.White})
	for y := drawn.Rect.Min.Y; y < drawn.Rect.Max.Y; y++ {
		for x := drawn.Rect.Min.X; x < drawn.Rect.Max.X; x++ {
			if drawn.GrayAt(x, y).Y > 0 {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := png.Encode(f, img); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
