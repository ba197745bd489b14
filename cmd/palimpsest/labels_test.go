package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"palimpsest.dev/eval"
)

// labelServer answers as a server with one document of three pages would, of which two were corrected.
func labelServer(t *testing.T, results map[string]string) *httptest.Server {
	t.Helper()
	page := image.NewGray(image.Rect(0, 0, 200, 100))
	for i := range page.Pix {
		page.Pix[i] = 255
	}
	for x := 50; x < 100; x++ {
		page.SetGray(x, 30, color.Gray{})
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, page); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	say := func(pattern, body string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, body)
		})
	}
	say("GET /v1/documents/d1", `{"id":"d1","name":"old/book.pdf","state":"complete","pages":3}`)
	say("GET /v1/documents/d1/corrections", `{"corrections":[
		{"id":1,"page":1,"task":"ocr","kind":"change"},{"id":2,"page":2,"task":"ocr","kind":"change","undone":true},{"id":3,"page":2,"task":"ocr","kind":"undo","undoes":2},
		{"id":4,"page":3,"task":"ocr","kind":"right"},{"id":5,"page":3,"task":"table","kind":"answer"}]}`)
	mux.HandleFunc("GET /v1/documents/d1/pages/{n}/image", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write(picture.Bytes())
	})
	mux.HandleFunc("GET /v1/documents/d1/results/{task}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"records":[%s]}`, results[r.PathValue("task")])
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv
}

func TestLabelsAreWhatEvalReads(t *testing.T) {
	t.Parallel()
	srv := labelServer(t, map[string]string{
		"ocr": `{"relation":"word","page":1,"seq":0,"box":[10,10,40,20],"source":"person","run":1,"values":{"text":"The"}},
			{"relation":"word","page":1,"seq":1,"box":[50,10,90,20],"source":"model","run":1,"values":{"text":"fox <1>"}}`,
		"table": `{"relation":"table","page":3,"seq":0,"box":[50,20,100,40],"source":"person","run":2,"values":{"html":"<table><tr><td>1</td></tr></table>"}},
			{"relation":"table","page":3,"seq":1,"box":[0,60,100,90],"source":"model","run":2,"values":{"html":"<table></table>"}}`,
	})
	dir := t.TempDir()
	code, out, errs := runCommand("export", "--labels", dir, "d1", "--server", srv.URL)
	if code != 0 || !strings.Contains(out, "2 labels of 2 pages") {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	items, err := eval.OpenManifest(filepath.Join(dir, labelsFile), nil, 0)
	if err != nil || len(items) != 2 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	truth, err := items[0].Truth()
	if err != nil || truth.Level != eval.LevelWord || len(truth.Pages) != 1 || len(truth.Pages[0].Words) != 2 || truth.Pages[0].Words[1].Text != "fox <1>" {
		t.Errorf("truth %+v, %v", truth, err)
	}
	if _, err := os.Stat(items[0].Path()); err != nil {
		t.Error(err)
	}

	tables := t.TempDir()
	code, out, errs = runCommand("export", "--labels", tables, "--task", "table", "d1", "--server", srv.URL)
	if code != 0 || !strings.Contains(out, "1 labels of 1 pages") {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	raw, err := os.ReadFile(filepath.Join(tables, labelsFile))
	if err != nil {
		t.Fatal(err)
	}
	var one label
	if err := json.Unmarshal(raw, &one); err != nil || one.Task != "table" || one.Answer != one.GT["html"] || one.From.Page != 3 || one.From.Box == nil {
		t.Errorf("%+v, %v", one, err)
	}
	f, err := os.Open(filepath.Join(tables, one.File))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if size, err := png.DecodeConfig(f); err != nil || size.Width != 52 || size.Height != 22 {
		t.Errorf("crop %+v, %v; the box and a margin of a pixel are wanted", size, err)
	}

	if code, _, errs := runCommand("export", "--labels", t.TempDir(), "--task", "molecule", "d1", "--server", srv.URL); code != 1 || !strings.Contains(errs, "was corrected") {
		t.Errorf("nothing corrected: exit %d: %s", code, errs)
	}
	if code, _, _ := runCommand("export", "--labels", t.TempDir(), "--task", "regions", "d1", "--server", srv.URL); code != exitUsage {
		t.Errorf("a task without labels: exit %d", code)
	}
}

func TestCorrectSaysWhatItNeeds(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"no place":        {"correct", "d1", "1", "--text", "x"},
		"two wishes":      {"correct", "d1", "1", "--at", "1,2,3,4", "--add", "--remove"},
		"a box of three":  {"correct", "d1", "1", "--at", "1,2,3"},
		"a place for all": {"correct", "d1", "1", "--right", "--at", "1,2,3,4"},
	} {
		if code, _, errs := runCommand(args...); code != exitUsage {
			t.Errorf("%s: exit %d: %s", name, code, errs)
		}
	}
}
