package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"palimpsest.dev/api"
)

// archive is a server with two documents of one name, one that has not ended,
// and file names that would like to be elsewhere.
type archive struct {
	mu     sync.Mutex
	broken string // a path whose body breaks off
	asked  []string
	rows   int // of each page
}

const (
	firstDocument  = "01890000-0000-7000-8000-00000000000a"
	secondDocument = "01890000-0000-7000-8000-00000000000b"
	openDocument   = "01890000-0000-7000-8000-00000000000c"
)

func hashed(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func (a *archive) document(id string) api.Document {
	d := api.Document{ID: id, Name: "../Scan: 1.pdf", State: "complete", Hash: hashed("source of " + id), Pages: 1, Runs: []api.Run{{ID: 1, Task: "ocr"}}}
	switch id {
	case secondDocument:
		d.Name = "../scan: 1.PDF"
	case openDocument:
		d.State = "running"
	}
	return d
}

func (a *archive) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, r.URL.Path)
	answer := func(v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	body := func(s string) {
		if r.URL.Path == a.broken {
			w.Header().Set("Content-Length", fmt.Sprint(len(s)))
			_, _ = w.Write([]byte(s[:len(s)/2])) // and no more: the connection breaks
			return
		}
		_, _ = w.Write([]byte(s))
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	switch {
	case r.URL.Path == "/v1/tasks":
		answer(api.TaskList{Tasks: []api.Task{{Name: "ocr", Relations: []string{"word", "line"}}, {Name: "other", Relations: []string{"x"}}}})
	case r.URL.Path == "/v1/documents":
		answer(api.DocumentList{Documents: []api.Document{a.document(openDocument), a.document(secondDocument), a.document(firstDocument)}})
	case len(parts) < 2 || parts[1] != firstDocument && parts[1] != secondDocument && parts[1] != openDocument:
		w.WriteHeader(http.StatusNotFound)
		answer(api.Problem{Title: "no such document", Code: api.CodeNotFound})
	case len(parts) == 2:
		answer(a.document(parts[1]))
	case parts[2] == "files" && len(parts) == 3:
		var list api.ArtifactList
		for _, name := range []string{"page.txt", "PAGE.TXT", "../../../../escape.txt"} {
			link := "/v1/documents/" + parts[1] + "/files/1/ocr/" + hashed(name)
			list.Files = append(list.Files, api.Artifact{Task: "ocr", Name: name, Page: 1, MediaType: "text/plain", Hash: hashed("file " + link), Link: link})
		}
		link := "/v1/documents/" + parts[1] + "/files/0/ocr/document.pdf"
		list.Files = append(list.Files, api.Artifact{Task: "ocr", Name: "document.pdf", MediaType: "application/pdf", Hash: hashed("file " + link), Link: link})
		answer(list)
	case parts[2] == "files":
		body("file " + r.URL.Path)
	case parts[2] == "source":
		body("source of " + parts[1])
	case parts[2] == "pages":
		answer(api.PageList{Pages: []api.Page{{Number: 1, Width: 10, Height: 20, Rotation: 90, ToSource: [6]float64{0, 1, 0, 1, 0, 0}}}})
	case parts[2] == "results":
		var list api.RecordList
		for i := range a.rows {
			list.Records = append(list.Records, api.Record{Relation: r.URL.Query().Get("relation"), Page: 1, Seq: i, Values: map[string]any{"text": "w"}})
		}
		answer(list)
	}
}

// requests counts those whose path contains a part, and forgets all.
func (a *archive) requests(part string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, p := range a.asked {
		if strings.Contains(p, part) {
			n++
		}
	}
	a.asked = nil
	return n
}

// tree lists the files of a folder.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(file string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, file)
			out = append(out, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func TestExport(t *testing.T) {
	t.Parallel()
	a := &archive{rows: 2}
	server := httptest.NewServer(a)
	defer server.Close()
	out := filepath.Join(t.TempDir(), "bag")
	run := func(want int, args ...string) (string, string) {
		t.Helper()
		args = append([]string{"export", "--server", server.URL, "--out", out}, args...)
		code, stdout, stderr := runCommand(args...)
		if code != want {
			t.Fatalf("%v: exit %d, want %d: %s%s", args, code, want, stdout, stderr)
		}
		return stdout, stderr
	}
	// It is interrupted in the middle of a file of the second document.
	a.broken = "/v1/documents/" + secondDocument + "/files/0/ocr/document.pdf"
	if _, errs := run(exitFailed, firstDocument, secondDocument); !strings.Contains(errs, "again") {
		t.Error(errs)
	}
	if _, errs := run(exitFailed, "--verify"); !strings.Contains(errs, "unfinished") {
		t.Errorf("an interrupted export passes: %s", errs)
	}
	a.requests("")
	// It goes on: of the first document nothing is fetched, of the second what is missing.
	a.broken = ""
	stdout, errs := run(exitOK, "--all")
	if !strings.Contains(errs, openDocument) || strings.Count(stdout, "\n") != 2 || !strings.Contains(stdout, "8 files, 0 downloaded") {
		t.Errorf("%s%s", stdout, errs)
	}
	if n := a.requests("/files/"); n != 1 {
		t.Errorf("%d files were fetched, one was missing", n)
	}
	folder := "data/_.._Scan_ 1.pdf-0000000a/"
	want := []string{"bag-info.txt", "bagit.txt"}
	for _, f := range []string{"document.json", "document/ocr/document.pdf", "page-0001/ocr/PAGE-2.TXT", "page-0001/ocr/_.._.._.._.._escape.txt",
		"page-0001/ocr/page.txt", "rows/ocr/line.jsonl", "rows/ocr/word.jsonl", "source/_.._Scan_ 1.pdf"} {
		want = append(want, folder+f)
	}
	var got []string
	for _, f := range tree(t, out) {
		if !strings.Contains(f, "0000000b") {
			got = append(got, f)
		}
	}
	want = append(want, "manifest-sha256.txt", "tagmanifest-sha256.txt")
	if !slices.Equal(got, want) {
		t.Errorf("the bag holds %q, want %q", got, want)
	}
	if stdout, _ := run(exitOK, "--verify"); !strings.Contains(stdout, "16 files") || !strings.Contains(stdout, "0 problems") {
		t.Error(stdout)
	}
	// A file that was damaged is found, and the next export mends it.
	a.requests("")
	damaged := filepath.Join(out, filepath.FromSlash(folder), "page-0001", "ocr", "page.txt")
	if err := os.WriteFile(damaged, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs := run(exitFailed, "--verify"); !strings.Contains(errs, "page.txt has changed") {
		t.Error(errs)
	}
	run(exitOK, firstDocument)
	if n := a.requests("/files/") + a.requests("/results/"); n != 1 {
		t.Errorf("%d files were fetched to mend one", n)
	}
	run(exitOK, "--verify")
}

func TestExportRefuses(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(&archive{})
	defer server.Close()
	for want, args := range map[string][]string{
		"name the documents":     {},
		"name no documents":      {"--verify", firstDocument},
		"no such document":       {"01890000-0000-7000-8000-0000000000ff"},
		"is still running":       {openDocument},
		"or --all":               {"--all", firstDocument},
		"it has no bagit.txt":    {"--verify", "--out", t.TempDir()},
		"no such file":           {"--verify", "--out", filepath.Join(t.TempDir(), "none")},
		"no server at http://12": {"--server", "http://127.0.0.1:1", firstDocument},
	} {
		args = append([]string{"export", "--server", server.URL, "--out", filepath.Join(t.TempDir(), "bag")}, args...)
		if code, out, errs := runCommand(args...); code == exitOK || !strings.Contains(errs, want) {
			t.Errorf("%v: exit %d, %s%s", args, code, out, errs)
		}
	}
}
