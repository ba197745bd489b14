package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"palimpsest.dev/api"
	"palimpsest.dev/store"
)

// Corrections is what the routes of corrections need of the database. *store.Store is one.
type Corrections interface {
	Correct(ctx context.Context, n store.NewCorrection) (store.Corrected, error)
	UndoCorrection(ctx context.Context, tenant string, id store.DocumentID, correction int64, actor string) (store.Corrected, error)
	Corrections(ctx context.Context, tenant string, id store.DocumentID) ([]store.Correction, error)
}

// ReadAs gives the rows that a task makes of an answer about a box of a page, as if a model had given it. An answer that says
// nothing, or a task that reads none, is an *api.Problem.
type ReadAs func(ctx context.Context, task string, page store.Page, box [4]float64, text string) ([]store.Row, error)

type correctionInput struct {
	PagePath
	Body api.NewCorrection
}

type correctionOutput struct{ Body api.Correction }

type correctionsOutput struct{ Body api.CorrectionList }

type undoInput struct {
	DocumentPath
	Correction int64 `path:"correction" minimum:"1" doc:"Number of the correction."`
	Body       api.UndoneBy
}

// registerCorrections adds the operations over corrections.
func (s *server) registerCorrections(a huma.API, op func(method, path, id, summary string, edit ...func(*huma.Operation)) huma.Operation) {
	huma.Register(a, op(http.MethodPost, "/v1/documents/{id}/pages/{n}/corrections", "correct-page", "Correct what was read of a page"), s.correct)
	huma.Register(a, op(http.MethodGet, "/v1/documents/{id}/corrections", "list-corrections", "List the corrections of a document"), s.listCorrections)
	huma.Register(a, op(http.MethodPost, "/v1/documents/{id}/corrections/{correction}/undo", "undo-correction", "Take a correction back"), s.undoCorrection)
}

func (s *server) correct(ctx context.Context, in *correctionInput) (*correctionOutput, error) {
	doc, page, err := s.page(ctx, &in.PagePath)
	if err != nil {
		return nil, err
	}
	n, err := s.newCorrection(ctx, doc, page.Page, in.Body)
	if err != nil {
		return nil, s.correctionProblem(ctx, err)
	}
	made, err := s.Corrections.Correct(ctx, n)
	if err != nil {
		return nil, s.correctionProblem(ctx, err)
	}
	return &correctionOutput{correctionOf(made.Correction, made.Revision)}, nil
}

// newCorrection is what a request asks the store for.
func (s *server) newCorrection(ctx context.Context, doc store.DocumentID, page store.Page, b api.NewCorrection) (store.NewCorrection, error) {
	n := store.NewCorrection{Tenant: tenant, Document: doc, Page: page.Number, Task: b.Task, Kind: store.CorrectionKind(b.Kind), Relation: b.Relation, Actor: b.By}
	wrong := func(format string, args ...any) (store.NewCorrection, error) {
		return n, problem(http.StatusUnprocessableEntity, api.CodeBadInput, "docs/corrections.md has an example of each kind", format, args...)
	}
	if n.Relation == "" && n.Kind != store.CorrectRight {
		tasks, err := s.Tasks.List(ctx)
		if err != nil {
			return n, err
		}
		i := slices.IndexFunc(tasks, func(t api.Task) bool { return t.Name == b.Task })
		if i < 0 || len(tasks[i].Relations) == 0 {
			return wrong("there is no task %.40q", b.Task)
		}
		n.Relation = tasks[i].Relations[0]
	}
	box, placed := boxFrom(b.Box)
	place, stands := boxFrom(b.Place)
	if n.Place = place; !stands && (n.Kind == store.CorrectChange || n.Kind == store.CorrectRemove || n.Kind == store.CorrectAnswer) {
		return wrong("a correction %s needs place: four numbers that say where the row stands", b.Kind)
	}
	if len(b.Box) > 0 && !placed {
		return wrong("box has %d numbers, not four", len(b.Box))
	}
	switch n.Kind {
	case store.CorrectChange:
		if len(b.Values) == 0 && !placed {
			return wrong("a change without values and box changes nothing")
		}
		n.Rows = []store.Row{{Relation: n.Relation, Box: box, Values: b.Values}}
	case store.CorrectAdd:
		if !placed {
			box = place
		}
		n.Rows = []store.Row{{Relation: n.Relation, Box: box, Values: b.Values}}
	case store.CorrectAnswer:
		rows, err := s.ReadAs(ctx, b.Task, page, place, b.Text)
		if err != nil {
			return n, err
		}
		n.Rows = rows
	}
	return n, nil
}

func boxFrom(v []float64) (box [4]float64, ok bool) {
	if len(v) != len(box) {
		return box, false
	}
	copy(box[:], v)
	return box, true
}

func (s *server) listCorrections(ctx context.Context, in *DocumentPath) (*correctionsOutput, error) {
	doc, err := s.document(ctx, *in)
	if err != nil {
		return nil, err
	}
	list, err := s.Corrections.Corrections(ctx, tenant, doc.ID)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	out := &correctionsOutput{api.CorrectionList{Corrections: make([]api.Correction, len(list))}}
	for i, c := range list {
		out.Body.Corrections[i] = correctionOf(c, 0)
	}
	return out, nil
}

func (s *server) undoCorrection(ctx context.Context, in *undoInput) (*correctionOutput, error) {
	doc, err := s.document(ctx, in.DocumentPath)
	if err != nil {
		return nil, err
	}
	made, err := s.Corrections.UndoCorrection(ctx, tenant, doc.ID, in.Correction, in.Body.By)
	if err != nil {
		return nil, s.correctionProblem(ctx, err)
	}
	return &correctionOutput{correctionOf(made.Correction, made.Revision)}, nil
}

// correctionProblem says what an error means to who corrects.
func (s *server) correctionProblem(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, store.ErrConflict):
		return problem(http.StatusConflict, api.CodeConflict, "wait for its end; GET /v1/documents/{id}/corrections lists what was corrected", "%s", plain(err))
	case errors.Is(err, store.ErrInvalid):
		return problem(http.StatusUnprocessableEntity, api.CodeBadInput, "GET /v1/documents/{id}/results/{task} says what stands where", "%s", plain(err))
	}
	return s.problemOf(ctx, err)
}

func correctionOf(c store.Correction, revision int64) api.Correction {
	out := api.Correction{ID: c.ID, Page: c.Page, Task: c.Task, Kind: string(c.Kind), Relation: c.Relation, Undoes: c.Undoes, Undone: c.Undone,
		Was: c.Was, By: c.Actor, At: c.At, Revision: revision}
	if c.Place != [4]float64{} {
		out.Place = &c.Place
	}
	if string(c.Rows) != "[]" {
		out.Rows = json.RawMessage(c.Rows)
	}
	return out
}
