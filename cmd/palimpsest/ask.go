package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"palimpsest.dev/engine"
	"palimpsest.dev/ingest"
	"palimpsest.dev/render"
	"palimpsest.dev/task"
)

// askCmd puts any prompt to the model about pages of files, without database and plugins.
type askCmd struct {
	modelFlags
	Files     []string `arg:"" name:"file" help:"Documents, as for run."`
	Prompt    string   `required:"" help:"What to ask: 'caption en', 'detect cat ; dog', 'segment cat', 'answer en what is it?', or what the model was trained on."`
	Score     []string `help:"Do not let the model write, tell how likely it would answer this; give it for every answer to compare." sep:"none" placeholder:"ANSWER"`
	Page      []int    `help:"Page to ask about, from 1; may be repeated. None: all."`
	Region    string   `help:"Part of the page to show, in its pixels." placeholder:"X0,Y0,X1,Y1"`
	Fit       string   `help:"How the part becomes the model's square: ${enum}." enum:"stretch,letterbox" default:"stretch"`
	Masks     string   `help:"Folder for the pictures of masks, where the checkpoint's folder has their decoder, vae-oid.npz." placeholder:"DIR"`
	Together  bool     `help:"Show all pages as several images of one prompt, in order."`
	Grammar   string   `help:"Keep the answer in a language: words, detect, segment, html_table, table_structure, molecules, smiles, kern, omr_bar."`
	MaxTokens int      `help:"Longest answer." default:"256"`
	JSON      bool     `help:"Print one JSON object per answer."`
	Password  string   `help:"Password of encrypted documents." env:"PALIMPSEST_PASSWORD"`
}

// oracle is the part of the engine that answers. *engine.Engine is one.
type oracle interface {
	Submit(ctx context.Context, r engine.Request) (engine.Answer, error)
	Score(ctx context.Context, r engine.ScoreRequest) ([]engine.Score, error)
	Info() engine.Info
}

// askedPage is a page, or a part of one, as the model is shown it.
type askedPage struct {
	file          string
	number        int
	width, height int
	region        task.Box
	view          *image.RGBA
	toPage        task.Affine
}

// Run asks about every page, or about all together. It fails when any page did.
func (c *askCmd) Run(s *session) error {
	region, err := parseRegion(c.Region)
	if err != nil {
		return err
	}
	if len(c.Score) > 0 && c.Grammar != "" {
		return usagef("--grammar is for answers the model writes; --score gives them")
	}
	if c.MaxTokens < 1 || c.MaxTokens > task.MaxTokens {
		return usagef("--max-tokens %d: want 1 to %d", c.MaxTokens, task.MaxTokens)
	}
	dir, err := c.modelDir()
	if err != nil {
		return err
	}
	model, err := engine.Open(dir, engine.Options{Threads: c.Threads, Arithmetic: c.Arithmetic})
	if err != nil {
		return fmt.Errorf("model %s: %w; `palimpsest doctor` says more", dir, err)
	}
	defer model.Close()
	draw, err := openMasks(dir, c.Masks)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(s.stdout)
	failed := false
	tell := func(line askLine) error {
		failed = failed || line.Error != nil
		if err := c.print(out, s.stderr, line); err != nil {
			return err
		}
		return out.Flush()
	}
	var together []askedPage
	for _, file := range c.Files {
		err := c.eachPage(s, file, region, model.Info().ImageSize, func(p askedPage) error {
			if !c.Together {
				return tell(c.ask(s, model, draw, []askedPage{p}))
			}
			if together = append(together, p); len(together) > engine.MaxImages {
				return usagef("--together shows at most %d pages; choose some with --page", engine.MaxImages)
			}
			return nil
		}, tell)
		if err != nil {
			return err
		}
	}
	if len(together) > 0 && !failed {
		if err := tell(c.ask(s, model, draw, together)); err != nil {
			return err
		}
	}
	if failed {
		return errReported
	}
	return s.Err()
}

// parseRegion reads four numbers; none for an empty text.
func parseRegion(text string) (box task.Box, err error) {
	if text == "" {
		return box, nil
	}
	var v [4]float64
	parts := strings.Split(text, ",")
	for i := 0; i < len(parts) && i < len(v) && err == nil; i++ {
		v[i], err = strconv.ParseFloat(strings.TrimSpace(parts[i]), 64)
	}
	box = task.Box{X0: v[0], Y0: v[1], X1: v[2], Y1: v[3]}
	if err != nil || len(parts) != len(v) || box.Empty() || !box.Finite() {
		return box, usagef("--region %q: want x0,y0,x1,y1 in pixels of the page, x0 < x1 and y0 < y1", text)
	}
	return box, nil
}

// eachPage draws the chosen pages of a file and calls ask with each. What concerns the file or a page is told and
// no error; only errors of ask and tell are.
func (c *askCmd) eachPage(ctx context.Context, file string, region task.Box, side int, ask func(askedPage) error, tell func(askLine) error) error {
	failedPage := func(n int, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		f := ingest.Classify(err)
		return tell(askLine{File: file, Page: n, State: string(ingest.StateFailed), Task: "ask", Prompt: c.Prompt,
			Error: &runError{Kind: string(f.Kind), Message: f.Message, Hint: f.Hint}})
	}
	o := renderOptions()
	o.Password = c.Password
	doc, err := render.Open(ctx, file, o)
	if err != nil {
		return failedPage(0, err)
	}
	defer doc.Close()
	pages := slices.Clone(c.Page)
	for n := 1; n <= doc.NumPages() && len(c.Page) == 0; n++ {
		pages = append(pages, n)
	}
	for _, n := range pages {
		if n < 1 || n > doc.NumPages() {
			return usagef("--page %d: %s has pages 1 to %d", n, file, doc.NumPages())
		}
		page, err := doc.Page(ctx, n)
		if err != nil {
			if err := failedPage(n, err); err != nil {
				return err
			}
			continue
		}
		p := askedPage{file: file, number: n, width: page.Image.Rect.Dx(), height: page.Image.Rect.Dy(), region: region}
		whole := task.Box{X1: float64(p.width), Y1: float64(p.height)}
		if p.region == (task.Box{}) {
			p.region = whole
		}
		if p.region.Intersect(whole).Empty() {
			return usagef("--region %s lies outside page %d of %s, which has %d x %d pixels", c.Region, n, file, p.width, p.height)
		}
		r := p.region
		view, toPage := render.View(page.Image, [4]float64{r.X0, r.Y0, r.X1, r.Y1}, side, c.Fit)
		p.view, p.toPage = view, task.Affine(toPage)
		if err := ask(p); err != nil {
			return err
		}
	}
	return nil
}

// ask puts the prompt to the model about one page, or about several at once.
func (c *askCmd) ask(ctx context.Context, model oracle, draw *maskDrawer, pages []askedPage) askLine {
	start := time.Now()
	first := pages[0]
	line := askLine{File: first.file, Page: first.number, Width: first.width, Height: first.height, Region: roundBox(first.region),
		State: string(ingest.StateDone), Task: "ask", Model: model.Info().Name, Prompt: c.Prompt}
	var more []*image.RGBA
	for _, p := range pages[1:] {
		more = append(more, p.view)
	}
	if c.Together {
		for _, p := range pages {
			line.Images = append(line.Images, askImage{File: p.file, Page: p.number, Width: p.width, Height: p.height, Region: roundBox(p.region)})
		}
	}
	var err error
	if len(c.Score) > 0 {
		var scores []engine.Score
		scores, err = model.Score(ctx, engine.ScoreRequest{Image: first.view, More: more, Prompt: c.Prompt, Continuations: c.Score})
		if err == nil {
			line.scores(scores)
		}
	} else {
		var a engine.Answer
		a, err = model.Submit(ctx, engine.Request{Image: first.view, More: more, Prompt: c.Prompt, MaxTokens: c.MaxTokens, Grammar: c.Grammar})
		if err == nil {
			if err := line.answer(a, pages, draw); err != nil {
				line.State, line.Error = string(ingest.StateFailed), &runError{Kind: "internal", Message: err.Error(), Hint: "can --masks be written to?"}
			}
		}
	}
	if err != nil {
		line.State, line.Error = string(ingest.StateFailed), &runError{Kind: "model", Message: err.Error(), Hint: "is it a prompt for this model? `palimpsest doctor` checks that the model answers"}
	}
	line.Seconds = round(time.Since(start).Seconds(), 3)
	return line
}

// print writes one answer for a program or for a person.
func (c *askCmd) print(out, status io.Writer, line askLine) error {
	if c.JSON {
		e := json.NewEncoder(out)
		e.SetEscapeHTML(false) // locations and markup stay readable
		return e.Encode(line)
	}
	where := line.File
	if line.Page > 0 {
		where += fmt.Sprintf(", page %d", line.Page)
	}
	if n := len(line.Images); n > 1 {
		where += fmt.Sprintf(" and %d more", n-1)
	}
	if line.Error != nil {
		fmt.Fprintf(status, "%s: failed: %s\n", where, line.Error.Message)
		if line.Error.Hint != "" {
			fmt.Fprintf(status, "  %s\n", line.Error.Hint)
		}
		return nil
	}
	fmt.Fprintf(status, "%s: %d tokens, %.1f s\n", where, line.Tokens, line.Seconds)
	for _, note := range line.Notes {
		fmt.Fprintf(status, "  %s\n", note)
	}
	switch {
	case len(line.Scores) > 0:
		for _, s := range line.Scores {
			fmt.Fprintf(out, "%.4f  %9.4f  %s\n", s.Share, s.LogProb, s.Text)
		}
	case len(line.Items) > 0:
		for _, it := range line.Items {
			fmt.Fprintf(out, "%g,%g,%g,%g  %.2f  %s", it.Box[0], it.Box[1], it.Box[2], it.Box[3], it.Confidence, it.Label)
			if it.MaskFile != "" {
				fmt.Fprintf(out, "  %s", it.MaskFile)
			}
			fmt.Fprintln(out)
		}
	default:
		fmt.Fprintln(out, line.Text)
	}
	return nil
}
