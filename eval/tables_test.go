package eval

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"palimpsest.dev/plugins/table/htmltable"
)

func TestScoreTable(t *testing.T) {
	t.Parallel()
	const head = "<table><thead><tr><th>A</th><th>B</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>"
	plain := strings.NewReplacer("th>", "td>", "<thead>", "", "</thead>", "", "<tbody>", "", "</tbody>", "").Replace(head)
	sections := strings.ReplaceAll(head, "th>", "td>")
	for _, c := range []struct {
		name, read, truth string
		teds, grid        float64
	}{
		{"itself", head, head, 1, 1},
		{"a truth in a document", head, Document(head), 1, 1},
		{"a truth that marks nothing", head, plain, 1, 1},
		{"a truth without th", head, sections, 1, 1},
		{"a truth that marks more", plain, head, 1 - 4./8, 1}, // two sections missing, two cells of another kind
		{"no table", "prose", head, 0, 0},
		{"a table in a div", "<div><table><tr><td>x</td></tr></table></div>", "<table><tr><td>x</td></tr></table>", 1, 1},
	} {
		got, err := ScoreTable(c.read, c.truth)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got.TEDS-c.teds)+math.Abs(got.Structure-c.teds)+math.Abs(got.Con-c.grid)+math.Abs(got.Top-c.grid) > 1e-12 {
			t.Errorf("%s: %+v, want TEDS %v, GriTS %v", c.name, got, c.teds, c.grid)
		}
	}
}

// Every table of the reference data is read as itself: reader, writer and
// metrics agree on what it says.
func TestTablesOfTheDataScoreOne(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(sharedFile(t, "tables/manifest.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	n, sum := 0, 0.0
	for line := range strings.Lines(string(raw)) {
		var item struct {
			ID string
			GT struct{ HTML string }
		}
		if err := json.Unmarshal([]byte(line), &item); err != nil {
			t.Fatal(err)
		}
		if item.GT.HTML == "" {
			continue
		}
		n++
		got, err := ScoreTable(item.GT.HTML, item.GT.HTML)
		if err != nil || got.TEDS != 1 || got.Structure != 1 || got.Top != 1 || got.Con != 1 {
			t.Errorf("%s: %+v, %v", item.ID, got, err)
		}
		// Written as the task writes it, a table keeps its structure; texts lose
		// white space at their edges, which some truths have.
		tables, err := htmltable.Read(item.GT.HTML)
		if err != nil || len(tables) != 1 || tables[0].Problems.Overlaps+tables[0].Problems.Overruns+tables[0].Problems.Stray > 0 {
			t.Errorf("%s: %d tables, %v", item.ID, len(tables), err)
			continue
		}
		again, err := ScoreTable(tables[0].HTML(), item.GT.HTML)
		if err != nil || again.Top != 1 {
			t.Errorf("%s: written by the task %+v, %v", item.ID, again, err)
		}
		sum += again.TEDS
	}
	t.Logf("%d tables are read as themselves; written by the task their mean TEDS is %.4f", n, sum/float64(max(1, n)))
	if n == 0 {
		t.Error("no tables")
	}
}
