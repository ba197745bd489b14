package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"palimpsest.dev/engine"
	"palimpsest.dev/render"
	"palimpsest.dev/store"
	"palimpsest.dev/task"
)

// One small page with text, a table, a molecule and a staff, and a tiny checkpoint that training/overfit.py taught
// this page by heart (testdata/onepage, drawn by training/onepage.py). They show every part at work at once: queue, store,
// objects, renderer, engine, grammars and the plugins. They say nothing about how well anything else is read.

const onePage = "testdata/onepage"

var record = flag.String("record", "", "folder that gets the questions about the page of testdata/onepage, with the right answers")

// pageTruth is what is known of the page: the answers to every prompt, with
// places in pixels of the page, and the rows that follow.
type pageTruth struct {
	Asks []struct {
		Prompt string
		Join   string
		Items  []struct {
			Box  [4]float64
			Said string // with <y12.5> and <x12.5> for locations
		}
	}
	Regions []struct {
		Kind string
		Box  [4]float64
	}
	Words []struct {
		Text string
		Box  [4]float64
	}
	Tables []struct {
		HTML string
		Box  [4]float64
	}
	Cells []struct {
		Row, Col int
		Header   bool
		Text     string
		Box      [4]float64
	}
	Molecules []struct {
		SMILES string
		Box    [4]float64
	}
	Scores []struct {
		Kern string
		Box  [4]float64
	}
	Notes []struct {
		Pitch   string
		Measure int
		Box     [4]float64
	}
}

func onePageTruth(t *testing.T) (truth pageTruth) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(onePage, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &truth); err != nil {
		t.Fatal(err)
	}
	return truth
}

var placed = regexp.MustCompile(`<([xy])([0-9.]+)>`)

// answer is what is right to answer about a view: the items that lie in it but for 0.6 of its pixels, with their places there
// on the default model's grid (docs/targets.md). The transform is that of the view's unit square to the page.
func (p pageTruth) answer(prompt string, to render.Affine) (string, bool) {
	view := boxOfRow([4]float64{to[2], to[5], to[2] + to[0], to[5] + to[4]})
	there := func(s string) string {
		m := placed.FindStringSubmatch(s)
		v, _ := strconv.ParseFloat(m[2], 64)
		if m[1] == "x" {
			v = (v - view.X0) / view.Width()
		} else {
			v = (v - view.Y0) / view.Height()
		}
		return fmt.Sprintf("<loc%04d>", min(1020, max(0, 4*int(math.Floor(v*256+0.5)))))
	}
	for _, ask := range p.Asks {
		if ask.Prompt != prompt {
			continue
		}
		var said []string
		for _, item := range ask.Items {
			if view.Contains(boxOfRow(item.Box), 0.6/224*min(view.Width(), view.Height())) {
				said = append(said, placed.ReplaceAllStringFunc(item.Said, there))
			}
		}
		return strings.Join(said, ask.Join), true
	}
	return "", false
}

// question is a view that the model was shown, what it was asked, and what is right.
type question struct {
	view           *image.RGBA
	prompt, answer string
}

// examiner knows the right answer to every question about the page: it stands between the tasks and the service, where it
// is known which part of the page a view shows.
type examiner struct {
	found Tasks
	page  *image.RGBA
	truth pageTruth
	model Model // answers; nil: the examiner does

	mu    sync.Mutex
	right map[[sha256.Size]byte]question
	asked []question
	wrong []string
}

func newExaminer(t *testing.T, found Tasks, file []byte, model Model) *examiner {
	t.Helper()
	return &examiner{found: found, page: decoded(t, file), truth: onePageTruth(t), model: model, right: map[[sha256.Size]byte]question{}}
}

func keyOf(view *image.RGBA, prompt string) [sha256.Size]byte {
	return sha256.Sum256(append([]byte(prompt+"\n"), view.Pix...))
}

// note works out what is right to answer to what a task asks.
func (x *examiner) note(asks []task.Ask) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, a := range asks {
		view, to := render.View(x.page, boxOf(a.Region), a.Size, a.Fit)
		if answer, ok := x.truth.answer(a.Prompt, to); ok {
			x.right[keyOf(view, a.Prompt)] = question{view, a.Prompt, answer}
		}
	}
}

// Info implements Model.
func (x *examiner) Info() engine.Info {
	if x.model != nil {
		return x.model.Info()
	}
	return engine.Info{Name: "examiner", ImageSize: 224}
}

// Submit implements Model.
func (x *examiner) Submit(ctx context.Context, r engine.Request) (engine.Answer, error) {
	x.mu.Lock()
	q, ok := x.right[keyOf(r.Image, r.Prompt)]
	x.mu.Unlock()
	if !ok {
		return engine.Answer{}, fmt.Errorf("a view that no task asked for, prompt %q", r.Prompt)
	}
	a := engine.Answer{Text: q.answer, Tokens: []engine.Token{{Text: q.answer, LogProb: -0.01}}, Stop: engine.StopEnd}
	if x.model != nil {
		var err error
		if a, err = x.model.Submit(ctx, r); err != nil {
			return a, err
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.asked = append(x.asked, q)
	if a.Text != q.answer || a.Stop != engine.StopEnd {
		x.wrong = append(x.wrong, fmt.Sprintf("%s: %q (%s), want %q", q.prompt, a.Text, a.Stop, q.answer))
	}
	return a, nil
}

// Task implements Tasks.
func (x *examiner) Task(name string) (task.Task, error) {
	inner, err := x.found.Task(name)
	if err != nil {
		return nil, err
	}
	if f, ok := inner.(task.Finisher); ok {
		return finishingWatched{watched{inner, x}, f}, nil
	}
	return watched{inner, x}, nil
}

// watched is a task whose questions the examiner sees.
type watched struct {
	task.Task
	x *examiner
}

func (w watched) Plan(ctx context.Context, page task.Page, how task.Profile) ([]task.Ask, error) {
	asks, err := w.Task.Plan(ctx, page, how)
	w.x.note(asks)
	return asks, err
}

func (w watched) Read(ctx context.Context, page task.Page, answers []task.Answer) (task.Reading, error) {
	r, err := w.Task.Read(ctx, page, answers)
	w.x.note(r.Asks)
	return r, err
}

// finishingWatched keeps what the task says about whole documents.
type finishingWatched struct {
	watched
	finisher task.Finisher
}

func (w finishingWatched) Finish(ctx context.Context, d task.Document) (task.Reading, error) {
	return w.finisher.Finish(ctx, d)
}

// decoded is an image file as pages are kept.
func decoded(t *testing.T, file []byte) *image.RGBA {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	out := image.NewRGBA(img.Bounds())
	draw.Draw(out, out.Rect, img, image.Point{}, draw.Src)
	return out
}

// submitMixed has a page read for everything.
func (p *place) submitMixed(t *testing.T, name string, file []byte) store.DocumentID {
	t.Helper()
	o, err := p.blobs.PutBytes(t.Context(), file, "image/png")
	if err != nil {
		t.Fatal(err)
	}
	doc, _, err := p.store.Submit(t.Context(), store.NewDocument{Name: name, Hash: o.Hash, Bytes: o.Bytes, Runs: mixedRuns()})
	if err != nil {
		t.Fatal(err)
	}
	return doc.ID
}

// The truth and the tasks agree: right answers make the rows that the page is known to have. With -record the questions
// are written down for training/overfit.py.
func TestRightAnswersMakeTheRowsOfThePage(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds five plugins")
	}
	file, err := os.ReadFile(filepath.Join(onePage, "page.png"))
	if err != nil {
		t.Fatal(err)
	}
	profile, err := task.ReadProfile(filepath.Join(onePage, "model"))
	if err != nil {
		t.Fatal(err)
	}
	p := newPlace(t)
	x := newExaminer(t, everyPlugin(t, p.store), file, nil)
	stop := p.work(t, x, x, profile)
	id := p.submitMixed(t, "page.png", file)
	checkOnePage(t, p, id, x.truth)
	stop() // nobody asks any more
	if *record != "" {
		x.write(t, *record)
	}
}

// openOnePage opens the checkpoint that knows the page by heart, with its profile.
func openOnePage(t *testing.T) (*engine.Engine, task.ModelProfile) {
	t.Helper()
	folder := filepath.Join(onePage, "model")
	profile, err := task.ReadProfile(folder)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(folder, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e, profile
}

// The whole service reads the page with a real checkpoint: every relation has the page's rows, in their places. They come
// from looking at it: pages of other things, the same one upside down among them, have none.
func TestARealModelReadsAMixedPage(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds five plugins")
	}
	file, err := os.ReadFile(filepath.Join(onePage, "page.png"))
	if err != nil {
		t.Fatal(err)
	}
	e, profile := openOnePage(t)
	p := newPlace(t)
	found := everyPlugin(t, p.store)
	x := newExaminer(t, found, file, e)
	stop := p.work(t, x, x, profile)
	id := p.submitMixed(t, "page.png", file)
	checkOnePage(t, p, id, x.truth)
	stop()
	for _, w := range x.wrong {
		t.Errorf("%s (if the page, a plan of views, a prompt or the form of an answer is new, the checkpoint must be taught again: "+
			"training/README.md, A page by heart)", w)
	}
	prompts := map[string]int{}
	for _, q := range x.asked {
		prompts[q.prompt]++
	}
	if len(prompts) != len(x.truth.Asks) || prompts[profile.Tasks["omr"].Prompt] != 2 {
		t.Errorf("asked: %v", prompts)
	}
	checkFilesOfTasks(t, p, id)
	if underRace {
		return // more of the same
	}

	p.work(t, found, e, profile)
	for name, other := range map[string][]byte{"upside down": upsideDown(t, x.page), "blocks": mixedPage(t)} {
		id := p.submitMixed(t, name+".png", other)
		if d := p.end(t, id); d.State == store.DocumentFailed {
			t.Errorf("%s: %+v", name, d.Failure)
		}
		for _, r := range [][2]string{{"regions", "region"}, {"ocr", "word"}, {"table", "cell"}, {"molecule", "molecule"}, {"omr", "note"}} {
			rows, err := p.store.Results(t.Context(), id, r[0], r[1], 0, store.Cursor{}, 0)
			if err != nil || len(rows) > 0 {
				t.Errorf("%s: %d rows of %s.%s, %v: %+v", name, len(rows), r[0], r[1], err, rows)
			}
		}
	}
}

// checkFilesOfTasks sees that every task that writes files of a whole document did.
func checkFilesOfTasks(t *testing.T, p *place, id store.DocumentID) {
	t.Helper()
	objects, err := p.store.Objects(t.Context(), id, 0)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]int{}
	for _, o := range objects {
		if o.Page == 0 {
			files[o.Task]++
		}
	}
	for _, name := range []string{"ocr", "table", "molecule", "omr"} {
		if files[name] == 0 {
			t.Errorf("no files of task %s: %v", name, files)
		}
	}
}

// upsideDown is a page turned by half.
func upsideDown(t *testing.T, page *image.RGBA) []byte {
	t.Helper()
	out := image.NewRGBA(page.Rect)
	for i := range len(page.Pix) / 4 {
		copy(out.Pix[len(out.Pix)-4*i-4:], page.Pix[4*i:4*i+4])
	}
	var b bytes.Buffer
	if err := png.Encode(&b, out); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// write puts every question that was asked into a folder: a picture each, and a line of questions.jsonl.
func (x *examiner) write(t *testing.T, folder string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	asked := map[[sha256.Size]byte]question{}
	for _, q := range x.asked {
		asked[keyOf(q.view, q.prompt)] = q
	}
	var lines []string
	for i, q := range slices.SortedFunc(maps.Values(asked), func(a, b question) int {
		return strings.Compare(a.prompt+a.answer+string(a.view.Pix), b.prompt+b.answer+string(b.view.Pix))
	}) {
		grey := image.NewGray(q.view.Rect)
		draw.Draw(grey, grey.Rect, q.view, image.Point{}, draw.Src)
		var b bytes.Buffer
		if err := png.Encode(&b, grey); err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("q%02d.png", i)
		if err := os.WriteFile(filepath.Join(folder, name), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		line, err := json.Marshal(map[string]string{"file": name, "prompt": q.prompt, "answer": q.answer})
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	if err := os.WriteFile(filepath.Join(folder, "questions.jsonl"), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// checkOnePage waits for the document and holds the rows of every relation to what is printed, where it is printed.
func checkOnePage(t *testing.T, p *place, id store.DocumentID, truth pageTruth) {
	t.Helper()
	if d := p.end(t, id); d.State != store.DocumentComplete || len(d.Runs) != 5 {
		pages, _ := p.store.Pages(t.Context(), id)
		t.Fatalf("%s, %d runs: %+v %+v", d.State, len(d.Runs), d.Failure, pages)
	}
	type row struct {
		says string
		box  [4]float64
	}
	check := func(name, relation string, says func(store.ResultRow) string, want []row) {
		t.Helper()
		rows, err := p.store.Results(t.Context(), id, name, relation, 0, store.Cursor{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) != len(want) {
			t.Errorf("%s.%s: %d rows, want %d", name, relation, len(rows), len(want))
		}
		for i, r := range rows[:min(len(rows), len(want))] {
			got, on := boxOfRow(r.Box), boxOfRow(want[i].box)
			if says(r) != want[i].says || got.IoU(on) < 0.6 || r.Source != task.SourceModel {
				t.Errorf("%s.%s: %q at %v (%s), want %q at %v", name, relation, says(r), r.Box, r.Source, want[i].says, want[i].box)
			}
			t.Logf("%s.%s %q at %.0f, overlap %.2f, confidence %.2f", name, relation, says(r), r.Box, got.IoU(on), r.Confidence)
		}
	}
	of := func(columns ...string) func(store.ResultRow) string {
		return func(r store.ResultRow) string {
			var s []string
			for _, c := range columns {
				s = append(s, fmt.Sprint(r.Values[c]))
			}
			return strings.Join(s, " ")
		}
	}
	var words, tables, cells, molecules, scores, notes, regions []row
	for _, w := range truth.Words {
		words = append(words, row{w.Text, w.Box})
	}
	for _, table := range truth.Tables {
		tables = append(tables, row{table.HTML, table.Box})
	}
	for _, c := range truth.Cells {
		cells = append(cells, row{fmt.Sprint(c.Row, c.Col, c.Header, " ", c.Text), c.Box})
	}
	for _, m := range truth.Molecules {
		molecules = append(molecules, row{m.SMILES, m.Box})
	}
	for _, s := range truth.Scores {
		scores = append(scores, row{"true " + s.Kern, s.Box})
	}
	for _, n := range truth.Notes {
		notes = append(notes, row{fmt.Sprint(n.Measure, " ", n.Pitch), n.Box})
	}
	for _, r := range truth.Regions {
		regions = append(regions, row{r.Kind, r.Box})
	}
	check("regions", "region", of("kind"), regions)
	check("ocr", "word", of("text"), words)
	check("table", "table", of("html"), tables)
	check("table", "cell", of("row", "col", "header", "text"), cells)
	check("molecule", "molecule", of("smiles"), molecules)
	check("omr", "score", of("valid", "kern"), scores)
	check("omr", "note", of("measure", "pitch"), notes)
}

func boxOfRow(b [4]float64) task.Box { return task.Box{X0: b[0], Y0: b[1], X1: b[2], Y1: b[3]} }
