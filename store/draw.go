package store

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"palimpsest.dev/store/internal/db"
)

// NewRegion is a region that a person draws on a page of a document that has ended.
type NewRegion struct {
	Tenant   string // empty means DefaultTenant
	Document DocumentID
	Page     int
	Kind     string
	Box      [4]float64 // x0, y0, x1, y1 in raster pixels, half open
	Actor    string     // who draws; kept, not verified
	// Reads are the runs, as they would be made now, of the tasks that read regions of this kind. Those of the document
	// that are among them read the page again, with the options that the page shows them with.
	Reads []NewRun
}

// DrawnRegion is what became of a NewRegion.
type DrawnRegion struct {
	Run     int64    // of task RegionsTask: the page's regions with the one drawn among them
	Regions []Region // of the page, from now on
	Again   []Rerun  // runs that read the page again
}

var kindForm = regexp.MustCompile(`^[a-z]{1,32}$`)

// DrawRegion adds a region by hand, in one transaction. It is a run of its own over the one page: what the page showed
// before, without the regions of the same kind that the drawn one replaces (those that share half or more of the smaller
// of the two), and what was drawn on it before. That run becomes current, the tasks that read such regions wait for it as
// they would for a model's, and their rows become current when they are there. Whatever finds regions on the page later
// takes the drawn ones over. ErrConflict where the document has not ended.
func (s *Store) DrawRegion(ctx context.Context, n NewRegion) (out DrawnRegion, err error) {
	if n.Tenant == "" {
		n.Tenant = DefaultTenant
	}
	n.Actor = truncate(cleanText(n.Actor), maxActorBytes)
	if _, err := ParseDocumentID(string(n.Document)); err != nil {
		return out, fmt.Errorf("store: %w", err)
	}
	if !kindForm.MatchString(n.Kind) {
		return out, fmt.Errorf("store: %.40q is no kind of region: %w", n.Kind, ErrInvalid)
	}
	err = s.tx(ctx, func(tx pgx.Tx) error {
		out = DrawnRegion{}
		doc, err := s.lockEnded(ctx, tx, n.Tenant, n.Document, "drawn on")
		if err != nil {
			return err
		}
		page, err := s.q.PageOfNumber(ctx, tx, db.PageOfNumberParams{Document: doc.ID, Number: int32(n.Page)})
		if err != nil {
			return found(err, "page %d of document %s", n.Page, n.Document)
		}
		switch {
		case page.Blank || len(page.Failure) > 0:
			return fmt.Errorf("store: page %d of document %s is blank or could not be drawn: nothing can be read on it: %w", n.Page, n.Document, ErrInvalid)
		case !sound(n.Box, page.Width, page.Height):
			return fmt.Errorf("store: box %v is empty or not on page %d of %d x %d pixels: %w", n.Box, n.Page, page.Width, page.Height, ErrInvalid)
		}
		shown, err := s.q.CurrentRunsOfPage(ctx, tx, page.ID)
		if err != nil {
			return fmt.Errorf("store: runs of page %d of document %s: %w", n.Page, n.Document, err)
		}
		if out, err = s.drawnBefore(ctx, tx, n, shown); err != nil || out.Run != 0 {
			return err
		}
		run, err := s.drawRun(ctx, tx, doc, page, n, shown)
		if err != nil {
			return err
		}
		out.Run = run.ID
		if out.Regions, err = s.regionRows(ctx, tx, "pr.run = $1", run.ID); err != nil {
			return err
		}
		out.Again, err = s.readDrawn(ctx, tx, doc, n, run, shown)
		return err
	})
	return out, err
}

// drawnBefore finds a region that was drawn just so: somebody asks once more, not knowing whether the first time worked.
func (s *Store) drawnBefore(ctx context.Context, tx pgx.Tx, n NewRegion, shown []db.CurrentRunsOfPageRow) (out DrawnRegion, err error) {
	for _, c := range shown {
		if c.Run.Task != RegionsTask {
			continue
		}
		was, err := s.regionRows(ctx, tx, "r.page_run = $1", c.PageRun)
		if err != nil {
			return out, err
		}
		if slices.ContainsFunc(was, func(r Region) bool { return r.Source == sourcePerson && r.Kind == n.Kind && r.Box == n.Box }) {
			out.Run, out.Regions = c.Run.ID, was
		}
	}
	return out, nil
}

// drawRun makes the run that found what was drawn.
func (s *Store) drawRun(ctx context.Context, tx pgx.Tx, doc db.Document, page db.Page, n NewRegion, shown []db.CurrentRunsOfPageRow) (db.Run, error) {
	rows := []Row{Region{Kind: n.Kind, Box: n.Box, Confidence: 1, Source: sourcePerson}.row()}
	before := ""
	if i := slices.IndexFunc(shown, func(r db.CurrentRunsOfPageRow) bool { return r.Run.Task == RegionsTask }); i >= 0 {
		before = shown[i].Run.Digest
		was, err := s.regionRows(ctx, tx, "r.page_run = $1", shown[i].PageRun)
		if err != nil {
			return db.Run{}, err
		}
		for _, r := range was {
			rows = append(rows, r.row())
		}
	}
	made := NewRun{Task: RegionsTask, Fingerprint: Fingerprint{Regions: before, Plugin: sourcePerson + " " + digestOf(n.Page, n.Kind, n.Box)}}
	fingerprint, _ := json.Marshal(made.Fingerprint) // strings only
	run, err := s.q.InsertRerun(ctx, tx, db.InsertRerunParams{
		Document: doc.ID, Task: RegionsTask, Options: optionsJSON(nil), Fingerprint: fingerprint, Digest: made.digest(),
		Promote: string(PromoteAlways), RequestedBy: n.Actor,
	})
	if err != nil {
		return run, fmt.Errorf("store: regions drawn on page %d of document %s: %w", n.Page, doc.ID, err)
	}
	inserted, err := s.q.InsertRerunPages(ctx, tx, db.InsertRerunPagesParams{Run: run.ID, Numbers: []int32{page.Number}})
	if err != nil {
		return run, fmt.Errorf("store: regions drawn on page %d of document %s: %w", n.Page, doc.ID, err)
	}
	if len(inserted) != 1 {
		return run, fmt.Errorf("store: %d page runs for regions drawn on page %d of document %s: %w", len(inserted), n.Page, doc.ID, ErrConflict)
	}
	// Nobody has to read it: it goes through its states here and now.
	if _, err := s.q.AddOpenPageRuns(ctx, tx, db.AddOpenPageRunsParams{ID: doc.ID, N: 1}); err != nil {
		return run, fmt.Errorf("store: count of document %s: %w", doc.ID, err)
	}
	if _, err := s.q.StartPageRun(ctx, tx, db.StartPageRunParams{ID: inserted[0].ID, FromStates: PageTransitions.From(PageRunning)}); err != nil {
		return run, fmt.Errorf("store: begin page run %d: %w", inserted[0].ID, err)
	}
	_, err = s.commitPageRun(ctx, tx, inserted[0].ID, Outcome{State: PageDone, Rows: rows})
	return run, err
}

// readDrawn has the tasks of the page that read such regions read them.
func (s *Store) readDrawn(ctx context.Context, tx pgx.Tx, doc db.Document, n NewRegion, drawn db.Run, shown []db.CurrentRunsOfPageRow) ([]Rerun, error) {
	var again []Rerun
	for _, r := range n.Reads {
		i := slices.IndexFunc(shown, func(c db.CurrentRunsOfPageRow) bool { return c.Run.Task == r.Task })
		if i < 0 {
			continue
		}
		r.Options, r.Regions, r.Fingerprint.Regions = readRun(shown[i].Run).Options, nil, drawn.Digest
		made, err := s.rerun(ctx, tx, doc, NewRerun{Tenant: n.Tenant, Document: n.Document, NewRun: r, Pages: []int{n.Page}, Promote: PromoteAlways,
			Actor: n.Actor, over: pgtype.Int8{Int64: drawn.ID, Valid: true}})
		if err != nil {
			return nil, err
		}
		again = append(again, made)
	}
	return again, nil
}
