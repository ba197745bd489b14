// Program palimpsest-task-ocr is the task that reads printed text: words and
// lines with boxes, in reading order. It plans overlapping tiles or a whole
// page according to the model's profile, merges what the tiles saw, puts it in
// order, and writes hOCR and plain text, and of the finished document ALTO,
// Markdown, JSON and CSV. What a page's own text layer says is taken over,
// compared or ignored as the option text_layer wants, and always marked as
// such.
package main

import (
	"context"

	"palimpsest.dev/plugins/ocr/textlayer"
	"palimpsest.dev/plugins/ocr/words"
	"palimpsest.dev/task"
)

// version changes whenever the same answers would give other records.
const version = "3"

// maxAsks bounds how many views of one page the model is shown. An A4 page of
// 10 point text needs about fifty.
const maxAsks = 400

// The values of the option text_layer.
const (
	layerOption = "text_layer"
	layerUse    = "use"
	layerVerify = "verify"
	layerIgnore = "ignore"
)

func main() { task.Serve(ocr{}) }

// ocr is the task. It has no state.
type ocr struct{}

var _ task.Task = ocr{}

// Info implements task.Task.
func (ocr) Info() task.Info {
	return task.Info{
		Name:    "ocr",
		Version: version,
		Summary: "reads printed text: words and lines with boxes in reading order",
		Rounds:  2, // the second looks at what the first overlooked or cut
		MaxAsks: maxAsks,
		Options: []task.Option{{
			Name: layerOption,
			Summary: "what to do with the page's own text layer: use it where it is sound instead of reading, " +
				"verify what is read against it, or ignore it",
			Default: layerUse,
			Values:  []string{layerUse, layerVerify, layerIgnore},
		}},
		Relations: []task.Relation{
			{Name: "word", Summary: "words in reading order", Columns: []task.Column{
				{Name: "seq", Type: task.Integer, Summary: "place in the page's reading order, from 0"},
				{Name: "line", Type: task.Integer, Summary: "seq of the line it stands in"},
				{Name: "block", Type: task.Integer, Summary: "block of lines, from 0 in reading order"},
				{Name: "text", Type: task.Text, Summary: "the word with the punctuation that touches it"},
				{Name: "verified", Type: task.Boolean, Summary: "whether the text layer says the same in the same place; null unless asked"},
			}},
			{Name: "line", Summary: "lines of text in reading order", Columns: []task.Column{
				{Name: "seq", Type: task.Integer, Summary: "place in the page's reading order, from 0"},
				{Name: "block", Type: task.Integer, Summary: "block of lines, from 0 in reading order"},
				{Name: "paragraph", Type: task.Integer, Summary: "paragraph, from 0 in reading order"},
				{Name: "words", Type: task.Integer, Summary: "number of words"},
				{Name: "text", Type: task.Text, Summary: "the words, separated by spaces"},
			}},
		},
	}
}

// Plan implements task.Task.
func (t ocr) Plan(_ context.Context, page task.Page, how task.Profile) ([]task.Ask, error) {
	if err := t.Info().CheckPlan(page, how); err != nil {
		return nil, err
	}
	if usesLayer(page) {
		return nil, nil
	}
	return words.Plan(page, how, maxAsks)
}

// usesLayer reports whether the page's text layer stands for its words.
func usesLayer(page task.Page) bool {
	return page.OptionOr(layerOption, layerUse) == layerUse && len(page.Text) > 0 && textlayer.Judge(page) == ""
}

// Read implements task.Task.
func (t ocr) Read(ctx context.Context, page task.Page, answers []task.Answer) (task.Reading, error) {
	if err := t.Info().CheckOptions(page.Options); err != nil {
		return task.Reading{}, err
	}
	if usesLayer(page) {
		return write(page, layerWords(page), nil, []string{"words are those of the page's own text layer"}), nil
	}
	s, err := sight(ctx, page, answers)
	if err != nil {
		return task.Reading{}, err
	}
	if asks := s.SecondLook(page, answers, maxAsks); len(asks) > 0 {
		return task.Reading{Asks: asks}, nil
	}
	if len(page.Text) > 0 && page.OptionOr(layerOption, layerUse) == layerUse {
		s.Notes = append(s.Notes, "the text layer was not used: "+textlayer.Judge(page))
	}
	if page.Options[layerOption] == layerVerify {
		s.verify(page)
	}
	if s.Unreadable != "" {
		s.words = nil // what is left of them is not to be trusted
	}
	r := write(page, s.words, s.Turn, s.Notes)
	r.Unreadable = s.Unreadable
	return r, nil
}
