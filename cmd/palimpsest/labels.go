package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"palimpsest.dev/api"
	"palimpsest.dev/bagit"
)

// answerForms says, of tasks whose answers are one text for a region, the column that holds it, and what the truth of
// such an answer is called in a manifest.
var answerForms = map[string]struct{ relation, column, truth string }{
	"table":    {"table", "html", "html"},
	"molecule": {"molecule", "text", "smiles"},
	"omr":      {"score", "kern", "kern"},
	"cxr":      {"report", "text", "report"},
}

const (
	labelsFile = "MANIFEST.jsonl"
	// cropMargin is how much more of the page a crop shows on each side, of its longer side, so that no rule lies on its edge.
	cropMargin = 0.02
)

// label is a line of the manifest: what eval reads, where it comes from, and, of tasks with one, the answer to be learnt.
type label struct {
	ID     string         `json:"id"`
	File   string         `json:"file"`
	Subset string         `json:"subset"`
	Task   string         `json:"task"`
	GT     map[string]any `json:"gt"`
	Answer string         `json:"answer,omitempty"`
	From   labelSource    `json:"from"`
}

type labelSource struct {
	Document string      `json:"document"`
	Name     string      `json:"name"`
	Page     int         `json:"page"`
	Box      *[4]float64 `json:"box,omitempty"` // of the page, where the picture is a part of it
}

type wordLabel struct {
	Text string     `json:"text"`
	Box  [4]float64 `json:"bbox"`
}

// labeller writes pictures and their truth.
type labeller struct {
	*session
	client *api.Client
	dir    string
	task   string
	labels []label
	pages  int
}

// exportLabels writes the corrected pages of documents as labels of a task.
func (c *exportCmd) exportLabels(s *session) error {
	if _, known := answerForms[c.Task]; !known && c.Task != "ocr" {
		return usagef("labels are made of ocr, table, molecule, omr and cxr, not of %q", c.Task)
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Labels, 0o755); err != nil {
		return err
	}
	l := &labeller{session: s, client: client, dir: c.Labels, task: c.Task}
	if c.All {
		err = l.all()
	} else {
		for _, id := range c.Documents {
			if err = l.document(id); err != nil {
				break
			}
		}
	}
	if err != nil {
		return c.reached(err)
	}
	if len(l.labels) == 0 {
		return errors.New("no page of these documents was corrected for task " + c.Task + ": `palimpsest correct` does that, and says with --right that a page needs none")
	}
	if err := l.manifest(); err != nil {
		return err
	}
	fmt.Fprintf(s.stdout, "%s: %d labels of %d pages\n", filepath.Join(c.Labels, labelsFile), len(l.labels), l.pages)
	return nil
}

// all goes through every document that has ended.
func (l *labeller) all() error {
	for after := ""; ; {
		list, err := l.client.Documents(l, after, 0)
		if err != nil {
			return err
		}
		for _, d := range list.Documents {
			if d.Final() {
				if err := l.document(d.ID); err != nil {
					return err
				}
			}
		}
		if list.Next == "" || list.Next == after {
			return nil
		}
		after = list.Next
	}
}

// document writes the labels of the pages of a document that somebody corrected.
func (l *labeller) document(id string) error {
	doc, err := l.client.Document(l, id)
	if err != nil {
		return err
	}
	list, err := l.client.Corrections(l, id)
	if err != nil {
		return err
	}
	right := map[int]bool{} // pages; whether somebody said that they are right as a whole
	for _, c := range list.Corrections {
		if c.Task == l.task && c.Kind != "undo" && !c.Undone {
			right[c.Page] = right[c.Page] || c.Kind == "right"
		}
	}
	var pages []int
	for p := range right {
		pages = append(pages, p)
	}
	slices.Sort(pages)
	for _, p := range pages {
		if err := l.page(doc, p, right[p]); err != nil {
			return fmt.Errorf("page %d of %s (%s): %w", p, id, doc.Name, err)
		}
	}
	return nil
}

func (l *labeller) page(doc api.Document, number int, right bool) error {
	raw, err := l.client.PageImage(l, doc.ID, number, 0)
	if err != nil {
		return err
	}
	l.pages++
	base := fmt.Sprintf("%s-%s-%04d", bagit.SafeName(strings.TrimSuffix(doc.Name, filepath.Ext(doc.Name))), doc.ID[max(0, len(doc.ID)-8):], number)
	from := labelSource{Document: doc.ID, Name: doc.Name, Page: number}
	if l.task == "ocr" {
		return l.words(doc, number, base, raw, from)
	}
	form := answerForms[l.task]
	picture, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("its picture: %w", err)
	}
	return l.client.AllResults(l, doc.ID, l.task, api.ResultQuery{Relation: form.relation, Page: number}, func(r api.Record) error {
		text, _ := r.Values[form.column].(string)
		if text == "" || r.Source != "person" && !right {
			return nil // what nobody has looked at is no label
		}
		box := r.Box
		from.Box = &box
		name := fmt.Sprintf("%s-%s-%d", base, form.relation, r.Seq)
		var out bytes.Buffer
		if err := png.Encode(&out, crop(picture, box)); err != nil {
			return err
		}
		return l.add(label{ID: name, Task: l.task, GT: map[string]any{form.truth: text}, Answer: text, From: from}, out.Bytes())
	})
}

// words makes a label of a whole page.
func (l *labeller) words(doc api.Document, number int, base string, raw []byte, from labelSource) error {
	size, err := png.DecodeConfig(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("its picture: %w", err)
	}
	words, texts := []wordLabel{}, []string{}
	err = l.client.AllResults(l, doc.ID, l.task, api.ResultQuery{Relation: "word", Page: number}, func(r api.Record) error {
		words, texts = append(words, wordLabel{r.Text(), r.Box}), append(texts, r.Text())
		return nil
	})
	if err != nil {
		return err
	}
	return l.add(label{ID: base, Task: l.task, From: from, GT: map[string]any{"level": "word", "width": size.Width, "height": size.Height, "words": words,
		"text": strings.Join(texts, " ")}}, raw)
}

// crop cuts a part of a page, with a little around it.
func crop(page image.Image, box [4]float64) image.Image {
	margin := cropMargin * max(box[2]-box[0], box[3]-box[1])
	r := image.Rect(int(math.Floor(box[0]-margin)), int(math.Floor(box[1]-margin)), int(math.Ceil(box[2]+margin)), int(math.Ceil(box[3]+margin)))
	r = r.Add(page.Bounds().Min).Intersect(page.Bounds())
	out := image.NewRGBA(image.Rect(0, 0, r.Dx(), r.Dy()))
	draw.Draw(out, out.Bounds(), page, r.Min, draw.Src)
	return out
}

// add writes a label's picture and remembers its line.
func (l *labeller) add(one label, picture []byte) error {
	one.File, one.Subset = one.ID+".png", "corrected"
	if err := writeWhole(filepath.Join(l.dir, one.File), picture); err != nil {
		return err
	}
	l.labels = append(l.labels, one)
	return nil
}

// manifest writes the lines, when every picture that they name is there.
func (l *labeller) manifest() error {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	for _, one := range l.labels {
		if err := encoder.Encode(one); err != nil {
			return err
		}
	}
	return writeWhole(filepath.Join(l.dir, labelsFile), out.Bytes())
}

// writeWhole gives a file its name when it is whole.
func writeWhole(path string, content []byte) error {
	part := path + ".part"
	if err := os.WriteFile(part, content, 0o644); err != nil {
		return err
	}
	return os.Rename(part, path)
}
