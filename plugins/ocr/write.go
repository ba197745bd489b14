package main

import (
	"path"
	"unicode"

	"palimpsest.dev/plugins/ocr/hocr"
	"palimpsest.dev/plugins/ocr/layout"
	"palimpsest.dev/plugins/ocr/transcript"
	"palimpsest.dev/plugins/ocr/words"
	"palimpsest.dev/task"
)

// write puts words in order and makes records and artifacts of them. Turn is
// that of the views they were read in.
func write(page task.Page, read []word, turn *words.Turn, notes []string) task.Reading {
	r := task.Reading{Notes: notes}
	out := hocr.Page{System: "palimpsest-task-ocr " + version, Title: page.Document, Image: page.Raster,
		Number: page.Number, Width: page.Width, Height: page.Height, DPI: page.DPI}
	if out.Image == "" {
		out.Image = path.Base("/" + page.Document)
	}
	seq := int64(0)
	for n, l := range order(read, turn) {
		polygon := turn.Corners(page, l.Box)
		l.Box = turn.ToPage(page, l.Box)
		line := hocr.Line{Box: l.Box, Polygon: polygon, Block: l.Block, Paragraph: l.Paragraph}
		var printed transcript.Line
		var sure, weight float64
		source := task.SourceModel
		for _, i := range l.Words {
			w := read[i]
			r.Records = append(r.Records, task.Record{Relation: "word", Box: w.Box, Polygon: w.Polygon, Confidence: w.Confidence, Source: w.source,
				Values: map[string]any{"seq": seq, "line": int64(n), "block": int64(l.Block), "text": w.Text, "verified": w.verified}})
			seq++
			sure += w.Confidence * runes(w.Text)
			weight += runes(w.Text)
			source = w.source
			shown := hocr.Word{Text: w.Text, Box: w.Box, Polygon: w.Polygon, Confidence: w.Confidence}
			if w.source == task.SourceTextLayer {
				shown.Confidence = -1
			}
			line.Words = append(line.Words, shown)
			printed.Words = append(printed.Words, transcript.Word{Text: w.Text, Box: w.Box})
		}
		r.Records = append(r.Records, task.Record{Relation: "line", Box: l.Box, Polygon: polygon, Confidence: sure / max(weight, 1), Source: source,
			Values: map[string]any{"seq": int64(n), "block": int64(l.Block), "paragraph": int64(l.Paragraph),
				"words": int64(len(l.Words)), "text": printed.Text()}})
		out.Lines = append(out.Lines, line)
	}
	text := transcript.Of(task.DocumentPage{Page: page, Records: r.Records})
	r.Artifacts = []task.Artifact{
		{Name: "page.hocr", MediaType: hocr.MediaType, Content: out.HTML()},
		{Name: "page.txt", MediaType: "text/plain; charset=utf-8", Content: []byte(text.Text(transcript.CompoundsOf([]transcript.Page{text})))},
	}
	return r
}

// order lays the words out. Words without places of their own keep the order
// in which the model wrote them, as one line for each view.
func order(read []word, turn *words.Turn) []layout.Line {
	placed := make([]layout.Word, len(read))
	same := len(read) > 1
	for i, w := range read {
		box := w.Box
		if !turn.Upright() {
			box = w.Level
		}
		placed[i] = layout.Word{Box: box, XHeight: w.XHeight, Direction: direction(w.Text)}
		same = same && w.Box == read[0].Box
	}
	if !same {
		return layout.Order(placed)
	}
	line := layout.Line{Box: read[0].Box}
	for i := range read {
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
