package eval

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Normalise brings a text into the form in which texts are compared: Unicode
// normalisation form C, runs of white space as one space, none at the ends.
func Normalise(s string) string {
	return strings.Join(strings.Fields(norm.NFC.String(s)), " ")
}

// BagHits is the size of the intersection of two multisets of tokens.
func BagHits(read, truth []string) int {
	count := make(map[string]int, len(truth))
	for _, t := range truth {
		count[t]++
	}
	hits := 0
	for _, t := range read {
		if count[t] > 0 {
			count[t]--
			hits++
		}
	}
	return hits
}

// CharacterEdits is the Levenshtein distance between two texts over code points after
// Normalise, with the length of the normalised truth.
func CharacterEdits(read, truth string) (edits, length int) {
	r, t := []rune(Normalise(read)), []rune(Normalise(truth))
	return distance(r, t), len(t)
}

// WordEdits is the Levenshtein distance over white-space tokens, with the number of
// true tokens.
func WordEdits(read, truth string) (edits, length int) {
	r, t := strings.Fields(Normalise(read)), strings.Fields(Normalise(truth))
	return distance(r, t), len(t)
}

// distance is the Levenshtein distance between two sequences by bit-parallel dynamic
// programming (Myers 1999 in Hyyrö's 2003 formulation, in blocks of 64 rows), which
// makes whole pages cheap: time O(len(a)·len(b)/64).
func distance[T comparable](a, b []T) int {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a) == 0 || len(b) == 0 {
		return len(a) + len(b)
	}
	blocks := (len(a) + 63) / 64
	peq := map[T][]uint64{} // for each symbol of a, the rows where it stands
	for i, s := range a {
		row, ok := peq[s]
		if !ok {
			row = make([]uint64, blocks)
			peq[s] = row
		}
		row[i/64] |= 1 << (i % 64)
	}
	none := make([]uint64, blocks)
	up := make([]uint64, blocks) // vertical deltas +1; all rows at the left edge
	down := make([]uint64, blocks)
	for i := range up {
		up[i] = ^uint64(0)
	}
	last := uint64(1) << ((len(a) - 1) % 64)
	score := len(a)
	for _, s := range b {
		eq, ok := peq[s]
		if !ok {
			eq = none
		}
		plus, minus := uint64(1), uint64(0) // horizontal delta entering the top row: +1
		for k := range up {
			vp, vn := up[k], down[k]
			e := eq[k] | minus
			x := eq[k] | vn
			d := (((e & vp) + vp) ^ vp) | e
			hp := vn | ^(d | vp)
			hn := d & vp
			if k == blocks-1 {
				if hp&last != 0 {
					score++
				}
				if hn&last != 0 {
					score--
				}
			}
			nextPlus, nextMinus := hp>>63, hn>>63
			hp = hp<<1 | plus
			hn = hn<<1 | minus
			up[k] = hn | ^(x | hp)
			down[k] = hp & x
			plus, minus = nextPlus, nextMinus
		}
	}
	return score
}

// nearest is the smallest Levenshtein distance between needle and any part of text,
// with the index after which the best part ends (Sellers 1980).
func nearest(needle, text []rune) (edits, end int) {
	col := make([]int, len(needle)+1)
	for i := range col {
		col[i] = i
	}
	edits = len(needle)
	for j, r := range text {
		diag := col[0]
		for i := 1; i <= len(needle); i++ {
			cost := diag
			if needle[i-1] != r {
				cost++
			}
			diag = col[i]
			col[i] = min(cost, col[i]+1, col[i-1]+1)
		}
		if col[len(needle)] < edits {
			edits, end = col[len(needle)], j+1
		}
	}
	return edits, end
}
