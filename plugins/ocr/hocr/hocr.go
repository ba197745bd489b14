// Package hocr writes hOCR 1.2, HTML whose elements carry the boxes of pages,
// blocks, paragraphs, lines and words.
package hocr

import (
	"fmt"
	"html"
	"math"
	"strings"
	"unicode"

	"palimpsest.dev/plugins/ocr/transcript"
	"palimpsest.dev/task"
)

// MediaType of the files.
const MediaType = "text/vnd.hocr+html"

// Word is a word with its place.
type Word struct {
	Text       string
	Box        task.Box
	Polygon    []task.Point // corners of one that does not stand upright
	Confidence float64      // 0 to 1; negative when there is none
}

// Line is a line of words; Block and Paragraph change where a new one begins.
type Line struct {
	Words            []Word
	Box              task.Box
	Polygon          []task.Point // corners of one that slopes
	Block, Paragraph int
}

// Page is what is written.
type Page struct {
	System        string // name and version of what read the page
	Title         string // of the document
	Image         string // name of the page image
	Number        int    // 1-based
	Width, Height int
	DPI           float64 // 0 unknown
	Lines         []Line  // in reading order
}

const head = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
 <head>
  <title>%s</title>
  <meta http-equiv="Content-Type" content="text/html; charset=utf-8"/>
  <meta name="ocr-system" content="%s"/>
  <meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrp_wconf"/>
%s </head>
 <body>
`

const (
	onePage = "  <meta name=\"ocr-number-of-pages\" content=\"1\"/>\n"
	tail    = " </body>\n</html>\n"
)

// HTML returns the page as hOCR 1.2. Boxes are whole pixels that enclose the
// exact ones, within the page; what does not stand upright has its corners
// beside them, as the property poly.
func (p Page) HTML() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, head, text(p.Title), text(p.System), onePage)
	p.write(&b)
	b.WriteString(tail)
	return []byte(b.String())
}

// Document returns pages of one document as a part of one file: what stands
// before them with the first part, what closes the file with the last. How many
// pages there are is not known when the first part is written, and not told.
func Document(system, title string, pages []Page, first, last bool) []byte {
	var b strings.Builder
	if first {
		fmt.Fprintf(&b, head, text(title), text(system), "")
	}
	for _, p := range pages {
		p.write(&b)
	}
	if last {
		b.WriteString(tail)
	}
	return []byte(b.String())
}

// Of is a page as it was put together from its records.
func Of(p transcript.Page) Page {
	out := Page{Image: p.Image, Number: p.Number, Width: p.Width, Height: p.Height, DPI: p.DPI}
	for _, l := range p.Lines() {
		line := Line{Box: l.Box, Polygon: l.Polygon, Block: l.Block, Paragraph: l.Paragraph}
		for _, w := range l.Words {
			line.Words = append(line.Words, Word{Text: w.Text, Box: w.Box, Polygon: w.Polygon, Confidence: w.Confidence})
		}
		out.Lines = append(out.Lines, line)
	}
	return out
}

// write writes the page's element.
func (p Page) write(b *strings.Builder) {
	resolution := ""
	if p.DPI > 0 {
		resolution = fmt.Sprintf("; scan_res %d %d", int(math.Round(p.DPI)), int(math.Round(p.DPI)))
	}
	fmt.Fprintf(b, "  <div class='ocr_page' id='page_%d' title='%s'>\n", p.Number,
		text(fmt.Sprintf("image %s; bbox 0 0 %d %d; ppageno %d%s", quote(p.Image), p.Width, p.Height, p.Number-1, resolution)))
	for i := 0; i < len(p.Lines); {
		i = p.block(b, i)
	}
	b.WriteString("  </div>\n")
}

// block writes the block that begins at line i and returns the line after it.
func (p Page) block(b *strings.Builder, i int) int {
	end := i
	var box task.Box
	for ; end < len(p.Lines) && p.Lines[end].Block == p.Lines[i].Block; end++ {
		box = box.Union(p.Lines[end].Box)
	}
	fmt.Fprintf(b, "   <div class='ocr_carea' id='block_%d_%d' title='%s'>\n", p.Number, p.Lines[i].Block+1, p.bbox(box))
	for i < end {
		stop := i
		var box task.Box
		for ; stop < end && p.Lines[stop].Paragraph == p.Lines[i].Paragraph; stop++ {
			box = box.Union(p.Lines[stop].Box)
		}
		fmt.Fprintf(b, "    <p class='ocr_par' id='par_%d_%d' title='%s'>\n", p.Number, p.Lines[i].Paragraph+1, p.bbox(box))
		for ; i < stop; i++ {
			p.line(b, i)
		}
		b.WriteString("    </p>\n")
	}
	b.WriteString("   </div>\n")
	return end
}

func (p Page) line(b *strings.Builder, i int) {
	l := p.Lines[i]
	fmt.Fprintf(b, "     <span class='ocr_line' id='line_%d_%d' title='%s%s'>\n", p.Number, i+1, p.bbox(l.Box), p.poly(l.Polygon))
	for k, w := range l.Words {
		conf := ""
		if w.Confidence >= 0 {
			conf = fmt.Sprintf("; x_wconf %d", int(math.Round(100*min(1, w.Confidence))))
		}
		fmt.Fprintf(b, "      <span class='ocrx_word' id='word_%d_%d_%d' title='%s%s%s'>%s</span>\n",
			p.Number, i+1, k+1, p.bbox(w.Box), p.poly(w.Polygon), conf, text(w.Text))
	}
	b.WriteString("     </span>\n")
}

// clip keeps a coordinate within the page.
func clip(v float64, top int) int { return int(max(0, min(float64(top), v))) }

// poly is the property of a polygon, behind that of its box; empty for none.
func (p Page) poly(polygon []task.Point) string {
	if len(polygon) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("; poly")
	for _, c := range polygon {
		fmt.Fprintf(&b, " %d %d", clip(math.Round(c.X), p.Width), clip(math.Round(c.Y), p.Height))
	}
	return b.String()
}

func (p Page) bbox(b task.Box) string {
	return fmt.Sprintf("bbox %d %d %d %d", clip(math.Floor(b.X0), p.Width), clip(math.Floor(b.Y0), p.Height),
		clip(math.Ceil(b.X1), p.Width), clip(math.Ceil(b.Y1), p.Height))
}

// quote writes a file name as hOCR's title properties want it.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// text makes a string fit for XML: escaped, valid, without the characters
// that XML 1.0 does not have.
func text(s string) string {
	return html.EscapeString(strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r >= ' ' && r != 0x7f && r != 0xfffe && r != 0xffff && !unicode.Is(unicode.Cs, r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, "\uFFFD")))
}
