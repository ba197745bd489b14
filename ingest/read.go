package ingest

import (
	"context"
	"fmt"
	"image"
	"math"
	"slices"
	"sync"
	"time"

	"palimpsest.dev/engine"
	"palimpsest.dev/render"
	"palimpsest.dev/task"
)

// Model answers one request at a time for each caller; requests of many
// callers are batched behind it. *engine.Engine is one.
type Model interface {
	// Submit blocks until the answer is complete or ctx is done, and reports
	// ctx's error then, also in the middle of an answer.
	Submit(ctx context.Context, r engine.Request) (engine.Answer, error)
	// Info describes the checkpoint that answers.
	Info() engine.Info
}

// Page is one upright page as ReadPage takes it.
type Page struct {
	task.Page             // what the task sees of it; Options may be nil. Regions nil: nobody looked for any
	Image     *image.RGBA // the full-resolution raster: Width x Height pixels
	Blank     bool        // no ink worth asking about
	Skew      float64     // of the text lines, degrees clockwise; the raster is as it was scanned
	Before    []Page      // pages in front of this one that the model may be shown beside it, see EarlierPages
	Notes     []string    // what a reader of the outcome should know: images the page lacks
	level     levelView
	judged    bool // the task sees for itself what is worth asking about
}

// levelView is the page's raster turned so that its lines run straight.
type levelView struct {
	image  *image.RGBA   // nil: the raster does as it is
	toPage render.Affine // from its pixels
}

// levelAt is the skew, in degrees, from which the views of a page are cut along
// its lines. Models are trained on pages turned by as much; below, turning costs
// more sharpness than it mends.
const levelAt = 1.0

// levelled adds the level view of a page whose lines slope.
func (pg Page) levelled() Page {
	if math.Abs(pg.Skew) >= levelAt && pg.Image != nil {
		pg.level.image, pg.level.toPage = render.Turn(pg.Image, -pg.Skew)
	}
	return pg
}

// cut makes the view of a region. On a page whose lines slope the region is
// turned with them, about its own middle; the transform says so.
func (pg Page) cut(region task.Box, size int, fit string) (*image.RGBA, render.Affine) {
	if pg.level.image == nil {
		return render.View(pg.Image, boxOf(region), size, fit)
	}
	m := pg.level.toPage
	x, y := (region.X0+region.X1)/2-m[2], (region.Y0+region.Y1)/2-m[5]
	x, y = m[0]*x+m[3]*y, m[1]*x+m[4]*y // a rotation's inverse is its transpose
	w, h := region.Width()/2, region.Height()/2
	view, to := render.View(pg.level.image, [4]float64{x - w, y - h, x + w, y + h}, size, fit)
	return view, to.Then(m)
}

// State says how reading a page ended.
type State string

// The states a page can be in after it was read. A page that failed has no
// Outcome but an error, which Classify turns into a Failure.
const (
	StateDone       State = "done"
	StateBlank      State = "blank"
	StateUnreadable State = "unreadable"
	StateFailed     State = "failed"
)

// Outcome is what reading one page for one task gave.
type Outcome struct {
	State     State
	Records   []task.Record
	Artifacts []task.Artifact
	Reason    string   // why the page is unreadable
	Notes     []string // what the task wants a person to know
	Asks      int      // views the model was shown
	Skipped   int      // views without ink, which it was not
	Tokens    int      // tokens the model wrote
	Seconds   float64  // wall time from plan to last record
}

// Bounds on what a task may ask for and say about one page, besides those of
// package task. A plugin is somebody else's program: what passes them is its
// error, not ours to carry.
const (
	maxArtifactBytes = 64 << 20 // per page, all artifacts together
	// viewsInFlight bounds the cut views one page holds in memory. It is
	// larger than the engine's batch so that one page alone keeps it full.
	viewsInFlight = 32
)

// ReadPage reads one page for one task: the blank gate, the task's plan, the
// views cut from the full-resolution raster, the model's answers, and what the
// task reads out of them, for as many rounds as the task declares. It is the
// one code path from pixels to records.
//
// An error means that the page failed; Classify says why and whether trying
// again may help. ctx reaches the answers in the middle of being written.
func ReadPage(ctx context.Context, m Model, t task.Task, pg Page, p task.Profile) (Outcome, error) {
	start := time.Now()
	if pg.Blank {
		return Outcome{State: StateBlank, Notes: pg.Notes}, nil
	}
	info := t.Info()
	pg.Regions = shownRegions(info, pg.Page)
	pg.look(info.Overview)
	pg = pg.levelled()
	asks, err := t.Plan(ctx, pg.Page, p)
	if err != nil {
		return Outcome{}, fmt.Errorf("planning page %d for task %s: %w", pg.Number, info.Name, err)
	}
	out := Outcome{State: StateDone, Notes: slices.Clone(pg.Notes)}
	silent := len(asks) > 0 // no view had ink in any round
	// The reading of a round that is not allowed another is refused, so this ends.
	for round := 1; ; round++ {
		if err := checkAsks(info, pg, asks); err != nil {
			return Outcome{}, err
		}
		answers, err := answerAll(ctx, m, pg, asks)
		if err != nil {
			return Outcome{}, err
		}
		for _, a := range answers {
			if a.Stop == task.StopBlank {
				out.Skipped++
				continue
			}
			silent = false
			out.Asks++
			out.Tokens += len(a.Tokens)
		}
		reading, err := t.Read(ctx, pg.Page, answers)
		if err != nil {
			return Outcome{}, fmt.Errorf("reading page %d for task %s: %w", pg.Number, info.Name, err)
		}
		if err := checkReading(info, pg, round, reading); err != nil {
			return Outcome{}, err
		}
		out.add(reading)
		if len(reading.Asks) == 0 {
			break
		}
		asks = reading.Asks
	}
	if err := checkWhole(info, pg.Number, &out); err != nil {
		return Outcome{}, err
	}
	switch {
	case out.Reason != "":
		out.State = StateUnreadable
	case silent && len(out.Records) == 0:
		out.State = StateBlank
	}
	out.Seconds = time.Since(start).Seconds()
	return out, nil
}

// add joins the reading of one round to the outcome.
func (o *Outcome) add(r task.Reading) {
	o.Records = append(o.Records, r.Records...)
	o.Artifacts = append(o.Artifacts, r.Artifacts...)
	o.Notes = append(o.Notes, r.Notes...)
	if r.Unreadable != "" {
		o.Reason = r.Unreadable
	}
}

// answerAll has the model answer every ask, many at once, and returns the
// answers in the order of the asks. The first error stops the others.
func answerAll(ctx context.Context, m Model, pg Page, asks []task.Ask) ([]task.Answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	answers := make([]task.Answer, len(asks))
	slots := make(chan struct{}, viewsInFlight)
	var wg sync.WaitGroup
	for i := range asks {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			a, err := answer(ctx, m, pg, asks[i])
			if err != nil {
				cancel(err)
				return
			}
			answers[i] = a
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return answers, nil
}

// answer cuts one view and has the model answer about it. A view without ink
// is not shown to the model: nobody asks it to invent.
func answer(ctx context.Context, m Model, pg Page, ask task.Ask) (task.Answer, error) {
	model := m.Info()
	if ask.Size != model.ImageSize {
		return task.Answer{}, &modelError{Page: pg.Number, Final: true,
			Err:  fmt.Errorf("the task asks for views of %d pixels, model %s takes %d", ask.Size, model.Name, model.ImageSize),
			Hint: "set size in the model's palimpsest.json to the checkpoint's image size"}
	}
	view, toPage := pg.cut(ask.Region, ask.Size, ask.Fit)
	a := task.Answer{Ask: ask, ToPage: task.Affine(toPage)}
	if !pg.judged && render.BlankView(view) {
		a.Stop = task.StopBlank
		return a, nil
	}
	request := engine.Request{Image: view, Prompt: ask.Prompt, MaxTokens: ask.MaxTokens, Grammar: ask.Grammar}
	if films := pg.earlierViews(ask); len(films) > 0 { // in the document's order, this page's view behind them
		request.Image, request.More = films[0], append(films[1:], view)
	}
	got, err := m.Submit(ctx, request)
	if err != nil {
		if ctx.Err() != nil {
			return task.Answer{}, context.Cause(ctx)
		}
		return task.Answer{}, &modelError{Page: pg.Number, Err: fmt.Errorf("model %s: %w", model.Name, err),
			Hint: "run `palimpsest doctor` to check that the model loads and answers"}
	}
	a.Text, a.Stop = got.Text, task.Stop(got.Stop)
	a.Tokens = make([]task.Token, len(got.Tokens))
	for i, tok := range got.Tokens {
		a.Tokens[i] = task.Token{Text: tok.Text, LogProb: float64(tok.LogProb)}
	}
	return a, nil
}

// boxOf gives a task's box in the form render takes.
func boxOf(b task.Box) [4]float64 { return [4]float64{b.X0, b.Y0, b.X1, b.Y1} }

// ReadPageWithin is ReadPage under a limit on the page's time.
func ReadPageWithin(ctx context.Context, limit time.Duration, m Model, t task.Task, pg Page, p task.Profile) (Outcome, error) {
	ctx, cancel := deadline(ctx, "page_time", limit, pg.Number)
	defer cancel()
	out, err := ReadPage(ctx, m, t, pg, p)
	return out, caused(ctx, err)
}
