// Package kern reads **kern, the Humdrum representation of common Western
// notation: one line per moment, one tab-separated column per voice, columns
// (spines) that split, join, change places, begin and end on the way. Read
// turns a text into events with exact onsets and durations, and says with line,
// kind and reason what is wrong with it. It repairs nothing: where a line makes
// no sense, the rest of its bar is left out, and Score.Whole reports that.
//
// The rules are those of the Humdrum user guide (Huron 1999) and of the
// **kern reference. All times are fractions of quarter notes; nothing is ever
// rounded.
package kern

import "fmt"

// Bounds on a text. They are far above any score; what passes them is refused
// as TooLarge.
const (
	MaxBytes      = 8 << 20 // of a text
	MaxColumns    = 256     // columns at one moment
	maxTokenBytes = 1024    // of a **kern token
	maxChord      = 64      // notes of one token
	maxProblems   = 200     // that Read lists; it stops at more
)

// Kind says what sort of fault a Problem is.
type Kind string

// The kinds of faults.
const (
	Empty            Kind = "empty"              // no line with music or structure at all
	ByteOrderMark    Kind = "byte_order_mark"    // read over
	CarriageReturn   Kind = "carriage_return"    // read over where a line feed follows
	ControlCharacter Kind = "control_character"  // nothing is read
	NotUTF8          Kind = "not_utf8"           // nothing is read
	TooLarge         Kind = "too_large"          // a bound of this package is passed
	NoExclusive      Kind = "no_exclusive"       // columns without **kern or another ** word
	NoTerminator     Kind = "no_terminator"      // columns that no *- ends
	AfterTerminator  Kind = "after_terminator"   // text behind the last *-
	SpineCount       Kind = "spine_count"        // more or fewer columns than there are spines
	EmptyToken       Kind = "empty_token"        // nothing between two tabs
	EmptyLine        Kind = "empty_line"         // read over
	MixedLine        Kind = "mixed_line"         // data, bar lines, interpretations or comments in one line
	BadToken         Kind = "bad_token"          // a note or key that is none
	MixedChord       Kind = "mixed_chord"        // notes of one chord differ in duration
	BadJoin          Kind = "bad_join"           // *v without a neighbour of the same spine
	BadExchange      Kind = "bad_exchange"       // *x without a second one beside it
	VoicesOutOfTime  Kind = "voices_out_of_time" // a voice begins before its last note ends, or falls silent without a rest
	MeasureDuration  Kind = "measure_duration"   // a bar longer or shorter than the metre says
	TieWithoutStart  Kind = "tie_without_start"
	TieWithoutEnd    Kind = "tie_without_end"
)

// Problem is one fault of a text.
type Problem struct {
	Line   int // 1-based
	Column int // 0-based, -1 when the line as a whole is meant
	Kind   Kind
	Reason string // for people, with the offending text
}

// Error implements error: line, kind and reason.
func (p Problem) Error() string { return fmt.Sprintf("line %d: %s: %s", p.Line, p.Kind, p.Reason) }

// Tolerable reports whether the notes are certain in spite of the fault.
func (p Problem) Tolerable() bool {
	switch p.Kind {
	case ByteOrderMark, CarriageReturn, EmptyLine, MeasureDuration, TieWithoutStart, TieWithoutEnd, MixedChord:
		return true
	}
	return false
}

// Tie says what a note has to do with its neighbours of the same pitch.
type Tie string

// The ties of a note.
const (
	NoTie       Tie = ""
	TieStart    Tie = "start"
	TieContinue Tie = "continue"
	TieStop     Tie = "stop"
)

// Grace says how an ornamental note is drawn. Grace notes take no time.
type Grace string

// The kinds of grace notes.
const (
	NotGrace   Grace = ""
	GraceSlash Grace = "q"  // small with a stroke through the stem
	GracePlain Grace = "qq" // small without
)

// Pitch is one note of an event.
type Pitch struct {
	Step     byte // 'A' to 'G'
	Alter    int  // -2 to 2
	Octave   int  // middle C begins octave 4
	Duration Frac // that of the event, but in a MixedChord
	Tie      Tie
	Sign     bool   // the text asks for an accidental: n or X
	Text     string // the part of the token
}

// MIDI is the key number, middle C being 60.
func (p Pitch) MIDI() int {
	return 12*(p.Octave+1) + semitone[p.Step] + p.Alter
}

// Name is step, accidentals (# and -) and octave, such as F##4 or B-3.
func (p Pitch) Name() string {
	return fmt.Sprintf("%c%s%d", p.Step, [...]string{"--", "-", "", "#", "##"}[p.Alter+2], p.Octave)
}

var semitone = map[byte]int{'C': 0, 'D': 2, 'E': 4, 'F': 5, 'G': 7, 'A': 9, 'B': 11}

// Event is one token of a **kern column: a note, a chord or a rest.
type Event struct {
	Line, Column int    // where it stands: 1-based, 0-based
	Spine        int    // column of the ** line it descends from, 0-based
	Staff        int    // 1 is the highest; from *staff, otherwise counted from the right
	Voice        int    // 1-based, from the left within the spine
	Measure      int    // index into Score.Measures
	Onset        Frac   // from the beginning, quarter notes
	Duration     Frac   // sounding; 0 for grace notes
	Value        Frac   // as drawn without dots and before any tuplet is undone; 0 when a grace note has none
	Dots         int    // augmentation dots
	Grace        Grace  // not empty for grace notes
	Rest         bool   // then Pitches is empty
	Hidden       bool   // a rest that is not drawn (yy)
	Text         string // the token
	Pitches      []Pitch
}

// ChangeKind is what a Change changes.
type ChangeKind string

// The interpretations that have a meaning here.
const (
	Clef       ChangeKind = "clef"       // Text is G2, F4, C3, Gv2, X
	Key        ChangeKind = "key"        // Text is k[f#c#], Fifths the number of sharps, flats counted down
	Metre      ChangeKind = "metre"      // Text is 4/4; Length 0: free
	Symbol     ChangeKind = "symbol"     // Text is c, c|, as printed instead of numbers
	Tempo      ChangeKind = "tempo"      // Text is quarter notes a minute
	Instrument ChangeKind = "instrument" // Text is the name
	Part       ChangeKind = "part"       // Text is a number; spines of one part share it
)

// Change is an interpretation that holds from its onset on.
type Change struct {
	Kind         ChangeKind
	Line, Column int
	Spine, Staff int
	Onset        Frac
	Text         string
	Fifths       int
	Length       Frac // of a bar in this metre
}

// Measure is what stands between two bar lines, if it lasts or is torn.
type Measure struct {
	Number      string // digits of the bar line before it; empty when there are none
	Onset       Frac
	Duration    Frac
	Open, Close string // the bar lines' tokens, empty at the ends of the text
	Line        int    // of the opening bar line, 0 when there is none
	CloseLine   int
	Length      Frac // what the metre wants; 0: no metre
	Torn        bool // a part of it could not be read, perhaps all
}

// Score is what a text says.
type Score struct {
	Exclusive []string // the ** words by spine
	Events    []Event  // in the order of the text: by line, then column
	Changes   []Change
	Measures  []Measure
	Total     Frac
	Problems  []Problem // in the order of lines
	unread    bool
	tail      []int           // spines of the columns that the last line of *- ended
	holds     map[held]string // the last interpretation of each kind
}

// Whole reports whether every line was understood, so that Events is all of
// the music, though ties or bars may not add up.
func (s *Score) Whole() bool { return !s.unread }

// Valid reports whether nothing is wrong.
func (s *Score) Valid() bool { return len(s.Problems) == 0 }

// KernSpines is the number of **kern columns that the text begins with.
func (s *Score) KernSpines() int {
	n := 0
	for _, e := range s.Exclusive {
		if e == exclusiveKern {
			n++
		}
	}
	return n
}

const exclusiveKern = "**kern"
