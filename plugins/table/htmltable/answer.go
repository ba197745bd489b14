package htmltable

import (
	"fmt"
	"math"
	"strings"
)

// Bins is the number of places along a side that PaliGemma's vocabulary has.
const Bins = 1024

// location is one location token.
type location struct {
	n  int // -1: outside the grid
	of int // places along a side
	at int // byte where it stands
}

func place(n *Node, bins int) location {
	v := 0
	for _, c := range n.Tag[len("loc"):] {
		v = v*10 + int(c-'0')
	}
	if v >= bins {
		v = -1
	}
	return location{v, bins, n.Start}
}

// boxOf makes a box of a run of locations in the order y0 x0 y1 x1; a run of
// none is no box and no mistake.
func boxOf(locs []location) (box [4]float64, ok bool) {
	if len(locs) == 0 {
		return box, true
	}
	if len(locs) != 4 {
		return box, false
	}
	for i, k := range [4]int{1, 0, 3, 2} {
		if locs[k].n < 0 {
			return [4]float64{}, false
		}
		box[i] = float64(locs[k].n) / float64(locs[k].of)
	}
	if box[0] >= box[2] || box[1] >= box[3] {
		return [4]float64{}, false
	}
	return box, true
}

// attributeBox reads coords="<loc0001><loc0002><loc0003><loc0004>", x0 y0 x1
// y1.
func attributeBox(s string, bins int) (box [4]float64, ok bool) {
	var locs []location
	for s = strings.TrimSpace(s); s != ""; {
		end := strings.IndexByte(s, '>')
		if len(locs) == 4 || end < 0 || s[0] != '<' || !isLocation(s[1:end]) {
			return box, false
		}
		locs = append(locs, place(&Node{Tag: s[1:end]}, bins))
		s = s[end+1:]
	}
	if len(locs) != 4 {
		return box, false
	}
	return boxOf([]location{locs[1], locs[0], locs[3], locs[2]})
}

// ReadAnswer reads a model's answer as docs/targets.md has it: tables, each
// preceded by the four locations of its box, whose cells begin with the four
// of theirs. Boxes are in the unit square of the view; bins below 2 mean Bins.
// Whole says that the model ended the answer itself: otherwise a cell that the
// answer's end leaves open is dropped.
func ReadAnswer(s string, bins int, whole bool) ([]Table, error) {
	if bins < 2 {
		bins = Bins
	}
	tree, err := Parse(s)
	if err != nil {
		return nil, err
	}
	return readTree(tree, reading{bins: bins, cut: !whole, end: len(s)}), nil
}

// Answer writes tables as a model is trained to: the inverse of ReadAnswer.
// Every number is the coordinate times bins, to the nearest multiple of step
// (halves go up), brought into the grid.
func Answer(tables []Table, bins, step int) string {
	if bins < 2 {
		bins = Bins
	}
	step = max(1, min(step, bins))
	w := writer{box: func(box [4]float64) string {
		if box == [4]float64{} {
			return ""
		}
		var b strings.Builder
		for _, v := range [4]float64{box[1], box[0], box[3], box[2]} {
			n := math.Floor(v*float64(bins)/float64(step)+0.5) * float64(step)
			fmt.Fprintf(&b, "<loc%04d>", int(max(0, min(float64(bins-step), n))))
		}
		return b.String()
	}}
	for i := range tables {
		w.table(&tables[i])
	}
	return w.String()
}
