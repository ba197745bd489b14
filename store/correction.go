package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"palimpsest.dev/store/internal/db"
)

// CorrectionKind says what a correction does.
type CorrectionKind string

// The kinds.
const (
	CorrectChange CorrectionKind = "change" // the row at a place has other values, or another box
	CorrectAdd    CorrectionKind = "add"    // a row that was not read
	CorrectRemove CorrectionKind = "remove" // the row at a place is none
	CorrectAnswer CorrectionKind = "answer" // everything that was read of a region, anew: a table with its cells
	CorrectRight  CorrectionKind = "right"  // the page is right as it stands: a label, and no change
	CorrectUndo   CorrectionKind = "undo"   // an earlier correction is void
)

// NewCorrection is what a person says of a page of a document that has ended.
type NewCorrection struct {
	Tenant   string // empty means DefaultTenant
	Document DocumentID
	Page     int
	Task     string
	Kind     CorrectionKind // any but CorrectUndo, for which there is UndoCorrection
	Relation string         // of the row, or of the first row of an answer
	// Place is where the row stands that is meant: the one of the relation that covers it best, by a third of their union at
	// least, is taken. It may be empty for CorrectAdd, where the row's own box says as much, and for CorrectRight.
	Place [4]float64
	// Rows is what stands there instead: one row for CorrectChange, with the values that are to be other and a box where that is
	// to be other; one for CorrectAdd; of CorrectAnswer all, in the task's order; none otherwise.
	Rows  []Row
	Actor string // who; kept, not verified
}

// Correction is one that was made.
type Correction struct {
	ID       int64
	Document DocumentID
	Page     int
	Task     string
	Kind     CorrectionKind
	Relation string
	Place    [4]float64
	Undoes   int64 // of CorrectUndo
	Undone   bool  // void because of a later one
	Was      json.RawMessage
	Rows     json.RawMessage
	Actor    string
	At       time.Time

	rows []correctedRow
}

// Corrected is what became of a correction.
type Corrected struct {
	Correction
	Revision int64 // of the document; its files are written anew
}

// correctedRow is a row of a correction as it is kept.
type correctedRow struct {
	Relation string         `json:"relation"`
	Box      [4]float64     `json:"box"`
	Polygon  [][2]float64   `json:"polygon,omitempty"`
	Moved    bool           `json:"moved,omitempty"` // a change: the box is other, too
	Set      map[string]any `json:"set,omitempty"`   // a change: what is other
	Values   map[string]any `json:"values,omitempty"`
}

// maxCorrections bounds those of one page and task, undone ones included.
const maxCorrections = 20_000

// Correct keeps what a person says and shows it at once: by the run that is current and by every other that has read the
// page, and by those to come, in one transaction. The rows that runs read themselves stay. ErrConflict where the document
// has not ended, ErrInvalid where no row stands at the place.
func (s *Store) Correct(ctx context.Context, n NewCorrection) (out Corrected, err error) {
	if err := n.check(); err != nil {
		return out, err
	}
	err = s.tx(ctx, func(tx pgx.Tx) error {
		doc, page, shown, err := s.correctable(ctx, tx, n.Tenant, n.Document, n.Page, n.Task)
		if err != nil {
			return err
		}
		insert := db.InsertCorrectionParams{Document: doc.ID, Page: page.Number, Task: n.Task, Kind: string(n.Kind), Relation: n.Relation, Actor: n.Actor}
		if err := s.describe(ctx, tx, n, page, shown, &insert); err != nil {
			return err
		}
		out, err = s.keep(ctx, tx, doc, page, insert)
		return err
	})
	return out, err
}

// UndoCorrection makes a correction void, or one that was undone valid again if that is an undo itself.
func (s *Store) UndoCorrection(ctx context.Context, tenant string, id DocumentID, correction int64, actor string) (out Corrected, err error) {
	if tenant == "" {
		tenant = DefaultTenant
	}
	if _, err := ParseDocumentID(string(id)); err != nil {
		return out, fmt.Errorf("store: %w", err)
	}
	err = s.tx(ctx, func(tx pgx.Tx) error {
		row, err := s.q.CorrectionOfDocument(ctx, tx, db.CorrectionOfDocumentParams{ID: correction, Document: string(id)})
		if err != nil {
			return found(err, "correction %d of document %s", correction, id)
		}
		doc, page, _, err := s.correctable(ctx, tx, tenant, id, int(row.Page), row.Task)
		if err != nil {
			return err
		}
		all, err := s.correctionsOf(ctx, tx, doc.ID, page.Number, row.Task)
		if err != nil {
			return err
		}
		for _, c := range all {
			if c.ID == correction && c.Undone {
				return fmt.Errorf("store: correction %d is undone already: %w", correction, ErrConflict)
			}
		}
		out, err = s.keep(ctx, tx, doc, page, db.InsertCorrectionParams{Document: doc.ID, Page: page.Number, Task: row.Task, Kind: string(CorrectUndo),
			Undoes: pgtype.Int8{Int64: correction, Valid: true}, Actor: truncate(cleanText(actor), maxActorBytes), Rows: []byte("[]")})
		return err
	})
	return out, err
}

// Corrections lists those of a document of the tenant (empty means DefaultTenant), oldest first, undone ones included.
func (s *Store) Corrections(ctx context.Context, tenant string, id DocumentID) ([]Correction, error) {
	if _, err := s.Document(ctx, tenant, id); err != nil {
		return nil, err
	}
	rows, err := s.q.CorrectionsOfDocument(ctx, s.pool, string(id))
	if err != nil {
		return nil, found(err, "corrections of document %s", id)
	}
	return readCorrections(rows)
}

func (n *NewCorrection) check() error {
	if n.Tenant == "" {
		n.Tenant = DefaultTenant
	}
	n.Actor = truncate(cleanText(n.Actor), maxActorBytes)
	if _, err := ParseDocumentID(string(n.Document)); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if !taskForm.MatchString(n.Task) || n.Task == RegionsTask {
		return fmt.Errorf("store: %.40q has no rows that can be corrected; regions are drawn: %w", n.Task, ErrInvalid)
	}
	if n.Kind != CorrectRight && !taskForm.MatchString(n.Relation) {
		return fmt.Errorf("store: %.40q is not the name of a relation: %w", n.Relation, ErrInvalid)
	}
	rows := map[CorrectionKind][2]int{CorrectChange: {1, 1}, CorrectAdd: {1, 1}, CorrectRemove: {}, CorrectRight: {}, CorrectAnswer: {1, maxRowsPerPage}}
	want, known := rows[n.Kind]
	if !known || len(n.Rows) < want[0] || len(n.Rows) > want[1] {
		return fmt.Errorf("store: a correction %.20q with %d rows: %w", n.Kind, len(n.Rows), ErrInvalid)
	}
	if n.Kind == CorrectAdd && n.Place == ([4]float64{}) {
		n.Place = n.Rows[0].Box
	}
	return nil
}

// correctable locks a document that has ended and finds the page, and the page run of the task that it shows.
func (s *Store) correctable(ctx context.Context, tx pgx.Tx, tenant string, id DocumentID, number int, task string) (doc db.Document, page db.Page, shown db.PageRun, err error) {
	if doc, err = s.lockEnded(ctx, tx, tenant, id, "corrected"); err != nil {
		return
	}
	if page, err = s.q.PageOfNumber(ctx, tx, db.PageOfNumberParams{Document: doc.ID, Number: int32(number)}); err != nil {
		err = found(err, "page %d of document %s", number, id)
		return
	}
	runs, err := s.q.CorrectablePageRuns(ctx, tx, db.CorrectablePageRunsParams{Page: page.ID, Task: task})
	if err != nil {
		err = found(err, "page runs of page %d of document %s", number, id)
		return
	}
	for _, r := range runs {
		if r.Current {
			shown = r
			return
		}
	}
	err = fmt.Errorf("store: page %d of document %s was not read for task %.40q, or could not be: %w", number, id, task, ErrNotFound)
	return
}

// describe finds the row that a correction is about and says what stands there from now on.
func (s *Store) describe(ctx context.Context, tx pgx.Tx, n NewCorrection, page db.Page, shown db.PageRun, insert *db.InsertCorrectionParams) error {
	insert.Rows = []byte("[]")
	if n.Kind == CorrectRight {
		return nil
	}
	if !sound(n.Place, page.Width, page.Height) {
		return fmt.Errorf("store: place %v is empty or not on page %d of %d x %d pixels: %w", n.Place, n.Page, page.Width, page.Height, ErrInvalid)
	}
	insert.Place = n.Place[:]
	rows, err := s.pageRows(ctx, tx, n.Task, shown.ID, n.Relation, false)
	if err != nil {
		return err
	}
	var was *Row
	if i := standing(rows, n.Place); i >= 0 {
		was = &rows[i]
		insert.Place = was.Box[:]
		insert.Was, _ = json.Marshal(map[string]any{"box": was.Box, "source": was.Source, "values": was.Values}) // came as JSON's types
	} else if n.Kind == CorrectChange || n.Kind == CorrectRemove {
		return fmt.Errorf("store: nothing of relation %.40q stands at %v on page %d: %w", n.Relation, n.Place, n.Page, ErrInvalid)
	}
	kept := make([]correctedRow, len(n.Rows))
	for i, r := range n.Rows {
		kept[i] = correctedRow{Relation: r.Relation, Box: r.Box, Polygon: r.Polygon, Values: r.Values}
		if n.Kind != CorrectAnswer {
			kept[i].Relation = n.Relation
		}
		if n.Kind == CorrectChange {
			kept[i].change(*was, r)
		}
		if !sound(kept[i].Box, page.Width, page.Height) {
			return fmt.Errorf("store: box %v is empty or not on page %d of %d x %d pixels: %w", kept[i].Box, n.Page, page.Width, page.Height, ErrInvalid)
		}
		if err := s.suits(ctx, tx, n.Task, kept[i]); err != nil {
			return err
		}
	}
	if insert.Rows, err = json.Marshal(kept); err != nil {
		return fmt.Errorf("store: correction: %w: %w", ErrInvalid, err)
	}
	return nil
}

// change makes a kept row of what was read and what is other.
func (c *correctedRow) change(was, r Row) {
	c.Set, c.Values = r.Values, map[string]any{}
	for k, v := range was.Values {
		c.Values[k] = v
	}
	for k, v := range r.Values {
		c.Values[k] = v
	}
	if c.Moved = r.Box != [4]float64{}; !c.Moved {
		c.Box, c.Polygon = was.Box, was.Polygon
	}
}

// suits refuses values that the relation has no column for, or of another type.
func (s *Store) suits(ctx context.Context, tx pgx.Tx, task string, c correctedRow) error {
	used := map[string]bool{}
	for k := range c.Values {
		used[k] = true
	}
	rel, err := s.relation(ctx, tx, task, c.Relation, used)
	if err != nil {
		return err
	}
	for _, column := range rel.Columns {
		if _, err := columnValue(column, c.Values[column.Name]); err != nil {
			return fmt.Errorf("store: correction, column %s: %w", column.Name, err)
		}
	}
	return nil
}

// keep stores a correction and applies it to everything that has read the page.
func (s *Store) keep(ctx context.Context, tx pgx.Tx, doc db.Document, page db.Page, insert db.InsertCorrectionParams) (out Corrected, err error) {
	made, err := s.q.InsertCorrection(ctx, tx, insert)
	if err != nil {
		return out, fmt.Errorf("store: correction of page %d of document %s: %w", page.Number, doc.ID, err)
	}
	all, err := s.correctionsOf(ctx, tx, doc.ID, page.Number, insert.Task)
	if err != nil {
		return out, err
	}
	if len(all) > maxCorrections {
		return out, fmt.Errorf("store: page %d of document %s has %d corrections, at most %d: %w", page.Number, doc.ID, len(all), maxCorrections, ErrInvalid)
	}
	runs, err := s.q.CorrectablePageRuns(ctx, tx, db.CorrectablePageRunsParams{Page: page.ID, Task: insert.Task})
	if err != nil {
		return out, fmt.Errorf("store: page runs of page %d of document %s: %w", page.Number, doc.ID, err)
	}
	for _, r := range runs {
		if err := s.correctRows(ctx, tx, r, int(page.Number), all); err != nil {
			return out, err
		}
	}
	read, err := readCorrections([]db.Correction{made})
	if err != nil {
		return out, err
	}
	out.Correction = read[0]
	out.Revision, err = s.revise(ctx, tx, doc)
	return out, err
}

func (s *Store) correctionsOf(ctx context.Context, tx pgx.Tx, document string, page int32, task string) ([]Correction, error) {
	rows, err := s.q.CorrectionsOfPage(ctx, tx, db.CorrectionsOfPageParams{Document: document, Page: page, Task: task})
	if err != nil {
		return nil, fmt.Errorf("store: corrections of page %d of document %s: %w", page, document, err)
	}
	return readCorrections(rows)
}

// readCorrections reads them in their order and finds out which are void: an undo counts unless it is undone itself, and
// those that undo it come later.
func readCorrections(rows []db.Correction) ([]Correction, error) {
	out := make([]Correction, len(rows))
	void := map[int64]bool{}
	for i := len(rows) - 1; i >= 0; i-- {
		r := rows[i]
		c := Correction{ID: r.ID, Document: DocumentID(r.Document), Page: int(r.Page), Task: r.Task, Kind: CorrectionKind(r.Kind), Relation: r.Relation,
			Undoes: r.Undoes.Int64, Undone: void[r.ID], Was: r.Was, Rows: r.Rows, Actor: r.Actor, At: r.CreatedAt}
		copy(c.Place[:], r.Place)
		if c.Kind == CorrectUndo && !c.Undone {
			void[c.Undoes] = true
		}
		if err := json.Unmarshal(r.Rows, &c.rows); err != nil {
			return nil, fmt.Errorf("store: correction %d: %w", r.ID, err)
		}
		out[i] = c
	}
	return out, nil
}
