// Package localpg runs a private Postgres on this machine: it finds or fetches the programs, makes the cluster at the
// first start, and starts and stops the server, which listens on a Unix socket only that its owner alone may open.
// What it holds survives restarts, crashes and machines that lose power.
//
// Postgres refuses to run as root, so root hands the cluster to user postgres, or nobody where there is none.
package localpg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// superuser and database are fixed: whoever may open the socket owns the cluster anyhow.
	superuser = "palimpsest"
	database  = "palimpsest"
	port      = "5432" // names the socket file; there is no TCP
	// startWithin bounds the time until the server answers; recovery after a crash may take most of it.
	startWithin = 2 * time.Minute
	// maxSocketPath is what a Unix socket's address holds (sun_path, 108 with its final zero byte).
	maxSocketPath = 107
)

// Options say where the cluster lies and how it is run.
type Options struct {
	Dir string       // made when missing; every folder above must be open (o+x) to the server's user
	Log *slog.Logger // nil means slog.Default()

	// Detach leaves the server running when this process ends, and takes one that runs already as it is. Otherwise
	// the folder belongs to this process while the server runs, and the server ends with it.
	Detach bool
	// Unsafe trades durability for speed: what a crash of the machine would lose is only a test's.
	Unsafe bool
	// CacheDir is where programs are fetched to when the machine has none; empty means Dir/programs.
	CacheDir string

	fetched bool // tests: act as if the machine had none
}

// Server is a running Postgres.
type Server struct {
	dir    string // Options.Dir, absolute
	socket string // folder of the socket
	lock   *os.File
	proc   *process // nil where it was running already
	pid    int
}

// Start starts the cluster in o.Dir, having made it when there is none, and waits until it answers.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("localpg: %s: %w", o.Dir, err)
	}
	s := &Server{dir: dir}
	if err := s.start(ctx, o); err != nil {
		s.unlock()
		return nil, fmt.Errorf("localpg: Postgres in %s: %w", dir, err)
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, o Options) error {
	who, err := serverUser()
	if err != nil {
		return err
	}
	if err := s.makeFolders(who); err != nil {
		return err
	}
	if s.lock, err = lockFile(filepath.Join(s.dir, "lock"), o.Detach); err != nil {
		return err
	}
	if o.Detach {
		// The lock is only held while starting, so that of many processes one starts the server and all use it.
		defer s.unlock()
	}
	pid, err := s.running()
	if err != nil {
		return err
	}
	if pid != 0 && o.Detach {
		s.pid = pid
		return s.wait(ctx, nil)
	}
	if pid != 0 {
		// We hold the lock, so it has outlived the process that started it, most often by the moment its shutdown
		// takes. One of our own ends with us, and has today's settings.
		o.Log.InfoContext(ctx, "a Postgres left behind is stopped", "dir", s.dir, "pid", pid)
		if err := stopPid(ctx, pid); err != nil {
			return err
		}
	}
	if err := endStragglers(ctx, s.dataDir()); err != nil {
		return err
	}
	programs, err := findPrograms(ctx, s.dataDir(), o, who)
	if err != nil {
		return err
	}
	if err := s.initialise(ctx, programs, who, o); err != nil {
		return err
	}
	s.removeStale()
	if s.proc, err = startProcess(programs, s.arguments(o), s.logDir(), who, o.Detach); err != nil {
		return err
	}
	s.pid = s.proc.pid
	if err := s.wait(ctx, s.proc); err != nil {
		s.proc.kill()
		return err
	}
	o.Log.InfoContext(ctx, "Postgres runs", "programs", programs.bin, "dir", s.dir, "pid", s.pid)
	return nil
}

func (s *Server) dataDir() string { return filepath.Join(s.dir, "data") }
func (s *Server) logDir() string  { return filepath.Join(s.dir, "log") }

// makeFolders makes what the server owns: its data, its log and the folder of its socket. Only the owner may enter
// them, which is what protects a server that trusts all who reach it.
func (s *Server) makeFolders(who user) error {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	s.socket = filepath.Join(s.dir, "sock")
	if len(s.socketFile()) > maxSocketPath {
		// Known by the path it stands for, so that a server left running is found again.
		s.socket = filepath.Join(os.TempDir(), fmt.Sprintf("palimpsest-pg-%d-%s", os.Getuid(), shortHash(s.dir)))
	}
	if err := who.canReach(s.dir); err != nil {
		return err
	}
	for _, d := range []string{s.dataDir(), s.logDir(), s.socket} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return err
		}
		if err := who.own(d); err != nil {
			return err
		}
		if err := who.owns(d); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) socketFile() string { return filepath.Join(s.socket, ".s.PGSQL."+port) }

// arguments are the server's settings. They stand on the command line rather than in a file, so that a new version
// of this program changes them for clusters that exist.
func (s *Server) arguments(o Options) []string {
	set := []string{
		"listen_addresses=", "unix_socket_directories=" + s.socket, "unix_socket_permissions=0700", "port=" + port,
		"max_connections=200", "shared_buffers=128MB", "max_wal_size=1GB",
		"logging_collector=on", "log_directory=" + s.logDir(), "log_min_messages=warning",
		// One file for each day of the week, begun anew every week: the log cannot fill the disk.
		"log_filename=postgres-%a.log", "log_truncate_on_rotation=on", "log_rotation_age=1d", "log_rotation_size=0",
	}
	if o.Unsafe {
		set = append(set, "fsync=off", "synchronous_commit=off", "full_page_writes=off")
	}
	args := []string{"-D", s.dataDir()}
	for _, v := range set {
		args = append(args, "-c", v)
	}
	return args
}

// DSN is the address of the private database, for pgx and libpq.
func (s *Server) DSN() string { return s.Database(database) }

// Database is the address of another database of the cluster.
func (s *Server) Database(name string) string {
	q := url.Values{"host": {s.socket}, "port": {port}, "user": {superuser}}
	return (&url.URL{Scheme: "postgres", Path: "/" + name, RawQuery: q.Encode()}).String()
}

// Pid is the server's process.
func (s *Server) Pid() int { return s.pid }

// wait waits until the server answers; an answer like "the database system is starting up" is none yet.
func (s *Server) wait(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	var ended <-chan struct{}
	if p != nil {
		ended = p.done
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("the server ended at once: %s", p.output())
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w (%v)", ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// answers connects, and makes the private database when it is missing: a crash may have come between initdb and that.
func (s *Server) answers(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.Database("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var there bool
	if err := conn.QueryRow(ctx, "select exists (select from pg_database where datname = $1)", database).Scan(&there); err != nil || there {
		return err
	}
	_, err = conn.Exec(ctx, "create database "+database)
	return err
}

// Stop ends the server in good order (a "fast" shutdown: open transactions are rolled back) and gives the folder
// back. It kills the server when ctx ends first; the next start then recovers.
func (s *Server) Stop(ctx context.Context) error {
	defer s.unlock()
	if s.proc != nil {
		return s.proc.stop(ctx)
	}
	return stopPid(ctx, s.pid)
}

func (s *Server) unlock() {
	if s.lock != nil {
		_ = s.lock.Close()
		s.lock = nil
	}
}

// running is the pid of the server that runs in the folder, or 0.
func (s *Server) running() (int, error) {
	b, err := os.ReadFile(filepath.Join(s.dataDir(), "postmaster.pid"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	// First line the pid, second the data folder.
	lines := strings.SplitN(string(b), "\n", 3)
	pid := atoi(lines[0])
	if pid <= 1 || len(lines) < 2 || !isServer(pid, lines[1]) {
		return 0, nil
	}
	return pid, nil
}

// removeStale removes what a server that was killed left behind. Postgres checks the same, but takes any process that
// has by now been given the old number for a server; we have looked at the process itself.
func (s *Server) removeStale() {
	_ = os.Remove(filepath.Join(s.dataDir(), "postmaster.pid"))
	_ = os.Remove(s.socketFile())
	_ = os.Remove(s.socketFile() + ".lock")
}
