// Program palimpsest-task-molecule is the task that reads drawn molecules. It
// shows the model each region of a page that holds molecules, or the whole page,
// reads the SMILES that the model writes, checks them, and gives
// each molecule its canonical form, formula, masses and the label printed with
// it. What is no molecule is kept as it was written, with the place and the
// reason. Of a finished document it writes a structure-data file with drawings
// and a table.
package main

import (
	"context"
	"encoding/json"

	"palimpsest.dev/task"
)

// version changes whenever the same answers would give other records.
const version = "2"

// maxAsks bounds how many molecules of one page are shown to the model.
const maxAsks = 64

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
		Rounds:  1,
		MaxAsks: maxAsks,
		Regions: []string{task.RegionMolecule},
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

// state is what an ask carries to its answer.
type state struct {
	Box  string  `json:"box,omitempty"`
	Bins int     `json:"bins"`
	Sure float64 `json:"sure,omitempty"` // least confidence of a molecule that is kept
}

// margin is what is shown around a region, as a share of its longer side:
// labels stand close, and a tight box would cut letters.
const margin = 0.05

// Plan implements task.Task.
func (t molecule) Plan(_ context.Context, page task.Page, how task.Profile) ([]task.Ask, error) {
	if err := t.Info().CheckPlan(page, how); err != nil {
		return nil, err
	}
	note, err := json.Marshal(state{Box: how.Box, Bins: how.LocBins, Sure: how.MinConfidence})
	if err != nil {
		return nil, err
	}
	return t.Info().AskRegions(page, how, func(b task.Box) float64 { return margin * max(b.Width(), b.Height()) }, note)
}

// Read implements task.Task.
func (t molecule) Read(ctx context.Context, page task.Page, answers []task.Answer) (task.Reading, error) {
	if err := t.Info().CheckOptions(page.Options); err != nil {
		return task.Reading{}, err
	}
	s, err := sight(ctx, page, answers)
	if err != nil {
		return task.Reading{}, err
	}
	if note := t.Info().LeftOut(page); note != "" {
		s.notes = append([]string{note}, s.notes...)
	}
	return task.Reading{Records: s.records(), Notes: s.notes, Unreadable: s.unreadable}, nil
}
