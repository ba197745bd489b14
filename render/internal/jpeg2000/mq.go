package jpeg2000

import "math/bits"

// state is a row of the table of probabilities (table C.2).
type state struct {
	qe         uint32
	mps, lps   uint8
	switchOver bool
}

// states of the adaptive coder.
var states = [47]state{
	{0x5601, 1, 1, true}, {0x3401, 2, 6, false}, {0x1801, 3, 9, false}, {0x0ac1, 4, 12, false},
	{0x0521, 5, 29, false}, {0x0221, 38, 33, false}, {0x5601, 7, 6, true}, {0x5401, 8, 14, false},
	{0x4801, 9, 14, false}, {0x3801, 10, 14, false}, {0x3001, 11, 17, false}, {0x2401, 12, 18, false},
	{0x1c01, 13, 20, false}, {0x1601, 29, 21, false}, {0x5601, 15, 14, true}, {0x5401, 16, 14, false},
	{0x5101, 17, 15, false}, {0x4801, 18, 16, false}, {0x3801, 19, 17, false}, {0x3401, 20, 18, false},
	{0x3001, 21, 19, false}, {0x2801, 22, 19, false}, {0x2401, 23, 20, false}, {0x2201, 24, 21, false},
	{0x1c01, 25, 22, false}, {0x1801, 26, 23, false}, {0x1601, 27, 24, false}, {0x1401, 28, 25, false},
	{0x1201, 29, 26, false}, {0x1101, 30, 27, false}, {0x0ac1, 31, 28, false}, {0x09c1, 32, 29, false},
	{0x08a1, 33, 30, false}, {0x0521, 34, 31, false}, {0x0441, 35, 32, false}, {0x02a1, 36, 33, false},
	{0x0221, 37, 34, false}, {0x0141, 38, 35, false}, {0x0111, 39, 36, false}, {0x0085, 40, 37, false},
	{0x0049, 41, 38, false}, {0x0025, 42, 39, false}, {0x0015, 43, 40, false}, {0x0009, 44, 41, false},
	{0x0005, 45, 42, false}, {0x0001, 45, 43, false}, {0x5601, 46, 46, false},
}

// Contexts: 0 to 8 of significance, 9 to 13 of signs, 14 to 16 of refinement.
const (
	contextSign    = 9
	contextRefine  = 14
	contextRun     = 17
	contextUniform = 18
	contexts       = 19
)

// coder is the arithmetic decoder (C.3), and the reader of bits that are not
// coded.
type coder struct {
	data   []byte
	at     int
	a, c   uint32
	ct     int
	index  [contexts]uint8
	common [contexts]uint8 // the more probable symbol
	// Raw bits.
	held uint8
	left int
}

// reset sets all contexts to their beginning (table D.7).
func (m *coder) reset() {
	m.index, m.common = [contexts]uint8{0: 4, contextRun: 3, contextUniform: 46}, [contexts]uint8{}
}

// byteAt is a byte of the segment; beyond its end all are 0xff.
func (m *coder) byteAt(i int) uint32 {
	if i < len(m.data) {
		return uint32(m.data[i])
	}
	return 0xff
}

// begin starts on a segment, of coded or of raw bits.
func (m *coder) begin(data []byte, raw bool) {
	m.data, m.at, m.held, m.left = data, 0, 0, 0
	if raw {
		return
	}
	m.c = m.byteAt(0) << 16
	m.in()
	m.c <<= 7
	m.ct -= 7
	m.a = 0x8000
}

// in takes the next byte (figure C.19).
func (m *coder) in() {
	if m.byteAt(m.at) != 0xff {
		m.at++
		m.c += m.byteAt(m.at) << 8
		m.ct = 8
		return
	}
	if next := m.byteAt(m.at + 1); next > 0x8f {
		m.c += 0xff00
		m.ct = 8
	} else {
		m.at++
		m.c += next << 9
		m.ct = 7
	}
}

// decode decodes a symbol in a context (figure C.15).
func (m *coder) decode(cx uint8) uint8 {
	s := &states[m.index[cx]]
	d := m.common[cx]
	m.a -= s.qe
	if m.c>>16 >= s.qe {
		m.c -= s.qe << 16
		if m.a&0x8000 != 0 {
			return d
		}
		if m.a < s.qe {
			d = m.exchange(cx, s)
		} else {
			m.index[cx] = s.mps
		}
	} else {
		if m.a < s.qe {
			m.index[cx] = s.mps
		} else {
			d = m.exchange(cx, s)
		}
		m.a = s.qe
	}
	for shift := bits.LeadingZeros16(uint16(m.a)); shift > 0; {
		if m.ct == 0 {
			m.in()
		}
		n := min(shift, m.ct)
		m.a <<= n
		m.c <<= n
		m.ct -= n
		shift -= n
	}
	return d
}

// exchange is the less probable symbol.
func (m *coder) exchange(cx uint8, s *state) uint8 {
	d := 1 - m.common[cx]
	if s.switchOver {
		m.common[cx] = d
	}
	m.index[cx] = s.lps
	return d
}

// raw returns the next bit as it is; behind a byte of 0xff there are but seven.
func (m *coder) raw() uint8 {
	if m.left == 0 {
		m.left = 8
		if m.held == 0xff {
			m.left = 7
		}
		m.held = uint8(m.byteAt(m.at))
		m.at++
	}
	m.left--
	return m.held >> m.left & 1
}
