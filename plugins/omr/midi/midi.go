// Package midi writes a score read from **kern as a Standard MIDI File, format 1
// (The Complete MIDI 1.0 Detailed Specification, "Standard MIDI Files 1.0"): a
// track of metre, key and tempo, then a track and a channel for each spine, the
// highest staff first.
//
// Tied notes sound as one. Nothing is interpreted beyond what a file of sounds
// cannot leave open: all notes have one velocity, repeats are played once, and
// grace notes, which have no time of their own, are taken from what comes
// before them, a thirty-second note each.
package midi

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"palimpsest.dev/plugins/omr/kern"
)

// MediaType is that of what Write returns.
const MediaType = "audio/midi"

// Times are counted in ticks, so many to a quarter note. A score whose durations
// need more than a file can say gets fallbackDivision, and its times are rounded
// to the nearest tick, each by itself so that errors do not add up.
const (
	maxDivision      = 1<<15 - 1
	fallbackDivision = 27720 // divisible by 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
)

const (
	velocity   = 80
	percussion = 9 // the channel that plays drums whatever the key
	// maxTicks is the largest number that a delta time can hold.
	maxTicks = 1<<28 - 1
)

// ErrNoMusic is returned for a score without a single bar that lasts.
var ErrNoMusic = errors.New("midi: the score has no music")

// event is what happens at a tick. Lower ranks come first at the same tick: what
// changes, then what ends, then what begins.
type event struct {
	tick int64
	rank int
	data []byte
}

// Write writes the score. It returns ErrNoMusic, or an error when the score is
// longer than a file can be.
func Write(s *kern.Score, title string) ([]byte, error) {
	if len(s.Measures) == 0 {
		return nil, ErrNoMusic
	}
	c := clock{division: division(s)}
	if c.at(s.Total) > maxTicks {
		return nil, fmt.Errorf("midi: %s quarter notes are more than a file can hold", s.Total)
	}
	tracks := [][]event{conductor(s, c, title)}
	channel := 0
	for spine := len(s.Exclusive) - 1; spine >= 0; spine-- {
		if s.Exclusive[spine] != "**kern" {
			continue
		}
		tracks = append(tracks, notes(s, c, spine, byte(channel)))
		if channel = (channel + 1) % 16; channel == percussion {
			channel++
		}
	}
	var out bytes.Buffer
	out.WriteString("MThd")
	out.Write(binary.BigEndian.AppendUint32(nil, 6))
	for _, v := range []int{1, len(tracks), int(c.division)} {
		out.Write(binary.BigEndian.AppendUint16(nil, uint16(v)))
	}
	for _, t := range tracks {
		body := encode(t, c.at(s.Total))
		out.WriteString("MTrk")
		out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(body))))
		out.Write(body)
	}
	return out.Bytes(), nil
}

// clock counts ticks.
type clock struct{ division int64 }

// at is a time in ticks.
func (c clock) at(f kern.Frac) int64 {
	if c.division%f.Den() == 0 {
		return f.Num() * (c.division / f.Den())
	}
	return int64(math.Round(f.Float() * float64(c.division)))
}

// division is the number of ticks that makes every time of the score whole, at
// least 96 so that grace notes have some, or the fallback.
func division(s *kern.Score) int64 {
	d := int64(96)
	take := func(f kern.Frac) {
		if d <= maxDivision {
			a, b := d, f.Den()
			for b != 0 {
				a, b = b, a%b
			}
			if step := f.Den() / a; step > maxDivision/d {
				d = maxDivision + 1
			} else {
				d *= step
			}
		}
	}
	for _, e := range s.Events {
		take(e.Onset)
		for _, p := range e.Pitches {
			take(p.Duration)
		}
	}
	if d > maxDivision {
		return fallbackDivision
	}
	return d
}

// conductor is the track of what holds for all.
func conductor(s *kern.Score, c clock, title string) []event {
	var out []event
	meta := func(tick int64, kind byte, data []byte) {
		out = append(out, event{tick, 0, append(append([]byte{0xFF, kind}, quantity(int64(len(data)))...), data...)})
	}
	if title != "" {
		meta(0, 0x03, []byte(title))
	}
	said := map[string]bool{} // the same change stands in every column
	for _, ch := range s.Changes {
		at := c.at(ch.Onset)
		key := fmt.Sprint(at, ch.Kind, ch.Text)
		if said[key] {
			continue
		}
		said[key] = true
		switch ch.Kind {
		case kern.Metre:
			if data := metre(ch); data != nil {
				meta(at, 0x58, data)
			}
		case kern.Key:
			if ch.Fifths >= -7 && ch.Fifths <= 7 {
				meta(at, 0x59, []byte{byte(int8(ch.Fifths)), 0})
			}
		case kern.Tempo:
			if perMinute, err := strconv.ParseFloat(ch.Text, 64); err == nil && perMinute >= 4 {
				micros := uint32(math.Round(60e6 / perMinute))
				meta(at, 0x51, []byte{byte(micros >> 16), byte(micros >> 8), byte(micros)})
			}
		}
	}
	return out
}

// metre is the content of a time signature event, nil for a metre that it cannot
// say.
func metre(ch kern.Change) []byte {
	beats, unit, _ := strings.Cut(ch.Text, "/")
	sum := 0
	for part := range strings.SplitSeq(beats, "+") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil
		}
		sum += n
	}
	n, err := strconv.Atoi(unit)
	if err != nil || n < 1 || n&(n-1) != 0 || sum < 1 || sum > 255 {
		return nil
	}
	power := bits.Len(uint(n)) - 1
	clicks := max(1, min(255, 96/n)) // MIDI clocks, of which a quarter note has 24, per beat
	return []byte{byte(sum), byte(power), byte(clicks), 8}
}

// sound is a note with its ties resolved.
type sound struct {
	from, to int64
	key      int
}

// notes is the track of a spine.
func notes(s *kern.Score, c clock, spine int, channel byte) []event {
	type open struct {
		key int
		at  int64
	}
	var sounds []sound
	tied := map[open][]int{} // notes that go on at a time, by index in sounds
	for _, e := range s.Events {
		if e.Spine != spine {
			continue
		}
		at := c.at(e.Onset)
		for _, p := range e.Pitches {
			if e.Grace != kern.NotGrace {
				continue
			}
			end, _ := e.Onset.Plus(p.Duration)
			until := c.at(end)
			before := tied[open{p.MIDI(), at}]
			index := len(sounds)
			if len(before) > 0 && (p.Tie == kern.TieContinue || p.Tie == kern.TieStop) {
				index, tied[open{p.MIDI(), at}] = before[0], before[1:]
				sounds[index].to = until
			} else {
				sounds = append(sounds, sound{at, until, p.MIDI()})
			}
			if p.Tie == kern.TieStart || p.Tie == kern.TieContinue {
				goesOn := open{p.MIDI(), until}
				tied[goesOn] = append(tied[goesOn], index)
			}
		}
	}
	sounds = append(sounds, ornaments(s, c, spine)...)
	var out []event
	for _, n := range sounds {
		if n.to <= n.from {
			continue // shorter than a tick
		}
		out = append(out,
			event{n.from, 2, []byte{0x90 | channel, byte(n.key), velocity}},
			event{n.to, 1, []byte{0x80 | channel, byte(n.key), 0x40}})
	}
	return out
}

// ornaments are the grace notes of a spine: those of one moment follow one
// another and end when it comes. At the beginning of the score there is no time
// before it, and they are left out.
func ornaments(s *kern.Score, c clock, spine int) []sound {
	length := c.division / 8
	moments := map[int64][]kern.Event{}
	for _, e := range s.Events {
		if e.Spine == spine && e.Grace != kern.NotGrace {
			at := c.at(e.Onset)
			moments[at] = append(moments[at], e)
		}
	}
	var out []sound
	for at, graces := range moments {
		for i, e := range graces {
			from := at - int64(len(graces)-i)*length
			if from < 0 {
				continue
			}
			for _, p := range e.Pitches {
				out = append(out, sound{from, from + length, p.MIDI()})
			}
		}
	}
	return out
}

// encode writes a track: events in order, each after its delta time, and the end
// of the track at the end of the score.
func encode(events []event, end int64) []byte {
	slices.SortFunc(events, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.tick, b.tick), cmp.Compare(a.rank, b.rank), bytes.Compare(a.data, b.data))
	})
	var out []byte
	now := int64(0)
	for _, e := range events {
		out = append(append(out, quantity(e.tick-now)...), e.data...)
		now = e.tick
	}
	out = append(out, quantity(max(0, end-now))...)
	return append(out, 0xFF, 0x2F, 0)
}

// quantity is a number in groups of seven bits, the highest first.
func quantity(n int64) []byte {
	out := []byte{byte(n & 0x7F)}
	for n >>= 7; n > 0; n >>= 7 {
		out = append([]byte{byte(n&0x7F | 0x80)}, out...)
	}
	return out
}
