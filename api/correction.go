package api

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// NewCorrection is what a person says of a page of a document that has ended.
type NewCorrection struct {
	Task     string `json:"task" maxLength:"32" doc:"Task whose rows are meant." example:"ocr"`
	Kind     string `json:"kind" enum:"change,add,remove,answer,right" doc:"change or remove the row that stands at a place, add one; answer: everything that was read of a region anew, from the text that a model would have to write; right: the page is right as it stands."`
	Relation string `json:"relation,omitempty" maxLength:"32" doc:"Relation of the row; the task's first one where it is missing." example:"word"`
	// Place is where the row stands now; of add and answer, the box of what is new.
	Place  []float64      `json:"place,omitempty" maxItems:"4" doc:"x0, y0, x1, y1 in pixels of the page: the row that covers this best, by a third of their union, is meant."`
	Box    []float64      `json:"box,omitempty" maxItems:"4" doc:"Of change: the box from now on."`
	Values map[string]any `json:"values,omitempty" doc:"Of change and add: columns and what they hold from now on."`
	Text   string         `json:"text,omitempty" maxLength:"1048576" doc:"Of answer: HTML, SMILES, **kern or report."`
	By     string         `json:"by,omitempty" maxLength:"100" doc:"Who. Kept, not verified."`
}

// Correction is one that was made.
type Correction struct {
	ID       int64           `json:"id"`
	Page     int             `json:"page"`
	Task     string          `json:"task"`
	Kind     string          `json:"kind" doc:"change, add, remove, answer, right or undo."`
	Relation string          `json:"relation,omitempty"`
	Place    *[4]float64     `json:"place,omitempty"`
	Undoes   int64           `json:"undoes,omitempty" doc:"Of undo: which."`
	Undone   bool            `json:"undone,omitempty" doc:"Void because of a later one."`
	Was      json.RawMessage `json:"was,omitempty" doc:"What stood there: box, source, values."`
	Rows     json.RawMessage `json:"rows,omitempty" doc:"What stands there instead."`
	By       string          `json:"by,omitempty"`
	At       time.Time       `json:"at"`
	Revision int64           `json:"revision,omitempty" doc:"Of the document, made by it."`
}

// CorrectionList is every correction of a document, oldest first.
type CorrectionList struct {
	Corrections []Correction `json:"corrections"`
}

// UndoneBy says who takes a correction back.
type UndoneBy struct {
	By string `json:"by,omitempty" maxLength:"100" doc:"Who. Kept, not verified."`
}

// Correct keeps what a person says of a page.
func (c *Client) Correct(ctx context.Context, document string, page int, n NewCorrection) (Correction, error) {
	return post[Correction](ctx, c, fmt.Sprintf("documents/%s/pages/%d/corrections", document, page), n)
}

// UndoCorrection makes a correction void.
func (c *Client) UndoCorrection(ctx context.Context, document string, correction int64, by string) (Correction, error) {
	return post[Correction](ctx, c, fmt.Sprintf("documents/%s/corrections/%d/undo", document, correction), UndoneBy{By: by})
}

// Corrections lists those of a document.
func (c *Client) Corrections(ctx context.Context, document string) (CorrectionList, error) {
	return get[CorrectionList](ctx, c, "documents/"+document+"/corrections", nil)
}
