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
//	page N          a line each: profile page|together|region, option NAME VALUE, fact KEY
//	                VALUE, look film|paper, region found|drawn X0 Y0 X1 Y1 film|paper,
//	                pages COUNT, earlier N film|paper [STUDY]
//	answer N ID [STOP] [?PROBABILITY]
//	                what the model wrote for that ask of page N, without the last line
//	                feed. Tokens have probability 0.9 unless said otherwise.
//	records N       expected: asks, rows and notes
//	page N FILE     expected: a file of the page
func TestGolden(t *testing.T) {
	t.Parallel()
	given := func(name string) bool {
		return strings.HasPrefix(name, "page ") && len(strings.Fields(name)) == 2 || strings.HasPrefix(name, "answer ")
	}
	tasktest.Golden(t, *update, given, play)
}

// play reads a document and returns what may be expected of it.
func play(t *testing.T, archive *txtar.Archive) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, f := range archive.Files {
		words := strings.Fields(f.Name)
		if words[0] != "page" || len(words) != 2 {
			continue
		}
		n, err := strconv.Atoi(words[1])
		if err != nil {
			t.Fatal(err)
		}
		page, how := pageOf(t, n, string(f.Data))
		playPage(t, page, how, archive, out)
	}
	return out
}

func pageOf(t *testing.T, number int, text string) (task.Page, task.Profile) {
	t.Helper()
	page, how := chest(number), profiles["page"]
	page.Options, page.Facts = map[string]string{}, map[string]string{}
	found := false
	for line := range strings.Lines(text) {
		w := strings.Fields(line)
		switch w[0] {
		case "profile":
			how = profiles[w[1]]
		case "option":
			page.Options[w[1]] = strings.Join(w[2:], " ")
		case "fact":
			page.Facts[w[1]] = w[2]
		case "look":
			page.Regions[0].Overview = glance(w[1])
		case "pages":
			page.Pages, _ = strconv.Atoi(w[1])
		case "earlier":
			n, _ := strconv.Atoi(w[1])
			e := task.EarlierPage{Number: n, Overview: glance(w[2])}
			if len(w) > 3 {
				e.Facts = map[string]string{task.FactStudy: w[3]}
			}
			page.Earlier = append(page.Earlier, e)
		case "region":
			if !found {
				page.Regions, found = nil, true
			}
			if r, ok := tasktest.RegionOf(t, task.RegionFilm, w[1:]); ok {
				r.Overview = glance(w[len(w)-1])
				page.Regions = append(page.Regions, r)
			}
		default:
			t.Fatalf("page: %q", line)
		}
	}
	return page, how
}

// playPage asks and reads one page.
func playPage(t *testing.T, page task.Page, how task.Profile, archive *txtar.Archive, out map[string]string) {
	t.Helper()
	var b strings.Builder
	asks, err := cxr{}.Plan(t.Context(), page, how)
	if err == nil {
		err = cxr{}.Info().CheckAsks(page, asks)
	}
	if err != nil {
		t.Fatal(err)
	}
	var answers []task.Answer
	for _, a := range asks {
		fmt.Fprintf(&b, "ask %s %q %s", a.ID, a.Prompt, show(a.Region))
		if len(a.Earlier) > 0 {
			fmt.Fprintf(&b, " behind pages %v", a.Earlier)
		}
		b.WriteString("\n")
		answers = append(answers, answer(archive, page, a))
	}
	r, err := cxr{}.Read(t.Context(), page, answers)
	if err == nil {
		err = cxr{}.Info().CheckReading(page, 1, r)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range r.Records {
		v := rec.Values
		switch rec.Relation {
		case "report":
			fmt.Fprintf(&b, "report %d %s %.2f films %s complete %v indication %v missing %v\n  body %q\n  findings %q\n  impression %q\n", v["seq"], show(rec.Box), rec.Confidence, v["films"], v["complete"],
				v["indication"], v["missing"], v["body"], v["findings"], v["impression"])
		case "sentence":
			fmt.Fprintf(&b, "sentence %d.%d %s %.2f [%d %d] %q earlier %v\n", v["report_seq"], v["sentence"], v["section"], rec.Confidence, v["from_byte"], v["to_byte"], v["text"], v["earlier"])
		case "finding":
			fmt.Fprintf(&b, "finding %d %s: %s decides %v %.2f sentence %v %v\n", v["report_seq"], v["class"], v["status"], v["decides"], rec.Confidence, v["sentence"], v["evidence"])
		}
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	if r.Unreadable != "" {
		fmt.Fprintf(&b, "unreadable: %s\n", r.Unreadable)
	}
	out[fmt.Sprintf("records %d", page.Number)] = b.String()
	for _, a := range r.Artifacts {
		out[fmt.Sprintf("page %d %s", page.Number, a.Name)] = string(a.Content)
	}
}

func show(b task.Box) string { return fmt.Sprintf("[%.0f %.0f %.0f %.0f]", b.X0, b.Y0, b.X1, b.Y1) }

// answer is what the case's model writes for an ask: lines, without places.
func answer(archive *txtar.Archive, page task.Page, ask task.Ask) task.Answer {
	return tasktest.AnswerOf(archive, page, ask, func(part string) string { return strings.TrimSuffix(part, "\n") })
}
