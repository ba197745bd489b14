package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"palimpsest.dev/eval"
)

// answerLine is a line of a file of answers: a model's text or a ready answer under
// "answer", a line of run --json, or one of eval --json.
type answerLine struct {
	ID     string          `json:"id"`
	File   string          `json:"file"`
	Page   int             `json:"page"`
	Width  int             `json:"width"`
	Height int             `json:"height"`
	Answer json.RawMessage `json:"answer"`
	Text   *string         `json:"text"`
	Words  []eval.Word     `json:"words"`
	Tables []struct {
		Box  [4]float64 `json:"box"`
		HTML string     `json:"html"`
	} `json:"tables"`
	Molecules []struct {
		Box       [4]float64 `json:"box"`
		SMILES    string     `json:"smiles"`
		Canonical string     `json:"canonical"`
	} `json:"molecules"`
	Scores []struct {
		Box  [4]float64 `json:"box"`
		Kern string     `json:"kern"`
	} `json:"scores"`
	Reports []struct {
		Body       string   `json:"body"`
		Findings   string   `json:"findings"`
		Impression string   `json:"impression"`
		Codes      []string `json:"codes"`
	} `json:"reports"`
	Items []struct {
		Label      string     `json:"label"`
		Box        [4]float64 `json:"box"`
		Confidence float64    `json:"confidence"`
	} `json:"items"`
	Regions []struct {
		Kind       string     `json:"kind"`
		Box        [4]float64 `json:"box"`
		Confidence float64    `json:"confidence"`
	} `json:"regions"`
	Totals json.RawMessage `json:"totals"`
	Error  json.RawMessage `json:"error"`
}

// givenAnswers are answers by the id of their item and by the file they are about.
type givenAnswers struct {
	path   string
	task   string
	byID   map[string][]answerLine
	byFile map[string][]answerLine
}

// openAnswers reads a file of answers. Files may be named as the manifest does, or
// relative to the working folder.
func openAnswers(path, name string) (evalSource, error) {
	f, err := os.Open(path)
	if err != nil {
		return evalSource{}, err
	}
	defer f.Close()
	g := givenAnswers{path: path, task: name, byID: map[string][]answerLine{}, byFile: map[string][]answerLine{}}
	lines := bufio.NewScanner(f)
	lines.Buffer(make([]byte, 64<<10), eval.MaxLineBytes)
	count := 0
	for n := 1; lines.Scan(); n++ {
		raw := bytes.TrimSpace(lines.Bytes())
		if len(raw) == 0 {
			continue
		}
		var line answerLine
		if err := json.Unmarshal(raw, &line); err != nil {
			return evalSource{}, usagef("answers %s, line %d: %v", path, n, err)
		}
		if line.Totals != nil {
			continue
		}
		if count++; count > eval.MaxItems {
			return evalSource{}, usagef("answers %s: more than the limit of %d", path, eval.MaxItems)
		}
		switch {
		case line.ID != "":
			g.byID[line.ID] = append(g.byID[line.ID], line)
		case line.File != "":
			g.byFile[line.File] = append(g.byFile[line.File], line)
			if abs, err := filepath.Abs(line.File); err == nil && abs != line.File {
				g.byFile[abs] = append(g.byFile[abs], line)
			}
		default:
			return evalSource{}, usagef("answers %s, line %d: neither id nor file", path, n)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return evalSource{}, usagef("answers %s: a line is longer than the limit of %d bytes", path, eval.MaxLineBytes)
	} else if err != nil {
		return evalSource{}, err
	}
	return evalSource{read: g.read, close: func() {}}, nil
}

// read gives the answer about an item.
func (g givenAnswers) read(_ context.Context, item eval.Item) (out eval.Answer, err error) {
	lines := g.byID[item.ID]
	if lines == nil {
		lines = g.byFile[item.File]
	}
	if abs, err := filepath.Abs(item.Path()); lines == nil && err == nil {
		lines = g.byFile[abs]
	}
	if lines == nil {
		return out, fmt.Errorf("no answer in %s", g.path)
	}
	for _, line := range lines {
		if err := line.add(&out, g.task, item); err != nil {
			return eval.Answer{}, fmt.Errorf("answer in %s: %w", g.path, err)
		}
	}
	return out, nil
}

// add takes a line over.
func (l answerLine) add(a *eval.Answer, name string, item eval.Item) error {
	var text string
	switch given := bytes.TrimSpace(l.Answer); {
	case bytes.HasPrefix(given, []byte("{")):
		return json.Unmarshal(given, a)
	case bytes.HasPrefix(given, []byte(`"`)):
		if err := json.Unmarshal(given, &text); err != nil {
			return err
		}
		*a = textAnswer(name, text, cmp.Or(l.Width, item.Width), cmp.Or(l.Height, item.Height))
		return nil
	case len(given) > 0 && string(given) != "null":
		return errors.New("want a text or an object")
	}
	if l.Text != nil {
		a.Text = strings.TrimSpace(a.Text + "\n" + *l.Text)
	}
	page := eval.Page{Number: max(l.Page, 1), Width: l.Width, Height: l.Height, Words: l.Words}
	if len(l.Error) > 0 && string(l.Error) != "null" {
		page.Error = string(l.Error)
	}
	a.Pages = append(a.Pages, page)
	add := func(text string, box [4]float64, confidence float64) {
		a.Found = append(a.Found, eval.Found{Text: text, Page: page.Number, Box: box, Confidence: confidence})
	}
	switch name {
	case "table":
		for _, t := range l.Tables {
			add(t.HTML, t.Box, 0)
		}
	case "molecule":
		for _, m := range l.Molecules {
			add(cmp.Or(m.Canonical, m.SMILES), m.Box, 0)
		}
	case "omr":
		for _, s := range l.Scores {
			add(s.Kern, s.Box, 0)
		}
	case "detect", "regions":
		for _, it := range l.Items {
			add(it.Label, it.Box, it.Confidence)
		}
		for _, r := range l.Regions {
			add(r.Kind, r.Box, r.Confidence)
		}
	case "cxr":
		for _, r := range l.Reports {
			addReport(a, r.Body, r.Findings, r.Impression, r.Codes)
		}
	}
	return nil
}

var place = regexp.MustCompile(`<loc\d{4}>`)

// withoutPlaces takes the location tokens out of a text.
func withoutPlaces(s string) string { return place.ReplaceAllString(s, "") }

// splitTables cuts a text before each table; what is no table is dropped.
func splitTables(s string) (out []string) {
	parts := strings.Split(s, "<table")
	for _, p := range parts[1:] {
		out = append(out, "<table"+p)
	}
	return out
}
