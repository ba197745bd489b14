package ingest

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"palimpsest.dev/engine"
	"palimpsest.dev/store"
	"palimpsest.dev/task"
)

// scriptModel is a model that answers what its function says.
type scriptModel struct {
	size   int
	answer func(ctx context.Context, r engine.Request) (engine.Answer, error)
	asked  atomic.Int64
}

func (m *scriptModel) Info() engine.Info { return engine.Info{Name: "script", ImageSize: m.size} }

func (m *scriptModel) Submit(ctx context.Context, r engine.Request) (engine.Answer, error) {
	m.asked.Add(1)
	return m.answer(ctx, r)
}

// says answers every request with the same text, one token.
func says(text string) *scriptModel {
	return &scriptModel{size: side, answer: func(context.Context, engine.Request) (engine.Answer, error) {
		return engine.Answer{Text: text, Tokens: []engine.Token{{Text: text, LogProb: -0.5}}, Stop: engine.StopEnd}, nil
	}}
}

// scriptTask is a task made of two functions.
type scriptTask struct {
	info task.Info
	plan func(task.Page, task.Profile) ([]task.Ask, error)
	read func(task.Page, []task.Answer) (task.Reading, error)
}

func (t *scriptTask) Info() task.Info { return t.info }
func (t *scriptTask) Plan(_ context.Context, p task.Page, how task.Profile) ([]task.Ask, error) {
	return t.plan(p, how)
}
func (t *scriptTask) Read(_ context.Context, p task.Page, a []task.Answer) (task.Reading, error) {
	return t.read(p, a)
}

var wordInfo = task.Info{Name: "ocr", Version: "1", Rounds: 1, MaxAsks: 100, Relations: []task.Relation{
	{Name: "word", Columns: []task.Column{{Name: "text", Type: task.Text}}},
}}

// oneWordEach asks about each region and reads one word out of each answer.
func oneWordEach(regions ...task.Box) *scriptTask {
	return &scriptTask{
		info: wordInfo,
		plan: func(p task.Page, how task.Profile) ([]task.Ask, error) {
			var asks []task.Ask
			for i, r := range regions {
				asks = append(asks, task.Ask{ID: fmt.Sprint(i), Region: r, Size: how.Size, Fit: task.FitStretch, Prompt: how.Prompt, MaxTokens: 8})
			}
			return asks, nil
		},
		read: func(p task.Page, answers []task.Answer) (task.Reading, error) {
			var r task.Reading
			for _, a := range answers {
				if a.Stop != task.StopBlank {
					r.Records = append(r.Records, word(a.Ask.ID+a.Text, a.ToPage.ApplyBox(task.Box{X1: 1, Y1: 1})))
				}
			}
			return r, nil
		},
	}
}

func word(text string, b task.Box) task.Record {
	return task.Record{Relation: "word", Box: b, Confidence: 0.5, Source: task.SourceModel, Values: map[string]any{"text": text}}
}

// inkedPage is a white page with lines of text in its left half.
func inkedPage() Page {
	img := image.NewRGBA(image.Rect(0, 0, 400, 200))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	d := font.Drawer{Dst: img, Src: image.Black, Face: basicfont.Face7x13}
	for y := 30; y < 190; y += 20 {
		d.Dot = fixed.P(15, y)
		d.DrawString("The quick brown fox jumps")
	}
	return Page{Page: task.Page{Document: "d", Number: 3, Width: 400, Height: 200}, Image: img}
}

// side is the side of the views the fakes ask for and take.
const side = 200

var (
	left   = task.Box{X0: 0, Y0: 0, X1: 200, Y1: 200}
	right  = task.Box{X0: 200, Y0: 0, X1: 400, Y1: 200}
	recipe = task.Profile{Prompt: "ocr", Size: side}
)

func TestReadPageAsksAndReads(t *testing.T) {
	t.Parallel()
	m := says("w")
	out, err := ReadPage(t.Context(), m, oneWordEach(left, right, left), inkedPage(), recipe)
	if err != nil {
		t.Fatal(err)
	}
	if out.State != StateDone || out.Asks != 2 || out.Skipped != 1 || out.Tokens != 2 || m.asked.Load() != 2 {
		t.Errorf("got state %s, %d asks, %d skipped, %d tokens, model asked %d times; want done, 2, 1, 2, 2",
			out.State, out.Asks, out.Skipped, out.Tokens, m.asked.Load())
	}
	// Answers come in the order of the asks, and a view's unit square maps to its region.
	if len(out.Records) != 2 || out.Records[0].Values["text"] != "0w" || out.Records[1].Values["text"] != "2w" || out.Records[0].Box != left {
		t.Errorf("records: %v", out.Records)
	}
}

func TestReadPageBlankGate(t *testing.T) {
	t.Parallel()
	none := &scriptTask{info: wordInfo, plan: func(task.Page, task.Profile) ([]task.Ask, error) {
		t.Error("a blank page was planned")
		return nil, nil
	}}
	m := says("invented")
	pg := inkedPage()
	pg.Blank, pg.Image = true, nil
	out, err := ReadPage(t.Context(), m, none, pg, recipe)
	if err != nil || out.State != StateBlank || m.asked.Load() != 0 {
		t.Errorf("blank page: %v, %v, model asked %d times", out.State, err, m.asked.Load())
	}
	// A page with ink, but none in any view, is blank too.
	out, err = ReadPage(t.Context(), m, oneWordEach(right), inkedPage(), recipe)
	if err != nil || out.State != StateBlank || m.asked.Load() != 0 {
		t.Errorf("views without ink: %v, %v, model asked %d times", out.State, err, m.asked.Load())
	}
	// A page that needs no model (its text layer is used) is not blank.
	layer := oneWordEach()
	layer.read = func(task.Page, []task.Answer) (task.Reading, error) {
		r := word("layer", left)
		r.Source = task.SourceTextLayer
		return task.Reading{Records: []task.Record{r}}, nil
	}
	out, err = ReadPage(t.Context(), m, layer, inkedPage(), recipe)
	if err != nil || out.State != StateDone || len(out.Records) != 1 {
		t.Errorf("text layer: %v, %v", out, err)
	}
}

func TestReadPageRounds(t *testing.T) {
	t.Parallel()
	two := oneWordEach(left)
	two.info.Rounds = 2
	two.plan = func(task.Page, task.Profile) ([]task.Ask, error) {
		return []task.Ask{{ID: "find", Region: left, Size: side, Fit: task.FitStretch, MaxTokens: 8, State: []byte("first")}}, nil
	}
	two.read = func(_ task.Page, answers []task.Answer) (task.Reading, error) {
		r := task.Reading{Records: []task.Record{word(answers[0].Ask.ID, left)}}
		if string(answers[0].Ask.State) == "first" {
			r.Asks = []task.Ask{{ID: "read", Region: left, Size: side, Fit: task.FitStretch, MaxTokens: 8, State: []byte("second")}}
		}
		return r, nil
	}
	out, err := ReadPage(t.Context(), says("x"), two, inkedPage(), recipe)
	if err != nil || len(out.Records) != 2 || out.Records[1].Values["text"] != "read" || out.Asks != 2 {
		t.Errorf("two rounds: %v, %v", out, err)
	}
	two.info.Rounds = 1
	_, err = ReadPage(t.Context(), says("x"), two, inkedPage(), recipe)
	if f := Classify(err); f.Kind != store.KindInternal || !f.Final {
		t.Errorf("a round more than declared: %+v", f)
	}
}

func TestReadPageUnreadable(t *testing.T) {
	t.Parallel()
	loops := oneWordEach(left)
	loops.read = func(_ task.Page, a []task.Answer) (task.Reading, error) {
		return task.Reading{Unreadable: "the model repeats itself", Notes: []string{"1 view"}}, nil
	}
	out, err := ReadPage(t.Context(), says("x"), loops, inkedPage(), recipe)
	if err != nil || out.State != StateUnreadable || out.Reason == "" || len(out.Notes) != 1 {
		t.Errorf("got %+v, %v", out, err)
	}
}

func TestReadPageRefusesBrokenTasks(t *testing.T) {
	t.Parallel()
	outside := oneWordEach(task.Box{X0: 500, Y0: 0, X1: 600, Y1: 100})
	checkNonsense(t, outside, "outside the page")
	many := oneWordEach(left, left, left)
	many.info.MaxAsks = 2
	checkNonsense(t, many, "at most 2")

	sure := word("x", left)
	sure.Confidence = math.NaN()
	unknown := word("x", left)
	unknown.Relation = "cell"
	for want, rec := range map[string]task.Record{"confidence": sure, "not declared": unknown} {
		bad := oneWordEach(left)
		bad.read = func(task.Page, []task.Answer) (task.Reading, error) {
			return task.Reading{Records: []task.Record{rec}}, nil
		}
		checkNonsense(t, bad, want)
	}
	twice := oneWordEach(left)
	twice.read = func(task.Page, []task.Answer) (task.Reading, error) {
		a := task.Artifact{Name: "../page.txt", MediaType: "text/plain"}
		return task.Reading{Artifacts: []task.Artifact{a}}, nil
	}
	checkNonsense(t, twice, "artifact")
}

func checkNonsense(t *testing.T, bad task.Task, want string) {
	t.Helper()
	_, err := ReadPage(t.Context(), says("x"), bad, inkedPage(), recipe)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("want an error about %q, got %v", want, err)
		return
	}
	if f := Classify(err); f.Kind != store.KindInternal || !f.Final || f.Hint == "" {
		t.Errorf("%q is classified as %+v", want, f)
	}
}

func TestReadPageModelErrors(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	m := &scriptModel{size: side, answer: func(context.Context, engine.Request) (engine.Answer, error) { return engine.Answer{}, boom }}
	_, err := ReadPage(t.Context(), m, oneWordEach(left, left), inkedPage(), recipe)
	if f := Classify(err); f.Kind != store.KindModel || f.Final || f.Page != 3 || !errors.Is(err, boom) {
		t.Errorf("a model error is %+v", f)
	}
	sized := oneWordEach(left)
	sized.plan = func(task.Page, task.Profile) ([]task.Ask, error) {
		return []task.Ask{{ID: "x", Region: left, Size: 448, Fit: task.FitStretch, MaxTokens: 8}}, nil
	}
	_, err = ReadPage(t.Context(), says("x"), sized, inkedPage(), recipe)
	if f := Classify(err); f.Kind != store.KindModel || !strings.Contains(f.Message, "448") {
		t.Errorf("a view of another size is %+v", f)
	}
}

// One failing view stops the others of its page at once.
func TestReadPageFirstErrorStopsTheRest(t *testing.T) {
	t.Parallel()
	var started sync.WaitGroup
	started.Add(2)
	m := &scriptModel{size: side}
	m.answer = func(ctx context.Context, r engine.Request) (engine.Answer, error) {
		started.Done()
		started.Wait()
		if m.asked.Add(1) == 3 { // the first to get here: asked counts both submits before
			return engine.Answer{}, errors.New("boom")
		}
		<-ctx.Done()
		return engine.Answer{}, ctx.Err()
	}
	_, err := ReadPage(t.Context(), m, oneWordEach(left, left), inkedPage(), recipe)
	if err == nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("want the first error, got %v", err)
	}
}

func TestReadPageCancellationReachesTheModel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("cancelled by a person")
	m := &scriptModel{size: side, answer: func(ctx context.Context, r engine.Request) (engine.Answer, error) {
		cancel(why)
		<-ctx.Done()
		return engine.Answer{}, ctx.Err()
	}}
	_, err := ReadPage(ctx, m, oneWordEach(left, left, left), inkedPage(), recipe)
	if !errors.Is(err, why) {
		t.Errorf("want the cause of the cancellation, got %v", err)
	}
}

func TestReadPageWithinSaysWhichLimit(t *testing.T) {
	t.Parallel()
	m := &scriptModel{size: side, answer: func(ctx context.Context, r engine.Request) (engine.Answer, error) {
		<-ctx.Done()
		return engine.Answer{}, ctx.Err()
	}}
	_, err := ReadPageWithin(t.Context(), time.Millisecond, m, oneWordEach(left), inkedPage(), recipe)
	if f := Classify(err); f.Kind != store.KindTooLarge || f.Limit != "page_time" || f.Page != 3 || !f.Final {
		t.Errorf("a late page is %+v (%v)", f, err)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	info := task.Info{Name: "ocr", Options: []task.Option{
		{Name: "text_layer", Default: "verify", Values: []string{"use", "verify", "ignore"}}, {Name: "language", Default: ""},
	}}
	got, err := Options(info, map[string]string{"text_layer": "ignore"})
	if err != nil || got["text_layer"] != "ignore" || len(got) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
	for name, value := range map[string]string{"text_layer": "maybe", "textlayer": "use"} {
		_, err := Options(info, map[string]string{name: value})
		if f := Classify(err); f.Kind != store.KindBadInput || !f.Final || !strings.Contains(f.Message, name) {
			t.Errorf("%s=%s: %+v", name, value, f)
		}
	}
}
