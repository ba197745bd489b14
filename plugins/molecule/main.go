// Program palimpsest-task-molecule is the task that reads drawn molecules. It
// shows the model a whole page, or first asks it where molecules stand and then
// shows it each, reads the SMILES that the model writes, checks them, and gives
// each molecule its canonical form, formula, masses and the label printed with
// it. What is no molecule is kept as it was written, with the place and the
// reason. Of a finished document it writes a structure-data file with drawings
// and a table.
package main

import (
	"context"
	"encoding/json"
	"fmt"

	"palimpsest.dev/task"
)

// version changes whenever the same answers would give other records.
const version = "1"

// maxAsks bounds how many molecules of one page are shown to the model.
const maxAsks = 64

// Where molecules stand is asked in the words of the released models; where
// the profile keeps answers in a language, that answer is kept in its own.
const (
	detectPrompt  = "detect molecule"
	detectGrammar = "detect"
)

func main() { task.Serve(molecule{}) }

// molecule is the task. It has no state.
type molecule struct{}

var _ task.Finisher = molecule{}

// Info implements task.Task.
func (molecule) Info() task.Info {
	return task.Info{
		Name:    "molecule",
		Version: version,
		Summary: "reads drawn molecules: SMILES, checked and canonical, with formula, masses and labels; structure-data files",
		Rounds:  2, // the first may only find the molecules
		MaxAsks: maxAsks,
		Relations: []task.Relation{{Name: "molecule", Summary: "molecules from top to bottom", Columns: []task.Column{
			{Name: "seq", Type: task.Integer, Summary: "place on the page, from 0"},
			{Name: "text", Type: task.Text, Summary: "what the model wrote"},
			{Name: "valid", Type: task.Boolean, Summary: "whether the text says a molecule; the columns below are null where not"},
			{Name: "reason", Type: task.Text, Summary: "why it says none; null for a molecule"},
			{Name: "position", Type: task.Integer, Summary: "byte of the text, from 0, where it stops making sense"},
			{Name: "smiles", Type: task.Text, Summary: "canonical SMILES: one text for one molecule"},
			{Name: "formula", Type: task.Text, Summary: "molecular formula, carbon and hydrogen first"},
			{Name: "mass", Type: task.Number, Summary: "average molecular mass"},
			{Name: "exact_mass", Type: task.Number, Summary: "mass of the most abundant isotopes"},
			{Name: "charge", Type: task.Integer, Summary: "sum of the charges"},
			{Name: "atoms", Type: task.Integer, Summary: "atoms other than hydrogen, wildcards left out"},
			{Name: "rings", Type: task.Integer, Summary: "independent rings"},
			{Name: "parts", Type: task.Integer, Summary: "parts that no bond joins"},
			{Name: "centres", Type: task.Integer, Summary: "tetrahedral stereo centres that are told"},
			{Name: "double_bonds", Type: task.Integer, Summary: "double bonds of which the form is told"},
			{Name: "groups", Type: task.Integer, Summary: "wildcards and R-groups"},
			{Name: "label", Type: task.Text, Summary: "name or number printed with the molecule"},
		}}},
	}
}

// The steps of a page.
const (
	stepFind = "find" // where do molecules stand?
	stepRead = "read" // what are they?
)

// state is what an ask carries to its answer.
type state struct {
	Step      string  `json:"step"`
	Box       string  `json:"box,omitempty"`
	Bins      int     `json:"bins"`
	Sure      float64 `json:"sure,omitempty"`       // least confidence of a molecule that is kept
	Prompt    string  `json:"prompt,omitempty"`     // of the second round
	MaxTokens int     `json:"max_tokens,omitempty"` // of the second round
	Grammar   string  `json:"grammar,omitempty"`    // of the second round
}

// Plan implements task.Task.
func (t molecule) Plan(_ context.Context, page task.Page, how task.Profile) ([]task.Ask, error) {
	if err := t.Info().CheckPlan(page, how); err != nil {
		return nil, err
	}
	carry := state{Step: stepRead, Box: how.Box, Bins: how.LocBins, Sure: how.MinConfidence}
	prompt, language := how.Prompt, how.Grammar
	switch how.View {
	case task.ViewPage:
	case task.ViewRegion:
		carry.Step, carry.Prompt, carry.MaxTokens, carry.Grammar = stepFind, how.Prompt, how.MaxTokens, how.Grammar
		prompt = detectPrompt
		if language != "" {
			language = detectGrammar
		}
	default:
		return nil, fmt.Errorf("%w: profile: view %q: a molecule is read as a whole, this task knows %s and %s",
			task.ErrInvalid, how.View, task.ViewPage, task.ViewRegion)
	}
	note, err := json.Marshal(carry)
	if err != nil {
		return nil, err
	}
	return []task.Ask{{ID: carry.Step, Region: page.Bounds(), Size: how.Size, Fit: how.Fit, Prompt: prompt, MaxTokens: how.MaxTokens,
		Grammar: language, State: note}}, nil
}

// Read implements task.Task.
func (t molecule) Read(ctx context.Context, page task.Page, answers []task.Answer) (task.Reading, error) {
	if err := t.Info().CheckOptions(page.Options); err != nil {
		return task.Reading{}, err
	}
	if len(answers) == 1 && stateOf(answers[0]).Step == stepFind {
		asks, notes, err := regions(page, answers[0])
		return task.Reading{Asks: asks, Notes: notes}, err
	}
	s, err := sight(ctx, page, answers)
	if err != nil {
		return task.Reading{}, err
	}
	return task.Reading{Records: s.records(), Notes: s.notes, Unreadable: s.unreadable}, nil
}
