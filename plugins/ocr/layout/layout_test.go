package layout

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"palimpsest.dev/task"
)

// sheet sets text as a typewriter would: 10 pixels a character, an x-height of
// 9, and remembers the order in which it was set.
type sheet struct {
	words []Word
	texts []string
	slope float64
}

func (s *sheet) set(x, y float64, line string) {
	for _, f := range strings.Fields(line) {
		at := x + 10*float64(strings.Index(line, f))
		dy := s.slope * at
		s.words = append(s.words, Word{Box: task.Box{X0: at, Y0: y - 12 + dy, X1: at + 10*float64(len(f)) - 2, Y1: y + 2 + dy}, XHeight: 9})
		s.texts = append(s.texts, f)
		line = strings.Replace(line, f, strings.Repeat(" ", len(f)), 1)
	}
}

// column sets lines one below the other, 24 pixels apart.
func (s *sheet) column(x, y float64, lines ...string) {
	for i, l := range lines {
		s.set(x, y+24*float64(i), l)
	}
}

// read shuffles the words, orders them and returns one string a line; blocks
// are separated by "--".
func (s *sheet) read() []string {
	order := rand.New(rand.NewPCG(1, 2)).Perm(len(s.words))
	words := make([]Word, len(order))
	for to, from := range order {
		words[to] = s.words[from]
	}
	var out []string
	lines := Order(words)
	for i, l := range lines {
		if i > 0 && l.Block != lines[i-1].Block {
			out = append(out, "--")
		}
		var row []string
		for _, w := range l.Words {
			row = append(row, s.texts[order[w]])
		}
		out = append(out, strings.Join(row, " "))
	}
	return out
}

var (
	leftText  = []string{"the quick brown fox jumped", "over the lazy dog and ran", "until it came to a river", "where it stopped to drink", "and then it went home"}
	rightText = []string{"meanwhile the dog woke up", "and looked about for foxes", "but there were none to see", "so it lay down once more", "and slept until evening"}
)

func TestReadingOrder(t *testing.T) {
	t.Parallel()
	heading := "a long heading that goes across both of the columns of it"
	for _, c := range []struct {
		name string
		set  func(*sheet)
		want []string
	}{
		{"nothing", func(*sheet) {}, nil},
		{"one column", func(s *sheet) { s.column(100, 100, leftText...) }, leftText},
		{"two columns", func(s *sheet) { s.column(100, 100, leftText...); s.column(400, 100, rightText...) },
			slices.Concat(leftText, []string{"--"}, rightText)},
		{"two columns half a line apart", func(s *sheet) { s.column(100, 100, leftText...); s.column(400, 111, rightText...) },
			slices.Concat(leftText, []string{"--"}, rightText)},
		{"a heading across", func(s *sheet) {
			s.set(100, 60, heading)
			s.column(100, 100, leftText...)
			s.column(400, 100, rightText...)
		}, slices.Concat([]string{heading, "--"}, leftText, []string{"--"}, rightText)},
		{"a heading between", func(s *sheet) {
			s.column(100, 100, leftText...)
			s.column(400, 100, rightText...)
			s.set(100, 240, heading)
			s.column(100, 290, rightText...)
			s.column(400, 290, leftText...)
		}, slices.Concat(leftText, []string{"--"}, rightText, []string{"--", heading, "--"}, rightText, []string{"--"}, leftText)},
		{"columns of unequal length", func(s *sheet) { s.column(100, 100, leftText...); s.column(400, 100, rightText[:3]...) },
			slices.Concat(leftText, []string{"--"}, rightText[:3])},
		{"three columns", func(s *sheet) {
			s.column(100, 100, leftText...)
			s.column(400, 100, rightText...)
			s.column(700, 100, leftText...)
		}, slices.Concat(leftText, []string{"--"}, rightText, []string{"--"}, leftText)},
		{"a receipt is read across", func(s *sheet) {
			s.column(100, 100, "coffee beans", "milk", "bread rolls", "butter", "total")
			s.column(500, 100, "12.50", "1.20", "3.40", "2.80", "19.90")
		}, []string{"coffee beans 12.50", "milk 1.20", "bread rolls 3.40", "butter 2.80", "total 19.90"}},
		{"a table is read across", func(s *sheet) {
			s.column(100, 100, "year", "1990", "1991", "1992")
			s.column(300, 100, "tons", "12", "15", "9")
			s.column(500, 100, "price", "3.4", "3.6", "3.9")
		}, []string{"year tons price", "1990 12 3.4", "1991 15 3.6", "1992 9 3.9"}},
		{"a sloping line", func(s *sheet) {
			s.slope = 0.02
			s.column(100, 100, heading, heading)
		}, []string{heading, heading}},
		{"sloping columns", func(s *sheet) {
			s.slope = -0.015
			s.column(100, 200, leftText...)
			s.column(400, 200, rightText...)
		}, slices.Concat(leftText, []string{"--"}, rightText)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var s sheet
			c.set(&s)
			if got := s.read(); !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestParagraphsFollowTheSpaceBetweenLines(t *testing.T) {
	t.Parallel()
	var s sheet
	s.column(100, 100, leftText...)
	s.column(100, 250, rightText...) // 150 - 4*24 = 54 below the last line
	lines := Order(s.words)
	for i, l := range lines {
		if want := i / 5; l.Paragraph != want || l.Block != 0 {
			t.Errorf("line %d: block %d, paragraph %d, want 0 and %d", i, l.Block, l.Paragraph, want)
		}
	}
}

// TestEveryWordStandsInOneLine holds for any heap of boxes.
func FuzzOrder(f *testing.F) {
	f.Add(uint64(1), 50, 1000.0, 20.0)
	f.Add(uint64(2), 0, 10.0, 1e9)
	f.Fuzz(func(t *testing.T, seed uint64, n int, size, height float64) {
		r := rand.New(rand.NewPCG(seed, 0))
		words := make([]Word, min(max(n, 0), 300))
		for i := range words {
			x, y := size*r.Float64(), size*r.Float64()
			words[i] = Word{Box: task.Box{X0: x, Y0: y, X1: x + 4*height*r.Float64(), Y1: y + height*r.Float64()}, XHeight: height * r.Float64()}
		}
		seen := make([]int, len(words))
		block := 0
		for _, l := range Order(words) {
			if l.Block < block || l.Block > block+1 || len(l.Words) == 0 {
				t.Fatalf("line %+v after block %d", l, block)
			}
			block = l.Block
			for _, w := range l.Words {
				seen[w]++
				if !l.Box.Contains(words[w].Box, 0) {
					t.Fatalf("word %v outside its line %v", words[w].Box, l.Box)
				}
			}
		}
		for i, w := range words {
			want := 1
			if w.Box.Empty() || !w.Box.Finite() || math.IsNaN(w.Box.X0) {
				want = 0
			}
			if seen[i] != want {
				t.Fatalf("word %v stands in %d lines", w.Box, seen[i])
			}
		}
	})
}

func BenchmarkOrder(b *testing.B) {
	var s sheet
	for i := range 20 {
		s.column(100, 100+120*float64(i), leftText...)
		s.column(400, 100+120*float64(i), rightText...)
	}
	b.ReportMetric(float64(len(s.words)), "words")
	for b.Loop() {
		Order(s.words)
	}
}

// TestRowsThatRunToTheLeft reads Hebrew and Arabic from the right, the words of
// another script among them as these are read, and the right column first.
func TestRowsThatRunToTheLeft(t *testing.T) {
	t.Parallel()
	row := func(y float64, directions ...int) []Word {
		var out []Word
		for i, d := range directions {
			x := 100 * float64(i)
			out = append(out, Word{Box: task.Box{X0: x, Y0: y, X1: x + 80, Y1: y + 20}, Direction: d})
		}
		return out
	}
	for _, c := range []struct {
		directions, want []int
	}{
		{[]int{-1, -1, -1}, []int{2, 1, 0}},
		{[]int{1, 0, -1}, []int{0, 1, 2}}, // as many of either: to the right
		{[]int{-1, 1, 1, -1, -1}, []int{4, 3, 1, 2, 0}},
		{[]int{-1, 1, 0, 1, -1, -1, -1}, []int{6, 5, 4, 1, 2, 3, 0}},
		{[]int{0, -1, 0, -1}, []int{3, 2, 1, 0}},
	} {
		lines := Order(row(10, c.directions...))
		if len(lines) != 1 || !slices.Equal(lines[0].Words, c.want) {
			t.Errorf("%v is read as %+v, want %v", c.directions, lines, c.want)
		}
	}
	var columns []Word
	for y := range 6 {
		for _, x := range []float64{0, 100, 200, 400, 500, 600} {
			columns = append(columns, Word{Box: task.Box{X0: x, Y0: float64(30 * y), X1: x + 95, Y1: float64(30*y) + 20}, Direction: -1})
		}
	}
	lines := Order(columns)
	if len(lines) != 12 || lines[0].Box.X0 != 400 || lines[6].Box.X0 != 0 || lines[0].Words[0] != 5 {
		t.Errorf("two columns are read as %+v", lines)
	}
}
