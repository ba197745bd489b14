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
	"encoding/json"
	"fmt"

	"palimpsest.dev/plugins/ocr/textlayer"
	"palimpsest.dev/plugins/ocr/tiles"
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

// state is what an ask carries to its answer.
type state struct {
	Box     string  `json:"box"`
	Bins    int     `json:"bins"`
	Min     float64 `json:"min,omitempty"`     // least x-height read well, model pixels
	Max     float64 `json:"max,omitempty"`     // greatest
	Overlap float64 `json:"overlap,omitempty"` // of neighbouring tiles, model pixels; 0: not tiles
	Sure    float64 `json:"sure,omitempty"`    // least confidence of a word that is kept
	First   *first  `json:"first,omitempty"`   // on one ask of the second round: what the first one saw
}

// Plan implements task.Task.
func (t ocr) Plan(_ context.Context, page task.Page, how task.Profile) ([]task.Ask, error) {
	if err := t.Info().CheckPlan(page, how); err != nil {
		return nil, err
	}
	if usesLayer(page) {
		return nil, nil
	}
	carry := state{Box: how.Box, Bins: how.LocBins, Sure: how.MinConfidence}
	var regions []task.Box
	switch how.View {
	case task.ViewPage:
		regions = []task.Box{page.Bounds()}
	case task.ViewTiles:
		carry.Min, carry.Max, carry.Overlap = how.XHeightMin, how.XHeightMax, float64(how.Overlap)
		for _, tile := range tiles.Plan(page, how, maxAsks) {
			regions = append(regions, tile.Region)
		}
	default:
		return nil, fmt.Errorf("%w: profile: view %q: this task knows %s and %s", task.ErrInvalid, how.View, task.ViewTiles, task.ViewPage)
	}
	note, err := json.Marshal(carry)
	if err != nil {
		return nil, err
	}
	asks := make([]task.Ask, len(regions))
	for i, r := range regions {
		asks[i] = task.Ask{ID: fmt.Sprintf("v%d", i), Region: r, Size: how.Size, Fit: how.Fit,
			Prompt: how.Prompt, MaxTokens: how.MaxTokens, Grammar: how.Grammar, State: note}
	}
	return asks, nil
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
	if asks := s.secondLook(page, answers); len(asks) > 0 {
		return task.Reading{Asks: asks}, nil
	}
	if len(page.Text) > 0 && page.OptionOr(layerOption, layerUse) == layerUse {
		s.notes = append(s.notes, "the text layer was not used: "+textlayer.Judge(page))
	}
	if page.Options[layerOption] == layerVerify {
		s.verify(page)
	}
	if s.unreadable != "" {
		s.words = nil // what is left of them is not to be trusted
	}
	r := write(page, s.words, s.turn, s.notes)
	r.Unreadable = s.unreadable
	return r, nil
}
