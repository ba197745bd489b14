package htmltable

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// TestExamplesSharedWithTheTrainer holds reading and writing against the
// examples that the trainer is tested on as well. They are in pixels of a
// picture of 224.
func TestExamplesSharedWithTheTrainer(t *testing.T) {
	t.Parallel()
	const side = 224
	f, err := os.Open(filepath.Join("..", "..", "..", "training", "testdata", "table_targets.jsonl"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the trainer's examples are not in this checkout")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	type cell struct {
		TH               bool
		Rowspan, Colspan int
		Box              [4]float64
		HTML             string
	}
	unit := func(b [4]float64) [4]float64 {
		for i := range b {
			b[i] /= side
		}
		return b
	}
	written, read := 0, 0
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct {
			Name, Answer string
			Cut          bool
			Read         *[]string
			Tables       *[]struct {
				Box  [4]float64
				Rows []struct {
					Section Section
					Cells   []cell
				}
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		got, err := ReadAnswer(e.Answer, Bins, !e.Cut)
		if err != nil {
			t.Fatal(err)
		}
		if e.Read != nil {
			read++
			if len(got) != len(*e.Read) {
				t.Errorf("%s: %d tables, want %d", e.Name, len(got), len(*e.Read))
				continue
			}
			for i, want := range *e.Read {
				if html := got[i].HTML(); html != want {
					t.Errorf("%s: read %s, want %s", e.Name, html, want)
				}
			}
			continue
		}
		written++
		var tables []Table
		for _, x := range *e.Tables {
			// The grid of an example is that of its HTML; what is tested is how it is written.
			table := Table{Box: unit(x.Box), Rows: len(x.Rows)}
			for r, row := range x.Rows {
				table.Sections = append(table.Sections, row.Section)
				for _, c := range row.Cells {
					table.Cells = append(table.Cells, Cell{Row: r, Heading: c.TH, RowSpan: max(1, c.Rowspan), ColumnSpan: max(1, c.Colspan), Text: c.HTML, Markup: c.HTML, Box: unit(c.Box)})
				}
			}
			tables = append(tables, table)
		}
		if answer := Answer(tables, Bins, 4); answer != e.Answer {
			t.Errorf("%s: wrote\n%s\nwant\n%s", e.Name, answer, e.Answer)
		}
		if len(got) != len(tables) {
			t.Errorf("%s: read %d tables, want %d", e.Name, len(got), len(tables))
			continue
		}
		for i, want := range tables {
			if got[i].Problems.Any() || got[i].Cut || len(got[i].Cells) != len(want.Cells) || got[i].Rows != want.Rows {
				t.Errorf("%s: read %d rows and %d cells, want %d and %d; %s", e.Name, got[i].Rows, len(got[i].Cells), want.Rows, len(want.Cells), got[i].Problems)
				continue
			}
			near(t, e.Name, got[i].Box, want.Box)
			for k, c := range got[i].Cells {
				w := want.Cells[k]
				if c.Row != w.Row || c.RowSpan != w.RowSpan || c.ColumnSpan != w.ColumnSpan || c.Heading != w.Heading || c.Markup != w.Markup {
					t.Errorf("%s: read %+v, want %+v", e.Name, c, w)
				}
				near(t, e.Name, c.Box, w.Box)
			}
		}
	}
	if err := lines.Err(); err != nil || written == 0 || read == 0 {
		t.Errorf("%d examples of writing, %d of reading, %v", written, read, err)
	}
	t.Logf("%d examples of writing, %d of reading", written, read)
}

// near allows what the grid of places takes away: a step of four places.
func near(t *testing.T, name string, got, want [4]float64) {
	t.Helper()
	for i := range got {
		if math.Abs(got[i]-want[i]) > 4./Bins {
			t.Errorf("%s: stands at %v, want %v", name, got, want)
			return
		}
	}
}
