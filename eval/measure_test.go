package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// items makes a manifest of lines.
func itemsOf(t *testing.T, lines ...string) []Item {
	t.Helper()
	items, err := ParseManifest(strings.NewReader(strings.Join(lines, "\n")), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return items
}

// measured runs a measure over items with given answers; an item without one fails.
func measured(t *testing.T, task string, items []Item, answers map[string]Answer) (Totals, map[string]Result) {
	t.Helper()
	m, kept, _, err := Prepare(task, items)
	if err != nil {
		t.Fatal(err)
	}
	each := map[string]Result{}
	totals, err := Run(t.Context(), m, kept, func(_ context.Context, i Item) (Answer, error) {
		a, ok := answers[i.ID]
		if !ok {
			return Answer{}, errors.New("not read")
		}
		return a, nil
	}, Options{Each: func(r Result) error { each[r.ID] = r; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	return totals, each
}

func found(texts ...string) Answer {
	var a Answer
	for _, s := range texts {
		a.Found = append(a.Found, Found{Text: s})
	}
	return a
}

// What each task makes of truths and answers: the pooled figures of a small set.
func TestMeasures(t *testing.T) {
	t.Parallel()
	table := func(cells string) string { return "<table><tr><td>" + cells + "</td></tr></table>" }
	for _, c := range []struct {
		task    string
		lines   []string
		answers map[string]Answer
		want    map[string]float64
	}{
		{"table", []string{`{"id":"a","file":"a","gt":{"html":"<html><body>` + table("x") + `</body></html>"}}`,
			`{"id":"b","file":"b","gt":{"tables":[{"html":"` + table("y") + `"}]}}`, `{"id":"c","file":"c","gt":{"html":"` + table("z") + `"}}`},
			map[string]Answer{"a": found(table("x")), "b": found(table("y"), table("y"))},
			map[string]float64{"teds": 2. / 4, "teds_structure": 2. / 4, "grits_con": 2. / 4, "grits_top": 2. / 4}}, // one surplus, one missing
		{"molecule", []string{`{"id":"a","file":"a","gt":{"smiles":"C[C@H](O)F"}}`, `{"id":"b","file":"b","gt":{"molecules":[{"smiles":"CCO"},{"smiles":"c1ccccc1"}]}}`},
			map[string]Answer{"a": found("C[C@@H](O)F"), "b": found("C1=CC=CC=C1", "OCC", "C(")},
			map[string]float64{"exact": 2. / 4, "graph": 3. / 4, "chiral": 0, "valid": 3. / 4}}, // in any order
		{"omr", []string{`{"id":"a","file":"a","gt":{"kern":"**kern\n4c\n=1\n*-\n"}}`, `{"id":"b","file":"b","gt":"**kern\n4d\n*-"}`},
			map[string]Answer{"a": found("**kern\n4d\n=7\n*-"), "b": found("**kern\n4d\n*-")}, // bar numbers do not count
			map[string]float64{"ler": 100. / 7, "ser": 100. / 12, "cer": 100. / 26}},
		{"omr", []string{`{"id":"a","file":"a","gt":{"systems":[{"kern":"**kern\n4c\n*-\n"},{"kern":"**kern\n4d\n*-"}]}}`},
			map[string]Answer{"a": found("**kern\n4c\n*-", "**kern\n4d\n*-")}, map[string]float64{"ler": 0, "ser": 0}},
		{"answer", []string{`{"id":"a","file":"a","question":"?","metric":"anls","gt":["Paris"]}`, `{"id":"b","file":"b","metric":"relaxed","gt":"100"}`,
			`{"id":"c","file":"c","metric":"vqa","gt":{"answers":["a dog","dog","dog","dog","cat"]}}`, `{"id":"d","file":"d","choices":["True","False"],"gt":"False"}`},
			map[string]Answer{"a": {Text: "paris"}, "b": {Text: "104"}, "c": {Text: "the dog"}, "d": {Text: "True"}},
			map[string]float64{"anls": 1, "relaxed_accuracy": 1, "vqa_accuracy": 1, "accuracy": 0}},
		{"detect", []string{`{"id":"a","file":"a","gt":{"objects":[{"label":"Cat","box":[0,0,10,10]},{"label":"dog","box":[20,0,30,10]}]}}`},
			map[string]Answer{"a": {Found: []Found{{Text: "cat", Box: [4]float64{0, 0, 10, 5}, Confidence: 0.9}, {Text: "cat", Box: [4]float64{0, 0, 10, 10}, Confidence: 0.8}}}},
			map[string]float64{"mean_iou": 0.25, "ap75": 0.25, "recall": 0.5, "precision": 0.5}}, // as many boxes as objects are looked at; half a class's precision
		{"regions", []string{`{"id":"a","file":"a","gt":{"objects":[{"label":"text","box":[0,0,10,10]},{"label":"text","box":[0,20,10,30]}]}}`,
			`{"id":"b","file":"b","gt":{"objects":[]}}`},
			map[string]Answer{"a": {Found: []Found{{Text: "table", Box: [4]float64{0, 20, 10, 30}}, {Text: "text", Box: [4]float64{0, 0, 10, 8}}}},
				"b": {Found: []Found{{Text: "picture", Box: [4]float64{0, 0, 10, 10}}}}},
			map[string]float64{"mean_iou": 0.4, "recall": 0.5, "precision": 1. / 3}}, // what is found on a page of nothing counts
		{"perplexity", []string{`{"id":"a","file":"a","gt":"ab"}`, `{"id":"b","file":"b","gt":{"text":"c"}}`, `{"id":"c","file":"c","gt":"never"}`},
			map[string]Answer{"a": {LogProbs: []float64{math.Log(0.5), math.Log(0.25)}}, "b": {LogProbs: []float64{0}}},
			map[string]float64{"perplexity": 2}}, // weighed by tokens
		{"cxr", []string{`{"id":"a","file":"a","gt":{"findings":"No effusion.","impression":"Normal.","codes":["Edema","Fracture"]}}`,
			`{"id":"b","file":"b","gt":{"codes":[],"radgraph":{"1":{"tokens":"Lung","label":"ANAT-DP"}}}}`, `{"id":"c","file":"c","gt":{"finding":["COVID-19"]}}`},
			map[string]Answer{"a": {Text: "no effusion. normal.", Codes: []string{"Edema", "Pneumonia"}}, "b": {RadGraph: map[string]RadGraphEntity{"x": {Tokens: "lung", Label: "ANAT-DP"}}}},
			map[string]float64{"finding_f1": 0.5, "finding_f1:Edema": 1, "finding_f1:Fracture": 0, "rouge_l": 1, "bleu_1": 1, "radgraph_simple": 1}},
	} {
		totals, _ := measured(t, c.task, itemsOf(t, c.lines...), c.answers)
		for name, want := range c.want {
			if got, ok := totals["default"][name]; !ok || math.Abs(got.Value-want) > 1e-6 || got.Low > got.Value || got.High < got.Value {
				t.Errorf("%s: %s = %+v, want %v", c.task, name, got, want)
			}
		}
	}
}

// The totals of captions are those of the published evaluation over the corpus, and the
// figure of an item does not wait for the others.
func TestCaptionsPoolAsACorpus(t *testing.T) {
	t.Parallel()
	lines := []string{`{"id":"a","file":"a","gt":["A cat sits on a mat.","the cat is sitting"]}`, `{"id":"b","file":"b","gt":{"captions":["two dogs run in a field"]}}`}
	answers := map[string]Answer{"a": {Text: "A cat sits on the mat"}, "b": {Text: "two dogs run"}}
	totals, each := measured(t, "caption", itemsOf(t, lines...), answers)
	captions := []Caption{{PTB("A cat sits on the mat"), []string{PTB("A cat sits on a mat."), PTB("the cat is sitting")}}, {"two dogs run", []string{"two dogs run in a field"}}}
	bleu, _ := BLEU(captions)
	cider, eachCIDEr := CIDEr(captions)
	rouge, _ := ROUGEL(captions)
	for name, want := range map[string]float64{"bleu_1": bleu[0], "bleu_4": bleu[3], "cider": cider, "rouge_l": rouge} {
		if got := totals["default"][name].Value; math.Abs(got-want) > 1e-12 {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	if got := each["b"].Metrics["cider"]; math.Abs(got-eachCIDEr[1]) > 1e-12 || got == 0 {
		t.Errorf("CIDEr of an item %v, want %v", got, eachCIDEr[1])
	}
}

// Average precision of a set is that over all its images, whatever one image is worth.
func TestDetectionsPoolAsACorpus(t *testing.T) {
	t.Parallel()
	var lines []string
	answers := map[string]Answer{}
	var all []Detection
	var objects []Object
	for i := range 12 {
		id := fmt.Sprintf("%02d", i)
		lines = append(lines, fmt.Sprintf(`{"id":%q,"file":"f","gt":{"objects":[{"label":"x","box":[0,0,10,10]}]}}`, id))
		box := [4]float64{0, 0, 10, float64(4 + i%7)}
		answers[id] = Answer{Found: []Found{{Text: "x", Box: box, Confidence: float64(i) / 20}}}
		all = append(all, Detection{id, "x", box, float64(i) / 20})
		objects = append(objects, Object{Image: id, Class: "x", Box: [4]float64{0, 0, 10, 10}})
	}
	totals, _ := measured(t, "detect", itemsOf(t, lines...), answers)
	if got, want := totals["default"]["ap"], AveragePrecision(all, objects).Mean; got.Value != want || got.Low >= want || got.High <= want || got.N != 12 {
		t.Errorf("%+v, want %v inside of an interval", got, want)
	}
}

// Items whose truth says nothing of the task are left out and told; broken truths end the
// run before anything is read.
func TestPrepare(t *testing.T) {
	t.Parallel()
	items := itemsOf(t, `{"id":"a","file":"a","gt":{"findings":"Clear."}}`, `{"id":"b","file":"b","gt":{"finding":["Pneumonia"],"view":"AP"}}`)
	_, kept, without, err := Prepare("cxr", items)
	if err != nil || len(kept) != 1 || len(without) != 1 || without[0].ID != "b" {
		t.Errorf("%v, %v, %v", kept, without, err)
	}
	for task, line := range map[string]string{"table": `{"file":"a","gt":{"html":7}}`, "omr": `{"file":"a","gt_file":"none.krn"}`,
		"answer": `{"file":"a","gt":"x","metric":"best"}`, "caption": `{"file":"a","gt":[1]}`, "perplexity": `{"file":"a"}`, "nonsense": `{"file":"a"}`} {
		if _, _, _, err := Prepare(task, itemsOf(t, line)); err == nil {
			t.Errorf("%s: %s was taken", task, line)
		}
	}
}

// Every truth of the reference data can be read for its task, and its own text is a
// perfect answer.
func TestTruthsArePerfectAnswers(t *testing.T) {
	t.Parallel()
	for task, want := range map[string]struct {
		manifest, metric string
		value            float64
		items            int
	}{"table": {"tables", "teds", 1, 48}, "molecule": {"molecules", "exact", 1, 59}, "omr": {"music", "ser", 0, 56}, "cxr": {"cxr", "rouge_l", 1, 67}} {
		items, err := OpenManifest(sharedFile(t, want.manifest+"/manifest.jsonl"), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		m, kept, without, err := Prepare(task, items)
		if err != nil || len(kept) != want.items || len(kept)+len(without) != len(items) {
			t.Fatalf("%s: %d of %d items have a truth, want %d; %v", task, len(kept), len(items), want.items, err)
		}
		for _, item := range kept {
			truth, err := m.Truth(item)
			if err != nil {
				t.Fatal(err)
			}
			s, err := m.Score(item, truth)
			if got, ok := s.Metrics()[want.metric]; err != nil || !ok || math.Abs(got-want.value) > 1e-12 {
				t.Errorf("%s: %s of its own truth is %v; %v", item.ID, want.metric, got, err)
			}
		}
	}
}

// A run that was killed is taken up where it stopped: what was read is not read again, a
// line that was cut and an item that failed are, and the totals are those of a run in
// peace.
func TestResume(t *testing.T) {
	t.Parallel()
	manifest, read := testSet(t)
	items, err := OpenManifest(manifest, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	peace, err := Run(t.Context(), ocrMeasure(), items, read, Options{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "results.jsonl")
	reads := map[string]int{}
	counting := func(ctx context.Context, i Item) (Answer, error) {
		reads[i.ID]++
		return read(ctx, i)
	}
	system := "one"
	run := func(stopAfter int) (Totals, error) {
		j, err := OpenJournal(path)
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		n := 0
		return Run(t.Context(), ocrMeasure(), items, counting, Options{Known: j.Known,
			Fingerprint: func(i Item) (string, error) { return system + i.ID, nil },
			Each: func(r Result) error {
				if err := j.Add(r); err != nil {
					return err
				}
				if n++; n == stopAfter {
					return errors.New("killed")
				}
				return nil
			}})
	}
	if _, err := run(4); err == nil {
		t.Fatal("the first run was to end early")
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"id":"t.png","subset":"te`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	before := reads["w"]
	totals, err := run(0)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(totals, peace) {
		t.Errorf("resumed %v, in peace %v", totals, peace)
	}
	if reads["w"] != before || reads["bad"] != 2 {
		t.Errorf("reads %v: what was read is read again, or what failed is not", reads)
	}
	// Of a file with every item, only what failed is read again.
	clear(reads)
	if totals, err = run(0); err != nil || !reflect.DeepEqual(totals, peace) || len(reads) != 2 {
		t.Errorf("third run read %v; %v", reads, err)
	}
	// Another model reads everything.
	clear(reads)
	system = "two"
	if totals, err = run(0); err != nil || !reflect.DeepEqual(totals, peace) || len(reads) != len(items) {
		t.Errorf("another model read %v; %v", reads, err)
	}
}

// The page of worst cases holds the worst, escapes what it shows and needs nothing
// besides.
func TestWorst(t *testing.T) {
	t.Parallel()
	items := itemsOf(t, `{"id":"<b>a","file":"a","gt":["<script>alert(1)</script> same"],"question":"q","metric":"anls"}`,
		`{"id":"good","file":"b","gt":["yes"],"metric":"anls"}`, `{"id":"failed","file":"c","gt":["no"],"metric":"anls"}`)
	m, _, _, err := Prepare("answer", items)
	if err != nil {
		t.Fatal(err)
	}
	w := NewWorst(m, 2)
	if _, err := Run(t.Context(), m, items, func(_ context.Context, i Item) (Answer, error) {
		switch i.ID {
		case "good":
			return Answer{Text: "yes"}, nil
		case "failed":
			return Answer{}, errors.New("broken & gone")
		}
		return Answer{Text: `"><img src=x onerror=alert(2)> same`}, nil
	}, Options{Each: func(r Result) error { w.Add(r); return nil }}); err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	err = w.WriteWorst(&page, "t", func(id string) (Item, bool) {
		for _, i := range items {
			if i.ID == id {
				return i, true
			}
		}
		return Item{}, false
	}, func(i Item, n int) (Picture, error) {
		if i.ID == "failed" {
			return Picture{}, errors.New("no picture")
		}
		return Picture{JPEG: []byte{0xff, 0xd8}, Width: 10, Height: 20}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	html := page.String()
	for _, want := range []string{"1. failed", "broken &amp; gone", "no picture", "2. &lt;b&gt;a", "&lt;script&gt;alert(1)", "data:image/jpeg;base64,/9g=", `viewBox="0 0 10 20"`, "same</pre>"} {
		if !strings.Contains(html, want) {
			t.Errorf("%q is missing in %s", want, html)
		}
	}
	for _, never := range []string{"<script", "<img", "3. ", "http://", "https://"} {
		if strings.Contains(html, never) {
			t.Errorf("%q stands in the page", never)
		}
	}
}

// A drop is clear when chance would seldom make it, or when it is large.
func TestDrops(t *testing.T) {
	t.Parallel()
	m := ocrMeasure()
	run := func(metric string, values ...float64) (out []Result) {
		for i, v := range values {
			out = append(out, Result{ID: fmt.Sprint(i), Subset: "s", Metrics: map[string]float64{metric: v}})
		}
		return out
	}
	for _, c := range []struct {
		name string
		a, b []Result
		want int
	}{
		{"the same", run("word_f1", 0.5, 0.6), run("word_f1", 0.5, 0.6), 0},
		{"better", run("word_f1", 0.1, 0.1), run("word_f1", 0.9, 0.9), 0},
		{"large", run("word_f1", 0.5, 0.6), run("word_f1", 0.4, 0.5), 1},
		{"small and by chance", run("word_f1", 0.5, 0.6), run("word_f1", 0.49, 0.6), 0},
		{"small and on every item", run("word_f1", .5, .5, .5, .5, .5, .5, .5), run("word_f1", .49, .49, .49, .49, .49, .49, .49), 1},
		{"no leading metric", run("cer", 0.1, 0.1), run("cer", 0.9, 0.9), 0},
	} {
		if got := Drops(m, Compare(c.a, c.b)); len(got) != c.want {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	errors := kernMeasure()
	if got := Drops(errors, Compare(run("ser", 10, 10), run("ser", 20, 20))); len(got) != 1 {
		t.Errorf("more errors are no drop: %+v", got)
	}
}

// No truth and no answer, however strange, makes a measure fail in another way than by an
// error, or gives a figure that is none.
func FuzzMeasures(f *testing.F) {
	for _, task := range Tasks() {
		f.Add(task, `{"html":"<table><tr><td>a","smiles":"CC","kern":"**kern","objects":[{"label":"a","box":[0,0,1,1]}],"text":"a","answers":["a"],"captions":["b"],"level":"word","codes":["x"]}`, `{"found":[{"text":"<table>","box":[0,0,2,2]}],"text":"b","codes":["y"],"log_probs":[-1]}`)
	}
	f.Fuzz(func(t *testing.T, task, truth, answer string) {
		item := Item{ID: "a", Subset: "s", File: "f", GT: json.RawMessage(truth), Level: LevelWord}
		var a Answer
		if len(truth) > 1000 || len(answer) > 1000 || json.Unmarshal([]byte(answer), &a) != nil {
			return
		}
		m, kept, _, err := Prepare(task, []Item{item})
		if err != nil || len(kept) == 0 {
			return
		}
		s, err := m.Score(item, a)
		if err != nil {
			return
		}
		for name, v := range s.Metrics() {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%s of %s is %v", name, task, v)
			}
		}
		if _, err := json.Marshal(Pool([]Score{s, s})); err != nil {
			t.Error(err)
		}
	})
}

func FuzzResults(f *testing.F) {
	f.Add(`{"id":"a","metrics":{"x":1},"answer":{"text":"b"}}` + "\n" + `{"totals":{}}` + "\n" + `{"id":"a"}`)
	f.Fuzz(func(t *testing.T, s string) {
		results, err := ReadResults(strings.NewReader(s))
		if err == nil {
			Compare(results, results)
		}
	})
}
