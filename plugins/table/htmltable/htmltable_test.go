package htmltable

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// show writes a grid as text: rows by lines, cells as ROWSPANxCOLSPAN text.
func show(t Table) string {
	var b strings.Builder
	for r, row := range t.Grid() {
		fmt.Fprintf(&b, "%s", string(t.Sections[r])[1:2])
		for k, i := range row {
			switch {
			case i < 0:
				b.WriteString("|-")
			case t.Cells[i].Row == r && t.Cells[i].Column == k:
				c := t.Cells[i]
				b.WriteString("|" + c.Markup)
				if c.RowSpan*c.ColumnSpan > 1 {
					fmt.Fprintf(&b, "(%dx%d)", c.RowSpan, c.ColumnSpan)
				}
				if c.Heading {
					b.WriteString("*")
				}
			default:
				b.WriteString("|^")
			}
		}
		b.WriteByte('\n')
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func TestReadPlacesCells(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, html, want string
		problems         Problems
	}{
		{"plain", "<table><thead><tr><th>A</th><th>B</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>", "h|A*|B*\nb|1|2", Problems{}},
		{"no sections", "<table><tr><td>1</td><td>2</td></tr></table>", "b|1|2", Problems{}},
		{"nothing closed", "<table><thead><tr><td>A<td>B<tbody><tr><td>1<td>2", "h|A|B\nb|1|2", Problems{}},
		{"rows without table", "<tr><td>1</td></tr><tr><td>2</td></tr>", "b|1\nb|2", Problems{}},
		{"cells without row", "<table><td>1<td>2</table>", "b|1|2", Problems{}},
		{"spans", `<table><tr><td rowspan="2">A</td><td colspan="2">B</td></tr><tr><td>1</td><td>2</td></tr></table>`, "b|A(2x1)|B(1x2)|^\nb|^|1|2", Problems{}},
		{"a row covered whole", `<table><tr><td rowspan="2">A</td></tr><tr></tr><tr><td>1</td></tr></table>`, "b|A(2x1)\nb|^\nb|1", Problems{}},
		{"overlap", `<table><tr><td>A</td><td rowspan="2">B</td></tr><tr><td colspan="2">1</td></tr></table>`, "b|A|B(2x1)\nb|1|^", Problems{Overlaps: 1}},
		{"rowspan past the end", `<table><tr><td rowspan="9">A</td><td>B</td></tr></table>`, "b|A|B", Problems{Overruns: 1}},
		{"rowspan past its section", `<table><thead><tr><th rowspan="2">A</th><th>B</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>`, "h|A*|B*\nb|1|2", Problems{Overruns: 1}},
		{"missing at the end", "<table><tr><td>A</td><td>B</td></tr><tr><td>1</td></tr></table>", "b|A|B\nb|1|-", Problems{Missing: 1}},
		{"missing before a span", `<table><tr><td>A</td><td>B</td><td rowspan="2">C</td></tr><tr><td>1</td></tr></table>`, "b|A|B|C(2x1)\nb|1|-|^", Problems{Missing: 1}},
		{"empty row", "<table><tr><td>A</td></tr><tr></tr><tr><td>1</td></tr></table>", "b|A\nb|1", Problems{EmptyRows: 1}},
		{"impossible spans", `<table><tr><td colspan="x">A</td><td rowspan="0">B</td><td colspan="-3">C</td><td colspan=" 2 ">D</td></tr></table>`, "b|A|B|C|D(1x2)|^", Problems{BadSpans: 3}},
		{"text between", "<table>x<tr>y<td>1</td>z</tr></table>", "b|1", Problems{Stray: 3}},
		{"caption is not a cell", "<table><caption>Table 1</caption><tr><td>1</td></tr></table>", "b|1", Problems{}},
		{"table in a cell", "<table><tr><td>a<table><tr><td>b</td><td>c</td></tr></table>d</td><td>e</td></tr></table>", "b|a b c d|e", Problems{}},
		{"marks", "<table><tr><td> <b> a </b>b<sup>2</sup> <i></i><em>c</em><strong> </strong>d<br>e&lt;&amp;<font>f</font></td></tr></table>", "b|<b>a</b> b<sup>2</sup> <i>c</i> d e&lt;&amp;f", Problems{}},
		{"footer", "<table><tbody><tr><td>1</td></tr></tbody><tfoot><tr><td>2</td></tr></tfoot></table>", "b|1\nf|2", Problems{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tables, err := Read(c.html)
			if err != nil || len(tables) != 1 {
				t.Fatalf("%d tables, %v", len(tables), err)
			}
			if got := show(tables[0]); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if tables[0].Problems != c.problems {
				t.Errorf("problems %+v, want %+v", tables[0].Problems, c.problems)
			}
		})
	}
}

func TestSpansStayWithinTheLimits(t *testing.T) {
	t.Parallel()
	tables, err := Read(`<table><tr><td colspan="99999999999999999999">A</td><td>B</td></tr><tr><td rowspan="4000000">C</td></tr></table>`)
	if err != nil || len(tables) != 1 {
		t.Fatal(err)
	}
	got := tables[0]
	if got.Rows != 2 || got.Columns != MaxColumns || len(got.Cells) != 2 || got.Problems.Dropped != 1 || got.Problems.Overruns != 2 {
		t.Errorf("%d x %d, %d cells, %+v", got.Rows, got.Columns, len(got.Cells), got.Problems)
	}
	long := "<table>" + strings.Repeat("<tr><td>x", MaxRows+10)
	if tables, err = Read(long); err != nil || tables[0].Rows != MaxRows || tables[0].Problems.Dropped != 10 {
		t.Errorf("%d rows, %+v, %v", tables[0].Rows, tables[0].Problems, err)
	}
	if _, err = Read(strings.Repeat("<b>x", MaxNodes/2+2)); err == nil {
		t.Error("more nodes than the limit were read")
	}
	if _, err = Read(strings.Repeat("x", MaxBytes+1)); err == nil {
		t.Error("more bytes than the limit were read")
	}
}

func TestReadAnswer(t *testing.T) {
	t.Parallel()
	const a, b = "<loc0100><loc0200><loc0300><loc0400>", "<loc0110><loc0210><loc0130><loc0290>"
	boxA := [4]float64{200. / 1024, 100. / 1024, 400. / 1024, 300. / 1024}
	boxB := [4]float64{210. / 1024, 110. / 1024, 290. / 1024, 130. / 1024}
	for _, c := range []struct {
		name, text string
		whole      bool
		want       string
		table      [4]float64
		cell       [4]float64 // of the first cell
		problems   Problems
		cut        bool
	}{
		{"whole", a + "<table><tbody><tr><td>" + b + "x</td><td></td></tr></tbody></table>", true, "b|x|", boxA, boxB, Problems{}, false},
		{"no places", "<table><tr><td>x</td></tr></table>", true, "b|x", [4]float64{}, [4]float64{}, Problems{}, false},
		{"published recipe", `<table><tr><td coords="<loc0210><loc0110><loc0290><loc0130>">x</td></tr></table>`, true, "b|x", [4]float64{}, boxB, Problems{}, false},
		{"three locations", "<loc0001><loc0002><loc0003><table><tr><td><loc0001><loc0002><loc0003>x</td></tr></table>", true, "b|x", [4]float64{}, [4]float64{}, Problems{BadBoxes: 2}, false},
		{"five locations", "<loc0001>" + a + "<table><tr><td>x</td></tr></table>", true, "b|x", [4]float64{}, [4]float64{}, Problems{BadBoxes: 1}, false},
		{"box inside out", "<loc0300><loc0200><loc0100><loc0400><table><tr><td>x</td></tr></table>", true, "b|x", [4]float64{}, [4]float64{}, Problems{BadBoxes: 1}, false},
		{"number beyond the grid", "<loc1024><loc0200><loc0100><loc0400><table><tr><td>x</td></tr></table>", true, "b|x", [4]float64{}, [4]float64{}, Problems{BadBoxes: 1}, false},
		{"box of an empty cell", "<table><tr><td>" + b + "</td><td>y</td></tr></table>", true, "b||y", [4]float64{}, [4]float64{}, Problems{}, false},
		{"locations between cells", "<table><tr>" + b + "<td>x</td></tr></table>", true, "b|x", [4]float64{}, [4]float64{}, Problems{BadBoxes: 4}, false},
		{"cut in a cell", a + "<table><tr><td>" + b + "x</td><td>" + b + "hal", false, "b|x", boxA, boxB, Problems{Dropped: 1}, true},
		{"cut in a tag", a + "<table><tr><td>" + b + "x</td><td rowsp", false, "b|x", boxA, boxB, Problems{}, true},
		{"cut after a cell", a + "<table><tr><td>" + b + "x</td>", false, "b|x", boxA, boxB, Problems{}, true},
		{"unclosed, but whole", a + "<table><tr><td>" + b + "x", true, "b|x", boxA, boxB, Problems{}, true},
		{"an unclosed cell before the cut", "<table><tr><td>x<td>hal", false, "b|x", [4]float64{}, [4]float64{}, Problems{Dropped: 1}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tables, err := ReadAnswer(c.text, 0, c.whole)
			if err != nil || len(tables) != 1 {
				t.Fatalf("%d tables, %v", len(tables), err)
			}
			got := tables[0]
			if s := show(got); s != c.want {
				t.Errorf("got\n%s\nwant\n%s", s, c.want)
			}
			if got.Box != c.table || got.Cells[0].Box != c.cell {
				t.Errorf("boxes %v, %v", got.Box, got.Cells[0].Box)
			}
			if got.Problems != c.problems || got.Cut != c.cut {
				t.Errorf("problems %+v, cut %v", got.Problems, got.Cut)
			}
		})
	}
	for _, none := range []string{"", " ", "no table here", a, a + "text"} {
		if tables, err := ReadAnswer(none, 0, true); err != nil || len(tables) != 0 {
			t.Errorf("%q: %d tables, %v", none, len(tables), err)
		}
	}
}

// check holds what Read promises of any table.
func check(t *testing.T, got Table) {
	t.Helper()
	covered, places := make([]bool, got.Rows*got.Columns), 0
	for i, c := range got.Cells {
		if c.RowSpan < 1 || c.ColumnSpan < 1 || c.Row < 0 || c.Column < 0 || c.Row+c.RowSpan > got.Rows || c.Column+c.ColumnSpan > got.Columns {
			t.Fatalf("cell %d lies outside %d x %d: %+v", i, got.Rows, got.Columns, c)
		}
		if !utf8.ValidString(c.Text) || strings.TrimSpace(c.Text) != c.Text {
			t.Fatalf("text %q", c.Text)
		}
		for r := range c.RowSpan {
			if got.Sections[c.Row+r] != got.Sections[c.Row] {
				t.Fatalf("cell %d spans sections", i)
			}
			for k := range c.ColumnSpan {
				at := (c.Row+r)*got.Columns + c.Column + k
				if covered[at] {
					t.Fatalf("two cells at row %d, column %d", c.Row+r, c.Column+k)
				}
				covered[at] = true
				places++
			}
		}
		if b := c.Box; b != [4]float64{} && !(0 <= b[0] && b[0] < b[2] && b[2] < 1 && 0 <= b[1] && b[1] < b[3] && b[3] < 1) {
			t.Fatalf("box %v", b)
		}
	}
	if len(got.Sections) != got.Rows || got.Problems.Missing != got.Rows*got.Columns-places {
		t.Fatalf("%d sections of %d rows, %d missing of %d - %d", len(got.Sections), got.Rows, got.Problems.Missing, got.Rows*got.Columns, places)
	}
}

func FuzzReadAnswer(f *testing.F) {
	for _, s := range []string{
		"<loc0100><loc0200><loc0300><loc0400><table><thead><tr><th rowspan=\"2\"><loc0110><loc0210><loc0130><loc0290>A</th><th colspan=\"2\">B</th></tr></thead><tbody><tr><td><b>1</b></td><td>x<sup>2</sup></td></tr></tbody></table>",
		"<table><tr><td colspan=3>a<td rowspan=9>b<tr><td colspan=9>c", "<td><tr><th></table>", "<table><tr><td coords=\"<loc0001><loc0001><loc0002><loc0002>\">&#65&amp;&bogus;",
		"<!--<table>--><table", "<script>a</script><table><td>\xff\x00", "<table><thead><tr><td rowspan=2>a</thead><tr><td>b</table>",
	} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, s string, whole bool) {
		tables, err := ReadAnswer(s, Bins, whole)
		if err != nil {
			return
		}
		for _, got := range tables {
			if got.Rows*got.Columns > 1<<16 {
				continue
			}
			check(t, got)
			if len(got.Cells) == 0 {
				continue
			}
			// What was read is read again from what is written, and written the same.
			answer := Answer([]Table{got}, Bins, 1)
			again, err := ReadAnswer(answer, Bins, true)
			if err != nil || len(again) != 1 {
				t.Fatalf("%d tables of %q, %v", len(again), answer, err)
			}
			if show(again[0]) != show(got) {
				t.Fatalf("wrote\n%s\nread\n%s", show(got), show(again[0]))
			}
			if p := again[0].Problems; p.Missing != got.Problems.Missing || p != (Problems{Missing: p.Missing}) {
				t.Fatalf("problems of our own HTML: %+v\n%s", p, answer)
			}
			for i, c := range got.Cells {
				if again[0].Cells[i].Box != c.Box {
					t.Fatalf("box %v became %v", c.Box, again[0].Cells[i].Box)
				}
			}
		}
	})
}
