package ingest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/riverqueue/river"

	"palimpsest.dev/ingest/sources"
	"palimpsest.dev/internal/failpoint"
	"palimpsest.dev/internal/locals3"
	"palimpsest.dev/internal/pgtest"
	"palimpsest.dev/store"
	"palimpsest.dev/store/blob"
)

// archive is a database, an S3 server and a folder, with sources over them.
type archive struct {
	*place
	conf    blob.Config
	client  *minio.Client
	places  sources.Places
	dir     string // a folder that may be read
	numbers *pgx.Conn
}

func newArchive(t *testing.T) *archive {
	t.Helper()
	a := &archive{place: &place{dsn: pgtest.DSN(t)}, dir: t.TempDir()}
	var err error
	if a.store, err = store.Open(t.Context(), a.dsn, store.Options{Log: quiet}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.store.Close)
	s3, err := locals3.Start(t.Context(), locals3.Options{Dir: t.TempDir(), Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s3.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	a.conf = s3.Config()
	a.places = sources.Places{Roots: []string{a.dir}, OwnBucket: a.conf.Bucket,
		Own: sources.S3{Endpoint: a.conf.Endpoint, AccessKey: a.conf.AccessKey, SecretKey: a.conf.SecretKey, Region: a.conf.Region}}
	conf := a.conf
	conf.Locker = a.store.BlobLocks()
	if a.blobs, err = blob.Open(t.Context(), conf); err != nil {
		t.Fatal(err)
	}
	a.client, err = minio.New(a.conf.Endpoint, &minio.Options{Creds: credentials.NewStaticV4(a.conf.AccessKey, a.conf.SecretKey, ""), Region: a.conf.Region})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.client.MakeBucket(t.Context(), "archive", minio.MakeBucketOptions{Region: a.conf.Region}); err != nil {
		t.Fatal(err)
	}
	if a.numbers, err = pgx.Connect(t.Context(), a.dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.numbers.Close(context.Background()) })
	return a
}

func ocrRuns(context.Context, []string, map[string]string) ([]store.NewRun, error) {
	return []store.NewRun{{Task: "ocr", Options: map[string]string{"text_layer": "verify"}, Fingerprint: store.Fingerprint{Checkpoint: "c"}}}, nil
}

func (a *archive) worker() *ScanWorker {
	return &ScanWorker{Scans: a.store, Objects: a.blobs, Open: a.places.Open, Runs: ocrRuns, Log: quiet}
}

// scans starts a process's worth of workers for scans alone.
func (a *archive) scans(t *testing.T, w *ScanWorker, o store.WorkerOptions) {
	t.Helper()
	workers := river.NewWorkers()
	river.AddWorker(workers, w)
	o.Scan, o.Log, o.StopWithin, o.OrphanCheck = 1, quiet, 10*time.Millisecond, 20*time.Millisecond
	o.RetryDelay = func(int) time.Duration { return time.Millisecond }
	worker, err := a.store.NewWorker(workers, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := worker.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := worker.Stop(ctx); err != nil {
			t.Error("stopping the workers:", err)
		}
	})
}

func (a *archive) add(t *testing.T, name, location string) {
	t.Helper()
	_, err := a.store.AddSource(t.Context(), store.NewScanSource{Name: name, Location: location, Cron: "0 0 29 2 *", Tasks: []string{"ocr"}})
	if err != nil {
		t.Fatal(err)
	}
}

// request asks for a scan and gives the number that its end must pass.
func (a *archive) request(t *testing.T, name string) store.Scan {
	t.Helper()
	scan, err := a.store.RequestScan(t.Context(), "", name)
	if err != nil {
		t.Fatal(err)
	}
	return scan
}

// ended waits for a scan's end.
func (a *archive) ended(t *testing.T, name string, scan store.Scan) store.Scan {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		status, _, err := a.store.Source(t.Context(), "", name, 0)
		if err != nil {
			t.Fatal(err)
		}
		if status.Last != nil && status.Last.ID >= scan.ID {
			return *status.Last
		}
	}
	t.Fatal("the scan does not end")
	return store.Scan{}
}

func (a *archive) scan(t *testing.T, name string) store.Scan {
	t.Helper()
	return a.ended(t, name, a.request(t, name))
}

// wants compares what a scan found, its bytes left out.
func wants(t *testing.T, what string, got store.Scan, state store.ScanState, want store.ScanCounts) {
	t.Helper()
	counts := got.ScanCounts
	counts.Bytes = want.Bytes
	if got.State != state || counts != want {
		t.Errorf("%s: %s %+v, want %s %+v; %+v", what, got.State, got.ScanCounts, state, want, got.Failure)
	}
}

func (a *archive) count(t *testing.T, query string) (n int) {
	t.Helper()
	if err := a.numbers.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

const (
	allDocuments = "select count(*) from palimpsest.document"
	allContents  = "select count(distinct hash) from palimpsest.document"
)

// write makes a file that was left alone for a while.
func (a *archive) write(t *testing.T, name, content string, hoursAgo int) {
	t.Helper()
	file := filepath.Join(a.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	then := time.Now().Add(-time.Duration(hoursAgo) * time.Hour)
	if err := os.Chtimes(file, then, then); err != nil {
		t.Fatal(err)
	}
}

func (a *archive) put(t *testing.T, key, content string) {
	t.Helper()
	if _, err := a.client.PutObject(t.Context(), "archive", key, strings.NewReader(content), int64(len(content)), minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestFolderIsReadOncePerContent(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	w := a.worker()
	w.Limits.DocumentBytes = 100
	var fetched atomic.Int64
	w.Objects = counting{a.blobs, &fetched}
	a.scans(t, w, store.WorkerOptions{})
	a.add(t, "in", a.dir)
	a.write(t, "box 1/a.pdf", "first", 9)
	a.write(t, "box 1/b.pdf", "second", 9)
	a.write(t, "box 2/copy.pdf", "first", 9)
	a.write(t, "empty.pdf", "", 9)
	a.write(t, "large.pdf", strings.Repeat("x", 101), 9)
	a.write(t, "limit.pdf", strings.Repeat("x", 100), 9)
	a.write(t, ".hidden", "hidden", 9)
	a.write(t, "young.pdf", "young", 0)

	wants(t, "first scan", a.scan(t, "in"), store.ScanPartial, store.ScanCounts{Seen: 8, New: 3, Duplicate: 1, Failed: 2, Skipped: 2})
	if n := a.count(t, allDocuments); n != 3 {
		t.Errorf("%d documents", n)
	}
	status, failing, err := a.store.Source(t.Context(), "", "in", 10)
	if err != nil || len(failing) != 2 || status.Failing != 2 || status.Objects != 6 {
		t.Fatalf("%+v, %v, %v", status, failing, err)
	}
	if f := failing[0]; f.Key != "empty.pdf" || f.Failure.Kind != store.KindBadInput {
		t.Errorf("%+v", f)
	}
	if f := failing[1]; f.Key != "large.pdf" || f.Failure.Kind != store.KindTooLarge || f.Failure.Limit != "file_bytes" || !strings.Contains(f.Failure.Message, "100 bytes") {
		t.Errorf("%+v", f.Failure)
	}
	first := fetched.Load()
	wants(t, "nothing happened", a.scan(t, "in"), store.ScanPartial, store.ScanCounts{Seen: 8, Unchanged: 4, Failed: 2, Skipped: 2})
	if n := fetched.Load(); n != first || first != 4 {
		t.Errorf("%d files were read in the first scan, %d in the second", first, n-first)
	}

	a.write(t, "box 1/a.pdf", "first, changed", 8) // another content
	a.write(t, "box 1/b.pdf", "second", 7)         // touched
	a.write(t, "large.pdf", "now it is small", 7)  // mended
	a.write(t, "young.pdf", "young", 1)            // left alone for long enough
	if err := os.Remove(filepath.Join(a.dir, "limit.pdf")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(a.dir, "box 2"), filepath.Join(a.dir, "box 3")); err != nil {
		t.Fatal(err)
	}
	wants(t, "much happened", a.scan(t, "in"), store.ScanPartial,
		store.ScanCounts{Seen: 7, New: 2, Changed: 1, Duplicate: 1, Unchanged: 1, Failed: 1, Skipped: 1, Gone: 2})
	if n, m := a.count(t, allDocuments), a.count(t, allContents); n != 6 || m != 6 {
		t.Errorf("%d documents of %d contents", n, m)
	}
	wants(t, "nothing again", a.scan(t, "in"), store.ScanPartial, store.ScanCounts{Seen: 7, Unchanged: 5, Failed: 1, Skipped: 1})
	if n := a.count(t, "select count(*) from palimpsest.document d join palimpsest.run r on r.document = d.id join river.river_job j on j.id = d.job where d.name = 'b.pdf' and r.task = 'ocr' and j.kind = 'ingest'"); n != 1 {
		t.Errorf("b.pdf is queued %d times", n)
	}
}

// counting counts what is fetched.
type counting struct {
	Receiver
	n *atomic.Int64
}

func (c counting) Put(ctx context.Context, r io.Reader, o blob.PutOptions) (blob.Object, error) {
	c.n.Add(1)
	return c.Receiver.Put(ctx, r, o)
}

func TestBucketIsReadOncePerContent(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	a.scans(t, a.worker(), store.WorkerOptions{})
	a.add(t, "bucket", "s3://archive/in/")
	a.put(t, "in/a.pdf", "first")
	a.put(t, "in/b/b.pdf", "second")
	a.put(t, "in/b/again.pdf", "first")
	a.put(t, "elsewhere/c.pdf", "third")
	wants(t, "first scan", a.scan(t, "bucket"), store.ScanComplete, store.ScanCounts{Seen: 3, New: 2, Duplicate: 1})
	wants(t, "nothing happened", a.scan(t, "bucket"), store.ScanComplete, store.ScanCounts{Seen: 3, Unchanged: 3})
	a.put(t, "in/a.pdf", "first, changed")
	a.put(t, "in/d.pdf", "fourth")
	if err := a.client.RemoveObject(t.Context(), "archive", "in/b/b.pdf", minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	wants(t, "much happened", a.scan(t, "bucket"), store.ScanComplete, store.ScanCounts{Seen: 3, New: 1, Changed: 1, Unchanged: 1, Gone: 1})
	// A source over more of the bucket, and a folder with the same content, find only what is new to all.
	a.add(t, "whole", "s3://archive")
	wants(t, "the whole bucket", a.scan(t, "whole"), store.ScanComplete, store.ScanCounts{Seen: 4, New: 1, Duplicate: 3})
	a.add(t, "folder", a.dir)
	a.write(t, "first.pdf", "first", 1)
	wants(t, "a folder", a.scan(t, "folder"), store.ScanComplete, store.ScanCounts{Seen: 1, Duplicate: 1})
	if n, m := a.count(t, allDocuments), a.count(t, allContents); n != 5 || m != 5 {
		t.Errorf("%d documents of %d contents", n, m)
	}
	body, err := a.blobs.Bytes(t.Context(), "a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e", 100) // SHA-256 of "first"
	if err != nil || string(body) != "first" {
		t.Errorf("%q, %v", body, err)
	}
}

// A source is gone through in turns and steps, whose borders show nowhere.
func TestScansGoInTurns(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	w := a.worker()
	w.Limits = ScanLimits{TurnObjects: 7, StepObjects: 3, StepFetched: 2}
	a.scans(t, w, store.WorkerOptions{})
	const n = 40
	for i := range n {
		a.write(t, fmt.Sprintf("%d/%02d.pdf", i%3, i), fmt.Sprint("content ", i), 1)
	}
	a.add(t, "in", a.dir)
	scan := a.scan(t, "in")
	wants(t, "first scan", scan, store.ScanComplete, store.ScanCounts{Seen: n, New: n})
	if scan.Steps < n/2 {
		t.Errorf("%d steps", scan.Steps)
	}
	wants(t, "second scan", a.scan(t, "in"), store.ScanComplete, store.ScanCounts{Seen: n, Unchanged: n})
	if turns := a.count(t, "select coalesce((metadata ->> 'snoozes')::integer, 0) + 1 from river.river_job where kind = 'scan' order by id limit 1"); turns < n/7 {
		t.Errorf("the first scan took %d turns", turns)
	}
}

// What concerns the whole source ends its scan with a reason, and the next scan is none the worse.
func TestSourceThatCannotBeReadSaysWhy(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	w := a.worker()
	w.Runs = func(ctx context.Context, tasks []string, options map[string]string) ([]store.NewRun, error) {
		if options["mode"] == "gone" {
			return nil, &Failure{Failure: store.Failure{Kind: store.KindBadInput, Message: "there is no option mode"}, Final: true}
		}
		return ocrRuns(ctx, tasks, options)
	}
	a.scans(t, w, store.WorkerOptions{})
	inner := filepath.Join(a.dir, "later")
	a.add(t, "later", inner)
	a.add(t, "outside", "/etc")
	a.add(t, "no-bucket", "s3://nowhere")
	_, err := a.store.AddSource(t.Context(), store.NewScanSource{Name: "option", Location: a.dir, Cron: "@daily", Tasks: []string{"ocr"}, Options: map[string]string{"mode": "gone"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"later": "cannot be read", "outside": "--source-root", "no-bucket": "there is no bucket nowhere", "option": "no option mode",
	} {
		scan := a.scan(t, name)
		if scan.State != store.ScanFailed || scan.Failure == nil || scan.Failure.Kind != store.KindBadInput || !strings.Contains(scan.Failure.Message+scan.Failure.Hint, want) {
			t.Errorf("%s: %s, %+v, want %q", name, scan.State, scan.Failure, want)
		}
	}
	a.write(t, "later/a.pdf", "content", 1)
	wants(t, "when it is there", a.scan(t, "later"), store.ScanComplete, store.ScanCounts{Seen: 1, New: 1})
	// A folder that comes unmounted loses nothing.
	if err := os.Rename(inner, inner+" unmounted"); err != nil {
		t.Fatal(err)
	}
	if scan := a.scan(t, "later"); scan.State != store.ScanFailed || scan.Gone != 0 {
		t.Errorf("%+v", scan)
	}
	if err := os.Rename(inner+" unmounted", inner); err != nil {
		t.Fatal(err)
	}
	wants(t, "when it is there again", a.scan(t, "later"), store.ScanComplete, store.ScanCounts{Seen: 1, Unchanged: 1})
}

// A file that cannot be read today is tried again in the next scan, and its neighbours are taken today.
func TestFailingFileIsTriedAgain(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	w := a.worker()
	var broken atomic.Bool
	broken.Store(true)
	w.Open = func(location, credentials string) (sources.Place, error) {
		p, err := a.places.Open(location, credentials)
		return badDisk{p, &broken}, err
	}
	a.scans(t, w, store.WorkerOptions{})
	a.add(t, "in", a.dir)
	for _, name := range []string{"a", "bad", "c"} {
		a.write(t, name+".pdf", "content of "+name, 1)
	}
	wants(t, "a bad disk", a.scan(t, "in"), store.ScanPartial, store.ScanCounts{Seen: 3, New: 2, Failed: 1})
	_, failing, err := a.store.Source(t.Context(), "", "in", 10)
	if err != nil || len(failing) != 1 || failing[0].Failure.Kind != store.KindInternal || !strings.Contains(failing[0].Failure.Message, "input/output error") {
		t.Errorf("%+v, %v", failing, err)
	}
	wants(t, "still bad", a.scan(t, "in"), store.ScanPartial, store.ScanCounts{Seen: 3, Unchanged: 2, Failed: 1})
	broken.Store(false)
	wants(t, "mended", a.scan(t, "in"), store.ScanComplete, store.ScanCounts{Seen: 3, Unchanged: 2, New: 1})
}

// badDisk breaks off in the midst of bad.pdf.
type badDisk struct {
	sources.Place
	broken *atomic.Bool
}

func (b badDisk) Open(ctx context.Context, o sources.Object) (io.ReadCloser, error) {
	r, err := b.Place.Open(ctx, o)
	if err != nil || o.Name != "bad.pdf" || !b.broken.Load() {
		return r, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(r, 3), failing{syscall.EIO}), r}, nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Two processes' worth of workers, both with the schedule: every content becomes one document.
func TestTwoWorkersDoubleNothing(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	const n = 30
	for i := range n {
		a.write(t, fmt.Sprintf("%02d.pdf", i), fmt.Sprint("content ", i), 1)
		a.put(t, fmt.Sprintf("%02d.pdf", i), fmt.Sprint("content ", i))
	}
	a.add(t, "folder", a.dir)
	a.add(t, "bucket", "s3://archive")
	if _, err := a.numbers.Exec(t.Context(), "update palimpsest.source set next_at = now()"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w := a.worker()
		w.Limits = ScanLimits{TurnObjects: 5, StepObjects: 4, StepFetched: 3}
		a.scans(t, w, store.WorkerOptions{Schedule: true})
	}
	folder, bucket := a.ended(t, "folder", store.Scan{ID: 1}), a.ended(t, "bucket", store.Scan{ID: 1})
	if folder.New+bucket.New != n || folder.Duplicate+bucket.Duplicate != n || folder.Seen != n || bucket.Seen != n {
		t.Errorf("folder %+v, bucket %+v", folder.ScanCounts, bucket.ScanCounts)
	}
	for query, want := range map[string]int{allDocuments: n, allContents: n, "select count(*) from palimpsest.sighting": 2 * n,
		"select count(*) from palimpsest.scan": 2, "select count(*) from river.river_job where kind = 'ingest'": n} {
		if got := a.count(t, query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
}

const scannerEnv = "PALIMPSEST_TEST_SCANNER"

// scanner is what a process that is to die is told.
type scanner struct {
	DSN    string
	Server sources.S3
	Bucket string
	Roots  []string
	Die    failpoint.Point // where; empty: it is killed from outside
	After  int             // how many times it passes there first
}

// TestScannerProcess is no test: it is the process that the tests below start and kill.
func TestScannerProcess(t *testing.T) {
	told := os.Getenv(scannerEnv)
	if told == "" {
		t.Skip("is started by other tests, as a process of its own")
	}
	var m scanner
	if err := json.Unmarshal([]byte(told), &m); err != nil {
		t.Fatal(err)
	}
	var passed atomic.Int64
	failpoint.Arm(func(p failpoint.Point) {
		fmt.Println(p)
		if p == m.Die && int(passed.Add(1)) > m.After {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
	s, err := store.Open(t.Context(), m.DSN, store.Options{Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.Open(t.Context(), blob.Config{Endpoint: m.Server.Endpoint, AccessKey: m.Server.AccessKey,
		SecretKey: m.Server.SecretKey, Region: m.Server.Region, Bucket: m.Bucket, Locker: s.BlobLocks()})
	if err != nil {
		t.Fatal(err)
	}
	a := &archive{place: &place{store: s, blobs: blobs}, places: sources.Places{Roots: m.Roots}}
	a.scans(t, &ScanWorker{Scans: s, Objects: blobs, Open: a.places.Open, Runs: ocrRuns, Log: quiet,
		Limits: ScanLimits{TurnObjects: 6, StepObjects: 4, StepFetched: 2}}, store.WorkerOptions{})
	time.Sleep(5 * time.Minute) // killed long before
}

// start starts a process that scans; lines gives the fail points of scans it comes to.
func (a *archive) start(t *testing.T, die failpoint.Point, after int) (cmd *exec.Cmd, lines <-chan failpoint.Point) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	told, err := json.Marshal(scanner{DSN: a.dsn, Server: a.places.Own, Bucket: a.conf.Bucket, Roots: []string{a.dir}, Die: die, After: after})
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(exe, "-test.run=^TestScannerProcess$")
	cmd.Env = append(os.Environ(), scannerEnv+"="+string(told))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(chan failpoint.Point, 1000)
	go func() {
		defer close(said)
		for sc := bufio.NewScanner(out); sc.Scan(); {
			if strings.HasPrefix(sc.Text(), "scan: ") {
				said <- failpoint.Point(sc.Text())
			}
		}
	}()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, said
}

// checkOnce sees that n files with contents of their own were taken once each.
func (a *archive) checkOnce(t *testing.T, scan store.Scan, n int) {
	t.Helper()
	wants(t, "the scan that was cut short", scan, store.ScanComplete, store.ScanCounts{Seen: int64(n), New: int64(n)})
	for query, want := range map[string]int{allDocuments: n, allContents: n, "select count(*) from palimpsest.sighting": n,
		"select count(*) from palimpsest.source_object where seen_in = 1 and failure is null": n,
		"select count(*) from palimpsest.scan":                                                1, "select count(*) from river.river_job where kind = 'ingest'": n,
		"select count(*) from river.river_job where kind = 'scan'": 1} {
		if got := a.count(t, query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
}

// A process dies at each boundary; another goes on behind the last step, and nothing is lost, doubled or counted twice.
func TestScanGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("kills processes")
	}
	for _, die := range []failpoint.Point{failpoint.ScanBegun, failpoint.ScanFetched, failpoint.ScanStepped, failpoint.ScanEnded} {
		t.Run(string(die), func(t *testing.T) {
			t.Parallel()
			a := newArchive(t)
			const n = 20
			for i := range n {
				a.write(t, fmt.Sprintf("%d/%02d.pdf", i%3, i), fmt.Sprint("content ", i), 1)
			}
			a.add(t, "in", a.dir)
			scan := a.request(t, "in")
			after := 3
			if die == failpoint.ScanEnded || die == failpoint.ScanBegun {
				after = 0
			}
			cmd, lines := a.start(t, die, after)
			for range lines {
			}
			var exit *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("it did not die where it should: %v", err)
			}
			a.scans(t, a.worker(), store.WorkerOptions{})
			a.checkOnce(t, a.ended(t, "in", scan), n)
		})
	}
}

// Processes are killed one after another wherever they happen to be.
func TestScanSurvivesManyKills(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("kills processes")
	}
	a := newArchive(t)
	const n = 60
	for i := range n {
		a.write(t, fmt.Sprintf("%d/%02d.pdf", i%5, i), fmt.Sprint("content ", i), 1)
	}
	a.add(t, "in", a.dir)
	scan := a.request(t, "in")
	kills := 0
	// The database, not the process, says whether the scan has ended: the kill may fall between the two.
	for ; a.count(t, "select count(*) from palimpsest.scan where finished_at is null") > 0; kills++ {
		cmd, lines := a.start(t, "", 0)
		left := []int{1, 25, 8, 40, 17, 33}[kills%6]
		for line := range lines {
			if left--; left == 0 || line == failpoint.ScanEnded {
				_ = cmd.Process.Kill()
			}
		}
		_ = cmd.Wait() // it was killed: nothing to learn
		if kills > 9 { // the store gives a job up that outlives more processes
			t.Fatal("the scan makes no progress")
		}
	}
	a.checkOnce(t, a.ended(t, "in", scan), n)
	if kills < 3 {
		t.Errorf("only %d kills", kills)
	}
	t.Logf("%d processes were killed", kills)
}

// A key that the sources may list is one that the store keeps.
func TestKeysFitTheStore(t *testing.T) {
	t.Parallel()
	if sources.MaxKeyBytes != store.MaxKeyBytes {
		t.Errorf("%d and %d bytes", sources.MaxKeyBytes, store.MaxKeyBytes)
	}
	for _, kind := range []string{sources.BadInput, sources.TooLarge, sources.Internal} {
		if f := Classify(&sources.Error{Kind: kind, Message: "m", Hint: "h", Limit: "l"}); string(f.Kind) != kind || f.Hint != "h" || f.Limit != "l" || f.Final == f.Kind.Retryable() {
			t.Errorf("%s becomes %+v", kind, f)
		}
	}
}
