package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"palimpsest.dev/api"
	"palimpsest.dev/store"
	"palimpsest.dev/task/host"
)

// What follows from an answer follows from one that a person wrote: the plugins themselves read it.
func TestAnswersOfPeopleAreReadByTheTasks(t *testing.T) {
	t.Parallel()
	if testing.Short() || underRace {
		t.Skip("builds four plugins")
	}
	dir := t.TempDir()
	for _, name := range []string{"table", "molecule", "omr", "cxr", "ocr"} {
		build := exec.Command("go", "build", "-o", filepath.Join(dir, host.Prefix+name), "palimpsest.dev/plugins/"+name)
		build.Dir = root(t)
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
	}
	h, err := host.Open(host.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	c := &catalogue{host: h}
	page, box := store.Page{Number: 1, Width: 1000, Height: 800}, [4]float64{100, 100, 500, 300}
	for _, want := range []struct {
		task, text, relation, column string
		value                        any
		rows                         int
	}{
		{"table", "<table><tr><th>a<th>b<tr><td>1<td>2</table>", "table", "cols", int64(2), 5},
		{"molecule", "OCC\n", "molecule", "formula", "C2H6O", 1},
		{"omr", "**kern\n*clefG2\n4c\n4d\n*-\n", "score", "notes", int64(2), 3},
		{"cxr", "FINDINGS: No pleural effusion.", "report", "findings", "No pleural effusion.", 0},
	} {
		rows, err := c.ReadAs(t.Context(), want.task, page, box, want.text)
		if err != nil {
			t.Errorf("%s: %v", want.task, err)
			continue
		}
		if r := rows[0]; r.Relation != want.relation || r.Box != box || r.Source != "person" || r.Confidence != 1 || r.Values[want.column] != want.value {
			t.Errorf("%s: %+v", want.task, r)
		}
		if want.rows > 0 && len(rows) != want.rows {
			t.Errorf("%s: %d rows, want %d", want.task, len(rows), want.rows)
		}
	}
	for _, bad := range []struct{ task, text string }{{"table", "no table at all"}, {"table", ""}, {"ocr", "a word"}} {
		_, err := c.ReadAs(t.Context(), bad.task, page, box, bad.text)
		var p *api.Problem
		if !errors.As(err, &p) || p.Status != 422 || !strings.Contains(p.Hint, "HTML") {
			t.Errorf("%s %q: %v", bad.task, bad.text, err)
		}
	}
}

// A word is corrected over the real server: results, files of the document and labels say what the person said, and the
// word that was read is back when that is undone.
func TestCorrectAWordAndTakeItBack(t *testing.T) {
	t.Parallel()
	if testing.Short() || underRace {
		t.Skip("starts Postgres, object store, model and plugins")
	}
	data := filepath.Join(openFolder(t), "state")
	up := startUp(t, data)
	doc := up.submitHandbook(t)
	client := api.Client{BaseURL: up.address}
	words := func() (first api.Record, all []string) {
		err := client.AllResults(t.Context(), doc.ID, "ocr", api.ResultQuery{Relation: "word", Page: 3}, func(r api.Record) error {
			if len(all) == 0 {
				first = r
			}
			all = append(all, r.Text())
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return first, all
	}
	was, before := words()
	place := fmt.Sprintf("%f,%f,%f,%f", was.Box[0], was.Box[1], was.Box[2], was.Box[3])
	if out := up.run(t, 0, "correct", doc.ID, "3", "--at", place, "--text", "Xylophone", "--by", "ada"); !strings.Contains(out, `-> "Xylophone"  by ada`) {
		t.Errorf("correct: %s", out)
	}
	now, after := words()
	if now.Source != "person" || after[0] != "Xylophone" || len(after) != len(before) {
		t.Errorf("%+v, %d words of %d", now, len(after), len(before))
	}
	text := func() string {
		files, err := client.Files(t.Context(), doc.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if f.Page == 0 && f.Name == "document.txt" {
				raw, err := client.Fetch(t.Context(), f.Link)
				if err != nil {
					t.Fatal(err)
				}
				return string(raw)
			}
		}
		return ""
	}
	await := func(what string, ok func() bool) {
		t.Helper()
		for deadline := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(100 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("waited in vain for %s", what)
			}
		}
	}
	await("the files to say it", func() bool { return strings.Contains(text(), "Xylophone") })
	dir := t.TempDir()
	if out := up.run(t, 0, "export", "--labels", dir, "--all"); !strings.Contains(out, "1 labels of 1 pages") {
		t.Errorf("labels: %s", out)
	}
	if raw, err := os.ReadFile(filepath.Join(dir, labelsFile)); err != nil || !strings.Contains(string(raw), `{"text":"Xylophone","bbox":[`) {
		t.Errorf("labels: %v: %.300s", err, raw)
	}
	if out := up.run(t, 0, "runs", doc.ID); out == "" {
		t.Error("no runs")
	}
	up.run(t, 0, "correct", doc.ID, "--undo", "1", "--by", "bob")
	if again, all := words(); again.Source != was.Source || strings.Join(all, " ") != strings.Join(before, " ") {
		t.Errorf("after the undo: %+v", again)
	}
	if out := up.run(t, 0, "correct", doc.ID); !strings.Contains(out, "(undone)") || !strings.Contains(out, "undo    of 1  by bob") {
		t.Errorf("history: %s", out)
	}
	await("the files to be as they were", func() bool { return !strings.Contains(text(), "Xylophone") })
}
