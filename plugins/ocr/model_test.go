package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"palimpsest.dev/task"
	"palimpsest.dev/task/loc"
)

func logOf(p float64) float64 { return math.Log(p) }

// print is a page whose words are known, set in one of a few layouts, and a
// model that reads tiles of it as the default model is trained to: words that
// are whole in the tile, top to bottom, left to right, in steps of four.
type print struct {
	page       task.Page
	words      []task.Word // in reading order
	vocabulary []string
}

// setLine sets words from x to at most right on a baseline and records the
// line. It returns how many were set.
func (p *print) setLine(words []string, x, right, y, size float64) int {
	n, from := 0, x
	for _, w := range words {
		width := 1.05 * size * float64(len(w))
		if x+width > right {
			break
		}
		p.words = append(p.words, task.Word{Text: w, Box: task.Box{X0: x, Y0: y - 1.5*size, X1: x + width, Y1: y + 0.5*size}})
		x += width + 0.8*size
		n++
	}
	if n > 0 {
		p.page.Lines = append(p.page.Lines, task.Line{Box: task.Box{X0: from, Y0: y - 1.5*size, X1: x - 0.8*size, Y1: y + 0.5*size}, XHeight: size})
	}
	return n
}

func (p *print) column(r *rand.Rand, lines int, x, right, y, size float64) {
	for range lines {
		var words []string
		for range 40 {
			words = append(words, fmt.Sprintf("%s%d", p.vocabulary[r.IntN(len(p.vocabulary))], r.IntN(100)))
		}
		p.setLine(words, x, right, y, size)
		y += 3.2 * size
	}
}

func newPrint(seed uint64) *print {
	r := rand.New(rand.NewPCG(seed, 9))
	size := 8 + 12*r.Float64()
	w, h := 100*size, 140*size
	p := &print{page: task.Page{Document: "print.png", Number: 1, Width: int(w), Height: int(h), Raster: "print.png"}}
	p.vocabulary = []string{"a", "of", "the", "page", "A"}
	if seed >= 12 {
		p.vocabulary = append(p.vocabulary, "an", "it", "is", "typesetting")
	}
	p.setLine([]string{"Heading", "across", "the", "whole"}, 8*size, 0.95*w, 8*size, 2.4*size)
	switch seed % 3 {
	case 0:
		p.column(r, 35, 8*size, 0.92*w, 16*size, size)
	case 1:
		p.column(r, 35, 8*size, 0.48*w, 16*size, size)
		p.column(r, 33, 0.53*w, 0.95*w, 17.1*size, size)
	case 2: // goods and prices
		for i := range 30 {
			y := 16*size + 3*size*float64(i)
			p.setLine([]string{fmt.Sprintf("item%d", i), "of", "goods"}, 8*size, 0.6*w, y, size)
			p.setLine([]string{fmt.Sprintf("%d.%02d", r.IntN(90), r.IntN(100))}, 0.8*w, w, y, size)
		}
	}
	return p
}

// answer is what the model writes about a view. Sloppy models also read words
// that the tile cuts, and misread some near its edges.
func (p *print) answer(a task.Ask, r *rand.Rand, sloppy bool) task.Answer {
	var items []loc.Item
	scale := float64(a.Size) / a.Region.Width()
	for _, w := range p.words {
		in := w.Box.Intersect(a.Region)
		if size := w.Box.Height() / 2 * scale; size < 5 || size > 20 || in.Empty() {
			continue
		}
		text := w.Text
		if whole := a.Region.Contains(w.Box, 0.6/scale); !whole {
			if !sloppy || in.Width() < 0.2*w.Box.Width() || in.Height() < 0.7*w.Box.Height() {
				continue
			}
			text = text[:1+len(text)/2] + "~"
		} else if sloppy && w.Box.Width() < 70/scale && a.Region.X1-w.Box.X1 < 5/scale && r.IntN(3) == 0 {
			text += "!"
		}
		items = append(items, loc.Item{Text: text, Box: [4]float64{(in.X0 - a.Region.X0) / a.Region.Width(), (in.Y0 - a.Region.Y0) / a.Region.Height(),
			(in.X1 - a.Region.X0) / a.Region.Width(), (in.Y1 - a.Region.Y0) / a.Region.Height()}})
	}
	slices.SortStableFunc(items, func(x, y loc.Item) int {
		if math.Abs(x.Box[1]-y.Box[1]) > 0.02 {
			return cmp.Compare(x.Box[1], y.Box[1])
		}
		return cmp.Compare(x.Box[0], y.Box[0])
	})
	out := task.Answer{Ask: a, Text: loc.Encode(items, loc.Bins, 4), Stop: task.StopEnd}
	for _, c := range pieces(out.Text) {
		out.Tokens = append(out.Tokens, task.Token{Text: c, LogProb: -0.05 - 0.1*r.Float64()})
	}
	out.ToPage = task.Affine{a.Region.Width(), 0, a.Region.X0, 0, a.Region.Height(), a.Region.Y0}
	return out
}

// TestPageReadByAPerfectModel is the whole way: plan, answers, seams, order. A
// model that errs only where tiles cut words must give every word once, in
// its place and in order.
func TestPageReadByAPerfectModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			p := newPrint(seed)
			r := rand.New(rand.NewPCG(seed, 3))
			asks, err := ocr{}.Plan(t.Context(), p.page, mini)
			if err != nil {
				t.Fatal(err)
			}
			var answers []task.Answer
			for _, a := range asks {
				answers = append(answers, p.answer(a, r, seed%2 == 1))
			}
			reading, err := ocr{}.Read(t.Context(), p.page, answers)
			if err != nil {
				t.Fatal(err)
			}
			if len(reading.Asks) > 0 {
				t.Logf("%d asks, then %d", len(asks), len(reading.Asks))
				answers = nil
				for _, a := range reading.Asks {
					answers = append(answers, p.answer(a, r, seed%2 == 1))
				}
				if reading, err = (ocr{}).Read(t.Context(), p.page, answers); err != nil {
					t.Fatal(err)
				}
			}
			var got []task.Record
			for _, rec := range reading.Records {
				if rec.Relation == "word" {
					got = append(got, rec)
				}
			}
			for i := range max(len(got), len(p.words)) {
				if i >= len(got) || i >= len(p.words) || got[i].Values["text"] != p.words[i].Text || got[i].Box.IoU(p.words[i].Box) < 0.6 {
					t.Fatalf("%d asks: word %d of %d differs (%d read): %s", len(asks), i, len(p.words), len(got), around(got, p.words, i))
				}
			}
		})
	}
}

func around(got []task.Record, want []task.Word, i int) string {
	var g, w []string
	for k := max(0, i-3); k < i+4; k++ {
		if k < len(got) {
			g = append(g, fmt.Sprint(got[k].Values["text"]))
		}
		if k < len(want) {
			w = append(w, want[k].Text)
		}
	}
	return fmt.Sprintf("read %q, printed %q", strings.Join(g, " "), strings.Join(w, " "))
}

func FuzzRead(f *testing.F) {
	f.Add("<loc0010><loc0020><loc0130><loc0240>Hello", "end", 0.0, 0.0, 200.0)
	f.Add("<loc0010><loc0020><loc0130><loc0240>Hello", "loop", -50.0, 900.0, 2000.0)
	f.Fuzz(func(t *testing.T, text, stop string, x, y, side float64) {
		page := task.Page{Document: "f", Number: 1, Width: 1000, Height: 800, Lines: []task.Line{{Box: task.Box{X0: 10, Y0: 10, X1: 900, Y1: 40}, XHeight: 12}}}
		region := task.Box{X0: x, Y0: y, X1: x + side, Y1: y + side}
		a := task.Answer{Ask: task.Ask{ID: "a", Region: region, Size: 224}, Text: text, Stop: task.Stop(stop), ToPage: task.Affine{side, 0, x, 0, side, y}}
		b := a
		b.ToPage = task.Affine{0, side, x, side, 0, y}
		r, err := ocr{}.Read(context.Background(), page, []task.Answer{a, b})
		if err != nil {
			t.Fatal(err)
		}
		if err := (ocr{}).Info().CheckReading(page, 1, r); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	p := newPrint(1)
	asks, err := ocr{}.Plan(b.Context(), p.page, mini)
	if err != nil {
		b.Fatal(err)
	}
	var answers []task.Answer
	for _, a := range asks {
		answers = append(answers, p.answer(a, rand.New(rand.NewPCG(1, 1)), true))
	}
	b.ReportMetric(float64(len(p.words)), "words")
	for b.Loop() {
		if _, err := (ocr{}).Read(b.Context(), p.page, answers); err != nil {
			b.Fatal(err)
		}
	}
}
