package rowdiff

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// page lays words out in a line, 60 pixels apart, 20 high.
func page(text string) []Row {
	var rows []Row
	for i, w := range strings.Fields(text) {
		x := float64(i) * 60
		rows = append(rows, Row{Seq: i, Box: [4]float64{x, 0, x + 50, 20}, Values: map[string]any{"text": w, "line": 0}})
	}
	return rows
}

func told(changes []Change) string {
	var out []string
	for _, c := range changes {
		s := string(c.Kind)
		if c.Old != nil {
			s += fmt.Sprint(" ", c.Old.Values["text"])
		}
		if c.New != nil {
			s += fmt.Sprint(">", c.New.Values["text"])
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

func TestCompare(t *testing.T) {
	t.Parallel()
	shift := func(rows []Row, i int, dx, dy float64) []Row {
		b := &rows[i].Box
		b[0], b[1], b[2], b[3] = b[0]+dx, b[1]+dy, b[2]+dx, b[3]+dy
		return rows
	}
	lines := page("a b c")
	for i := range lines {
		lines[i].Values["line"] = 7 // another order, the same text
	}
	for _, test := range []struct {
		name          string
		before, after []Row
		want          string
		same          int
	}{
		{"nothing", page("a b c"), page("a b c"), "", 3},
		{"a letter", page("teh cat"), page("the cat"), "changed teh>the", 1},
		{"one more, one less", page("a b c"), append(page("a b"), Row{Seq: 2, Box: [4]float64{500, 500, 550, 520}, Values: map[string]any{"text": "d"}}), "removed c, added>d", 2},
		{"all gone", page("a b"), nil, "removed a, removed b", 0},
		{"from nothing", nil, page("a b"), "added>a, added>b", 0},
		{"a shift within reach", page("a b"), shift(page("a b"), 1, 55, 0), "moved b>b", 1},
		{"an equal word far off is another", page("a b"), shift(page("a b"), 1, 0, 400), "removed b, added>b", 1},
		{"a shift of less than half is none", page("a b"), shift(page("a b"), 1, 20, 2), "", 2},
		{"numbers are no text", page("a b c"), lines, "", 3},
		{"of two in one place the equal one stays", page("a"), append(page("x"), Row{Seq: 1, Box: [4]float64{2, 0, 52, 20}, Values: map[string]any{"text": "a"}}), "added>x", 1},
		{"empty boxes", []Row{{Values: map[string]any{"text": "all"}}}, []Row{{Values: map[string]any{"text": "all!"}}}, "changed all>all!", 0},
	} {
		changes, same := Compare(test.before, test.after, nil)
		if got := told(changes); got != test.want || same != test.same {
			t.Errorf("%s: %q and %d the same, want %q and %d", test.name, got, same, test.want, test.same)
		}
	}
	// The caller may say what counts.
	if changes, _ := Compare(page("a b c"), lines, []string{"line"}); len(changes) != 3 || changes[0].Kind != Changed {
		t.Errorf("by line: %s", told(changes))
	}
	// Without any text everything counts.
	a, b := []Row{{Values: map[string]any{"n": 1.0}}}, []Row{{Values: map[string]any{"n": 2.0}}}
	if changes, _ := Compare(a, b, nil); len(changes) != 1 || changes[0].Kind != Changed {
		t.Errorf("numbers alone: %s", told(changes))
	}
}

// Every row is in exactly one change or the same, however the two lists came about; and comparing the other way round
// turns what was added into what was removed.
func TestEveryRowIsAccountedFor(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	some := func() []Row {
		rows := make([]Row, r.IntN(60))
		for i := range rows {
			x, y := r.Float64()*300, r.Float64()*200
			rows[i] = Row{Seq: i, Box: [4]float64{x, y, x + r.Float64()*60, y + r.Float64()*30}, Values: map[string]any{"text": string(rune('a' + r.IntN(4)))}}
		}
		return rows
	}
	count := func(changes []Change) map[Kind]int {
		n := map[Kind]int{}
		for _, c := range changes {
			n[c.Kind]++
		}
		return n
	}
	for range 300 {
		before, after := some(), some()
		changes, same := Compare(before, after, nil)
		n := count(changes)
		both := same + n[Changed] + n[Moved]
		if both+n[Removed] != len(before) || both+n[Added] != len(after) {
			t.Fatalf("%d and %d rows, %d the same, %v", len(before), len(after), same, n)
		}
		if changes, same := Compare(before, before, nil); len(changes) != 0 || same != len(before) {
			t.Fatalf("a page differs from itself: %s", told(changes))
		}
	}
}
