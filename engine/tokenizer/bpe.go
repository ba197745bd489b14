package tokenizer

import (
	"math"
	"strings"
	"unicode/utf8"
)

// joiner says what two neighbouring symbols become: the id of the joined piece and its rank (the
// lowest rank in the text is joined first, the leftmost of equals).
type joiner interface {
	join(text string, a, b *symbol) (rank uint32, id int32, ok bool)
}

// unknownPolicy says when characters outside the vocabulary become bytes or unk.
type unknownPolicy uint8

const (
	unknownFirst unknownPolicy = iota // before joining (tokenizers)
	unknownLast                       // after joining (SentencePiece)
)

// symbol is a stretch of the text that is one token so far; symbols form a linked list.
type symbol struct {
	start, end int32 // bytes of the text
	prev, next int32 // -1 for none
	id         int32 // -1: not in the vocabulary (yet)
	gone       bool  // joined into the symbol before it
}

// candidate is a join that was possible when it was noted.
type candidate struct {
	key uint64 // rank, then position
	id  int32
}

// encoder holds the working memory of byte-pair encoding between stretches of one text.
type encoder struct {
	symbols []symbol
	heap    []candidate
	joints  map[string]int // where pieces that must not appear in output were joined
}

// maxStretch bounds the text encoded in one go, because symbols count bytes in 31 bits.
const maxStretch = math.MaxInt32 / 2

// encode appends the ids of text, by joining the best pair of neighbours until none is left. With
// a heap of candidates this takes n log n steps.
func (e *encoder) encode(t *Tokenizer, text string, ids []int32) []int32 {
	for len(text) > maxStretch {
		cut := maxStretch
		for !utf8.RuneStart(text[cut]) {
			cut--
		}
		ids = e.encode(t, text[:cut], ids)
		text = text[cut:]
	}
	e.begin(t, text)
	if len(e.symbols) == 0 {
		return ids
	}
	for i := range e.symbols[1:] {
		e.consider(t, text, int32(i))
	}
	for len(e.heap) > 0 {
		c := e.pop()
		i := int32(c.key & math.MaxUint32)
		s := &e.symbols[i]
		if s.gone || s.next < 0 {
			continue
		}
		next := &e.symbols[s.next]
		// The neighbours may have changed since; the join must still give the same piece.
		if _, id, ok := t.joiner.join(text, s, next); !ok || id != c.id {
			continue
		}
		next.gone = true
		s.end, s.id, s.next = next.end, c.id, next.next
		if s.next >= 0 {
			e.symbols[s.next].prev = i
			e.consider(t, text, i)
		}
		if s.prev >= 0 {
			e.consider(t, text, s.prev)
		}
	}
	for i := int32(0); i >= 0; i = e.symbols[i].next {
		ids = e.emit(t, text, &e.symbols[i], ids)
	}
	return ids
}

// begin makes one symbol of every character.
func (e *encoder) begin(t *Tokenizer, text string) {
	e.symbols, e.heap = e.symbols[:0], e.heap[:0]
	for i := 0; i < len(text); {
		_, n := utf8.DecodeRuneInString(text[i:])
		id, ok := t.vocab[text[i:i+n]]
		switch {
		case ok:
			e.push(i, i+n, id)
		case t.resolve == unknownLast:
			e.push(i, i+n, -1)
		case t.hasBytes(text[i : i+n]):
			for j := i; j < i+n; j++ {
				e.push(j, j+1, t.bytes[text[j]])
			}
		case t.unk >= 0:
			// A run of unknown characters may be one token.
			if last := len(e.symbols) - 1; t.fuseUnk && last >= 0 && e.symbols[last].id == t.unk {
				e.symbols[last].end = int32(i + n)
			} else {
				e.push(i, i+n, t.unk)
			}
		}
		i += n
	}
	if len(e.symbols) > 0 {
		e.symbols[len(e.symbols)-1].next = -1
	}
}

func (e *encoder) push(start, end int, id int32) {
	at := int32(len(e.symbols))
	e.symbols = append(e.symbols, symbol{start: int32(start), end: int32(end), prev: at - 1, next: at + 1, id: id})
}

// hasBytes tells whether every byte of s has a piece.
func (t *Tokenizer) hasBytes(s string) bool {
	for i := range len(s) {
		if t.bytes[s[i]] < 0 {
			return false
		}
	}
	return true
}

// emit appends the ids of a finished symbol.
func (e *encoder) emit(t *Tokenizer, text string, s *symbol, ids []int32) []int32 {
	part := text[s.start:s.end]
	switch {
	case s.id >= 0:
		if t.kinds[s.id] == kindUnused {
			return e.takeApart(t, part, ids)
		}
		return append(ids, s.id)
	case t.hasBytes(part):
		for i := range len(part) {
			ids = append(ids, t.bytes[part[i]])
		}
	case t.unk >= 0 && (!t.fuseUnk || len(ids) == 0 || ids[len(ids)-1] != t.unk):
		ids = append(ids, t.unk)
	}
	return ids
}

// takeApart writes a piece that must not appear in output as the two it was joined from.
func (e *encoder) takeApart(t *Tokenizer, part string, ids []int32) []int32 {
	at, ok := e.joints[part]
	if !ok {
		return append(ids, t.vocab[part])
	}
	for _, half := range []string{part[:at], part[at:]} {
		s := symbol{end: int32(len(half)), id: -1}
		if id, ok := t.vocab[half]; ok {
			s.id = id
		}
		ids = e.emit(t, half, &s, ids)
	}
	return ids
}

// consider notes the join of symbol i and its right neighbour, if there is one.
func (e *encoder) consider(t *Tokenizer, text string, i int32) {
	s := &e.symbols[i]
	next := &e.symbols[s.next]
	rank, id, ok := t.joiner.join(text, s, next)
	if !ok {
		return
	}
	e.put(candidate{key: uint64(rank)<<32 | uint64(i), id: id})
	if t.kinds[id] == kindUnused {
		if e.joints == nil {
			e.joints = map[string]int{}
		}
		e.joints[text[s.start:next.end]] = int(s.end - s.start)
	}
}

// put and pop keep e.heap a binary heap with the smallest key on top.
func (e *encoder) put(c candidate) {
	e.heap = append(e.heap, c)
	i := len(e.heap) - 1
	for i > 0 {
		up := (i - 1) / 2
		if e.heap[up].key <= c.key {
			break
		}
		e.heap[i] = e.heap[up]
		i = up
	}
	e.heap[i] = c
}

func (e *encoder) pop() candidate {
	top := e.heap[0]
	last := len(e.heap) - 1
	c := e.heap[last]
	e.heap = e.heap[:last]
	for i := 0; last > 0; {
		down := 2*i + 1
		if down >= last {
			e.heap[i] = c
			break
		}
		if down+1 < last && e.heap[down+1].key < e.heap[down].key {
			down++
		}
		if e.heap[down].key >= c.key {
			e.heap[i] = c
			break
		}
		e.heap[i] = e.heap[down]
		i = down
	}
	return top
}

// pairs is the joiner of tokenizer.json: a table of merges over pairs of ids, open addressing.
type pairs struct {
	keys  []uint64 // left<<32|right+1; 0 is empty
	rank  []uint32
	id    []int32
	shift uint
}

func newPairs(n int) *pairs {
	bits := uint(4)
	for 1<<bits < 2*n {
		bits++
	}
	return &pairs{keys: make([]uint64, 1<<bits), rank: make([]uint32, 1<<bits), id: make([]int32, 1<<bits), shift: 64 - bits}
}

// slot finds the place of a key: its own or the empty one where it belongs.
func (p *pairs) slot(key uint64) int {
	const golden = 0x9E3779B97F4A7C15 // 2^64 over the golden ratio spreads neighbouring ids
	i := int(key * golden >> p.shift)
	for p.keys[i] != 0 && p.keys[i] != key {
		i = (i + 1) & (len(p.keys) - 1)
	}
	return i
}

func pairKey(left, right int32) uint64 { return uint64(uint32(left))<<32 | (uint64(uint32(right)) + 1) }

func (p *pairs) set(left, right int32, rank uint32, id int32) {
	key := pairKey(left, right)
	i := p.slot(key)
	p.keys[i], p.rank[i], p.id[i] = key, rank, id
}

func (p *pairs) join(_ string, a, b *symbol) (uint32, int32, bool) {
	if a.id < 0 || b.id < 0 {
		return 0, 0, false
	}
	key := pairKey(a.id, b.id)
	i := p.slot(key)
	return p.rank[i], p.id[i], p.keys[i] == key
}

// scores is the joiner of tokenizer.model: any two neighbours whose text is a piece join, the
// piece with the best score first.
type scores struct {
	vocab   map[string]int32
	rank    []uint32 // by id; equal scores have equal rank
	longest int32    // bytes of the longest piece
}

func (s *scores) join(text string, a, b *symbol) (uint32, int32, bool) {
	if b.end-a.start > s.longest {
		return 0, 0, false
	}
	id, ok := s.vocab[text[a.start:b.end]]
	if !ok {
		return 0, 0, false
	}
	return s.rank[id], id, true
}

// decoder turns pieces into text.
type decoder struct {
	replace []replacement // in each piece
	bytes   bool          // pieces <0x0A> are bytes
}

// Decode turns ids into text; ids that are not in the vocabulary are left out, specials appear as
// they are written. Bytes that do not form UTF-8 become U+FFFD, one each.
func (t *Tokenizer) Decode(ids []int32) string {
	var out strings.Builder
	var raw []byte
	flush := func() {
		if utf8.Valid(raw) {
			out.Write(raw)
		} else {
			for range raw {
				out.WriteRune(utf8.RuneError)
			}
		}
		raw = raw[:0]
	}
	for _, id := range ids {
		piece := t.Piece(id)
		if piece == "" {
			continue
		}
		for _, r := range t.decode.replace {
			piece = strings.ReplaceAll(piece, r.from, r.to)
		}
		if b, ok := byteOf(piece); ok && t.decode.bytes {
			raw = append(raw, b)
			continue
		}
		flush()
		out.WriteString(piece)
	}
	flush()
	return out.String()
}

// byteOf reads a byte piece, <0x00> to <0xFF>.
func byteOf(piece string) (byte, bool) {
	if len(piece) != 6 || piece[:3] != "<0x" || piece[5] != '>' {
		return 0, false
	}
	var v byte
	for _, c := range []byte(piece[3:5]) {
		switch {
		case '0' <= c && c <= '9':
			v = v<<4 | (c - '0')
		case 'A' <= c && c <= 'F':
			v = v<<4 | (c - 'A' + 10)
		case 'a' <= c && c <= 'f':
			v = v<<4 | (c - 'a' + 10)
		default:
			return 0, false
		}
	}
	return v, true
}
