package findings

import (
	"cmp"
	"slices"

	"palimpsest.dev/plugins/cxr/report"
)

// Status says what a report holds of a finding.
type Status string

// The statuses.
const (
	Present   Status = "present"
	Absent    Status = "absent"
	Uncertain Status = "uncertain"
)

// Finding is one place in a report that says something about a class.
type Finding struct {
	Class      Class
	Status     Status
	Sentence   int // index of the sentence, from 0
	Start, End int // bytes of the sentence: the words that say so
}

// mention is a finding by words.
type mention struct {
	class    Class
	status   Status
	from, to int  // words of the sentence that name the finding
	first    int  // and these with what denies or doubts it
	last     int  //
	hedged   bool // a sign of the finding, uncertain at best
	devices  bool
}

// Code finds what sentences say about the classes, in the order in which they
// say it. No Finding is not among it: it is said of a whole report, see Summary.
func Code(sentences []string) []Finding {
	var out []Finding
	for n, s := range sentences {
		words := split(s)
		for _, m := range mentions(words) {
			out = append(out, Finding{Class: m.class, Status: m.status, Sentence: n, Start: words[m.first].start, End: words[m.last-1].end})
		}
	}
	return out
}

// mentions codes one sentence.
func mentions(words []word) []mention {
	var out []mention
	for i := range words {
		for _, c := range concepts {
			end := firstAt(c.names, words, i)
			if end < 0 || excepted(c.except, words, i, end) {
				continue
			}
			m := mention{class: c.class, from: i, to: end, first: i, last: end, hedged: c.hedged, devices: c.devices}
			if m.judge(words) && (m.status == Absent || !has(c.unless, words)) {
				out = append(out, m)
			}
		}
	}
	alternatives(words, out)
	for from := 0; from < len(words); {
		_, to := clauseOf(words, from)
		out = append(out, states(words, from, to)...)
		from = to
	}
	slices.SortStableFunc(out, func(a, b mention) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	return slices.CompactFunc(out, func(a, b mention) bool { return a.class == b.class && a.status == b.status && b.from < a.to })
}

// excepted reports whether an exception covers a part of the mention.
func excepted(except []pattern, words []word, from, to int) bool {
	for k := max(0, from-gapWords-1); k < to; k++ {
		if end := firstAt(except, words, k); end > from {
			return true
		}
	}
	return false
}

// alternatives makes present findings with nothing but or, versus or a slash and
// describing words between them uncertain: the report does not decide.
func alternatives(words []word, found []mention) {
	for i := range found {
		for j := range found {
			a, b := &found[i], &found[j]
			between := func(c mention) bool { return c.from >= a.to && c.to <= b.from }
			if slices.ContainsFunc(found, between) || a.class == b.class || a.to > b.from || b.from-a.to > 4 || a.status == Absent || b.status == Absent || a.devices || b.devices {
				continue
			}
			or := false
			for _, w := range words[a.to:b.from] {
				or = or || w.text == "or" || w.text == "versus" || w.text == "vs"
				if w.sign() || slices.Contains(verbs, w.text) {
					or = false
					break
				}
			}
			if or {
				a.status, b.status = Uncertain, Uncertain
			}
		}
	}
}

// Summary gives one status to each class that the findings of a report speak
// of: present where one of them is, else uncertain where one is, else absent.
//
// No Finding is present if no other class but Support Devices is present or
// uncertain and the report says in words that something is normal or absent;
// uncertain if others are uncertain and none is present; absent if one is
// present. Of a text that says nothing of the kind it is missing: silence is no
// finding.
func Summary(sentences []string, found []Finding) map[Class]Status {
	out := map[Class]Status{}
	rank := map[Status]int{Absent: 1, Uncertain: 2, Present: 3}
	for _, f := range found {
		if rank[f.Status] > rank[out[f.Class]] {
			out[f.Class] = f.Status
		}
	}
	worst, spoken := 1, false
	for c, s := range out {
		if c != SupportDevices {
			worst = max(worst, rank[s])
			spoken = true
		}
	}
	switch {
	case worst == 3:
		out[NoFinding] = Absent
	case worst == 2:
		out[NoFinding] = Uncertain
	case spoken || slices.ContainsFunc(sentences, func(s string) bool { return has(normal, split(s)) }):
		out[NoFinding] = Present
	}
	return out
}

// OfReport codes a whole report: the sentences of its body, findings, impression
// and addenda, not those of the indication, which says what was asked.
func OfReport(text string) map[Class]Status {
	r := report.Parse(text)
	var sentences []string
	for _, s := range r.Sentences {
		if r.Sections[s.Section].Kind.Observes() {
			sentences = append(sentences, s.Text)
		}
	}
	return Summary(sentences, Code(sentences))
}
