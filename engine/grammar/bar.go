package grammar

// bar accepts what the task `omr` writes of one bar (docs/targets.md): lines of a location and, for every staff and voice, a
// note, chord, rest or sign, or nothing; or of a location and a bar line. Durations are not added up, ties and slurs not
// paired, and staves not counted. All of the context is in the local state.
type bar struct{ table *barTable }

type barState struct{ q uint8 }

// barTable is the automaton: where a byte leads (0: nowhere, as nothing leads back to the beginning), whether the answer may end,
// and the byte by which a state is closed.
type barTable struct {
	next  [][256]uint8
	ends  []bool
	close []byte
}

// maxHeadSigns is how many signs a note head may carry.
const maxHeadSigns = 6

const headSigns = "([~'`^;TtMm:_])"

// state adds a state.
func (t *barTable) state(ends bool, close byte) uint8 {
	t.next = append(t.next, [256]uint8{})
	t.ends = append(t.ends, ends)
	t.close = append(t.close, close)
	return uint8(len(t.next) - 1)
}

func (t *barTable) link(from uint8, set string, to uint8) {
	for i := range len(set) {
		t.next[from][set[i]] = to
	}
}

// chain adds the states that read one of the texts behind a state; texts that are the beginning of others may end, too. Behind a
// text comes what may follow it.
func (t *barTable) chain(from uint8, texts []string, then func(q uint8)) {
	for _, text := range texts {
		at := from
		for i := range len(text) {
			if t.next[at][text[i]] == 0 {
				t.next[at][text[i]] = t.state(false, 0)
			}
			if t.close[at] == 0 {
				t.close[at] = text[i]
			}
			at = t.next[at][text[i]]
		}
		t.ends[at] = true
		then(at)
	}
}

const (
	barDigits = "0123456789"
	barAlpha  = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// buildBar makes the automaton.
func buildBar() *barTable {
	place := string([]byte{Location})
	t := &barTable{}
	begin := t.state(true, 0)
	line := t.state(false, Location) // a line begins
	first := t.state(false, '=')     // behind its location
	column := t.state(false, '4')    // behind a | or a comma
	rest := t.state(false, 'e')      // behind the location of a note or rest
	head := t.state(false, 'e')      // behind that of a note
	t.link(begin, place, first)
	t.link(line, place, first)
	separate := func(q uint8) {
		t.link(q, "|,", column)
		t.link(q, "\n", line)
	}
	for _, q := range []uint8{first, column} {
		t.link(q, "|,", column)
	}
	t.events(first, column, rest, head)
	t.heads(rest, head, separate)
	signs := t.state(false, 'n')
	t.link(first, "*", signs)
	t.link(column, "*", signs)
	t.chain(signs, barSigns(), separate)
	t.chain(first, []string{"=", "==", "=||", "=:|!", "=!|:", "=:|!|:", "=|!", "=-"}, func(q uint8) { t.link(q, "\n", line) })
	return t
}

// events adds values, grace notes and beams, up to the first location.
func (t *barTable) events(first, column, rest, head uint8) {
	place := string([]byte{Location})
	var digits [3]uint8
	for i := range digits {
		digits[i] = t.state(false, Location)
	}
	over, ratio := t.state(false, '2'), t.state(false, Location)
	dots := [3]uint8{t.state(false, Location), t.state(false, Location), t.state(false, Location)}
	grace := [2]uint8{t.state(false, Location), t.state(false, Location)}
	var beams [6]uint8
	for i := range beams {
		beams[i] = t.state(false, Location)
	}
	for _, q := range []uint8{first, column} {
		t.link(q, barDigits, digits[0])
	}
	t.link(digits[0], barDigits, digits[1])
	t.link(digits[1], barDigits, digits[2])
	t.link(over, "123456789", ratio)
	for _, q := range digits {
		t.link(q, "%", over)
	}
	for _, q := range []uint8{digits[0], digits[1], digits[2], ratio, dots[0], dots[1], dots[2]} {
		t.link(q, place, rest)
		t.link(q, "q", grace[0])
		t.link(q, "LJKk", beams[0])
		if q < dots[0] {
			t.link(q, ".", dots[0])
		}
	}
	t.link(dots[0], ".", dots[1])
	t.link(dots[1], ".", dots[2])
	t.link(grace[0], "q", grace[1])
	for _, q := range grace {
		t.link(q, place, head)
		t.link(q, "LJKk", beams[0])
	}
	for i, q := range beams {
		t.link(q, place, head)
		if i+1 < len(beams) {
			t.link(q, "LJKk", beams[i+1])
		}
	}
}

// heads adds note heads with their accidentals and signs, and rests.
func (t *barTable) heads(rest, head uint8, separate func(uint8)) {
	place := string([]byte{Location})
	pause, where, held := t.state(true, 0), t.state(true, 0), t.state(true, 0)
	t.link(rest, "%", pause)
	t.link(pause, barAlpha, where)
	t.link(pause, ";", held)
	t.link(where, ";", held)
	note := t.state(true, 0)
	sharp, flat, whole := t.state(true, 0), t.state(true, 0), t.state(true, 0)
	t.link(rest, barAlpha, note)
	t.link(head, barAlpha, note)
	t.link(note, "#", sharp)
	t.link(note, "-", flat)
	t.link(note, "n", whole)
	t.link(sharp, "#", whole)
	t.link(flat, "-", whole)
	ends := []uint8{note, sharp, flat, whole}
	var signs [maxHeadSigns]uint8
	for i := range signs {
		signs[i] = t.state(true, 0)
		ends = append(ends, signs[i])
		if i > 0 {
			t.link(signs[i-1], headSigns, signs[i])
		}
	}
	for _, q := range ends[:4] {
		t.link(q, headSigns, signs[0])
	}
	for _, q := range ends {
		t.link(q, place, head)
		separate(q)
	}
	for _, q := range []uint8{pause, where, held} {
		separate(q)
	}
}

// barSigns are clefs, keys, metres and octave signs behind their star.
func barSigns() []string {
	texts := []string{"n", "G2", "G1", "F4", "F3", "F5", "C1", "C2", "C3", "C4", "C5", "Gv2", "G^2", "Fv4", "c", "C", "8", "b", "X"}
	for n := 1; n <= 7; n++ {
		texts = append(texts, "#######"[:n], "-------"[:n])
	}
	for _, beats := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "15", "16", "18", "24"} {
		for _, unit := range []string{"1", "2", "4", "8", "16"} {
			texts = append(texts, beats+"/"+unit)
		}
	}
	return texts
}

func (b bar) states() int           { return len(b.table.next) }
func (bar) begin() barState         { return barState{} }
func (bar) local(s *barState) int   { return int(s.q) }
func (bar) blind(q int) barState    { return barState{uint8(q)} }
func (b bar) ends(s *barState) bool { return b.table.ends[s.q] }
func (b bar) needs() []string {
	seen := [256]bool{}
	var need []string
	for _, c := range b.table.close {
		if c != 0 && !seen[c] {
			seen[c] = true
			need = append(need, string([]byte{c}))
		}
	}
	return need
}

func (b bar) step(s *barState, c byte) verdict {
	q := b.table.next[s.q][c]
	if q == 0 {
		return no
	}
	s.q = q
	return yes
}

func (b bar) close(s *barState, text []byte) []byte {
	for !b.ends(s) {
		c := b.table.close[s.q]
		text = append(text, c)
		b.step(s, c)
	}
	return text
}
