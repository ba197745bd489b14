package htmltable

import (
	"errors"
	"fmt"
	"html"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds on what is read. The first two refuse, the third only flattens: what
// is deeper becomes a sibling.
const (
	MaxBytes = 8 << 20 // of a text
	MaxNodes = 400_000 // elements and texts of a tree
	maxDepth = 200     // elements inside one another; libxml2 stops at 256
)

// ErrTooLarge is wrapped when a text passes MaxBytes or MaxNodes.
var ErrTooLarge = errors.New("too large a table")

// Node is an element, or a text between elements.
type Node struct {
	Tag      string            // in lower case; empty for a text
	Text     string            // of a text, character references resolved
	Attr     map[string]string // names in lower case, the first of equal ones
	Children []*Node
	Start    int // byte where the element or text begins
	Content  int // byte after the start tag
	End      int // byte after the end tag, or where the element was closed
	Closed   bool
	Cut      bool // the text ends within the start tag
}

// Tree is a parsed text.
type Tree struct {
	Root Node // without tag; its children are what stands in the body
	// Document is set when the text begins with <html or <!doctype, or has a
	// head: what lxml calls a full document.
	Document bool
}

// Walk calls visit with the node's descendants in document order; the
// children of a node for which visit returns false are left out.
func (n *Node) Walk(visit func(*Node) bool) {
	for _, c := range n.Children {
		if visit(c) {
			c.Walk(visit)
		}
	}
}

// void are the elements without content. Locations are void too: <loc0001> is
// how a model's location token is spelt.
var void = []string{"area", "base", "basefont", "br", "col", "embed", "frame", "hr", "img", "input", "isindex", "link", "meta", "param"}

// closes says which open elements end where a new one begins, as libxml2's
// HTML parser has it; no element is put in that is not written.
var closes = map[string][]string{
	"table":    {"p", "a", "h1", "h2", "h3", "h4", "h5", "h6", "pre"},
	"caption":  {"p"},
	"col":      {"caption", "p"},
	"colgroup": {"caption", "colgroup", "p"},
	"thead":    {"caption", "colgroup"},
	"tbody":    {"caption", "colgroup", "thead", "tbody", "tfoot", "tr", "td", "th", "p"},
	"tfoot":    {"caption", "colgroup", "thead", "tbody", "tr", "td", "th", "p"},
	"tr":       {"caption", "colgroup", "tr", "td", "th", "p"},
	"td":       {"td", "th", "p", "b", "i", "u", "span", "a", "font"},
	"th":       {"td", "th", "p", "b", "i", "u", "span", "a", "font"},
	"p":        {"p", "b", "i", "u", "s", "strike", "small", "big", "tt", "h1", "h2", "h3", "h4", "h5", "h6"},
	"a":        {"a"},
	"div":      {"p"},
	"center":   {"p", "b", "i", "font"},
	"ul":       {"p", "pre"},
	"ol":       {"p", "pre"},
	"li":       {"p", "li", "h1", "h2", "h3", "h4", "h5", "h6", "dl", "pre"},
	"h1":       {"p"}, "h2": {"p"}, "h3": {"p"}, "h4": {"p"}, "h5": {"p"}, "h6": {"p"},
	"dl":   {"p", "dt", "pre"},
	"dt":   {"p", "dd", "pre"},
	"dd":   {"p", "dt", "pre"},
	"form": {"p", "ul", "h1", "h2", "h3", "h4", "h5", "h6", "dl", "form", "pre"},
	"pre":  {"p", "ul"},
}

// strength says which end tags an open element stops: one that is weaker than
// the element closes nothing outside it.
func strength(tag string) int {
	switch tag {
	case "div":
		return 150
	case "td", "th":
		return 160
	case "tr":
		return 170
	case "thead", "tbody", "tfoot":
		return 180
	case "table":
		return 190
	}
	return 100
}

// Parse reads HTML into a tree as libxml2 does, because the published table
// metrics are defined over its trees: end tags may be missing, nothing that is
// not written is put in (no tbody), comments and declarations are left out. It
// never fails for what is written, only for how much of it there is.
func Parse(s string) (*Tree, error) {
	if len(s) > MaxBytes {
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, len(s), MaxBytes)
	}
	t := &Tree{Document: startsDocument(s)}
	p := parser{s: s, tree: t, open: []*Node{&t.Root}}
	for p.at < len(s) {
		if p.nodes > MaxNodes {
			return nil, fmt.Errorf("%w: more than %d elements and texts", ErrTooLarge, MaxNodes)
		}
		p.next()
	}
	p.flush(len(s))
	for len(p.open) > 1 {
		p.pop(len(s), false)
	}
	t.Root.End = len(s)
	return t, nil
}

func startsDocument(s string) bool {
	s = strings.TrimLeft(s, " \t\r\n\f\v")
	for _, prefix := range []string{"<html", "<!doctype"} {
		if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
			return true
		}
	}
	return false
}

type parser struct {
	s     string
	at    int
	tree  *Tree
	open  []*Node // the root first
	nodes int
	text  strings.Builder // pending text
	from  int             // where it began
}

func (p *parser) next() {
	rest := p.s[p.at:]
	if rest[0] != '<' {
		n := strings.IndexByte(rest, '<')
		if n < 0 {
			n = len(rest)
		}
		p.write(unescape(rest[:n]), n)
		return
	}
	switch {
	case strings.HasPrefix(rest, "<!--"):
		p.skip(after(rest, 4, "-->"))
	case len(rest) > 9 && strings.EqualFold(rest[:9], "<!doctype"):
		p.skip(after(rest, 9, ">"))
	case strings.HasPrefix(rest, "<?"):
		p.skip(after(rest, 2, ">"))
	case strings.HasPrefix(rest, "</"):
		p.endTag(rest)
	case len(rest) > 1 && letter(rest[1]):
		p.startTag(rest)
	default:
		p.write("<", 1)
	}
}

// after is the length of s up to and with the mark; everything when it is
// missing.
func after(s string, from int, mark string) int {
	if i := strings.Index(s[from:], mark); i >= 0 {
		return from + i + len(mark)
	}
	return len(s)
}

func (p *parser) skip(n int) { p.at += n }

func (p *parser) write(s string, n int) {
	if p.text.Len() == 0 {
		p.from = p.at
	}
	p.text.WriteString(s)
	p.at += n
}

// flush hangs the pending text into the innermost open element.
func (p *parser) flush(end int) {
	if p.text.Len() == 0 {
		return
	}
	p.add(&Node{Text: p.text.String(), Start: p.from, Content: p.from, End: end, Closed: true})
	p.text.Reset()
}

func (p *parser) add(n *Node) {
	parent := p.open[len(p.open)-1]
	parent.Children = append(parent.Children, n)
	p.nodes++
}

func (p *parser) pop(end int, closed bool) {
	n := p.open[len(p.open)-1]
	n.End, n.Closed = end, closed
	p.open = p.open[:len(p.open)-1]
}

// structural tags only mark where a document's parts begin; the tree is that
// of the body.
var structural = []string{"html", "body", "head"}

// heading elements make a head where there is none.
var heading = []string{"title", "meta", "link", "style", "script", "base"}

func (p *parser) startTag(rest string) {
	tag, attr, n, selfClosing := readTag(rest, 1)
	cut := n == 0
	if cut {
		n = len(rest)
	}
	p.flush(p.at)
	if slices.Contains(structural, tag) {
		p.tree.Document = p.tree.Document || tag == "head"
		p.skip(n)
		return
	}
	if slices.Contains(heading, tag) && len(p.tree.Root.Children) == 0 {
		p.tree.Document = true
	}
	for len(p.open) > 1 && slices.Contains(closes[tag], p.open[len(p.open)-1].Tag) {
		p.pop(p.at, false)
	}
	node := &Node{Tag: tag, Attr: attr, Start: p.at, Content: p.at + n, Cut: cut}
	p.add(node)
	p.skip(n)
	if tag == "script" || tag == "style" || tag == "title" {
		raw := p.s[p.at:]
		size := indexFold(raw, "</"+tag)
		if size > 0 && tag != "title" {
			node.Children = []*Node{{Text: raw[:size], Start: p.at, Content: p.at, End: p.at + size, Closed: true}}
			p.nodes++
		}
		p.skip(size)
	}
	node.End = p.at
	if selfClosing || slices.Contains(void, tag) || isLocation(tag) {
		node.Closed = true
		return
	}
	if len(p.open) < maxDepth {
		p.open = append(p.open, node)
	}
}

func (p *parser) endTag(rest string) {
	tag, _, n, _ := readTag(rest, 2)
	switch {
	case len(rest) < 3 || !letter(rest[2]): // "</" before anything but a name
		tag, n = "", 2
	case n == 0: // cut off
		n = len(rest)
	}
	i := len(p.open) - 1
	for i > 0 && p.open[i].Tag != tag && strength(p.open[i].Tag) <= strength(tag) {
		i--
	}
	if i == 0 || p.open[i].Tag != tag {
		p.at += n // closes nothing, and does not part the text around it
		return
	}
	p.flush(p.at)
	for len(p.open)-1 > i {
		p.pop(p.at, false)
	}
	p.skip(n)
	p.pop(p.at, true)
}

// readTag reads a tag whose name begins at byte from: its name, its attributes
// and its length, 0 when the text ends within.
func readTag(s string, from int) (tag string, attr map[string]string, n int, selfClosing bool) {
	i := from
	for i < len(s) && nameByte(s[i]) {
		i++
	}
	tag = strings.ToLower(s[from:i])
	for {
		for i < len(s) && (space(s[i]) || s[i] == '/') {
			selfClosing = s[i] == '/'
			i++
		}
		if i >= len(s) {
			return tag, attr, 0, false
		}
		if s[i] == '>' {
			return tag, attr, i + 1, selfClosing
		}
		selfClosing = false
		start := i
		for i < len(s) && !space(s[i]) && s[i] != '=' && s[i] != '>' && s[i] != '/' {
			i++
		}
		name := strings.ToLower(s[start:i])
		for i < len(s) && space(s[i]) {
			i++
		}
		value := ""
		if i < len(s) && s[i] == '=' {
			i++
			for i < len(s) && space(s[i]) {
				i++
			}
			value, i = readValue(s, i)
		}
		if name == "" {
			continue
		}
		if attr == nil {
			attr = map[string]string{}
		}
		if _, twice := attr[name]; !twice {
			attr[name] = unescape(value)
		}
	}
}

func readValue(s string, i int) (string, int) {
	if i < len(s) && (s[i] == '"' || s[i] == '\'') {
		if j := strings.IndexByte(s[i+1:], s[i]); j >= 0 {
			return s[i+1 : i+1+j], i + j + 2
		}
		return s[i+1:], len(s)
	}
	start := i
	for i < len(s) && !space(s[i]) && s[i] != '>' {
		i++
	}
	return s[start:i], i
}

func indexFold(s, mark string) int {
	for i := 0; ; i++ {
		j := strings.Index(s[i:], mark[:2])
		if j < 0 || len(s)-i-j < len(mark) {
			return len(s)
		}
		if i += j; strings.EqualFold(s[i:i+len(mark)], mark) {
			return i
		}
	}
}

// unescape resolves character references that end in a semicolon, and numeric
// ones without; others stay as they are written. Control characters and broken
// UTF-8 go.
func unescape(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "")
	}
	if strings.IndexByte(s, '&') < 0 {
		return printable(s)
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			b.WriteString(s)
			return printable(b.String())
		}
		b.WriteString(s[:i])
		s = s[i:]
		n := 1
		for n < len(s) && n < 34 && (letter(s[n]) || digit(s[n]) || s[n] == '#' && n == 1) {
			n++
		}
		switch {
		case n < len(s) && s[n] == ';':
			n++
			b.WriteString(html.UnescapeString(s[:n]))
		case n > 2 && s[1] == '#':
			b.WriteString(html.UnescapeString(s[:n] + ";"))
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
}

// printable is a text without the control characters that XML cannot hold.
func printable(s string) string {
	control := func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' }
	if strings.IndexFunc(s, control) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if control(r) {
			return -1
		}
		return r
	}, s)
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func digit(c byte) bool  { return '0' <= c && c <= '9' }
func space(c byte) bool  { return c == ' ' || '\t' <= c && c <= '\r' }
func nameByte(c byte) bool {
	return letter(c) || digit(c) || c == '-' || c == '_' || c == ':' || c == '.'
}

// isLocation reports whether a tag is a location token.
func isLocation(tag string) bool {
	rest, ok := strings.CutPrefix(tag, "loc")
	if !ok || len(rest) < 4 || len(rest) > 5 {
		return false
	}
	for i := range len(rest) {
		if !digit(rest[i]) {
			return false
		}
	}
	return true
}
