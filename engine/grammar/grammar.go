// Package grammar keeps an answer inside a language while it is decoded: for every step it says which tokens of
// a checkpoint's vocabulary the answer may go on with, so that what comes out can be parsed.
//
// A language is an automaton over bytes (lists.go, html.go, smiles.go, atoms.go, kern.go), written by hand because half of
// them count: columns of **kern, ring labels of SMILES. Its state has two parts. The local part is one of a few
// hundred numbers; the context is everything else, such as open elements or columns. Compile walks the sorted
// vocabulary once from every local state with the context unknown. Most tokens are allowed or not whatever the
// context: they become one bit set for each local state. The few whose bytes reach into the context (a closing
// tag, a ring label) are listed, and a step tries these alone. So a step costs a copy of 32 KB and some hundred
// short walks, also for Gemma's 257,000 pieces, and the same automaton runs over any vocabulary, single
// characters and byte pieces alike.
//
// What a grammar promises is syntax, never meaning, and this about the end: the empty answer is always allowed,
// and an answer can always be closed within its limit. Each automaton knows the shortest text that closes what is
// open; a token after which that text would no longer fit is not taken, the closing text is written instead.
package grammar

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The symbols that stand for a location token and for a segmentation code in the words of a vocabulary. These
// bytes never occur in UTF-8.
const (
	Location = '\xfe'
	Code     = '\xff'
)

// The shipped grammars; docs/asking.md and docs/targets.md describe what they accept.
const (
	Words   = "words"           // four locations and a word without spaces, over and over
	Detect  = "detect"          // four locations and a label, joined by " ; "
	Segment = "segment"         // four locations, sixteen codes, and a label or none, joined by " ; "
	Table   = "html_table"      // tables with the places of tables and cells
	Outline = "table_structure" // where rows, columns and spans of tables stand
	SMILES  = "smiles"          // one molecule, several parts of it joined by "."
	Drawn   = "molecules"       // four locations, a molecule, and after a space a label or none, over and over
	Atoms   = "atoms"           // one molecule with two locations in front of every atom
	Bar     = "omr_bar"         // what is printed in a bar of music, line by line
	Kern    = "kern"            // systems of **kern, with their places or, if it is one, without
)

// shipped makes the grammars by name.
var shipped = map[string]func(*Vocabulary) (*Grammar, error){
	Words:   func(v *Vocabulary) (*Grammar, error) { return compile(v, list{}) },
	Detect:  func(v *Vocabulary) (*Grammar, error) { return compile(v, list{labels: true}) },
	Segment: func(v *Vocabulary) (*Grammar, error) { return compile(v, list{labels: true, codes: segmentCodes}) },
	Table:   func(v *Vocabulary) (*Grammar, error) { return compile(v, newHTML()) },
	Outline: func(v *Vocabulary) (*Grammar, error) { return compile(v, outline{}) },
	SMILES:  func(v *Vocabulary) (*Grammar, error) { return compile(v, smiles{}) },
	Drawn:   func(v *Vocabulary) (*Grammar, error) { return compile(v, smiles{placed: true}) },
	Atoms:   func(v *Vocabulary) (*Grammar, error) { return compile(v, atoms{}) },
	Bar:     func(v *Vocabulary) (*Grammar, error) { return compile(v, bar{buildBar()}) },
	Kern:    func(v *Vocabulary) (*Grammar, error) { return compile(v, newKern(v)) },
}

// Names lists the shipped grammars, sorted.
func Names() []string { return slices.Sorted(maps.Keys(shipped)) }

// Known says whether a grammar of that name is shipped.
func Known(name string) bool { return shipped[name] != nil }

// Grammar is a language compiled for a vocabulary. It is read-only and may serve many answers at once.
type Grammar struct {
	vocabulary *Vocabulary
	start      func() walk
}

// Compile prepares a shipped grammar for a vocabulary, which for Gemma's takes about a second. It fails
// where the vocabulary cannot write what the grammar needs, a tab for instance.
func Compile(name string, v *Vocabulary) (*Grammar, error) {
	build := shipped[name]
	if build == nil {
		return nil, fmt.Errorf("grammar: there is no %q; there are %s", name, strings.Join(Names(), ", "))
	}
	g, err := build(v)
	if err != nil {
		return nil, fmt.Errorf("grammar %s: %w", name, err)
	}
	return g, nil
}

// verdict says what a byte means to an automaton.
type verdict uint8

const (
	no   verdict = iota // it may not come next
	lost                // the context decides, and what comes then is not known either
	ask                 // the context decides, which is not known; the state has moved on as if it allowed the byte
	yes                 // it may, and the state has moved on
)

// machine is an automaton over bytes with states of type S, which are plain values that may be copied.
type machine[S any] interface {
	states() int                    // local states are numbered from 0
	begin() S                       // before the first byte
	local(s *S) int                 // the local state
	blind(q int) S                  // the local state with nothing known of the context
	step(s *S, b byte) verdict      // s is worth nothing after no and lost
	ends(s *S) bool                 // the answer may end here
	close(s *S, text []byte) []byte // appends the text after which it may; consistent with its own beginnings
	needs() []string                // what close may write: each must be a token
}

// walk is one answer on its way through an automaton.
type walk interface {
	allows(word string) bool
	take(word string)
	mask(bits []uint64)
	ends() bool
	closing(word string, text []byte) ([]byte, bool) // the closing text after one more word
}

// sets says what may follow a local state.
type sets struct {
	sure []uint64 // tokens that may, whatever the context; nil where they are few
	few  []int32  // these, where they are few
	ask  []int32  // tokens for which the context decides
}

// fewTokens is how many tokens are kept as a list: a list of that length has a quarter of the bytes of a set over
// Gemma's vocabulary.
const fewTokens = 2048

// compiled is an automaton with its sets.
type compiled[S any] struct {
	vocabulary *Vocabulary
	machine    machine[S]
	sets       []sets // by local state
}

// compile walks the vocabulary from every local state.
func compile[S any](v *Vocabulary, m machine[S]) (*Grammar, error) {
	for _, need := range m.needs() {
		if v.ids(need) == nil {
			return nil, fmt.Errorf("the vocabulary has no token for %s alone, which closing an answer may need", spelled(need))
		}
	}
	c := &compiled[S]{vocabulary: v, machine: m, sets: make([]sets, m.states())}
	trail := make([]footstep[S], v.longest+1)
	for q := range c.sets {
		c.sets[q] = c.follow(q, trail)
	}
	return &Grammar{vocabulary: v, start: func() walk { return &path[S]{compiled: c, state: m.begin()} }}, nil
}

// spelled names a word for people.
func spelled(word string) string {
	switch word[0] {
	case Location:
		return "a location"
	case Code:
		return "a segmentation code"
	}
	return fmt.Sprintf("%q", word)
}

// footstep is the state after some bytes of a word, and whether the context decided about one of them.
type footstep[S any] struct {
	state S
	asked bool
}

// follow finds what may follow a local state. Words are visited in order, so that the walk through a shared
// beginning is not repeated; trail holds the states after each byte of the word at hand.
func (c *compiled[S]) follow(q int, trail []footstep[S]) sets {
	v := c.vocabulary
	var out sets
	var sure []int32
	trail[0] = footstep[S]{state: c.machine.blind(q)}
	for b := range 256 {
		from, to := v.first[b], v.first[b+1]
		first := trail[0].state
		if from == to || c.machine.step(&first, byte(b)) == no {
			continue
		}
		good, last := 0, yes // bytes that may come, and what the machine said to the next or to the last of them
		for i := from; i < to; i++ {
			word, shared := v.words[v.order[i]], int(v.shared[i])
			if i == from || last >= ask || shared <= good {
				good, last = min(good, shared), yes
				if i == from {
					good = 0
				}
				for good < len(word) && last >= ask {
					next := &trail[good+1]
					*next = trail[good]
					if last = c.machine.step(&next.state, word[good]); last >= ask {
						next.asked = next.asked || last == ask
						good++
					}
				}
			}
			switch {
			case last == lost, last >= ask && trail[good].asked:
				out.ask = append(out.ask, v.order[i])
			case last >= ask:
				sure = append(sure, v.order[i])
			}
		}
	}
	if len(sure) <= fewTokens {
		out.few = sure
		return out
	}
	out.sure = make([]uint64, (len(v.words)+63)/64)
	setBits(out.sure, sure)
	return out
}

func setBits(bits []uint64, ids []int32) {
	for _, id := range ids {
		bits[id/64] |= 1 << (id % 64)
	}
}

// path is one answer.
type path[S any] struct {
	*compiled[S]
	state S
	trial S // a copy for looking ahead; a variable would be allocated for every look
}

// allows lets a copy of the state read a word.
func (p *path[S]) allows(word string) bool {
	p.trial = p.state
	for i := range len(word) {
		if p.machine.step(&p.trial, word[i]) != yes {
			return false
		}
	}
	return true
}

func (p *path[S]) take(word string) {
	if p.allows(word) {
		p.state = p.trial
	}
}

func (p *path[S]) mask(bits []uint64) {
	set := &p.sets[p.machine.local(&p.state)]
	if set.sure == nil {
		clear(bits)
		setBits(bits, set.few)
	} else {
		copy(bits, set.sure)
	}
	for _, id := range set.ask {
		if p.allows(p.vocabulary.words[id]) {
			bits[id/64] |= 1 << (id % 64)
		}
	}
}

func (p *path[S]) ends() bool { return p.machine.ends(&p.state) }

func (p *path[S]) closing(word string, text []byte) ([]byte, bool) {
	if !p.allows(word) {
		return text, false
	}
	return p.machine.close(&p.trial, text), true
}
