// Package rowdiff compares what two runs of a task read on one page: which rows were added, removed, changed or moved.
// It knows rows as boxes with values and nothing of tasks, so it serves words, cells and molecules alike. Boxes are in
// pixels of the upright page, origin top left, half open.
package rowdiff

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
)

// Row is one record.
type Row struct {
	Seq    int
	Box    [4]float64
	Values map[string]any
}

// Kind says what became of a row.
type Kind string

// The kinds of change.
const (
	Added   Kind = "added"
	Removed Kind = "removed"
	Changed Kind = "changed" // at the same place, with other values
	Moved   Kind = "moved"   // the same values, a little way off
)

// Change is one difference. Old is nil for what was added, New for what was removed.
type Change struct {
	Kind Kind
	Old  *Row
	New  *Row
}

const (
	// overlap is the intersection over union from which two boxes are at the same place: that of two boxes of equal
	// size, one shifted by half, or of ink and the line it stands in. Neighbours on a page share less.
	overlap = 1.0 / 3
	// reach is how many heights of the taller box a row may have moved. Farther off, an equal word is another word.
	reach = 4
	// maxPairs bounds the pairs that are weighed: a newspaper page of ten thousand words has some twenty thousand. Past
	// it, rows count as removed and added.
	maxPairs = 4 << 20
)

// Compare matches the rows of two runs one to one and returns the differences in order of the new rows, what was
// removed among them, and how many rows are the same. Rows are compared by the given columns; none means Columns of
// both.
func Compare(before, after []Row, columns []string) (changes []Change, same int) {
	if len(columns) == 0 {
		columns = Columns(before, after)
	}
	m := matcher{before: before, after: after, takenBefore: make([]bool, len(before)), takenAfter: make([]bool, len(after))}
	m.keyBefore, m.keyAfter = keys(before, columns), keys(after, columns)
	var near []pair
	m.overlapping(func(p pair) bool { near = append(near, p); return len(near) < maxPairs })
	// Equal values first: of two words in one place, the one that reads alike is the one that stayed.
	slices.SortStableFunc(near, func(a, b pair) int {
		if a.equal != b.equal {
			if a.equal {
				return -1
			}
			return 1
		}
		return cmp.Compare(b.score, a.score)
	})
	m.take(near, func(p pair) {
		if p.equal {
			same++
			return
		}
		changes = append(changes, Change{Kind: Changed, Old: &before[p.i], New: &after[p.j]})
	})
	m.take(m.moved(), func(p pair) { changes = append(changes, Change{Kind: Moved, Old: &before[p.i], New: &after[p.j]}) })
	for i := range before {
		if !m.takenBefore[i] {
			changes = append(changes, Change{Kind: Removed, Old: &before[i]})
		}
	}
	for j := range after {
		if !m.takenAfter[j] {
			changes = append(changes, Change{Kind: Added, New: &after[j]})
		}
	}
	slices.SortStableFunc(changes, func(a, b Change) int { return cmp.Compare(a.place(), b.place()) })
	return changes, same
}

func (c Change) place() int {
	if c.New != nil {
		return c.New.Seq
	}
	return c.Old.Seq
}

// Columns are those that rows are compared by unless told otherwise: the ones that hold text, because numbers are often
// places in an order that one more row shifts; where there is no text, all.
func Columns(lists ...[]Row) []string {
	texts, all := map[string]bool{}, map[string]bool{}
	for _, rows := range lists {
		for _, r := range rows {
			for name, v := range r.Values {
				all[name] = true
				if _, text := v.(string); text {
					texts[name] = true
				}
			}
		}
	}
	if len(texts) == 0 {
		texts = all
	}
	var names []string
	for name := range texts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// keys are the rows' values in one string each.
func keys(rows []Row, columns []string) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		values := make([]any, len(columns))
		for k, c := range columns {
			values[k] = r.Values[c]
		}
		b, _ := json.Marshal(values) // what came as JSON, or out of a database
		out[i] = string(b)
	}
	return out
}

// matcher finds pairs of rows, of which each row may be in one.
type matcher struct {
	before, after           []Row
	keyBefore, keyAfter     []string
	takenBefore, takenAfter []bool
}

// pair is row i of before and row j of after.
type pair struct {
	i, j  int
	equal bool
	score float64 // the larger, the better they fit
}

// overlapping calls each with the pairs that are at the same place, until it has had enough. It goes down the page with the rows of after
// sorted by their upper edge, so that only rows of about one height are looked at.
func (m *matcher) overlapping(each func(pair) bool) {
	order := make([]int, len(m.after))
	tallest := 0.0
	for j, r := range m.after {
		order[j] = j
		tallest = max(tallest, r.Box[3]-r.Box[1])
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(m.after[a].Box[1], m.after[b].Box[1]) })
	for i, r := range m.before {
		first, _ := slices.BinarySearchFunc(order, r.Box[1]-tallest, func(j int, y float64) int { return cmp.Compare(m.after[j].Box[1], y) })
		for _, j := range order[first:] {
			if m.after[j].Box[1] > r.Box[3] {
				break
			}
			if score := shared(r.Box, m.after[j].Box); score >= overlap && !each(pair{i, j, m.keyBefore[i] == m.keyAfter[j], score}) {
				return
			}
		}
	}
}

// moved lists the pairs of rows left over that read alike and are not far from one another, nearest first.
func (m *matcher) moved() []pair {
	byKey := map[string][]int{}
	for j, k := range m.keyAfter {
		if !m.takenAfter[j] {
			byKey[k] = append(byKey[k], j)
		}
	}
	var near []pair
	for i, r := range m.before {
		if m.takenBefore[i] {
			continue
		}
		for _, j := range byKey[m.keyBefore[i]] {
			a, b := r.Box, m.after[j].Box
			far := math.Hypot((a[0]+a[2]-b[0]-b[2])/2, (a[1]+a[3]-b[1]-b[3])/2)
			if far <= reach*max(a[3]-a[1], b[3]-b[1]) && len(near) < maxPairs {
				near = append(near, pair{i, j, true, -far})
			}
		}
	}
	slices.SortStableFunc(near, func(a, b pair) int { return cmp.Compare(b.score, a.score) })
	return near
}

// take goes through pairs, best first, and calls each with those whose rows are both free.
func (m *matcher) take(pairs []pair, each func(pair)) {
	for _, p := range pairs {
		if !m.takenBefore[p.i] && !m.takenAfter[p.j] {
			m.takenBefore[p.i], m.takenAfter[p.j] = true, true
			each(p)
		}
	}
}

// shared is the intersection of two boxes over their union; equal boxes share all, also when they are empty.
func shared(a, b [4]float64) float64 {
	if a == b {
		return 1
	}
	area := func(x0, y0, x1, y1 float64) float64 { return max(x1-x0, 0) * max(y1-y0, 0) }
	both := area(max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))
	if both == 0 {
		return 0
	}
	return both / (area(a[0], a[1], a[2], a[3]) + area(b[0], b[1], b[2], b[3]) - both)
}
