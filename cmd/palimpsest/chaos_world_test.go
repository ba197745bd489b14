package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"palimpsest.dev/api"
	"palimpsest.dev/internal/localpg"
	"palimpsest.dev/internal/locals3"
	"palimpsest.dev/internal/spawn"
	"palimpsest.dev/store"
	"palimpsest.dev/store/blob"
)

// The two sides of a world: one is left alone, the other is not. Database and bucket are called the same.
const (
	calm  = "calm"
	storm = "storm"
)

// world is a machine of a test's own, with servers that may be killed: a Postgres, an S3 server, and two databases with
// a bucket each that begin with the same documents under the same ids, so that what becomes of them must be the same
// byte for byte.
type world struct {
	dir          string
	model, other string     // the workers', and the one that reads some documents again
	documents    []document // in the order of the load

	mu sync.Mutex
	pg *localpg.Server
	s3 *locals3.Server
}

// document is a file that was submitted. Its ingest job waits until somebody lets it go.
type document struct {
	file
	id store.DocumentID
}

var quiet = slog.New(slog.DiscardHandler)

// patience is how long a test waits for something that is certain to happen. It is no measure of speed.
const patience = 5 * time.Minute

func newWorld(t *testing.T, load []file) *world {
	t.Helper()
	dir, err := os.MkdirTemp("", "chaos")
	check(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	check(t, os.Chmod(dir, 0o711)) // Postgres and plugins may run as other users
	w := &world{dir: dir, model: fastModel(t, 5), other: fastModel(t, 6)}
	check(t, w.startPostgres(t.Context()))
	t.Cleanup(func() { w.pg.Stop(context.Background()) })
	check(t, w.startS3(t.Context(), ""))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		w.s3.Stop(ctx)
	})
	w.exec(t, "palimpsest", "create database "+calm)
	check(t, store.Migrate(t.Context(), w.pg.Database(calm), quiet))
	w.submit(t, load)
	// Not by the default strategy: after a crash, sequences of a database copied through the log may give numbers again
	// that they gave before it (seen with PostgreSQL 15.18).
	w.exec(t, "palimpsest", "create database "+storm+" template "+calm+" strategy file_copy")
	blobs := w.blobs(t, storm, nil)
	for _, d := range w.documents {
		_, err := blobs.Put(t.Context(), bytes.NewReader(d.content), blob.PutOptions{})
		check(t, err)
	}
	return w
}

// startPostgres starts it as users have it: what was committed survives a kill.
func (w *world) startPostgres(ctx context.Context) error {
	pg, err := localpg.Start(ctx, localpg.Options{Dir: filepath.Join(w.dir, "pg"), Log: quiet})
	if err == nil {
		w.mu.Lock()
		w.pg = pg
		w.mu.Unlock()
	}
	return err
}

func (w *world) startS3(ctx context.Context, addr string) error {
	s3, err := locals3.Start(ctx, locals3.Options{Dir: filepath.Join(w.dir, "s3"), Addr: addr, Log: quiet})
	if err == nil {
		w.mu.Lock()
		w.s3 = s3
		w.mu.Unlock()
	}
	return err
}

func (w *world) servers() (*localpg.Server, *locals3.Server) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pg, w.s3
}

// submit hands the load in by HTTP and holds its ingest jobs back, as a job is that snoozes till tomorrow.
func (w *world) submit(t *testing.T, load []file) {
	t.Helper()
	server := w.start(t, calm, nil, "serve", "--listen", "127.0.0.1:0")
	client := &api.Client{BaseURL: server.said(t, regexp.MustCompile(`^Serving at (http://[0-9.:]+):`))}
	for _, f := range load {
		d, err := client.Submit(t.Context(), submission(f))
		check(t, err)
		w.documents = append(w.documents, document{f, store.DocumentID(d.ID)})
	}
	server.stop(t)
	w.exec(t, calm, "update river.river_job set state = 'scheduled', scheduled_at = now() + interval '1 day'")
}

func submission(f file) api.Submission {
	return api.Submission{Name: f.name, Tasks: []string{"ocr"}, Options: f.options, IdempotencyKey: f.name,
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(f.content)), nil }}
}

// letGo is the statement that lets a document go which submit held back.
const letGo = `update river.river_job set state = 'available', scheduled_at = now()
	where kind = 'ingest' and state = 'scheduled' and ($1 = '' or args ->> 'document_id' = $1)`

// exec runs a statement in a database.
func (w *world) exec(t *testing.T, database, sql string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), w.pg.Database(database))
	check(t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), sql, args...)
	check(t, err)
}

// pool connects to the database of a side; it connects again when the server was killed.
func (w *world) pool(t *testing.T, side string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), w.pg.Database(side)+"&pool_max_conns=2")
	check(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// blobs opens the bucket of a side; a clock, where there is one, makes everything in it older.
func (w *world) blobs(t *testing.T, side string, clock func() time.Time) *blob.Store {
	t.Helper()
	conf := w.s3.Config()
	conf.Bucket, conf.Now = side, clock
	s, err := blob.Open(t.Context(), conf)
	check(t, err)
	return s
}

// environment makes the test binary the program over one side.
func (w *world) environment(side string) []string {
	pg, s3 := w.servers()
	conf := s3.Config()
	return append(os.Environ(), commandEnv+"=1", "DATABASE_URL="+pg.Database(side), "PALIMPSEST_S3_ENDPOINT=http://"+conf.Endpoint,
		"PALIMPSEST_S3_BUCKET="+side, "PALIMPSEST_S3_ACCESS_KEY="+conf.AccessKey, "PALIMPSEST_S3_SECRET_KEY="+conf.SecretKey,
		"PALIMPSEST_MODEL="+w.model, "PALIMPSEST_THREADS=1", "GOMAXPROCS=2")
}

// program is the program as a process of its own.
type program struct {
	cmd  *exec.Cmd
	done <-chan struct{}
	out  *output
}

// start starts the program over one side of the world.
func (w *world) start(t *testing.T, side string, env []string, args ...string) *program {
	t.Helper()
	p, err := w.spawn(side, env, args...)
	check(t, err)
	t.Cleanup(p.kill)
	return p
}

func (w *world) spawn(side string, env []string, args ...string) (*program, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &program{cmd: exec.Command(exe, args...), out: &output{changed: make(chan struct{})}}
	p.cmd.Env = append(w.environment(side), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.WaitDelay = 5 * time.Second // a child of its own may hold the pipe
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	p.done, err = spawn.Start(p.cmd)
	return p, err
}

// work starts a worker.
func (w *world) work(t *testing.T, side string, env ...string) *program {
	t.Helper()
	return w.start(t, side, env, workArguments...)
}

var workArguments = []string{"work", "--read", "3"}

// said waits for a line of output and returns the expression's first group.
func (p *program) said(t *testing.T, line *regexp.Regexp) string {
	t.Helper()
	for timeout := time.After(patience); ; {
		text, changed := p.out.read()
		for l := range strings.Lines(text) {
			if m := line.FindStringSubmatch(l); m != nil {
				return m[1]
			}
		}
		select {
		case <-changed:
		case <-p.done:
			t.Fatalf("%v ended: %s", p.cmd.Args[1:], text)
		case <-timeout:
			t.Fatalf("%v does not start: %s", p.cmd.Args[1:], text)
		}
	}
}

// stop ends the program as Ctrl-C does.
func (p *program) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(os.Interrupt) // an error means that it has ended
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Errorf("%v does not stop", p.cmd.Args[1:])
		p.kill()
	}
}

func (p *program) kill() {
	_ = p.cmd.Process.Kill() // an error means that it has ended
	<-p.done
}

// killed reports whether the program ended by SIGKILL.
func (p *program) killed() bool {
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// output keeps what a program says.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed and replaced at every write
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.changed)
	o.changed = make(chan struct{})
	return o.text.Write(b)
}

func (o *output) read() (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String(), o.changed
}

// String is the end of what was said.
func (o *output) String() string {
	text, _ := o.read()
	return text[max(0, len(text)-4000):]
}

// open counts the documents of a side that have not ended.
const open = "select count(*) from palimpsest.document where state not in ('complete', 'partial', 'failed', 'cancelled')"

// finish waits until every document of a side has ended and no job is left.
func (w *world) finish(t *testing.T, side string, workers func() string) {
	t.Helper()
	pool := w.pool(t, side)
	var n, jobs int
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		err = pool.QueryRow(t.Context(), "select ("+open+"), (select count(*) from river.river_job where finalized_at is null)").Scan(&n, &jobs)
		if err == nil && n == 0 && jobs == 0 {
			return
		}
	}
	t.Fatalf("%s: %d documents do not end, %d jobs are left (%v); the workers say:\n%s", side, n, jobs, err, workers())
}

// processesOf lists the processes whose parent is pid and whose name begins so.
func processesOf(pid int, name string) (pids []int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		child, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		if err != nil {
			continue // ended meanwhile
		}
		// pid (name) state ppid ...; a name may hold anything.
		text := string(stat)
		from, to := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
		var state string
		var parent int
		if _, err := fmt.Sscan(text[to+1:], &state, &parent); err == nil && parent == pid && state != "Z" && strings.HasPrefix(text[from+1:to], name) {
			pids = append(pids, child)
		}
	}
	return pids
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
