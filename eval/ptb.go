package eval

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxPTB bounds the text that PTB looks at, far above any caption or report.
const maxPTB = 1 << 16

// PTB splits a raw text into the words that the COCO caption evaluation
// compares, joined by single spaces: in the manner of the Penn Treebank
// (contractions parted, abbreviations kept with their stops, hyphenated words
// kept whole), in lower case, without the marks that the evaluation leaves out.
// It follows stanford-corenlp 3.4.1, the tokenizer that evaluation calls; there
// the brackets it means to leave out stay in, because they are in lower case by
// then, and so they do here.
func PTB(text string) string {
	if len(text) > maxPTB {
		text = strings.ToValidUTF8(text[:maxPTB], "")
	}
	var out []string
	for rest := text; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		if unicode.IsSpace(r) || r == utf8.RuneError || unicode.IsControl(r) || r == '\ufeff' || r == '\u200b' || r > 0xffff {
			rest = rest[size:]
			continue
		}
		n, words := ptbToken(rest)
		for _, w := range words {
			if w = strings.ToLower(w); !ptbDropped[w] {
				out = append(out, w)
			}
		}
		rest = rest[n:]
	}
	return strings.Join(out, " ")
}

// ptbDropped are the tokens that the evaluation leaves out.
var ptbDropped = map[string]bool{"''": true, "'": true, "``": true, "`": true, ".": true, "?": true, "!": true, ",": true,
	":": true, "-": true, "--": true, "...": true, ";": true}

// ptbKind says what becomes of a match.
type ptbKind int

const (
	ptbPlain      ptbKind = iota // the token as it is
	ptbWord                      // may end in n't
	ptbSpaced                    // spaces within become no-break spaces, brackets their names
	ptbQuote                     // a mark that is left out
	ptbBefore                    // only before something that is no letter
	ptbBeforeFigs                // only before a number
	ptbNoAux                     // not where it ends like we're
	ptbInitial                   // not before a word that begins a sentence
)

type ptbRule struct {
	kind ptbKind
	re   *regexp.Regexp
}

// The parts that rules are made of.
const (
	ptbLetter = `[\p{L}\p{M}]`
	ptbAlnum  = `[\p{L}\p{M}0-9]`
	ptbApos   = `['’]`
	ptbPoint  = `(?:[0-9]*(?:[.,][0-9]+)+)`
	ptbNum    = `(?:[0-9]+|[0-9]*(?:[.:,][0-9]+)+)`
	ptbElided = `(?:[dDoOlL]` + ptbApos + ptbAlnum + `)?`
	ptbPath   = `(?:/[^\s<>|` + "`" + `]+[^\s<>|.!?,` + "`" + `-])?`
)

// ptbRules compete: the longest match wins, of equally long ones the first.
var ptbRules = func() []ptbRule {
	rule := func(kind ptbKind, expr string) ptbRule {
		re := regexp.MustCompile(`^(?:` + expr + `)`)
		re.Longest()
		return ptbRule{kind, re}
	}
	return []ptbRule{
		rule(ptbPlain, `</?[A-Za-z][A-Za-z0-9]*(?:\s[^"<>]*="[^>]*)?>`),
		rule(ptbPlain, `https?://[^\s"<>|()]+[^\s"<>|.!?(){},-]`),
		rule(ptbPlain, `(?:www\.(?:[^\s<>|.!?,`+"`"+`]+\.)+[a-zA-Z]{2,4}|(?:[\p{L}0-9-]+\.)+(?:com|net|org|edu))`+ptbPath),
		rule(ptbPlain, `[a-zA-Z0-9][^\s"<>|()]*@(?:[^\s"<>|().]+\.)*[^\s"<>|().,;:!?]+`),
		rule(ptbPlain, `[@#][A-Za-z_][A-Za-z_0-9]*`),
		rule(ptbWord, ptbLetter+ptbAlnum+`*(?:[.!?]`+ptbLetter+ptbAlnum+`*)*`),
		rule(ptbPlain, ptbElided+`(?:`+ptbAlnum+`+|`+ptbPoint+`)(?:-`+ptbElided+ptbAlnum+`+)*`),
		rule(ptbPlain, ptbAlnum+`+(?:[.,_]`+ptbAlnum+`+)*(?:-`+ptbAlnum+`+)+`),
		rule(ptbPlain, `[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}(?:/[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}){1,2}`),
		rule(ptbPlain, `[A-Z]+(?:[+&][A-Z]+)+`),
		rule(ptbPlain, ptbAlnum+`+(?:_`+ptbAlnum+`+)+`),
		rule(ptbPlain, `[-+]?`+ptbNum),
		rule(ptbSpaced, `(?:[0-9]{1,4}[- \x{A0}])?[0-9]{1,4}[/\x{2044}][0-9]{1,4}`),
		rule(ptbPlain, `[0-9]{1,2}[-/][0-9]{1,2}[-/][0-9]{2,4}`),
		rule(ptbSpaced, `\([0-9]{2,3}\)[ \x{A0}]?[0-9]{3,4}[- \x{A0}]?[0-9]{3,5}`),
		// Words with apostrophes, and what is left of words.
		rule(ptbBefore, ptbApos+`(?:[msdMSD]|re|RE|ve|VE|ll|LL)`),
		rule(ptbBefore, `n`+ptbApos+`t|N`+ptbApos+`T`),
		rule(ptbWord, `'[tT](?:is|was)`),
		rule(ptbBefore, `'n`),
		rule(ptbPlain, `'n'|'em|'[2-9]0s|'till?|'cause|[lLdDjJ]'|[yY]'|[oO]l'|[dD]unkin'|[sS]omethin'`),
		rule(ptbPlain, `[A-HJ-XZn]`+ptbApos+`[\p{L}]{2}`+ptbLetter+`*|cont'd\.?|nor'easter|c'mon|[mM]a'am|[oO]'clock|[nN]e'er|[eE]'er|[oO]'er|s'mores|[eE]v'ry|li'l|nat'l`),
		rule(ptbNoAux, ptbLetter+`+[aeiouyAEIOUY]`+ptbApos+`[aeiouA-Z]`+ptbLetter+`*`),
		// Abbreviations keep their stop.
		rule(ptbPlain, `[A-Za-z](?:\.[A-Za-z])+\.?|[a-zI]\.|(?:Canada|Sino|Korean|EU|Japan|non)-U\.S\.?`),
		rule(ptbInitial, `[A-Z]\.`),
		rule(ptbPlain, `(?:(?i:`+ptbAbbreviations+`)|`+ptbStates+`)\.`),
		rule(ptbBeforeFigs, `(?i:figs?|nos?|pp?|art)\.`),
		rule(ptbPlain, `C\+\+|[CF]#|(?:US|HK|NT|NZ|A|C|S)\$`),
		// Marks.
		rule(ptbBefore, `[<>]?[:;=][-o*']?[()DPdpO\\{@|\[\]]`),
		rule(ptbQuote, "''|``|[\"“”«»'‘’‹›`]"),
		rule(ptbQuote, `-+|[–—]|\.\.\.+|…|(?:\. ){2,}\.`),
		rule(ptbPlain, `[?!]+|(?:\\?\*)+|_+|#+|<+|>+`),
		rule(ptbPlain, `&(?:amp|lt|gt|quot|apos|nbsp);`),
	}
}()

const ptbAbbreviations = `jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|mon|tues?|wed|thu|thurs|fri|` +
	`calif|conn|fla|mich|va|ariz|tenn|mo|md|wis|minn|ind|okla|kan|ga|colo|ky|ala|nev|neb|ark|vt|wyo|tex|` +
	`inc|cos?|corp|pp?t[ye]s?|ltd|plc|rt|bancorp|dept|bhd|assn|univ|intl|sys|invt|elec|natl|m[ft]g|tel|est|ext|sq|jr|sr|bros|blvd|rd|esq|etc|al|seq|` +
	`mr|mrs|ms|drs?|profs?|sens?|reps?|attys?|lt|col|gen|messrs|govs?|adm|rev|maj|sgt|cpl|pvt|mt|capt|ste?|ave|pres|lieut|hon|brig|co?mdr|pfc|spc|supts?|det|mlle|mme|` +
	`vs|alex|wm|jos|cie|cf|ph|ft|(?:ed|ph)\.d`

// ptbStates are words, too, where they are not capitalised.
const ptbStates = `Del|Ill|La|Mass|Miss|Ore|Pa|Wash`

// ptbWhole are words that are two.
var ptbWhole = map[string]int{"cannot": 3, "gonna": 3, "gotta": 3, "lemme": 3, "gimme": 3, "wanna": 3, "'tis": 2, "'twas": 2}

// ptbNames are what marks are called in the treebank.
var ptbNames = map[string]string{"(": "-LRB-", ")": "-RRB-", "[": "-LSB-", "]": "-RSB-", "{": "-LCB-", "}": "-RCB-",
	"€": "$", "£": "#", "¢": "cents", "½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3",
	"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": "''", "&apos;": "'", "&nbsp;": "'"}

// ptbBrackets are the names within a token.
var ptbBrackets = strings.NewReplacer("(", "-LRB-", ")", "-RRB-", " ", "\u00a0")

// ptbToken reads the token that a text begins with: how long it is and the
// words it gives.
func ptbToken(s string) (int, []string) {
	window := s[:min(len(s), 1024)] // no token is longer
	best, kind := 0, ptbPlain
	for _, rule := range ptbRules {
		loc := rule.re.FindStringIndex(window)
		if loc == nil || loc[1] <= best {
			continue
		}
		next, _ := utf8.DecodeRuneInString(s[loc[1]:])
		if rule.kind == ptbBefore && (next|0x20 >= 'a' && next|0x20 <= 'z') {
			continue
		}
		if rule.kind == ptbNoAux && ptbAux.MatchString(s[:loc[1]]) || rule.kind == ptbInitial && ptbBegins.MatchString(s[loc[1]:]) {
			continue
		}
		if rule.kind == ptbBeforeFigs && !ptbFigures.MatchString(s[loc[1]:]) {
			continue
		}
		best, kind = loc[1], rule.kind
	}
	if best == 0 {
		_, best = utf8.DecodeRuneInString(s)
	}
	token := s[:best]
	switch kind {
	case ptbQuote:
		return best, nil
	case ptbSpaced:
		return best, []string{ptbBrackets.Replace(token)}
	case ptbWord:
		return ptbSplit(s, token)
	}
	if name, ok := ptbNames[token]; ok {
		return best, []string{name}
	}
	if len(token) > 1 && strings.ContainsAny(token[:1], ":;=<>") {
		token = ptbBrackets.Replace(token)
	}
	return best, []string{strings.ReplaceAll(token, "’", "'")}
}

var (
	ptbFigures = regexp.MustCompile(`^ ?[0-9]`)
	ptbAux     = regexp.MustCompile(`(?i)['’](?:re|ve|ll)$`)
	ptbBegins  = regexp.MustCompile(`^\s+(?:A|About|According|Additionally|After|An|As|At|But|Earlier|He|Her|Here|However|If|In|It|Last|Many|More|Mr\.|Now|Once|One|Other|Our|She|Since|So|Some|Such|That|The|Their|Then|There|These|They|This|We|What|When|While|Yet|You)(?:\s|$)`)
)

// ptbSplit parts a word that is two, or that ends in n't.
func ptbSplit(s, word string) (int, []string) {
	if n := ptbWhole[strings.ToLower(word)]; n > 0 {
		return len(word), []string{word[:n], word[n:]}
	}
	rest := s[len(word):]
	for _, apos := range []string{"'", "’"} {
		after, ok := strings.CutPrefix(rest, apos)
		if !ok || len(word) < 2 || word[len(word)-1]|0x20 != 'n' || after == "" || after[0]|0x20 != 't' {
			continue
		}
		if next, _ := utf8.DecodeRuneInString(after[1:]); !(next|0x20 >= 'a' && next|0x20 <= 'z') {
			return len(word) - 1, []string{word[:len(word)-1]} // n't is a token of its own
		}
	}
	return len(word), []string{word}
}
