package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"palimpsest.dev/api"
	"palimpsest.dev/store"
)

var _ Corrections = (*store.Store)(nil)

// keptCorrections remembers what was asked for.
type keptCorrections struct {
	last   store.NewCorrection
	undone int64
	err    error
}

func (k *keptCorrections) Correct(_ context.Context, n store.NewCorrection) (store.Corrected, error) {
	k.last = n
	return store.Corrected{Revision: 4, Correction: store.Correction{ID: 7, Page: n.Page, Task: n.Task, Kind: n.Kind, Relation: n.Relation, Place: n.Place, Actor: n.Actor,
		Was: json.RawMessage(`{"values":{"text":"Teh"}}`), Rows: json.RawMessage(`[]`)}}, k.err
}

func (k *keptCorrections) UndoCorrection(_ context.Context, _ string, _ store.DocumentID, id int64, actor string) (store.Corrected, error) {
	k.undone = id
	return store.Corrected{Correction: store.Correction{ID: 8, Kind: store.CorrectUndo, Undoes: id, Actor: actor, Rows: json.RawMessage(`[]`)}}, k.err
}

func (k *keptCorrections) Corrections(context.Context, string, store.DocumentID) ([]store.Correction, error) {
	return []store.Correction{{ID: 7, Undone: true, Rows: json.RawMessage(`[]`)}}, k.err
}

func TestCorrectingOverHTTP(t *testing.T) {
	t.Parallel()
	kept := &keptCorrections{}
	readAs := func(_ context.Context, task string, _ store.Page, box [4]float64, text string) ([]store.Row, error) {
		if text == "" {
			return nil, problem(422, api.CodeBadInput, "", "nothing was read in it")
		}
		return []store.Row{{Relation: task, Box: box, Values: map[string]any{"html": text}}}, nil
	}
	_, c, doc := serveOne(t, func(c *Config) { c.Corrections, c.ReadAs = kept, readAs })
	place := []float64{1, 2, 3, 4}
	change := api.NewCorrection{Task: "ocr", Kind: "change", Relation: "word", Place: place, Values: map[string]any{"text": "The"}, By: "ada"}
	got, err := c.Correct(t.Context(), doc.ID, 2, change)
	if err != nil || got.ID != 7 || got.Revision != 4 || got.Place == nil || string(got.Was) == "" || got.Rows != nil {
		t.Fatalf("%+v, %v", got, err)
	}
	if n := kept.last; n.Page != 2 || n.Place != [4]float64{1, 2, 3, 4} || n.Actor != "ada" || len(n.Rows) != 1 || n.Rows[0].Values["text"] != "The" || n.Rows[0].Box != [4]float64{} {
		t.Errorf("%+v", n)
	}
	if _, err := c.Correct(t.Context(), doc.ID, 2, api.NewCorrection{Task: "ocr", Kind: "add", Place: place, Values: change.Values}); err != nil || kept.last.Rows[0].Box != [4]float64{1, 2, 3, 4} || kept.last.Relation != "word" {
		t.Errorf("%+v, %v", kept.last, err)
	}
	if _, err := c.Correct(t.Context(), doc.ID, 2, api.NewCorrection{Task: "table", Kind: "answer", Relation: "table", Place: place, Text: "<table>"}); err != nil || kept.last.Rows[0].Values["html"] != "<table>" {
		t.Errorf("%+v, %v", kept.last, err)
	}
	if _, err := c.Correct(t.Context(), doc.ID, 2, api.NewCorrection{Task: "ocr", Kind: "right"}); err != nil || kept.last.Relation != "" || kept.last.Rows != nil {
		t.Errorf("%+v, %v", kept.last, err)
	}
	if u, err := c.UndoCorrection(t.Context(), doc.ID, 7, "bob"); err != nil || kept.undone != 7 || u.Undoes != 7 || u.By != "bob" {
		t.Errorf("%+v, %v", u, err)
	}
	if list, err := c.Corrections(t.Context(), doc.ID); err != nil || len(list.Corrections) != 1 || !list.Corrections[0].Undone {
		t.Errorf("%+v, %v", list, err)
	}
	for name, bad := range map[string]struct {
		page   int
		ask    api.NewCorrection
		err    error
		status int
	}{
		"no such page":         {3, change, nil, 404},
		"an unknown kind":      {2, api.NewCorrection{Task: "ocr", Kind: "burn"}, nil, 422},
		"no place":             {2, api.NewCorrection{Task: "ocr", Kind: "change", Relation: "word", Values: change.Values}, nil, 422},
		"nothing to change":    {2, api.NewCorrection{Task: "ocr", Kind: "change", Relation: "word", Place: place}, nil, 422},
		"a box of three":       {2, api.NewCorrection{Task: "ocr", Kind: "change", Relation: "word", Place: place, Box: []float64{1, 2, 3}}, nil, 422},
		"an empty answer":      {2, api.NewCorrection{Task: "table", Kind: "answer", Relation: "table", Place: place}, nil, 422},
		"an unknown task":      {2, api.NewCorrection{Task: "poetry", Kind: "add", Place: place}, nil, 422},
		"nothing stands there": {2, change, fmt.Errorf("store: nothing: %w", store.ErrInvalid), 422},
		"a document at work":   {2, change, fmt.Errorf("store: it is running: %w", store.ErrConflict), 409},
	} {
		kept.err = bad.err
		_, err := c.Correct(t.Context(), doc.ID, bad.page, bad.ask)
		var p *api.Problem
		if !errors.As(err, &p) || p.Status != bad.status {
			t.Errorf("%s: %v", name, err)
		}
	}
}
