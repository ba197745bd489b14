package jpeg2000

// Styles of code blocks (table A.19).
const (
	styleBypass   = 1
	styleReset    = 2
	styleTermAll  = 4
	styleCausal   = 8
	styleSegments = 32
)

// Flags of a sample while its block is decoded.
const (
	flagSignificant = 1 << iota
	flagNegative
	flagVisited // in this bit plane
	flagRefined // at least once
)

// blockDecoder decodes code blocks one after the other (annex D). Its samples
// have a border of one, so that every one has eight neighbours.
type blockDecoder struct {
	mq     coder
	w, h   int
	stride int
	flags  []uint8
	mags   []int32 // twice the magnitude: the lowest bit is half of what was decoded last
	orient int
	causal bool
}

// Orientations of bands.
const (
	bandLL = iota
	bandHL
	bandLH
	bandHH
)

// decode decodes the passes of a block whose highest bit plane is planes-1.
func (b *blockDecoder) decode(k *block, orient, planes int, style byte) {
	b.w, b.h, b.orient = k.x1-k.x0, k.y1-k.y0, orient
	b.stride = b.w + 2
	b.causal = style&styleCausal != 0
	n := b.stride * (b.h + 2)
	if cap(b.flags) < n {
		b.flags, b.mags = make([]uint8, n), make([]int32, n)
	}
	b.flags, b.mags = b.flags[:n], b.mags[:n]
	clear(b.flags)
	clear(b.mags)
	b.mq.reset()
	pass, plane := 0, planes-1
	for _, s := range k.segments {
		for i := range s.passes {
			kind := (pass + 2) % 3 // significance, refinement, clean-up; the first is a clean-up
			raw := style&styleBypass != 0 && pass >= 10 && kind < 2
			if i == 0 {
				b.mq.begin(s.data, raw)
			}
			one := int32(2) << plane
			switch kind {
			case 0:
				b.significance(one, raw)
			case 1:
				b.refinement(one, raw)
			case 2:
				b.cleanup(one)
				if style&styleSegments != 0 {
					for range 4 {
						b.mq.decode(contextUniform)
					}
				}
				if plane--; plane < 0 {
					return
				}
			}
			if style&styleReset != 0 {
				b.mq.reset()
			}
			pass++
		}
	}
}

// neighbours counts significant ones across, up and down, and diagonally.
func (b *blockDecoder) neighbours(at int, last bool) (h, v, d int) {
	above := b.flags[at-b.stride-1 : at-b.stride+2 : at-b.stride+2]
	here := b.flags[at-1 : at+2 : at+2]
	h = int(here[0]&1) + int(here[2]&1)
	v = int(above[1] & 1)
	d = int(above[0]&1) + int(above[2]&1)
	if !last { // else the next stripe is not looked at
		below := b.flags[at+b.stride-1 : at+b.stride+2 : at+b.stride+2]
		v += int(below[1] & 1)
		d += int(below[0]&1) + int(below[2]&1)
	}
	return h, v, d
}

// zeroContext is the context of significance (table D.1).
func (b *blockDecoder) zeroContext(h, v, d int) uint8 {
	switch b.orient {
	case bandHH:
		hv := h + v
		switch {
		case d >= 3:
			return 8
		case d == 2:
			return uint8(6 + min(hv, 1))
		case d == 1:
			return uint8(3 + min(hv, 2))
		}
		return uint8(min(hv, 2))
	case bandHL:
		h, v = v, h
	}
	switch {
	case h == 2:
		return 8
	case h == 1 && v >= 1:
		return 7
	case h == 1:
		return uint8(5 + min(d, 1))
	case v > 0:
		return uint8(2 + v)
	}
	return uint8(min(d, 2))
}

// sign decodes the sign of a sample that becomes significant (D.3.2).
func (b *blockDecoder) sign(at int, last, raw bool) {
	if raw {
		if b.mq.raw() == 1 {
			b.flags[at] |= flagNegative
		}
		return
	}
	f := b.flags
	part := func(i int) int {
		switch f[i] & (flagSignificant | flagNegative) {
		case flagSignificant:
			return 1
		case flagSignificant | flagNegative:
			return -1
		}
		return 0
	}
	h := part(at-1) + part(at+1)
	v := part(at - b.stride)
	if !last {
		v += part(at + b.stride)
	}
	h, v = max(-1, min(1, h)), max(-1, min(1, v))
	flip := uint8(0)
	if h < 0 || h == 0 && v < 0 {
		h, v, flip = -h, -v, 1
	}
	if b.mq.decode(uint8(contextSign+3*h+v))^flip == 1 {
		f[at] |= flagNegative
	}
}

// become makes a sample significant, one and a half of its bit plane.
func (b *blockDecoder) become(at int, one int32, last, raw bool) {
	b.sign(at, last, raw)
	b.flags[at] |= flagSignificant
	b.mags[at] = one | one>>1
}

// significance is the pass over what has significant neighbours (D.3.1), in the
// order of scanning: stripes of four rows, column by column.
func (b *blockDecoder) significance(one int32, raw bool) {
	for y0 := 0; y0 < b.h; y0 += 4 {
		for x := range b.w {
			for y := y0; y < min(y0+4, b.h); y++ {
				at, last := (y+1)*b.stride+x+1, b.causal && y == y0+3
				if b.flags[at]&flagSignificant != 0 {
					continue
				}
				h, v, d := b.neighbours(at, last)
				if h+v+d == 0 {
					continue
				}
				var bit uint8
				if raw {
					bit = b.mq.raw()
				} else {
					bit = b.mq.decode(b.zeroContext(h, v, d))
				}
				if bit == 1 {
					b.become(at, one, last, raw)
				}
				b.flags[at] |= flagVisited
			}
		}
	}
}

// refinement is the pass over what was significant before (D.3.3).
func (b *blockDecoder) refinement(one int32, raw bool) {
	for y0 := 0; y0 < b.h; y0 += 4 {
		for x := range b.w {
			for y := y0; y < min(y0+4, b.h); y++ {
				at := (y+1)*b.stride + x + 1
				if b.flags[at]&(flagSignificant|flagVisited) != flagSignificant {
					continue
				}
				var bit uint8
				if raw {
					bit = b.mq.raw()
				} else {
					cx := uint8(contextRefine + 2)
					if b.flags[at]&flagRefined == 0 {
						h, v, d := b.neighbours(at, b.causal && y == y0+3)
						cx = uint8(contextRefine + min(h+v+d, 1))
					}
					bit = b.mq.decode(cx)
				}
				if bit == 1 {
					b.mags[at] += one >> 1
				} else {
					b.mags[at] -= one >> 1
				}
				b.flags[at] |= flagRefined
			}
		}
	}
}

// cleanup is the pass over the rest (D.3.4). Four samples of a column without a
// significant neighbour are coded as a run.
func (b *blockDecoder) cleanup(one int32) {
	for y0 := 0; y0 < b.h; y0 += 4 {
		for x := range b.w {
			y := y0
			var found bool // the run told that the sample at y is significant
			if y0+4 <= b.h && b.quiet(x, y0) {
				if b.mq.decode(contextRun) == 0 {
					continue
				}
				y += int(b.mq.decode(contextUniform))<<1 | int(b.mq.decode(contextUniform))
				found = true
			}
			for ; y < min(y0+4, b.h); y++ {
				at, last := (y+1)*b.stride+x+1, b.causal && y == y0+3
				if !found && b.flags[at]&(flagSignificant|flagVisited) != 0 {
					continue
				}
				if !found {
					h, v, d := b.neighbours(at, last)
					if b.mq.decode(b.zeroContext(h, v, d)) == 0 {
						continue
					}
				}
				found = false
				b.become(at, one, last, false)
			}
		}
	}
	for i := range b.flags {
		b.flags[i] &^= flagVisited
	}
}

// quiet reports that four samples of a column are neither significant nor visited
// nor have significant neighbours.
func (b *blockDecoder) quiet(x, y0 int) bool {
	for y := y0; y < y0+4; y++ {
		at := (y+1)*b.stride + x + 1
		h, v, d := b.neighbours(at, b.causal && y == y0+3)
		if h+v+d != 0 || b.flags[at]&(flagSignificant|flagVisited) != 0 {
			return false
		}
	}
	return true
}
