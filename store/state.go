package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"palimpsest.dev/store/internal/db"
)

// DocumentState is where a document stands.
type DocumentState string

// The states of a document.
const (
	DocumentReceived  DocumentState = "received"
	DocumentIngesting DocumentState = "ingesting"
	DocumentRunning   DocumentState = "running"
	DocumentComplete  DocumentState = "complete"
	DocumentPartial   DocumentState = "partial"
	DocumentFailed    DocumentState = "failed"
	DocumentCancelled DocumentState = "cancelled"
)

// RunState is where a run stands.
type RunState string

// The states of a run.
const (
	RunQueued    RunState = "queued"
	RunRunning   RunState = "running"
	RunComplete  RunState = "complete"
	RunPartial   RunState = "partial"
	RunFailed    RunState = "failed"
	RunCancelled RunState = "cancelled"
)

// PageState is where one run over one page stands.
type PageState string

// The states of a page run.
const (
	PageWaiting    PageState = "waiting" // for the run that finds the page's regions
	PageQueued     PageState = "queued"
	PageRunning    PageState = "running"
	PageDone       PageState = "done"
	PageBlank      PageState = "blank"
	PageUnreadable PageState = "unreadable"
	PageFailed     PageState = "failed"
	PageCancelled  PageState = "cancelled"
)

// Transitions lists, for every state of one kind of thing, the states it may move to. A state that may move nowhere
// is final. These tables are all there is: the statements that move a state carry the states they may move
// from, taken from here, in their WHERE clause, and a test tries every pair against the database.
type Transitions[S ~string] map[S][]S

// The tables. A state that moves to itself may be begun again, as a job is after its process was killed.
var (
	DocumentTransitions = Transitions[DocumentState]{
		DocumentReceived:  {DocumentIngesting, DocumentFailed, DocumentCancelled},
		DocumentIngesting: {DocumentIngesting, DocumentRunning, DocumentFailed, DocumentCancelled},
		DocumentRunning:   {DocumentComplete, DocumentPartial, DocumentFailed, DocumentCancelled},
		DocumentComplete:  {},
		DocumentPartial:   {},
		DocumentFailed:    {},
		DocumentCancelled: {},
	}
	RunTransitions = Transitions[RunState]{
		RunQueued:    {RunRunning, RunComplete, RunPartial, RunFailed, RunCancelled},
		RunRunning:   {RunComplete, RunPartial, RunFailed, RunCancelled},
		RunComplete:  {},
		RunPartial:   {},
		RunFailed:    {},
		RunCancelled: {},
	}
	PageTransitions = Transitions[PageState]{
		PageWaiting:    {PageQueued, PageBlank, PageUnreadable, PageFailed, PageCancelled},
		PageQueued:     {PageRunning, PageFailed, PageCancelled},
		PageRunning:    {PageRunning, PageQueued, PageDone, PageBlank, PageUnreadable, PageFailed, PageCancelled},
		PageDone:       {},
		PageBlank:      {},
		PageUnreadable: {},
		PageFailed:     {},
		PageCancelled:  {},
	}
)

// DocumentRevisions are the moves of a document that has ended and whose current rows were changed since: nothing works
// on it any more, but its state says how its current pages ended, and these are others now. They are no part of the
// table above, because whoever waits for a document's end must not be kept waiting by them.
var DocumentRevisions = Transitions[DocumentState]{
	DocumentComplete:  {DocumentComplete, DocumentPartial, DocumentFailed},
	DocumentPartial:   {DocumentComplete, DocumentPartial, DocumentFailed},
	DocumentFailed:    {DocumentComplete, DocumentPartial, DocumentFailed},
	DocumentCancelled: {DocumentComplete, DocumentPartial, DocumentFailed},
}

// The states a thing may begin in. A page that is blank or could not be drawn needs no reading: its page runs end as
// they begin. Page runs that read regions begin by waiting for them.
var (
	DocumentBirths = []DocumentState{DocumentReceived}
	RunBirths      = []RunState{RunQueued}
	PageBirths     = []PageState{PageWaiting, PageQueued, PageBlank, PageFailed}
)

// Allowed reports whether the move from one state to the other is in the table.
func (t Transitions[S]) Allowed(from, to S) bool { return slices.Contains(t[from], to) }

// Final reports whether nothing follows the state.
func (t Transitions[S]) Final(s S) bool { return len(t[s]) == 0 }

// From lists, sorted, the states that may move to the given one: what a statement puts into its WHERE clause.
func (t Transitions[S]) From(to S) []string {
	var from []string
	for s, next := range t {
		if slices.Contains(next, to) {
			from = append(from, string(s))
		}
	}
	slices.Sort(from)
	return from
}

// Final reports whether the document has come to its end.
func (s DocumentState) Final() bool { return DocumentTransitions.Final(s) }

// Final reports whether the page run has come to its end.
func (s PageState) Final() bool { return PageTransitions.Final(s) }

// Final reports whether the run has come to its end.
func (s RunState) Final() bool { return RunTransitions.Final(s) }

// moveDocument moves a document whose row the transaction has locked. It returns ErrFinal where the document has
// ended and ErrConflict where the table does not allow the move.
func (s *Store) moveDocument(ctx context.Context, tx pgx.Tx, id DocumentID, to DocumentState, f *Failure) error {
	n, err := s.q.MoveDocument(ctx, tx, db.MoveDocumentParams{
		ID: string(id), State: string(to), FromStates: DocumentTransitions.From(to), Final: to.Final(), Failure: f.json(),
	})
	if err != nil {
		return fmt.Errorf("store: document %s to %s: %w", id, to, err)
	}
	if n == 1 {
		return s.notify(ctx, tx, Event{Document: id, State: string(to)})
	}
	row, err := s.q.DocumentByID(ctx, tx, string(id))
	if err != nil {
		return found(err, "document %s", id)
	}
	return refused("document", id, row.State, to, DocumentState(row.State).Final())
}

// moveRun moves a run; a run already final is left as it is.
func (s *Store) moveRun(ctx context.Context, tx pgx.Tx, run int64, to RunState) error {
	_, err := s.q.MoveRun(ctx, tx, db.MoveRunParams{ID: run, State: string(to), FromStates: RunTransitions.From(to), Final: to.Final()})
	if err != nil {
		return fmt.Errorf("store: run %d to %s: %w", run, to, err)
	}
	return nil
}

// refused says why a move did not happen.
func refused[S ~string](what string, id any, from string, to S, final bool) error {
	if final {
		return fmt.Errorf("store: %s %v is %s: %w", what, id, from, ErrFinal)
	}
	return fmt.Errorf("store: %s %v is %s and cannot become %s: %w", what, id, from, to, ErrConflict)
}
