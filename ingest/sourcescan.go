package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"palimpsest.dev/ingest/sources"
	"palimpsest.dev/internal/failpoint"
	"palimpsest.dev/store"
	"palimpsest.dev/store/blob"
)

// Scans is what the ScanWorker needs of the store. *store.Store is one.
type Scans interface {
	BeginScan(ctx context.Context, id int64) (store.Scan, store.ScanSource, error)
	SourceObjects(ctx context.Context, source int64, keys []string) (map[string]store.SourceObject, error)
	CommitScanStep(ctx context.Context, src store.ScanSource, scan store.Scan, step store.ScanStep) (store.Scan, error)
	EndScan(ctx context.Context, job *river.Job[store.ScanArgs]) error
	FailScan(ctx context.Context, job *river.Job[store.ScanArgs], f store.Failure) error
}

// Receiver takes in a content of unknown hash. *blob.Store is one.
type Receiver interface {
	Put(ctx context.Context, r io.Reader, o blob.PutOptions) (blob.Object, error)
}

// ScanLimits bound what a scan does at once. Zero fields take the defaults.
type ScanLimits struct {
	DocumentBytes int64         // bytes of one object
	ObjectTime    time.Duration // fetching one object
	TurnObjects   int           // objects listed before the job goes back to the queue, to be continued
	TurnTime      time.Duration // time after which it does
	StepObjects   int           // objects listed in one transaction
	StepFetched   int           // objects fetched in one transaction
	StepTime      time.Duration // time after which a transaction saves what was fetched
}

// The defaults of ScanLimits.
const (
	DefaultObjectTime  = 30 * time.Minute
	DefaultTurnObjects = 10_000
	DefaultTurnTime    = time.Minute
	DefaultStepObjects = 500
	DefaultStepFetched = 32
	DefaultStepTime    = 10 * time.Second
)

func (l ScanLimits) withDefaults() ScanLimits {
	set := func(v *int, to int) {
		if *v == 0 {
			*v = to
		}
	}
	wait := func(v *time.Duration, to time.Duration) {
		if *v == 0 {
			*v = to
		}
	}
	if l.DocumentBytes == 0 {
		l.DocumentBytes = DefaultDocumentBytes
	}
	wait(&l.ObjectTime, DefaultObjectTime)
	set(&l.TurnObjects, DefaultTurnObjects)
	wait(&l.TurnTime, DefaultTurnTime)
	set(&l.StepObjects, DefaultStepObjects)
	set(&l.StepFetched, DefaultStepFetched)
	wait(&l.StepTime, DefaultStepTime)
	return l
}

// ScanWorker goes through a source and submits what is new in it. It works in
// turns, so that a large source does not keep others waiting, and in steps,
// each of which is one transaction that a restart goes on after.
type ScanWorker struct {
	river.WorkerDefaults[store.ScanArgs]
	Scans   Scans
	Objects Receiver
	// Open opens a location; sources.Places.Open is the real one.
	Open func(location, credentials string) (sources.Place, error)
	// Runs gives the runs of a source's tasks, with the fingerprints of now.
	Runs   func(ctx context.Context, tasks []string, options map[string]string) ([]store.NewRun, error)
	Limits ScanLimits
	Log    *slog.Logger
}

// Timeout leaves the time limit to Work.
func (w *ScanWorker) Timeout(*river.Job[store.ScanArgs]) time.Duration { return -1 }

// Work does one turn of a scan and ends the scan or asks for another turn.
func (w *ScanWorker) Work(ctx context.Context, job *river.Job[store.ScanArgs]) error {
	limits := w.Limits.withDefaults()
	after := limits.TurnTime + limits.ObjectTime
	timed, cancel := context.WithTimeoutCause(ctx, after, &sources.Error{Kind: sources.Internal, Limit: "scan_time",
		Message: fmt.Sprintf("the source stood still: a turn of the scan took longer than %s", after), Hint: "does the S3 server, or the file system, answer?"})
	defer cancel()
	more, err := w.turn(timed, job, limits)
	err = caused(timed, err)
	switch {
	case err == nil && more:
		return river.JobSnooze(0)
	case errors.Is(err, store.ErrNotFound):
		return nil // the source was removed meanwhile
	case errors.Is(err, store.ErrConflict):
		return river.JobSnooze(time.Second) // another process went on; if it died since, we go on
	}
	return settler{log: w.Log, commit: func(ctx context.Context, f store.Failure) error {
		return w.Scans.FailScan(ctx, job, f)
	}}.settle(ctx, job.JobRow, err)
}

// turn lists and takes objects from the scan's cursor on. more says that there
// are others.
func (w *ScanWorker) turn(ctx context.Context, job *river.Job[store.ScanArgs], limits ScanLimits) (more bool, err error) {
	scan, src, err := w.Scans.BeginScan(ctx, job.Args.ScanID)
	if err != nil {
		return false, err
	}
	failpoint.Here(failpoint.ScanBegun)
	runs, err := w.Runs(ctx, src.Tasks, src.Options)
	if err != nil {
		return false, err
	}
	place, err := w.Open(src.Location, src.Credentials)
	if err != nil {
		return false, err
	}
	defer place.Close()
	t := &scanTurn{w: w, limits: limits, place: place, src: src, scan: scan, runs: runs,
		from: scan.Cursor, begun: time.Now(), stepBegun: time.Now()}
	t.step.Cursor = scan.Cursor
	var batch []sources.Object
	for o, err := range place.List(ctx, scan.Cursor) {
		if err != nil {
			return false, err
		}
		if batch = append(batch, o); len(batch) < limits.StepObjects {
			continue
		}
		if more, err := t.take(ctx, batch); more || err != nil {
			return more, err
		}
		batch = batch[:0]
	}
	if more, err := t.take(ctx, batch); more || err != nil {
		return more, err
	}
	if err := w.Scans.EndScan(ctx, job); err != nil {
		return false, err
	}
	failpoint.Here(failpoint.ScanEnded)
	w.Log.InfoContext(ctx, "source scanned", "source", src.Name, "scan", scan.ID)
	return false, nil
}

// scanTurn is one turn of a scan at work.
type scanTurn struct {
	w      *ScanWorker
	limits ScanLimits
	place  sources.Place
	src    store.ScanSource
	scan   store.Scan
	runs   []store.NewRun

	from      string // the cursor it began at
	begun     time.Time
	handled   int
	step      store.ScanStep // not committed yet
	stepBegun time.Time
}

// take deals with listed objects and commits them, in several steps where much
// is fetched. more says that the turn is over before they all were.
func (t *scanTurn) take(ctx context.Context, batch []sources.Object) (more bool, err error) {
	if len(batch) == 0 {
		return false, nil
	}
	keys := make([]string, len(batch))
	for i, o := range batch {
		keys[i] = o.Key
	}
	known, err := t.w.Scans.SourceObjects(ctx, t.src.ID, keys)
	if err != nil {
		return false, err
	}
	for i, o := range batch {
		was, there := known[o.Key]
		if err := t.one(ctx, o, was, there); err != nil {
			return false, err
		}
		t.handled++
		if o.Mark != "" {
			t.step.Cursor = o.Mark
		}
		last := i == len(batch)-1
		if !last && len(t.step.Found) < t.limits.StepFetched && time.Since(t.stepBegun) < t.limits.StepTime {
			continue
		}
		if err := t.commit(ctx); err != nil {
			return false, err
		}
		// A turn that has not moved the cursor would begin where it began.
		if (t.handled >= t.limits.TurnObjects || time.Since(t.begun) >= t.limits.TurnTime) && t.scan.Cursor != t.from {
			return true, nil
		}
	}
	return false, nil
}

// one decides what becomes of an object.
func (t *scanTurn) one(ctx context.Context, o sources.Object, was store.SourceObject, there bool) error {
	filter := sources.Filter{Include: t.src.Include, Exclude: t.src.Exclude}
	switch {
	case o.Skip != "", filter.Leave(t.src.Location, o) != "":
		t.step.Skipped = append(t.step.Skipped, o.Key)
		return nil
	case o.Err != nil:
		if o.Folder {
			t.step.Unlisted++
		}
		t.found(o, "", Classify(o.Err).Failure)
		return nil
	case there && was.Version == o.Version && was.Failure == nil:
		t.step.Unchanged = append(t.step.Unchanged, o.Key)
		return nil
	case there && was.Version == o.Version && !was.Failure.Kind.Retryable():
		t.step.Failing = append(t.step.Failing, o.Key)
		return nil
	}
	hash, failure, err := t.fetch(ctx, o)
	switch {
	case errors.Is(err, sources.ErrChanging):
		t.step.Skipped = append(t.step.Skipped, o.Key)
		return nil
	case err != nil:
		return err
	}
	t.found(o, hash, failure)
	return nil
}

// found notes an object that was fetched, or, without a hash, could not be.
func (t *scanTurn) found(o sources.Object, hash string, f store.Failure) {
	s := store.Sighting{Name: o.Name, SourceObject: store.SourceObject{Key: o.Key, Version: o.Version, Bytes: o.Bytes,
		Modified: o.Modified, Hash: hash}}
	if hash == "" {
		s.Failure = &f
	}
	t.step.Found = append(t.step.Found, s)
}

// fetch stores an object's content. What is wrong with the object is a failure,
// what is wrong with the source as a whole or with us is an error.
func (t *scanTurn) fetch(ctx context.Context, o sources.Object) (hash string, f store.Failure, err error) {
	tooLarge := store.Failure{Kind: store.KindTooLarge, Limit: "file_bytes", Hint: "split the document",
		Message: fmt.Sprintf("%s is larger than %d bytes", o.Name, t.limits.DocumentBytes)}
	switch {
	case o.Bytes == 0:
		return "", store.Failure{Kind: store.KindBadInput, Message: o.Name + " is empty", Hint: "it is looked at again when it changes"}, nil
	case o.Bytes > t.limits.DocumentBytes:
		return "", tooLarge, nil
	}
	timed, cancel := context.WithTimeoutCause(ctx, t.limits.ObjectTime, &sources.Error{Kind: sources.Internal, Limit: "object_time",
		Message: fmt.Sprintf("fetching it took longer than %s", t.limits.ObjectTime)})
	defer cancel()
	r, err := t.place.Open(timed, o)
	if err == nil {
		defer r.Close()
		read := &witness{r: r}
		var stored blob.Object
		stored, err = t.w.Objects.Put(timed, read, blob.PutOptions{MaxBytes: t.limits.DocumentBytes, MediaType: "application/octet-stream"})
		t.step.Fetched += read.n
		switch {
		case err == nil:
			failpoint.Here(failpoint.ScanFetched)
			return stored.Hash, store.Failure{}, nil
		case errors.Is(err, blob.ErrTooLarge):
			return "", tooLarge, nil
		case read.err == nil && timed.Err() == nil:
			return "", store.Failure{}, fmt.Errorf("storing %q: %w", o.Key, err)
		case read.err != nil:
			err = read.err
		}
	}
	if errors.Is(err, sources.ErrChanging) || ctx.Err() != nil {
		return "", store.Failure{}, err
	}
	return "", Classify(caused(timed, err)).Failure, nil
}

// commit saves the step.
func (t *scanTurn) commit(ctx context.Context) error {
	t.step.Runs, t.step.Seconds = t.runs, time.Since(t.stepBegun).Seconds()
	scan, err := t.w.Scans.CommitScanStep(ctx, t.src, t.scan, t.step)
	if err != nil {
		return err
	}
	failpoint.Here(failpoint.ScanStepped)
	t.scan, t.step, t.stepBegun = scan, store.ScanStep{Cursor: scan.Cursor}, time.Now()
	return nil
}

// witness remembers whether reading failed, to tell the source's faults from
// the object store's.
type witness struct {
	r   io.Reader
	n   int64
	err error
}

func (w *witness) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	w.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

// ofSource maps an error of a source, whose kinds are ours.
func ofSource(e *sources.Error) Failure {
	f := fail(false, store.Failure{Kind: store.Kind(e.Kind), Message: e.Error(), Hint: e.Hint, Limit: e.Limit})
	f.Final = !f.Kind.Retryable()
	return f
}
