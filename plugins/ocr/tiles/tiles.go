// Package tiles plans what a model that reads small squares is shown of a
// page. Lines of similar size form a class, and each class is covered by tiles
// at the scale that brings its x-height to the one the model was trained on:
// headings are shown smaller, footnotes larger. Tiles lie in rows that follow
// the lines, so that a line is whole in some row and empty paper is not asked
// about, and neighbours in a row overlap, so that a word cut by one tile is
// whole in the next.
package tiles

import (
	"cmp"
	"math"
	"slices"

	"palimpsest.dev/task"
)

// Tile is a square region of the page, in page pixels, that may stick out of
// it.
type Tile struct {
	Region task.Box
	Scale  float64 // model pixels per page pixel
}

// maxClasses bounds how many sizes of text a page is read at; what is left
// over goes to the nearest class.
const maxClasses = 6

// leastZoom is where Plan gives up enlarging tiles: each is larger than any page then.
const leastZoom = 1e-4

// margin is the paper kept around a line inside a tile, in x-heights of its
// class: room for ascenders, descenders and an inexact line box.
const margin = 0.75

// Plan lays tiles over the lines of a page, at most limit of them. When the
// page would need more, all are enlarged alike until they suffice: small text
// is then read worse rather than not at all. A page on which no lines were
// found is covered whole at a scale guessed from its resolution.
func Plan(page task.Page, how task.Profile, limit int) []Tile {
	if page.Width < 1 || page.Height < 1 || limit < 1 {
		return nil
	}
	classes := classify(usable(page), how)
	for zoom := 1.0; ; zoom *= 0.8 {
		var out []Tile
		for _, c := range classes {
			c.scale *= zoom
			out = append(out, cover(page, c, how, limit)...)
		}
		if len(classes) == 0 {
			out = grid(page, how, defaultScale(page, how)*zoom, limit)
		}
		if len(out) <= limit {
			return dedupe(out)
		}
		if zoom < leastZoom {
			return out[:limit] // more sizes of text than tiles are allowed
		}
	}
}

// usable drops lines that say nothing and clips the others to the page.
func usable(page task.Page) []task.Line {
	var out []task.Line
	for _, l := range page.Lines {
		if !l.Box.Finite() {
			continue
		}
		l.Box = l.Box.Intersect(page.Bounds())
		if l.Box.Empty() {
			continue
		}
		if !(l.XHeight > 0) || math.IsInf(l.XHeight, 0) {
			l.XHeight = l.Box.Height() / 2
		}
		// A box much lower than its x-height or a speck taken for a line.
		l.XHeight = max(1, min(l.XHeight, l.Box.Height()))
		out = append(out, l)
	}
	return out
}

// class is a set of lines of similar size.
type class struct {
	lines []task.Line
	scale float64
}

// classify takes, again and again, the size that covers most text within the
// range the model reads well, weighing lines by their width.
func classify(lines []task.Line, how task.Profile) []class {
	rest := slices.Clone(lines)
	slices.SortFunc(rest, func(a, b task.Line) int {
		return cmp.Or(cmp.Compare(a.XHeight, b.XHeight), cmp.Compare(a.Box.Y0, b.Box.Y0), cmp.Compare(a.Box.X0, b.Box.X0))
	})
	ratio := how.XHeightMax / how.XHeightMin
	var out []class
	for len(rest) > 0 && len(out) < maxClasses {
		lo, hi := heaviest(rest, ratio)
		lines := slices.Clone(rest[lo:hi])
		out = append(out, class{lines, scaleFor(lines, how)})
		rest = slices.Delete(rest, lo, hi)
	}
	for _, l := range rest { // the long tail
		best, least := 0, math.Inf(1)
		for i, c := range out {
			if d := math.Abs(math.Log(l.XHeight * c.scale / how.XHeight)); d < least {
				best, least = i, d
			}
		}
		out[best].lines = append(out[best].lines, l)
	}
	return out
}

// heaviest finds the stretch of lines, sorted by size, whose sizes differ by
// at most the ratio and that holds most text.
func heaviest(lines []task.Line, ratio float64) (from, to int) {
	var weight, most float64
	lo := 0
	for hi := range lines {
		weight += lines[hi].Box.Width()
		for lines[hi].XHeight > lines[lo].XHeight*ratio*(1+1e-9) {
			weight -= lines[lo].Box.Width()
			lo++
		}
		if weight > most {
			most, from, to = weight, lo, hi+1
		}
	}
	return from, max(to, from+1)
}

// scaleFor brings the class's median x-height to the profile's, as far as all
// of its lines stay within the range that is read well.
func scaleFor(sorted []task.Line, how task.Profile) float64 {
	var total float64
	for _, l := range sorted {
		total += l.Box.Width()
	}
	median, seen := sorted[0].XHeight, 0.0
	for _, l := range sorted {
		if seen += l.Box.Width(); seen >= total/2 {
			median = l.XHeight
			break
		}
	}
	scale := how.XHeight / median
	scale = min(scale, how.XHeightMax/sorted[len(sorted)-1].XHeight)
	scale = max(scale, how.XHeightMin/sorted[0].XHeight)
	return bound(scale, how)
}

func bound(scale float64, how task.Profile) float64 {
	if how.MaxScale > 0 {
		scale = min(scale, how.MaxScale)
	}
	return max(scale, how.MinScale, 1e-3)
}

// defaultScale assumes 10 point text, whose x-height is about a fifteenth of
// an inch, on paper eleven inches high if the resolution is unknown.
func defaultScale(page task.Page, how task.Profile) float64 {
	dpi := page.DPI
	if !(dpi >= 36 && dpi <= 2400) {
		dpi = float64(max(page.Width, page.Height)) / 11
	}
	return bound(how.XHeight/max(dpi/15, 1), how)
}

// grid covers the whole page.
func grid(page task.Page, how task.Profile, scale float64, limit int) []Tile {
	side, overlap := float64(how.Size)/scale, float64(how.Overlap)/scale
	var out []Tile
	for _, y := range spread(0, float64(page.Height), side, overlap, limit) {
		for _, x := range spread(0, float64(page.Width), side, overlap, limit) {
			if len(out) > limit {
				return out
			}
			out = append(out, Tile{task.Box{X0: x, Y0: y, X1: x + side, Y1: y + side}, scale})
		}
	}
	return out
}

// spread returns where tiles of a side begin that cover [from, to), every two
// neighbours overlapping by at least overlap, at even distances; at most
// limit+1 of them.
func spread(from, to, side, overlap float64, limit int) []float64 {
	length := to - from
	if length <= side {
		return []float64{from - (side-length)/2}
	}
	n := int(min(math.Ceil((length-overlap)/(side-overlap)-1e-9), float64(limit+1)))
	n = max(n, 2)
	out := make([]float64, n)
	for i := range out {
		out[i] = from + (length-side)*float64(i)/float64(n-1)
	}
	return out
}

// dedupe drops a tile that shows what another shows, which happens where
// tiles were moved back onto a page hardly wider than they are.
func dedupe(in []Tile) []Tile {
	var out []Tile
	for _, t := range in {
		if !slices.ContainsFunc(out, func(o Tile) bool { return o.Region.Contains(t.Region, 1e-6) && o.Scale >= t.Scale-1e-9 }) {
			out = append(out, t)
		}
	}
	return out
}
