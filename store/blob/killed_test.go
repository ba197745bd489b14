package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"palimpsest.dev/internal/locals3"
	"palimpsest.dev/store/blob"
)

// A server that is away, or goes away in the middle of an answer, is an outage and not the object's fault; when it is
// back, the same calls succeed.
func TestAKilledServerIsAnOutage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start := func(addr string) *locals3.Server {
		s, err := locals3.Start(t.Context(), locals3.Options{Dir: dir, Addr: addr, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			s.Stop(ctx)
		})
		return s
	}
	server := start("")
	s, err := blob.Open(t.Context(), server.Config())
	if err != nil {
		t.Fatal(err)
	}
	content := make([]byte, 32<<20) // more than buffers on the way hold
	rand.NewChaCha8([32]byte{1}).Read(content)
	o, err := s.PutBytes(t.Context(), content, "")
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Get(t.Context(), o.Hash)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(server.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-server.Done()
	if _, err := io.Copy(io.Discard, r); !errors.Is(err, blob.ErrUnavailable) {
		t.Errorf("reading on: %v", err)
	}
	calls := map[string]func() error{
		"put":  func() error { _, err := s.PutBytes(t.Context(), []byte("new"), "text/plain"); return err },
		"get":  func() error { _, err := s.Get(t.Context(), o.Hash); return err },
		"stat": func() error { _, err := s.Stat(t.Context(), o.Hash); return err },
		"ping": func() error { return s.Ping(t.Context()) },
		"sweep": func() error {
			_, err := s.Sweep(t.Context(), func(context.Context, []string) (map[string]bool, error) { return nil, nil }, blob.MinSweepAge)
			return err
		},
	}
	type said struct {
		call string
		err  error
	}
	answers := make(chan said)
	for name, call := range calls { // at once, because each tries for some seconds
		go func() { answers <- said{name, call()} }()
	}
	for range calls {
		if a := <-answers; !errors.Is(a.err, blob.ErrUnavailable) {
			t.Errorf("%s: %v", a.call, a.err)
		}
	}
	start(server.Config().Endpoint)
	for name, call := range calls {
		if err := call(); err != nil {
			t.Errorf("%s, when the server is back: %v", name, err)
		}
	}
	if again, err := s.Bytes(t.Context(), o.Hash, 64<<20); err != nil || !bytes.Equal(again, content) {
		t.Errorf("after the outage: %d bytes, %v", len(again), err)
	}
}
