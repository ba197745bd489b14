package smiles

import "strings"

// Groups rewrites what pictures call a rest and OpenSMILES does not know:
// [R7], R-group 7, becomes [7*]. With others set, any other bracket that is
// no atom, such as [Ph] or [X], becomes *, as recognition is commonly scored.
// The rest of the text stays as it is, right or wrong.
func Groups(text string, others bool) string {
	if !strings.Contains(text, "[") {
		return text
	}
	var b strings.Builder
	for {
		open := strings.IndexByte(text, '[')
		end := strings.IndexByte(text[max(open, 0):], ']')
		if open < 0 || end < 0 {
			b.WriteString(text)
			return b.String()
		}
		end += open + 1
		b.WriteString(text[:open])
		b.WriteString(group(text[open:end], others))
		text = text[end:]
	}
}

// group rewrites one bracket.
func group(token string, others bool) string {
	inside := token[1 : len(token)-1]
	if rest, ok := strings.CutPrefix(inside, "R"); ok && len(rest) > 0 && len(rest) <= 3 {
		if n, size := number(rest, 3); size == len(rest) && n > 0 {
			return "[" + itoa(n) + "*]"
		}
	}
	if others {
		p := parser{text: token, m: &Molecule{}, prev: -1}
		if p.bracket() != nil {
			return "*"
		}
	}
	return token
}
