package tabular

import (
	"bytes"
	"encoding/json"
	"fmt"

	"palimpsest.dev/plugins/ocr/transcript"
	"palimpsest.dev/task"
)

// JSONMediaType is the media type of JSON.
const JSONMediaType = "application/json"

// The schema's name and version.
const (
	Schema        = "palimpsest.ocr.document"
	SchemaVersion = 1
)

// coordinates says what the boxes mean, in the file itself.
const coordinates = `{"unit":"pixel","space":"upright page raster of width x height","origin":"top left","x":"right","y":"down","box":["x0","y0","x1","y1"],"half_open":true}`

// Named is a document or a program.
type Named struct {
	ID      string `json:"id,omitempty"`
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

type jsonPage struct {
	Number   int         `json:"number"`
	State    string      `json:"state"`
	Image    string      `json:"image"`
	Width    int         `json:"width"`
	Height   int         `json:"height"`
	DPI      *float64    `json:"dpi"`
	Rotation int         `json:"rotation"`
	Blocks   []jsonBlock `json:"blocks"`
}

type jsonBlock struct {
	Block int        `json:"block"`
	Box   [4]float64 `json:"box"`
	Lines []jsonLine `json:"lines"`
}

type jsonLine struct {
	Line       int        `json:"line"`
	Paragraph  int        `json:"paragraph"`
	Box        [4]float64 `json:"box"`
	Text       string     `json:"text"`
	Confidence *float64   `json:"confidence"`
	Source     string     `json:"source"`
	Words      []jsonWord `json:"words"`
}

type jsonWord struct {
	Word       int        `json:"word"`
	Text       string     `json:"text"`
	Box        [4]float64 `json:"box"`
	Confidence *float64   `json:"confidence"`
	Source     string     `json:"source"`
}

// JSON returns a part of the document's JSON: what stands before the pages
// with the first part, each page on a line of its own, and what closes it with
// the last.
func JSON(document, software Named, pages []transcript.Page, first, last bool) ([]byte, error) {
	var b bytes.Buffer
	if first {
		fmt.Fprintf(&b, "{\"schema\":%q,\"version\":%d,\n\"document\":", Schema, SchemaVersion)
		if err := encode(&b, document); err != nil {
			return nil, err
		}
		b.WriteString(",\n\"software\":")
		if err := encode(&b, software); err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, ",\n\"coordinates\":%s,\n\"pages\":[", coordinates)
	}
	for i, p := range pages {
		if i > 0 || !first {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
		if err := encode(&b, pageOf(p)); err != nil {
			return nil, fmt.Errorf("page %d as JSON: %w", p.Number, err)
		}
	}
	if last {
		b.WriteString("\n]}\n")
	}
	return b.Bytes(), nil
}

// encode writes a value without a line break and without HTML's escapes.
func encode(b *bytes.Buffer, v any) error {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1)
	return nil
}

func pageOf(p transcript.Page) jsonPage {
	out := jsonPage{Number: p.Number, State: p.State, Image: p.Image, Width: p.Width, Height: p.Height, Rotation: p.Rotation, Blocks: []jsonBlock{}}
	if p.DPI > 0 {
		out.DPI = &p.DPI
	}
	for _, b := range p.Blocks {
		block := jsonBlock{Block: b.Index, Box: corners(b.Box)}
		for _, l := range b.Lines {
			line := jsonLine{Line: l.Index, Paragraph: l.Paragraph, Box: corners(l.Box), Text: l.Text(), Confidence: sure(l.Confidence), Source: l.Source}
			for _, w := range l.Words {
				line.Words = append(line.Words, jsonWord{Word: w.Index, Text: w.Text, Box: corners(w.Box), Confidence: sure(w.Confidence), Source: w.Source})
			}
			block.Lines = append(block.Lines, line)
		}
		out.Blocks = append(out.Blocks, block)
	}
	return out
}

func corners(b task.Box) [4]float64 {
	return [4]float64{hundredths(b.X0), hundredths(b.Y0), hundredths(b.X1), hundredths(b.Y1)}
}
