package main

import (
	"testing"

	"palimpsest.dev/task"
)

// TestTextLines tells where in a table text is read although no line was found there.
func TestTextLines(t *testing.T) {
	t.Parallel()
	line := func(x0, y0, x1, y1 float64) task.Line {
		return task.Line{Box: task.Box{X0: x0, Y0: y0, X1: x1, Y1: y1}, XHeight: 10}
	}
	table := task.Region{Kind: task.RegionTable, Box: task.Box{X0: 100, Y0: 100, X1: 500, Y1: 300}, Source: task.SourceModel}
	read := func(lines []task.Line, x, y float64) (found, made bool) {
		for i, l := range textLines(task.Page{Width: 600, Height: 900, Lines: lines, Regions: []task.Region{table}}) {
			if l.Box.X0 <= x && x < l.Box.X1 && l.Box.Y0 <= y && y < l.Box.Y1 {
				found = found || i < len(lines) && l.XHeight > 0
				made = made || l.XHeight == 0
			}
		}
		return found, made
	}
	lines := []task.Line{line(100, 100, 200, 120), line(300, 102, 400, 122), line(100, 180, 200, 200)}
	for _, c := range []struct {
		name        string
		x, y        float64
		found, made bool
	}{
		{"on a line", 150, 110, true, false},
		{"beside it", 250, 111, false, true},
		{"right of all", 450, 111, false, true},
		{"between two", 150, 140, false, true},
		{"right of the last", 350, 190, false, true},
		{"outside of the table", 550, 111, false, false},
		{"below the table", 150, 400, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if found, made := read(lines, c.x, c.y); found != c.found || made != c.made {
				t.Errorf("found %v, made up %v", found, made)
			}
		})
	}
	if _, made := read([]task.Line{line(100, 100, 200, 120)}, 150, 250); made {
		t.Error("text is looked for far from any line")
	}
	if got := textLines(task.Page{Width: 600, Height: 900, Lines: []task.Line{line(100, 700, 500, 720)}, Regions: []task.Region{table}}); len(got) != 0 {
		t.Errorf("lines of the page's other text: %v", got)
	}
}
