package transcript

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"palimpsest.dev/task"
)

var update = flag.Bool("update", false, "rewrite the goldens")

func record(relation string, box task.Box, source string, values map[string]any) task.Record {
	return task.Record{Relation: relation, Box: box, Confidence: 0.5, Source: source, Values: values}
}

func box(x0, y0, x1, y1 float64) task.Box { return task.Box{X0: x0, Y0: y0, X1: x1, Y1: y1} }

func TestOfPutsRowsTogetherInAnyOrder(t *testing.T) {
	t.Parallel()
	word := func(seq, line, block int64, text string, x float64) task.Record {
		return record("word", box(x, 10, x+30, 30), task.SourceModel, map[string]any{"seq": seq, "line": line, "block": block, "text": text})
	}
	line := func(seq, block, paragraph any) task.Record {
		return record("line", box(0, 10, 70, 30), task.SourceModel, map[string]any{"seq": seq, "block": block, "paragraph": paragraph})
	}
	copied := word(4, 2, 1, "copy", 0)
	copied.Source, copied.Confidence = task.SourceTextLayer, 1
	lost := word(5, 9, 3, "lost", 0)
	lost.Confidence = math.NaN()
	p := Of(task.DocumentPage{State: "done", Page: task.Page{Number: 3, Width: 100, Height: 50, DPI: 72, Raster: "r.png"}, Records: []task.Record{
		word(3, 1, 0, "d", 40), word(1, 0, 0, "b", 40), word(0, 0, 0, "a", 0), word(2, 1, 0, "c", 0), lost, copied, word(6, 2, 1, "", 0),
		line(int64(1), int64(0), int64(1)), line(int(0), float64(0), nil), line(int64(2), int64(1), int64(2)), line(int64(7), int64(2), int64(3)),
	}})
	if got, want := p.Text(nil), "a b\n\nc d\n\ncopy\n\nlost\n"; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
	if len(p.Blocks) != 3 || p.Blocks[2].Index != 3 || p.Number != 3 || p.Image != "r.png" || p.State != "done" {
		t.Errorf("page %+v", p)
	}
	lines := p.Lines()
	if c := lines[2].Words[0].Confidence; c != None {
		t.Errorf("a copied word has confidence %v", c)
	}
	if c := lines[3].Words[0].Confidence; c != None {
		t.Errorf("a word without number has confidence %v", c)
	}
	if c := lines[0].Words[1].Confidence; c != 0.5 {
		t.Errorf("a word read has confidence %v", c)
	}
	if Of(task.DocumentPage{}).Text(nil) != "" {
		t.Error("a page without rows has no text")
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	known := CompoundsOf([]Page{{Blocks: []Block{{Lines: []Line{{Words: []Word{{Text: "(Well-known,"}, {Text: "end-"}, {Text: "vis\u2010\u00e0\u2010vis"}}}}}}}})
	for _, c := range []struct{ text, next, want string }{
		{"", "a", "a"},
		{"one", "two", "one two"},
		{"an exam-", "ple of", "an example of"},
		{"Silben\u00ad", "trennung", "Silbentrennung"},
		{"hyphen\u2010", "ated", "hyphenated"},
		{"Straßen-", "übergang", "Straßenübergang"},
		{"Baden-", "Baden", "Baden-Baden"},
		{"1990-", "2000", "1990-2000"},
		{"covid-", "19", "covid-19"},
		{"a dash -", "and more", "a dash - and more"},
		{"пере-", "нос слова", "перенос слова"},
		{"Санкт-", "Петербург", "Санкт-Петербург"},
		{"λέ-", "ξη", "λέξη"},
		{"բա\u058a", "ռեր", "բառեր"},
		{"ge\u2e17", "theilt", "getheilt"},
		{"ge\u00ac", "teilt", "geteilt"},
		{"Baden\u2e17", "Baden", "Baden\u2e17Baden"},
		{"Silben\u00ad", "Trennung", "SilbenTrennung"}, // a soft hyphen does nothing else
		{"слово-", "word", "слово-word"},               // two scripts are no one word
		{"मात-", "पिता", "मात-पिता"},                   // where a hyphen is mostly the word's own
		{"a well-", "known fact", "a well-known fact"}, // as it stands elsewhere
		{"vis-", "à-vis", "vis-à-vis"},
		{"by e-", "mail", "by e-mail"},
		{"Vor-", "und Nachteile", "Vor- und Nachteile"},
		{"two-", "or threefold", "two- or threefold"},
		{"bö-", "undig", "böundig"},
		{"འཁོར་", "ལོ", "འཁོར་ལོ"},
		{"ภาษา", "ไทย", "ภาษาไทย"},
		{"한국어", "문장", "한국어 문장"},
		{"漢字", "仮名", "漢字仮名"},
		{"漢字", "word", "漢字 word"},
		{"-", "x", "- x"},
		{"end,-", "x", "end,- x"},
	} {
		if got := known.Join(c.text, c.next); got != c.want {
			t.Errorf("%q and %q: %q, want %q", c.text, c.next, got, c.want)
		}
	}
}

func TestDivided(t *testing.T) {
	t.Parallel()
	if stem, h, ok := Compounds(nil).Divided("exam-", "ple"); !ok || stem != "exam" || h != "-" {
		t.Error(stem, h, ok)
	}
	for _, c := range [][2]string{{"exam", "ple"}, {"exam-", "Ple"}, {"12-", "ple"}, {"-", "ple"}, {"", ""}, {"exam-", ""}, {"a-", "é"[:1]}} {
		if stem, h, ok := Compounds(nil).Divided(c[0], c[1]); ok || stem != c[0] || h != "" {
			t.Errorf("%q: %q %q", c, stem, h)
		}
	}
}

func TestXHeightIsMeasuredOrEstimated(t *testing.T) {
	t.Parallel()
	page := task.Page{Width: 200, Height: 400, Lines: []task.Line{{Box: box(0, 100, 100, 120), XHeight: 11}, {Box: box(0, 200, 100, 220), XHeight: 90}}}
	line := func(text string, y, high float64, source string) Line {
		return Line{Box: box(0, y, 90, y+high), Source: source, Words: []Word{{Text: text, Box: box(0, y, 90, y+high), Source: source}}}
	}
	r := newRuler(page)
	for _, c := range []struct {
		what string
		line Line
		want float64
	}{
		{"line in the pixels", line("type", 100, 18.5, task.SourceModel), 11},
		{"a line there that is something else", line("type", 200, 18.5, task.SourceModel), 10},
		{"ascender and descender", line("type", 0, 18.5, task.SourceModel), 10},
		{"neither", line("xenon", 0, 10, task.SourceModel), 10},
		{"capital", line("Axe", 0, 14.5, task.SourceModel), 10},
		{"text layer", line("xenon", 0, 22, task.SourceTextLayer), 10},
		{"nothing", Line{}, 0},
	} {
		if got := r.measure(c.line); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

func FuzzJoin(f *testing.F) {
	f.Add("exam-", "ple")
	f.Add("\xff-", "\xff")
	f.Fuzz(func(t *testing.T, a, b string) {
		if got := Compounds(nil).Join(a, b); len(got) > len(a)+len(b)+1 || len(got)+4 < len(a)+len(b) {
			t.Errorf("%q and %q: %q", a, b, got)
		}
		Compounds(nil).Divided(a, b)
	})
}

// TestGolden writes pages as plain text. A case holds the lines of a page, X
// BLOCK PARAGRAPH WORDS..., each at the place X from the left and one below the
// other, and what comes of them.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var p Page
			y := 0.0
			for line := range strings.Lines(string(a.Files[0].Data)) {
				var l Line
				var x float64
				if _, err := fmt.Sscan(line, &x, &l.Block, &l.Paragraph); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				l.Box = box(x, y, 500, y+20)
				for _, w := range strings.Fields(line)[3:] {
					wide := 10 * float64(len([]rune(w)))
					l.Words = append(l.Words, Word{Text: w, Box: box(x, y, x+wide, y+20)})
					x += wide + 5
				}
				if n := len(p.Blocks); n == 0 || p.Blocks[n-1].Index != l.Block {
					p.Blocks = append(p.Blocks, Block{Index: l.Block})
				}
				b := &p.Blocks[len(p.Blocks)-1]
				b.Lines = append(b.Lines, l)
				y += 24
			}
			p.indents()
			got := p.Text(CompoundsOf([]Page{p}))
			if *update {
				a.Files[1].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if d := cmp.Diff(string(a.Files[1].Data), got); d != "" {
				t.Error(d)
			}
		})
	}
}
