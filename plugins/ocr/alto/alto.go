// Package alto writes ALTO 4.4, the XML of libraries and archives: pages,
// blocks, lines and words in reading order, each with its place in pixels of
// the upright page image, and how sure the model was of each word.
package alto

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"

	"palimpsest.dev/plugins/ocr/transcript"
	"palimpsest.dev/task"
)

// MediaType of the files.
const MediaType = "application/xml"

// Source says what the page is of and what read it.
type Source struct {
	Document          string // identifier of the document
	Software, Version string
}

const head = `<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ` +
	`xsi:schemaLocation="http://www.loc.gov/standards/alto/ns-v4# http://www.loc.gov/standards/alto/v4/alto-4-4.xsd" SCHEMAVERSION="4.4">
`

// Write returns the page as ALTO. A word divided at a line's end is written in
// its two parts, each with the whole word as SUBS_CONTENT, and its hyphen as
// HYP, without a place of its own since none was read: the part's box encloses
// it. Words copied from a text layer have no WC.
func Write(p transcript.Page, s Source) []byte {
	w := &writer{page: p, compounds: transcript.CompoundsOf([]transcript.Page{p})}
	w.description(p.Image, s)
	w.line(2, `<Page ID="page_%d" PHYSICAL_IMG_NR="%d" WIDTH="%d" HEIGHT="%d" PROCESSINGREFS="ocr">`, p.Number, p.Number, p.Width, p.Height)
	w.printSpace()
	w.line(2, "</Page>")
	w.WriteString(tail)
	return w.Bytes()
}

// Document returns pages of one document as a part of one file: what stands
// before them with the first part, what closes the file with the last. Pages
// that could not be read are there, marked as missing, because an empty one
// would be blank. Name is the document's. No two pages may have
// one number.
func Document(name string, pages []transcript.Page, s Source, first, last bool) []byte {
	w := &writer{}
	if first {
		w.description(name, s)
	}
	for _, p := range pages {
		w.page, w.compounds, w.prefix = p, transcript.CompoundsOf([]transcript.Page{p}), fmt.Sprintf("page_%d_", p.Number)
		begin := fmt.Sprintf(`<Page ID="page_%d" PHYSICAL_IMG_NR="%d" WIDTH="%d" HEIGHT="%d"`, p.Number, p.Number, p.Width, p.Height)
		if p.State != "done" && p.State != "blank" {
			w.line(2, `%s QUALITY="Missing" QUALITY_DETAIL="not read: %s"/>`, begin, text(p.State))
			continue
		}
		w.line(2, `%s PROCESSINGREFS="ocr">`, begin)
		w.printSpace()
		w.line(2, "</Page>")
	}
	if last {
		w.WriteString(tail)
	}
	return w.Bytes()
}

const tail = " </Layout>\n</alto>\n"

// description writes what stands before the pages.
func (w *writer) description(image string, s Source) {
	w.WriteString(head)
	w.line(1, "<Description>")
	w.line(2, "<MeasurementUnit>pixel</MeasurementUnit>")
	w.line(2, "<sourceImageInformation>")
	w.line(3, "<fileName>%s</fileName>", text(image))
	if s.Document != "" {
		w.line(3, "<documentIdentifier>%s</documentIdentifier>", text(s.Document))
	}
	w.line(2, "</sourceImageInformation>")
	w.line(2, `<Processing ID="ocr">`)
	w.line(3, "<processingCategory>contentGeneration</processingCategory>")
	w.line(3, "<processingSoftware>")
	w.line(4, "<softwareName>%s</softwareName>", text(s.Software))
	w.line(4, "<softwareVersion>%s</softwareVersion>", text(s.Version))
	w.line(3, "</processingSoftware>")
	w.line(2, "</Processing>")
	w.line(1, "</Description>")
	w.line(1, "<Layout>")
}

type writer struct {
	bytes.Buffer
	prefix    string // of the identifiers of blocks and lines
	page      transcript.Page
	compounds transcript.Compounds
}

// line writes one indented line.
func (w *writer) line(depth int, format string, values ...any) {
	for range depth {
		w.WriteByte(' ')
	}
	fmt.Fprintf(w, format, values...)
	w.WriteByte('\n')
}

func (w *writer) printSpace() {
	var all task.Box
	for _, b := range w.page.Blocks {
		all = all.Union(b.Box)
	}
	if len(w.page.Blocks) == 0 {
		w.line(3, `<PrintSpace%s/>`, w.place(task.Box{X1: float64(w.page.Width), Y1: float64(w.page.Height)}))
		return
	}
	w.line(3, `<PrintSpace%s>`, w.place(all))
	for i, b := range w.page.Blocks {
		w.line(4, `<TextBlock ID="%sblock_%d"%s>`, w.prefix, i+1, w.place(b.Box))
		for k, l := range b.Lines {
			w.textLine(i, k, l)
		}
		w.line(4, "</TextBlock>")
	}
	w.line(3, "</PrintSpace>")
}

// textLine writes line k of block i, which needs to know its neighbours for
// the words divided between them.
func (w *writer) textLine(i, k int, l transcript.Line) {
	id := fmt.Sprintf("%sline_%d_%d", w.prefix, i+1, k+1)
	w.line(5, `<TextLine ID="%s"%s>`, id, w.place(l.Box))
	hyphen := ""
	for n, word := range l.Words {
		content, subs := word.Text, ""
		if n == 0 {
			if before, ok := w.neighbour(i, k, -1); ok {
				last := before.Words[len(before.Words)-1].Text
				if stem, _, ok := w.compounds.Divided(last, word.Text); ok {
					subs = fmt.Sprintf(` SUBS_TYPE="HypPart2" SUBS_CONTENT="%s"`, text(stem+word.Text))
				}
			}
		}
		if n == len(l.Words)-1 {
			if after, ok := w.neighbour(i, k, 1); ok {
				if stem, h, ok := w.compounds.Divided(word.Text, after.Words[0].Text); ok {
					content, hyphen = stem, h
					// A word of three lines is the first part here: a String has one place for it.
					subs = fmt.Sprintf(` SUBS_TYPE="HypPart1" SUBS_CONTENT="%s"`, text(stem+after.Words[0].Text))
				}
			}
		}
		sure := ""
		if word.Confidence >= 0 {
			sure = fmt.Sprintf(` WC="%s"`, decimal(word.Confidence, 4))
		}
		if len(word.Polygon) > 0 {
			w.line(6, `<String ID="%s_%d"%s CONTENT="%s"%s%s>`, id, n+1, w.place(word.Box), text(content), subs, sure)
			w.line(7, `<Shape><Polygon POINTS="%s"/></Shape>`, points(word.Polygon))
			w.line(6, "</String>")
		} else {
			w.line(6, `<String ID="%s_%d"%s CONTENT="%s"%s%s/>`, id, n+1, w.place(word.Box), text(content), subs, sure)
		}
		if n < len(l.Words)-1 {
			w.line(6, `<SP%s/>`, w.gap(word.Box, l.Words[n+1].Box))
		}
	}
	if hyphen != "" {
		w.line(6, `<HYP CONTENT="%s"/>`, text(hyphen))
	}
	w.line(5, "</TextLine>")
}

// points are the corners of a shape.
func points(polygon []task.Point) string {
	var b strings.Builder
	for i, p := range polygon {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(decimal(p.X, 2) + "," + decimal(p.Y, 2))
	}
	return b.String()
}

// neighbour is the line before (-1) or after (1) line k of block i in reading
// order.
func (w *writer) neighbour(i, k, step int) (transcript.Line, bool) {
	if k += step; k >= 0 && k < len(w.page.Blocks[i].Lines) {
		return w.page.Blocks[i].Lines[k], true
	}
	if i += step; i < 0 || i >= len(w.page.Blocks) {
		return transcript.Line{}, false
	}
	lines := w.page.Blocks[i].Lines
	if step < 0 {
		return lines[len(lines)-1], true
	}
	return lines[0], true
}

// gap places the space between two words; words that touch or overlap have
// one without width.
func (w *writer) gap(a, b task.Box) string {
	return w.place(task.Box{X0: a.X1, Y0: min(a.Y0, b.Y0), X1: max(a.X1, b.X0), Y1: max(a.Y1, b.Y1)})
}

// place writes the attributes of a box, within the page.
func (w *writer) place(b task.Box) string {
	clip := func(v float64, top int) float64 { return math.Round(max(0, min(float64(top), v))*100) / 100 }
	x0, y0, x1, y1 := clip(b.X0, w.page.Width), clip(b.Y0, w.page.Height), clip(b.X1, w.page.Width), clip(b.Y1, w.page.Height)
	return fmt.Sprintf(` HPOS="%s" VPOS="%s" WIDTH="%s" HEIGHT="%s"`, decimal(x0, 2), decimal(y0, 2), decimal(max(0, x1-x0), 2), decimal(max(0, y1-y0), 2))
}

// decimal writes a number with at most so many places and no idle zeros.
func decimal(v float64, places int) string {
	scale := math.Pow10(places)
	return strconv.FormatFloat(math.Round(v*scale)/scale, 'f', -1, 64)
}

// text makes a string fit for XML, in attributes too: escaped, valid, without
// the characters that XML 1.0 does not have.
func text(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a Buffer refuses nothing
	return b.String()
}
