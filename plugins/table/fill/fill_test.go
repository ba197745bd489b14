package fill

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"palimpsest.dev/plugins/table/structure"
)

// bands are stretches given as from, to, from, to.
func bands(edges ...float64) (out []structure.Band) {
	for i := 0; i+1 < len(edges); i += 2 {
		out = append(out, structure.Band{From: edges[i], To: edges[i+1]})
	}
	return out
}

// word stands at x, y: eight pixels a letter, ten high.
func word(text string, x, y float64) Word {
	return Word{Text: text, X: structure.Band{From: x, To: x + 8*float64(len(text))}, Y: structure.Band{From: y, To: y + 10}}
}

// grid is three rows of three columns: rows at 0, 20, 40, columns at 0, 100, 200.
func grid() structure.Table {
	return structure.Table{Head: 1, Rows: bands(0, 10, 20, 30, 40, 50), Columns: bands(0, 40, 100, 140, 200, 240)}
}

// TestFill tells where words go.
func TestFill(t *testing.T) {
	t.Parallel()
	always := func(structure.Band) bool { return true }
	never := func(structure.Band) bool { return false }
	full := []Word{word("a", 0, 0), word("b", 100, 0), word("c", 200, 0), word("d", 0, 20), word("e", 100, 20), word("f", 200, 20),
		word("g", 0, 40), word("h", 100, 40), word("i", 200, 40)}
	for _, c := range []struct {
		name  string
		table structure.Table
		words []Word
		inked func(structure.Band) bool
		want  string // cells by row, rows apart by /, then what is counted
	}{
		{"each in its cell", grid(), full, always, "a|b|c/d|e|f/g|h|i"},
		{"none", grid(), nil, always, "||/||/||"},
		{"rows without words or ink go", grid(), full[:6], never, "a|b|c/d|e|f blank 1"},
		{"a head without words or ink goes", grid(), full[3:], never, "d|e|f/g|h|i blank 1"},
		{"all rows without ink stay", grid(), nil, never, "||/||/||"},
		{"a little off", grid(), []Word{word("a", 4, 5), word("b", 95, -4), word("c", 190, 3), word("d", 0, 24), word("e", 130, 16)}, always, "a|b|c/d|e|/||"},
		{"several lines in one cell", structure.Table{Rows: bands(0, 40, 60, 70), Columns: bands(0, 40, 100, 140)},
			[]Word{word("two", 0, 15), word("one", 0, 0), word("three", 0, 30), word("x", 100, 14), word("y", 100, 60), word("z", 0, 60)}, always, "one two three|x/z|y"},
		{"a text longer than its column stays together", grid(), []Word{word("long", 0, 20), word("text", 37, 20), word("in", 74, 20), word("e", 120, 20)}, always, "||/long text in|e|/||"},
		{"a text across columns begins in the first", grid(), []Word{word("sect", 0, 20), word("ionnnn", 36, 20), word("more", 88, 20)}, always, "||/sect ionnnn more||/||"},
		{"close columns stay apart", structure.Table{Rows: bands(0, 10), Columns: bands(0, 24, 28, 52)}, []Word{word("1.5", 0, 0), word("2.5", 28, 0)}, always, "1.5|2.5"},
		{"a span takes the words of its places", structure.Table{Head: 1, Rows: bands(0, 10, 20, 30), Columns: bands(0, 40, 100, 140, 200, 240),
			Spans: []structure.Span{{X: structure.Band{From: 100, To: 240}, Y: structure.Band{From: 0, To: 10}}}},
			[]Word{word("over", 130, 0), word("both", 168, 0), word("l", 100, 20), word("r", 200, 20)}, always, "|over both/|l|r"},
		{"a row that was left out", structure.Table{Head: 1, Rows: bands(0, 10, 40, 50), Columns: grid().Columns}, full, always, "a|b|c/d|e|f/g|h|i rows 1"},
		{"a head that was left out stays body", structure.Table{Rows: bands(20, 30, 40, 50), Columns: grid().Columns}, full, always, "a|b|c/d|e|f/g|h|i rows 1"},
		{"a line of prose below is no row", grid(), append([]Word{word("see", 0, 62), word("the", 28, 62), word("note", 56, 62), word("below", 92, 62), word("here", 136, 62)}, full...), always,
			"a|b|c/d|e|f/g|h|i outside 5"},
		{"a column that was left out", structure.Table{Rows: grid().Rows, Columns: bands(0, 40, 200, 240)}, full, always, "a|b|c/d|e|f/g|h|i columns 1"},
		{"words beside go to the nearest", grid(), append([]Word{word("x", 48, 20)}, full...), always, "a|b|c/d x|e|f/g|h|i"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := Fill(c.table, c.words, c.inked)
			if s := shown(got, c.words); s != c.want {
				t.Errorf("got  %s\nwant %s", s, c.want)
			}
		})
	}
}

func shown(t Table, words []Word) string {
	var b strings.Builder
	row := 0
	for i, c := range t.Cells {
		if c.Row > row {
			row = c.Row
			b.WriteByte('/')
		} else if i > 0 {
			b.WriteByte('|')
		}
		b.WriteString(Text(words, c.Words))
	}
	for _, n := range []struct {
		name string
		n    int
	}{{"blank", t.Blank}, {"rows", t.AddedRows}, {"columns", t.AddedColumns}, {"outside", len(t.Outside)}} {
		if n.n > 0 {
			fmt.Fprintf(&b, " %s %d", n.name, n.n)
		}
	}
	return b.String()
}

// FuzzFill holds that every word is in one cell or outside, whatever the structure and wherever it stands.
func FuzzFill(f *testing.F) {
	f.Add([]byte{0, 10, 20, 30, 0, 40, 100, 140, 0, 0, 30, 20, 5, 60, 200, 200, 9})
	f.Fuzz(func(t *testing.T, data []byte) {
		next := func() float64 {
			if len(data) == 0 {
				return 0
			}
			v := float64(data[0])
			data = data[1:]
			return v
		}
		var table structure.Table
		for range 3 {
			a, b := next(), next()
			table.Rows = append(table.Rows, structure.Band{From: a, To: a + math.Max(1, b/8)})
			a, b = next(), next()
			table.Columns = append(table.Columns, structure.Band{From: a, To: a + math.Max(1, b/4)})
		}
		table.Head = int(next()) % 4
		table.Spans = []structure.Span{{X: structure.Band{From: 0, To: next()}, Y: structure.Band{From: 0, To: next()}}}
		var words []Word
		for len(data) > 0 && len(words) < 50 {
			x, y, h := next(), next(), next()
			words = append(words, Word{Text: "w", X: structure.Band{From: x, To: x + 1 + h/4}, Y: structure.Band{From: y, To: y + 1 + h/16}})
		}
		got := Fill(table, words, func(b structure.Band) bool { return int(b.From)%2 == 0 })
		seen := map[int]bool{}
		places := 0
		for _, c := range got.Cells {
			places += c.Rows * c.Columns
			for _, i := range c.Words {
				if seen[i] {
					t.Fatalf("word %d twice", i)
				}
				seen[i] = true
			}
		}
		for _, i := range got.Outside {
			if seen[i] {
				t.Fatalf("word %d in a cell and outside", i)
			}
			seen[i] = true
		}
		if len(seen) != len(words) || places != got.Rows*got.Columns || got.Head > got.Rows {
			t.Fatalf("%d of %d words, %d places of %d x %d, head %d", len(seen), len(words), places, got.Rows, got.Columns, got.Head)
		}
	})
}
