package eval

import "math/bits"

// Two machine words are worked on side by side, because either alone would mostly wait
// for itself. A word holds four short sequences in lanes, whose topmost bits are left empty
// for carries to end in, or one longer sequence.
const (
	words64   = 2
	lanes     = 4
	laneWidth = 64 / lanes
	laneMax   = laneWidth - 1
	laneOnes  = 0x0001_0001_0001_0001
	laneBits  = 0x7fff_7fff_7fff_7fff

	shortAtOnce = words64 * lanes // sequences of at most laneMax tokens
	longAtOnce  = words64         // sequences of at most 64
)

// kernel64 compares a few sequences with many: the bit-parallel distance of Myers 1999
// with the sequences' bit masks laid out by symbol, so that each further token costs a
// few operations. What is compared comes sorted, and what it shares with the one before
// is not computed again.
type kernel64 struct {
	masks      [][words64]uint64 // by symbol
	patterns   [][]int32
	ones, live uint64 // lowest bit of every lane, bits in use
	perWord    int
	columns    []columns // after each number of tokens of the sequence at hand
}

// columns are a column of each distance matrix as its steps: where it rises and falls.
// Fields of their own and no arrays, which the compiler would keep in memory.
type columns struct{ up0, up1, down0, down1 uint64 }

func (k *kernel64) init(alphabet int) { k.masks = make([][words64]uint64, alphabet) }

// set takes up to shortAtOnce sequences of at most laneMax tokens, or up to longAtOnce of
// at most 64.
func (k *kernel64) set(patterns ...[]int32) {
	k.patterns, k.perWord, k.ones, k.live = patterns, lanes, laneOnes, laneBits
	for _, p := range patterns {
		if len(p) > laneMax {
			k.perWord, k.ones, k.live = 1, 1, ^uint64(0)
		}
	}
	for n, pattern := range patterns {
		word, shift := n/k.perWord, n%k.perWord*laneWidth
		for i, s := range pattern {
			k.masks[s][word] |= 1 << (shift + i)
		}
	}
}

func (k *kernel64) clear() {
	for _, pattern := range k.patterns {
		for _, s := range pattern {
			k.masks[s] = [words64]uint64{}
		}
	}
	k.patterns = nil
}

// distances writes the Levenshtein distances between the patterns and each sequence of s,
// those of one sequence together. Of shared[n] tokens it is known that s[n] and s[n-1]
// begin with them.
func (k *kernel64) distances(out []int32, s [][]int32, shared []int) {
	if len(k.columns) == 0 {
		k.columns = make([]columns, 1, 64)
	}
	k.columns[0] = columns{up0: k.live, up1: k.live}
	for n, text := range s {
		for len(k.columns) <= len(text) {
			k.columns = append(k.columns, columns{})
		}
		k.run(text, shared[n])
		c := k.columns[len(text)]
		for lane, pattern := range k.patterns {
			// A column begins with the number of tokens read; its bottom is that and the sum of
			// the steps down to it.
			up, down := c.up0, c.down0
			if lane >= k.perWord {
				up, down = c.up1, c.down1
			}
			mask := ^uint64(0) >> (64 - len(pattern)) << (lane % k.perWord * laneWidth)
			out[n*len(k.patterns)+lane] = int32(len(text) + bits.OnesCount64(up&mask) - bits.OnesCount64(down&mask))
		}
	}
}

// run computes the columns of a sequence from a number of tokens on.
func (k *kernel64) run(text []int32, from int) {
	ones, live, masks := k.ones, k.live, k.masks
	c := k.columns[from]
	up0, up1, down0, down1 := c.up0, c.up1, c.down0, c.down1
	out := k.columns[1:][:len(text)]
	for i := from; i < len(text); i++ {
		m := &masks[text[i]]
		x0, x1 := m[0]|down0, m[1]|down1
		d0, d1 := (((m[0]&up0)+up0)^up0|x0)&live, (((m[1]&up1)+up1)^up1|x1)&live
		hp0, hp1 := ((down0|^(d0|up0))&live)<<1|ones, ((down1|^(d1|up1))&live)<<1|ones
		hn0, hn1 := (d0&up0)<<1, (d1&up1)<<1
		up0, up1 = (hn0|^(x0|hp0))&live, (hn1|^(x1|hp1))&live
		down0, down1 = hp0&x0&live, hp1&x1&live
		out[i] = columns{up0, up1, down0, down1}
	}
}
