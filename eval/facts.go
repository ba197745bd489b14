package eval

import (
	"strings"
	"unicode/utf8"
)

// maxFacts and maxFactRunes bound the work of checking one page's statements.
const (
	maxFacts     = 10_000
	maxFactRunes = 4096
)

// Fact is a statement about a page that holds or does not, in the manner of
// olmOCR-bench: a text is present or absent, or one text comes before another.
// Other kinds (tables, formulas) are not this task's and are not counted.
type Fact struct {
	Page          int    `json:"page"` // 1-based; 0 means the first
	Type          string `json:"type"` // "present" "absent" "order"
	Text          string `json:"text"`
	Before        string `json:"before"`
	After         string `json:"after"`
	MaxDiffs      int    `json:"max_diffs"` // edits allowed
	CaseSensitive *bool  `json:"case_sensitive"`
	FirstN        int    `json:"first_n"` // look only at the first so many characters
	LastN         int    `json:"last_n"`  // or at the last
}

// counted says whether the task is asked for such a fact at all.
func (f Fact) counted() bool {
	switch f.Type {
	case "present", "absent":
		return f.Text != "" && utf8.RuneCountInString(f.Text) <= maxFactRunes
	case "order":
		return f.Before != "" && f.After != "" &&
			utf8.RuneCountInString(f.Before) <= maxFactRunes && utf8.RuneCountInString(f.After) <= maxFactRunes
	}
	return false
}

// Holds says whether the fact holds for the text read from its page.
func (f Fact) Holds(text string) bool {
	t := []rune(f.fold(text))
	if f.Type == "order" {
		before, after := []rune(f.fold(f.Before)), []rune(f.fold(f.After))
		edits, end := nearest(before, t)
		if edits > f.MaxDiffs {
			return false
		}
		// The text after the first good place of "before" must hold "after".
		later, _ := nearest(after, t[end:])
		return later <= f.MaxDiffs
	}
	if f.FirstN > 0 && f.LastN > 0 && f.FirstN+f.LastN < len(t) {
		t = append(append([]rune{}, t[:f.FirstN]...), t[len(t)-f.LastN:]...)
	} else if f.FirstN > 0 && f.FirstN < len(t) && f.LastN == 0 {
		t = t[:f.FirstN]
	} else if f.LastN > 0 && f.LastN < len(t) && f.FirstN == 0 {
		t = t[len(t)-f.LastN:]
	}
	edits, _ := nearest([]rune(f.fold(f.Text)), t)
	return (edits <= f.MaxDiffs) == (f.Type == "present")
}

// plainMarks writes typographic quotes and dashes as their keyboard forms.
var plainMarks = strings.NewReplacer("‘", "'", "’", "'", "‚", "'", "“", `"`, "”", `"`, "„", `"`, "–", "-", "—", "-", "‑", "-", "−", "-", "…", "...")

func (f Fact) fold(s string) string {
	s = plainMarks.Replace(Normalise(s))
	if f.CaseSensitive != nil && !*f.CaseSensitive {
		s = strings.ToLower(s)
	}
	return s
}

// scoreFacts counts the facts that hold. A page that could not be read holds none, not
// even "absent": silence is no answer.
func scoreFacts(facts []Fact, pages map[int]Page) Counts {
	c := Counts{HasFacts: true}
	texts := map[int]string{}
	for _, f := range facts {
		if !f.counted() {
			continue
		}
		c.FactsAll++
		n := max(f.Page, 1)
		p, ok := pages[n]
		if !ok || p.Error != "" {
			continue
		}
		text, ok := texts[n]
		if !ok {
			words := make([]string, len(p.Words))
			for i, w := range p.Words {
				words[i] = w.Text
			}
			text = strings.Join(words, " ")
			texts[n] = text
		}
		if f.Holds(text) {
			c.FactsHeld++
		}
	}
	c.HasFacts = c.FactsAll > 0
	return c
}
