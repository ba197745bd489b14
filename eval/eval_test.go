package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// testSet is a manifest with one item of every level and a reader that reads it with
// known faults.
func testSet(t *testing.T) (manifest string, read Reader) {
	dir := t.TempDir()
	writeFile(t, dir, "w.json", `{"level":"word","width":100,"height":100,"words":[
		{"text":"one","bbox":[0,0,20,10],"legible":true},{"text":"two","bbox":[30,0,50,10]},
		{"text":"###","bbox":[60,0,80,10],"legible":false},{"text":"x=y","bbox":[0,50,20,60],"label":"equation"}]}`)
	lines := []string{
		`{"id":"w","subset":"words","file":"w.png","gt_file":"w.json"}`,
		``,
		`{"id":"bad","subset":"words","file":"bad.png","gt_file":"w.json"}`,
		`{"subset":"lines","file":"l.png","gt":{"level":"line","lines":[{"text":"A b","bbox":[0,0,9,9],"label":7},{"text":"c d","polygon":[[0,9],[9,9],[9,18]]}],"text":"A b\nc d"}}`,
		`{"subset":"text","file":"t.png","level":"page_text","gt":{"text":"école  du\nsoir"}}`,
		`{"subset":"facts","file":"f.pdf","gt":{"level":"fact_tests","tests":[{"type":"present","text":"seen","page":2}]}}`,
		`{"subset":"boxes","file":"d.png","gt":{"level":"word_detection_only","words":[{"text":null,"bbox":[0,0,10,10]}]}}`,
		`{"subset":"many","file":"m.pdf","gt":{"level":"word","pages":[{"width":10,"height":10,"words":[{"text":"p","bbox":[0,0,5,5]}]},{"words":[]}]}}`,
	}
	manifest = writeFile(t, dir, "manifest.jsonl", strings.Join(lines, "\n"))
	pages := func(file string) ([]Page, error) {
		word := func(s string, b ...float64) Word { return Word{Text: s, Box: [4]float64(b)} }
		switch filepath.Base(file) {
		case "w.png": // the raster has twice the truth's resolution
			return []Page{{Number: 1, Width: 200, Height: 200, Words: []Word{word("one", 0, 0, 40, 20), word("tvo", 60, 0, 100, 20), word("mud", 120, 0, 150, 20)}}}, nil
		case "l.png":
			return []Page{{Number: 1, Words: []Word{word("A", 0, 0, 1, 1), word("b", 0, 0, 1, 1), word("d", 0, 0, 1, 1)}}}, nil
		case "t.png":
			return []Page{{Number: 1, Words: []Word{word("école", 0, 0, 1, 1), word("du", 0, 0, 1, 1), word("soir", 0, 0, 1, 1)}}}, nil
		case "f.pdf":
			return []Page{{Number: 1}, {Number: 2, Words: []Word{word("seen", 0, 0, 1, 1)}}}, nil
		case "d.png":
			return []Page{{Number: 1, Words: []Word{word("any", 0, 0, 10, 9)}}}, nil
		case "m.pdf":
			return []Page{{Number: 1, Width: 20, Height: 20, Words: []Word{word("p", 0, 0, 10, 10)}}, {Number: 2, Words: []Word{word("ghost", 0, 0, 5, 5)}}, {Number: 3, Error: "damaged"}}, nil
		}
		return nil, fmt.Errorf("cannot open %s", filepath.Base(file))
	}
	read = func(_ context.Context, item Item) (Answer, error) {
		p, err := pages(item.Path())
		return Answer{Pages: p}, err
	}
	return manifest, read
}

// A run prints every item, keeps what failed, pools by subset, and gives intervals.
func TestRun(t *testing.T) {
	t.Parallel()
	manifest, read := testSet(t)
	items, err := OpenManifest(manifest, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]Result{}
	totals, err := Run(t.Context(), ocrMeasure(), items, read, Options{Each: func(r Result) error { seen[r.ID] = r; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]float64{
		"words": {"word_f1": 2 * 1.0 / (2 + 4), "word_precision": 0.5, "word_recall": 0.25, "box_f1": 2 * 2.0 / (2 + 4), "bag_of_words_f1": 2 * 1.0 / (2 + 4), "cer": 8.0 / 14},
		"lines": {"bag_of_words_f1": 6.0 / 7, "cer": 2.0 / 7},
		"text":  {"bag_of_words_f1": 1, "cer": 0},
		"facts": {"facts": 1},
		"boxes": {"box_f1": 1},
		"many":  {"word_f1": 2 * 1.0 / (2 + 1)},
	}
	for subset, metrics := range want {
		for name, v := range metrics {
			got := totals[subset][name]
			if diff := got.Value - v; diff > 1e-9 || diff < -1e-9 {
				t.Errorf("%s %s = %v, want %v", subset, name, got.Value, v)
			}
			if got.Low > got.Value || got.High < got.Value {
				t.Errorf("%s %s: %v is not an interval around the value", subset, name, got)
			}
		}
	}
	for subset, absent := range map[string]string{"lines": "word_f1", "text": "box_f1", "facts": "cer", "boxes": "word_f1"} {
		if _, ok := totals[subset][absent]; ok {
			t.Errorf("%s has %s, which its truth cannot say", subset, absent)
		}
	}
	if v := totals["words"]["word_f1"]; v.N != 2 || v.Low != 0 || v.High != 0.5 {
		t.Errorf("interval %+v: two items, one of them worth 0, the other 0.5", v)
	}
	if !strings.Contains(seen["bad"].Error, "cannot open") || !strings.Contains(seen["m.pdf"].Error, "page 3: damaged") {
		t.Errorf("errors are told: %q, %q", seen["bad"].Error, seen["m.pdf"].Error)
	}
	if len(seen["w"].Answer.Pages[0].Words) != 3 || seen["w"].Metrics["word_recall"] != 0.5 {
		t.Errorf("item line %+v", seen["w"])
	}
	again, err := Run(t.Context(), ocrMeasure(), items, read, Options{Jobs: 3})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(totals)
	b, _ := json.Marshal(again)
	if string(a) != string(b) {
		t.Error("two runs give different totals")
	}
}

func TestRunStops(t *testing.T) {
	t.Parallel()
	manifest, read := testSet(t)
	items, err := OpenManifest(manifest, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	_, err = Run(ctx, ocrMeasure(), items, read, Options{Jobs: 2, Each: func(Result) error { n++; cancel(); return nil }})
	if !errors.Is(err, context.Canceled) || n > 2 {
		t.Errorf("after %d items: %v", n, err)
	}
	if _, err := Run(t.Context(), ocrMeasure(), []Item{{ID: "x", File: "x", GTFile: "none.json", dir: t.TempDir()}}, read, Options{}); err == nil {
		t.Error("a missing truth must end the run")
	}
}

func TestManifestSelection(t *testing.T) {
	t.Parallel()
	manifest, _ := testSet(t)
	if items, err := OpenManifest(manifest, []string{"lines", "words"}, 1); err != nil || len(items) != 2 {
		t.Errorf("%v, %v: want one item of each subset", items, err)
	}
	if _, err := OpenManifest(manifest, []string{"wrods"}, 0); err == nil || !strings.Contains(err.Error(), "wrods") {
		t.Errorf("an unknown subset must be named: %v", err)
	}
	if _, err := ParseManifest(strings.NewReader(`{"id":"x"}`), "."); err == nil {
		t.Error("a line without file must be refused")
	}
	if _, err := ParseManifest(strings.NewReader("{}\n{"), "."); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("the line must be named: %v", err)
	}
}

// Every labelled file of the reference data can be read.
func TestRealTruths(t *testing.T) {
	t.Parallel()
	items, err := OpenManifest(sharedFile(t, "ocr/manifest.jsonl"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range items {
		truth, err := item.Truth()
		if err != nil {
			t.Error(err)
			continue
		}
		// A perfect reading scores perfectly.
		var pages []Page
		for i, p := range truth.Pages {
			page := Page{Number: i + 1, Words: p.Words}
			if truth.Level == LevelText || truth.Level == LevelLine || truth.Level == LevelLineImage {
				for _, tok := range strings.Fields(p.Text) {
					page.Words = append(page.Words, Word{Text: tok})
				}
			}
			pages = append(pages, page)
		}
		for name, v := range ScorePages(truth, pages).Metrics() {
			switch {
			case strings.HasPrefix(name, "bag") && truth.Level == LevelLine, name == "facts":
			case (name == "cer" || name == "wer") && truth.Level == LevelWord: // words need not stand in reading order
			case LowerIsBetter(name) && v != 0, !LowerIsBetter(name) && v != 1:
				t.Errorf("%s: %s of a perfect reading is %v", item.ID, name, v)
			}
		}
	}
}

func FuzzTruth(f *testing.F) {
	f.Add([]byte(`{"level":"word","width":9,"height":9,"words":[{"text":"a","bbox":[0,0,1,1]}],"text":"a"}`))
	f.Add([]byte(`{"level":"line","lines":[{"text":"a","polygon":[[1,2],[3,4]],"legible":false}]}`))
	f.Add([]byte(`{"level":"fact_tests","tests":[{"type":"order","before":"a","after":"b"}]}`))
	f.Add([]byte(`{"level":"page_text","pages":[{"text":"a"},{}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		truth, err := ParseTruth(raw, "")
		if err != nil {
			return
		}
		for name, v := range ScorePages(truth, []Page{{Number: 1, Width: 10, Height: 10, Words: []Word{{Text: "a", Box: [4]float64{0, 0, 1, 1}}}}}).Metrics() {
			if v < 0 || v > 1 && !LowerIsBetter(name) {
				t.Errorf("%s = %v", name, v)
			}
		}
	})
}

func FuzzManifest(f *testing.F) {
	f.Add("{\"file\":\"a.png\",\"gt\":{\"level\":\"word\",\"words\":[]}}\n\n{\"file\":\"../b\",\"gt_file\":\"/c\"}")
	f.Fuzz(func(t *testing.T, s string) {
		items, err := ParseManifest(strings.NewReader(s), t.TempDir())
		if err != nil {
			return
		}
		for _, item := range items {
			if item.Subset == "" || item.ID == "" {
				t.Errorf("%+v has no name", item)
			}
		}
	})
}
