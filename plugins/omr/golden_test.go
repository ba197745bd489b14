package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"palimpsest.dev/task"
	"palimpsest.dev/task/tasktest"
)

var update = flag.Bool("update", false, "rewrite the expected parts of testdata")

func logOf(p float64) float64 { return math.Log(p) }

// TestGolden runs the cases of testdata: model answers in, records out. A file
// holds these parts:
//
//	answer X0 Y0 X1 Y1 [STOP] [box=none]
//	           what the model wrote about that view of a page of 1000 x 1400
//	           pixels; a line feed at its end is not part of it
//	records    expected: rows and notes, texts with their tabs as »
//	files      expected: what finishing the document of this one page writes, its
//	           **kern in full and of other files the name and the media type
func TestGolden(t *testing.T) {
	t.Parallel()
	given := func(name string) bool {
		return strings.HasPrefix(name, "answer ")
	}
	tasktest.Golden(t, *update, given, runCase)
}

func runCase(t *testing.T, archive *txtar.Archive) map[string]string {
	t.Helper()
	var answers []task.Answer
	for _, f := range archive.Files {
		if view, ok := strings.CutPrefix(f.Name, "answer "); ok {
			answers = append(answers, parseAnswer(t, view, strings.TrimSuffix(string(f.Data), "\n")))
		}
	}
	r, err := omr{}.Read(t.Context(), page(), answers)
	if err == nil {
		err = omr{}.Info().CheckReading(page(), 1, r)
	}
	if err != nil {
		t.Fatal(err)
	}
	done, err := omr{}.Finish(t.Context(), task.Document{ID: "1", Name: "case.pdf", Pages: []task.DocumentPage{{Page: page(), State: "done", Records: r.Records}}})
	if err == nil {
		err = omr{}.Info().CheckDocumentReading(done)
	}
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"records": showReading(r), "files": showFiles(done)}
}

func showReading(r task.Reading) string {
	var b strings.Builder
	for _, rec := range r.Records {
		v := rec.Values
		if rec.Relation == scoreRelation {
			fmt.Fprintf(&b, "score %d %s %.2f valid=%v whole=%v staves %d measures %d notes %d", v["seq"], show(rec.Box), rec.Confidence, v["valid"], v["whole"], v["staves"], v["measures"], v["notes"])
			if v["valid"] == false {
				fmt.Fprintf(&b, " faults %d: line %d %s: %s\n%s", v["faults"], v["fault_line"], v["fault"], v["reason"], indent("raw", v["raw"]))
			} else {
				b.WriteString("\n")
			}
			b.WriteString(indent("kern", v["kern"]))
			continue
		}
		fmt.Fprintf(&b, "note %d score %d measure %d", v["seq"], v["score"], v["measure"])
		if v["number"] != nil {
			fmt.Fprintf(&b, " (%s)", v["number"])
		}
		fmt.Fprintf(&b, " +%s at %s for %s: %s %d staff %d voice %d line %d", v["in_measure"], v["onset"], v["duration"], v["pitch"], v["midi"], v["staff"], v["voice"], v["line"])
		if v["tie"] != nil {
			fmt.Fprintf(&b, " tie %s", v["tie"])
		}
		if v["grace"] == true {
			b.WriteString(" grace")
		}
		b.WriteString("\n")
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "remark: %s\n", n)
	}
	if r.Unreadable != "" {
		fmt.Fprintf(&b, "unreadable: %s\n", r.Unreadable)
	}
	return b.String()
}

func showFiles(r task.Reading) string {
	var b strings.Builder
	for _, f := range r.Artifacts {
		fmt.Fprintf(&b, "%s %s\n", f.Name, f.MediaType)
		if strings.HasSuffix(f.Name, ".krn") {
			b.WriteString(indent("kern", string(f.Content)))
		}
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "remark: %s\n", n)
	}
	return b.String()
}

// indent shows a text line by line.
func indent(name string, v any) string {
	var b strings.Builder
	for line := range strings.Lines(fmt.Sprint(v)) {
		fmt.Fprintf(&b, "  %s| %s\n", name, strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", separator))
	}
	return b.String()
}

func show(b task.Box) string { return fmt.Sprintf("[%.0f %.0f %.0f %.0f]", b.X0, b.Y0, b.X1, b.Y1) }

func parseAnswer(t *testing.T, view, text string) task.Answer {
	t.Helper()
	f := strings.Fields(view)
	a := answerOf(text)
	var n [4]float64
	for i := range n {
		v, err := strconv.ParseFloat(f[i], 64)
		if err != nil {
			t.Fatal(err)
		}
		n[i] = v
	}
	a.Ask.Region = task.Box{X0: n[0], Y0: n[1], X1: n[2], Y1: n[3]}
	a.ToPage = task.Affine{n[2] - n[0], 0, n[0], 0, n[3] - n[1], n[1]}
	for _, extra := range f[4:] {
		if extra == "box=none" {
			a.Ask.State = []byte(`{"box":"none","bins":1024}`)
		} else {
			a.Stop = task.Stop(extra)
		}
	}
	return a
}

// TestTargets holds the reader to the examples that the trainer is tested on.
func TestTargets(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../training/testdata/omr_targets.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	type read struct {
		Box   []float64 // of the picture's unit square; absent when the answer gives none
		Kern  string
		Valid bool
		Line  int64
		Kind  string
	}
	n := 0
	for line := range strings.Lines(string(raw)) {
		var c struct {
			Name, Answer string
			Systems      []read
			Read         []read
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		n++
		want := c.Read
		if want == nil {
			want = c.Systems
		}
		if c.Systems != nil {
			written := ""
			for _, s := range c.Systems {
				written += encode(s.Kern, s.Box)
			}
			if written != c.Answer {
				t.Errorf("%s: written as %q, want %q", c.Name, written, c.Answer)
			}
		}
		r, err := omr{}.Read(t.Context(), page(), []task.Answer{answerOf(c.Answer)})
		if err != nil {
			t.Fatal(err)
		}
		var got []task.Record
		for _, rec := range r.Records {
			if rec.Relation == scoreRelation {
				got = append(got, rec)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d systems, want %d", c.Name, len(got), len(want))
			continue
		}
		for i, w := range want {
			v := got[i].Values
			line, _ := v["fault_line"].(int64)
			kind, _ := v["fault"].(string)
			if v["kern"] != w.Kern || v["valid"] != w.Valid || line != w.Line || kind != w.Kind {
				t.Errorf("%s, system %d: %q valid %v, line %d %s; want %+v", c.Name, i+1, v["kern"], v["valid"], line, kind, w)
			}
			if w.Box != nil {
				b := task.Box{X0: w.Box[0] * 1000, Y0: w.Box[1] * 1400, X1: w.Box[2] * 1000, Y1: w.Box[3] * 1400}
				if !got[i].Box.Contains(b, 1e-6) || !b.Contains(got[i].Box, 1e-6) {
					t.Errorf("%s, system %d: box %v, want %v", c.Name, i+1, got[i].Box, b)
				}
			}
		}
	}
	if n == 0 {
		t.Error("no examples")
	}
}

// encode writes a system as docs/targets.md says, without a box when it is nil.
func encode(text string, box []float64) string {
	_, body, _ := strings.Cut(text, "\n")
	out := strings.ReplaceAll(strings.TrimSuffix(body, "\n"), "\t", separator)
	if box == nil {
		return out
	}
	var at string
	for _, i := range []int{1, 0, 3, 2} {
		at += fmt.Sprintf("<loc%04d>", min(1020, int(math.Floor(box[i]*1024/4+0.5))*4))
	}
	return at + out
}
