// Package layout puts the words of a page into lines, blocks and reading
// order. It looks for gutters first: empty strips with lines of running text
// on both sides, which are columns and are read one after the other. What
// stands above or below a gutter, such as a heading across the columns, is
// read before or after. Where the text beside an empty strip does not run, as
// between the columns of a table or the goods and prices of a receipt, rows
// are read across.
package layout

import (
	"cmp"
	"math"
	"slices"

	"palimpsest.dev/task"
)

// Word is a word to be ordered.
type Word struct {
	Box     task.Box
	XHeight float64 // of its line, in pixels; 0 unknown
	// Direction is -1 where the word's letters run to the left, 1 where they run
	// to the right, 0 where it has none.
	Direction int
}

// Line is a line of text: indices into the words given, in reading order.
type Line struct {
	Words []int
	Box   task.Box
	Block int // the block it belongs to, counted from 0 in reading order
	// Paragraph counts within the page; it changes with the block and where
	// more than the usual space precedes a line.
	Paragraph int
}

// maxDepth bounds the recursion into columns of columns.
const maxDepth = 12

// Order returns the lines of the page in reading order. Every word with a
// box that is not empty stands in exactly one line.
func Order(words []Word) []Line {
	var all []int
	for i, w := range words {
		if w.Box.Finite() && !w.Box.Empty() {
			all = append(all, i)
		}
	}
	o := orderer{words: words, em: make([]float64, len(words))}
	for _, i := range all {
		o.em[i] = em(words[i])
	}
	o.region(all, 0)
	return o.lines
}

// em is the size of a word's type: about twice its x-height. A box is drawn
// around ascenders and descenders, some 1.45 x-heights, at the least.
func em(w Word) float64 {
	h := w.Box.Height()
	if x := w.XHeight; x > h/4 && x < h {
		return 2 * x
	}
	return 1.3 * h
}

type orderer struct {
	words []Word
	em    []float64
	lines []Line
	block int
}

// region orders the words of a part of the page.
func (o *orderer) region(words []int, depth int) {
	if len(words) == 0 {
		return
	}
	if depth < maxDepth {
		if g, ok := o.gutter(words); ok {
			above, left, right, below := o.divide(words, g)
			if len(left) > 0 && len(right) > 0 {
				if o.leftward(words) {
					left, right = right, left
				}
				for _, part := range [][]int{above, left, right, below} {
					o.region(part, depth+1)
				}
				return
			}
		}
	}
	o.emit(o.rows(words))
}

// rows groups words into lines, top to bottom, each left to right. A line is
// grown from the left, word by word, against the words last added to it, so
// that it may slope.
func (o *orderer) rows(words []int) [][]int {
	byX := slices.Clone(words)
	slices.SortFunc(byX, func(a, b int) int {
		return cmp.Or(cmp.Compare(o.words[a].Box.X0, o.words[b].Box.X0), cmp.Compare(o.words[a].Box.Y0, o.words[b].Box.Y0), cmp.Compare(a, b))
	})
	var rows [][]int
	for _, i := range byX {
		best, most := -1, 0.45 // share of the lower box that must agree
		for r, row := range rows {
			if v := o.joins(row, i); v > most {
				best, most = r, v
			}
		}
		if best < 0 {
			rows = append(rows, []int{i})
		} else {
			rows[best] = append(rows[best], i)
		}
	}
	slices.SortStableFunc(rows, func(a, b []int) int { return cmp.Compare(o.middle(a), o.middle(b)) })
	return rows
}

// joins says how well a word continues a row: the share of the lower of the
// two heights that they have in common, 0 when it stands on words of the row.
func (o *orderer) joins(row []int, i int) float64 {
	b := o.words[i].Box
	last := o.words[row[len(row)-1]].Box
	if last.X1-b.X0 > 0.5*min(last.Width(), b.Width()) {
		return 0 // side by side is what makes a line
	}
	// The tail, not the last word alone, whose box may be that of a stray
	// mark; near enough that a slope does not matter.
	y0, y1, n := last.Y0, last.Y1, 1.0
	for k := len(row) - 2; k >= max(0, len(row)-3); k-- {
		if w := o.words[row[k]].Box; b.X0-w.X1 < 12*o.em[i] {
			y0, y1, n = y0+w.Y0, y1+w.Y1, n+1
		}
	}
	y0, y1 = y0/n, y1/n
	shared := min(y1, b.Y1) - max(y0, b.Y0)
	return shared / min(y1-y0, b.Height())
}

// middle is the height at which a row stands.
func (o *orderer) middle(row []int) float64 {
	var sum float64
	for _, i := range row {
		sum += (o.words[i].Box.Y0 + o.words[i].Box.Y1) / 2
	}
	return sum / float64(len(row))
}

// emit appends rows as lines of one block, with paragraphs where the distance
// of two lines is clearly more than usual.
func (o *orderer) emit(rows [][]int) {
	var pitches []float64
	for i := 1; i < len(rows); i++ {
		pitches = append(pitches, o.middle(rows[i])-o.middle(rows[i-1]))
	}
	usual := math.Inf(1)
	if len(pitches) > 0 {
		sorted := slices.Sorted(slices.Values(pitches))
		usual = sorted[len(sorted)/2]
	}
	paragraph := 0
	if n := len(o.lines); n > 0 {
		paragraph = o.lines[n-1].Paragraph + 1
	}
	for i, row := range rows {
		if i > 0 && pitches[i-1] > 1.4*usual && pitches[i-1] > o.em[row[0]] {
			paragraph++
		}
		l := Line{Words: o.reading(row), Block: o.block, Paragraph: paragraph}
		for _, w := range row {
			l.Box = l.Box.Union(o.words[w].Box)
		}
		o.lines = append(o.lines, l)
	}
	o.block++
}

// leftward says that more of the words run to the left than to the right.
func (o *orderer) leftward(words []int) bool {
	sum := 0
	for _, i := range words {
		sum += o.words[i].Direction
	}
	return sum < 0
}

// reading puts the words of a row, which stand from left to right, in reading
// order: where the row runs to the left, from the right, but for words in a row
// that run to the right, and what stands between these.
func (o *orderer) reading(row []int) []int {
	if !o.leftward(row) {
		return row
	}
	out := slices.Clone(row)
	slices.Reverse(out)
	for from := 0; from < len(out); from++ {
		if o.words[out[from]].Direction <= 0 {
			continue
		}
		to := from
		for k := from + 1; k < len(out) && o.words[out[k]].Direction >= 0; k++ {
			if o.words[out[k]].Direction > 0 {
				to = k
			}
		}
		slices.Reverse(out[from : to+1])
		from = to
	}
	return out
}
