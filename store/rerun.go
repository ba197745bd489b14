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

// Policy says what becomes current when a later run of a document ends.
type Policy string

// The policies.
const (
	// PromoteNever leaves everything as it is, until somebody has looked and promotes the run.
	PromoteNever Policy = "never"
	// PromoteGaps promotes the pages that the current run could not read and the new one could: what can only be gain.
	PromoteGaps Policy = "gaps"
	// PromoteAlways promotes every page that the new run could read.
	PromoteAlways Policy = "always"
)

// Policies lists every policy.
var Policies = []Policy{PromoteNever, PromoteGaps, PromoteAlways}

// NewRerun asks for pages of a document that has ended to be read by a further run.
type NewRerun struct {
	Tenant   string // empty means DefaultTenant
	Document DocumentID
	NewRun
	Pages   []int // none: all
	Promote Policy
	Actor   string // who asks; kept, not verified

	over pgtype.Int8 // the run whose regions it reads, where that is there already
}

// Rerun is what became of a NewRerun.
type Rerun struct {
	Run     Run   // its ID is 0 where there was nothing to read
	Pages   []int // that the run reads
	Skipped []int // that a run of the same digest has read, or is about to
}

// Rerun makes a further run over pages of a document, with their read jobs, in one transaction. What is current stays
// so; a page that no run of the task has read yet shows the new one from the start. Pages that a run of the same
// digest (task, options and fingerprint) has read, or is about to, are not read again; pages that could not be drawn
// cannot be read at all. The run reads the page images that are stored, so the renderer in its fingerprint is the one
// that drew them: that of the document's first run. ErrConflict where the document has not ended.
func (s *Store) Rerun(ctx context.Context, n NewRerun) (Rerun, error) {
	if err := n.check(); err != nil {
		return Rerun{}, err
	}
	var out Rerun
	err := s.tx(ctx, func(tx pgx.Tx) error {
		out = Rerun{}
		row, err := s.lockEnded(ctx, tx, n.Tenant, n.Document, "read again")
		if err != nil {
			return err
		}
		runs, err := s.q.RunsOfDocuments(ctx, tx, []string{row.ID})
		if err != nil {
			return fmt.Errorf("store: runs of document %s: %w", n.Document, err)
		}
		if len(runs) > 0 {
			n.Fingerprint.Renderer = readRun(runs[0]).Fingerprint.Renderer
			if n.Regions != nil {
				waited := *n.Regions // the caller's stays as it is
				waited.Fingerprint.Renderer = n.Fingerprint.Renderer
				n.Regions = &waited
			}
		}
		out, err = s.rerun(ctx, tx, row, n)
		return err
	})
	return out, err
}

// rerun is Rerun within a transaction that holds the document's lock.
func (s *Store) rerun(ctx context.Context, tx pgx.Tx, row db.Document, n NewRerun) (Rerun, error) {
	var out Rerun
	digest := n.digest()
	pages, err := s.q.PagesToRead(ctx, tx, db.PagesToReadParams{Document: row.ID, Task: n.Task, Digest: digest, Numbers: numbers32(n.Pages)})
	if err != nil {
		return out, fmt.Errorf("store: pages of document %s: %w", n.Document, err)
	}
	for _, p := range pages {
		if p.Known {
			out.Skipped = append(out.Skipped, int(p.Number))
		} else {
			out.Pages = append(out.Pages, int(p.Number))
		}
	}
	if len(out.Pages) == 0 {
		return out, nil
	}
	regions := n.over
	if !regions.Valid {
		if regions, err = s.ensureRegions(ctx, tx, n.Document, n.NewRun, out.Pages); err != nil {
			return out, err
		}
	}
	fingerprint, _ := json.Marshal(n.fingerprint()) // strings only
	run, err := s.q.InsertRerun(ctx, tx, db.InsertRerunParams{
		Document: row.ID, Task: n.Task, Options: optionsJSON(n.Options), Fingerprint: fingerprint, Digest: digest, Regions: regions,
		Promote: string(n.Promote), RequestedBy: n.Actor,
	})
	if err != nil {
		return out, fmt.Errorf("store: run of %s over document %s: %w", n.Task, n.Document, err)
	}
	if regions.Valid { // first what is waited for
		if err := s.queueRerun(ctx, tx, row, regions.Int64, out.Pages); err != nil {
			return out, err
		}
	}
	out.Run = readRun(run)
	if err := s.queueRerun(ctx, tx, row, run.ID, out.Pages); err != nil || !regions.Valid {
		return out, err
	}
	return out, s.releaseWaiting(ctx, tx, row, regions.Int64) // on pages where it has been there before
}

// maxActorBytes bounds the name of whoever asks.
const maxActorBytes = 100

func (n *NewRerun) check() error {
	if n.Tenant == "" {
		n.Tenant = DefaultTenant
	}
	if n.Promote == "" {
		n.Promote = PromoteNever
	}
	n.Actor = truncate(cleanText(n.Actor), maxActorBytes)
	if _, err := ParseDocumentID(string(n.Document)); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if !taskForm.MatchString(n.Task) || n.Regions != nil && n.Regions.Task != RegionsTask {
		return fmt.Errorf("store: %.40q is not the name of a task, or waits for what finds no regions: %w", n.Task, ErrInvalid)
	}
	for _, p := range Policies {
		if n.Promote == p {
			return nil
		}
	}
	return fmt.Errorf("store: promote %.20q is none of %v: %w", n.Promote, Policies, ErrInvalid)
}

// queueRerun inserts the page runs of a further run, which has none of them or some, and their jobs.
func (s *Store) queueRerun(ctx context.Context, tx pgx.Tx, doc db.Document, run int64, pages []int) error {
	numbers := numbers32(pages)
	inserted, err := s.q.InsertRerunPages(ctx, tx, db.InsertRerunPagesParams{Run: run, Numbers: numbers})
	if err != nil {
		return fmt.Errorf("store: page runs of run %d: %w", run, err)
	}
	runs := make([]db.InsertPageRunsRow, len(inserted))
	open := false
	for i, pr := range inserted {
		runs[i] = db.InsertPageRunsRow(pr)
		if PageState(pr.State).Final() { // blank, to every model; a person may have seen something
			if err := s.correctRead(ctx, tx, pr.ID); err != nil {
				return err
			}
			continue
		}
		open = true
	}
	if err := s.queuePageRuns(ctx, tx, DocumentID(doc.ID), runs, numbers); err != nil {
		return err
	}
	if len(runs) > 0 && !open { // blank pages alone
		return s.endRerun(ctx, tx, doc, run)
	}
	return nil
}

// lockEnded locks a document of the tenant, which must have ended.
func (s *Store) lockEnded(ctx context.Context, tx pgx.Tx, tenant string, id DocumentID, what string) (db.Document, error) {
	row, err := s.lock(ctx, tx, id)
	if err != nil {
		return row, err
	}
	if row.Tenant != tenant {
		return row, fmt.Errorf("store: document %s: %w", id, ErrNotFound)
	}
	if !DocumentState(row.State).Final() {
		return row, fmt.Errorf("store: document %s is %s; it can be %s once it has ended: %w", id, row.State, what, ErrConflict)
	}
	return row, nil
}

// endRerun ends a run of a document that had ended before, when none of its pages is open any more: its state, and
// what its policy makes current.
func (s *Store) endRerun(ctx context.Context, tx pgx.Tx, doc db.Document, run int64) error {
	counts, err := s.q.RunTally(ctx, tx, run)
	if err != nil {
		return fmt.Errorf("store: page runs of run %d: %w", run, err)
	}
	var t tally
	shown := int64(0)
	for _, c := range counts {
		switch st := PageState(c.State); {
		case !st.Final():
			return nil
		case st == PageDone || st == PageBlank:
			t.good += c.N
		default:
			t.bad += c.N
		}
		shown += c.CurrentPages
	}
	if err := s.moveRun(ctx, tx, run, t.outcome()); err != nil {
		return err
	}
	row, err := s.q.RunOfTenant(ctx, tx, db.RunOfTenantParams{ID: run, Tenant: doc.Tenant})
	if err != nil {
		return found(err, "run %d", run)
	}
	promoted, err := s.promote(ctx, tx, doc, promotion{run: row, policy: Policy(row.Promote), reason: reasonRun, actor: row.RequestedBy})
	if err != nil {
		return err
	}
	if len(promoted.Pages) == 0 && shown > 0 { // pages that no run of the task had read before
		_, err = s.revise(ctx, tx, doc)
	}
	return err
}

// RunStatus is a run with its pages.
type RunStatus struct {
	Run
	Document DocumentID
	Promote  Policy
	Actor    string // who asked for it; empty for the first runs of a document
	Pages    []RunPage
}

// RunPage is how far a run is with one page.
type RunPage struct {
	Number     int
	PageRun    int64
	State      PageState
	Current    bool
	Records    int      // rows it gave
	Corrected  int      // corrections by people that are in force over them
	Confidence *float64 // mean of the rows that have one
	Model      string
	Seconds    float64
	Tokens     int
	Failure    *Failure
}

// Runs lists every run of a document of the tenant (empty means DefaultTenant), oldest first, with its pages.
func (s *Store) Runs(ctx context.Context, tenant string, id DocumentID) ([]RunStatus, error) {
	if _, err := s.Document(ctx, tenant, id); err != nil {
		return nil, err
	}
	runs, err := s.q.RunsOfDocuments(ctx, s.pool, []string{string(id)})
	if err != nil {
		return nil, found(err, "runs of document %s", id)
	}
	pages, err := s.q.RunsWithPages(ctx, s.pool, string(id))
	if err != nil {
		return nil, found(err, "page runs of document %s", id)
	}
	of := map[int64][]RunPage{}
	for _, p := range pages {
		rp := RunPage{Number: int(p.Number), PageRun: p.PageRun, State: PageState(p.State), Current: p.Current, Records: int(p.Records.Int32), Corrected: int(p.Corrections),
			Model: p.Model, Seconds: p.Seconds, Tokens: int(p.Tokens), Failure: readFailure(p.Failure)}
		if p.Confidence.Valid {
			rp.Confidence = &p.Confidence.Float64
		}
		of[p.Run] = append(of[p.Run], rp)
	}
	out := make([]RunStatus, len(runs))
	for i, r := range runs {
		out[i] = readRunStatus(r, of[r.ID])
	}
	return out, nil
}

func readRunStatus(r db.Run, pages []RunPage) RunStatus {
	return RunStatus{Run: readRun(r), Document: DocumentID(r.Document), Promote: Policy(r.Promote), Actor: r.RequestedBy, Pages: pages}
}

// RunByID reads a run of the tenant (empty means DefaultTenant) without its pages.
func (s *Store) RunByID(ctx context.Context, tenant string, run int64) (RunStatus, error) {
	if tenant == "" {
		tenant = DefaultTenant
	}
	row, err := s.q.RunOfTenant(ctx, s.pool, db.RunOfTenantParams{ID: run, Tenant: tenant})
	if err != nil {
		return RunStatus{}, found(err, "run %d", run)
	}
	return readRunStatus(row, nil), nil
}

// Promotion is one change of what pages show.
type Promotion struct {
	Revision int64 // of the document, made by it; 0 where nothing changed
	Task     string
	From     int64 // run that was current; 0 where none was, or, of a Promote, where they differ from page to page
	To       int64 // run that became current
	Reason   string
	Actor    string
	At       time.Time
	Pages    []int
	Kept     []int // pages of the run that were left as they were, because it could not read them
}

// Promotions lists what became current when, oldest first.
func (s *Store) Promotions(ctx context.Context, tenant string, id DocumentID) ([]Promotion, error) {
	if _, err := s.Document(ctx, tenant, id); err != nil {
		return nil, err
	}
	rows, err := s.q.PromotionsOfDocument(ctx, s.pool, string(id))
	if err != nil {
		return nil, found(err, "promotions of document %s", id)
	}
	out := make([]Promotion, len(rows))
	for i, r := range rows {
		out[i] = Promotion{Revision: r.Revision, Task: r.Task, From: r.FromRun, To: r.ToRun, Reason: r.Reason, Actor: r.Actor, At: r.CreatedAt}
		for _, p := range r.Pages {
			out[i].Pages = append(out[i].Pages, int(p))
		}
	}
	return out, nil
}

// numbers32 is page numbers as the queries take them. None is an empty array, not null.
func numbers32(pages []int) []int32 {
	out := make([]int32, len(pages))
	for i, p := range pages {
		out[i] = int32(p)
	}
	return out
}
