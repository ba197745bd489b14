package blob_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"palimpsest.dev/internal/locals3"
	"palimpsest.dev/store/blob"
	"palimpsest.dev/store/blob/blobtest"
)

func TestMain(m *testing.M) {
	if locals3.Child() {
		os.Exit(locals3.RunChild())
	}
	os.Exit(m.Run())
}

// server starts an S3 server over a folder, with the metadata kept as asked for.
func server(t testing.TB, metadata string) (dir string, c blob.Config) {
	t.Helper()
	dir = t.TempDir()
	if metadata == "sidecar" {
		settings := `{"access_key":"key","secret_key":"secret-of-a-test","metadata":"sidecar"}`
		if err := os.WriteFile(filepath.Join(dir, "credentials.json"), []byte(settings), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := locals3.Start(t.Context(), locals3.Options{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return dir, s.Config()
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, metadata := range []string{"xattr", "sidecar"} {
		t.Run(metadata, func(t *testing.T) {
			t.Parallel()
			_, c := server(t, metadata)
			var n atomic.Int32
			blobtest.Run(t, func(t *testing.T) blob.Config {
				c := c
				c.Bucket = fmt.Sprintf("suite-%d", n.Add(1))
				return c
			})
		})
	}
}

// An object that rots on the disk is noticed before its last byte is handed on.
func TestCorruptionIsNoticed(t *testing.T) {
	t.Parallel()
	dir, c := server(t, "xattr")
	s, err := blob.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	o, err := s.PutBytes(t.Context(), []byte("as it was"), "text/plain")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "data", c.Bucket, filepath.FromSlash(s.Key(o.Hash)))
	if err := os.WriteFile(file, []byte("as it is."), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := s.Get(t.Context(), o.Hash)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err := io.ReadAll(r); !errors.Is(err, blob.ErrCorrupt) {
		t.Errorf("read %q, %v, want ErrCorrupt", b, err)
	}
}

// By the clock of the server's own disk: an object written long ago and now again is young, one left alone is not.
func TestWritingAgainMakesYoung(t *testing.T) {
	t.Parallel()
	dir, c := server(t, "xattr")
	s, err := blob.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	var objects []blob.Object
	for _, content := range []string{"left alone", "written again"} {
		o, err := s.PutBytes(t.Context(), []byte(content), "text/plain")
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
		long := time.Now().Add(-3 * blob.MinSweepAge)
		if err := os.Chtimes(filepath.Join(dir, "data", c.Bucket, filepath.FromSlash(s.Key(o.Hash))), long, long); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Put(t.Context(), strings.NewReader("written again"), blob.PutOptions{MediaType: "text/plain"}); err != nil {
		t.Fatal(err)
	}
	nothing := func(context.Context, []string) (map[string]bool, error) { return nil, nil }
	done, err := s.Sweep(t.Context(), nothing, blob.MinSweepAge)
	if err != nil || done.Removed != 1 {
		t.Errorf("sweep: %+v, %v", done, err)
	}
	if _, err := s.Stat(t.Context(), objects[0].Hash); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("what was left alone: %v", err)
	}
	if _, err := s.Stat(t.Context(), objects[1].Hash); err != nil {
		t.Errorf("what was written again: %v", err)
	}
}

// lines takes what net/http logs, one line a call.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	select {
	case l <- string(b):
	default:
	}
	return len(b), nil
}

// An empty object must not leave bytes on the connection that the server takes for a request of its own; net/http
// then logs an answer nobody asked for. Not parallel, because the log is the process's.
func TestEmptyObjectLeavesTheConnectionClean(t *testing.T) {
	_, c := server(t, "xattr")
	s, err := blob.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	said := make(lines, 16)
	log.SetOutput(said)
	defer log.SetOutput(os.Stderr)
	if _, err := s.PutBytes(t.Context(), nil, "text/plain"); err != nil {
		t.Fatal(err)
	}
	select {
	case line := <-said:
		t.Error(line)
	case <-time.After(500 * time.Millisecond):
	}
}

func TestFolderNames(t *testing.T) {
	t.Parallel()
	const id = "0198f2c4-0000-7000-8000-0000deadbeef"
	for name, want := range map[string]string{
		"scan.pdf":               "scan.pdf",
		"../../etc/passwd":       "etc_passwd",
		"a b\tc?.pdf":            "a_b_c_.pdf",
		"日本 1.tif":               "日本_1.tif",
		"...":                    "document",
		"":                       "document",
		"\xff\x00":               "document",
		strings.Repeat("x", 300): strings.Repeat("x", 80),
	} {
		if got := blob.Folder(name, id); got != "documents/"+want+"-deadbeef" {
			t.Errorf("Folder(%q) = %s", name, got)
		}
	}
}

func BenchmarkPut(b *testing.B) {
	_, c := server(b, "xattr")
	s, err := blob.Open(b.Context(), c)
	if err != nil {
		b.Fatal(err)
	}
	page := make([]byte, 200_000)
	b.SetBytes(int64(len(page)))
	for i := 0; b.Loop(); i++ {
		copy(page, fmt.Sprintf("%020d", i))
		if _, err := s.PutBytes(b.Context(), page, "image/png"); err != nil {
			b.Fatal(err)
		}
	}
}
