package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/riverqueue/river"

	"palimpsest.dev/store/cron"
	"palimpsest.dev/store/internal/db"
)

// Scans go through the queue like everything else. Once a minute River's elected leader inserts a job that looks for
// sources whose time has come (DueArgs) and, in one transaction, sets their next time and inserts their scan jobs
// (ScanArgs). The times are kept in the source's row and not in the leader's memory: a schedule added or changed while
// workers run counts from the next minute on, a night that nobody was there for is made up for once, and a change of
// leader changes nothing. A source has at most one scan that is not finished; the database sees to it.

// ScanState is where a scan stands.
type ScanState string

// The states of a scan.
const (
	ScanQueued   ScanState = "queued"
	ScanRunning  ScanState = "running"
	ScanComplete ScanState = "complete"
	ScanPartial  ScanState = "partial" // objects failed; the others are in
	ScanFailed   ScanState = "failed"
)

// ScanTransitions is the table of a scan's moves.
var ScanTransitions = Transitions[ScanState]{
	ScanQueued:   {ScanRunning, ScanFailed},
	ScanRunning:  {ScanRunning, ScanComplete, ScanPartial, ScanFailed},
	ScanComplete: {},
	ScanPartial:  {},
	ScanFailed:   {},
}

// Final reports whether the scan has come to its end.
func (s ScanState) Final() bool { return ScanTransitions.Final(s) }

// ScanCounts say what a scan found: Seen is the sum of the others up to Failed.
type ScanCounts struct {
	Seen      int64
	New       int64 // became documents
	Changed   int64 // known under this key with another content; became documents
	Duplicate int64 // content read before for the same tasks, under another name or by another source
	Unchanged int64
	Skipped   int64 // hidden, temporary, not regular, or still being written
	Failed    int64 // could not be taken; the object says why
	Gone      int64 // known before and missing now
	Unlisted  int64 // folders that could not be listed
	Bytes     int64 // fetched
}

// Scan is one pass through a source.
type Scan struct {
	ID     int64
	Source int64
	Reason string // schedule or request
	State  ScanState
	ScanCounts
	Cursor   string // the last key dealt with
	Steps    int    // commits so far
	Seconds  float64
	Failure  *Failure
	Queued   time.Time
	Started  time.Time // zero until begun
	Finished time.Time // zero until final
}

const (
	// QueueScan is the queue of scans, QueueSchedule that of the look for sources whose time has come.
	QueueScan     = "scan"
	QueueSchedule = "schedule"

	// dueSlack lets a look that River begins a little early find what is due on the minute.
	dueSlack = time.Second
	// maxDue bounds how many sources one look sees; the next look sees the others.
	maxDue = 100
	// tickRetention is how long a look that found its end stays in the queue's table.
	tickRetention = time.Hour
	// scanRetention is how long ended scans are kept; the newest of a source always is.
	scanRetention = 90 * 24 * time.Hour
	// MaxScanStep bounds the objects of one CommitScanStep.
	MaxScanStep = 1000
)

// ScanArgs is the job that goes through a source.
type ScanArgs struct {
	SourceID int64 `json:"source_id" river:"unique"`
	ScanID   int64 `json:"scan_id" river:"unique"`
}

// Kind names the job in the queue; it may not change.
func (ScanArgs) Kind() string { return "scan" }

// InsertOpts puts the job, once, into its queue.
func (ScanArgs) InsertOpts() river.InsertOpts { return insertOpts(QueueScan) }

// DueArgs is the job that finds the sources whose time has come.
type DueArgs struct{}

// Kind names the job in the queue; it may not change.
func (DueArgs) Kind() string { return "sources_due" }

// InsertOpts puts the job, once, into its queue.
func (DueArgs) InsertOpts() river.InsertOpts { return insertOpts(QueueSchedule) }

// schedule gives a worker the look for due sources: the periodic job, which only the elected leader inserts, and the
// function that works it. Every process that works on the queue has both, because any may be elected.
func (s *Store) schedule(workers *river.Workers) ([]*river.PeriodicJob, error) {
	if err := river.AddWorkerSafely(workers, river.WorkFunc(s.queueDueScans)); err != nil {
		return nil, fmt.Errorf("store: worker: %w", err)
	}
	minutely, err := cron.Parse("* * * * *")
	if err != nil {
		return nil, fmt.Errorf("store: worker: %w", err)
	}
	constructor := func() (river.JobArgs, *river.InsertOpts) { return DueArgs{}, nil }
	return []*river.PeriodicJob{river.NewPeriodicJob(minutely, constructor,
		&river.PeriodicJobOpts{ID: DueArgs{}.Kind(), RunOnStart: true})}, nil
}

// queueDueScans queues a scan of every source whose time has come and sets its next time. A source whose scan is still
// under way gets none: that one will see what is new, or the next.
func (s *Store) queueDueScans(ctx context.Context, job *river.Job[DueArgs]) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		now, err := s.q.DatabaseTime(ctx, tx)
		if err != nil {
			return found(err, "time")
		}
		due, err := s.q.DueSources(ctx, tx, db.DueSourcesParams{Until: now.Add(dueSlack), MaxRows: maxDue})
		if err != nil {
			return found(err, "due sources")
		}
		for _, src := range due {
			schedule, err := cron.Parse(src.Cron)
			if err != nil {
				return fmt.Errorf("store: schedule of source %s: %w", src.Name, err) // it was read when it was stored
			}
			if _, err := s.queueScan(ctx, tx, src.ID, "schedule"); err != nil {
				return err
			}
			after := now // missed times are made up for once
			if src.NextAt.Time.After(now) {
				after = src.NextAt.Time
			}
			if err := s.q.SetNextScan(ctx, tx, db.SetNextScanParams{ID: src.ID, NextAt: timestamp(schedule.Next(after))}); err != nil {
				return found(err, "source %s", src.Name)
			}
			if err := s.q.DeleteOldScans(ctx, tx, db.DeleteOldScansParams{Source: src.ID, Age: interval(scanRetention)}); err != nil {
				return found(err, "old scans of source %s", src.Name)
			}
		}
		if err := s.q.DeleteOldTicks(ctx, tx, db.DeleteOldTicksParams{Kind: job.Kind, Age: interval(tickRetention)}); err != nil {
			return found(err, "old jobs")
		}
		return completeJob(ctx, tx, job)
	})
}

// queueScan inserts a scan and its job, or finds the one that is not finished. That one may end between the two
// statements; then the first is tried again.
func (s *Store) queueScan(ctx context.Context, tx pgx.Tx, source int64, reason string) (Scan, error) {
	var row db.Scan
	err := pgx.ErrNoRows
	for try := 0; try < maxTries && errors.Is(err, pgx.ErrNoRows); try++ {
		row, err = s.q.InsertScan(ctx, tx, db.InsertScanParams{Source: source, Reason: reason})
		if !errors.Is(err, pgx.ErrNoRows) {
			break
		}
		if row, err = s.q.OpenScan(ctx, tx, source); err == nil {
			return readScan(row), nil
		}
	}
	if err != nil {
		return Scan{}, found(err, "scan of source %d", source)
	}
	r, err := s.queue.InsertTx(ctx, tx, ScanArgs{SourceID: source, ScanID: row.ID}, nil)
	if err == nil {
		err = s.q.SetScanJob(ctx, tx, db.SetScanJobParams{ID: row.ID, Job: pgtype.Int8{Int64: r.Job.ID, Valid: true}})
	}
	return readScan(row), found(err, "job of scan %d", row.ID)
}

// RequestScan queues a scan of a source, paused or not, or finds the one that is not finished.
func (s *Store) RequestScan(ctx context.Context, tenant, name string) (scan Scan, err error) {
	err = s.tx(ctx, func(tx pgx.Tx) error {
		src, err := s.q.SourceOfTenant(ctx, tx, db.SourceOfTenantParams{Tenant: tenantOr(tenant), Name: name})
		if err != nil {
			return found(err, "source %.80q", name)
		}
		scan, err = s.queueScan(ctx, tx, src.ID, "request")
		return err
	})
	return scan, err
}

// BeginScan moves a scan to running and gives it with its source: from its cursor on where an earlier attempt was cut
// short. ErrFinal where it has ended, ErrNotFound where the source was removed.
func (s *Store) BeginScan(ctx context.Context, id int64) (scan Scan, src ScanSource, err error) {
	err = s.tx(ctx, func(tx pgx.Tx) error {
		n, err := s.q.StartScan(ctx, tx, db.StartScanParams{ID: id, State: string(ScanRunning), FromStates: ScanTransitions.From(ScanRunning)})
		if err != nil {
			return found(err, "scan %d", id)
		}
		row, err := s.q.ScanByID(ctx, tx, id)
		if err != nil {
			return found(err, "scan %d", id)
		}
		if scan, src = readScan(row.Scan), readSource(row.Source); n == 0 {
			return fmt.Errorf("store: scan %d is %s: %w", id, scan.State, ErrFinal)
		}
		return nil
	})
	return scan, src, err
}

// SourceObjects reads what is known of up to MaxScanStep keys.
func (s *Store) SourceObjects(ctx context.Context, source int64, keys []string) (map[string]SourceObject, error) {
	rows, err := s.q.SourceObjects(ctx, s.pool, db.SourceObjectsParams{Source: source, Keys: keys})
	if err != nil {
		return nil, found(err, "objects of source %d", source)
	}
	known := make(map[string]SourceObject, len(rows))
	for _, r := range rows {
		known[r.Key] = readSourceObject(r)
	}
	return known, nil
}

// Sighting is an object whose content was fetched, or that could not be taken.
type Sighting struct {
	SourceObject
	Name string // file name of the document it becomes
}

// ScanStep is what a scan has dealt with since the step before.
type ScanStep struct {
	Cursor    string     // the last key listed
	Unchanged []string   // keys whose version is as it was
	Failing   []string   // keys whose version is as it was when they failed for good
	Skipped   []string   // keys left alone this time
	Found     []Sighting // fetched, the objects stored; or failed
	Unlisted  int        // folders that could not be listed, which are in Found as failed
	Fetched   int64      // bytes
	Seconds   float64    // at work
	Runs      []NewRun   // what is done with new content
}

// CommitScanStep records a step in one transaction: what was seen, the documents that new contents become with their
// jobs, the counts, and the cursor, behind which a restart goes on. scan is the one BeginScan or the step before gave,
// and comes back moved on. Content that was taken before with the same tasks and options, under whatever name and by
// whatever source, becomes no document again. ErrConflict means that another process has gone on with the scan.
func (s *Store) CommitScanStep(ctx context.Context, src ScanSource, scan Scan, step ScanStep) (Scan, error) {
	touched := slices.Concat(step.Unchanged, step.Failing, step.Skipped)
	if n := len(touched) + len(step.Found); n > MaxScanStep {
		return scan, fmt.Errorf("store: %d objects in a step of scan %d, at most %d: %w", n, scan.ID, MaxScanStep, ErrInvalid)
	}
	var after Scan
	err := s.tx(ctx, func(tx pgx.Tx) error {
		row, err := s.q.LockScan(ctx, tx, scan.ID)
		if err != nil {
			return found(err, "scan %d", scan.ID)
		}
		if ScanState(row.State) != ScanRunning || int(row.Steps) != scan.Steps {
			return fmt.Errorf("store: scan %d is %s and at step %d, not %d: %w", scan.ID, row.State, row.Steps, scan.Steps, ErrConflict)
		}
		counts := ScanCounts{
			Seen: int64(len(touched) + len(step.Found)), Unchanged: int64(len(step.Unchanged)), Skipped: int64(len(step.Skipped)),
			Failed: int64(len(step.Failing)), Unlisted: int64(step.Unlisted), Bytes: step.Fetched,
		}
		keys := make([]string, len(step.Found))
		for i, f := range step.Found {
			keys[i] = f.Key
		}
		known, err := s.q.SourceObjects(ctx, tx, db.SourceObjectsParams{Source: scan.Source, Keys: keys})
		if err != nil {
			return found(err, "objects of source %s", src.Name)
		}
		before := map[string]string{}
		for _, o := range known {
			before[o.Key] = o.Hash.String
		}
		for _, f := range step.Found {
			if err := s.sight(ctx, tx, src, scan, f, before[f.Key], step.Runs, &counts); err != nil {
				return err
			}
		}
		if err := s.q.TouchObjects(ctx, tx, db.TouchObjectsParams{Source: scan.Source, Scan: scan.ID, Keys: touched}); err != nil {
			return found(err, "objects of source %s", src.Name)
		}
		n, err := s.q.AdvanceScan(ctx, tx, db.AdvanceScanParams{ID: scan.ID, Steps: int32(scan.Steps), Cursor: step.Cursor,
			Seen: counts.Seen, New: counts.New, Changed: counts.Changed, Duplicate: counts.Duplicate, Unchanged: counts.Unchanged,
			Skipped: counts.Skipped, Failed: counts.Failed, Unlisted: counts.Unlisted, Bytes: counts.Bytes, Seconds: step.Seconds})
		if err == nil && n == 0 {
			err = ErrConflict // cannot happen: the row is locked
		}
		after = scan
		after.Steps, after.Cursor = scan.Steps+1, step.Cursor
		return found(err, "scan %d", scan.ID)
	})
	if err != nil {
		return scan, err
	}
	return after, nil
}

// sight records one object and submits its content where that is new. was is the hash known under its key before.
func (s *Store) sight(ctx context.Context, tx pgx.Tx, src ScanSource, scan Scan, f Sighting, was string, runs []NewRun, counts *ScanCounts) error {
	switch {
	case f.Failure != nil:
		counts.Failed++
	case f.Hash == was:
		counts.Unchanged++ // touched, or written again as it was
	default:
		doc, created, err := s.submitSeen(ctx, tx, src, f, runs)
		if err != nil {
			return fmt.Errorf("store: object %q of source %s: %w", f.Key, src.Name, err)
		}
		switch {
		case !created:
			counts.Duplicate++
		case was == "":
			counts.New++
		default:
			counts.Changed++
		}
		if err := s.q.InsertSighting(ctx, tx, db.InsertSightingParams{Source: src.ID, Key: f.Key, Hash: f.Hash,
			Document: string(doc), Scan: scan.ID}); err != nil {
			return found(err, "sighting of %q in source %s", f.Key, src.Name)
		}
	}
	err := s.q.UpsertObjectSeen(ctx, tx, db.UpsertObjectSeenParams{Source: src.ID, Key: f.Key, Version: f.Version, Bytes: f.Bytes,
		ModifiedAt: timestamp(f.Modified), Hash: optional(f.Hash), Failure: f.Failure.json(), Scan: scan.ID})
	return found(err, "object %q of source %s", f.Key, src.Name)
}

// submitSeen submits a content, unless it was submitted before for the same tasks and options. The idempotency key is
// the content and what is to be done with it, so it holds across names, sources, and a source that was removed and
// added again.
func (s *Store) submitSeen(ctx context.Context, tx pgx.Tx, src ScanSource, f Sighting, runs []NewRun) (DocumentID, bool, error) {
	d := NewDocument{Tenant: src.Tenant, Name: f.Name, Hash: f.Hash, Bytes: f.Bytes, Runs: runs,
		IdempotencyKey: "source content " + digestOf(f.Hash, slices.Sorted(slices.Values(src.Tasks)), src.Options), byKey: true}
	if err := d.check(); err != nil {
		return "", false, err
	}
	doc, created, err := s.submit(ctx, tx, d)
	return doc.ID, created, err
}

// EndScan ends a scan whose last object was dealt with, and notes as gone what it did not find, unless a folder could
// not be listed. The job completes in the same transaction; ctx must be the worker's.
func (s *Store) EndScan(ctx context.Context, job *river.Job[ScanArgs]) error {
	return s.endScan(ctx, job, nil)
}

// FailScan ends a scan that cannot go on: its source cannot be reached or read. The job completes in the same
// transaction; ctx must be the worker's.
func (s *Store) FailScan(ctx context.Context, job *river.Job[ScanArgs], f Failure) error {
	return s.endScan(ctx, job, &f)
}

func (s *Store) endScan(ctx context.Context, job *river.Job[ScanArgs], f *Failure) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		row, err := s.q.LockScan(ctx, tx, job.Args.ScanID)
		if errors.Is(err, pgx.ErrNoRows) {
			return completeJob(ctx, tx, job) // its source was removed
		}
		if err != nil {
			return found(err, "scan %d", job.Args.ScanID)
		}
		if err := s.closeScan(ctx, tx, row, f); err != nil {
			return err
		}
		return completeJob(ctx, tx, job)
	})
}

// closeScan moves a scan to its final state; one that is final stays.
func (s *Store) closeScan(ctx context.Context, tx pgx.Tx, row db.Scan, f *Failure) error {
	if ScanState(row.State).Final() {
		return nil
	}
	state, gone := ScanFailed, int64(0)
	if f == nil {
		state = ScanComplete
		if row.Failed > 0 || row.Unlisted > 0 {
			state = ScanPartial
		}
		if row.Unlisted == 0 {
			var err error
			if gone, err = s.q.NoteGone(ctx, tx, db.NoteGoneParams{Source: row.Source, Scan: row.ID}); err != nil {
				return found(err, "missing objects of scan %d", row.ID)
			}
		}
	}
	n, err := s.q.EndScan(ctx, tx, db.EndScanParams{ID: row.ID, State: string(state), Failure: f.json(), Gone: gone,
		FromStates: ScanTransitions.From(state)})
	if err == nil && n == 0 {
		return refused("scan", row.ID, row.State, state, false)
	}
	return found(err, "scan %d", row.ID)
}

// giveUpScan ends a scan whose job will never be done.
func (s *Store) giveUpScan(ctx context.Context, tx pgx.Tx, encoded []byte, f Failure) error {
	var args ScanArgs
	if err := json.Unmarshal(encoded, &args); err != nil {
		return fmt.Errorf("store: arguments of a scan job: %w", err)
	}
	row, err := s.q.LockScan(ctx, tx, args.ScanID)
	if err != nil {
		return found(err, "scan %d", args.ScanID)
	}
	return s.closeScan(ctx, tx, row, &f)
}

// settleLostScans ends scans whose job has ended without them.
func (s *Store) settleLostScans(ctx context.Context, age time.Duration, f Failure) error {
	ids, err := s.q.LostScans(ctx, s.pool, interval(age))
	if err != nil {
		return fmt.Errorf("store: lost scans: %w", err)
	}
	for _, id := range ids {
		args, _ := json.Marshal(ScanArgs{ScanID: id}) // two numbers
		if err := s.giveUp(ctx, ScanArgs{}.Kind(), args, f, nil); err != nil {
			return err
		}
	}
	return nil
}

func readScan(r db.Scan) Scan {
	return Scan{ID: r.ID, Source: r.Source, Reason: r.Reason, State: ScanState(r.State), Cursor: r.Cursor, Steps: int(r.Steps),
		ScanCounts: ScanCounts{Seen: r.Seen, New: r.New, Changed: r.Changed, Duplicate: r.Duplicate, Unchanged: r.Unchanged,
			Skipped: r.Skipped, Failed: r.Failed, Gone: r.Gone, Unlisted: r.Unlisted, Bytes: r.Bytes},
		Seconds: r.Seconds, Failure: readFailure(r.Failure), Queued: r.QueuedAt, Started: r.StartedAt.Time, Finished: r.FinishedAt.Time}
}
