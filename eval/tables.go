package eval

import (
	"strings"

	"palimpsest.dev/plugins/table/htmltable"
)

// TableScores are the figures of one table, 0 to 1.
type TableScores struct {
	TEDS, Structure         float64 // TEDS, and TEDS of the structure alone
	Top, Con                float64 // GriTS of shapes and of texts
	Read, Expected          int     // cells
	SectionsLeft, HeadsLeft bool    // what the truth does not mark and was left out of both
}

// ScoreTable compares a table that was read with the true one, both HTML, with
// or without a document around it. Data sets differ in what they mark, and a
// reading should not be punished for saying more than its truth can: where the
// truth has no <thead>, sections are left out on both sides; where it has no
// <th>, a <th> that was read counts as <td>. All else is as the metrics have
// it. Text without a table scores 0.
func ScoreTable(read, truth string) (TableScores, error) {
	var s TableScores
	trees := [2]*htmltable.Tree{}
	for i, text := range []string{read, truth} {
		tree, err := htmltable.Parse(text)
		if err != nil {
			return s, err
		}
		trees[i] = tree
	}
	has := func(tag string) (found bool) {
		trees[1].Root.Walk(func(n *htmltable.Node) bool {
			found = found || n.Tag == tag
			return !found
		})
		return found
	}
	s.SectionsLeft, s.HeadsLeft = !has("thead"), !has("th")
	var pages [2]string
	var cells [2][]GridCell
	for i, tree := range trees {
		html := Document(s.rewrite(firstTable(&tree.Root)))
		pages[i] = html
		var err error
		if cells[i], err = GridCells(html); err != nil {
			return s, err
		}
	}
	s.Read, s.Expected = len(cells[0]), len(cells[1])
	var err error
	if s.TEDS, err = TEDS(pages[0], pages[1], TEDSOptions{}); err != nil {
		return s, err
	}
	if s.Structure, err = TEDS(pages[0], pages[1], TEDSOptions{StructureOnly: true}); err != nil {
		return s, err
	}
	top, err := GriTSTop(cells[0], cells[1])
	if err != nil {
		return s, err
	}
	con, err := GriTSCon(cells[0], cells[1])
	s.Top, s.Con = top.F, con.F
	return s, err
}

// firstTable is the first table in document order, nil when there is none.
func firstTable(n *htmltable.Node) (table *htmltable.Node) {
	n.Walk(func(c *htmltable.Node) bool {
		if table == nil && c.Tag == "table" {
			table = c
		}
		return table == nil
	})
	return table
}

// rewrite writes an element again without what the truth does not mark.
func (s TableScores) rewrite(n *htmltable.Node) string {
	var b strings.Builder
	var write func(n *htmltable.Node)
	write = func(n *htmltable.Node) {
		tag := n.Tag
		switch {
		case tag == "":
			b.WriteString(htmltable.Escape(n.Text))
			return
		case s.HeadsLeft && tag == "th":
			tag = "td"
		case s.SectionsLeft && (tag == "thead" || tag == "tbody" || tag == "tfoot"):
			tag = ""
		}
		if tag != "" {
			b.WriteString("<" + tag)
			for _, name := range []string{"rowspan", "colspan"} {
				if v, ok := n.Attr[name]; ok {
					b.WriteString(" " + name + `="` + strings.ReplaceAll(htmltable.Escape(v), `"`, "&quot;") + `"`)
				}
			}
			b.WriteByte('>')
		}
		for _, c := range n.Children {
			write(c)
		}
		if tag != "" { // after a void element it is ignored
			b.WriteString("</" + tag + ">")
		}
	}
	if n != nil {
		write(n)
	}
	return b.String()
}
