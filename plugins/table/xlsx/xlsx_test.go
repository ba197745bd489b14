package xlsx

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

// open reads the parts of a workbook and checks that each is XML.
func open(t *testing.T, raw []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		parts[f.Name] = string(content)
		for d := xml.NewDecoder(bytes.NewReader(content)); ; {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
		}
	}
	return parts
}

func TestWrite(t *testing.T) {
	t.Parallel()
	sheets := []Sheet{
		{Name: "Page 1, table 1", Cells: []Cell{
			{Row: 0, Column: 0, RowSpan: 2, Text: "A & <B>", Bold: true}, {Row: 0, Column: 1, ColumnSpan: 2, Text: "x\x00\x01y"},
			{Row: 1, Column: 1, Text: ""}, {Row: 1, Column: 27, Text: "=1+1 _x0041_"}}},
		{Name: "a/b:c", Cells: nil},
	}
	raw, err := Write(sheets)
	if err != nil {
		t.Fatal(err)
	}
	parts := open(t, raw)
	for name, wants := range map[string][]string{
		"[Content_Types].xml": {`/xl/worksheets/sheet1.xml`, `/xl/worksheets/sheet2.xml`},
		"xl/workbook.xml":     {`<sheet name="Page 1, table 1" sheetId="1" r:id="rId1"/>`, `<sheet name="a b c" sheetId="2" r:id="rId2"/>`},
		"xl/worksheets/sheet1.xml": {`<c r="A1" s="1" t="inlineStr"><is><t xml:space="preserve">A &amp; &lt;B&gt;</t></is></c>`, `>xy</t>`, `<c r="B2" s="0"/>`,
			`<c r="AB2" s="0" t="inlineStr"><is><t xml:space="preserve">=1+1 _x005F_x0041_</t>`, `<mergeCells count="2"><mergeCell ref="A1:A2"/><mergeCell ref="B1:C1"/></mergeCells>`},
		"xl/worksheets/sheet2.xml":   {`<sheetData></sheetData>`},
		"xl/styles.xml":              {`<cellXfs count="2">`},
		"xl/_rels/workbook.xml.rels": {`Target="styles.xml"`},
		"_rels/.rels":                {`Target="xl/workbook.xml"`},
	} {
		for _, want := range wants {
			if !strings.Contains(parts[name], want) {
				t.Errorf("%s lacks %s:\n%s", name, want, parts[name])
			}
		}
	}
	again, err := Write(sheets)
	if err != nil || !bytes.Equal(raw, again) {
		t.Error("the same sheets give other bytes")
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []Cell{{Row: MaxRows}, {Column: MaxColumns}, {Row: MaxRows - 1, RowSpan: 2}, {Column: MaxColumns - 1, ColumnSpan: 2}, {Row: -1}} {
		if _, err := Write([]Sheet{{Cells: []Cell{c}}}); err == nil {
			t.Errorf("%+v was written", c)
		}
	}
	raw, err := Write([]Sheet{{Cells: []Cell{{Row: MaxRows - 1, Column: MaxColumns - 1, Text: strings.Repeat("😀", MaxText)}}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(open(t, raw)["xl/worksheets/sheet1.xml"], "😀"); got != MaxText/2 {
		t.Errorf("%d characters of two units each are kept, the limit is %d units", got, MaxText)
	}
	if raw, err = Write(nil); err != nil || open(t, raw)["xl/worksheets/sheet1.xml"] == "" {
		t.Error("a workbook without sheets cannot be opened")
	}
	taken := map[string]bool{}
	for _, want := range []string{"Table", "Table (2)", "table (3)"} {
		name := want[:5]
		if got := distinct(name, taken); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := distinct(strings.Repeat("ä", 40), taken); got != strings.Repeat("ä", maxName) {
		t.Errorf("%q", got)
	}
}

func TestReference(t *testing.T) {
	t.Parallel()
	for want, at := range map[string][2]int{"A1": {0, 0}, "Z9": {8, 25}, "AA10": {9, 26}, "AZ1": {0, 51}, "BA1": {0, 52}, "ZZ1": {0, 701}, "AAA1": {0, 702}, "XFD1048576": {MaxRows - 1, MaxColumns - 1}} {
		if got := Reference(at[0], at[1]); got != want {
			t.Errorf("%v is %s, want %s", at, got, want)
		}
	}
}
