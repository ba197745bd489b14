package ingest

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"palimpsest.dev/engine"
	"palimpsest.dev/store"
	"palimpsest.dev/task"
	"palimpsest.dev/task/host"
)

// inkOf is the colour that each kind of thing is drawn in on the mixed page.
// The model of these tests knows things by their colour and nothing else, so it
// says where they stand by looking at the pixels it is shown.
var inkOf = map[string]color.RGBA{
	"text": {0, 0, 0, 255}, "table": {200, 0, 0, 255}, "molecule": {0, 150, 0, 255}, "staff": {0, 0, 220, 255}, "picture": {200, 150, 0, 255},
}

// drawnAt is where they stand.
var drawnAt = map[string]image.Rectangle{
	"text": image.Rect(100, 90, 889, 300), "table": image.Rect(100, 400, 486, 694), "molecule": image.Rect(600, 420, 882, 686),
	"staff": image.Rect(120, 850, 896, 948), "picture": image.Rect(300, 1100, 699, 1310),
}

const mixedWidth, mixedHeight = 1000, 1400

// mixedPage draws the page as a PNG. All things are made of lines of little
// blocks, as writing is.
func mixedPage(t *testing.T) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, mixedWidth, mixedHeight))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	for kind, at := range drawnAt {
		for y := at.Min.Y; y+14 <= at.Max.Y; y += 28 {
			for x, n := at.Min.X, 0; x+9 <= at.Max.X; x, n = x+13, n+1 {
				if n%7 < 6 || x+22 > at.Max.X {
					draw.Draw(img, image.Rect(x, y+n%3, x+9, y+14), image.NewUniform(inkOf[kind]), image.Point{}, draw.Src)
				}
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// seen is the box around a colour in a view, as locations; "" where there is none.
func seen(view *image.RGBA, kind string) string {
	ink, drawn := inkOf[kind]
	if !drawn {
		return ""
	}
	far := func(a, b uint8) bool { return max(a, b)-min(a, b) > 60 }
	box := image.Rectangle{}
	for y := range view.Rect.Dy() {
		for x := range view.Rect.Dx() {
			c := view.RGBAAt(x, y)
			if !far(c.R, ink.R) && !far(c.G, ink.G) && !far(c.B, ink.B) {
				box = box.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	if box.Empty() {
		return ""
	}
	at := func(v, side int) int { return min(1023, int(math.Round(1024*float64(v)/float64(side)))) }
	w, h := view.Rect.Dx(), view.Rect.Dy()
	return fmt.Sprintf("<loc%04d><loc%04d><loc%04d><loc%04d>", at(box.Min.Y, h), at(box.Min.X, w), at(box.Max.Y, h), at(box.Max.X, w))
}

// colourModel answers what each task asks.
type colourModel struct {
	mu      sync.Mutex
	prompts map[string]int
	broken  string // prompt that it answers with repetition
}

func (m *colourModel) Info() engine.Info { return engine.Info{Name: "colours", ImageSize: 448} }

func (m *colourModel) Submit(_ context.Context, r engine.Request) (engine.Answer, error) {
	m.mu.Lock()
	if m.prompts == nil {
		m.prompts = map[string]int{}
	}
	m.prompts[r.Prompt]++
	m.mu.Unlock()
	if r.Prompt == m.broken {
		return engine.Answer{Text: "the the the the", Stop: engine.StopLoop}, nil
	}
	text := ""
	if kinds, ok := strings.CutPrefix(r.Prompt, "detect "); ok {
		var items []string
		for kind := range strings.SplitSeq(kinds, " ; ") {
			if at := seen(r.Image, kind); at != "" {
				items = append(items, at+" "+kind)
			}
		}
		text = strings.Join(items, " ; ")
	} else {
		kind := map[string]string{"ocr": "text", "table": "table", "molecule": "molecule", "omr": "staff"}[r.Prompt]
		if at := seen(r.Image, kind); at != "" {
			if kind == "text" { // the first word of six letters, 74 x 14 pixels of a view of 1,400
				var y, x int
				fmt.Sscanf(at, "<loc%04d><loc%04d>", &y, &x)
				at = fmt.Sprintf("<loc%04d><loc%04d><loc%04d><loc%04d>", y, x, y+10, x+54)
			}
			text = at + map[string]string{"ocr": "words", "table": "<table><tbody><tr><td>cell</td></tr></tbody></table>",
				"molecule": "C1CCCCC1 4a", "omr": "*clefG2\n=\n4c\n==\n*-"}[r.Prompt]
		}
	}
	return engine.Answer{Text: text, Tokens: []engine.Token{{Text: text, LogProb: -0.1}}, Stop: engine.StopEnd}, nil
}

// mixedProfile asks for regions first, and then about each in a view of its own.
func mixedProfile() task.ModelProfile {
	how := func(prompt, view string) task.Profile {
		return task.Profile{Prompt: prompt, View: view, Fit: task.FitLetterbox, Box: task.BoxYXYXBefore, Size: 448, LocBins: 1024, MaxTokens: 512}
	}
	return task.ModelProfile{Name: "colours", Tasks: map[string]task.Profile{
		"ocr": how("ocr", task.ViewPage), "regions": how("detect "+strings.Join(task.RegionKinds(), " ; "), task.ViewPage),
		"table": how("table", task.ViewRegion), "molecule": how("molecule", task.ViewRegion), "omr": how("omr", task.ViewRegion),
	}}
}

// plugins builds those that a mixed page and a film need, once, and returns their folder.
var plugins = sync.OnceValues(func() (string, error) {
	dir, err := plugin()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "all")
	if err := os.Mkdir(dir, 0o755); err != nil { // plugins run as another user
		return "", err
	}
	for _, name := range append(slices.Collect(maps.Keys(mixedProfile().Tasks)), "cxr") {
		out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "palimpsest-task-"+name), "palimpsest.dev/plugins/"+name).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("%w: %s", err, out)
		}
	}
	return dir, nil
})

// everyPlugin opens these plugins and makes their tables.
func everyPlugin(t *testing.T, s *store.Store) *host.Host {
	t.Helper()
	dir, err := plugins()
	if err != nil {
		t.Fatal(err)
	}
	h, err := host.Open(host.Options{Dir: dir, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	for _, name := range h.Names() {
		opened, err := h.Task(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.EnsureRelations(t.Context(), Schema(opened.Info())); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// mixedRuns are the runs of a submission that wants everything read.
func mixedRuns() []store.NewRun {
	finder := store.NewRun{Task: task.RegionsTask, Fingerprint: store.Fingerprint{Plugin: "regions"}}
	runs := []store.NewRun{{Task: "ocr"}}
	for _, name := range []string{"table", "molecule", "omr"} {
		runs = append(runs, store.NewRun{Task: name, Regions: &finder})
	}
	return runs
}

// One mixed page fills the relations of all tasks, each with boxes where its
// things stand. The regions are found once.
func TestAMixedPageFillsAllRelations(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds five plugins")
	}
	p := newPlace(t)
	m := &colourModel{}
	p.work(t, everyPlugin(t, p.store), m, mixedProfile())
	o, err := p.blobs.PutBytes(t.Context(), mixedPage(t), "image/png")
	if err != nil {
		t.Fatal(err)
	}
	doc, _, err := p.store.Submit(t.Context(), store.NewDocument{Name: "mixed.png", Hash: o.Hash, Bytes: o.Bytes, Runs: mixedRuns()})
	if err != nil {
		t.Fatal(err)
	}
	if d := p.end(t, doc.ID); d.State != store.DocumentComplete || len(d.Runs) != 5 {
		pages, _ := p.store.Pages(t.Context(), doc.ID)
		t.Fatalf("%s, %d runs: %+v %+v", d.State, len(d.Runs), d.Failure, pages)
	}
	check := func(name, relation, column, want string, at image.Rectangle) {
		t.Helper()
		rows, err := p.store.Results(t.Context(), doc.ID, name, relation, 0, store.Cursor{}, 0)
		if err != nil || len(rows) != 1 {
			t.Errorf("%s.%s: %d rows, %v", name, relation, len(rows), err)
			return
		}
		if got := rows[0].Values[column]; got != want {
			t.Errorf("%s.%s: %s is %q, want %q", name, relation, column, got, want)
		}
		onInk(t, name+"."+relation, rows[0].Box, at)
	}
	words, _ := p.words(t, doc.ID)
	if strings.Join(words, " ") != "words" {
		t.Errorf("words %q", words)
	}
	check("table", "table", "html", "<table><tbody><tr><td>cell</td></tr></tbody></table>", drawnAt["table"])
	check("table", "cell", "text", "cell", drawnAt["table"])
	check("molecule", "molecule", "smiles", "C1CCCCC1", drawnAt["molecule"])
	check("omr", "score", "kern", "**kern\n*clefG2\n=\n4c\n==\n*-\n", drawnAt["staff"])
	check("omr", "note", "pitch", "C4", drawnAt["staff"])
	rows, err := p.store.Results(t.Context(), doc.ID, "regions", "region", 0, store.Cursor{}, 0)
	if err != nil || len(rows) != len(drawnAt) {
		t.Errorf("%d regions, %v", len(rows), err)
	}
	for _, r := range rows {
		onInk(t, fmt.Sprint("region ", r.Values["kind"]), r.Box, drawnAt[r.Values["kind"].(string)])
	}
	for prompt, n := range m.prompts {
		if n != 1 {
			t.Errorf("%q was asked %d times", prompt, n)
		}
	}
	if len(m.prompts) != 5 {
		t.Errorf("asked: %v", m.prompts)
	}
	drawByHand(t, p, doc.ID, m)
}

// onInk sees that a box is that of what was drawn, but for the places' grid and
// the view's pixels.
func onInk(t *testing.T, what string, got [4]float64, want image.Rectangle) {
	t.Helper()
	for k, v := range [4]int{want.Min.X, want.Min.Y, want.Max.X, want.Max.Y} {
		if math.Abs(got[k]-float64(v)) > 5 {
			t.Errorf("%s lies at %v, drawn at %v", what, got, want)
			return
		}
	}
}

// drawByHand draws a second table where the picture is: only the table task
// reads the page again, both tables, and its files are made anew.
func drawByHand(t *testing.T, p *place, id store.DocumentID, m *colourModel) {
	t.Helper()
	at := drawnAt["picture"]
	box := [4]float64{float64(at.Min.X), float64(at.Min.Y), float64(at.Max.X), float64(at.Max.Y)}
	reader := mixedRuns()[1]
	drawn, err := p.store.DrawRegion(t.Context(), store.NewRegion{Document: id, Page: 1, Kind: "table", Box: box, Reads: []store.NewRun{reader}})
	if err != nil || len(drawn.Again) != 1 || len(drawn.Regions) != len(drawnAt)+1 {
		t.Fatalf("%+v, %v", drawn, err)
	}
	events, err := p.store.Watch(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for {
		runs, err := p.store.Runs(t.Context(), "", id)
		if err != nil {
			t.Fatal(err)
		}
		if last := runs[len(runs)-1]; last.Task == "table" && last.State.Final() {
			if last.State != store.RunComplete || len(last.Pages) != 1 || !last.Pages[0].Current || last.Fingerprint.Regions == "" {
				t.Errorf("%+v", last)
			}
			break
		}
		await(t, events)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	// The drawn region shows a picture, in which this model sees no table: it was asked, and nothing was made up.
	if m.prompts["table"] != 3 || m.prompts["molecule"] != 1 || m.prompts["ocr"] != 1 {
		t.Errorf("asked: %v", m.prompts)
	}
	rows, err := p.store.Results(t.Context(), id, "table", "table", 0, store.Cursor{}, 0)
	if err != nil || len(rows) != 1 {
		t.Errorf("%d tables, %v", len(rows), err)
	}
}

// Where finding regions fails, those that wait say so, and the words are there
// all the same.
func TestWhoWaitsSaysThatRegionsFailed(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds five plugins")
	}
	p := newPlace(t)
	m := &colourModel{broken: mixedProfile().Tasks["regions"].Prompt}
	p.work(t, everyPlugin(t, p.store), m, mixedProfile())
	o, err := p.blobs.PutBytes(t.Context(), mixedPage(t), "image/png")
	if err != nil {
		t.Fatal(err)
	}
	doc, _, err := p.store.Submit(t.Context(), store.NewDocument{Name: "mixed.png", Hash: o.Hash, Bytes: o.Bytes, Runs: mixedRuns()})
	if err != nil {
		t.Fatal(err)
	}
	if d := p.end(t, doc.ID); d.State != store.DocumentPartial {
		t.Errorf("%s: %+v", d.State, d.Failure)
	}
	page, err := p.store.Page(t.Context(), doc.ID, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range page.Runs {
		switch {
		case r.Task == "ocr" && r.State != store.PageDone,
			r.Task != "ocr" && r.State != store.PageUnreadable,
			r.Task == "table" && (r.Failure == nil || !strings.HasPrefix(r.Failure.Message, "finding the page's regions: the model repeated itself")):
			t.Errorf("%s: %s, %+v", r.Task, r.State, r.Failure)
		}
	}
}

// Without anybody who looked for regions a task is shown the whole page.
func TestWithoutRegionsThePageIsOne(t *testing.T) {
	t.Parallel()
	var shown []task.Region
	look := &scriptTask{info: task.Info{Name: "table", Version: "1", Summary: "s", Rounds: 1, MaxAsks: 9, Regions: []string{task.RegionTable, task.RegionFilm}},
		plan: func(p task.Page, _ task.Profile) ([]task.Ask, error) { shown = p.Regions; return nil, nil },
		read: func(task.Page, []task.Answer) (task.Reading, error) { return task.Reading{}, nil }}
	film := task.Region{Kind: task.RegionFilm, Box: task.Box{X0: 1, Y0: 50, X1: 9, Y1: 60}, Confidence: 1, Source: task.SourceModel}
	table := task.Region{Kind: task.RegionTable, Box: task.Box{X0: 1, Y0: 1, X1: 9, Y1: 9}, Confidence: 1, Source: task.SourcePerson}
	staff := task.Region{Kind: task.RegionStaff, Box: task.Box{X0: 1, Y0: 1, X1: 9, Y1: 9}, Confidence: 1, Source: task.SourceModel}
	for name, c := range map[string]struct{ found, want []task.Region }{
		"nobody looked":      {nil, []task.Region{{Kind: task.RegionTable, Box: task.Box{X1: 60, Y1: 80}, Confidence: 1, Source: task.SourcePage}}},
		"nothing was found":  {[]task.Region{}, nil},
		"of its kinds, down": {[]task.Region{film, staff, table}, []task.Region{table, film}},
		"of other kinds":     {[]task.Region{staff}, nil},
	} {
		pg := Page{Page: task.Page{Number: 1, Width: 60, Height: 80, Regions: c.found}, Image: image.NewRGBA(image.Rect(0, 0, 60, 80))}
		if _, err := ReadPage(t.Context(), says(""), look, pg, task.Profile{}); err != nil || fmt.Sprint(shown) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want %v, %v", name, shown, c.want, err)
		}
	}
	region := task.Profile{View: task.ViewRegion}
	for name, c := range map[string]struct {
		info  task.Info
		how   task.Profile
		model task.ModelProfile
		want  bool
	}{
		"all is there":           {look.info, region, mixedProfile(), true},
		"by the page":            {look.info, task.Profile{View: task.ViewPage}, mixedProfile(), false},
		"a model without":        {look.info, region, scripted, false},
		"a task that needs none": {wordInfo, region, mixedProfile(), false},
	} {
		if got := WaitsForRegions(c.info, c.how, c.model); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if store.RegionsTask != task.RegionsTask {
		t.Error("store and task call the task by two names")
	}
}
