package main

import (
	"bytes"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"palimpsest.dev/task"
	"palimpsest.dev/task/loc"
	"palimpsest.dev/task/tasktest"
)

var update = flag.Bool("update", false, "rewrite the expected parts of testdata/*.txtar")

// mini is the profile of the default model.
var mini = task.Profile{Prompt: "ocr", View: task.ViewTiles, Fit: task.FitStretch, Box: task.BoxYXYXBefore, Size: 224, XHeight: 9,
	XHeightMin: 6.75, XHeightMax: 13.5, MinScale: 0.2, MaxScale: 2, Overlap: 72, LocBins: 1024, MaxTokens: 640}

// TestGolden runs the cases of testdata: model answers in, records out. A file
// holds these parts, of which "page" is needed:
//
//	page            size W H, dpi N, option NAME VALUE, line X0 Y0 X1 Y1 XHEIGHT, text X0 Y0 X1 Y1 WORD
//	answer X0 Y0 X1 Y1 [STOP] [box=none]
//	                what the model wrote about that view, as it is written; a
//	                line that begins with @ is X0 Y0 X1 Y1 WORD in page pixels
//	                and is encoded. Tokens have probability 0.9, those of
//	                @ lines that end in ?0.5 that probability.
//	plan            expected: the views the task asks for
//	records, page.txt, page.hocr
//	                expected: rows, notes and artifacts; page.hocr only where
//	                the file has it
func TestGolden(t *testing.T) {
	t.Parallel()
	given := func(name string) bool {
		return name == "page" || strings.HasPrefix(name, "answer ")
	}
	tasktest.Golden(t, *update, given, runCase)
}

// runCase returns the expected parts as they come out.
func runCase(t *testing.T, archive *txtar.Archive) map[string]string {
	t.Helper()
	page := task.Page{Document: "case.pdf", Number: 1, Raster: "case.png"}
	var answers []task.Answer
	for _, f := range archive.Files {
		if f.Name == "page" {
			parsePage(t, &page, string(f.Data))
		}
		if view, ok := strings.CutPrefix(f.Name, "answer "); ok {
			answers = append(answers, parseAnswer(t, view, string(f.Data)))
		}
	}
	asks, err := ocr{}.Plan(t.Context(), page, mini)
	if err != nil {
		t.Fatal(err)
	}
	var plan, records strings.Builder
	for _, a := range asks {
		fmt.Fprintf(&plan, "%s %s\n", a.ID, show(a.Region))
	}
	r, err := ocr{}.Read(t.Context(), page, answers)
	if err != nil {
		t.Fatal(err)
	}
	if err := (ocr{}).Info().CheckReading(page, 1, r); err != nil {
		t.Error(err)
	}
	if len(r.Asks) > 0 { // the model sees nothing more
		var more []task.Answer
		for _, a := range r.Asks {
			fmt.Fprintf(&plan, "%s %s\n", a.ID, show(a.Region))
			more = append(more, task.Answer{Ask: a, Stop: task.StopBlank})
		}
		if r, err = (ocr{}).Read(t.Context(), page, more); err != nil || len(r.Asks) > 0 {
			t.Fatalf("second round: %d asks, %v", len(r.Asks), err)
		}
	}
	for _, rec := range r.Records {
		v := rec.Values
		switch rec.Relation {
		case "word":
			fmt.Fprintf(&records, "word %d line %d block %d %q %s %.2f %s verified=%v\n", v["seq"], v["line"], v["block"], v["text"], show(rec.Box), rec.Confidence, rec.Source, v["verified"])
		case "line":
			fmt.Fprintf(&records, "line %d block %d paragraph %d %q %s %.2f %s\n", v["seq"], v["block"], v["paragraph"], v["text"], show(rec.Box), rec.Confidence, rec.Source)
		}
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&records, "note: %s\n", n)
	}
	if r.Unreadable != "" {
		fmt.Fprintf(&records, "unreadable: %s\n", r.Unreadable)
	}
	out := map[string]string{"plan": plan.String(), "records": records.String()}
	for _, a := range r.Artifacts {
		out[a.Name] = string(a.Content)
	}
	return out
}

func show(b task.Box) string { return fmt.Sprintf("[%.0f %.0f %.0f %.0f]", b.X0, b.Y0, b.X1, b.Y1) }

func numbers(t *testing.T, fields []string) []float64 {
	t.Helper()
	out := make([]float64, len(fields))
	for i, f := range fields {
		v, err := strconv.ParseFloat(f, 64)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = v
	}
	return out
}

func box(n []float64) task.Box { return task.Box{X0: n[0], Y0: n[1], X1: n[2], Y1: n[3]} }

func parsePage(t *testing.T, page *task.Page, s string) {
	t.Helper()
	for line := range strings.Lines(s) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		switch f[0] {
		case "size":
			n := numbers(t, f[1:])
			page.Width, page.Height = int(n[0]), int(n[1])
		case "dpi":
			page.DPI = numbers(t, f[1:])[0]
		case "option":
			page.Options = map[string]string{f[1]: f[2]}
		case "line":
			n := numbers(t, f[1:])
			page.Lines = append(page.Lines, task.Line{Box: box(n), XHeight: n[4]})
			page.XHeight = n[4]
		case "text":
			page.Text = append(page.Text, task.Word{Text: strings.Join(f[5:], " "), Box: box(numbers(t, f[1:5]))})
		default:
			t.Fatalf("page: %q", line)
		}
	}
}

func parseAnswer(t *testing.T, view, s string) task.Answer {
	t.Helper()
	f := strings.Fields(view)
	a := task.Answer{Stop: task.StopEnd}
	a.Ask = task.Ask{ID: view, Region: box(numbers(t, f[:4])), Size: 224, Fit: task.FitStretch, Prompt: "ocr", MaxTokens: 640,
		State: []byte(`{"box":"yxyx-before","bins":1024,"min":6.75,"max":13.5}`)}
	for _, extra := range f[4:] {
		if extra == "box=none" {
			a.Ask.State = []byte(`{"box":"none","bins":1024}`)
		} else {
			a.Stop = task.Stop(extra)
		}
	}
	r := a.Ask.Region
	a.ToPage = task.Affine{r.Width(), 0, r.X0, 0, r.Height(), r.Y0}
	say := func(text string, probability float64) {
		for _, c := range pieces(text) {
			a.Text += c
			a.Tokens = append(a.Tokens, task.Token{Text: c, LogProb: logOf(probability)})
		}
	}
	for line := range strings.Lines(s) {
		line = strings.TrimSuffix(line, "\n")
		rest, encoded := strings.CutPrefix(line, "@")
		if !encoded {
			say(line, 0.9)
			continue
		}
		w := strings.Fields(rest)
		probability := 0.9
		if p, ok := strings.CutPrefix(w[len(w)-1], "?"); ok && len(w) == 6 {
			probability = numbers(t, []string{p})[0]
		}
		b := box(numbers(t, w[:4]))
		say(loc.Encode([]loc.Item{{Text: w[4], Box: [4]float64{(b.X0 - r.X0) / r.Width(), (b.Y0 - r.Y0) / r.Height(),
			(b.X1 - r.X0) / r.Width(), (b.Y1 - r.Y0) / r.Height()}}}, loc.Bins, 4), probability)
	}
	return a
}

// pieces cuts an answer as the default model's tokenizer does: locations and
// characters.
func pieces(s string) []string {
	var out []string
	for s != "" {
		n := len(s)
		if bytes.HasPrefix([]byte(s), []byte("<loc")) && strings.IndexByte(s, '>') == 8 {
			n = 9
		} else {
			for i := range s {
				if i > 0 {
					n = i
					break
				}
			}
		}
		out = append(out, s[:n])
		s = s[n:]
	}
	return out
}
