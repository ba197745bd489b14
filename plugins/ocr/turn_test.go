package main

import (
	"math"
	"strings"
	"testing"

	"palimpsest.dev/task"
	"palimpsest.dev/task/loc"
)

// slopedPage is a page whose lines slope by an angle, with two words on each of
// two lines, and the answers of two views that were cut along the lines, each
// turned about its own middle. Where the words stand is told on a level page.
func slopedPage(degrees float64) (page task.Page, words []task.Word, answers []task.Answer, toPage func(task.Box) [4]task.Point) {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	page = task.Page{Document: "d", Number: 1, Width: 1000, Height: 600}
	turn := func(p, about task.Point) task.Point {
		x, y := p.X-about.X, p.Y-about.Y
		return task.Point{X: about.X + cos*x - sin*y, Y: about.Y + sin*x + cos*y}
	}
	middle := task.Point{X: 500, Y: 300}
	toPage = func(b task.Box) (out [4]task.Point) {
		for i, c := range [4]task.Point{{X: b.X0, Y: b.Y0}, {X: b.X1, Y: b.Y0}, {X: b.X1, Y: b.Y1}, {X: b.X0, Y: b.Y1}} {
			out[i] = turn(c, middle)
		}
		return out
	}
	for _, w := range []struct {
		text string
		x, y float64
	}{{"one", 200, 200}, {"two", 700, 200}, {"three", 200, 215}, {"four", 700, 215}} {
		words = append(words, task.Word{Text: w.text, Box: task.Box{X0: w.x, Y0: w.y, X1: w.x + 60, Y1: w.y + 12}})
	}
	back := func(p, about task.Point) task.Point { // turn's inverse
		x, y := p.X-about.X, p.Y-about.Y
		return task.Point{X: about.X + cos*x + sin*y, Y: about.Y - sin*x + cos*y}
	}
	for _, r := range []task.Box{{X0: 100, Y0: 100, X1: 548, Y1: 548}, {X0: 440, Y0: 100, X1: 888, Y1: 548}} {
		about := task.Point{X: (r.X0 + r.X1) / 2, Y: (r.Y0 + r.Y1) / 2}
		w, h := r.Width(), r.Height()
		o := turn(task.Point{X: r.X0, Y: r.Y0}, about)
		a := task.Answer{Stop: task.StopEnd, ToPage: task.Affine{cos * w, -sin * h, o.X, sin * w, cos * h, o.Y}}
		a.Ask = task.Ask{ID: "v", Region: r, Size: 448, Fit: task.FitStretch, State: []byte(`{"box":"yxyx-before","bins":1024,"min":4,"max":14}`)}
		var items []loc.Item
		for _, word := range words {
			c := toPage(word.Box)
			p, q := back(c[0], about), back(c[2], about) // in the view it stands upright
			b := [4]float64{(p.X - r.X0) / w, (p.Y - r.Y0) / h, (q.X - r.X0) / w, (q.Y - r.Y0) / h}
			if b[0] >= 0 && b[1] >= 0 && b[2] <= 1 && b[3] <= 1 {
				items = append(items, loc.Item{Text: word.Text, Box: b})
			}
		}
		for _, c := range pieces(loc.Encode(items, loc.Bins, 4)) {
			a.Text += c
			a.Tokens = append(a.Tokens, task.Token{Text: c, LogProb: -0.1})
		}
		answers = append(answers, a)
	}
	return page, words, answers, toPage
}

// TestViewsCutAlongTheLines maps words of turned views to the page: polygons
// around the ink but for the model's steps of half a pixel, boxes around those,
// and lines that a straight look would confuse.
func TestViewsCutAlongTheLines(t *testing.T) {
	t.Parallel()
	for _, degrees := range []float64{-5, -2, 1.5, 3} {
		page, words, answers, toPage := slopedPage(degrees)
		r, err := ocr{}.Read(t.Context(), page, answers)
		if err != nil {
			t.Fatal(err)
		}
		if err := (ocr{}).Info().CheckReading(page, 1, r); err != nil {
			t.Error(err)
		}
		var texts []string
		for _, rec := range r.Records {
			if rec.Relation == "line" {
				texts = append(texts, rec.Values["text"].(string))
				if len(rec.Polygon) != 4 {
					t.Errorf("%v degrees: a line has %v", degrees, rec.Polygon)
				}
				continue
			}
			for _, w := range words {
				if rec.Values["text"] != w.Text {
					continue
				}
				around := task.Box{X0: math.Inf(1), Y0: math.Inf(1), X1: math.Inf(-1), Y1: math.Inf(-1)}
				for i, want := range toPage(w.Box) {
					if len(rec.Polygon) != 4 || math.Hypot(rec.Polygon[i].X-want.X, rec.Polygon[i].Y-want.Y) > 2 {
						t.Errorf("%v degrees: %s stands at %v, corner %d is at %v", degrees, w.Text, rec.Polygon, i, want)
					}
					around = task.Box{X0: min(around.X0, want.X), Y0: min(around.Y0, want.Y), X1: max(around.X1, want.X), Y1: max(around.Y1, want.Y)}
				}
				if !around.Contains(rec.Box, 2) || !rec.Box.Contains(around, 2) {
					t.Errorf("%v degrees: %s has box %v, want %v", degrees, w.Text, rec.Box, around)
				}
			}
		}
		if hocr := string(r.Artifacts[0].Content); strings.Count(hocr, "; poly ") != 6 {
			t.Errorf("%v degrees: %d polygons in hOCR, want those of 4 words and 2 lines", degrees, strings.Count(hocr, "; poly "))
		}
		if got := strings.Join(texts, "; "); got != "one two; three four" {
			t.Errorf("%v degrees: lines are %q", degrees, got)
		}
	}
	// Upright views need no polygons.
	page, _, answers, _ := slopedPage(0)
	r, err := ocr{}.Read(t.Context(), page, answers)
	if err != nil || len(r.Records) != 6 || r.Records[0].Polygon != nil {
		t.Errorf("%+v, %v", r.Records, err)
	}
}
