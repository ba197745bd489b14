package report

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sentence is one sentence of a section, without the number of a list in front of
// it. Start and End are the bytes of the report that Text covers.
type Sentence struct {
	Section    int // index into Report.Sections
	Text       string
	Start, End int
	// Earlier are the words, if any, that refer to an earlier study: what they say
	// cannot be seen on one film.
	Earlier string
}

// abbreviations end in a full stop that ends no sentence.
var abbreviations = map[string]bool{"dr": true, "mr": true, "mrs": true, "ms": true, "vs": true, "e.g": true, "i.e": true, "approx": true, "no": false,
	"st": true, "fig": true, "cf": true, "a.m": true, "p.m": true, "etc": false, "resp": true}

// listNumber is the mark of an item of a list.
var listNumber = regexp.MustCompile(`^(?:\(?\d{1,2}[.)]|[-*\x{2022}\x{2023}\x{25cf}])(?:\s+|$)`)

// sentences adds those of section n.
func (r *Report) sentences(n int) {
	s := r.Sections[n]
	begin := 0
	add := func(end int) {
		a, b := trimmed(s.Text, begin, end)
		begin = end
		if m := listNumber.FindString(s.Text[a:b]); m != "" {
			a, b = trimmed(s.Text, a+len(m), b)
		}
		if !strings.ContainsFunc(s.Text[a:b], unicode.IsLetter) || len(r.Sentences) >= maxSentences {
			return
		}
		x := Sentence{Section: n, Text: s.Text[a:b], Start: s.Start + a, End: s.Start + b}
		x.Earlier = earlierIn(x.Text)
		r.Sentences = append(r.Sentences, x)
	}
	for i := 0; i < len(s.Text); i++ {
		switch c := s.Text[i]; {
		case c == '.' || c == '!' || c == '?':
			if ends(s.Text, begin, i) {
				add(i + 1)
			}
		case c == '\n' && breaksLine(s.Text[i+1:]):
			add(i)
		}
	}
	add(len(s.Text))
}

// ends reports whether the mark at byte i ends a sentence that began at byte
// from: white space or the end follows, and it is no list's number, no decimal
// point and no abbreviation.
func ends(text string, from, i int) bool {
	rest := text[i+1:]
	if rest != "" {
		c, _ := utf8.DecodeRuneInString(rest)
		if !unicode.IsSpace(c) && c != ')' && c != '"' {
			return false
		}
	}
	if text[i] != '.' {
		return true
	}
	before := text[from:i]
	word := strings.ToLower(before[strings.LastIndexFunc(before, func(r rune) bool { return unicode.IsSpace(r) || r == '(' })+1:])
	if abbreviations[word] {
		return false
	}
	number := strings.TrimSpace(before) + ". " // "1." alone is a number
	return listNumber.FindString(number) != number
}

// breaksLine reports whether a line feed ends the sentence in front of it: an
// empty line or an item of a list follows. Other line feeds are where the text was
// wrapped.
func breaksLine(rest string) bool {
	rest = strings.TrimLeft(rest, " \t\r")
	return rest == "" || rest[0] == '\n' || listNumber.FindString(rest[:min(len(rest), 8)]) != ""
}

// earlierWords are the ways in which a report speaks of an earlier study. A prior
// operation or disease is none.
var earlierWords = regexp.MustCompile(`(?i)\b(?:` + strings.Join([]string{
	`(?:as |when )?compar(?:ed|ison) (?:to|with|is made)\b`, `in comparison\b`, `comparison (?:study|exam|film|radiograph|ct|is)\w*`,
	`(?:prior|previous|earlier|last|preceding|old) (?:(?:chest|portable|outside|pa|ap|lateral|ct|the|\w+) )?(?:stud(?:y|ies)|exam(?:ination)?s?|films?|radiographs?|x-?rays?|images?|imaging|scans?|ct|cxr|reports?|one)\b`,
	`(?:since|from|than|to|over) (?:the |a )?(?:prior|previous|last|earlier)\b`, `the prior\b`, `previously\b`, `unchanged\b`, `(?:not|no|without|any|little) (?:significant(?:ly)? |appreciabl[ey] |definite |interval )*chang(?:e|ed)\b`, `has(?: not)? changed\b`,
	`stable\b`, `interval\b`, `again (?:is |are )?(?:seen|noted|demonstrated|identified|visuali[sz]ed|present)?`, `re-?demonstrat\w+`, `no longer\b`,
	`(?:has|have) (?:\w+ )?(?:increased|decreased|improved|worsened|resolved|cleared|progressed|enlarged|developed|been (?:removed|placed|inserted|repositioned|exchanged))\b`,
	`(?:improv|worsen|resolv|progress)(?:ed|ing|ement|ion)\b`, `resolution\b`, `new(?:ly)?\b`, `persist(?:s|ent|ence|ing)\b`, `remains?\b`, `(?:increas|decreas)(?:ed|ing|e) (?:in )?(?:size|extent|number|prominence|conspicuity)\b`,
	`(?:larger|smaller|better|worse|more|less) (?:\w+ )?than\b`, `developing\b`, `follow(?:ing|ed)? (?:removal|placement|extubation)\b`}, "|") + `)`)

// earlierIn returns the first words of a sentence that refer to an earlier study.
func earlierIn(s string) string { return strings.TrimSpace(earlierWords.FindString(s)) }
