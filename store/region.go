package store

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"palimpsest.dev/store/internal/db"
)

// The task that finds the regions of pages, for which the runs of other tasks wait, and what the store must know of its
// rows: their relation and the column that says of what kind a region is.
const (
	RegionsTask    = "regions"
	regionRelation = "region"
	kindColumn     = "kind"
)

// Region is a part of a page that holds something of one kind.
type Region struct {
	Kind       string
	Box        [4]float64 // x0, y0, x1, y1 in raster pixels, half open
	Confidence float64    // 0 to 1; NaN where there is none
	Source     string     // "model" or "person"
}

// ensureRegions finds or makes the run that a new run over some pages waits for; null for none. One that failed on any of
// them is not waited for again.
func (s *Store) ensureRegions(ctx context.Context, tx pgx.Tx, id DocumentID, r NewRun, pages []int) (pgtype.Int8, error) {
	if r.Regions == nil {
		return pgtype.Int8{}, nil
	}
	run, err := s.ensureRun(ctx, tx, id, *r.Regions, pages)
	return pgtype.Int8{Int64: run, Valid: err == nil}, err
}

// releaseWaiting ends the waiting of page runs on pages where the run that finds the regions has ended: they are queued,
// or end as it did, with its reason. It belongs into the transaction that ends the page run they wait for, or makes the
// ones that wait.
func (s *Store) releaseWaiting(ctx context.Context, tx pgx.Tx, doc db.Document, regions int64) error {
	rows, err := s.q.WaitingPageRuns(ctx, tx, db.WaitingPageRunsParams{
		Regions: pgtype.Int8{Int64: regions, Valid: true}, Waiting: string(PageWaiting), Ended: ended(),
	})
	if err != nil {
		return fmt.Errorf("store: page runs of document %s that wait for regions: %w", doc.ID, err)
	}
	var queue, over []int64 // page runs, and runs of page runs that have ended
	var events []Event
	for _, w := range rows {
		to := PageState(w.Found)
		if to == PageDone {
			to = PageQueued
			queue = append(queue, w.ID)
		} else {
			over = append(over, w.Run)
			if err := s.endWaiting(ctx, tx, w, to); err != nil {
				return err
			}
		}
		events = append(events, Event{Document: DocumentID(doc.ID), Page: int(w.Number), Task: w.Task, State: string(to)})
	}
	if len(queue) > 0 {
		if _, err := s.q.QueuePageRuns(ctx, tx, db.QueuePageRunsParams{State: string(PageQueued), Ids: queue, FromStates: PageTransitions.From(PageQueued)}); err != nil {
			return fmt.Errorf("store: page runs of document %s: %w", doc.ID, err)
		}
		if err := s.insertReads(ctx, tx, DocumentID(doc.ID), queue); err != nil {
			return err
		}
	}
	if len(over) > 0 {
		if _, err := s.q.AddOpenPageRuns(ctx, tx, db.AddOpenPageRunsParams{ID: doc.ID, N: -int32(len(over))}); err != nil {
			return fmt.Errorf("store: count of document %s: %w", doc.ID, err)
		}
		if DocumentState(doc.State).Final() { // it had ended before, and is read again
			slices.Sort(over)
			for _, run := range slices.Compact(over) {
				if err := s.endRerun(ctx, tx, doc, run); err != nil {
					return err
				}
			}
		}
	}
	if len(events) == 0 {
		return nil
	}
	return s.notify(ctx, tx, events...)
}

// ended lists the final states of page runs.
func ended() []string {
	var out []string
	for s := range PageTransitions {
		if s.Final() {
			out = append(out, string(s))
		}
	}
	slices.Sort(out)
	return out
}

// endWaiting ends a page run as the one that it waited for ended.
func (s *Store) endWaiting(ctx context.Context, tx pgx.Tx, w db.WaitingPageRunsRow, to PageState) error {
	why := readFailure(w.Failure)
	if why != nil {
		why.Message = "finding the page's regions: " + why.Message
	}
	_, err := s.q.FinishPageRun(ctx, tx, db.FinishPageRunParams{
		ID: w.ID, State: string(to), Failure: why.json(), Notes: []byte("[]"), Records: pgtype.Int4{Valid: true}, FromStates: PageTransitions.From(to),
	})
	if err != nil {
		return fmt.Errorf("store: end page run %d: %w", w.ID, err)
	}
	return nil
}

// regionsFor reads what a page run waited for.
func (s *Store) regionsFor(ctx context.Context, tx pgx.Tx, pageRun int64, run pgtype.Int8) ([]Region, error) {
	if !run.Valid {
		return nil, nil
	}
	from, err := s.q.RegionsPageRun(ctx, tx, db.RegionsPageRunParams{PageRun: pageRun, Regions: run.Int64})
	if err != nil {
		return nil, found(err, "regions of page run %d", pageRun)
	}
	return s.regionRows(ctx, tx, "r.page_run = $1", from.ID)
}

// regionRows reads regions of page runs for which the condition holds; $1 in it is of.
func (s *Store) regionRows(ctx context.Context, conn db.DBTX, condition string, of int64) ([]Region, error) {
	rows, err := conn.Query(ctx, "select r."+kindColumn+", r.x0, r.y0, r.x1, r.y1, coalesce(r.confidence, 'NaN'), r.source from "+
		relationTable(RegionsTask, regionRelation)+" r join palimpsest.page_run pr on pr.id = r.page_run where "+condition+" order by r.page_run, r.seq", of)
	if err != nil {
		return nil, found(err, "regions")
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Region, error) {
		var r Region
		err := row.Scan(&r.Kind, &r.Box[0], &r.Box[1], &r.Box[2], &r.Box[3], &r.Confidence, &r.Source)
		return r, err
	})
	if err != nil {
		return nil, found(err, "regions")
	}
	if out == nil {
		out = []Region{} // somebody looked
	}
	return out, nil
}

// sourcePerson marks what a person wrote.
const sourcePerson = "person"

// withDrawn adds to the rows of a page run that has found regions those that a person has drawn on the page before, and
// takes out what they replace.
func (s *Store) withDrawn(ctx context.Context, tx pgx.Tx, pr db.PageRun, rows []Row) ([]Row, error) {
	drawn, err := s.regionRows(ctx, tx, "r.source = 'person' and pr.page = $1", pr.Page)
	if err != nil {
		return nil, err
	}
	for _, d := range drawn {
		rows = append(rows, d.row())
	}
	return overruled(rows), nil
}

// row is the region as it is stored.
func (r Region) row() Row {
	return Row{Relation: regionRelation, Box: r.Box, Confidence: r.Confidence, Source: r.Source, Values: map[string]any{kindColumn: r.Kind}}
}

// overruled leaves out the regions that one drawn by a person replaces, and numbers what stays: of one kind, those of a
// model that share half or more of the smaller of the two, and those drawn that are drawn once more.
func overruled(rows []Row) []Row {
	var out []Row
	for i, r := range rows {
		replaced := func(k int) bool {
			p := rows[k]
			if k == i || p.Source != sourcePerson || p.Values[kindColumn] != r.Values[kindColumn] {
				return false
			}
			if r.Source == sourcePerson {
				return k < i && p.Box == r.Box
			}
			return 2*shared(p.Box, r.Box) >= min(area(p.Box), area(r.Box))
		}
		keep := true
		for k := range rows {
			keep = keep && !replaced(k)
		}
		if keep {
			r.Seq = len(out)
			out = append(out, r)
		}
	}
	return out
}

func area(b [4]float64) float64 { return max(0, b[2]-b[0]) * max(0, b[3]-b[1]) }

// shared is the area that both boxes cover.
func shared(a, b [4]float64) float64 {
	return area([4]float64{max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])})
}

// sound reports whether a box lies on a page and has an area.
func sound(b [4]float64, width, height int32) bool {
	sum := b[0] + b[1] + b[2] + b[3] // NaN and infinities survive addition
	return !math.IsNaN(sum) && !math.IsInf(sum, 0) && b[0] >= 0 && b[1] >= 0 && b[0] < b[2] && b[1] < b[3] && b[2] <= float64(width) && b[3] <= float64(height)
}
