package locals3

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"palimpsest.dev/store/blob"
)

func TestMain(m *testing.M) {
	if Child() {
		os.Exit(RunChild())
	}
	os.Exit(m.Run())
}

var quiet = slog.New(slog.DiscardHandler)

func start(t *testing.T, dir string) (*Server, *blob.Store) {
	t.Helper()
	s, err := Start(t.Context(), Options{Dir: dir, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	store, err := blob.Open(t.Context(), s.Config())
	if err != nil {
		t.Fatal(err)
	}
	return s, store
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func TestObjectsSurviveRestarts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, store := start(t, dir)
	o, err := store.PutBytes(t.Context(), []byte("kept"), "text/plain")
	if err != nil {
		t.Fatal(err)
	}
	stop(t, s)
	if err := store.Ping(t.Context()); err == nil {
		t.Error("a stopped server answers")
	}
	s, store = start(t, dir)
	if b, err := store.Bytes(t.Context(), o.Hash, 100); err != nil || string(b) != "kept" {
		t.Errorf("after a restart: %q, %v", b, err)
	}
	// Killed, it is noticed, and what was acknowledged is there at the next start.
	if err := syscall.Kill(s.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	_, store = start(t, dir)
	if b, err := store.Bytes(t.Context(), o.Hash, 100); err != nil || string(b) != "kept" {
		t.Errorf("after a kill: %q, %v", b, err)
	}
}

func TestCredentialsAreRandomAndPrivate(t *testing.T) {
	t.Parallel()
	one, two := t.TempDir(), t.TempDir()
	a, err := prepare(one)
	if err != nil {
		t.Fatal(err)
	}
	b, err := prepare(two)
	if err != nil {
		t.Fatal(err)
	}
	if a.SecretKey == b.SecretKey || len(a.SecretKey) < 40 {
		t.Errorf("secrets %q and %q", a.SecretKey, b.SecretKey)
	}
	if again, err := prepare(one); err != nil || again != a {
		t.Errorf("credentials changed at the second start: %v", err)
	}
	info, err := os.Stat(filepath.Join(one, "credentials.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("credentials have mode %v, %v", info.Mode(), err)
	}
}

func TestTheCurrentDirectoryStays(t *testing.T) {
	t.Parallel()
	before, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	start(t, t.TempDir())
	if after, err := os.Getwd(); err != nil || after != before {
		t.Errorf("directory is %s, was %s, %v", after, before, err)
	}
}

func TestAnAddressInUseIsSaid(t *testing.T) {
	t.Parallel()
	s, _ := start(t, t.TempDir())
	_, err := Start(t.Context(), Options{Dir: t.TempDir(), Addr: s.Config().Endpoint, Log: quiet})
	if err == nil || !strings.Contains(err.Error(), s.Config().Endpoint) {
		t.Errorf("second server at one address: %v", err)
	}
}
