package eval

import (
	"regexp"
	"strings"
)

// KernErrors are the edit distances between a **kern text as it was read and its truth, with
// the length of the truth, in four measures. Those of several texts are added before a rate is
// taken, so that long texts weigh more than short ones, as in the published figures.
//
// The measures are those by which recognition of printed music is reported:
//
//   - characters: every code point, tabs, line feeds and spaces among them.
//   - symbols: what stands between white space; tabs and line feeds are symbols too, so each
//     note of a chord is one of its own. An empty text is one empty symbol.
//   - lines: whole lines. An empty text is one empty line.
//   - characters as counted in work up to 2023, which leaves spaces out.
type KernErrors struct {
	CharacterEdits, Characters         int
	SymbolEdits, Symbols               int
	LineEdits, Lines                   int
	CharacterEdits2023, Characters2023 int
}

// KernRates are error rates in percent of the truth's length; they may pass 100.
type KernRates struct{ CER, SER, LER, CER2023 float64 }

// CompareKern counts the errors of one text. Neither is touched first: a line feed at the end
// counts. See PrepareKern.
func CompareKern(read, truth string) KernErrors {
	var e KernErrors
	r, t := []rune(read), []rune(truth)
	e.CharacterEdits, e.Characters = distance(r, t), len(t)
	rs, ts := kernSymbols(read), kernSymbols(truth)
	e.SymbolEdits, e.Symbols = distance(rs, ts), len(ts)
	rl, tl := strings.Split(read, "\n"), strings.Split(truth, "\n")
	e.LineEdits, e.Lines = distance(rl, tl), len(tl)
	r, t = []rune(strings.ReplaceAll(read, " ", "")), []rune(strings.ReplaceAll(truth, " ", ""))
	e.CharacterEdits2023, e.Characters2023 = distance(r, t), len(t)
	return e
}

// Plus adds the errors of another text.
func (e KernErrors) Plus(o KernErrors) KernErrors {
	return KernErrors{
		e.CharacterEdits + o.CharacterEdits, e.Characters + o.Characters,
		e.SymbolEdits + o.SymbolEdits, e.Symbols + o.Symbols,
		e.LineEdits + o.LineEdits, e.Lines + o.Lines,
		e.CharacterEdits2023 + o.CharacterEdits2023, e.Characters2023 + o.Characters2023,
	}
}

// Rates are the rates of what was counted. A truth of no length, for which no rate is defined,
// gives 0 when nothing was read and 100 when something was.
func (e KernErrors) Rates() KernRates {
	percent := func(edits, length int) float64 { return 100 * errorRate(edits, length) }
	return KernRates{CER: percent(e.CharacterEdits, e.Characters), SER: percent(e.SymbolEdits, e.Symbols),
		LER: percent(e.LineEdits, e.Lines), CER2023: percent(e.CharacterEdits2023, e.Characters2023)}
}

// kernSymbols splits at single spaces; two in a row have an empty symbol between them.
func kernSymbols(s string) []string {
	return strings.Split(strings.NewReplacer("\n", " <b> ", "\t", " <t> ").Replace(s), " ")
}

var (
	kernUnread = regexp.MustCompile(`(?m)^.*\*(?:staff[12]|X?ped|X?tremolo|X?tuplet|X?cue|rscale:1(?:/2)?|kcancel|below).*\n`)
	kernStars  = regexp.MustCompile(`(?m)^\*(?:[\t ]\*)*(?:\n|\z)`)
	barNumber  = regexp.MustCompile(`=\d+`)
)

// CleanKern drops the lines of a **kern text that say nothing of what is on the page's staves
// (staff numbers, pedal, tuplet, tremolo and cue marks, lines of null interpretations), and the
// white space at its ends, as the published evaluations do.
func CleanKern(s string) string {
	return strings.TrimSpace(kernStars.ReplaceAllString(kernUnread.ReplaceAllString(s, ""), ""))
}

// PrepareKern brings a text into the form in which texts are compared: CleanKern, bar lines
// without numbers, and without the separators and tremolo marks of the extended encodings.
func PrepareKern(s string) string {
	return strings.NewReplacer("\u00b7", "", "@", "").Replace(withoutBarNumbers(CleanKern(s)))
}

func withoutBarNumbers(s string) string {
	return barNumber.ReplaceAllStringFunc(s, func(m string) string { return m[:1] })
}

// KernEncoding names one of the ways in which **kern is cut into tokens.
type KernEncoding string

// The encodings that are in use.
const (
	KernStandard KernEncoding = "standard" // notes as they stand
	KernPlain    KernEncoding = "kern"     // notes as they stand, separators removed
	KernExtended KernEncoding = "ekern"    // cut at the separators
	KernBasic    KernEncoding = "bekern"   // cut at the separators and tremolo marks
)

// KernTokens cleans a text and cuts it into tokens: notes and interpretations, with <s>, <t>
// and <b> for space, tab and line feed. Bar numbers are dropped, and stems that stand behind a
// separator.
func KernTokens(s string, e KernEncoding) []string {
	s = withoutBarNumbers(CleanKern(s))
	s = strings.NewReplacer(" ", " <s> ", "\t", " <t> ", "\n", " <b> ").Replace(s)
	for _, stem := range []string{" /", ` \`, "\u00b7/", "\u00b7\\"} {
		s = strings.ReplaceAll(s, stem, "")
	}
	switch e {
	case KernPlain:
		s = strings.NewReplacer("\u00b7", "", "@", "").Replace(s)
	case KernExtended:
		s = strings.NewReplacer("\u00b7", " ", "@", "").Replace(s)
	case KernBasic:
		s = strings.NewReplacer("\u00b7", " ", "@", " ").Replace(s)
	}
	return strings.Split(strings.TrimSpace(s), " ")
}
