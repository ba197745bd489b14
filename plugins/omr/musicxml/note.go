package musicxml

import (
	"slices"
	"strconv"
	"strings"

	"palimpsest.dev/plugins/omr/kern"
)

// event writes the notes of an event and moves the cursor to its end.
func (b *bar) event(e kern.Event, index int, voice int64, mark tuplet) {
	if e.Rest {
		b.note(e, kern.Pitch{Duration: e.Duration}, noteAt{index, -1}, voice, mark)
	}
	for i, p := range e.Pitches {
		b.note(e, p, noteAt{index, i}, voice, mark)
	}
	if e.Grace == kern.NotGrace {
		b.cursor += b.part.ticks(e.Duration)
	}
}

// note writes one note, its elements in the order that the schema wants.
func (b *bar) note(e kern.Event, p kern.Pitch, at noteAt, voice int64, mark tuplet) {
	if e.Hidden {
		b.open("note", "print-object", "no")
	} else {
		b.open("note")
	}
	switch e.Grace {
	case kern.GraceSlash:
		b.empty("grace", "slash", "yes")
	case kern.GracePlain:
		b.empty("grace")
	}
	if at.note > 0 {
		b.empty("chord")
	}
	if e.Rest {
		b.empty("rest")
	} else {
		b.open("pitch")
		b.text("step", string(p.Step))
		if p.Alter != 0 {
			b.number("alter", int64(p.Alter))
		}
		b.number("octave", int64(p.Octave))
		b.close("pitch")
	}
	if e.Grace == kern.NotGrace {
		b.number("duration", b.part.ticks(p.Duration))
	}
	ties := tieTypes(p.Tie)
	for _, t := range ties {
		b.empty("tie", "type", t)
	}
	b.number("voice", voice)
	value, actual, normal, ok := drawn(e.Value)
	ok = ok && (e.Grace != kern.NotGrace || p.Duration.Equal(e.Duration))
	if ok {
		b.text("type", typeNames[value])
		for range e.Dots {
			b.empty("dot")
		}
	}
	if sign := b.signs[at]; sign != "" {
		b.text("accidental", sign)
	}
	if ok && actual != normal && e.Grace == kern.NotGrace {
		b.open("time-modification")
		b.number("actual-notes", actual)
		b.number("normal-notes", normal)
		b.close("time-modification")
	}
	switch {
	case e.Rest:
	case strings.Contains(p.Text, "/"):
		b.text("stem", "up")
	case strings.Contains(p.Text, `\`):
		b.text("stem", "down")
	}
	if len(b.part.staves) > 1 {
		b.number("staff", int64(slices.Index(b.part.staves, e.Staff)+1))
	}
	if at.note <= 0 {
		b.beam(e, value, ok)
	}
	b.notations(e, ties, at.note <= 0, mark)
	b.close("note")
}

func tieTypes(t kern.Tie) []string {
	switch t {
	case kern.TieStart:
		return []string{"start"}
	case kern.TieStop:
		return []string{"stop"}
	case kern.TieContinue:
		return []string{"stop", "start"}
	}
	return nil
}

// maxBeams is how many beams the format can number.
const maxBeams = 8

// beam writes what L, J, K and k of a token come to: beams are counted from the
// one farthest from the heads.
func (b *bar) beam(e kern.Event, value int, known bool) {
	starts, ends := strings.Count(e.Text, "L"), strings.Count(e.Text, "J")
	forward, backward := strings.Count(e.Text, "K"), strings.Count(e.Text, "k")
	key := e.Spine*kern.MaxColumns + e.Voice
	open := b.beams[key]
	ends = min(ends, open)
	flags := 0
	if known {
		flags = min(maxBeams, value-wholeIndex-2) // an eighth has one
	}
	write := func(number int, what string) {
		if number <= flags && !e.Rest {
			b.text("beam", what, "number", strconv.Itoa(number))
		}
	}
	for n := 1; n <= open; n++ {
		if n > open-ends {
			write(n, "end")
		} else {
			write(n, "continue")
		}
	}
	n := open
	for range min(starts, maxBeams) {
		n++
		write(n, "begin")
	}
	for range min(forward, maxBeams) {
		n++
		write(n, "forward hook")
	}
	for range min(backward, maxBeams) {
		n++
		write(n, "backward hook")
	}
	b.beams[key] = min(maxBeams, open-ends+starts)
}

// The marks of a token that the format has a name for.
var (
	ornaments     = []struct{ sign, name string }{{"Tt", "trill-mark"}, {"S", "turn"}, {"$", "inverted-turn"}, {"Mm", "mordent"}, {"Ww", "inverted-mordent"}}
	articulations = []struct{ sign, name string }{{"^", "accent"}, {"'", "staccato"}, {"~", "tenuto"}, {"`", "staccatissimo"}, {",", "breath-mark"}}
)

// notations writes ties and, on the first note of a chord, what belongs to the
// whole of it.
func (b *bar) notations(e kern.Event, ties []string, first bool, mark tuplet) {
	var inside writer
	for _, t := range ties {
		inside.empty("tied", "type", t)
	}
	if first {
		b.slur(&inside, e)
		if mark.stop {
			inside.empty("tuplet", "type", "stop")
		}
		if mark.start {
			inside.empty("tuplet", "type", "start")
		}
		group := func(name string, list []struct{ sign, name string }) {
			var named writer
			for _, m := range list {
				if strings.ContainsAny(e.Text, m.sign) {
					named.empty(m.name)
				}
			}
			if named.out.Len() > 0 {
				inside.open(name)
				inside.raw(named.out.String())
				inside.close(name)
			}
		}
		group("ornaments", ornaments)
		group("articulations", articulations)
		if strings.Contains(e.Text, ";") {
			inside.empty("fermata")
		}
		if strings.Contains(e.Text, ":") {
			inside.empty("arpeggiate")
		}
	}
	if inside.out.Len() > 0 {
		b.open("notations")
		b.raw(inside.out.String())
		b.close("notations")
	}
}

// maxSlurs is how many slurs of a part may be open at once.
const maxSlurs = 16

// slur writes the slurs that end and begin at an event. One that ends without
// having begun is left out.
func (b *bar) slur(to *writer, e kern.Event) {
	for range strings.Count(e.Text, ")") {
		open := b.slurs[e.Spine]
		if len(open) == 0 {
			break
		}
		to.empty("slur", "type", "stop", "number", strconv.Itoa(open[len(open)-1]))
		b.slurs[e.Spine] = open[:len(open)-1]
	}
	for range strings.Count(e.Text, "(") {
		number := 1
		for number <= maxSlurs && b.taken(number) {
			number++
		}
		if number > maxSlurs {
			return
		}
		to.empty("slur", "type", "start", "number", strconv.Itoa(number))
		b.slurs[e.Spine] = append(b.slurs[e.Spine], number)
	}
}

func (b *bar) taken(number int) bool {
	for _, open := range b.slurs {
		if slices.Contains(open, number) {
			return true
		}
	}
	return false
}
