package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"palimpsest.dev/api"
)

// From a document's first reading over a second one beside it to its promotion and back, as a user has it.
func TestRerunDiffPromote(t *testing.T) {
	t.Parallel()
	if testing.Short() || underRace {
		t.Skip("starts Postgres, object store, model and plugins")
	}
	data := filepath.Join(openFolder(t), "state")
	up := startUp(t, data)
	doc := up.submitHandbook(t)
	words := func() string { return up.run(t, 0, "results", doc.ID, "--page", "3") }
	files := func() string {
		var list []api.Artifact
		c := api.Client{BaseURL: up.address}
		list, err := c.Files(t.Context(), doc.ID)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, f := range list {
			if f.Page == 0 { // those of pages change at once
				out = append(out, fmt.Sprint(f.Name, " ", f.Hash))
			}
		}
		return strings.Join(out, "\n")
	}
	before, filesBefore := words(), files()

	// The text layer was copied; now the model reads the page itself.
	out := up.run(t, 0, "rerun", "--where", "page = 3 and records > 10", "--option", "text_layer=ignore", "--by", "ann", "--wait")
	m := regexp.MustCompile(`run ([0-9]+) reads page 3\n`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("rerun: %s", out)
	}
	if words() != before {
		t.Error("the page shows the new run, which nobody has promoted")
	}
	if out := up.run(t, 0, "runs", doc.ID); !strings.Contains(out, "asked for by ann") || !strings.Contains(out, "current nowhere") || !strings.Contains(out, "fonts-") {
		t.Errorf("runs: %s", out)
	}
	if out := up.run(t, 0, "rerun", doc.ID, "--where", "page = 3", "--option", "text_layer=ignore"); !strings.Contains(out, "nothing to read; page 3 read already") {
		t.Errorf("again: %s", out)
	}
	var whole differenceLine
	lines := up.run(t, 0, "diff", doc.ID, "--json", "--relation", "word")
	if err := json.NewDecoder(strings.NewReader(lines)).Decode(&whole); err != nil || whole.Kind != "page" || whole.Page != 3 ||
		whole.Counts["same"]+whole.Counts["changed"]+whole.Counts["moved"]+whole.Counts["removed"] != strings.Count(before, "text_layer") {
		t.Errorf("diff does not account for every word: %v, %+v", err, whole)
	}
	if strings.Count(lines, "\n") != 1+whole.Counts["changed"]+whole.Counts["moved"]+whole.Counts["removed"]+whole.Counts["added"] {
		t.Errorf("diff: %d lines for %v", strings.Count(lines, "\n"), whole.Counts)
	}
	first := fmt.Sprint(doc.Runs[0].ID)
	if out := up.run(t, 0, "diff", first, m[1], "--summary"); !strings.Contains(out, "page 3  ocr  run "+first+" (done) -> run "+m[1]+" (done") {
		t.Errorf("diff: %s", out)
	}

	if out := up.run(t, 0, "promote", m[1]); !strings.Contains(out, "page 3: run "+first+" -> run "+m[1]) {
		t.Errorf("promote: %s", out)
	}
	if got := words(); got == before || strings.Contains(got, "text_layer") {
		t.Errorf("after the promotion: %s", got)
	}
	// Those of the document are written anew, and change together.
	await := func(what string, ok func(string) bool) {
		t.Helper()
		for deadline := time.Now().Add(2 * time.Minute); !ok(files()); time.Sleep(100 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("waited in vain for %s: %s", what, files())
			}
		}
	}
	await("other files", func(now string) bool { return now != filesBefore })
	if now := files(); strings.Count(now, "\n") != strings.Count(filesBefore, "\n") {
		t.Errorf("files before %s, and now %s", filesBefore, now)
	}
	if out := up.run(t, 0, "promote", m[1], "--undo"); !strings.Contains(out, "undone") {
		t.Errorf("undo: %s", out)
	}
	if words() != before {
		t.Error("undone, the page shows something else than before")
	}
	await("the files from before", func(now string) bool { return now == filesBefore })
	for want, args := range map[string][]string{
		"name documents":      {"rerun"},
		"neither a column":    {"rerun", "--where", "version() = '1'"},
		"no option":           {"rerun", doc.ID, "--option", "text_lair=use"},
		"not found":           {"promote", "999"},
		"name two runs, or a": {"diff", "1"},
	} {
		code := exitUsage
		if want == "not found" {
			code = exitFailed
		}
		if out := up.run(t, code, args...); !strings.Contains(out, want) {
			t.Errorf("%v: %s", args, out)
		}
	}
	up.stop(t, os.Interrupt)
}

func TestPageRanges(t *testing.T) {
	t.Parallel()
	for want, pages := range map[string][]int{"": nil, "4": {4}, "1-3": {3, 1, 2}, "1,3,5-6": {1, 3, 5, 6}} {
		if got := pageRanges(pages); got != want {
			t.Errorf("%v: %q, want %q", pages, got, want)
		}
	}
	var many []int
	for i := range 100 {
		many = append(many, 2*i)
	}
	if got := pageRanges(many); !strings.HasSuffix(got, ",22,…") {
		t.Errorf("%q", got)
	}
}

func TestDiffPairsWhatIsCurrentWithTheNewest(t *testing.T) {
	t.Parallel()
	run := func(id int64, task string, pages ...api.RunPage) api.RunDetail {
		return api.RunDetail{Document: "d", Run: api.Run{ID: id, Task: task}, Pages: pages}
	}
	page := func(n int, state string, current bool) api.RunPage {
		return api.RunPage{Page: n, State: state, Current: current}
	}
	list := api.RunList{Runs: []api.RunDetail{
		run(1, "ocr", page(1, "done", true), page(2, "done", false), page(3, "done", true)),
		run(2, "table", page(1, "done", true)),
		run(3, "ocr", page(1, "failed", false), page(2, "done", true)),
		run(4, "ocr", page(1, "done", false), page(3, "queued", false)),
	}}
	var got []string
	for _, v := range currentAgainstNewest(list, nil) {
		got = append(got, fmt.Sprint(v.task, v.page, ":", v.from, ">", v.to))
	}
	if s := strings.Join(got, " "); s != "ocr1:1>4 ocr2:3>1" {
		t.Errorf("%s", s)
	}
	if _, err := twoRuns(list, [2]int64{1, 2}); err == nil {
		t.Error("runs of two tasks can be compared")
	}
	if _, err := twoRuns(list, [2]int64{1, 9}); err == nil {
		t.Error("a run that is not there can be compared")
	}
	if pages, err := twoRuns(list, [2]int64{1, 4}); err != nil || len(pages) != 2 {
		t.Errorf("%+v, %v", pages, err)
	}
}
