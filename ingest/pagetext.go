package ingest

import (
	"encoding/json"
	"fmt"
	"maps"

	"palimpsest.dev/render"
	"palimpsest.dev/store"
	"palimpsest.dev/task"
)

// pageText is what is known about a page besides its pixels, as it lies in
// the object store: the document's own text layer and the lines found in the
// pixels. Boxes are in pixels of the upright full-resolution raster.
type pageText struct {
	Format int        `json:"format"`         // pageTextFormat
	Skew   float64    `json:"skew,omitempty"` // of the lines, degrees clockwise
	Words  []pageWord `json:"words,omitempty"`
	Lines  []pageLine `json:"lines,omitempty"`
	Notes  []string   `json:"notes,omitempty"` // what of the page is missing
	// Facts are what the source says of its image, by the keys of package task.
	Facts map[string]string `json:"facts,omitempty"`
}

type pageWord struct {
	Text string     `json:"text"`
	Box  [4]float64 `json:"box"`
}

type pageLine struct {
	Box     [4]float64 `json:"box"`
	XHeight float64    `json:"x_height"`
}

// pageTextFormat changes when the fields above change their meaning.
const pageTextFormat = 1

// maxPageText bounds the stored form when it is read back.
const maxPageText = 64 << 20

// textOf gives the stored form of what render found on a page.
func textOf(p *render.Page) pageText {
	t := pageText{Format: pageTextFormat, Skew: p.Skew, Words: make([]pageWord, len(p.Text)), Lines: make([]pageLine, len(p.Lines)), Facts: factsOf(p.DICOM)}
	for i, w := range p.Text {
		t.Words[i] = pageWord{Text: w.Text, Box: w.Box}
	}
	for i, l := range p.Lines {
		t.Lines[i] = pageLine{Box: l.Box, XHeight: l.XHeight}
	}
	for _, n := range p.Notes {
		t.Notes = append(t.Notes, n.Text)
	}
	return t
}

// decodePageText reads the stored form.
func decodePageText(b []byte) (pageText, error) {
	var t pageText
	if err := json.Unmarshal(b, &t); err != nil {
		return pageText{}, fmt.Errorf("stored page text: %w", err)
	}
	if t.Format != pageTextFormat {
		return pageText{}, fmt.Errorf("stored page text has format %d, this program reads %d", t.Format, pageTextFormat)
	}
	return t, nil
}

// words and lines give the task's view of the stored form.
func (t pageText) words() []task.Word {
	words := make([]task.Word, len(t.Words))
	for i, w := range t.Words {
		words[i] = task.Word{Text: w.Text, Box: taskBox(w.Box)}
	}
	return words
}

func (t pageText) lines() []task.Line {
	lines := make([]task.Line, len(t.Lines))
	for i, l := range t.Lines {
		lines[i] = task.Line{Box: taskBox(l.Box), XHeight: l.XHeight}
	}
	return lines
}

func taskBox(b [4]float64) task.Box { return task.Box{X0: b[0], Y0: b[1], X1: b[2], Y1: b[3]} }

// PageOf gives a rendered page in the form ReadPage takes. document names the
// document the page is of, raster the file of its image, for tasks that write
// such names into their artifacts.
func PageOf(p *render.Page, document, raster string, options map[string]string) Page {
	text := textOf(p)
	size := p.Image.Bounds().Size()
	return Page{
		Page: task.Page{
			Document: document, Number: p.Number, Width: size.X, Height: size.Y, DPI: p.DPI, XHeight: p.XHeight,
			Rotation: p.Rotation, Text: text.words(), Lines: text.lines(), Options: maps.Clone(options), Raster: raster, Facts: text.Facts,
		},
		Image: p.Image,
		Blank: p.Blank,
		Skew:  p.Skew,
		Notes: text.Notes,
	}
}

// taskPage gives a stored page in the form a task sees it, without its text.
func taskPage(doc store.Document, p store.Page, options map[string]string) task.Page {
	raster := p.Member
	if raster == "" {
		raster = fmt.Sprintf("%s#page=%d", doc.Name, p.Number)
	}
	return task.Page{Document: doc.Name, Number: p.Number, Width: p.Width, Height: p.Height, DPI: p.DPI, XHeight: p.XHeight,
		Rotation: p.Rotation, Options: maps.Clone(options), Raster: raster, Pages: doc.Pages}
}
