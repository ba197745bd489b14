package main

import (
	"context"
	"fmt"
	"unicode/utf8"

	"palimpsest.dev/plugins/ocr/textlayer"
	"palimpsest.dev/plugins/ocr/words"
	"palimpsest.dev/task"
)

// word is a word of the page, on its way to a record.
type word struct {
	words.Word
	source   string
	verified any // bool, or nil when not compared
}

// sighting is what the answers of a page come to.
type sighting struct {
	words.Sighting
	words []word
}

// sight reads all answers of a round.
func sight(ctx context.Context, page task.Page, answers []task.Answer) (sighting, error) {
	read, err := words.Read(ctx, page, answers)
	s := sighting{Sighting: read}
	for _, w := range read.Words {
		s.words = append(s.words, word{Word: w, source: task.SourceModel})
	}
	return s, err
}

// layerWords are the words of a sound layer. Their confidence is that of a
// copy, which says nothing about the layer.
func layerWords(page task.Page) []word {
	ink := words.NewInk(page)
	var out []word
	for _, w := range textlayer.Words(page) {
		line, _ := ink.Under(w.Box)
		out = append(out, word{Word: words.Word{Text: w.Text, Box: w.Box, Level: w.Box, Confidence: 1, XHeight: words.XHeight(line, w.Box)}, source: task.SourceTextLayer})
	}
	return out
}

// verify marks each word with what the layer says about it.
func (s *sighting) verify(page task.Page) {
	layer := textlayer.Words(page)
	read := make([]task.Word, len(s.words))
	for i, w := range s.words {
		read[i] = task.Word{Text: w.Text, Box: w.Box}
	}
	same, missed := textlayer.Verdicts(read, layer)
	agree := 0
	for i, ok := range same {
		s.words[i].verified = ok
		if ok {
			agree++
		}
	}
	s.Notes = append(s.Notes, fmt.Sprintf("text layer: says the same for %d of %d words read; %d of its %d words were not read so",
		agree, len(read), missed, len(layer)))
	if reason := textlayer.Judge(page); reason != "" && len(layer) > 0 {
		s.Notes = append(s.Notes, "text layer: not plausible: "+reason)
	}
}

// runes is a text's length.
func runes(s string) float64 { return float64(utf8.RuneCountInString(s)) }
