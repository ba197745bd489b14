package grammar

import (
	"fmt"
	"strings"
)

// kern accepts the answers of the task `omr` as docs/targets.md writes them: systems of **kern without the line
// of ** words, the first with its box or without, the others with theirs. A system begins with a line of clefs
// and ends with one of *-. Every line has as many columns as there are, where *^ and *v change their number, *v
// only within what was one column; a line is all notes, all bar lines or all interpretations. Durations are not
// added up, and ties and slurs not paired.
type kern struct {
	tries   []*trie[kernState] // by place
	places  []uint8            // place of each local state within the tries
	columns string             // what stands between columns
}

// maxColumns bounds the columns of a system, and so the room that closing needs.
const maxColumns = 12

// The places of a system that are read as literals. Those of a line's first column come first.
const (
	kernTop    = iota // nothing yet
	kernNext          // between systems
	kernFirst         // after a box: the line of clefs
	kernClefs         // its further columns
	kernLine          // the beginning of a line
	kernInterp        // further columns of interpretations
	kernJoin          // after a *v that needs another
	kernBar           // further columns of bar lines
	kernEnd           // further columns of *-
	kernData          // further columns of notes
	kernPlaces
)

// The local states inside a note, counted from the last trie.
const (
	noteNull  = iota // .
	noteSlur1        // ( once, twice, three times
	noteSlur2
	noteSlur3
	noteTie    // [
	noteDigit1 // digits of the duration
	noteDigit2
	noteDigit3
	noteBreve // 0
	noteLonga // 00
	noteOver  // % of a rational duration
	noteRatio // the digit after it
	noteDot1  // dots
	noteDot2
	noteGrace1 // q, once and twice
	noteGrace2
	noteChord  // a space: another note begins
	noteChord1 // its (
	noteChord2 // its [
	noteSharp1
	noteSharp2
	noteFlat1
	noteFlat2
	noteSeparator                           // inside the separator
	noteSign                                // after so many signs
	notePitch     = noteSign + maxSigns + 1 // after so many equal letters, for each letter
	noteStates    = notePitch + len(pitches)*maxOctaves
)

const (
	pitches    = "abcdefgABCDEFG"
	maxOctaves = 4  // equal letters
	maxSigns   = 10 // after a pitch or a rest
	maxChord   = 12 // notes
	signs      = `nXq'~^;TtMm:LJKk_])yQ/\"`
)

// kernState is a place in a system.
type kernState struct {
	q       uint16
	columns uint8             // of the line at hand
	column  uint8             // at hand
	chord   uint8             // notes of the chord at hand
	rest    bool              // it is a rest
	deep    bool              // nothing is known but what was read since
	origin  [maxColumns]uint8 // the column of the first line that each came from
	path    [maxColumns]byte  // ^ or v in the line at hand
}

func newKern(v *Vocabulary) kern {
	k := kern{columns: "\t", tries: make([]*trie[kernState], kernPlaces)}
	if v.ids("\t") == nil {
		k.columns = "»"
	}
	next := 0
	for place := range kernPlaces {
		k.tries[place] = newTrie(next, k.literals(place))
		for range k.tries[place].nodes {
			k.places = append(k.places, uint8(place))
		}
		next = len(k.places)
	}
	return k
}

// literals lists what may come at a place beside notes.
func (k kern) literals(place int) []literal[kernState] {
	type lit = literal[kernState]
	boxed := lit{text: strings.Repeat(string([]byte{Location}), boxLocations), then: k.to(kernFirst)}
	switch place {
	case kernTop:
		return append([]lit{boxed}, k.clefs()...)
	case kernNext:
		return []lit{boxed}
	case kernFirst, kernClefs:
		return k.clefs()
	case kernLine:
		return append(inner(append(k.tokens(bars(), "=", kernBar), k.interpretations()...)), k.terminators()...)
	case kernInterp:
		return k.interpretations()
	case kernJoin:
		return k.joins(func(*kernState) verdict { return yes })
	case kernBar:
		return k.tokens(bars(), "=", kernBar)
	case kernEnd:
		return k.terminators()
	}
	return nil
}

// to gives the function that moves to a place.
func (k kern) to(place int) func(*kernState) {
	return func(s *kernState) { s.q = uint16(k.tries[place].root) }
}

// bars are the bar lines.
func bars() []string { return []string{"=", "==", "=||", "=|!", "=:|!", "=!|:", "=:|!|:", "=-"} }

var clefs = []string{"*clefG2", "*clefF4", "*clefGv2", "*clefG^2", "*clefFv4", "*clefF3", "*clefC1", "*clefC2", "*clefC3", "*clefC4", "*clefC5", "*clefG1", "*clefX"}

// clefs are the tokens of the first line, which says how many columns there are. A box-less system begins with
// the answer, so that the first column is at hand in every place.
func (k kern) clefs() []literal[kernState] {
	var all []literal[kernState]
	for _, clef := range clefs {
		all = append(all, literal[kernState]{text: clef + "\n", out: true, then: func(s *kernState) {
			s.columns = s.column + 1
			for i := range s.columns {
				s.origin[i] = i
			}
			k.line(s)
		}}, literal[kernState]{text: clef + k.columns, then: func(s *kernState) {
			s.column++
			k.to(kernClefs)(s)
		}, guard: func(s *kernState) verdict {
			if s.deep {
				return ask
			}
			return allow(s.column+1 < maxColumns/2)
		}})
	}
	return all
}

func allow(b bool) verdict {
	if b {
		return yes
	}
	return no
}

// more and last say whether a column follows the one at hand.
func more(s *kernState) verdict {
	if s.deep {
		return ask
	}
	return allow(s.column+1 < s.columns)
}

func last(s *kernState) verdict {
	if s.deep {
		return ask
	}
	return allow(s.column+1 == s.columns)
}

// tokens are tokens of one sort, each with a separator and the same sort behind it, or with the end of the line.
// The one that is out is the way out.
func (k kern) tokens(texts []string, out string, next int) []literal[kernState] {
	var all []literal[kernState]
	for _, text := range texts {
		all = append(all,
			literal[kernState]{text: text + k.columns, guard: more, then: func(s *kernState) { s.column++; k.to(next)(s) }, out: text == out},
			literal[kernState]{text: text + "\n", guard: last, then: k.line, out: text == out})
	}
	return all
}

// interpretations are the tokens of lines that begin with *, save *-.
func (k kern) interpretations() []literal[kernState] {
	texts := append([]string{"*", "*met(c)", "*met(c|)", "*8va", "*X8va", "*8ba", "*X8ba", "*15ma", "*X15ma"}, clefs...)
	sharps, flats := "f#c#g#d#a#e#b#", "b-e-a-d-g-c-f-"
	for n := 0; n <= len(sharps); n += 2 {
		texts = append(texts, "*k["+sharps[:n]+"]")
		if n > 0 {
			texts = append(texts, "*k["+flats[:n]+"]")
		}
	}
	for _, beats := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16, 18, 24} {
		for _, unit := range []int{1, 2, 4, 8, 16} {
			texts = append(texts, fmt.Sprintf("*M%d/%d", beats, unit))
		}
	}
	all := k.tokens(texts, "*", kernInterp)
	split := func(s *kernState) { s.path[s.column%maxColumns] = '^' }
	all = append(all,
		literal[kernState]{text: "*^" + k.columns, guard: func(s *kernState) verdict { return min(more(s), s.splits()) },
			then: func(s *kernState) { split(s); s.column++; k.to(kernInterp)(s) }},
		literal[kernState]{text: "*^\n", guard: func(s *kernState) verdict { return min(last(s), s.splits()) },
			then: func(s *kernState) { split(s); k.line(s) }})
	return append(all, k.joins((*kernState).goesOn)...)
}

// splits says whether there is room for one more column on the next line.
func (s *kernState) splits() verdict {
	if s.deep {
		return ask
	}
	return allow(s.columns+uint8(strings.Count(string(s.path[:]), "^")) < maxColumns)
}

// goesOn says whether a *v would go on with a join.
func (s *kernState) goesOn() verdict {
	if s.deep {
		return ask
	}
	return allow(s.column > 0 && s.path[s.column-1] == 'v' && s.origin[s.column-1] == s.origin[s.column])
}

// joins are the tokens *v; second says whether one goes on with a join rather than begin it.
func (k kern) joins(second func(*kernState) verdict) []literal[kernState] {
	begins := func(s *kernState) verdict {
		if s.deep {
			return ask
		}
		return allow(s.column+1 < s.columns && s.origin[s.column] == s.origin[s.column+1])
	}
	return []literal[kernState]{
		{text: "*v" + k.columns, out: true, guard: func(s *kernState) verdict { return max(min(more(s), second(s)), begins(s)) },
			then: func(s *kernState) {
				place := kernInterp
				if !s.deep && second(s) != yes {
					place = kernJoin
				}
				s.path[s.column%maxColumns] = 'v'
				s.column++
				k.to(place)(s)
			}},
		{text: "*v\n", out: true, guard: func(s *kernState) verdict { return min(last(s), second(s)) },
			then: func(s *kernState) { s.path[s.column%maxColumns] = 'v'; k.line(s) }},
	}
}

// terminators are the tokens *- that end a system; the last has no line end behind it.
func (k kern) terminators() []literal[kernState] {
	return []literal[kernState]{
		{text: "*-" + k.columns, guard: more, then: func(s *kernState) { s.column++; k.to(kernEnd)(s) }, out: true},
		{text: "*-", guard: last, then: func(s *kernState) { *s = kernState{deep: s.deep}; k.to(kernNext)(s) }, out: true},
	}
}

// line begins a line: the columns are those that the paths of the line before left.
func (k kern) line(s *kernState) {
	k.to(kernLine)(s)
	columns, old := s.columns, s.origin
	s.column, s.columns = 0, 0
	for i := range columns {
		if s.path[i] == 'v' && i > 0 && s.path[i-1] == 'v' && old[i-1] == old[i] {
			continue
		}
		s.origin[s.columns] = old[i]
		s.columns++
		if s.path[i] == '^' {
			s.origin[s.columns] = old[i]
			s.columns++
		}
	}
	s.path = [maxColumns]byte{}
}

func (k kern) states() int            { return len(k.places) + noteStates }
func (k kern) begin() kernState       { return kernState{} }
func (k kern) local(s *kernState) int { return int(s.q) }
func (k kern) blind(q int) kernState  { return kernState{q: uint16(q), deep: true} }
func (k kern) needs() []string {
	return append(strings.Split("\n*-=.^v4c1lefGFXM/2kmt()a[]#b|:!58", ""), k.columns, string([]byte{Location}))
}

func (k kern) ends(s *kernState) bool {
	return int(s.q) == k.tries[kernTop].root || int(s.q) == k.tries[kernNext].root
}
