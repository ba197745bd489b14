package textlayer

import (
	"strings"
	"testing"

	"palimpsest.dev/task"
)

// sheet is a page with twenty lines of ten five-letter words, all of them in
// the layer as well.
func sheet() task.Page {
	p := task.Page{Width: 1000, Height: 2000, DPI: 150}
	for i := range 20 {
		y := 100 + 40*float64(i)
		p.Lines = append(p.Lines, task.Line{Box: task.Box{X0: 100, Y0: y, X1: 700, Y1: y + 20}, XHeight: 10})
		for k := range 10 {
			x := 100 + 60*float64(k)
			p.Text = append(p.Text, task.Word{Text: "words", Box: task.Box{X0: x, Y0: y - 2, X1: x + 52, Y1: y + 22}})
		}
	}
	return p
}

func TestJudge(t *testing.T) {
	t.Parallel()
	each := func(f func(i int, w *task.Word)) func(*task.Page) {
		return func(p *task.Page) {
			for i := range p.Text {
				f(i, &p.Text[i])
			}
		}
	}
	for _, c := range []struct {
		name  string
		spoil func(*task.Page)
		want  string // a part of the reason; "" for sound
	}{
		{"a born-digital page", func(*task.Page) {}, ""},
		{"printed twice for boldness", func(p *task.Page) { p.Text = append(p.Text, p.Text...) }, ""},
		{"a picture with text beside it", func(p *task.Page) {
			p.Lines = append(p.Lines, task.Line{Box: task.Box{X0: 200, Y0: 1000, X1: 500, Y1: 1020}, XHeight: 10})
		}, ""},
		{"a few words off the page", each(func(i int, w *task.Word) {
			if i%20 == 0 {
				w.Box.X0, w.Box.X1 = w.Box.X0+2000, w.Box.X1+2000
			}
		}), ""},
		{"whole lines as one word each", func(p *task.Page) {
			p.Text = nil
			for _, l := range p.Lines {
				p.Text = append(p.Text, task.Word{Text: strings.Repeat("words ", 10), Box: l.Box})
			}
		}, ""},
		{"Greek", each(func(_ int, w *task.Word) { w.Text = "λέξις" }), ""},
		{"nothing", func(p *task.Page) { p.Text = nil }, "empty"},
		{"spaces", each(func(_ int, w *task.Word) { w.Text = " \u00a0" }), "empty"},
		{"no meaning", each(func(_ int, w *task.Word) { w.Text = "a\uFFFD\uE001\x02b" }), "no meaning"},
		{"symbols", each(func(_ int, w *task.Word) { w.Text = "!$%&/" }), "letters or digits"},
		{"no pixels", func(p *task.Page) { p.Lines = nil }, "no lines"},
		{"off the page", each(func(_ int, w *task.Word) { w.Box.Y0, w.Box.Y1 = w.Box.Y0-5000, w.Box.Y1-5000 }), "nowhere"},
		{"no area", each(func(_ int, w *task.Word) { w.Box.X1 = w.Box.X0 }), "nowhere"},
		{"all over the page", each(func(_ int, w *task.Word) { w.Box = task.Box{X1: 1000, Y1: 2000} }), "nowhere"},
		{"in a heap", each(func(i int, w *task.Word) {
			w.Box = task.Box{X0: 100, Y0: 100, X1: 150, Y1: 120}
			w.Text = strings.Repeat("ab", 1+i%9)
		}), "on one another"},
		{"beside the lines", each(func(_ int, w *task.Word) { w.Box.Y0, w.Box.Y1 = w.Box.Y0+820, w.Box.Y1+820 }), "no text"},
		{"a header over a scan", func(p *task.Page) { p.Text = p.Text[:10] }, "accounts for"},
		{"one letter for each word", each(func(_ int, w *task.Word) { w.Text = "i" }), "where the pixels show about"},
		{"a book on a page", each(func(_ int, w *task.Word) { w.Text = strings.Repeat("words", 10) }), "where the pixels show about"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := sheet()
			c.spoil(&p)
			got := Judge(p)
			if c.want == "" && got != "" || c.want != "" && !strings.Contains(got, c.want) {
				t.Errorf("judged %q, want %q", got, c.want)
			}
		})
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	at := func(x float64) task.Box { return task.Box{X0: x, Y0: 10, X1: x + 110, Y1: 30} }
	p := task.Page{Width: 300, Height: 100, Text: []task.Word{
		{Text: " two\u00a0words\n", Box: at(0)}, {Text: "two words", Box: at(1)}, {Text: "\x00", Box: at(50)}, {Text: "edge", Box: at(250)}, {Text: "off", Box: at(900)}}}
	var got []string
	for _, w := range Words(p) {
		got = append(got, w.Text)
		if !p.Bounds().Contains(w.Box, 0) || w.Box.Empty() {
			t.Errorf("%q stands at %v", w.Text, w.Box)
		}
	}
	if strings.Join(got, "|") != "two|words|edge" {
		t.Errorf("got %q", got)
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	w := func(text string, x float64) task.Word {
		return task.Word{Text: text, Box: task.Box{X0: x, Y0: 10, X1: x + 50, Y1: 30}}
	}
	same, missed := Verdicts(
		[]task.Word{w("Don't", 0), w("office", 60), w("re-read", 120), w("five", 180), w("far", 240), w("dup", 300), w("dup", 302)},
		[]task.Word{w("don’t", 2), w("oﬃce", 61), w("re‐read", 122), w("six", 180), w("far", 640), w("dup", 300)})
	want := []bool{true, true, true, false, false, true, false}
	for i := range want {
		if same[i] != want[i] {
			t.Errorf("word %d: %v, want %v", i, same[i], want[i])
		}
	}
	if missed != 2 {
		t.Errorf("%d of the layer's words missed, want 2", missed)
	}
}

func FuzzJudge(f *testing.F) {
	f.Add("words", 100.0, 100.0, 150.0, 120.0, 10.0)
	f.Add("\xff\x00", -1e300, 0.0, 1e300, 1.0, 0.0)
	f.Fuzz(func(t *testing.T, text string, x0, y0, x1, y1, x float64) {
		p := task.Page{Width: 1000, Height: 1000, Text: []task.Word{{Text: text, Box: task.Box{X0: x0, Y0: y0, X1: x1, Y1: y1}}},
			Lines: []task.Line{{Box: task.Box{X0: x0, Y0: y0, X1: x1, Y1: y1}, XHeight: x}, {Box: task.Box{X0: 10, Y0: 10, X1: 20, Y1: 20}, XHeight: x}}}
		Judge(p)
		for _, w := range Words(p) {
			if w.Box.Empty() || !p.Bounds().Contains(w.Box, 1e-9) || Clean(w.Text) != w.Text || w.Text == "" {
				t.Fatalf("%+v", w)
			}
		}
		Verdicts(p.Text, Words(p))
	})
}
