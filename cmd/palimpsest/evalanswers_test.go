package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"palimpsest.dev/eval"
)

// A bar says how far a run is and how long the rest will take by what was read now.
func TestProgress(t *testing.T) {
	t.Parallel()
	p := progress{all: 10}
	if got := p.text(0); got != "["+strings.Repeat(".", 30)+"] 0 of 10" {
		t.Errorf("%q", got)
	}
	for range 3 {
		p.step(true) // known before
	}
	if got := p.text(time.Second); strings.Contains(got, "left") {
		t.Errorf("%q: nothing tells yet how long an item takes", got)
	}
	for range 2 {
		p.step(false)
	}
	if got := p.text(8 * time.Second); got != "["+strings.Repeat("#", 15)+strings.Repeat(".", 15)+"] 5 of 10, 20s left" {
		t.Errorf("%q", got)
	}
}

// A report of run --json is measured by all that it says of the films, as one that is read is; codes that are given count,
// also where they are none, and are not made up where they are missing.
func TestReportsOfARun(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "answers.jsonl")
	lines := `{"file":"a.dcm","task":"cxr","reports":[{"body":"Clear lungs.","codes":["No Finding"]}]}
{"file":"b.dcm","reports":[{"findings":"Big heart.","impression":"Cardiomegaly.","codes":["Cardiomegaly"]},{"body":"The same.","codes":["Cardiomegaly","Edema"]}]}
{"file":"c.dcm","reports":[{"impression":"A film.","codes":[]}]}
{"file":"d.dcm","reports":[{"impression":"A film."}]}
`
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	source, err := openAnswers(path, "cxr")
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]eval.Answer{
		"a.dcm": {Text: "Clear lungs.", Codes: []string{"No Finding"}},
		"b.dcm": {Text: "Big heart.\nCardiomegaly.\nThe same.", Codes: []string{"Cardiomegaly", "Edema"}},
		"c.dcm": {Text: "A film.", Codes: []string{}},
		"d.dcm": {Text: "A film."},
	} {
		got, err := source.read(t.Context(), eval.Item{ID: file, File: file})
		if err != nil || got.Text != want.Text || !slices.Equal(got.Codes, want.Codes) || (got.Codes == nil) != (want.Codes == nil) {
			t.Errorf("%s: %q, codes %#v, %v; want %q, %#v", file, got.Text, got.Codes, err, want.Text, want.Codes)
		}
	}
}

// Whatever stands in a file of answers is refused with its line or becomes an answer.
func FuzzAnswers(f *testing.F) {
	f.Add(`{"id":"a","answer":"<loc0000><loc0000><loc0010><loc0010>x <table><td>"}`, "table")
	f.Add(`{"file":"a.png","words":[{"text":"a","box":[0,0,1,1]}],"error":{"kind":"model"}}`, "ocr")
	f.Add(`{"id":"a","answer":{"found":[{"text":"C"}]}}`+"\n"+`{"id":"a","answer":"C"}`, "molecule")
	f.Fuzz(func(t *testing.T, text, task string) {
		path := filepath.Join(t.TempDir(), "answers.jsonl")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		source, err := openAnswers(path, task)
		if err != nil {
			return
		}
		for _, item := range []eval.Item{{ID: "a", Width: 10, Height: 10}, {ID: "b", File: "a.png"}} {
			answer, err := source.read(t.Context(), item)
			if err != nil {
				continue
			}
			if _, err := json.Marshal(answer); err != nil {
				t.Error(err)
			}
		}
	})
}
