package main

import (
	"math"
	"path/filepath"
	"strings"
)

// document is one sample: its bytes, and what they say.
type document struct {
	file    string
	note    string
	content []byte
	truth   truth
}

// truth is written beside a sample. Boxes are in pixels of the upright page: across they
// follow the ink, in height they reach from the font's ascenders to its descenders.
type truth struct {
	Level string `json:"level"`
	*truthPage
	Pages []truthPage `json:"pages,omitempty"`
}

type truthPage struct {
	Width  int         `json:"width"`
	Height int         `json:"height"`
	Words  []truthWord `json:"words"`
	Text   string      `json:"text"`
}

type truthWord struct {
	Text string     `json:"text"`
	Box  [4]float64 `json:"bbox"`
	Line int        `json:"line"`
}

// manifestItem is one line of MANIFEST.jsonl.
type manifestItem struct {
	ID      string `json:"id"`
	Subset  string `json:"subset"`
	File    string `json:"file"`
	GTFile  string `json:"gt_file"`
	Level   string `json:"level"`
	Pages   int    `json:"n_pages"`
	Words   int    `json:"n_words"`
	Licence string `json:"licence"`
	Note    string `json:"note"`
}

func (d document) truthFile() string {
	return strings.TrimSuffix(d.file, filepath.Ext(d.file)) + ".gt.json"
}

func (d document) item() manifestItem {
	item := manifestItem{
		ID: "samples/" + strings.TrimSuffix(d.file, filepath.Ext(d.file)), Subset: "samples", File: d.file,
		GTFile: d.truthFile(), Level: d.truth.Level, Pages: max(1, len(d.truth.Pages)),
		Licence: "Apache-2.0", Note: d.note,
	}
	if d.truth.truthPage != nil {
		item.Words = len(d.truth.Words)
	}
	for _, p := range d.truth.Pages {
		item.Words += len(p.Words)
	}
	return item
}

// truthOf writes down the words of a sheet as they lie on a raster of the given
// resolution after the given turn in degrees about the middle.
func truthOf(s *sheet, dpi, degrees float64) truthPage {
	k := dpi / 72
	w, h := s.pixels(dpi)
	turn := about(float64(w)/2, float64(h)/2, degrees)
	page := truthPage{Width: w, Height: h, Words: []truthWord{}}
	var text strings.Builder
	line := -1
	for _, word := range s.words {
		box := word.box()
		page.Words = append(page.Words, truthWord{Text: word.text, Line: word.line, Box: turn.bounds([4]float64{box[0] * k, box[1] * k, box[2] * k, box[3] * k})})
		switch {
		case line < 0:
		case word.line != line:
			text.WriteByte('\n')
		default:
			text.WriteByte(' ')
		}
		line = word.line
		text.WriteString(word.text)
	}
	page.Text = text.String()
	return page
}

// affine maps x' = a·x + b·y + c, y' = d·x + e·y + f.
type affine [6]float64

// about turns clockwise (y points down) around a point.
func about(x, y, degrees float64) affine {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	return affine{cos, -sin, x - cos*x + sin*y, sin, cos, y - sin*x - cos*y}
}

func (t affine) apply(x, y float64) (float64, float64) {
	return t[0]*x + t[1]*y + t[2], t[3]*x + t[4]*y + t[5]
}

// bounds is the upright box around a turned one, to a tenth of a pixel.
func (t affine) bounds(b [4]float64) [4]float64 {
	out := [4]float64{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, corner := range [][2]float64{{b[0], b[1]}, {b[2], b[1]}, {b[2], b[3]}, {b[0], b[3]}} {
		x, y := t.apply(corner[0], corner[1])
		out = [4]float64{math.Min(out[0], x), math.Min(out[1], y), math.Max(out[2], x), math.Max(out[3], y)}
	}
	for i, v := range out {
		out[i] = math.Round(v*10) / 10
	}
	return out
}
