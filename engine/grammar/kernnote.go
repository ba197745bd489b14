package grammar

import "strings"

// note gives the number of a local state inside a note.
func (k kern) note(n int) uint16 { return uint16(len(k.places) + n) }

func (k kern) step(s *kernState, b byte) verdict {
	if int(s.q) < len(k.places) {
		place := int(k.places[s.q])
		t := k.tries[place]
		if int(s.q) == t.root && (place == kernData || place == kernLine && b != '*' && b != '=') {
			s.chord, s.rest = 1, false
			return k.noteBegins(s, b)
		}
		next, v := t.step(s, int(s.q), b)
		if v != no && next >= 0 {
			s.q = uint16(next)
		}
		return v
	}
	n := int(s.q) - len(k.places)
	switch {
	case n == noteSeparator:
		if len(k.columns) == 1 || b != k.columns[1] {
			return no
		}
		return k.tokenEnds(s, false)
	case n == noteNull || n >= noteSharp1:
		if v := k.between(s, b); v != no {
			return v
		}
		if n == noteNull {
			return no
		}
		return k.afterPitch(s, n, b)
	case n <= noteTie:
		if n < noteSlur3 && b == '(' {
			return k.move(s, n+1)
		}
		if n < noteTie && b == '[' {
			return k.move(s, noteTie)
		}
		return k.duration(s, b)
	case n >= noteChord:
		if n == noteChord && b == '(' {
			return k.move(s, noteChord1)
		}
		if n < noteChord2 && b == '[' {
			return k.move(s, noteChord2)
		}
		return k.pitch(s, b)
	}
	return k.afterDuration(s, n, b)
}

func (k kern) move(s *kernState, n int) verdict {
	s.q = k.note(n)
	return yes
}

// noteBegins reads the first byte of a column of notes.
func (k kern) noteBegins(s *kernState, b byte) verdict {
	switch b {
	case '.':
		return k.move(s, noteNull)
	case '(':
		return k.move(s, noteSlur1)
	case '[':
		return k.move(s, noteTie)
	}
	return k.duration(s, b)
}

// duration reads the first byte of a duration.
func (k kern) duration(s *kernState, b byte) verdict {
	switch {
	case b == '0':
		return k.move(s, noteBreve)
	case b >= '1' && b <= '9':
		return k.move(s, noteDigit1)
	}
	return no
}

// afterDuration goes on with a duration or begins the pitch or rest behind it.
func (k kern) afterDuration(s *kernState, n int, b byte) verdict {
	digit := b >= '0' && b <= '9'
	switch {
	case (n == noteDigit1 || n == noteDigit2) && digit:
		return k.move(s, n+1)
	case n == noteBreve && b == '0':
		return k.move(s, noteLonga)
	case n >= noteDigit1 && n <= noteDigit3 && b == '%':
		return k.move(s, noteOver)
	case n == noteOver:
		if b >= '1' && b <= '9' {
			return k.move(s, noteRatio)
		}
		return no
	case n == noteDot1 && b == '.':
		return k.move(s, noteDot2)
	case n < noteDot1 && b == '.':
		return k.move(s, noteDot1)
	case n == noteGrace1 && b == 'q':
		return k.move(s, noteGrace2)
	case n < noteGrace1 && b == 'q':
		return k.move(s, noteGrace1)
	case b == 'r' && n < noteGrace1:
		s.rest = true
		return k.move(s, noteSign)
	}
	return k.pitch(s, b)
}

// pitch reads the first letter of a pitch.
func (k kern) pitch(s *kernState, b byte) verdict {
	if i := strings.IndexByte(pitches, b); i >= 0 {
		return k.move(s, notePitch+i*maxOctaves)
	}
	return no
}

// afterPitch reads further letters, the accidental, signs, or the space before another note of the chord.
func (k kern) afterPitch(s *kernState, n int, b byte) verdict {
	letter := n >= notePitch
	switch {
	case letter && b == pitches[(n-notePitch)/maxOctaves] && (n-notePitch)%maxOctaves < maxOctaves-1:
		return k.move(s, n+1)
	case b == '#' && (letter || n == noteSharp1):
		if letter {
			return k.move(s, noteSharp1)
		}
		return k.move(s, noteSharp2)
	case b == '-' && (letter || n == noteFlat1):
		if letter {
			return k.move(s, noteFlat1)
		}
		return k.move(s, noteFlat2)
	case b == ' ':
		v := allow(!s.rest && s.chord < maxChord)
		if s.deep {
			v = ask
		}
		s.chord++
		s.q = k.note(noteChord)
		return v
	case strings.IndexByte(signs, b) < 0:
		return no
	case n >= noteSign && n < notePitch:
		if n == noteSign+maxSigns {
			return no
		}
		return k.move(s, n+1)
	}
	return k.move(s, noteSign+1)
}

// between reads the separator or the end of the line behind a column of notes; no for other bytes.
func (k kern) between(s *kernState, b byte) verdict {
	switch {
	case b == '\n':
		return k.tokenEnds(s, true)
	case b != k.columns[0]:
		return no
	case len(k.columns) == 1:
		return k.tokenEnds(s, false)
	}
	v := more(s)
	s.q = k.note(noteSeparator)
	return v
}

// tokenEnds moves on to the next column or line.
func (k kern) tokenEnds(s *kernState, line bool) verdict {
	if line {
		v := last(s)
		if v != no {
			k.line(s)
		}
		return v
	}
	v := more(s)
	s.column++
	k.to(kernData)(s)
	return v
}

// close completes the note at hand, fills the line, and writes the line of *-.
func (k kern) close(s *kernState, text []byte) []byte {
	at := *s
	write := func(more string) {
		for i := range len(more) {
			k.step(&at, more[i])
		}
		text = append(text, more...)
	}
	for !k.ends(&at) {
		if int(at.q) < len(k.places) {
			if place := int(k.places[at.q]); place != kernData {
				text = k.tries[place].close(&at, int(at.q), text)
				continue
			}
			write(".")
		}
		switch n := int(at.q) - len(k.places); {
		case n == noteSeparator:
			write(k.columns[1:])
			continue
		case n >= noteSlur1 && n <= noteTie:
			write("4c")
		case n == noteOver:
			write("1c")
		case n >= noteDigit1 && n <= noteChord2:
			write("c")
		}
		if at.column+1 < at.columns {
			write(k.columns)
		} else {
			write("\n")
		}
	}
	return text
}
