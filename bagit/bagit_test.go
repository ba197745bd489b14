package bagit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var day = time.Date(2026, 1, 2, 23, 0, 0, 0, time.UTC)

func put(t *testing.T, w *Writer, file, content string) Entry {
	t.Helper()
	e, err := w.Put(file, "", func(begin func() (io.Writer, error)) error {
		out, err := begin()
		if err == nil {
			_, err = io.WriteString(out, content)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// bag writes a bag of three files.
func bag(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bag")
	w, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	put(t, w, "a/one.txt", "one")
	put(t, w, "a/b/per%cent\n.txt", "two")
	put(t, w, "ü.txt", "")
	if err := w.Finish(day, [][2]string{{"Bag-Software-Agent", "test\n1"}}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestABagIsWhatTheStandardSays(t *testing.T) {
	t.Parallel()
	dir := bag(t)
	const one = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
	const two = "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3"
	const none = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for name, want := range map[string]string{
		"bagit.txt":           "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
		"manifest-sha256.txt": two + "  data/a/b/per%25cent%0A.txt\n" + one + "  data/a/one.txt\n" + none + "  data/ü.txt\n",
		"bag-info.txt":        "Bag-Software-Agent: test 1\nBagging-Date: 2026-01-02\nPayload-Oxum: 6.3\n",
	} {
		if got := read(t, dir, name); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
	}
	if tags := read(t, dir, "tagmanifest-sha256.txt"); strings.Count(tags, "\n") != 3 {
		t.Errorf("tag manifest:\n%s", tags)
	}
	r, err := Verify(t.Context(), dir)
	if err != nil || len(r.Problems) > 0 || r.Files != 3 || r.Bytes != 6 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestVerifyFindsEveryFault(t *testing.T) {
	t.Parallel()
	edit := func(name, old, new string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Replace(read(t, dir, name), old, new, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for want, spoil := range map[string]func(*testing.T, string){
		"data/a/one.txt has changed":               edit("data/a/one.txt", "one", "on3"),
		"data/a/one.txt is missing":                remove("data/a/one.txt"),
		"data/more is not listed":                  func(t *testing.T, dir string) { os.WriteFile(filepath.Join(dir, "data", "more"), nil, 0o600) },
		"manifest-sha256.txt has changed":          edit("manifest-sha256.txt", "7692", "7693"),
		"manifest-sha256.txt is missing":           remove("manifest-sha256.txt"),
		"no path within a bag":                     edit("manifest-sha256.txt", "data/a/one.txt", "../../etc/passwd"),
		"is listed twice":                          edit("manifest-sha256.txt", "data/ü.txt", "data/a/one.txt"),
		"does not lie in data":                     edit("manifest-sha256.txt", "data/ü.txt", "bagit.txt"),
		"bag-info.txt says that the payload is 6.": edit("bag-info.txt", "6.3", "6.4"),
		"bagit.txt says":                           edit("bagit.txt", "1.0", "9.0"),
		"unfinished":                               func(t *testing.T, dir string) { os.WriteFile(filepath.Join(dir, UnfinishedFile), nil, 0o600) },
		"cannot be read": func(t *testing.T, dir string) {
			name := filepath.Join(dir, "data", "a", "one.txt")
			if err := errors.Join(os.Remove(name), os.Symlink("/etc/hostname", name)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		dir := bag(t)
		spoil(t, dir)
		r, err := Verify(t.Context(), dir)
		if err != nil || !strings.Contains(strings.Join(r.Problems, "\n"), want) {
			t.Errorf("%s: found %q, %v", want, r.Problems, err)
		}
	}
	if _, err := Verify(t.Context(), t.TempDir()); err == nil {
		t.Error("an empty folder is taken for a bag")
	}
}

func TestWritingGoesOn(t *testing.T) {
	t.Parallel()
	dir := bag(t)
	w, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := os.Stat(filepath.Join(dir, UnfinishedFile)); err != nil {
		t.Error("a bag that is being written does not say so:", err)
	}
	e := put(t, w, "a/three.txt", "three")
	if !w.Has("a/three.txt", e.Hash) || w.Has("a/one.txt", e.Hash) || w.Has("a/none.txt", e.Hash) || w.Has("../x", e.Hash) {
		t.Error("Has")
	}
	// What ends early leaves nothing under the file's name.
	_, err = w.Put("a/four.txt", "", func(begin func() (io.Writer, error)) error {
		if out, err := begin(); err == nil {
			fmt.Fprint(out, "fo")
		}
		return errors.New("cut off")
	})
	if err == nil || w.Has("a/four.txt", "") {
		t.Error(err)
	}
	// Another attempt begins anew; what is not what was announced is refused.
	fill := func(begin func() (io.Writer, error)) error {
		for _, s := range []string{"a long beginning", "one"} {
			out, err := begin()
			if err != nil {
				return err
			}
			fmt.Fprint(out, s)
		}
		return nil
	}
	if e, err := w.Put("a/five.txt", "", fill); err != nil || !strings.HasPrefix(e.Hash, "7692") {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := w.Put("a/six.txt", e.Hash, fill); err == nil || !strings.Contains(err.Error(), "announced") {
		t.Error(err)
	}
	if err := w.Keep("a", []string{"a/one.txt", "a/five.txt"}); err != nil {
		t.Error(err)
	}
	if err := w.Finish(day, nil); err != nil {
		t.Fatal(err)
	}
	r, err := Verify(t.Context(), dir)
	if err != nil || len(r.Problems) > 0 || r.Files != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	if list := read(t, dir, "manifest-sha256.txt"); !strings.Contains(list, "five") || strings.Contains(list, "three") || strings.Contains(list, "part") {
		t.Error(list)
	}
}

func TestNothingLeavesTheFolder(t *testing.T) {
	t.Parallel()
	dir := bag(t)
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "data", "link")); err != nil {
		t.Fatal(err)
	}
	w, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, file := range []string{"../x", "/x", "a/../../../x", "", ".", "link/x"} {
		if _, err := w.Put(file, "", func(begin func() (io.Writer, error)) error { _, err := begin(); return err }); err == nil {
			t.Errorf("%q was written", file)
		}
	}
	if names, _ := os.ReadDir(outside); len(names) > 0 {
		t.Error("a file was written outside")
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "mine.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(other); err == nil {
		t.Error("a folder with somebody's files became a bag")
	}
}

func TestSafeName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"scan.pdf": "scan.pdf", "Übersicht 1.pdf": "Übersicht 1.pdf", "U\u0308.pdf": "Ü.pdf", "": "unnamed", "...": "unnamed",
		"..": "unnamed", "../../etc/passwd": "_.._.._etc_passwd", `C:\x\y.pdf`: "C__x_y.pdf", ".hidden": "_.hidden", "a\x00b\n": "a_b_",
		"con": "_con", "NUL.txt": "_NUL.txt", "lpt1.tar.gz": "_lpt1.tar.gz", "console": "console", "a. . ": "a", "\u202egnp.exe": "_gnp.exe",
		strings.Repeat("ä", 100) + ".tiff": strings.Repeat("ä", 57) + ".tiff", "x\xff": "x_",
	} {
		if got := SafeName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	var n Names
	var got []string
	for _, name := range []string{"Scan.pdf", "scan.pdf", "SCAN.PDF", "a/b", "a_b", "ﬁ", "fi", "x", "x"} {
		got = append(got, n.Unique("f", name))
	}
	want := []string{"f/Scan.pdf", "f/scan-2.pdf", "f/SCAN-3.PDF", "f/a_b", "f/a_b-2", "f/ﬁ", "f/fi-2", "f/x", "f/x-2"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzSafeName(f *testing.F) {
	f.Add("../../x")
	f.Add("con.\xff")
	f.Add(strings.Repeat("💾", 200))
	f.Fuzz(func(t *testing.T, s string) {
		name := SafeName(s)
		if !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "/\\:\x00") || len(name) > maxName+1 || !utf8.ValidString(name) || name[0] == '.' {
			t.Errorf("%q becomes %q", s, name)
		}
		if again := SafeName(name); again != name && len(name) <= maxName {
			t.Errorf("%q becomes %q and that %q", s, name, again)
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte("7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed  data/a%250A\n"))
	f.Add([]byte("7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed *./../x\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := ParseManifest(strings.NewReader(string(b)))
		if err != nil {
			return
		}
		for _, e := range entries {
			if !fs.ValidPath(e.Path) {
				t.Errorf("%q", e.Path)
			}
		}
		again, err := ParseManifest(strings.NewReader(manifest(entries)))
		if err != nil || !slices.Equal(entries, again) && !slices.ContainsFunc(entries, func(e Entry) bool { return strings.ContainsAny(e.Path[:1], "*. \t") }) {
			t.Errorf("%q comes back as %q, %v", entries, again, err)
		}
	})
}
