package structure

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// answer writes tables in pixels of a picture of 224, as docs/targets.md says.
func answer(tables []struct {
	Head, Body, Columns [][2]float64
	Spans               [][4]float64
}) string {
	var b strings.Builder
	place := func(v float64) {
		fmt.Fprintf(&b, "<loc%04d>", int(min(1020, max(0, 4*math.Floor(v/224*1024/4+0.5)))))
	}
	for _, t := range tables {
		for i, bands := range [][][2]float64{t.Head, t.Body, t.Columns} {
			if len(bands) > 0 {
				b.WriteByte(letters[i])
			}
			for _, band := range bands {
				place(band[0])
				place(band[1])
			}
		}
		if len(t.Spans) > 0 {
			b.WriteByte(letters[spans])
		}
		for _, s := range t.Spans {
			for _, k := range []int{1, 0, 3, 2} {
				place(s[k])
			}
		}
	}
	return b.String()
}

// TestExamplesSharedWithTheTrainer holds reading and writing against the
// examples that the trainer is tested on as well.
func TestExamplesSharedWithTheTrainer(t *testing.T) {
	t.Parallel()
	f, err := os.Open(filepath.Join("..", "..", "..", "training", "testdata", "table_structure_targets.jsonl"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the trainer's examples are not in this checkout")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	written, read := 0, 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var e struct {
			Name, Answer string
			Tables       *[]struct {
				Head, Body, Columns [][2]float64
				Spans               [][4]float64
			}
			Read []struct {
				Head          int
				Rows, Columns [][2]float64
				Cells         [][4]int
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		if e.Tables != nil {
			written++
			if got := answer(*e.Tables); got != e.Answer {
				t.Errorf("%s: wrote %s, want %s", e.Name, got, e.Answer)
			}
		}
		read++
		got, _ := Read(e.Answer, Bins)
		if len(got) != len(e.Read) {
			t.Errorf("%s: %d tables, want %d", e.Name, len(got), len(e.Read))
			continue
		}
		for i, want := range e.Read {
			same := got[i].Head == want.Head && near(got[i].Rows, want.Rows) && near(got[i].Columns, want.Columns)
			cells, _ := got[i].Cells()
			same = same && len(cells) == len(want.Cells)
			for k := range cells {
				same = same && cells[k] == Cell{want.Cells[k][0], want.Cells[k][1], want.Cells[k][2], want.Cells[k][3]}
			}
			if !same {
				t.Errorf("%s: read %+v with %v, want %+v", e.Name, got[i], cells, want)
			}
		}
	}
	if written < 8 || read < 30 {
		t.Errorf("%d examples written, %d read", written, read)
	}
}

func near(got []Band, want [][2]float64) bool {
	if len(got) != len(want) {
		return false
	}
	for i, b := range got {
		if math.Abs(b.From*224-want[i][0]) > 1e-6 || math.Abs(b.To*224-want[i][1]) > 1e-6 {
			return false
		}
	}
	return true
}

// TestProblemsAreCounted tells what an answer is forgiven.
func TestProblemsAreCounted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, answer, want string }{
		{"sound", "b<loc0000><loc0040>c<loc0000><loc0100>", ""},
		{"nothing", "", ""},
		{"place before any list", "<loc0000>b<loc0000><loc0040>c<loc0000><loc0100>", "1 places without a partner"},
		{"odd", "b<loc0000><loc0040><loc0050>c<loc0000><loc0100>s<loc0001><loc0002><loc0003>", "4 places without a partner"},
		{"turned", "b<loc0000><loc0040><loc0050><loc0045>c<loc0000><loc0100>", "1 bands without extent"},
		{"twice", "b<loc0000><loc0040><loc0004><loc0040>c<loc0000><loc0100>", "1 rows or columns said twice"},
		{"no columns", "b<loc0000><loc0040>", "1 tables without rows or columns"},
		{"no location", "b<loc1024><loc00x0><loc>c<loc0000><loc0100>", "1 tables without rows or columns"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, p := Read(c.answer, Bins); p.String() != c.want {
				t.Errorf("got %q, want %q", p, c.want)
			}
		})
	}
}

// FuzzRead holds that whatever is written, every place of every grid belongs to one cell, rows and columns follow each
// other, and the bounds are kept.
func FuzzRead(f *testing.F) {
	f.Add("h<loc0010><loc0020>b<loc0030><loc0040><loc0050><loc0060>c<loc0000><loc0100><loc0200><loc0300>s<loc0010><loc0000><loc0020><loc0300>")
	f.Add("b<loc0010><loc0020>c<loc0000>" + strings.Repeat("<loc0100><loc0200>", 70) + "hsbc<loc9999>")
	f.Fuzz(func(t *testing.T, text string) {
		tables, _ := Read(text, Bins)
		if len(tables) > MaxTables {
			t.Fatal("too many tables")
		}
		for _, table := range tables {
			if len(table.Rows) > MaxRows || len(table.Columns) > MaxColumns || table.Head > len(table.Rows) {
				t.Fatalf("%d rows, %d columns, head %d", len(table.Rows), len(table.Columns), table.Head)
			}
			for _, bands := range [][]Band{table.Rows, table.Columns} {
				for i, b := range bands {
					if b.From >= b.To || b.From < 0 || b.To > 1 || i > 0 && b.Middle() < bands[i-1].Middle() {
						t.Fatalf("bands %v", bands)
					}
				}
			}
			places := map[[2]int]bool{}
			cells, _ := table.Cells()
			for _, c := range cells {
				for i := range c.Rows {
					for k := range c.Columns {
						at := [2]int{c.Row + i, c.Column + k}
						if places[at] || at[0] >= len(table.Rows) || at[1] >= len(table.Columns) {
							t.Fatalf("place %v of %v", at, cells)
						}
						places[at] = true
					}
				}
			}
			if len(places) != len(table.Rows)*len(table.Columns) {
				t.Fatalf("%d places of %d x %d", len(places), len(table.Rows), len(table.Columns))
			}
		}
	})
}
