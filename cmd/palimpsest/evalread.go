package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/image/draw"

	"palimpsest.dev/engine"
	"palimpsest.dev/eval"
	"palimpsest.dev/render"
	"palimpsest.dev/task"
	"palimpsest.dev/task/loc"
)

// openTask reads items as `palimpsest run` does.
func (c *measureCmd) openTask(s *session, m eval.Measure) (source evalSource, err error) {
	parts, err := openReading(c.modelFlags, s.log)
	if err != nil {
		return source, err
	}
	defer func() {
		if err != nil {
			parts.Close()
		}
	}()
	options := maps.Clone(c.Option)
	if options == nil {
		options = map[string]string{}
	}
	if _, told := options["text_layer"]; !told && c.Task == "ocr" {
		// A text layer is not read but copied: it must not count.
		options["text_layer"] = "ignore"
	}
	reader, err := newFileReader(parts, readerOptions{Tasks: []string{c.Task}, Options: options})
	if err != nil {
		return source, err
	}
	// A crop shows nothing but what is to be read, so nobody looks for where it is.
	whole := *reader
	whole.finder = nil
	readerOf := func(item eval.Item) (*fileReader, error) {
		truth, err := m.Truth(item)
		if err == nil && eval.Crop(truth) {
			return &whole, nil
		}
		return reader, err
	}
	return evalSource{
		read: func(ctx context.Context, item eval.Item) (eval.Answer, error) {
			r, err := readerOf(item)
			if err != nil {
				return eval.Answer{}, err
			}
			return r.readItem(ctx, item)
		},
		fingerprint: func(item eval.Item) (string, error) {
			r, err := readerOf(item)
			if err != nil {
				return "", err
			}
			t := r.tasks[0]
			told := []any{parts.fingerprint(t), t.options}
			if r.finder != nil {
				told = append(told, parts.fingerprint(*r.finder), r.finder.options)
			}
			system, err := json.Marshal(told)
			if err != nil {
				return "", err
			}
			return fileFingerprint(string(system), item)
		},
		close: func() { parts.Close() },
	}, nil
}

// fileFingerprint names what decides an item's answer: the system that reads and the
// file's bytes. A file that is not there has none of its own; reading it will say so.
func fileFingerprint(system string, item eval.Item) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", system)
	if f, err := os.Open(item.Path()); err == nil {
		defer f.Close()
		if _, err := io.Copy(h, f); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// addPage takes over what a task read of a page.
func addPage(a *eval.Answer, got fileResult) {
	page := eval.Page{Number: got.Page, Width: got.Width, Height: got.Height}
	if got.Err != nil {
		page.Error = got.Err.Error()
	}
	for _, rec := range got.Outcome.Records {
		text := func(column string) string { v, _ := rec.Values[column].(string); return v }
		found := eval.Found{Page: got.Page, Box: roundBox(rec.Box), Confidence: round(rec.Confidence, 4)}
		switch got.Task + " " + rec.Relation {
		case "ocr word":
			w := eval.Word{Text: text("text"), Box: found.Box}
			for _, p := range rec.Polygon {
				w.Polygon = append(w.Polygon, [2]float64{round(p.X, 2), round(p.Y, 2)})
			}
			page.Words = append(page.Words, w)
			continue
		case "table table":
			found.Text = text("html")
		case "molecule molecule":
			found.Text = text("smiles")
			if found.Text == "" {
				found.Text = text("text")
			}
		case "omr score":
			found.Text = text("kern")
		case "regions region":
			found.Text = text(task.KindColumn)
		case "cxr report":
			addReport(a, text("body"), text("findings"), text("impression"), []string{})
			continue
		case "cxr finding":
			if decides, _ := rec.Values["decides"].(bool); decides && text("status") != "absent" {
				addReport(a, "", "", "", []string{text("class")})
			}
			continue
		default:
			continue
		}
		a.Found = append(a.Found, found)
	}
	a.Pages = append(a.Pages, page)
}

// addReport takes over what a report says of the films, and its coded findings: nil where nobody coded it, empty where
// nothing was found.
func addReport(a *eval.Answer, body, findings, impression string, codes []string) {
	said := strings.TrimSpace(body + "\n" + findings + "\n" + impression)
	a.Text = strings.TrimSpace(a.Text + "\n" + said)
	if codes != nil && a.Codes == nil {
		a.Codes = []string{}
	}
	for _, c := range codes {
		if !slices.Contains(a.Codes, c) {
			a.Codes = append(a.Codes, c)
		}
	}
}

// askedTasks are measured by asking the model directly, without a plugin.
var askedTasks = []string{"caption", "answer", "detect", "perplexity"}

// askedDefaults are the prompts of the released mix checkpoints; what is asked about follows
// behind a space.
var askedDefaults = map[string]string{"caption": "caption en", "answer": "answer en", "detect": "detect", "perplexity": ""}

// asker asks the model about the first page of each item, whole.
type asker struct {
	task    string
	measure eval.Measure
	model   oracle
	profile task.Profile
}

// openAsked loads the model and its profile.
func (c *measureCmd) openAsked(s *session, m eval.Measure, items []eval.Item) (source evalSource, err error) {
	if len(c.Option) > 0 {
		return source, usagef("--option is for tasks that a plugin reads, not for %s", c.Task)
	}
	dir, err := c.modelDir()
	if err != nil {
		return source, err
	}
	profiles, err := task.ReadProfile(dir)
	if err != nil {
		return source, err
	}
	profile, known := profiles.Tasks[c.Task]
	if !known {
		if exists(filepath.Join(dir, task.ProfileFile)) && slices.ContainsFunc(items, func(i eval.Item) bool { return i.Prompt == "" }) {
			return source, usagef("model %s has no profile for %s: add the task to its %s, or give every item of the manifest a prompt", dir, c.Task, task.ProfileFile)
		}
		profile = task.Profile{Prompt: askedDefaults[c.Task], Fit: task.FitStretch, MaxTokens: 256}
	}
	model, err := engine.Open(dir, engine.Options{Threads: c.Threads, Arithmetic: c.Arithmetic})
	if err != nil {
		return source, fmt.Errorf("model %s: %w; `palimpsest doctor` says more", dir, err)
	}
	info := model.Info()
	a := asker{task: c.Task, measure: m, model: model, profile: profile}
	return evalSource{
		read: a.read,
		fingerprint: func(item eval.Item) (string, error) {
			labels, err := a.labels(item)
			if err != nil {
				return "", err
			}
			told := []any{c.Task, info.Hash, kernelName(info.Kernel, info.Arithmetic), render.Version(), profile, a.prompt(item, labels), item.Choices}
			if c.Task == "perplexity" { // the truth is what is asked
				truth, err := m.Truth(item)
				if err != nil {
					return "", err
				}
				told = append(told, truth.Text)
			}
			system, err := json.Marshal(told)
			if err != nil {
				return "", err
			}
			return fileFingerprint(string(system), item)
		},
		close: func() { model.Close() },
	}, nil
}

// labels are what is to be found in an item: those it names, or those of its truth.
func (a asker) labels(item eval.Item) ([]string, error) {
	if a.task != "detect" || len(item.Labels) > 0 {
		return item.Labels, nil
	}
	truth, err := a.measure.Truth(item)
	var labels []string
	for _, f := range truth.Found {
		if !slices.Contains(labels, f.Text) {
			labels = append(labels, f.Text)
		}
	}
	return labels, err
}

// prompt is what the model is asked about an item.
func (a asker) prompt(item eval.Item, labels []string) string {
	if item.Prompt != "" {
		return item.Prompt
	}
	prompt := a.profile.Prompt
	switch a.task {
	case "answer":
		prompt += " " + item.Question
	case "detect":
		prompt += " " + strings.Join(labels, " ; ")
	}
	return strings.TrimSpace(prompt)
}

// read asks about one item.
func (a asker) read(ctx context.Context, item eval.Item) (out eval.Answer, err error) {
	labels, err := a.labels(item)
	if err != nil {
		return out, err
	}
	page, err := firstPage(ctx, item.Path())
	if err != nil {
		return out, err
	}
	bounds := page.Image.Rect
	whole := [4]float64{0, 0, float64(bounds.Dx()), float64(bounds.Dy())}
	view, to := render.View(page.Image, whole, a.model.Info().ImageSize, a.profile.Fit)
	shown := askedPage{width: bounds.Dx(), height: bounds.Dy(), view: view, toPage: task.Affine(to)}
	out.Pages = []eval.Page{{Number: 1, Width: shown.width, Height: shown.height}}
	prompt := a.prompt(item, labels)
	choices := item.Choices
	if a.task == "perplexity" {
		truth, err := a.measure.Truth(item)
		if err != nil {
			return out, err
		}
		choices = []string{truth.Text}
	}
	if len(choices) > 0 && a.task != "detect" {
		scores, err := a.model.Score(ctx, engine.ScoreRequest{Image: view, Prompt: prompt, Continuations: choices})
		if err != nil {
			return out, err
		}
		best := slices.MaxFunc(scores, func(x, y engine.Score) int {
			switch {
			case x.LogProb < y.LogProb:
				return -1
			case x.LogProb > y.LogProb:
				return 1
			}
			return 0
		})
		out.Text = best.Text
		if a.task == "perplexity" {
			for _, t := range best.Tokens {
				out.LogProbs = append(out.LogProbs, float64(t.LogProb))
			}
		}
		return out, nil
	}
	answer, err := a.model.Submit(ctx, engine.Request{Image: view, Prompt: prompt, MaxTokens: a.profile.MaxTokens, Grammar: a.profile.Grammar})
	if err != nil {
		return out, err
	}
	line := askLine{}
	if err := line.answer(answer, []askedPage{shown}, &maskDrawer{}); err != nil {
		return out, err
	}
	out.Text = strings.ToValidUTF8(line.Text, "\uFFFD")
	if a.task == "detect" {
		out.Text = ""
		for _, it := range line.Items {
			out.Found = append(out.Found, eval.Found{Page: 1, Text: it.Label, Box: it.Box, Confidence: it.Confidence})
		}
	}
	return out, nil
}

// firstPage draws the first page of a file.
func firstPage(ctx context.Context, file string) (*render.Page, error) {
	return drawPage(ctx, file, 1)
}

func drawPage(ctx context.Context, file string, n int) (*render.Page, error) {
	doc, err := render.Open(ctx, file, renderOptions())
	if err != nil {
		return nil, err
	}
	defer doc.Close()
	if n > doc.NumPages() {
		return nil, fmt.Errorf("the file has %d pages", doc.NumPages())
	}
	return doc.Page(ctx, n)
}

// pictureSide bounds the pictures of the page of worst cases.
const pictureSide = 1000

// pictureOf draws a page small.
func pictureOf(ctx context.Context, file string, n int) (out eval.Picture, err error) {
	page, err := drawPage(ctx, file, n)
	if err != nil {
		return out, err
	}
	size := page.Image.Rect.Size()
	out.Width, out.Height = size.X, size.Y
	scale := min(1, pictureSide/float64(max(size.X, size.Y)))
	small := image.NewRGBA(image.Rect(0, 0, max(1, int(float64(size.X)*scale)), max(1, int(float64(size.Y)*scale))))
	draw.ApproxBiLinear.Scale(small, small.Rect, page.Image, page.Image.Rect, draw.Src, nil)
	var b bytes.Buffer
	err = jpeg.Encode(&b, small, &jpeg.Options{Quality: 70})
	out.JPEG = b.Bytes()
	return out, err
}

// textAnswer reads the text that a model wrote for a task the way the task would. Places
// are mapped to a page of the given size, which may be unknown.
func textAnswer(name, text string, width, height int) (a eval.Answer) {
	page := eval.Page{Number: 1, Width: width, Height: height}
	items, _ := loc.Parse(text, nil, loc.Bins)
	boxOf := func(it loc.Item) [4]float64 {
		w, h := float64(width), float64(height)
		return roundBox(task.Box{X0: it.Box[0] * w, Y0: it.Box[1] * h, X1: it.Box[2] * w, Y1: it.Box[3] * h})
	}
	switch name {
	case "ocr":
		for _, it := range items {
			page.Words = append(page.Words, eval.Word{Text: it.Text, Box: boxOf(it)})
		}
		if len(items) == 0 {
			for _, w := range strings.Fields(text) {
				page.Words = append(page.Words, eval.Word{Text: w})
			}
		}
		a.Pages = []eval.Page{page}
	case "table":
		for _, html := range splitTables(withoutPlaces(text)) {
			a.Found = append(a.Found, eval.Found{Text: html})
		}
	case "molecule":
		for _, it := range items {
			if smiles, _, _ := strings.Cut(strings.TrimSpace(it.Text), " "); smiles != "" {
				a.Found = append(a.Found, eval.Found{Text: smiles, Box: boxOf(it)})
			}
		}
		if fields := strings.Fields(text); len(items) == 0 && len(fields) > 0 {
			a.Found = append(a.Found, eval.Found{Text: fields[0]})
		}
	case "omr":
		if kern := strings.Trim(withoutPlaces(text), "\n "); kern != "" {
			a.Found = append(a.Found, eval.Found{Text: kern})
		}
	case "detect", "regions":
		shown := askedPage{width: width, height: height, toPage: task.Affine{float64(width), 0, 0, 0, float64(height), 0}}
		for _, it := range items {
			item, _ := itemOf(it, shown)
			a.Found = append(a.Found, eval.Found{Text: item.Label, Box: boxOf(it), Confidence: item.Confidence})
		}
	default:
		a.Text = strings.TrimSpace(text)
	}
	return a
}
