// Package blobtest is the conformance suite of the blob store: what Palimpsest needs of an S3 server and promises to
// its own callers. Run it against any server before trusting documents to it.
package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"palimpsest.dev/store/blob"
)

// Run runs the suite. Config gives, for each call, the address of a bucket that is empty or does not exist.
func Run(t *testing.T, config func(t *testing.T) blob.Config) {
	for name, test := range map[string]func(*testing.T, blob.Config){
		"what is put comes back":              roundTrip,
		"content is stored once":              storedOnce,
		"writers at the same time":            atOnce,
		"limits":                              limits,
		"a broken upload leaves nothing":      brokenUpload,
		"hashes are checked":                  badHashes,
		"prefixes keep apart":                 prefixes,
		"wrong credentials":                   credentials,
		"the sweep removes what is unnamed":   sweepUnnamed,
		"the sweep leaves what is used again": sweepUsedAgain,
		"the sweep goes through many":         sweepMany,
		"published files":                     published,
		"published paths are checked":         badPaths,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, config(t))
		})
	}
}

func open(t *testing.T, c blob.Config) *blob.Store {
	t.Helper()
	s, err := blob.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t *testing.T, s *blob.Store, content string) blob.Object {
	t.Helper()
	o, err := s.PutBytes(t.Context(), []byte(content), "text/plain")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func there(t *testing.T, s *blob.Store, hash string) bool {
	t.Helper()
	_, err := s.Stat(t.Context(), hash)
	if err != nil && !errors.Is(err, blob.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

func roundTrip(t *testing.T, c blob.Config) {
	s := open(t, c)
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), (17<<20)/16) // above minio-go's part size
	for name, content := range map[string][]byte{"empty": {}, "one byte": {0}, "text": []byte("häß\x00lich"), "17 MiB": big} {
		// A reader that gives few bytes at a time and whose length nobody knows, as an upload is.
		o, err := s.Put(t.Context(), iotest.HalfReader(bytes.NewReader(content)), blob.PutOptions{MediaType: "image/png"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if o.Hash != hashOf(content) || o.Bytes != int64(len(content)) || o.MediaType != "image/png" {
			t.Errorf("%s: stored as %+v", name, o)
		}
		got, err := s.Bytes(t.Context(), o.Hash, 1<<30)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes came back, %v", name, len(got), err)
		}
		stat, err := s.Stat(t.Context(), o.Hash)
		if err != nil || stat.Bytes != int64(len(content)) || stat.MediaType != "image/png" || stat.Modified.IsZero() {
			t.Errorf("%s: stat %+v, %v", name, stat, err)
		}
	}
	missing := hashOf([]byte("never stored"))
	if _, err := s.Get(t.Context(), missing); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("get of what is not there: %v", err)
	}
	if there(t, s, missing) {
		t.Error("stat finds what is not there")
	}
}

func storedOnce(t *testing.T, c blob.Config) {
	s := open(t, c)
	first := put(t, s, "same")
	before, err := s.Stat(t.Context(), first.Hash)
	if err != nil {
		t.Fatal(err)
	}
	if again := put(t, s, "same"); again.Hash != first.Hash {
		t.Errorf("hashes %s and %s", first.Hash, again.Hash)
	}
	after, err := s.Stat(t.Context(), first.Hash)
	if err != nil || !after.Modified.Equal(before.Modified) {
		t.Errorf("young content was written again: %v, then %v, %v", before.Modified, after.Modified, err)
	}
}

func atOnce(t *testing.T, c blob.Config) {
	s := open(t, c)
	content := strings.Repeat("x", 100_000)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := s.PutBytes(t.Context(), []byte(content), ""); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if b, err := s.Bytes(t.Context(), hashOf([]byte(content)), 1<<20); err != nil || string(b) != content {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

func limits(t *testing.T, c blob.Config) {
	s := open(t, c)
	if _, err := s.Put(t.Context(), strings.NewReader("12345"), blob.PutOptions{MaxBytes: 5}); err != nil {
		t.Errorf("as long as allowed: %v", err)
	}
	_, err := s.Put(t.Context(), strings.NewReader("123456"), blob.PutOptions{MaxBytes: 5})
	if !errors.Is(err, blob.ErrTooLarge) {
		t.Errorf("a byte too many: %v", err)
	}
	if there(t, s, hashOf([]byte("123456"))) {
		t.Error("what was too long is stored")
	}
	if _, err := s.Bytes(t.Context(), hashOf([]byte("12345")), 4); !errors.Is(err, blob.ErrTooLarge) {
		t.Errorf("read of more than asked for: %v", err)
	}
}

func brokenUpload(t *testing.T, c blob.Config) {
	s := open(t, c)
	broken := io.MultiReader(strings.NewReader("the first half"), iotest.ErrReader(errors.New("line went dead")))
	if _, err := s.Put(t.Context(), broken, blob.PutOptions{}); err == nil || !strings.Contains(err.Error(), "line went dead") {
		t.Errorf("broken upload: %v", err)
	}
	if there(t, s, hashOf([]byte("the first half"))) {
		t.Error("half an upload is stored")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.PutBytes(ctx, []byte("cancelled"), ""); err == nil {
		t.Error("an upload went through after its context had ended")
	}
}

func badHashes(t *testing.T, c blob.Config) {
	s := open(t, c)
	for _, hash := range []string{"", "a", strings.Repeat("A", 64), "../" + strings.Repeat("a", 61), strings.Repeat("a", 65)} {
		if _, err := s.Get(t.Context(), hash); !errors.Is(err, blob.ErrInvalid) {
			t.Errorf("get %q: %v", hash, err)
		}
		if _, err := s.Stat(t.Context(), hash); !errors.Is(err, blob.ErrInvalid) {
			t.Errorf("stat %q: %v", hash, err)
		}
	}
}

func prefixes(t *testing.T, c blob.Config) {
	one, two := c, c
	one.Prefix, two.Prefix = "one", "/two/deep/"
	a, b := open(t, one), open(t, two)
	o := put(t, a, "mine")
	if there(t, b, o.Hash) {
		t.Error("an object shows under another prefix")
	}
	if key := b.Key(o.Hash); key != "two/deep/objects/"+o.Hash[:2]+"/"+o.Hash {
		t.Errorf("key %s", key)
	}
}

func credentials(t *testing.T, c blob.Config) {
	c.SecretKey = "wrong"
	if _, err := blob.Open(t.Context(), c); err == nil {
		t.Error("the server takes a wrong secret")
	}
}

// later is a clock that runs ahead, which makes all objects old.
func later(d time.Duration) func() time.Time {
	return func() time.Time { return time.Now().Add(d) }
}

// none names nothing.
func none(context.Context, []string) (map[string]bool, error) { return nil, nil }

func sweepUnnamed(t *testing.T, c blob.Config) {
	s := open(t, c)
	kept, lost := put(t, s, "kept"), put(t, s, "lost")
	only := func(_ context.Context, hashes []string) (map[string]bool, error) {
		return map[string]bool{kept.Hash: true}, nil
	}
	if _, err := s.Sweep(t.Context(), only, time.Hour); !errors.Is(err, blob.ErrInvalid) {
		t.Errorf("sweep of objects that jobs may hold: %v", err)
	}
	if done, err := s.Sweep(t.Context(), none, blob.MinSweepAge); err != nil || done.Seen != 2 || done.Removed != 0 {
		t.Errorf("sweep of young objects: %+v, %v", done, err)
	}
	if err := s.PublishDocument(t.Context(), blob.Manifest{Document: "00000000-0000-7000-8000-000000000001", Name: "d", Hash: kept.Hash}); err != nil {
		t.Error(err)
	}
	c.Now = later(2 * blob.MinSweepAge)
	old := open(t, c)
	failing := func(context.Context, []string) (map[string]bool, error) { return nil, errors.New("database is gone") }
	if _, err := old.Sweep(t.Context(), failing, blob.MinSweepAge); err == nil || !there(t, s, lost.Hash) {
		t.Errorf("sweep that cannot ask what is named: %v", err)
	}
	done, err := old.Sweep(t.Context(), only, blob.MinSweepAge)
	if err != nil || done != (blob.Swept{Seen: 2, Removed: 1, Bytes: 4}) {
		t.Errorf("sweep: %+v, %v", done, err)
	}
	if !there(t, s, kept.Hash) || there(t, s, lost.Hash) {
		t.Error("the sweep took the wrong one")
	}
}

// turnstile is a lock that reports who waits.
type turnstile struct {
	mu      sync.Mutex
	waiting chan struct{}
}

func (l *turnstile) Lock(context.Context, string) (func(), error) {
	l.waiting <- struct{}{}
	l.mu.Lock()
	return l.mu.Unlock, nil
}

// A writer finds its object there at the moment in which the sweep is about to remove it: whoever gets the lock
// first, the object is there in the end.
func sweepUsedAgain(t *testing.T, c blob.Config) {
	gate := &turnstile{waiting: make(chan struct{}, 10)}
	c.Locker, c.Now = gate, later(2*blob.MinSweepAge)
	s := open(t, c)
	o := put(t, s, "used again")
	asked := 0
	var writer sync.WaitGroup
	named := func(context.Context, []string) (map[string]bool, error) {
		if asked++; asked == 2 { // under the lock, just before the removal
			<-gate.waiting // the sweep's own
			writer.Go(func() {
				if _, err := s.PutBytes(context.WithoutCancel(t.Context()), []byte("used again"), "text/plain"); err != nil {
					t.Error(err)
				}
			})
			<-gate.waiting // the writer found the object and waits for the lock
		}
		return nil, nil
	}
	done, err := s.Sweep(t.Context(), named, blob.MinSweepAge)
	writer.Wait()
	if err != nil || done.Removed != 1 || asked != 2 {
		t.Errorf("sweep: %+v, asked %d times, %v", done, asked, err)
	}
	if !there(t, s, o.Hash) {
		t.Error("a writer was told that its object is stored, and it is gone")
	}
}

func sweepMany(t *testing.T, c blob.Config) {
	c.Now = later(2 * blob.MinSweepAge)
	s := open(t, c)
	const n = 30
	for i := range n {
		put(t, s, fmt.Sprint("object ", i))
	}
	done, err := s.Sweep(t.Context(), none, blob.MinSweepAge)
	if err != nil || done.Removed != n {
		t.Errorf("sweep: %+v, %v", done, err)
	}
	if done, err := s.Sweep(t.Context(), none, blob.MinSweepAge); err != nil || done.Seen != 0 {
		t.Errorf("second sweep: %+v, %v", done, err)
	}
}

func published(t *testing.T, c blob.Config) {
	s := open(t, c)
	hocr, source := put(t, s, "<html>"), put(t, s, "%PDF")
	m := blob.Manifest{
		Document: "0198f2c4-0000-7000-8000-0000deadbeef", Name: "Käse & Brot.pdf", Hash: source.Hash, State: "complete", Pages: 1,
		Files: []blob.Entry{{Path: blob.PagePath(1, "ocr", "page.hocr"), Page: 1, Task: "ocr", Name: "page.hocr", MediaType: "text/html", Hash: hocr.Hash, Bytes: 6}},
	}
	for range 2 { // a finish job may run twice
		if err := s.PublishDocument(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	folder := blob.Folder(m.Name, m.Document)
	if folder != "documents/Käse___Brot.pdf-deadbeef" {
		t.Errorf("folder %s", folder)
	}
	if b, err := s.Published(t.Context(), folder, "page-0001/ocr/page.hocr", 100); err != nil || string(b) != "<html>" {
		t.Errorf("published file: %q, %v", b, err)
	}
	b, err := s.Published(t.Context(), folder, blob.ManifestName, 1<<20)
	if err != nil || !strings.Contains(string(b), `"source": "`+s.Key(source.Hash)) || !strings.Contains(string(b), hocr.Hash) {
		t.Errorf("manifest: %s, %v", b, err)
	}
	if err := s.Publish(t.Context(), folder, "page-0001/ocr/page.txt", hashOf([]byte("none"))); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("publish of what is not there: %v", err)
	}
	if err := s.Unpublish(t.Context(), folder); err != nil {
		t.Error(err)
	}
	if _, err := s.Published(t.Context(), folder, blob.ManifestName, 100); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("manifest after its removal: %v", err)
	}
	if !there(t, s, hocr.Hash) {
		t.Error("the object went with its copy")
	}
}

func badPaths(t *testing.T, c blob.Config) {
	s := open(t, c)
	o := put(t, s, "x")
	for _, path := range []string{"", "page", "a/page", "../page.txt", "a/../page.txt", "/page.txt", "a//page.txt", "a.b/page.txt", "A/page.txt", "a/.txt", "a/b/c/d/e/f/page.txt", "a/page.txt/"} {
		if err := s.Publish(t.Context(), "documents/d-1", path, o.Hash); !errors.Is(err, blob.ErrInvalid) {
			t.Errorf("path %q: %v", path, err)
		}
	}
	for _, folder := range []string{"", "documents/", "objects/aa", "documents/a/b", "documents"} {
		if err := s.Unpublish(t.Context(), folder); !errors.Is(err, blob.ErrInvalid) {
			t.Errorf("unpublish %q: %v", folder, err)
		}
	}
}
