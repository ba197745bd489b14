package musicxml

import (
	"math/bits"

	"palimpsest.dev/plugins/omr/kern"
)

// typeNames are the note values by the power of two of a whole note, from the
// maxima (8) down to 1/1024.
var typeNames = [...]string{"maxima", "long", "breve", "whole", "half", "quarter", "eighth", "16th", "32nd", "64th", "128th", "256th", "512th", "1024th"}

const wholeIndex = 3

// drawn says how a value in quarter notes is drawn: as the shortest power of two
// that is no shorter, of which actual are played in the time of normal. It
// reports false where there is no such note.
func drawn(value kern.Frac) (index int, actual, normal int64, ok bool) {
	if value.Num() <= 0 {
		return 0, 1, 1, false
	}
	// The value in whole notes is num/den; 2^k is the least power not below it.
	num, den := value.Num(), value.Den()*4
	k := bits.Len64(uint64(num)) - bits.Len64(uint64(den))
	for !below(num, den, k) {
		k++
	}
	for below(num, den, k-1) {
		k--
	}
	if index = wholeIndex - k; index < 0 || index >= len(typeNames) {
		return 0, 1, 1, false
	}
	// actual/normal = 2^k / (num/den)
	actual, normal = den, num
	if k >= 0 {
		actual <<= k
	} else {
		normal <<= -k
	}
	g := gcd(actual, normal)
	return index, actual / g, normal / g, true
}

// below reports whether num/den is at most 2^k.
func below(num, den int64, k int) bool {
	if k >= 0 {
		return num <= den<<k
	}
	return num<<-k <= den
}

// gcd is the greatest common divisor.
func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// tuplet marks where in a voice's bar tuplets begin and end.
type tuplet struct{ start, stop bool }

// tuplets groups the notes of one voice in one bar: a group begins with the first
// note that is no plain value and ends when its notes together are a plain
// length again. A group of one note gets no mark.
func tuplets(events []kern.Event) []tuplet {
	marks := make([]tuplet, len(events))
	first, count := -1, 0
	var ratio [2]int64
	var sum kern.Frac
	for i, e := range events {
		if e.Grace != kern.NotGrace {
			continue
		}
		_, actual, normal, ok := drawn(e.Value)
		plain := !ok || actual == normal
		if first >= 0 && (plain || [2]int64{actual, normal} != ratio) {
			first = -1 // a group that never added up
		}
		if plain {
			continue
		}
		if first < 0 {
			first, count, sum, ratio = i, 0, kern.Frac{}, [2]int64{actual, normal}
		}
		count++
		next, fits := sum.Plus(e.Duration)
		if sum = next; !fits {
			first = -1
			continue
		}
		if d := sum.Den(); d&(d-1) == 0 {
			if count > 1 {
				marks[first].start, marks[i].stop = true, true
			}
			first = -1
		}
	}
	return marks
}
