package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"palimpsest.dev/store/internal/db"
)

// Why a promotion was made.
const (
	reasonRequest = "request"
	reasonRun     = "run"
	reasonUndo    = "undo"
)

// promotion is a wish to make page runs of a run current.
type promotion struct {
	run    db.Run
	pages  []int // none: all
	policy Policy
	any    bool // also pages that the run found unreadable, or failed on
	reason string
	actor  string
}

// Promote makes a run current on the pages that it could read, or on the given ones however it ended there, and has
// the files of the document written anew, all in one transaction. The rows that were current stay, and promoting
// their run again brings them back. ErrConflict where the document or the run has not ended.
func (s *Store) Promote(ctx context.Context, tenant string, run int64, pages []int, actor string) (Promotion, error) {
	return s.change(ctx, tenant, run, func(tx pgx.Tx, doc db.Document, row db.Run) (Promotion, error) {
		return s.promote(ctx, tx, doc, promotion{run: row, pages: pages, policy: PromoteAlways, any: len(pages) > 0, reason: reasonRequest, actor: actor})
	})
}

// Demote takes promotions of a run back: its pages, or the given ones, show again what they showed before it.
func (s *Store) Demote(ctx context.Context, tenant string, run int64, pages []int, actor string) (Promotion, error) {
	return s.change(ctx, tenant, run, func(tx pgx.Tx, doc db.Document, row db.Run) (Promotion, error) {
		found, err := s.q.Demotable(ctx, tx, db.DemotableParams{Run: row.ID, Numbers: numbers32(pages)})
		if err != nil {
			return Promotion{}, fmt.Errorf("store: promotions of run %d: %w", row.ID, err)
		}
		var swaps []swap
		for _, p := range found {
			swaps = append(swaps, swap{page: p.Number, from: row.ID, to: p.OldRun, off: p.PageRun, on: p.OldPageRun})
		}
		return s.swap(ctx, tx, doc, promotion{run: row, reason: reasonUndo, actor: actor}, swaps)
	})
}

// change locks the document of a run that has ended and lets f change what is current.
func (s *Store) change(ctx context.Context, tenant string, run int64, f func(pgx.Tx, db.Document, db.Run) (Promotion, error)) (p Promotion, err error) {
	if tenant == "" {
		tenant = DefaultTenant
	}
	err = s.tx(ctx, func(tx pgx.Tx) error {
		row, err := s.q.RunOfTenant(ctx, tx, db.RunOfTenantParams{ID: run, Tenant: tenant})
		if err != nil {
			return found(err, "run %d", run)
		}
		doc, err := s.lockEnded(ctx, tx, tenant, DocumentID(row.Document), "shown another way")
		if err != nil {
			return err
		}
		if row, err = s.q.RunOfTenant(ctx, tx, db.RunOfTenantParams{ID: run, Tenant: tenant}); err != nil { // as it is now
			return found(err, "run %d", run)
		}
		if !RunState(row.State).Final() {
			return fmt.Errorf("store: run %d is %s; it can be promoted once it has ended: %w", run, row.State, ErrConflict)
		}
		p, err = f(tx, doc, row)
		return err
	})
	return p, err
}

// swap is a page that shows another run from now on.
type swap struct {
	page     int32
	from, to int64 // runs; from is 0 where the page showed none
	off, on  int64 // page runs
}

// promote makes page runs current as the policy has it, within a transaction that holds the document's lock.
func (s *Store) promote(ctx context.Context, tx pgx.Tx, doc db.Document, want promotion) (Promotion, error) {
	if want.policy == PromoteNever {
		return Promotion{}, nil
	}
	rows, err := s.q.Promotable(ctx, tx, db.PromotableParams{Run: want.run.ID, Numbers: numbers32(want.pages)})
	if err != nil {
		return Promotion{}, fmt.Errorf("store: page runs of run %d: %w", want.run.ID, err)
	}
	var swaps []swap
	var kept []int
	for _, r := range rows {
		st, old := PageState(r.State), PageState(r.OldState.String)
		read := st == PageDone || st == PageBlank
		switch {
		case !read && !(want.any && st.Final()):
			kept = append(kept, int(r.Number))
		case want.policy == PromoteGaps && (old == PageDone || old == PageBlank):
		default:
			swaps = append(swaps, swap{page: r.Number, from: r.OldRun.Int64, to: want.run.ID, off: r.OldPageRun.Int64, on: r.PageRun})
		}
	}
	p, err := s.swap(ctx, tx, doc, want, swaps)
	p.Kept = kept
	return p, err
}

// swap makes other page runs current, writes down who wanted it, and has the document's files written anew.
func (s *Store) swap(ctx context.Context, tx pgx.Tx, doc db.Document, want promotion, swaps []swap) (Promotion, error) {
	p := Promotion{Task: want.run.Task, To: want.run.ID, Reason: want.reason, Actor: truncate(cleanText(want.actor), maxActorBytes)}
	if len(swaps) == 0 {
		return p, nil
	}
	var off, on, from, to []int64
	var pages []int32
	for _, w := range swaps {
		if w.off != 0 {
			off = append(off, w.off)
		}
		on, from, to, pages = append(on, w.on), append(from, w.from), append(to, w.to), append(pages, w.page)
		p.Pages = append(p.Pages, int(w.page))
	}
	p.From, p.To = theOne(from), theOne(to)
	// Off before on: two runs of one page and task are never current at once, not even in between.
	for _, step := range []db.SetCurrentParams{{Current: false, Ids: off}, {Current: true, Ids: on}} {
		if _, err := s.q.SetCurrent(ctx, tx, step); err != nil {
			return p, fmt.Errorf("store: current pages of document %s: %w", doc.ID, err)
		}
	}
	var err error
	if p.Revision, err = s.revise(ctx, tx, doc); err != nil {
		return p, err
	}
	err = s.q.InsertPromotions(ctx, tx, db.InsertPromotionsParams{Document: doc.ID, Revision: p.Revision, Task: p.Task, Reason: p.Reason,
		Actor: p.Actor, Pages: pages, FromRuns: from, ToRuns: to})
	if err != nil {
		return p, fmt.Errorf("store: promotions of document %s: %w", doc.ID, err)
	}
	return p, nil
}

// theOne is the run that all name, or 0.
func theOne(runs []int64) int64 {
	if len(slices.Compact(slices.Clone(runs))) == 1 {
		return runs[0]
	}
	return 0
}

// revise counts that other rows of a document are current, and queues the job that writes its files anew. One that
// is under way already finds when it commits that it was overtaken, and begins again.
func (s *Store) revise(ctx context.Context, tx pgx.Tx, doc db.Document) (int64, error) {
	revision, err := s.q.ReviseDocument(ctx, tx, doc.ID)
	if err != nil {
		return 0, fmt.Errorf("store: revision of document %s: %w", doc.ID, err)
	}
	id := DocumentID(doc.ID)
	if err := s.queueDocument(ctx, tx, id, FinishArgs{DocumentID: id}); err != nil {
		return 0, err
	}
	return revision, s.notify(ctx, tx, Event{Document: id, State: doc.State})
}

// finishRevision is finish for a document that had ended before: its files are those of the rows that are current now,
// and its state says how its current pages ended, if all of them are there.
func (s *Store) finishRevision(ctx context.Context, tx pgx.Tx, row db.Document, objects []Object, failure *Failure) error {
	if failure == nil {
		if err := s.putDocumentObjects(ctx, tx, row.ID, objects); err != nil {
			return err
		}
		keep := db.DeleteOtherDocumentObjectsParams{Document: row.ID, Tasks: make([]string, len(objects)), Names: make([]string, len(objects))}
		for i, o := range objects {
			keep.Tasks[i], keep.Names[i] = o.Task, cleanText(o.Name)
		}
		if err := s.q.DeleteOtherDocumentObjects(ctx, tx, keep); err != nil {
			return fmt.Errorf("store: old files of document %s: %w", row.ID, err)
		}
	}
	if err := s.q.FinishRevision(ctx, tx, db.FinishRevisionParams{ID: row.ID, Revision: row.Revision}); err != nil {
		return fmt.Errorf("store: revision of document %s: %w", row.ID, err)
	}
	return s.settleDocument(ctx, tx, row, failure)
}

// settleDocument gives a document that has ended the state that its current pages make of it. One that lacks pages, or
// has pages that are being read for the first time by a task, keeps its state.
func (s *Store) settleDocument(ctx context.Context, tx pgx.Tx, row db.Document, failure *Failure) error {
	stored, err := s.q.CountPages(ctx, tx, row.ID)
	if err != nil {
		return fmt.Errorf("store: pages of document %s: %w", row.ID, err)
	}
	counts, err := s.q.PageTallies(ctx, tx, row.ID)
	if err != nil {
		return fmt.Errorf("store: page runs of document %s: %w", row.ID, err)
	}
	var t tally
	open := false
	for _, c := range counts {
		switch st := PageState(c.State); {
		case st == PageDone || st == PageBlank:
			t.good += c.N
		default:
			t.bad += c.N
			open = open || !st.Final()
		}
	}
	to, why := t.outcome(), failure
	switch {
	case open || stored < int64(row.Pages):
		return s.notify(ctx, tx, Event{Document: DocumentID(row.ID), State: row.State})
	case to == RunComplete && failure != nil:
		to = RunPartial
	case to == RunFailed && failure == nil:
		why = readFailure(row.Failure) // as it was: none of its pages can be read still
	}
	state := DocumentState(to)
	_, err = s.q.SettleDocument(ctx, tx, db.SettleDocumentParams{ID: row.ID, State: string(state), Failure: why.json(),
		FromStates: DocumentRevisions.From(state)})
	if err != nil {
		return fmt.Errorf("store: document %s to %s: %w", row.ID, state, err)
	}
	return s.notify(ctx, tx, Event{Document: DocumentID(row.ID), State: string(state)})
}
