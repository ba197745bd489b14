package eval

// matchingSimilarity is twice the length of the blocks that two texts share
// over the sum of their lengths, 1 for two empty texts. Blocks are found as
// Python's difflib.SequenceMatcher finds them (Ratcliff and Obershelp): the
// longest common run, then the same to its left and to its right. This is no
// longest common subsequence; in a second text of 200 characters and more,
// characters that make up over a hundredth of it begin no run.
func matchingSimilarity(a, b []rune) float64 {
	if len(a)+len(b) == 0 {
		return 1
	}
	m := matcher{a: a, b: b}
	if n := len(b); n >= 200 {
		count := map[rune]int{}
		for _, r := range b {
			count[r]++
		}
		m.popular = map[rune]bool{}
		for r, c := range count {
			m.popular[r] = c > n/100+1
		}
	}
	m.run = make([]int, 2*(len(b)+1))
	return 2 * float64(m.blocks()) / float64(len(a)+len(b))
}

type matcher struct {
	a, b    []rune
	popular map[rune]bool
	run     []int // lengths of runs that end at each place of b, for two rows of a
}

// blocks is the total length of the matching blocks.
func (m *matcher) blocks() int {
	type span struct{ alo, ahi, blo, bhi int }
	todo := []span{{0, len(m.a), 0, len(m.b)}}
	total := 0
	for len(todo) > 0 {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		i, j, n := m.longest(s.alo, s.ahi, s.blo, s.bhi)
		if n == 0 {
			continue
		}
		total += n
		if s.alo < i && s.blo < j {
			todo = append(todo, span{s.alo, i, s.blo, j})
		}
		if i+n < s.ahi && j+n < s.bhi {
			todo = append(todo, span{i + n, s.ahi, j + n, s.bhi})
		}
	}
	return total
}

// longest is the longest run common to a[alo:ahi] and b[blo:bhi], the first
// in a, then in b, among equals.
func (m *matcher) longest(alo, ahi, blo, bhi int) (besti, bestj, size int) {
	besti, bestj = alo, blo
	width := bhi - blo
	before, now := m.run[:width+1], m.run[len(m.b)+1:][:width+1]
	clear(before)
	now[0] = 0
	b := m.b[blo:bhi]
	for i := alo; i < ahi; i++ {
		r := m.a[i]
		popular := m.popular[r]
		for j, s := range b {
			if s != r || popular {
				now[j+1] = 0
				continue
			}
			n := before[j] + 1
			now[j+1] = n
			if n > size {
				besti, bestj, size = i-n+1, blo+j-n+1, n
			}
		}
		before, now = now, before
	}
	// Characters that begin no run may still lengthen one.
	for besti > alo && bestj > blo && m.a[besti-1] == m.b[bestj-1] {
		besti, bestj, size = besti-1, bestj-1, size+1
	}
	for besti+size < ahi && bestj+size < bhi && m.a[besti+size] == m.b[bestj+size] {
		size++
	}
	return besti, bestj, size
}
