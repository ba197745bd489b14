package findings

import "slices"

// A report says of heart, mediastinum and lungs how they are rather than naming a
// finding: "heart size is mildly enlarged", "lungs are clear". A subject is held
// against the nearest predicate of its clause: the next one to its right, unless
// one to its left touches it ("enlarged heart", "normal heart size and mediastinum").

// subject is what can be in a state.
type subject struct {
	names  []pattern
	except []pattern
	says   []reading
}

// reading is what a predicate means for a subject.
type reading struct {
	predicate predicate
	class     Class
	status    Status
}

type predicate int

const (
	none predicate = iota
	isNormal
	isLarge
	isBorderline
	isClear
	isWide
)

var predicates = []struct {
	words []pattern
	means predicate
}{
	{parsePatterns("upper|high limits|limit|normal ~ normal|size", "upper limits|limit", "upper|high normal", "top normal", "normal to ~ enlarged|prominent", "borderline", "prominent but", "slightly|mildly|somewhat|relatively prominent", "accentuated"), isBorderline},
	{parsePatterns("not enlarged|large|increased", "not ~ enlarged|widened", "no|without ~ enlargement", "normal|unremarkable", "within normal limits|limit|range", "within limits", "intact"), isNormal},
	{parsePatterns("enlarged|enlargement", "increased in size", "mildly|moderately|markedly|severely increased", "large", "globular", "dilated"), isLarge},
	{parsePatterns("widened|wide|widening", "prominent|prominence"), isWide},
	{parsePatterns("clear", "well aerated|expanded and clear", "free of|from"), isClear},
}

var subjects = []subject{
	{names: parsePatterns("heart", "cardiac silhouette|size|shadow|contour*|border*|and|enlargement|silhouettes", "cardiopericardial silhouette", "cardiothoracic ratio", "cardiac", "cor"),
		except: parsePatterns("heart|cardiac failure|rate|disease|device*|lead*|pacemaker*|monitor*|valve*|apex|border|decompensation|surgery|transplant*|enlargement", "left|right heart border", "cardiac and|or"),
		says:   []reading{{isNormal, Cardiomegaly, Absent}, {isLarge, Cardiomegaly, Present}, {isBorderline, Cardiomegaly, Uncertain}, {isWide, Cardiomegaly, Uncertain}}},
	{names: parsePatterns("cardiomediastinal", "cardio mediastinal", "cardiac and|or ~ mediastinal|mediastinum"),
		says: []reading{{isNormal, Cardiomegaly, Absent}, {isNormal, EnlargedCardiomediastinum, Absent}, {isLarge, EnlargedCardiomediastinum, Present}, {isLarge, Cardiomegaly, Uncertain},
			{isWide, EnlargedCardiomediastinum, Uncertain}, {isBorderline, EnlargedCardiomediastinum, Uncertain}}},
	{names: parsePatterns("mediastinum", "mediastinal contour*|silhouette*|structure*|size|width|borders|outline|shadow", "mediastinal", "cardiomediastinum"),
		except: parsePatterns("mediastinal|mediastinum shift|mass|masses|node*|lymph*|widening|enlargement|prominence|clip*|air|fat|drain*", "cardiac and|or ~ mediastinal|mediastinum"),
		says:   []reading{{isNormal, EnlargedCardiomediastinum, Absent}, {isLarge, EnlargedCardiomediastinum, Present}, {isWide, EnlargedCardiomediastinum, Present}, {isBorderline, EnlargedCardiomediastinum, Uncertain}}},
	{names: parsePatterns("lungs", "lung fields", "both lungs"),
		says: []reading{{isClear, LungOpacity, Absent}, {isNormal, LungOpacity, Absent}}},
	{names: parsePatterns("costophrenic angles|angle|sulci|sulcus|recesses"),
		says: []reading{{isClear, PleuralEffusion, Absent}, {isNormal, PleuralEffusion, Absent}}},
	{names: parsePatterns("pleural space|spaces"),
		says: []reading{{isClear, PleuralEffusion, Absent}, {isNormal, PleuralEffusion, Absent}}},
}

// leftWords is how far to its left a subject looks for a predicate.
const leftWords = 5

// said is a predicate found in a clause.
type said struct {
	start, end int
	means      predicate
}

// states codes the states of a clause, words[from:to].
func states(words []word, from, to int) []mention {
	clause := words[:to]
	var found []said
	for i := from; i < to; i++ {
		for _, p := range predicates { // in the order of the table: what comes first is the more particular
			if end := firstAt(p.words, clause, i); end >= 0 {
				found = append(found, said{i, end, p.means})
				i = end - 1
				break
			}
		}
	}
	var out []mention
	for i := from; i < to; i++ {
		for _, s := range subjects {
			end := firstAt(s.names, clause, i)
			if end < 0 || firstAt(s.except, clause, i) >= 0 || i > from && firstAt(s.except, clause, i-1) >= 0 {
				continue
			}
			p, ok := predicateOf(clause, found, i, end)
			if !ok {
				continue
			}
			for _, r := range s.says {
				if r.predicate == p.means {
					out = append(out, mention{class: r.class, status: r.status, from: min(i, p.start), to: max(end, p.end), first: min(i, p.start), last: max(end, p.end)})
				}
			}
		}
	}
	return out
}

// predicateOf finds what is said of the subject words[from:to].
func predicateOf(words []word, found []said, from, to int) (said, bool) {
	for n := len(found) - 1; n >= 0; n-- { // the nearest to the left, with nothing but names between
		p := found[n]
		if p.end > from {
			continue
		}
		touching := from-p.end <= leftWords
		for _, w := range words[p.end:from] {
			touching = touching && !w.sign() && !slices.Contains([]string{"is", "are", "was", "were", "with", "remains", "appears", "without", "no", "lungs"}, w.text)
		}
		if touching {
			return p, true
		}
		break
	}
	for _, p := range found {
		if p.start >= to || p.start >= from && p.end > to {
			return p, true
		}
	}
	return said{}, false
}
