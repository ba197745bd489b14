package grammar

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The checkers here share nothing with the automata: they read a whole text with other means. In texts a
// location reads <loc0000>, as answers have it.

// checks are the checkers by grammar.
var checks = map[string]func(text string) error{
	Words:   checkWords,
	Detect:  checkItems(`^(<loc\d{4}>){4} ?[^\s;]+( [^\s;]+)*$`),
	Segment: checkItems(`^(<loc\d{4}>){4}(<seg\d{3}>){16}( ?[^\s;]+( [^\s;]+)*)? ?$`),
	Table:   checkTables,
	Outline: checkOutline,
	SMILES:  checkSMILES,
	Drawn:   checkMolecules,
	Atoms:   checkAtoms,
	Bar:     checkBar,
	Kern:    checkKern,
}

func checkCharacters(text string) error {
	if !utf8.ValidString(text) || strings.ContainsRune(text, utf8.RuneError) {
		return errors.New("no UTF-8")
	}
	return nil
}

// checkWords wants a box before every word, and no space.
func checkWords(text string) error {
	places := box.FindAllStringIndex(text, -1)
	if len(places) == 0 && text != "" || len(places) > 0 && places[0][0] != 0 {
		return errors.New("no box at the beginning")
	}
	for i, p := range places {
		end := len(text)
		if i+1 < len(places) {
			end = places[i+1][0]
		}
		if word := text[p[1]:end]; word == "" || strings.ContainsFunc(word, unicode.IsSpace) || strings.Contains(word, "<loc") {
			return fmt.Errorf("word %q", word)
		}
	}
	return checkCharacters(text)
}

// checkItems wants items joined by " ; ".
func checkItems(item string) func(string) error {
	one := regexp.MustCompile(item)
	return func(text string) error {
		if text == "" {
			return nil
		}
		for _, part := range strings.Split(text, " ; ") {
			if !one.MatchString(part) {
				return fmt.Errorf("%q is no item", part)
			}
		}
		return checkCharacters(text)
	}
}

var outlined = regexp.MustCompile(`^((h(L{2})+)?(b(L{2})+)?c(L{2})+(s(L{4})+)?)*$`)

// checkOutline wants whole entries in every list, and rows and columns in every table.
func checkOutline(text string) error {
	short := regexp.MustCompile(`<loc\d{4}>`).ReplaceAllString(text, "L")
	if !outlined.MatchString(short) || strings.HasPrefix(short, "c") || regexp.MustCompile(`c[Ls]+c`).MatchString(short) {
		return fmt.Errorf("%q is no structure", short)
	}
	return nil
}

var barred = regexp.MustCompile(`^L(=(=|\|\||:\|!|!\|:|:\|!\|:|\|!|-)?|E?([|,]E?)*)$`)

// checkBar wants a bar line, or columns that are empty or a note, rest or sign, on every line.
func checkBar(text string) error {
	event := regexp.MustCompile(`^(\d{1,3}(%[1-9])?\.{0,3}L%[a-zA-Z]?;?|(\d{1,3}(%[1-9])?\.{0,3}q{0,2})[LJKk]{0,6}(L[a-zA-Z](##?|--?|n)?[(\[~'` + "`" + `^;TtMm:_\])]*)+|\*([GFC][v^]?[1-5]|[cC8bXn]|#{1,7}|-{1,7}|\d\d?/\d\d?))$`)
	if text == "" {
		return nil
	}
	for line := range strings.SplitSeq(regexp.MustCompile(`<loc\d{4}>`).ReplaceAllString(text, "\x01"), "\n") {
		body, placed := strings.CutPrefix(line, "\x01")
		if !placed {
			return fmt.Errorf("%q has no place", line)
		}
		if barred.MatchString("L" + body) {
			continue
		}
		for _, column := range regexp.MustCompile(`[|,]`).Split(body, -1) {
			if column != "" && !event.MatchString(strings.ReplaceAll(column, "\x01", "L")) {
				return fmt.Errorf("%q is no note, rest or sign", column)
			}
		}
	}
	return nil
}

var box = regexp.MustCompile(`(<loc\d{4}>){4}`)

// checkTables reads tables as XML, in which boxes are elements of their own.
func checkTables(text string) error {
	if err := checkCharacters(text); err != nil {
		return err
	}
	d := xml.NewDecoder(strings.NewReader("<all>" + box.ReplaceAllString(text, "<box></box>") + "</all>"))
	var open []string
	var last string // the element or text before
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			name := t.Name.Local
			if err := checkPlace(open, last, name); err != nil {
				return err
			}
			if err := checkSpans(t); err != nil {
				return err
			}
			open, last = append(open, name), "<"+name
		case xml.EndElement:
			if slices.Contains(marks[:], t.Name.Local) && (last == "<"+t.Name.Local || last == " ") {
				return fmt.Errorf("a mark ends after %q", last)
			}
			if (t.Name.Local == "td" || t.Name.Local == "th") && (last == " " || last == "box") {
				return fmt.Errorf("a cell ends after %q", last)
			}
			if t.Name.Local == "box" && last != "<box" {
				return errors.New("something in a box")
			}
			if (t.Name.Local == "thead" || t.Name.Local == "tbody") && last != "tr" {
				return errors.New("a section without rows")
			}
			open, last = open[:len(open)-1], t.Name.Local
		case xml.CharData:
			if !slices.Contains(open, "td") && !slices.Contains(open, "th") || last == "<td" || last == "<th" {
				return fmt.Errorf("text %q after %q", t, last)
			}
			s := string(t)
			if strings.HasPrefix(s, " ") && (last == "box" || strings.HasPrefix(last, "<")) || strings.Contains(s, "  ") {
				return fmt.Errorf("space in %q after %q", s, last)
			}
			if last = "text"; strings.HasSuffix(s, " ") {
				last = " "
			}
		default:
			return fmt.Errorf("%T", token)
		}
	}
}

// checkPlace says whether an element may begin.
func checkPlace(open []string, last, name string) error {
	in := ""
	if len(open) > 0 {
		in = open[len(open)-1]
	}
	good := map[string][]string{"all": {""}, "table": {"all"}, "thead": {"table"}, "tbody": {"table"}, "tr": {"thead", "tbody"},
		"td": {"tr"}, "th": {"tr"}, "box": {"all", "td", "th"}}[name]
	if slices.Contains(marks[:], name) {
		good = append([]string{"td", "th"}, marks[:]...)
		if slices.Contains(open, name) {
			return fmt.Errorf("<%s> in its own kind", name)
		}
		if last == "<td" || last == "<th" {
			return errors.New("a text without a box")
		}
	}
	switch {
	case !slices.Contains(good, in):
		return fmt.Errorf("<%s> in <%s>", name, in)
	case name == "table" && last != "box", name == "thead" && last != "<table", name == "tbody" && last != "<table" && last != "thead":
		return fmt.Errorf("<%s> after %q", name, last)
	case name == "box" && in != "all" && last != "<td" && last != "<th":
		return fmt.Errorf("a box after %q", last)
	}
	return nil
}

func checkSpans(t xml.StartElement) error {
	for i, a := range t.Attr {
		n := a.Name.Local
		if t.Name.Local != "td" && t.Name.Local != "th" || n != "rowspan" && n != "colspan" || i == 1 && n == "rowspan" || i > 1 ||
			!regexp.MustCompile(`^([2-9]|[1-9]\d\d?)$`).MatchString(a.Value) {
			return fmt.Errorf("%s=%q", n, a.Value)
		}
	}
	return nil
}

// checkMolecules takes molecules with their boxes and labels apart.
func checkMolecules(text string) error {
	places := box.FindAllStringIndex(text, -1)
	if len(places) == 0 && text != "" || len(places) > 0 && places[0][0] != 0 {
		return errors.New("no box at the beginning")
	}
	for i, p := range places {
		end := len(text)
		if i+1 < len(places) {
			end = places[i+1][0]
		}
		molecule, label, labelled := strings.Cut(text[p[1]:end], " ")
		if err := checkSMILES(molecule); molecule == "" || err != nil {
			return fmt.Errorf("%q: %v", molecule, err)
		}
		if labelled && (label == "" || label != strings.Join(strings.Fields(label), " ")) {
			return fmt.Errorf("label %q", label)
		}
	}
	return checkCharacters(text)
}

var smilesToken = regexp.MustCompile(`^(Br|Cl|[BCNOPSFIbcnops*]|\[\d{0,3}(?:[A-Z][a-z]?|[bcnops]|se|as|\*)@{0,2}(?:H\d?)?(?:[+-]\d?)?(?::\d{1,3})?\]|%\d\d|[0-9]|[-=#$:/\\]|[().])`)

// checkSMILES reads a molecule into a graph by recursive descent over its tokens.
func checkSMILES(text string) error {
	var tokens []string
	for rest := text; rest != ""; {
		t := smilesToken.FindString(rest)
		if t == "" {
			return fmt.Errorf("no token in %q", rest)
		}
		tokens, rest = append(tokens, t), rest[len(t):]
	}
	if len(tokens) == 0 {
		return nil
	}
	type end struct {
		atom int
		bond string
	}
	bonds, rings, atoms, at := map[[2]int]bool{}, map[string]end{}, 0, 0
	connect := func(a, b int) error {
		if a > b {
			a, b = b, a
		}
		if a == b || bonds[[2]int{a, b}] {
			return fmt.Errorf("atoms %d and %d are bonded already", a, b)
		}
		bonds[[2]int{a, b}] = true
		return nil
	}
	isBond := func(t string) bool { return strings.Contains(`-=#$:/\`, t) }
	isRing := func(t string) bool { return t[0] == '%' || t[0] >= '0' && t[0] <= '9' }
	var chain func(root int) error
	chain = func(root int) error { // one or more atoms bonded to root
		for last, first := root, true; ; first = false {
			bond := ""
			if at < len(tokens) && isBond(tokens[at]) {
				bond = tokens[at]
				at++
			}
			if at == len(tokens) || strings.Contains("().", tokens[at]) || isRing(tokens[at]) {
				if bond == "" && !first {
					return nil
				}
				return fmt.Errorf("an atom is missing before token %d", at)
			}
			at++
			atoms++
			atom := atoms
			if last > 0 {
				if err := connect(last, atom); err != nil {
					return err
				}
			} else if bond != "" {
				return errors.New("a bond from nothing")
			}
			last = atom
			for at < len(tokens) { // ring labels
				k, ringBond := at, ""
				if isBond(tokens[k]) && k+1 < len(tokens) && isRing(tokens[k+1]) {
					ringBond = tokens[k]
					k++
				}
				if !isRing(tokens[k]) {
					break
				}
				at = k + 1
				other, open := rings[tokens[k]]
				if !open {
					rings[tokens[k]] = end{atom, ringBond}
					continue
				}
				delete(rings, tokens[k])
				if err := connect(other.atom, atom); err != nil {
					return err
				}
				if ringBond != "" && other.bond != "" && ringBond != other.bond {
					return errors.New("a ring with two bonds")
				}
			}
			for at < len(tokens) && tokens[at] == "(" {
				at++
				if err := chain(atom); err != nil {
					return err
				}
				if at == len(tokens) || tokens[at] != ")" {
					return errors.New("a branch is open")
				}
				at++
			}
		}
	}
	for {
		if err := chain(0); err != nil {
			return err
		}
		if at == len(tokens) {
			break
		}
		if tokens[at] != "." {
			return fmt.Errorf("token %d is %q", at, tokens[at])
		}
		at++
	}
	if len(rings) > 0 {
		return fmt.Errorf("rings %v are open", rings)
	}
	return nil
}

var (
	kernNote  = regexp.MustCompile(`^\({0,3}\[?(\d{1,3}(%\d)?\.{0,2})(r|q{0,2}(a{1,4}|b{1,4}|c{1,4}|d{1,4}|e{1,4}|f{1,4}|g{1,4}|A{1,4}|B{1,4}|C{1,4}|D{1,4}|E{1,4}|F{1,4}|G{1,4}))(#{0,2}|-{0,2})[nXq'~^;TtMm:LJKk_\])yQ/\\"]{0,10}$`)
	chordNote = regexp.MustCompile(`^\(?\[?([a-g]{1,4}|[A-G]{1,4})(#{0,2}|-{0,2})[nXq'~^;TtMm:LJKk_\])yQ/\\"]{0,10}$`)
	kernStar  = regexp.MustCompile(`^\*($|\^$|v$|-$|clef[GFCX][v^]?\d?$|k\[([a-g][#-])*\]$|M\d+/\d+$|met\(c\|?\)$|X?(8|15)[vbm]a$)`)
	kernBars  = regexp.MustCompile(`^=(=|\|\||\|!|:\|!|!\|:|:\|!\|:|-)?$`)
)

// checkKern counts the columns of every line of every system.
func checkKern(text string) error {
	if text == "" {
		return nil
	}
	systems := box.Split(text, -1)
	if systems[0] == "" {
		systems = systems[1:]
	}
	for _, system := range systems {
		tabbed := strings.ReplaceAll(system, "»", "\t")
		lines := strings.Split(tabbed, "\n")
		var origin []int
		for i := range strings.Split(lines[0], "\t") {
			origin = append(origin, i)
		}
		for number, line := range lines {
			if len(origin) == 0 {
				return fmt.Errorf("line %d after the end", number)
			}
			fields := strings.Split(line, "\t")
			if len(fields) != len(origin) {
				return fmt.Errorf("line %d %q has %d columns of %d", number, line, len(fields), len(origin))
			}
			var err error
			if origin, err = kernLineOf(fields, origin, number == 0); err != nil {
				return fmt.Errorf("line %d %q: %w", number, line, err)
			}
		}
		if len(origin) != 0 {
			return errors.New("no *- at the end")
		}
	}
	return nil
}

// kernLineOf checks a line and returns the origins of the columns behind it.
func kernLineOf(fields []string, origin []int, first bool) (next []int, err error) {
	ended := 0
	for i := 0; i < len(fields); i++ {
		f := fields[i]
		if first && !strings.HasPrefix(f, "*clef") {
			return nil, fmt.Errorf("%q is no clef", f)
		}
		if f == "" || (f[0] == '*') != (fields[0][0] == '*') || (f[0] == '=') != (fields[0][0] == '=') {
			return nil, fmt.Errorf("%q beside %q", f, fields[0])
		}
		switch {
		case f == "*-":
			ended++
		case f == "*^":
			next = append(next, origin[i], origin[i])
		case f == "*v":
			k := i
			for k+1 < len(fields) && fields[k+1] == "*v" && origin[k+1] == origin[i] {
				k++
			}
			if k == i {
				return nil, errors.New("*v alone")
			}
			next, i = append(next, origin[i]), k
		default:
			for j, part := range strings.Split(f, " ") {
				good := f == "." || j == 0 && (kernNote.MatchString(part) || kernStar.MatchString(part) || kernBars.MatchString(part)) || j > 0 && chordNote.MatchString(part)
				if !good {
					return nil, fmt.Errorf("token %q", f)
				}
			}
			next = append(next, origin[i])
		}
	}
	if ended > 0 && ended < len(fields) {
		return nil, errors.New("only some *-")
	}
	return next, nil
}

var (
	drawnWhole = regexp.MustCompile(`^(.*?)(?: (.*))?$`)
	drawnPart  = regexp.MustCompile(`^` + onePlace + oneLabel + `(?:` + onePlace + `(?:[=#/\\:;~%]?` + oneLabel + `|[=#/\\:;~%]?)|,` + onePlace + `)*$`)
	drawnName  = regexp.MustCompile(`^` + onePlace + `\S+( \S+)*$`)
)

const (
	onePlace = `<loc\d{4}><loc\d{4}>`
	oneLabel = `[A-Za-z0-9()+\-*'][A-Za-z0-9()+\-*'=#]*`
)

// checkAtoms takes a drawn molecule apart: parts joined by dots, then the name.
func checkAtoms(text string) error {
	if text == "" {
		return nil
	}
	m := drawnWhole.FindStringSubmatch(text)
	for part := range strings.SplitSeq(m[1], ".") {
		if !drawnPart.MatchString(part) {
			return fmt.Errorf("part %q", part)
		}
	}
	if len(m[1]) < len(text) && !drawnName.MatchString(m[2]) {
		return fmt.Errorf("name %q", m[2])
	}
	return checkCharacters(text)
}
