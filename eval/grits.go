package eval

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"

	"palimpsest.dev/plugins/table/htmltable"
)

// GridCell is a cell of a table as GriTS sees it.
type GridCell struct {
	Rows, Columns [2]int // first and one past the last, from 0
	Text          string
	Box           [4]float64 // x0, y0, x1, y1
}

// maxGridPlaces bounds rows times columns of one table, maxGridPairs the pairs
// of places of two.
const (
	maxGridPlaces = 1_000_000
	maxGridPairs  = 30_000_000
)

// GriTS is how alike two tables are as grids, 0 to 1.
type GriTS struct {
	F, Precision, Recall float64
	UpperBound           float64 // of F over all alignments
}

// GriTSTop compares the shapes of cells (Smock, Pesala and Abraham 2023), as
// the published evaluation computes it: factored two-dimensional most similar
// substructures, where the similarity of two places is that of their cells'
// spans seen from there. Places that no cell covers count as cells of one
// place.
func GriTSTop(read, truth []GridCell) (GriTS, error) {
	return grits(read, truth, func(c GridCell, r, k int) [4]float64 {
		return [4]float64{float64(c.Columns[0] - k), float64(c.Rows[0] - r), float64(c.Columns[1] - k), float64(c.Rows[1] - r)}
	}, [4]float64{0, 0, 1, 1}, boundingIoU)
}

// GriTSLoc compares the boxes of cells. Boxes of both tables are in one space.
func GriTSLoc(read, truth []GridCell) (GriTS, error) {
	return grits(read, truth, func(c GridCell, _, _ int) [4]float64 { return c.Box }, [4]float64{}, boundingIoU)
}

// GriTSCon compares the texts of cells.
func GriTSCon(read, truth []GridCell) (GriTS, error) {
	// Places of one text share one number, so that no two texts are compared twice.
	numbers, texts := map[string]int{}, [][]rune{}
	number := func(c GridCell, _, _ int) int {
		n, ok := numbers[c.Text]
		if !ok {
			n = len(texts)
			numbers[c.Text] = n
			texts = append(texts, []rune(c.Text))
		}
		return n
	}
	nothing := number(GridCell{}, 0, 0)
	var cache sync.Map
	return grits(read, truth, number, nothing, func(t, r int) float64 {
		if t == r {
			return 1
		}
		key := [2]int{t, r}
		if v, ok := cache.Load(key); ok {
			return v.(float64)
		}
		v := matchingSimilarity(texts[t], texts[r])
		if len(texts) < 1000 { // of many texts most differ: remembering would cost more
			cache.Store(key, v)
		}
		return v
	})
}

// GridCells places the cells of HTML as the published evaluation does: each in
// the first free column of its row, texts as they stand, pieces joined by
// spaces. Where the reference refuses what is not XML, this reads HTML.
func GridCells(s string) ([]GridCell, error) {
	tree, err := htmltable.Parse(s)
	if err != nil {
		return nil, err
	}
	var cells []GridCell
	var until []int // for each column, the row from which on it is free
	row := -1
	tree.Root.Walk(func(n *htmltable.Node) bool {
		switch n.Tag {
		case "tr":
			row++
		case "td", "th":
			column, r := 0, max(row, 0)
			for column < len(until) && until[column] > r {
				column++
			}
			c := GridCell{Rows: [2]int{r, r + limited(spanOf(n, "rowspan"), htmltable.MaxRows)},
				Columns: [2]int{column, column + limited(spanOf(n, "colspan"), htmltable.MaxColumns)}}
			until = append(until, make([]int, max(0, c.Columns[1]-len(until)))...)
			for k := c.Columns[0]; k < c.Columns[1]; k++ {
				until[k] = max(until[k], c.Rows[1])
			}
			c.Text = innerText(n)
			cells = append(cells, c)
		}
		return true
	})
	return cells, nil
}

func limited(span, most int) int { return max(1, min(span, most)) }

func innerText(n *htmltable.Node) string {
	var parts []string
	n.Walk(func(c *htmltable.Node) bool {
		if c.Tag == "" {
			parts = append(parts, c.Text)
		}
		return true
	})
	return strings.Join(parts, " ")
}

// boundingIoU is the area two boxes share over the area of the box around
// both.
func boundingIoU(a, b [4]float64) float64 {
	shared := intersection(a, b)
	if shared <= 0 {
		return 0
	}
	return shared / ((math.Max(a[2], b[2]) - math.Min(a[0], b[0])) * (math.Max(a[3], b[3]) - math.Min(a[1], b[1])))
}

// places is a grid of what is compared, by row.
type places[T any] struct {
	rows, columns int
	at            []T
}

func spread[T any](cells []GridCell, of func(GridCell, int, int) T, nothing T) (places[T], error) {
	var g places[T]
	for _, c := range cells {
		if c.Rows[0] < 0 || c.Columns[0] < 0 || c.Rows[1] > maxGridPlaces || c.Columns[1] > maxGridPlaces {
			return g, fmt.Errorf("%w: a cell at rows %v, columns %v", ErrTooLarge, c.Rows, c.Columns)
		}
		g.rows, g.columns = max(g.rows, c.Rows[1]), max(g.columns, c.Columns[1])
	}
	if g.rows*g.columns > maxGridPlaces {
		return g, fmt.Errorf("%w: %d by %d places, the limit is %d", ErrTooLarge, g.rows, g.columns, maxGridPlaces)
	}
	g.at = make([]T, g.rows*g.columns)
	for i := range g.at {
		g.at[i] = nothing
	}
	written := 0
	for _, c := range cells {
		if written += (c.Rows[1] - c.Rows[0]) * (c.Columns[1] - c.Columns[0]); written > 8*maxGridPlaces {
			return g, fmt.Errorf("%w: cells over one another", ErrTooLarge)
		}
		for r := c.Rows[0]; r < c.Rows[1]; r++ {
			for k := c.Columns[0]; k < c.Columns[1]; k++ {
				g.at[r*g.columns+k] = of(c, r, k)
			}
		}
	}
	return g, nil
}

// grits aligns rows by how well their places align, columns likewise, and
// sums the rewards of the places where aligned rows and columns cross.
func grits[T any](read, truth []GridCell, of func(GridCell, int, int) T, nothing T, reward func(truth, read T) float64) (GriTS, error) {
	p, err := spread(read, of, nothing)
	if err != nil {
		return GriTS{}, err
	}
	t, err := spread(truth, of, nothing)
	if err != nil {
		return GriTS{}, err
	}
	if n := len(t.at) * len(p.at); n > maxGridPairs {
		return GriTS{}, fmt.Errorf("%w: %d pairs of places, the limit is %d", ErrTooLarge, n, maxGridPairs)
	}
	rewards := make([]float64, len(t.at)*len(p.at))
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(t.at); i += workers {
				for j := range p.at {
					rewards[i*len(p.at)+j] = reward(t.at[i], p.at[j])
				}
			}
		})
	}
	wg.Wait()
	rows, rowScore := align(t.rows, p.rows, func(tr, pr int) float64 {
		return alignmentScore(t.columns, p.columns, rewards[tr*t.columns*len(p.at)+pr*p.columns:], len(p.at), 1)
	})
	columns, columnScore := align(t.columns, p.columns, func(tc, pc int) float64 {
		return alignmentScore(t.rows, p.rows, rewards[tc*len(p.at)+pc:], t.columns*len(p.at), p.columns)
	})
	score := 0.0
	for _, r := range rows {
		for _, c := range columns {
			score += rewards[(r[0]*t.columns+c[0])*len(p.at)+r[1]*p.columns+c[1]]
		}
	}
	out := GriTS{}
	out.F, out.Precision, out.Recall = shares(score, float64(len(p.at)), float64(len(t.at)))
	out.UpperBound, _, _ = shares(min(rowScore, columnScore), float64(len(p.at)), float64(len(t.at)))
	return out, nil
}

// shares are F1, precision and recall of a sum of rewards. Nothing read makes
// precision 1, nothing true recall 1.
func shares(hits, read, all float64) (f, precision, recall float64) {
	precision, recall = 1, 1
	if read > 0 {
		precision = hits / read
	}
	if all > 0 {
		recall = hits / all
	}
	if precision+recall > 0 {
		f = 2 * precision * recall / (precision + recall)
	}
	return f, precision, recall
}

// align is the alignment of two sequences of the greatest sum of rewards.
// Where several are as good it prefers to pair, then to skip a true one.
func align(n, m int, reward func(i, j int) float64) (pairs [][2]int, score float64) {
	scores := make([]float64, (n+1)*(m+1))
	moves := make([]byte, (n+1)*(m+1)) // 0 both, 1 skip of the first, 2 of the second
	at := func(i, j int) int { return i*(m+1) + j }
	for i := 1; i <= n; i++ {
		moves[at(i, 0)] = 1
	}
	for j := 1; j <= m; j++ {
		moves[at(0, j)] = 2
	}
	for i := 1; i <= n; i++ {
		for j := 1; j <= m; j++ {
			both := scores[at(i-1, j-1)] + reward(i-1, j-1)
			best := max(both, scores[at(i-1, j)], scores[at(i, j-1)])
			scores[at(i, j)] = best
			switch best {
			case both:
			case scores[at(i-1, j)]:
				moves[at(i, j)] = 1
			default:
				moves[at(i, j)] = 2
			}
		}
	}
	for i, j := n, m; i > 0 || j > 0; {
		switch moves[at(i, j)] {
		case 0:
			i, j = i-1, j-1
			pairs = append(pairs, [2]int{i, j})
		case 1:
			i--
		default:
			j--
		}
	}
	return pairs, scores[at(n, m)]
}

// alignmentScore is align's score alone, for rewards that lie at i*di + j*dj.
func alignmentScore(n, m int, rewards []float64, di, dj int) float64 {
	row := make([]float64, m+1)
	for i := range n {
		diagonal := 0.0
		for j := range m {
			above := row[j+1]
			row[j+1] = max(diagonal+rewards[i*di+j*dj], above, row[j])
			diagonal = above
		}
	}
	return row[m]
}
