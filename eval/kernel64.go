package eval

import "math/bits"

// The lanes of a word: so many short sequences are compared with another at
// once. A lane's topmost bit is left empty, for carries to end in.
const (
	lanes     = 4
	laneWidth = 64 / lanes
	laneMax   = laneWidth - 1
	laneOnes  = 0x0001_0001_0001_0001
	laneBits  = 0x7fff_7fff_7fff_7fff
)

// kernel64 compares a few sequences, or one longer one, with many others: the
// bit-parallel distance of Myers 1999 with the sequences' bit masks laid out by
// symbol, so that each further comparison costs a few operations a token.
// Sequences of more than 64 tokens take the way in blocks.
type kernel64 struct {
	masks    []uint64 // by symbol
	patterns [][]int32
	wide     bool // one pattern over the whole word
}

func (k *kernel64) init(alphabet int) { k.masks = make([]uint64, alphabet) }

// set takes up to four sequences of at most laneMax tokens, or one of any
// length.
func (k *kernel64) set(patterns ...[]int32) {
	k.patterns = patterns
	k.wide = len(patterns) == 1
	for lane, pattern := range patterns {
		if len(pattern) <= 64 {
			for i, s := range pattern {
				k.masks[s] |= 1 << (lane*laneWidth + i)
			}
		}
	}
}

func (k *kernel64) clear() {
	for _, pattern := range k.patterns {
		if len(pattern) <= 64 {
			for _, s := range pattern {
				k.masks[s] = 0
			}
		}
	}
	k.patterns = nil
}

// distances are the Levenshtein distances between the patterns and s. A column
// of the distance matrix begins with the number of tokens read; its bottom is
// that and the sum of the steps down to it.
func (k *kernel64) distances(s []int32) (out [lanes]int) {
	if k.wide {
		out[0] = k.wideDistance(s)
		return out
	}
	up, down := uint64(laneBits), uint64(0)
	for _, t := range s {
		eq := k.masks[t]
		x := eq | down
		d := ((((eq & up) + up) ^ up) | eq | down) & laneBits
		hp := (down | ^(d | up)) & laneBits
		hn := d & up
		hp = hp<<1 | laneOnes
		hn <<= 1
		up = (hn | ^(x | hp)) & laneBits
		down = hp & x & laneBits
	}
	for lane, pattern := range k.patterns {
		mask := uint64(1)<<len(pattern) - 1
		out[lane] = len(s) + bits.OnesCount64(up>>(lane*laneWidth)&mask) - bits.OnesCount64(down>>(lane*laneWidth)&mask)
	}
	return out
}

func (k *kernel64) wideDistance(s []int32) int {
	pattern := k.patterns[0]
	switch n := len(pattern); {
	case n > 64:
		return distance(pattern, s)
	case n == 0:
		return len(s)
	}
	up, down := ^uint64(0), uint64(0)
	for _, t := range s {
		eq := k.masks[t]
		x := eq | down
		d := (((eq & up) + up) ^ up) | eq | down
		hp := (down|^(d|up))<<1 | 1
		hn := (d & up) << 1
		up = hn | ^(x | hp)
		down = hp & x
	}
	mask := ^uint64(0) >> (64 - len(pattern))
	return len(s) + bits.OnesCount64(up&mask) - bits.OnesCount64(down&mask)
}
