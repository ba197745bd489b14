package pdfa

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"

	"golang.org/x/text/unicode/bidi"
)

// maxRunes bounds a word: longer ones are cut. No word is as long as that.
const maxRunes = 2000

// place is where a run of text stands on the page, in points, y up.
type place struct {
	x, y   float64 // bottom left corner, as the text runs
	ux, uy float64 // direction of the text, of length 1
	vx, vy float64 // from the bottom of the letters to their top, of length 1
	width  float64
	height float64
}

// writeText writes the words in rendering mode 3, which shows nothing. Pixels
// are sx and sy points large. It returns the set of Unicode planes used.
func writeText(b *bytes.Buffer, lines []Line, sx, sy, height float64) (used uint32) {
	open := false
	for _, line := range lines {
		runs := runsOf(line)
		for i, w := range runs {
			text := visual(w.Text)
			at, ok := locate(w, sx, sy, height)
			if len(text) == 0 || !ok {
				continue
			}
			if !open {
				b.WriteString("BT 3 Tr\n")
				open = true
			}
			fmt.Fprintf(b, "%s %s %s %s %s %s Tm ", number6(at.ux), number6(at.uy), number6(at.vx), number6(at.vy), number(at.x), number(at.y))
			scale := 100 * at.width / (float64(len(text)) * at.height * advance / 1000)
			fmt.Fprintf(b, "%s Tz ", number(scale))
			used |= show(b, text, at.height)
			if i+1 < len(runs) {
				used |= space(b, at, runs[i+1], sx, sy, height)
			}
			b.WriteByte('\n')
		}
	}
	if open {
		b.WriteString("ET\n")
	}
	return used
}

// show writes text from where the last one ended, in the fonts of its
// characters' planes.
func show(b *bytes.Buffer, text []rune, size float64) (used uint32) {
	for len(text) > 0 {
		plane := text[0] >> 16
		n := 0
		var codes strings.Builder
		for n < len(text) && text[n]>>16 == plane {
			fmt.Fprintf(&codes, "%04X", text[n]&0xffff)
			n++
		}
		fmt.Fprintf(b, "/F%d %s Tf <%s> Tj ", plane, number(size), codes.String())
		used |= 1 << plane
		text = text[n:]
	}
	return used
}

// space puts a space between a word and the next of its line, as wide as the
// gap. Readers find the words of a line that runs to the left by their places.
func space(b *bytes.Buffer, at place, next Word, sx, sy, height float64) uint32 {
	to, ok := locate(next, sx, sy, height)
	if !ok {
		return 0
	}
	gap := (to.x-at.x)*at.ux + (to.y-at.y)*at.uy - at.width
	if gap < -at.width {
		return 0
	}
	gap = max(gap, at.height/100)
	fmt.Fprintf(b, "%s Tz ", number(100*gap/(at.height*advance/1000)))
	return show(b, []rune{' '}, at.height)
}

// runsOf gives a line's words; those that share one place, because nobody knows
// their own, become one run.
func runsOf(line Line) []Word {
	var out []Word
	for _, w := range line {
		if n := len(out); n > 0 && out[n-1].Box == w.Box && slices.Equal(out[n-1].Polygon, w.Polygon) {
			out[n-1].Text += " " + w.Text
			continue
		}
		out = append(out, w)
	}
	return out
}

// locate turns a word's place into points. A word without one is left out.
func locate(w Word, sx, sy, height float64) (place, bool) {
	corners := [4][2]float64{{w.Box[0], w.Box[1]}, {w.Box[2], w.Box[1]}, {w.Box[2], w.Box[3]}, {w.Box[0], w.Box[3]}}
	if len(w.Polygon) == 4 {
		copy(corners[:], w.Polygon)
	} else if !(w.Box[0] < w.Box[2] && w.Box[1] < w.Box[3]) {
		return place{}, false
	}
	for i, c := range corners {
		corners[i] = [2]float64{c[0] * sx, height - c[1]*sy}
		if s := corners[i][0] + corners[i][1]; math.IsNaN(s) || math.Abs(s) > 4*maxSide {
			return place{}, false
		}
	}
	topLeft, right, left := corners[0], corners[2], corners[3]
	p := place{x: left[0], y: left[1]}
	p.ux, p.uy, p.width = direction(left, right)
	p.vx, p.vy, p.height = direction(left, topLeft)
	const least = 0.01 // points: what is smaller is no word
	if p.width < least || p.height < least || math.Abs(p.ux*p.vy-p.uy*p.vx) < 0.1 {
		return place{}, false
	}
	return p, true
}

// direction is that from a to b, of length 1, and the distance.
func direction(a, b [2]float64) (x, y, distance float64) {
	x, y = b[0]-a[0], b[1]-a[1]
	distance = math.Hypot(x, y)
	if distance == 0 {
		return 0, 0, 0
	}
	return x / distance, y / distance, distance
}

// number6 writes a direction, whose error is multiplied by a word's length.
func number6(v float64) string {
	if math.Abs(v) < 5e-7 {
		return "0"
	}
	s := strings.TrimRight(fmt.Sprintf("%.6f", v), "0")
	return strings.TrimSuffix(s, ".")
}

// visual gives the characters of a word from left to right as they are
// printed, which is what readers expect: they turn Hebrew and Arabic around
// again themselves. Characters that have no place in a text are left out.
func visual(s string) []rune {
	text := []rune(plain(s))
	text = text[:min(len(text), maxRunes)]
	if !slices.ContainsFunc(text, rightToLeft) {
		return text
	}
	var p bidi.Paragraph
	if _, err := p.SetString(string(text)); err != nil {
		return text
	}
	order, err := p.Order()
	if err != nil {
		return text
	}
	var out []rune
	for i := range order.NumRuns() {
		run := order.Run(i)
		part := []rune(run.String())
		if run.Direction() == bidi.RightToLeft {
			slices.Reverse(part)
		}
		out = append(out, part...)
	}
	return out
}

func rightToLeft(r rune) bool {
	p, _ := bidi.LookupRune(r)
	return p.Class() == bidi.R || p.Class() == bidi.AL
}

// drawFrame draws what stands for a picture that is missing.
func drawFrame(b *bytes.Buffer, width, height float64) {
	x0, y0, x1, y1 := number(width*0.1), number(height*0.1), number(width*0.9), number(height*0.9)
	fmt.Fprintf(b, "q 0.6 G 1 w %s %s m %s %s l %s %s l %s %s l h %s %s m %s %s l %s %s m %s %s l S Q\n",
		x0, y0, x1, y0, x1, y1, x0, y1, x0, y0, x1, y1, x0, y1, x1, y0)
}

// notice is the text of a page without a picture.
func notice(why string, width, height float64) []Line {
	if why == "" {
		why = "page without a picture"
	}
	return []Line{{{Text: why, Box: [4]float64{width * 0.1, height * 0.45, width * 0.9, height * 0.55}}}}
}
