package kern

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Options steers Read.
type Options struct {
	// Fragment says that the text is cut out of a longer one, such as one system
	// of a page: ties may come in at its beginning and lead out at its end.
	Fragment bool
}

// reader holds what is known between two lines.
type reader struct {
	score     Score
	exclusive []string
	columns   []column
	staves    int    // **kern spines so far
	line      int    // 1-based
	now       Frac   // onset of the line last read
	end       Frac   // when the last of the ended columns ended
	closed    []Frac // when each ended, for the line at hand
	ended     bool   // by *-
	torn      bool   // what stands up to the next bar line is not to be trusted
	stopped   bool   // nothing more can be read
	bars      bars
	pending   int // changes from this index on have no onset yet
}

// Read reads a text. It returns what could be read and everything that is
// wrong, and never nil.
func Read(text string, o Options) *Score {
	r := &reader{score: Score{holds: map[held]string{}}}
	lines := r.prepare(text)
	for i, line := range lines {
		r.line = i + 1
		if r.stopped || len(r.score.Problems) >= maxProblems {
			r.score.unread = true
			break
		}
		r.readLine(line)
	}
	r.finish(len(lines), o)
	return &r.score
}

// prepare looks at the text as bytes: what no line may hold, and the marks that
// are read over. It returns the lines to read, nil when there is nothing to read.
func (r *reader) prepare(text string) []string {
	refuse := func(at int, kind Kind, reason string) []string {
		r.line = 1 + strings.Count(text[:at], "\n")
		r.fail(-1, kind, reason)
		r.stopped, r.score.unread = true, true
		return nil
	}
	if len(text) > MaxBytes {
		return refuse(0, TooLarge, fmt.Sprintf("%d bytes: at most %d", len(text), MaxBytes))
	}
	r.line = 1
	if rest, ok := strings.CutPrefix(text, "\ufeff"); ok {
		r.fail(-1, ByteOrderMark, "the text begins with a byte order mark")
		text = rest
	}
	if i := strings.IndexByte(text, '\r'); i >= 0 {
		for k := i; k < len(text); k++ {
			if text[k] == '\r' && k+1 < len(text) && text[k+1] != '\n' {
				return refuse(i, CarriageReturn, "carriage returns that no line feeds follow")
			}
		}
		r.line = 1 + strings.Count(text[:i], "\n")
		r.fail(-1, CarriageReturn, "lines end with carriage return and line feed")
		text = strings.ReplaceAll(text, "\r", "")
	}
	for i, c := range text {
		if c < ' ' && c != '\t' && c != '\n' || c == 0x7f {
			return refuse(i, ControlCharacter, fmt.Sprintf("control character U+%04X", c))
		}
		if c == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd") {
			return refuse(i, NotUTF8, "bytes that are no UTF-8")
		}
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for _, l := range lines {
		if strings.TrimSpace(l) != "" && !strings.HasPrefix(l, "!!") {
			return lines
		}
	}
	return refuse(0, Empty, "no music")
}

// readLine reads one line.
func (r *reader) readLine(line string) {
	if line == "" {
		r.fail(-1, EmptyLine, "an empty line")
		return
	}
	if strings.HasPrefix(line, "!!") {
		return
	}
	fields := strings.Split(line, "\t")
	switch {
	case r.exclusive == nil:
		r.stopped = !r.begin(fields)
		return
	case r.ended:
		r.fail(-1, AfterTerminator, "text after the end of the last spine")
		r.stopped = true
		return
	}
	if !r.shape(fields) {
		// A line of data can be left out; after one that changes the columns
		// nothing is certain.
		r.torn, r.score.unread = true, true
		r.stopped = r.stopped || slices.ContainsFunc(fields, isPath)
		return
	}
	switch line[0] {
	case '!':
	case '*':
		r.interpret(fields)
	case '=':
		r.bar(fields)
	default:
		r.data(fields)
	}
}

// shape checks that a line has as many columns as there are, and columns of
// one sort.
func (r *reader) shape(fields []string) bool {
	if len(fields) != len(r.columns) {
		r.fail(-1, SpineCount, fmt.Sprintf("%d columns where there are %d spines", len(fields), len(r.columns)))
		return false
	}
	if i := slices.Index(fields, ""); i >= 0 {
		r.fail(i, EmptyToken, "nothing where a token or a . should be")
		return false
	}
	for i, f := range fields {
		if sort(f) != sort(fields[0]) {
			r.fail(i, MixedLine, fmt.Sprintf("%s in a line that begins with %s", short(f), short(fields[0])))
			return false
		}
	}
	return true
}

// sort is the sort of line that a token belongs to: '*', '=', '!' or data.
func sort(token string) byte {
	if c := token[0]; c == '*' || c == '=' || c == '!' {
		return c
	}
	return '.'
}

// interpret reads a line of interpretations.
func (r *reader) interpret(fields []string) {
	r.closed = r.closed[:0]
	if slices.ContainsFunc(r.columns, func(c column) bool { return c.fresh }) {
		r.stopped = !r.name(fields)
		return
	}
	if slices.ContainsFunc(fields, isPath) {
		r.stopped = !r.follow(fields)
		return
	}
	for i, f := range fields {
		if f == "*" {
			continue
		}
		if kind := kindOf(f); kind != "" {
			r.score.holds[held{r.columns[i].spine, kind}] = f
		}
		if r.columns[i].kern {
			r.change(i, f)
		}
	}
}

// data reads a line of notes.
func (r *reader) data(fields []string) {
	type sounding struct {
		column int
		notes  []note
	}
	var line []sounding
	var at *Frac
	good, grace := true, true
	for i, f := range fields {
		c := r.columns[i]
		if c.fresh {
			r.fail(i, NoExclusive, "a column made by *+ should say what it holds")
			r.stopped = true
			return
		}
		if !c.kern || f == "." {
			continue
		}
		notes, err := readToken(f)
		if err != nil {
			r.fail(i, BadToken, err.Error())
			good = false
			continue
		}
		grace = grace && slices.ContainsFunc(notes, func(n note) bool { return n.grace != NotGrace })
		if at == nil {
			at = &r.columns[i].until
		} else if !at.Equal(c.until) && good && !r.torn {
			r.fail(i, VoicesOutOfTime, fmt.Sprintf("a note at %s quarter notes beside one at %s", c.until, *at))
			good = false
		}
		line = append(line, sounding{i, notes})
	}
	if r.torn || !good || at == nil {
		if !good {
			r.torn, r.score.unread = true, true
		}
		return
	}
	moment := *at
	for i, f := range fields {
		c := r.columns[i]
		if c.kern && f == "." && (c.until.Cmp(moment) < 0 || !grace && c.until.Equal(moment)) {
			r.fail(i, VoicesOutOfTime, fmt.Sprintf("silent without a rest at %s quarter notes", c.until))
			r.torn, r.score.unread = true, true
			return
		}
	}
	r.now = moment
	r.settle(moment)
	r.bars.sounded()
	for _, s := range line {
		r.add(s.column, fields[s.column], s.notes)
	}
}

// readToken reads the notes of a token. A note of a chord that gives no
// duration has that of the first.
func readToken(token string) ([]note, error) {
	if len(token) > maxTokenBytes {
		return nil, fmt.Errorf("%s: %d bytes, at most %d", short(token), len(token), maxTokenBytes)
	}
	parts := strings.Split(token, " ")
	if len(parts) > maxChord {
		return nil, fmt.Errorf("%s: %d notes, at most %d", short(token), len(parts), maxChord)
	}
	notes := make([]note, len(parts))
	for i, p := range parts {
		n, err := readNote(p)
		if err != nil {
			return nil, err
		}
		if !n.timed && n.grace == NotGrace {
			if i == 0 || !notes[0].timed {
				return nil, fmt.Errorf("%s has no duration", short(p))
			}
			n.timed, n.duration, n.value, n.dots, n.grace = true, notes[0].duration, notes[0].value, notes[0].dots, notes[0].grace
		}
		if n.grace != NotGrace {
			n.duration = Frac{}
		}
		notes[i] = n
	}
	return notes, nil
}

// add makes an event of a token and moves its column on.
func (r *reader) add(i int, token string, notes []note) {
	c := &r.columns[i]
	first := notes[0]
	e := Event{Line: r.line, Column: i, Spine: c.spine, Staff: c.staff, Voice: 1, Measure: len(r.score.Measures),
		Onset: r.now, Duration: first.duration, Value: first.value, Dots: first.dots, Grace: first.grace, Text: token}
	for k := i - 1; k >= 0; k-- {
		if r.columns[k].spine == c.spine {
			e.Voice++
		}
	}
	mixed := false
	for _, n := range notes {
		mixed = mixed || !n.duration.Equal(first.duration)
		if n.rest || !n.pitched {
			continue
		}
		n.pitch.Duration = n.duration
		e.Pitches = append(e.Pitches, n.pitch)
	}
	if mixed {
		r.fail(i, MixedChord, fmt.Sprintf("%s: the notes of a chord last equally long", short(token)))
	}
	if len(e.Pitches) == 0 {
		e.Rest, e.Hidden = true, strings.Contains(token, "yy")
	}
	until, ok := r.now.Plus(e.Duration)
	if !ok {
		r.fail(i, TooLarge, fmt.Sprintf("the end of %s passes the bounds of a moment", short(token)))
		r.stopped, r.score.unread = true, true
		return
	}
	c.until = until
	r.score.Events = append(r.score.Events, e)
}

// fail notes a problem of the line at hand.
func (r *reader) fail(column int, kind Kind, reason string) {
	p := Problem{Line: r.line, Column: column, Kind: kind, Reason: reason}
	r.score.Problems = append(r.score.Problems, p)
	r.score.unread = r.score.unread || !p.Tolerable()
}

// finish closes what is open after the last line.
func (r *reader) finish(lines int, o Options) {
	r.score.Exclusive = r.exclusive
	end := latest(r.now, r.end)
	for _, c := range r.columns {
		if c.kern {
			end = latest(end, c.until)
		}
	}
	if !r.stopped && !r.ended {
		r.line = lines
		r.fail(-1, NoTerminator, "the text ends without *-")
	}
	r.score.Total = end
	r.settle(end)
	r.closeBar(end, "", 0)
	structural := slices.ContainsFunc(r.score.Problems, func(p Problem) bool { return !p.Tolerable() })
	if !structural {
		r.score.Problems = append(r.score.Problems, ties(&r.score, o)...)
	}
	r.score.Problems = append(r.score.Problems, durations(&r.score, lines)...)
	slices.SortStableFunc(r.score.Problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
}
