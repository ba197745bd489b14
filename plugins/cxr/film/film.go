// Package film says of a picture shrunk to a glance whether it can be a
// radiograph of a chest. It refuses what is no film at all: pages of text, tables,
// drawings, music, receipts, photographs in colour. It does not tell one part of
// the body from another, and a grey photograph may pass.
package film

import (
	"fmt"
	"math"
)

// Side is the longer side, in pixels, of the glance that the limits below are
// made for.
const Side = 128

// Statistics are what is measured of a glance. Shares are of all its pixels.
type Statistics struct {
	Aspect float64 // width over height
	White  float64 // share of pixels of at least 232 of 255: paper
	Middle float64 // share between 32 and 224: tissue has tones, print has not
	Levels float64 // how many of 32 grey levels are in use: e to the entropy of their histogram
	Rough  float64 // mean of the absolute Laplacian over the standard deviation: a body has no fine detail at this size, print has
	Colour float64 // share of pixels with colour
}

// The limits of a film. They were set looking at one half of a corpus, chosen by
// a hash of the names, and are tested on both; docs/cxr.md has the counts.
const (
	minAspect = 0.6  // one film; strips are lines of music or text
	maxAspect = 1.7  //
	maxWhite  = 0.25 // a film's white is its markers and a collimated edge
	minMiddle = 0.5
	minLevels = 5
	maxRough  = 0.65
	maxColour = 0.15 // arrows and labels drawn onto a film may have colour
)

// Measure looks at a grey picture, rows from the top, of width x height bytes;
// colour is the share of its pixels with colour.
func Measure(width, height int, gray []byte, colour float64) Statistics {
	if width < 1 || height < 1 || len(gray) != width*height {
		return Statistics{}
	}
	s := Statistics{Aspect: float64(width) / float64(height), Colour: colour}
	n := float64(len(gray))
	var bins [32]float64
	var sum, squares float64
	for _, g := range gray {
		v := float64(g)
		sum += v
		squares += v * v
		bins[g/8]++
		if g >= 232 {
			s.White += 1 / n
		}
		if g >= 32 && g < 224 {
			s.Middle += 1 / n
		}
	}
	entropy := 0.0
	for _, b := range bins {
		if b > 0 {
			entropy -= b / n * math.Log(b/n)
		}
	}
	s.Levels = math.Exp(entropy)
	spread := math.Sqrt(max(0, squares/n-sum/n*sum/n))
	detail := 0.0
	for y := 1; y+1 < height; y++ {
		for x := 1; x+1 < width; x++ {
			i := y*width + x
			detail += math.Abs(4*float64(gray[i]) - float64(gray[i-1]) - float64(gray[i+1]) - float64(gray[i-width]) - float64(gray[i+width]))
		}
	}
	if inner := (width - 2) * (height - 2); width > 2 && height > 2 && spread > 0 {
		s.Rough = detail / float64(inner) / spread
	}
	return s
}

// Refusal says why a picture is no film; "" where it can be one.
func (s Statistics) Refusal() string {
	percent := func(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) }
	switch {
	case s.Aspect < minAspect || s.Aspect > maxAspect:
		return fmt.Sprintf("its width is %.2f of its height: a film has between %.1f and %.1f", s.Aspect, minAspect, maxAspect)
	case s.Colour > maxColour:
		return percent(s.Colour) + " of it has colour: a film is grey"
	case s.White > maxWhite:
		return percent(s.White) + " of it is white as paper: of a film at most " + percent(maxWhite)
	case s.Middle < minMiddle:
		return "only " + percent(s.Middle) + " of it has tones between black and white: of a film at least " + percent(minMiddle)
	case s.Levels < minLevels:
		return fmt.Sprintf("it uses %.1f of 32 levels of grey: a film at least %d", s.Levels, minLevels)
	case s.Rough > maxRough:
		return fmt.Sprintf("it is full of fine detail like print or line art (%.2f, a film at most %.2f)", s.Rough, maxRough)
	}
	return ""
}
