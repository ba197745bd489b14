package textlayer

import (
	"strings"
	"unicode"

	"palimpsest.dev/task"
)

// Verdicts compares words that were read with those of the layer: for each
// whether the layer has the same text in the same place, and how many of the
// layer's words found no partner. Case and typographic variants of quotes,
// hyphens and ligatures do not count as differences; everything else does.
func Verdicts(read, layer []task.Word) (same []bool, missed int) {
	same = make([]bool, len(read))
	byRow := map[int][]int{} // layer words by coarse height
	const row = 32.0
	for i, w := range layer {
		byRow[int(middle(w.Box)/row)] = append(byRow[int(middle(w.Box)/row)], i)
	}
	used := make([]bool, len(layer))
	for i, w := range read {
		text := fold(w.Text)
		r := int(middle(w.Box) / row)
		for k := r - 1; k <= r+1 && !same[i]; k++ {
			for _, j := range byRow[k] {
				if !used[j] && fold(layer[j].Text) == text && near(w.Box, layer[j].Box) {
					same[i], used[j] = true, true
					break
				}
			}
		}
	}
	for _, u := range used {
		if !u {
			missed++
		}
	}
	return same, missed
}

func middle(b task.Box) float64 { return (b.Y0 + b.Y1) / 2 }

// near reports whether two boxes may be of one word: both the layer's boxes,
// which often reach from the font's ascent to its descent, and the model's
// are rough, so half of the smaller one is enough.
func near(a, b task.Box) bool {
	return a.Intersect(b).Area() >= 0.5*min(a.Area(), b.Area())
}

var folded = strings.NewReplacer("‘", "'", "’", "'", "‚", "'", "“", `"`, "”", `"`, "„", `"`, "‐", "-", "‑", "-", "–", "-", "—", "-",
	"−", "-", "ﬁ", "fi", "ﬂ", "fl", "ﬀ", "ff", "ﬃ", "ffi", "ﬄ", "ffl", "…", "...", "\u00ad", "")

// fold brings a text to what is compared.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, folded.Replace(s))
}
