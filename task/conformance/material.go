package conformance

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"palimpsest.dev/task"
)

// profiles are the two ways models are mostly shown pages.
func profiles() []task.Profile {
	return []task.Profile{
		{Prompt: "ocr", View: task.ViewTiles, Fit: task.FitStretch, Box: task.BoxYXYXBefore, Size: 224, XHeight: 9,
			XHeightMin: 7, XHeightMax: 13, Overlap: 48, LocBins: 1024, MaxTokens: 512},
		{Prompt: "ocr", View: task.ViewPage, Fit: task.FitLetterbox, Box: task.BoxYXYXBefore, Size: 896, LocBins: 1024, MaxTokens: 2048},
		{Prompt: "ocr", View: task.ViewPage, Fit: task.FitStretch, Box: task.BoxNone, Size: 448, LocBins: 1024, MaxTokens: 512},
	}
}

// lines lays n lines of text of an x-height into a column.
func lines(x0, x1, y, x float64, n int) []task.Line {
	var out []task.Line
	for range n {
		out = append(out, task.Line{Box: task.Box{X0: x0, Y0: y - x, X1: x1, Y1: y + x}, XHeight: x})
		y += 3 * x
	}
	return out
}

// pages are the pages that every behaviour is tried on.
func pages() map[string]task.Page {
	a4 := task.Page{Document: "conformance.pdf", Number: 1, Width: 1654, Height: 2339, DPI: 200, Raster: "page.png"}
	with := func(p task.Page, set func(*task.Page)) task.Page {
		set(&p)
		return p
	}
	return map[string]task.Page{
		"no lines": a4,
		"one line": with(a4, func(p *task.Page) { p.Lines, p.XHeight = lines(200, 1400, 300, 13, 1), 13 }),
		"two columns": with(a4, func(p *task.Page) {
			p.Lines = append(lines(150, 1500, 200, 26, 1), append(lines(150, 780, 400, 12, 20), lines(870, 1500, 400, 12, 20)...)...)
			p.XHeight = 12
		}),
		"text layer": with(a4, func(p *task.Page) {
			p.Lines, p.XHeight = lines(200, 1000, 300, 13, 2), 13
			for i := range 10 {
				x := 200 + 80*float64(i)
				for k := range 2 {
					y := 300 + 39*float64(k)
					p.Text = append(p.Text, task.Word{Text: "layer", Box: task.Box{X0: x, Y0: y - 13, X1: x + 65, Y1: y + 13}})
				}
			}
		}),
		"one pixel": {Document: "dot.png", Number: 1, Width: 1, Height: 1},
		"very long": with(a4, func(p *task.Page) {
			p.Width, p.Height, p.Number = 300, 20000, 7
			p.Lines, p.XHeight = lines(10, 290, 40, 10, 600), 10
		}),
		"odd names": with(a4, func(p *task.Page) {
			p.Document, p.Raster = "a\"b<c>&d\n\\'é\u202e.pdf", "../\"x\".png"
			p.Lines, p.XHeight = lines(200, 1400, 300, 13, 2), 13
		}),
		"impossible lines": with(a4, func(p *task.Page) {
			p.Lines = []task.Line{
				{Box: task.Box{X0: 100, Y0: 100, X1: 50, Y1: 90}, XHeight: 10},
				{Box: task.Box{X0: -500, Y0: -500, X1: 5000, Y1: 9000}, XHeight: -3},
				{Box: task.Box{X0: 1e9, Y0: 0, X1: 2e9, Y1: 50}, XHeight: 1e9},
				{Box: task.Box{X0: 10, Y0: 10, X1: 11, Y1: 11}},
			}
			p.Text = []task.Word{{Text: "\x00\x01", Box: task.Box{X0: 1, Y0: 1, X1: 1, Y1: 1}}, {Text: "far", Box: task.Box{X0: 1e9, Y0: 1e9, X1: 2e9, Y1: 2e9}}}
		}),
	}
}

// pages are those pages as the host gives them to the task: one that reads
// regions gets the whole page where nobody looked for them, and else what was
// found.
func (s *Suite) pages() map[string]task.Page {
	kinds := s.task.Info().Regions
	all := pages()
	if len(kinds) == 0 {
		return all
	}
	found := func(boxes ...task.Box) task.Page {
		page := all["one line"]
		for i, b := range boxes {
			source := []string{task.SourceModel, task.SourcePerson}[i%2]
			page.Regions = append(page.Regions, task.Region{Kind: kinds[i%len(kinds)], Box: b, Confidence: 0.5, Source: source})
		}
		return page
	}
	several := found(task.Box{X0: 100, Y0: 100, X1: 800, Y1: 600}, task.Box{X0: 0, Y0: 700, X1: 1654, Y1: 1500}, task.Box{X0: 1650, Y0: 2330, X1: 1654, Y1: 2339})
	var crowd []task.Box
	for i := range task.MaxRegions {
		x, y := float64(i%20)*80, float64(i/20)*80
		crowd = append(crowd, task.Box{X0: x, Y0: y, X1: x + 60, Y1: y + 50})
	}
	none, many := found(), found(crowd...)
	for name, page := range all {
		page.Regions = []task.Region{page.Whole(kinds[0])}
		all[name] = page
	}
	all["no regions"], all["some regions"], all["too many regions"] = none, several, many
	if s.task.Info().Overview > 0 {
		for _, page := range all {
			for i := range page.Regions {
				page.Regions[i].Overview = tones()
			}
		}
	}
	return all
}

// tones is the glance at a smooth grey picture.
func tones() *task.Overview {
	o := &task.Overview{Width: 16, Height: 16}
	for i := range o.Width * o.Height {
		o.Gray = append(o.Gray, byte(40+5*(i%o.Width)+5*(i/o.Width)))
	}
	return o
}

// model answers an ask; n differs from ask to ask.
type model func(a task.Ask, n int) task.Answer

// models are the ways in which a model may answer.
func models(texts []string) map[string]model {
	out := map[string]model{
		"nothing":    fixed("", task.StopEnd),
		"blank":      fixed("", task.StopBlank),
		"text":       fixed("The quick brown fox", task.StopEnd),
		"locations":  scatter,
		"cut":        func(a task.Ask, n int) task.Answer { return cutAt(scatter(a, n), 2) },
		"cut token":  func(a task.Ask, n int) task.Answer { return cutAt(scatter(a, n), 3) },
		"a loop":     fixed(strings.Repeat("<loc0100><loc0100><loc0140><loc0200>the", 20), task.StopLoop),
		"only boxes": fixed(strings.Repeat("<loc0100><loc0100><loc0140><loc0200>", 20), task.StopLength),
		"markup":     fixed("<loc0100><loc0100><loc0140><loc0200><b>&amp;]]></b>'\"--><loc0300><loc0100><loc0340><loc0200>\\n", task.StopEnd),
		"bytes":      fixed("\xff\xfe<loc0100>\x00<loc0200>\u202e<loc\U0001F600", task.StopEnd),
		"garbage":    garbage,
		"too much":   fixed(strings.Repeat("word ", 400), task.StopLength),
	}
	for i, s := range texts {
		out[fmt.Sprintf("the caller's answer %d", i)] = fixed(s, task.StopEnd)
	}
	return out
}

// answer fills in what every answer has: tokens that spell the text, and the
// transform of the view.
func answer(a task.Ask, text string, stop task.Stop) task.Answer {
	out := task.Answer{Ask: a, Text: text, Stop: stop}
	for rest, n := text, 0; rest != ""; n++ {
		size := 1
		if strings.HasPrefix(rest, "<loc") && strings.IndexByte(rest, '>') > 0 {
			size = strings.IndexByte(rest, '>') + 1
		}
		out.Tokens = append(out.Tokens, task.Token{Text: rest[:size], LogProb: -float64(n%5) / 4})
		rest = rest[size:]
	}
	w, h := a.Region.Width(), a.Region.Height()
	x, y := a.Region.X0, a.Region.Y0
	if a.Fit == task.FitLetterbox { // centred
		side := max(w, h)
		x, y, w, h = x-(side-w)/2, y-(side-h)/2, side, side
	}
	out.ToPage = task.Affine{w, 0, x, 0, h, y}
	return out
}

func fixed(text string, stop task.Stop) model {
	return func(a task.Ask, _ int) task.Answer { return answer(a, text, stop) }
}

// scatter writes words all over the view.
func scatter(a task.Ask, n int) task.Answer {
	var b strings.Builder
	r := rand.New(rand.NewPCG(7, uint64(n)))
	for i := range 12 {
		y, x := 80*i, r.IntN(700)
		fmt.Fprintf(&b, "<loc%04d><loc%04d><loc%04d><loc%04d>word%d", y, x, y+60, x+250, i)
	}
	return answer(a, b.String(), task.StopEnd)
}

// cutAt ends an answer early, as the token limit does.
func cutAt(a task.Answer, part int) task.Answer {
	a.Tokens = a.Tokens[:len(a.Tokens)/part]
	a.Text = ""
	for _, t := range a.Tokens {
		a.Text += t.Text
	}
	a.Stop = task.StopLength
	return a
}

// garbage writes what comes to mind.
func garbage(a task.Ask, n int) task.Answer {
	r := rand.New(rand.NewPCG(11, uint64(n)))
	var b strings.Builder
	for range 200 {
		switch r.IntN(4) {
		case 0:
			b.WriteByte(byte(r.IntN(256)))
		case 1:
			b.WriteRune(rune(r.IntN(0x3000)))
		case 2:
			fmt.Fprintf(&b, "<loc%04d>", r.IntN(1100))
		default:
			b.WriteString("seg ")
		}
	}
	out := answer(a, b.String(), task.StopEnd)
	if r.IntN(2) == 0 {
		out.Tokens = nil
	}
	return out
}
