package htmltable

import "strings"

// marks are the inline elements that are kept, by the names they may have.
var marks = map[string]string{"b": "b", "strong": "b", "i": "i", "em": "i", "u": "u", "underline": "u",
	"s": "s", "strike": "s", "del": "s", "sup": "sup", "sub": "sub"}

// breaks are the elements that part words.
var breaks = map[string]bool{"br": true, "p": true, "div": true, "li": true, "tr": true, "td": true, "th": true, "table": true,
	"thead": true, "tbody": true, "tfoot": true, "caption": true, "ul": true, "ol": true, "dl": true, "dt": true, "dd": true, "pre": true}

// ignored elements hold no text to read.
var ignored = map[string]bool{"script": true, "style": true, "title": true}

// marker writes a cell's text twice, plain and with its marks. White space
// moves out of marks and collapses; a mark around nothing is not written.
type marker struct {
	plain, marked strings.Builder
	pending       []string // marks to open before the next character
	open          []string // marks that are open in marked
	space         bool     // white space is due before the next character
	locations     int
}

func (m *marker) nodes(nodes []*Node) {
	for _, n := range nodes {
		mark := marks[n.Tag]
		switch {
		case n.Tag == "":
			m.text(n.Text)
		case isLocation(n.Tag):
			m.locations++
		case ignored[n.Tag]:
		case mark != "":
			m.pending = append(m.pending, mark)
			m.nodes(n.Children)
			m.close()
		default:
			m.space = m.space || breaks[n.Tag]
			m.nodes(n.Children)
			m.space = m.space || breaks[n.Tag]
		}
	}
}

func (m *marker) text(s string) {
	for _, r := range collapse(s) {
		if r == ' ' {
			m.space = true
			continue
		}
		if m.space && m.plain.Len() > 0 {
			m.plain.WriteByte(' ')
			m.marked.WriteByte(' ')
		}
		m.space = false
		for _, mark := range m.pending {
			m.marked.WriteString("<" + mark + ">")
		}
		m.open, m.pending = append(m.open, m.pending...), nil
		m.plain.WriteRune(r)
		m.marked.WriteString(escaped(r))
	}
}

// close ends the innermost mark.
func (m *marker) close() {
	if n := len(m.pending); n > 0 {
		m.pending = m.pending[:n-1]
		return
	}
	n := len(m.open) - 1
	m.marked.WriteString("</" + m.open[n] + ">")
	m.open = m.open[:n]
}

func (m *marker) done() (plain, marked string) { return m.plain.String(), m.marked.String() }

func escaped(r rune) string {
	switch r {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	}
	return string(r)
}

// Escape writes a text as HTML.
func Escape(s string) string {
	if !strings.ContainsAny(s, "&<>") {
		return s
	}
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
