package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"
)

func newSource(name string) NewScanSource {
	return NewScanSource{Name: name, Location: "s3://archive/letters", Cron: "0 2 * * *", Tasks: []string{"ocr"}, Options: map[string]string{"text_layer": "use"}}
}

func addSource(t testing.TB, s *Store, name string) ScanSource {
	t.Helper()
	src, err := s.AddSource(t.Context(), newSource(name))
	check(t, err)
	return src
}

var sightRuns = newDocument("x").Runs

// sighting is an object as a scan finds it.
func sighting(key, content string) Sighting {
	return Sighting{Name: key, SourceObject: SourceObject{Key: key, Version: "v " + content, Bytes: int64(len(content)), Hash: hashOf(content)}}
}

// scanWorkers start workers whose scans call each, and wait for the end of the scan.
func scanWorkers(t testing.TB, s *Store, each func(context.Context, *river.Job[ScanArgs]) error, o WorkerOptions) *Worker {
	t.Helper()
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(each))
	o.RetryDelay, o.OrphanCheck = func(int) time.Duration { return 0 }, 20*time.Millisecond
	w, err := s.NewWorker(workers, o)
	check(t, err)
	check(t, w.Start(context.WithoutCancel(t.Context())))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := w.StopAndCancel(ctx); err != nil {
			t.Errorf("stop workers: %v", err)
		}
		<-w.orphans.done
	})
	return w
}

// awaitScan waits until a source's newest scan after the given one has ended.
func awaitScan(t testing.TB, s *Store, name string, after int64) Scan {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		status, _, err := s.Source(ctx, "", name, 0)
		check(t, err)
		if status.Last != nil && status.Last.ID > after && status.Open == nil {
			return *status.Last
		}
		time.Sleep(5 * time.Millisecond) // there are no events of scans
	}
}

func TestSourcesAreAddedListedPausedAndRemoved(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	src := addSource(t, s, "")
	if src.Name != "archive-letters" || src.Next.IsZero() || src.Next.Hour() != 2 || src.Next.Minute() != 0 || src.Next.Location() == nil {
		t.Errorf("%+v", src)
	}
	_, err := s.AddSource(ctx, newSource("archive-letters"))
	wantErr(t, err, ErrConflict)
	addSource(t, s, "another")
	list, err := s.Sources(ctx, "")
	check(t, err)
	if len(list) != 2 || list[0].Name != "another" || list[1].Options["text_layer"] != "use" || !slices.Equal(list[1].Tasks, []string{"ocr"}) {
		t.Errorf("%+v", list)
	}
	if other, err := s.Sources(ctx, "somebody else"); err != nil || len(other) != 0 {
		t.Errorf("another tenant sees %v, %v", other, err)
	}
	paused, err := s.PauseSource(ctx, "", src.Name, true)
	check(t, err)
	if !paused.Paused || !paused.Next.IsZero() {
		t.Errorf("%+v", paused)
	}
	resumed, err := s.PauseSource(ctx, "", src.Name, false)
	check(t, err)
	if resumed.Paused || !resumed.Next.Equal(src.Next) {
		t.Errorf("%+v", resumed)
	}
	check(t, s.RemoveSource(ctx, "", src.Name))
	wantErr(t, s.RemoveSource(ctx, "", src.Name), ErrNotFound)
	_, _, err = s.Source(ctx, "", src.Name, 10)
	wantErr(t, err, ErrNotFound)
	_, err = s.PauseSource(ctx, "", src.Name, true)
	wantErr(t, err, ErrNotFound)
	_, err = s.RequestScan(ctx, "", src.Name)
	wantErr(t, err, ErrNotFound)
}

func TestWrongSourcesAreRefused(t *testing.T) {
	t.Parallel()
	s := open(t)
	for want, change := range map[string]func(*NewScanSource){
		"five fields":      func(n *NewScanSource) { n.Cron = "every night" },
		"no such day":      func(n *NewScanSource) { n.Cron = "0 0 30 2 *" },
		"a name has":       func(n *NewScanSource) { n.Name = "../etc" },
		"location":         func(n *NewScanSource) { n.Name, n.Location = "x", "" },
		"4096 bytes":       func(n *NewScanSource) { n.Location = "/" + strings.Repeat("x", 4096) },
		"name of a settin": func(n *NewScanSource) { n.Credentials = "secret=1" },
		"0 tasks":          func(n *NewScanSource) { n.Tasks = nil },
		"asked for twice":  func(n *NewScanSource) { n.Tasks = []string{"ocr", "ocr"} },
	} {
		n := newSource("name")
		change(&n)
		if _, err := s.AddSource(t.Context(), n); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestSourceNames(t *testing.T) {
	t.Parallel()
	for location, want := range map[string]string{
		"s3://bucket":                      "bucket",
		"s3://bucket/letters/1890/":        "bucket-letters-1890",
		"/data/incoming/Box 12":            "incoming-box-12",
		"/":                                "source",
		"/дела/опись":                      "source",
		"/a/" + strings.Repeat("long", 40): "a-" + strings.Repeat("long", 15) + "l",
	} {
		if got := sourceName(location); got != want || !sourceNameForm.MatchString(got) {
			t.Errorf("%s is named %q, want %q", location, got, want)
		}
	}
}

func TestTheDatabaseKnowsTheStatesOfScans(t *testing.T) {
	t.Parallel()
	s := open(t)
	if got, want := checked(t, s, "scan"), states(ScanTransitions); !slices.Equal(got, want) {
		t.Errorf("the database allows %v, the code %v", got, want)
	}
	src := addSource(t, s, "a")
	scan, err := s.RequestScan(t.Context(), "", src.Name)
	check(t, err)
	for _, from := range states(ScanTransitions) {
		execSQL(t, s, "update palimpsest.scan set state = $1", from)
		_, _, err := s.BeginScan(t.Context(), scan.ID)
		if allowed := ScanTransitions.Allowed(ScanState(from), ScanRunning); allowed != (err == nil) || !allowed && !errors.Is(err, ErrFinal) {
			t.Errorf("%s to running: %v", from, err)
		}
	}
}

// A whole life: what is new becomes documents, once per content and task, whatever its name and whichever source.
func TestScansSubmitEachContentOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	addSource(t, s, "letters")
	addSource(t, s, "overlapping")
	steps := map[string][]ScanStep{} // by source: what the scans after one another find, one step each
	scanWorkers(t, s, func(ctx context.Context, job *river.Job[ScanArgs]) error {
		scan, src, err := s.BeginScan(ctx, job.Args.ScanID)
		if err != nil {
			return err
		}
		step := steps[src.Name][0]
		steps[src.Name] = steps[src.Name][1:]
		step.Runs, step.Cursor, step.Seconds = sightRuns, "z", 0.5
		if _, err = s.CommitScanStep(ctx, src, scan, step); err != nil {
			return err
		}
		return s.EndScan(ctx, job)
	}, WorkerOptions{Scan: 1})
	failed := Sighting{Name: "d", SourceObject: SourceObject{Key: "d", Version: "v", Failure: &Failure{Kind: KindTooLarge, Message: "too large"}}}
	var last int64
	for i, c := range []struct {
		source string
		step   ScanStep
		want   ScanCounts
		state  ScanState
		docs   int
	}{
		{"letters", ScanStep{Found: []Sighting{sighting("a", "one"), sighting("b", "two"), sighting("copy of a", "one"), failed}},
			ScanCounts{Seen: 4, New: 2, Duplicate: 1, Failed: 1}, ScanPartial, 2},
		{"letters", ScanStep{Unchanged: []string{"a", "b", "copy of a"}, Failing: []string{"d"}},
			ScanCounts{Seen: 4, Unchanged: 3, Failed: 1}, ScanPartial, 2},
		{"letters", ScanStep{Found: []Sighting{sighting("a", "changed"), sighting("b", "two"), sighting("renamed", "one")}, Skipped: []string{"d"}},
			ScanCounts{Seen: 4, Changed: 1, Unchanged: 1, Duplicate: 1, Skipped: 1, Gone: 1}, ScanComplete, 3},
		{"letters", ScanStep{Found: []Sighting{sighting("a", "one")}}, // as it was at first: read long ago
			ScanCounts{Seen: 1, Duplicate: 1, Gone: 2}, ScanComplete, 3},
		{"letters", ScanStep{Unchanged: []string{"a", "b"}, Unlisted: 1}, // a folder could not be listed: nothing counts as gone
			ScanCounts{Seen: 2, Unchanged: 2, Unlisted: 1}, ScanPartial, 3},
		{"overlapping", ScanStep{Found: []Sighting{sighting("x/a", "one"), sighting("x/n", "three")}, Fetched: 8},
			ScanCounts{Seen: 2, New: 1, Duplicate: 1, Bytes: 8}, ScanComplete, 4},
	} {
		steps[c.source] = []ScanStep{c.step}
		_, err := s.RequestScan(t.Context(), "", c.source)
		check(t, err)
		scan := awaitScan(t, s, c.source, last)
		last = scan.ID
		if scan.ScanCounts != c.want || scan.State != c.state || scan.Seconds != 0.5 || scan.Reason != "request" || scan.Finished.IsZero() {
			t.Errorf("scan %d of %s is %s: %+v, want %s %+v", i, c.source, scan.State, scan.ScanCounts, c.state, c.want)
		}
		if n := one[int](t, s, "select count(*) from palimpsest.document"); n != c.docs {
			t.Errorf("after scan %d of %s there are %d documents, want %d", i, c.source, n, c.docs)
		}
	}
	for query, want := range map[string]int{
		"select count(*) from palimpsest.sighting where key = 'a'": 2,
		"select count(distinct document) from palimpsest.sighting s join palimpsest.document d on d.id = document and d.hash = s.hash where s.hash = encode(sha256('one'), 'hex')": 1,
		"select count(*) from palimpsest.source_object where gone_at is not null":                                                                                                  3, // renamed, copy of a, d
		"select count(*) from river.river_job where kind = 'ingest'":                                                                                                               4,
		"select count(*) from river.river_job where kind = 'scan' and state = 'completed'":                                                                                         6,
	} {
		if n := one[int](t, s, query); n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
	// Another wish over the same content is another document.
	other := newSource("other options")
	other.Name, other.Options = "other", nil
	_, err := s.AddSource(t.Context(), other)
	check(t, err)
	steps["other"] = []ScanStep{{Found: []Sighting{sighting("a", "one")}}}
	_, err = s.RequestScan(t.Context(), "", "other")
	check(t, err)
	if scan := awaitScan(t, s, "other", 0); scan.New != 1 {
		t.Errorf("%+v", scan)
	}
	// What is removed is forgotten, its documents are not; and added again it is still known.
	check(t, s.RemoveSource(t.Context(), "", "letters"))
	addSource(t, s, "letters")
	steps["letters"] = []ScanStep{{Found: []Sighting{sighting("a", "one")}}}
	_, err = s.RequestScan(t.Context(), "", "letters")
	check(t, err)
	if scan := awaitScan(t, s, "letters", 0); scan.Duplicate != 1 {
		t.Errorf("%+v", scan)
	}
}

// Of two processes that take the same scan for theirs, one goes on and the other hears of it; nothing is counted twice.
func TestOnlyOneProcessTakesAStep(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	src := addSource(t, s, "a")
	first, err := s.RequestScan(ctx, "", src.Name)
	check(t, err)
	again, err := s.RequestScan(ctx, "", src.Name)
	check(t, err)
	if first.ID != again.ID || one[int](t, s, "select count(*) from river.river_job where kind = 'scan'") != 1 {
		t.Errorf("two scans are under way: %d and %d", first.ID, again.ID)
	}
	mine, src, err := s.BeginScan(ctx, first.ID)
	check(t, err)
	theirs, _, err := s.BeginScan(ctx, first.ID)
	check(t, err)
	step := ScanStep{Cursor: "a", Found: []Sighting{sighting("a", "one")}, Runs: sightRuns}
	mine, err = s.CommitScanStep(ctx, src, mine, step)
	check(t, err)
	_, err = s.CommitScanStep(ctx, src, theirs, step)
	wantErr(t, err, ErrConflict)
	step.Cursor, step.Found = "b", []Sighting{sighting("b", "two")}
	_, err = s.CommitScanStep(ctx, src, mine, step)
	check(t, err)
	scan, _, err := s.BeginScan(ctx, first.ID)
	check(t, err)
	if scan.Seen != 2 || scan.New != 2 || scan.Cursor != "b" || scan.Steps != 2 || one[int](t, s, "select count(*) from palimpsest.document") != 2 {
		t.Errorf("%+v", scan)
	}
	_, err = s.CommitScanStep(ctx, src, scan, ScanStep{Skipped: make([]string, MaxScanStep+1)})
	wantErr(t, err, ErrInvalid)
	check(t, s.RemoveSource(ctx, "", src.Name))
	_, err = s.CommitScanStep(ctx, src, scan, step)
	wantErr(t, err, ErrNotFound)
}

// Two workers, both ready to be elected: a source whose time has come is scanned once, a source added while they run is
// scanned without a restart, and times missed while nobody was there are made up for once.
func TestScheduleIsKeptOnceByTwoWorkers(t *testing.T) {
	t.Parallel()
	s := open(t)
	addSource(t, s, "old")
	paused := addSource(t, s, "paused")
	_, err := s.PauseSource(t.Context(), "", paused.Name, true)
	check(t, err)
	// A leap day, so that its time does not come while this runs.
	execSQL(t, s, "update palimpsest.source set next_at = now() - interval '3 days', cron = '0 0 29 2 *'")
	end := func(ctx context.Context, job *river.Job[ScanArgs]) error {
		if _, _, err := s.BeginScan(ctx, job.Args.ScanID); err != nil {
			return err
		}
		return s.EndScan(ctx, job)
	}
	var workers []*Worker
	for range 2 {
		workers = append(workers, scanWorkers(t, s, end, WorkerOptions{Scan: 1, Schedule: true}))
	}
	if scan := awaitScan(t, s, "old", 0); scan.Reason != "schedule" || scan.State != ScanComplete {
		t.Errorf("%+v", scan)
	}
	if next := one[time.Time](t, s, "select next_at from palimpsest.source where name = 'old'"); !next.After(time.Now()) {
		t.Errorf("next is %v", next)
	}
	// The look that the leader inserts each minute, now, twice and by both.
	addSource(t, s, "new")
	execSQL(t, s, "update palimpsest.source set next_at = now(), cron = '0 0 29 2 *' where name = 'new'")
	for _, w := range workers {
		_, err := w.Insert(t.Context(), DueArgs{}, nil)
		check(t, err)
	}
	awaitScan(t, s, "new", 0)
	if n := one[int](t, s, "select count(*) from palimpsest.scan"); n != 2 {
		t.Errorf("%d scans of 2 sources", n)
	}
	if n := one[int](t, s, "select count(*) from palimpsest.scan s join palimpsest.source f on f.id = s.source where f.paused"); n != 0 {
		t.Errorf("%d scans of a paused source", n)
	}
}

// A scan whose job can never be done ends all the same, and so does one whose job is gone.
func TestScansAlwaysEnd(t *testing.T) {
	t.Parallel()
	s := open(t)
	src := addSource(t, s, "broken")
	scanWorkers(t, s, func(ctx context.Context, job *river.Job[ScanArgs]) error {
		if _, _, err := s.BeginScan(ctx, job.Args.ScanID); err != nil {
			return err
		}
		panic("a fault")
	}, WorkerOptions{Scan: 1})
	_, err := s.RequestScan(t.Context(), "", src.Name)
	check(t, err)
	scan := awaitScan(t, s, src.Name, 0)
	if scan.State != ScanFailed || scan.Failure == nil || !strings.Contains(scan.Failure.Message, "after 4 attempts: panic: a fault") {
		t.Errorf("%+v: %+v", scan, scan.Failure)
	}
	execSQL(t, s, "update palimpsest.scan set state = 'running', finished_at = null, queued_at = now() - interval '1 day', job = -1")
	check(t, s.settleLost(t.Context(), time.Hour))
	if scan := awaitScan(t, s, src.Name, 0); scan.State != ScanFailed {
		t.Errorf("%+v", scan)
	}
}
