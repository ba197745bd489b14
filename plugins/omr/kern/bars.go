package kern

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// bars is what is known of the bar being read.
type bars struct {
	onset  Frac
	line   int    // of the bar line that opened it
	open   string // its token
	metre  Frac   // length of a bar by the last metre read; 0: none
	length Frac   // the metre's when the bar's first note was read
	begun  bool   // a note was read
}

// sounded is called for every line with notes. A metre that stands after the
// last note of a bar is that of the next.
func (b *bars) sounded() {
	if !b.begun {
		b.begun, b.length = true, b.metre
	}
}

// bar reads a bar line.
func (r *reader) bar(fields []string) {
	var at Frac
	uneven := false
	first := true
	for _, c := range r.columns {
		if !c.kern {
			continue
		}
		uneven = uneven || !first && !c.until.Equal(at)
		at, first = latest(at, c.until), false
	}
	if uneven && !r.torn {
		var ends []string
		for _, c := range r.columns {
			if c.kern {
				ends = append(ends, c.until.String())
			}
		}
		r.fail(-1, VoicesOutOfTime, fmt.Sprintf("voices reach the bar line at %s quarter notes", strings.Join(ends, ", ")))
		r.torn = true
	}
	if first {
		at = r.now
	}
	for i := range r.columns {
		if r.columns[i].kern {
			r.columns[i].until = at
		}
	}
	r.now = at
	r.settle(at)
	r.closeBar(at, fields[0], r.line)
	r.torn = false
}

// closeBar ends the bar at hand. Bar lines with nothing between them make no
// measure, unless what was there could not be read; the later one opens the next,
// and the metre stays.
func (r *reader) closeBar(at Frac, token string, line int) {
	b := &r.bars
	if at.Cmp(b.onset) > 0 || r.torn {
		length, _ := at.Minus(b.onset)
		r.score.Measures = append(r.score.Measures, Measure{Number: barNumber(b.open), Onset: b.onset, Duration: length,
			Open: b.open, Close: token, Line: b.line, CloseLine: line, Length: b.length, Torn: r.torn})
	}
	*b = bars{onset: at, line: line, open: token, metre: b.metre}
}

var numbered = regexp.MustCompile(`^=+(\d+)`)

// barNumber is the number that a bar line's token carries.
func barNumber(token string) string {
	if m := numbered.FindStringSubmatch(token); m != nil {
		return m[1]
	}
	return ""
}

// settle gives the changes read since the last note or bar line their onset.
func (r *reader) settle(at Frac) {
	for ; r.pending < len(r.score.Changes); r.pending++ {
		r.score.Changes[r.pending].Onset = at
	}
}

var (
	keyToken   = regexp.MustCompile(`^\*k\[((?:[a-g](?:#{1,2}|-{1,2}|n))*)\]$`)
	metreToken = regexp.MustCompile(`^\*M(\d{1,3}(?:\+\d{1,3})*)/(\d{1,3})(?:%(\d{1,3}))?$`)
	freeToken  = regexp.MustCompile(`^\*M[X?Z]`)
	clefToken  = regexp.MustCompile(`^\*clef([GFC][v^]{0,2}[1-5]?|X)$`)
	staffToken = regexp.MustCompile(`^\*staff(\d{1,3})(?:/\d+)*$`)
	partToken  = regexp.MustCompile(`^\*part(\d{1,3})$`)
	tempoToken = regexp.MustCompile(`^\*MM(\d{1,4}(?:\.\d{1,4})?)$`)
)

// change reads one interpretation of a **kern column. What is unknown means
// nothing here and is no fault.
func (r *reader) change(i int, token string) {
	c := &r.columns[i]
	ch := Change{Line: r.line, Column: i, Spine: c.spine, Staff: c.staff}
	switch {
	case strings.HasPrefix(token, "*k["):
		m := keyToken.FindStringSubmatch(token)
		if m == nil {
			r.fail(i, BadToken, fmt.Sprintf("%s is no key signature", short(token)))
			return
		}
		ch.Kind, ch.Text = Key, token[1:]
		ch.Fifths = strings.Count(m[1], "#") - strings.Count(m[1], "-")
	case freeToken.MatchString(token):
		ch.Kind, ch.Text = Metre, token[2:]
		r.bars.metre = Frac{}
	case metreToken.MatchString(token):
		length, ok := metreLength(token)
		if !ok {
			r.fail(i, BadToken, fmt.Sprintf("%s is no metre", short(token)))
			return
		}
		ch.Kind, ch.Text, ch.Length = Metre, token[2:], length
		r.bars.metre = length
	case clefToken.MatchString(token):
		ch.Kind, ch.Text = Clef, token[len("*clef"):]
	case staffToken.MatchString(token):
		if n, _ := strconv.Atoi(staffToken.FindStringSubmatch(token)[1]); n > 0 {
			c.staff = n
		}
		return
	case partToken.MatchString(token):
		ch.Kind, ch.Text = Part, token[len("*part"):]
	case tempoToken.MatchString(token):
		ch.Kind, ch.Text = Tempo, token[len("*MM"):]
	case token == "*met(c)" || token == "*met(c|)":
		ch.Kind, ch.Text = Symbol, token[len("*met("):len(token)-1]
	case strings.HasPrefix(token, `*I"`):
		ch.Kind, ch.Text = Instrument, token[len(`*I"`):]
	default:
		return
	}
	r.score.Changes = append(r.score.Changes, ch)
}

// metreLength is how long a bar of a metre such as *M3/4, *M2+3/8 or *M3/3%2 lasts.
func metreLength(token string) (Frac, bool) {
	m := metreToken.FindStringSubmatch(token)
	beats := int64(0)
	for _, part := range strings.Split(m[1], "+") {
		n, _ := strconv.ParseInt(part, 10, 64)
		beats += n
	}
	unit, _ := strconv.ParseInt(m[2], 10, 64)
	times := int64(1)
	if m[3] != "" {
		times, _ = strconv.ParseInt(m[3], 10, 64)
	}
	length, ok := NewFrac(4*beats*times, unit)
	return length, ok && length.num > 0
}

// durations holds every bar against its metre. A first bar may be shorter, being
// a pickup, and so may the last, and the bars beside repeats, double bar lines
// and bar lines that are not drawn through.
func durations(s *Score, lines int) []Problem {
	var out []Problem
	for i, m := range s.Measures {
		if m.Torn || m.Length.Zero() || m.Duration.Equal(m.Length) {
			continue
		}
		edge := i == 0 || i == len(s.Measures)-1
		if strings.ContainsAny(m.Open+m.Close, ":|!-") || edge && m.Duration.Cmp(m.Length) < 0 {
			continue
		}
		line := m.CloseLine
		if line == 0 {
			line = lines
		}
		out = append(out, Problem{Line: line, Column: -1, Kind: MeasureDuration,
			Reason: fmt.Sprintf("the bar that ends here lasts %s quarter notes, its metre wants %s", m.Duration, m.Length)})
	}
	return out
}

// tied is a note that is tied on: the spine and key of the note that must
// follow, and when.
type tied struct {
	spine, midi int
	at          Frac
}

// ties checks that what is tied on goes on, in the same spine, at the same
// pitch, when the note ends.
func ties(s *Score, o Options) []Problem {
	var out []Problem
	open := map[tied][]int{} // lines of the notes tied on
	order := make([]int, len(s.Events))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return s.Events[a].Onset.Cmp(s.Events[b].Onset) })
	for _, i := range order {
		e := s.Events[i]
		for _, p := range e.Pitches {
			if p.Tie == TieContinue || p.Tie == TieStop {
				key := tied{e.Spine, p.MIDI(), Frac{e.Onset.num, e.Onset.Den()}}
				if lines := open[key]; len(lines) > 1 {
					open[key] = lines[1:]
				} else if len(lines) == 1 {
					delete(open, key)
				} else if !o.Fragment || !e.Onset.Zero() {
					out = append(out, Problem{Line: e.Line, Column: e.Column, Kind: TieWithoutStart,
						Reason: fmt.Sprintf("%s is tied to nothing before it", short(p.Text))})
				}
			}
			if p.Tie == TieStart || p.Tie == TieContinue {
				end, _ := e.Onset.Plus(p.Duration)
				key := tied{e.Spine, p.MIDI(), Frac{end.num, end.Den()}}
				open[key] = append(open[key], e.Line)
			}
		}
	}
	for key, lines := range open {
		for _, line := range lines {
			if !o.Fragment || !key.at.Equal(s.Total) {
				out = append(out, Problem{Line: line, Column: -1, Kind: TieWithoutEnd,
					Reason: fmt.Sprintf("a note is tied on to %s quarter notes, where its pitch is not heard", key.at)})
			}
		}
	}
	// The order of a map is no order.
	slices.SortFunc(out, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return strings.Compare(string(a.Kind)+a.Reason, string(b.Kind)+b.Reason)
	})
	return out
}
