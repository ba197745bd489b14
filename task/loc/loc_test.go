package loc

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseKeepsWhatIsWholeAndSkipsTheRest(t *testing.T) {
	t.Parallel()
	const four = "<loc0010><loc0020><loc0030><loc0040>"
	for _, c := range []struct {
		name, text string
		want       []string
		problems   Problems
	}{
		{"empty", "", nil, Problems{}},
		{"one", four + "Hello", []string{"Hello"}, Problems{}},
		{"two", four + "Hello" + four + "world", []string{"Hello", "world"}, Problems{}},
		{"white space is trimmed and collapsed", " " + four + " a \t b\n" + four + "c", []string{"a b", "c"}, Problems{}},
		{"text before the first box", "so " + four + "a", []string{"a"}, Problems{Stray: 1}},
		{"three locations", "<loc0010><loc0020><loc0030>a" + four + "b", []string{"b"}, Problems{Stray: 1}},
		{"five locations", "<loc0001>" + four + "a" + four + "b", []string{"b"}, Problems{Stray: 1}},
		{"box at the end", four + "a" + four, []string{"a"}, Problems{NoText: 1}},
		{"box inside out", "<loc0030><loc0020><loc0010><loc0040>a" + four + "b", []string{"b"}, Problems{BadBox: 1}},
		{"no area", "<loc0030><loc0020><loc0030><loc0040>a", nil, Problems{BadBox: 1}},
		{"number beyond the grid is text", four + "a<loc1024>b", []string{"a<loc1024>b"}, Problems{}},
		{"angle brackets are text", four + "<loc<loc12>a<b", []string{"<loc<loc12>a<b"}, Problems{}},
		{"control characters go", four + "a\x00b\u200bc", []string{"abc"}, Problems{}},
		{"broken UTF-8 goes", four + "a\xffb", []string{"ab"}, Problems{}},
		{"overlong", four + strings.Repeat("x", 2000) + four + "a", []string{"a"}, Problems{TooLong: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			items, problems := Parse(c.text, nil, Bins)
			if problems != c.problems {
				t.Errorf("problems %+v, want %+v", problems, c.problems)
			}
			var got []string
			for _, it := range items {
				got = append(got, it.Text)
				if it.Text != "" && it.Box != [4]float64{20. / 1024, 10. / 1024, 40. / 1024, 30. / 1024} {
					t.Errorf("%q stands at %v", it.Text, it.Box)
				}
				if it.Confidence != 1 {
					t.Errorf("confidence %g without tokens", it.Confidence)
				}
			}
			if strings.Join(got, "|") != strings.Join(c.want, "|") {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestConfidenceIsTheMeanOfTheItemsOwnTokens(t *testing.T) {
	t.Parallel()
	var tokens []Token
	add := func(lp float64, texts ...string) {
		for _, s := range texts {
			tokens = append(tokens, Token{Text: s, LogProb: lp})
		}
	}
	add(math.Log(0.5), "<loc0010>", "<loc0020>", "<loc0030>", "<loc0040>", "a", "b")
	add(math.Log(0.25), "<loc0010>", "<loc0020>", "<loc0030>", "<loc0040>", "c")
	var text strings.Builder
	for _, k := range tokens {
		text.WriteString(k.Text)
	}
	items, _ := Parse(text.String(), tokens, Bins)
	if len(items) != 2 || math.Abs(items[0].Confidence-0.5) > 1e-12 || math.Abs(items[1].Confidence-0.25) > 1e-12 {
		t.Fatalf("got %+v", items)
	}
	if items[0].Last || !items[1].Last {
		t.Error("only the second is last")
	}
	// Tokens that do not spell the text still give everybody the mean.
	items, _ = Parse(text.String(), tokens[1:], Bins)
	mean := math.Exp((5*math.Log(0.5) + 5*math.Log(0.25)) / 10)
	if math.Abs(items[0].Confidence-mean) > 1e-12 || math.Abs(items[1].Confidence-mean) > 1e-12 {
		t.Fatalf("got %+v, want the mean %g", items, mean)
	}
	// Nonsense never leaves the range.
	for _, lp := range []float64{math.NaN(), math.Inf(-1), 3} {
		items, _ = Parse("<loc0010><loc0020><loc0030><loc0040>a", []Token{{Text: "<loc0010><loc0020><loc0030><loc0040>a", LogProb: lp}}, Bins)
		if c := items[0].Confidence; !(c >= 0 && c <= 1) {
			t.Errorf("log-probability %g gives confidence %g", lp, c)
		}
	}
}

// TestExamplesSharedWithTheTrainer holds reading and writing against the
// examples that the trainer is tested on as well. They are in pixels of a
// tile of 224.
func TestExamplesSharedWithTheTrainer(t *testing.T) {
	t.Parallel()
	const side = 224
	f, err := os.Open(filepath.Join("..", "..", "training", "testdata", "ocr_targets.jsonl"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the trainer's examples are not in this checkout")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	type word struct {
		Text string
		Box  [4]float64
	}
	n := 0
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		n++
		var e struct {
			Name, Answer   string
			Words, Decoded *[]word
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		if e.Words != nil {
			var items []Item
			for _, w := range *e.Words {
				it := Item{Text: w.Text}
				for i, v := range w.Box {
					it.Box[i] = v / side
				}
				items = append(items, it)
			}
			if got := Encode(items, Bins, 4); got != e.Answer {
				t.Errorf("%s: wrote %q, want %q", e.Name, got, e.Answer)
			}
		}
		if e.Decoded == nil {
			continue
		}
		items, _ := Parse(e.Answer, nil, Bins)
		if len(items) != len(*e.Decoded) {
			t.Errorf("%s: read %+v, want %+v", e.Name, items, *e.Decoded)
			continue
		}
		for i, w := range *e.Decoded {
			if items[i].Text != w.Text {
				t.Errorf("%s: read %q, want %q", e.Name, items[i].Text, w.Text)
			}
			for k, v := range w.Box {
				if math.Abs(items[i].Box[k]*side-v) > 1e-6 {
					t.Errorf("%s: %q stands at %v, want %v", e.Name, w.Text, items[i].Box, w.Box)
				}
			}
		}
	}
	if err := lines.Err(); err != nil || n == 0 {
		t.Errorf("%d examples, %v", n, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "<loc0010><loc0020><loc0030><loc0040>Hello", "<loc0010", "<loc99999>a", "a<loc0001>\xff", "<<loc0001><loc0001><loc0002><loc0002>>"} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, s string, cut int) {
		var tokens []Token
		if cut = min(max(cut, 1), 64); len(s) < 1<<16 {
			for i := 0; i < len(s); i += cut {
				tokens = append(tokens, Token{Text: s[i:min(i+cut, len(s))], LogProb: -float64(i%7) / 3})
			}
		}
		items, _ := Parse(s, tokens, Bins)
		for _, it := range items {
			b := it.Box
			if !(0 <= b[0] && b[0] < b[2] && b[2] < 1 && 0 <= b[1] && b[1] < b[3] && b[3] < 1) {
				t.Fatalf("%q stands at %v", it.Text, b)
			}
			if it.Text == "" || !utf8.ValidString(it.Text) || strings.TrimSpace(it.Text) != it.Text {
				t.Fatalf("text %q", it.Text)
			}
			if !(it.Confidence >= 0 && it.Confidence <= 1) {
				t.Fatalf("confidence %g", it.Confidence)
			}
		}
		// What was read is read again from what is written.
		again, problems := Parse(Encode(items, Bins, 1), nil, Bins)
		if len(again) != len(items) || problems.Any() {
			t.Fatalf("wrote %d items, read %d (%s)", len(items), len(again), problems)
		}
		for i := range again {
			if again[i].Text != items[i].Text || again[i].Box != items[i].Box {
				t.Fatalf("wrote %+v, read %+v", items[i], again[i])
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	text := strings.Repeat("<loc0010><loc0020><loc0030><loc0040>Hello", 60)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Parse(text, nil, Bins)
	}
}
