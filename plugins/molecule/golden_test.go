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

// TestGolden runs the cases of testdata: model answers in, records and files
// out. A file holds these parts:
//
//	page N          size W H, profile page|region|plain, and the page's regions:
//	                found X0 Y0 X1 Y1, drawn X0 Y0 X1 Y1, or none; without such a
//	                line nobody looked for them
//	answer N ID [STOP] [?PROBABILITY]
//	                what the model wrote for that ask of page N, line breaks left
//	                out; {X0 Y0 X1 Y1} in page pixels becomes four locations. Tokens
//	                have probability 0.9 unless said otherwise.
//	records N       expected: asks, rows and notes
//	document FILE   expected: a file of the document
func TestGolden(t *testing.T) {
	t.Parallel()
	given := func(name string) bool {
		return strings.HasPrefix(name, "page ") || strings.HasPrefix(name, "answer ")
	}
	tasktest.Golden(t, *update, given, play)
}

// play reads a document and returns what may be expected of it.
func play(t *testing.T, archive *txtar.Archive) map[string]string {
	t.Helper()
	out := map[string]string{}
	doc := task.Document{ID: "7", Name: "case.pdf"}
	for _, f := range archive.Files {
		number, ok := strings.CutPrefix(f.Name, "page ")
		if !ok {
			continue
		}
		n, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		page := task.Page{Document: "case.pdf", Number: n}
		how := profiles["page"]
		for line := range strings.Lines(string(f.Data)) {
			switch w := strings.Fields(line); w[0] {
			case "size":
				page.Width, _ = strconv.Atoi(w[1])
				page.Height, _ = strconv.Atoi(w[2])
			case "profile":
				how = profiles[w[1]]
			case "found", "drawn", "none":
				page.Regions = append([]task.Region{}, page.Regions...)
				if r, ok := tasktest.RegionOf(t, task.RegionMolecule, w); ok {
					page.Regions = append(page.Regions, r)
				}
			default:
				t.Fatalf("page: %q", line)
			}
		}
		if page.Regions == nil {
			page.Regions = []task.Region{page.Whole(task.RegionMolecule)}
		}
		r, shown := playPage(t, page, how, archive)
		out[fmt.Sprintf("records %d", n)] = shown
		doc.Pages = append(doc.Pages, task.DocumentPage{Page: page, State: "done", Records: r.Records})
	}
	r, err := molecule{}.Finish(t.Context(), doc)
	if err == nil {
		err = molecule{}.Info().CheckDocumentReading(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range r.Artifacts {
		out["document "+a.Name] = string(a.Content)
	}
	return out
}

// playPage plays a page.
func playPage(t *testing.T, page task.Page, how task.Profile, archive *txtar.Archive) (task.Reading, string) {
	t.Helper()
	var b strings.Builder
	var r task.Reading
	asks, err := molecule{}.Plan(t.Context(), page, how)
	if err != nil {
		t.Fatal(err)
	}
	var answers []task.Answer
	for _, a := range asks {
		fmt.Fprintf(&b, "ask %s %q %s\n", a.ID, a.Prompt, show(a.Region))
		answers = append(answers, tasktest.Answer(archive, page, a))
	}
	if r, err = (molecule{}).Read(t.Context(), page, answers); err != nil {
		t.Fatal(err)
	}
	if err := (molecule{}).Info().CheckReading(page, 1, r); err != nil {
		t.Error(err)
	}
	for _, rec := range r.Records {
		v := rec.Values
		fmt.Fprintf(&b, "molecule %d %s %.2f %q label=%v\n", v["seq"], show(rec.Box), rec.Confidence, v["text"], v["label"])
		if v["valid"].(bool) {
			fmt.Fprintf(&b, "  %s %s mass %.3f exact %.6f charge %d atoms %d rings %d parts %d centres %d double bonds %d groups %d\n", v["smiles"], v["formula"], v["mass"],
				v["exact_mass"], v["charge"], v["atoms"], v["rings"], v["parts"], v["centres"], v["double_bonds"], v["groups"])
		} else {
			fmt.Fprintf(&b, "  invalid at byte %d: %s\n", v["position"], v["reason"])
		}
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	if r.Unreadable != "" {
		fmt.Fprintf(&b, "unreadable: %s\n", r.Unreadable)
	}
	return r, b.String()
}

func show(b task.Box) string { return fmt.Sprintf("[%.0f %.0f %.0f %.0f]", b.X0, b.Y0, b.X1, b.Y1) }
