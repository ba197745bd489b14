package task

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"palimpsest.dev/task/internal/taskpb"
)

// fake is a task that returns what it is given.
type fake struct {
	info    Info
	asks    []Ask
	reading Reading
	err     error
	page    Page
	how     Profile
	answers []Answer
	doc     Document
}

func (f *fake) Info() Info { return f.info }

func (f *fake) Plan(_ context.Context, p Page, how Profile) ([]Ask, error) {
	f.page, f.how = p, how
	return f.asks, f.err
}

func (f *fake) Read(_ context.Context, p Page, a []Answer) (Reading, error) {
	f.page, f.answers = p, a
	return f.reading, f.err
}

func (f *fake) Finish(_ context.Context, d Document) (Reading, error) {
	f.doc = d
	return Reading{Notes: f.reading.Notes, Artifacts: f.reading.Artifacts}, f.err
}

func goodInfo() Info {
	return Info{Name: "fake", Version: "1", Summary: "does nothing", Rounds: 2, MaxAsks: 3,
		Relations: []Relation{{Name: "thing", Summary: "things", Columns: []Column{
			{Name: "text", Type: Text, Summary: "t"}, {Name: "n", Type: Integer, Summary: "n"}, {Name: "x", Type: Number, Summary: "x"},
			{Name: "ok", Type: Boolean, Summary: "b"}, {Name: "extra", Type: JSON, Summary: "j"}}}},
		Options: []Option{{Name: "mood", Summary: "m", Default: "good", Values: []string{"good", "bad"}}, {Name: "free", Summary: "f"}}, Regions: []string{RegionTable, RegionFilm}, Overview: 64}
}

func goodPage() Page {
	return Page{Document: "a.pdf", Number: 3, Width: 100, Height: 200, DPI: 72.5, XHeight: 9.25, Rotation: 90, Raster: "r.png",
		Text: []Word{{"héllo", Box{1, 2, 3, 4}}}, Lines: []Line{{Box{5, 6, 7, 8}, 9}},
		Regions: []Region{{RegionTable, Box{9, 10, 11, 12}, 0.75, SourcePerson, nil}}, Options: map[string]string{"mood": "bad"},
		Pages: 4, Facts: map[string]string{FactModality: "DX"}, Earlier: []EarlierPage{{1, map[string]string{FactView: "PA"}, &Overview{2, 1, []byte{8, 9}, 0.5}}, {2, nil, nil}}}
}

// dial connects to a task over real gRPC.
func dial(t *testing.T, served Task) Task {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.UnaryInterceptor(abandon))
	taskpb.RegisterTaskServer(s, &server{task: served})
	go s.Serve(l)
	t.Cleanup(s.Stop)
	c, err := grpc.NewClient("unix:"+l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	x, err := newClient(c)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestEverythingCrossesTheWire(t *testing.T) {
	t.Parallel()
	ask := Ask{ID: "a", Region: Box{-1.5, 2, 30, 40}, Size: 224, Fit: FitStretch, Prompt: "ocr", MaxTokens: 10, State: []byte{0, 1, 255}}
	record := Record{Relation: "thing", Box: Box{1, 2, 3, 4}, Polygon: []Point{{1, 2}, {3, 4}, {1, 4}}, Confidence: 0.25, Source: SourceModel,
		Values: map[string]any{"text": "wört", "n": int64(math.MaxInt64), "x": 0.1, "ok": true, "extra": json.RawMessage(`{"a":1}`)}}
	f := &fake{info: goodInfo(), asks: []Ask{ask}, reading: Reading{Records: []Record{record}, Unreadable: "why", Notes: []string{"n"},
		Artifacts: []Artifact{{"a.txt", "text/plain", []byte{0xff, 0}}}, Asks: []Ask{ask}}}
	x := dial(t, f)
	same := func(what string, got, want any) {
		t.Helper()
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s:\n%s", what, d)
		}
	}
	same("info", x.Info(), f.info)
	how := Profile{Prompt: "p", View: ViewTiles, Fit: FitStretch, Box: BoxYXYXBefore, Size: 224, XHeight: 9, XHeightMin: 7, XHeightMax: 13,
		MinScale: 0.2, MaxScale: 2, Overlap: 48, LocBins: 1024, MinConfidence: 0.125, MaxTokens: 512, Adapter: "lora",
		Steps: map[string]Profile{"text": {Prompt: "ocr", View: ViewPage, Fit: FitLetterbox, Box: BoxNone, Size: 448, LocBins: 1024, MaxTokens: 9, Grammar: "smiles"}}}
	asks, err := x.Plan(t.Context(), goodPage(), how)
	if err != nil {
		t.Fatal(err)
	}
	same("page", f.page, goodPage())
	same("profile", f.how, how)
	same("asks", asks, f.asks)
	answers := []Answer{{Ask: ask, Text: "t", Tokens: []Token{{"\xf0\x9f", -0.5}, {"", 0}}, Stop: StopLoop, ToPage: Affine{1, 2, 3, 4, 5, 6}}}
	r, err := x.Read(t.Context(), goodPage(), answers)
	if err != nil {
		t.Fatal(err)
	}
	same("answers", f.answers, answers)
	same("reading", r, f.reading)
	doc := Document{"7", "a.pdf", []DocumentPage{{goodPage(), "done", []Record{record}}}, 2, 3}
	r, err = x.(Finisher).Finish(t.Context(), doc)
	if err != nil {
		t.Fatal(err)
	}
	same("document", f.doc, doc)
	same("document reading", r, Reading{Notes: f.reading.Notes, Artifacts: f.reading.Artifacts})
}

// onlyTask hides a fake's Finish.
type onlyTask struct{ Task }

func TestOnlyFinishersFinish(t *testing.T) {
	t.Parallel()
	if _, ok := dial(t, onlyTask{&fake{info: goodInfo()}}).(Finisher); ok {
		t.Error("a task that does not finish documents must not claim to")
	}
}

func TestPartsOfADocument(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		part, parts int
		first, last bool
	}{{0, 0, true, true}, {1, 1, true, true}, {1, 3, true, false}, {2, 3, false, false}, {3, 3, false, true}} {
		d := Document{Part: c.part, Parts: c.parts}
		if d.First() != c.first || d.Last() != c.last {
			t.Errorf("part %d of %d: first %v, last %v", c.part, c.parts, d.First(), d.Last())
		}
	}
}

func TestErrorsKeepTheirMeaning(t *testing.T) {
	t.Parallel()
	f := &fake{info: goodInfo()}
	x := dial(t, f)
	for _, want := range []error{ErrInvalid, context.Canceled, context.DeadlineExceeded} {
		f.err = fmt.Errorf("page three: %w", want)
		if _, err := x.Plan(t.Context(), goodPage(), Profile{}); !errors.Is(err, want) || !strings.Contains(err.Error(), "page three") {
			t.Errorf("%v came out as %v", f.err, err)
		}
	}
	f.err = errors.New("plain")
	if _, err := x.Plan(t.Context(), goodPage(), Profile{}); err == nil || err.Error() != "plain" || errors.Is(err, ErrInvalid) || errors.Is(err, ErrLost) {
		t.Errorf("a plain error came out as %v", err)
	}
	f.err = nil
	f.reading = Reading{Records: []Record{{Relation: "thing", Values: map[string]any{"text": struct{}{}}}}}
	if _, err := x.Read(t.Context(), goodPage(), nil); !errors.Is(err, ErrNonsense) {
		t.Errorf("a value of no known type: %v", err)
	}
}

func TestTextThatIsNotUTF8IsMadeFitForTheWire(t *testing.T) {
	t.Parallel()
	f := &fake{info: goodInfo()}
	p := goodPage()
	p.Document, p.Raster, p.Text[0].Text = "a\xff", "\xfe", "b\xff"
	p.Options = map[string]string{"free": "\xff"}
	if _, err := dial(t, f).Plan(t.Context(), p, Profile{}); err != nil {
		t.Fatal(err)
	}
	if f.page.Document != "a\uFFFD" || f.page.Text[0].Text != "b\uFFFD" || f.page.Options["free"] != "\uFFFD" {
		t.Errorf("got %+v", f.page)
	}
}

func TestInfoCheck(t *testing.T) {
	t.Parallel()
	if err := goodInfo().Check(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Info){
		"name":             func(i *Info) { i.Name = "Drop Table" },
		"version":          func(i *Info) { i.Version = "" },
		"rounds":           func(i *Info) { i.Rounds = 0 },
		"many rounds":      func(i *Info) { i.Rounds = MaxRounds + 1 },
		"asks":             func(i *Info) { i.MaxAsks = 0 },
		"relation twice":   func(i *Info) { i.Relations = append(i.Relations, i.Relations[0]) },
		"relation name":    func(i *Info) { i.Relations[0].Name = "a;b" },
		"reserved column":  func(i *Info) { i.Relations[0].Columns[0].Name = "box" },
		"column type":      func(i *Info) { i.Relations[0].Columns[0].Type = "float" },
		"no columns":       func(i *Info) { i.Relations[0].Columns = nil },
		"option default":   func(i *Info) { i.Options[0].Default = "so-so" },
		"option name":      func(i *Info) { i.Options[0].Name = "" },
		"option name long": func(i *Info) { i.Options[0].Name = strings.Repeat("a", 33) },
	} {
		in := goodInfo()
		spoil(&in)
		if in.Check() == nil {
			t.Errorf("%s: nothing found", name)
		}
	}
}

func TestCheckReading(t *testing.T) {
	t.Parallel()
	good := func() Reading {
		return Reading{Records: []Record{{Relation: "thing", Box: Box{0, 0, 100, 200}, Confidence: 1, Source: SourceModel,
			Values: map[string]any{"text": "a", "n": int64(1), "x": nil}}}, Artifacts: []Artifact{{"a.txt", "text/plain", nil}}}
	}
	if err := goodInfo().CheckReading(goodPage(), 2, good()); err != nil {
		t.Fatal(err)
	}
	ask := Ask{ID: "a", Region: Box{0, 0, 10, 10}, Size: 10, Fit: FitStretch, MaxTokens: 1}
	for name, spoil := range map[string]func(*Reading){
		"relation":        func(r *Reading) { r.Records[0].Relation = "other" },
		"off the page":    func(r *Reading) { r.Records[0].Box.X1 = 110 },
		"NaN":             func(r *Reading) { r.Records[0].Box.Y0 = math.NaN() },
		"empty box":       func(r *Reading) { r.Records[0].Box = Box{} },
		"confidence":      func(r *Reading) { r.Records[0].Confidence = math.NaN() },
		"source":          func(r *Reading) { r.Records[0].Source = "guess" },
		"polygon":         func(r *Reading) { r.Records[0].Polygon = []Point{{math.Inf(1), 0}} },
		"unknown column":  func(r *Reading) { r.Records[0].Values["y"] = "a" },
		"wrong type":      func(r *Reading) { r.Records[0].Values["n"] = "a" },
		"infinite number": func(r *Reading) { r.Records[0].Values["x"] = math.Inf(1) },
		"zero byte":       func(r *Reading) { r.Records[0].Values["text"] = "a\x00" },
		"bad JSON":        func(r *Reading) { r.Records[0].Values["extra"] = json.RawMessage("{") },
		"path":            func(r *Reading) { r.Artifacts[0].Name = "a/b" },
		"dots":            func(r *Reading) { r.Artifacts[0].Name = ".." },
		"same name":       func(r *Reading) { r.Artifacts = append(r.Artifacts, r.Artifacts[0]) },
		"third round":     func(r *Reading) { r.Asks = []Ask{ask} },
	} {
		r := good()
		spoil(&r)
		if goodInfo().CheckReading(goodPage(), 2, r) == nil {
			t.Errorf("%s: nothing found", name)
		}
	}
	if err := goodInfo().CheckReading(goodPage(), 1, Reading{Asks: []Ask{ask}}); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Ask){
		"outside": func(a *Ask) { a.Region = Box{500, 500, 600, 600} }, "endless": func(a *Ask) { a.Region.X1 = math.Inf(1) },
		"size": func(a *Ask) { a.Size = MaxSide + 1 }, "fit": func(a *Ask) { a.Fit = "" }, "tokens": func(a *Ask) { a.MaxTokens = 0 },
		"id": func(a *Ask) { a.ID = "" }, "state": func(a *Ask) { a.State = make([]byte, MaxState+1) }, "huge": func(a *Ask) { a.Region = Box{-1e9, -1e9, 1e9, 1e9} },
	} {
		a := ask
		spoil(&a)
		if goodInfo().CheckAsks(goodPage(), []Ask{a}) == nil {
			t.Errorf("ask with bad %s: nothing found", name)
		}
	}
	if goodInfo().CheckAsks(goodPage(), []Ask{ask, ask}) == nil {
		t.Error("two asks of one id: nothing found")
	}
}

func TestReadProfile(t *testing.T) {
	t.Parallel()
	const config = `{"vision_config":{"image_size":448}}`
	const tiles = `"prompt":"ocr","view":"tiles","size":224,"x_height":10,"overlap":48,"box":"yxyx-before","max_tokens":99`
	for _, c := range []struct {
		name, config, profile string
		want                  Profile
		fails                 string
	}{
		{"released checkpoint without profile", config, "", Profile{Prompt: "ocr", View: ViewPage, Fit: FitStretch, Box: BoxNone, Size: 448, LocBins: 1024, MaxTokens: 512}, ""},
		{"tiles", "", `{"format":1,"tasks":{"ocr":{` + tiles + `}}}`,
			Profile{Prompt: "ocr", View: ViewTiles, Fit: FitStretch, Box: BoxYXYXBefore, Size: 224, XHeight: 10, XHeightMin: 7.5, XHeightMax: 15, Overlap: 48, LocBins: 1024, MaxTokens: 99}, ""},
		{"size from config.json", config, `{"format":1,"tasks":{"ocr":{"prompt":"x"}}}`, Profile{Prompt: "x", View: ViewPage, Fit: FitStretch, Box: BoxNone, Size: 448, LocBins: 1024, MaxTokens: 512}, ""},
		{"no size anywhere", "", `{"format":1,"tasks":{"ocr":{"prompt":"x"}}}`, Profile{}, "size 0"},
		{"later format", config, `{"format":2}`, Profile{}, "format 2"},
		{"misspelt setting", config, `{"format":1,"tasks":{"ocr":{"promt":"x"}}}`, Profile{}, "promt"},
		{"unknown view", config, `{"format":1,"tasks":{"ocr":{"view":"all"}}}`, Profile{}, "all"},
		{"steps take the defaults, too", config, `{"format":1,"tasks":{"ocr":{"prompt":"x","steps":{"text":{"prompt":"y","max_tokens":7}}}}}`,
			Profile{Prompt: "x", View: ViewPage, Fit: FitStretch, Box: BoxNone, Size: 448, LocBins: 1024, MaxTokens: 512, Steps: map[string]Profile{
				"text": {Prompt: "y", View: ViewPage, Fit: FitStretch, Box: BoxNone, Size: 448, LocBins: 1024, MaxTokens: 7}}}, ""},
		{"step that does not fit", config, `{"format":1,"tasks":{"ocr":{"prompt":"x","steps":{"text":{"view":"all"}}}}}`, Profile{}, `step "text": view "all"`},
		{"step of a step", config, `{"format":1,"tasks":{"ocr":{"prompt":"x","steps":{"text":{"steps":{"more":{}}}}}}}`, Profile{}, `step "text" has steps of its own`},
		{"name of a step", config, `{"format":1,"tasks":{"ocr":{"prompt":"x","steps":{"1":{}}}}}`, Profile{}, `step "1"`},
		{"overlap", config, `{"format":1,"tasks":{"ocr":{` + strings.Replace(tiles, "48", "480", 1) + `}}}`, Profile{}, "overlap"},
		{"not JSON", config, `{`, Profile{}, ProfileFile},
		{"config not JSON", `[`, "", Profile{}, "config.json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, content := range map[string]string{"config.json": c.config, ProfileFile: c.profile} {
				if content != "" {
					if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			got, err := ReadProfile(dir)
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("got %v, want an error about %q", err, c.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got.Tasks["ocr"]); d != "" {
				t.Error(d)
			}
			if got.Name == "" {
				t.Error("no name")
			}
		})
	}
}

func TestTheDefaultModelsProfileIsRead(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "models", "mini")
	if _, err := os.Stat(filepath.Join(dir, ProfileFile)); err != nil {
		t.Skip("the default model is not in this checkout")
	}
	m, err := ReadProfile(dir)
	if err != nil {
		t.Fatal(err)
	}
	if p := m.Tasks["ocr"]; p.View != ViewTiles || p.Size != 224 {
		t.Errorf("got %+v", p)
	}
}

func TestGeometry(t *testing.T) {
	t.Parallel()
	a, b := Box{0, 0, 10, 10}, Box{5, 5, 15, 15}
	if got := a.IoU(b); math.Abs(got-25.0/175) > 1e-12 {
		t.Errorf("IoU %g", got)
	}
	if a.IoU(Box{10, 0, 20, 10}) != 0 || !(Box{math.NaN(), 0, 1, 1}).Empty() || (Box{0, 0, math.Inf(1), 1}).Finite() {
		t.Error("touching boxes share nothing; NaN is empty; infinite is not finite")
	}
	if got := a.Union(Box{3, 3, 3, 9}); got != a {
		t.Errorf("union with an empty box: %v", got)
	}
	turn := Affine{0, -2, 100, 3, 0, 7} // x' = 100-2y, y' = 7+3x
	if got := turn.ApplyBox(Box{0, 0, 10, 20}); got != (Box{60, 7, 100, 37}) {
		t.Errorf("turned box %v", got)
	}
}
