package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"palimpsest.dev/plugins/table/htmltable"
	"palimpsest.dev/plugins/table/xlsx"
	"palimpsest.dev/task"
)

const software = "palimpsest-task-table"

// Bounds on the files of single tables that a page or a part of a document
// brings; the files of all tables hold the others too.
const (
	maxFiles  = 40
	maxPlaces = 100_000 // rows times columns of one
)

// write makes records and files of a page's tables.
func write(page task.Page, tables []sheet, notes []string) (task.Reading, error) {
	r := task.Reading{Notes: notes}
	for _, t := range tables {
		var problems any
		if t.Problems.Any() {
			problems = t.Problems.String()
		}
		r.Records = append(r.Records, task.Record{Relation: "table", Box: t.box, Confidence: t.confidence, Source: task.SourceModel, Values: map[string]any{
			"seq": int64(t.seq), "rows": int64(t.Rows), "cols": int64(t.Columns), "head_rows": int64(t.HeadRows()), "html": t.HTML(), "problems": problems}})
		for i, c := range t.Cells {
			m := t.marks[i]
			r.Records = append(r.Records, task.Record{Relation: "cell", Box: m.box, Confidence: m.confidence, Source: task.SourceModel, Values: map[string]any{
				"table_seq": int64(t.seq), "row": int64(c.Row), "col": int64(c.Column), "rowspan": int64(c.RowSpan), "colspan": int64(c.ColumnSpan),
				"section": string(t.Sections[c.Row]), "header": t.Header(c), "text": c.Text, "html": c.Markup, "placed": m.placed}})
		}
	}
	var err error
	if len(tables) > 0 {
		doc := task.Document{Name: page.Document}
		r.Artifacts, err = files(doc, tables, "")
		r.Artifacts = append(r.Artifacts, single(tables, func(t sheet) string { return fmt.Sprintf("table-%d.csv", t.seq+1) })...)
	}
	return r, err
}

// single is a file of comma separated values for each table, as many as the
// bounds allow.
func single(tables []sheet, name func(sheet) string) (out []task.Artifact) {
	named := map[string]bool{}
	for _, t := range tables {
		if n := name(t); len(out) < maxFiles && t.Rows*t.Columns <= maxPlaces && !named[n] {
			named[n] = true
			out = append(out, task.Artifact{Name: n, MediaType: htmltable.CSVMediaType, Content: t.CSV()})
		}
	}
	return out
}

// files are the files of all tables: HTML, JSON, and a workbook whose name
// ends in the suffix, because workbooks cannot be written one after the other.
func files(doc task.Document, tables []sheet, suffix string) ([]task.Artifact, error) {
	tree, err := jsonOf(doc, tables)
	if err != nil {
		return nil, err
	}
	book, err := workbook(tables)
	if err != nil {
		return nil, err
	}
	return []task.Artifact{
		{Name: "tables.html", MediaType: "text/html; charset=utf-8", Content: htmlOf(doc, tables)},
		{Name: "tables.json", MediaType: "application/json", Content: tree},
		{Name: "tables" + suffix + ".xlsx", MediaType: xlsx.MediaType, Content: book},
	}, nil
}

// title says where a table stands.
func (t *sheet) title() string {
	if last := len(t.pieces) - 1; last > 0 {
		return fmt.Sprintf("Pages %d to %d, table %d", t.page, t.pieces[last].Page, t.seq+1)
	}
	return fmt.Sprintf("Page %d, table %d", t.page, t.seq+1)
}

// htmlOf is a part of the document's tables as a page of HTML: what opens it
// with the first part, what closes it with the last.
func htmlOf(doc task.Document, tables []sheet) []byte {
	var b bytes.Buffer
	if doc.First() {
		b.WriteString("<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"generator\" content=\"" + software + " " + version + "\">\n<title>" +
			htmltable.Escape(plain(doc.Name)) + "</title>\n<style>table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid;padding:.2em .5em;text-align:left}</style>\n</head>\n<body>\n")
	}
	for i := range tables {
		t := tables[i].Table // a copy: the places are not the page's
		b.WriteString("<h2>" + tables[i].title() + "</h2>\n" + t.Lines() + "\n")
	}
	if doc.Last() {
		b.WriteString("</body>\n</html>\n")
	}
	return b.Bytes()
}

// plain is a name without what HTML cannot hold.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

// The JSON's name and version; a change that readers must know of raises it.
const (
	schema        = "palimpsest.table.document"
	schemaVersion = 1
)

type jsonTable struct {
	Page       int        `json:"page"`
	Table      int        `json:"table"`
	Box        [4]float64 `json:"box"`
	Pieces     []piece    `json:"pieces"`
	Rows       int        `json:"rows"`
	Columns    int        `json:"columns"`
	HeadRows   int        `json:"head_rows"`
	Confidence float64    `json:"confidence"`
	Problems   string     `json:"problems,omitempty"`
	Cells      []jsonCell `json:"cells"`
}

type jsonCell struct {
	Row        int         `json:"row"`
	Column     int         `json:"column"`
	RowSpan    int         `json:"rowspan"`
	ColumnSpan int         `json:"colspan"`
	Section    string      `json:"section"`
	Header     bool        `json:"header"`
	Text       string      `json:"text"`
	HTML       string      `json:"html"`
	Page       int         `json:"page"`
	Box        *[4]float64 `json:"box"`
	Confidence float64     `json:"confidence"`
}

// jsonOf is a part of the document's JSON, each table on a line of its own.
func jsonOf(doc task.Document, tables []sheet) ([]byte, error) {
	var b bytes.Buffer
	encode := func(v any) error {
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			return err
		}
		b.Truncate(b.Len() - 1)
		return nil
	}
	if doc.First() {
		fmt.Fprintf(&b, "{\"schema\":%q,\"version\":%d,\n\"document\":", schema, schemaVersion)
		if err := encode(map[string]string{"id": doc.ID, "name": plain(doc.Name)}); err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, ",\n\"software\":{\"name\":%q,\"version\":%q},\n\"coordinates\":%s,\n\"tables\":[", software, version, coordinates)
	}
	for i, t := range tables {
		if i > 0 || !doc.First() {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
		if err := encode(t.json()); err != nil {
			return nil, fmt.Errorf("%s as JSON: %w", t.title(), err)
		}
	}
	if doc.Last() {
		b.WriteString("\n]}\n")
	}
	return b.Bytes(), nil
}

// coordinates says what the boxes mean, in the file itself.
const coordinates = `{"unit":"pixel","space":"upright page raster","origin":"top left","x":"right","y":"down","box":["x0","y0","x1","y1"],"half_open":true}`

func (t sheet) json() jsonTable {
	out := jsonTable{Page: t.page, Table: t.seq, Box: corners(t.box), Pieces: t.pieces, Rows: t.Rows, Columns: t.Columns, HeadRows: t.HeadRows(),
		Confidence: rounded(t.confidence, 1e4), Problems: t.Problems.String(), Cells: []jsonCell{}}
	if out.Pieces == nil {
		out.Pieces = []piece{t.piece()}
	}
	for i, c := range t.Cells {
		m := t.marks[i]
		cell := jsonCell{Row: c.Row, Column: c.Column, RowSpan: c.RowSpan, ColumnSpan: c.ColumnSpan, Section: string(t.Sections[c.Row]),
			Header: t.Header(c), Text: c.Text, HTML: c.Markup, Page: m.page, Confidence: rounded(m.confidence, 1e4)}
		if m.placed {
			box := corners(m.box)
			cell.Box = &box
		}
		out.Cells = append(out.Cells, cell)
	}
	return out
}

func (t sheet) piece() piece { return piece{Page: t.page, Table: t.seq, Box: corners(t.box)} }

func corners(b task.Box) [4]float64 {
	return [4]float64{rounded(b.X0, 100), rounded(b.Y0, 100), rounded(b.X1, 100), rounded(b.Y1, 100)}
}

func rounded(v, parts float64) float64 { return math.Round(v*parts) / parts }

// workbook has a sheet for each table, named after where it stands.
func workbook(tables []sheet) ([]byte, error) {
	var out []xlsx.Sheet
	for _, t := range tables {
		s := xlsx.Sheet{Name: t.title()}
		for _, c := range t.Cells {
			s.Cells = append(s.Cells, xlsx.Cell{Row: c.Row, Column: c.Column, RowSpan: c.RowSpan, ColumnSpan: c.ColumnSpan, Text: c.Text, Bold: t.Header(c)})
		}
		out = append(out, s)
	}
	return xlsx.Write(out)
}

// cellColumns are the columns of the file of all cells.
const cellColumns = "page,table,row,column,rowspan,colspan,header,text,cell_page,x0,y0,x1,y1,confidence"

// cellRows is a part of the file of all cells; page, table, row and column
// are those of the joined table, cell_page and the box say where the cell itself
// stands; the box is empty where the model gave none.
func cellRows(tables []sheet, first bool) []byte {
	var b bytes.Buffer
	if first {
		b.WriteString(cellColumns + "\r\n")
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	for _, t := range tables {
		for i, c := range t.Cells {
			m := t.marks[i]
			fmt.Fprintf(&b, "%d,%d,%d,%d,%d,%d,%t,%s,%d", t.page, t.seq, c.Row, c.Column, c.RowSpan, c.ColumnSpan, t.Header(c), htmltable.Quoted(c.Text), m.page)
			for _, v := range corners(m.box) {
				b.WriteByte(',')
				if m.placed {
					b.WriteString(number(v))
				}
			}
			b.WriteString("," + number(rounded(m.confidence, 1e4)) + "\r\n")
		}
	}
	return b.Bytes()
}
