package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"palimpsest.dev/engine"
	"palimpsest.dev/ingest"
	"palimpsest.dev/task"
)

// silent is a model that says nothing: the tasks of these tests do not listen.
type silent struct{}

func (silent) Info() engine.Info { return engine.Info{Name: "silent", ImageSize: 224} }
func (silent) Submit(context.Context, engine.Request) (engine.Answer, error) {
	return engine.Answer{Stop: engine.StopEnd}, nil
}

// rowTask gives a row for each region of the page, or, where it finds them, the regions.
type rowTask struct {
	name   string
	kinds  []string
	found  []task.Record
	err    error
	why    string // unreadable
	called *atomic.Int64
}

func (t rowTask) Info() task.Info {
	rel := task.Relation{Name: t.name, Columns: []task.Column{{Name: "html", Type: task.Text}}}
	if t.name == task.RegionsTask {
		rel = task.Relation{Name: task.RegionRelation, Columns: []task.Column{{Name: task.KindColumn, Type: task.Text}}}
	}
	return task.Info{Name: t.name, Version: "1", Summary: "s", Rounds: 1, MaxAsks: 9, Regions: t.kinds, Relations: []task.Relation{rel}}
}

func (t rowTask) Plan(context.Context, task.Page, task.Profile) ([]task.Ask, error) {
	return nil, t.err
}

func (t rowTask) Read(_ context.Context, page task.Page, _ []task.Answer) (task.Reading, error) {
	t.called.Add(1)
	if t.name == task.RegionsTask {
		return task.Reading{Records: t.found, Unreadable: t.why}, nil
	}
	var r task.Reading
	for _, region := range page.Regions {
		r.Records = append(r.Records, task.Record{Relation: t.name, Box: region.Box, Confidence: region.Confidence, Source: task.SourceModel,
			Values: map[string]any{"html": region.Source}})
	}
	return r, nil
}

// readPaper reads a page by the tasks regions, table and omr, and returns what is printed of it.
func readPaper(t *testing.T, finder rowTask) []runLine {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 400, 300))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	for y := 20; y < 280; y += 28 {
		for x := 20; x < 380; x += 13 {
			draw.Draw(img, image.Rect(x, y, x+9, y+14), image.NewUniform(color.Black), image.Point{}, draw.Src)
		}
	}
	file := filepath.Join(t.TempDir(), "page.png")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(png.Encode(f, img), f.Close()); err != nil {
		t.Fatal(err)
	}
	view := func(v string) task.Profile { return task.Profile{View: v} }
	parts := &readingParts{catalogue: catalogue{profile: task.ModelProfile{Tasks: map[string]task.Profile{
		task.RegionsTask: view(task.ViewPage), "table": view(task.ViewRegion), "omr": view(task.ViewRegion)}}}}
	find := chosenTask{name: task.RegionsTask, task: finder, profile: view(task.ViewPage)}
	var calls atomic.Int64
	r := &fileReader{parts: parts, model: silent{}, finder: &find, o: readerOptions{Jobs: 2}, tasks: []chosenTask{
		{name: "table", task: rowTask{name: "table", kinds: []string{task.RegionTable}, called: &calls}, profile: view(task.ViewRegion)},
		find,
		{name: "omr", task: rowTask{name: "omr", kinds: []string{task.RegionStaff}, called: &calls}, profile: view(task.ViewRegion)},
	}}
	var lines []runLine
	if err := r.Read(t.Context(), []string{file}, func(got fileResult) error {
		lines = append(lines, lineOf(got, "silent"))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return lines
}

func foundRegion(kind string, x0, y0, x1, y1, confidence float64) task.Record {
	return task.Record{Relation: task.RegionRelation, Box: task.Box{X0: x0, Y0: y0, X1: x1, Y1: y1}, Confidence: confidence, Source: task.SourceModel,
		Values: map[string]any{task.KindColumn: kind}}
}

// Without a database, too, regions are found once for a page, and each task reads those of its kinds.
func TestRunFindsRegionsOnce(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	lines := readPaper(t, rowTask{name: task.RegionsTask, called: &calls, found: []task.Record{
		foundRegion("table", 10, 150, 200, 250, 0.5), foundRegion("picture", 210, 150, 390, 250, 0.5), foundRegion("table", 10, 10, 390, 100, 0.75)}})
	if calls.Load() != 1 {
		t.Errorf("regions were found %d times", calls.Load())
	}
	var got []string
	for _, l := range lines {
		b, err := json.Marshal(map[string]any{"state": l.State, "task": l.Task, "tables": l.Tables, "scores": l.Scores, "regions": l.Regions})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(b))
	}
	upper := `{"box":[10,10,390,100],"confidence":0.75,"kind":"table","source":"model"}`
	lower := `{"box":[10,150,200,250],"confidence":0.5,"kind":"table","source":"model"}`
	want := []string{
		`{"regions":[` + upper + `,` + lower + `],"scores":null,"state":"done","tables":[{"box":[10,10,390,100],"confidence":0.75,"html":"model"},{"box":[10,150,200,250],"confidence":0.5,"html":"model"}],"task":"table"}`,
		`{"regions":[` + lower + `,{"box":[210,150,390,250],"confidence":0.5,"kind":"picture","source":"model"},` + upper + `],"scores":null,"state":"done","tables":null,"task":"regions"}`,
		`{"regions":[],"scores":[],"state":"done","tables":null,"task":"omr"}`,
	}
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Errorf("line %d:\n%s\nwant\n%s", i, got[min(i, len(got)-1)], want[i])
		}
	}
}

// What becomes of the regions becomes of those who wait for them.
func TestRunSaysThatRegionsFailed(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		finder rowTask
		state  ingest.State
		said   string
	}{
		"unreadable": {rowTask{why: "it repeated itself"}, ingest.StateUnreadable, "finding the page's regions: it repeated itself"},
		"failed":     {rowTask{err: fmt.Errorf("%w: no prompt", task.ErrInvalid)}, ingest.StateFailed, "finding the page's regions: "},
	} {
		c.finder.name, c.finder.called = task.RegionsTask, new(atomic.Int64)
		for _, l := range readPaper(t, c.finder) {
			said := l.Reason
			if l.Error != nil {
				said = l.Error.Message
			}
			if l.State != string(c.state) || l.Task != task.RegionsTask && !strings.HasPrefix(said, c.said) {
				t.Errorf("%s: %s is %s: %q", what, l.Task, l.State, said)
			}
		}
	}
}

// The fields of each task are those that the documentation names.
func TestEveryTaskHasItsForm(t *testing.T) {
	t.Parallel()
	at := task.Box{X0: 1, Y0: 2, X1: 3, Y1: 4}
	for name, c := range map[string]struct {
		record task.Record
		want   string
	}{
		"ocr":      {task.Record{Relation: "word", Values: map[string]any{"text": "a"}}, `"words":[{"text":"a","box":[1,2,3,4],"confidence":0.5,"source":"model"}]`},
		"table":    {task.Record{Relation: "table", Values: map[string]any{"html": "h"}}, `"tables":[{"box":[1,2,3,4],"confidence":0.5,"html":"h"}]`},
		"molecule": {task.Record{Relation: "molecule", Values: map[string]any{"text": "OC", "smiles": "CO", "formula": "CH4O", "label": "3a"}}, `"molecules":[{"box":[1,2,3,4],"confidence":0.5,"smiles":"OC","canonical":"CO","formula":"CH4O","label":"3a"}]`},
		"omr":      {task.Record{Relation: "score", Values: map[string]any{"kern": "k", "valid": false, "reason": "r"}}, `"scores":[{"box":[1,2,3,4],"confidence":0.5,"kern":"k","valid":false,"reason":"r"}]`},
		"regions":  {task.Record{Relation: "region", Values: map[string]any{"kind": "film"}}, `"regions":[{"box":[1,2,3,4],"confidence":0.5,"kind":"film","source":"model"}]`},
		"pagenum":  {task.Record{Relation: "number", Values: map[string]any{"n": 7}}, `"records":{"number":[{"box":[1,2,3,4],"confidence":0.5,"source":"model","values":{"n":7}}]}`},
	} {
		c.record.Box, c.record.Confidence, c.record.Source = at, 0.5, task.SourceModel
		b, err := json.Marshal(lineOf(fileResult{File: "f", Page: 1, Task: name, Outcome: ingest.Outcome{State: ingest.StateDone, Records: []task.Record{c.record}}}, "m"))
		if err != nil || !strings.Contains(string(b), c.want) || strings.Count(string(b), "[1,2,3,4]") != 1 {
			t.Errorf("%s: %s, want %s", name, b, c.want)
		}
	}
}

func TestRegionsOnTheCommandLine(t *testing.T) {
	t.Parallel()
	if box, err := parseBox("1, 2.5,3,4"); err != nil || box != [4]float64{1, 2.5, 3, 4} {
		t.Errorf("%v, %v", box, err)
	}
	for _, wrong := range []string{"", "1,2,3", "1,2,3,x", "1,2,3,4,5"} {
		if _, err := parseBox(wrong); err == nil {
			t.Errorf("%q passes", wrong)
		}
	}
}
