// Package report takes a radiology report of the chest apart as it was written:
// its sections by their headings, their sentences, and the sentences that speak of
// earlier studies. It invents nothing: what has no heading is the body, and a
// section that is not there is missing.
package report

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is what a section is for.
type Kind string

// The kinds of sections. A text in front of the first heading, or without any, is
// the body.
const (
	Body           Kind = "body"
	Indication     Kind = "indication"
	Comparison     Kind = "comparison"
	Technique      Kind = "technique"
	Findings       Kind = "findings"
	Impression     Kind = "impression"
	Recommendation Kind = "recommendation"
	Addendum       Kind = "addendum"
)

// Observes reports whether sections of the kind say what is seen on the film;
// only these are coded.
func (k Kind) Observes() bool {
	return k == Body || k == Findings || k == Impression || k == Addendum
}

// Section is one section of a report. Start and End are the bytes of the report
// that Text, which has no white space or marks of a marked-up text around it, covers.
type Section struct {
	Kind       Kind
	Heading    string // as written, without the colon; "" for the body
	Text       string
	Start, End int
}

// Report is a report in its parts.
type Report struct {
	Sections  []Section
	Sentences []Sentence
	// Together is true where one heading announces findings and impression both;
	// the section is then of kind Findings.
	Together bool
}

// Bounds on what is taken apart; a report has a few thousand bytes.
const (
	maxText      = 1 << 20
	maxSections  = 1000
	maxSentences = 10_000
)

// headings are the usual spellings, longest first where one begins another.
var headings = []struct {
	words    string
	kind     Kind
	together bool
}{
	{"findings and impression", Findings, true}, {"findings and impressions", Findings, true}, {"findings/impression", Findings, true}, {"findings / impression", Findings, true}, {"impression and findings", Findings, true},
	{"clinical indications", Indication, false}, {"clinical indication", Indication, false}, {"clinical information", Indication, false}, {"clinical history", Indication, false}, {"clinical details", Indication, false},
	{"reason for examination", Indication, false}, {"reason for exam", Indication, false}, {"reason for study", Indication, false}, {"indications", Indication, false}, {"indication", Indication, false}, {"history", Indication, false},
	{"comparisons", Comparison, false}, {"comparison studies", Comparison, false}, {"comparison study", Comparison, false}, {"comparison", Comparison, false}, {"prior studies", Comparison, false},
	{"technique", Technique, false}, {"examination", Technique, false}, {"exam", Technique, false}, {"procedure", Technique, false}, {"views", Technique, false}, {"study", Technique, false}, {"projection", Technique, false},
	{"findings", Findings, false}, {"finding", Findings, false}, {"observations", Findings, false}, {"description", Findings, false}, {"report", Findings, false}, {"results", Findings, false},
	{"impressions", Impression, false}, {"impression", Impression, false}, {"conclusions", Impression, false}, {"conclusion", Impression, false}, {"opinion", Impression, false}, {"assessment", Impression, false}, {"interpretation", Impression, false}, {"summary", Impression, false}, {"diagnosis", Impression, false},
	{"recommendations", Recommendation, false}, {"recommendation", Recommendation, false},
	{"addendum", Addendum, false},
}

// Parse takes a report apart. It accepts any text.
func Parse(text string) Report {
	if len(text) > maxText {
		text = text[:maxText]
	}
	var r Report
	open := Section{Kind: Body}
	begin := 0
	shut := func(end int) {
		a, b := trimmed(text, begin, end)
		open.Text, open.Start, open.End = text[a:b], a, b
		if open.Kind != Body || open.Text != "" {
			r.Sections = append(r.Sections, open)
		}
	}
	for i := 0; i < len(text) && len(r.Sections) < maxSections; i++ {
		if !mayBegin(text, i) {
			continue
		}
		for _, h := range headings {
			end, ok := headingAt(text, i, h.words)
			if !ok {
				continue
			}
			shut(i)
			open = Section{Kind: h.kind, Heading: text[i : i+len(h.words)]}
			r.Together = r.Together || h.together
			begin, i = end, end-1
			break
		}
	}
	shut(len(text))
	for n := range r.Sections {
		r.sentences(n)
	}
	return r
}

// Text returns the text of all sections of a kind, joined by line feeds, and
// whether the report has one.
func (r Report) Text(k Kind) (string, bool) {
	var parts []string
	found := false
	for _, s := range r.Sections {
		if s.Kind == k {
			found = true
			if s.Text != "" {
				parts = append(parts, s.Text)
			}
		}
	}
	return strings.Join(parts, "\n"), found
}

// Missing lists which of findings and impression the report does not have, or
// has without a word in it.
func (r Report) Missing() []Kind {
	var out []Kind
	for _, k := range []Kind{Findings, Impression} {
		if !slices.ContainsFunc(r.Sections, func(s Section) bool { return s.Kind == k && s.Text != "" }) {
			out = append(out, k)
		}
	}
	return out
}

// mayBegin reports whether a heading may begin at byte i: at the beginning of a
// line, or behind the end of a sentence.
func mayBegin(text string, i int) bool {
	if i == 0 {
		return true
	}
	if !utf8.RuneStart(text[i]) || !unicode.IsSpace(rune(text[i-1])) && text[i-1] != '*' && text[i-1] != '#' {
		return false
	}
	before := strings.TrimRight(text[:i], " \t*#")
	return before == "" || strings.ContainsRune("\n\r.!?:;])", rune(before[len(before)-1]))
}

// headingAt reports whether a heading of these words begins at byte i, and where
// what it announces begins. A colon makes it one; without a colon it must stand
// alone on its line, or be in capitals.
func headingAt(text string, i int, words string) (end int, ok bool) {
	if len(text)-i < len(words) || !strings.EqualFold(text[i:i+len(words)], words) {
		return 0, false
	}
	end = i + len(words)
	rest := text[end:]
	trim := strings.TrimLeft(rest, " \t*")
	switch {
	case strings.HasPrefix(trim, ":"):
		return len(text) - len(strings.TrimLeft(trim[1:], "*")), true
	case trim == "" || trim[0] == '\n' || trim[0] == '\r':
		return len(text) - len(trim), i == 0 || atLineStart(text, i)
	case text[i:end] == strings.ToUpper(words) && rest != "" && (rest[0] == ' ' || rest[0] == '-') && atLineStart(text, i):
		return len(text) - len(strings.TrimLeft(trim, "- ")), true
	}
	return 0, false
}

func atLineStart(text string, i int) bool {
	before := strings.TrimRight(text[:i], " \t*#")
	return before == "" || before[len(before)-1] == '\n' || before[len(before)-1] == '\r'
}

// trimmed narrows a range of bytes to what is neither white space nor the stars
// and hashes of a marked-up text at its ends.
func trimmed(text string, from, to int) (int, int) {
	if from >= to {
		return to, to
	}
	s := text[from:to]
	from += len(s) - len(strings.TrimLeftFunc(s, margin))
	to -= len(s) - len(strings.TrimRightFunc(s, margin))
	if from > to {
		return to, to
	}
	return from, to
}

func margin(r rune) bool { return unicode.IsSpace(r) || r == '*' || r == '#' }

// Write writes a report as docs/targets.md wants it: the sections that it has,
// findings first, each on one line behind its heading.
func Write(findings, impression string) string {
	var parts []string
	for _, s := range []struct{ heading, text string }{{"FINDINGS: ", findings}, {"IMPRESSION: ", impression}} {
		if text := strings.Join(strings.Fields(s.text), " "); text != "" {
			parts = append(parts, s.heading+text)
		}
	}
	return strings.Join(parts, " ")
}
