package drawing

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// sheet is a drawing in pixels of a picture of 224, as the trainer's examples have it.
type sheet struct {
	atoms []Atom
	bonds []bond // in the kinds of answers, turned ones among them
	name  string
	at    Place
}

// walk writes a sheet as docs/targets.md says: depth first along the outline, clockwise.
type walk struct {
	sheet
	grid [][2]int // x, y
	near [][]int  // bonds of each atom
	came []int    // -2: not named yet, -1: the first of its part
	text strings.Builder
}

func grid(p float64) int { return max(0, min(1020, int(math.Floor(p/224*1024/4+0.5))*4)) }

func (s sheet) write() string {
	w := walk{sheet: s, near: make([][]int, len(s.atoms)), came: make([]int, len(s.atoms))}
	order := make([]int, len(s.atoms))
	for i, a := range s.atoms {
		w.grid, w.came[i], order[i] = append(w.grid, [2]int{grid(a.Place.X), grid(a.Place.Y)}), -2, i
	}
	for k, b := range s.bonds {
		w.near[b.first], w.near[b.second] = append(w.near[b.first], k), append(w.near[b.second], k)
	}
	slices.SortStableFunc(order, func(a, b int) int { return w.compare(a, b) })
	for _, i := range order {
		if w.came[i] == -2 {
			if w.text.Len() > 0 {
				w.text.WriteByte('.')
			}
			w.part(i)
		}
	}
	if s.name != "" {
		fmt.Fprintf(&w.text, " <loc%04d><loc%04d>%s", grid(s.at.Y), grid(s.at.X), s.name)
	}
	return w.text.String()
}

func (w *walk) compare(a, b int) int {
	return cmp.Or(cmp.Compare(w.grid[a][0], w.grid[b][0]), cmp.Compare(w.grid[a][1], w.grid[b][1]))
}

func (w *walk) place(i int) { fmt.Fprintf(&w.text, "<loc%04d><loc%04d>", w.grid[i][1], w.grid[i][0]) }

func (w *walk) other(k, i int) int { return w.bonds[k].first + w.bonds[k].second - i }

// clockwise lists the bonds of an atom from the direction in which it was reached.
func (w *walk) clockwise(i int) []int {
	angle := func(j int) float64 {
		return math.Atan2(float64(w.grid[j][1]-w.grid[i][1]), float64(w.grid[j][0]-w.grid[i][0]))
	}
	start := math.Pi
	if w.came[i] >= 0 {
		start = angle(w.came[i])
	}
	turn := func(k int) float64 {
		a := math.Mod(angle(w.other(k, i))-start+4*math.Pi, 2*math.Pi)
		if a < 1e-9 || a > 2*math.Pi-1e-9 {
			return 2 * math.Pi
		}
		return a
	}
	out := slices.Clone(w.near[i])
	slices.SortStableFunc(out, func(a, b int) int {
		return cmp.Or(cmp.Compare(turn(a), turn(b)), w.compare(w.other(a, i), w.other(b, i)))
	})
	return out
}

// kind is a bond walked from an atom.
func (w *walk) kind(k, from int) string {
	kind := w.bonds[k].kind
	if kind == single {
		return ""
	}
	if at := strings.IndexByte(`/\:;`, kind); at >= 0 && w.bonds[k].first != from {
		return string(`\/;:`[at])
	}
	return string(kind)
}

func (w *walk) name(i, from, by int) {
	w.place(i)
	if by >= 0 {
		w.text.WriteString(w.kind(by, from))
	}
	w.text.WriteString(w.atoms[i].Label)
	w.came[i] = from
	for _, k := range w.clockwise(i) {
		if o := w.other(k, i); o != from && w.came[o] != -2 {
			w.place(o)
			w.text.WriteString(w.kind(k, i))
		}
	}
}

func (w *walk) part(i int) {
	w.name(i, -1, -1)
	fresh := func(i int) int {
		return slices.IndexFunc(w.clockwise(i), func(k int) bool { return w.came[w.other(k, i)] == -2 })
	}
	for trail := []int{i}; len(trail) > 0; {
		last := trail[len(trail)-1]
		if at := fresh(last); at >= 0 {
			k := w.clockwise(last)[at]
			w.name(w.other(k, last), last, k)
			trail = append(trail, w.other(k, last))
			continue
		}
		for len(trail) > 0 && fresh(trail[len(trail)-1]) < 0 {
			trail = trail[:len(trail)-1]
		}
		if len(trail) > 0 {
			w.text.WriteByte(',')
			w.place(trail[len(trail)-1])
		}
	}
}
