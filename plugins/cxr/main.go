// Program palimpsest-task-cxr is the task that has a model describe radiographs
// of the chest. It refuses what is no such film, shows the model each film, or
// the films of a study together, with the indication in the prompt, and takes the
// report that the model writes apart: sections, sentences, those that speak of
// earlier studies, and findings coded as present, absent or uncertain. Every word
// of a report is the model's own. What comes out is a draft and says so; it is
// not for diagnosis.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"palimpsest.dev/plugins/cxr/film"
	"palimpsest.dev/task"
)

// version changes whenever the same answers would give other records.
const version = "1"

// maxAsks bounds how many films of one page are shown to the model.
const maxAsks = 16

// notice stands in every row and file.
const notice = "Draft written by a model. Not for diagnosis."

// The options.
const (
	indicationOption = "indication"
	patientOption    = "patient"
	studyOption      = "study"
	filmsOption      = "films"

	studyOfSource = "source" // of studyOption
	filmsTogether = "study"  // of filmsOption
	filmsEach     = "each"
)

// Bounds on what a person may hand in.
const (
	maxIndication = 1000 // bytes
	maxPatient    = 200  // bytes
)

func main() { task.Serve(cxr{}) }

// cxr is the task. It has no state.
type cxr struct{}

var noticeColumn = task.Column{Name: "notice", Type: task.Text, Summary: "that this is a draft and not for diagnosis"}

// Info implements task.Task.
func (cxr) Info() task.Info {
	return task.Info{
		Name:    "cxr",
		Version: version,
		Summary: "drafts reports of chest radiographs, not for diagnosis: sections, sentences, coded findings; FHIR and text",
		Options: []task.Option{
			{Name: indicationOption, Summary: "why the film was taken, shown to the model as it is and stored with the run; name no patient"},
			{Name: patientOption, Summary: "a reference to the patient for the FHIR report, such as Patient/123, stored with the run; none is written without it"},
			{Name: studyOption, Summary: "the study's UID for the FHIR report, or source: the UIDs that the DICOM file holds; none is written without it"},
			{Name: filmsOption, Summary: "whether the pages of a document are films of one study, read together where the model can, or each is read alone",
				Default: filmsTogether, Values: []string{filmsTogether, filmsEach}},
		},
		Regions:  []string{task.RegionFilm},
		Overview: film.Side,
		Rounds:   1,
		MaxAsks:  maxAsks,
		Relations: []task.Relation{
			{Name: "report", Summary: "draft reports, one for each film or study that was shown to the model; not for diagnosis", Columns: []task.Column{
				{Name: "seq", Type: task.Integer, Summary: "place on the page, from 0"},
				{Name: "text", Type: task.Text, Summary: "what the model wrote"},
				{Name: "indication", Type: task.Text, Summary: "what the model was told as the indication; null for nothing"},
				{Name: "body", Type: task.Text, Summary: "what it wrote under no heading; null for nothing"},
				{Name: "findings", Type: task.Text, Summary: "what it wrote under the heading findings; null without that section"},
				{Name: "impression", Type: task.Text, Summary: "what it wrote under the heading impression; null without that section"},
				{Name: "missing", Type: task.Text, Summary: "which of findings and impression it did not write; null when none"},
				{Name: "films", Type: task.JSON, Summary: "numbers of the pages that the model was shown, in their order"},
				{Name: "complete", Type: task.Boolean, Summary: "whether the model ended the report itself; otherwise it was cut off by the token limit"},
				noticeColumn,
			}},
			{Name: "sentence", Summary: "sentences of draft reports, in order; not for diagnosis", Columns: []task.Column{
				{Name: "report_seq", Type: task.Integer, Summary: "seq of the report"},
				{Name: "sentence", Type: task.Integer, Summary: "place in the report, from 0"},
				{Name: "section", Type: task.Text, Summary: "body, indication, comparison, technique, findings, impression, recommendation or addendum"},
				{Name: "text", Type: task.Text, Summary: "the sentence"},
				{Name: "from_byte", Type: task.Integer, Summary: "where it begins in the report's text"},
				{Name: "to_byte", Type: task.Integer, Summary: "where it ends, exclusive"},
				{Name: "earlier", Type: task.Text, Summary: "words that speak of an earlier study, which the model did not see; null for none"},
				noticeColumn,
			}},
			{Name: "finding", Summary: "findings of draft reports, coded in the fourteen classes of the CheXpert data; not for diagnosis", Columns: []task.Column{
				{Name: "report_seq", Type: task.Integer, Summary: "seq of the report"},
				{Name: "class", Type: task.Text, Summary: "one of the fourteen classes"},
				{Name: "status", Type: task.Text, Summary: "present, absent or uncertain"},
				{Name: "decides", Type: task.Boolean, Summary: "whether this row gives the status that the report as a whole has for the class"},
				{Name: "sentence", Type: task.Integer, Summary: "sentence that says so; null for No Finding, which follows from the others"},
				{Name: "evidence", Type: task.Text, Summary: "the words that say so, with what denies or doubts them; null for No Finding"},
				{Name: "from_byte", Type: task.Integer, Summary: "where they begin in the report's text"},
				{Name: "to_byte", Type: task.Integer, Summary: "where they end, exclusive"},
				noticeColumn,
			}},
		},
	}
}

// state is what an ask carries to its answer.
type state struct {
	Sure   float64 `json:"sure,omitempty"`   // least confidence of a report that is kept
	Unsaid bool    `json:"unsaid,omitempty"` // there is an indication, and the prompt has no place for it
}

// Plan implements task.Task.
func (t cxr) Plan(_ context.Context, page task.Page, how task.Profile) ([]task.Ask, error) {
	if err := t.Info().CheckPlan(page, how); err != nil {
		return nil, err
	}
	if err := checkOptions(page); err != nil {
		return nil, err
	}
	indication := plain(page.Options[indicationOption])
	prompt, said, err := ask(how.Prompt, indication)
	if err != nil {
		return nil, err
	}
	g := gather(page, how.Images)
	page.Regions = g.films
	note, err := json.Marshal(state{Sure: how.MinConfidence, Unsaid: indication != "" && !said})
	if err != nil {
		return nil, err
	}
	how.Prompt = prompt
	// Nothing around a film belongs to it.
	asks, err := t.Info().AskRegions(page, how, func(task.Box) float64 { return 0 }, note)
	if err != nil {
		return nil, err
	}
	if g.waits {
		return nil, nil
	}
	for i := range asks {
		asks[i].Earlier = g.earlier
	}
	return asks, nil
}

// checkOptions refuses what no report can be written with.
func checkOptions(page task.Page) error {
	if s := page.Options[indicationOption]; len(s) > maxIndication {
		return fmt.Errorf("%w: option %s has %d bytes: at most %d", task.ErrInvalid, indicationOption, len(s), maxIndication)
	}
	if s := page.Options[patientOption]; len(s) > maxPatient || s != plain(s) {
		return fmt.Errorf("%w: option %s: want a reference such as Patient/123, at most %d bytes on one line", task.ErrInvalid, patientOption, maxPatient)
	}
	if s := page.Options[studyOption]; s != "" && s != studyOfSource && !validUID(s) {
		return fmt.Errorf("%w: option %s=%.80q: want %s or a UID, at most 64 digits and dots", task.ErrInvalid, studyOption, s, studyOfSource)
	}
	return nil
}

// validUID reports whether a text is a DICOM UID.
func validUID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || strings.Trim(part, "0123456789") != "" {
			return false
		}
	}
	return true
}

// place is where a profile's prompt takes the indication. A part of the prompt in
// square brackets around it is left out where there is none.
const place = "{indication}"

// ask writes the prompt, and says whether it has a place for the indication.
func ask(prompt, indication string) (text string, said bool, err error) {
	at := strings.Index(prompt, place)
	if at < 0 {
		return prompt, false, nil
	}
	before, after := prompt[:at], prompt[at+len(place):]
	if strings.Contains(after, place) {
		return "", false, fmt.Errorf("%w: profile: prompt %.80q has more than one %s", task.ErrInvalid, prompt, place)
	}
	if l, r := strings.LastIndexByte(before, '['), strings.IndexByte(after, ']'); l >= 0 && r >= 0 {
		if indication == "" {
			return before[:l] + after[r+1:], true, nil
		}
		before, after = before[:l]+before[l+1:], after[:r]+after[r+1:]
	}
	text = before + indication + after
	if len(text) > task.MaxPrompt {
		return "", false, fmt.Errorf("%w: the prompt with the indication has %d bytes: at most %d", task.ErrInvalid, len(text), task.MaxPrompt)
	}
	return text, true, nil
}

// plain puts a person's text on one line.
func plain(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, ""), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || r == utf8.RuneError
	}), " ")
}

// Read implements task.Task.
func (t cxr) Read(ctx context.Context, page task.Page, answers []task.Answer) (task.Reading, error) {
	if err := t.Info().CheckOptions(page.Options); err != nil {
		return task.Reading{}, err
	}
	r := sight(page, answers)
	if err := ctx.Err(); err != nil {
		return task.Reading{}, err
	}
	return r.reading(page)
}
