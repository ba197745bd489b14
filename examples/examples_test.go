// Package examples_test holds the example plugins, each in a folder and a
// language of its own, against the conformance suite and against one another:
// the same answers give the same rows.
package examples_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"palimpsest.dev/task"
	"palimpsest.dev/task/host"
	"palimpsest.dev/task/tasktest"
)

// commands says how each example is started; each skips where its language is not to be had.
var commands = map[string]func(*testing.T) []string{
	"go": func(t *testing.T) []string {
		path := filepath.Join(t.TempDir(), host.Prefix+"pagenumber")
		output(t, "go", "build", "-o", path, "./pagenumber-go")
		return []string{path}
	},
	"python": func(t *testing.T) []string { return []string{python(t), filepath.Join(generated(t), "main.py")} },
	"python in one file": func(t *testing.T) []string {
		path := filepath.Join(t.TempDir(), host.Prefix+"pagenumber")
		output(t, python(t), "-m", "zipapp", generated(t), "-m", "main:main", "-p", python(t), "-o", path)
		return []string{path}
	},
}

// python is an interpreter that has what requirements.txt names.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("PALIMPSEST_PYTHON"), filepath.Join("pagenumber-python", ".venv", "bin", "python"), "python3"} {
		path, err := exec.LookPath(name)
		if err == nil {
			path, err = filepath.Abs(path)
		}
		if err == nil && exec.Command(path, "-c", "import grpc, grpc_health.v1, grpc_tools.protoc").Run() == nil {
			return path
		}
	}
	t.Skip("no python3 with grpcio: name one with PALIMPSEST_PYTHON, or see pagenumber-python/README.md")
	return ""
}

// generated is a copy of the Python plugin with what is generated from task.proto.
func generated(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("pagenumber-python", "plugin"))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"task_pb2.py", "task_pb2_grpc.py"} { // a person's own, copied with the rest
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	output(t, python(t), "-m", "grpc_tools.protoc", "-I", filepath.Join("..", "task", "internal", "taskpb"), "--python_out="+dir, "--grpc_python_out="+dir, "task.proto")
	return dir
}

func output(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
}

// opener starts an example; it ends with the test that started it.
type opener func(testing.TB) task.Task

func TestExamples(t *testing.T) {
	t.Parallel()
	for name, command := range commands {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			argv := command(t)
			open := func(tb testing.TB) task.Task {
				// As the caller's user: an interpreter in a private folder is nobody's else.
				h, x, err := host.OpenCommand(argv, host.Options{Log: slog.New(slog.DiscardHandler), User: "-"})
				if err != nil {
					tb.Fatal(err)
				}
				tb.Cleanup(func() { h.Close() })
				return x
			}
			t.Run("conformance", func(t *testing.T) {
				tasktest.Run(t, tasktest.Config{Open: open, Answers: []string{"<loc0100><loc0500><loc0200><loc0540>xiv", "- 12 -"}})
			})
			t.Run("cases", func(t *testing.T) { cases(t, open) })
			t.Run("finish", func(t *testing.T) { finish(t, open) })
		})
	}
}

// answers is a case of testdata/pagenumber.jsonl: what the model writes about
// the two strips of a page, and the rows that come of it.
type answers struct {
	Name, Top, Bottom, Box string
	Stop                   task.Stop
	Read                   []string
	Unreadable             bool
}

const width, height, strip = 1000, 1400, 168

// cases plays them.
func cases(t *testing.T, open opener) {
	raw, err := os.ReadFile(filepath.Join("testdata", "pagenumber.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	x := open(t)
	for line := range bytes.Lines(raw) {
		c := answers{Box: task.BoxYXYXBefore, Stop: task.StopEnd}
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&c); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		r := read(t, x, c)
		var got []string
		for _, rec := range r.Records {
			got = append(got, fmt.Sprintf("%s %d %s %s", rec.Values["place"], rec.Values["value"], rec.Values["style"], rec.Values["text"]))
			if where := (task.Box{X1: width, Y1: strip}); (rec.Values["place"] == "top") != where.Contains(rec.Box, 1e-6) {
				t.Errorf("%s: %v stands at %v", c.Name, rec.Values, rec.Box)
			}
		}
		if !slices.Equal(got, c.Read) || (r.Unreadable != "") != c.Unreadable {
			t.Errorf("%s: %q, unreadable %q; want %q", c.Name, got, r.Unreadable, c.Read)
		}
	}
}

// read shows the task a page of whose strips the model writes what the case says.
func read(t *testing.T, x task.Task, c answers) task.Reading {
	t.Helper()
	page := task.Page{Document: "a.pdf", Number: 1, Width: width, Height: height}
	how := task.Profile{Prompt: "ocr", View: task.ViewRegion, Fit: task.FitStretch, Box: c.Box, Size: 448, LocBins: 1024, MaxTokens: 64}
	asks, err := x.Plan(t.Context(), page, how)
	if err != nil || len(asks) != 2 {
		t.Fatalf("%d asks, %v", len(asks), err)
	}
	var told []task.Answer
	for i, text := range []string{c.Top, c.Bottom} {
		if want := (task.Box{Y0: float64(i) * (height - strip), X1: width, Y1: float64(i)*(height-strip) + strip}); asks[i].Region != want || asks[i].Prompt != how.Prompt {
			t.Errorf("ask %d: %+v, want %v", i, asks[i], want)
		}
		told = append(told, task.Answer{Ask: asks[i], Text: text, Stop: c.Stop, ToPage: task.Affine{width, 0, 0, 0, strip, asks[i].Region.Y0}})
	}
	r, err := x.Read(t.Context(), page, told)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// finish has them judge a preface in Roman numerals, a page without a number, one read wrongly, and a
// lonely number; and the same again as the second part of a document.
func finish(t *testing.T, open opener) {
	var doc task.Document
	for i, s := range []string{"i roman 1", "ii roman 2", "", "1 arabic 1", "7 arabic 7", "3 arabic 3", "", "", "", "99 arabic 99"} {
		p := task.DocumentPage{Page: task.Page{Number: i + 1, Width: width, Height: height}, State: "done"}
		if s != "" {
			var text, style string
			var value int64
			if _, err := fmt.Sscan(s, &text, &style, &value); err != nil {
				t.Fatal(err)
			}
			p.Records = []task.Record{{Relation: "page_number", Box: task.Box{X1: 10, Y1: 10}, Confidence: 1, Source: task.SourceModel,
				Values: map[string]any{"value": value, "style": style, "text": text, "place": "top"}}}
		}
		doc.Pages = append(doc.Pages, p)
	}
	const head = "page,number,style,verdict\n"
	const list = "1,1,roman,fits\n2,2,roman,fits\n3,,,\n4,1,arabic,fits\n5,7,arabic,odd\n6,3,arabic,fits\n7,,,\n8,,,\n9,,,\n10,99,arabic,alone\n"
	x := open(t).(task.Finisher)
	for part, want := range []string{head + list, head + list, list} {
		d := doc
		d.ID, d.Part, d.Parts = "1", part, min(part*2, 2)
		r, err := x.Finish(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Artifacts) != 1 || string(r.Artifacts[0].Content) != want || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "page 5: the number 7") {
			t.Errorf("part %d: %q %q", part, r.Artifacts, r.Notes)
		}
	}
}
