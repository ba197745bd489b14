package musicxml

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"slices"
	"strconv"
	"strings"

	"palimpsest.dev/plugins/omr/kern"
)

// writer writes elements. Names and attributes are ours; only texts need
// escaping, and xml.EscapeText replaces what XML cannot hold.
type writer struct {
	out   bytes.Buffer
	score *kern.Score
	signs map[noteAt]string
	slurs map[int][]int // open slur numbers by spine, the innermost last
	beams map[int]int   // open beams by spine and voice
}

func (w *writer) raw(s string) { w.out.WriteString(s) }

func (w *writer) tag(name, end string, attributes []string) {
	w.raw("<" + name)
	for i := 0; i+1 < len(attributes); i += 2 {
		w.raw(" " + attributes[i] + `="`)
		_ = xml.EscapeText(&w.out, []byte(attributes[i+1])) // a buffer takes everything
		w.raw(`"`)
	}
	w.raw(end)
}

func (w *writer) open(name string, attributes ...string)  { w.tag(name, ">\n", attributes) }
func (w *writer) empty(name string, attributes ...string) { w.tag(name, "/>\n", attributes) }
func (w *writer) close(name string)                       { w.raw("</" + name + ">\n") }

func (w *writer) text(name, text string, attributes ...string) {
	w.tag(name, ">", attributes)
	_ = xml.EscapeText(&w.out, []byte(text))
	w.close(name)
}

func (w *writer) number(name string, n int64) { w.text(name, strconv.FormatInt(n, 10)) }

// part writes all bars of a part.
func (w *writer) part(id string, p *part) {
	w.open("part", "id", id)
	w.slurs, w.beams = map[int][]int{}, map[int]int{}
	last, number := len(w.score.Measures)-1, 0
	event, change := 0, 0
	for i, m := range w.score.Measures {
		from := event
		for event < len(p.events) && (i == last || w.score.Events[p.events[event]].Measure <= i) {
			event++
		}
		end, _ := m.Onset.Plus(m.Duration)
		first := change
		for change < len(p.changes) && (i == last || p.changes[change].Onset.Cmp(end) < 0) {
			change++
		}
		attributes := []string{"number", m.Number}
		if n, err := strconv.Atoi(m.Number); err == nil {
			number = n
		} else if short := m.Duration.Cmp(m.Length) < 0; i == 0 && short {
			attributes = []string{"number", "0", "implicit", "yes"}
		} else {
			number++
			attributes[1] = strconv.Itoa(number)
		}
		w.open("measure", attributes...)
		bar := bar{writer: w, part: p, start: p.ticks(m.Onset), end: p.ticks(end), cursor: p.ticks(m.Onset), changes: p.changes[first:change]}
		bar.write(m, p.events[from:event], i == 0)
		w.close("measure")
	}
	w.close("part")
}

// bar is one bar of a part while it is written.
type bar struct {
	*writer
	part               *part
	start, end, cursor int64
	changes            []kern.Change // that are still to be written
}

// write writes a bar: what changes at its beginning, then voice after voice, the
// cursor going back in between, then the bar line.
func (b *bar) write(m kern.Measure, events []int, first bool) {
	if strings.Contains(m.Open, "|:") {
		b.open("barline", "location", "left")
		b.text("bar-style", "heavy-light")
		b.empty("repeat", "direction", "forward")
		b.close("barline")
	}
	b.attributes(b.start, first)
	voices := map[int64][]int{}
	var order []int64
	for _, i := range events {
		v := b.part.voice(b.score.Events[i])
		if voices[v] == nil {
			order = append(order, v)
		}
		voices[v] = append(voices[v], i)
	}
	slices.Sort(order)
	for _, v := range order {
		b.voice(v, voices[v])
	}
	for len(b.changes) > 0 {
		at := b.part.ticks(b.changes[0].Onset)
		b.move(at)
		b.attributes(at, false)
	}
	b.move(b.end)
	if style, back := rightBar(m.Close); style != "" {
		b.open("barline", "location", "right")
		b.text("bar-style", style)
		if back {
			b.empty("repeat", "direction", "backward")
		}
		b.close("barline")
	}
}

// rightBar is how a closing bar line is drawn, empty for a plain one.
func rightBar(token string) (style string, repeat bool) {
	switch {
	case strings.Contains(token, ":|"):
		return "light-heavy", true
	case strings.HasPrefix(token, "==") || strings.Contains(token, "|!") && !strings.Contains(token, "|:"):
		return "light-heavy", false
	case strings.Contains(token, "||") && !strings.Contains(token, "|:"):
		return "light-light", false
	case strings.Contains(token, "-"):
		return "none", false
	case strings.Contains(token, "."):
		return "dotted", false
	}
	return "", false
}

// voice is the number of an event's voice in its part.
func (p *part) voice(e kern.Event) int64 {
	return int64(slices.Index(p.spines, e.Spine)*p.stride + e.Voice)
}

// move brings the cursor to a time.
func (b *bar) move(to int64) {
	name, by := "forward", to-b.cursor
	if by < 0 {
		name, by = "backup", -by
	}
	if by > 0 {
		b.open(name)
		b.number("duration", by)
		b.close(name)
	}
	b.cursor = to
}

// voice writes the events of one voice.
func (b *bar) voice(number int64, indices []int) {
	events := make([]kern.Event, len(indices))
	for i, at := range indices {
		events[i] = b.score.Events[at]
	}
	marks := tuplets(events)
	for i, e := range events {
		onset := b.part.ticks(e.Onset)
		for len(b.changes) > 0 && b.part.ticks(b.changes[0].Onset) <= onset {
			at := b.part.ticks(b.changes[0].Onset)
			b.move(at)
			b.attributes(at, false)
		}
		b.move(onset)
		b.event(e, indices[i], number, marks[i])
	}
}

// attributes writes the changes at one time.
func (b *bar) attributes(at int64, first bool) {
	var now []kern.Change
	for len(b.changes) > 0 && b.part.ticks(b.changes[0].Onset) <= at {
		now = append(now, b.changes[0])
		b.changes = b.changes[1:]
	}
	p := b.part
	var keys, metres, clefs []kern.Change
	symbol := ""
	tempo := ""
	for _, c := range now {
		switch c.Kind {
		case kern.Key:
			keys = put(keys, c)
		case kern.Metre:
			metres = put(metres, c)
		case kern.Clef:
			clefs = put(clefs, c)
		case kern.Symbol:
			symbol = map[string]string{"c": "common", "c|": "cut"}[c.Text]
		case kern.Tempo:
			tempo = c.Text
		}
	}
	if first || len(keys)+len(metres)+len(clefs) > 0 {
		b.open("attributes")
		if first {
			b.number("divisions", p.divisions)
		}
		for _, c := range p.agreed(keys) {
			b.key(c)
		}
		for _, c := range p.agreed(metres) {
			b.time(c, symbol)
		}
		if first && len(p.staves) > 1 {
			b.number("staves", int64(len(p.staves)))
		}
		for _, c := range clefs {
			b.clef(c)
		}
		b.close("attributes")
	}
	if tempo != "" {
		b.empty("sound", "tempo", tempo)
	}
}

// put adds a change, which replaces an earlier one of the same staff.
func put(list []kern.Change, c kern.Change) []kern.Change {
	if i := slices.IndexFunc(list, func(o kern.Change) bool { return o.Staff == c.Staff }); i >= 0 {
		list[i] = c
		return list
	}
	return append(list, c)
}

// agreed gives one change with staff 0 for all staves where they agree, and the
// changes by staff, from the top, otherwise.
func (p *part) agreed(list []kern.Change) []kern.Change {
	same := len(list) == len(p.staves)
	for _, c := range list {
		same = same && c.Text == list[0].Text
	}
	if same && len(list) > 0 {
		one := list[0]
		one.Staff = 0
		return []kern.Change{one}
	}
	return slices.SortedFunc(slices.Values(list), func(a, b kern.Change) int { return cmp.Compare(a.Staff, b.Staff) })
}

// staffNumber is the number attribute of an element, nil where all staves are
// meant.
func (p *part) staffNumber(staff int) []string {
	if staff == 0 || len(p.staves) == 1 {
		return nil
	}
	return []string{"number", strconv.Itoa(slices.Index(p.staves, staff) + 1)}
}

func (b *bar) key(c kern.Change) {
	b.open("key", b.part.staffNumber(c.Staff)...)
	if n, usual := fifths(c.Text); usual {
		b.number("fifths", int64(n))
	} else {
		alters := signature(c.Text)
		for _, step := range []byte(sharps) {
			if alter, ok := alters[step]; ok {
				b.text("key-step", string(step))
				b.number("key-alter", int64(alter))
			}
		}
	}
	b.close("key")
}

func (b *bar) time(c kern.Change, symbol string) {
	beats, unit, ok := strings.Cut(c.Text, "/")
	if symbol != "" {
		b.open("time", append(b.part.staffNumber(c.Staff), "symbol", symbol)...)
	} else {
		b.open("time", b.part.staffNumber(c.Staff)...)
	}
	if ok && !c.Length.Zero() && !strings.Contains(unit, "%") {
		b.text("beats", beats)
		b.text("beat-type", unit)
	} else {
		b.empty("senza-misura")
	}
	b.close("time")
}

func (b *bar) clef(c kern.Change) {
	b.open("clef", b.part.staffNumber(c.Staff)...)
	if c.Text == "X" {
		b.text("sign", "percussion")
	} else {
		b.text("sign", c.Text[:1])
		rest := strings.TrimLeft(c.Text[1:], "v^")
		if rest != "" {
			b.text("line", rest)
		}
		if n := strings.Count(c.Text, "^") - strings.Count(c.Text, "v"); n != 0 {
			b.number("clef-octave-change", int64(n))
		}
	}
	b.close("clef")
}
