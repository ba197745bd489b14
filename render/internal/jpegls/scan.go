package jpegls

import (
	"errors"
	"fmt"
	"math/bits"

	"palimpsest.dev/render/internal/jpegmarker"
)

// contexts: 364 of the gradients, then two for what interrupts a run.
const (
	regularContexts = 365
	runContexts     = 2
)

// runOrders are how many bits the rest of a run takes, by the state of runs
// (table in A.7.1.2).
var runOrders = [32]int{0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// statistics of a context (A.2): counted, sum of errors, bias, correction.
type statistics struct{ n, a, b, c int }

// scan is the state of decoding one scan.
type scan struct {
	d    *decoder
	bits reader

	near, maxVal, t1, t2, t3, reset int
	values                          int // RANGE: quantised errors that are different
	qbpp, limit                     int

	contexts    [regularContexts + runContexts]statistics
	interrupted [runContexts]int // Nn: negative errors that interrupted runs
	runIndex    [jpegmarker.MaxComponents]int
}

// newScan checks the parameters and sets the statistics to their beginning.
func newScan(d *decoder, near int) (*scan, error) {
	s := &scan{d: d, bits: reader{data: d.Data, at: d.At}, near: near}
	p := d.presets
	s.maxVal = 1<<d.img.Bits - 1
	if p.maxVal != 0 {
		if p.maxVal > s.maxVal {
			return nil, errors.New("jpegls: the largest value is beyond the precision")
		}
		s.maxVal = p.maxVal
	}
	if near > min(255, s.maxVal/2) {
		return nil, fmt.Errorf("jpegls: an error of %d is more than is allowed", near)
	}
	s.thresholds(p)
	s.reset = 64
	if p.reset != 0 {
		s.reset = p.reset
	}
	if s.t1 < near+1 || s.t2 < s.t1 || s.t3 < s.t2 || s.t3 > s.maxVal || s.reset < 3 {
		return nil, errors.New("jpegls: the thresholds are out of order")
	}
	s.values = (s.maxVal+2*near)/(2*near+1) + 1
	s.qbpp = bits.Len(uint(s.values - 1))
	bpp := max(2, bits.Len(uint(s.maxVal)))
	s.limit = 2 * (bpp + max(8, bpp))
	if s.limit <= s.qbpp+1 {
		return nil, errors.New("jpegls: the parameters leave no codes")
	}
	start := max(2, (s.values+32)/64)
	for i := range s.contexts {
		s.contexts[i] = statistics{n: 1, a: start}
	}
	return s, nil
}

// thresholds of the gradients, given or by default (C.2.4.1.1).
func (s *scan) thresholds(p presets) {
	clamp := func(v, low int) int {
		if v > s.maxVal || v < low {
			return low
		}
		return v
	}
	const t1, t2, t3 = 3, 7, 21
	if s.maxVal >= 128 {
		f := (min(s.maxVal, 4095) + 128) / 256
		s.t1 = clamp(f*(t1-2)+2+3*s.near, s.near+1)
		s.t2 = clamp(f*(t2-3)+3+5*s.near, s.t1)
		s.t3 = clamp(f*(t3-4)+4+7*s.near, s.t2)
	} else {
		f := 256 / (s.maxVal + 1)
		s.t1 = clamp(max(2, t1/f+3*s.near), s.near+1)
		s.t2 = clamp(max(3, t2/f+5*s.near), s.t1)
		s.t3 = clamp(max(4, t3/f+7*s.near), s.t2)
	}
	if p.t1 != 0 {
		s.t1 = p.t1
	}
	if p.t2 != 0 {
		s.t2 = p.t2
	}
	if p.t3 != 0 {
		s.t3 = p.t3
	}
}

// line is one component's row under way, with the one above; both have a value
// before the first pixel, the upper one another behind the last.
type line struct{ above, now []int }

// run decodes all rows of the scan.
func (s *scan) run(which []int, interleave int) error {
	w, h, step := s.d.img.Width, s.d.img.Height, s.d.img.Components
	lines := make([]line, len(which))
	for k := range lines {
		lines[k] = line{make([]int, w+2), make([]int, w+2)}
	}
	for y := range h {
		for k := range lines {
			l := &lines[k]
			l.above, l.now = l.now, l.above
			l.above[w+1] = l.above[w] // Rd of the last pixel is its Rb
			// Ra of the first pixel is its Rb; its Rc is what Ra was a row ago.
			l.now[0] = l.above[1]
		}
		var err error
		if interleave == bySample {
			err = s.samples(lines)
		} else {
			for k := range lines {
				if err = s.row(&lines[k], k); err != nil {
					break
				}
			}
		}
		if err != nil {
			return fmt.Errorf("jpegls: row %d of %d: %w", y+1, h, err)
		}
		for k, c := range which {
			for x, v := range lines[k].now[1 : w+1] {
				s.d.img.Samples[(y*w+x)*step+c] = uint16(v)
			}
		}
	}
	return nil
}

// row decodes a row of one component; its state of runs is the which-th.
func (s *scan) row(l *line, which int) error {
	w := s.d.img.Width
	for x := 1; x <= w; {
		ra, rb, rc, rd := l.now[x-1], l.above[x], l.above[x-1], l.above[x+1]
		q := s.context(rd-rb, rb-rc, rc-ra)
		if q != 0 {
			v, err := s.regular(q, ra, rb, rc)
			if err != nil {
				return err
			}
			l.now[x] = v
			x++
			continue
		}
		n, ended, err := s.runLength(w-x+1, which)
		if err != nil {
			return err
		}
		for range n {
			l.now[x] = ra
			x++
		}
		if !ended {
			continue
		}
		v, err := s.interruption(ra, l.above[x], which)
		if err != nil {
			return err
		}
		l.now[x] = v
		x++
		s.runIndex[which] = max(0, s.runIndex[which]-1)
	}
	return nil
}

// samples decodes a row of all components, pixel by pixel; runs are of whole
// pixels.
func (s *scan) samples(lines []line) error {
	w := s.d.img.Width
	for x := 1; x <= w; {
		flat := true
		var q [jpegmarker.MaxComponents]int
		for k, l := range lines {
			q[k] = s.context(l.above[x+1]-l.above[x], l.above[x]-l.above[x-1], l.above[x-1]-l.now[x-1])
			flat = flat && q[k] == 0
		}
		if !flat {
			for k, l := range lines {
				v, err := s.regular(q[k], l.now[x-1], l.above[x], l.above[x-1])
				if err != nil {
					return err
				}
				l.now[x] = v
			}
			x++
			continue
		}
		n, ended, err := s.runLength(w-x+1, 0)
		if err != nil {
			return err
		}
		for range n {
			for _, l := range lines {
				l.now[x] = l.now[x-1]
			}
			x++
		}
		if !ended {
			continue
		}
		for _, l := range lines {
			e, err := s.runError(0, 0)
			if err != nil {
				return err
			}
			ra, rb := l.now[x-1], l.above[x]
			l.now[x] = s.restore(rb, e, rb < ra)
		}
		x++
		s.runIndex[0] = max(0, s.runIndex[0]-1)
	}
	return nil
}

// context merges three gradients; the sign of the result is that of the first
// that is not zero (A.3.4).
func (s *scan) context(d1, d2, d3 int) int {
	return 81*s.quantise(d1) + 9*s.quantise(d2) + s.quantise(d3)
}

// quantise puts a gradient into one of nine regions (A.3.3).
func (s *scan) quantise(d int) int {
	switch {
	case d <= -s.t3:
		return -4
	case d <= -s.t2:
		return -3
	case d <= -s.t1:
		return -2
	case d < -s.near:
		return -1
	case d <= s.near:
		return 0
	case d < s.t1:
		return 1
	case d < s.t2:
		return 2
	case d < s.t3:
		return 3
	}
	return 4
}

// regular decodes a value by its context (A.4 to A.6).
func (s *scan) regular(q, ra, rb, rc int) (int, error) {
	negative := q < 0
	if negative {
		q = -q
	}
	t := &s.contexts[q]
	p := ra + rb - rc
	if rc >= max(ra, rb) {
		p = min(ra, rb)
	} else if rc <= min(ra, rb) {
		p = max(ra, rb)
	}
	if negative {
		p -= t.c
	} else {
		p += t.c
	}
	p = max(0, min(s.maxVal, p))
	k := order(t.n, t.a)
	mapped, err := s.golomb(k, s.limit)
	if err != nil {
		return 0, err
	}
	e := mapped >> 1
	if mapped&1 == 1 {
		e = -e - 1
	}
	if k == 0 && s.near == 0 && 2*t.b <= -t.n {
		e = -e - 1 // A.5.2 turned around
	}
	s.update(t, e)
	return s.restore(p, e, negative), nil
}

// order is the Golomb parameter for a mean of a/n.
func order(n, a int) (k int) {
	for n<<k < a && k < 24 {
		k++
	}
	return k
}

// update counts an error in (A.6).
func (s *scan) update(t *statistics, e int) {
	t.b += e * (2*s.near + 1)
	t.a += max(e, -e)
	if t.n == s.reset {
		t.a >>= 1
		t.b >>= 1
		t.n >>= 1
	}
	t.n++
	const least, most = -128, 127
	if t.b <= -t.n {
		t.b = max(t.b+t.n, -t.n+1)
		t.c = max(t.c-1, least)
	} else if t.b > 0 {
		t.b = min(t.b-t.n, 0)
		t.c = min(t.c+1, most)
	}
}

// restore adds an error to its prediction, modulo the range.
func (s *scan) restore(p, e int, negative bool) int {
	step := 2*s.near + 1
	e *= step
	if negative {
		e = -e
	}
	v := p + e
	if v < -s.near {
		v += s.values * step
	} else if v > s.maxVal+s.near {
		v -= s.values * step
	}
	return max(0, min(s.maxVal, v))
}

// runLength decodes how many of at most room pixels repeat the last, and whether
// something else interrupts them (A.7.1.2). Each bit of 1 is a whole block of
// them, or one that the end of the row cuts.
func (s *scan) runLength(room, which int) (n int, ended bool, err error) {
	index := &s.runIndex[which]
	for n < room {
		bit, err := s.bits.take(1)
		if err != nil {
			return 0, false, err
		}
		block := 1 << runOrders[*index]
		if bit == 1 {
			if block <= room-n && *index < len(runOrders)-1 {
				*index++
			}
			n += min(block, room-n)
			continue
		}
		rest, err := s.bits.take(runOrders[*index])
		if err != nil {
			return 0, false, err
		}
		if n += rest; n >= room {
			return 0, false, errors.New("a run passes the end of its row")
		}
		return n, true, nil
	}
	return n, false, nil
}

// interruption decodes the value that ends a run (A.7.2).
func (s *scan) interruption(ra, rb, which int) (int, error) {
	if max(ra-rb, rb-ra) <= s.near {
		e, err := s.runError(1, which)
		return s.restore(ra, e, false), err
	}
	e, err := s.runError(0, which)
	return s.restore(rb, e, rb < ra), err
}

// runError decodes an error that interrupts a run; kind is 1 where both
// neighbours are the same.
func (s *scan) runError(kind, which int) (int, error) {
	t, below := &s.contexts[regularContexts+kind], &s.interrupted[kind]
	a := t.a
	if kind == 1 {
		a += t.n >> 1
	}
	k := order(t.n, a)
	mapped, err := s.golomb(k, s.limit-runOrders[s.runIndex[which]]-1)
	if err != nil {
		return 0, err
	}
	odd := (mapped + kind) & 1
	e := (mapped + kind + odd) / 2
	if (k != 0 || 2**below >= t.n) == (odd == 1) {
		e = -e
	}
	if e < 0 {
		*below++
	}
	t.a += (mapped + 1 - kind) >> 1
	if t.n == s.reset {
		t.a >>= 1
		t.n >>= 1
		*below >>= 1
	}
	t.n++
	return e, nil
}

// golomb reads a code of limited length: a count in zeros, then k bits; a count
// at the limit says that the value follows as it is (A.5.3).
func (s *scan) golomb(k, limit int) (int, error) {
	most := limit - s.qbpp - 1
	n, err := s.bits.zeros(most)
	if err != nil {
		return 0, err
	}
	if n < most {
		low, err := s.bits.take(k)
		return n<<k | low, err
	}
	v, err := s.bits.take(s.qbpp)
	return v + 1, err
}
