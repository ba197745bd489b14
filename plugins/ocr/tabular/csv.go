// Package tabular writes what was read for programs: all words as comma
// separated values, and pages, blocks, lines and words as JSON. Both can be
// written in parts, for documents too large to be held at once: the parts one
// after the other are the file.
//
// The JSON is one object:
//
//	schema       "palimpsest.ocr.document"
//	version      1; a change that readers must know of raises it
//	document     {id, name}
//	software     {name, version}
//	coordinates  what the boxes mean, in words
//	pages        [{number (from 1), state, image, width, height, dpi (null: unknown), rotation,
//	               blocks: [{block, box, lines: [...]}]}]
//	line         {line, paragraph, box, text, confidence, source, words: [...]}
//	word         {word, text, box, confidence, source}
//
// block, line, paragraph and word are the numbers of the stored rows, from 0
// on each page, in reading order. A box is [x0, y0, x1, y1] in pixels of the
// upright page raster, origin top left, y down, half open, rounded to
// hundredths. confidence is 0 to 1, rounded to four places, and null for what
// was copied from the source's own text layer; source is "model" or
// "text_layer". state is "done", "blank", "unreadable", "failed" or
// "cancelled".
package tabular

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"palimpsest.dev/plugins/ocr/transcript"
)

// CSVMediaType is the media type of CSV.
const CSVMediaType = "text/csv; charset=utf-8; header=present"

// Columns are the columns of CSV.
const Columns = "page,block,line,word,text,x0,y0,x1,y1,confidence,source"

// CSV returns the words of pages in reading order as RFC 4180 wants it: lines
// end in CR LF; a field with comma, quote or line break stands in quotes, its
// quotes doubled. Text is exact: nothing is done for programs that take a
// leading = for a formula. Numbers are those of the JSON, an unknown confidence
// is an empty field. The header is written with the first part.
func CSV(pages []transcript.Page, first bool) []byte {
	var b bytes.Buffer
	if first {
		b.WriteString(Columns + "\r\n")
	}
	for _, p := range pages {
		for _, l := range p.Lines() {
			for _, w := range l.Words {
				fields := []string{strconv.Itoa(p.Number), strconv.Itoa(l.Block), strconv.Itoa(l.Index), strconv.Itoa(w.Index), quoted(w.Text),
					number(hundredths(w.Box.X0)), number(hundredths(w.Box.Y0)), number(hundredths(w.Box.X1)), number(hundredths(w.Box.Y1)), "", quoted(w.Source)}
				if c := sure(w.Confidence); c != nil {
					fields[9] = number(*c)
				}
				b.WriteString(strings.Join(fields, ",") + "\r\n")
			}
		}
	}
	return b.Bytes()
}

func quoted(s string) string {
	if !strings.ContainsAny(s, ",\"\r\n") {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func hundredths(v float64) float64 { return math.Round(v*100) / 100 }

// sure is a confidence as it is shown, nil when there is none.
func sure(c float64) *float64 {
	if c < 0 {
		return nil
	}
	c = math.Round(c*1e4) / 1e4
	return &c
}
