package grammar

import "slices"

// Matcher follows one answer. It is not safe for concurrent use.
type Matcher struct {
	vocabulary *Vocabulary
	walk       walk
	left       int // tokens that may still be written
	closing    bool
	bits       []uint64
	text       []byte
}

// Start begins an answer of at most limit tokens, the end mark not counted.
func (g *Grammar) Start(limit int) *Matcher {
	return &Matcher{vocabulary: g.vocabulary, walk: g.start(), left: limit, bits: make([]uint64, (g.vocabulary.Size()+63)/64)}
}

// CanEnd says whether the answer may end here.
func (m *Matcher) CanEnd() bool { return m.walk.ends() }

// Closing says whether the answer is being brought to its end because of its length or by Close.
func (m *Matcher) Closing() bool { return m.closing }

// Close brings the answer to its end: from now on Next writes what closes it, then an end mark.
func (m *Matcher) Close() { m.closing = true }

// Allows says whether the language lets the answer go on with this id, be it an end mark.
func (m *Matcher) Allows(id int32) bool {
	if id < 0 || int(id) >= len(m.vocabulary.words) {
		return false
	}
	if word := m.vocabulary.words[id]; word != "" {
		return m.walk.allows(word)
	}
	return m.isEnd(id) && m.walk.ends()
}

// Mask sets the bits of all ids that Allows allows, and of no other, in bits [Size/64, rounded up].
func (m *Matcher) Mask(bits []uint64) {
	m.walk.mask(bits)
	if m.walk.ends() {
		setBits(bits, m.vocabulary.ends)
	}
}

func (m *Matcher) isEnd(id int32) bool { return slices.Contains(m.vocabulary.ends, id) }

// Next chooses how the answer goes on, and takes it over. best is the id the model likes best; among returns the
// one it likes best of a set, which holds at least one. When the choice would not leave room to close what is
// open within the limit, the answer is closed instead. Once the limit is reached, or Close was called and
// nothing is open, the result is an end mark, -1 if the vocabulary has none.
func (m *Matcher) Next(best int32, among func(bits []uint64) int32) int32 {
	if !m.closing {
		id := best
		if !m.Allows(id) {
			m.Mask(m.bits)
			id = among(m.bits)
		}
		if m.isEnd(id) {
			return id
		}
		if m.fits(id) {
			m.take(id)
			return id
		}
		m.closing = true
	}
	clear(m.bits)
	if m.walk.ends() {
		if len(m.vocabulary.ends) == 0 {
			return -1
		}
		setBits(m.bits, m.vocabulary.ends)
		return among(m.bits)
	}
	m.closers()
	id := among(m.bits)
	m.take(id)
	return id
}

func (m *Matcher) take(id int32) {
	m.walk.take(m.vocabulary.words[id])
	m.left--
}

// fits says whether the answer can still be closed after this token.
func (m *Matcher) fits(id int32) bool {
	text, ok := m.walk.closing(m.vocabulary.words[id], m.text[:0])
	m.text = text[:0]
	return ok && (len(text) <= m.left-1 || m.left > 0 && m.vocabulary.spell(text) <= m.left-1)
}

// closers sets the bits of the tokens that begin the closing text and leave room for its rest. There is always
// one: the first token of the shortest spelling, for which room was kept.
func (m *Matcher) closers() {
	text, _ := m.walk.closing("", nil)
	for n := 1; n <= min(len(text), m.vocabulary.longest); n++ {
		for _, id := range m.vocabulary.ids(string(text[:n])) {
			if m.left >= len(text)-n+1 || m.fits(id) {
				m.bits[id/64] |= 1 << (id % 64)
			}
		}
	}
}
