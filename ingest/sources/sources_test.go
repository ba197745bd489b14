package sources

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"palimpsest.dev/internal/locals3"
)

func TestMain(m *testing.M) {
	if locals3.Child() {
		os.Exit(locals3.RunChild())
	}
	os.Exit(m.Run())
}

// write makes a file that was left alone for an hour.
func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
}

// list gives the keys behind a mark, each with why it is not taken.
func list(t *testing.T, p Place, after string) (lines []string) {
	t.Helper()
	for o, err := range p.List(t.Context(), after) {
		switch {
		case err != nil:
			t.Fatal(err)
		case o.Err != nil:
			lines = append(lines, o.Key+": "+o.Err.Limit+" "+o.Err.Message)
		case o.Skip != "":
			lines = append(lines, o.Key+": "+o.Skip)
		default:
			lines = append(lines, o.Key)
		}
	}
	return lines
}

func openPlace(t *testing.T, p Places, location string) Place {
	t.Helper()
	place, err := p.Open(location, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { place.Close() })
	return place
}

func TestFolderListsWhatIsToBeTaken(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dir := filepath.Join(root, "in")
	for _, name := range []string{"b.pdf", "a/2.tif", "a/1.tif", "a-c.pdf", "a.pdf", "a0.pdf", ".hidden/x.pdf", ".DS_Store",
		"~$letter.doc", "x.pdf.part", "y.PDF.tmp", "z~", "Thumbs.db", "sub/deep/er/Ünïcode name.pdf"} {
		write(t, filepath.Join(dir, name), name)
	}
	write(t, filepath.Join(root, "secret.pdf"), "secret")
	if err := os.WriteFile(filepath.Join(dir, "young.pdf"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"link.pdf": filepath.Join(root, "secret.pdf"), "inner.pdf": "b.pdf", "etc": "/etc", "up": ".."} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.pdf"), 0o644); err != nil {
		t.Fatal(err)
	}
	p := openPlace(t, Places{Roots: []string{root}}, dir)
	want := []string{".DS_Store: hidden", ".hidden/: hidden", "Thumbs.db: temporary", "a-c.pdf", "a.pdf", "a/1.tif", "a/2.tif", "a0.pdf", "b.pdf",
		"etc: link", "inner.pdf: link", "link.pdf: link", "pipe.pdf: not a regular file", "sub/deep/er/Ünïcode name.pdf",
		"up: link", "x.pdf.part: temporary", "y.PDF.tmp: temporary", "young.pdf: written a moment ago", "z~: temporary", "~$letter.doc: temporary"}
	all := list(t, p, "")
	if !slices.Equal(all, want) {
		t.Errorf("%q\nwant %q", all, want)
	}
	// Wherever a list is broken off, the rest follows.
	var marks []string
	for o, err := range p.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		marks = append(marks, o.Mark)
	}
	if !slices.IsSorted(marks) {
		t.Errorf("not in order: %q", marks)
	}
	for i, mark := range marks {
		if rest := list(t, p, mark); !slices.Equal(rest, want[i+1:]) {
			t.Errorf("behind %q: %q\nwant %q", mark, rest, want[i+1:])
		}
	}
}

func TestFoldersOutsideTheRootsAreRefused(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "allowed", "in", "a.pdf"), "a")
	write(t, filepath.Join(root, "secret", "b.pdf"), "b")
	allowed := filepath.Join(root, "allowed")
	if err := os.Symlink(filepath.Join(root, "secret"), filepath.Join(allowed, "way out")); err != nil {
		t.Fatal(err)
	}
	p := Places{Roots: []string{allowed}}
	for location, want := range map[string]string{
		"/etc":                                  "--source-root",
		filepath.Join(root, "secret"):           "PALIMPSEST_SOURCE_ROOTS",
		allowed + "/../secret":                  "may not be read",
		allowed + "er":                          "may not be read",
		"relative/in":                           "not an absolute path",
		filepath.Join(allowed, "way out"):       "no link may lead out",
		filepath.Join(allowed, "missing"):       "mounted",
		filepath.Join(allowed, "in", "a.pdf"):   "must be a folder",
		filepath.Join(allowed, "in", "\x00bad"): "",
	} {
		place, err := p.Open(location, "")
		var refused *Error
		if !errors.As(err, &refused) || refused.Kind != BadInput || !strings.Contains(err.Error()+" "+refused.Hint, want) {
			t.Errorf("%q: %v, %v; want %q", location, place, err, want)
		}
	}
	if _, err := (Places{}).Open(allowed, ""); err == nil || !strings.Contains(err.Error(), "none is allowed") {
		t.Errorf("without roots: %v", err)
	}
	if _, err := p.Open(allowed, "ARCHIVE"); err == nil {
		t.Error("a folder takes no credentials")
	}
	if got := list(t, openPlace(t, p, allowed), ""); !slices.Equal(got, []string{"in/a.pdf", "way out: link"}) {
		t.Errorf("%q", got)
	}
	if got := list(t, openPlace(t, Places{Roots: []string{"/", allowed}}, allowed+"/./in/"), ""); !slices.Equal(got, []string{"a.pdf"}) {
		t.Errorf("%q", got)
	}
}

func TestFileThatChangesIsLeftForLater(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := openPlace(t, Places{Roots: []string{dir}}, dir)
	file := filepath.Join(dir, "a.pdf")
	write(t, file, strings.Repeat("x", 100))
	var listed Object
	for o, err := range p.List(t.Context(), "") {
		if err != nil || o.Err != nil || o.Skip != "" || o.Bytes != 100 {
			t.Fatalf("%+v, %v", o, err)
		}
		listed = o
	}
	read := func() (string, error) {
		r, err := p.Open(t.Context(), listed)
		if err != nil {
			return "", err
		}
		defer r.Close()
		b, err := io.ReadAll(r)
		return string(b), err
	}
	if got, err := read(); err != nil || len(got) != 100 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	r, err := p.Open(t.Context(), listed)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	grown, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := grown.WriteString("more"); err != nil {
		t.Fatal(err)
	}
	grown.Close()
	if _, err := io.Copy(io.Discard, r); !errors.Is(err, ErrChanging) {
		t.Errorf("while it grows: %v", err)
	}
	if _, err := read(); !errors.Is(err, ErrChanging) {
		t.Errorf("after it grew: %v", err)
	}
	// What takes its place must not hold us or lead us away.
	for what, swap := range map[string]func() error{
		"nothing":  func() error { return nil },
		"a pipe":   func() error { return syscall.Mkfifo(file, 0o644) },
		"a link":   func() error { return os.Symlink("/etc/passwd", file) },
		"a folder": func() error { return os.Mkdir(file, 0o755) },
	} {
		if err := os.RemoveAll(file); err != nil {
			t.Fatal(err)
		}
		if err := swap(); err != nil {
			t.Fatal(err)
		}
		if got, err := read(); err == nil {
			t.Errorf("%s in its place gives %q", what, got)
		}
	}
}

func TestFolderTroublesAreTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	deep := dir
	for range MaxDepth {
		deep = filepath.Join(deep, "d")
	}
	write(t, filepath.Join(deep, "too deep.pdf"), "x")
	write(t, filepath.Join(dir, "e", "bad\xffname.pdf"), "x")
	long := filepath.Join(dir, strings.Repeat("l", 250), strings.Repeat("o", 250), strings.Repeat("n", 250), strings.Repeat("g", 250), strings.Repeat("p", 50)+".pdf")
	write(t, long, "x")
	p := openPlace(t, Places{Roots: []string{dir}}, dir)
	got := list(t, p, "")
	if len(got) != 3 || !strings.HasPrefix(got[0], strings.Repeat("d/", MaxDepth)+": folder_depth") || !strings.Contains(got[1], "not valid UTF-8") ||
		!strings.Contains(got[2], "key_bytes") {
		t.Errorf("%q", got)
	}
	for o := range p.List(t.Context(), "") {
		if !storable(o.Key) || o.Key == "" {
			t.Errorf("key %q cannot be stored", o.Key)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range p.List(ctx, "") {
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for o, err := range p.List(t.Context(), "") {
		if err == nil {
			t.Errorf("a folder that is gone lists %+v", o)
		}
	}
}

func TestFolderThatMayNotBeReadIsTold(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "closed", "a.pdf"), "a")
	write(t, filepath.Join(dir, "open.pdf"), "b")
	if err := os.Chmod(filepath.Join(dir, "closed"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "closed"), 0o755) })
	got := list(t, openPlace(t, Places{Roots: []string{dir}}, dir), "")
	if len(got) != 2 || !strings.Contains(got[0], "cannot be listed") || got[1] != "open.pdf" {
		t.Errorf("%q", got)
	}
}

// A real S3 server, and a bucket on it beside the installation's own.
func archive(t *testing.T) (Places, *minio.Client) {
	t.Helper()
	server, err := locals3.Start(t.Context(), locals3.Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	c := server.Config()
	client, err := minio.New(c.Endpoint, &minio.Options{Creds: credentials.NewStaticV4(c.AccessKey, c.SecretKey, ""), Region: c.Region})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.MakeBucket(t.Context(), "archive", minio.MakeBucketOptions{Region: c.Region}); err != nil {
		t.Fatal(err)
	}
	return Places{Own: S3{Endpoint: c.Endpoint, AccessKey: c.AccessKey, SecretKey: c.SecretKey, Region: c.Region}, OwnBucket: c.Bucket}, client
}

func put(t *testing.T, client *minio.Client, key, content string) {
	t.Helper()
	_, err := client.PutObject(t.Context(), "archive", key, strings.NewReader(content), int64(len(content)), minio.PutObjectOptions{})
	if err != nil {
		t.Fatal(key, err)
	}
}

func TestBucketListsAndOpens(t *testing.T) {
	t.Parallel()
	p, client := archive(t)
	var want []string
	for _, key := range []string{"in/a-c.pdf", "in/a.pdf", "in/a/1.tif", "in/a/2.tif", "in/a0.pdf", "in/b c & d+ü%20.pdf"} {
		put(t, client, key, "content of "+key)
		want = append(want, key)
	}
	put(t, client, "in/.hidden/x.pdf", "x")
	put(t, client, "other/z.pdf", "z")
	want = append([]string{"in/.hidden/x.pdf: hidden"}, want...)
	place := openPlace(t, p, "s3://archive/in/")
	got := list(t, place, "")
	if sorted := slices.Sorted(slices.Values(got)); !slices.Equal(sorted, slices.Sorted(slices.Values(want))) {
		t.Fatalf("%q\nwant %q", got, want)
	}
	var objects []Object
	for o, err := range place.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
	}
	for i, o := range objects {
		if rest := list(t, place, o.Mark); !slices.Equal(rest, got[i+1:]) {
			t.Errorf("behind %q: %q\nwant %q", o.Mark, rest, got[i+1:])
		}
		if o.Skip != "" {
			continue
		}
		r, err := place.Open(t.Context(), o)
		if err != nil {
			t.Fatal(o.Key, err)
		}
		b, err := io.ReadAll(r)
		r.Close()
		if err != nil || string(b) != "content of "+o.Key || int64(len(b)) != o.Bytes || o.Name != filepath.Base(o.Key) {
			t.Errorf("%s: %q, %v", o.Key, b, err)
		}
	}
	// One that is written again is not what was listed.
	changed := objects[1]
	put(t, client, changed.Key, "another content")
	if _, err := place.Open(t.Context(), changed); !errors.Is(err, ErrChanging) {
		t.Errorf("written again: %v", err)
	}
	if err := client.RemoveObject(t.Context(), "archive", objects[2].Key, minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := place.Open(t.Context(), objects[2]); !errors.Is(err, ErrChanging) {
		t.Errorf("removed: %v", err)
	}
	all := openPlace(t, p, "s3://archive")
	if got := list(t, all, ""); len(got) != len(want) || !slices.Contains(got, "other/z.pdf") {
		t.Errorf("the whole bucket: %q", got)
	}
}

// More than one answer of the server, which holds a thousand keys.
func TestBucketListsManyInOrder(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("writes 1,200 objects")
	}
	p, client := archive(t)
	const n = 1200
	for i := range n {
		put(t, client, fmt.Sprintf("many/%04d.pdf", i), "x")
	}
	got := list(t, openPlace(t, p, "s3://archive/many/"), "")
	if len(got) != n || !slices.IsSorted(got) {
		t.Errorf("%d keys", len(got))
	}
	if got := list(t, openPlace(t, p, "s3://archive/many/"), "many/1100.pdf"); len(got) != 99 {
		t.Errorf("%d keys", len(got))
	}
}

func TestWrongBucketsAreRefused(t *testing.T) {
	t.Parallel()
	p, _ := archive(t)
	other := p.Own
	other.SecretKey = "wrong"
	p.Named = func(name string) (S3, error) {
		if name != "OTHER" {
			return S3{}, &Error{Kind: BadInput, Message: "no credentials " + name, Hint: "set PALIMPSEST_SOURCE_" + name + "_ENDPOINT"}
		}
		return other, nil
	}
	for _, c := range []struct{ location, credentials, want string }{
		{"s3://", "", "not like s3://bucket/prefix"},
		{"s3://a b/c", "", "not like"},
		{"s3://archive/\xff", "", "not like"},
		{"s3://" + p.OwnBucket, "", "own objects"},
		{"s3://" + p.OwnBucket + "/documents/", "", "own objects"},
		{"s3://" + p.OwnBucket, "OTHER", "own objects"},
		{"s3://nowhere/x", "", "there is no bucket nowhere"},
		{"s3://archive", "OTHER", "check the keys"},
		{"s3://archive", "MISSING", "PALIMPSEST_SOURCE_MISSING_ENDPOINT"},
	} {
		place, err := p.Open(c.location, c.credentials)
		if err == nil {
			err = Probe(t.Context(), place)
		}
		var refused *Error
		if !errors.As(err, &refused) || refused.Kind != BadInput || !strings.Contains(err.Error()+" "+refused.Hint, c.want) {
			t.Errorf("%s with %q: %v, want %q", c.location, c.credentials, err, c.want)
		}
	}
	if at, err := p.Resolve("s3://archive/", ""); err != nil || at != "s3://archive" {
		t.Errorf("%q, %v", at, err)
	}
	p.Own.Endpoint = "127.0.0.1:1"
	place := openPlace(t, p, "s3://archive")
	var away *Error
	if err := Probe(t.Context(), place); !errors.As(err, &away) || away.Kind != Internal {
		t.Errorf("a server that does not answer: %v", err)
	}
}

// Whatever somebody writes as a location, what is accepted lies in the root, or is a bucket that is not our own; and
// what was accepted is accepted again as it was given back.
func FuzzResolve(f *testing.F) {
	for _, s := range []string{"/data/in", "/data/../etc", "/data", "/database", "s3://archive/x", "s3://own/x", "s3:///x", "data", "/data/./a//b/", "s3://a%2e/..", "\x00"} {
		f.Add(s)
	}
	p := Places{Roots: []string{"/data"}, OwnBucket: "own"}
	f.Fuzz(func(t *testing.T, location string) {
		at, err := p.Resolve(location, "")
		if err != nil {
			var refused *Error
			if !errors.As(err, &refused) || refused.Kind != BadInput || refused.Message == "" {
				t.Fatalf("%q: %v", location, err)
			}
			return
		}
		inside := at == "/data" || strings.HasPrefix(at, "/data/") && !slices.Contains(strings.Split(at, "/"), "..")
		inBucket := strings.HasPrefix(at, "s3://") && at != "s3://own" && !strings.HasPrefix(at, "s3://own/")
		if !inside && !inBucket {
			t.Fatalf("%q is taken as %q", location, at)
		}
		if again, err := p.Resolve(at, ""); err != nil || again != at {
			t.Fatalf("%q is taken as %q and that as %q, %v", location, at, again, err)
		}
	})
}

// A key that cannot be kept gets a stand-in that can, and that is another's only if the key is.
func FuzzObject(f *testing.F) {
	f.Add("a/b.pdf", "a/c.pdf")
	f.Add("bad\xff", "bad\xfe")
	f.Add(strings.Repeat("x", 2000), strings.Repeat("x", 2001))
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := object(a), object(b)
		for _, o := range []Object{x, y} {
			if !storable(o.Key) || (o.Err == nil) != (o.Mark == o.open) && o.open != "" || o.Err == nil && o.Key != o.open {
				t.Fatalf("%+v", o)
			}
		}
		if (x.Key == y.Key) != (a == b) && x.Err != nil && y.Err != nil {
			t.Fatalf("%q and %q are both %q", a, b, x.Key)
		}
	})
}
