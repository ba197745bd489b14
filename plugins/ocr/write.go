package main

import (
	"path"
	"unicode"

	"palimpsest.dev/plugins/ocr/hocr"
	"palimpsest.dev/plugins/ocr/layout"
	"palimpsest.dev/plugins/ocr/transcript"
	"palimpsest.dev/task"
)

// write puts words in order and makes records and artifacts of them. Turn is
// that of the views they were read in.
func write(page task.Page, words []word, turn *turned, notes []string) task.Reading {
	r := task.Reading{Notes: notes}
	out := hocr.Page{System: "palimpsest-task-ocr " + version, Title: page.Document, Image: page.Raster,
		Number: page.Number, Width: page.Width, Height: page.Height, DPI: page.DPI}
	if out.Image == "" {
		out.Image = path.Base("/" + page.Document)
	}
	seq := int64(0)
	for n, l := range order(words, turn) {
		polygon := turn.corners(page, l.Box)
		l.Box = turn.toPage(page, l.Box)
		line := hocr.Line{Box: l.Box, Polygon: polygon, Block: l.Block, Paragraph: l.Paragraph}
		var printed transcript.Line
		var sure, weight float64
		source := task.SourceModel
		for _, i := range l.Words {
			w := words[i]
			r.Records = append(r.Records, task.Record{Relation: "word", Box: w.box, Polygon: w.polygon, Confidence: w.confidence, Source: w.source,
				Values: map[string]any{"seq": seq, "line": int64(n), "block": int64(l.Block), "text": w.text, "verified": w.verified}})
			seq++
			sure += w.confidence * runes(w.text)
			weight += runes(w.text)
			source = w.source
			shown := hocr.Word{Text: w.text, Box: w.box, Polygon: w.polygon, Confidence: w.confidence}
			if w.source == task.SourceTextLayer {
				shown.Confidence = -1
			}
			line.Words = append(line.Words, shown)
			printed.Words = append(printed.Words, transcript.Word{Text: w.text, Box: w.box})
		}
		r.Records = append(r.Records, task.Record{Relation: "line", Box: l.Box, Polygon: polygon, Confidence: sure / max(weight, 1), Source: source,
			Values: map[string]any{"seq": int64(n), "block": int64(l.Block), "paragraph": int64(l.Paragraph),
				"words": int64(len(l.Words)), "text": printed.Text()}})
		out.Lines = append(out.Lines, line)
	}
	text := transcript.Of(task.DocumentPage{Page: page, Records: r.Records})
	r.Artifacts = []task.Artifact{
		{Name: "page.hocr", MediaType: "text/vnd.hocr+html", Content: out.HTML()},
		{Name: "page.txt", MediaType: "text/plain; charset=utf-8", Content: []byte(text.Text(transcript.CompoundsOf([]transcript.Page{text})))},
	}
	return r
}

// order lays the words out. Words without places of their own keep the order
// in which the model wrote them, as one line for each view.
func order(words []word, turn *turned) []layout.Line {
	placed := make([]layout.Word, len(words))
	same := len(words) > 1
	for i, w := range words {
		box := w.box
		if !turn.upright() {
			box = w.level
		}
		placed[i] = layout.Word{Box: box, XHeight: w.xHeight, Direction: direction(w.text)}
		same = same && w.box == words[0].box
	}
	if !same {
		return layout.Order(placed)
	}
	line := layout.Line{Box: words[0].box}
	for i := range words {
		line.Words = append(line.Words, i)
	}
	return []layout.Line{line}
}

// direction is that of a word's first letter: -1 to the left, 1 to the right, 0
// without one.
func direction(text string) int {
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko, unicode.Adlam) && unicode.IsLetter(r):
			return -1
		case unicode.IsLetter(r):
			return 1
		}
	}
	return 0
}
