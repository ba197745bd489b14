package eval

import (
	"cmp"
	"math"
	"slices"
)

// minIoU is the overlap from which two boxes are the same word, epsilon what HierText's
// evaluator adds to areas: an overlap of exactly one half, such as two equal words read
// as one, is no match.
const (
	minIoU  = 0.5
	epsilon = 1e-5
)

// IoU is the intersection over union of two boxes x0, y0, x1, y1; 0 when either is empty.
func IoU(a, b [4]float64) float64 {
	inter := intersection(a, b)
	if inter <= 0 {
		return 0
	}
	return inter / (area(a) + area(b) - inter + epsilon)
}

func intersection(a, b [4]float64) float64 {
	w := math.Min(a[2], b[2]) - math.Max(a[0], b[0])
	h := math.Min(a[3], b[3]) - math.Max(a[1], b[1])
	if w <= 0 || h <= 0 {
		return 0
	}
	return w * h
}

func area(a [4]float64) float64 { return math.Max(0, a[2]-a[0]) * math.Max(0, a[3]-a[1]) }

// MatchWords counts the one-to-one matches between words read and true words: pairs
// whose boxes overlap with an IoU of at least 0.5 and, unless anyText, whose texts are
// equal. The matching is of maximum size (augmenting paths, Kuhn 1955), so that the
// count depends on neither order nor ties.
func MatchWords(read, truth []Word, anyText bool) int {
	edges := candidates(read, truth, anyText)
	owner := make([]int, len(truth)) // index+1 of the word read that holds each true word
	hits := 0
	for i := range edges {
		if len(edges[i]) == 0 {
			continue
		}
		seen := map[int]bool{}
		if augment(i, edges, owner, seen) {
			hits++
		}
	}
	return hits
}

// augment finds a true word for the word read, moving others to their alternatives.
// The depth is bounded by the few boxes that can overlap one another by half.
func augment(i int, edges [][]int, owner []int, seen map[int]bool) bool {
	for _, j := range edges[i] {
		if seen[j] {
			continue
		}
		seen[j] = true
		if owner[j] == 0 || augment(owner[j]-1, edges, owner, seen) {
			owner[j] = i + 1
			return true
		}
	}
	return false
}

// candidates lists, for each word read, the true words it may match, best overlap first.
func candidates(read, truth []Word, anyText bool) [][]int {
	// Sorted by left edge, so that each word looks at its neighbourhood only.
	order := make([]int, len(truth))
	widest := 0.0
	for j := range truth {
		order[j] = j
		widest = math.Max(widest, truth[j].Box[2]-truth[j].Box[0])
	}
	left := func(j int) float64 { return truth[j].Box[0] }
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(left(a), left(b)) })
	edges := make([][]int, len(read))
	for i, w := range read {
		from, _ := slices.BinarySearchFunc(order, w.Box[0]-widest, func(j int, x float64) int { return cmp.Compare(left(j), x) })
		overlap := map[int]float64{}
		for _, j := range order[from:] {
			if left(j) > w.Box[2] {
				break
			}
			if !anyText && truth[j].Text != w.Text {
				continue
			}
			if v := IoU(w.Box, truth[j].Box); v >= minIoU {
				edges[i] = append(edges[i], j)
				overlap[j] = v
			}
		}
		slices.SortFunc(edges[i], func(a, b int) int {
			if c := cmp.Compare(overlap[b], overlap[a]); c != 0 {
				return c
			}
			return a - b
		})
	}
	return edges
}

// dropIgnored removes the words read that lie by half of their own area or more on one
// box that nobody is asked to read, as HierText's evaluator does.
func dropIgnored(read []Word, ignore [][4]float64) []Word {
	if len(ignore) == 0 {
		return read
	}
	var kept []Word
	for _, w := range read {
		on := func(box [4]float64) bool { return intersection(w.Box, box) >= 0.5*(area(w.Box)+epsilon) }
		if !slices.ContainsFunc(ignore, on) {
			kept = append(kept, w)
		}
	}
	return kept
}
