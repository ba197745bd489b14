package findings

import "slices"

// Which words around a mention deny it, doubt it, or take it back, and how far
// they reach. The rules, in the order in which they are tried:
//
//  1. A clause ends at a semicolon, a colon, a full stop, and in front of words
//     such as but, however and except. Nothing reaches across its end.
//  2. "cannot be excluded" and the like, on either side: uncertain.
//  3. A denial to the left reaches right over lists ("no effusion, pneumothorax or
//     consolidation") until a verb, with, there is, or a list's part that begins a
//     statement of its own ("no effusion, mild atelectasis").
//     "No change" and "no increase" deny nothing.
//  4. A denial to the right: "is not seen", "has resolved", and for a device
//     "was removed". What was not seen earlier is not denied.
//     Nothing to the right reaches over a comma, nor over an and once the mention
//     has its verb.
//  5. A doubt to the left reaches eight words, one to the right four. "Likely",
//     "probably" and "consistent with" are no doubt: what the reader holds for more
//     probable than not is present.
//  6. Two findings with or or versus between them, where nothing denies them, are
//     alternatives and uncertain both.

var (
	breaks = parsePatterns("but", "however", "although", "though", "except", "yet", "while", "whereas", "aside from", "apart from", "other than", "nevertheless")

	denials = parsePatterns("no", "not", "without", "negative for", "negative", "free of|from", "clear of|from", "absence of", "lack of", "nor", "neither", "never", "rather than", "resolution of", "clearing of", "removal of",
		"resolved", "excludes", "rules out", "none")
	idle = parsePatterns("no|not|without significant|interval|definite|appreciable|obvious|substantial|major|acute|further|discernible change*|increase*|decrease*|improvement|worsening|progression|difference",
		"no|not|without significant|definite|appreciable interval change*|increase*|decrease*|improvement|worsening|progression|difference", "no|not|without change*|increase*|decrease*|improvement|worsening|progression|difference",
		"not significantly|appreciably|substantially changed|different|increased|decreased", "not only", "no longer", "not previously|present|seen|evident on|in|previously ~ prior|previous|earlier")
	unsure = parsePatterns("cannot|can't exclude|rule|be", "cannot|can't be ~ excluded", "cannot|can't be ruled out", "cannot|can't rule out", "can not exclude|rule|be", "could not exclude|be", "not ~ exclude|excluded", "difficult to exclude")
	doubts = parsePatterns("possible", "possibly", "may", "might", "could", "question", "questionable", "questioned", "suspicious", "suspect*", "suspicion", "worrisome", "concerning", "concern", "suggest*", "potential*",
		"equivocal", "consider*", "perhaps", "versus", "vs", "differential", "rule out", "evaluate", "exclude", "correlate", "correlation", "if", "borderline", "?")
	doubtsAfter = parsePatterns("is|are|was|were|remains possible|suspected|questioned|questionable|uncertain|equivocal", "not ~ excluded", "cannot|can't be excluded|ruled", "may be present", "difficult to exclude", "versus", "vs", "?")
	deniedAfter = parsePatterns("not ~ seen|identified|visualized|visualised|demonstrated|evident|present|appreciated|detected|found|apparent|noted|suspected|observed", "no longer", "absent", "has|have|had|completely|interval|now resolved|cleared",
		"is|are|been resolved|excluded", "ruled out", "resolved")
	notDenied   = parsePatterns("partially|partly|nearly|almost|incompletely|not resolved|cleared", "not ~ excluded")
	earlier     = parsePatterns("prior", "previous", "previously", "earlier", "before")
	takenOut    = parsePatterns("removed", "been removed", "removal", "withdrawn")
	history     = parsePatterns("history of", "h o", "hx of")
	affirmative = []string{"mild", "mildly", "minimal", "small", "tiny", "trace", "moderate", "moderately", "severe", "stable", "unchanged", "persistent", "chronic", "scattered", "patchy", "bibasilar", "streaky", "linear",
		"old", "healed", "increased", "decreased", "improved", "improving", "worsening", "there", "calcified", "mildly", "redemonstrated"}
	sided = []string{"left", "right", "bilateral", "heart", "cardiac", "cardiomegaly", "lungs", "the", "degenerative", "prominent"}
	verbs = []string{"is", "are", "was", "were", "remains", "remain", "appears", "appear", "shows", "show", "demonstrates", "has", "have", "there"}
)

const (
	doubtReach      = 8
	doubtAfterReach = 6
	denyAfterReach  = 10
)

// clauseOf returns the clause around word i.
func clauseOf(words []word, i int) (from, to int) {
	boundary := func(k int) bool {
		return words[k].text == ";" || words[k].text == ":" || words[k].text == "." || firstAt(breaks, words, k) >= 0
	}
	for from = i; from > 0 && !boundary(from); from-- {
	}
	for to = i + 1; to < len(words) && !boundary(to); to++ {
	}
	return from, to
}

// judge gives the status of a mention, or false where it says nothing about now.
func (m *mention) judge(words []word) bool {
	from, to := clauseOf(words, m.from)
	to = max(to, m.to)
	for k := max(from, m.from-5); k < m.from; k++ {
		if firstAt(history, words, k) >= 0 {
			return false
		}
	}
	to = rightEnd(words, from, m.to, to)
	cue := nothing
	m.status = Present
	switch {
	case cue.is(within(unsure, words, from, m.from, doubtReach+2)) || cue.is(within(unsure, words, m.to, to, doubtAfterReach+2)) || cue.is(within(notExcluded, words, m.to, to, doubtAfterReach)):
		m.status = Uncertain
	case cue.is(denied(words, from, m.from)) || cue.is(deniedLater(words, m.to, to)) || m.devices && cue.is(within(takenOut, words, m.to, to, denyAfterReach)):
		m.status = Absent
	case cue.is(doubted(words, from, m.from)) || cue.is(within(doubtsAfter, words, m.to, to, doubtAfterReach)):
		m.status = Uncertain
	case m.hedged:
		m.status = Uncertain
	}
	if cue.from >= 0 { // the evidence takes in what denies or doubts it
		m.first, m.last = min(m.first, cue.from), max(m.last, cue.to)
	}
	return true
}

// rightEnd is where words behind a mention, which ends at word at, stop speaking
// of it: at a comma, and at an and that begins another statement because the
// mention has its verb already.
func rightEnd(words []word, from, at, to int) int {
	verb := slices.ContainsFunc(words[from:at], func(w word) bool { return slices.Contains(verbs, w.text) })
	for k := at; k < to; k++ {
		w := words[k].text
		if w == "," && (k+1 >= to || words[k+1].text != "which") || w == "and" && verb {
			return k
		}
		verb = verb || slices.Contains(verbs, w)
	}
	return to
}

// span is a stretch of words; a negative beginning is none.
type span struct{ from, to int }

var nothing = span{-1, -1}

// is takes over what was found.
func (s *span) is(found span) bool {
	*s = found
	return found.from >= 0
}

var notExcluded = parsePatterns("not ~ excluded", "difficult to exclude")

// within finds a phrase that begins in words[from:to], at most reach words away
// from the mention's side.
func within(patterns []pattern, words []word, from, to, reach int) span {
	seen := words[:to]
	for k, n := from, 0; k < to; k, n = k+1, n+1 {
		if n > reach && to-k > reach {
			continue
		}
		if end := firstAt(patterns, seen, k); end >= 0 {
			return span{k, end}
		}
	}
	return nothing
}

// denied looks for a denial to the left of word i whose reach includes it.
func denied(words []word, from, i int) span {
	list := false // an or or nor stands between here and the mention
	for k := i - 1; k >= from; k-- {
		w := words[k].text
		next := ""
		if k+1 < len(words) {
			next = words[k+1].text
		}
		switch {
		case firstAt(denials, words[:i], k) >= 0:
			if firstAt(idle, words, k) >= 0 {
				return nothing
			}
			return span{k, firstAt(denials, words[:i], k)}
		case w == "or" || w == "nor":
			list = true
		case slices.Contains(verbs, w):
			return nothing
		case w == "with" && (k == 0 || !slices.Contains([]string{"associated", "compatible", "consistent", "along", "together"}, words[k-1].text)):
			return nothing
		case (w == "," || w == "and") && !list && !laterOr(words, i) && slices.Contains(affirmative, next):
			return nothing
		case w == "," && !list && !laterOr(words, i) && slices.Contains(sided, next):
			return nothing
		}
	}
	return nothing
}

// laterOr reports whether the list that word i stands in goes on to an or.
func laterOr(words []word, i int) bool {
	_, to := clauseOf(words, i)
	for _, w := range words[i:to] {
		switch {
		case w.text == "or" || w.text == "nor":
			return true
		case slices.Contains(verbs, w.text) || w.text == "with":
			return false
		}
	}
	return false
}

// deniedLater looks for a denial to the right of a mention that ends at word i.
func deniedLater(words []word, i, to int) span {
	clause := words[:to]
	for k := i; k < to && k < i+denyAfterReach; k++ {
		if firstAt(denials[:1], clause, k) >= 0 && firstAt(deniedAfter, clause, k) < 0 || words[k].text == "with" || words[k].text == "without" {
			return nothing
		}
		if firstAt(notDenied, clause, k) >= 0 {
			return nothing
		}
		if end := firstAt(deniedAfter, clause, k); end >= 0 {
			if within(earlier, words, end, to, 5) != nothing {
				return nothing
			}
			return span{k, end}
		}
	}
	return nothing
}

// doubted looks for a doubt to the left of word i.
func doubted(words []word, from, i int) span {
	for k := i - 1; k >= from && k >= i-doubtReach; k-- {
		switch {
		case firstAt(doubts, words[:i], k) >= 0:
			return span{k, firstAt(doubts, words[:i], k)}
		case words[k].text == "with" && !slices.Contains([]string{"associated", "compatible", "consistent", "along", "together"}, words[max(0, k-1)].text):
			return nothing
		case words[k].text == "," && k+1 < i && slices.Contains(affirmative, words[k+1].text):
			return nothing
		}
	}
	return nothing
}
