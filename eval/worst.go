package eval

import (
	"cmp"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
)

// Bounds of the page of worst cases, which a browser must be able to open.
const (
	maxShownTokens = 3000 // of a text on either side
	maxShownCells  = 5000 // of a table on either side
	maxShownPages  = 3    // of one item
	maxShownBoxes  = 5000 // on one page and side
)

//go:embed worst.html.tmpl
var worstPage string

// Worst keeps the results that did worst by their measure's leading metric.
type Worst struct {
	measure Measure
	most    int
	kept    []Result
}

// NewWorst keeps as many results as told.
func NewWorst(m Measure, most int) *Worst { return &Worst{measure: m, most: most} }

// Add looks at a result. One that failed is worse than any that did not.
func (w *Worst) Add(r Result) {
	if w.most <= 0 {
		return
	}
	w.kept = append(w.kept, r)
	slices.SortStableFunc(w.kept, func(a, b Result) int {
		_, x, _ := leadingOf(w.measure, a)
		_, y, _ := leadingOf(w.measure, b)
		return cmp.Or(cmp.Compare(x, y), compareFailed(a, b))
	})
	w.kept = w.kept[:min(len(w.kept), w.most)]
}

func compareFailed(a, b Result) int {
	switch {
	case a.Error != "" && b.Error == "":
		return -1
	case a.Error == "" && b.Error != "":
		return 1
	}
	return 0
}

// Results are the results kept, worst first.
func (w *Worst) Results() []Result { return w.kept }

// Picture is a page as it is shown: a JPEG of any size, and the size of the raster that
// boxes refer to.
type Picture struct {
	JPEG          []byte
	Width, Height int
}

// WriteWorst writes the results kept as one page of HTML that needs nothing besides:
// pictures with the boxes of truth and answer, both texts side by side, what differs
// marked. The picture of a page may be missing.
func (w *Worst) WriteWorst(out io.Writer, title string, item func(id string) (Item, bool), picture func(Item, int) (Picture, error)) error {
	page := worstData{Title: title, Task: w.measure.Task()}
	for i, r := range w.kept {
		it, ok := item(r.ID)
		if !ok {
			continue
		}
		truth, err := w.measure.Truth(it)
		if err != nil {
			return err
		}
		c := worstCase{Rank: i + 1, ID: r.ID, Subset: r.Subset, File: it.File, Error: r.Error, Question: cmp.Or(it.Question, it.Prompt)}
		for _, name := range slices.Sorted(maps.Keys(r.Metrics)) {
			c.Metrics = append(c.Metrics, worstMetric{name, fmt.Sprintf("%.3f", r.Metrics[name])})
		}
		answer := Answer{}
		if r.Answer != nil {
			answer = *r.Answer
		}
		c.Pages = worstPages(it, truth, answer, picture)
		c.compare(w.measure.Task(), truth, answer)
		page.Cases = append(page.Cases, c)
	}
	t, err := template.New("worst").Parse(worstPage)
	if err != nil {
		return err
	}
	return t.Execute(out, page)
}

// What the template is given. All texts are escaped by it.
type worstData struct {
	Title, Task string
	Cases       []worstCase
}

type worstCase struct {
	Rank                              int
	ID, Subset, File, Error, Question string
	Metrics                           []worstMetric
	Pages                             []worstShot
	Truth, Answer                     []piece
	TruthTables, AnswerTables         []worstTable
	Cut                               bool // texts or tables go on
}

type worstMetric struct{ Name, Value string }

type worstShot struct {
	Number                  int
	Image                   template.URL // data of our own making
	Width, Height           int
	TruthWidth, TruthHeight int
	Truth, Answer           []worstBox
	Problem                 string
}

type worstBox struct {
	X, Y, W, H float64
	Text       string
}

type worstTable [][]worstCell

type worstCell struct {
	Rows, Columns int
	Text          string
	Mark          string // class of a cell that is not on the other side
	column        int
}

// piece is a stretch of text that is on the other side too, or not.
type piece struct {
	Text string
	Same bool
}

// worstPages gives pictures to the pages that truth or answer speak of.
func worstPages(it Item, truth, answer Answer, picture func(Item, int) (Picture, error)) (out []worstShot) {
	boxes := map[int]*worstShot{}
	at := func(n int) *worstShot {
		n = max(n, 1)
		if boxes[n] == nil {
			boxes[n] = &worstShot{Number: n}
		}
		return boxes[n]
	}
	at(1)
	for _, p := range truth.Pages {
		s := at(p.Number)
		s.TruthWidth, s.TruthHeight = p.Width, p.Height
		for _, w := range p.Words {
			s.Truth = appendBox(s.Truth, w.Box, w.Text)
		}
	}
	for _, p := range answer.Pages {
		s := at(p.Number)
		for _, w := range p.Words {
			s.Answer = appendBox(s.Answer, w.Box, w.Text)
		}
	}
	for _, f := range truth.Found {
		at(f.Page).Truth = appendBox(at(f.Page).Truth, f.Box, f.Text)
	}
	for _, f := range answer.Found {
		at(f.Page).Answer = appendBox(at(f.Page).Answer, f.Box, f.Text)
	}
	for _, n := range slices.Sorted(maps.Keys(boxes)) {
		if len(out) == maxShownPages {
			break
		}
		s := boxes[n]
		p, err := picture(it, n)
		if err != nil {
			s.Problem = err.Error()
		} else {
			s.Image = template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(p.JPEG))
			s.Width, s.Height = p.Width, p.Height
			if s.TruthWidth <= 0 || s.TruthHeight <= 0 {
				s.TruthWidth, s.TruthHeight = p.Width, p.Height
			}
		}
		out = append(out, *s)
	}
	return out
}

func appendBox(boxes []worstBox, b [4]float64, text string) []worstBox {
	if area(b) == 0 || len(boxes) >= maxShownBoxes {
		return boxes
	}
	return append(boxes, worstBox{b[0], b[1], b[2] - b[0], b[3] - b[1], text})
}

// compare fills in both sides' texts, or tables.
func (c *worstCase) compare(task string, truth, answer Answer) {
	if task == "table" {
		c.TruthTables, c.AnswerTables = c.tables(truth), c.tables(answer)
		markCells(c.TruthTables, c.AnswerTables, "gone")
		markCells(c.AnswerTables, c.TruthTables, "made")
		return
	}
	if task == "detect" || task == "regions" {
		c.Truth, c.Answer = []piece{{Text: listed(truth.Found), Same: true}}, []piece{{Text: listed(answer.Found), Same: true}}
		return
	}
	a, b := tokensOf(textOf(truth)), tokensOf(textOf(answer))
	if len(a) > maxShownTokens || len(b) > maxShownTokens {
		c.Cut = true
		a, b = a[:min(len(a), maxShownTokens)], b[:min(len(b), maxShownTokens)]
	}
	c.Truth, c.Answer = marked(a, b)
}

func listed(found []Found) string {
	var lines []string
	for _, f := range found[:min(len(found), maxShownCells)] {
		lines = append(lines, fmt.Sprintf("%s  %.0f,%.0f,%.0f,%.0f", f.Text, f.Box[0], f.Box[1], f.Box[2], f.Box[3]))
	}
	return strings.Join(lines, "\n")
}

func (c *worstCase) tables(a Answer) (out []worstTable) {
	for _, f := range a.Found[:min(len(a.Found), 10)] {
		cells, err := GridCells(f.Text)
		if err != nil || len(cells) > maxShownCells {
			c.Cut = true
			continue
		}
		var t worstTable
		for _, cell := range cells {
			for len(t) <= cell.Rows[0] && len(t) < maxShownCells {
				t = append(t, nil)
			}
			if row := cell.Rows[0]; row >= 0 && row < len(t) {
				t[row] = append(t[row], worstCell{cell.Rows[1] - cell.Rows[0], cell.Columns[1] - cell.Columns[0], cell.Text, "", cell.Columns[0]})
			}
		}
		out = append(out, t)
	}
	return out
}

// markCells marks the cells that the other tables do not have in the same place.
func markCells(tables, others []worstTable, mark string) {
	type place struct{ table, row, column, rows, columns int }
	there := map[place]string{}
	for n, t := range others {
		for i, row := range t {
			for _, cell := range row {
				there[place{n, i, cell.column, cell.Rows, cell.Columns}] = Normalise(cell.Text)
			}
		}
	}
	for n, t := range tables {
		for i, row := range t {
			for k, cell := range row {
				if text, ok := there[place{n, i, cell.column, cell.Rows, cell.Columns}]; !ok || text != Normalise(cell.Text) {
					row[k].Mark = mark
				}
			}
		}
	}
}

// textOf writes an answer as lines of text.
func textOf(a Answer) string {
	var lines []string
	for _, p := range a.Pages {
		var words []string
		for _, w := range p.Words {
			words = append(words, w.Text)
		}
		lines = append(lines, strings.Join(words, " "))
	}
	for _, f := range a.Found {
		lines = append(lines, f.Text)
	}
	if a.Text != "" {
		lines = append(lines, a.Text)
	}
	if len(a.Codes) > 0 {
		lines = append(lines, "["+strings.Join(a.Codes, "; ")+"]")
	}
	return strings.Join(lines, "\n")
}

// tokensOf cuts a text behind its white space.
func tokensOf(s string) []string {
	var out []string
	for s != "" && len(out) <= maxShownTokens {
		i := strings.IndexAny(s, " \t\n")
		if i < 0 {
			i = len(s) - 1
		}
		out = append(out, s[:i+1])
		s = s[i+1:]
	}
	return out
}

// marked marks what of two token lists is in their longest common subsequence.
func marked(a, b []string) (left, right []piece) {
	same := func(i, j int) bool { return strings.TrimSpace(a[i]) == strings.TrimSpace(b[j]) }
	w := len(b) + 1
	length := make([]int16, (len(a)+1)*w) // of the rests from i and j on; at most maxShownTokens
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if same(i, j) {
				length[i*w+j] = length[(i+1)*w+j+1] + 1
			} else {
				length[i*w+j] = max(length[(i+1)*w+j], length[i*w+j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && same(i, j):
			left, right = appendPiece(left, a[i], true), appendPiece(right, b[j], true)
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && length[(i+1)*w+j] >= length[i*w+j+1]:
			left = appendPiece(left, a[i], false)
			i++
		default:
			right = appendPiece(right, b[j], false)
			j++
		}
	}
	return left, right
}

func appendPiece(pieces []piece, text string, same bool) []piece {
	if n := len(pieces); n > 0 && pieces[n-1].Same == same {
		pieces[n-1].Text += text
		return pieces
	}
	return append(pieces, piece{text, same})
}
