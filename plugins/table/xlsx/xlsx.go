// Package xlsx writes spreadsheets of text in the format of Office Open XML
// (ECMA-376), as much of it as tables need: sheets, texts, merged cells, bold
// headings. Numbers stay the texts that were read, so that nothing is rounded,
// reformatted or taken for a date or a formula. The same sheets give the same
// bytes.
package xlsx

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"
)

// MediaType is the media type of a workbook.
const MediaType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

// The format's own limits.
const (
	MaxRows    = 1 << 20
	MaxColumns = 1 << 14
	MaxText    = 32767 // UTF-16 units of a cell
	maxName    = 31    // characters of a sheet's name
)

// Cell is a text in a sheet.
type Cell struct {
	Row, Column         int // of its first place, from 0
	RowSpan, ColumnSpan int // places it covers; below 2 means one
	Text                string
	Bold                bool
}

// Sheet is one table. Cells stand in order, by row, then column; no two cover
// the same place.
type Sheet struct {
	Name  string
	Cells []Cell
}

// part is one file of the archive.
type part struct{ name, content string }

const (
	declaration = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	main        = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
	relations   = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	packaged    = "http://schemas.openxmlformats.org/package/2006/"
	contentType = "application/vnd.openxmlformats-officedocument.spreadsheetml."
)

// Write returns a workbook. A workbook has at least one sheet: of none, an
// empty one is made. What passes the format's limits is refused, but for texts,
// which are cut, and names, which are shortened and made distinct.
func Write(sheets []Sheet) ([]byte, error) {
	if len(sheets) == 0 {
		sheets = []Sheet{{Name: "Tables"}}
	}
	var types, entries, links strings.Builder
	parts := []part{{}, {"_rels/.rels", declaration + `<Relationships xmlns="` + packaged + `relationships"><Relationship Id="rId1" Type="` + relations + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`}}
	var pages []part
	taken := map[string]bool{}
	for i, s := range sheets {
		content, err := s.xml()
		if err != nil {
			return nil, err
		}
		file := fmt.Sprintf("worksheets/sheet%d.xml", i+1)
		pages = append(pages, part{"xl/" + file, content})
		fmt.Fprintf(&types, `<Override PartName="/xl/%s" ContentType="%sworksheet+xml"/>`, file, contentType)
		fmt.Fprintf(&entries, `<sheet name="%s" sheetId="%d" r:id="rId%d"/>`, escape(distinct(s.Name, taken)), i+1, i+1)
		fmt.Fprintf(&links, `<Relationship Id="rId%d" Type="%s/worksheet" Target="%s"/>`, i+1, relations, file)
	}
	fmt.Fprintf(&links, `<Relationship Id="rId%d" Type="%s/styles" Target="styles.xml"/>`, len(sheets)+1, relations)
	parts[0] = part{"[Content_Types].xml", declaration + `<Types xmlns="` + packaged + `content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="` + contentType + `sheet.main+xml"/>` +
		`<Override PartName="/xl/styles.xml" ContentType="` + contentType + `styles+xml"/>` + types.String() + `</Types>`}
	parts = append(parts,
		part{"xl/workbook.xml", declaration + `<workbook xmlns="` + main + `" xmlns:r="` + relations + `"><sheets>` + entries.String() + `</sheets></workbook>`},
		part{"xl/_rels/workbook.xml.rels", declaration + `<Relationships xmlns="` + packaged + `relationships">` + links.String() + `</Relationships>`},
		part{"xl/styles.xml", styles})
	return archive(append(parts, pages...))
}

// styles has two formats of cells: text that wraps, and the same in bold.
const styles = declaration + `<styleSheet xmlns="` + main + `"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts>` +
	`<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>` +
	`<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>` +
	`<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>` +
	`<cellXfs count="2"><xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/><xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/></cellXfs>` +
	`<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`

// archive packs the parts. Without times of change equal parts are equal
// bytes.
func archive(parts []part) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, p := range parts {
		w, err := z.CreateHeader(&zip.FileHeader{Name: p.name, Method: zip.Deflate})
		if err == nil {
			_, err = w.Write([]byte(p.content))
		}
		if err != nil {
			return nil, fmt.Errorf("xlsx: %s: %w", p.name, err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("xlsx: %w", err)
	}
	return out.Bytes(), nil
}

func (s Sheet) xml() (string, error) {
	var rows, merged strings.Builder
	spans, row := 0, -1
	for _, c := range s.Cells {
		height, width := max(1, c.RowSpan), max(1, c.ColumnSpan)
		if c.Row < 0 || c.Column < 0 || c.Row+height > MaxRows || c.Column+width > MaxColumns {
			return "", fmt.Errorf("xlsx: sheet %q: a cell of %d x %d at row %d, column %d: the format ends at row %d, column %d", s.Name, height, width, c.Row, c.Column, MaxRows, MaxColumns)
		}
		if c.Row != row {
			if row >= 0 {
				rows.WriteString("</row>")
			}
			row = c.Row
			fmt.Fprintf(&rows, `<row r="%d">`, row+1)
		}
		style := 0
		if c.Bold {
			style = 1
		}
		if c.Text == "" {
			fmt.Fprintf(&rows, `<c r="%s" s="%d"/>`, Reference(c.Row, c.Column), style)
		} else {
			fmt.Fprintf(&rows, `<c r="%s" s="%d" t="inlineStr"><is><t xml:space="preserve">%s</t></is></c>`, Reference(c.Row, c.Column), style, escape(escapeCodes(cut(c.Text))))
		}
		if height*width > 1 {
			spans++
			fmt.Fprintf(&merged, `<mergeCell ref="%s:%s"/>`, Reference(c.Row, c.Column), Reference(c.Row+height-1, c.Column+width-1))
		}
	}
	if row >= 0 {
		rows.WriteString("</row>")
	}
	out := declaration + `<worksheet xmlns="` + main + `"><sheetData>` + rows.String() + `</sheetData>`
	if spans > 0 {
		out += fmt.Sprintf(`<mergeCells count="%d">%s</mergeCells>`, spans, merged.String())
	}
	return out + `</worksheet>`, nil
}

// Reference is the name of a place, such as AB12.
func Reference(row, column int) string {
	letters := ""
	for n := column + 1; n > 0; n = (n - 1) / 26 {
		letters = string(rune('A'+(n-1)%26)) + letters
	}
	return fmt.Sprintf("%s%d", letters, row+1)
}

// cut ends a text at the format's limit, between characters.
func cut(s string) string {
	if len(s) <= MaxText {
		return s
	}
	units := 0
	for i, r := range s {
		if units += utf16.RuneLen(r); units > MaxText {
			return s[:i]
		}
	}
	return s
}

// distinct makes a name that the format allows and that no other sheet has.
func distinct(name string, taken map[string]bool) string {
	name = strings.Trim(strings.Map(func(r rune) rune {
		if strings.ContainsRune(`[]:*?/\`, r) || r < ' ' {
			return ' '
		}
		return r
	}, name), " '")
	short := func(s string, n int) string {
		runes := []rune(s)
		return string(runes[:min(n, len(runes))])
	}
	if name == "" {
		name = "Table"
	}
	candidate := short(name, maxName)
	for i := 2; taken[strings.ToLower(candidate)]; i++ {
		suffix := fmt.Sprintf(" (%d)", i)
		candidate = short(name, maxName-len(suffix)) + suffix
	}
	taken[strings.ToLower(candidate)] = true
	return candidate
}

// escapeCodes keeps a text such as _x0041_ from being read as the character
// it would stand for.
func escapeCodes(s string) string {
	for i := strings.Index(s, "_x"); i >= 0; {
		if len(s) > i+6 && s[i+6] == '_' && strings.Trim(s[i+2:i+6], "0123456789abcdefABCDEF") == "" {
			s = s[:i] + "_x005F" + s[i:]
			i += len("_x005F")
		}
		next := strings.Index(s[i+2:], "_x")
		if next < 0 {
			break
		}
		i += 2 + next
	}
	return s
}

// escape writes a text as XML, without the characters that XML cannot hold.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"':
			b.WriteString("&quot;")
		case r < ' ' && r != '\t' && r != '\n', r == 0xFFFE, r == 0xFFFF:
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
