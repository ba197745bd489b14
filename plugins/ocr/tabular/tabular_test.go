package tabular

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"palimpsest.dev/plugins/ocr/transcript"
	"palimpsest.dev/task"
)

func pages() []transcript.Page {
	words := []transcript.Word{
		{Index: 0, Text: "=SUM(A1)", Box: task.Box{X0: 1.234, Y0: 2, X1: 30.5, Y1: 12}, Confidence: 0.98765, Source: task.SourceModel},
		{Index: 1, Text: `a,"b"<&`, Box: task.Box{X0: 31, Y0: 2, X1: 60, Y1: 12}, Confidence: transcript.None, Source: task.SourceTextLayer},
	}
	line := transcript.Line{Index: 0, Block: 0, Paragraph: 0, Box: task.Box{X0: 1.234, Y0: 2, X1: 60, Y1: 12}, Confidence: 0.5, Source: task.SourceModel, Words: words}
	return []transcript.Page{
		{Number: 1, Width: 100, Height: 50, DPI: 300, Rotation: 90, State: "done", Image: "scan.pdf#page=1",
			Blocks: []transcript.Block{{Index: 0, Box: line.Box, Lines: []transcript.Line{line}}}},
		{Number: 2, Width: 100, Height: 50, State: "blank", Image: "scan.pdf#page=2"},
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	a, err := txtar.ParseFile("testdata/golden.txtar")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := JSON(Named{ID: "42", Name: "scan.pdf"}, Named{Name: "reader", Version: "1"}, pages(), true, true)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{"words.csv": strings.ReplaceAll(string(CSV(pages(), true)), "\r\n", "\n"), "document.json": string(tree)}
	for i, f := range a.Files {
		if os.Getenv("UPDATE") != "" {
			a.Files[i].Data = []byte(got[f.Name])
		} else if d := cmp.Diff(string(f.Data), got[f.Name]); d != "" {
			t.Errorf("%s:\n%s", f.Name, d)
		}
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile("testdata/golden.txtar", txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCSVIsReadBackExactly(t *testing.T) {
	t.Parallel()
	b := CSV(pages(), true)
	if n := bytes.Count(b, []byte("\r\n")); n != 3 || bytes.Count(b, []byte("\n")) != n {
		t.Errorf("lines must end in CR LF: %q", b)
	}
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3 || strings.Join(rows[0], ",") != Columns || rows[1][4] != "=SUM(A1)" || rows[2][4] != `a,"b"<&` || rows[2][9] != "" {
		t.Errorf("rows %q", rows)
	}
}

func TestPartsMakeTheWhole(t *testing.T) {
	t.Parallel()
	all := pages()
	whole, err := JSON(Named{ID: "42"}, Named{Name: "r"}, all, true, true)
	if err != nil {
		t.Fatal(err)
	}
	var tree, table []byte
	for i := range all {
		part, err := JSON(Named{ID: "42"}, Named{Name: "r"}, all[i:i+1], i == 0, i == len(all)-1)
		if err != nil {
			t.Fatal(err)
		}
		tree = append(tree, part...)
		table = append(table, CSV(all[i:i+1], i == 0)...)
	}
	if !bytes.Equal(tree, whole) || !json.Valid(whole) {
		t.Errorf("parts give\n%s\nthe whole is\n%s", tree, whole)
	}
	if !bytes.Equal(table, CSV(all, true)) {
		t.Errorf("parts give\n%s", table)
	}
	if none, err := JSON(Named{}, Named{}, nil, true, true); err != nil || !json.Valid(none) {
		t.Errorf("a document without pages: %s, %v", none, err)
	}
}

func FuzzText(f *testing.F) {
	f.Add("a,\"b\r\nc")
	f.Add("\x00\xff\u2028")
	f.Fuzz(func(t *testing.T, text string) {
		p := pages()
		p[0].Blocks[0].Lines[0].Words[0].Text = text
		if tree, err := JSON(Named{Name: text}, Named{}, p, true, true); err != nil || !json.Valid(tree) {
			t.Errorf("%q: %v", text, err)
		}
		rows, err := csv.NewReader(bytes.NewReader(CSV(p, true))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.ReplaceAll(text, "\r\n", "\n"); rows[1][4] != want { // what Go's reader makes of a line break
			t.Errorf("%q comes back as %q", text, rows[1][4])
		}
	})
}
