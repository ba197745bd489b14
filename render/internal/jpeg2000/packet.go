package jpeg2000

import (
	"bytes"
	"errors"
	"math/bits"
)

// tagTree tells, for each place of a grid, a number at least as large as the one
// of the place above it (B.10.2).
type tagTree struct {
	levels []tagLevel // from the leaves to the root
}

// tagLevel is one level of a tree.
type tagLevel struct {
	across int
	value  []int32 // what is known: the number is at least this
	known  []bool
}

// newTagTree makes a tree over a grid.
func newTagTree(w, h int) *tagTree {
	t := &tagTree{}
	for {
		t.levels = append(t.levels, tagLevel{across: w, value: make([]int32, w*h), known: make([]bool, w*h)})
		if w == 1 && h == 1 {
			return t
		}
		w, h = (w+1)/2, (h+1)/2
	}
}

// below reads whether the number at x, y is below a threshold.
func (t *tagTree) below(r *headerBits, x, y int, threshold int32) bool {
	least := int32(0)
	for k := len(t.levels) - 1; k >= 0; k-- {
		l := &t.levels[k]
		at := y>>k*l.across + x>>k
		l.value[at] = max(l.value[at], least)
		for !l.known[at] && l.value[at] < threshold {
			if r.bit() == 1 {
				l.known[at] = true
			} else {
				l.value[at]++
			}
		}
		least = l.value[at]
	}
	l := &t.levels[0]
	at := y*l.across + x
	return l.known[at] && l.value[at] < threshold
}

// headerBits reads the bits of a packet's header: behind a byte of 0xff there are
// but seven (B.10.1).
type headerBits struct {
	data  []byte
	at    int
	held  byte
	left  int
	ended bool
}

// bit returns the next bit; beyond the end, zeros.
func (r *headerBits) bit() int {
	if r.left == 0 {
		r.left = 8
		if r.held == 0xff {
			r.left = 7
		}
		if r.at >= len(r.data) {
			r.ended, r.held = true, 0
		} else {
			r.held = r.data[r.at]
			r.at++
		}
	}
	r.left--
	return int(r.held >> r.left & 1)
}

// number reads n bits.
func (r *headerBits) number(n int) (v int) {
	for range n {
		v = v<<1 | r.bit()
	}
	return v
}

// align ends the header: a last byte of 0xff is followed by one of stuffing.
func (r *headerBits) align() {
	if r.held == 0xff {
		r.at++
	}
}

// errShort is returned where packets are missing.
var errShort = errors.New("the data end before all packets came")

// packets reads all packets of a tile. Each takes at least a byte, so that the
// data bound the loop.
func packets(t *tilePart, all []*precinct) error {
	o := t.params.order
	inOrder(all, o.progression)
	data := t.data
	next := func(p *precinct, layer int) (err error) {
		if len(data) == 0 {
			return errShort
		}
		data, err = packet(data, p, layer, o, t.params.comps[p.component].style)
		return err
	}
	switch o.progression {
	case 0: // layers first
		for layer := range o.layers {
			for _, p := range all {
				if err := next(p, layer); err != nil {
					return err
				}
			}
		}
	case 1: // layers within a resolution
		for i := 0; i < len(all); {
			end := i
			for end < len(all) && all[end].resolution == all[i].resolution {
				end++
			}
			for layer := range o.layers {
				for _, p := range all[i:end] {
					if err := next(p, layer); err != nil {
						return err
					}
				}
			}
			i = end
		}
	default:
		for _, p := range all {
			for layer := range o.layers {
				if err := next(p, layer); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// packet reads one packet and returns what follows it (B.9, B.10).
func packet(data []byte, p *precinct, layer int, o order, style byte) ([]byte, error) {
	if bytes.HasPrefix(data, []byte{markerSOP >> 8, markerSOP & 0xff}) && len(data) >= 6 {
		data = data[6:] // allowed where it was not announced, too
	}
	r := &headerBits{data: data}
	type addition struct {
		block *block
		index int // of its segment
		bytes int
	}
	var added []addition
	if r.bit() == 1 {
		for i := range p.bands {
			part := &p.bands[i]
			for j := range part.blocks {
				b := &part.blocks[j]
				x, y := j%part.across, j/part.across
				in := false
				if b.included {
					in = r.bit() == 1
				} else {
					in = part.inclusion.below(r, x, y, int32(layer)+1)
				}
				if r.ended {
					return nil, errShort
				}
				if !in {
					continue
				}
				if !b.included {
					b.included = true
					const most = 80 // bit planes that any block can lack
					for b.zeros = 0; !part.depth.below(r, x, y, int32(b.zeros)+1); b.zeros++ {
						if b.zeros > most || r.ended {
							return nil, errors.New("a packet's header is damaged")
						}
					}
				}
				passes := passCount(r)
				for r.bit() == 1 {
					if b.lengthBits++; b.lengthBits > 31 {
						return nil, errors.New("a packet's header is damaged")
					}
				}
				for passes > 0 {
					s := b.open(style)
					n := min(passes, s.room-s.passes)
					length := r.number(b.lengthBits + bits.Len(uint(n)) - 1)
					s.passes += n
					b.passes += n
					passes -= n
					added = append(added, addition{b, len(b.segments) - 1, length})
				}
			}
		}
	}
	r.align()
	if r.ended || r.at > len(data) {
		return nil, errShort
	}
	data = data[r.at:]
	if bytes.HasPrefix(data, []byte{markerEPH >> 8, markerEPH & 0xff}) && o.eph {
		data = data[2:]
	}
	for _, a := range added {
		if a.bytes > len(data) {
			return nil, errShort
		}
		s := &a.block.segments[a.index]
		s.data = append(s.data, data[:a.bytes]...)
		data = data[a.bytes:]
	}
	return data, nil
}

// passCount reads how many passes come (table B.4).
func passCount(r *headerBits) int {
	switch {
	case r.bit() == 0:
		return 1
	case r.bit() == 0:
		return 2
	}
	if n := r.number(2); n < 3 {
		return 3 + n
	}
	if n := r.number(5); n < 31 {
		return 6 + n
	}
	return 37 + r.number(7)
}

// open returns the segment that a block's next pass belongs to: the last, or a
// new one where that is full (D.4.2, D.6).
func (b *block) open(style byte) *segment {
	if n := len(b.segments); n > 0 && b.segments[n-1].passes < b.segments[n-1].room {
		return &b.segments[n-1]
	}
	room := 1 << 30
	switch {
	case style&styleTermAll != 0:
		room = 1
	case style&styleBypass != 0:
		// Ten passes to begin with, then two of raw bits and one that is coded, by turns.
		room = 10
		if n := len(b.segments); n > 0 {
			room = 1 + n%2
		}
	}
	b.segments = append(b.segments, segment{room: room})
	return &b.segments[len(b.segments)-1]
}
