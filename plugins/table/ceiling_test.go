package main

import (
	"bufio"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"palimpsest.dev/eval"
	"palimpsest.dev/plugins/ocr/words"
	"palimpsest.dev/plugins/table/htmltable"
	"palimpsest.dev/plugins/table/structure"
	"palimpsest.dev/task"
)

// labelled is a real table with the places of its cells.
type labelled struct {
	id, html string
	cells    []htmltable.Cell
	boxes    []task.Box // of each cell, empty for an empty one
}

// labelledTables reads the labelled tables of the development half.
func labelledTables(t *testing.T) (out []labelled) {
	t.Helper()
	root := os.Getenv("PALIMPSEST_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	dir := filepath.Join(root, "data", "tables")
	f, err := os.Open(filepath.Join(dir, "manifest.jsonl"))
	if err != nil {
		t.Skip("the labelled tables are not here")
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		var item struct {
			ID, Split string
			File      string `json:"gt_file"`
			GT        struct{ HTML string }
		}
		var truth struct {
			Cells []struct {
				BBox []float64 `json:"bbox"`
				Box  []float64 `json:"bbox_px"`
				Row  int       `json:"start_row"`
				Col  int       `json:"start_col"`
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &item); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, item.File))
		if err != nil || item.Split != "dev" {
			continue
		}
		if err := json.Unmarshal(raw, &truth); err != nil {
			t.Fatal(err)
		}
		tables, err := htmltable.Read(item.GT.HTML)
		if err != nil || len(tables) != 1 {
			t.Fatal(item.ID, err)
		}
		l := labelled{id: item.ID, html: item.GT.HTML, cells: tables[0].Cells}
		for i, c := range tables[0].Cells {
			var box task.Box
			for k, g := range truth.Cells {
				b := g.BBox
				if g.Box != nil {
					b = g.Box
				}
				if len(b) == 4 && (g.Box == nil && k == i || g.Box != nil && g.Row == c.Row && g.Col == c.Column) && c.Text != "" {
					box = task.Box{X0: b[0], Y0: b[1], X1: b[2], Y1: b[3]}
				}
			}
			l.boxes = append(l.boxes, box)
		}
		out = append(out, l)
	}
	return out
}

// band of the boxes of the cells that stand in one row or column alone.
func (l labelled) band(of func(htmltable.Cell) bool, from, to func(task.Box) float64) structure.Band {
	b := structure.Band{From: math.Inf(1), To: math.Inf(-1)}
	for i, c := range l.cells {
		if box := l.boxes[i]; !box.Empty() && of(c) {
			b = structure.Band{From: min(b.From, from(box)), To: max(b.To, to(box))}
		}
	}
	return b
}

// structure is what a model should say of the table, in page pixels; false where a row or column shows nothing.
func (l labelled) structure(page task.Box) (t structure.Table, ok bool) {
	rows, columns := 0, 0
	for _, c := range l.cells {
		rows, columns = max(rows, c.Row+c.RowSpan), max(columns, c.Column+c.ColumnSpan)
	}
	x0, x1 := func(b task.Box) float64 { return b.X0 }, func(b task.Box) float64 { return b.X1 }
	y0, y1 := func(b task.Box) float64 { return b.Y0 }, func(b task.Box) float64 { return b.Y1 }
	for i := range rows {
		t.Rows = append(t.Rows, l.band(func(c htmltable.Cell) bool { return c.Row == i && c.RowSpan == 1 }, y0, y1))
	}
	for i := range columns {
		t.Columns = append(t.Columns, l.band(func(c htmltable.Cell) bool { return c.Column == i && c.ColumnSpan == 1 }, x0, x1))
	}
	for _, bands := range [][]structure.Band{t.Rows, t.Columns} {
		for _, b := range bands {
			if b.From >= b.To {
				return t, false
			}
		}
	}
	tables, _ := htmltable.Read(l.html)
	t.Head = tables[0].HeadRows()
	for _, c := range l.cells {
		if c.RowSpan > 1 || c.ColumnSpan > 1 {
			t.Spans = append(t.Spans, structure.Span{
				X: structure.Band{From: t.Columns[c.Column].From, To: t.Columns[c.Column+c.ColumnSpan-1].To},
				Y: structure.Band{From: t.Rows[c.Row].From, To: t.Rows[c.Row+c.RowSpan-1].To}})
		}
	}
	return t, true
}

// words are those of the cells, spread over the lines that their boxes have room for.
func (l labelled) words() (out []words.Word) {
	line := math.Inf(1)
	for i, b := range l.boxes {
		if !b.Empty() && len(l.cells[i].Text) > 2 {
			line = min(line, b.Height())
		}
	}
	for i, b := range l.boxes {
		fields := strings.Fields(l.cells[i].Text)
		if b.Empty() || len(fields) == 0 {
			continue
		}
		n := max(1, min(len(fields), int(b.Height()/line+0.4)))
		total := len([]rune(strings.Join(fields, " ")))
		unit := b.Width() * float64(n) / float64(total+n-1)
		x, row := b.X0, 0
		for _, w := range fields {
			wide := float64(len([]rune(w))) * unit
			if x > b.X0 && x+wide > b.X1+0.5*wide && row+1 < n {
				x, row = b.X0, row+1
			}
			h := b.Height() / float64(n)
			box := task.Box{X0: x, Y0: b.Y0 + (float64(row)+0.1)*h, X1: min(x+wide, b.X1), Y1: b.Y0 + (float64(row)+0.9)*h}
			x += wide + unit
			if !box.Empty() {
				out = append(out, words.Word{Text: w, Box: box, Level: box, Confidence: 1})
			}
		}
	}
	return out
}

// moved is a structure on the model's grid of places, its edges a little off.
func moved(t structure.Table, page task.Box, noise float64, r *rand.Rand) structure.Table {
	const side, grid = 224.0, 1024.0 / 4
	shift := func(v, size float64) float64 {
		v = v / size * side
		if noise > 0 {
			v += r.NormFloat64() * noise
		}
		return math.Round(max(0, min(1020.0/1024, v/side))*grid) / grid * size
	}
	at := map[float64]float64{} // an edge said twice is said alike
	edge := func(v, size float64) float64 {
		if _, known := at[v]; !known {
			at[v] = shift(v, size)
		}
		return at[v]
	}
	out := structure.Table{Head: t.Head}
	for _, b := range t.Rows {
		if b = (structure.Band{From: edge(b.From, page.Y1), To: edge(b.To, page.Y1)}); b.From < b.To {
			out.Rows = append(out.Rows, b)
		}
	}
	for _, b := range t.Columns {
		if b = (structure.Band{From: edge(b.From, page.X1), To: edge(b.To, page.X1)}); b.From < b.To {
			out.Columns = append(out.Columns, b)
		}
	}
	for _, s := range t.Spans {
		out.Spans = append(out.Spans, structure.Span{
			X: structure.Band{From: edge(s.X.From, page.X1), To: edge(s.X.To, page.X1)},
			Y: structure.Band{From: edge(s.Y.From, page.Y1), To: edge(s.Y.To, page.Y1)}})
	}
	return out
}

// TestWhatTheFormCanReach puts the words of real tables into cells by their true structure, by that on the model's grid
// of places, and by one whose edges are off by pixels of the model's square. The first is the most that this form of
// answer can reach.
func TestWhatTheFormCanReach(t *testing.T) {
	t.Parallel()
	tables := labelledTables(t)
	for _, c := range []struct {
		name  string
		noise float64 // standard deviation in pixels of the model's square; -1: the true places
		teds  float64 // at least
	}{{"true places", -1, 0.96}, {"the grid of places", 0, 0.96}, {"a pixel off", 1, 0.9}, {"two pixels off", 2, 0.8}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, 2))
			var teds, shape, n float64
			for _, l := range tables {
				var around task.Box
				for _, b := range l.boxes {
					around = around.Union(b)
				}
				page := task.Page{Number: 1, Width: int(around.X1) + 8, Height: int(around.Y1) + 8}
				s, ok := l.structure(page.Bounds())
				if !ok {
					t.Logf("%s: a row or column without text", l.id)
					continue
				}
				if c.noise >= 0 {
					s = moved(s, page.Bounds(), c.noise, r)
				}
				read := words.Sighting{Words: l.words()}
				o := outlined{Table: s, region: page.Bounds(), confidence: 1}
				var count tally
				got := o.filled(page, read, make([]bool, len(read.Words)), &count)
				score, err := eval.ScoreTable(got.HTML(), l.html)
				if err != nil {
					t.Fatal(err)
				}
				if c.noise < 1 && score.TEDS < 0.9 {
					t.Logf("%s: TEDS %.3f, structure %.3f", l.id, score.TEDS, score.Structure)
				}
				teds, shape, n = teds+score.TEDS, shape+score.Structure, n+1
			}
			t.Logf("%.0f tables: TEDS %.4f, structure only %.4f", n, teds/n, shape/n)
			if teds/n < c.teds {
				t.Errorf("TEDS %.4f, want at least %.2f", teds/n, c.teds)
			}
		})
	}
}
