package main

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"palimpsest.dev/task"
	"palimpsest.dev/task/tasktest"
)

var update = flag.Bool("update", false, "rewrite the expected parts of testdata/*.txtar")

// profiles are how a model may be asked for tables.
var profiles = map[string]task.Profile{
	"page":   {Prompt: "table", View: task.ViewPage, Fit: task.FitLetterbox, Box: task.BoxYXYXBefore, Size: 896, LocBins: 1024, MaxTokens: 2048},
	"region": {Prompt: "table", View: task.ViewRegion, Fit: task.FitLetterbox, Box: task.BoxYXYXBefore, Size: 896, LocBins: 1024, MinConfidence: 0.3, MaxTokens: 2048},
	"steps": {Prompt: "table structure", View: task.ViewRegion, Fit: task.FitStretch, Box: task.BoxYXYXBefore, Size: 224, LocBins: 1024, MinConfidence: 0.3, MaxTokens: 320,
		Steps: map[string]task.Profile{"text": {Prompt: "ocr", View: task.ViewTiles, Fit: task.FitStretch, Box: task.BoxYXYXBefore, Size: 224, XHeight: 10.5,
			XHeightMin: 8, XHeightMax: 16, MaxScale: 2, Overlap: 72, LocBins: 1024, MinConfidence: 0.25, MaxTokens: 640}}},
}

// TestGolden runs the cases of testdata: model answers in, records and files
// out. A file holds these parts:
//
//	page N          size W H, option NAME VALUE, profile page|region|steps, line X0 Y0 X1 Y1
//	                XHEIGHT, and the page's regions: found X0 Y0 X1 Y1, drawn X0 Y0 X1 Y1, or
//	                none; without such a line nobody looked for them
//	answer N ID [STOP] [?PROBABILITY]
//	                what the model wrote for that ask of page N, line breaks left
//	                out; {X0 Y0 X1 Y1} in page pixels becomes four locations. Tokens
//	                have probability 0.9 unless said otherwise.
//	records N       expected: asks, rows and notes
//	page N FILE     expected: a file of the page
//	document FILE   expected: a file of the document
func TestGolden(t *testing.T) {
	t.Parallel()
	given := func(name string) bool {
		return strings.HasPrefix(name, "page ") && strings.Count(name, " ") == 1 || strings.HasPrefix(name, "answer ")
	}
	tasktest.Golden(t, *update, given, runCase)
}

// ended is a text with a newline at its end, as every part of a case has one.
func ended(s string) string { return strings.TrimSuffix(s, "\n") + "\n" }

// runCase plays a document and returns what may be expected of it.
func runCase(t *testing.T, archive *txtar.Archive) map[string]string {
	t.Helper()
	out := map[string]string{}
	doc := task.Document{ID: "7", Name: "case.pdf"}
	for _, f := range archive.Files {
		number, ok := strings.CutPrefix(f.Name, "page ")
		n, err := strconv.Atoi(number)
		if !ok || err != nil {
			continue
		}
		page := task.Page{Document: "case.pdf", Number: n, Raster: "case.png"}
		how := profiles["page"]
		for line := range strings.Lines(string(f.Data)) {
			switch w := strings.Fields(line); w[0] {
			case "size":
				page.Width, _ = strconv.Atoi(w[1])
				page.Height, _ = strconv.Atoi(w[2])
			case "option":
				page.Options = map[string]string{w[1]: w[2]}
			case "profile":
				how = profiles[w[1]]
			case "line":
				var l task.Line
				if _, err := fmt.Sscan(line[len("line"):], &l.Box.X0, &l.Box.Y0, &l.Box.X1, &l.Box.Y1, &l.XHeight); err != nil {
					t.Fatal(err)
				}
				page.Lines = append(page.Lines, l)
			case "found", "drawn", "none":
				page.Regions = append([]task.Region{}, page.Regions...)
				if r, ok := tasktest.RegionOf(t, task.RegionTable, w); ok {
					page.Regions = append(page.Regions, r)
				}
			default:
				t.Fatalf("page: %q", line)
			}
		}
		if page.Regions == nil {
			page.Regions = []task.Region{page.Whole(task.RegionTable)}
		}
		r := readPage(t, page, how, archive, out)
		for _, a := range r.Artifacts {
			out[fmt.Sprintf("page %d %s", n, a.Name)] = ended(string(a.Content))
		}
		doc.Pages = append(doc.Pages, task.DocumentPage{Page: page, State: "done", Records: r.Records})
	}
	r, err := table{}.Finish(t.Context(), doc)
	if err == nil {
		err = table{}.Info().CheckDocumentReading(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range r.Artifacts {
		out["document "+a.Name] = ended(strings.ReplaceAll(string(a.Content), "\r\n", "\n"))
	}
	return out
}

// readPage plays a page.
func readPage(t *testing.T, page task.Page, how task.Profile, archive *txtar.Archive, out map[string]string) (r task.Reading) {
	t.Helper()
	var records strings.Builder
	asks, err := table{}.Plan(t.Context(), page, how)
	if err != nil {
		t.Fatal(err)
	}
	var answers []task.Answer
	for _, a := range asks {
		fmt.Fprintf(&records, "ask %s %q %s\n", a.ID, a.Prompt, show(a.Region))
		answers = append(answers, tasktest.Answer(archive, page, a))
	}
	if r, err = (table{}).Read(t.Context(), page, answers); err != nil {
		t.Fatal(err)
	}
	if err := (table{}).Info().CheckReading(page, 1, r); err != nil {
		t.Error(err)
	}
	for _, rec := range r.Records {
		v := rec.Values
		switch rec.Relation {
		case "table":
			fmt.Fprintf(&records, "table %d %dx%d head %d %s %.2f problems=%v\n  %s\n", v["seq"], v["rows"], v["cols"], v["head_rows"], show(rec.Box), rec.Confidence, v["problems"], v["html"])
		case "cell":
			fmt.Fprintf(&records, "cell %d row %d col %d %dx%d %s header=%v %q %q %s placed=%v %.2f\n", v["table_seq"], v["row"], v["col"], v["rowspan"], v["colspan"],
				v["section"], v["header"], v["text"], v["html"], show(rec.Box), v["placed"], rec.Confidence)
		}
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&records, "note: %s\n", n)
	}
	if r.Unreadable != "" {
		fmt.Fprintf(&records, "unreadable: %s\n", r.Unreadable)
	}
	out[fmt.Sprintf("records %d", page.Number)] = records.String()
	return r
}

func show(b task.Box) string { return fmt.Sprintf("[%.0f %.0f %.0f %.0f]", b.X0, b.Y0, b.X1, b.Y1) }
