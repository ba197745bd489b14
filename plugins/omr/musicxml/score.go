// Package musicxml writes a score read from **kern as MusicXML 4.0, partwise.
// Everything stands at its exact time: the divisions of a part are the least
// common denominator of its durations. The writer adds nothing that the text
// does not say but what the format wants spelt out: which accidentals are to be
// drawn, where tuplets begin and end, and the gaps of voices that do not fill
// their bar, which become forward elements and not rests.
package musicxml

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"palimpsest.dev/plugins/omr/kern"
)

// MediaType is that of what Write returns.
const MediaType = "application/vnd.recordare.musicxml+xml"

// maxDivisions bounds how finely a quarter note may be divided.
const maxDivisions = 1 << 30

// ErrNoMusic is returned for a score without a single bar that lasts.
var ErrNoMusic = errors.New("musicxml: the score has no music")

// Source names what a score was made from.
type Source struct {
	Title    string // of the movement
	Software string // program and version
}

// part is one or more staves that are read together.
type part struct {
	spines    []int // from the highest staff down
	staves    []int // numbers of kern.Event.Staff, ascending; the place in it is the part's own number
	name      string
	divisions int64
	stride    int // voices of one spine are numbered from its place times this
	events    []int
	changes   []kern.Change
}

// Write writes the score. It returns ErrNoMusic, or an error when the music is
// divided more finely than the format can be expected to bear.
func Write(s *kern.Score, from Source) ([]byte, error) {
	if len(s.Measures) == 0 {
		return nil, ErrNoMusic
	}
	parts := split(s)
	if len(parts) == 0 {
		return nil, ErrNoMusic
	}
	w := &writer{score: s, signs: accidentals(s)}
	w.raw(`<?xml version="1.0" encoding="UTF-8" standalone="no"?>` + "\n")
	w.raw(`<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">` + "\n")
	w.open("score-partwise", "version", "4.0")
	if from.Title != "" {
		w.text("movement-title", from.Title)
	}
	if from.Software != "" {
		w.open("identification")
		w.open("encoding")
		w.text("software", from.Software)
		w.close("encoding")
		w.close("identification")
	}
	w.open("part-list")
	for i, p := range parts {
		w.open("score-part", "id", fmt.Sprintf("P%d", i+1))
		w.text("part-name", p.name)
		w.close("score-part")
	}
	w.close("part-list")
	for i, p := range parts {
		if err := p.divide(s); err != nil {
			return nil, err
		}
		w.part(fmt.Sprintf("P%d", i+1), p)
	}
	w.close("score-partwise")
	return w.out.Bytes(), nil
}

// split gathers the spines into parts, the highest first. Spines that name the
// same *part belong together; without any such name two staves are one part, as
// piano music is written, and any other number are parts of their own.
func split(s *kern.Score) []*part {
	of := map[int]string{}
	names := map[int]string{}
	for _, c := range s.Changes {
		if _, seen := of[c.Spine]; c.Kind == kern.Part && !seen {
			of[c.Spine] = c.Text
		}
		if _, seen := names[c.Spine]; c.Kind == kern.Instrument && !seen {
			names[c.Spine] = c.Text
		}
	}
	pair := len(of) == 0 && s.KernSpines() == 2
	var parts []*part
	byKey := map[string]*part{}
	for spine := len(s.Exclusive) - 1; spine >= 0; spine-- {
		if s.Exclusive[spine] != "**kern" {
			continue
		}
		key := fmt.Sprintf("spine %d", spine)
		if n, ok := of[spine]; ok {
			key = "part " + n
		} else if pair {
			key = "pair"
		}
		p := byKey[key]
		if p == nil {
			p = &part{stride: 4}
			byKey[key] = p
			parts = append(parts, p)
		}
		p.spines = append(p.spines, spine)
		p.name = cmp.Or(p.name, names[spine])
	}
	for _, p := range parts {
		p.gather(s)
	}
	return parts
}

// gather finds the events, changes and staves of a part.
func (p *part) gather(s *kern.Score) {
	for i, e := range s.Events {
		if !slices.Contains(p.spines, e.Spine) {
			continue
		}
		p.events = append(p.events, i)
		p.stride = max(p.stride, e.Voice)
		p.staff(e.Staff)
	}
	for _, c := range s.Changes {
		if slices.Contains(p.spines, c.Spine) {
			p.changes = append(p.changes, c)
			p.staff(c.Staff)
		}
	}
	slices.Sort(p.staves)
}

func (p *part) staff(n int) {
	if !slices.Contains(p.staves, n) {
		p.staves = append(p.staves, n)
	}
}

// divide finds the part's divisions of a quarter note.
func (p *part) divide(s *kern.Score) error {
	p.divisions = 1
	take := func(f kern.Frac) bool {
		p.divisions = lcm(p.divisions, f.Den())
		return p.divisions <= maxDivisions
	}
	ok := true
	for _, i := range p.events {
		e := s.Events[i]
		ok = ok && take(e.Onset) && take(e.Duration)
		for _, n := range e.Pitches {
			ok = ok && take(n.Duration)
		}
	}
	for _, m := range s.Measures {
		ok = ok && take(m.Onset) && take(m.Duration)
	}
	for _, c := range p.changes {
		ok = ok && take(c.Onset)
	}
	if !ok {
		return fmt.Errorf("musicxml: a quarter note is divided into more than %d parts", maxDivisions)
	}
	return nil
}

// ticks is a time in the part's divisions.
func (p *part) ticks(f kern.Frac) int64 { return f.Num() * (p.divisions / f.Den()) }

// lcm is the least common multiple of positive numbers, more than maxDivisions
// when it would be more.
func lcm(a, b int64) int64 {
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	if b/x > maxDivisions/a {
		return maxDivisions + 1
	}
	return a * (b / x)
}
